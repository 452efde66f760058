//! A store in memory that behaves like a disk in one respect: whoever reads it
//! on the thread that runs the sessions fails the test.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use pipes::conference::{Participant, ParticipantFilter};
use pipes::memory_storage::MemoryStorage;
use pipes::message::{MailId, StoredMail, StoredMessage, UnixTime};
use pipes::name::{AccessKey, DevId, PipeName, UserId};
use pipes::storage::{Completion, Snapshot, Span, Storage, StorageError, Window, Write};
use pipes::token::TokenText;

pub(crate) struct SlowStore {
    store: MemoryStorage,
    sessions: ThreadId,
}

impl SlowStore {
    /// A store for sessions that run on this thread.
    pub(crate) fn new() -> Self {
        Self {
            store: MemoryStorage::new(),
            sessions: thread::current().id(),
        }
    }

    fn read(&self) -> &MemoryStorage {
        assert_ne!(
            thread::current().id(),
            self.sessions,
            "a session's thread waits for the store"
        );
        &self.store
    }
}

impl Storage for SlowStore {
    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.store.snapshot()
    }

    fn submit(&self, batch: Vec<Write>, done: Completion) {
        self.store.submit(batch, done);
    }

    fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        window: Window,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        self.read().history(dev_id, pipe, window)
    }

    fn span(&self, dev_id: DevId, pipe: &PipeName) -> Result<Option<Span>, StorageError> {
        self.read().span(dev_id, pipe)
    }

    fn histories(&self, dev_id: DevId, limit: usize) -> Result<Vec<PipeName>, StorageError> {
        self.read().histories(dev_id, limit)
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
        self.read()
            .mailbox(dev_id, user, after, up_to, limit, max_bytes)
    }

    fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError> {
        self.read().key(dev_id, user)
    }

    fn keys(&self, dev_id: DevId, limit: usize) -> Result<Vec<(UserId, AccessKey)>, StorageError> {
        self.read().keys(dev_id, limit)
    }

    fn last_seen(&self, dev_id: DevId, user: UserId) -> Result<Option<UnixTime>, StorageError> {
        self.read().last_seen(dev_id, user)
    }

    fn last_seen_all(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Result<Vec<(UserId, UnixTime)>, StorageError> {
        self.read().last_seen_all(dev_id, limit)
    }

    fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError> {
        self.read().user_data(dev_id, user)
    }

    fn user_data_all(
        &self,
        dev_id: DevId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<(UserId, Arc<str>)>, StorageError> {
        self.read().user_data_all(dev_id, limit, max_bytes)
    }

    fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError> {
        self.read().is_revoked(dev_id, token)
    }

    fn revoked_tokens(&self, dev_id: DevId, limit: usize) -> Result<Vec<TokenText>, StorageError> {
        self.read().revoked_tokens(dev_id, limit)
    }

    fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
        limit: usize,
    ) -> Result<Vec<Participant>, StorageError> {
        self.read().participants(dev_id, filter, limit)
    }
}
