//! What a browser that comes back has missed: from the position it had to where
//! the history stands, or the plain word that something is gone for good. The
//! door joins first and asks then, so that nothing falls between what is read
//! here and what comes live. How it looks on the wire is the door's business.

use std::sync::Arc;

use crate::connection::Connection;
use crate::error::HallError;
use crate::hall::Hall;
use crate::message::{Position, StoredMessage};
use crate::name::{DevId, PipeName};
use crate::storage::{Span, Window};

/// The position on a pipe that has had no history yet.
pub const BEGINNING: Position = Position {
    epoch: 0,
    offset: 0,
};

/// The next thing to tell a browser that comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What lay before or at this position and the browser does not have is gone.
    Gap(Position),
    /// Missed messages, oldest first, never none.
    Missed(Vec<StoredMessage>),
    /// The browser is up to date from here on.
    Complete(Position),
}

/// How far one browser is in one pipe.
#[derive(Debug, Clone)]
pub struct Reading {
    dev_id: DevId,
    pipe: PipeName,
    /// Where the browser is.
    at: Position,
    /// Where the history stood when the reading began; later messages come live.
    end: Position,
    lost: bool,
}

impl Hall {
    /// Begins to read what a subscribed browser has missed of `pipe` since
    /// `position`; without one it is only told where the history stands.
    ///
    /// # Errors
    /// [`HallError::Refused`] when it may not subscribe either; [`HallError::Storage`].
    pub async fn begin_reading(
        self: &Arc<Self>,
        connection: &Connection,
        pipe: PipeName,
        position: Option<Position>,
    ) -> Result<Reading, HallError> {
        let reads = match self.may_read(connection, &pipe) {
            Ok(()) => true,
            // Who may listen but not read goes on with what comes.
            Err(refusal) => {
                self.may_subscribe(connection, &pipe).map_err(|_| refusal)?;
                false
            }
        };
        let dev_id = connection.dev_id;
        // When everybody comes back at once, nothing that costs a hand-over is cheap.
        let span = match self.storage.span_at_once(dev_id, &pipe) {
            Some(span) => span,
            None => {
                let name = pipe.clone();
                self.blocking(move |hall| hall.storage.span(dev_id, &name))
                    .await?
            }
        };
        let mut reading = Reading::new(dev_id, pipe, position, span);
        if !reads {
            reading.give_up();
        }
        Ok(reading)
    }

    /// What comes next, in pieces of at most `max_bytes` of payload.
    ///
    /// # Errors
    /// [`HallError::Storage`].
    pub async fn read_on(
        self: &Arc<Self>,
        reading: &mut Reading,
        max_bytes: usize,
    ) -> Result<Step, HallError> {
        if reading.lost {
            reading.lost = false;
            return Ok(Step::Gap(reading.at));
        }
        if reading.at.offset >= reading.end.offset {
            return Ok(Step::Complete(reading.end));
        }
        let (dev_id, pipe) = (reading.dev_id, reading.pipe.clone());
        let window = Window::newest(usize::MAX).piece(reading.at.offset, max_bytes);
        let (piece, span) = self
            .blocking(move |hall| {
                let piece = hall.storage.history(dev_id, &pipe, window)?;
                // After the messages: what was trimmed before them shows.
                Ok((piece, hall.storage.span(dev_id, &pipe)?))
            })
            .await?;
        Ok(reading.advance(piece, span))
    }
}

impl Reading {
    fn new(dev_id: DevId, pipe: PipeName, position: Option<Position>, span: Option<Span>) -> Self {
        let end = span.map_or(BEGINNING, |span| Position {
            epoch: span.epoch,
            offset: span.last,
        });
        let mut reading = Self {
            dev_id,
            pipe,
            at: end,
            end,
            lost: false,
        };
        let same_run = |at: &Position| at.epoch == end.epoch || *at == BEGINNING;
        match position {
            None => {}
            // Nobody knows what came in between, or the store has gone back.
            Some(at) if !same_run(&at) || at.offset > end.offset => reading.lost = true,
            Some(at) => {
                reading.at.offset = at.offset;
                reading.skip_what_is_gone(span);
            }
        }
        reading
    }

