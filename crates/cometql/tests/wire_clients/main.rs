//! The wire against those who will use it: real client programs, and raw bytes
//! where a program would be too polite. Behind it stands a small language of
//! the tests' own, so that nothing but the wire can fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail by panicking, like the test itself"
)]

mod backend;
mod commands;
mod hostile;
mod lifecycle;
mod logins;
mod parameters;
mod programs;
mod raw;
mod tls;
