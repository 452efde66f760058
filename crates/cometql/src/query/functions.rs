//! MySQL's functions that SQLite lacks or means otherwise, registered on every
//! connection under names that begin with `m_`. Which function of a statement
//! becomes which of these is decided in the sibling `calls`.

use std::borrow::Cow;
use std::time::Duration;

use rand::SeedableRng as _;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::calendar::{Moment, Unit};
use super::functions_decimal::{self, DECIMAL};
use super::functions_json::JSON;
use super::functions_rows;
use super::functions_text::{MORE, hexadecimal};
use super::pattern::{Case, LikePattern, regex};
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
    for (name, arguments, function) in PURE.iter().chain(MORE).chain(DECIMAL).chain(JSON) {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        let slot = slot.clone();
        connection.create_scalar_function(*name, *arguments, flags, move |context| {
            in_time(context, &slot)?;
            function(context, &slot)
        })?;
    }
    functions_decimal::register(connection)?;
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
    ("m_like", 3, |context, slot| like(context, slot, Case::Any)),
    ("m_like_exact", 3, |context, slot| {
        like(context, slot, Case::Exact)
    }),
    ("m_regexp", 2, |context, slot| {
        regexp(context, slot, Case::Any)
    }),
    ("m_regexp_exact", 2, |context, slot| {
        regexp(context, slot, Case::Exact)
    }),
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
    ("m_hex", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Text(format!("{integer:X}")),
            ValueRef::Real(_) => Value::Text(format!("{:X}", number(value(context, 0)) as i64)),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                if bytes.len() > MAX_TEXT_BYTES / 2 {
                    return Err(Error::UserFunctionError(TOO_BIG.into()));
                }
                Value::Text(hexadecimal(bytes, b"0123456789ABCDEF"))
            }
        })
    }),
    ("m_number", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            other => {
                let number = number(other);
                if number.fract() == 0.0 && number.abs() < 9e15 {
                    Value::Integer(number as i64)
                } else {
                    Value::Real(number)
                }
            }
        })
    }),
    ("m_divide", 2, |context, _| {
        with_numbers(context, |left, right| (right != 0.0).then(|| left / right))
    }),
    ("m_mod", 2, |context, _| {
        if let (ValueRef::Integer(left), ValueRef::Integer(right)) =
            (value(context, 0), value(context, 1))
        {
            return Ok(match left.checked_rem(right) {
                Some(rest) => Value::Integer(rest),
                None if right == -1 => Value::Integer(0),
                None => Value::Null,
            });
        }
        with_numbers(context, |left, right| (right != 0.0).then(|| left % right))
    }),
    ("m_div", 2, |context, _| {
        if let (ValueRef::Integer(left), ValueRef::Integer(right)) =
            (value(context, 0), value(context, 1))
            && right != 0
        {
            return left
                .checked_div(right)
                .map(Value::Integer)
                .ok_or_else(|| Error::UserFunctionError("integer overflow".into()));
        }
        with_numbers(context, |left, right| {
            (right != 0.0).then(|| (left / right).trunc())
        })
    }),
    ("m_bitxor", 2, |context, _| {
        Ok(match (integer(context, 0), integer(context, 1)) {
            (Some(left), Some(right)) => Value::Integer(left ^ right),
            _ => Value::Null,
        })
    }),
    ("m_floor", 1, |context, _| rounded(context, f64::floor)),
    ("m_ceil", 1, |context, _| rounded(context, f64::ceil)),
    ("m_from_unixtime", -1, |context, _| {
        let moment = match value(context, 0) {
            ValueRef::Null => None,
            other => Moment::from_unix(number(other) as i64),
        };
        let Some(moment) = moment else {
            return Ok(Value::Null);
        };
        Ok(if context.len() > 1 {
            text(context, 1).map_or(Value::Null, |pattern| Value::Text(moment.format(&pattern)))
        } else {
            Value::Text(moment.date_time(0))
        })
    }),
    ("m_unix_timestamp", 1, |context, _| {
        Ok(match text(context, 0) {
            None => Value::Null,
            Some(text) => Value::Integer(Moment::parse(&text).map_or(0, Moment::unix)),
        })
    }),
    ("m_date_format", 2, |context, _| {
        let pattern = text(context, 1);
        Ok(match (moment(context, 0), pattern) {
            (Some(moment), Some(pattern)) => Value::Text(moment.format(&pattern)),
            _ => Value::Null,
        })
    }),
    ("m_convert_tz", 3, |context, _| {
        let zone = |index| text(context, index).and_then(|zone| zone_seconds(&zone));
        Ok(match (moment(context, 0), zone(1), zone(2)) {
            (Some(moment), Some(from), Some(to)) => moment
                .plus(to - from, Unit::Second)
                .map_or(Value::Null, |moment| Value::Text(moment.date_time(0))),
            _ => Value::Null,
        })
    }),
    ("m_date_add", 3, |context, _| {
        let Some(source) = text(context, 0) else {
            return Ok(Value::Null);
        };
        let unit = text(context, 2).and_then(|unit| Unit::from_name(&unit));
        let (Some(moment), Some(count), Some(unit)) =
            (Moment::parse(&source), integer(context, 1), unit)
        else {
            return Ok(Value::Null);
        };
        let days_only =
            source.trim().len() <= 10 && !matches!(unit, Unit::Second | Unit::Minute | Unit::Hour);
        Ok(match moment.plus(count, unit) {
            Some(moment) if days_only => Value::Text(moment.date()),
            Some(moment) => Value::Text(moment.date_time(0)),
            None => Value::Null,
        })
    }),
    ("m_date", 1, |context, _| {
        Ok(moment(context, 0).map_or(Value::Null, |moment| Value::Text(moment.date())))
    }),
    ("m_datetime", 1, |context, _| {
        Ok(moment(context, 0).map_or(Value::Null, |moment| Value::Text(moment.date_time(0))))
    }),
    ("m_time", 1, |context, _| {
        Ok(moment(context, 0).map_or(Value::Null, |moment| Value::Text(moment.time(0))))
    }),
    ("m_date_part", 2, |context, _| {
        let unit = text(context, 1).and_then(|unit| Unit::from_name(&unit));
        let (Some(moment), Some(unit)) = (moment(context, 0), unit) else {
            return Ok(Value::Null);
        };
        let fields = moment.fields();
        Ok(match unit {
            Unit::Second => Value::Integer(fields.second),
            Unit::Minute => Value::Integer(fields.minute),
            Unit::Hour => Value::Integer(fields.hour),
            Unit::Day => Value::Integer(fields.day),
            Unit::Month => Value::Integer(fields.month),
            Unit::Quarter => Value::Integer((fields.month + 2) / 3),
            Unit::Year => Value::Integer(fields.year),
            Unit::Week => Value::Null,
        })
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
];

fn like(context: &Context<'_>, slot: &Slot, case: Case) -> Result<Value> {
    let running = slot.require()?;
    let Some(text) = text(context, 0) else {
        return Ok(Value::Null);
    };
    if matches!(value(context, 1), ValueRef::Null) {
        return Ok(Value::Null);
    }
    let compile = || -> std::result::Result<LikePattern, Failure> {
        let pattern = value_text(value(context, 1)).unwrap_or_default();
        let escape = value_text(value(context, 2)).unwrap_or_default();
        LikePattern::new(&pattern, escape.chars().next(), case).map_err(Failure)
    };
    let matches = if matches!(value(context, 2), ValueRef::Text(_)) {
        let pattern = context
            .get_or_create_aux(1, |_| compile())
            .map_err(|error| refused(context, slot, error))?;
        pattern.matches(&text, || running.check())
    } else {
        compile()
            .map_err(|Failure(error)| running.fail(error))?
            .matches(&text, || running.check())
    };
    matches
        .map(|matches| Value::Integer(matches.into()))
        .map_err(|error| running.fail(error))
}

fn regexp(context: &Context<'_>, slot: &Slot, case: Case) -> Result<Value> {
    let Some(text) = text(context, 0) else {
        return Ok(Value::Null);
    };
    if matches!(value(context, 1), ValueRef::Null) {
        return Ok(Value::Null);
    }
    let pattern = context
        .get_or_create_aux(1, |pattern| {
            regex(&value_text(pattern).unwrap_or_default(), case).map_err(Failure)
        })
        .map_err(|error| refused(context, slot, error))?;
    Ok(Value::Integer(pattern.is_match(&text).into()))
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

/// A [`SqlError`] where rusqlite wants a standard error.
#[derive(Debug)]
struct Failure(SqlError);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

fn refused(_context: &Context<'_>, slot: &Slot, error: Error) -> Error {
    let message = match &error {
        Error::UserFunctionError(error) => error.to_string(),
        other => other.to_string(),
    };
    match slot.running() {
        Some(running) => running.fail(SqlError::invalid(message)),
        None => error,
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

pub(super) fn moment(context: &Context<'_>, index: usize) -> Option<Moment> {
    Moment::parse(&text(context, index)?)
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

fn with_numbers(
    context: &Context<'_>,
    operation: impl Fn(f64, f64) -> Option<f64>,
) -> Result<Value> {
    if matches!(value(context, 0), ValueRef::Null) || matches!(value(context, 1), ValueRef::Null) {
        return Ok(Value::Null);
    }
    let result = operation(number(value(context, 0)), number(value(context, 1)));
    Ok(match result {
        Some(result) if result.fract() == 0.0 && result.abs() < 9e15 => {
            Value::Integer(result as i64)
        }
        Some(result) => Value::Real(result),
        None => Value::Null,
    })
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

fn rounded(context: &Context<'_>, operation: fn(f64) -> f64) -> Result<Value> {
    Ok(match value(context, 0) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        other => {
            let number = operation(number(other));
            if number.abs() < 9e15 {
                Value::Integer(number as i64)
            } else {
                Value::Real(number)
            }
        }
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

/// Seconds east of Greenwich, for the zones that need no table.
fn zone_seconds(zone: &str) -> Option<i64> {
    if ["UTC", "GMT", "SYSTEM", "Z"]
        .iter()
        .any(|name| zone.eq_ignore_ascii_case(name))
    {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let hours: i64 = hours
        .parse()
        .ok()
        .filter(|hours| (0..=14).contains(hours))?;
    let minutes: i64 = minutes.parse().ok().filter(|m| (0..60).contains(m))?;
    Some(sign * (hours * 3600 + minutes * 60))
}
