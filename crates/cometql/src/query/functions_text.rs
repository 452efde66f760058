//! MySQL's smaller functions of texts and numbers: padding, lists in a text,
//! digests, powers. Registered with those of the sibling `functions`.

use md5::Md5;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::calendar::{Moment, Unit};
use super::collation::any_case;
use super::decimal::Decimal;
use super::functions::{
    Function, MAX_TEXT_BYTES, TOO_BIG, integer, moment, number, text, value, value_text,
};

/// The most digits after the point.
const MAX_DIGITS: i64 = 30;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The functions of this file.
pub(super) const MORE: &[(&str, i32, Function)] = &[
    ("m_lpad", 3, |context, _| {
        padded(context, |text, pad| pad + text)
    }),
    ("m_rpad", 3, |context, _| {
        padded(context, |text, pad| text.to_owned() + &pad)
    }),
    ("m_reverse", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| {
            Value::Text(text.chars().rev().collect())
        }))
    }),
    ("m_repeat", 2, |context, _| {
        let (Some(text), Some(count)) = (text(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        repeated(&text, count)
    }),
    ("m_space", 1, |context, _| match integer(context, 0) {
        Some(count) => repeated(" ", count),
        None => Ok(Value::Null),
    }),
    ("m_find_in_set", 2, |context, _| {
        let (Some(wanted), Some(list)) = (text(context, 0), text(context, 1)) else {
            return Ok(Value::Null);
        };
        let wanted = wanted.to_lowercase();
        let position = (1..)
            .zip(list.split(','))
            .find(|(_, item)| !list.is_empty() && item.to_lowercase() == wanted)
            .map_or(0, |(position, _)| position);
        Ok(Value::Integer(position))
    }),
    ("m_elt", -1, |context, _| {
        let index = integer(context, 0).and_then(|index| usize::try_from(index).ok());
        let item = index
            .filter(|index| *index > 0)
            .and_then(|index| text(context, index));
        Ok(item.map_or(Value::Null, |item| Value::Text(item.into_owned())))
    }),
    ("m_substring_index", 3, |context, _| {
        let (Some(text), Some(delimiter), Some(count)) =
            (text(context, 0), text(context, 1), integer(context, 2))
        else {
            return Ok(Value::Null);
        };
        Ok(Value::Text(
            substring_index(&text, &delimiter, count).to_owned(),
        ))
    }),
    ("m_md5", 1, |context, _| digest::<Md5>(context)),
    ("m_sha1", 1, |context, _| digest::<Sha1>(context)),
    ("m_sha2", 2, |context, _| match integer(context, 1) {
        Some(224) => digest::<Sha224>(context),
        Some(0 | 256) => digest::<Sha256>(context),
        Some(384) => digest::<Sha384>(context),
        Some(512) => digest::<Sha512>(context),
        _ => Ok(Value::Null),
    }),
    ("m_ascii", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| {
            Value::Integer(text.bytes().next().map_or(0, i64::from))
        }))
    }),
    ("m_power", 2, |context, _| {
        if matches!(value(context, 0), ValueRef::Null)
            || matches!(value(context, 1), ValueRef::Null)
        {
            return Ok(Value::Null);
        }
        let power = number(value(context, 0)).powf(number(value(context, 1)));
        Ok(finite(power))
    }),
    ("m_sqrt", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            other => finite(number(other).sqrt()),
        })
    }),
    ("m_datediff", 2, |context, _| {
        let (Some(later), Some(earlier)) = (moment(context, 0), moment(context, 1)) else {
            return Ok(Value::Null);
        };
        let days = later.unix().div_euclid(DAY) - earlier.unix().div_euclid(DAY);
        Ok(Value::Integer(days))
    }),
    ("m_timestampdiff", 3, |context, _| {
        let unit = text(context, 0).and_then(|unit| Unit::from_name(&unit));
        let (Some(unit), Some(from), Some(to)) = (unit, moment(context, 1), moment(context, 2))
        else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(difference(unit, from, to)))
    }),
    ("m_last_day", 1, |context, _| {
        let last = moment(context, 0).and_then(|moment| {
            let first = moment.plus(1 - moment.fields().day, Unit::Day)?;
            first.plus(1, Unit::Month)?.plus(-1, Unit::Day)
        });
        Ok(last.map_or(Value::Null, |last| Value::Text(last.date())))
    }),
    ("m_field", -1, |context, _| {
        Ok(Value::Integer(field(context)))
    }),
    ("m_strcmp", 2, |context, _| {
        let (Some(left), Some(right)) = (text(context, 0), text(context, 1)) else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(any_case(&left, &right) as i64))
    }),
    ("m_unhex", 1, |context, _| {
        let bytes = text(context, 0).and_then(|digits| unhex(&digits));
        Ok(match bytes.map(String::from_utf8) {
            Some(Ok(text)) => Value::Text(text),
            Some(Err(error)) => Value::Blob(error.into_bytes()),
            None => Value::Null,
        })
    }),
    ("m_format", -1, |context, _| {
        match (value(context, 0), integer(context, 1)) {
            (ValueRef::Null, _) | (_, None) => Ok(Value::Null),
            (other, Some(digits)) => {
                let places = digits.clamp(0, MAX_DIGITS);
                let exact =
                    value_text(other).and_then(|text| Decimal::read(&text)?.rounded(places));
                let text = exact.map(|number| number.to_string());
                let text = text.unwrap_or_else(|| format!("{}", number(other)));
                Ok(Value::Text(formatted(&text)))
            }
        }
    }),
    ("m_weekday", 1, |context, _| {
        Ok(of_moment(context, |moment| (moment.weekday() + 6) % 7))
    }),
    ("m_dayofweek", 1, |context, _| {
        Ok(of_moment(context, |moment| moment.weekday() + 1))
    }),
    ("m_dayofyear", 1, |context, _| {
        Ok(of_moment(context, Moment::day_of_year))
    }),
    ("m_to_days", 1, |context, _| {
        Ok(of_moment(context, Moment::days))
    }),
    ("m_from_days", 1, |context, _| {
        let day = integer(context, 0).and_then(Moment::from_days);
        Ok(day.map_or(Value::Null, |day| Value::Text(day.date())))
    }),
    ("m_makedate", 2, |context, _| {
        let (Some(year), Some(number)) = (integer(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        let day = (number > 0)
            .then(|| Moment::parse(&format!("{year:04}-01-01")))
            .flatten()
            .and_then(|first| first.plus(number.checked_sub(1)?, Unit::Day));
        Ok(day.map_or(Value::Null, |day| Value::Text(day.date())))
    }),
    ("m_dayname", 1, |context, _| {
        let moment = moment(context, 0);
        Ok(moment.map_or(Value::Null, |moment| Value::Text(moment.format("%W"))))
    }),
    ("m_monthname", 1, |context, _| {
        let moment = moment(context, 0);
        Ok(moment.map_or(Value::Null, |moment| Value::Text(moment.format("%M"))))
    }),
];

type Context<'a> = rusqlite::functions::Context<'a>;

fn of_moment(context: &Context<'_>, says: fn(Moment) -> i64) -> Value {
    moment(context, 0).map_or(Value::Null, |moment| Value::Integer(says(moment)))
}

fn padded(context: &Context<'_>, join: fn(&str, String) -> String) -> Result<Value> {
    let (Some(text), Some(length), Some(pad)) =
        (text(context, 0), integer(context, 1), text(context, 2))
    else {
        return Ok(Value::Null);
    };
    let Ok(length) = usize::try_from(length) else {
        return Ok(Value::Null);
    };
    if length > MAX_TEXT_BYTES / 4 {
        return Err(Error::UserFunctionError(TOO_BIG.into()));
    }
    let present = text.chars().count();
    if present >= length {
        return Ok(Value::Text(text.chars().take(length).collect()));
    }
    if pad.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let missing = pad.chars().cycle().take(length - present).collect();
    Ok(Value::Text(join(&text, missing)))
}

fn repeated(text: &str, count: i64) -> Result<Value> {
    let count = usize::try_from(count).unwrap_or(0);
    if text.len().saturating_mul(count) > MAX_TEXT_BYTES {
        return Err(Error::UserFunctionError(TOO_BIG.into()));
    }
    Ok(Value::Text(text.repeat(count)))
}

/// The text before the delimiter number `count`, or after it counted from the end.
fn substring_index<'a>(text: &'a str, delimiter: &str, count: i64) -> &'a str {
    if delimiter.is_empty() || count == 0 {
        return "";
    }
    let nth = usize::try_from(count.unsigned_abs() - 1).unwrap_or(usize::MAX);
    if count > 0 {
        match text.match_indices(delimiter).nth(nth) {
            Some((at, _)) => text.get(..at).unwrap_or_default(),
            None => text,
        }
    } else {
        match text.rmatch_indices(delimiter).nth(nth) {
            Some((at, found)) => text.get(at + found.len()..).unwrap_or_default(),
            None => text,
        }
    }
}

