//! The outbound side of one connection: frames go straight to the socket, and
//! only what the socket will not take waits here, in order and bounded. Nothing
//! waits on an idle connection, and nothing is allocated for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use pipes::shard::{CloseReason, ConnectionId, Receipt};
use pipes::traffic::{Line, LineState, Traffic};
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
    /// Whether the other end gave a sign of life since this was last asked.
    heard: AtomicBool,
    /// What came in. Only the reader's task writes these.
    bytes_in: AtomicU64,
    messages_in: AtomicU64,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Queued>,
    /// Unsent bytes.
    bytes: usize,
    /// Nothing is taken any more.
    sealed: bool,
    /// What the kernel has taken. Plain numbers: whoever sends holds the lock anyway.
    bytes_out: u64,
    messages_out: u64,
}

struct Queued {
    rest: Bytes,
    kind: Kind,
    since: Instant,
    receipt: Option<Receipt>,
}

/// Whether a frame counts as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Message,
    /// A Ping, a Pong or a Close.
    Control,
}

/// What became of frames given to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Handed to the kernel, or waiting within the bound.
    Accepted,
    /// The bound is passed: the reader is too slow. Said once; what waited is
    /// dropped and the connection is closing.
    Overflow,
    /// The socket is gone, or the last frame was sent before.
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
            heard: AtomicBool::new(true),
            bytes_in: AtomicU64::new(0),
            messages_in: AtomicU64::new(0),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends one frame.
    pub(crate) fn send(&self, frame: Bytes) -> Sent {
        self.send_all(&[frame], &mut [])
    }

    /// Sends one frame that is no message.
    pub(crate) fn send_control(&self, frame: Bytes) -> Sent {
        self.hand_over(&[frame], &mut [], Kind::Control, false)
    }

    /// Puts the first frame in line for the reader to send: no system call, so
    /// that it may be done under a lock.
    pub(crate) fn enqueue(&self, frame: Bytes) {
        let mut queue = self.queue.lock();
        if queue.sealed {
            return;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(Queued {
            rest: frame,
            kind: Kind::Message,
            since: Instant::now(),
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
        self.hand_over(frames, receipts, Kind::Message, false)
    }

    /// Takes nothing more, save `frame` if there is one; what waits is still sent.
    pub(crate) fn seal(&self, frame: Option<Bytes>) {
        self.hand_over(frame.as_slice(), &mut [], Kind::Control, true);
    }

    fn hand_over(
        &self,
        frames: &[Bytes],
        receipts: &mut [Option<Receipt>],
        kind: Kind,
        last: bool,
    ) -> Sent {
        let mut done: Vec<Receipt> = Vec::new();
        let mut queue = self.queue.lock();
        if queue.sealed {
            return Sent::Gone;
        }
        queue.sealed = last;
        let mut sent = 0;
        if queue.frames.is_empty() {
            match self.write_directly(frames) {
                Ok(written) => sent = written,
                Err(_) => return Sent::Gone,
            }
        }
        queue.bytes_out += sent as u64;
        let mut left = sent;
        let mut taken = 0;
        let mut since = None;
        let mut overflow = false;
        for (index, frame) in frames.iter().enumerate() {
            let receipt = receipts.get_mut(index).and_then(Option::take);
            if left >= frame.len() {
                left -= frame.len();
                taken += 1;
                done.extend(receipt);
                continue;
            }
            let mut rest = frame.clone();
            rest.advance(left);
            left = 0;
            overflow |= queue.behind_the_first() > self.queue_limit;
            queue.bytes += rest.len();
            queue.frames.push_back(Queued {
                rest,
                kind,
                since: *since.get_or_insert_with(Instant::now),
                receipt,
            });
        }
        if kind == Kind::Message {
            queue.messages_out += taken;
        }
        let waiting = queue.frames.len();
        let dropped = overflow.then(|| queue.abandon());
        drop(queue);
        drop(dropped);
        for receipt in done {
            receipt();
        }
        if overflow {
            self.close(CloseReason::SlowReader);
            return Sent::Overflow;
        }
        if waiting > 0 {
            self.reader.wake();
        }
        Sent::Accepted
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
            // The socket has room again: the other end has read.
            self.note_heard();
            queue.bytes = queue.bytes.saturating_sub(sent);
            queue.bytes_out += sent as u64;
            while let Some(front) = queue.frames.front_mut() {
                if sent < front.rest.len() {
                    front.rest.advance(sent);
                    break;
                }
                sent -= front.rest.len();
                if let Some(queued) = queue.frames.pop_front() {
                    queue.messages_out += u64::from(queued.kind == Kind::Message);
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

    /// Nothing is written from here on; what waits is dropped (compatibility
    /// reference §1.6).
    pub(crate) fn mute(&self) {
        let dropped = self.queue.lock().abandon();
        drop(dropped);
    }

    /// The other end gave a sign of life just now.
    pub(crate) fn note_heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Bytes came in. Only the reader's task calls this.
    pub(crate) fn note_received(&self, bytes: usize) {
        self.note_heard();
        let before = self.bytes_in.load(Ordering::Relaxed);
        let after = before.wrapping_add(bytes as u64);
        self.bytes_in.store(after, Ordering::Relaxed);
    }

    /// A command came in. Only the reader's task calls this.
    pub(crate) fn note_message(&self) {
        let before = self.messages_in.load(Ordering::Relaxed);
        self.messages_in.store(before + 1, Ordering::Relaxed);
    }

    /// Whether the other end gave a sign of life since this was last asked.
    pub(crate) fn was_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }
}

impl Line for Link {
    fn traffic(&self) -> Traffic {
        let closing = self.closing().is_some();
        let queue = self.queue.lock();
        let state = match queue.frames.front() {
            _ if closing || queue.sealed => LineState::Closing,
            Some(_) => LineState::Blocked,
            None => LineState::Active,
        };
        Traffic {
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: queue.bytes_out,
            messages_in: self.messages_in.load(Ordering::Relaxed),
            messages_out: queue.messages_out,
            queued_bytes: queue.bytes as u64,
            lag: queue
                .frames
                .front()
                .map_or(Duration::ZERO, |oldest| oldest.since.elapsed()),
            state,
        }
    }
}

impl Queue {
    /// Bytes that wait for the frame now being sent, which itself may have any size.
    fn behind_the_first(&self) -> usize {
        let first = self.frames.front().map_or(0, |first| first.rest.len());
        self.bytes.saturating_sub(first)
    }

    /// Ends the queue. What waited is to be dropped without its lock, for the
    /// sake of the receipts.
    fn abandon(&mut self) -> VecDeque<Queued> {
        self.sealed = true;
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);
    const LIMIT: usize = 4096;
    /// More than both ends of a loopback socket take.
    const ENORMOUS: usize = 32 * 1024 * 1024;

    /// A link and the other end of its socket.
    pub(crate) async fn link() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.writable().await.unwrap();
        let link = Link::new(ConnectionId(1), Generation::V4, server, LIMIT);
        (link, client)
    }

    fn bytes(letter: u8, length: usize) -> Bytes {
        Bytes::from(vec![letter; length])
    }

    async fn flush(link: &Link) {
        let flushed = poll_fn(|context| link.poll_flush(context));
        timeout(DEADLINE, flushed).await.unwrap().unwrap();
    }

    async fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut got = vec![0; length];
        let read = client.read_exact(&mut got);
        timeout(DEADLINE, read).await.unwrap().unwrap();
        got
    }

    /// Counts how often it was called; tells a drop by the strong count.
    fn receipt(called: &Arc<AtomicUsize>) -> Receipt {
        let called = Arc::clone(called);
        Box::new(move || {
            called.fetch_add(1, Ordering::SeqCst);
        })
    }

    #[tokio::test]
    async fn what_an_idle_socket_takes_does_not_wait() {
        let (link, mut client) = link().await;
        let called = Arc::new(AtomicUsize::new(0));
        assert_eq!(
            link.send_with_receipt(bytes(b'a', 10), receipt(&called)),
            Sent::Accepted
        );
        assert_eq!(called.load(Ordering::SeqCst), 1);
        assert_eq!(read(&mut client, 10).await, [b'a'; 10]);
    }

    #[tokio::test]
    async fn one_message_of_any_size_is_taken_and_one_more_behind_it() {
        let (link, mut client) = link().await;
        let called = Arc::new(AtomicUsize::new(0));
        let sent = link.send_with_receipt(bytes(b'a', ENORMOUS), receipt(&called));
        assert_eq!(sent, Sent::Accepted);
        assert_eq!(link.send(bytes(b'b', 10)), Sent::Accepted);
        assert_eq!(
            link.send_with_receipt(bytes(b'c', 2 * LIMIT), receipt(&called)),
            Sent::Accepted
        );
        assert_eq!(called.load(Ordering::SeqCst), 0);
        let reading =
            tokio::spawn(async move { read(&mut client, ENORMOUS + 10 + 2 * LIMIT).await });
        flush(&link).await;
        let got = reading.await.unwrap();
        assert!(got[..ENORMOUS].iter().all(|byte| *byte == b'a'));
        assert_eq!(got[ENORMOUS..][..10], [b'b'; 10]);
        assert!(got[ENORMOUS + 10..].iter().all(|byte| *byte == b'c'));
        assert_eq!(called.load(Ordering::SeqCst), 2);
        assert_eq!(link.closing(), None);
    }

    #[tokio::test]
    async fn past_the_bound_the_queue_is_dropped_at_once_and_said_once() {
        let (link, _client) = link().await;
        let called = Arc::new(AtomicUsize::new(0));
        link.send(bytes(b'a', ENORMOUS));
        link.send_with_receipt(bytes(b'b', LIMIT + 1), receipt(&called));
        assert_eq!(Arc::strong_count(&called), 2);
        assert_eq!(link.send(bytes(b'c', 1)), Sent::Overflow);
        assert_eq!(link.closing(), Some(CloseReason::SlowReader));
        assert_eq!(Arc::strong_count(&called), 1, "the receipt is dropped");
        assert_eq!(called.load(Ordering::SeqCst), 0, "and was not called");
        assert_eq!(link.queue.lock().frames.len(), 0);
        assert_eq!(link.send(bytes(b'd', 1)), Sent::Gone);
    }

    #[tokio::test]
    async fn what_went_and_what_waits_is_counted_to_the_byte() {
        let (link, mut client) = link().await;
        link.send_all(&[bytes(b'a', 10), bytes(b'b', 20)], &mut []);
        link.send_control(bytes(b'p', 2));
        let traffic = link.traffic();
        assert_eq!((traffic.messages_out, traffic.bytes_out), (2, 32));
        assert_eq!((traffic.queued_bytes, traffic.lag), (0, Duration::ZERO));
        assert_eq!(traffic.state, LineState::Active);

        link.send(bytes(b'c', ENORMOUS));
        link.send_control(bytes(b'p', 2));
        let traffic = link.traffic();
        assert_eq!(traffic.state, LineState::Blocked);
        assert_eq!(traffic.messages_out, 2, "half a message is none");
        let all = 34 + ENORMOUS as u64;
        assert_eq!(traffic.bytes_out + traffic.queued_bytes, all);

        let reading = tokio::spawn(async move { read(&mut client, 34 + ENORMOUS).await });
        flush(&link).await;
        reading.await.unwrap();
        let traffic = link.traffic();
        assert_eq!((traffic.messages_out, traffic.bytes_out), (3, all));
        assert_eq!(traffic.state, LineState::Active);

        link.close(CloseReason::Killed);
        assert_eq!(link.traffic().state, LineState::Closing);
    }

    #[tokio::test]
    async fn a_muted_link_writes_nothing_and_drops_what_waits() {
        let (link, mut client) = link().await;
        let called = Arc::new(AtomicUsize::new(0));
        link.enqueue(bytes(b'g', 5));
        link.send_with_receipt(bytes(b'a', 5), receipt(&called));
        link.mute();
        assert_eq!(Arc::strong_count(&called), 1);
        assert_eq!(
            link.send_with_receipt(bytes(b'b', 5), receipt(&called)),
            Sent::Gone
        );
        link.enqueue(bytes(b'c', 5));
        link.seal(Some(bytes(b'd', 5)));
        flush(&link).await;
        assert_eq!(called.load(Ordering::SeqCst), 0);
        drop(link);
        let mut got = Vec::new();
        let read = client.read_to_end(&mut got);
        timeout(DEADLINE, read).await.unwrap().unwrap();
        assert!(got.is_empty());
    }

    #[tokio::test]
    async fn nothing_follows_the_last_frame_but_what_waited_goes() {
        let (link, mut client) = link().await;
        link.enqueue(bytes(b'g', 5));
        link.seal(Some(bytes(b'z', 2)));
        assert_eq!(link.send(bytes(b'x', 5)), Sent::Gone);
        link.seal(Some(bytes(b'y', 2)));
        flush(&link).await;
        drop(link);
        let mut got = Vec::new();
        let read = client.read_to_end(&mut got);
        timeout(DEADLINE, read).await.unwrap().unwrap();
        assert_eq!(got, b"gggggzz");
    }

    #[tokio::test]
    async fn a_reader_that_takes_its_time_is_a_living_one() {
        let (link, mut client) = link().await;
        assert!(link.was_heard(), "a new connection is alive");
        assert!(!link.was_heard());
        link.send(bytes(b'a', ENORMOUS));
        assert!(!link.was_heard(), "sending alone proves nothing");
        let reading = tokio::spawn(async move { read(&mut client, ENORMOUS).await });
        flush(&link).await;
        assert!(link.was_heard());
        reading.await.unwrap();
    }
}
