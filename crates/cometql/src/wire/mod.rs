//! The MySQL wire: everything between a socket and a [`Session`](crate::backend::Session).
//!
//! A connection guard owns the socket. It speaks the connection phase itself,
//! reads and checks every command, answers most of them itself, runs
//! plain INSERTs, and hands other statements to opensrv-mysql one clean packet at
//! a time, through memory; opensrv encodes rows. No statement is understood
//! here, and no limit of the protocol is known anywhere else.
//!
//! # Layout, from bytes to statements
//! - [`limits`](Limits): every bound, with its default.
//! - `listener`: where connections come from.
//! - `packet`: bytes to packets and back.
//! - `fields`: the fields of a packet.
//! - `greeting`, `login`, `auth`, `handshake`: the connection phase; `tls` in the middle
//!   of it, `failures`: logins that failed, by address.
//! - `guard`: the command phase, `vigil`: what ends its waiting; `statements`: its commands that run SQL.
//! - `plain`: the statements that nearly all are, on the shortest way.
//! - `prepared`, `parameters`: prepared statements and the values they are executed with.
//! - `engine`, `shim`: opensrv-mysql and what it calls.
//! - `state`: the session and its answers; `reply`: packets going out.

mod auth;
mod engine;
mod failures;
mod fields;
mod greeting;
mod guard;
mod handshake;
mod limits;
mod listener;
mod login;
mod packet;
mod parameters;
mod plain;
mod prepared;
mod reply;
mod shim;
mod state;
mod statements;
mod tls;
mod vigil;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pipes::figure::{Figure, FigureKind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant as Deadline, sleep, timeout_at};
use tracing::{debug, error, info, warn};

use crate::backend::{Backend, WireFigures};
use crate::error::{ErrorCounts, ErrorKind, SqlError};

pub use greeting::SERVER_VERSION;
pub use limits::{Limits, MAX_PACKET_CEILING};
pub use listener::Listener;
pub use tls::{Identity, Tls};

use auth::Salt;
use failures::Failures;
use guard::{Ending, Guard};
use handshake::{LoginFailure, Peer};
use login::ClientHello;
use packet::PacketStream;
use reply::Reply;

/// The backend door: accepts connections and serves each with a session of its
/// backend. One `Wire` may serve any number of listeners; they share its limits
/// and its connection ids.
pub struct Wire<B> {
    backend: Arc<B>,
    limits: Limits,
    tls: Option<Tls>,
    started: Instant,
    next_connection_id: AtomicU32,
    connections: AtomicUsize,
    questions: AtomicU64,
    failures: Failures,
    errors: Arc<ErrorCounts>,
}

impl<B: Backend> Wire<B> {
    /// What is counted here.
    pub const FIGURES: &[Figure<Self>] = &[
        Figure::gauge(
            "backends",
            "MySQL connections open now, logged in or not",
            |wire| wire.connections() as u64,
        ),
        Figure::each(
            "errors",
            FigureKind::Counter,
            "Errors answered to backends, by CometQL's number and the kind of refusal",
            "error",
            |wire| {
                let answered = wire.errors.answered();
                let named = |(kind, count): (ErrorKind, u64)| {
                    (format!("{} {kind:?}", kind.row().cometql), count)
                };
                answered.map(named).collect()
            },
        ),
    ];

    /// A door to `backend`, bounded by `limits`.
    pub fn new(backend: Arc<B>, mut limits: Limits) -> Self {
        limits.max_packet = limits.max_packet.min(MAX_PACKET_CEILING);
        limits.max_reply = limits.max_reply.max(1);
        let failures = Failures::new(limits.max_held_failures);
        Self {
            backend,
            limits,
            tls: None,
            failures,
            started: Instant::now(),
            next_connection_id: AtomicU32::new(0),
            connections: AtomicUsize::new(0),
            questions: AtomicU64::new(0),
            errors: Arc::default(),
        }
    }

