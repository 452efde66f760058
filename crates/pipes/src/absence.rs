//! Those who have gone and may come back at once, as a page does that leads to the
//! next one: who was dropped from a `track_` pipe, and users whose last connection
//! has closed. Only when the grace time is over are others told that they left.

use std::collections::VecDeque;
use std::sync::Weak;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::hall::Hall;
use crate::limits::Limits;
use crate::name::{DevId, UserId};
use crate::pipe::Pipe;
use crate::shard::Touched;
use crate::sync::Mutex;

/// Everybody whose leaving has not been told yet.
pub(crate) struct Absences {
    grace: Duration,
    /// Whether it is for everybody, not only for those who come back by themselves.
    for_all: bool,
    limit: usize,
    /// In the order in which their time is over, for everybody has the same.
    waiting: Mutex<VecDeque<(Instant, Absence)>>,
}

/// Who is away.
pub(crate) enum Absence {
    /// A member of a `track_` pipe, by its number.
    Member(Weak<Pipe>, u64),
    /// A user without a connection.
    User(DevId, UserId),
}

impl Absences {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            grace: limits.presence_grace,
            for_all: limits.presence_grace_for_all,
            limit: limits.absences,
            waiting: Mutex::default(),
        }
    }

    /// These, if they are for such a connection.
    pub(crate) fn of(&self, connection: &Connection) -> Option<&Self> {
        (self.for_all || connection.returns).then_some(self)
    }

    /// Takes somebody in who has just gone, and gives until when; `None` if the
    /// others are to be told at once: no time is given, or too many wait. Takes
    /// only its own lock.
    pub(crate) fn begin(&self, absence: Absence) -> Option<Instant> {
        if self.grace.is_zero() {
            return None;
        }
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.limit {
            return None;
        }
        let until = Instant::now() + self.grace;
        waiting.push_back((until, absence));
        Some(until)
    }

    /// Takes one whose time is over.
    fn next_over(&self, now: Instant) -> Option<(Instant, Absence)> {
        let mut waiting = self.waiting.lock();
        waiting.pop_front_if(|(until, _)| *until <= now)
    }
}

impl Hall {
    /// Tells of those who have not come back by `now`. Done twice a second by
    /// [`Hall::keep_house`].
    pub fn end_absences(&self, now: Instant) {
        let mut touched = Touched::default();
        while let Some((until, absence)) = self.absences.next_over(now) {
            match absence {
                Absence::Member(pipe, member) => {
                    if let Some(pipe) = pipe.upgrade() {
                        pipe.end_absence(&self.shards, member, until, &mut touched);
                    }
                }
                Absence::User(dev_id, user) => {
                    self.end_user_absence(dev_id, user, until, &mut touched);
                }
            }
        }
        touched.wake(&self.shards);
    }
}
