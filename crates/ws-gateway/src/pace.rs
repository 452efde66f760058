//! How far a shard runs ahead of those who read. What the kernels on both ends
//! take is no sign that anybody keeps up: they take megabytes for each connection.
//! So once much has been sent, some of those it went to are pinged, and while the
//! pongs of half of them are not there, no more than as much again is sent:
//! publishers wait. Not for long, or those who never answer could hold up the rest;
//! and not for a few, for a slow reader's own bound sees to that.

use std::time::{Duration, Instant};

/// How many connections are pinged.
const ASKED: usize = 8;
/// With fewer than these in a round nobody waits for them.
const MANY: usize = 16;
/// How long publishers wait at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was sent, and what is known to have arrived.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes that may be sent without a sign that they arrive.
    window: u64,
    /// Bytes sent since the last question.
    ahead: u64,
    question: Option<Question>,
    /// The number of the last question, which its pings carry; never 0.
    number: u64,
}

#[derive(Debug)]
struct Question {
    asked: usize,
    answered: usize,
    until: Instant,
}

impl Pace {
    pub(crate) fn new(window: usize) -> Self {
        Self {
            window: window as u64,
            ahead: 0,
            question: None,
            number: 0,
        }
    }

    /// These many bytes went to these many connections. Gives whom to ask, if it is
    /// time to: the number to ask with, and how many connections to leave out in
    /// between.
    pub(crate) fn sent(&mut self, bytes: u64, connections: usize) -> Option<(u64, usize)> {
        self.ahead = self.ahead.saturating_add(bytes);
        let is_time = self.question.is_none() && self.ahead >= self.window && connections >= MANY;
        is_time.then(|| {
            self.number += 1;
            (self.number, connections / ASKED)
        })
    }

    /// These many were asked.
    pub(crate) fn asked(&mut self, asked: usize, now: Instant) {
        self.ahead = 0;
        self.question = (asked > 0).then(|| Question {
            asked,
            answered: 0,
            until: now + PATIENCE,
        });
    }

    /// Somebody answers this number.
    pub(crate) fn answered(&mut self, number: u64) {
        if number == self.number
            && let Some(question) = &mut self.question
        {
            question.answered += 1;
            if question.answered * 2 >= question.asked {
                self.question = None;
            }
        }
    }

    /// When the last question is given up.
    pub(crate) fn until(&self) -> Option<Instant> {
        Some(self.question.as_ref()?.until)
    }

    /// Gives up on a question that nobody answers.
    pub(crate) fn keep_time(&mut self, now: Instant) {
        if self.until().is_some_and(|until| until <= now) {
            self.question = None;
            self.ahead = 0;
        }
    }

    /// Whether publishers must wait.
    pub(crate) fn is_ahead(&self) -> bool {
        self.question.is_some() && self.ahead >= self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 1000;

    #[test]
    fn publishers_wait_until_half_of_those_asked_have_answered() {
        let now = Instant::now();
        let mut pace = Pace::new(WINDOW);
        assert_eq!(pace.sent(999, 100), None);
        assert_eq!(pace.sent(1, 100), Some((1, 12)));
        pace.asked(8, now);
        assert_eq!(pace.sent(999, 100), None);
        assert!(!pace.is_ahead());
        assert_eq!(pace.sent(1, 100), None, "one question at a time");
        assert!(pace.is_ahead());
        for _ in 0..3 {
            pace.answered(1);
        }
        pace.answered(7);
        assert!(pace.is_ahead());
        pace.answered(1);
        assert!(!pace.is_ahead());
        assert_eq!(pace.sent(1, 100), Some((2, 12)));
    }

    #[test]
    fn who_never_answers_holds_nobody_up_for_long() {
        let now = Instant::now();
        let mut pace = Pace::new(WINDOW);
        assert!(pace.sent(1000, 100).is_some());
        pace.asked(8, now);
        pace.sent(1000, 100);
        pace.keep_time(now + PATIENCE / 2);
        assert!(pace.is_ahead());
        assert_eq!(pace.until(), Some(now + PATIENCE));
        pace.keep_time(now + PATIENCE);
        assert!(!pace.is_ahead());
        assert_eq!(pace.until(), None);
    }

    #[test]
    fn few_are_not_waited_for() {
        let mut pace = Pace::new(WINDOW);
        assert_eq!(pace.sent(1_000_000, MANY - 1), None);
        assert!(!pace.is_ahead());
        assert!(pace.sent(1, MANY).is_some());
        pace.asked(0, Instant::now());
        pace.sent(1_000_000, MANY - 1);
        assert!(!pace.is_ahead());
    }
}
