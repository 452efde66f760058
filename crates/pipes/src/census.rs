//! How much there is: connections, users, pipes and what went over the
//! connections, of one tenant or of the whole node, added up when somebody asks.
//! Nothing here is counted while messages are delivered.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crate::figure::Figure;
use crate::hall::Hall;
use crate::name::DevId;
use crate::traffic::Traffic;

/// The figures of one tenant, or of all, on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Browsers connected now.
    pub connections: u64,
    /// Users with a connection now.
    pub users: u64,
    /// Pipes with a subscriber now.
    pub pipes: u64,
    /// Subscriptions now: pipes counted once for each of their subscribers.
    pub subscriptions: u64,
    /// Messages accepted for pipes since the start.
    pub messages: u64,
    /// Private messages accepted since the start.
    pub private_messages: u64,
    /// What went over the connections since the start, those included that
    /// have closed.
    pub totals: Totals,
    /// Bytes that wait for sockets now.
    pub queued_bytes: u64,
}

/// What went over connections: those of [`Traffic`] that only ever grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes the kernel has taken.
    pub bytes_out: u64,
    /// Commands received.
    pub messages_in: u64,
    /// Messages the kernel has taken whole.
    pub messages_out: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, traffic: &Traffic) {
        self.bytes_in += traffic.bytes_in;
        self.bytes_out += traffic.bytes_out;
        self.messages_in += traffic.messages_in;
        self.messages_out += traffic.messages_out;
    }

    fn merge(&mut self, other: &Self) {
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
    }
}

impl Hall {
    /// The figures of a tenant, or with `None` of the node. Looks at every
    /// connection, so it is for people and for monitoring, not for every message.
    pub fn census(&self, dev_id: Option<DevId>) -> Census {
        let mut census = Census::default();
        self.roster.count(dev_id, &mut census);
        census.users = self.users.count_online(dev_id);
        (census.pipes, census.subscriptions) = self.pipes.count(dev_id);
        let tenants = self.tenant_counters.iter();
        for (_, counters) in tenants.filter(|(tenant, _)| dev_id.is_none_or(|own| own == **tenant))
        {
            census.messages += counters.messages.load(Ordering::Relaxed);
            census.private_messages += counters.private_messages.load(Ordering::Relaxed);
        }
        census
    }
}

/// Totals of connections that have closed, by tenant.
pub(crate) type Closed = HashMap<DevId, Totals>;

impl Census {
    /// What of it is no counter of the hall's.
    pub const FIGURES: &[Figure<Self>] = &[
        Figure::gauge("connections", "Browsers connected now", |census| {
            census.connections
        }),
        Figure::gauge("users", "Users with a connection now", |census| {
            census.users
        }),
        Figure::gauge("pipes", "Pipes with a subscriber now", |census| {
            census.pipes
        }),
        Figure::gauge(
            "subscriptions",
            "Subscriptions now, one for each pipe of each connection",
            |census| census.subscriptions,
        ),
        Figure::gauge(
            "queued_bytes",
            "Bytes that wait for sockets of browsers now",
            |census| census.queued_bytes,
        ),
        Figure::counter("messages_in", "Commands browsers have sent", |census| {
            census.totals.messages_in
        }),
        Figure::counter(
            "messages_out",
            "Messages the sockets of browsers have taken whole",
            |census| census.totals.messages_out,
        ),
        Figure::counter("bytes_in", "Bytes browsers have sent", |census| {
            census.totals.bytes_in
        }),
        Figure::counter(
            "bytes_out",
            "Bytes the sockets of browsers have taken",
            |census| census.totals.bytes_out,
        ),
    ];

    pub(crate) fn add_open(&mut self, traffic: &Traffic) {
        self.connections += 1;
        self.queued_bytes += traffic.queued_bytes;
        self.totals.add(traffic);
    }

    pub(crate) fn add_closed(&mut self, closed: &Closed, dev_id: Option<DevId>) {
        match dev_id {
            Some(dev_id) => {
                if let Some(totals) = closed.get(&dev_id) {
                    self.totals.merge(totals);
                }
            }
            None => closed.values().for_each(|totals| self.totals.merge(totals)),
        }
    }
}
