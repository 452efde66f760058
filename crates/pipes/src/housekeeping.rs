//! The timed work: last-seen times go to the store twice a second, and others are
//! told of those who stayed away; old private
//! messages, old `trust_` histories and revoked tokens that have ended are
//! purged, empty mailboxes forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{self, MissedTickBehavior};

use crate::hall::Hall;
use crate::message::{MailId, UnixTime};
use crate::storage::{HistoryBefore, Write};

/// How often last-seen times are written.
const LAST_SEEN_EVERY: Duration = Duration::from_millis(500);
/// How many of those ticks between two purges.
const TICKS_BETWEEN_PURGES: u32 = 60;

impl Hall {
    /// Does the timed work until `shutdown` turns true, then writes what is
    /// left and returns.
    pub async fn keep_house(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = time::interval(LAST_SEEN_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until_purge = TICKS_BETWEEN_PURGES;
        while !*shutdown.borrow() {
            tokio::select! {
                _ = tick.tick() => {}
                changed = shutdown.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
            }
            self.end_absences(Instant::now());
            self.flush_last_seen();
            until_purge -= 1;
            if until_purge == 0 {
                until_purge = TICKS_BETWEEN_PURGES;
                self.purge();
                self.forget_empty_mailboxes().await;
            }
        }
        self.flush_last_seen();
    }

    /// Hands the waiting last-seen times to the store.
    pub fn flush_last_seen(self: &Arc<Self>) {
        let waiting = self.last_seen.waiting();
        if waiting.is_empty() {
            return;
        }
        let writes = waiting
            .iter()
            .map(|(dev_id, user, time)| Write::PutLastSeen {
                dev_id: *dev_id,
                user: *user,
                time: *time,
            })
            .collect();
        let hall = Arc::clone(self);
        self.storage.submit(
            writes,
            Box::new(move |outcome| match outcome {
                Ok(_) => hall.last_seen.settled(&waiting),
                // The store says what is wrong; this is tried again in a second.
                Err(error) => tracing::debug!(%error, "last_seen_not_written"),
            }),
        );
    }

    /// Hands the store what is too old to keep.
    pub fn purge(self: &Arc<Self>) {
        let limits = &self.config.limits;
        let ago = |age: Duration| UnixTime(UnixTime::now().0.saturating_sub(age.as_secs()));
        let purge = Write::Purge {
            mail_before: ago(limits.mailbox_age),
            history_before: self.history_before(),
            tokens_before: UnixTime::now(),
        };
        let hall = Arc::clone(self);
        self.storage.submit(
            vec![purge],
            Box::new(move |outcome| match outcome {
                Ok(_) => hall.users.all_maybe_empty(),
                Err(error) => tracing::warn!(%error, "purge_failed"),
            }),
        );
    }

    /// Before which time the messages of each history go: as its settings say, or
    /// if nothing is said of it as those of `trust_` pipes do.
    fn history_before(self: &Arc<Self>) -> HistoryBefore {
        let hall = Arc::downgrade(self);
        let now = UnixTime::now().0;
        HistoryBefore::new(move |dev_id, pipe| {
            let hall = hall.upgrade()?;
            let settings = hall.settings.read();
            let age = match settings.age(dev_id, pipe) {
                0 if settings.keeps_history_of(dev_id, pipe) => return None,
                0 => hall.config.limits.trust_age.as_secs(),
                age => age.into(),
            };
            Some(UnixTime(now.saturating_sub(age)))
        })
    }

    async fn forget_empty_mailboxes(self: &Arc<Self>) {
        let looked_into = self
            .blocking(|hall| {
                for (dev_id, user, newest) in hall.users.take_maybe_empty() {
                    let rest = hall
                        .storage
                        .mailbox(dev_id, user, MailId(0), newest, 1, 1)?;
                    if rest.is_empty() {
                        hall.users.mailbox_is_empty(dev_id, user, newest);
                    }
                }
                Ok(())
            })
            .await;
        if let Err(error) = looked_into {
            tracing::warn!(%error, "mailboxes_unreadable");
        }
    }
}
