//! One connection in its shard: its socket, what came of an incomplete frame, what
//! the socket would not take, and where it is in its life. Everything here belongs
//! to the shard's thread alone. Frames go straight to the socket; an idle
//! connection owns no buffer.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;

use bytes::Bytes;
use pipes::connection::Connection;
use pipes::shard::{CloseReason, ConnectionId, Receipt};
use tokio::sync::OwnedSemaphorePermit;

use crate::addresses::Place;
use crate::event::Generation;
use crate::frame;
use crate::line::Tally;
use crate::outbox::{Outbox, PIECES_PER_WRITE};
use crate::rate::Rate;
use crate::reader::FrameReader;
use crate::request::Client;
use crate::socket::Socket;

/// One connection.
pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    pub(crate) client: Client,
    pub(crate) generation: Generation,
    pub(crate) phase: Phase,
    /// The socket may have more to read.
    pub(crate) readable: bool,
    /// It waits for its next turn.
    pub(crate) eager: bool,
    /// The number it was last asked to answer; 0 when it has.
    pub(crate) asked: u64,
    /// The other end will send nothing more.
    pub(crate) ended: bool,
    /// Whether the other end gave a sign of life since this was last asked.
    pub(crate) heard: bool,
    /// Sweeps since then.
    pub(crate) quiet: u32,
    /// The number it has sent back last; 0 when none.
    pub(crate) pong: u64,
    /// Nothing is taken any more for sending.
    sealed: bool,
    queue_limit: usize,
    pub(crate) socket: Socket,
    outbox: Option<Box<Outbox>>,
    pub(crate) reader: FrameReader,
    /// Read, but not looked at yet.
    pub(crate) unread: Vec<u8>,
    pub(crate) tally: Arc<Tally>,
    /// Who it is to the hall, once that is decided.
    pub(crate) connection: Option<Arc<Connection>>,
    /// Its place among the sockets that may be open.
    _permit: Option<OwnedSemaphorePermit>,
    /// Its place among the connections of its address.
    pub(crate) place: Option<Box<Place>>,
    /// How often it has said something.
    pub(crate) rate: Rate,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its login is being checked.
    Arriving,
    /// What it says is carried out.
    Open,
    /// Something it has asked for takes its time; what else it says waits in order.
    Waiting,
    /// It will end when what is queued for it has gone.
    Ending,
    /// It keeps its socket a while, and hears nothing.
    Silent,
    /// The last bytes are on their way.
    Parting,
    /// Everything is said; its own end is awaited.
    Parted,
}

impl Phase {
    /// Whether what it says is read now.
    pub(crate) const fn is_heard(self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether it is on its way out.
    pub(crate) const fn is_leaving(self) -> bool {
        matches!(self, Self::Silent | Self::Parting | Self::Parted)
    }
}

/// What became of frames given to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Handed to the kernel, or waiting within the bound.
    Accepted,
    /// The bound is passed: the reader is too slow. What waited is dropped.
    Overflow,
    /// The socket is gone, or the last frame was sent before.
    Gone,
}

/// Frames in order, as one or more pieces of memory.
pub(crate) struct Parcel<'a> {
    /// The frames.
    pub(crate) frames: Frames<'a>,
    /// The same bytes in one piece, if they lie so.
    pub(crate) joined: Option<&'a [u8]>,
    /// All of them are messages.
    pub(crate) only_messages: bool,
    /// Receipts by the place of their frame among these, in order.
    pub(crate) receipts: Vec<(usize, Receipt)>,
}

/// The frames of a parcel.
#[derive(Clone, Copy)]
pub(crate) enum Frames<'a> {
    /// One after another in a list.
    Run(&'a [Bytes]),
    /// Several such runs.
    Runs(&'a [&'a [Bytes]]),
}

impl Parcel<'_> {
    fn messages(&self) -> usize {
        match self.frames {
            Frames::Run(run) if self.only_messages => run.len(),
            frames => frames
                .iter()
                .filter(|frame| frame::is_message(frame))
                .count(),
        }
    }
}

