//! What each kind of write does to the file and to the index. Runs inside the
//! writer's transaction, with the index locked; beginning, committing and
//! taking back are the writer's.

use pipes::conference::Participant;
use pipes::message::{MailId, Message, MessageId, Position, PrivateMessage, UnixTime};
use pipes::name::{DevId, PipeName, UserId};
use pipes::pattern::PipePrefix;
use pipes::settings::PipeSettings;
use pipes::storage::{HistoryBefore, Outcome, Write};
use rand::Rng;
use rusqlite::{OptionalExtension, params};

use crate::config::Config;
use crate::index::{Ids, Index, Mail, Mailbox, Pipe, Row, Sizes};
use crate::lookups::filter_values;
use crate::statements::{Statements, stored};

/// How many ids are taken from the file at once. A start skips the rest.
const ID_BLOCK: i64 = 4096;
/// Epochs fit the integers of a browser.
pub(crate) const MAX_EPOCH: u64 = (1 << 53) - 1;

/// Why a write was not made.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A bound of ours; nothing of this write was done.
    Refused(String),
    /// SQLite.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// What writes are applied to.
pub(crate) struct Target<'t, 'c> {
    pub(crate) statements: &'t mut Statements<'c>,
    pub(crate) index: &'t mut Index,
    pub(crate) config: &'t Config,
    pub(crate) store_id: &'t str,
}

impl Target<'_, '_> {
    pub(crate) fn apply(&mut self, write: &Write) -> Result<Outcome, Failure> {
        match write {
            Write::AppendHistory {
                dev_id,
                message,
                default_length,
            } => self.append(*dev_id, message, *default_length),
            Write::ClearHistory { dev_id, pipe } => {
                self.clear_history(*dev_id, pipe).map(Outcome::Removed)
            }
            Write::RemoveMessage { dev_id, id } => {
                self.remove_message(*dev_id, id).map(Outcome::Removed)
            }
            Write::PutSettings {
                dev_id,
                pipe,
                settings,
            } => self.put_settings(*dev_id, pipe, settings),
            Write::PutPrefixSettings {
                dev_id,
                prefix,
                settings,
            } => self.put_prefix(*dev_id, prefix, settings),
            Write::RemovePrefixSettings { dev_id, prefix } => {
                self.remove_prefix(*dev_id, prefix).map(Outcome::Removed)
            }
            Write::RemoveSettings { dev_id, pipe } => {
                self.remove_settings(*dev_id, pipe).map(Outcome::Removed)
            }
            Write::PutMail {
                dev_id,
                user,
                message,
                keep,
            } => self.put_mail(*dev_id, *user, message, *keep),
            Write::RemoveMail { dev_id, user, ids } => {
                self.remove_mail(*dev_id, *user, ids).map(Outcome::Removed)
            }
            Write::ClearMailbox { dev_id, user } => self
                .keep_mail(*dev_id, *user, |_| false)
                .map(Outcome::Removed),
            Write::Purge {
                mail_before,
                history_before,
                tokens_before,
            } => {
                let messages = self.purge(*mail_before, history_before)?;
                let before = stored(tokens_before.0);
                let tokens = self.statements.purge_tokens.execute([before])?;
                Ok(Outcome::Removed(messages + tokens as u64))
            }
            Write::PutKey { dev_id, user, key } => {
                let row = params![dev_id.number(), user.number(), key.reveal()];
                self.statements.put_key.execute(row)?;
                Ok(Outcome::Done)
            }
            Write::RemoveKey { dev_id, user } => {
                let row = params![dev_id.number(), user.number()];
                let removed = self.statements.remove_key.execute(row)?;
                Ok(Outcome::Removed(removed as u64))
            }
            Write::PutLastSeen { dev_id, user, time } => {
                let row = params![dev_id.number(), user.number(), stored(time.0)];
                self.statements.put_last_seen.execute(row)?;
                Ok(Outcome::Done)
            }
            Write::PutUserData { dev_id, user, data } => {
                let row = params![dev_id.number(), user.number(), data.as_ref()];
                self.statements.put_user_data.execute(row)?;
                Ok(Outcome::Done)
            }
            Write::RemoveUserData { dev_id, user } => {
                let row = params![dev_id.number(), user.number()];
                let removed = self.statements.remove_user_data.execute(row)?;
                Ok(Outcome::Removed(removed as u64))
            }
            Write::RevokeToken {
                dev_id,
                token,
                expires,
            } => {
                let expires = expires.map(|expires| stored(expires.0));
                let row = params![dev_id.number(), token.reveal(), expires];
                self.statements.revoke_token.execute(row)?;
                Ok(Outcome::Done)
            }
            Write::RestoreToken { dev_id, token } => {
                let row = params![dev_id.number(), token.reveal()];
                let removed = self.statements.restore_token.execute(row)?;
                Ok(Outcome::Removed(removed as u64))
            }
            Write::PutParticipant {
                dev_id,
                participant,
            } => self.put_participant(*dev_id, participant),
            Write::RemoveParticipants { dev_id, filter } => {
                let (name, user) = filter_values(filter);
                let row = params![dev_id.number(), name, user];
                let removed = self.statements.remove_participants.execute(row)?;
                Ok(Outcome::Removed(removed as u64))
            }
        }
    }

