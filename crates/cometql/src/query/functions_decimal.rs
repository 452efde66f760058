//! Functions and aggregates of exact numbers, which SQLite sees as texts.
//! Which statement becomes which of these is decided in the sibling `numbers`.

use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};

use super::decimal::{Decimal, MAX_SCALE};
use super::functions::{Function, integer, value};
use super::functions_numbers::{rounded_real, truncated_real};

/// Digits after the point come in groups of nine while MySQL divides.
const GROUP: u8 = 9;

/// Registers the aggregates, which may be used as window functions too.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_window_function("m_sum", 1, flags, Sum)?;
    connection.create_window_function("m_avg", 2, flags, Average)
}

/// The functions of this file. Every argument may be a whole number, a text or
/// NULL, which makes the answer NULL.
pub(super) const DECIMAL: &[(&str, i32, Function)] = &[
    ("m_decimal", 1, |context, _| with_one(context, Some)),
    ("m_fixed", 2, |context, _| {
        let scale = integer(context, 1).unwrap_or(0);
        with_one(context, |number| number.rounded(scale))
    }),
    ("m_truncated", 2, |context, _| {
        with_places(context, Decimal::cut, truncated_real)
    }),
    ("m_rounded", 2, |context, _| {
        with_places(context, Decimal::rounded, rounded_real)
    }),
    ("m_cast_decimal", 3, |context, _| {
        let precision = integer(context, 1).and_then(|digits| u32::try_from(digits).ok());
        let scale = integer(context, 2).and_then(|scale| u8::try_from(scale).ok());
        with_one(context, |number| number.within(precision?, scale?))
    }),
    ("m_plus", 2, |context, _| with_two(context, Decimal::plus)),
    ("m_minus", 2, |context, _| with_two(context, Decimal::minus)),
    ("m_times", 2, |context, _| with_two(context, Decimal::times)),
    ("m_remainder", 2, |context, _| {
        match divisor_is_zero(context)? {
            true => Ok(Value::Null),
            false => with_two(context, Decimal::remainder),
        }
    }),
    ("m_quotient", 3, |context, _| {
        let scale = integer(context, 2).and_then(|scale| u8::try_from(scale).ok());
        let scale = working_scale(scale.unwrap_or(0));
        match divisor_is_zero(context)? {
            true => Ok(Value::Null),
            false => with_two(context, |left, right| left.divided(right, scale)),
        }
    }),
    ("m_negative", 1, |context, _| {
        with_one(context, |number| Some(number.negated()))
    }),
    ("m_magnitude", 1, |context, _| {
        with_one(context, |number| Some(number.magnitude()))
    }),
    ("m_floor_exact", 1, |context, _| {
        with_one(context, Decimal::floor)
    }),
    ("m_ceiling_exact", 1, |context, _| {
        with_one(context, Decimal::ceiling)
    }),
    ("m_unsigned", 1, |context, _| {
        with_one(context, |number| {
            let whole = number.rounded(0)?;
            Some(match whole.integer() {
                Some(signed) => Decimal::unsigned(signed.cast_unsigned()),
                None => whole,
            })
        })
    }),
];

/// Enough digits that a quotient may be computed with further.
fn working_scale(scale: u8) -> u8 {
    scale.div_ceil(GROUP).saturating_mul(GROUP).min(MAX_SCALE)
}

/// A value as an exact number; `None` for NULL.
fn decimal(value: ValueRef<'_>) -> Result<Option<Decimal>> {
    let read = match value {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(number) => Some(Decimal::whole(number)),
        ValueRef::Real(number) => Decimal::real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Decimal::read(&String::from_utf8_lossy(bytes))
        }
    };
    read.map(Some).ok_or_else(out_of_range)
}

fn out_of_range() -> Error {
    Error::UserFunctionError(OUT_OF_RANGE.into())
}

/// What is said of a number with too many digits.
pub(super) const OUT_OF_RANGE: &str =
    "DECIMAL value is out of range: more than 38 digits are not offered";

fn written(number: Option<Decimal>) -> Result<Value> {
    match number {
        Some(number) => Ok(Value::Text(number.to_string())),
        None => Err(out_of_range()),
    }
}

