//! [`SqliteStorage`], what the hall holds: it opens the file, starts the two
//! threads, takes batches, reads, and closes. Reads look up where the messages
//! are in the index, then fetch them by id.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex, RwLock};
use pipes::conference::{Participant, ParticipantFilter};
use pipes::figure::Figure;
use pipes::message::{
    MailId, Message, Position, PrivateMessage, Sender, StoredMail, StoredMessage, UnixTime,
};
use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId};
use pipes::storage::{Completion, Snapshot, Span, Storage, StorageError, Window, Write};
use pipes::token::TokenText;
use rusqlite::{Connection, OptionalExtension};

use crate::apply::message_id;
use crate::checkpoint::{self, Log};
use crate::config::Config;
use crate::directory::Directory;
use crate::error::OpenError;
use crate::index::{Index, Pipe, Row, Sizes};
use crate::load;
use crate::lookups::{self, parsed};
use crate::queue::Queue;
use crate::readers::{self, Readers};
use crate::statements::{number, stored};
use crate::writer::Writer;

/// The embedded store. Dropping it closes it.
pub struct SqliteStorage {
    pub(crate) shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

/// What the writer and the callers share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store_id: String,
    pub(crate) queue: Queue,
    pub(crate) index: RwLock<Index>,
    /// Of the index, for metrics: those never wait for a write.
    pub(crate) sizes: Mutex<Sizes>,
    pub(crate) readers: Readers,
    pub(crate) log: Arc<Log>,
    /// Batches that could not be written since the start.
    pub(crate) failed: AtomicU64,
    pub(crate) closed: Signal,
}

/// Figures about the store, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Batches that wait to be written; bounded by [`Config::queue_batches`].
    pub queued_batches: usize,
    /// Their bytes; bounded by [`Config::queue_bytes`].
    pub queued_bytes: usize,
    /// Batches refused since the start because of those bounds, or after closing.
    pub refused_batches: u64,
    /// Batches that could not be written since the start: the disk was full, or failed.
    pub failed_batches: u64,
    /// Pipes that have a place in the store; bounded by [`Config::max_pipes`].
    pub pipes: usize,
    /// Pipes with settings; bounded by [`Config::max_settings`].
    pub settings: usize,
    /// Mailboxes that are not empty; bounded by [`Config::max_mailboxes`].
    pub mailboxes: usize,
    /// Pages of 4096 bytes in the log; see [`Config::checkpoint_pages`].
    pub log_pages: u32,
}

impl Stats {
    /// The figures as the metrics page shows them.
    pub const FIGURES: &[Figure<Self>] = &[
        Figure::gauge(
            "store_queued_batches",
            "Batches that wait to be written",
            |stats| stats.queued_batches as u64,
        ),
        Figure::gauge("store_queued_bytes", "Their bytes", |stats| {
            stats.queued_bytes as u64
        }),
        Figure::counter(
            "store_refused_batches",
            "Batches refused because too much waited",
            |stats| stats.refused_batches,
        ),
        Figure::counter(
            "store_failed_batches",
            "Batches that the disk did not take",
            |stats| stats.failed_batches,
        ),
        Figure::gauge(
            "store_pipes",
            "Pipes that have a place in the store",
            |stats| stats.pipes as u64,
        ),
        Figure::gauge("store_settings", "Pipes with settings", |stats| {
            stats.settings as u64
        }),
        Figure::gauge("store_mailboxes", "Mailboxes that are not empty", |stats| {
            stats.mailboxes as u64
        }),
        Figure::gauge(
            "store_log_pages",
            "Pages of 4096 bytes in the store's log",
            |stats| stats.log_pages.into(),
        ),
    ];
}

impl SqliteStorage {
    /// Opens the store in `directory`, making both if they are not there.
    ///
    /// # Errors
    /// [`OpenError`]; a file that is damaged in any way is never replaced.
    pub fn open(directory: &Path, config: Config) -> Result<Self, OpenError> {
        Self::open_with(directory, config, |_| ())
    }