    fn put_participant(
        &mut self,
        dev_id: DevId,
        participant: &Participant,
    ) -> Result<Outcome, Failure> {
        self.statements.put_participant.execute(params![
            dev_id.number(),
            participant.name.as_str(),
            participant.user.map_or(0, UserId::number),
            participant.caller.map_or(0, UserId::number),
            participant.message.as_ref(),
            participant.profile.as_ref(),
            participant.stream.as_ref(),
            participant.node.as_ref(),
        ])?;
        Ok(Outcome::Done)
    }

    fn append(
        &mut self,
        dev_id: DevId,
        message: &Message,
        default_length: u32,
    ) -> Result<Outcome, Failure> {
        let name = &message.pipe;
        let settings = self.index.settings(dev_id, name);
        let length = match settings {
            Some(settings) if settings.length > 0 => settings.length,
            _ => default_length,
        };
        if length == 0 {
            return Ok(Outcome::NotKept);
        }
        let position = self.next_position(dev_id, name)?;
        let id = self.next_id()?;
        self.statements.insert_message.execute(params![
            id,
            dev_id.number(),
            name.as_str(),
            stored(position.offset),
            stored(message.time.0),
            message.sender.user_number(),
            message.event.as_str(),
            message.payload.as_ref(),
        ])?;
        let row = Row {
            id,
            offset: position.offset,
            time: message.time.0,
        };
        self.index.push_row(dev_id, name, row);
        self.trim(dev_id, name, length)?;
        Ok(Outcome::Appended {
            id: message_id(self.store_id, id),
            position,
        })
    }

    /// The place of the next message of a pipe; makes the pipe's first epoch.
    fn next_position(&mut self, dev_id: DevId, name: &PipeName) -> Result<Position, Failure> {
        if let Some(pipe) = self.index.pipe(dev_id, name) {
            return Ok(Position {
                epoch: pipe.epoch,
                offset: pipe.next_offset,
            });
        }
        let Sizes { pipes, .. } = self.index.sizes();
        refuse_past(pipes, self.config.max_pipes, "pipes with a history")?;
        let pipe = Pipe {
            epoch: rand::rng().random_range(1..=MAX_EPOCH),
            next_offset: 1,
            last_id: 0,
            rows: Default::default(),
        };
        let position = Position {
            epoch: pipe.epoch,
            offset: pipe.next_offset,
        };
        self.put_pipe(dev_id, name, pipe)?;
        Ok(position)
    }

    fn trim(&mut self, dev_id: DevId, name: &PipeName, length: u32) -> Result<(), Failure> {
        let rows = self
            .index
            .pipe(dev_id, name)
            .map_or(0, |pipe| pipe.rows.len());
        for _ in usize::try_from(length).unwrap_or(usize::MAX)..rows {
            if let Some(row) = self.index.remove_row(dev_id, name, 0) {
                self.statements.remove_message.execute([row.id])?;
            }
        }
        Ok(())
    }

