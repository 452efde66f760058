//! Packets on a byte stream: a header of three bytes of length and one of
//! sequence, then the payload; payloads of 16 MiB - 1 and more continue in the
//! next packet. Reading is bounded and checked here, writing has its time limit
//! here; what a packet means is decided elsewhere.
//!
//! A connection that waits for its next command owns no buffer: bytes are read
//! into a buffer shared by all connections of a thread, and only those of an
//! incomplete packet are kept.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

/// The largest payload of one packet; a payload of exactly this size continues
/// in the next one.
pub(super) const MAX_PART: usize = 0xFF_FFFF;

/// One logical packet, put together from its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    /// The sequence number of its last part.
    pub(super) sequence: u8,
    /// The payload without headers.
    pub(super) payload: Bytes,
}

/// The peer broke the framing; the stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// More than the bound in one packet.
    #[error("a packet of more than {bound} bytes")]
    TooLarge { bound: usize, sequence: u8 },
    /// A sequence number that is not the next one.
    #[error("packet number {got} where {expected} was expected")]
    OutOfOrder { expected: u8, got: u8 },
}

/// A byte stream seen as packets.
pub(super) struct PacketStream<S> {
    stream: S,
    buffer: BytesMut,
    assembled: BytesMut,
    parts: u8,
    write_timeout: Duration,
    traffic: Traffic,
}

/// Bytes that went over a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Traffic {
    pub(super) received: u64,
    pub(super) sent: u64,
}

impl<S> PacketStream<S> {
    pub(super) fn new(stream: S, write_timeout: Duration) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            assembled: BytesMut::new(),
            parts: 0,
            write_timeout,
            traffic: Traffic::default(),
        }
    }

    /// Gives the stream back, for TLS to take over. What was read and not taken
    /// is thrown away: nothing, after [`fill_exactly`](Self::fill_exactly).
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The next packet, if all of it has been read. Its first part must carry
    /// the sequence number `first`, and its payload may have `bound` bytes.
    pub(super) fn take(&mut self, first: u8, bound: usize) -> Result<Option<Packet>, FrameError> {
        loop {
            let Some(&[a, b, c, sequence]) = self.buffer.first_chunk() else {
                return Ok(None);
            };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            let expected = first.wrapping_add(self.parts);
            if sequence != expected {
                return Err(FrameError::OutOfOrder {
                    expected,
                    got: sequence,
                });
            }
            if self.assembled.len().saturating_add(length) > bound {
                return Err(FrameError::TooLarge { bound, sequence });
            }
            if self.missing() > 0 {
                return Ok(None);
            }
            self.buffer.advance(HEADER);
            let part = self.buffer.split_to(length);
            if length == MAX_PART {
                self.assembled.unsplit(part);
                self.parts = self.parts.wrapping_add(1);
                continue;
            }
            let payload = if self.parts == 0 {
                part
            } else {
                self.assembled.unsplit(part);
                self.parts = 0;
                std::mem::take(&mut self.assembled)
            };
            return Ok(Some(Packet {
                sequence,
                payload: payload.freeze(),
            }));
        }
    }

    /// What went over the stream since this was asked.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// Whether a packet has begun to arrive.
    pub(super) fn is_inside_packet(&self) -> bool {
        self.parts > 0 || !self.buffer.is_empty()
    }

    /// Gives back the memory of packets that were taken.
    pub(super) fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// How many bytes are certainly still to come for the header or the part.
    fn missing(&self) -> usize {
        let wanted = match self.buffer.first_chunk() {
            Some(&[a, b, c, _]) => HEADER + u32::from_le_bytes([a, b, c, 0]) as usize,
            None => HEADER,
        };
        wanted.saturating_sub(self.buffer.len())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> PacketStream<S> {
    /// Reads what is there; 0 when the peer has closed.
    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        if self.missing() > DIRECT_READ {
            return self.fill_exactly().await;
        }
        let Self {
            stream,
            buffer,
            traffic,
            ..
        } = self;
        poll_fn(|context| {
            let mut shared = SHARED.take();
            shared.resize(SHARED_BUFFER, 0);
            let mut read = ReadBuf::new(&mut shared);
            let polled = Pin::new(&mut *stream).poll_read(context, &mut read);
            let length = read.filled().len();
            buffer.extend_from_slice(read.filled());
            SHARED.set(shared);
            ready!(polled)?;
            traffic.received += length as u64;
            Poll::Ready(Ok(length))
        })
        .await
    }

    /// Like [`fill`](Self::fill), but never reads past the packet. Needed until
    /// the login: what follows an SSLRequest belongs to TLS.
    pub(super) async fn fill_exactly(&mut self) -> io::Result<usize> {
        // Memory grows with what has arrived, never with what was announced.
        let room = self.missing().min(self.buffer.len().max(DIRECT_READ));
        self.buffer.reserve(room);
        let mut limited = (&mut self.buffer).limit(room);
        let length = self.stream.read_buf(&mut limited).await?;
        self.traffic.received += length as u64;
        Ok(length)
    }

    /// Writes all of `bytes`. Fails when nothing could be written for the
    /// write timeout.
    pub(super) async fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = within(self.write_timeout, self.stream.write(bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.traffic.sent += written as u64;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        within(self.write_timeout, self.stream.flush()).await
    }

    /// Closes after an answer the peer should still see: reads on for a moment
    /// and throws away what comes, because closing a socket with unread bytes
    /// resets it and takes the answer with it.
    pub(super) async fn close_gently(mut self, discard: usize) {
        let _ = timeout(LINGER, async {
            if self.stream.shutdown().await.is_err() {
                return;
            }
            let mut discarded = 0;
            while discarded <= discard {
                self.buffer.clear();
                let mut limited = (&mut self.buffer).limit(DIRECT_READ);
                match self.stream.read_buf(&mut limited).await {
                    Ok(read) if read > 0 => discarded += read,
                    _ => return,
                }
            }
        })
        .await;
    }

    /// Closes at once.
    pub(super) async fn close(mut self) {
        let _ = timeout(LINGER, self.stream.shutdown()).await;
    }
}

/// Does `work`, and fails when it waits for longer than `patience`. No clock is
/// read if it does not wait at all.
async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut work = pin!(work);
    match at_once(work.as_mut()).await {
        Poll::Ready(done) => done,
        Poll::Pending => timeout(patience, work)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?,
    }
}

