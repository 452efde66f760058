//! The backend door: MySQL wire, SQL, tables.
//!
//! # Layout
//! - [`answer`] and [`error`]: what every statement gives back.
//! - [`backend`]: the seam between wire and language.
//! - [`show`]: SHOW and DESCRIBE, read and turned into a SELECT.
//! - [`scan`], [`literal`] and [`statement`]: text into statements; `plain_insert` is the fast path.
//! - [`wire`]: the MySQL wire: sockets, packets, logins, prepared statements.

pub mod answer;
pub mod backend;
pub mod error;
pub mod literal;
mod plain_insert;
pub mod scan;
pub mod show;
pub mod statement;
pub mod wire;