impl<'a> Frames<'a> {
    fn iter(self) -> impl Iterator<Item = &'a Bytes> {
        let (one, more): (&[Bytes], &[&[Bytes]]) = match self {
            Self::Run(run) => (run, &[]),
            Self::Runs(runs) => (&[], runs),
        };
        one.iter().chain(more.iter().copied().flatten())
    }
}

/// How many bytes went, and whether the socket would have taken more.
struct Written {
    bytes: usize,
    full: bool,
}

impl Peer {
    /// A connection on its way in.
    pub(crate) fn new(
        id: ConnectionId,
        client: Client,
        generation: Generation,
        socket: Socket,
        bounds: Bounds,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            id,
            client,
            generation,
            phase: Phase::Arriving,
            readable: true,
            eager: false,
            asked: 0,
            ended: false,
            heard: true,
            quiet: 0,
            pong: 0,
            sealed: false,
            queue_limit: bounds.queued_bytes,
            socket,
            outbox: None,
            reader: FrameReader::new(bounds.message_bytes),
            unread: Vec::new(),
            tally: Arc::default(),
            connection: None,
            _permit: permit,
            place: None,
            rate: Rate::default(),
        }
    }

    /// Whether the other end gave a sign of life since this was last asked.
    pub(crate) fn was_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Whether something waits for the socket.
    pub(crate) fn is_blocked(&self) -> bool {
        self.outbox.is_some()
    }

    /// Sends one frame.
    pub(crate) fn send(&mut self, frame: &Bytes) -> Sent {
        self.send_parcel(Parcel {
            frames: Frames::Run(std::slice::from_ref(frame)),
            joined: Some(frame),
            only_messages: false,
            receipts: Vec::new(),
        })
    }

    /// Sends frames in order with as few system calls as possible.
    pub(crate) fn send_parcel(&mut self, parcel: Parcel<'_>) -> Sent {
        if self.sealed {
            return Sent::Gone;
        }
        let written = if self.outbox.is_some() {
            Written {
                bytes: 0,
                full: true,
            }
        } else {
            match self.write(&parcel) {
                Ok(written) => written,
                Err(_) => return Sent::Gone,
            }
        };
        self.tally.bytes_out.add(written.bytes as u64);
        if !written.full {
            self.tally.messages_out.add(parcel.messages() as u64);
            for (_, receipt) in parcel.receipts {
                receipt();
            }
            return Sent::Accepted;
        }
        self.keep_rest(parcel, written.bytes)
    }

    fn write(&mut self, parcel: &Parcel<'_>) -> io::Result<Written> {
        let mut bytes = 0;
        let full = match parcel.joined {
            Some(joined) => {
                bytes = or_blocked(self.socket.write(joined))?;
                bytes < joined.len()
            }
            None => self.write_pieces(parcel.frames, &mut bytes)?,
        };
        Ok(Written { bytes, full })
    }

    /// Gives whether the socket is full.
    fn write_pieces(&mut self, frames: Frames<'_>, bytes: &mut usize) -> io::Result<bool> {
        let mut frames = frames.iter();
        loop {
            let mut pieces = [IoSlice::new(&[]); PIECES_PER_WRITE];
            let (mut count, mut size) = (0, 0);
            for (piece, frame) in pieces.iter_mut().zip(frames.by_ref()) {
                *piece = IoSlice::new(frame);
                count += 1;
                size += frame.len();
            }
            let filled = pieces.get_mut(..count).unwrap_or_default();
            if filled.is_empty() {
                return Ok(false);
            }
            let sent = or_blocked(self.socket.write_vectored(filled))?;
            *bytes += sent;
            if sent < size {
                return Ok(true);
            }
        }
    }

    /// Puts what lies past the first `sent` bytes into the outbox.
    fn keep_rest(&mut self, parcel: Parcel<'_>, mut sent: usize) -> Sent {
        let outbox = self.outbox.get_or_insert_default();
        let mut receipts = parcel.receipts.into_iter().peekable();
        let mut done = Vec::new();
        let mut messages = 0;
        let mut overflow = false;
        for (place, frame) in parcel.frames.iter().enumerate() {
            let receipt = receipts.next_if(|(of, _)| *of == place);
            let receipt = receipt.map(|(_, receipt)| receipt);
            if sent >= frame.len() {
                sent -= frame.len();
                messages += u64::from(frame::is_message(frame));
                done.extend(receipt);
                continue;
            }
            overflow |= outbox.behind_the_first() > self.queue_limit;
            outbox.push(frame, std::mem::take(&mut sent), receipt);
        }
        outbox.show(&self.tally);
        self.tally.messages_out.add(messages);
        let dropped = if overflow {
            self.sealed = true;
            self.drop_outbox()
        } else {
            None
        };
        drop(dropped);
        for receipt in done {
            receipt();
        }
        match overflow {
            true => Sent::Overflow,
            false => Sent::Accepted,
        }
    }

    fn drop_outbox(&mut self) -> Option<Box<Outbox>> {
        let dropped = self.outbox.take();
        Outbox::default().show(&self.tally);
        dropped
    }

    /// Sends what waits, as far as the socket takes it. Gives whether nothing waits
    /// any more.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let Some(mut outbox) = self.outbox.take() else {
            return Ok(true);
        };
        let mut done: Vec<Receipt> = Vec::new();
        let before = self.tally.bytes_out.get();
        let drained = outbox.flush(&mut self.socket, &self.tally, &mut done);
        // The socket had room again: the other end has read.
        self.heard |= self.tally.bytes_out.get() != before;
        if !matches!(drained, Ok(true)) {
            self.outbox = Some(outbox);
        }
        for receipt in done {
            receipt();
        }
        drained
    }

    /// Takes nothing more for sending, save `frame` if there is one; what waits is
    /// still sent.
    pub(crate) fn seal(&mut self, frame: Option<Bytes>) {
        if let Some(frame) = frame {
            self.send(&frame);
        }
        self.sealed = true;
        self.tally.note_closing();
    }

    /// Nothing is written from here on; what waits is dropped (compatibility
    /// reference §1.6).
    pub(crate) fn mute(&mut self) {
        self.sealed = true;
        self.tally.note_closing();
        drop(self.drop_outbox());
    }

    /// Tells the other end that nothing more comes.
    pub(crate) fn end_sending(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

/// What one connection may use, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Of one message from it.
    pub(crate) message_bytes: usize,
    /// Waiting for it behind the message being sent.
    pub(crate) queued_bytes: usize,
}

