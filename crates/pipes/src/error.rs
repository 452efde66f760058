//! Why the hall refuses or fails, by whose doing.

use thiserror::Error;

use crate::family::Refusal;
use crate::name::NameError;
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
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
