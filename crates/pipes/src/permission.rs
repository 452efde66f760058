//! Who may do what with a pipe: the one place where a browser's wish meets the
//! pipe's family and the rules of `pipes_settings`, and where changed rules are
//! carried through against those who are subscribed already.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::counters::Counters;
use crate::error::HallError;
use crate::family::{Family, Refusal};
use crate::hall::Hall;
use crate::message::{Event, Outgoing, UnixTime};
use crate::name::{DevId, EventName, PipeName};
use crate::pattern::PipePattern;
use crate::rules::Audience;
use crate::settings::PipeRules;
use crate::shard::{Delivery, Touched};

impl Hall {
    /// Whether a browser may subscribe to a pipe, and so count and list its
    /// subscribers where the family allows that.
    ///
    /// # Errors
    /// [`HallError::Refused`] with the rule that forbids it.
    pub fn may_subscribe(&self, connection: &Connection, pipe: &PipeName) -> Result<(), HallError> {
        Family::of(pipe).allows_subscribe(connection.user)?;
        let rules = self.settings.read().rules(connection.dev_id, pipe);
        Ok(subscribes(&rules, connection, pipe)?)
    }

    /// Whether a browser may ask how many subscribers a pipe has.
    ///
    /// # Errors
    /// As [`Hall::may_subscribe`]; or the family does not allow it.
    pub fn may_count(&self, connection: &Connection, pipe: &PipeName) -> Result<(), HallError> {
        Family::of(pipe).allows_count()?;
        self.may_subscribe(connection, pipe)
    }

    /// Whether a browser may ask who the subscribers of a pipe are.
    ///
    /// # Errors
    /// As [`Hall::may_subscribe`]; or the family does not allow it.
    pub fn may_list(&self, connection: &Connection, pipe: &PipeName) -> Result<(), HallError> {
        Family::of(pipe).allows_list()?;
        self.may_subscribe(connection, pipe)
    }

    /// Whether a browser may read a pipe's history: as the row says, else whoever
    /// may subscribe.
    ///
    /// # Errors
    /// [`HallError::Refused`] with the rule that forbids it.
    pub fn may_read(&self, connection: &Connection, pipe: &PipeName) -> Result<(), HallError> {
        Family::of(pipe).allows_subscribe(connection.user)?;
        let rules = self.settings.read().rules(connection.dev_id, pipe);
        match rules.history {
            None => subscribes(&rules, connection, pipe)?,
            Some(audience) => admit(audience, &rules, connection, pipe)
                .map_err(|_| Refusal::HistoryRule(audience))?,
        }
        Ok(())
    }

    /// Whether a browser may publish an event to a pipe now; if so, it counts
    /// against its rate.
    ///
    /// # Errors
    /// [`HallError::Refused`], [`HallError::EventNotListed`], [`HallError::TooFast`].
    pub(crate) fn may_publish(
        &self,
        connection: &Connection,
        pipe: &PipeName,
        event: &EventName,
    ) -> Result<(), HallError> {
        Family::of(pipe).allows_browser_publish(connection.user)?;
        let rules = self.settings.read().rules(connection.dev_id, pipe);
        if let Some(audience) = rules.publish {
            admit(audience, &rules, connection, pipe)
                .map_err(|_| Refusal::PublishRule(audience))?;
        }
        is_listed(&rules, event)?;
        if let Some((row, rate)) = rules.rate {
            connection.rates.lock().note(row, rate, Instant::now())?;
        }
        Ok(())
    }

    /// Whether a backend may publish an event to a pipe.
    ///
    /// # Errors
    /// [`HallError::Refused`] for a reserved name, [`HallError::EventNotListed`].
    pub(crate) fn backend_may_publish(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        event: &EventName,
    ) -> Result<(), HallError> {
        Family::of(pipe).allows_backend_publish()?;
        if !self.lists_events.load(Ordering::Relaxed) {
            return Ok(());
        }
        is_listed(&self.pipe_rules(dev_id, pipe), event)
    }

    /// What all rows of `pipes_settings` together say about a pipe.
    pub fn pipe_rules(&self, dev_id: DevId, pipe: &PipeName) -> PipeRules {
        self.settings.read().rules(dev_id, pipe)
    }

    /// Ends the subscriptions to the pipes of `pattern` that the rules do not
    /// allow any more, and tells whom it was ended. Called with the turn taken
    /// alone, so that nobody joins by the old rules.
    pub(crate) fn enforce(&self, dev_id: DevId, pattern: &PipePattern, touched: &mut Touched) {
        let pipes = match pattern {
            PipePattern::Pipe(pipe) => self.pipes.find(dev_id, pipe).into_iter().collect(),
            PipePattern::Prefix(_) => self.pipes.of_tenant(dev_id, usize::MAX),
        };
        for pipe in pipes {
            let name = pipe.name();
            if !pattern.covers(name) {
                continue;
            }
            let rules = self.settings.read().rules(dev_id, name);
            let Some(audience) = rules.subscribe else {
                continue;
            };
            for connection in pipe.subscribers(usize::MAX) {
                if admit(audience, &rules, &connection, name).is_err() {
                    self.unsubscribe(&connection, name, Refusal::SubscribeRule(audience), touched);
                }
            }
        }
    }

