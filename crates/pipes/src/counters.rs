//! What the hall counts while it works: per message or rarer, never per delivery.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::figure::Figure;
use crate::shard::CloseReason;

/// What the hall has counted since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages accepted for pipes.
    pub messages: AtomicU64,
    /// Private messages accepted.
    pub private_messages: AtomicU64,
    /// Private messages dropped because a mailbox was full.
    pub mail_dropped: AtomicU64,
    /// Browser connections opened.
    pub connections_opened: AtomicU64,
    /// Browser connections closed.
    pub connections_closed: AtomicU64,
    /// Of these, closed by the server because they read too slowly.
    pub slow_readers: AtomicU64,
    /// Of these, closed by the server because nothing was heard from them.
    pub silent_readers: AtomicU64,
    /// Of these, closed by KILL.
    pub killed: AtomicU64,
    /// Of these, closed because the user's key was deleted.
    pub keys_deleted: AtomicU64,
    /// Of these, closed because the user's token was revoked.
    pub tokens_revoked: AtomicU64,
    /// Of these, closed because the server is stopping.
    pub shut_down: AtomicU64,
    /// Names browsers were refused to subscribe to.
    pub subscriptions_refused: AtomicU64,
    /// Browser connections refused because their user had too many.
    pub user_connections_refused: AtomicU64,
    /// Subscriptions ended because a changed rule forbids them.
    pub unsubscribed: AtomicU64,
    /// Messages of browsers refused by a rule.
    pub publications_refused: AtomicU64,
    /// Times a publisher waited because a shard was too far behind.
    pub publishers_waited: AtomicU64,
}

/// What the hall has counted of one tenant.
#[derive(Debug, Default)]
pub struct TenantCounters {
    /// Messages accepted for its pipes.
    pub messages: AtomicU64,
    /// Private messages accepted for its users.
    pub private_messages: AtomicU64,
    /// Browser connections open now.
    pub connections: AtomicU64,
}

impl Counters {
    /// Every counter, in the order in which they are shown.
    pub const FIGURES: &[Figure<Self>] = &[
        Figure::counter("messages", "Messages accepted for pipes", |counters| {
            load(&counters.messages)
        }),
        Figure::counter(
            "private_messages",
            "Private messages accepted",
            |counters| load(&counters.private_messages),
        ),
        Figure::counter(
            "mail_dropped",
            "Private messages dropped because a mailbox was full",
            |counters| load(&counters.mail_dropped),
        ),
        Figure::counter(
            "connections_opened",
            "Browser connections opened",
            |counters| load(&counters.connections_opened),
        ),
        Figure::counter(
            "connections_closed",
            "Browser connections closed",
            |counters| load(&counters.connections_closed),
        ),
        Figure::counter(
            "slow_readers",
            "Of these, closed by the server because they read too slowly",
            |counters| load(&counters.slow_readers),
        ),
        Figure::counter(
            "silent_readers",
            "Of these, closed by the server because nothing was heard from them",
            |counters| load(&counters.silent_readers),
        ),
        Figure::counter("killed", "Of these, closed by KILL", |counters| {
            load(&counters.killed)
        }),
        Figure::counter(
            "keys_deleted",
            "Of these, closed because the user's key was deleted",
            |counters| load(&counters.keys_deleted),
        ),
        Figure::counter(
            "tokens_revoked",
            "Of these, closed because the user's token was revoked",
            |counters| load(&counters.tokens_revoked),
        ),
        Figure::counter(
            "shut_down",
            "Of these, closed because the server is stopping",
            |counters| load(&counters.shut_down),
        ),
        Figure::counter(
            "subscriptions_refused",
            "Names browsers were refused to subscribe to",
            |counters| load(&counters.subscriptions_refused),
        ),
        Figure::counter(
            "user_connections_refused",
            "Browser connections refused because their user had too many",
            |counters| load(&counters.user_connections_refused),
        ),
        Figure::counter(
            "unsubscribed",
            "Subscriptions ended because a changed rule forbids them",
            |counters| load(&counters.unsubscribed),
        ),
        Figure::counter(
            "publications_refused",
            "Messages of browsers refused by a rule",
            |counters| load(&counters.publications_refused),
        ),
        Figure::counter(
            "publishers_waited",
            "Times a publisher waited because a shard was too far behind",
            |counters| load(&counters.publishers_waited),
        ),
    ];

    pub(crate) fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }

    /// Counts a connection that the server closes, by its reason.
    pub fn note_closed(&self, reason: CloseReason) {
        match reason {
            CloseReason::SlowReader => Self::add(&self.slow_readers, 1),
            CloseReason::Silent => Self::add(&self.silent_readers, 1),
            CloseReason::Killed => Self::add(&self.killed, 1),
            CloseReason::KeyDeleted => Self::add(&self.keys_deleted, 1),
            CloseReason::TokenRevoked => Self::add(&self.tokens_revoked, 1),
            CloseReason::Shutdown => Self::add(&self.shut_down, 1),
        }
    }

    /// Connections open now, over all tenants.
    pub fn connections(&self) -> u64 {
        load(&self.connections_opened).saturating_sub(load(&self.connections_closed))
    }
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_shown_under_its_own_name() {
        let counters = Counters::default();
        let shown = format!("{counters:?}");
        let names = shown.matches(": ").count();
        assert_eq!(Counters::FIGURES.len(), names, "{shown}");
        for figure in Counters::FIGURES {
            assert!(shown.contains(&format!("{}: ", figure.name)), "{shown}");
        }
    }
}
