//! The one clock of a run: monotonic nanoseconds since the process first asked.
//!
//! Sender and receiver live in the same process, so a time written into a payload by one can be
//! compared with the time the other reads. Nothing here knows about wall-clock time.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since the clock was first read.
pub(crate) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    nanoseconds(START.get_or_init(Instant::now).elapsed())
}

/// A duration in nanoseconds; saturates after 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until the clock shows `time`; returns at once when it is past.
pub(crate) fn sleep_until(time: u64) {
    let left = time.saturating_sub(now());
    if left > 0 {
        std::thread::sleep(Duration::from_nanos(left));
    }
}

/// The part of a run that is measured, in clock nanoseconds.
///
/// Before `start` is warm-up, which runs the same load and is checked for lost messages, but adds
/// nothing to the figures. Senders stop at `end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Timeline {
    /// A warm-up that begins now, then the measured time.
    pub(crate) fn from_now(warmup: Duration, duration: Duration) -> Self {
        let start = now().saturating_add(nanoseconds(warmup));
        Self {
            start,
            end: start.saturating_add(nanoseconds(duration)),
        }
    }

    /// Whether `time` belongs to the measured part.
    pub(crate) fn measures(&self, time: u64) -> bool {
        (self.start..self.end).contains(&time)
    }

    /// Length of the measured part in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.end.saturating_sub(self.start) as f64 / SECOND as f64
    }
}
