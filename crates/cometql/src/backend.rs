//! The seam between the wire and the language: what a MySQL-speaking door needs
//! from whatever answers behind it. The wire knows packets and passwords, the
//! language knows statements; neither knows the other's types beyond these two
//! traits, so either can be replaced.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pipes::secret::Secret;
use tokio::sync::watch;

use crate::answer::{Answer, Column, Done, Parameter, Prepared};
use crate::error::{ErrorKind, ErrorNumbers, SqlError};

/// Opens sessions for people who prove who they are.
pub trait Backend: Send + Sync + 'static {
    /// A logged-in session.
    type Session: Session;

    /// Who `user` is and what the wire must verify before opening a session.
    ///
    /// An unknown user is answered like a wrong key, so that the wire spends
    /// the same time on both.
    fn account(&self, user: &str) -> Account;

    /// Opens a session after the wire has verified the key.
    ///
    /// # Errors
    /// `UnknownDatabase` when `database` names one that does not exist; the
    /// wire sends the error and closes.
    fn open(&self, login: Login) -> Result<Self::Session, SqlError>;

    /// Where the wire counts what goes over it, if anybody asks.
    fn wire_figures(&self) -> Option<&WireFigures> {
        None
    }
}

/// What the wire counts since the start, of all connections together.
#[derive(Debug, Default)]
pub struct WireFigures {
    /// Bytes of clients' commands, after the login.
    pub received: AtomicU64,
    /// Bytes of answers.
    pub sent: AtomicU64,
    /// Connections that did not get past the login.
    pub failed_logins: AtomicU64,
    /// Sessions that ended without a goodbye: broken, silent for too long, or not understood.
    pub aborted: AtomicU64,
}

/// What the wire must verify for a user name.
#[derive(Clone)]
pub enum Account {
    /// The user must prove that they know this key.
    Key(Secret),
    /// The user logs in with an empty password and may do nothing
    /// (`haproxy_check`, compatibility reference §1.3).
    NoKey,
    /// There is no such user: refuse as if the key were wrong.
    Unknown,
}

/// A verified login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The MySQL user name.
    pub user: String,
    /// The database named at login, if any.
    pub database: Option<String>,
    /// The client's address; `None` on a Unix socket.
    pub address: Option<IpAddr>,
    /// This connection's number, unique while the server runs.
    pub connection_id: u32,
    /// The TLS the connection is inside of, if it is.
    pub tls: Option<TlsSession>,
    /// Whether affected rows count those a statement found rather than those
    /// it changed (CLIENT_FOUND_ROWS).
    pub counts_found_rows: bool,
}

/// What a session can tell of its TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsSession {
    /// The version, such as `TLSv1.3`.
    pub version: &'static str,
    /// OpenSSL's name of the cipher suite, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// One logged-in session. Statements of a session run one after another.
pub trait Session: Send + 'static {
    /// Runs exactly one statement; the wire has split them already.
    /// `parameters` fill its `?` in order; empty for the text protocol.
    ///
    /// # Errors
    /// Whatever the language refuses; the connection stays.
    fn execute(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> impl Future<Output = Result<Answer, SqlError>> + Send;

    /// Runs `statement` if it is a plain one, which nearly all are: one without
    /// parameters and rows that needs little reading. `None` leaves it to
    /// [`execute`](Self::execute), which answers plain statements the same.
    fn execute_plain<'a>(
        &'a mut self,
        statement: &'a str,
    ) -> Option<impl Future<Output = Result<Done, SqlError>> + Send + 'a>;

    /// A plain statement that was read, to be run as often as wanted.
    type Plain: Send + Sync + 'static;

    /// Reads `statement` if it is a plain one, parameters allowed.
    fn read_plain(&self, statement: &str) -> Option<Self::Plain>;

    /// Runs a plain statement that this session has read.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    fn execute_read(
        &mut self,
        plain: &Self::Plain,
        parameters: &[Parameter],
    ) -> impl Future<Output = Result<Done, SqlError>> + Send;

    /// Checks one statement and says how many parameters it takes, without running it.
    ///
    /// # Errors
    /// Whatever the language refuses before running.
    fn prepare(&mut self, statement: &str) -> Result<Prepared, SqlError>;

    /// COM_INIT_DB: chooses a database.
    ///
    /// # Errors
    /// `UnknownDatabase` or `Forbidden`; the session stays as it was.
    fn use_database(&mut self, database: &str) -> Result<(), SqlError>;

    /// COM_RESET_CONNECTION: forgets everything but who logged in.
    fn reset(&mut self);

    /// COM_FIELD_LIST: the columns of `table` that are like `pattern`; all when
    /// it is empty.
    ///
    /// # Errors
    /// `UnknownTable`; `TooManyValues` when the pattern is too long.
    fn field_list(&self, table: &str, pattern: &str) -> Result<Vec<Column>, SqlError>;

    /// How long this session wants to be kept without a command, if it has said
    /// so (`SET wait_timeout`). The wire's own bound holds besides.
    fn idle_timeout(&self) -> Option<Duration> {
        None
    }

    /// Whether the session is inside BEGIN … COMMIT (status flag IN_TRANS).
    fn in_transaction(&self) -> bool;

    /// Whether the session is in autocommit mode (status flag AUTOCOMMIT).
    fn autocommit(&self) -> bool;

    /// Which error numbers this session asked for.
    fn error_numbers(&self) -> ErrorNumbers;

    /// Tells the wire when somebody kills this session.
    fn kill_signal(&self) -> KillSignal {
        KillSignal::default()
    }

    /// COM_PROCESS_KILL: ends another connection.
    ///
    /// # Errors
    /// `UnknownThread`, `KillDenied`.
    fn kill(&mut self, id: u32) -> Result<(), SqlError> {
        Err(SqlError::new(
            ErrorKind::UnknownThread,
            format!("Unknown thread id: {id}"),
        ))
    }
}

/// Ends a connection from another one. Clones are the same signal.
#[derive(Debug, Clone)]
pub struct KillSignal(Arc<watch::Sender<bool>>);

impl Default for KillSignal {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl KillSignal {
    /// Kills; there is no way back.
    pub fn kill(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was killed.
    pub fn is_killed(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when it was killed.
    pub async fn killed(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|killed| *killed).await;
    }
}
