//! MySQL's functions that SQLite lacks or means otherwise, registered on every
//! connection under names that begin with `m_`. Which function of a statement
//! becomes which of these is decided in the sibling `calls`.

use std::borrow::Cow;
use std::time::Duration;

use rand::SeedableRng as _;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::functions_aggregates;
use super::functions_codes::CODES;
use super::functions_dates::DATES;
use super::functions_decimal::{self, DECIMAL};
use super::functions_json::JSON;
use super::functions_numbers::NUMBERS;
use super::functions_patterns::PATTERNS;
use super::functions_rows;
use super::functions_text::MORE;
use super::running::Slot;
use crate::error::SqlError;

/// How long SLEEP waits between two looks at the clock and at KILL.
const SLEEP_STEP: Duration = Duration::from_millis(20);

/// The longest text CONCAT makes, in bytes. SQLite bounds values only after
/// they have been made.
pub(super) const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// From this length on the texts of a function may take a while.
const LONG_TEXT_BYTES: usize = 64 * 1024;

/// SQLite's own words for a value past its bound.
pub(super) const TOO_BIG: &str = "string or blob too big";

/// Registers every function on `connection`.
pub(super) fn register(connection: &Connection, slot: &Slot) -> Result<()> {
    let others = [MORE, CODES, PATTERNS, NUMBERS, DECIMAL, DATES, JSON];
    for (name, arguments, function) in PURE.iter().chain(others.into_iter().flatten()) {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let slot = slot.clone();
        connection.create_scalar_function(*name, *arguments, flags, move |context| {
            in_time(context, &slot)?;
            function(context, &slot)
        })?;
    }
    functions_decimal::register(connection)?;
    functions_aggregates::register(connection)?;
    functions_rows::register(connection, slot)?;
    for (name, arguments, function) in IMPURE {
        let slot = slot.clone();
        connection.create_scalar_function(
            *name,
            *arguments,
            FunctionFlags::SQLITE_UTF8,
            move |context| function(context, &slot),
        )?;
    }
    Ok(())
}

/// SQLite looks at the clock between its own steps, and one step may be a function of a
/// function of a long text: each of them looks before it begins.
fn in_time(context: &Context<'_>, slot: &Slot) -> Result<()> {
    let is_long = (0..context.len()).any(|index| match value(context, index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() > LONG_TEXT_BYTES,
        _ => false,
    });
    if !is_long {
        return Ok(());
    }
    slot.running().map_or(Ok(()), |running| {
        running.check().map_err(|error| running.fail(error))
    })
}

/// The text a value has on the wire; `None` is NULL.
pub(super) fn value_text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(integer) => Some(integer.to_string().into()),
        ValueRef::Real(real) => Some(real_text(real).into()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text)),
    }
}

/// A number as MySQL writes a DOUBLE: whole numbers without a point.
pub(super) fn real_text(real: f64) -> String {
    if real == 0.0 {
        return "0".to_owned();
    }
    if (1e-5..1e15).contains(&real.abs()) {
        format!("{real}")
    } else {
        format!("{real:e}")
    }
}

