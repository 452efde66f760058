//! What one round of a shard has to send: each frame once, in the encodings that
//! are needed, and for each connection which of them are due to it. Frames that
//! follow one another are also laid out in one piece, because one piece is what a
//! system call takes fastest.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use pipes::message::ENCODINGS;
use pipes::shard::Receipt;

use crate::event::Generation;
use crate::frame;
use crate::peer::{Frames, Parcel, Peer, Sent};

/// Frames longer than this in all are not copied to lie in one piece.
const JOINED_LIMIT: usize = 512 * 1024;

/// The frames of one round.
#[derive(Default)]
pub(crate) struct Round {
    lists: [FrameList; ENCODINGS],
    /// What the sockets have taken, in bytes.
    pub(crate) bytes: u64,
    /// The slots that are due something, in the order in which that came about.
    pub(crate) touched: Vec<u32>,
    /// By slot, with the number of their frame.
    receipts: HashMap<u32, Vec<(u32, Receipt)>>,
}

/// The frames of one client generation.
#[derive(Default)]
struct FrameList {
    frames: Vec<Bytes>,
    /// Some of them are no messages.
    mixed: bool,
    /// Where each frame ends among `joined`; empty until that is needed.
    ends: Vec<usize>,
    joined: Vec<u8>,
}

/// Which frames of its generation a connection is due: numbers, in ascending runs.
#[derive(Debug, Default)]
pub(crate) struct Due {
    first: Run,
    /// Seldom any.
    more: Vec<Run>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
}

impl Run {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Due {
    /// Adds a frame numbered after all before. Gives whether it is the first.
    pub(crate) fn add(&mut self, frame: u32) -> bool {
        let run = Run {
            start: frame,
            end: frame + 1,
        };
        if self.first.end == 0 {
            self.first = run;
            return true;
        }
        let last = self.more.last_mut().unwrap_or(&mut self.first);
        if last.end == frame {
            last.end = run.end;
        } else {
            self.more.push(run);
        }
        false
    }

    /// Makes ready for the next round; a connection keeps no list.
    fn settle(&mut self) {
        self.first = Run::default();
        if self.more.capacity() > 0 {
            self.more = Vec::new();
        }
    }
}

impl Round {
    /// Adds a frame for a client generation. Gives its number there.
    pub(crate) fn add(&mut self, generation: Generation, frame: Bytes) -> u32 {
        let Some(list) = self.lists.get_mut(generation.slot()) else {
            return 0;
        };
        list.mixed |= !frame::is_message(&frame);
        list.frames.push(frame);
        (list.frames.len() - 1) as u32
    }

    /// `receipt` belongs to the frame with this number that is due to this slot.
    pub(crate) fn add_receipt(&mut self, slot: u32, frame: u32, receipt: Receipt) {
        let receipts = self.receipts.entry(slot).or_default();
        receipts.push((frame, receipt));
    }

    /// Sends a connection what it is due, in one system call if it can be.
    pub(crate) fn send(&mut self, slot: u32, peer: Option<&mut Peer>, due: &mut Due) -> Sent {
        let receipts = match self.receipts.is_empty() {
            true => Vec::new(),
            false => self.receipts.remove(&slot).unwrap_or_default(),
        };
        let sent = peer.map_or(Sent::Gone, |peer| {
            let before = peer.tally.bytes_out.get();
            let sent = match self.lists.get_mut(peer.generation.slot()) {
                Some(list) => list.send(peer, due, receipts),
                None => Sent::Gone,
            };
            self.bytes += peer.tally.bytes_out.get().saturating_sub(before);
            sent
        });
        due.settle();
        sent
    }

    /// Makes ready for the next round.
    pub(crate) fn clear(&mut self) {
        for list in &mut self.lists {
            list.frames.clear();
            list.mixed = false;
            list.ends.clear();
            list.joined.clear();
        }
        self.bytes = 0;
        self.touched.clear();
        self.receipts.clear();
    }
}

impl FrameList {
    fn send(&mut self, peer: &mut Peer, due: &Due, receipts: Vec<(u32, Receipt)>) -> Sent {
        let range = due.first.range();
        if due.more.is_empty() {
            if range.len() > 1 {
                self.join();
            }
            let run = self.frames.get(range.clone()).unwrap_or_default();
            let joined = match run {
                [frame] => Some(frame.as_ref()),
                _ => self.joined(&range),
            };
            let place = |(frame, receipt)| ((frame - due.first.start) as usize, receipt);
            return peer.send_parcel(Parcel {
                frames: Frames::Run(run),
                joined,
                only_messages: !self.mixed,
                receipts: receipts.into_iter().map(place).collect(),
            });
        }
        let numbers = || std::iter::once(&due.first).chain(&due.more);
        let runs: Vec<&[Bytes]> = numbers()
            .map(|run| self.frames.get(run.range()).unwrap_or_default())
            .collect();
        let place = |(frame, receipt)| {
            let before = numbers().map(|run| run.end.min(frame).saturating_sub(run.start));
            (before.sum::<u32>() as usize, receipt)
        };
        peer.send_parcel(Parcel {
            frames: Frames::Runs(&runs),
            joined: None,
            only_messages: !self.mixed,
            receipts: receipts.into_iter().map(place).collect(),
        })
    }

    /// Lays all frames out in one piece, once a round, unless they are too long.
    fn join(&mut self) {
        if !self.ends.is_empty() {
            return;
        }
        let size: usize = self.frames.iter().map(Bytes::len).sum();
        self.joined.reserve(size.min(JOINED_LIMIT));
        for frame in &self.frames {
            if size <= JOINED_LIMIT {
                self.joined.extend_from_slice(frame);
            }
            self.ends.push(self.joined.len());
        }
    }

    fn joined(&self, range: &Range<usize>) -> Option<&[u8]> {
        let start = match range.start.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let end = *self.ends.get(range.end.checked_sub(1)?)?;
        self.joined
            .get(start..end)
            .filter(|joined| !joined.is_empty())
    }
}

#[cfg(test)]
mod tests;
