//! Batches waiting for the writer, bounded in number and in bytes. A batch past
//! the bound is not kept waiting and not written: its completion keeps its turn
//! and is told so.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use pipes::storage::{Completion, StorageError, Write};

use crate::config::Config;

/// What a write costs in memory beside its payload, roughly.
const WRITE_BYTES: usize = 192;

/// One batch in its turn.
pub(crate) struct Entry {
    /// The writes, or why they will not be tried.
    pub(crate) batch: Result<Vec<Write>, StorageError>,
    pub(crate) done: Completion,
    bytes: usize,
}

/// What the writer is to do next.
pub(crate) enum Next {
    /// Write these, then complete them.
    Group(Vec<Entry>),
    /// Everything accepted is written: close the file. Comes once.
    Close,
    /// Nobody can submit any more.
    End,
}

pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    max_batches: usize,
    max_bytes: usize,
}

struct State {
    entries: VecDeque<Entry>,
    batches: usize,
    bytes: usize,
    refused: u64,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing more is accepted.
    Closing,
    /// As `Closing`, and the writer has been told.
    Closed,
    Ended,
}

impl Queue {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            state: Mutex::new(State {
                entries: VecDeque::new(),
                batches: 0,
                bytes: 0,
                refused: 0,
                phase: Phase::Open,
            }),
            wake: Condvar::new(),
            max_batches: config.queue_batches,
            max_bytes: config.queue_bytes,
        }
    }

    /// Never blocks for longer than it takes to link the batch in.
    pub(crate) fn push(&self, batch: Vec<Write>, done: Completion) {
        let bytes = batch.iter().map(bytes_of).sum::<usize>();
        let mut state = self.state.lock();
        let refusal = state.refusal(bytes, self.max_batches, self.max_bytes);
        let entry = match refusal {
            Some(error) => {
                state.refused += 1;
                Entry {
                    batch: Err(error),
                    done,
                    bytes: 0,
                }
            }
            None => {
                state.batches += 1;
                state.bytes += bytes;
                Entry {
                    batch: Ok(batch),
                    done,
                    bytes,
                }
            }
        };
        state.entries.push_back(entry);
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for something to do.
    pub(crate) fn next(&self, max_batches: usize, max_bytes: usize) -> Next {
        let mut state = self.state.lock();
        loop {
            if !state.entries.is_empty() {
                return Next::Group(state.take(max_batches, max_bytes));
            }
            match state.phase {
                Phase::Closing => {
                    state.phase = Phase::Closed;
                    return Next::Close;
                }
                Phase::Ended => return Next::End,
                Phase::Open | Phase::Closed => self.wake.wait(&mut state),
            }
        }
    }

    /// Accepts nothing more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        drop(state);
        self.wake.notify_all();
    }

    /// After `close` is through: lets the writer go.
    pub(crate) fn end(&self) {
        self.state.lock().phase = Phase::Ended;
        self.wake.notify_all();
    }

    /// Batches and bytes waiting, and how many batches were refused so far.
    pub(crate) fn load(&self) -> (usize, usize, u64) {
        let state = self.state.lock();
        (state.batches, state.bytes, state.refused)
    }
}

impl State {
    fn refusal(&self, bytes: usize, max_batches: usize, max_bytes: usize) -> Option<StorageError> {
        if self.phase != Phase::Open {
            return Some(StorageError::Closed);
        }
        let full = self.batches >= max_batches || self.bytes.saturating_add(bytes) > max_bytes;
        (full && self.batches > 0).then(|| {
            StorageError::Failed(format!(
                "its queue is full: {} batches, {} bytes wait to be written",
                self.batches, self.bytes
            ))
        })
    }

