//! The thread that moves the log into the file, so that no commit has to. It
//! does the bulk while the writer writes on; what came in meanwhile would keep
//! the log growing for ever, so the writer itself moves that rest, between two
//! groups, when it is told that the bulk is done. The thread also makes room for
//! the log, by means of `reserve`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::Connection;

use crate::config::Config;
use crate::reserve::Reserve;

/// How many times its intended length the log may have before it is reported.
const WARN_TIMES: u32 = 8;

/// The log's state, shared by the writer and the checkpoint thread.
pub(crate) struct Log {
    limit: u32,
    /// Pages in the log after the last commit.
    pages: AtomicU32,
    /// Something was committed since the last checkpoint.
    dirty: AtomicBool,
    /// The bulk of a long log has been moved.
    finish: AtomicBool,
    reserve: Reserve,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    requested: bool,
    is_short: bool,
    stopped: bool,
}

impl Log {
    pub(crate) fn new(config: &Config, reserve: Reserve) -> Arc<Self> {
        Arc::new(Self {
            limit: config.checkpoint_pages.max(1),
            pages: AtomicU32::new(0),
            dirty: AtomicBool::new(true),
            finish: AtomicBool::new(false),
            reserve,
            state: Mutex::default(),
            wake: Condvar::new(),
        })
    }

    /// Pages in the log.
    pub(crate) fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    /// To be held around a transaction of the writer.
    pub(crate) fn write(&self) -> MutexGuard<'_, ()> {
        self.reserve.write()
    }

    /// The writer committed; the log has `pages` now.
    pub(crate) fn committed(&self, pages: u32) {
        let before = self.pages.swap(pages, Ordering::Relaxed);
        self.dirty.store(true, Ordering::Relaxed);
        // Once each time another `limit` pages are full, not at every commit.
        if pages >= self.limit && pages / self.limit != before / self.limit {
            self.state.lock().requested = true;
            self.wake.notify_one();
        }
        if self.reserve.is_short(pages) {
            let was_short = std::mem::replace(&mut self.state.lock().is_short, true);
            if !was_short {
                self.wake.notify_one();
            }
        }
    }

    /// Between two groups: moves the rest of a log whose bulk is done.
    pub(crate) fn finish(&self, writer: &Connection) {
        if self.finish.swap(false, Ordering::Relaxed)
            && let Err(error) = checkpoint(writer, "PASSIVE")
        {
            tracing::warn!(%error, "checkpoint_failed");
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.wake.notify_one();
    }

    fn run(&self, connection: &Connection, interval: Duration) {
        let mut pages_at_last_look = 0;
        loop {
            let mut state = self.state.lock();
            if !state.stopped && !state.requested && !state.is_short {
                self.wake.wait_for(&mut state, interval);
            }
            if state.stopped {
                return;
            }
            let requested = std::mem::take(&mut state.requested);
            let is_short = state.is_short;
            drop(state);
            let pages = self.pages();
            if is_short {
                self.make_room(connection, pages);
            }
            let idle = pages == std::mem::replace(&mut pages_at_last_look, pages);
            let due = requested || (idle && self.dirty.load(Ordering::Relaxed));
            if !due {
                continue;
            }
            self.move_bulk(connection, requested);
            if requested && pages >= self.limit.saturating_mul(WARN_TIMES) {
                tracing::warn!(pages, "log_grows_because_somebody_keeps_reading");
            }
        }
    }

    fn make_room(&self, connection: &Connection, pages: u32) {
        if let Err(reason) = self.reserve.make(connection, pages) {
            tracing::warn!(reason, "no_room_made_for_the_log");
        }
        self.state.lock().is_short = false;
    }

    fn move_bulk(&self, connection: &Connection, requested: bool) {
        self.dirty.store(false, Ordering::Relaxed);
        match checkpoint(connection, "PASSIVE") {
            Ok(moved) => {
                tracing::debug!(moved, "checkpoint");
                if requested {
                    self.finish.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => tracing::warn!(%error, "checkpoint_failed"),
        }
    }
}

/// Starts the thread.
pub(crate) fn start(
    log: &Arc<Log>,
    connection: Connection,
    interval: Duration,
) -> std::io::Result<JoinHandle<()>> {
    let log = Arc::clone(log);
    thread::Builder::new()
        .name("storage-checkpoint".to_owned())
        .spawn(move || log.run(&connection, interval))
}

/// Moves what can be moved; the number of pages that are in the file now.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        row.get(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_written_on_while_it_is_moved_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let reserve = Reserve::new(directory.path().join("file-wal"), 0);
        let log = Log::new(&Config::default(), reserve);
        let mut writer = Connection::open(&file).unwrap();
        writer
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)",
            )
            .unwrap();
        let committed = Arc::clone(&log);
        let hook = move |_: &mut _, pages: i32| {
            committed.committed(pages.try_into().unwrap());
            Ok(())
        };
        writer.wal_hook(Some(hook)).unwrap();
        let write = || {
            writer
                .execute("INSERT INTO t VALUES (1)", [])
                .map(|_| log.pages())
        };
        for _ in 0..5 {
            write().unwrap();
        }
        // Stands for what comes into the log while its bulk is being moved.
        let reader = Connection::open(&file).unwrap();
        let count = || reader.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(count().unwrap(), 5);
        let before = write().unwrap();
        log.move_bulk(&Connection::open(&file).unwrap(), true);
        reader.execute_batch("COMMIT").unwrap();
        assert!(write().unwrap() > before);
        log.finish(&writer);
        assert!(write().unwrap() < before);
        assert_eq!(count().unwrap(), 8);
    }
}
