//! The socket of one connection, as its shard uses it: never blocking, read into
//! the shard's buffer, written straight from shared frames. What is between the
//! bytes and the network is known here and nowhere else.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

/// An open socket that never blocks.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP, with nothing in between.
    Plain(TcpStream),
}

impl Socket {
    /// Has `registry` tell under `token` whenever the socket becomes readable or
    /// writable: once each time, so that nothing has to be registered again.
    pub(crate) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let Self::Plain(stream) = self;
        let descriptor = stream.as_raw_fd();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&descriptor), token, interest)
    }

    /// Reads what there is; 0 at the end of the stream.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self::Plain(stream) = self;
        again(|| stream.read(buffer))
    }

    /// Writes as much as the socket takes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self::Plain(stream) = self;
        again(|| stream.write(bytes))
    }

    /// Writes as much as the socket takes of several pieces, in order.
    pub(crate) fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let Self::Plain(stream) = self;
        again(|| stream.write_vectored(pieces))
    }

    /// Ends one or both directions.
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let Self::Plain(stream) = self;
        stream.shutdown(how)
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
