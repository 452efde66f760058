//! Functions of whole and floating-point numbers: arithmetic that tells of an
//! overflow, bits, powers and angles, numbers in other bases. Exact numbers are in
//! the sibling `functions_decimal`.

use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};

use super::decimal::Decimal;
use super::functions::{Function, integer, number, text, value};

/// What is said of a whole number that 64 bits cannot hold.
pub(super) const BIGINT_OUT_OF_RANGE: &str = "BIGINT value is out of range";

/// What is said of a floating-point number past the largest.
pub(super) const DOUBLE_OUT_OF_RANGE: &str = "DOUBLE value is out of range";

/// The functions of this file.
pub(super) const NUMBERS: &[(&str, i32, Function)] = &[
    ("m_number", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            other => whole_if_it_is(number(other)),
        })
    }),
    ("m_whole", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            other => Value::Integer(number(other).round_ties_even() as i64),
        })
    }),
    ("m_signed", 1, |context, _| {
        Ok(bits(value(context, 0)).map_or(Value::Null, |bits| Value::Integer(bits.cast_signed())))
    }),
    ("m_int", 1, |context, _| match value(context, 0) {
        ValueRef::Real(_) => Err(out_of_range(BIGINT_OUT_OF_RANGE)),
        other => Value::try_from(other).map_err(Error::from),
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
                .ok_or_else(|| out_of_range(BIGINT_OUT_OF_RANGE));
        }
        with_numbers(context, |left, right| {
            (right != 0.0).then(|| (left / right).trunc())
        })
    }),
    ("m_bit_and", 2, |context, _| {
        with_bits(context, |left, right| left & right)
    }),
    ("m_bit_or", 2, |context, _| {
        with_bits(context, |left, right| left | right)
    }),
    ("m_bit_xor", 2, |context, _| {
        with_bits(context, |left, right| left ^ right)
    }),
    ("m_shift_left", 2, |context, _| {
        with_bits(context, |left, places| {
            shifted(left, places, u64::checked_shl)
        })
    }),
    ("m_shift_right", 2, |context, _| {
        with_bits(context, |left, places| {
            shifted(left, places, u64::checked_shr)
        })
    }),
    ("m_bit_not", 1, |context, _| {
        Ok(bits(value(context, 0)).map_or(Value::Null, |bits| unsigned(!bits)))
    }),
    ("m_bit_count", 1, |context, _| {
        let count = bits(value(context, 0)).map(u64::count_ones);
        Ok(count.map_or(Value::Null, |count| Value::Integer(count.into())))
    }),
    ("m_floor", 1, |context, _| to_whole(context, f64::floor)),
    ("m_ceil", 1, |context, _| to_whole(context, f64::ceil)),
    ("m_power", 2, |context, _| {
        with_reals(context, |base, exponent| {
            let power = base.powf(exponent);
            Some(power).filter(|power| power.is_finite())
        })
    }),
    ("m_sqrt", 1, |context, _| {
        with_real(context, |number| {
            Some(number.sqrt()).filter(|root| root.is_finite())
        })
    }),
    ("m_exp", 1, |context, _| {
        within_range(context, |number| Some(number.exp()))
    }),
    ("m_ln", 1, |context, _| {
        with_real(context, |number| (number > 0.0).then(|| number.ln()))
    }),
    ("m_log2", 1, |context, _| {
        with_real(context, |number| (number > 0.0).then(|| number.log2()))
    }),
    ("m_log10", 1, |context, _| {
        with_real(context, |number| (number > 0.0).then(|| number.log10()))
    }),
    ("m_log", 2, |context, _| {
        with_reals(context, |base, number| {
            let has_one = base > 0.0 && base != 1.0 && number > 0.0;
            has_one.then(|| number.ln() / base.ln())
        })
    }),
    ("m_sin", 1, |context, _| {
        with_real(context, |angle| Some(angle.sin()))
    }),
    ("m_cos", 1, |context, _| {
        with_real(context, |angle| Some(angle.cos()))
    }),
    ("m_tan", 1, |context, _| {
        with_real(context, |angle| Some(angle.tan()))
    }),
    ("m_cot", 1, |context, _| {
        within_range(context, |angle| Some(1.0 / angle.tan()))
    }),
    ("m_asin", 1, |context, _| {
        with_real(context, |sine| (sine.abs() <= 1.0).then(|| sine.asin()))
    }),
    ("m_acos", 1, |context, _| {
        with_real(context, |cosine| {
            (cosine.abs() <= 1.0).then(|| cosine.acos())
        })
    }),
    ("m_atan", 1, |context, _| {
        with_real(context, |tangent| Some(tangent.atan()))
    }),
    ("m_atan2", 2, |context, _| {
        with_reals(context, |y, x| Some(y.atan2(x)))
    }),
    ("m_degrees", 1, |context, _| {
        within_range(context, |angle| {
            Some(angle * (180.0 / std::f64::consts::PI))
        })
    }),
    ("m_radians", 1, |context, _| {
        with_real(context, |angle| {
            Some(angle * (std::f64::consts::PI / 180.0))
        })
    }),
    ("m_conv", 3, |context, _| {
        let (Some(digits), Some(from), Some(to)) =
            (text(context, 0), integer(context, 1), integer(context, 2))
        else {
            return Ok(Value::Null);
        };
        Ok(in_base(&digits, from, to).map_or(Value::Null, Value::Text))
    }),
];

