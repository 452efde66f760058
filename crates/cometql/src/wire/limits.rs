//! The bounds of the wire: sizes, counts and times, each with its default.

use std::time::Duration;

use crate::error::ErrorNumbers;
use crate::scan;

/// What one client, and all of them together, may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time, logged in or not; one more is told 1040
    /// instead of being greeted. Default 10000.
    pub max_connections: usize,
    /// Bytes of one command, put together from its packets; a larger one is
    /// told 1153 and closed. Default 16 MiB, at most [`MAX_PACKET_CEILING`].
    pub max_packet: usize,
    /// Bytes of one packet before the login is verified. Default 64 KiB.
    pub max_login_packet: usize,
    /// Bytes of answers collected before they are written, give or take one
    /// row. Default 64 KiB.
    pub max_reply: usize,
    /// Statements in the text of one query (1153). Default 1000.
    pub max_query_statements: usize,
    /// Prepared statements a connection may hold (1461). Default 16382.
    pub max_statements: usize,
    /// Bytes of texts, of parameters (64 each) and of values sent in advance that the
    /// prepared statements of a connection may hold (1461, 1153). Default 64 MiB.
    pub max_prepared_bytes: usize,
    /// From the greeting to the OK. Default 10 s.
    pub login_timeout: Duration,
    /// How long a connection may wait for its next command, unless its session
    /// wants less ([`Session::idle_timeout`](crate::backend::Session::idle_timeout)).
    /// Default 28800 s (eight hours: persistent PHP connections idle long).
    pub idle_timeout: Duration,
    /// How long a command that has begun to arrive may stand still. Default 60 s.
    pub read_timeout: Duration,
    /// How long a client may take none of its answer. Default 60 s.
    pub write_timeout: Duration,
    /// How long the answer to a failed login is held back. Default 100 ms.
    pub failure_delay: Duration,
    /// Answers to failed logins that may be held back for one address (for IPv6:
    /// its /64); past it the address is told 1129 instead of being greeted, until
    /// one has gone out. Default 32.
    pub max_held_failures: usize,
    /// How long an idle connection keeps its buffers for the next command.
    /// Default 5 s.
    pub trim_after: Duration,
    /// The numbering of errors before a session can say which it wants.
    pub login_error_numbers: ErrorNumbers,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_packet: 16 << 20,
            max_login_packet: 64 << 10,
            max_reply: 64 << 10,
            max_query_statements: scan::Limits::default().max_statements,
            max_statements: 16_382,
            max_prepared_bytes: 64 << 20,
            login_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(28_800),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            failure_delay: Duration::from_millis(100),
            max_held_failures: 32,
            trim_after: Duration::from_secs(5),
            login_error_numbers: ErrorNumbers::default(),
        }
    }
}

/// The most [`Limits::max_packet`] can be, in bytes: 64 MiB.
pub const MAX_PACKET_CEILING: usize = 64 << 20;
