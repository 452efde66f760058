//! Every bound the hall keeps, by name, with its default and its reason.

use std::time::Duration;

/// The hall's bounds. Memory is bounded by configuration: each number here times
/// the size of what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Pipes one connection may be subscribed to. The original allowed 32, pages
    /// with more silently lost some.
    pub subscriptions_per_connection: usize,
    /// Connections one user may have open.
    pub connections_per_user: usize,
    /// Pipes with a row in `pipes_settings`, over all tenants.
    pub pipe_settings: usize,
    /// Messages one reading of a history gives, the newest.
    pub history_read: usize,
    /// Messages a `trust_` pipe without settings keeps.
    pub trust_length: u32,
    /// How long a `trust_` pipe without settings keeps them.
    pub trust_age: Duration,
    /// Private messages one mailbox holds; the oldest go first.
    pub mailbox_length: u32,
    /// How long a private message waits for its user.
    pub mailbox_age: Duration,
    /// How long others are not told that somebody left who may come back at once.
    pub presence_grace: Duration,
    /// Whether that is for every client: original ones leave at once otherwise, as
    /// they always did.
    pub presence_grace_for_all: bool,
    /// How many may be away so at one time; past it others are told at once.
    pub absences: usize,
    /// The longest data of one user (`users_data`), in bytes.
    pub user_data_bytes: usize,
    /// Rows one full listing gives.
    pub listing_rows: usize,
    /// Bytes of users' data one full listing gives; past it the listing is refused.
    pub listing_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions_per_connection: 1000,
            connections_per_user: 1000,
            pipe_settings: 100_000,
            history_read: 99,
            trust_length: 1000,
            trust_age: Duration::from_secs(120),
            mailbox_length: 1000,
            mailbox_age: Duration::from_secs(24 * 3600),
            presence_grace: Duration::from_secs(3),
            presence_grace_for_all: false,
            absences: 100_000,
            user_data_bytes: 64 << 10,
            listing_rows: 100_000,
            listing_bytes: 64 << 20,
        }
    }
}
