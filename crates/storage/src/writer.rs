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
}

/// Why a transaction came to nothing.
enum Undone {
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
        let shared = self.shared;
        // Readers wait until the file and the index say the same again.
        let mut index = shared.index.write();
        match self.transaction(&mut index, batches) {
            Ok(results) => results,
            Err(Undone::Batch(_)) if batches.len() > 1 => batches
                .iter()
                .flat_map(|batch| {
                    let alone = std::slice::from_ref(batch);
                    self.transaction(&mut index, alone)
                        .unwrap_or_else(|undone| failed(alone, undone.why()))
                })
                .collect(),
            Err(undone) => {
                let why = undone.why();
                tracing::error!(error = why, batches = batches.len(), "write_failed");
                failed(batches, why)
            }
        }
    }

    /// All of `batches` become durable, save those refused before they changed
    /// anything; or none of them.
    fn transaction(
        &mut self,
        index: &mut Index,
        batches: &[Batch],
    ) -> Result<Vec<Completed>, Undone> {
        let applied = self.apply(index, batches);
        match applied {
            Ok(results) => {
                index.keep();
                Ok(results)
            }
            Err(undone) => {
                self.take_back(index);
                Err(undone)
            }
        }
    }

    fn apply(&mut self, index: &mut Index, batches: &[Batch]) -> Result<Vec<Completed>, Undone> {
        let statements = match &mut self.statements {
            Ok(statements) => statements,
            Err(why) => return Err(Undone::All(why.clone())),
        };
        if !batches.iter().flatten().any(|batch| !batch.is_empty()) {
            return Ok(batches.iter().map(without_writes).collect());
        }
        let all = |error: rusqlite::Error| Undone::All(error.to_string());
        statements.begin.execute([]).map_err(all)?;
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
            let why = error.to_string();
            // What a failed sync left on the disk is unknown, also to the next sync.
            if is_failed_sync(&error) {
                self.stop(format!("{why}; check the disk and restart the program"));
            }
            return Err(Undone::All(why));
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
                Err(Failure::Refused(why)) => return Err(Undone::Batch(why)),
                Err(Failure::Sql(error)) => return Err(Undone::Batch(error.to_string())),
            }
        }
        Ok(Ok(outcomes))
    }
}

impl Undone {
    fn why(&self) -> &str {
        match self {
            Self::Batch(why) | Self::All(why) => why,
        }
    }
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
