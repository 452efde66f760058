//! Functions over rows: GROUP_CONCAT, the check that a sub-query has one row, and
//! the count that keeps recursive queries bounded.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, Result};

use super::functions::{MAX_TEXT_BYTES, integer, text, value};
use super::running::Slot;
use crate::error::{ErrorKind, SqlError};

/// Registers the functions of this file.
pub(super) fn register(connection: &Connection, slot: &Slot) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8;
    let collect = Collect { slot: slot.clone() };
    connection.create_aggregate_function("m_collect", 1, flags, collect)?;
    connection.create_scalar_function("m_joined", 3, flags, joined)?;
    let only = Only { slot: slot.clone() };
    connection.create_aggregate_function("m_only", 1, flags, only)?;
    let slot = slot.clone();
    connection.create_scalar_function("m_counted", 1, flags, move |context| {
        let running = slot.require()?;
        running
            .count_scanned(1)
            .map_err(|error| running.fail(error))?;
        Value::try_from(value(context, 0)).map_err(Error::from)
    })
}

/// Collects texts, each after its length in bytes, for [`joined`]: SQLite's
/// DISTINCT allows an aggregate one argument, so the separator comes later. More
/// than `group_concat_max_len` bytes are of no use.
struct Collect {
    slot: Slot,
}

impl Collect {
    fn most_bytes(&self) -> usize {
        let context = self.slot.running().map(|running| running.context.clone());
        let length = context.and_then(|context| context.variables.get(MAX_LENGTH).ok().flatten());
        length
            .and_then(|length| length.parse().ok())
            .unwrap_or(MAX_TEXT_BYTES)
            .min(MAX_TEXT_BYTES)
    }
}

/// The value of the only row; a second one is an error.
struct Only {
    slot: Slot,
}

impl Aggregate<Option<Value>, Value> for Only {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Value>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, only: &mut Option<Value>) -> Result<()> {
        if only.is_some() {
            let error = SqlError::new(
                ErrorKind::SubqueryRows,
                "Subquery returns more than 1 row where one value is asked for",
            );
            return Err(self.slot.require()?.fail(error));
        }
        *only = Some(Value::try_from(value(context, 0))?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, only: Option<Option<Value>>) -> Result<Value> {
        Ok(only.flatten().unwrap_or(Value::Null))
    }
}

/// The variable that bounds what GROUP_CONCAT makes.
pub(super) const MAX_LENGTH: &str = "group_concat_max_len";

/// What GROUP_CONCAT has so far.
struct Collected {
    texts: String,
    most_bytes: usize,
}

impl Aggregate<Collected, Value> for Collect {
    fn init(&self, _: &mut Context<'_>) -> Result<Collected> {
        Ok(Collected {
            texts: String::new(),
            most_bytes: self.most_bytes(),
        })
    }

    fn step(&self, context: &mut Context<'_>, collected: &mut Collected) -> Result<()> {
        if collected.texts.len() > collected.most_bytes {
            return Ok(());
        }
        if let Some(text) = text(context, 0) {
            collected.texts.push_str(&format!("{}:", text.len()));
            collected.texts.push_str(&text);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, collected: Option<Collected>) -> Result<Value> {
        Ok(match collected {
            Some(collected) if !collected.texts.is_empty() => Value::Text(collected.texts),
            _ => Value::Null,
        })
    }
}

/// The collected texts with a separator between them, cut off at a length.
fn joined(context: &Context<'_>) -> Result<Value> {
    let (Some(collected), Some(separator)) = (text(context, 0), text(context, 1)) else {
        return Ok(Value::Null);
    };
    let most = integer(context, 2).and_then(|most| usize::try_from(most).ok());
    let most = most.unwrap_or(MAX_TEXT_BYTES).min(MAX_TEXT_BYTES);
    let mut whole = String::new();
    let mut rest = &*collected;
    while whole.len() < most && !rest.is_empty() {
        let (part, after) = first(rest).ok_or_else(|| {
            Error::UserFunctionError("collected texts are not what they were".into())
        })?;
        whole.push_str(part);
        rest = after;
        if !rest.is_empty() {
            whole.push_str(&separator);
        }
    }
    whole.truncate(whole.floor_char_boundary(most));
    Ok(Value::Text(whole))
}

/// The first of the collected texts, and the others.
fn first(collected: &str) -> Option<(&str, &str)> {
    let (length, rest) = collected.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}