    /// The same door with TLS.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Accepts from `listener` until `shutdown` turns true (or its sender is
    /// dropped), and returns when all connections it accepted have ended.
    ///
    /// After that sign no connection is accepted, idle ones are closed, running
    /// statements finish and are answered, and a command that waits behind one
    /// is told 1053. The time this takes is the caller's to bound: dropping the
    /// future drops what is left.
    pub async fn serve(
        self: Arc<Self>,
        listener: impl Listener,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stopping(&mut shutdown) => break,
                Some(ended) = sessions.join_next() => note(ended),
                accepted = listener.next() => match accepted {
                    Ok((stream, address)) => {
                        let wire = Arc::clone(&self);
                        let shutdown = shutdown.clone();
                        sessions.spawn(async move {
                            wire.serve_connection(stream, address, shutdown).await;
                        });
                    }
                    Err(error) => {
                        // Most likely out of file descriptors, until one is closed.
                        warn!(%error, "accept_failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        info!(connections = sessions.len(), "cometql_closing");
        while let Some(ended) = sessions.join_next().await {
            note(ended);
        }
    }

    /// Serves one connection from its greeting to its end, on any stream. The
    /// stream is closed when this returns. `address` is what the backend and
    /// the texts of refused logins are told; `None` on a Unix socket.
    pub async fn serve_connection<S>(
        &self,
        stream: S,
        address: Option<IpAddr>,
        mut shutdown: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let deadline = Deadline::now() + self.limits.login_timeout;
        let mut stream = PacketStream::new(stream, self.limits.write_timeout);
        let mut reply = Reply::counted(&self.errors);
        let counted = Counted::new(&self.connections, self.limits.max_connections);
        if let Err(refusal) = self.greets(counted.is_some(), address) {
            reply.begin_unasked();
            reply.error(&refusal, self.limits.login_error_numbers);
            let _ = stream.send(&reply.take()).await;
            stream.close().await;
            return;
        }
        let peer = Peer {
            address,
            connection_id: 1 + self.next_connection_id.fetch_add(1, Ordering::Relaxed)
                % CONNECTION_IDS,
            tls: None,
        };
        let identity = self.tls.as_ref().map(|tls| tls.identity.borrow().clone());
        let bound = self.limits.max_login_packet;
        let greet = handshake::greet(&mut stream, &mut reply, peer, identity.is_some(), bound);
        let greeted = before(deadline, &mut shutdown, greet).await;
        let arrival = Arrival {
            reply,
            peer,
            deadline,
            shutdown,
        };
        match (greeted, identity) {
            (Ok((salt, ClientHello::SslRequest)), Some(identity)) => {
                // In a box of its own: plain connections need not hold its memory.
                Box::pin(self.serve_tls(stream.into_inner(), arrival, salt, identity)).await;
            }
            (Ok(greeted), _) => self.serve_login(stream, arrival, greeted).await,
            (Err(failure), _) => self.refuse(stream, arrival, &failure).await,
        }
    }

    /// Goes on inside TLS: the client says its first packet again.
    async fn serve_tls<S>(
        &self,
        stream: S,
        mut arrival: Arrival,
        salt: Salt,
        identity: Arc<Identity>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Arrival {
            reply,
            peer,
            deadline,
            shutdown,
        } = &mut arrival;
        let accept = async {
            let accepted = identity.accept(stream).await;
            accepted.map_err(LoginFailure::Tls)
        };
        let (stream, secured) = match before(*deadline, shutdown, accept).await {
            Ok(accepted) => accepted,
            Err(failure) => {
                let conn = peer.connection_id;
                debug!(conn, reason = %failure, "login_failed");
                return;
            }
        };
        drop(identity);
        peer.tls = Some(secured);
        let mut stream = PacketStream::new(stream, self.limits.write_timeout);
        let hello = handshake::hello(&mut stream, reply, self.limits.max_login_packet);
        match before(*deadline, shutdown, hello).await {
            Ok(hello) => self.serve_login(stream, arrival, (salt, hello)).await,
            Err(failure) => self.refuse(stream, arrival, &failure).await,
        }
    }

    async fn serve_login<S>(
        &self,
        mut stream: PacketStream<S>,
        mut arrival: Arrival,
        greeted: (Salt, ClientHello),
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let peer = arrival.peer;
        let conn = peer.connection_id;
        if self.requires_tls_of(&peer) {
            let failure = LoginFailure::Protocol(insecure());
            return self.refuse(stream, arrival, &failure).await;
        }
        let login = handshake::log_in(
            &mut stream,
            &mut arrival.reply,
            self.backend.as_ref(),
            peer,
            greeted,
            self.limits.max_login_packet,
        );
        match before(arrival.deadline, &mut arrival.shutdown, login).await {
            Ok(verified) => {
                let client = verified.client_name.as_deref().unwrap_or_default();
                debug!(conn, client, tls = peer.tls.is_some(), "login");
                let Arrival {
                    reply, shutdown, ..
                } = arrival;
                let ending = Guard::new(self, stream, reply, peer, verified, shutdown)
                    .run()
                    .await;
                if ending.is_aborted() {
                    self.count(|figures| &figures.aborted);
                }
                if let Ending::Codec(reason) = &ending {
                    error!(conn, ?reason, "codec_failed");
                }
                debug!(conn, reason = %ending, "connection_closed");
            }
            Err(failure) => self.refuse(stream, arrival, &failure).await,
        }
    }

    /// Connections at this moment, logged in or not.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Statements run since the start, those of prepared executions included.
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    fn count(&self, figure: impl FnOnce(&WireFigures) -> &AtomicU64) {
        if let Some(figures) = self.backend.wire_figures() {
            figure(figures).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn backend(&self) -> &B {
        &self.backend
    }

    /// The text of COM_STATISTICS, in the form that `mysqladmin` and monitoring
    /// scripts take apart.
    fn statistics(&self) -> String {
        let uptime = self.started.elapsed();
        let questions = self.questions();
        let average = questions as f64 / uptime.as_secs_f64().max(1.0);
        format!(
            "Uptime: {}  Threads: {}  Questions: {questions}  Slow queries: 0  Opens: 0  \
             Flush tables: 0  Open tables: 0  Queries per second avg: {average:.3}",
            uptime.as_secs(),
            self.connections(),
        )
    }

    /// Answers a login that failed, and closes.
    async fn refuse<S>(
        &self,
        mut stream: PacketStream<S>,
        mut arrival: Arrival,
        failure: &LoginFailure,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let conn = arrival.peer.connection_id;
        debug!(conn, reason = %failure, "login_failed");
        self.count(|figures| &figures.failed_logins);
        let Some(error) = failure.answer() else {
            return stream.close().await;
        };
        if let LoginFailure::Refused(_) = failure {
            self.hold_back(arrival.peer.address).await;
        }
        let numbers = self.limits.login_error_numbers;
        arrival.reply.error(error, numbers);
        if stream.send(&arrival.reply.take()).await.is_ok() {
            stream.close_gently(self.limits.max_login_packet).await;
        }
    }

    /// A Unix socket is as good as TLS, as in MySQL.
    fn requires_tls_of(&self, peer: &Peer) -> bool {
        let required = self.tls.as_ref().is_some_and(|tls| tls.required);
        required && peer.tls.is_none() && peer.address.is_some()
    }

    /// Lets the answer to a failed login wait, so that guessing takes time.
    async fn hold_back(&self, address: Option<IpAddr>) {
        let _held = self.failures.hold(address);
        sleep(self.limits.failure_delay).await;
    }

    /// Whether a new connection is worth a greeting.
    fn greets(&self, has_room: bool, address: Option<IpAddr>) -> Result<(), SqlError> {
        if !has_room {
            return Err(SqlError::new(
                ErrorKind::TooManyConnections,
                format!(
                    "Too many connections: all {} are taken",
                    self.limits.max_connections
                ),
            ));
        }
        match address {
            Some(address) if self.failures.are_too_many(Some(address)) => Err(SqlError::new(
                ErrorKind::HostBlocked,
                format!("Host '{address}' has too many failed logins at this moment; try again"),
            )),
            _ => Ok(()),
        }
    }
}

/// A connection that is not logged in yet, apart from its stream.
struct Arrival {
    reply: Reply,
    peer: Peer,
    deadline: Deadline,
    shutdown: watch::Receiver<bool>,
}

/// One of the connections that [`Limits::max_connections`] allows.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize, most: usize) -> Option<Self> {
        let counted = Self(counter);
        // Given back by the drop when it was one too many.
        (counter.fetch_add(1, Ordering::Relaxed) < most).then_some(counted)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns when the server is to stop; a dropped sender means the same, because
/// nobody is left to serve for.
async fn stopping(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stopping| *stopping).await.is_ok();
}

/// One step of a login, within its time and until the server stops.
async fn before<T>(
    deadline: Deadline,
    shutdown: &mut watch::Receiver<bool>,
    step: impl Future<Output = Result<T, LoginFailure>>,
) -> Result<T, LoginFailure> {
    tokio::select! {
        biased;
        step = timeout_at(deadline, step) => step.unwrap_or(Err(LoginFailure::TimedOut)),
        () = stopping(shutdown) => Err(LoginFailure::Shutdown),
    }
}

/// MySQL's sentence, and what to do.
fn insecure() -> SqlError {
    SqlError::new(
        ErrorKind::InsecureTransport,
        "Connections using insecure transport are prohibited while \
         --require_secure_transport=ON; connect with TLS",
    )
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "connection_failed");
    }
}

impl LoginFailure {
    /// What the peer is told, if anybody is there.
    fn answer(&self) -> Option<&SqlError> {
        match self {
            Self::Io(_) | Self::TimedOut | Self::Shutdown | Self::Tls(_) => None,
            Self::Protocol(error) | Self::Refused(error) | Self::NoSession(error) => Some(error),
        }
    }
}

/// Connections are numbered from 1 up to this; above are the numbers of browsers.
const CONNECTION_IDS: u32 = 1_000_000_000;

/// How long accepting waits after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
