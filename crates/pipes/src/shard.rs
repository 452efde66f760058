//! The way out: what the hall asks of the shards that own the connections'
//! outbound side. The hall hands one item to each shard that has a subscriber,
//! never one per subscriber; what happens to it there is the door's business.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::message::Outgoing;

/// One browser connection. Never reused while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The first number. Doors that number sessions of their own stay below, so
    /// that one number never means two.
    pub const FIRST: Self = Self(1_000_000_001);
}

/// One living pipe. A pipe that empties and comes back has another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PipeId(pub u64);

/// The most shards a server can have.
pub const MAX_SHARDS: usize = 64;

/// A shard: an ordered queue of deliveries and the connections it serves.
pub trait Shard: Send + Sync + 'static {
    /// Queues a delivery. Called under locks: must not block or make a system call.
    fn push(&self, delivery: Delivery);

    /// Lets the shard start on what is queued. Called without locks.
    fn wake(&self);

    /// Whether so much is queued that publishers should wait.
    fn is_congested(&self) -> bool;

    /// Resolves when the shard is not congested any more.
    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Called once an item has been handed to the kernel; dropped uncalled when the
/// connection closed before. It may submit to the store, whose completions push
/// to shards: call and drop it without holding what [`Shard::push`] needs.
pub type Receipt = Box<dyn FnOnce() + Send>;

/// One thing for a shard to do, in order.
pub enum Delivery {
    /// The connection receives the pipe's events from here on.
    Join {
        /// Who.
        connection: ConnectionId,
        /// What.
        pipe: PipeId,
    },
    /// The connection receives them no more.
    Leave {
        /// Who.
        connection: ConnectionId,
        /// What.
        pipe: PipeId,
    },
    /// An event for every member of the pipe on this shard.
    Publish {
        /// The pipe.
        pipe: PipeId,
        /// The event.
        event: Arc<Outgoing>,
        /// The publisher's own connection, which gets none.
        except: Option<ConnectionId>,
    },
    /// An event for one connection.
    Direct {
        /// Who.
        connection: ConnectionId,
        /// The event.
        event: Arc<Outgoing>,
        /// What to do once it is handed over.
        receipt: Option<Receipt>,
    },
    /// The connection must go.
    Close {
        /// Who.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
}

/// Why the server closes a connection. Doors tell it to clients that can hear
/// it; metrics and logs show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The user's access key was deleted.
    KeyDeleted,
    /// A token of the user was revoked.
    TokenRevoked,
    /// The client did not read fast enough; its queue was full.
    SlowReader,
    /// Nothing was heard from the client for two keep-alive intervals.
    Silent,
    /// An operator closed it (`KILL`).
    Killed,
    /// The server is stopping.
    Shutdown,
}

impl CloseReason {
    /// The reason as one word, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyDeleted => "key_deleted",
            Self::TokenRevoked => "token_revoked",
            Self::SlowReader => "slow_reader",
            Self::Silent => "silent",
            Self::Killed => "killed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The shards a set of pushes has touched, to be woken after all locks are gone.
#[derive(Debug, Default, Clone, Copy)]
#[must_use]
pub(crate) struct Touched(u64);

impl Touched {
    pub(crate) fn add(&mut self, shard: usize) {
        self.0 |= 1 << (shard % MAX_SHARDS);
    }

    pub(crate) fn wake(self, shards: &[Arc<dyn Shard>]) {
        for (index, shard) in shards.iter().enumerate() {
            if self.0 & (1 << (index % MAX_SHARDS)) != 0 {
                shard.wake();
            }
        }
    }
}
