//! The browser door: HTTP, WebSocket, the comet text protocol.
//!
//! # Layout
//! The road of a connection, in order:
//! - `doorstep`: accepts, and answers plain handshakes, read by `head`.
//! - [`server`]: starts and stops, speaks HTTP, hands over upgraded connections; [`tls`]: with whom TLS is spoken.
//! - `http`, `assets`, `files`: plain HTTP answers; [`handshake`]: the step to WebSocket.
//! - `request`: who is at the door; [`proxies`]: at which address, behind a proxy.
//! - `arrival`: from the upgrade to the greeting; `addresses`, `rate`: how many, how often; `leaving`: the way out.
//! - `stream`: a connection over plain HTTP.
//! - [`shard`]: many connections' queue; `usher` wakes the shards.
//! - `worker`: the thread of a shard, `stand_in`: others for it; `members`, `round`: who is due what; `pace`:
//!   how far it runs ahead of its readers.
//! - `peer`: one connection: `socket`, `secure`, `outbox`, `line` are its parts.
//! - [`reader`]: frames in.
//! - `session`: what browsers say, carried out; `errand`: what has to wait;
//!   `resume`: what our own client missed while it was away.
//! - `command`: what browsers say.
//! - `event`: what browsers are told; `payload`, `json`, [`frame`] are its parts.
//! - [`config`]: settings and bounds; `counters`: what is refused.

mod addresses;
mod arrival;
mod assets;
mod command;
pub mod config;
mod counters;
#[cfg(feature = "counting")]
#[doc(hidden)]
pub mod counting;
mod doorstep;
mod errand;
mod event;
mod files;
pub mod frame;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod handshake;
mod head;
mod http;
mod json;
mod leaving;
mod line;
mod members;
mod outbox;
mod pace;
mod payload;
mod peer;
pub mod proxies;
mod rate;
pub mod reader;
mod request;
mod resume;
mod round;
mod secure;
pub mod server;
mod session;
pub mod shard;
mod socket;
mod stand_in;
mod stream;
pub mod tls;
mod usher;
mod worker;

pub use config::{GatewayConfig, GatewayLimits};
pub use proxies::{ForwardingHeader, TrustedProxies};
pub use server::{Gateway, Shards};
pub use tls::BrowserTls;
