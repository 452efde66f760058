//! A shard: the queue of what its connections are due, in order, and the thread
//! that works it off. This is the queue, as the hall, the tasks and the other
//! shards see it. The thread is in `worker`.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use mio::{Poll, Token, Waker};
use pipes::connection::Connection;
use pipes::error::HallError;
use pipes::message::Event;
use pipes::shard::{CloseReason, ConnectionId, Delivery, Receipt, Shard};
use pipes::sync::{AtomicBool, AtomicUsize, Mutex};
use tokio::sync::Notify;

use crate::arrival::Arrival;
use crate::doorstep::Caller;
use crate::peer::End;
use crate::stand_in::stand_in;
use crate::usher::Usher;
use crate::worker::Worker;

/// How many items are taken together: bounds what one connection is handed at once.
pub(crate) const ITEMS_PER_ROUND: usize = 256;
/// What the thread is told under when somebody wakes it.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// The queue of one shard.
pub struct ShardQueue {
    items: Mutex<VecDeque<Item>>,
    backlog: AtomicUsize,
    backlog_limit: usize,
    /// The readers do not keep up.
    is_ahead: AtomicBool,
    /// The thread waits, or is about to.
    asleep: AtomicBool,
    waker: Waker,
    /// For the thread, until it starts.
    poll: Mutex<Option<Poll>>,
    /// What the thread works on, once it has started: others may do so while it waits.
    worker: OnceLock<Weak<parking_lot::Mutex<Worker>>>,
    /// Who tells this shard of its work, and under which number.
    usher: (Arc<Usher>, usize),
    relief: Notify,
}

/// One thing for a shard to do.
pub(crate) enum Item {
    /// What the hall wants delivered.
    Hall(Delivery),
    /// Somebody at the door.
    Call(Box<Caller>),
    /// A new connection.
    Open(Box<Arrival>),
    /// Whether it is let in.
    Admitted(ConnectionId, Box<Result<Arc<Connection>, HallError>>),
    /// The answer to something it asked for.
    Answer {
        connection: ConnectionId,
        frame: Bytes,
        receipt: Option<Receipt>,
    },
    /// What it asked for is done: the next it said may be carried out.
    Done(ConnectionId),
    /// It ends, once what was queued before has gone.
    Ended(ConnectionId, End),
    /// The hall has let go of it, and of its pipes before.
    Gone(ConnectionId),
    /// Everybody must go, those still to come too.
    CloseAll(CloseReason),
    /// The thread ends.
    Stop,
}

