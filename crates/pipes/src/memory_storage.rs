//! A store that keeps everything in memory and loses it at the end: the same
//! contract as the real one except durability, for tests and for measuring the
//! hall without a disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::conference::{ConferenceName, Participant, ParticipantFilter};
use crate::message::{MailId, MessageId, Position, Sender, StoredMail, StoredMessage, UnixTime};
use crate::name::{AccessKey, DevId, PipeName, UserId};
use crate::pattern::PipePrefix;
use crate::settings::PipeSettings;
use crate::storage::{Completion, Outcome, Snapshot, Span, Storage, StorageError, Window, Write};
use crate::sync::{Mutex, MutexGuard};
use crate::token::TokenText;

/// The store. Completions run on the submitting thread before `submit` returns.
#[derive(Default)]
pub struct MemoryStorage {
    /// Held while completions run, so that they run in order.
    log: Mutex<()>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    settings: BTreeMap<(DevId, PipeName), PipeSettings>,
    prefixes: BTreeMap<(DevId, PipePrefix), PipeSettings>,
    histories: BTreeMap<(DevId, PipeName), History>,
    mailboxes: BTreeMap<(DevId, UserId), VecDeque<StoredMail>>,
    keys: BTreeMap<(DevId, UserId), AccessKey>,
    last_seen: BTreeMap<(DevId, UserId), UnixTime>,
    user_data: BTreeMap<(DevId, UserId), Arc<str>>,
    revoked: BTreeMap<(DevId, TokenText), Option<UnixTime>>,
    participants: BTreeMap<(DevId, ConferenceName, Option<UserId>), Participant>,
    last_message: u64,
    last_mail: u64,
    last_epoch: u64,
}

struct History {
    epoch: u64,
    last_offset: u64,
    messages: VecDeque<StoredMessage>,
}

impl MemoryStorage {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock()
    }
}