    /// As `open`; `prepare` may put hooks on the writer's connection.
    pub(crate) fn open_with(
        directory: &Path,
        config: Config,
        prepare: impl FnOnce(&mut Connection),
    ) -> Result<Self, OpenError> {
        let directory = Directory::take(directory)?;
        let mut connection = directory.open(&config)?;
        let index = load::index(&connection).map_err(|error| error.about(&directory.file))?;
        let store_id: String = connection
            .query_row(
                "SELECT value FROM meta WHERE name = 'store_id'",
                [],
                |row| row.get(0),
            )
            .map_err(|error| directory.file.blame(error))?;
        directory.accept(&connection)?;
        let log = Log::new(&config, directory.reserve(&config));
        let committed = Arc::clone(&log);
        connection
            .wal_hook(Some(move |_: &mut _, pages| {
                committed.committed(u32::try_from(pages).unwrap_or(0));
                Ok(())
            }))
            .map_err(|error| directory.file.blame(error))?;
        prepare(&mut connection);
        let readers = (0..config.readers.max(1))
            .map(|_| directory.reading_connection(config.cache_bytes / 8))
            .collect::<Result<Vec<_>, _>>()?;
        let checkpoints = directory.checkpoint_connection()?;
        let checkpoints = checkpoint::start(&log, checkpoints, config.checkpoint_interval)
            .map_err(OpenError::Thread)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(&config),
            config,
            store_id,
            sizes: Mutex::new(index.sizes()),
            index: RwLock::new(index),
            readers: Readers::new(readers),
            log,
            failed: AtomicU64::new(0),
            closed: Signal::default(),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            connection,
            checkpoints,
            directory,
        };
        let started = writer.start().map_err(|error| {
            shared.log.stop();
            OpenError::Thread(error)
        });
        Ok(Self {
            shared,
            writer: Some(started?),
        })
    }

    /// Writes what was submitted, waits for reads that run, moves the log into
    /// the file and gives the directory back. Batches submitted later get
    /// [`StorageError::Closed`]. Must not be called by a completion.
    pub fn close(&self) {
        self.shared.queue.close();
        self.shared.closed.wait();
    }

    /// What tells this store from every other: it stays with the file, and is part
    /// of its messages' ids.
    pub fn id(&self) -> &str {
        &self.shared.store_id
    }

    /// Figures for metrics. Never waits for the disk.
    pub fn stats(&self) -> Stats {
        let (queued_batches, queued_bytes, refused_batches) = self.shared.queue.load();
        let sizes = *self.shared.sizes.lock();
        Stats {
            queued_batches,
            queued_bytes,
            refused_batches,
            failed_batches: self.shared.failed.load(Ordering::Relaxed),
            pipes: sizes.pipes,
            settings: sizes.settings,
            mailboxes: sizes.mailboxes,
            log_pages: self.shared.log.pages(),
        }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        self.shared.readers.with(read)
    }

    /// Reads at a moment when the file and what `pick` finds in the index agree.
    fn read_picked<P, T>(
        &self,
        pick: impl FnOnce(&Index) -> P,
        fetch: impl FnOnce(&Connection, P) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        self.shared.readers.with(|connection| {
            let picked = {
                let index = self.shared.index.read();
                readers::begin(connection)?;
                pick(&index)
            };
            fetch(connection, picked)
        })
    }
}

impl Drop for SqliteStorage {
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.queue.end();
        let writer = self.writer.take();
        // A completion may own the last handle; the writer cannot wait for itself.
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != thread::current().id())
            && writer.join().is_err()
        {
            tracing::error!("writer_thread_panicked");
        }
    }
}