impl ShardQueue {
    /// The empty queue of shard `number`, woken by `usher`, that asks publishers to
    /// wait past `backlog_limit` bytes.
    ///
    /// # Errors
    /// The system lets nobody wait for sockets.
    pub(crate) fn new(
        backlog_limit: usize,
        usher: &Arc<Usher>,
        number: usize,
    ) -> io::Result<Arc<Self>> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        Ok(Arc::new(Self {
            items: Mutex::default(),
            backlog: AtomicUsize::new(0),
            backlog_limit,
            is_ahead: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            waker,
            poll: Mutex::new(Some(poll)),
            worker: OnceLock::new(),
            usher: (Arc::clone(usher), number),
            relief: Notify::new(),
        }))
    }

    /// What the thread waits with; there is one, for one thread.
    pub(crate) fn take_poll(&self) -> Option<Poll> {
        self.poll.lock().take()
    }

    /// The thread has started, and works on this.
    pub(crate) fn lend(&self, worker: &Arc<parking_lot::Mutex<Worker>>) {
        let _ = self.worker.set(Arc::downgrade(worker));
    }

    /// Starts the thread on what is queued.
    pub(crate) fn begin(&self) {
        if self.is_needed() {
            self.rouse();
        }
    }

    /// Sees to what is queued: does a little of it on the spot, or starts the thread
    /// on it. To be called without any lock of the hall.
    pub(crate) fn see_to(&self) {
        if !self.is_needed() {
            return;
        }
        let worker = self.worker.get().and_then(Weak::upgrade);
        if !worker.is_some_and(|worker| stand_in(&worker)) {
            self.rouse();
        }
    }

    /// Whether there is something to do and the thread waits; says so once.
    fn is_needed(&self) -> bool {
        self.backlog.load(Ordering::SeqCst) > 0 && self.asleep.swap(false, Ordering::SeqCst)
    }

    fn rouse(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "shard_not_woken");
        }
    }

    /// Queues an item and starts the thread on it.
    pub(crate) fn give(&self, item: Item) {
        self.enqueue(item);
        self.begin();
    }

    /// Queues an item. Makes no system call.
    pub(crate) fn enqueue(&self, item: Item) {
        // Counted before it can be taken, or the count could fall below zero.
        self.backlog.fetch_add(item.weight(), Ordering::SeqCst);
        self.items.lock().push_back(item);
    }

    /// The thread is about to wait. Gives whether it may.
    pub(crate) fn may_sleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let may = self.backlog.load(Ordering::SeqCst) == 0;
        if !may {
            self.wake_up();
        }
        may
    }

    /// The thread is at work.
    pub(crate) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Takes the items of a round.
    pub(crate) fn take(&self, into: &mut Vec<Item>) {
        let mut items = self.items.lock();
        let count = items.len().min(ITEMS_PER_ROUND);
        into.extend(items.drain(..count));
        if items.is_empty() && items.capacity() > 4 * ITEMS_PER_ROUND {
            *items = VecDeque::new();
        }
    }

    /// Takes all items if they come to at most `most`, each measured by `size`. Gives
    /// whether they do.
    pub(crate) fn take_few(
        &self,
        into: &mut Vec<Item>,
        most: usize,
        size: impl Fn(&Item) -> usize,
    ) -> bool {
        let mut items = self.items.lock();
        let sizes = items.iter().scan(0_usize, |sum, item| {
            *sum = sum.saturating_add(size(item));
            Some(*sum)
        });
        let are_few = items.len() <= most && sizes.last().is_none_or(|sum| sum <= most);
        if are_few {
            into.extend(items.drain(..));
        }
        are_few
    }

    /// Items of this weight are worked off.
    pub(crate) fn relieve(&self, weight: usize) {
        let before = self.backlog.fetch_sub(weight, Ordering::SeqCst);
        if before > self.backlog_limit && before - weight <= self.backlog_limit {
            self.relief.notify_waiters();
        }
    }

    /// Says whether the shard runs too far ahead of its readers.
    pub(crate) fn set_ahead(&self, is_ahead: bool) {
        if self.is_ahead.load(Ordering::Relaxed) != is_ahead {
            self.is_ahead.store(is_ahead, Ordering::SeqCst);
            if !is_ahead {
                self.relief.notify_waiters();
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::SeqCst)
    }
}

impl Shard for ShardQueue {
    fn push(&self, delivery: Delivery) {
        self.enqueue(Item::Hall(delivery));
    }

    fn wake(&self) {
        let (usher, number) = &self.usher;
        usher.call(*number);
    }

    fn is_congested(&self) -> bool {
        self.backlog.load(Ordering::SeqCst) > self.backlog_limit
            || self.is_ahead.load(Ordering::SeqCst)
    }

    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            loop {
                let mut relief = std::pin::pin!(self.relief.notified());
                relief.as_mut().enable();
                if !self.is_congested() {
                    return;
                }
                relief.await;
            }
        })
    }
}

impl Item {
    /// What the item counts against the backlog, in bytes, about its memory; never 0.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 256;
        const SMALL: usize = 64;
        match self {
            Self::Hall(Delivery::Publish { event, .. } | Delivery::Direct { event, .. }) => {
                OVERHEAD
                    + match event.event() {
                        Event::Message(live) => live.message.payload.len(),
                        Event::Private { message, .. } => message.payload.len(),
                        _ => 0,
                    }
            }
            Self::Answer { frame, .. } => OVERHEAD + frame.len(),
            _ => SMALL,
        }
    }
}

#[cfg(all(test, feature = "models"))]
mod models;
#[cfg(test)]
mod tests;
