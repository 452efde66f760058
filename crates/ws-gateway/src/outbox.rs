//! What a socket would not take: frames that wait for it in order, with the
//! receipts that belong to them. A connection has one only while something waits.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Instant;

use bytes::{Buf, Bytes};
use pipes::shard::Receipt;

use crate::frame;
use crate::line::Tally;
use crate::socket::Socket;

/// How many pieces one system call carries.
pub(crate) const PIECES_PER_WRITE: usize = 64;
/// What a frame that waits costs besides its bytes, about.
const FRAME_COST: usize = 96;

/// Frames that wait.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Queued>,
    /// Unsent bytes.
    bytes: usize,
}

struct Queued {
    rest: Bytes,
    is_message: bool,
    since: Instant,
    receipt: Option<Receipt>,
}

impl Outbox {
    /// Puts a frame at the end, of which the first `sent` bytes have gone.
    pub(crate) fn push(&mut self, frame: &Bytes, sent: usize, receipt: Option<Receipt>) {
        let mut rest = frame.clone();
        rest.advance(sent);
        self.bytes += rest.len();
        self.frames.push_back(Queued {
            rest,
            is_message: frame::is_message(frame),
            since: Instant::now(),
            receipt,
        });
    }

    /// Memory of what waits for the frame now being sent, which itself may have any
    /// size.
    pub(crate) fn behind_the_first(&self) -> usize {
        let first = self.frames.front().map_or(0, |first| first.rest.len());
        let behind = self.frames.len().saturating_sub(1);
        self.bytes.saturating_sub(first) + behind * FRAME_COST
    }

    /// Sends as much as the socket takes. Gives whether nothing waits any more;
    /// the receipts of what has gone whole are added to `done`.
    pub(crate) fn flush(
        &mut self,
        socket: &mut Socket,
        tally: &Tally,
        done: &mut Vec<Receipt>,
    ) -> io::Result<bool> {
        while !self.frames.is_empty() {
            let mut pieces = [IoSlice::new(&[]); PIECES_PER_WRITE];
            let mut count = 0;
            for (piece, queued) in pieces.iter_mut().zip(&self.frames) {
                *piece = IoSlice::new(&queued.rest);
                count += 1;
            }
            let filled = pieces.get_mut(..count).unwrap_or_default();
            let sent = match socket.write_vectored(filled) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            tally.bytes_out.add(sent as u64);
            tally.messages_out.add(self.advance(sent, done));
            self.show(tally);
        }
        Ok(true)
    }

    /// These many bytes have gone. Gives how many messages have gone whole.
    fn advance(&mut self, mut sent: usize, done: &mut Vec<Receipt>) -> u64 {
        let mut messages = 0;
        self.bytes = self.bytes.saturating_sub(sent);
        while let Some(front) = self.frames.front_mut() {
            if sent < front.rest.len() {
                front.rest.advance(sent);
                break;
            }
            sent -= front.rest.len();
            if let Some(queued) = self.frames.pop_front() {
                messages += u64::from(queued.is_message);
                done.extend(queued.receipt);
            }
        }
        messages
    }

    /// Shows what waits.
    pub(crate) fn show(&self, tally: &Tally) {
        tally.queued_bytes.set(self.bytes as u64);
        tally.note_waiting(self.frames.front().map(|oldest| oldest.since));
    }
}
