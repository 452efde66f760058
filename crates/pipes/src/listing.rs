//! What the hall shows to whoever asks: the rows behind CometQL's SELECTs.
//! Everything here is bounded and takes no lock for longer than a copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::conference::{Participant, ParticipantFilter};
use crate::connection::Connection;
use crate::error::HallError;
use crate::hall::Hall;
use crate::message::{MailId, Members, StoredMail, StoredMessage, UnixTime};
use crate::name::{AccessKey, DevId, PipeName, UserId};
use crate::pattern::PipePattern;
use crate::settings::PipeSettings;
use crate::shard::ConnectionId;
use crate::storage::{StorageError, Window};
use crate::token::TokenText;

/// When a user was last here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Online now, on this node.
    Online,
    /// The last connection closed then.
    At(UnixTime),
    /// Never heard of.
    Unknown,
}

impl Seen {
    fn before(self, time: UnixTime) -> bool {
        match self {
            Self::Online => false,
            Self::At(seen) => seen < time,
            Self::Unknown => true,
        }
    }
}

/// What is known of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownUser {
    /// When the user was last here.
    pub seen: Seen,
    /// Whether `users_auth` has a key.
    pub has_key: bool,
    /// Whether private messages may be waiting.
    pub has_mail: bool,
}

impl Hall {
    /// How many connections are subscribed to a pipe, on this node.
    pub fn subscriber_count(&self, dev_id: DevId, pipe: &PipeName) -> usize {
        self.pipes
            .find(dev_id, pipe)
            .map_or(0, |pipe| pipe.subscriber_count())
    }

    /// The connections subscribed to a pipe on this node, newest first.
    pub fn subscribers(&self, dev_id: DevId, pipe: &PipeName) -> Vec<Arc<Connection>> {
        self.pipes
            .find(dev_id, pipe)
            .map(|pipe| pipe.subscribers(self.config.limits.listing_rows))
            .unwrap_or_default()
    }

    /// Who is in a `track_` pipe, as its subscribers are told of it, and after which
    /// change; nobody in other pipes.
    pub fn members(&self, dev_id: DevId, pipe: &PipeName) -> Members {
        let pipe = self.pipes.find(dev_id, pipe);
        let members = pipe.map(|pipe| pipe.members(self.config.limits.listing_rows));
        members.unwrap_or_default()
    }

    /// Every pipe of a tenant that has subscribers, with their number, by name.
    pub fn pipes(&self, dev_id: DevId) -> Vec<(PipeName, usize)> {
        let limit = self.config.limits.listing_rows;
        let mut pipes: Vec<(PipeName, usize)> = self
            .pipes
            .of_tenant(dev_id, limit)
            .iter()
            .map(|pipe| (pipe.name().clone(), pipe.subscriber_count()))
            .filter(|(_, subscribers)| *subscribers > 0)
            .collect();
        pipes.sort();
        pipes
    }