/// How many whole units lie between two moments.
fn difference(unit: Unit, from: Moment, to: Moment) -> i64 {
    let months_of = |moment: Moment| {
        let fields = moment.fields();
        let within = (fields.day, fields.hour, fields.minute, fields.second);
        (fields.year * 12 + fields.month, within)
    };
    let (seconds, months) = unit.amount();
    if months == 0 {
        return (to.unix() - from.unix()) / seconds.max(1);
    }
    let ((from_month, from_within), (to_month, to_within)) = (months_of(from), months_of(to));
    let mut between = to_month - from_month;
    if between > 0 && to_within < from_within {
        between -= 1;
    } else if between < 0 && to_within > from_within {
        between += 1;
    }
    between / months
}

/// Which of the other arguments equals the first; 0 if none does.
fn field(context: &Context<'_>) -> i64 {
    let is_text = |index| matches!(value(context, index), ValueRef::Text(_));
    let as_texts = (0..context.len()).all(is_text);
    let wanted = value(context, 0);
    if wanted == ValueRef::Null {
        return 0;
    }
    let equals = |index: usize| match (as_texts, text(context, 0), text(context, index)) {
        (true, Some(left), Some(right)) => any_case(&left, &right).is_eq(),
        (false, _, Some(_)) => number(wanted) == number(value(context, index)),
        _ => false,
    };
    (1..context.len())
        .find(|index| equals(*index))
        .and_then(|index| i64::try_from(index).ok())
        .unwrap_or(0)
}

