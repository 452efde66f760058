//! LIKE, REGEXP and the functions that look for regular expressions.

use regex::Regex;
use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};

use super::functions::{Function, MAX_TEXT_BYTES, TOO_BIG, integer, text, value, value_text};
use super::pattern::{Case, LikePattern, MatchType, regex, regex_of};
use super::running::Slot;
use crate::error::SqlError;

/// The functions of this file. Those called `m_regexp_…` take the match type and
/// whether case matters without one (`c` or `i`) as their last two arguments.
pub(super) const PATTERNS: &[(&str, i32, Function)] = &[
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
    ("m_regexp_like", 4, |context, slot| {
        let Some((text, pattern)) = text_and_pattern(context, slot)? else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(pattern.is_match(&text).into()))
    }),
    ("m_regexp_instr", 7, |context, slot| {
        let Some((text, pattern)) = text_and_pattern(context, slot)? else {
            return Ok(Value::Null);
        };
        let (Some(from), Some(occurrence), Some(after)) = (
            start(context, slot, &text)?,
            integer(context, 3),
            integer(context, 4),
        ) else {
            return Ok(Value::Null);
        };
        let found = nth_match(&pattern, &text, from, occurrence);
        let place = found.map(|found| if after == 1 { found.end } else { found.start });
        let characters = place
            .and_then(|place| text.get(..place))
            .map(|before| before.chars().count());
        Ok(Value::Integer(characters.map_or(0, |before| {
            i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1)
        })))
    }),
    ("m_regexp_substr", 6, |context, slot| {
        let Some((text, pattern)) = text_and_pattern(context, slot)? else {
            return Ok(Value::Null);
        };
        let (Some(from), Some(occurrence)) = (start(context, slot, &text)?, integer(context, 3))
        else {
            return Ok(Value::Null);
        };
        let found = nth_match(&pattern, &text, from, occurrence);
        let found = found.and_then(|range| text.get(range));
        Ok(found.map_or(Value::Null, |found| Value::Text(found.to_owned())))
    }),
    ("m_regexp_replace", 7, |context, slot| {
        let Some((text, pattern)) = text_and_pattern(context, slot)? else {
            return Ok(Value::Null);
        };
        let (Some(new), Some(from), Some(occurrence)) = (
            value_text(value(context, 2)),
            start_at(context, slot, 3, &text)?,
            integer(context, 4),
        ) else {
            return Ok(Value::Null);
        };
        replaced(&text, &pattern, &new, from, occurrence, slot).map(Value::Text)
    }),
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
            .map_err(|error| refused(slot, error))?;
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
        .map_err(|error| refused(slot, error))?;
    Ok(Value::Integer(pattern.is_match(&text).into()))
}

/// The first two arguments of a `m_regexp_…`, by the last two; `None` if one is NULL.
fn text_and_pattern(context: &Context<'_>, slot: &Slot) -> Result<Option<(String, Regex)>> {
    let last = context.len().saturating_sub(1);
    let (Some(text), Some(pattern), Some(letters)) = (
        text(context, 0),
        text(context, 1),
        text(context, last.saturating_sub(1)),
    ) else {
        return Ok(None);
    };
    let case = match text_is(context, last, "c") {
        true => Case::Exact,
        false => Case::Any,
    };
    let compiled = context.get_or_create_aux(1, |pattern| {
        let pattern = value_text(pattern).unwrap_or_default();
        compile(&pattern, &letters, case).map(|regex| (letters.to_string(), regex))
    });
    let compiled = compiled.map_err(|error| refused(slot, error))?;
    // The pattern may stay while the match type changes from row to row.
    let regex = match compiled.0 == letters {
        true => compiled.1.clone(),
        false => compile(&pattern, &letters, case)
            .map_err(|error| refused(slot, Error::UserFunctionError(Box::new(error))))?,
    };
    Ok(Some((text.into_owned(), regex)))
}

fn compile(pattern: &str, letters: &str, case: Case) -> std::result::Result<Regex, Failure> {
    let match_type = MatchType::read(letters, case).map_err(Failure)?;
    regex_of(pattern, match_type).map_err(Failure)
}