    fn clear_history(&mut self, dev_id: DevId, name: &PipeName) -> Result<u64, Failure> {
        self.keep_rows(dev_id, name, |_| false)
    }

    fn remove_message(&mut self, dev_id: DevId, id: &MessageId) -> Result<u64, Failure> {
        let Some(id) = row_id(self.store_id, id) else {
            return Ok(0);
        };
        let owner = self
            .statements
            .message_owner
            .query_row([id], |row| {
                Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        let name = match owner {
            Some((owner, name)) if owner == dev_id.number() => PipeName::parse(&name),
            _ => return Ok(0),
        };
        match name {
            Ok(name) => self.keep_rows(dev_id, &name, |row| row.id != id),
            Err(_) => Ok(0),
        }
    }

    fn put_settings(
        &mut self,
        dev_id: DevId,
        name: &PipeName,
        settings: &PipeSettings,
    ) -> Result<Outcome, Failure> {
        if self.index.settings(dev_id, name).is_none() {
            self.refuse_settings()?;
        }
        execute_with(
            &mut self.statements.put_settings,
            dev_id,
            name.as_str(),
            settings,
        )?;
        self.index
            .set_settings(dev_id, name, Some(settings.clone()));
        if settings.length > 0 {
            self.trim(dev_id, name, settings.length)?;
        }
        Ok(Outcome::Done)
    }

    fn put_prefix(
        &mut self,
        dev_id: DevId,
        prefix: &PipePrefix,
        settings: &PipeSettings,
    ) -> Result<Outcome, Failure> {
        if !self.index.has_prefix(dev_id, prefix) {
            self.refuse_settings()?;
        }
        execute_with(
            &mut self.statements.put_prefix,
            dev_id,
            prefix.as_str(),
            settings,
        )?;
        self.index
            .set_prefix(dev_id, prefix, Some(settings.clone()));
        Ok(Outcome::Done)
    }

    fn remove_prefix(&mut self, dev_id: DevId, prefix: &PipePrefix) -> Result<u64, Failure> {
        if !self.index.has_prefix(dev_id, prefix) {
            return Ok(0);
        }
        let row = params![dev_id.number(), prefix.as_str()];
        self.statements.remove_prefix.execute(row)?;
        self.index.set_prefix(dev_id, prefix, None);
        Ok(1)
    }

    fn refuse_settings(&self) -> Result<(), Failure> {
        let Sizes { settings, .. } = self.index.sizes();
        refuse_past(settings, self.config.max_settings, "pipes with settings")
    }

    fn remove_settings(&mut self, dev_id: DevId, name: &PipeName) -> Result<u64, Failure> {
        self.remove_pipe(dev_id, name)?;
        if self.index.settings(dev_id, name).is_none() {
            return Ok(0);
        }
        let row = params![dev_id.number(), name.as_str()];
        self.statements.remove_settings.execute(row)?;
        self.index.set_settings(dev_id, name, None);
        Ok(1)
    }

    fn put_mail(
        &mut self,
        dev_id: DevId,
        user: UserId,
        message: &PrivateMessage,
        keep: u32,
    ) -> Result<Outcome, Failure> {
        if self.index.mailbox(dev_id, user).is_none() {
            let Sizes { mailboxes, .. } = self.index.sizes();
            refuse_past(mailboxes, self.config.max_mailboxes, "mailboxes")?;
        }
        let id = self.next_id()?;
        self.statements.insert_mail.execute(params![
            id,
            dev_id.number(),
            user.number(),
            stored(message.time.0),
            message.event.as_str(),
            message.payload.as_ref(),
        ])?;
        let time = message.time.0;
        self.index.push_mail(dev_id, user, Mail { id, time });
        let length = self.index.mailbox(dev_id, user).map_or(0, Mailbox::len);
        let mut dropped = 0;
        for _ in usize::try_from(keep.max(1)).unwrap_or(usize::MAX)..length {
            if let Some(mail) = self.index.remove_mail(dev_id, user, 0) {
                self.statements.remove_mail.execute([mail.id])?;
                dropped += 1;
            }
        }
        Ok(Outcome::Mailed {
            id: MailId(u64::try_from(id).unwrap_or(0)),
            dropped,
        })
    }

    fn remove_mail(&mut self, dev_id: DevId, user: UserId, ids: &[MailId]) -> Result<u64, Failure> {
        let mut removed = 0;
        for id in ids {
            let id = stored(id.0);
            let found = self
                .index
                .mailbox(dev_id, user)
                .and_then(|mailbox| mailbox.binary_search_by_key(&id, |mail| mail.id).ok());
            if let Some(at) = found {
                self.index.remove_mail(dev_id, user, at);
                self.statements.remove_mail.execute([id])?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn purge(&mut self, mail_before: UnixTime, before: &HistoryBefore) -> Result<u64, Failure> {
        let old_mail = |mail: &Mail| mail.time < mail_before.0;
        let (mut mailboxes, mut pipes) = (Vec::new(), Vec::new());
        for (dev_id, tenant) in self.index.tenants() {
            let stale = tenant
                .mailboxes
                .iter()
                .filter(|(_, all)| all.iter().any(old_mail));
            mailboxes.extend(stale.map(|(user, _)| (dev_id, *user)));
            for (name, pipe) in tenant
                .pipes
                .iter()
                .filter(|(_, pipe)| !pipe.rows.is_empty())
            {
                let Some(before) = before.of(dev_id, name) else {
                    continue;
                };
                if pipe.rows.iter().any(|row| row.time < before.0) {
                    pipes.push((dev_id, name.clone(), before.0));
                }
            }
        }
        let mut removed = 0;
        for (dev_id, user) in mailboxes {
            removed += self.keep_mail(dev_id, user, |mail| !old_mail(mail))?;
        }
        for (dev_id, name, before) in pipes {
            removed += self.keep_rows(dev_id, &name, |row| row.time >= before)?;
        }
        self.forget_idle_pipes()?;
        Ok(removed)
    }

    /// Names of pipes that keep a history without settings are chosen by
    /// browsers, so what is remembered of them must end somewhere.
    fn forget_idle_pipes(&mut self) -> Result<(), Failure> {
        let mut idle = Vec::new();
        for (dev_id, tenant) in self.index.tenants() {
            let empty = tenant.pipes.iter().filter(|(name, pipe)| {
                pipe.rows.is_empty() && !tenant.settings.contains_key(*name)
            });
            idle.extend(empty.map(|(name, pipe)| (pipe.last_id, dev_id, name.clone())));
        }
        let surplus = idle.len().saturating_sub(self.config.max_idle_pipes);
        if surplus == 0 {
            return Ok(());
        }
        idle.sort_unstable();
        for (_, dev_id, name) in idle.into_iter().take(surplus) {
            self.remove_pipe(dev_id, &name)?;
        }
        Ok(())
    }

    /// Removes the rows of a pipe that `keep` does not want; its offsets go on.
    fn keep_rows(
        &mut self,
        dev_id: DevId,
        name: &PipeName,
        keep: impl Fn(&Row) -> bool,
    ) -> Result<u64, Failure> {
        let Some(pipe) = self.index.pipe(dev_id, name) else {
            return Ok(0);
        };
        let (kept, gone): (Vec<Row>, Vec<Row>) = pipe.rows.iter().partition(|row| keep(row));
        if gone.is_empty() {
            return Ok(0);
        }
        let newest_is_gone = kept.last() != pipe.rows.back();
        let pipe = Pipe {
            rows: kept.into(),
            ..*pipe
        };
        for row in &gone {
            self.statements.remove_message.execute([row.id])?;
        }
        if newest_is_gone {
            self.put_pipe(dev_id, name, pipe)?;
        } else {
            self.index.set_pipe(dev_id, name, Some(pipe));
        }
        Ok(gone.len() as u64)
    }

    fn keep_mail(
        &mut self,
        dev_id: DevId,
        user: UserId,
        keep: impl Fn(&Mail) -> bool,
    ) -> Result<u64, Failure> {
        let Some(mailbox) = self.index.mailbox(dev_id, user) else {
            return Ok(0);
        };
        let (kept, gone): (Vec<Mail>, Vec<Mail>) = mailbox.iter().partition(|mail| keep(mail));
        for mail in &gone {
            self.statements.remove_mail.execute([mail.id])?;
        }
        if !gone.is_empty() {
            self.index.set_mailbox(dev_id, user, Some(kept.into()));
        }
        Ok(gone.len() as u64)
    }

    /// Sets a pipe and writes down its epoch and next offset.
    fn put_pipe(&mut self, dev_id: DevId, name: &PipeName, pipe: Pipe) -> Result<(), Failure> {
        self.statements.put_position.execute(params![
            dev_id.number(),
            name.as_str(),
            stored(pipe.epoch),
            stored(pipe.next_offset),
            pipe.last_id,
        ])?;
        self.index.set_pipe(dev_id, name, Some(pipe));
        Ok(())
    }

    /// Removes a pipe's rows, its epoch and its offset.
    fn remove_pipe(&mut self, dev_id: DevId, name: &PipeName) -> Result<(), Failure> {
        let Some(pipe) = self.index.pipe(dev_id, name) else {
            return Ok(());
        };
        for row in &pipe.rows {
            self.statements.remove_message.execute([row.id])?;
        }
        let row = params![dev_id.number(), name.as_str()];
        self.statements.remove_position.execute(row)?;
        self.index.set_pipe(dev_id, name, None);
        Ok(())
    }

    /// The next id, never given before: the file's limit is raised ahead of it.
    fn next_id(&mut self) -> Result<i64, Failure> {
        let Ids { last, mut limit } = self.index.ids();
        let id = last + 1;
        if id > limit {
            limit = id + ID_BLOCK;
            self.statements.put_id_limit.execute([limit])?;
        }
        self.index.set_ids(Ids { last: id, limit });
        Ok(id)
    }
}

/// The name of row `id` of the store `store_id`.
pub(crate) fn message_id(store_id: &str, id: i64) -> MessageId {
    MessageId(format!("{store_id}-{id:x}"))
}

/// The row a message's name stands for, if it was given by the store `store_id`.
fn row_id(store_id: &str, id: &MessageId) -> Option<i64> {
    let (store, row) = id.0.split_once('-')?;
    let number = i64::from_str_radix(row, 16).ok()?;
    (store == store_id && message_id(store_id, number) == *id).then_some(number)
}

/// Runs a statement that puts the settings of `name` into a table.
fn execute_with(
    statement: &mut rusqlite::Statement<'_>,
    dev_id: DevId,
    name: &str,
    settings: &PipeSettings,
) -> rusqlite::Result<()> {
    let (texts, rate) = match &settings.rules {
        Some(rules) => (rules.texts(), rules.rate),
        None => Default::default(),
    };
    let [subscribe, publish, history, user_ids, events] = &texts;
    statement.execute(params![
        dev_id.number(),
        name,
        settings.length,
        settings.age,
        subscribe,
        publish,
        history,
        user_ids,
        events,
        rate,
    ])?;
    Ok(())
}

fn refuse_past(count: usize, limit: usize, what: &str) -> Result<(), Failure> {
    if count < limit {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "it holds {count} {what} and the limit is {limit}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STORE: &str = "00112233445566ff";

    proptest! {
        #[test]
        fn a_name_stands_for_its_own_row(id in 1i64..) {
            prop_assert_eq!(row_id(STORE, &message_id(STORE, id)), Some(id));
        }

        #[test]
        fn any_text_is_a_name_or_is_not(text in any::<String>()) {
            prop_assert_eq!(row_id(STORE, &MessageId(text)), None);
        }
    }

    #[test]
    fn a_row_has_one_name_only() {
        for row in ["0a", "A", "+a", "", "-1", "10000000000000000"] {
            assert_eq!(row_id(STORE, &MessageId(format!("{STORE}-{row}"))), None);
        }
        let other = message_id("ff00000000000000", 10);
        assert_eq!(row_id(STORE, &other), None);
    }
}
