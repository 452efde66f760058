//! The socket of one connection, as its shard uses it: never blocking, read into
//! the shard's buffer, written straight from shared frames. What is between the
//! bytes and the network is known here and nowhere else.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::secure::SecureSocket;

/// An open socket that never blocks.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP, with nothing in between.
    Plain(TcpStream),
    /// With TLS in between.
    Secure(Box<SecureSocket>),
    /// A connection over plain HTTP, whose other end is in this process.
    Local(UnixStream),
}

impl Socket {
    /// Has `registry` tell under `token` whenever the socket becomes readable or
    /// writable: once each time, so that nothing has to be registered again.
    pub(crate) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let descriptor = match self {
            Self::Plain(stream) => stream.as_raw_fd(),
            Self::Secure(socket) => socket.stream().as_raw_fd(),
            Self::Local(stream) => stream.as_raw_fd(),
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&descriptor), token, interest)
    }

    /// Reads what there is; 0 at the end of the stream.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => again(|| stream.read(buffer)),
            Self::Secure(socket) => again(|| socket.read(buffer)),
            Self::Local(stream) => again(|| stream.read(buffer)),
        }
    }

    /// Whether there may be more to read after `count` bytes into a buffer of
    /// `size`.
    pub(crate) fn may_have_more(&self, count: usize, size: usize) -> bool {
        // TCP gives all it has; of TLS one record may be all that one reading gives,
        // and of a local socket one writing.
        count == size || !matches!(self, Self::Plain(_))
    }

    /// Writes as much as the socket takes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => again(|| stream.write(bytes)),
            Self::Secure(_) => self.write_vectored(&mut [IoSlice::new(bytes)]),
            Self::Local(stream) => again(|| stream.write(bytes)),
        }
    }

    /// Writes as much as the socket takes of several pieces, in order.
    pub(crate) fn write_vectored(&mut self, pieces: &mut [IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => again(|| stream.write_vectored(pieces)),
            Self::Secure(socket) => again(|| socket.write_vectored(pieces)),
            Self::Local(stream) => again(|| stream.write_vectored(pieces)),
        }
    }

    /// Ends one or both directions.
    pub(crate) fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown(how),
            Self::Secure(socket) => socket.shutdown(how),
            Self::Local(stream) => stream.shutdown(how),
        }
    }
}

/// A signal is no reason to stop.
fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