fn out_of_range(sentence: &'static str) -> Error {
    Error::UserFunctionError(sentence.into())
}

fn is_null(context: &Context<'_>) -> bool {
    (0..context.len()).any(|index| value(context, index) == ValueRef::Null)
}

fn whole_if_it_is(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::Integer(number as i64)
    } else {
        Value::Real(number)
    }
}

fn with_numbers(
    context: &Context<'_>,
    operation: impl Fn(f64, f64) -> Option<f64>,
) -> Result<Value> {
    if is_null(context) {
        return Ok(Value::Null);
    }
    let result = operation(number(value(context, 0)), number(value(context, 1)));
    Ok(result.map_or(Value::Null, whole_if_it_is))
}

fn with_real(context: &Context<'_>, operation: fn(f64) -> Option<f64>) -> Result<Value> {
    Ok(match value(context, 0) {
        ValueRef::Null => Value::Null,
        other => operation(number(other)).map_or(Value::Null, Value::Real),
    })
}

fn with_reals(context: &Context<'_>, operation: fn(f64, f64) -> Option<f64>) -> Result<Value> {
    if is_null(context) {
        return Ok(Value::Null);
    }
    let result = operation(number(value(context, 0)), number(value(context, 1)));
    Ok(result.map_or(Value::Null, Value::Real))
}

/// [`with_real`] for an operation whose result may have no number that holds it.
fn within_range(context: &Context<'_>, operation: fn(f64) -> Option<f64>) -> Result<Value> {
    match with_real(context, operation)? {
        Value::Real(result) if !result.is_finite() => Err(out_of_range(DOUBLE_OUT_OF_RANGE)),
        other => Ok(other),
    }
}

fn to_whole(context: &Context<'_>, operation: fn(f64) -> f64) -> Result<Value> {
    Ok(match value(context, 0) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        other => whole_if_it_is(operation(number(other))),
    })
}

/// A value as 64 bits, a negative one by its complement; `None` for NULL.
pub(super) fn bits(value: ValueRef<'_>) -> Option<u64> {
    let wrapped = |number: i128| match u64::try_from(number) {
        Ok(bits) => bits,
        Err(_) if number > 0 => u64::MAX,
        Err(_) => i64::try_from(number).unwrap_or(i64::MIN).cast_unsigned(),
    };
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(integer) => integer.cast_unsigned(),
        ValueRef::Real(real) => wrapped(real.round_ties_even() as i128),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let read = Decimal::read(&String::from_utf8_lossy(bytes));
            wrapped(read.and_then(Decimal::whole_part).unwrap_or(0))
        }
    })
}

/// 64 bits as a number without a sign, which is an exact one.
pub(super) fn unsigned(bits: u64) -> Value {
    Value::Text(bits.to_string())
}

fn with_bits(context: &Context<'_>, operation: fn(u64, u64) -> u64) -> Result<Value> {
    Ok(match (bits(value(context, 0)), bits(value(context, 1))) {
        (Some(left), Some(right)) => unsigned(operation(left, right)),
        _ => Value::Null,
    })
}

