//! The command phase: one command after another from the socket, checked, and
//! either answered here or handed to opensrv. Answers are collected and written
//! when no complete command is waiting, so pipelined commands cost one write.
//! Which commands there are: compatibility reference §1.5.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::answer::Done;
use crate::backend::{Backend, Session};
use crate::error::{ErrorKind, SqlError};
use crate::scan;

use super::engine::{COM_STMT_PREPARE, Engine, Exchange, Preparing, Step};
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
    /// The client killed its own connection.
    #[error("killed by itself")]
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

/// One logged-in connection.
pub(super) struct Guard<'a, B: Backend, S> {
    wire: &'a Wire<B>,
    stream: PacketStream<S>,
    peer: Peer,
    exchange: Arc<Mutex<Exchange<B::Session>>>,
    /// Started when a command needs it, dropped when it holds much memory.
    engine: Option<Engine<B::Session>>,
    statements: PreparedStatements,
    capabilities: u32,
    multi_statements: bool,
    /// A large command went through; buffers have grown with it.
    grown: bool,
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
        let mut exchange = Exchange::new(verified.session, reply, limits.max_reply);
        let status = exchange.status();
        exchange.reply.ok(&Done::default(), status);
        Self {
            wire,
            stream,
            peer,
            exchange: Arc::new(Mutex::new(exchange)),
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
                sleep(self.wire.limits().failure_delay).await;
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
        if self.exchange.lock().reply.len() >= self.wire.limits().max_reply {
            self.flush().await?;
        }
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
        let soon = limits.trim_after.min(limits.idle_timeout);
        match self.read_for(soon).await {
            Err(Ending::TimedOut) => {
                self.trim();
                self.read_for(limits.idle_timeout.saturating_sub(soon))
                    .await
            }
            read => read,
        }
    }

    async fn read_for(&mut self, patience: Duration) -> Result<(), Ending> {
        tokio::select! {
            biased;
            read = self.stream.fill() => match read? {
                0 => Err(Ending::Closed),
                _ => Ok(()),
            },
            () = stopping(&mut self.shutdown) => Err(Ending::Shutdown),
            () = sleep(patience) => Err(Ending::TimedOut),
        }
    }

    /// Gives back what only a busy connection needs.
    fn trim(&mut self) {
        self.engine = None;
        self.grown = false;
        drop(self.exchange.lock().reply.take());
    }

    async fn flush(&mut self) -> io::Result<()> {
        let bytes = self.exchange.lock().reply.take();
        if bytes.is_empty() {
            return Ok(());
        }
        self.stream.send(&bytes).await?;
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
            unknown => self.refuse(&unknown_command(unknown)),
        }
    }

    async fn query(&mut self, body: &Bytes) -> Result<(), Ending> {
        let sql = match text(body, "The statement") {
            Ok(sql) => sql,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        let ranges = match scan::split(sql) {
            Ok(ranges) => ranges,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        if ranges.len() > 1 && !self.multi_statements {
            self.refuse(&SqlError::syntax(format!(
                "{} statements in one query: connect with MULTI_STATEMENTS, \
                 or send them one by one",
                ranges.len()
            )));
            return Ok(());
        }
        if ranges.is_empty() {
            self.done(Ok(()));
        }
        let last = ranges.len().saturating_sub(1);
        for (index, range) in ranges.into_iter().enumerate() {
            self.exchange.lock().more_results = index < last;
            self.wire.questions.fetch_add(1, Ordering::Relaxed);
            let statement = body.get(range.clone()).map(|_| body.slice(range));
            let statement = statement.unwrap_or_default();
            // opensrv answers one variable by itself when it sees it in front.
            let asks_variable =
                statement.starts_with(b"SELECT @@") || statement.starts_with(b"select @@");
            let head: &[u8] = match asks_variable {
                true => &[command::QUERY, b' '],
                false => &[command::QUERY],
            };
            self.drive(head, statement).await?;
            if self.exchange.lock().failed {
                break;
            }
        }
        Ok(())
    }

    async fn prepare(&mut self, body: &Bytes) -> Result<(), Ending> {
        let checked = text(body, "The statement").and_then(|sql| {
            let ranges = scan::split(sql)?;
            let [range] = ranges.as_slice() else {
                return Err(SqlError::syntax(format!(
                    "A prepared statement is one statement, these are {}",
                    ranges.len()
                )));
            };
            let sql = sql.get(range.clone()).unwrap_or_default();
            Ok((self.statements.reserve(sql)?, sql, range.clone()))
        });
        let (id, sql, range) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        self.exchange.lock().preparing = Some(Preparing::New {
            id,
            parameters: None,
        });
        self.drive(&[COM_STMT_PREPARE], body.slice(range)).await?;
        let prepared = self.exchange.lock().preparing.take();
        if let Some(Preparing::New {
            parameters: Some(parameters),
            ..
        }) = prepared
        {
            self.statements.insert(id, sql.into(), parameters);
        }
        Ok(())
    }

    async fn execute(&mut self, body: Bytes) -> Result<(), Ending> {
        let execution = match self.statements.execute(body) {
            Ok(execution) => execution,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        self.wire.questions.fetch_add(1, Ordering::Relaxed);
        self.exchange.lock().executing = Some(execution.text);
        self.drive(&[command::STMT_EXECUTE], execution.body).await
    }

    /// Has no answer, whatever the id.
    async fn close_statement(&mut self, body: Bytes) -> Result<(), Ending> {
        if let Ok(id) = statement_id(&body) {
            self.statements.close(id);
        }
        // An engine that was dropped learns only the statements that are left.
        match (&self.engine, body.len()) {
            (Some(_), 4) => self.drive(&[command::STMT_CLOSE], body).await,
            _ => Ok(()),
        }
    }

    /// Hands opensrv a packet and sees to its answer.
    async fn drive(&mut self, head: &[u8], body: Bytes) -> Result<(), Ending> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => {
                // Starting must not disturb the answer that is being prepared.
                let preparing = self.exchange.lock().preparing.take();
                let engine = Engine::start(&self.exchange, self.statements.signatures())
                    .await
                    .map_err(|error| Ending::Codec(Err(error)))?;
                self.exchange.lock().preparing = preparing;
                engine
            }
        };
        engine.feed(head, body);
        loop {
            // Answers to earlier commands do not wait for a slow statement.
            let step = if self.exchange.lock().reply.is_empty() {
                engine.step().await
            } else if let Ok(step) = timeout(HOLD_BACK, engine.step()).await {
                step
            } else {
                Step::Full
            };
            match step {
                Step::Full => self.flush().await?,
                Step::Ended(ended) => return Err(Ending::Codec(ended)),
                Step::Done => break,
            }
        }
        self.engine = Some(engine);
        Ok(())
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

    /// COM_PROCESS_KILL: a connection may end itself. Ending another one needs
    /// a register of connections and rights to it, which belong to the language
    /// (`KILL`); this command only knows its own connection.
    fn kill(&mut self, body: &[u8]) -> Result<(), Ending> {
        match Fields::new(body).u32() {
            Ok(id) if id == self.peer.connection_id => {
                self.refuse(&SqlError::new(
                    ErrorKind::Interrupted,
                    "This connection was killed by its own request",
                ));
                return Err(Ending::Killed);
            }
            Ok(id) => self.refuse(&SqlError::new(
                ErrorKind::UnknownThread,
                format!("There is no connection {id} that this one may kill"),
            )),
            Err(malformed) => self.refuse(&malformed_command(malformed)),
        }
        Ok(())
    }

    /// The pattern after the table name is not applied: clients send none.
    fn field_list(&mut self, body: &[u8]) {
        let columns = Fields::new(body)
            .until_nul()
            .map_err(malformed_command)
            .and_then(|name| text(name, "The table name"))
            .and_then(|table| self.with_session(|session| session.field_list(table)));
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

    fn done(&self, result: Result<(), SqlError>) {
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

    fn refuse(&self, error: &SqlError) {
        self.exchange.lock().refuse(error);
    }
}

/// Bytes are text whatever charset the client declared: clients declare one and
/// send another (compatibility reference §0 rule 4).
fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, SqlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        SqlError::invalid(format!(
            "{what} is not UTF-8 text: byte {} is 0x{:02X}",
            error.valid_up_to() + 1,
            bytes.get(error.valid_up_to()).copied().unwrap_or_default()
        ))
    })
}

