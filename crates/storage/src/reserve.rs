//! Room for the log, made before the writer comes there. A sync of a file that has
//! grown waits for the file system's journal as well, one in place for the device
//! alone, so the checkpoint thread lays zeros behind the log's end. SQLite takes
//! zeros for the end of the log. When room is made is `checkpoint`'s to say.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

/// Pages of a log without a reserve: most stores never write more between two checkpoints.
const SHORT: u32 = 256;
/// Pages that are made ready ahead, at least; a longer log is doubled.
const AHEAD: u32 = 1024;
/// Bytes laid at once: for so long the writer may have to wait.
const PIECE: usize = 256 * 1024;
/// A page of the file and what the log writes before it, in bytes.
const FRAME: u64 = 4096 + 24;

/// The log's file, as far as it is ready.
pub(crate) struct Reserve {
    file: PathBuf,
    /// No more is made ready than this, in bytes.
    limit: u64,
    /// Up to here commits are written in place, in bytes.
    ready: AtomicU64,
    /// Held by whoever writes to the file.
    writing: Mutex<()>,
}

impl Reserve {
    /// Of the log `file`, which nobody has written to yet, up to `limit` bytes.
    pub(crate) fn new(file: PathBuf, limit: u64) -> Self {
        Self {
            file,
            limit,
            ready: AtomicU64::new(0),
            writing: Mutex::new(()),
        }
    }

    /// To be held around a transaction of the writer.
    pub(crate) fn write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock()
    }

    /// Whether a log of so many pages comes near the end of what is ready.
    pub(crate) fn is_short(&self, pages: u32) -> bool {
        let ready = self.ready.load(Ordering::Relaxed);
        pages > SHORT && ready < self.limit && end(pages.saturating_add(AHEAD / 2)) > ready
    }

    /// Makes the file long enough for what is to come after `pages`, durably.
    pub(crate) fn make(&self, connection: &Connection, pages: u32) -> Result<(), String> {
        let wanted = end(pages.saturating_add(pages.max(AHEAD))).min(self.limit);
        let made = self.lay_zeros(connection, wanted);
        // Not tried again: then commits make the file grow, as they did before.
        let ready = if made.is_ok() { wanted } else { self.limit };
        self.ready.store(ready, Ordering::Relaxed);
        made
    }

    fn lay_zeros(&self, connection: &Connection, wanted: u64) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        let mut options = OpenOptions::new();
        let mut log = options.append(true).open(&self.file).map_err(failed)?;
        let zeros = vec![0; PIECE];
        while log.metadata().map_err(failed)?.len() < wanted {
            let writing = self.write();
            // SQLite's own lock, too, for there are other programs.
            let begun = connection.execute_batch("BEGIN IMMEDIATE");
            begun.map_err(|error| error.to_string())?;
            let laid = log.write_all(&zeros);
            let ended = connection.execute_batch("ROLLBACK");
            drop(writing);
            ended.map_err(|error| error.to_string())?;
            laid.and_then(|()| log.sync_data()).map_err(failed)?;
        }
        Ok(())
    }
}

/// Where a log of so many pages ends in its file, about.
fn end(pages: u32) -> u64 {
    u64::from(pages) * FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(directory: &std::path::Path) -> Connection {
        let writer = Connection::open(directory.join("file")).unwrap();
        let settings = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
            CREATE TABLE IF NOT EXISTS t (x)";
        writer.execute_batch(settings).unwrap();
        writer
    }

    fn count(connection: &Connection) -> i64 {
        let sql = "SELECT count(*) FROM t";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_log_with_zeros_behind_it_is_written_on_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("file-wal");
        let writer_connection = writer(directory.path());
        let other = writer(directory.path());
        let insert = || {
            writer_connection
                .execute("INSERT INTO t VALUES (1)", [])
                .unwrap()
        };
        insert();
        let reserve = Reserve::new(log.clone(), 8 << 20);
        assert!(!reserve.is_short(SHORT) && reserve.is_short(SHORT + 1));
        reserve.make(&other, SHORT + 1).unwrap();
        assert!(!reserve.is_short(SHORT + 1));
        let length = log.metadata().unwrap().len();
        assert!(length >= end(SHORT + 1 + AHEAD), "{length}");
        insert();
        assert_eq!(log.metadata().unwrap().len(), length);
        // As after a crash: the log alone knows the rows.
        let copy = tempfile::tempdir().unwrap();
        for file in ["file", "file-wal"] {
            std::fs::copy(directory.path().join(file), copy.path().join(file)).unwrap();
        }
        assert_eq!(count(&writer(copy.path())), 2);
        assert_eq!(count(&other), 2);
    }

    #[test]
    fn no_more_is_made_ready_than_the_limit_and_nothing_after_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("file-wal");
        let connection = writer(directory.path());
        connection.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let reserve = Reserve::new(log.clone(), 1 << 20);
        reserve.make(&connection, 100_000).unwrap();
        assert!(log.metadata().unwrap().len() < (1 << 20) + 2 * PIECE as u64);
        assert!(!reserve.is_short(100_000));
        let nowhere = Reserve::new(directory.path().join("not-there"), 1 << 20);
        assert!(nowhere.make(&connection, 1000).is_err());
        assert!(!nowhere.is_short(1000));
    }
}
