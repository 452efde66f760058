//! The embedded store: what must survive a crash, in one SQLite file.
//!
//! It knows how to keep what the hall gives it and nothing about what that
//! means; it never names a pipe, checks a right or sends a message.
//!
//! # Layout
//! - [`config`]: every bound and interval, with its default.
//! - [`error`]: why a store cannot be opened, one sentence each.
//! - [`store`]: [`SqliteStorage`], what the hall holds: submitting, reading, closing.
//! - `queue`: batches waiting for the writer, bounded.
//! - `writer`: the one thread that writes: a group of batches, one sync, their completions.
//! - `apply`: what each kind of write does to the file and to the index.
//! - `index`: where every message is, in memory, with an undo log.
//! - `statements`: the SQL of the writer.
//! - `trouble`: what the log says of a disk that refuses.
//! - `checkpoint`: the thread that moves the log into the file.
//! - `reserve`: room for the log, made before the writer needs it.
//! - `readers`: a few read-only connections.
//! - `lookups`: what is read by user or by text: keys, times, data, tokens, participants.
//! - `schema`: tables, versions, migrations.
//! - `load`: the index, rebuilt by one scan at start.
//! - `directory`: the data directory: lock, permissions, creating and replacing the file.
//! - `file`: one file: connecting, checking, what its errors mean.
//! - [`copies`]: backups of a running server, restoring them, checking them.
//!
//! # How a message is kept
//! Rows stand in arrival order under one growing id that is never used twice;
//! no table of messages has a second index, so a commit touches the pages at
//! its end and hardly any other. Where the messages of a pipe are is known in
//! memory only. Each history row carries its offset; a pipe's epoch, and the
//! offset it had reached when its newest row was removed, are in
//! `pipes_positions`, written in the same transaction.
//!
//! The file may be read with the `sqlite3` tool while a server runs. Change it
//! only when none does.

pub mod config;
pub mod copies;
pub mod error;
pub mod store;

mod apply;
mod checkpoint;
mod directory;
mod file;
mod index;
mod load;
mod lookups;
mod queue;
mod readers;
mod reserve;
mod schema;
mod statements;
mod trouble;
mod writer;

pub use config::Config;
pub use error::OpenError;
pub use store::{SqliteStorage, Stats};