impl Storage for SqliteStorage {
    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        let index = self.shared.index.read();
        let mut snapshot = Snapshot::default();
        for (dev_id, tenant) in index.tenants() {
            for (name, settings) in &tenant.settings {
                snapshot
                    .settings
                    .push((dev_id, name.clone(), settings.clone()));
            }
            for (prefix, settings) in &tenant.prefixes {
                let prefix = prefix.clone();
                snapshot.prefixes.push((dev_id, prefix, settings.clone()));
            }
            for (user, mailbox) in &tenant.mailboxes {
                if let Some(newest) = mailbox.back() {
                    snapshot.mailboxes.push((dev_id, *user, mail_id(newest.id)));
                }
            }
        }
        Ok(snapshot)
    }

    fn submit(&self, batch: Vec<Write>, done: Completion) {
        self.shared.queue.push(batch, done);
    }

    fn history(
        &self,
        dev_id: DevId,
        pipe: &PipeName,
        window: Window,
    ) -> Result<Vec<StoredMessage>, StorageError> {
        let pick = |index: &Index| {
            let pipe = index.pipe(dev_id, pipe)?;
            let skip = pipe.rows.len().saturating_sub(window.newest);
            let rows = pipe.rows.iter().skip(skip);
            let rows = rows.filter(|row| row.offset > window.after);
            Some((pipe.epoch, rows.copied().collect::<Vec<Row>>()))
        };
        self.read_picked(pick, |connection, picked| {
            let (epoch, rows) = picked.unwrap_or_default();
            let mut select = connection.prepare_cached(
                "SELECT event, message, user_id, time FROM pipes_messages WHERE id = ?",
            )?;
            let mut messages = Vec::new();
            let mut bytes = 0;
            for Row { id, offset, .. } in rows {
                let message = select.query_row([id], |row| stored_message(row, pipe));
                // Gone only if a person removed it with a tool.
                if let Some(message) = message.optional()? {
                    bytes += message.payload.len();
                    if bytes > window.max_bytes && !messages.is_empty() {
                        break;
                    }
                    messages.push(StoredMessage {
                        id: message_id(&self.shared.store_id, id),
                        position: Position { epoch, offset },
                        message,
                    });
                }
            }
            Ok(messages)
        })
    }

    fn span(&self, dev_id: DevId, pipe: &PipeName) -> Result<Option<Span>, StorageError> {
        Ok(self.shared.index.read().pipe(dev_id, pipe).map(Pipe::span))
    }

    fn span_at_once(&self, dev_id: DevId, pipe: &PipeName) -> Option<Option<Span>> {
        // Locked while a write is committed.
        let index = self.shared.index.try_read()?;
        Some(index.pipe(dev_id, pipe).map(Pipe::span))
    }

    fn histories(&self, dev_id: DevId, limit: usize) -> Result<Vec<PipeName>, StorageError> {
        let index = self.shared.index.read();
        let pipes = index
            .tenant(dev_id)
            .into_iter()
            .flat_map(|tenant| &tenant.pipes);
        Ok(pipes
            .filter(|(_, pipe)| !pipe.rows.is_empty())
            .map(|(name, _)| name.clone())
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
        let (after, up_to) = (stored(after.0), stored(up_to.0));
        let pick = |index: &Index| -> Vec<i64> {
            let mailbox = index.mailbox(dev_id, user).into_iter().flatten();
            mailbox
                .map(|mail| mail.id)
                .skip_while(|id| *id <= after)
                .take_while(|id| *id <= up_to)
                .take(limit.max(1))
                .collect()
        };
        self.read_picked(pick, |connection, ids| {
            let mut select = connection
                .prepare_cached("SELECT event, message, time FROM users_messages WHERE id = ?")?;
            let (mut mail, mut bytes) = (Vec::new(), 0_usize);
            for id in ids {
                let Some(message) = select.query_row([id], private_message).optional()? else {
                    continue;
                };
                bytes = bytes.saturating_add(message.payload.len());
                if bytes > max_bytes && !mail.is_empty() {
                    break;
                }
                let id = mail_id(id);
                mail.push(StoredMail { id, message });
            }
            Ok(mail)
        })
    }

    fn key(&self, dev_id: DevId, user: UserId) -> Result<Option<AccessKey>, StorageError> {
        self.read(|connection| lookups::key(connection, dev_id, user))
    }

    fn keys(&self, dev_id: DevId, limit: usize) -> Result<Vec<(UserId, AccessKey)>, StorageError> {
        self.read(|connection| lookups::keys(connection, dev_id, limit))
    }

    fn last_seen(&self, dev_id: DevId, user: UserId) -> Result<Option<UnixTime>, StorageError> {
        self.read(|connection| lookups::last_seen(connection, dev_id, user))
    }

    fn last_seen_all(
        &self,
        dev_id: DevId,
        limit: usize,
    ) -> Result<Vec<(UserId, UnixTime)>, StorageError> {
        self.read(|connection| lookups::last_seen_all(connection, dev_id, limit))
    }

    fn user_data(&self, dev_id: DevId, user: UserId) -> Result<Option<Arc<str>>, StorageError> {
        self.read(|connection| lookups::user_data(connection, dev_id, user))
    }

    fn user_data_all(
        &self,
        dev_id: DevId,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<(UserId, Arc<str>)>, StorageError> {
        self.read(|connection| lookups::user_data_all(connection, dev_id, limit, max_bytes))
    }

    fn is_revoked(&self, dev_id: DevId, token: &TokenText) -> Result<bool, StorageError> {
        self.read(|connection| lookups::is_revoked(connection, dev_id, token))
    }

    fn revoked_tokens(&self, dev_id: DevId, limit: usize) -> Result<Vec<TokenText>, StorageError> {
        self.read(|connection| lookups::revoked_tokens(connection, dev_id, limit))
    }

    fn participants(
        &self,
        dev_id: DevId,
        filter: &ParticipantFilter,
        limit: usize,
    ) -> Result<Vec<Participant>, StorageError> {
        self.read(|connection| lookups::participants(connection, dev_id, filter, limit))
    }
}

/// Something that happens once and can be waited for.
#[derive(Default)]
pub(crate) struct Signal {
    happened: Mutex<bool>,
    wake: Condvar,
}

impl Signal {
    pub(crate) fn set(&self) {
        *self.happened.lock() = true;
        self.wake.notify_all();
    }

    fn wait(&self) {
        let mut happened = self.happened.lock();
        while !*happened {
            self.wake.wait(&mut happened);
        }
    }
}

fn mail_id(id: i64) -> MailId {
    MailId(u64::try_from(id).unwrap_or(0))
}

fn stored_message(row: &rusqlite::Row<'_>, pipe: &PipeName) -> rusqlite::Result<Message> {
    Ok(Message {
        pipe: pipe.clone(),
        event: parsed(EventName::parse(row.get_ref(0)?.as_str()?), 0)?,
        payload: row.get_ref(1)?.as_str()?.into(),
        sender: Sender::Browser(UserId::new(row.get(2)?).ok()),
        time: UnixTime(number(row, 3)?),
    })
}

fn private_message(row: &rusqlite::Row<'_>) -> rusqlite::Result<PrivateMessage> {
    Ok(PrivateMessage {
        event: parsed(EventName::parse(row.get_ref(0)?.as_str()?), 0)?,
        payload: row.get_ref(1)?.as_str()?.into(),
        time: UnixTime(number(row, 2)?),
    })
}
