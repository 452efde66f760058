//! The listening side: accepts sockets within the bound, speaks HTTP, hands
//! upgraded connections to their sessions, and drains at the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::{TokioIo, TokioTimer};
use pipes::Hall;
use pipes::shard::{CloseReason, MAX_SHARDS, Shard};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time;

use crate::config::GatewayConfig;
use crate::http::{self, Reply};
use crate::request::BrowserHeaders;
use crate::session::{self, Upgraded};
use crate::shard::ShardQueue;

/// The shards' queues: made first, because the hall sends through them.
#[derive(Clone)]
pub struct Shards(Vec<Arc<ShardQueue>>);

impl Shards {
    /// `count` shards (1 to [`MAX_SHARDS`]), as a rule one a core.
    pub fn new(count: usize, config: &GatewayConfig) -> Self {
        let limit = config.limits.shard_backlog_bytes;
        let count = count.clamp(1, MAX_SHARDS);
        Self((0..count).map(|_| ShardQueue::new(limit)).collect())
    }

    /// The same shards as the hall knows them.
    pub fn for_hall(&self) -> Vec<Arc<dyn Shard>> {
        self.0
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
    sockets: Arc<Semaphore>,
}

impl Gateway {
    /// A door to `hall`, which sends through `shards`.
    pub fn new(hall: Arc<Hall>, shards: Shards, config: GatewayConfig) -> Arc<Self> {
        let sockets = Arc::new(Semaphore::new(config.limits.connections));
        Arc::new(Self {
            hall,
            config,
            shards,
            sockets,
        })
    }

    /// The shards, for their counters.
    pub fn shards(&self) -> &[Arc<ShardQueue>] {
        &self.shards.0
    }

    pub(crate) fn shard(&self, index: usize) -> &ShardQueue {
        let shards = &self.shards.0;
        // Connections are numbered over exactly these shards.
        #[expect(
            clippy::indexing_slicing,
            reason = "reduced modulo the length, never 0"
        )]
        &shards[index % shards.len()]
    }

    /// Serves browsers until `shutdown` turns true; then stops accepting, lets
    /// every client go and returns when all have left. The caller bounds the wait.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, shutdown: watch::Receiver<bool>) {
        let (stop_shards, shards_stop) = watch::channel(false);
        for shard in self.shards() {
            let keep_alive = self.config.limits.keep_alive;
            tokio::spawn(Arc::clone(shard).run(keep_alive, shards_stop.clone()));
        }
        self.accept(&listener, shutdown.clone()).await;
        drop(listener);
        for shard in self.shards() {
            shard.close_all(CloseReason::Shutdown);
        }
        let everyone = u32::try_from(self.config.limits.connections).unwrap_or(u32::MAX);
        let _ = self.sockets.acquire_many(everyone).await;
        let _ = stop_shards.send(true);
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener, mut shutdown: watch::Receiver<bool>) {
        while !*shutdown.borrow() {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => self.admit(stream, address, &shutdown),
                    Err(error) => {
                        // Out of file descriptors, as a rule: some may come back.
                        tracing::warn!(%error, "accept_failed");
                        time::sleep(Duration::from_millis(50)).await;
                    }
                },
                changed = shutdown.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        shutdown: &watch::Receiver<bool>,
    ) {
        let gateway = Arc::clone(self);
        match Arc::clone(&self.sockets).try_acquire_owned() {
            Ok(permit) => {
                let shutdown = shutdown.clone();
                tokio::spawn(gateway.speak_http(stream, address, permit, shutdown));
            }
            Err(_) => {
                tracing::warn!(limit = self.config.limits.connections, "too_many_sockets");
                tokio::spawn(refuse(stream));
            }
        }
    }

    async fn speak_http(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        permit: OwnedSemaphorePermit,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let _ = stream.set_nodelay(true);
        // Taken by the session if the connection becomes one.
        let permit = Arc::new(std::sync::Mutex::new(Some(permit)));
        let gateway = Arc::clone(&self);
        let held = Arc::clone(&permit);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let gateway = Arc::clone(&gateway);
            let held = Arc::clone(&held);
            async move {
                Ok::<_, Infallible>(match http::reply(&gateway, &request).await {
                    Reply::Answer(answer) => answer,
                    Reply::Upgrade(answer, parameters) => {
                        let headers = BrowserHeaders::read(request.headers());
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
        let limits = &self.config.limits;
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.handshake_time)
            .max_buf_size(limits.request_bytes.max(8192))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "http_ended");
                    }
                    return;
                }
                _ = shutdown.changed() => connection.as_mut().graceful_shutdown(),
            }
        }
    }

    async fn upgraded(
        self: Arc<Self>,
        on_upgrade: OnUpgrade,
        parameters: String,
        headers: BrowserHeaders,
        address: SocketAddr,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let Ok(upgraded) = on_upgrade.await else {
            return;
        };
        let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            tracing::error!("upgraded_connection_is_not_tcp");
            return;
        };
        let upgraded = Upgraded {
            stream: io.into_inner(),
            early: read_buf,
            parameters,
            headers,
            address: address.ip(),
        };
        session::serve(self, upgraded).await;
        drop(permit);
    }
}

/// Tells a client that the server is full.
async fn refuse(mut stream: TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let sent: io::Result<()> = async {
        stream.write_all(ANSWER).await?;
        stream.shutdown().await
    }
    .await;
    if let Err(error) = sent {
        tracing::debug!(%error, "refusal_not_sent");
    }
}
