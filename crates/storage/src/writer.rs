//! The one thread that writes. It takes every batch that waits, makes one
//! transaction of them, syncs once, and runs their completions in the order of
//! submission. What a single write does is `apply`'s.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use pipes::storage::{Completion, Outcome, StorageError, Write};
use rusqlite::{Connection, ffi};

use crate::apply::{Failure, Target};
use crate::checkpoint::checkpoint;
use crate::directory::Directory;
use crate::index::Index;
use crate::queue::{Entry, Next};
use crate::statements::Statements;
use crate::store::Shared;
use crate::trouble::Trouble;

/// What the thread owns, and closes in the end.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) checkpoints: JoinHandle<()>,
    /// Held until everything is closed.
    pub(crate) directory: Directory,
}

type Batch = Result<Vec<Write>, StorageError>;
type Completed = Result<Vec<Outcome>, StorageError>;

impl Writer {
    /// Starts the thread. It ends when the queue does.
    pub(crate) fn start(self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("storage-writer".to_owned())
            .spawn(move || self.run())
    }

    fn run(self) {
        let shared = Arc::clone(&self.shared);
        self.write_until_closed();
        shared.closed.set();
        while let Next::Group(entries) = shared.queue.next(usize::MAX, usize::MAX) {
            for entry in entries {
                complete(entry.done, Err(StorageError::Closed));
            }
        }
    }

    fn write_until_closed(self) {
        let Self {
            shared,
            connection,
            checkpoints,
            directory,
        } = self;
        let (batches, bytes) = (shared.config.group_batches, shared.config.group_bytes);
        let mut group = Group::new(&shared, &connection);
        while let Next::Group(entries) = shared.queue.next(batches, bytes) {
            group.write(entries);
            shared.log.finish(&connection);
        }
        drop(group);
        shared.readers.close();
        shared.log.stop();
        if checkpoints.join().is_err() {
            tracing::error!("checkpoint_thread_panicked");
        }
        if let Err(error) = checkpoint(&connection, "TRUNCATE") {
            tracing::warn!(%error, "checkpoint_failed");
        }
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "close_failed");
        }
        drop(directory);
    }
}

/// Writes groups of batches.
struct Group<'c> {
    shared: &'c Shared,
    connection: &'c Connection,
    statements: Result<Statements<'c>, String>,
    trouble: Trouble<'c>,
}

/// Why a transaction came to nothing.
enum Undone {
    /// One batch asks for more than there may be; the others might not.
    Refused(String),
    /// One batch could not be written; the others might.
    Batch(String),
    /// Nothing can be said about any of them.
    All(String),
}

impl<'c> Group<'c> {
    fn new(shared: &'c Shared, connection: &'c Connection) -> Self {
        Self {
            shared,
            connection,
            statements: Statements::new(connection).map_err(|error| error.to_string()),
            trouble: Trouble::none(&shared.failed),
        }
    }

    fn write(&mut self, entries: Vec<Entry>) {
        let (batches, completions): (Vec<Batch>, Vec<Completion>) = entries
            .into_iter()
            .map(|entry| (entry.batch, entry.done))
            .unzip();
        let results = catch_unwind(AssertUnwindSafe(|| self.results(&batches)));
        let results = results.unwrap_or_else(|_| {
            self.stop("the writer panicked; restart the program".to_owned());
            self.take_back(&mut self.shared.index.write());
            failed(&batches, "the writer panicked; restart the program")
        });
        for (completion, result) in completions.into_iter().zip(results) {
            complete(completion, result);
        }
    }

    /// One result for every batch.
    fn results(&mut self, batches: &[Batch]) -> Vec<Completed> {
        match self.transaction(batches) {
            Ok(results) => {
                if has_writes(batches) {
                    self.trouble.written();
                }
                results
            }
            Err(Undone::Batch(_) | Undone::Refused(_)) if batches.len() > 1 => batches
                .chunks(1)
                .flat_map(|alone| self.results(alone))
                .collect(),
            Err(Undone::Refused(why)) => failed(batches, &why),
            Err(Undone::Batch(why) | Undone::All(why)) => {
                self.trouble.refused(batches.len(), &why);
                failed(batches, &why)
            }
        }
    }

    /// All of `batches` become durable, save those refused before they changed
    /// anything; or none of them.
    fn transaction(&mut self, batches: &[Batch]) -> Result<Vec<Completed>, Undone> {
        if !has_writes(batches) {
            return Ok(batches.iter().map(without_writes).collect());
        }
        let shared = self.shared;
        let _writing = shared.log.write();
        match &mut self.statements {
            Ok(statements) => statements.begin.execute([]).map_err(Undone::all)?,
            Err(why) => return Err(Undone::All(why.clone())),
        };
        // Readers wait until the file and the index say the same again.
        let mut index = shared.index.write();
        let result = self.apply_and_commit(&mut index, batches);
        match &result {
            Ok(_) => index.keep(),
            Err(_) => self.take_back(&mut index),
        }
        *shared.sizes.lock() = index.sizes();
        result
    }

