//! MySQL's JSON functions, over `serde_json`. Paths are in the sibling
//! `json_path`. Documents are written as MySQL writes them: a blank after each
//! comma and colon, the shorter of two names first.

use std::fmt::Write as _;

use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};
use serde_json::Value as Json;

use super::functions::{Function, MAX_TEXT_BYTES, TOO_BIG, text, value};
use super::json_path::JsonPath;

/// How many values are compared between two looks at the clock.
const CHECK_EVERY: usize = 10_000;

/// The functions of this file. Those that make documents take as their first
/// argument a text with one letter for each of the others: `j` for one that is
/// a document already, `n` for an exact number, any other for a plain value.
pub(super) const JSON: &[(&str, i32, Function)] = &[
    ("m_json_valid", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            _ => Value::Integer(document(context, 0).is_ok().into()),
        })
    }),
    ("m_json_extract", -1, |context, _| {
        let Some(document) = some_document(context, 0)? else {
            return Ok(Value::Null);
        };
        let mut found = Vec::new();
        let mut may_be_several = context.len() > 2;
        for index in 1..context.len() {
            let Some(path) = path(context, index)? else {
                return Ok(Value::Null);
            };
            may_be_several |= path.has_wildcard();
            found.extend(path.follow(&document));
        }
        Ok(match (found.as_slice(), may_be_several) {
            ([], _) => Value::Null,
            ([only], false) => Value::Text(written(only)),
            (_, _) => Value::Text(written(&Json::Array(found.into_iter().cloned().collect()))),
        })
    }),
    ("m_json_unquote", 1, |context, _| {
        let Some(text) = text(context, 0) else {
            return Ok(Value::Null);
        };
        let unquoted = if text.starts_with('"') {
            serde_json::from_str::<String>(&text).ok()
        } else {
            None
        };
        Ok(Value::Text(unquoted.unwrap_or_else(|| text.into_owned())))
    }),
    ("m_json_quote", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| {
            Value::Text(written(&Json::String(text.into_owned())))
        }))
    }),
    ("m_json_array", -1, |context, _| {
        let mut made = "[".to_owned();
        for index in 1..context.len() {
            if index > 1 {
                made.push_str(", ");
            }
            push(&mut made, &item(context, index)?)?;
        }
        made.push(']');
        Ok(Value::Text(made))
    }),
    ("m_json_object", -1, |context, _| {
        let mut made = "{".to_owned();
        for index in (1..context.len()).step_by(2) {
            let Some(name) = text(context, index) else {
                return Err(refused("a JSON object cannot have NULL for a name"));
            };
            if index > 1 {
                made.push_str(", ");
            }
            push(&mut made, &written(&Json::String(name.into_owned())))?;
            made.push_str(": ");
            push(&mut made, &item(context, index + 1)?)?;
        }
        made.push('}');
        Ok(Value::Text(made))
    }),
    ("m_json_contains", -1, |context, slot| {
        let running = slot.require()?;
        let (Some(target), Some(candidate)) =
            (some_document(context, 0)?, some_document(context, 1)?)
        else {
            return Ok(Value::Null);
        };
        let mut steps = 0_usize;
        let mut may_go_on = || {
            steps += 1;
            !steps.is_multiple_of(CHECK_EVERY) || running.check().is_ok()
        };
        let answer = with_place(context, 2, &target, |place| {
            Value::Integer(contains(place, &candidate, &mut may_go_on).into())
        })?;
        running.check().map_err(|error| running.fail(error))?;
        Ok(answer)
    }),
    ("m_json_length", -1, |context, _| {
        let Some(document) = some_document(context, 0)? else {
            return Ok(Value::Null);
        };
        with_place(context, 1, &document, |place| {
            let length = match place {
                Json::Array(items) => items.len(),
                Json::Object(members) => members.len(),
                _ => 1,
            };
            Value::Integer(i64::try_from(length).unwrap_or(i64::MAX))
        })
    }),
    ("m_json_keys", -1, |context, _| {
        let Some(document) = some_document(context, 0)? else {
            return Ok(Value::Null);
        };
        with_place(context, 1, &document, |place| match place {
            Json::Object(members) => {
                let names = in_order(members).into_iter();
                let names = names.map(|(name, _)| Json::String(name.clone())).collect();
                Value::Text(written(&Json::Array(names)))
            }
            _ => Value::Null,
        })
    }),
    ("m_json_type", 1, |context, _| {
        let document = some_document(context, 0)?;
        Ok(document.map_or(Value::Null, |document| {
            Value::Text(type_name(&document).to_owned())
        }))
    }),
    ("m_json_set", -1, |context, _| {
        let Some(mut document) = some_document(context, 1)? else {
            return Ok(Value::Null);
        };
        for index in (2..context.len()).step_by(2) {
            let Some(path) = path(context, index)? else {
                return Ok(Value::Null);
            };
            if path.has_wildcard() {
                return Err(refused("a JSON path that is set must name one place"));
            }
            let new = serde_json::from_str(&item(context, index + 1)?)
                .map_err(|_| refused("not a JSON value"))?;
            path.put(&mut document, new);
        }
        Ok(Value::Text(written(&document)))
    }),
];

/// The text of `document`.
pub(super) fn written(document: &Json) -> String {
    let mut text = String::new();
    write_into(&mut text, document);
    text
}

