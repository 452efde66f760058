//! The listening side: starts the shards, which accept (`doorstep`), speaks HTTP
//! with those who want more than a plain handshake, hands upgraded connections to
//! their shards, and drains at the end.

use std::convert::Infallible;
use std::future;
use std::io;
use std::net::{self, IpAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::{TokioIo, TokioTimer};
use pipes::Hall;
use pipes::figure::Figure;
use pipes::shard::{CloseReason, MAX_SHARDS, Shard};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::{task, time};

use crate::addresses::Addresses;
use crate::arrival::Arrival;
use crate::config::GatewayConfig;
use crate::counters::{self, Counters};
use crate::doorstep::Caller;
use crate::files::Files;
use crate::http::{self, Reply};
use crate::request::BrowserHeaders;
use crate::shard::{Item, ShardQueue};
use crate::stream::Streams;
use crate::tls::Front;
use crate::usher::Usher;
use crate::worker::Worker;

/// The shards' queues: made first, because the hall sends through them.
#[derive(Clone)]
pub struct Shards {
    queues: Vec<Arc<ShardQueue>>,
    usher: Arc<Usher>,
}

impl Shards {
    /// `count` shards (1 to [`MAX_SHARDS`]), as a rule one a core.
    ///
    /// # Errors
    /// The system lets nobody wait for sockets.
    pub fn new(count: usize, config: &GatewayConfig) -> io::Result<Self> {
        let limit = config.limits.shard_backlog_bytes;
        let count = count.clamp(1, MAX_SHARDS);
        let usher = Arc::<Usher>::default();
        let queues = (0..count).map(|number| ShardQueue::new(limit, &usher, number));
        Ok(Self {
            queues: queues.collect::<io::Result<_>>()?,
            usher,
        })
    }

    /// The same shards as the hall knows them.
    pub fn for_hall(&self) -> Vec<Arc<dyn Shard>> {
        self.queues
            .iter()
            .map(|shard| Arc::clone(shard) as Arc<dyn Shard>)
            .collect()
    }
}

/// The browser door.
pub struct Gateway {
    pub(crate) hall: Arc<Hall>,
    pub(crate) config: GatewayConfig,
    shards: Shards,
    /// How many sockets may be open.
    everyone: u32,
    sockets: Arc<Semaphore>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) files: Arc<Files>,
    refusals: Arc<Semaphore>,
    /// Whether the last socket found no room.
    full: AtomicBool,
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) counters: Counters,
}

impl Gateway {
    /// What is counted here; the rest is the hall's.
    pub const FIGURES: &[Figure<Self>] = counters::FIGURES;

    /// A door to `hall`, which sends through `shards`.
    pub fn new(hall: Arc<Hall>, shards: Shards, config: GatewayConfig) -> Arc<Self> {
        let addresses = Addresses::new(config.limits.connections_per_address);
        let everyone = u32::try_from(config.limits.connections).unwrap_or(u32::MAX);
        Arc::new(Self {
            hall,
            config,
            shards,
            everyone,
            sockets: Arc::new(Semaphore::new(everyone as usize)),
            streams: Arc::default(),
            files: Arc::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
            full: AtomicBool::new(false),
            addresses,
            counters: Counters::default(),
        })
    }

    pub(crate) fn open_sockets(&self) -> u64 {
        let free = self.sockets.available_permits() as u64;
        u64::from(self.everyone).saturating_sub(free)
    }

    /// The shards, in the order of their numbers.
    pub fn shards(&self) -> &[Arc<ShardQueue>] {
        &self.shards.queues
    }

