//! The outbound side of one connection: frames go straight to the socket, and
//! only what the socket will not take waits here, in order and bounded. Nothing
//! waits on an idle connection, and nothing is allocated for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use pipes::shard::{CloseReason, ConnectionId, Receipt};
use tokio::net::TcpStream;

use crate::event::Generation;

/// How many frames one system call may carry.
const FRAMES_PER_WRITE: usize = 64;
/// A queue grown beyond this gives its memory back when it has drained.
const IDLE_QUEUE_CAPACITY: usize = 32;

/// One connection as its shard and its reader share it.
pub(crate) struct Link {
    pub(crate) id: ConnectionId,
    pub(crate) generation: Generation,
    stream: TcpStream,
    queue: Mutex<Queue>,
    queue_limit: usize,
    /// The reader's task, which also finishes what the socket would not take.
    reader: AtomicWaker,
    closing: Mutex<Option<CloseReason>>,
    /// Once set nothing is written any more (compatibility reference §1.6).
    muted: AtomicBool,
    started: Instant,
    /// Seconds after `started` at which something was last received.
    heard: AtomicU32,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) frames_out: AtomicU64,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Queued>,
    /// Unsent bytes.
    bytes: usize,
}

struct Queued {
    rest: Bytes,
    receipt: Option<Receipt>,
}

/// What became of frames given to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Handed to the kernel, or waiting within the bound.
    Accepted,
    /// The bound is passed: the reader is too slow.
    Overflow,
    /// The socket is gone.
    Gone,
}

impl Link {
    pub(crate) fn new(
        id: ConnectionId,
        generation: Generation,
        stream: TcpStream,
        queue_limit: usize,
    ) -> Self {
        Self {
            id,
            generation,
            stream,
            queue: Mutex::default(),
            queue_limit,
            reader: AtomicWaker::new(),
            closing: Mutex::new(None),
            muted: AtomicBool::new(false),
            started: Instant::now(),
            heard: AtomicU32::new(0),
            bytes_out: AtomicU64::new(0),
            frames_out: AtomicU64::new(0),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends one frame.
    pub(crate) fn send(&self, frame: Bytes) -> Sent {
        self.send_all(&[frame], &mut [])
    }

    /// Puts the first frame in line for the reader to send: no system call, so
    /// that it may be done under a lock.
    pub(crate) fn enqueue(&self, frame: Bytes) {
        self.bytes_out
            .fetch_add(frame.len() as u64, Ordering::Relaxed);
        self.frames_out.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue.lock();
        queue.bytes += frame.len();
        queue.frames.push_back(Queued {
            rest: frame,
            receipt: None,
        });
    }

    /// Sends one frame and runs `receipt` once it is handed to the kernel.
    pub(crate) fn send_with_receipt(&self, frame: Bytes, receipt: Receipt) -> Sent {
        self.send_all(&[frame], &mut [Some(receipt)])
    }

    /// Sends frames in order with as few system calls as possible. `receipts`
    /// belong to the frames at the same index and are taken.
    pub(crate) fn send_all(&self, frames: &[Bytes], receipts: &mut [Option<Receipt>]) -> Sent {
        if self.muted.load(Ordering::Acquire) {
            return Sent::Gone;
        }
        let total: usize = frames.iter().map(Bytes::len).sum();
        self.bytes_out.fetch_add(total as u64, Ordering::Relaxed);
        self.frames_out
            .fetch_add(frames.len() as u64, Ordering::Relaxed);
        let mut done: Vec<Receipt> = Vec::new();
        let mut queue = self.queue.lock();
        let mut sent = 0;
        if queue.frames.is_empty() {
            match self.write_directly(frames) {
                Ok(written) => sent = written,
                Err(_) => return Sent::Gone,
            }
        }
        let mut left = sent;
        for (index, frame) in frames.iter().enumerate() {
            let receipt = receipts.get_mut(index).and_then(Option::take);
            if left >= frame.len() {
                left -= frame.len();
                done.extend(receipt);
                continue;
            }
            let mut rest = frame.clone();
            rest.advance(left);
            left = 0;
            queue.bytes += rest.len();
            queue.frames.push_back(Queued { rest, receipt });
        }
        let waiting = queue.frames.len();
        let overflow = queue.bytes > self.queue_limit && waiting > 1;
        drop(queue);
        for receipt in done {
            receipt();
        }
        if waiting > 0 {
            self.reader.wake();
        }
        if overflow {
            Sent::Overflow
        } else {
            Sent::Accepted
        }
    }

    /// Writes as much as the socket takes. Gives the number of bytes.
    fn write_directly(&self, frames: &[Bytes]) -> io::Result<usize> {
        let mut written = 0;
        for group in frames.chunks(FRAMES_PER_WRITE) {
            let size: usize = group.iter().map(Bytes::len).sum();
            let sent = if let [frame] = group {
                self.stream.try_write(frame)
            } else {
                let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
                for (slice, frame) in slices.iter_mut().zip(group) {
                    *slice = IoSlice::new(frame);
                }
                let filled = slices.get(..group.len()).unwrap_or_default();
                self.stream.try_write_vectored(filled)
            };
            match sent {
                Ok(bytes) => {
                    written += bytes;
                    if bytes < size {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Finishes what waits, as far as the socket allows. Ready when nothing
    /// waits any more. Only the reader's task calls this.
    pub(crate) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut done: Vec<Receipt> = Vec::new();
            let drained = {
                let mut queue = self.queue.lock();
                self.drain(&mut queue, &mut done)
            };
            for receipt in done {
                receipt();
            }
            match drained {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => match self.stream.poll_write_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Gives whether the queue is empty now.
    fn drain(&self, queue: &mut Queue, done: &mut Vec<Receipt>) -> io::Result<bool> {
        while !queue.frames.is_empty() {
            let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
            let mut count = 0;
            for (slice, queued) in slices.iter_mut().zip(&queue.frames) {
                *slice = IoSlice::new(&queued.rest);
                count += 1;
            }
            let filled = slices.get(..count).unwrap_or_default();
            let mut sent = match self.stream.try_write_vectored(filled) {
                Ok(sent) => sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            queue.bytes = queue.bytes.saturating_sub(sent);
            while let Some(front) = queue.frames.front_mut() {
                if sent < front.rest.len() {
                    front.rest.advance(sent);
                    break;
                }
                sent -= front.rest.len();
                if let Some(queued) = queue.frames.pop_front() {
                    done.extend(queued.receipt);
                }
            }
        }
        if queue.frames.capacity() > IDLE_QUEUE_CAPACITY {
            queue.frames = VecDeque::new();
        }
        Ok(true)
    }

    /// Registers the reader's task for [`Link::wake_reader`].
    pub(crate) fn register_reader(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// Asks the reader to end the connection.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.closing.lock().get_or_insert(reason);
        self.reader.wake();
    }

    /// Why the server wants the connection to end, if it does.
    pub(crate) fn closing(&self) -> Option<CloseReason> {
        *self.closing.lock()
    }

    /// Nothing is written from here on; what waits is dropped.
    pub(crate) fn mute(&self) {
        self.muted.store(true, Ordering::Release);
        let dropped = std::mem::take(&mut *self.queue.lock());
        drop(dropped);
    }

    /// Something was received just now.
    pub(crate) fn note_heard(&self) {
        let now = u32::try_from(self.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    /// Whole seconds since something was received.
    pub(crate) fn silent_seconds(&self) -> u64 {
        let heard = u64::from(self.heard.load(Ordering::Relaxed));
        self.started.elapsed().as_secs().saturating_sub(heard)
    }
}
