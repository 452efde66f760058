//! SQLite's complaints as ours.

use rusqlite::ErrorCode;

use super::functions_dates::BAD_PERIOD;
use super::functions_numbers::{BIGINT_OUT_OF_RANGE, DOUBLE_OUT_OF_RANGE};
use super::running::Running;
use crate::error::{ErrorKind, SqlError};

/// SQLite's error as ours. What a table or function refused goes before what
/// SQLite made of it.
pub(super) fn translated(error: &rusqlite::Error, running: &Running) -> SqlError {
    if let Some(failure) = running.failure() {
        return failure;
    }
    if let Err(stopped) = running.check() {
        return stopped;
    }
    // The whole error would show the query with what is written in it.
    let text = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let contains = |part: &str| text.contains(part);
    let code = error.sqlite_error_code();
    let kind = if contains("no such column") || contains("ambiguous column name") {
        ErrorKind::UnknownColumn
    } else if code == Some(ErrorCode::TooBig)
        || contains("string or blob too big")
        || contains("too many SQL variables")
    {
        ErrorKind::TooManyValues
    } else if contains("integer overflow")
        || contains(BIGINT_OUT_OF_RANGE)
        || contains(DOUBLE_OUT_OF_RANGE)
    {
        ErrorKind::OutOfRange
    } else if contains(BAD_PERIOD)
        || contains("malformed JSON")
        || contains("JSON")
        || contains("overflow")
        || contains("bad JSON path")
    {
        ErrorKind::InvalidValue
    } else if contains("out of range: more than") {
        ErrorKind::OutOfRange
    } else if contains("misuse of aggregate") {
        ErrorKind::MisplacedAggregate
    } else if contains("sub-select returns") || contains("row value misused") {
        ErrorKind::OperandColumns
    } else if contains("too many columns") {
        ErrorKind::TooManyColumns
    } else if contains("misuse of")
        || contains("too large")
        || contains("too many")
        || contains("row value")
        || contains("term out of range")
        || contains("wrong number of arguments")
        || contains("must have")
        || contains("aggregate")
        || contains("circular reference")
        || contains("HAVING clause on a non-aggregate")
        || contains("values for IN")
        || contains("at most")
        || contains("window")
        || contains("RANGE with offset")
        || contains("frame")
        || contains("recursive")
        || contains("second argument")
        || contains("parser stack")
        || contains("does not match any column")
    {
        ErrorKind::Unsupported
    } else {
        ErrorKind::Internal
    };
    if kind == ErrorKind::Internal {
        tracing::error!(error = %text, "query_failed");
    }
    SqlError::new(kind, format!("the query cannot be run: {text}"))
}