fn text_is(context: &Context<'_>, index: usize, expected: &str) -> bool {
    text(context, index).is_some_and(|text| text == expected)
}

/// Where the search begins, from the third argument.
fn start(context: &Context<'_>, slot: &Slot, text: &str) -> Result<Option<usize>> {
    start_at(context, slot, 2, text)
}

/// The byte at which the character number says that stands in argument `index`.
fn start_at(context: &Context<'_>, slot: &Slot, index: usize, text: &str) -> Result<Option<usize>> {
    let Some(position) = integer(context, index) else {
        return Ok(None);
    };
    let ends = text.char_indices().map(|(at, _)| at);
    let skipped = usize::try_from(position)
        .ok()
        .and_then(|position| position.checked_sub(1));
    let byte = skipped.and_then(|skipped| ends.chain(std::iter::once(text.len())).nth(skipped));
    match byte {
        Some(byte) => Ok(Some(byte)),
        None => Err(slot.require()?.fail(SqlError::invalid(format!(
            "a search begins within the text, not at character {position}"
        )))),
    }
}

fn nth_match(
    pattern: &Regex,
    text: &str,
    from: usize,
    occurrence: i64,
) -> Option<std::ops::Range<usize>> {
    let skipped = usize::try_from(occurrence.max(1) - 1).ok()?;
    let mut at = from;
    for _ in 0..skipped {
        let found = pattern.find_at(text, at)?;
        at = match found.is_empty() {
            true => found.end() + text.get(found.end()..)?.chars().next()?.len_utf8(),
            false => found.end(),
        };
    }
    Some(pattern.find_at(text, at)?.range())
}

/// `text` with `new` in place of what matches: all of it, or the one that `occurrence`
/// says. In `new`, `$1` is the first group and `\\` takes the next letter as it is.
fn replaced(
    text: &str,
    pattern: &Regex,
    new: &str,
    from: usize,
    occurrence: i64,
    slot: &Slot,
) -> Result<String> {
    let running = slot.require()?;
    let mut made = text.get(..from).unwrap_or_default().to_owned();
    let mut last = from;
    let mut captures = pattern.capture_locations();
    let mut at = from;
    let mut number = 0;
    while let Some(found) = pattern.captures_read_at(&mut captures, text, at) {
        number += 1;
        if occurrence <= 0 || number == occurrence {
            made.push_str(text.get(last..found.start()).unwrap_or_default());
            expand(new, &captures, text, &mut made);
            last = found.end();
        }
        if made.len() > MAX_TEXT_BYTES {
            return Err(Error::UserFunctionError(TOO_BIG.into()));
        }
        if number % CHECK_EVERY == 0 {
            running.check().map_err(|error| running.fail(error))?;
        }
        if number == occurrence {
            break;
        }
        at = match found.is_empty() {
            true => match text.get(found.end()..).and_then(|rest| rest.chars().next()) {
                Some(letter) => found.end() + letter.len_utf8(),
                None => break,
            },
            false => found.end(),
        };
    }
    made.push_str(text.get(last..).unwrap_or_default());
    Ok(made)
}

/// How many replacements are made between two looks at the clock.
const CHECK_EVERY: i64 = 10_000;

fn expand(new: &str, captures: &regex::CaptureLocations, text: &str, made: &mut String) {
    let mut letters = new.chars().peekable();
    while let Some(letter) = letters.next() {
        let group = match (letter, letters.peek()) {
            ('\\', Some(next)) => {
                made.push(*next);
                letters.next();
                continue;
            }
            ('$', Some(next)) => next.to_digit(10),
            _ => None,
        };
        let Some(group) = group.and_then(|group| usize::try_from(group).ok()) else {
            made.push(letter);
            continue;
        };
        letters.next();
        if let Some((start, end)) = captures.get(group) {
            made.push_str(text.get(start..end).unwrap_or_default());
        }
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

fn refused(slot: &Slot, error: Error) -> Error {
    let message = match &error {
        Error::UserFunctionError(error) => error.to_string(),
        other => other.to_string(),
    };
    match slot.running() {
        Some(running) => running.fail(SqlError::invalid(message)),
        None => error,
    }
}
