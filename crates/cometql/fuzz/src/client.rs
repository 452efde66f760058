//! The client's end of a connection: it says what the input holds, in pieces
//! of the input's choosing, and keeps what it hears.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client that talks without listening.
pub struct Client {
    says: Vec<u8>,
    said: usize,
    /// The most bytes of one read and of one write.
    piece: usize,
    heard: Heard,
}

/// Everything a client was sent.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Takes what was heard so far.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().expect("nobody panicked"))
    }
}

impl Client {
    /// A client that says `says`, at most `piece` bytes at once, and closes.
    pub fn new(says: Vec<u8>, piece: usize) -> Self {
        Self {
            says,
            said: 0,
            piece: piece.max(1),
            heard: Heard::default(),
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = (self.says.len() - self.said)
            .min(self.piece)
            .min(buffer.remaining());
        let end = self.said + length;
        buffer.put_slice(&self.says[self.said..end]);
        self.said = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = bytes.len().min(self.piece);
        self.heard
            .0
            .lock()
            .expect("nobody panicked")
            .extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Asserts that `heard` is whole packets, the greeting first, each of which
/// continues the sequence of the one before, over one packet of the client's at
/// most, or begins one where `begins` allows it.
pub fn check_framing(mut heard: &[u8], begins: impl Fn(u8) -> bool) {
    let mut last = None;
    while !heard.is_empty() {
        let (header, rest) = heard.split_first_chunk::<4>().expect("a whole header");
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
        let sequence = header[3];
        match last {
            None => assert_eq!(sequence, 0, "the greeting"),
            Some(last) => assert!(
                matches!(u8::wrapping_sub(sequence, last), 1 | 2) || begins(sequence),
                "packet {sequence} after {last}"
            ),
        }
        last = Some(sequence);
        assert!(length <= rest.len(), "a packet is cut off");
        heard = &rest[length..];
    }
}
