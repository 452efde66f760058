//! Publishing and every other change: one road for all of them, so that several
//! changes of one statement become visible together, in order, or not at all.
//!
//! A batch that nothing durable depends on takes effect at once. Otherwise the
//! whole batch goes through the store's ordered log and takes effect when it is
//! durable, on the store's thread, in log order.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use crate::conference::ParticipantFilter;
use crate::connection::Connection;
use crate::counters::Counters;
use crate::error::HallError;
use crate::family::Family;
use crate::hall::Hall;
use crate::message::{
    Event, LiveMessage, Message, MessageId, Outgoing, Position, PrivateMessage, Sender, UnixTime,
};
use crate::name::{AccessKey, DevId, EventName, NameError, PipeName, UserId};
use crate::pattern::{PipePattern, PipePrefix};
use crate::settings::{PipeSettings, PrefixRows, Settings, prefix_length};
use crate::shard::{CloseReason, ConnectionId, Touched};
use crate::storage::{Outcome, StorageError, Write};
use crate::token::TokenText;

/// One change a backend asks for.
#[derive(Debug, Clone)]
pub enum Change {
    /// Publish to a pipe.
    Publish {
        /// The pipe.
        pipe: PipeName,
        /// The event; may be empty.
        event: EventName,
        /// The payload.
        payload: Arc<str>,
    },
    /// Send a private message. `None` is nobody: accepted and forgotten.
    SendPrivate {
        /// The receiver.
        user: Option<UserId>,
        /// The event; may be empty.
        event: EventName,
        /// The payload.
        payload: Arc<str>,
    },
    /// Set or replace an access key. Open connections are untouched.
    PutKey {
        /// The user.
        user: UserId,
        /// The key.
        key: AccessKey,
    },
    /// Remove an access key and drop the user's connections.
    RemoveKey {
        /// The user.
        user: UserId,
    },
    /// Set or replace a pipe's settings.
    PutSettings {
        /// The pipe.
        pipe: PipeName,
        /// The settings.
        settings: PipeSettings,
    },
    /// Remove a pipe's settings and history.
    RemoveSettings {
        /// The pipe.
        pipe: PipeName,
    },
    /// Set or replace the settings of all pipes whose names begin so.
    PutPrefixSettings {
        /// The beginning.
        prefix: PipePrefix,
        /// The settings.
        settings: PipeSettings,
    },
    /// Remove the settings of a prefix; histories stay.
    RemovePrefixSettings {
        /// The beginning.
        prefix: PipePrefix,
    },
    /// Empty a pipe's history.
    ClearHistory {
        /// The pipe.
        pipe: PipeName,
    },
    /// Remove one message of a history.
    RemoveMessage {
        /// The message.
        id: MessageId,
    },
    /// Empty a user's mailbox.
    ClearMailbox {
        /// The user.
        user: UserId,
    },
    /// Set or replace a user's data, which every browser may read.
    PutUserData {
        /// The user.
        user: UserId,
        /// The data, at most [`crate::limits::Limits::user_data_bytes`].
        data: Arc<str>,
    },
    /// Remove a user's data.
    RemoveUserData {
        /// The user.
        user: UserId,
    },
    /// Revoke a token. If it is valid now, drop all of its user's connections,
    /// also those that logged in by other means.
    RevokeToken {
        /// The token.
        token: TokenText,
    },
    /// Take back that a token is revoked.
    RestoreToken {
        /// The token.
        token: TokenText,
    },
    /// Remove participants of conferences.
    RemoveParticipants {
        /// Which.
        filter: ParticipantFilter,
    },
}

impl Change {
    /// What it takes in memory while it waits, in bytes: its payload and names,
    /// and a constant for the rest.
    pub fn bytes(&self) -> usize {
        const REST: usize = 128;
        let text = match self {
            Self::Publish {
                pipe,
                event,
                payload,
            } => pipe.as_str().len() + event.as_str().len() + payload.len(),
            Self::SendPrivate { event, payload, .. } => event.as_str().len() + payload.len(),
            Self::PutKey { key, .. } => key.reveal().len(),
            Self::PutSettings { pipe, settings } => pipe.as_str().len() + settings.bytes(),
            Self::PutPrefixSettings { prefix, settings } => {
                prefix.as_str().len() + settings.bytes()
            }
            Self::RemovePrefixSettings { prefix } => prefix.as_str().len(),
            Self::RemoveSettings { pipe } | Self::ClearHistory { pipe } => pipe.as_str().len(),
            Self::RemoveMessage { id } => id.0.len(),
            Self::PutUserData { data, .. } => data.len(),
            Self::RevokeToken { token } | Self::RestoreToken { token } => token.reveal().len(),
            Self::RemoveParticipants { filter } => {
                filter.name.as_ref().map_or(0, |name| name.as_str().len())
            }
            Self::RemoveKey { .. } | Self::ClearMailbox { .. } | Self::RemoveUserData { .. } => 0,
        };
        REST.saturating_add(text)
    }
}

