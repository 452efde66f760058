//! What the wire's fuzz targets share: a connection whose client is a script of
//! bytes, and a language behind it that does as little as possible.

mod backend;
mod client;

pub use backend::Echo;
pub use client::{Client, check_framing};

use std::sync::Arc;
use std::time::Duration;

use cometql::wire::{Limits, Wire};
use tokio::sync::watch;

/// Bounds small enough for a short input to reach them.
pub fn limits() -> Limits {
    Limits {
        max_packet: 4096,
        max_login_packet: 1024,
        max_reply: 256,
        max_query_statements: 8,
        max_statements: 4,
        max_prepared_bytes: 2048,
        trim_after: Duration::ZERO,
        ..Limits::default()
    }
}

/// Serves `client` from its greeting to its end and returns all that was sent to it.
pub fn serve(client: Client) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets");
    let heard = client.heard();
    runtime.block_on(async {
        let wire = Wire::new(Arc::new(Echo), limits());
        let (_open, shutdown) = watch::channel(false);
        wire.serve_connection(client, None, shutdown).await;
        assert_eq!(wire.connections(), 0);
    });
    heard.take()
}
