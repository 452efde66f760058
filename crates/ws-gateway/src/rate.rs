//! How many messages a second one connection may send: as many as it likes at
//! once, as long as they are no more than a few seconds' worth.

use std::time::{Duration, Instant};

/// How many seconds' worth may come at once.
const BURST: Duration = Duration::from_secs(2);

/// The messages of one connection so far (the generic cell rate algorithm): when
/// the last one would have come if all had come evenly.
#[derive(Debug, Default)]
pub(crate) struct Rate(Option<Instant>);

impl Rate {
    /// Counts one more message, or says that it is one too many. 0 a second is
    /// any number.
    pub(crate) fn allows(&mut self, per_second: u32, now: Instant) -> bool {
        let Some(step) = Duration::from_secs(1).checked_div(per_second) else {
            return true;
        };
        let due = self.0.map_or(now, |due| due.max(now));
        if due.duration_since(now) >= BURST {
            return false;
        }
        self.0 = Some(due + step);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let passed = (0..1000).filter(|_| rate.allows(100, start)).count();
        assert_eq!(passed, 200);
        let later = start + Duration::from_millis(100);
        let passed = (0..1000).filter(|_| rate.allows(100, later)).count();
        assert_eq!(passed, 10, "as many as the time between is worth");
        assert!(rate.allows(100, start + Duration::from_secs(100)));
    }

    #[test]
    fn without_a_bound_everything_passes() {
        let mut rate = Rate::default();
        let now = Instant::now();
        assert!((0..10_000).all(|_| rate.allows(0, now)));
    }
}
