//! The language as a backend meets it: statements in, rows, counts and errors
//! out, over a real hall whose store is in memory (and must not be read on a
//! session's thread) and whose browsers write down what reaches them. No wire, no
//! socket, no disk.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail by panicking, like the test itself"
)]

mod by_query;
mod deletes;
mod explaining;
mod further_tables;
mod house;
mod inserts;
mod introspection;
mod live;
mod prepared;
mod programs;
mod properties;
mod refusals;
mod roads;
mod selects;
mod sessions;
mod store;
mod transactions;
mod updates;