    fn apply_and_commit(
        &mut self,
        index: &mut Index,
        batches: &[Batch],
    ) -> Result<Vec<Completed>, Undone> {
        let statements = match &mut self.statements {
            Ok(statements) => statements,
            Err(why) => return Err(Undone::All(why.clone())),
        };
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            let Ok(writes) = batch else {
                results.push(without_writes(batch));
                continue;
            };
            let mut target = Target {
                statements: &mut *statements,
                index: &mut *index,
                config: &self.shared.config,
                store_id: &self.shared.store_id,
            };
            results.push(target.apply_batch(writes)?);
        }
        if let Err(error) = statements.commit.execute([]) {
            // What a failed sync left on the disk is unknown, also to the next sync.
            if is_failed_sync(&error) {
                self.stop(format!("{error}; check the disk and restart the program"));
            }
            return Err(Undone::all(error));
        }
        Ok(results)
    }

    fn take_back(&mut self, index: &mut Index) {
        index.take_back();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            self.stop(error.to_string());
        }
    }

    /// Writes nothing any more.
    fn stop(&mut self, why: String) {
        tracing::error!(error = why, "store_stopped");
        self.statements = Err(why);
    }
}

impl Target<'_, '_> {
    /// The outer error is one that leaves the transaction half done.
    fn apply_batch(&mut self, writes: &[Write]) -> Result<Completed, Undone> {
        let mut outcomes = Vec::with_capacity(writes.len());
        for write in writes {
            match self.apply(write) {
                Ok(outcome) => outcomes.push(outcome),
                Err(Failure::Refused(why)) if outcomes.is_empty() => {
                    return Ok(Err(StorageError::Failed(why)));
                }
                Err(Failure::Refused(why)) => return Err(Undone::Refused(why)),
                Err(Failure::Sql(error)) => return Err(Undone::Batch(error.to_string())),
            }
        }
        Ok(Ok(outcomes))
    }
}

impl Undone {
    fn all(error: rusqlite::Error) -> Self {
        Self::All(error.to_string())
    }
}

fn has_writes(batches: &[Batch]) -> bool {
    batches.iter().flatten().any(|batch| !batch.is_empty())
}

fn without_writes(batch: &Batch) -> Completed {
    match batch {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error.clone()),
    }
}

