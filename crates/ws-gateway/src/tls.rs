//! TLS on the browsers' port: who gets it, told by the first byte a connection
//! sends, and the stream that HTTP is spoken on. What becomes of a WebSocket's
//! is `secure`'s.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::secure::SecureSocket;
use crate::socket::Socket;

/// The first byte of a TLS handshake (RFC 8446, section 5.1). No HTTP method
/// begins with it.
const HANDSHAKE: u8 = 22;

/// What browsers are offered.
#[derive(Debug, Clone)]
pub struct BrowserTls {
    /// The certificate in use; connections that begin after a change get the new one.
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// Whether a request without TLS is answered 400.
    pub required: bool,
}

/// Whether a connection that begins with these bytes speaks TLS.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.first() == Some(&HANDSHAKE)
}

/// A connection HTTP is spoken on.
pub(crate) enum Front {
    /// As it came, after what was read of it before.
    Plain(TcpStream, Bytes),
    /// With TLS on it.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Front {
    /// Makes the handshake if the browser begins one; `early` was read before, and
    /// is none of it. The caller bounds the wait.
    ///
    /// # Errors
    /// The connection's, and what TLS finds wrong.
    pub(crate) async fn of(
        stream: TcpStream,
        early: Bytes,
        tls: Option<&BrowserTls>,
    ) -> io::Result<Self> {
        let Some(tls) = tls.filter(|_| early.is_empty()) else {
            return Ok(Self::Plain(stream, early));
        };
        let mut first = [0];
        if stream.peek(&mut first).await? == 0 || !begins(&first) {
            return Ok(Self::Plain(stream, early));
        }
        let config = Arc::clone(&tls.config.borrow());
        let secure = TlsAcceptor::from(config).accept(stream).await?;
        Ok(Self::Secure(Box::new(secure)))
    }

    /// The socket below, once nothing is spoken on it any more but WebSocket. What
    /// the browser has said already is added to `early`.
    ///
    /// # Errors
    /// The socket's, and the session's.
    pub(crate) fn into_socket(self, early: &mut Vec<u8>) -> io::Result<Socket> {
        match self {
            Self::Plain(stream, unread) => {
                early.extend(unread);
                Ok(Socket::Plain(stream.into_std()?))
            }
            Self::Secure(secure) => {
                let (stream, session) = secure.into_inner();
                let (socket, unread) = SecureSocket::new(stream.into_std()?, session)?;
                early.extend(unread);
                Ok(Socket::Secure(Box::new(socket)))
            }
        }
    }

    /// Whether nobody on the way can read what is said.
    pub(crate) fn is_secure(&self) -> bool {
        matches!(self, Self::Secure(_))
    }
}

impl AsyncRead for Front {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_, early) if !early.is_empty() => {
                let count = early.len().min(buffer.remaining());
                buffer.put_slice(&early.split_to(count));
                Poll::Ready(Ok(()))
            }
            Self::Plain(stream, _) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Front {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream, _) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream, _) => Pin::new(stream).poll_write_vectored(context, pieces),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(context, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream, _) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream, _) => Pin::new(stream).poll_shutdown(context),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
