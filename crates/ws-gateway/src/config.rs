//! What the browser door can be told, every bound with its default.

use std::path::PathBuf;
use std::time::Duration;

use crate::proxies::TrustedProxies;
use crate::tls::BrowserTls;

/// The door's settings.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The label `/info` shows, cut or padded to ten characters there.
    pub node_name: String,
    /// Hosts whose pages may connect: exact, or `*.host`. Empty allows any.
    pub allow_origins: Vec<String>,
    /// A directory of static files to serve, if any.
    pub static_dir: Option<PathBuf>,
    /// TLS, if browsers are offered any.
    pub tls: Option<BrowserTls>,
    /// The proxies that may stand before the door.
    pub proxies: TrustedProxies,
    /// The bounds.
    pub limits: GatewayLimits,
}

/// The door's bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Open sockets, WebSocket or plain HTTP.
    pub connections: usize,
    /// Connections one address (of IPv6: one /64) may have open; 0 for any number.
    pub connections_per_address: usize,
    /// Messages a second one connection may send, twice as many at once; 0 for any
    /// number. What is past it is refused.
    pub messages_per_second: u32,
    /// Bytes of one message from a browser.
    pub message_bytes: usize,
    /// Bytes of one HTTP request's head.
    pub request_bytes: usize,
    /// How long a request's head, or a handshake, may take.
    pub handshake_time: Duration,
    /// How long a socket may speak plain HTTP, its keep-alive included.
    pub http_time: Duration,
    /// Bytes that may wait for one reader behind the message being sent; past it
    /// the reader is too slow and is disconnected. One more message is always
    /// taken, whatever its size.
    pub queued_bytes: usize,
    /// Bytes of events one shard may have waiting; past it publishers wait.
    pub shard_backlog_bytes: usize,
    /// How long a connection may be quiet before it is pinged; after twice that
    /// it is taken for dead.
    pub keep_alive: Duration,
    /// How long the socket of a client below version 4 stays open after its
    /// Close frame, so that its `restart()` works (compatibility reference §1.6).
    pub restart_delay: Duration,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            node_name: "n1".to_owned(),
            allow_origins: Vec::new(),
            static_dir: None,
            tls: None,
            proxies: TrustedProxies::default(),
            limits: GatewayLimits::default(),
        }
    }
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            connections: 100_000,
            connections_per_address: 0,
            messages_per_second: 1000,
            message_bytes: 1024 * 1024,
            request_bytes: 16 * 1024,
            handshake_time: Duration::from_secs(10),
            http_time: Duration::from_secs(120),
            queued_bytes: 2 * 1024 * 1024,
            shard_backlog_bytes: 16 * 1024 * 1024,
            keep_alive: Duration::from_secs(25),
            restart_delay: Duration::from_millis(1200),
        }
    }
}