fn failed(batches: &[Batch], why: &str) -> Vec<Completed> {
    batches
        .iter()
        .map(|batch| match batch {
            Ok(_) => Err(StorageError::Failed(why.to_owned())),
            Err(error) => Err(error.clone()),
        })
        .collect()
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error().map(|error| error.extended_code),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

fn complete(completion: Completion, result: Completed) {
    if catch_unwind(AssertUnwindSafe(|| completion(result))).is_err() {
        tracing::error!("completion_panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use pipes::message::{MailId, Message, PrivateMessage, Sender, UnixTime};
    use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId};
    use pipes::settings::PipeSettings;
    use pipes::storage::HistoryBefore;
    use pipes::storage::{Storage, Window};
    use tempfile::tempdir;

    use super::*;
    use crate::{Config, SqliteStorage};

    /// A store whose commits fail while the switch is on, as on a full disk.
    fn open(directory: &Path, failing: &Arc<AtomicBool>) -> SqliteStorage {
        let failing = Arc::clone(failing);
        SqliteStorage::open_with(directory, Config::default(), |connection| {
            let hook = move || failing.load(Ordering::Relaxed);
            connection.commit_hook(Some(hook)).unwrap();
        })
        .unwrap()
    }

    fn write(storage: &SqliteStorage, batch: Vec<Write>) -> Completed {
        let (sender, receiver) = mpsc::channel();
        storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
        receiver.recv().unwrap()
    }

    fn append(pipe: &str, time: u64) -> Write {
        Write::AppendHistory {
            dev_id: DevId::ROOT,
            message: Message {
                pipe: PipeName::parse(pipe).unwrap(),
                event: EventName::parse("").unwrap(),
                payload: "x".into(),
                sender: Sender::Backend,
                time: UnixTime(time),
            },
            default_length: 3,
        }
    }

    fn mail(user: i64, time: u64) -> Write {
        Write::PutMail {
            dev_id: DevId::ROOT,
            user: UserId::new(user).unwrap(),
            message: PrivateMessage {
                event: EventName::parse("").unwrap(),
                payload: "x".into(),
                time: UnixTime(time),
            },
            keep: 2,
        }
    }

    fn everything(storage: &SqliteStorage) -> String {
        let index = storage.shared.index.read();
        let (sizes, ids) = (index.sizes(), index.ids());
        let tenants: Vec<_> = index.tenants().collect();
        format!("{sizes:?} {ids:?} {tenants:#?}")
    }

    #[test]
    fn when_a_commit_fails_all_of_its_group_fail_and_memory_forgets_them() {
        let dev_id = DevId::ROOT;
        let [a, b, c] = ["a", "b", "c"].map(|name| PipeName::parse(name).unwrap());
        let user = UserId::new(1).unwrap();
        let settings = PipeSettings::of_length(1);
        let directory = tempdir().unwrap();
        let failing = Arc::new(AtomicBool::new(false));
        let storage = open(directory.path(), &failing);
        for _ in 0..3 {
            write(&storage, ["a", "b", "c"].map(|pipe| append(pipe, 9)).into()).unwrap();
            write(&storage, vec![mail(1, 9), mail(2, 1)]).unwrap();
        }
        let newest = storage
            .history(dev_id, &b, Window::newest(1))
            .unwrap()
            .remove(0)
            .id;
        let before = everything(&storage);
        let mails = storage.snapshot().unwrap().mailboxes;
        failing.store(true, Ordering::Relaxed);
        let all_kinds = vec![
            append("a", 2),
            append("new", 2),
            Write::RemoveMessage { dev_id, id: newest },
            append("b", 2),
            Write::PutSettings {
                dev_id,
                pipe: a.clone(),
                settings,
            },
            Write::ClearHistory {
                dev_id,
                pipe: b.clone(),
            },
            Write::RemoveSettings { dev_id, pipe: c },
            Write::RemoveSettings { dev_id, pipe: a },
            mail(1, 9),
            mail(3, 9),
            Write::RemoveMail {
                dev_id,
                user,
                ids: vec![mails[0].2, MailId(1)],
            },
            Write::Purge {
                mail_before: UnixTime(5),
                history_before: HistoryBefore::new(|_, _| Some(UnixTime(20))),
                tokens_before: UnixTime(20),
            },
            Write::ClearMailbox { dev_id, user },
            Write::PutKey {
                dev_id,
                user,
                key: AccessKey::parse("key").unwrap(),
            },
            Write::PutLastSeen {
                dev_id,
                user,
                time: UnixTime(1),
            },
        ];
        let (release, held) = mpsc::channel::<()>();
        storage.submit(Vec::new(), Box::new(move |_| held.recv().unwrap()));
        let (sender, results) = mpsc::channel();
        for batch in [all_kinds.clone(), vec![append("b", 9)]] {
            let sender = sender.clone();
            storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
        }
        release.send(()).unwrap();
        for result in results.iter().take(2) {
            assert!(matches!(result, Err(StorageError::Failed(_))), "{result:?}");
        }
        // An empty tenant may remain of what was taken back; nothing else.
        assert_eq!(everything(&storage), before);
        assert!(storage.key(dev_id, user).unwrap().is_none());

        failing.store(false, Ordering::Relaxed);
        let Outcome::Appended { position, .. } = write(&storage, vec![append("b", 9)]).unwrap()[0]
        else {
            panic!("not kept");
        };
        assert_eq!(position.offset, 4);
        assert_eq!(write(&storage, all_kinds).unwrap().len(), 15);
        let history = storage.history(dev_id, &b, Window::newest(9)).unwrap();
        drop(storage);
        let storage = open(directory.path(), &failing);
        assert_eq!(
            storage.history(dev_id, &b, Window::newest(9)).unwrap(),
            history
        );
    }

    #[test]
    fn what_the_index_says_is_what_a_new_start_finds() {
        let directory = tempdir().unwrap();
        let failing = Arc::new(AtomicBool::new(false));
        let storage = open(directory.path(), &failing);
        for time in 0..10 {
            write(
                &storage,
                vec![append("a", time), mail(1, time), append("b", time)],
            )
            .unwrap();
        }
        let tenants = |storage: &SqliteStorage| {
            let index = storage.shared.index.read();
            let tenants: Vec<_> = index.tenants().map(|(_, tenant)| tenant.clone()).collect();
            (tenants, index.sizes(), index.ids().limit)
        };
        let before = tenants(&storage);
        drop(storage);
        assert_eq!(tenants(&open(directory.path(), &failing)), before);
    }
}
