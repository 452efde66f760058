//! MySQL's smaller functions of texts: padding, parts put in, lists in a text.
//! Registered with those of the sibling `functions`.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};

use super::collation::any_case;
use super::decimal::Decimal;
use super::functions::{
    Function, MAX_TEXT_BYTES, TOO_BIG, integer, number, text, value, value_text,
};
use super::functions_numbers::bits;

/// The most digits after the point.
const MAX_DIGITS: i64 = 30;

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
    ("m_insert", 4, |context, _| {
        let (Some(text), Some(at), Some(length), Some(new)) = (
            text(context, 0),
            integer(context, 1),
            integer(context, 2),
            text(context, 3),
        ) else {
            return Ok(Value::Null);
        };
        joined(&inserted(&text, at, length, &new))
    }),
    ("m_make_set", -1, |context, _| {
        let Some(chosen) = bits(value(context, 0)) else {
            return Ok(Value::Null);
        };
        let items = (1..context.len())
            .filter(|index| *index <= 64 && chosen >> (index - 1) & 1 == 1)
            .filter_map(|index| text(context, index));
        let items: Vec<_> = items.collect();
        let mut parts = Vec::with_capacity(items.len() * 2);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                parts.push(",");
            }
            parts.push(item);
        }
        joined(&parts)
    }),
    ("m_export_set", -1, |context, _| {
        let (Some(bits), Some(on), Some(off)) =
            (bits(value(context, 0)), text(context, 1), text(context, 2))
        else {
            return Ok(Value::Null);
        };
        let separator = if context.len() > 3 {
            text(context, 3)
        } else {
            Some(",".into())
        };
        let count = if context.len() > 4 {
            integer(context, 4)
        } else {
            Some(64)
        };
        let (Some(separator), Some(count)) = (separator, count) else {
            return Ok(Value::Null);
        };
        let mut parts = Vec::new();
        for place in 0..if (0..=64).contains(&count) { count } else { 64 } {
            if place > 0 {
                parts.push(&*separator);
            }
            parts.push(if bits >> place & 1 == 1 { &*on } else { &*off });
        }
        joined(&parts)
    }),
    ("m_quote", 1, |context, _| {
        let Some(text) = text(context, 0) else {
            return Ok(Value::Text("NULL".to_owned()));
        };
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('\'');
        for letter in text.chars() {
            match letter {
                '\'' | '\\' => quoted.extend(['\\', letter]),
                '\0' => quoted.push_str("\\0"),
                '\u{1a}' => quoted.push_str("\\Z"),
                other => quoted.push(other),
            }
        }
        quoted.push('\'');
        Ok(Value::Text(quoted))
    }),
    ("m_soundex", 1, |context, _| {
        Ok(text(context, 0).map_or(Value::Null, |text| Value::Text(soundex(&text))))
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
];

type Context<'a> = rusqlite::functions::Context<'a>;

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

/// Parts put together, unless that makes too long a text.
fn joined(parts: &[&str]) -> Result<Value> {
    if parts.iter().map(|part| part.len()).sum::<usize>() > MAX_TEXT_BYTES {
        return Err(Error::UserFunctionError(TOO_BIG.into()));
    }
    Ok(Value::Text(parts.concat()))
}

/// The parts of `text` with `new` in place of `length` characters from the one
/// number `at`; `text` itself where that is outside of it.
fn inserted<'a>(text: &'a str, at: i64, length: i64, new: &'a str) -> [&'a str; 3] {
    let place = |characters: i64| {
        let characters = usize::try_from(characters).ok()?;
        let ends = text.char_indices().map(|(at, _)| at);
        ends.chain(std::iter::once(text.len())).nth(characters)
    };
    let begin = place(at.saturating_sub(1)).filter(|begin| *begin < text.len());
    let Some(begin) = begin else {
        return [text, "", ""];
    };
    let end = (length >= 0)
        .then(|| place((at - 1).saturating_add(length)))
        .flatten()
        .unwrap_or(text.len());
    [
        text.get(..begin).unwrap_or_default(),
        new,
        text.get(end..).unwrap_or_default(),
    ]
}

/// How a name sounds: its first letter and at least three digits.
fn soundex(text: &str) -> String {
    let sound = |letter: char| match letter.to_ascii_uppercase() {
        'B' | 'F' | 'P' | 'V' => '1',
        'C' | 'G' | 'J' | 'K' | 'Q' | 'S' | 'X' | 'Z' => '2',
        'D' | 'T' => '3',
        'L' => '4',
        'M' | 'N' => '5',
        'R' => '6',
        _ => '0',
    };
    let mut letters = text.chars().filter(|letter| letter.is_alphabetic());
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut code: String = first.to_uppercase().collect();
    let mut last = sound(first);
    for letter in letters {
        let next = sound(letter);
        if next != '0' && next != last {
            last = next;
            code.push(next);
        }
    }
    while code.chars().count() < 4 {
        code.push('0');
    }
    code
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