    fn unsubscribe(
        &self,
        connection: &Arc<Connection>,
        pipe: &PipeName,
        reason: Refusal,
        touched: &mut Touched,
    ) {
        let mut subscriptions = connection.subscriptions.lock();
        let Some(subscription) = subscriptions.by_name.remove(pipe) else {
            return;
        };
        self.pipes.leave(&self.shards, &subscription, None, touched);
        drop(subscriptions);
        Counters::add(&self.counters.unsubscribed, 1);
        if let Some(shard) = self.shards.get(connection.shard) {
            shard.push(Delivery::Direct {
                connection: connection.id,
                event: Outgoing::new(Event::Unsubscribed {
                    pipe: pipe.clone(),
                    reason,
                    time: UnixTime::now(),
                }),
                receipt: None,
            });
            touched.add(connection.shard);
        }
    }
}

fn subscribes(rules: &PipeRules, connection: &Connection, pipe: &PipeName) -> Result<(), Refusal> {
    match rules.subscribe {
        None => Ok(()),
        Some(audience) => admit(audience, rules, connection, pipe)
            .map_err(|NotAdmitted| Refusal::SubscribeRule(audience)),
    }
}

struct NotAdmitted;

fn admit(
    audience: Audience,
    rules: &PipeRules,
    connection: &Connection,
    pipe: &PipeName,
) -> Result<(), NotAdmitted> {
    let user = connection.user;
    let is_one = audience.has(Audience::ANYONE)
        || audience.has(Audience::AUTHENTICATED) && user.is_some()
        || audience.has(Audience::LISTED) && user.is_some_and(|user| rules.lists(user))
        || audience.has(Audience::TOKEN)
            && connection.grants.iter().any(|grant| grant.covers(pipe));
    match is_one {
        true => Ok(()),
        false => Err(NotAdmitted),
    }
}

/// An event without a name goes by the name it is given.
fn is_listed(rules: &PipeRules, event: &EventName) -> Result<(), HallError> {
    let Some(events) = rules.events() else {
        return Ok(());
    };
    let event = event.clone().or_undefined();
    if events.contains(&event) {
        return Ok(());
    }
    let names: Vec<&str> = events.iter().map(EventName::as_str).collect();
    Err(HallError::EventNotListed {
        event,
        events: names.join(", "),
    })
}

/// What one connection has published in its present minutes, by the row that
/// bounds it.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    by_row: HashMap<PipePattern, Minute>,
}

#[derive(Debug)]
struct Minute {
    began: Instant,
    messages: u32,
}

const MINUTE: Duration = Duration::from_secs(60);
/// Past so many rows those whose minute is over are forgotten.
const REMEMBERED_ROWS: usize = 64;

impl Rates {
    /// Counts a message under `row`, if that does not make more than `rate` in a
    /// minute, which begins with its first message.
    fn note(&mut self, row: PipePattern, rate: u32, now: Instant) -> Result<(), HallError> {
        let is_over = |minute: &Minute| now.saturating_duration_since(minute.began) >= MINUTE;
        if self.by_row.len() >= REMEMBERED_ROWS {
            self.by_row.retain(|_, minute| !is_over(minute));
        }
        let fresh = || Minute {
            began: now,
            messages: 0,
        };
        if let Some(minute) = self.by_row.get_mut(&row) {
            if is_over(minute) {
                *minute = fresh();
            }
            if minute.messages >= rate {
                return Err(HallError::TooFast { row, rate });
            }
        }
        self.by_row.entry(row).or_insert_with(fresh).messages += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_begins_with_its_first_message_and_ends() {
        let row = |text| PipePattern::parse(text, 1).unwrap();
        let mut rates = Rates::default();
        let start = Instant::now();
        for _ in 0..3 {
            assert!(rates.note(row("web_*"), 3, start).is_ok());
        }
        let refused = rates.note(row("web_*"), 3, start + Duration::from_secs(59));
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("3 messages a minute"), "{text}");
        assert!(rates.note(row("web_a"), 3, start).is_ok());
        assert!(rates.note(row("web_*"), 3, start + MINUTE).is_ok());
    }

    #[test]
    fn rows_whose_minute_is_over_are_forgotten() {
        let mut rates = Rates::default();
        let start = Instant::now();
        for number in 0..1000 {
            let row = PipePattern::parse(&format!("web_{number}"), 1).unwrap();
            let _ = rates.note(row, 1, start + MINUTE * number);
        }
        assert!(rates.by_row.len() <= REMEMBERED_ROWS);
    }
}