impl Storage for MemoryStorage {
    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let tables = self.read();
        Ok(Snapshot {
            settings: tables
                .settings
                .iter()
                .map(|((dev_id, pipe), row)| (*dev_id, pipe.clone(), row.clone()))
                .collect(),
            prefixes: tables
                .prefixes
                .iter()
                .map(|((dev_id, prefix), row)| (*dev_id, prefix.clone(), row.clone()))
                .collect(),
            mailboxes: tables
                .mailboxes
                .iter()
                .filter_map(|((dev_id, user), mail)| Some((*dev_id, *user, mail.back()?.id)))
                .collect(),
        })
    }

    fn submit(&self, batch: Vec<Write>, done: Completion) {
        let _in_order = self.log.lock();
        let outcomes = {
            let mut tables = self.tables.lock();
            batch.into_iter().map(|write| tables.write(write)).collect()
        };
        done(Ok(outcomes));
    }

    fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        window: Window,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        let tables = self.read();
        let Some(history) = tables.histories.get(&(dev_id, pipe.clone())) else {
            return Ok(Vec::new());
        };
        let skip = history.messages.len().saturating_sub(window.newest);
        let mut bytes = 0;
        let mut piece = Vec::new();
        for stored in history.messages.iter().skip(skip) {
            if stored.position.offset <= window.after {
                continue;
            }
            bytes += stored.message.payload.len();
            if bytes > window.max_bytes && !piece.is_empty() {
                break;
            }
            piece.push(stored.clone());
        }
        Ok(piece)
    }

    fn span(&self, dev_id: DevId, pipe: &PipeName) -> Result<Option<Span>, StorageError> {
        let tables = self.read();
        let history = tables.histories.get(&(dev_id, pipe.clone()));
        Ok(history.map(|history| Span {
            epoch: history.epoch,
            first: history
                .messages
                .front()
                .map_or(history.last_offset + 1, |oldest| oldest.position.offset),
            last: history.last_offset,
        }))
    }

    fn histories(&self, dev_id: DevId, limit: usize) -> Result<Vec<PipeName>, StorageError> {
        let tables = self.read();
        Ok(tables
            .histories
            .iter()
            .filter(|((tenant, _), history)| *tenant == dev_id && !history.messages.is_empty())
            .map(|((_, pipe), _)| pipe.clone())
            .take(limit)
            .collect())
    }

    fn mailbox(
        &self,
        dev_id: DevId,
        user: UserId,
        after: MailId,
        up_to: MailId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredMail>, StorageError> {
        let tables = self.read();
        let mut bytes = 0;
        Ok(tables
            .mailboxes
            .get(&(dev_id, user))
            .into_iter()
            .flatten()
            .filter(|mail| mail.id > after && mail.id <= up_to)
            .take(limit)
            .take_while(|mail| {
                let before = bytes;
                bytes += mail.message.payload.len();
                before == 0 || bytes <= max_bytes
            })
            .cloned()
            .collect())
    }

    fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError> {
        Ok(self.read().keys.get(&(dev_id, user)).cloned())
    }

    fn keys(&self, dev_id: DevId, limit: usize) -> Result<Vec<(UserId, AccessKey)>, StorageError> {
        let tables = self.read();
        Ok(tables
            .keys
            .iter()
            .filter(|((tenant, _), _)| *tenant == dev_id)
            .map(|((_, user), key)| (*user, key.clone()))
            .take(limit)
            .collect())
    }

    fn last_seen(&self, dev_id: DevId, user: UserId) -> Result<Option<UnixTime>, StorageError> {
        Ok(self.read().last_seen.get(&(dev_id, user)).copied())
    }

    fn last_seen_all(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Result<Vec<(UserId, UnixTime)>, StorageError> {
        let tables = self.read();
        Ok(tables
            .last_seen
            .iter()
            .filter(|((tenant, _), _)| *tenant == dev_id)
            .map(|((_, user), time)| (*user, *time))
            .take(limit)
            .collect())
    }

    fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError> {
        Ok(self.read().user_data.get(&(dev_id, user)).cloned())
    }

    fn user_data_all(
        &self,
        dev_id: DevId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<(UserId, Arc<str>)>, StorageError> {
        let tables = self.read();
        let mut bytes = 0;
        Ok(tables
            .user_data
            .iter()
            .filter(|((tenant, _), _)| *tenant == dev_id)
            .map(|((_, user), data)| (*user, Arc::clone(data)))
            .take(limit)
            .take_while(|(_, data)| {
                let before = bytes;
                bytes += data.len();
                before <= max_bytes
            })
            .collect())
    }

    fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError> {
        Ok(self.read().revoked.contains_key(&(dev_id, token.clone())))
    }

    fn revoked_tokens(&self, dev_id: DevId, limit: usize) -> Result<Vec<TokenText>, StorageError> {
        let tables = self.read();
        Ok(tables
            .revoked
            .keys()
            .filter(|(tenant, _)| *tenant == dev_id)
            .map(|(_, token)| token.clone())
            .take(limit)
            .collect())
    }

    fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
        limit: usize,
    ) -> Result<Vec<Participant>, StorageError> {
        let tables = self.read();
        Ok(tables
            .participants
            .iter()
            .filter(|((tenant, ..), row)| *tenant == dev_id && filter.matches(row))
            .map(|(_, row)| row.clone())
            .take(limit)
            .collect())
    }
}

impl Tables {
    fn write(&mut self, write: Write) -> Outcome {
        match write {
            Write::AppendHistory {
                dev_id,
                message,
                default_length,
            } => {
                let key = (dev_id, message.pipe.clone());
                let length = match self.settings.get(&key) {
                    Some(settings) if settings.length > 0 => settings.length,
                    _ => default_length,
                };
                if length == 0 {
                    return Outcome::NotKept;
                }
                self.last_message += 1;
                let id = MessageId(format!("memory-{:x}", self.last_message));
                let history = match self.histories.entry(key) {
                    std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::btree_map::Entry::Vacant(room) => {
                        self.last_epoch += 1;
                        room.insert(History {
                            epoch: self.last_epoch,
                            last_offset: 0,
                            messages: VecDeque::new(),
                        })
                    }
                };
                history.last_offset += 1;
                let position = Position {
                    epoch: history.epoch,
                    offset: history.last_offset,
                };
                let mut message = message;
                if message.sender == Sender::Backend {
                    message.sender = Sender::Browser(None);
                }
                history.messages.push_back(StoredMessage {
                    id: id.clone(),
                    position,
                    message,
                });
                trim(&mut history.messages, length);
                Outcome::Appended { id, position }
            }
            Write::ClearHistory { dev_id, pipe } => {
                let history = self.histories.get_mut(&(dev_id, pipe));
                Outcome::Removed(history.map_or(0, |history| clear(&mut history.messages)))
            }
            Write::RemoveMessage { dev_id, id } => {
                let mut removed = 0;
                for ((tenant, _), history) in &mut self.histories {
                    if *tenant == dev_id {
                        let before = history.messages.len();
                        history.messages.retain(|stored| stored.id != id);
                        removed += (before - history.messages.len()) as u64;
                    }
                }
                Outcome::Removed(removed)
            }
            Write::PutSettings {
                dev_id,
                pipe,
                settings,
            } => {
                let key = (dev_id, pipe);
                if settings.length > 0
                    && let Some(history) = self.histories.get_mut(&key)
                {
                    trim(&mut history.messages, settings.length);
                }
                self.settings.insert(key, settings);
                Outcome::Done
            }
            Write::PutPrefixSettings {
                dev_id,
                prefix,
                settings,
            } => {
                self.prefixes.insert((dev_id, prefix), settings);
                Outcome::Done
            }
            Write::RemovePrefixSettings { dev_id, prefix } => {
                let removed = self.prefixes.remove(&(dev_id, prefix));
                Outcome::Removed(u64::from(removed.is_some()))
            }
            Write::RemoveSettings { dev_id, pipe } => {
                let key = (dev_id, pipe);
                self.histories.remove(&key);
                Outcome::Removed(u64::from(self.settings.remove(&key).is_some()))
            }
            Write::PutMail {
                dev_id,
                user,
                message,
                keep,
            } => {
                self.last_mail += 1;
                let id = MailId(self.last_mail);
                let mailbox = self.mailboxes.entry((dev_id, user)).or_default();
                mailbox.push_back(StoredMail { id, message });
                Outcome::Mailed {
                    id,
                    dropped: trim(mailbox, keep.max(1)),
                }
            }
            Write::RemoveMail { dev_id, user, ids } => {
                self.retain_mail(dev_id, user, |mail| !ids.contains(&mail.id))
            }
            Write::ClearMailbox { dev_id, user } => self.retain_mail(dev_id, user, |_| false),
            Write::Purge {
                mail_before,
                history_before,
                tokens_before,
            } => {
                self.revoked
                    .retain(|_, ends| ends.is_none_or(|ends| ends >= tokens_before));
                for mailbox in self.mailboxes.values_mut() {
                    mailbox.retain(|mail| mail.message.time >= mail_before);
                }
                self.mailboxes.retain(|_, mailbox| !mailbox.is_empty());
                for ((dev_id, pipe), history) in &mut self.histories {
                    if let Some(before) = history_before.of(*dev_id, pipe) {
                        let is_young = |stored: &StoredMessage| stored.message.time >= before;
                        history.messages.retain(is_young);
                    }
                }
                Outcome::Done
            }
            Write::PutKey { dev_id, user, key } => {
                self.keys.insert((dev_id, user), key);
                Outcome::Done
            }
            Write::RemoveKey { dev_id, user } => {
                Outcome::Removed(u64::from(self.keys.remove(&(dev_id, user)).is_some()))
            }
            Write::PutLastSeen { dev_id, user, time } => {
                self.last_seen.insert((dev_id, user), time);
                Outcome::Done
            }
            Write::PutUserData { dev_id, user, data } => {
                self.user_data.insert((dev_id, user), data);
                Outcome::Done
            }
            Write::RemoveUserData { dev_id, user } => {
                let removed = self.user_data.remove(&(dev_id, user));
                Outcome::Removed(u64::from(removed.is_some()))
            }
            Write::RevokeToken {
                dev_id,
                token,
                expires,
            } => {
                self.revoked.insert((dev_id, token), expires);
                Outcome::Done
            }
            Write::RestoreToken { dev_id, token } => {
                let removed = self.revoked.remove(&(dev_id, token));
                Outcome::Removed(u64::from(removed.is_some()))
            }
            Write::PutParticipant {
                dev_id,
                participant,
            } => {
                let key = (dev_id, participant.name.clone(), participant.user);
                self.participants.insert(key, participant);
                Outcome::Done
            }
            Write::RemoveParticipants { dev_id, filter } => {
                let before = self.participants.len();
                self.participants
                    .retain(|(tenant, ..), row| *tenant != dev_id || !filter.matches(row));
                Outcome::Removed((before - self.participants.len()) as u64)
            }
        }
    }

    fn retain_mail(
        &mut self,
        dev_id: DevId,
        user: UserId,
        keep: impl FnMut(&StoredMail) -> bool,
    ) -> Outcome {
        let key = (dev_id, user);
        let Some(mailbox) = self.mailboxes.get_mut(&key) else {
            return Outcome::Removed(0);
        };
        let before = mailbox.len();
        mailbox.retain(keep);
        let removed = (before - mailbox.len()) as u64;
        if mailbox.is_empty() {
            self.mailboxes.remove(&key);
        }
        Outcome::Removed(removed)
    }
}

fn trim<T>(queue: &mut VecDeque<T>, length: u32) -> u32 {
    let mut dropped = 0;
    while queue.len() > length as usize {
        queue.pop_front();
        dropped += 1;
    }
    dropped
}

fn clear<T>(queue: &mut VecDeque<T>) -> u64 {
    let removed = queue.len() as u64;
    queue.clear();
    removed
}
