//! Every bound and interval of the store, with its default.

use std::time::Duration;

/// How much the store may hold and how it batches. The defaults suit one server
/// on one disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The most batches that go into one transaction. Larger groups cost less
    /// per batch and make the first of them wait longer. At least 1.
    pub group_batches: usize,
    /// The most bytes that go into one transaction, save that one batch always fits.
    pub group_bytes: usize,
    /// The most batches that may wait for the writer. Past it a batch fails at
    /// once, in its turn: its writes are dropped, only its completion waits.
    pub queue_batches: usize,
    /// The most bytes that may wait for the writer, save that one batch always fits.
    pub queue_bytes: usize,
    /// Read-only connections, and so the most reads at one time. At least 1.
    pub readers: usize,
    /// Memory for pages of the file, in bytes, for the writer. Each reader has an eighth.
    pub cache_bytes: usize,
    /// The log (`cometwire.db-wal`) is moved into the file when it reaches this
    /// many pages of 4096 bytes. It grows to about twice that under load, and
    /// further only while somebody else holds the file open for reading. A log of
    /// more than a megabyte has as much room again made ready behind its end.
    pub checkpoint_pages: u32,
    /// How long the log may hold something while nobody writes.
    pub checkpoint_interval: Duration,
    /// The largest file, in bytes, whose every page is checked at start. Larger
    /// ones have only their size, their schema and their messages' places checked.
    pub full_check_bytes: u64,
    /// The most pipes, of all tenants, that may have a place in the store: a
    /// history, or an offset to go on from. A message to one more is refused.
    pub max_pipes: usize,
    /// The most pipes without settings and without messages whose offsets are
    /// remembered when [`pipes::storage::Write::Purge`] runs; the longest unused are
    /// forgotten, and a later history of the same name has a new epoch.
    pub max_idle_pipes: usize,
    /// The most pipes, of all tenants, that may have settings.
    pub max_settings: usize,
    /// The most mailboxes, of all tenants, that may hold something.
    pub max_mailboxes: usize,
    /// How large the file may grow, in bytes; 0 means until the disk is full.
    /// Past it whatever needs more room fails.
    pub max_file_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            group_batches: 256,
            group_bytes: 4 << 20,
            queue_batches: 65_536,
            queue_bytes: 64 << 20,
            readers: 4,
            cache_bytes: 32 << 20,
            checkpoint_pages: 8_000,
            checkpoint_interval: Duration::from_secs(1),
            full_check_bytes: 256 << 20,
            max_pipes: 1_000_000,
            max_idle_pipes: 100_000,
            max_settings: 1_000_000,
            max_mailboxes: 1_000_000,
            max_file_bytes: 0,
        }
    }
}