fn shifted(bits: u64, places: u64, shift: fn(u64, u32) -> Option<u64>) -> u64 {
    let places = u32::try_from(places).ok();
    places.and_then(|places| shift(bits, places)).unwrap_or(0)
}

/// The number at the beginning of `digits` in another base; `None` for bases that
/// there are not. A negative base takes the number as one with a sign.
pub(super) fn in_base(digits: &str, from: i64, to: i64) -> Option<String> {
    let base = |base: i64| {
        let base = u32::try_from(base.unsigned_abs()).ok()?;
        (2..=36).contains(&base).then_some(base)
    };
    let (source, target) = (base(from)?, base(to)?);
    let digits = digits.trim_start();
    let (is_negative, digits) = match digits.split_at_checked(1) {
        Some(("-", rest)) => (true, rest),
        Some(("+", rest)) => (false, rest),
        _ => (false, digits),
    };
    let most = match (from < 0, is_negative) {
        (false, _) => u64::MAX,
        (true, false) => i64::MAX.unsigned_abs(),
        (true, true) => i64::MIN.unsigned_abs(),
    };
    let magnitude = digits
        .chars()
        .map_while(|digit| digit.to_digit(source))
        .try_fold(0_u64, |sum, digit| {
            sum.checked_mul(source.into())?
                .checked_add(digit.into())
                .filter(|sum| *sum <= most)
        })
        .unwrap_or(most);
    let bits = if is_negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    };
    let signed = bits.cast_signed();
    let (sign, mut rest) = match to < 0 && signed < 0 {
        true => ("-", signed.unsigned_abs()),
        false => ("", bits),
    };
    let mut reversed = Vec::new();
    loop {
        let digit = u32::try_from(rest % u64::from(target)).ok()?;
        reversed.push(char::from_digit(digit, target)?.to_ascii_uppercase());
        rest /= u64::from(target);
        if rest == 0 {
            break;
        }
    }
    Some(sign.chars().chain(reversed.into_iter().rev()).collect())
}

/// ROUND of a floating-point number, as MySQL computes it: halves to the even one.
pub(super) fn rounded_real(number: f64, places: i64) -> f64 {
    at_places(number, places, f64::round_ties_even)
}

/// TRUNCATE of a floating-point number.
pub(super) fn truncated_real(number: f64, places: i64) -> f64 {
    at_places(number, places, f64::trunc)
}

fn at_places(number: f64, places: i64, operation: fn(f64) -> f64) -> f64 {
    let places = i32::try_from(places).unwrap_or(if places < 0 { i32::MIN } else { i32::MAX });
    let power = 10_f64.powi(places.saturating_abs());
    let result = match places < 0 {
        true => operation(number / power) * power,
        false => operation(number * power) / power,
    };
    match (result.is_finite(), places < 0) {
        (true, _) => result,
        (false, true) => 0.0,
        (false, false) => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_another_base() {
        for (digits, from, to, expected) in [
            ("ff", 16, 10, Some("255")),
            ("10", 10, 2, Some("1010")),
            ("-1", 10, 16, Some("FFFFFFFFFFFFFFFF")),
            ("-1", 10, -16, Some("-1")),
            ("12x", 10, 10, Some("12")),
            ("", 10, 10, Some("0")),
            ("99999999999999999999", 10, 10, Some("18446744073709551615")),
            ("1", 1, 10, None),
            ("1", 10, 37, None),
            ("1", i64::MIN, 10, None),
        ] {
            assert_eq!(in_base(digits, from, to).as_deref(), expected, "{digits}");
        }
    }

    #[test]
    fn halves_of_floating_point_numbers_go_to_the_even_one() {
        for (number, places, expected) in [
            (2.5, 0, 2.0),
            (3.5, 0, 4.0),
            (0.125, 2, 0.12),
            (1250.0, -2, 1200.0),
            (1e300, 300, 1e300),
            (1.0, -400, 0.0),
        ] {
            assert_eq!(rounded_real(number, places), expected, "{number} {places}");
        }
    }
}
