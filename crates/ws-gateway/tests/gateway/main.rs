//! The browser door over real sockets, spoken to in bytes, so that what must not
//! be sent can be seen not to be.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected has failed"
)]

mod closing;
mod delivery;
mod handshake;
mod history;
mod http;
mod keep_alive;
mod limits;
mod protocol;
mod support;
