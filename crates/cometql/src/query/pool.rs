//! A small pool of in-memory SQLite connections that know every table and function.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::catalogue::Catalogue;
use super::collation;
use super::engine::QueryLimits;
use super::functions;
use super::running::{Running, Slot};
use super::vtab;
use crate::error::SqlError;

/// Connections, opened when first needed and never more than allowed.
pub(super) struct Pool {
    catalogue: Arc<Catalogue>,
    limits: QueryLimits,
    state: Mutex<PoolState>,
    returned: Condvar,
}

struct PoolState {
    idle: Vec<Connected>,
    open: usize,
}

impl Pool {
    pub(super) fn new(catalogue: Arc<Catalogue>, limits: &QueryLimits) -> Result<Self, SqlError> {
        let first = Connected::open(&catalogue, limits).map_err(|error| could_not_open(&error))?;
        Ok(Self {
            catalogue,
            limits: limits.clone(),
            state: Mutex::new(PoolState {
                idle: vec![first],
                open: 1,
            }),
            returned: Condvar::new(),
        })
    }

    /// A connection, waiting for one if all are in use.
    pub(super) fn lease(&self, running: &Running) -> Result<Lease<'_>, SqlError> {
        let mut state = self.state.lock();
        loop {
            running.check()?;
            if let Some(connected) = state.idle.pop() {
                return Ok(Lease {
                    pool: self,
                    connected: Some(connected),
                });
            }
            if state.open < self.limits.max_concurrent.max(1) {
                state.open += 1;
                drop(state);
                let mut lease = Lease {
                    pool: self,
                    connected: None,
                };
                let opened = Connected::open(&self.catalogue, &self.limits)
                    .map_err(|error| could_not_open(&error))?;
                lease.connected = Some(opened);
                return Ok(lease);
            }
            self.returned.wait_for(&mut state, WAIT_STEP);
        }
    }
}

/// The use of one connection; gives it back when dropped.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    connected: Option<Connected>,
}

impl Lease<'_> {
    /// Uses the connection. If `action` panics, the connection is not used again.
    pub(super) fn connected<T>(
        &mut self,
        action: impl FnOnce(&Connected) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let Some(connected) = self.connected.take() else {
            return Err(SqlError::internal("no connection to run the query on"));
        };
        let result = action(&connected);
        self.connected = Some(connected);
        result
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        match self.connected.take() {
            Some(connected) => state.idle.push(connected),
            None => state.open = state.open.saturating_sub(1),
        }
        self.pool.returned.notify_one();
    }
}

fn could_not_open(error: &rusqlite::Error) -> SqlError {
    SqlError::internal(format!("the query engine could not start: {error}"))
}

/// A connection and where its tables find the running statement.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) slot: Slot,
}

impl Connected {
    fn open(catalogue: &Catalogue, limits: &QueryLimits) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_MEMORY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_in_memory_with_flags(flags)?;
        let slot = Slot::default();
        // A quoted name that is no column must be an error, not a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        let bytes = i32::try_from(limits.max_bytes).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes)?;
        connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, bytes)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let watched = slot.clone();
        connection.progress_handler(
            OPERATIONS_BETWEEN_CHECKS,
            Some(move || {
                watched
                    .running()
                    .is_some_and(|running| running.check().is_err())
            }),
        )?;
        collation::register(&connection)?;
        functions::register(&connection, &slot)?;
        for table in catalogue.tables() {
            vtab::register(&connection, Arc::clone(table), slot.clone())?;
        }
        Ok(Self { connection, slot })
    }
}

/// How many of SQLite's operations run between two looks at the clock and at KILL.
const OPERATIONS_BETWEEN_CHECKS: i32 = 2000;

/// How often a query that waits for a connection looks whether it was killed.
const WAIT_STEP: Duration = Duration::from_millis(50);
