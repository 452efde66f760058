//! Why the hall refuses or fails, by whose doing.

use thiserror::Error;

use crate::family::Refusal;
use crate::name::{EventName, NameError};
use crate::pattern::PipePattern;
use crate::storage::StorageError;

/// What the hall answers instead of doing what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HallError {
    /// A name or number is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A bound is reached.
    #[error("{what}: the limit of {limit} is reached")]
    Limit {
        /// What there would be too many of.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A row of `pipes_settings` lists the events of the pipe, and not this one.
    #[error("the event {event} is none of this pipe; its events are {events}")]
    EventNotListed {
        /// The event.
        event: EventName,
        /// Those it may be.
        events: String,
    },
    /// The connection has published as much as it may for now.
    #[error("a connection may publish {rate} messages a minute to {row}")]
    TooFast {
        /// The row of `pipes_settings` that says so.
        row: PipePattern,
        /// How many.
        rate: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