    /// Nothing of what was missed may be read.
    fn give_up(&mut self) {
        self.lost |= self.at != self.end;
        self.at = self.end;
    }

    fn skip_what_is_gone(&mut self, span: Option<Span>) {
        let first = match span {
            Some(span) if span.epoch == self.end.epoch => span.first,
            Some(_) => self.end.offset.saturating_add(1),
            None if self.end == BEGINNING => return,
            None => self.end.offset.saturating_add(1),
        };
        let before = first.saturating_sub(1).min(self.end.offset);
        if before > self.at.offset {
            self.at.offset = before;
            self.lost = true;
        }
    }

    fn advance(&mut self, mut piece: Vec<StoredMessage>, span: Option<Span>) -> Step {
        piece.retain(|stored| {
            stored.position.epoch == self.end.epoch && stored.position.offset <= self.end.offset
        });
        let follows = |stored: &StoredMessage| stored.position.offset == self.at.offset + 1;
        if !piece.first().is_some_and(follows) {
            // A message taken out by its id leaves a hole that is no gap; the
            // oldest ones gone do.
            self.skip_what_is_gone(span);
            if self.lost {
                self.lost = false;
                return Step::Gap(self.at);
            }
        }
        match piece.last() {
            Some(last) => {
                self.at = last.position;
                Step::Missed(piece)
            }
            None => {
                self.at = self.end;
                Step::Complete(self.end)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(position: Option<(u64, u64)>, span: Option<(u64, u64, u64)>) -> Reading {
        Reading::new(
            DevId::ROOT,
            PipeName::parse("news").unwrap(),
            position.map(|(epoch, offset)| Position { epoch, offset }),
            span.map(|(epoch, first, last)| Span { epoch, first, last }),
        )
    }

    #[test]
    fn a_position_within_the_history_misses_nothing() {
        let reading = reading(Some((7, 4)), Some((7, 3, 9)));
        assert!(!reading.lost);
        assert_eq!((reading.at.offset, reading.end.offset), (4, 9));
    }

    #[test]
    fn a_trimmed_history_is_a_gap_before_what_is_left() {
        let reading = reading(Some((7, 4)), Some((7, 6, 9)));
        assert!(reading.lost);
        assert_eq!(reading.at.offset, 5);
    }

    #[test]
    fn another_run_of_offsets_or_one_that_went_back_is_a_gap_to_its_end() {
        for position in [(6, 4), (7, 10)] {
            let reading = reading(Some(position), Some((7, 1, 9)));
            assert!(reading.lost);
            assert_eq!(reading.at, reading.end);
        }
        assert!(reading(Some((7, 4)), None).lost);
    }

    #[test]
    fn a_browser_without_a_position_starts_at_the_end() {
        for span in [None, Some((7, 1, 9))] {
            let reading = reading(None, span);
            assert!(!reading.lost);
            assert_eq!(reading.at, reading.end);
        }
    }

    #[test]
    fn who_was_there_before_the_first_message_gets_it() {
        assert_eq!(reading(Some((0, 0)), Some((7, 1, 3))).at.offset, 0);
        assert!(!reading(Some((0, 0)), Some((7, 1, 3))).lost);
        assert!(reading(Some((0, 0)), Some((7, 2, 3))).lost);
        assert!(!reading(Some((0, 0)), None).lost);
    }

    proptest! {
        #[test]
        fn nothing_is_skipped_without_a_word(at in 0u64..20, first in 1u64..20, kept in 0u64..20) {
            let last = first + kept - 1;
            let reading = reading(Some((7, at)), Some((7, first, last)));
            if !reading.lost {
                prop_assert_eq!(reading.at.offset, at);
                prop_assert!(at + 1 >= first || at == last);
            }
        }
    }
}
