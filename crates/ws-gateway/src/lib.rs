//! The browser door: HTTP, WebSocket, the comet text protocol.
//!
//! # Layout
//! The road of a connection, in order:
//! - [`server`]: accepts, speaks HTTP, hands over upgraded connections.
//! - `http`, `assets`, `files`: plain HTTP answers.
//! - `request`: who is at the door; [`proxies`]: at which address, behind a proxy.
//! - `session`: one connection from greeting to end; `resume`: what our own
//!   client missed while it was away.
//! - `socket`, `outbox`: bytes in, bytes out.
//! - `command`: what browsers say.
//! - `event`: what browsers are told; `payload`, `json`, `frame` are its parts.
//! - [`shard`]: many connections' outbound side; `usher` wakes them.
//! - [`config`]: settings and bounds.

mod assets;
mod command;
pub mod config;
mod event;
mod files;
mod frame;
mod http;
mod json;
mod outbox;
mod payload;
pub mod proxies;
mod request;
mod resume;
pub mod server;
mod session;
pub mod shard;
mod socket;
mod usher;

pub use config::{GatewayConfig, GatewayLimits};
pub use proxies::{ForwardingHeader, TrustedProxies};
pub use server::{Gateway, Shards};
