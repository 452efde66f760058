//! Working in the stead of a shard's thread while that waits. A message for a few
//! connections costs less to send than to wake another thread for, so whoever would
//! have to wake it sends it. What is more than a little, or anything but sending, is
//! left to the thread. Nobody ever waits to stand in.

use parking_lot::Mutex;
use pipes::shard::Delivery;

use crate::shard::Item;
use crate::worker::Worker;

/// Sends done in somebody's stead at once: a few dozen microseconds.
const FEW: usize = 8;
/// Rounds in a row, before it is the thread's turn.
const ROUNDS: usize = 4;

/// Does what is queued for a shard whose thread waits. Gives whether that is all: if
/// not, the thread has to be woken.
pub(crate) fn stand_in(worker: &Mutex<Worker>) -> bool {
    match worker.try_lock() {
        Some(mut worker) => worker.do_a_little(),
        None => false,
    }
}

impl Worker {
    /// As [`stand_in`], with the shard's state in hand.
    pub(crate) fn do_a_little(&mut self) -> bool {
        for _ in 0..ROUNDS {
            let mut items = std::mem::take(&mut self.items);
            let are_few = self
                .queue
                .take_few(&mut items, FEW, |item| self.sends(item));
            self.items = items;
            if !are_few {
                return false;
            }
            self.work_off();
            if !self.eager.is_empty() || self.next_time() < self.asleep_until {
                return false;
            }
            // Whoever queues something from here on finds the shard asleep again.
            if self.queue.may_sleep() {
                return true;
            }
        }
        false
    }

    /// How many connections the item goes to, at most; very many if it is more than
    /// something to be sent.
    fn sends(&self, item: &Item) -> usize {
        match item {
            Item::Hall(Delivery::Publish { pipe, .. }) => self.members.count(*pipe).max(1),
            Item::Hall(Delivery::Direct { .. }) | Item::Answer { .. } => 1,
            _ => usize::MAX,
        }
    }
}