/// What became of one [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Published.
    Published {
        /// Connections it was handed to, on this node.
        receivers: u64,
        /// Its place in the history, if the pipe keeps one.
        position: Option<Position>,
    },
    /// A private message was accepted.
    Sent {
        /// Connections it was handed to, on this node; 0 means it waits.
        receivers: u64,
    },
    /// Rows that were there and are gone.
    Removed(u64),
    /// Done.
    Done,
}

/// What the publishing browser is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Other connections it was handed to, on this node.
    pub receivers: u64,
    /// Its place in the history, if the pipe keeps one.
    pub position: Option<Position>,
}

/// Who publishes, and which connection must not hear itself.
#[derive(Clone, Copy)]
struct Origin {
    sender: Sender,
    except: Option<ConnectionId>,
}

impl Hall {
    /// Carries out a backend's changes, together and in order. Gives one effect
    /// for each.
    ///
    /// # Errors
    /// [`HallError::Refused`] for a reserved pipe name, [`HallError::EventNotListed`]
    /// for an event the pipe does not have, [`HallError::Name`] for too much data of a user, [`HallError::Limit`] for too many settings,
    /// [`HallError::Storage`]; then nothing has happened.
    pub async fn apply(
        self: &Arc<Self>,
        dev_id: DevId,
        changes: Vec<Change>,
    ) -> Result<Vec<Effect>, HallError> {
        self.check(dev_id, &changes)?;
        let origin = Origin {
            sender: Sender::Backend,
            except: None,
        };
        self.carry_out(dev_id, origin, changes).await
    }

    /// Publishes for a browser. `anonymous` hides who it is (`@web_…`).
    ///
    /// # Errors
    /// [`HallError::Refused`], [`HallError::EventNotListed`] or [`HallError::TooFast`]
    /// when the pipe's family or a rule forbids it, [`HallError::Storage`].
    pub async fn publish_for(
        self: &Arc<Self>,
        connection: &Connection,
        pipe: PipeName,
        event: EventName,
        payload: Arc<str>,
        anonymous: bool,
    ) -> Result<DeliveryReport, HallError> {
        if let Err(refusal) = self.may_publish(connection, &pipe, &event) {
            Counters::add(&self.counters.publications_refused, 1);
            return Err(refusal);
        }
        let subscribed = connection.is_subscribed(&pipe);
        let hears_itself = subscribed && connection.hears_itself.load(Ordering::Relaxed);
        let except = (subscribed && !hears_itself).then_some(connection.id);
        let origin = Origin {
            sender: Sender::Browser(connection.user.filter(|_| !anonymous)),
            except,
        };
        let change = Change::Publish {
            pipe,
            event,
            payload,
        };
        let effects = self
            .carry_out(connection.dev_id, origin, vec![change])
            .await?;
        Ok(match effects.first() {
            Some(Effect::Published {
                receivers,
                position,
            }) => DeliveryReport {
                receivers: receivers.saturating_sub(u64::from(hears_itself)),
                position: *position,
            },
            _ => DeliveryReport {
                receivers: 0,
                position: None,
            },
        })
    }

    /// Whether a backend's changes would be accepted if they were carried out
    /// now. [`Hall::apply`] asks this itself; who collects changes asks early.
    ///
    /// # Errors
    /// As [`Hall::apply`], but for the store's.
    pub fn check(&self, dev_id: DevId, changes: &[Change]) -> Result<(), HallError> {
        let mut settled = HashSet::new();
        for change in changes {
            match change {
                Change::Publish { pipe, event, .. } => {
                    self.backend_may_publish(dev_id, pipe, event)?;
                }
                Change::PutSettings { pipe, .. } => {
                    settled.insert(PipePattern::Pipe(pipe.clone()));
                }
                Change::PutPrefixSettings { prefix, .. } => {
                    settled.insert(PipePattern::Prefix(prefix.clone()));
                }
                Change::PutUserData { data, .. } => self.check_user_data(data)?,
                _ => {}
            }
        }
        if settled.is_empty() {
            return Ok(());
        }
        let limit = self.config.limits.pipe_settings;
        let settings = self.settings.read();
        settled.retain(|pipe| settings.find(dev_id, pipe).is_none());
        if !settled.is_empty() && settings.rows() + settled.len() > limit {
            let what = "pipes with settings";
            return Err(HallError::Limit { what, limit });
        }
        Ok(())
    }

