//! What a SELECT may know about the session that runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::user_variables::UserVariables;
use super::variables::Variables;
use crate::backend::TlsSession;
use crate::transaction::Transaction;

/// The session behind a statement: who asks, and what `USER()`, `DATABASE()`,
/// `@@autocommit` and the like answer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SessionContext {
    /// The tenant whose rows the tables show.
    pub dev_id: u32,
    /// The MySQL user name.
    pub user: Arc<str>,
    /// The client's address or `localhost`; the part of `USER()` after the `@`.
    pub host: Arc<str>,
    /// The database the session chose, if any.
    pub database: Option<Arc<str>>,
    /// `CONNECTION_ID()`.
    pub connection_id: u32,
    /// `LAST_INSERT_ID()`: the insert id of the session's last statement that had one.
    pub last_insert_id: u64,
    /// `ROW_COUNT()`: affected rows of the previous statement, -1 after a SELECT.
    pub row_count: i64,
    /// `FOUND_ROWS()`: rows of the session's previous SELECT.
    pub found_rows: u64,
    /// System variables, with what this session has SET.
    pub variables: Arc<Variables>,
    /// `@name`: what the session keeps for itself.
    pub user_variables: Arc<UserVariables>,
    /// Its own changes that wait for COMMIT: tables show them to this session alone.
    pub transaction: Arc<Transaction>,
    /// The TLS the session is inside of, if it is.
    pub tls: Option<TlsSession>,
    /// Whether affected rows count those found rather than those changed.
    pub counts_found_rows: bool,
    /// Set by KILL QUERY, from any thread; the statement ends with `Interrupted`.
    pub cancel: CancelToken,
}

impl SessionContext {
    /// A session that has run nothing yet.
    pub fn new(dev_id: u32, user: &str, connection_id: u32, variables: Arc<Variables>) -> Self {
        Self {
            dev_id,
            user: user.into(),
            host: "localhost".into(),
            database: None,
            connection_id,
            last_insert_id: 0,
            row_count: 0,
            found_rows: 0,
            variables,
            user_variables: Arc::default(),
            transaction: Arc::default(),
            tls: None,
            counts_found_rows: false,
            cancel: CancelToken::default(),
        }
    }
}

/// Stops a running statement from another thread.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks the statement to stop. It stays asked until [`CancelToken::reset`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Forgets an earlier [`CancelToken::cancel`], before the next statement.
    pub fn reset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether the statement has been asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
