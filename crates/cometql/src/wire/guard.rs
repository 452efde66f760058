//! The command phase: one command after another from the socket, checked, and
//! either answered here or handed to opensrv. Answers are collected and written
//! when no complete command is waiting, so pipelined commands cost one write.
//! Which commands there are: compatibility reference §1.5.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::answer::Done;
use crate::backend::{Backend, KillSignal, Session};
use crate::error::{ErrorKind, SqlError};

use super::engine::{Engine, Exchange};
use super::fields::{Fields, Malformed};
use super::greeting::capability;
use super::handshake::{self, LoginFailure, Peer, Verified};
use super::login::LoginPacket;
use super::packet::{FrameError, Packet, PacketStream};
use super::prepared::PreparedStatements;
use super::reply::Reply;
use super::{Wire, stopping};

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// The client said goodbye.
    #[error("quit")]
    Quit,
    /// The client closed without a word.
    #[error("closed by the client")]
    Closed,
    /// Somebody killed the connection, perhaps its own client.
    #[error("killed")]
    Killed,
    /// Nothing came for longer than allowed.
    #[error("timed out")]
    TimedOut,
    /// The server is stopping.
    #[error("the server is stopping")]
    Shutdown,
    /// The stream failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The client broke the framing.
    #[error("{0}")]
    Protocol(#[from] FrameError),
    /// The client could not log in, at first or as another user.
    #[error(transparent)]
    Login(#[from] LoginFailure),
    /// opensrv gave up.
    #[error("the statement codec ended: {0:?}")]
    Codec(io::Result<()>),
}

impl Ending {
    /// Whether the client went without a goodbye, by its own fault or its line's.
    pub(super) fn is_aborted(&self) -> bool {
        match self {
            Self::Closed | Self::TimedOut | Self::Io(_) | Self::Protocol(_) | Self::Codec(_) => {
                true
            }
            Self::Quit | Self::Killed | Self::Shutdown | Self::Login(_) => false,
        }
    }
}

/// One logged-in connection.
pub(super) struct Guard<'a, B: Backend, S> {
    pub(super) wire: &'a Wire<B>,
    stream: PacketStream<S>,
    peer: Peer,
    pub(super) killed: KillSignal,
    pub(super) exchange: Arc<Mutex<Exchange<B::Session>>>,
    /// Started when a command needs it, dropped when it holds much memory.
    pub(super) engine: Option<Engine<B::Session>>,
    pub(super) statements: PreparedStatements,
    capabilities: u32,
    pub(super) multi_statements: bool,
    /// A large command went through; buffers have grown with it.
    grown: bool,
    /// Bytes read since the last answer.
    received: u64,
    shutdown: watch::Receiver<bool>,
}

