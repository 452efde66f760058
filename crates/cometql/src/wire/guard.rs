//! The command phase: one command after another from the socket, checked, and
//! either answered here or handed to opensrv. Answers are collected and written
//! when no complete command is waiting, so pipelined commands cost one write.
//! Which commands there are: compatibility reference §1.5.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::answer::Done;
use crate::backend::{Backend, KillSignal, Session};
use crate::error::{ErrorKind, SqlError};

use super::Wire;
use super::engine::Engine;
use super::fields::{Fields, Malformed};
use super::greeting::capability;
use super::handshake::{self, LoginFailure, Peer, Verified};
use super::login::LoginPacket;
use super::packet::{FrameError, Packet, PacketStream, Traffic};
use super::prepared::PreparedStatements;
use super::reply::Reply;
use super::state::State;
use super::vigil::Vigil;

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
    pub(super) stream: PacketStream<S>,
    peer: Peer,
    pub(super) killed: KillSignal,
    pub(super) state: State<B::Session>,
    /// Started when a command needs it, dropped when it holds much memory.
    pub(super) engine: Option<Engine<B::Session>>,
    pub(super) statements: PreparedStatements<<B::Session as Session>::Plain>,
    capabilities: u32,
    pub(super) multi_statements: bool,
    /// A large command went through; buffers have grown with it.
    grown: bool,
    shutdown: watch::Receiver<bool>,
    vigil: Vigil,
}

impl<'a, B, S> Guard<'a, B, S>
where
    B: Backend,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Takes over after the login, whose OK goes out first.
    pub(super) fn new(
        wire: &'a Wire<B>,
        mut stream: PacketStream<S>,
        reply: Reply,
        peer: Peer,
        verified: Verified<B::Session>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let limits = wire.limits();
        // What the login took is not counted.
        stream.take_traffic();
        let killed = verified.session.kill_signal();
        let mut state = State {
            session: Some(verified.session),
            reply,
            ..State::default()
        };
        state.ok(&Done {
            info: verified.certificate_proof,
            ..Done::default()
        });
        Self {
            wire,
            stream,
            peer,
            vigil: Vigil::new(shutdown.clone(), killed.clone()),
            killed,
            state,
            engine: None,
            statements: PreparedStatements::new(limits.max_statements, limits.max_prepared_bytes),
            capabilities: verified.capabilities,
            multi_statements: allows_multi_statements(verified.capabilities),
            grown: false,
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
            self.state.begin(packet.sequence);
            self.state.refuse(&SqlError::new(
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
                    self.state.begin(sequence);
                    self.state.refuse(&handshake::frame_error(broken));
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
        let idle = self.state.idle_timeout();
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
        self.vigil.over(self.stream.fill(), patience).await
    }

    /// Gives back what only a busy connection needs.
    fn trim(&mut self) {
        self.engine = None;
        self.grown = false;
        drop(self.state.reply.take());
    }

    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.state.reply.len() >= self.wire.limits().max_reply {
            self.flush().await?;
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.stream, &mut self.state.reply).await?;
        if let Some(figures) = self.wire.backend().wire_figures() {
            let Traffic { received, sent } = self.stream.take_traffic();
            figures.received.fetch_add(received, Ordering::Relaxed);
            figures.sent.fetch_add(sent, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn command(&mut self, packet: Packet) -> Result<(), Ending> {
        self.state.begin(packet.sequence);
        let Some(&command) = packet.payload.first() else {
            self.refuse(&unknown_command(0));
            return Ok(());
        };
        let body = packet.payload.slice(1..);
        match command {
            command::QUIT => return Err(Ending::Quit),
            command::QUERY => self.query(&body).await?,
            command::STMT_PREPARE => self.prepare(&body).await?,
            command::STMT_EXECUTE => self.execute(&body).await?,
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
                self.state.reply.packet(text.as_bytes());
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
        self.state.session = None;
        let limits = self.wire.limits();
        let changed = timeout(
            limits.login_timeout,
            handshake::change_user(
                &mut self.stream,
                &mut self.state.reply,
                self.wire.backend(),
                self.peer,
                login,
                limits.max_login_packet,
            ),
        )
        .await;
        match changed {
            Ok(Ok(verified)) => {
                self.killed = verified.session.kill_signal();
                self.vigil = Vigil::new(self.shutdown.clone(), self.killed.clone());
                self.state.session = Some(verified.session);
                self.multi_statements = allows_multi_statements(self.capabilities);
                self.state.ok(&Done::default());
                Ok(())
            }
            Ok(Err(failure)) => {
                if let Some(error) = failure.answer() {
                    self.state.reply.error(error, limits.login_error_numbers);
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
                let status = self.state.status();
                self.state.reply.field_list(&columns, status);
            }
            Err(error) => self.refuse(&error),
        }
    }

    fn with_session<T>(
        &mut self,
        work: impl FnOnce(&mut B::Session) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        match &mut self.state.session {
            Some(session) => work(session),
            None => Err(SqlError::internal("The session is gone; connect again")),
        }
    }

    pub(super) fn done(&mut self, result: Result<(), SqlError>) {
        match result {
            Ok(()) => self.state.ok(&Done::default()),
            Err(error) => self.state.refuse(&error),
        }
    }

    fn eof(&mut self) {
        let status = self.state.status();
        self.state.reply.eof(status);
    }

    pub(super) fn refuse(&mut self, error: &SqlError) {
        self.state.refuse(error);
    }
}

/// Writes the answers that were collected.
pub(super) async fn flush<S>(stream: &mut PacketStream<S>, reply: &mut Reply) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let bytes = reply.take();
    if bytes.is_empty() {
        return Ok(());
    }
    stream.send(&bytes).await?;
    reply.recycle(bytes);
    Ok(())
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
