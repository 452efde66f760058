//! Waking the shards, one step removed. A publisher that woke a shard itself would
//! wake another thread on the spot, and the fan-out would compete for the cores
//! with the acknowledgement that is still to be written. It wakes the usher
//! instead: a task that the runtime runs on the same thread, as soon as the
//! publisher waits for its next statement. The usher then sees to the shards: it wakes
//! them, or does in their stead what is less work than that (`stand_in`). A shard that
//! publishes for one of its browsers notes whom to see to at the end of its turn.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pipes::shard::MAX_SHARDS;
use pipes::sync::{AtomicU64, thread_local};
use tokio::sync::{Notify, watch};

use crate::shard::ShardQueue;

thread_local! {
    /// The shards this shard's thread has given work; none on other threads.
    static ERRANDS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Which shards have work nobody has told them of.
#[derive(Default)]
pub(crate) struct Usher {
    due: AtomicU64,
    called: Notify,
}

impl Usher {
    /// The shard with this number has work.
    pub(crate) fn call(&self, shard: usize) {
        let bit = 1 << (shard % MAX_SHARDS);
        if let Some(noted) = ERRANDS.with(Cell::get) {
            ERRANDS.with(|errands| errands.set(Some(noted | bit)));
            return;
        }
        self.due.fetch_or(bit, Ordering::AcqRel);
        self.called.notify_one();
    }

    /// Wakes shards until `shutdown` turns true.
    pub(crate) async fn run(
        self: Arc<Self>,
        shards: Vec<Arc<ShardQueue>>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                biased;
                () = self.called.notified() => {}
                changed = shutdown.changed() => {
                    if changed.is_err() || *shutdown.borrow() {
                        return;
                    }
                }
            }
            wake(&shards, self.due.swap(0, Ordering::AcqRel));
        }
    }
}

/// From here on this thread is a shard's: it sees to its own errands.
pub(crate) fn begin_errands() {
    ERRANDS.with(|errands| errands.set(Some(0)));
}

/// Wakes the shards this shard's thread has given work.
pub(crate) fn run_errands(shards: &[Arc<ShardQueue>]) {
    let noted = ERRANDS.with(Cell::get).unwrap_or_default();
    if noted != 0 {
        begin_errands();
        wake(shards, noted);
    }
}

fn wake(shards: &[Arc<ShardQueue>], due: u64) {
    for (number, shard) in shards.iter().enumerate() {
        if due & (1 << (number % MAX_SHARDS)) != 0 {
            shard.see_to();
        }
    }
}