    /// Whether `data` may be kept for a user.
    ///
    /// # Errors
    /// [`NameError::TooLong`] past [`crate::limits::Limits::user_data_bytes`].
    pub fn check_user_data(&self, data: &str) -> Result<(), NameError> {
        let limit = self.config.limits.user_data_bytes;
        if data.len() > limit {
            return Err(NameError::TooLong {
                what: "the user's data",
                length: data.len(),
                limit,
            });
        }
        Ok(())
    }

    async fn carry_out(
        self: &Arc<Self>,
        dev_id: DevId,
        origin: Origin,
        changes: Vec<Change>,
    ) -> Result<Vec<Effect>, HallError> {
        self.wait_for_room().await;
        let time = UnixTime::now();
        let mut planned = Planned::default();
        let steps: Vec<Step> = changes
            .into_iter()
            .map(|change| self.plan(dev_id, origin, time, change, &mut planned))
            .collect();
        let writes = planned.writes;
        if writes.is_empty() {
            return Ok(self.take_effect(dev_id, origin, steps, Vec::new()));
        }
        let (answer, answered) = oneshot::channel();
        let hall = Arc::clone(self);
        self.storage.submit(
            writes,
            Box::new(move |outcome| {
                let effects =
                    outcome.map(|outcomes| hall.take_effect(dev_id, origin, steps, outcomes));
                // The asker may have gone; the change stands all the same.
                let _ = answer.send(effects);
            }),
        );
        Ok(answered.await.map_err(|_| StorageError::Closed)??)
    }