impl<'a, B, S> Guard<'a, B, S>
where
    B: Backend,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes over after the login, whose OK goes out first.
    pub(super) fn new(
        wire: &'a Wire<B>,
        stream: PacketStream<S>,
        reply: Reply,
        peer: Peer,
        verified: Verified<B::Session>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let limits = wire.limits();
        let killed = verified.session.kill_signal();
        let mut exchange = Exchange::new(verified.session, reply, limits.max_reply);
        let status = exchange.status();
        let greeted = Done {
            info: verified.certificate_proof,
            ..Done::default()
        };
        exchange.reply.ok(&greeted, status);
        Self {
            wire,
            stream,
            peer,
            killed,
            exchange: Arc::new(Mutex::new(exchange)),
            engine: None,
            statements: PreparedStatements::new(limits.max_statements, limits.max_prepared_bytes),
            capabilities: verified.capabilities,
            multi_statements: allows_multi_statements(verified.capabilities),
            grown: false,
            received: 0,
            shutdown,
        }
    }

    /// Serves commands until the connection ends, and closes it.
    pub(super) async fn run(mut self) -> Ending {
        let ending = loop {
            if let Err(ending) = self.serve_command().await {
                break ending;
            }
        };
        let discard = self.wire.limits().max_packet.saturating_mul(2);
        match &ending {
            Ending::Io(_) | Ending::Closed | Ending::Quit | Ending::TimedOut => {
                self.stream.close().await;
            }
            Ending::Login(LoginFailure::Refused(_)) => {
                self.wire.hold_back(self.peer.address).await;
                let _ = self.flush().await;
                self.stream.close_gently(discard).await;
            }
            _ => {
                let _ = self.flush().await;
                self.stream.close_gently(discard).await;
            }
        }
        ending
    }

    async fn serve_command(&mut self) -> Result<(), Ending> {
        let packet = self.next_command().await?;
        if *self.shutdown.borrow() {
            let mut exchange = self.exchange.lock();
            exchange.reply.begin(packet.sequence);
            exchange.refuse(&SqlError::new(
                ErrorKind::Shutdown,
                "The server is stopping; connect again",
            ));
            return Err(Ending::Shutdown);
        }
        self.grown |= packet.payload.len() > LARGE;
        self.command(packet).await?;
        if self.killed.is_killed() {
            return Err(Ending::Killed);
        }
        self.flush_if_full().await?;
        Ok(())
    }

    async fn next_command(&mut self) -> Result<Packet, Ending> {
        loop {
            match self.stream.take(0, self.wire.limits().max_packet) {
                Ok(Some(packet)) => return Ok(packet),
                Ok(None) => {
                    self.flush().await?;
                    self.read().await?;
                }
                Err(broken) => {
                    let (FrameError::TooLarge { sequence, .. }
                    | FrameError::OutOfOrder { got: sequence, .. }) = broken;
                    let mut exchange = self.exchange.lock();
                    exchange.reply.begin(sequence);
                    exchange.refuse(&handshake::frame_error(broken));
                    return Err(broken.into());
                }
            }
        }
    }

    async fn read(&mut self) -> Result<(), Ending> {
        let limits = self.wire.limits();
        if self.stream.is_inside_packet() {
            return self.read_for(limits.read_timeout).await;
        }
        self.stream.release();
        if self.grown {
            self.trim();
        }
        let idle = self.exchange.lock().idle_timeout();
        let patience = idle.map_or(limits.idle_timeout, |idle| idle.min(limits.idle_timeout));
        let soon = limits.trim_after.min(patience);
        match self.read_for(soon).await {
            Err(Ending::TimedOut) => {
                self.trim();
                self.read_for(patience.saturating_sub(soon)).await
            }
            read => read,
        }
    }

    async fn read_for(&mut self, patience: Duration) -> Result<(), Ending> {
        tokio::select! {
            biased;
            read = self.stream.fill() => match read? {
                0 => Err(Ending::Closed),
                length => {
                    self.received += length as u64;
                    Ok(())
                }
            },
            () = stopping(&mut self.shutdown) => Err(Ending::Shutdown),
            () = self.killed.killed() => Err(Ending::Killed),
            () = sleep(patience) => Err(Ending::TimedOut),
        }
    }

    /// Gives back what only a busy connection needs.
    fn trim(&mut self) {
        self.engine = None;
        self.grown = false;
        drop(self.exchange.lock().reply.take());
    }

    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.exchange.lock().reply.len() >= self.wire.limits().max_reply {
            self.flush().await?;
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let bytes = self.exchange.lock().reply.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.send(&bytes).await?;
        if let Some(figures) = self.wire.backend().wire_figures() {
            let received = std::mem::take(&mut self.received);
            figures.received.fetch_add(received, Ordering::Relaxed);
            figures
                .sent
                .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.exchange.lock().reply.recycle(bytes);
        Ok(())
    }

    async fn command(&mut self, packet: Packet) -> Result<(), Ending> {
        {
            let mut exchange = self.exchange.lock();
            exchange.reply.begin(packet.sequence);
            exchange.more_results = false;
            exchange.failed = false;
        }
        let Some(&command) = packet.payload.first() else {
            self.refuse(&unknown_command(0));
            return Ok(());
        };
        let body = packet.payload.slice(1..);
        match command {
            command::QUIT => return Err(Ending::Quit),
            command::QUERY => self.query(&body).await?,
            command::STMT_PREPARE => self.prepare(&body).await?,
            command::STMT_EXECUTE => self.execute(body).await?,
            command::STMT_CLOSE => self.close_statement(body).await?,
            command::STMT_SEND_LONG_DATA => self.statements.send_long_data(&body),
            command::STMT_RESET => {
                let reset = statement_id(&body).and_then(|id| self.statements.reset(id));
                self.done(reset);
            }
            command::STMT_FETCH => {
                let fetched = statement_id(&body).and_then(|id| self.statements.check(id));
                self.refuse(&fetched.err().unwrap_or_else(|| {
                    SqlError::unsupported(
                        "Cursors are not offered; all rows come with the execution",
                    )
                }));
            }
            command::CHANGE_USER => self.change_user(&body).await?,
            command::PROCESS_KILL => self.kill(&body)?,
            _ => self.answer_plainly(command, &body),
        }
        Ok(())
    }

    /// Commands that need neither opensrv nor the socket.
    fn answer_plainly(&mut self, command: u8, body: &[u8]) {
        match command {
            command::PING => self.done(Ok(())),
            command::INIT_DB => {
                let chosen = text(body, "The database name")
                    .and_then(|name| self.with_session(|session| session.use_database(name)));
                self.done(chosen);
            }
            command::FIELD_LIST => self.field_list(body),
            command::STATISTICS => {
                let text = self.wire.statistics();
                self.exchange.lock().reply.packet(text.as_bytes());
            }
            command::RESET_CONNECTION => {
                self.statements.clear();
                self.engine = None;
                self.multi_statements = allows_multi_statements(self.capabilities);
                let reset = self.with_session(|session| {
                    session.reset();
                    Ok(())
                });
                self.done(reset);
            }
            command::SET_OPTION => match Fields::new(body).u16() {
                Ok(option @ (0 | 1)) => {
                    self.multi_statements = option == 0;
                    self.eof();
                }
                _ => self.refuse(&unknown_command(command)),
            },
            command::DEBUG => self.eof(),
            // Nothing is cached that FLUSH could give back.
            command::REFRESH => self.done(Ok(())),
            command::SHUTDOWN => self.refuse(&SqlError::new(
                ErrorKind::Forbidden,
                "This server is stopped by a signal (SIGTERM), not by a client",
            )),
            unknown => self.refuse(&unknown_command(unknown)),
        }
    }

    /// COM_CHANGE_USER authenticates again, as if the connection were new. The
    /// old session is gone whatever comes of it.
    async fn change_user(&mut self, body: &[u8]) -> Result<(), Ending> {
        let login = match LoginPacket::parse_change_user(body, self.capabilities) {
            Ok(login) => login,
            Err(malformed) => {
                let error = SqlError::new(ErrorKind::MalformedPacket, malformed.to_string());
                self.refuse(&error);
                return Err(LoginFailure::Protocol(error).into());
            }
        };
        self.statements.clear();
        self.engine = None;
        let mut reply = {
            let mut exchange = self.exchange.lock();
            exchange.session = None;
            std::mem::take(&mut exchange.reply)
        };
        let limits = self.wire.limits();
        let changed = timeout(
            limits.login_timeout,
            handshake::change_user(
                &mut self.stream,
                &mut reply,
                self.wire.backend(),
                self.peer,
                login,
                limits.max_login_packet,
            ),
        )
        .await;
        let mut exchange = self.exchange.lock();
        exchange.reply = reply;
        match changed {
            Ok(Ok(verified)) => {
                self.killed = verified.session.kill_signal();
                exchange.session = Some(verified.session);
                self.multi_statements = allows_multi_statements(self.capabilities);
                let status = exchange.status();
                exchange.reply.ok(&Done::default(), status);
                Ok(())
            }
            Ok(Err(failure)) => {
                if let Some(error) = failure.answer() {
                    exchange.reply.error(error, limits.login_error_numbers);
                }
                Err(failure.into())
            }
            Err(_) => Err(Ending::TimedOut),
        }
    }

    /// COM_PROCESS_KILL: a connection may end itself. Who may end another one is
    /// the session's to say, as with `KILL`.
    fn kill(&mut self, body: &[u8]) -> Result<(), Ending> {
        match Fields::new(body).u32() {
            Ok(id) if id == self.peer.connection_id => {
                self.refuse(&SqlError::new(
                    ErrorKind::Interrupted,
                    "This connection was killed by its own request",
                ));
                return Err(Ending::Killed);
            }
            Ok(id) => {
                let killed = self.with_session(|session| session.kill(id));
                self.done(killed);
            }
            Err(malformed) => self.refuse(&malformed_command(malformed)),
        }
        Ok(())
    }

    /// A table, and a pattern of columns: everything after the table's NUL.
    fn field_list(&mut self, body: &[u8]) {
        let mut fields = Fields::new(body);
        let asked = fields.until_nul().map_err(malformed_command);
        let columns = asked.and_then(|table| {
            let pattern = fields.rest();
            let pattern = pattern.strip_suffix(&[0]).unwrap_or(pattern);
            let table = text(table, "The table name")?;
            let pattern = text(pattern, "The pattern of columns")?;
            self.with_session(|session| session.field_list(table, pattern))
        });
        match columns {
            Ok(columns) => {
                let mut exchange = self.exchange.lock();
                let status = exchange.status();
                exchange.reply.field_list(&columns, status);
            }
            Err(error) => self.refuse(&error),
        }
    }

    fn with_session<T>(
        &self,
        work: impl FnOnce(&mut B::Session) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        match &mut self.exchange.lock().session {
            Some(session) => work(session),
            None => Err(SqlError::internal("The session is gone; connect again")),
        }
    }

    pub(super) fn done(&self, result: Result<(), SqlError>) {
        let mut exchange = self.exchange.lock();
        match result {
            Ok(()) => {
                let status = exchange.status();
                exchange.reply.ok(&Done::default(), status);
            }
            Err(error) => exchange.refuse(&error),
        }
    }

    fn eof(&self) {
        let mut exchange = self.exchange.lock();
        let status = exchange.status();
        exchange.reply.eof(status);
    }

    pub(super) fn refuse(&self, error: &SqlError) {
        self.exchange.lock().refuse(error);
    }
}

