//! Everybody who is connected: every open connection by its number, whoever it
//! belongs to. Who is subscribed to what is the pipes', who is which user the
//! users'. In stripes, so that opening and closing rarely meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::census::{Census, Closed};
use crate::connection::Connection;
use crate::name::DevId;
use crate::shard::ConnectionId;
use crate::sync::Mutex;

/// All open connections.
pub(crate) struct Roster {
    stripes: [Stripe; STRIPES],
}

type Stripe = Mutex<Entries>;

#[derive(Default)]
struct Entries {
    open: BTreeMap<ConnectionId, Arc<Connection>>,
    /// What went over those that have left. Under the same lock, so that a
    /// connection is never counted twice or not at all.
    closed: Closed,
}

const STRIPES: usize = 64;

impl Roster {
    pub(crate) fn new() -> Self {
        Self {
            stripes: std::array::from_fn(|_| Stripe::default()),
        }
    }

    fn stripe(&self, id: ConnectionId) -> Option<&Stripe> {
        self.stripes.get(id.0 as usize % STRIPES)
    }

    pub(crate) fn enter(&self, connection: &Arc<Connection>) {
        if let Some(stripe) = self.stripe(connection.id) {
            stripe
                .lock()
                .open
                .insert(connection.id, Arc::clone(connection));
        }
    }

    pub(crate) fn leave(&self, id: ConnectionId) {
        let Some(stripe) = self.stripe(id) else {
            return;
        };
        let mut entries = stripe.lock();
        let left = entries.open.remove(&id);
        if let Some(left) = &left {
            let totals = entries.closed.entry(left.dev_id).or_default();
            totals.add(&left.traffic());
        }
        drop(entries);
        // Dropped without the lock.
        drop(left);
    }

    pub(crate) fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.stripe(id)?.lock().open.get(&id).cloned()
    }

    /// Up to `limit` connections of a tenant, or of all, by number.
    pub(crate) fn list(&self, dev_id: Option<DevId>, limit: usize) -> Vec<Arc<Connection>> {
        let mut found = Vec::new();
        for stripe in &self.stripes {
            found.extend(
                stripe
                    .lock()
                    .open
                    .values()
                    .filter(|connection| dev_id.is_none_or(|dev_id| connection.dev_id == dev_id))
                    .take(limit)
                    .cloned(),
            );
        }
        found.sort_by_key(|connection| connection.id);
        found.truncate(limit);
        found
    }

    /// Adds up what went over the connections of a tenant, or of all.
    pub(crate) fn count(&self, dev_id: Option<DevId>, census: &mut Census) {
        for stripe in &self.stripes {
            let entries = stripe.lock();
            for connection in entries.open.values() {
                if dev_id.is_none_or(|dev_id| connection.dev_id == dev_id) {
                    census.add_open(&connection.traffic());
                }
            }
            census.add_closed(&entries.closed, dev_id);
        }
    }
}
