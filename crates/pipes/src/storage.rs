//! What the hall asks of a store, in the hall's own words. A store is one
//! ordered log of batches: batches become durable in the order they were
//! submitted, and their completions run in that order too. Everything that must
//! be visible in order relies on this.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::conference::{Participant, ParticipantFilter};
use crate::message::{
    MailId, Message, MessageId, Position, PrivateMessage, StoredMail, StoredMessage, UnixTime,
};
use crate::name::{AccessKey, DevId, PipeName, UserId};
use crate::pattern::PipePrefix;
use crate::settings::PipeSettings;
use crate::token::TokenText;

/// What must survive a crash.
///
/// Reads see every batch whose completion has run, and may see later ones.
/// They may block on a disk: call them where blocking is allowed.
pub trait Storage: Send + Sync + 'static {
    /// What the hall keeps in memory, read once at start.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn snapshot(&self) -> Result<Snapshot, StorageError>;

    /// Queues `batch`: all of it becomes durable, or none of it. `done` runs
    /// afterwards, exactly once, on the store's own thread, in submission order,
    /// with one outcome for every write. It must not block, must not submit and
    /// must not call back into the store's reads.
    fn submit(&self, batch: Vec<Write>, done: Completion);

    /// What `window` shows of a history, oldest first.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        window: Window,
    ) -> Result<Vec<StoredMessage>, StorageError>;

    /// How far a pipe's history reaches; `None` if it never had one.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn span(&self, dev_id: DevId, pipe: &PipeName) -> Result<Option<Span>, StorageError>;

    /// The same, if it can be told without waiting for the disk or for a write;
    /// `None` if not.
    fn span_at_once(&self, _dev_id: DevId, _pipe: &PipeName) -> Option<Option<Span>> {
        None
    }

    /// The names of up to `limit` pipes of a tenant whose history is not empty.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn histories(&self, dev_id: DevId, limit: usize) -> Result<Vec<PipeName>, StorageError>;

    /// The private messages waiting for a user with `after < id <= up_to`,
    /// oldest first; stops past `limit` messages or `max_bytes` of payload, but
    /// always gives one if there is one.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn mailbox(
        &self,
        dev_id: DevId,
        user: UserId,
        after: MailId,
        up_to: MailId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<StoredMail>, StorageError>;

    /// The access key of a user.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError>;

    /// Up to `limit` users with an access key, by id.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn keys(&self, dev_id: DevId, limit: usize) -> Result<Vec<(UserId, AccessKey)>, StorageError>;

    /// When a user was last seen.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn last_seen(&self, dev_id: DevId, user: UserId) -> Result<Option<UnixTime>, StorageError>;

    /// Up to `limit` users with a last-seen time, by id.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn last_seen_all(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Result<Vec<(UserId, UnixTime)>, StorageError>;

    /// The data kept for a user.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError>;

    /// Up to `limit` users with data, by id; stops after the one that takes the
    /// data past `max_bytes`.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn user_data_all(
        &self,
        dev_id: DevId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<(UserId, Arc<str>)>, StorageError>;

    /// Whether a token is revoked.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError>;

    /// Up to `limit` revoked tokens, by their text.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn revoked_tokens(&self, dev_id: DevId, limit: usize) -> Result<Vec<TokenText>, StorageError>;

    /// Up to `limit` participants of conferences, by name and user.
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
        limit: usize,
    ) -> Result<Vec<Participant>, StorageError>;
}

/// How far a history reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The run of offsets it is in.
    pub epoch: u64,
    /// The offset of its oldest message; `last + 1` when nothing is kept.
    pub first: u64,
    /// The offset given last, whether or not that message is still kept.
    pub last: u64,
}

/// Which part of a history to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Only the newest so many messages.
    pub newest: usize,
    /// Of these, only those with a greater offset.
    pub after: u64,
    /// Stop before the payloads are more bytes than this, but give one message if
    /// there is one.
    pub max_bytes: usize,
}

impl Window {
    /// The newest `limit` messages, whatever their size.
    pub const fn newest(limit: usize) -> Self {
        Self {
            newest: limit,
            after: 0,
            max_bytes: usize::MAX,
        }
    }

    /// The same, from behind the message at offset `after`, in pieces of at most
    /// `max_bytes`.
    #[must_use]
    pub const fn piece(self, after: u64, max_bytes: usize) -> Self {
        Self {
            newest: self.newest,
            after,
            max_bytes,
        }
    }
}

/// Called once when a batch is durable, or has failed.
pub type Completion = Box<dyn FnOnce(Result<Vec<Outcome>, StorageError>) + Send>;

