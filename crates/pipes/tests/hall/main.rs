//! The hall as its doors use it: a real hall over the memory store, with shards
//! that write down what they are handed. Each file has one subject; `support`
//! has the house they all start.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

mod history;
mod keys;
mod mailbox;
mod presence;
mod publishing;
mod races;
mod rules;
mod stress;
mod subscriptions;
mod support;
mod tenants;
mod tokens;