    fn shard(&self, index: usize) -> &ShardQueue {
        let shards = &self.shards.queues;
        // Connections are numbered over exactly these shards.
        #[expect(
            clippy::indexing_slicing,
            reason = "reduced modulo the length, never 0"
        )]
        &shards[index % shards.len()]
    }

    /// Resolves when no shard is so far behind that more should not be asked of it.
    pub(crate) async fn room_in_shards(&self) {
        for shard in self.shards() {
            if shard.is_congested() {
                shard.relieved().await;
            }
        }
    }

    /// Serves browsers until `shutdown` turns true; then stops accepting, lets
    /// every client go and returns when all have left. The caller bounds the wait.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let (stop_usher, usher_stop) = watch::channel(false);
        let Shards { queues, usher } = self.shards.clone();
        tokio::spawn(usher.run(queues.clone(), usher_stop));
        let threads = match self.start_shards(listener, &shutdown) {
            Ok(threads) => threads,
            Err(error) => {
                tracing::error!(%error, "shards_not_started");
                return;
            }
        };
        let stop_shards = StopShards(queues);
        // The sender gone is an end, too.
        let _ = shutdown.wait_for(|stop| *stop).await;
        for shard in self.shards() {
            shard.give(Item::CloseAll(CloseReason::Shutdown));
        }
        let _ = self.sockets.acquire_many(self.everyone).await;
        drop(stop_shards);
        let _ = stop_usher.send(true);
        let ended = task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = ended.await;
    }

    fn start_shards(
        self: &Arc<Self>,
        listener: TcpListener,
        shutdown: &watch::Receiver<bool>,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let listener = listener.into_std()?;
        // Whom it accepts inherits this.
        SockRef::from(&listener).set_tcp_nodelay(true)?;
        let mut listener = Some(listener);
        let mut threads = Vec::new();
        for number in 0..self.shards().len() {
            let worker = Worker::new(self, number, Handle::current(), shutdown.clone());
            let Some((mut worker, poll)) = worker else {
                continue;
            };
            if let Some(listener) = listener.take() {
                worker.listen(listener)?;
            }
            let thread = thread::Builder::new().name(format!("shard-{number}"));
            threads.push(thread.spawn(move || worker.run(poll))?);
        }
        Ok(threads)
    }

    /// A place among the sockets that may be open, if one is free.
    pub(crate) fn place_for_socket(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.sockets).try_acquire_owned().ok();
        if place.is_some() {
            self.full.store(false, Ordering::Relaxed);
        } else {
            self.counters.sockets_refused.note();
            if !self.full.swap(true, Ordering::Relaxed) {
                tracing::warn!(limit = self.everyone, "too_many_sockets");
            }
        }
        place
    }

    /// Tells a socket there is no place for that it is so. Not even refusals go
    /// without bound: the rest just goes.
    pub(crate) fn turn_away(&self, stream: net::TcpStream, runtime: &Handle) {
        if let Ok(refusal) = Arc::clone(&self.refusals).try_acquire_owned() {
            runtime.spawn(refuse(stream, refusal));
        }
    }

    /// Whether who connects from `address` must say something before a handshake, a
    /// proxy's header or TLS.
    pub(crate) fn speaks_first(&self, address: IpAddr) -> bool {
        let needs_tls = self.config.tls.as_ref().is_some_and(|tls| tls.required);
        needs_tls || self.config.proxies.announces(address)
    }

    /// The longest head of a request that is read, in bytes.
    pub(crate) fn longest_head(&self) -> usize {
        self.config.limits.request_bytes.max(SHORTEST_BUFFER)
    }

    /// Speaks HTTP with a caller that has said `words` so far, and TLS if it wants.
    pub(crate) async fn speak_http(
        self: Arc<Self>,
        caller: Caller,
        words: Vec<u8>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let Caller {
            stream,
            address,
            permit,
            until: first_until,
        } = caller;
        let limits = &self.config.limits;
        let has_begun = !words.is_empty();
        let begun = async {
            let mut stream = TcpStream::from_std(stream)?;
            let told = self
                .config
                .proxies
                .read_header(address, &mut stream)
                .await?;
            let front = Front::of(stream, words.into(), self.config.tls.as_ref()).await?;
            Ok::<_, io::Error>((told.ip(), front))
        };
        let begun = time::timeout(limits.handshake_time, begun);
        let begun = tokio::select! {
            begun = begun => begun,
            // Who has said nothing yet is no reason to wait.
            _ = shutdown.wait_for(|stop| *stop) => return,
        };
        let (address, front) = match begun {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return tracing::debug!(%address, %error, "connection_not_begun"),
            Err(_) => {
                self.counters.requests_late.note();
                return tracing::debug!(%address, "handshake_took_too_long");
            }
        };
        let refused =
            self.config.tls.as_ref().is_some_and(|tls| tls.required) && !front.is_secure();
        // Taken by the session if the connection becomes one.
        let permit = Arc::new(std::sync::Mutex::new(Some(permit)));
        let gateway = Arc::clone(&self);
        let held = Arc::clone(&permit);
        let first_request = Arc::<AtomicBool>::default();
        let requested = Arc::clone(&first_request);
        let stream_end = Arc::<OnceLock<Arc<Semaphore>>>::default();
        let streaming = Arc::clone(&stream_end);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let held = Arc::clone(&held);
            let streaming = Arc::clone(&streaming);
            requested.store(true, Ordering::Relaxed);
            async move {
                if refused {
                    return Ok::<_, Infallible>(http::only_with_tls());
                }
                Ok(match http::reply(&gateway, &mut request).await {
                    Reply::Answer(answer) => answer,
                    Reply::Stream(parameters) => {
                        let headers = request.headers();
                        let address = gateway.config.proxies.browser_address(address, headers);
                        match gateway.stream(headers, address, parameters) {
                            Ok((answer, present)) => {
                                let _ = streaming.set(present);
                                answer
                            }
                            Err(error) => {
                                tracing::error!(%error, "stream_not_opened");
                                http::unavailable()
                            }
                        }
                    }
                    Reply::Upgrade(answer, parameters) => {
                        let headers = BrowserHeaders::read(request.headers());
                        let proxies = &gateway.config.proxies;
                        let address = proxies.browser_address(address, request.headers());
                        let on_upgrade = hyper::upgrade::on(&mut request);
                        let permit = held.lock().ok().and_then(|mut permit| permit.take());
                        tokio::spawn(
                            gateway.upgraded(on_upgrade, parameters, headers, address, permit),
                        );
                        answer
                    }
                })
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.handshake_time)
            .max_buf_size(self.longest_head())
            .serve_connection(TokioIo::new(front), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let until = async {
            // The sender gone is an end, too.
            let _ = shutdown.wait_for(|stop| *stop).await;
        };
        let time_is_up = async {
            let _ = time::timeout(limits.http_time, until).await;
            // A stream may last; it ends with the connection it shows.
            if let Some(present) = stream_end.get() {
                let _ = present.acquire().await;
            }
        };
        let too_late = async {
            time::sleep_until(first_until.into()).await;
            // What it said first is part of its first request's head.
            if !has_begun || first_request.load(Ordering::Relaxed) {
                future::pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            () = too_late => {
                self.counters.requests_late.note();
                return tracing::debug!(%address, "handshake_took_too_long");
            }
            ended = connection.as_mut() => Some(ended),
            () = time_is_up => {
                connection.as_mut().graceful_shutdown();
                time::timeout(LAST_ANSWER, connection.as_mut()).await.ok()
            }
        };
        if let Some(Err(error)) = ended {
            if error.is_timeout() {
                self.counters.requests_late.note();
            } else if error.is_parse_too_large() {
                self.counters.requests_too_long.note();
            }
            tracing::debug!(%error, "http_ended");
        }
    }

    async fn upgraded(
        self: Arc<Self>,
        on_upgrade: OnUpgrade,
        parameters: String,
        headers: BrowserHeaders,
        address: IpAddr,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let Ok(upgraded) = on_upgrade.await else {
            return;
        };
        let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Front>>() else {
            tracing::error!("upgraded_connection_is_of_another_kind");
            return;
        };
        // A copy, for this small rest would keep the whole of its buffer.
        let mut early = read_buf.to_vec();
        let socket = match io.into_inner().into_socket(&mut early) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(%error, "socket_not_handed_over");
                return;
            }
        };
        let (id, shard) = self.hall.next_connection();
        self.shard(shard).give(Item::Open(Box::new(Arrival {
            id,
            socket,
            early,
            parameters,
            headers,
            address,
            permit,
            answer: None,
            watched: false,
            readable: true,
        })));
    }
}

/// Stops the shards' threads, however serving comes to its end.
struct StopShards(Vec<Arc<ShardQueue>>);

impl Drop for StopShards {
    fn drop(&mut self) {
        for shard in &self.0 {
            shard.give(Item::Stop);
        }
    }
}

/// Tells a client that the server is full.
async fn refuse(stream: net::TcpStream, _refusal: OwnedSemaphorePermit) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let sent = async {
        let mut stream = TcpStream::from_std(stream)?;
        stream.write_all(ANSWER).await?;
        stream.shutdown().await?;
        // Unread bytes at the moment of closing would take the answer with them.
        let mut unread = stream.take(MOST_UNREAD);
        tokio::io::copy(&mut unread, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = time::timeout(LAST_ANSWER, sent).await {
        tracing::debug!(%error, "refusal_not_sent");
    }
}

/// No buffer of the HTTP library is shorter, in bytes.
const SHORTEST_BUFFER: usize = 8192;
/// How long the last answer of a socket may take.
const LAST_ANSWER: Duration = Duration::from_secs(2);
/// How many sockets past the limit are told so at the same time.
const REFUSALS: usize = 64;
/// How much of a refused request is read, in bytes.
const MOST_UNREAD: u64 = 64 * 1024;