pub(super) type Function = fn(&Context<'_>, &Slot) -> Result<Value>;

/// Functions whose value depends on their arguments alone.
const PURE: &[(&str, i32, Function)] = &[
    ("m_concat", -1, |context, _| {
        let mut whole = String::new();
        for index in 0..context.len() {
            match text(context, index) {
                Some(part) if whole.len() + part.len() > MAX_TEXT_BYTES => {
                    return Err(Error::UserFunctionError(TOO_BIG.into()));
                }
                Some(part) => whole.push_str(&part),
                None => return Ok(Value::Null),
            }
        }
        Ok(Value::Text(whole))
    }),
    ("m_concat_ws", -1, |context, _| {
        let Some(separator) = text(context, 0) else {
            return Ok(Value::Null);
        };
        let parts: Vec<_> = (1..context.len())
            .filter_map(|index| text(context, index))
            .collect();
        let bytes: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
        if bytes > MAX_TEXT_BYTES {
            return Err(Error::UserFunctionError(TOO_BIG.into()));
        }
        Ok(Value::Text(parts.join(&separator)))
    }),
    ("m_locate", -1, |context, _| {
        let (Some(needle), Some(hay)) = (text(context, 0), text(context, 1)) else {
            return Ok(Value::Null);
        };
        let start = if context.len() > 2 {
            integer(context, 2).unwrap_or(0)
        } else {
            1
        };
        Ok(Value::Integer(locate(&needle, &hay, start)))
    }),
    ("m_left", 2, |context, _| {
        with_text_and_count(context, |text, count| text.chars().take(count).collect())
    }),
    ("m_right", 2, |context, _| {
        with_text_and_count(context, |text, count| {
            let skip = text.chars().count().saturating_sub(count);
            text.chars().skip(skip).collect()
        })
    }),
    ("m_substring", -1, |context, _| {
        let (Some(text), Some(position)) = (text(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        let length = if context.len() > 2 {
            match integer(context, 2) {
                Some(length) => length,
                None => return Ok(Value::Null),
            }
        } else {
            i64::MAX
        };
        Ok(Value::Text(substring(&text, position, length)))
    }),
    ("m_trim", 3, |context, _| {
        let (Some(text), Some(what), Some(side)) =
            (text(context, 0), text(context, 1), text(context, 2))
        else {
            return Ok(Value::Null);
        };
        let mut rest = &*text;
        if !what.is_empty() && side != "TRAILING" {
            rest = rest.trim_start_matches(&*what);
        }
        if !what.is_empty() && side != "LEADING" {
            rest = rest.trim_end_matches(&*what);
        }
        Ok(Value::Text(rest.to_owned()))
    }),
    ("m_upper", 1, |context, _| {
        Ok(text(context, 0).map_or(Value::Null, |text| Value::Text(text.to_uppercase())))
    }),
    ("m_lower", 1, |context, _| {
        Ok(text(context, 0).map_or(Value::Null, |text| Value::Text(text.to_lowercase())))
    }),
];

/// Functions that answer differently each time.
const IMPURE: &[(&str, i32, Function)] = &[
    ("m_rand", -1, |context, _| {
        let number = if context.is_empty() {
            rand::random::<f64>()
        } else {
            let seed = integer(context, 0).unwrap_or(0).cast_unsigned();
            rand::Rng::random::<f64>(&mut rand::rngs::StdRng::seed_from_u64(seed))
        };
        Ok(Value::Real(number))
    }),
    ("m_sleep", 1, sleep),
    ("m_uuid", 0, |_, _| Ok(Value::Text(uuid(rand::random())))),
];

/// A random identifier, of version 4.
fn uuid(random: u128) -> String {
    const VERSION: u128 = 0x4000 << 64;
    const VARIANT: u128 = 0x8000 << 48;
    let bits = random & !(0xf000 << 64) & !(0xc000 << 48) | VERSION | VARIANT;
    let digits = format!("{bits:032x}");
    let ends = [8, 12, 16, 20, 32];
    let mut from = 0;
    let parts = ends.map(|end| {
        digits
            .get(std::mem::replace(&mut from, end)..end)
            .unwrap_or_default()
    });
    parts.join("-")
}

/// Waits, but never past the statement's time, and notices KILL.
fn sleep(context: &Context<'_>, slot: &Slot) -> Result<Value> {
    let running = slot.require()?;
    let seconds = number(value(context, 0));
    let duration = match value(context, 0) {
        ValueRef::Null => None,
        _ => Duration::try_from_secs_f64(seconds).ok(),
    };
    let Some(mut left) = duration else {
        return Err(running.fail(SqlError::invalid(
            "Incorrect arguments to sleep: expected seconds, zero or more",
        )));
    };
    loop {
        running.check().map_err(|error| running.fail(error))?;
        if left.is_zero() {
            return Ok(Value::Integer(0));
        }
        let step = left.min(SLEEP_STEP).min(running.remaining());
        std::thread::sleep(step);
        left = left.saturating_sub(step.max(Duration::from_micros(1)));
    }
}

pub(super) fn value<'a>(context: &'a Context<'_>, index: usize) -> ValueRef<'a> {
    if index < context.len() {
        context.get_raw(index)
    } else {
        ValueRef::Null
    }
}

pub(super) fn text<'a>(context: &'a Context<'_>, index: usize) -> Option<Cow<'a, str>> {
    value_text(value(context, index))
}

pub(super) fn integer(context: &Context<'_>, index: usize) -> Option<i64> {
    match value(context, index) {
        ValueRef::Null => None,
        ValueRef::Integer(integer) => Some(integer),
        other => Some(number(other).round() as i64),
    }
}

/// The number at the beginning of a text, as MySQL converts it; 0 if there is none.
pub(super) fn number(value: ValueRef<'_>) -> f64 {
    let text = match value {
        ValueRef::Null => return 0.0,
        ValueRef::Integer(integer) => return integer as f64,
        ValueRef::Real(real) => return real,
        ValueRef::Text(_) | ValueRef::Blob(_) => value_text(value).unwrap_or_default(),
    };
    let text = text.trim_start();
    let mut end = 0;
    let mut seen_point = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {}
            b'+' | b'-' if index == 0 => {}
            b'.' if !seen_point => seen_point = true,
            b'e' | b'E' if end > 0 => {
                end += exponent_length(text.get(index..).unwrap_or_default());
                break;
            }
            _ => break,
        }
        end = index + 1;
    }
    let digits = text.get(..end).unwrap_or_default();
    digits.parse().unwrap_or(0.0)
}

/// How long `e5`, `e-5` and the like at the beginning of `text` are.
fn exponent_length(text: &str) -> usize {
    let digits = text.get(1..).unwrap_or_default();
    let sign = usize::from(digits.starts_with(['+', '-']));
    let digits = digits.get(sign..).unwrap_or_default();
    match digits.bytes().take_while(u8::is_ascii_digit).count() {
        0 => 0,
        count => 1 + sign + count,
    }
}

fn with_text_and_count(
    context: &Context<'_>,
    operation: impl Fn(&str, usize) -> String,
) -> Result<Value> {
    Ok(match (text(context, 0), integer(context, 1)) {
        (Some(text), Some(count)) => {
            Value::Text(operation(&text, usize::try_from(count).unwrap_or(0)))
        }
        _ => Value::Null,
    })
}

/// Where `needle` begins in `hay`, counted in characters from 1; 0 if nowhere.
fn locate(needle: &str, hay: &str, start: i64) -> i64 {
    let Some(skip) = usize::try_from(start).ok().and_then(|n| n.checked_sub(1)) else {
        return 0;
    };
    let hay = hay.to_lowercase();
    let needle = needle.to_lowercase();
    let Some(rest) = hay
        .char_indices()
        .map(|(index, _)| index)
        .chain(std::iter::once(hay.len()))
        .nth(skip)
        .and_then(|from| hay.get(from..))
    else {
        return 0;
    };
    rest.find(&needle)
        .and_then(|at| rest.get(..at))
        .and_then(|before| i64::try_from(before.chars().count() + skip + 1).ok())
        .unwrap_or(0)
}

fn substring(text: &str, position: i64, length: i64) -> String {
    let skip = if position > 0 {
        usize::try_from(position - 1).unwrap_or(usize::MAX)
    } else if position < 0 {
        let back = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
        match text.chars().count().checked_sub(back) {
            Some(skip) => skip,
            None => return String::new(),
        }
    } else {
        return String::new();
    };
    let take = usize::try_from(length).unwrap_or(0);
    text.chars().skip(skip).take(take).collect()
}