/// Digits of sixteen, two a byte.
pub(super) fn hexadecimal(bytes: &[u8], digits: &[u8; 16]) -> String {
    let digit = |nibble: u8| {
        digits
            .get(usize::from(nibble))
            .map_or('0', |digit| char::from(*digit))
    };
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let padded = if digits.len().is_multiple_of(2) {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    let nibble = |byte: u8| char::from(byte).to_digit(16);
    let pairs = padded.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(nibble(*high)? * 16 + nibble(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// `1,234,567.89`, from `1234567.89`.
fn formatted(text: &str) -> String {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut grouped = String::with_capacity(text.len() * 2);
    if is_negative {
        grouped.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

fn digest<D: sha1::Digest>(context: &Context<'_>) -> Result<Value> {
    let Some(text) = text(context, 0) else {
        return Ok(Value::Null);
    };
    let digest = D::digest(text.as_bytes());
    Ok(Value::Text(hexadecimal(&digest, b"0123456789abcdef")))
}

/// A number MySQL can write; NULL for the others.
fn finite(number: f64) -> Value {
    if number.is_finite() {
        Value::Real(number)
    } else {
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_delimiter_counted_from_either_end() {
        for (count, expected) in [
            (1, "a"),
            (2, "a.b"),
            (9, "a.b.c"),
            (-1, "c"),
            (-2, "b.c"),
            (0, ""),
        ] {
            assert_eq!(substring_index("a.b.c", ".", count), expected, "{count}");
        }
        assert_eq!(substring_index("a.b", ".", i64::MIN), "a.b");
    }
}
