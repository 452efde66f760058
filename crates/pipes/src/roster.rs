//! Everybody who is connected: every open connection by its number, whoever it
//! belongs to. Who is subscribed to what is the pipes', who is which user the
//! users'. In stripes, so that opening and closing rarely meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::connection::Connection;
use crate::name::DevId;
use crate::shard::ConnectionId;

/// All open connections.
pub(crate) struct Roster {
    stripes: [Stripe; STRIPES],
}

type Stripe = Mutex<BTreeMap<ConnectionId, Arc<Connection>>>;

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
            stripe.lock().insert(connection.id, Arc::clone(connection));
        }
    }

    pub(crate) fn leave(&self, id: ConnectionId) {
        let left = self.stripe(id).and_then(|stripe| stripe.lock().remove(&id));
        // Dropped without the lock.
        drop(left);
    }

    pub(crate) fn find(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.stripe(id)?.lock().get(&id).cloned()
    }

    /// Up to `limit` connections of a tenant, or of all, by number.
    pub(crate) fn list(&self, dev_id: Option<DevId>, limit: usize) -> Vec<Arc<Connection>> {
        let mut found = Vec::new();
        for stripe in &self.stripes {
            found.extend(
                stripe
                    .lock()
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
}
