//! A shard: an ordered queue of deliveries and the connections it serves. It
//! drains what waits, collects what is due to each connection, and then goes
//! over the touched connections once, with one vectored write each. Under load
//! the batches grow by themselves and the cost of a delivery falls.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use pipes::message::{ENCODINGS, Event};
use pipes::shard::{CloseReason, ConnectionId, Delivery, PipeId, Receipt, Shard};
use tokio::sync::{Notify, watch};
use tokio::task;
use tokio::time::{self, MissedTickBehavior};

use crate::event;
use crate::frame;
use crate::outbox::{Link, Sent};
use crate::usher::Usher;

/// How many items are taken together: bounds what one connection is handed at once.
const ITEMS_PER_ROUND: usize = 256;
/// How many connections are written before other tasks may run.
const WRITES_BEFORE_YIELD: usize = 256;
/// How often a keep-alive interval looks for quiet connections.
const SWEEPS_PER_INTERVAL: u32 = 5;
/// In how many slices a sweep is done, so that no delivery waits for many pings.
const SLICES_PER_SWEEP: u32 = 16;
/// However short the interval, slices are no closer together.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// The queue of one shard, as the hall and the connections see it.
pub struct ShardQueue {
    items: Mutex<VecDeque<Item>>,
    backlog: AtomicUsize,
    backlog_limit: usize,
    work: Notify,
    /// Who tells this shard of its work, and under which number.
    usher: (Arc<Usher>, usize),
    relief: Notify,
}

enum Item {
    Hall(Delivery),
    Open(Arc<Link>),
    Gone(ConnectionId),
    CloseAll(CloseReason),
}

impl ShardQueue {
    /// The empty queue of shard `number`, woken by `usher`, that asks publishers to
    /// wait past `backlog_limit` bytes.
    pub(crate) fn new(backlog_limit: usize, usher: &Arc<Usher>, number: usize) -> Arc<Self> {
        Arc::new(Self {
            items: Mutex::default(),
            backlog: AtomicUsize::new(0),
            backlog_limit,
            work: Notify::new(),
            usher: (Arc::clone(usher), number),
            relief: Notify::new(),
        })
    }

    /// Starts on what is queued.
    pub(crate) fn begin(&self) {
        self.work.notify_one();
    }

    /// Takes a connection in; deliveries for it may follow.
    pub(crate) fn open(&self, link: Arc<Link>) {
        self.enqueue(Item::Open(link));
        self.work.notify_one();
    }

    /// Forgets a connection.
    pub(crate) fn gone(&self, id: ConnectionId) {
        self.enqueue(Item::Gone(id));
        self.work.notify_one();
    }

    /// Asks every connection to end, those still to come too.
    pub(crate) fn close_all(&self, reason: CloseReason) {
        self.enqueue(Item::CloseAll(reason));
        self.work.notify_one();
    }

    fn take(&self, into: &mut Vec<Item>) {
        let mut items = self.items.lock();
        let count = items.len().min(ITEMS_PER_ROUND);
        into.extend(items.drain(..count));
        if items.is_empty() && items.capacity() > 4 * ITEMS_PER_ROUND {
            *items = VecDeque::new();
        }
    }

