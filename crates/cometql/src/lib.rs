//! The backend door: MySQL wire, SQL, tables.
//!
//! # Layout
//! - [`answer`] and [`error`]: what every statement gives back.
//! - [`backend`]: the seam between wire and language.
//! - [`language`]: logins, sessions, and what each kind of statement does; its parts are
//!   `change` (INSERT, DELETE), `lookup` (rows by key), `tables` (one file each), `sessions`
//!   and `processes` (who can be listed and killed), `status` (what SHOW tells of the server), `machine` (what it tells of the machine) and
//!   `node` (what the server knows of itself).
//! - [`transaction`]: the changes that wait for a session's COMMIT.
//! - [`query`]: SELECT: live tables, answered by SQLite.
//! - [`show`]: SHOW and DESCRIBE, read and turned into a SELECT.
//! - [`reference`]: what the documentation prints of the tables and the errors.
//! - [`scan`], [`literal`] and [`statement`]: text into statements; `plain_insert` is the fast path.
//! - [`wire`]: the MySQL wire: sockets, packets, logins, prepared statements.

pub mod answer;
pub mod backend;
mod change;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod language;
pub mod literal;
mod lookup;
mod machine;
mod node;
mod plain_insert;
mod processes;
pub mod query;
pub mod reference;
pub mod scan;
mod sessions;
pub mod show;
pub mod statement;
mod status;
mod tables;
pub mod transaction;
pub mod wire;

pub use error::ErrorNumbers;
pub use language::{CometQl, CometQlBackend, CometQlSession, LanguageConfig};
pub use machine::own_memory;
pub use node::NodeFacts;
pub use transaction::TransactionLimits;
