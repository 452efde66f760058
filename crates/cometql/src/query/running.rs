//! The statement a SQLite connection is running: what its virtual tables and
//! functions read while it runs, and where they leave the reason when it fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::context::SessionContext;
use crate::error::{ErrorKind, SqlError};

/// One statement from its first row to its last.
pub(super) struct Running {
    pub(super) context: SessionContext,
    pub(super) in_order: Option<InOrder>,
    limit: Duration,
    deadline: Instant,
    max_scanned: usize,
    scanned: AtomicUsize,
    failure: Mutex<Option<SqlError>>,
}

/// The order in which the keys of an IN list were written. Rows come in that
/// order when nothing else orders them (compatibility reference §2.3).
pub(super) struct InOrder {
    pub(super) table: String,
    pub(super) column: usize,
    pub(super) positions: HashMap<String, usize>,
}

impl Running {
    pub(super) fn new(
        context: SessionContext,
        in_order: Option<InOrder>,
        limit: Duration,
        max_scanned: usize,
    ) -> Self {
        Self {
            context,
            in_order,
            limit,
            deadline: Instant::now() + limit,
            max_scanned,
            scanned: AtomicUsize::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Whether the statement may go on.
    pub(super) fn check(&self) -> Result<(), SqlError> {
        if self.context.cancel.is_cancelled() {
            return Err(SqlError::interrupted());
        }
        if Instant::now() >= self.deadline {
            return Err(SqlError::new(
                ErrorKind::Timeout,
                format!(
                    "the query took longer than {} seconds and was stopped",
                    self.limit.as_secs_f64()
                ),
            ));
        }
        Ok(())
    }

    /// Time left before the deadline.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The most rows the next table may hand over.
    pub(super) fn scan_allowance(&self) -> usize {
        self.max_scanned
            .saturating_sub(self.scanned.load(Ordering::Relaxed))
    }

    /// Counts rows a table handed over.
    pub(super) fn count_scanned(&self, rows: usize) -> Result<(), SqlError> {
        let before = self.scanned.fetch_add(rows, Ordering::Relaxed);
        if before.saturating_add(rows) > self.max_scanned {
            return Err(SqlError::new(
                ErrorKind::TooManyValues,
                format!(
                    "the query would examine more than {} rows; name the key in WHERE",
                    self.max_scanned
                ),
            ));
        }
        Ok(())
    }

    /// Leaves the reason of a failure for the engine and gives SQLite its own kind of error.
    pub(super) fn fail(&self, error: SqlError) -> rusqlite::Error {
        let sqlite = rusqlite::Error::UserFunctionError(error.message.clone().into());
        self.failure.lock().get_or_insert(error);
        sqlite
    }

    /// The first reason left by [`Running::fail`].
    pub(super) fn failure(&self) -> Option<SqlError> {
        self.failure.lock().take()
    }
}

/// Where a connection's tables and functions find the running statement.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Arc<Running>>>>);

impl Slot {
    pub(super) fn begin(&self, running: Arc<Running>) {
        *self.0.lock() = Some(running);
    }

    pub(super) fn end(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn running(&self) -> Option<Arc<Running>> {
        self.0.lock().clone()
    }

    /// The running statement, or the error of a table read outside one.
    pub(super) fn require(&self) -> rusqlite::Result<Arc<Running>> {
        self.running()
            .ok_or_else(|| rusqlite::Error::UserFunctionError("no statement is running".into()))
    }
}
