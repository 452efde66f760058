//! Aggregates beside COUNT, SUM and their like: bits, how far values are spread, and
//! JSON documents of rows. GROUP_CONCAT is in the sibling `functions_rows`.

use std::collections::BTreeMap;

use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};
use serde_json::Value as Json;

use super::functions::{MAX_TEXT_BYTES, TOO_BIG, number, text, value};
use super::functions_json::{item, push, refused, written};
use super::functions_numbers::{bits, unsigned};

/// Registers the aggregates of this file.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    for (name, begins_with, operation) in BITS {
        let of_bits = Bits {
            begins_with: *begins_with,
            operation: *operation,
        };
        connection.create_aggregate_function(*name, 1, flags, of_bits)?;
    }
    for (name, spread) in SPREADS {
        connection.create_window_function(*name, 1, flags, *spread)?;
    }
    connection.create_aggregate_function("m_json_arrayagg", 2, flags, JsonArray)?;
    connection.create_aggregate_function("m_json_objectagg", 3, flags, JsonObject)
}

/// An aggregate's name, what it is without rows, and how a row changes it.
type OfBits = (&'static str, u64, fn(u64, u64) -> u64);

const BITS: &[OfBits] = &[
    ("m_bit_and_of", u64::MAX, |left, right| left & right),
    ("m_bit_or_of", 0, |left, right| left | right),
    ("m_bit_xor_of", 0, |left, right| left ^ right),
];

struct Bits {
    begins_with: u64,
    operation: fn(u64, u64) -> u64,
}

impl Aggregate<u64, Value> for Bits {
    fn init(&self, _: &mut Context<'_>) -> Result<u64> {
        Ok(self.begins_with)
    }

    fn step(&self, context: &mut Context<'_>, held: &mut u64) -> Result<()> {
        if let Some(bits) = bits(value(context, 0)) {
            *held = (self.operation)(*held, bits);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, held: Option<u64>) -> Result<Value> {
        Ok(unsigned(held.unwrap_or(self.begins_with)))
    }
}

/// VARIANCE and STD, of all values there are or of a sample of them.
#[derive(Clone, Copy)]
struct Spread {
    is_of_sample: bool,
    is_root: bool,
}

const fn spread(is_of_sample: bool, is_root: bool) -> Spread {
    Spread {
        is_of_sample,
        is_root,
    }
}

const SPREADS: &[(&str, Spread)] = &[
    ("m_variance", spread(false, false)),
    ("m_variance_sample", spread(true, false)),
    ("m_std", spread(false, true)),
    ("m_std_sample", spread(true, true)),
];

/// What is known of the values so far, in Welford's way: without the loss of digits
/// that squares would bring.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn so_far(self, moments: Option<&Moments>) -> Value {
        let Some(moments) = moments else {
            return Value::Null;
        };
        let divisor = moments.count - if self.is_of_sample { 1.0 } else { 0.0 };
        if divisor <= 0.0 {
            return Value::Null;
        }
        let variance = (moments.squares / divisor).max(0.0);
        Value::Real(if self.is_root {
            variance.sqrt()
        } else {
            variance
        })
    }
}

impl Aggregate<Moments, Value> for Spread {
    fn init(&self, _: &mut Context<'_>) -> Result<Moments> {
        Ok(Moments::default())
    }

    fn step(&self, context: &mut Context<'_>, moments: &mut Moments) -> Result<()> {
        if value(context, 0) != ValueRef::Null {
            let number = number(value(context, 0));
            let before = number - moments.mean;
            moments.count += 1.0;
            moments.mean += before / moments.count;
            moments.squares += before * (number - moments.mean);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, moments: Option<Moments>) -> Result<Value> {
        Ok(self.so_far(moments.as_ref()))
    }
}

impl WindowAggregate<Moments, Value> for Spread {
    fn value(&self, moments: Option<&mut Moments>) -> Result<Value> {
        Ok(self.so_far(moments.as_deref()))
    }

    fn inverse(&self, context: &mut Context<'_>, moments: &mut Moments) -> Result<()> {
        if value(context, 0) == ValueRef::Null {
            return Ok(());
        }
        if moments.count <= 1.0 {
            *moments = Moments::default();
            return Ok(());
        }
        let number = number(value(context, 0));
        let after = number - moments.mean;
        moments.count -= 1.0;
        moments.mean -= after / moments.count;
        moments.squares -= after * (number - moments.mean);
        Ok(())
    }
}

/// JSON_ARRAYAGG; the first argument says what the second is, as for JSON_ARRAY.
struct JsonArray;

impl Aggregate<String, Value> for JsonArray {
    fn init(&self, _: &mut Context<'_>) -> Result<String> {
        Ok(String::new())
    }

    fn step(&self, context: &mut Context<'_>, made: &mut String) -> Result<()> {
        push(made, if made.is_empty() { "[" } else { ", " })?;
        push(made, &item(context, 1)?)
    }

    fn finalize(&self, _: &mut Context<'_>, made: Option<String>) -> Result<Value> {
        Ok(made.map_or(Value::Null, |made| Value::Text(made + "]")))
    }
}

/// JSON_OBJECTAGG, likewise. Of one name the last value stays.
struct JsonObject;

/// The members in the order MySQL writes them: by the length of their names first.
#[derive(Default)]
struct Members {
    members: BTreeMap<(usize, String), String>,
    bytes: usize,
}

impl Aggregate<Members, Value> for JsonObject {
    fn init(&self, _: &mut Context<'_>) -> Result<Members> {
        Ok(Members::default())
    }

    fn step(&self, context: &mut Context<'_>, made: &mut Members) -> Result<()> {
        let Some(name) = text(context, 1) else {
            return Err(refused("a JSON object cannot have NULL for a name"));
        };
        let member = item(context, 2)?;
        made.bytes += name.len() + member.len();
        if made.bytes > MAX_TEXT_BYTES / 2 {
            return Err(Error::UserFunctionError(TOO_BIG.into()));
        }
        made.members.insert((name.len(), name.into_owned()), member);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, made: Option<Members>) -> Result<Value> {
        let Some(made) = made else {
            return Ok(Value::Null);
        };
        let members = made.members.into_iter();
        let members: Vec<_> = members
            .map(|((_, name), member)| format!("{}: {member}", written(&Json::String(name))))
            .collect();
        Ok(Value::Text(format!("{{{}}}", members.join(", "))))
    }
}