    fn take(&mut self, max_batches: usize, max_bytes: usize) -> Vec<Entry> {
        let mut group = Vec::with_capacity(self.entries.len().min(max_batches.max(1)));
        let mut bytes = 0;
        while let Some(entry) = self.entries.front() {
            let full = group.len() >= max_batches || bytes + entry.bytes > max_bytes;
            if full && !group.is_empty() {
                break;
            }
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            bytes += entry.bytes;
            self.bytes -= entry.bytes;
            self.batches -= usize::from(entry.batch.is_ok());
            group.push(entry);
        }
        group
    }
}

fn bytes_of(write: &Write) -> usize {
    WRITE_BYTES
        + match write {
            Write::AppendHistory { message, .. } => message.payload.len(),
            Write::PutMail { message, .. } => message.payload.len(),
            Write::PutUserData { data, .. } => data.len(),
            Write::RevokeToken { token, .. } => token.reveal().len(),
            Write::RemoveMail { ids, .. } => size_of_val(ids.as_slice()),
            Write::PutSettings { settings, .. } | Write::PutPrefixSettings { settings, .. } => {
                settings.bytes()
            }
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipes::message::UnixTime;
    use pipes::name::{DevId, UserId};

    fn write() -> Vec<Write> {
        vec![Write::PutLastSeen {
            dev_id: DevId::ROOT,
            user: UserId::new(1).unwrap(),
            time: UnixTime(1),
        }]
    }

    fn queue(batches: usize, bytes: usize) -> Queue {
        Queue::new(&Config {
            queue_batches: batches,
            queue_bytes: bytes,
            ..Config::default()
        })
    }

    fn group(queue: &Queue) -> Vec<Result<Vec<Write>, StorageError>> {
        match queue.next(100, 1 << 20) {
            Next::Group(entries) => entries.into_iter().map(|entry| entry.batch).collect(),
            Next::Close | Next::End => panic!("no group"),
        }
    }

    #[test]
    fn past_the_number_of_batches_a_batch_is_refused_in_its_turn() {
        let queue = queue(2, 1 << 20);
        for _ in 0..3 {
            queue.push(write(), Box::new(|_| ()));
        }
        assert_eq!(queue.load().2, 1);
        let group = group(&queue);
        assert!(group[0].is_ok() && group[1].is_ok());
        let error = group[2].as_ref().unwrap_err().to_string();
        assert!(error.contains("queue is full"), "{error}");
        queue.push(write(), Box::new(|_| ()));
        assert_eq!(queue.load(), (1, WRITE_BYTES, 1));
    }

    #[test]
    fn past_the_bytes_a_batch_is_refused_unless_it_is_alone() {
        let queue = queue(10, 1);
        queue.push(write(), Box::new(|_| ()));
        queue.push(write(), Box::new(|_| ()));
        let group = group(&queue);
        assert!(group[0].is_ok());
        assert!(matches!(group[1], Err(StorageError::Failed(_))));
    }

    #[test]
    fn a_group_is_bounded_in_batches_and_bytes() {
        let queue = queue(100, 1 << 20);
        for _ in 0..5 {
            queue.push(write(), Box::new(|_| ()));
        }
        let sizes = [(2, 1 << 20), (100, 1), (100, 2 * WRITE_BYTES)].map(|(batches, bytes)| {
            match queue.next(batches, bytes) {
                Next::Group(entries) => entries.len(),
                Next::Close | Next::End => 0,
            }
        });
        assert_eq!(sizes, [2, 1, 2]);
    }

    #[test]
    fn closing_comes_after_what_was_accepted_and_only_once() {
        let queue = queue(10, 1 << 20);
        queue.push(write(), Box::new(|_| ()));
        queue.close();
        queue.push(write(), Box::new(|_| ()));
        assert_eq!(group(&queue).len(), 2);
        assert!(matches!(queue.next(1, 1), Next::Close));
        queue.push(write(), Box::new(|_| ()));
        assert!(matches!(group(&queue)[0], Err(StorageError::Closed)));
        queue.end();
        assert!(matches!(queue.next(1, 1), Next::End));
    }
}