/// A socket that takes nothing is no error.
fn or_blocked(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client sent a Close frame, with this code if any.
    ClosedByClient(Option<u16>),
    /// The socket is gone.
    Gone,
    /// The client broke the protocol; the Close code says how.
    Violation(u16, String),
    /// The handshake was refused; the Close code says by whose doing.
    Refused(u16, String),
    /// The server wants it.
    ClosedByServer(CloseReason),
}

impl End {
    /// Whether there is nobody to say goodbye to.
    pub(crate) const fn is_hopeless(&self) -> bool {
        matches!(
            self,
            Self::Gone | Self::ClosedByServer(CloseReason::SlowReader | CloseReason::Silent)
        )
    }

    /// The last frame, for a client that may get one (compatibility reference §1.6).
    pub(crate) fn farewell(&self, client: Client) -> Option<Bytes> {
        let close = match self {
            _ if client == Client::Original => return None,
            Self::Gone => return None,
            Self::ClosedByClient(code) => frame::close_reply(*code),
            Self::Violation(code, text) | Self::Refused(code, text) => frame::close(*code, text),
            Self::ClosedByServer(CloseReason::Shutdown) => {
                frame::close(frame::CLOSE_GOING_AWAY, CloseReason::Shutdown.as_str())
            }
            Self::ClosedByServer(reason) => frame::close(frame::CLOSE_POLICY, reason.as_str()),
        };
        Some(close)
    }
}

#[cfg(test)]
pub(crate) mod tests;