    /// Runs the shard until `shutdown` turns true.
    pub async fn run(self: Arc<Self>, keep_alive: Duration, mut shutdown: watch::Receiver<bool>) {
        let mut members = Members::default();
        let period = (keep_alive / (SWEEPS_PER_INTERVAL * SLICES_PER_SWEEP)).max(SHORTEST_PERIOD);
        let mut tick = time::interval(period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut swept = Instant::now();
        let mut round = Vec::with_capacity(ITEMS_PER_ROUND);
        loop {
            tokio::select! {
                biased;
                () = self.work.notified() => {}
                _ = tick.tick() => {
                    swept = Instant::now();
                    members.sweep();
                }
                changed = shutdown.changed() => {
                    if changed.is_err() || *shutdown.borrow() {
                        return;
                    }
                }
            }
            loop {
                // Under a load that never lets up the tick is not asked.
                if swept.elapsed() >= 2 * period {
                    swept = Instant::now();
                    members.sweep();
                }
                self.take(&mut round);
                if round.is_empty() {
                    break;
                }
                let mut batch = Batch::default();
                let mut relieved = 0;
                for item in round.drain(..) {
                    relieved += item.weight();
                    members.collect(item, &mut batch);
                }
                members.write(batch).await;
                let before = self.backlog.fetch_sub(relieved, Ordering::AcqRel);
                if before > self.backlog_limit && before - relieved <= self.backlog_limit {
                    self.relief.notify_waiters();
                }
            }
        }
    }

    fn enqueue(&self, item: Item) {
        // Counted before it can be taken, or the count could fall below zero.
        self.backlog.fetch_add(item.weight(), Ordering::AcqRel);
        self.items.lock().push_back(item);
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
        self.backlog.load(Ordering::Acquire) > self.backlog_limit
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
    /// What the item counts against the backlog, in bytes, about its memory.
    fn weight(&self) -> usize {
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
            _ => SMALL,
        }
    }
}

/// The frames of one round, and who is due any.
#[derive(Default)]
struct Batch {
    frames: Vec<Bytes>,
    touched: Vec<u32>,
}

impl Batch {
    fn add(&mut self, frame: Bytes) -> u32 {
        let index = self.frames.len() as u32;
        self.frames.push(frame);
        index
    }
}

/// The connections of one shard and what they are subscribed to.
#[derive(Default)]
struct Members {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_id: HashMap<ConnectionId, u32>,
    by_pipe: HashMap<PipeId, Subscribers>,
    /// Set once everybody was asked to end.
    closing: Option<CloseReason>,
    /// The slice of connections to sweep next.
    slice: u32,
}

struct Slot {
    link: Arc<Link>,
    /// Frames of the round due to this connection, by index.
    due: Vec<u32>,
    receipts: Vec<(usize, Receipt)>,
    /// Sweeps since the other end last gave a sign of life.
    quiet: u32,
}

/// The slots of one pipe's subscribers, in order of arrival but for removals.
#[derive(Default)]
struct Subscribers {
    slots: Vec<u32>,
    /// Where each slot is, kept only when there are too many to search.
    places: Option<HashMap<u32, usize>>,
}

const SEARCHABLE: usize = 128;

impl Members {
    fn collect(&mut self, item: Item, batch: &mut Batch) {
        match item {
            Item::Open(link) => self.open(link),
            Item::Gone(id) => self.remove(id),
            Item::CloseAll(reason) => {
                self.closing = Some(reason);
                for slot in self.slots.iter().flatten() {
                    slot.link.close(reason);
                }
            }
            Item::Hall(Delivery::Join { connection, pipe }) => {
                if let Some(slot) = self.by_id.get(&connection) {
                    self.by_pipe.entry(pipe).or_default().insert(*slot);
                }
            }
            Item::Hall(Delivery::Leave { connection, pipe }) => {
                if let Some(slot) = self.by_id.get(&connection)
                    && let Some(subscribers) = self.by_pipe.get_mut(&pipe)
                {
                    subscribers.remove(*slot);
                    if subscribers.slots.is_empty() {
                        self.by_pipe.remove(&pipe);
                    }
                }
            }
            Item::Hall(Delivery::Publish {
                pipe,
                event,
                except,
            }) => {
                let Some(subscribers) = self.by_pipe.get(&pipe) else {
                    return;
                };
                let except = except.and_then(|id| self.by_id.get(&id).copied());
                let mut made: [Option<u32>; ENCODINGS] = [None; ENCODINGS];
                for index in &subscribers.slots {
                    if Some(*index) == except {
                        continue;
                    }
                    let Some(Some(slot)) = self.slots.get_mut(*index as usize) else {
                        continue;
                    };
                    let generation = slot.link.generation;
                    let Some(known) = made.get_mut(generation.slot()) else {
                        continue;
                    };
                    let frame = *known
                        .get_or_insert_with(|| batch.add(event::outgoing(&event, generation)));
                    slot.due(frame, *index, &mut batch.touched);
                }
            }
            Item::Hall(Delivery::Direct {
                connection,
                event,
                receipt,
            }) => {
                let Some(index) = self.by_id.get(&connection).copied() else {
                    return;
                };
                let Some(Some(slot)) = self.slots.get_mut(index as usize) else {
                    return;
                };
                let frame = batch.add(event::outgoing(&event, slot.link.generation));
                slot.due(frame, index, &mut batch.touched);
                if let Some(receipt) = receipt {
                    slot.receipts.push((slot.due.len() - 1, receipt));
                }
            }
            Item::Hall(Delivery::Close { connection, reason }) => {
                if let Some(index) = self.by_id.get(&connection)
                    && let Some(Some(slot)) = self.slots.get(*index as usize)
                {
                    slot.link.close(reason);
                }
            }
        }
    }

