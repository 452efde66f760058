//! The memory store with a hand on it: batches can be kept back as a slow disk
//! would, refused as a full one would, and something can happen at the very
//! moment a read has been done.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use pipes::conference::{Participant, ParticipantFilter};
use pipes::memory_storage::MemoryStorage;
use pipes::message::{MailId, StoredMail, StoredMessage, UnixTime};
use pipes::name::{AccessKey, DevId, PipeName, UserId};
use pipes::storage::{Completion, Snapshot, Span, Storage, StorageError, Window, Write};
use pipes::token::TokenText;

use super::Bell;

type Hook = Box<dyn FnOnce() + Send>;

pub(crate) struct Store {
    memory: MemoryStorage,
    bell: Arc<Bell>,
    hand: Mutex<Hand>,
}

#[derive(Default)]
struct Hand {
    batches: usize,
    largest_removal: usize,
    kept_back: Option<VecDeque<(Vec<Write>, Completion)>>,
    refuse_batches: usize,
    fail_mailbox_reads: usize,
    after_key_read: VecDeque<Hook>,
    before_mailbox_read: VecDeque<Hook>,
    after_mailbox_read: VecDeque<Hook>,
}

impl Store {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        Self {
            memory: MemoryStorage::new(),
            bell,
            hand: Mutex::default(),
        }
    }

    /// From here on nothing becomes durable until [`Self::let_go`].
    pub(crate) fn keep_back(&self) {
        self.hand.lock().kept_back.get_or_insert_default();
    }

    pub(crate) fn let_go(&self) {
        let kept_back = self.hand.lock().kept_back.take();
        for (batch, done) in kept_back.into_iter().flatten() {
            self.memory.submit(batch, done);
        }
        self.bell.ring();
    }

    /// Batches submitted so far.
    pub(crate) fn batches(&self) -> usize {
        self.hand.lock().batches
    }

    /// The most private messages one batch has removed.
    pub(crate) fn largest_removal(&self) -> usize {
        self.hand.lock().largest_removal
    }

    pub(crate) fn refuse_next_batch(&self) {
        self.hand.lock().refuse_batches += 1;
    }

    pub(crate) fn fail_next_mailbox_read(&self) {
        self.hand.lock().fail_mailbox_reads += 1;
    }

    pub(crate) fn after_key_read(&self, hook: impl FnOnce() + Send + 'static) {
        self.hand.lock().after_key_read.push_back(Box::new(hook));
    }

    pub(crate) fn before_mailbox_read(&self, hook: impl FnOnce() + Send + 'static) {
        let mut hand = self.hand.lock();
        hand.before_mailbox_read.push_back(Box::new(hook));
    }

    pub(crate) fn after_mailbox_read(&self, hook: impl FnOnce() + Send + 'static) {
        let mut hand = self.hand.lock();
        hand.after_mailbox_read.push_back(Box::new(hook));
    }

    fn run(&self, hooks: impl FnOnce(&mut Hand) -> &mut VecDeque<Hook>) {
        let hook = hooks(&mut self.hand.lock()).pop_front();
        if let Some(hook) = hook {
            hook();
        }
    }
}

impl Storage for Store {
    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.memory.snapshot()
    }

    fn submit(&self, batch: Vec<Write>, done: Completion) {
        {
            let mut hand = self.hand.lock();
            hand.batches += 1;
            for write in &batch {
                if let Write::RemoveMail { ids, .. } = write {
                    hand.largest_removal = hand.largest_removal.max(ids.len());
                }
            }
            if hand.refuse_batches > 0 {
                hand.refuse_batches -= 1;
                drop(hand);
                return done(Err(StorageError::Failed("disk full".into())));
            }
            if let Some(kept_back) = &mut hand.kept_back {
                return kept_back.push_back((batch, done));
            }
        }
        self.memory.submit(batch, done);
        self.bell.ring();
    }

    fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        window: Window,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        self.memory.history(dev_id, pipe, window)
    }

    fn span(&self, dev_id: DevId, pipe: &PipeName) -> Result<Option<Span>, StorageError> {
        self.memory.span(dev_id, pipe)
    }

    fn histories(&self, dev_id: DevId, limit: usize) -> Result<Vec<PipeName>, StorageError> {
        self.memory.histories(dev_id, limit)
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
        // A test looking into the mailbox asks for any number of bytes.
        let by_the_hall = max_bytes < usize::MAX;
        if by_the_hall {
            self.run(|hand| &mut hand.before_mailbox_read);
            let mut hand = self.hand.lock();
            if hand.fail_mailbox_reads > 0 {
                hand.fail_mailbox_reads -= 1;
                return Err(StorageError::Failed("bad sector".into()));
            }
        }
        let read = self
            .memory
            .mailbox(dev_id, user, after, up_to, limit, max_bytes);
        if by_the_hall {
            self.run(|hand| &mut hand.after_mailbox_read);
        }
        read
    }

    fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError> {
        let key = self.memory.key(dev_id, user);
        self.run(|hand| &mut hand.after_key_read);
        key
    }

    fn keys(&self, dev_id: DevId, limit: usize) -> Result<Vec<(UserId, AccessKey)>, StorageError> {
        self.memory.keys(dev_id, limit)
    }

    fn last_seen(&self, dev_id: DevId, user: UserId) -> Result<Option<UnixTime>, StorageError> {
        self.memory.last_seen(dev_id, user)
    }

    fn last_seen_all(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Result<Vec<(UserId, UnixTime)>, StorageError> {
        self.memory.last_seen_all(dev_id, limit)
    }

    fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError> {
        self.memory.user_data(dev_id, user)
    }

    fn user_data_all(
        &self,
        dev_id: DevId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<(UserId, Arc<str>)>, StorageError> {
        self.memory.user_data_all(dev_id, limit, max_bytes)
    }

    fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError> {
        let revoked = self.memory.is_revoked(dev_id, token);
        self.run(|hand| &mut hand.after_key_read);
        revoked
    }

    fn revoked_tokens(&self, dev_id: DevId, limit: usize) -> Result<Vec<TokenText>, StorageError> {
        self.memory.revoked_tokens(dev_id, limit)
    }

    fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
        limit: usize,
    ) -> Result<Vec<Participant>, StorageError> {
        self.memory.participants(dev_id, filter, limit)
    }
}