/// Polls once, and does not wait.
pub(super) async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

thread_local! {
    static SHARED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

const HEADER: usize = 4;

/// Bytes of the read buffer that the connections of a thread share.
const SHARED_BUFFER: usize = 64 * 1024;

/// When more than this is still to come, the connection's own buffer is read
/// into directly.
const DIRECT_READ: usize = 16 * 1024;

/// How long a closing connection waits for the peer to see its last answer.
const LINGER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32).to_le_bytes()[..3].to_vec();
        bytes.push(sequence);
        bytes.extend_from_slice(payload);
        bytes
    }

    fn reader() -> PacketStream<tokio::io::DuplexStream> {
        PacketStream::new(tokio::io::duplex(64).0, Duration::from_secs(1))
    }

    #[test]
    fn a_packet_split_at_every_byte_is_read_whole() {
        let bytes = framed(0, b"\x03SELECT 1");
        for split in 0..=bytes.len() {
            let mut reader = reader();
            reader.buffer.extend_from_slice(&bytes[..split]);
            let early = reader.take(0, 100).unwrap();
            assert_eq!(early.is_some(), split == bytes.len());
            if early.is_none() {
                reader.buffer.extend_from_slice(&bytes[split..]);
                let packet = reader.take(0, 100).unwrap().unwrap();
                assert_eq!(&packet.payload[..], b"\x03SELECT 1");
            }
            assert!(!reader.is_inside_packet());
        }
    }

    #[test]
    fn packets_in_one_segment_are_taken_one_by_one() {
        let mut reader = reader();
        for text in [&b"a"[..], b"", b"bc"] {
            reader.buffer.extend_from_slice(&framed(0, text));
        }
        for text in [&b"a"[..], b"", b"bc"] {
            assert_eq!(reader.take(0, 10).unwrap().unwrap().payload, text);
        }
        assert_eq!(reader.take(0, 10), Ok(None));
    }

    #[test]
    fn an_announced_size_over_the_bound_is_refused_before_it_is_read() {
        let mut reader = reader();
        reader.buffer.extend_from_slice(&[101, 0, 0, 0]);
        assert_eq!(
            reader.take(0, 100),
            Err(FrameError::TooLarge {
                bound: 100,
                sequence: 0
            })
        );
    }

    #[test]
    fn a_wrong_sequence_number_is_refused() {
        let mut reader = reader();
        reader.buffer.extend_from_slice(&framed(3, b"x"));
        assert_eq!(
            reader.take(0, 100),
            Err(FrameError::OutOfOrder {
                expected: 0,
                got: 3
            })
        );
    }

    #[test]
    fn a_payload_of_several_parts_is_put_together() {
        let mut reader = reader();
        let full = vec![7; MAX_PART];
        reader.buffer.extend_from_slice(&framed(0, &full));
        assert_eq!(reader.take(0, usize::MAX), Ok(None));
        assert!(reader.is_inside_packet());
        reader.buffer.extend_from_slice(&framed(1, &full));
        reader.buffer.extend_from_slice(&framed(2, b""));
        let packet = reader.take(0, usize::MAX).unwrap().unwrap();
        assert_eq!(packet.payload.len(), 2 * MAX_PART);
        assert_eq!(packet.sequence, 2);
        assert!(!reader.is_inside_packet());
    }

    #[test]
    fn the_bound_counts_all_parts_of_a_payload() {
        let mut reader = reader();
        reader
            .buffer
            .extend_from_slice(&framed(0, &vec![7; MAX_PART]));
        reader.buffer.extend_from_slice(&[1, 0, 0, 1]);
        assert_eq!(
            reader.take(0, MAX_PART),
            Err(FrameError::TooLarge {
                bound: MAX_PART,
                sequence: 1
            })
        );
    }

    #[tokio::test]
    async fn exact_reading_leaves_what_follows_in_the_stream() {
        let (mut client, server) = tokio::io::duplex(1024);
        let mut reader = PacketStream::new(server, Duration::from_secs(1));
        let mut bytes = framed(1, b"SSLRequest");
        bytes.extend_from_slice(b"ClientHello");
        client.write_all(&bytes).await.unwrap();
        let packet = loop {
            if let Some(packet) = reader.take(1, 1024).unwrap() {
                break packet;
            }
            reader.fill_exactly().await.unwrap();
        };
        assert_eq!(&packet.payload[..], b"SSLRequest");
        let mut rest = [0; 11];
        reader.stream.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"ClientHello");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_runs_into_the_write_timeout() {
        let (_client, server) = tokio::io::duplex(8);
        let mut writer = PacketStream::new(server, Duration::from_millis(20));
        let error = writer.send(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>, first: u8, bound in 0usize..1000) {
            let mut reader = reader();
            reader.buffer.extend_from_slice(&bytes);
            while let Ok(Some(packet)) = reader.take(first, bound) {
                prop_assert!(packet.payload.len() <= bound);
            }
        }
    }
}