/// Bytes are text whatever charset the client declared: clients declare one and
/// send another (compatibility reference §0 rule 4).
pub(super) fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, SqlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        SqlError::invalid(format!(
            "{what} is not UTF-8 text: byte {} is 0x{:02X}",
            error.valid_up_to() + 1,
            bytes.get(error.valid_up_to()).copied().unwrap_or_default()
        ))
    })
}

pub(super) fn statement_id(body: &[u8]) -> Result<u32, SqlError> {
    Fields::new(body).u32().map_err(malformed_command)
}

fn malformed_command(malformed: Malformed) -> SqlError {
    SqlError::new(
        ErrorKind::MalformedPacket,
        format!("Malformed command: {malformed}"),
    )
}

fn unknown_command(command: u8) -> SqlError {
    SqlError::new(
        ErrorKind::UnknownCommand,
        format!("Unknown command 0x{command:02X}"),
    )
}

fn allows_multi_statements(capabilities: u32) -> bool {
    capabilities & capability::MULTI_STATEMENTS != 0
}

/// Commands, with MySQL's numbers.
mod command {
    use super::super::{engine, statements};

    pub(super) const QUIT: u8 = 0x01;
    pub(super) const INIT_DB: u8 = 0x02;
    pub(super) const QUERY: u8 = statements::COM_QUERY;
    pub(super) const FIELD_LIST: u8 = 0x04;
    pub(super) const REFRESH: u8 = 0x07;
    pub(super) const SHUTDOWN: u8 = 0x08;
    pub(super) const STATISTICS: u8 = 0x09;
    pub(super) const PROCESS_KILL: u8 = 0x0C;
    pub(super) const DEBUG: u8 = 0x0D;
    pub(super) const PING: u8 = 0x0E;
    pub(super) const CHANGE_USER: u8 = 0x11;
    pub(super) const STMT_PREPARE: u8 = engine::COM_STMT_PREPARE;
    pub(super) const STMT_EXECUTE: u8 = statements::COM_STMT_EXECUTE;
    pub(super) const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub(super) const STMT_CLOSE: u8 = statements::COM_STMT_CLOSE;
    pub(super) const STMT_RESET: u8 = 0x1A;
    pub(super) const SET_OPTION: u8 = 0x1B;
    pub(super) const STMT_FETCH: u8 = 0x1C;
    pub(super) const RESET_CONNECTION: u8 = 0x1F;
}

/// Bytes of a command after which buffers are given back at once.
const LARGE: usize = 64 * 1024;