    fn open(&mut self, link: Arc<Link>) {
        let id = link.id;
        if let Some(reason) = self.closing {
            link.close(reason);
        }
        let slot = Some(Slot {
            link,
            due: Vec::new(),
            receipts: Vec::new(),
            quiet: 0,
        });
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(room) = self.slots.get_mut(index as usize) {
                    *room = slot;
                }
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.by_id.insert(id, index);
    }

    /// The hall has left all pipes for this connection before.
    fn remove(&mut self, id: ConnectionId) {
        if let Some(index) = self.by_id.remove(&id) {
            if let Some(room) = self.slots.get_mut(index as usize) {
                *room = None;
            }
            self.free.push(index);
        }
    }

    async fn write(&mut self, batch: Batch) {
        let mut frames: Vec<Bytes> = Vec::new();
        let mut receipts: Vec<Option<Receipt>> = Vec::new();
        for (count, index) in batch.touched.into_iter().enumerate() {
            if count % WRITES_BEFORE_YIELD == WRITES_BEFORE_YIELD - 1 {
                task::yield_now().await;
            }
            let Some(Some(slot)) = self.slots.get_mut(index as usize) else {
                continue;
            };
            match slot.due.as_slice() {
                // The common case when idle: no list is built.
                [frame] if slot.receipts.is_empty() => match batch.frames.get(*frame as usize) {
                    Some(frame) => slot.link.send_all(std::slice::from_ref(frame), &mut []),
                    None => Sent::Gone,
                },
                due => {
                    frames.clear();
                    frames.extend(
                        due.iter()
                            .filter_map(|frame| batch.frames.get(*frame as usize).cloned()),
                    );
                    receipts.clear();
                    for (place, receipt) in slot.receipts.drain(..) {
                        receipts.resize_with(receipts.len().max(place + 1), || None);
                        if let Some(room) = receipts.get_mut(place) {
                            *room = Some(receipt);
                        }
                    }
                    slot.link.send_all(&frames, &mut receipts)
                }
            };
            slot.settle();
        }
    }

    /// Looks at one slice of the connections: pings who was quiet for one interval, gives up on who was for two. Counts
    /// sweeps, not time: after a halt of the whole server nobody is given up
    /// who was not asked before.
    fn sweep(&mut self) {
        let slice = self.slice as usize;
        self.slice = (self.slice + 1) % SLICES_PER_SWEEP;
        let slots = self.slots.iter_mut().skip(slice);
        for slot in slots.step_by(SLICES_PER_SWEEP as usize).flatten() {
            if slot.link.was_heard() {
                slot.quiet = 0;
                continue;
            }
            slot.quiet = slot.quiet.saturating_add(1);
            if slot.quiet == SWEEPS_PER_INTERVAL {
                slot.link.send_control(frame::ping());
            } else if slot.quiet == 2 * SWEEPS_PER_INTERVAL {
                slot.link.close(CloseReason::Silent);
            }
        }
    }
}

impl Slot {
    fn due(&mut self, frame: u32, index: u32, touched: &mut Vec<u32>) {
        if self.due.is_empty() {
            touched.push(index);
        }
        self.due.push(frame);
    }

    /// Makes ready for the next round; a connection keeps no large list.
    fn settle(&mut self) {
        if self.due.capacity() > 8 {
            self.due = Vec::new();
            self.receipts = Vec::new();
        } else {
            self.due.clear();
        }
    }
}

impl Subscribers {
    fn insert(&mut self, slot: u32) {
        self.slots.push(slot);
        match &mut self.places {
            Some(places) => {
                places.insert(slot, self.slots.len() - 1);
            }
            None if self.slots.len() > SEARCHABLE => {
                let places = self.slots.iter().copied().enumerate();
                self.places = Some(places.map(|(place, slot)| (slot, place)).collect());
            }
            None => {}
        }
    }

    fn remove(&mut self, slot: u32) {
        let place = match &mut self.places {
            Some(places) => places.remove(&slot),
            None => self.slots.iter().position(|known| *known == slot),
        };
        let Some(place) = place.filter(|place| *place < self.slots.len()) else {
            return;
        };
        self.slots.swap_remove(place);
        if let (Some(places), Some(moved)) = (&mut self.places, self.slots.get(place)) {
            places.insert(*moved, place);
        }
    }
}

#[cfg(test)]
mod tests;