fn with_one(
    context: &Context<'_>,
    operation: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<Value> {
    match decimal(value(context, 0))? {
        Some(number) => written(operation(number)),
        None => Ok(Value::Null),
    }
}

fn with_two(
    context: &Context<'_>,
    operation: impl FnOnce(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Value> {
    match (decimal(value(context, 0))?, decimal(value(context, 1))?) {
        (Some(left), Some(right)) => written(operation(left, right)),
        _ => Ok(Value::Null),
    }
}

/// ROUND and TRUNCATE: of a floating-point number and a text too, which stay
/// what they are.
fn with_places(
    context: &Context<'_>,
    operation: impl FnOnce(Decimal, i64) -> Option<Decimal>,
    of_real: fn(f64, i64) -> f64,
) -> Result<Value> {
    let Some(places) = integer(context, 1) else {
        return Ok(Value::Null);
    };
    let places = places.clamp(-400, MAX_SCALE.into());
    let before = value(context, 0);
    match before {
        ValueRef::Real(real) => Ok(Value::Real(of_real(real, places))),
        ValueRef::Integer(_) => {
            let Some(after) = decimal(before)?.and_then(|number| operation(number, places)) else {
                return Err(out_of_range());
            };
            Ok(after
                .cut(0)
                .and_then(Decimal::integer)
                .map_or_else(|| Value::Text(after.to_string()), Value::Integer))
        }
        _ => with_one(context, |number| operation(number, places)),
    }
}

fn divisor_is_zero(context: &Context<'_>) -> Result<bool> {
    Ok(decimal(value(context, 1))?.is_some_and(Decimal::is_zero))
}

/// What has been added up so far.
struct Total {
    sum: Decimal,
    count: i64,
}

impl Total {
    const NOTHING: Self = Self {
        sum: Decimal::ZERO,
        count: 0,
    };

    fn add(&mut self, context: &Context<'_>) -> Result<()> {
        if let Some(number) = decimal(value(context, 0))? {
            self.sum = self.sum.plus(number).ok_or_else(out_of_range)?;
            self.count += 1;
        }
        Ok(())
    }

    fn take_away(&mut self, context: &Context<'_>) -> Result<()> {
        if let Some(number) = decimal(value(context, 0))? {
            self.sum = self.sum.minus(number).ok_or_else(out_of_range)?;
            self.count -= 1;
        }
        Ok(())
    }
}

struct Sum;

impl Sum {
    fn so_far(total: Option<&Total>) -> Value {
        match total {
            Some(total) if total.count > 0 => Value::Text(total.sum.to_string()),
            _ => Value::Null,
        }
    }
}

impl Aggregate<Total, Value> for Sum {
    fn init(&self, _: &mut Context<'_>) -> Result<Total> {
        Ok(Total::NOTHING)
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Total) -> Result<()> {
        total.add(context)
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Total>) -> Result<Value> {
        Ok(Self::so_far(total.as_ref()))
    }
}

impl WindowAggregate<Total, Value> for Sum {
    fn value(&self, total: Option<&mut Total>) -> Result<Value> {
        Ok(Self::so_far(total.as_deref()))
    }

    fn inverse(&self, context: &mut Context<'_>, total: &mut Total) -> Result<()> {
        total.take_away(context)
    }
}

/// The average; the second argument is its scale.
struct Average;

/// What an average is made of.
struct Averaged {
    total: Total,
    scale: u8,
}

impl Average {
    fn so_far(averaged: Option<&Averaged>) -> Result<Value> {
        match averaged {
            Some(Averaged { total, scale }) if total.count > 0 => {
                written(total.sum.divided(Decimal::whole(total.count), *scale))
            }
            _ => Ok(Value::Null),
        }
    }
}

impl Aggregate<Averaged, Value> for Average {
    fn init(&self, _: &mut Context<'_>) -> Result<Averaged> {
        Ok(Averaged {
            total: Total::NOTHING,
            scale: 0,
        })
    }

    fn step(&self, context: &mut Context<'_>, averaged: &mut Averaged) -> Result<()> {
        let scale = integer(context, 1).and_then(|scale| u8::try_from(scale).ok());
        averaged.scale = working_scale(scale.unwrap_or(0));
        averaged.total.add(context)
    }

    fn finalize(&self, _: &mut Context<'_>, averaged: Option<Averaged>) -> Result<Value> {
        Self::so_far(averaged.as_ref())
    }
}

impl WindowAggregate<Averaged, Value> for Average {
    fn value(&self, averaged: Option<&mut Averaged>) -> Result<Value> {
        Self::so_far(averaged.as_deref())
    }

    fn inverse(&self, context: &mut Context<'_>, averaged: &mut Averaged) -> Result<()> {
        averaged.total.take_away(context)
    }
}
