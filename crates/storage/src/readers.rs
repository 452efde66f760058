//! A few read-only connections, shared: who wants to read waits for one. A read
//! sees one state of the file, the one it began with.

use parking_lot::{Condvar, Mutex};
use pipes::storage::StorageError;
use rusqlite::Connection;

/// The connections.
pub(crate) struct Readers {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    idle: Vec<Connection>,
    lent: usize,
    closed: bool,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        Self {
            state: Mutex::new(State {
                idle: connections,
                lent: 0,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Runs `read` with one connection, when there is one to be had.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StorageError> {
        let connection = self.lend()?;
        let lent = Lent {
            readers: self,
            connection: Some(connection),
        };
        let result = lent.connection.as_ref().map(read);
        drop(lent);
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(StorageError::Failed(error.to_string())),
            None => Err(StorageError::Closed),
        }
    }

    /// Ends reading: waits for the reads that run, then closes the connections.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        self.changed.notify_all();
        while state.lent > 0 {
            self.changed.wait(&mut state);
        }
        state.idle.clear();
    }

    fn lend(&self) -> Result<Connection, StorageError> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Err(StorageError::Closed);
            }
            if let Some(connection) = state.idle.pop() {
                state.lent += 1;
                return Ok(connection);
            }
            self.changed.wait(&mut state);
        }
    }
}

/// Fixes what the following reads of this connection see, until it is given back.
pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    // Only the first read takes the snapshot; BEGIN alone does not.
    connection
        .prepare_cached("SELECT 1 FROM meta LIMIT 1")?
        .query_row([], |_| Ok(()))
}

/// Gives a connection back, even when the read panics.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "read_not_ended");
        }
        let mut state = self.readers.state.lock();
        state.lent -= 1;
        state.idle.push(connection);
        drop(state);
        self.readers.changed.notify_all();
    }
}
