//! What went over one connection, and what waits for it. The door that owns the
//! socket counts, beside what it locks anyway; the hall asks when somebody looks.

use std::time::Duration;

/// A connection's line, as the door that owns it tells of it.
pub trait Line: Send + Sync + 'static {
    /// The figures at this moment. Takes no lock for longer than a copy.
    fn traffic(&self) -> Traffic;
}

/// The figures of one connection since it was opened. Bytes are those of its
/// WebSocket frames, headers included, from after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes the kernel has taken.
    pub bytes_out: u64,
    /// Commands received.
    pub messages_in: u64,
    /// Messages the kernel has taken whole, the greeting included.
    pub messages_out: u64,
    /// Bytes that wait until the socket takes them.
    pub queued_bytes: u64,
    /// How long the oldest of them has waited; zero when nothing waits.
    pub lag: Duration,
    /// What it is doing.
    pub state: LineState,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum LineState {
    /// It takes what it is sent.
    #[default]
    Active,
    /// Its socket is full: something waits.
    Blocked,
    /// It is being closed.
    Closing,
}

impl LineState {
    /// The state as one word, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Closing => "closing",
        }
    }
}

/// A line nobody counts, for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLine;

impl Line for NoLine {
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}
