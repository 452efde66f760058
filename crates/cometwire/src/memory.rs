//! Giving memory back. What many connections have used, glibc keeps when they go,
//! page by page between small things that stay; asked for it, it gives the pages
//! back. It is asked when many have left, never while a few come and go: asking
//! holds up every thread that allocates, for milliseconds. The only file of this
//! crate with `unsafe`: the question is a function of C.
#![cfg_attr(all(target_os = "linux", target_env = "gnu"), allow(unsafe_code))]

use std::sync::Arc;
use std::time::Duration;

use pipes::Hall;
use tokio::sync::watch;
use tokio::{task, time};

/// How often the connections are counted.
const PERIOD: Duration = Duration::from_millis(500);
/// With fewer gone than these nothing is asked for.
const MANY: u64 = 1000;
/// Nor with fewer gone than this part of them.
const PART: u64 = 4;

/// Gives memory back whenever many have left `hall`, until `shutdown` turns true.
pub(crate) async fn give_back(hall: Arc<Hall>, mut shutdown: watch::Receiver<bool>) {
    let mut attendance = Attendance::default();
    while !*shutdown.borrow() {
        if let Ok(Err(_)) = time::timeout(PERIOD, shutdown.changed()).await {
            return;
        }
        if attendance.see(hall.counters().connections()) {
            // Not on a thread others wait for.
            let _ = task::spawn_blocking(trim).await;
        }
    }
}

/// How many were here, and are.
#[derive(Debug, Default)]
struct Attendance {
    /// The most since memory was given back last.
    most: u64,
    /// At the last look.
    last: u64,
}

impl Attendance {
    /// Sees how many are here now. Gives whether many have left, and no more are
    /// leaving.
    fn see(&mut self, open: u64) -> bool {
        let settled = open >= self.last;
        self.last = open;
        self.most = self.most.max(open);
        let gone = self.most - open;
        let give_back = settled && gone >= MANY && gone >= self.most / PART;
        if give_back {
            self.most = open;
        }
        give_back
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: it takes a number, is safe to call from any thread, and leaves alone
    // what is in use.
    let given_back = unsafe { libc::malloc_trim(0) } == 1;
    tracing::debug!(given_back, "memory_trimmed");
}

/// Other allocators see to it themselves, or cannot.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which of these looks memory is given back.
    fn looks(counts: &[u64]) -> Vec<usize> {
        let mut attendance = Attendance::default();
        let seen = counts.iter().map(|open| attendance.see(*open));
        let seen: Vec<bool> = seen.collect();
        (0..counts.len()).filter(|look| seen[*look]).collect()
    }

    #[test]
    fn memory_is_given_back_once_many_have_left_and_no_more_leave() {
        assert_eq!(looks(&[0, 19_000, 9_000, 100, 100, 100, 150]), [4]);
        assert_eq!(looks(&[8_000, 4_000, 4_000, 2_000, 2_500, 0, 0]), [2, 4, 6]);
    }

    #[test]
    fn a_few_who_leave_are_not_worth_it() {
        assert_eq!(looks(&[999, 0, 0]), [] as [usize; 0]);
        assert_eq!(looks(&[50_000, 40_000, 40_000]), [] as [usize; 0]);
        assert_eq!(looks(&[50_000, 40_000, 37_500, 37_500]), [3]);
    }
}
