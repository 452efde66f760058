//! What the log says of a disk that refuses: once when it begins, once a minute
//! with a count while it lasts, once when it is over. A line for every refused
//! statement would bury everything else, and fill the disk further.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Whether the disk takes what is written. Kept by the writer.
pub(crate) struct Trouble<'s> {
    /// Batches refused since the start, for metrics.
    refused_ever: &'s AtomicU64,
    lasting: Option<Lasting>,
}

struct Lasting {
    since: Instant,
    refused: u64,
    /// When the last batch was refused.
    last: Instant,
    /// When the log last told of it.
    told: Instant,
}

/// What is to be said now.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Begins,
    /// It lasts so long, and so many batches were refused.
    Lasts(Duration, u64),
    /// It has lasted so long, and so many batches were refused.
    IsOver(Duration, u64),
}

impl<'s> Trouble<'s> {
    pub(crate) fn none(refused_ever: &'s AtomicU64) -> Self {
        Self {
            refused_ever,
            lasting: None,
        }
    }

    /// Notes that so many batches were refused for this reason.
    pub(crate) fn refused(&mut self, batches: usize, why: &str) {
        match self.note_refusal(batches as u64, Instant::now()) {
            Some(News::Begins) => tracing::error!(error = why, "disk_refuses_writes"),
            Some(News::Lasts(lasts, refused)) => tracing::error!(
                error = why,
                batches = refused,
                seconds = lasts.as_secs(),
                "disk_still_refuses_writes"
            ),
            Some(News::IsOver(..)) | None => {}
        }
    }

    /// Notes that something was written.
    pub(crate) fn written(&mut self) {
        if let Some(News::IsOver(lasted, refused)) = self.note_success(Instant::now()) {
            tracing::info!(
                batches = refused,
                seconds = lasted.as_secs(),
                "disk_takes_writes_again"
            );
        }
    }

    fn note_refusal(&mut self, batches: u64, now: Instant) -> Option<News> {
        self.refused_ever.fetch_add(batches, Ordering::Relaxed);
        let Some(lasting) = &mut self.lasting else {
            self.lasting = Some(Lasting {
                since: now,
                refused: batches,
                last: now,
                told: now,
            });
            return Some(News::Begins);
        };
        lasting.refused += batches;
        lasting.last = now;
        if now.duration_since(lasting.told) < BETWEEN_NEWS {
            return None;
        }
        lasting.told = now;
        Some(News::Lasts(
            now.duration_since(lasting.since),
            lasting.refused,
        ))
    }

    fn note_success(&mut self, now: Instant) -> Option<News> {
        let is_over = |lasting: &mut Lasting| now.duration_since(lasting.last) >= QUIET;
        let Lasting { since, refused, .. } = self.lasting.take_if(is_over)?;
        Some(News::IsOver(now.duration_since(since), refused))
    }
}

const BETWEEN_NEWS: Duration = Duration::from_secs(60);

/// How long nothing may have been refused before it is over: a disk that is
/// nearly full takes one write and refuses the next.
const QUIET: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_when_it_begins_once_a_minute_and_when_it_is_over() {
        let ever = AtomicU64::new(0);
        let mut trouble = Trouble::none(&ever);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let seconds = Duration::from_secs;
        assert_eq!(trouble.note_success(start), None);
        assert_eq!(trouble.note_refusal(2, start), Some(News::Begins));
        for second in 1..60 {
            assert_eq!(trouble.note_refusal(1, at(second)), None);
        }
        let lasts = News::Lasts(seconds(60), 62);
        assert_eq!(trouble.note_refusal(1, at(60)), Some(lasts));
        assert_eq!(trouble.note_refusal(1, at(119)), None);
        let lasts = News::Lasts(seconds(500), 64);
        assert_eq!(trouble.note_refusal(1, at(500)), Some(lasts));
        assert_eq!(trouble.note_success(at(504)), None);
        let is_over = News::IsOver(seconds(505), 64);
        assert_eq!(trouble.note_success(at(505)), Some(is_over));
        assert_eq!(trouble.note_success(at(506)), None);
        assert_eq!(trouble.note_refusal(1, at(507)), Some(News::Begins));
        assert_eq!(ever.load(Ordering::Relaxed), 65);
    }
}
