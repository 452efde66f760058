//! When things that happen at a rate are due: one in each interval, at some moment of it. Even
//! spaces would be in step with the kernel's ticks, by which it guesses what a process spends in
//! user space, and the guess would come out as all or nothing.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The moments of one sender, in clock nanoseconds. The same seed gives the same moments.
#[derive(Debug)]
pub(crate) struct Schedule {
    start: u64,
    interval: f64,
    turn: u64,
    random: StdRng,
}

impl Schedule {
    /// The first moment is in the interval that begins at `start`; an interval of 0 nanoseconds
    /// means that everything is due at once.
    pub(crate) fn new(start: u64, interval: f64, seed: u64) -> Self {
        Self {
            start,
            interval,
            turn: 0,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The next moment; never before the last.
    pub(crate) fn next(&mut self) -> u64 {
        let place = self.turn as f64 + self.random.random::<f64>();
        self.turn += 1;
        self.start + (self.interval * place) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_moment_in_each_interval_and_seeds_tell_them_apart() {
        let moments = |seed| {
            let mut schedule = Schedule::new(500, 100.0, seed);
            (0..1000).map(|_| schedule.next()).collect::<Vec<_>>()
        };
        for (turn, moment) in moments(1).into_iter().enumerate() {
            let begin = 500 + 100 * turn as u64;
            assert!((begin..begin + 100).contains(&moment), "{turn}: {moment}");
        }
        assert_eq!(moments(1), moments(1));
        assert_ne!(moments(1), moments(2));
    }

    #[test]
    fn moments_are_spread_over_their_intervals() {
        let mut schedule = Schedule::new(0, 1000.0, 7);
        let mut quarters = [0; 4];
        for turn in 0..4000_u64 {
            let within = schedule.next() - turn * 1000;
            quarters[within as usize / 250] += 1;
        }
        assert!(
            quarters.iter().all(|count| (800..1200).contains(count)),
            "{quarters:?}"
        );
    }

    #[test]
    fn without_an_interval_everything_is_due_at_once() {
        let mut schedule = Schedule::new(9, 0.0, 1);
        assert_eq!([schedule.next(), schedule.next()], [9, 9]);
    }
}
