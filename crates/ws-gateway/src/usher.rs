//! Waking the shards, one step removed. A publisher that woke a shard itself would
//! wake another thread on the spot, and the fan-out would compete for the cores
//! with the acknowledgement that is still to be written. It wakes the usher
//! instead: a task that the runtime runs on the same thread, as soon as the
//! publisher waits for its next statement. The usher then wakes the shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pipes::shard::MAX_SHARDS;
use tokio::sync::{Notify, watch};

use crate::shard::ShardQueue;

/// Which shards have work nobody has told them of.
#[derive(Default)]
pub(crate) struct Usher {
    due: AtomicU64,
    called: Notify,
}

impl Usher {
    /// The shard with this number has work.
    pub(crate) fn call(&self, shard: usize) {
        self.due
            .fetch_or(1 << (shard % MAX_SHARDS), Ordering::AcqRel);
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
            let due = self.due.swap(0, Ordering::AcqRel);
            for (number, shard) in shards.iter().enumerate() {
                if due & (1 << (number % MAX_SHARDS)) != 0 {
                    shard.begin();
                }
            }
        }
    }
}
