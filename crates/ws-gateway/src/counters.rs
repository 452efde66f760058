//! What the browser door counts: refusals, each with the bound or rule behind it.
//! What happens behind the door is the hall's to count.

use std::sync::atomic::{AtomicU64, Ordering};

use pipes::figure::Figure;

use crate::server::Gateway;

/// What the door has counted since it started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Sockets that found no room.
    pub(crate) sockets_refused: Counter,
    /// Requests and handshakes that took too long.
    pub(crate) requests_late: Counter,
    /// Requests whose head was too long.
    pub(crate) requests_too_long: Counter,
    /// Pages of origins that may not connect.
    pub(crate) origins_refused: Counter,
    /// Messages that came too fast.
    pub(crate) messages_refused: Counter,
    /// Messages that were too long.
    pub(crate) messages_too_long: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything the door shows of itself, in the order in which it is shown.
pub(crate) const FIGURES: &[Figure<Gateway>] = &[
    Figure::gauge(
        "browser_sockets",
        "Sockets of browsers open now, WebSocket or plain HTTP",
        |gateway| gateway.open_sockets(),
    ),
    Figure::gauge(
        "browser_streams",
        "Connections of browsers over plain HTTP open now",
        |gateway| gateway.streams.count(),
    ),
    Figure::counter(
        "browser_sockets_refused",
        "Sockets of browsers refused because too many were open",
        |gateway| gateway.counters.sockets_refused.get(),
    ),
    Figure::counter(
        "address_connections_refused",
        "Connections of browsers refused because their address had too many",
        |gateway| gateway.addresses.refused(),
    ),
    Figure::counter(
        "origins_refused",
        "Connections refused because pages of their origin may not connect",
        |gateway| gateway.counters.origins_refused.get(),
    ),
    Figure::counter(
        "browser_requests_late",
        "Sockets of browsers closed because a request or a handshake took too long",
        |gateway| gateway.counters.requests_late.get(),
    ),
    Figure::counter(
        "browser_requests_too_long",
        "Requests of browsers refused because their head was too long",
        |gateway| gateway.counters.requests_too_long.get(),
    ),
    Figure::counter(
        "browser_messages_refused",
        "Messages of browsers refused because their connection sent too many a second",
        |gateway| gateway.counters.messages_refused.get(),
    ),
    Figure::counter(
        "browser_messages_too_long",
        "Connections of browsers closed because a message was too long",
        |gateway| gateway.counters.messages_too_long.get(),
    ),
];
