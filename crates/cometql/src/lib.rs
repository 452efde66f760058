//! The backend door: MySQL wire, SQL, tables.
//!
//! # Layout
//! - [`answer`] and [`error`]: what every statement gives back.
//! - [`backend`]: the seam between wire and language.

pub mod answer;
pub mod backend;
pub mod error;
