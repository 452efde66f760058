//! The hall: what a pipe, a message, a subscriber, a user and a tenant are, and
//! every rule about them. It has no sockets and no SQL; doors call it, stores
//! serve it.
//!
//! # Layout
//! - [`name`], [`message`], [`settings`], [`tenant`], [`token`], [`conference`]: what things are;
//!   [`secret`]: keys, and how they are compared.
//! - [`family`]: what a pipe's name allows; [`pattern`], [`rules`]: what `pipes_settings`
//!   adds to it; [`permission`]: who may do what.
//! - [`limits`], [`error`]: every bound, every refusal.
//! - [`hall`]: what a door can ask for; its parts are in `apply` (publishing and
//!   all other changes), `presence` (users and mailboxes), [`listing`] (what
//!   SELECT shows), `housekeeping` (timed work), [`resume`] (what a browser that
//!   comes back has missed), `absence` (who may come back at once), [`foresight`] (what would come of a message).
//! - [`counters`], [`census`]: what is counted, and how much there is of everything;
//!   [`figure`]: the names under which it is shown.
//! - `pipe`, `roll`, [`connection`], `roster`: the living state; [`traffic`]: what went over
//!   a connection.
//! - [`shard`]: the way out to the browsers, implemented by a door.
//! - [`storage`], [`memory_storage`]: what must survive, and a store for tests.
//! - [`sync`]: the locks behind all of it, which models replace.

mod absence;
mod apply;
pub mod census;
pub mod conference;
pub mod connection;
pub mod counters;
pub mod error;
pub mod family;
pub mod figure;
pub mod foresight;
pub mod hall;
mod housekeeping;
pub mod limits;
pub mod listing;
pub mod memory_storage;
pub mod message;
pub mod name;
pub mod pattern;
pub mod permission;
mod pipe;
mod presence;
pub mod resume;
mod roll;
mod roster;
pub mod rules;
pub mod secret;
pub mod settings;
pub mod shard;
pub mod storage;
pub mod sync;
pub mod tenant;
pub mod token;
pub mod traffic;

pub use apply::{Change, DeliveryReport, Effect};
pub use connection::{Connection, Visitor};
pub use error::HallError;
pub use hall::{Hall, HallConfig};
pub use presence::Authorization;
