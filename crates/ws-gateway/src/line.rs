//! What went over one connection and what waits, for those who ask from outside
//! its shard. Only the shard writes the counts, so they need no lock.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pipes::traffic::{Line, LineState, Traffic};

/// The counts of one connection.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) bytes_in: Count,
    /// With the handshake's answer, if the shard has sent that.
    pub(crate) bytes_out: Count,
    pub(crate) messages_in: Count,
    pub(crate) messages_out: Count,
    pub(crate) queued_bytes: Count,
    /// When the oldest of them came, in nanoseconds of the server's life; 0 when none.
    blocked_since: AtomicU64,
    /// Bytes of the handshake's answer, the first of those that go out.
    answer: AtomicU32,
    closing: AtomicBool,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// Only the connection's shard calls this: two at once would lose one.
    pub(crate) fn add(&self, number: u64) {
        self.set(self.get().wrapping_add(number));
    }
}

impl Tally {
    /// The first bytes that go out are the handshake's answer, which is no traffic.
    /// They are taken off when somebody asks, not where every message is counted.
    pub(crate) fn leave_out(&self, answer: &[u8]) {
        let length = u32::try_from(answer.len()).unwrap_or(u32::MAX);
        self.answer.store(length, Ordering::Relaxed);
    }

    /// The oldest of what waits came at `since`, or nothing waits.
    pub(crate) fn note_waiting(&self, since: Option<Instant>) {
        let nanoseconds = since.map_or(0, |since| since_start(since).max(1));
        self.blocked_since.store(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn note_closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl Line for Tally {
    fn traffic(&self) -> Traffic {
        let since = self.blocked_since.load(Ordering::Relaxed);
        let state = match since {
            _ if self.closing.load(Ordering::Relaxed) => LineState::Closing,
            0 => LineState::Active,
            _ => LineState::Blocked,
        };
        let lag = match since {
            0 => 0,
            since => since_start(Instant::now()).saturating_sub(since),
        };
        let answer = u64::from(self.answer.load(Ordering::Relaxed));
        Traffic {
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get().saturating_sub(answer),
            messages_in: self.messages_in.get(),
            messages_out: self.messages_out.get(),
            queued_bytes: self.queued_bytes.get(),
            lag: Duration::from_nanos(lag),
            state,
        }
    }
}

/// An instant as a number that fits an atomic.
fn since_start(instant: Instant) -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let nanoseconds = instant.saturating_duration_since(*START).as_nanos();
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}
