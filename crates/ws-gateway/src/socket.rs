//! The socket of one connection, as its shard uses it: never blocking, read into
//! the shard's buffer, written straight from shared frames. What is between the
//! bytes and the network is known here and nowhere else.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
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
        match self {
            Self::Plain(stream) => watch(registry, stream, token),
            Self::Secure(socket) => watch(registry, socket.stream(), token),
            Self::Local(stream) => watch(registry, stream, token),
        }
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

    /// Ends it for good, with what TLS has to say at the end.
    pub(crate) fn close(mut self) {
        // The others are closed by being dropped: nobody else has them.
        if let Self::Secure(socket) = &mut self {
            let _ = socket.shutdown(Shutdown::Both);
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

/// Has `registry` tell under `token` whenever a socket becomes readable or writable.
pub(crate) fn watch(registry: &Registry, socket: &impl AsRawFd, token: Token) -> io::Result<()> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    registry.register(&mut SourceFd(&socket.as_raw_fd()), token, interest)
}

/// Has `registry` forget a socket that somebody else goes on with.
pub(crate) fn unwatch(registry: &Registry, socket: &impl AsRawFd) -> io::Result<()> {
    registry.deregister(&mut SourceFd(&socket.as_raw_fd()))
}

/// A signal is no reason to stop.
pub(crate) fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