    /// What a change needs of the store, and what is left to do afterwards.
    fn plan(
        &self,
        dev_id: DevId,
        origin: Origin,
        time: UnixTime,
        change: Change,
        planned: &mut Planned,
    ) -> Step {
        let Planned {
            writes,
            settled: settled_here,
            prefixes: prefixes_here,
        } = planned;
        match change {
            Change::Publish {
                pipe,
                event,
                payload,
            } => {
                let message = Message {
                    pipe,
                    event: event.or_undefined(),
                    payload,
                    sender: origin.sender,
                    time,
                };
                let (own, others) = self.history_lengths(dev_id, &message.pipe);
                let default_length = match prefixes_here {
                    Some(prefixes) => or_default(
                        prefix_length(prefixes, &message.pipe),
                        self.default_history_length(&message.pipe),
                    ),
                    None => others,
                };
                let settled = settled_here.contains(&message.pipe);
                if settled || own > 0 || default_length > 0 {
                    writes.push(Write::AppendHistory {
                        dev_id,
                        message: message.clone(),
                        default_length,
                    });
                    Step::PublishStored(message)
                } else {
                    Step::Publish(message)
                }
            }
            Change::SendPrivate { user: None, .. } => Step::Forget,
            Change::SendPrivate {
                user: Some(user),
                event,
                payload,
            } => {
                let message = PrivateMessage {
                    event: event.or_undefined(),
                    payload,
                    time,
                };
                writes.push(Write::PutMail {
                    dev_id,
                    user,
                    message: message.clone(),
                    keep: self.config.limits.mailbox_length,
                });
                Step::Mail(user, message)
            }
            Change::PutKey { user, key } => {
                writes.push(Write::PutKey { dev_id, user, key });
                Step::Stored
            }
            Change::RemoveKey { user } => {
                writes.push(Write::RemoveKey { dev_id, user });
                Step::Revoke(user)
            }
            Change::PutSettings { pipe, settings } => {
                settled_here.insert(pipe.clone());
                writes.push(Write::PutSettings {
                    dev_id,
                    pipe: pipe.clone(),
                    settings: settings.clone(),
                });
                Step::Settle(PipePattern::Pipe(pipe), settings)
            }
            Change::PutPrefixSettings { prefix, settings } => {
                let current = || self.settings.read().prefixes(dev_id);
                let prefixes = prefixes_here.get_or_insert_with(current);
                prefixes.insert(prefix.clone(), settings.clone());
                writes.push(Write::PutPrefixSettings {
                    dev_id,
                    prefix: prefix.clone(),
                    settings: settings.clone(),
                });
                Step::Settle(PipePattern::Prefix(prefix), settings)
            }
            Change::RemovePrefixSettings { prefix } => {
                let current = || self.settings.read().prefixes(dev_id);
                let prefixes = prefixes_here.get_or_insert_with(current);
                prefixes.remove(&prefix);
                writes.push(Write::RemovePrefixSettings {
                    dev_id,
                    prefix: prefix.clone(),
                });
                Step::Unsettle(PipePattern::Prefix(prefix))
            }
            Change::RemoveSettings { pipe } => {
                writes.push(Write::RemoveSettings {
                    dev_id,
                    pipe: pipe.clone(),
                });
                Step::Unsettle(PipePattern::Pipe(pipe))
            }
            Change::ClearHistory { pipe } => {
                writes.push(Write::ClearHistory { dev_id, pipe });
                Step::Stored
            }
            Change::RemoveMessage { id } => {
                writes.push(Write::RemoveMessage { dev_id, id });
                Step::Stored
            }
            Change::ClearMailbox { user } => {
                writes.push(Write::ClearMailbox { dev_id, user });
                Step::EmptyMailbox(user)
            }
            Change::PutUserData { user, data } => {
                writes.push(Write::PutUserData { dev_id, user, data });
                Step::Stored
            }
            Change::RemoveUserData { user } => {
                writes.push(Write::RemoveUserData { dev_id, user });
                Step::Stored
            }
            Change::RevokeToken { token } => {
                let user = self.config.tenants.token_user(dev_id, token.reveal(), time);
                let expires = token.expires();
                writes.push(Write::RevokeToken {
                    dev_id,
                    token,
                    expires,
                });
                user.map_or(Step::Stored, Step::RevokeToken)
            }
            Change::RestoreToken { token } => {
                writes.push(Write::RestoreToken { dev_id, token });
                Step::Stored
            }
            Change::RemoveParticipants { filter } => {
                writes.push(Write::RemoveParticipants { dev_id, filter });
                Step::Stored
            }
        }
    }

    /// Makes a batch visible. `outcomes` has one entry for every step that
    /// wrote something, in order.
    fn take_effect(
        self: &Arc<Self>,
        dev_id: DevId,
        origin: Origin,
        steps: Vec<Step>,
        outcomes: Vec<Outcome>,
    ) -> Vec<Effect> {
        let mut outcomes = outcomes.into_iter();
        let mut touched = Touched::default();
        // Nothing comes between the changes of one batch; single changes need
        // only keep out of other batches.
        // Nor may anybody subscribe by rules that are just being replaced.
        let changes_rules = |step: &Step| matches!(step, Step::Settle(..) | Step::Unsettle(_));
        let turn = if steps.len() > 1 || steps.iter().any(changes_rules) {
            (None, Some(self.turns.write()))
        } else {
            (Some(self.turns.read()), None)
        };
        let effects = steps
            .into_iter()
            .map(|step| match step {
                Step::Publish(message) => {
                    let receivers =
                        self.fan_out(dev_id, origin.except, message, None, &mut touched);
                    Effect::Published {
                        receivers,
                        position: None,
                    }
                }
                Step::PublishStored(message) => {
                    let position = match outcomes.next() {
                        Some(Outcome::Appended { position, .. }) => Some(position),
                        _ => None,
                    };
                    let receivers =
                        self.fan_out(dev_id, origin.except, message, position, &mut touched);
                    Effect::Published {
                        receivers,
                        position,
                    }
                }
                Step::Mail(user, message) => {
                    Counters::add(&self.counters.private_messages, 1);
                    if let Some(tenant) = self.tenant_counters(dev_id) {
                        Counters::add(&tenant.private_messages, 1);
                    }
                    let receivers = match outcomes.next() {
                        Some(Outcome::Mailed { id, dropped }) => {
                            Counters::add(&self.counters.mail_dropped, u64::from(dropped));
                            self.deliver_mail(dev_id, user, id, message, &mut touched)
                        }
                        _ => 0,
                    };
                    Effect::Sent { receivers }
                }
                Step::Forget => Effect::Sent { receivers: 0 },
                Step::Stored => removed(outcomes.next()),
                Step::Revoke(user) => {
                    self.revocations.fetch_add(1, Ordering::SeqCst);
                    self.close_user(dev_id, user, CloseReason::KeyDeleted, &mut touched);
                    removed(outcomes.next())
                }
                Step::RevokeToken(user) => {
                    self.revocations.fetch_add(1, Ordering::SeqCst);
                    self.close_user(dev_id, user, CloseReason::TokenRevoked, &mut touched);
                    removed(outcomes.next())
                }
                Step::Settle(pattern, settings) => {
                    self.change_settings(|all| all.put(dev_id, pattern.clone(), settings));
                    self.enforce(dev_id, &pattern, &mut touched);
                    removed(outcomes.next())
                }
                Step::Unsettle(pattern) => {
                    self.change_settings(|all| all.remove(dev_id, &pattern));
                    // A shorter prefix may be stricter.
                    self.enforce(dev_id, &pattern, &mut touched);
                    removed(outcomes.next())
                }
                Step::EmptyMailbox(user) => {
                    self.mailbox_shrank(dev_id, user);
                    removed(outcomes.next())
                }
            })
            .collect();
        drop(turn);
        touched.wake(&self.shards);
        effects
    }

    fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.write();
        change(&mut settings);
        let lists_events = settings.lists_events();
        self.lists_events.store(lists_events, Ordering::Relaxed);
    }

    fn fan_out(
        &self,
        dev_id: DevId,
        except: Option<ConnectionId>,
        message: Message,
        position: Option<Position>,
        touched: &mut Touched,
    ) -> u64 {
        Counters::add(&self.counters.messages, 1);
        if let Some(tenant) = self.tenant_counters(dev_id) {
            Counters::add(&tenant.messages, 1);
        }
        let Some(pipe) = self.pipes.find(dev_id, &message.pipe) else {
            return 0;
        };
        let event = Outgoing::new(Event::Message(LiveMessage { message, position }));
        pipe.publish(&self.shards, &event, except, touched)
    }

    /// How many messages a pipe keeps; 0 for none.
    pub fn history_length(&self, dev_id: DevId, pipe: &PipeName) -> u32 {
        let (own, others) = self.history_lengths(dev_id, pipe);
        or_default(own, others)
    }

    /// How many messages a pipe keeps whose own row says `own`, or that has none.
    pub fn history_length_with(&self, dev_id: DevId, pipe: &PipeName, own: Option<u32>) -> u32 {
        let (_, others) = self.history_lengths(dev_id, pipe);
        or_default(own.unwrap_or(0), others)
    }

    /// How many messages a pipe's own row keeps, and how many it keeps without
    /// one: as a prefix says, or its family.
    fn history_lengths(&self, dev_id: DevId, pipe: &PipeName) -> (u32, u32) {
        let (own, prefixes) = self.settings.read().lengths(dev_id, pipe);
        (own, or_default(prefixes, self.default_history_length(pipe)))
    }

    /// The history a pipe keeps without being asked.
    fn default_history_length(&self, pipe: &PipeName) -> u32 {
        match Family::of(pipe) {
            Family::Trust => self.config.limits.trust_length,
            _ => 0,
        }
    }
}

fn or_default(length: u32, default: u32) -> u32 {
    match length {
        0 => default,
        length => length,
    }
}

/// What a batch needs of the store, as far as it has been looked through.
#[derive(Default)]
struct Planned {
    writes: Vec<Write>,
    /// Pipes whose settings the batch itself sets: whether they keep a history
    /// is known only to the store, when their turn comes.
    settled: HashSet<PipeName>,
    /// The rows for prefixes as they will be, if the batch itself changes them.
    prefixes: Option<PrefixRows>,
}

/// What is left of a change once the store has done its part.
enum Step {
    Publish(Message),
    PublishStored(Message),
    Mail(UserId, PrivateMessage),
    Forget,
    Stored,
    Revoke(UserId),
    RevokeToken(UserId),
    Settle(PipePattern, PipeSettings),
    Unsettle(PipePattern),
    EmptyMailbox(UserId),
}

fn removed(outcome: Option<Outcome>) -> Effect {
    match outcome {
        Some(Outcome::Removed(rows)) => Effect::Removed(rows),
        _ => Effect::Done,
    }
}