fn write_into(text: &mut String, document: &Json) {
    match document {
        Json::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_into(text, item);
            }
            text.push(']');
        }
        Json::Object(members) => {
            text.push('{');
            for (index, (name, member)) in in_order(members).into_iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                // Writing to a String cannot fail.
                let _ = write!(text, "{}: ", Json::String(name.clone()));
                write_into(text, member);
            }
            text.push('}');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

fn in_order(members: &serde_json::Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| (name.len(), *name));
    members
}

pub(super) fn refused(reason: &str) -> Error {
    Error::UserFunctionError(format!("JSON: {reason}").into())
}

pub(super) fn push(made: &mut String, part: &str) -> Result<()> {
    if made.len().saturating_add(part.len()) > MAX_TEXT_BYTES {
        return Err(Error::UserFunctionError(TOO_BIG.into()));
    }
    made.push_str(part);
    Ok(())
}

fn document(context: &Context<'_>, index: usize) -> Result<Json> {
    let text = text(context, index).unwrap_or_default();
    serde_json::from_str(&text).map_err(|error| {
        refused(&format!(
            "argument {} is not a document, at byte {}",
            index + 1,
            error.column()
        ))
    })
}

/// `None` for NULL.
fn some_document(context: &Context<'_>, index: usize) -> Result<Option<Json>> {
    match value(context, index) {
        ValueRef::Null => Ok(None),
        _ => document(context, index).map(Some),
    }
}

/// `None` for NULL.
fn path(context: &Context<'_>, index: usize) -> Result<Option<JsonPath>> {
    let Some(text) = text(context, index) else {
        return Ok(None);
    };
    match JsonPath::parse(&text) {
        Some(path) => Ok(Some(path)),
        None => Err(refused(
            "a path begins with $ and goes on with .name, .\"a name\", [0], [last], .* or [*]",
        )),
    }
}

/// What `answer` says of the place that the optional path `index` names.
fn with_place(
    context: &Context<'_>,
    index: usize,
    document: &Json,
    answer: impl FnOnce(&Json) -> Value,
) -> Result<Value> {
    if context.len() <= index {
        return Ok(answer(document));
    }
    let Some(path) = path(context, index)? else {
        return Ok(Value::Null);
    };
    if path.has_wildcard() {
        return Err(refused("a path must name one place here"));
    }
    Ok(path
        .follow(document)
        .first()
        .map_or(Value::Null, |place| answer(place)))
}

/// Argument `index` as the text of a JSON value.
pub(super) fn item(context: &Context<'_>, index: usize) -> Result<String> {
    let letters = text(context, 0).unwrap_or_default();
    let letter = letters.as_bytes().get(index.wrapping_sub(1));
    let is_document = letter == Some(&b'j');
    Ok(match value(context, index) {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => Json::from(real).to_string(),
        ValueRef::Text(_) | ValueRef::Blob(_) if is_document => written(&document(context, index)?),
        ValueRef::Text(_) | ValueRef::Blob(_) => {
            let text = text(context, index).unwrap_or_default();
            match letter {
                Some(b'n') => text.into_owned(),
                _ => Json::String(text.into_owned()).to_string(),
            }
        }
    })
}

/// Whether `candidate` is within `target`, by MySQL's rules: an array holds a
/// value that one of its items holds, an object one whose members it has.
/// Says anything once `may_go_on` says no.
fn contains(target: &Json, candidate: &Json, may_go_on: &mut dyn FnMut() -> bool) -> bool {
    if !may_go_on() {
        return true;
    }
    match (target, candidate) {
        (Json::Array(items), Json::Array(wanted)) => wanted
            .iter()
            .all(|wanted| items.iter().any(|item| contains(item, wanted, may_go_on))),
        (Json::Array(items), wanted) => items.iter().any(|item| contains(item, wanted, may_go_on)),
        (Json::Object(members), Json::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            members
                .get(name)
                .is_some_and(|member| contains(member, wanted, may_go_on))
        }),
        (Json::Number(left), Json::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        _ => target == candidate,
    }
}

fn type_name(document: &Json) -> &'static str {
    match document {
        Json::Null => "NULL",
        Json::Bool(_) => "BOOLEAN",
        Json::Number(number) if number.is_i64() => "INTEGER",
        Json::Number(number) if number.is_u64() => "UNSIGNED INTEGER",
        Json::Number(_) => "DOUBLE",
        Json::String(_) => "STRING",
        Json::Array(_) => "ARRAY",
        Json::Object(_) => "OBJECT",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_written_with_blanks_and_short_names_first() {
        let document = json!({"long": [1, "x"], "b": {"c": null}, "a": "é\n"});
        assert_eq!(
            written(&document),
            r#"{"a": "é\n", "b": {"c": null}, "long": [1, "x"]}"#
        );
    }

    #[test]
    fn an_array_holds_what_its_items_hold_and_an_object_what_its_members_are() {
        for (target, candidate, expected) in [
            (json!([1, 2]), json!(1), true),
            (json!([1, [2]]), json!([2]), true),
            (json!([1, 2]), json!([1, 3]), false),
            (json!({"a": 1, "b": 2}), json!({"b": 2}), true),
            (json!({"a": 1}), json!(1), false),
            (json!("a"), json!("a"), true),
            (json!(1), json!(1.0), true),
        ] {
            let found = contains(&target, &candidate, &mut || true);
            assert_eq!(found, expected, "{target} {candidate}");
        }
    }
}