fn statement_id(body: &[u8]) -> Result<u32, SqlError> {
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
    pub(super) const QUIT: u8 = 0x01;
    pub(super) const INIT_DB: u8 = 0x02;
    pub(super) const QUERY: u8 = 0x03;
    pub(super) const FIELD_LIST: u8 = 0x04;
    pub(super) const STATISTICS: u8 = 0x09;
    pub(super) const PROCESS_KILL: u8 = 0x0C;
    pub(super) const DEBUG: u8 = 0x0D;
    pub(super) const PING: u8 = 0x0E;
    pub(super) const CHANGE_USER: u8 = 0x11;
    pub(super) const STMT_PREPARE: u8 = super::COM_STMT_PREPARE;
    pub(super) const STMT_EXECUTE: u8 = 0x17;
    pub(super) const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub(super) const STMT_CLOSE: u8 = 0x19;
    pub(super) const STMT_RESET: u8 = 0x1A;
    pub(super) const SET_OPTION: u8 = 0x1B;
    pub(super) const STMT_FETCH: u8 = 0x1C;
    pub(super) const RESET_CONNECTION: u8 = 0x1F;
}

/// Bytes of a command after which buffers are given back at once.
const LARGE: usize = 64 * 1024;

/// How long finished answers wait for the statement after them.
const HOLD_BACK: Duration = Duration::from_millis(2);