    /// An open connection of this node.
    pub fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.roster.find(id)
    }

    /// The connections of a tenant on this node, or of all tenants, by number;
    /// `limit` and [`Limits::listing_rows`](crate::limits::Limits::listing_rows)
    /// bound how many.
    pub fn connections(&self, dev_id: Option<DevId>, limit: usize) -> Vec<Arc<Connection>> {
        let limit = limit.min(self.config.limits.listing_rows);
        self.roster.list(dev_id, limit)
    }

    /// The settings of a pipe itself, or of a prefix.
    pub fn pipe_settings(&self, dev_id: DevId, of: &PipePattern) -> Option<PipeSettings> {
        self.settings.read().find(dev_id, of).cloned()
    }

    /// Every pipe with settings, by name, then every prefix.
    pub fn all_pipe_settings(&self, dev_id: DevId) -> Vec<(PipePattern, PipeSettings)> {
        let limit = self.config.limits.listing_rows;
        self.settings.read().of_tenant(dev_id, limit)
    }

    /// The newest messages of a history, oldest first. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        let window = Window::newest(self.config.limits.history_read);
        self.storage.history(dev_id, pipe, window)
    }

    /// The pipes of a tenant whose history is not empty. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn histories(&self, dev_id: DevId) -> Result<Vec<PipeName>, StorageError> {
        self.storage
            .histories(dev_id, self.config.limits.listing_rows)
    }

    /// What waits in a mailbox, oldest first. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn mailbox(&self, dev_id: DevId, user: UserId) -> Result<Vec<StoredMail>, StorageError> {
        let limit = self.config.limits.mailbox_length as usize;
        self.storage
            .mailbox(dev_id, user, MailId(0), MailId(u64::MAX), limit, usize::MAX)
    }

    /// Users who may have private messages waiting, by id.
    pub fn users_with_mail(&self, dev_id: DevId) -> Vec<UserId> {
        let mut users = self
            .users
            .with_mail(dev_id, self.config.limits.listing_rows);
        users.sort();
        users
    }

    /// A user's access key. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError> {
        self.storage.key(dev_id, user)
    }

    /// Every user with an access key, by id. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn keys(&self, dev_id: DevId) -> Result<Vec<(UserId, AccessKey)>, StorageError> {
        self.storage.keys(dev_id, self.config.limits.listing_rows)
    }

    /// A user's data. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError> {
        self.storage.user_data(dev_id, user)
    }

    /// Every user with data, by id. May wait for the disk.
    ///
    /// # Errors
    /// [`HallError::Limit`] when there is more than
    /// [`crate::limits::Limits::listing_bytes`] of it, [`HallError::Storage`].
    pub fn all_user_data(&self, dev_id: DevId) -> Result<Vec<(UserId, Arc<str>)>, HallError> {
        let limits = &self.config.limits;
        let limit = limits.listing_bytes;
        let found = self
            .storage
            .user_data_all(dev_id, limits.listing_rows, limit)?;
        if found.iter().map(|(_, data)| data.len()).sum::<usize>() > limit {
            let what = "bytes of users' data in one listing";
            return Err(HallError::Limit { what, limit });
        }
        Ok(found)
    }

    /// Whether a token is revoked. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError> {
        self.storage.is_revoked(dev_id, token)
    }

    /// Every revoked token that has not ended. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn revoked_tokens(&self, dev_id: DevId) -> Result<Vec<TokenText>, StorageError> {
        self.storage
            .revoked_tokens(dev_id, self.config.limits.listing_rows)
    }

    /// Participants of conferences, by name and user. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
    ) -> Result<Vec<Participant>, StorageError> {
        self.storage
            .participants(dev_id, filter, self.config.limits.listing_rows)
    }

    /// When a user was last here. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn seen(&self, dev_id: DevId, user: UserId) -> Result<Seen, StorageError> {
        if self.is_online(dev_id, user) {
            return Ok(Seen::Online);
        }
        let time = match self.last_seen.find(dev_id, user) {
            Some(time) => Some(time),
            None => self.storage.last_seen(dev_id, user)?,
        };
        Ok(time.map_or(Seen::Unknown, Seen::At))
    }

    /// Everyone who is or was here, by id. May wait for the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn all_seen(&self, dev_id: DevId) -> Result<Vec<(UserId, Seen)>, StorageError> {
        let limit = self.config.limits.listing_rows;
        // Before the store is read: a time leaves this list once it is stored.
        let waiting = self.last_seen.waiting();
        let mut seen: BTreeMap<UserId, Seen> = self
            .storage
            .last_seen_all(dev_id, limit)?
            .into_iter()
            .map(|(user, time)| (user, Seen::At(time)))
            .collect();
        for (tenant, user, time) in waiting {
            if tenant == dev_id && seen.get(&user).is_none_or(|seen| seen.before(time)) {
                seen.insert(user, Seen::At(time));
            }
        }
        for user in self.users.online(dev_id, limit) {
            seen.insert(user, Seen::Online);
        }
        Ok(seen.into_iter().take(limit).collect())
    }

    /// What is known of a user; `None` for one nobody has heard of. May wait for
    /// the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn known_user(
        &self,
        dev_id: DevId,
        user: UserId,
    ) -> Result<Option<KnownUser>, StorageError> {
        let known = KnownUser {
            seen: self.seen(dev_id, user)?,
            has_key: self.key(dev_id, user)?.is_some(),
            has_mail: self.users.has_mail(dev_id, user),
        };
        let unheard_of = known.seen == Seen::Unknown && !known.has_key && !known.has_mail;
        Ok((!unheard_of).then_some(known))
    }

    /// Everybody who is or was here, has a key or has mail, by id. May wait for
    /// the disk.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn known_users(&self, dev_id: DevId) -> Result<Vec<(UserId, KnownUser)>, StorageError> {
        let mut users = BTreeMap::new();
        let unknown = KnownUser {
            seen: Seen::Unknown,
            has_key: false,
            has_mail: false,
        };
        for (user, seen) in self.all_seen(dev_id)? {
            users.entry(user).or_insert(unknown).seen = seen;
        }
        for (user, _) in self.keys(dev_id)? {
            users.entry(user).or_insert(unknown).has_key = true;
        }
        for user in self.users_with_mail(dev_id) {
            users.entry(user).or_insert(unknown).has_mail = true;
        }
        let limit = self.config.limits.listing_rows;
        Ok(users.into_iter().take(limit).collect())
    }

    /// How many users of a tenant are online on this node.
    pub fn users_online(&self, dev_id: DevId) -> usize {
        self.users
            .online(dev_id, self.config.limits.listing_rows)
            .len()
    }
}