/// One change of what is stored.
#[derive(Debug, Clone)]
pub enum Write {
    /// Appends to the pipe's history if it keeps one: if [`Write::PutSettings`]
    /// gave it a length above 0, or else `default_length` is above 0. Trims the
    /// history to that length. An empty event is stored as it is.
    AppendHistory {
        /// The tenant.
        dev_id: DevId,
        /// The message.
        message: Message,
        /// The length for a pipe without settings, or with length 0; 0 keeps nothing.
        default_length: u32,
    },
    /// Empties a history. Offsets go on from where they were.
    ClearHistory {
        /// The tenant.
        dev_id: DevId,
        /// The pipe.
        pipe: PipeName,
    },
    /// Removes one message of a tenant's histories.
    RemoveMessage {
        /// The tenant.
        dev_id: DevId,
        /// The message.
        id: MessageId,
    },
    /// Sets or replaces a pipe's settings and trims its history to the new
    /// length at once (length 0 keeps what is there; what comes is up to
    /// [`Write::AppendHistory`]'s `default_length`).
    PutSettings {
        /// The tenant.
        dev_id: DevId,
        /// The pipe.
        pipe: PipeName,
        /// The settings.
        settings: PipeSettings,
    },
    /// Sets or replaces the settings of all pipes whose names begin so. Touches no
    /// history: what they mean for one is up to [`Write::AppendHistory`]'s
    /// `default_length` and to [`Write::Purge`].
    PutPrefixSettings {
        /// The tenant.
        dev_id: DevId,
        /// The beginning.
        prefix: PipePrefix,
        /// The settings.
        settings: PipeSettings,
    },
    /// Removes the settings of a prefix. Touches no history.
    RemovePrefixSettings {
        /// The tenant.
        dev_id: DevId,
        /// The beginning.
        prefix: PipePrefix,
    },
    /// Removes a pipe's settings, its history and its position: a later history
    /// of the same name has a new epoch.
    RemoveSettings {
        /// The tenant.
        dev_id: DevId,
        /// The pipe.
        pipe: PipeName,
    },
    /// Puts a private message into a mailbox, dropping its oldest messages
    /// beyond `keep`.
    PutMail {
        /// The tenant.
        dev_id: DevId,
        /// The receiver.
        user: UserId,
        /// The message.
        message: PrivateMessage,
        /// How many messages a mailbox may hold, at least 1.
        keep: u32,
    },
    /// Removes private messages that were handed over.
    RemoveMail {
        /// The tenant.
        dev_id: DevId,
        /// The receiver.
        user: UserId,
        /// The messages' numbers.
        ids: Vec<MailId>,
    },
    /// Empties a mailbox.
    ClearMailbox {
        /// The tenant.
        dev_id: DevId,
        /// The receiver.
        user: UserId,
    },
    /// Removes private messages and messages of histories accepted before the
    /// given times, and revoked tokens that ended before.
    Purge {
        /// Private messages older than this go.
        mail_before: UnixTime,
        /// Messages of histories older than this go.
        history_before: HistoryBefore,
        /// Revoked tokens that ended before this go.
        tokens_before: UnixTime,
    },
    /// Sets or replaces a user's access key.
    PutKey {
        /// The tenant.
        dev_id: DevId,
        /// The user.
        user: UserId,
        /// The key.
        key: AccessKey,
    },
    /// Removes a user's access key.
    RemoveKey {
        /// The tenant.
        dev_id: DevId,
        /// The user.
        user: UserId,
    },
    /// Sets when a user was last seen.
    PutLastSeen {
        /// The tenant.
        dev_id: DevId,
        /// The user.
        user: UserId,
        /// When.
        time: UnixTime,
    },
    /// Sets or replaces a user's data.
    PutUserData {
        /// The tenant.
        dev_id: DevId,
        /// The user.
        user: UserId,
        /// The data.
        data: Arc<str>,
    },
    /// Removes a user's data.
    RemoveUserData {
        /// The tenant.
        dev_id: DevId,
        /// The user.
        user: UserId,
    },
    /// Revokes a token.
    RevokeToken {
        /// The tenant.
        dev_id: DevId,
        /// The token.
        token: TokenText,
        /// When it ends, if it says so: [`Write::Purge`] may remove it then.
        expires: Option<UnixTime>,
    },
    /// Takes back that a token is revoked.
    RestoreToken {
        /// The tenant.
        dev_id: DevId,
        /// The token.
        token: TokenText,
    },
    /// Sets or replaces a participant of a conference.
    PutParticipant {
        /// The tenant.
        dev_id: DevId,
        /// The participant.
        participant: Participant,
    },
    /// Removes participants of conferences.
    RemoveParticipants {
        /// The tenant.
        dev_id: DevId,
        /// Which.
        filter: ParticipantFilter,
    },
}

/// Before which time the messages of each pipe's history go.
#[derive(Clone)]
pub struct HistoryBefore(Arc<Before>);

type Before = dyn Fn(DevId, &PipeName) -> Option<UnixTime> + Send + Sync;

impl HistoryBefore {
    /// As `before` says; `None` is for those that keep theirs. It is called on the
    /// store's thread and must not block or call the store.
    pub fn new(
        before: impl Fn(DevId, &PipeName) -> Option<UnixTime> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(before))
    }

    /// The time for one pipe.
    pub fn of(&self, dev_id: DevId, pipe: &PipeName) -> Option<UnixTime> {
        (self.0)(dev_id, pipe)
    }
}

impl fmt::Debug for HistoryBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HistoryBefore(…)")
    }
}

/// What became of one [`Write`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// `AppendHistory`: stored, with its name and place.
    Appended {
        /// The message's unique name.
        id: MessageId,
        /// Its place in the history.
        position: Position,
    },
    /// `AppendHistory`: the pipe keeps no history.
    NotKept,
    /// `PutMail`: waiting under this number.
    Mailed {
        /// The number.
        id: MailId,
        /// How many older messages had to go, because the mailbox was full.
        dropped: u32,
    },
    /// A removal: how many rows were there.
    Removed(u64),
    /// Anything else.
    Done,
}

/// What the hall keeps in memory.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Every pipe's settings.
    pub settings: Vec<(DevId, PipeName, PipeSettings)>,
    /// The settings of every prefix.
    pub prefixes: Vec<(DevId, PipePrefix, PipeSettings)>,
    /// For every mailbox that is not empty: its newest message's number.
    pub mailboxes: Vec<(DevId, UserId, MailId)>,
}

/// Why the store could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The disk is full or failing, or the file is damaged.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}
