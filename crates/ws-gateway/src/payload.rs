//! The payload rule (compatibility reference §4.2): which text to put into
//! `data` so that every generation of client, with all its unescaping, gives the
//! page exactly what was published.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::json;

/// The text of `data` for a published payload.
pub(crate) fn data_text(payload: &str) -> Cow<'_, str> {
    if is_json(payload) {
        return without_apostrophes(payload);
    }
    if payload.contains('\\') {
        let stripped = strip_slashes(payload);
        if is_json(&stripped) {
            return Cow::Owned(without_apostrophes(&stripped).into_owned());
        }
    }
    if payload.contains('\\') || payload.starts_with("A::") {
        let mut literal = String::new();
        json::push_string(&mut literal, payload);
        return Cow::Owned(literal);
    }
    Cow::Borrowed(payload)
}

/// Syntax only, nothing is built: lone surrogates, huge numbers and duplicate
/// keys pass through unchanged.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// In JSON an apostrophe can only be inside a string.
fn without_apostrophes(json: &str) -> Cow<'_, str> {
    if json.contains('\'') {
        Cow::Owned(json.replace('\'', "\\u0027"))
    } else {
        Cow::Borrowed(json)
    }
}

/// Removes one level of backslashes: what a backend that escapes twice added.
fn strip_slashes(text: &str) -> String {
    let mut stripped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            stripped.extend(characters.next());
        } else {
            stripped.push(character);
        }
    }
    stripped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn json_passes_with_its_apostrophes_written_out() {
        assert_eq!(data_text(r#"{"t":"it's"}"#), r#"{"t":"it\u0027s"}"#);
        assert_eq!(data_text(r#"{"a":"\ud800"}"#), r#"{"a":"\ud800"}"#);
        assert_eq!(data_text("1e999"), "1e999");
        assert_eq!(data_text(r#""plain""#), r#""plain""#);
    }

    #[test]
    fn json_escaped_twice_is_unescaped_once() {
        assert_eq!(data_text(r#"{\"t\":\"it\'s\"}"#), r#"{"t":"it\u0027s"}"#);
    }

    #[test]
    fn plain_text_goes_as_it_is_unless_a_client_would_change_it() {
        assert_eq!(data_text("it's"), "it's");
        assert_eq!(data_text(""), "");
        assert_eq!(data_text(r"C:\temp"), r#""C:\\temp""#);
        assert_eq!(data_text("A::7;x"), r#""A::7;x""#);
        assert_eq!(data_text(r"a\'b"), r#""a\\\u0027b""#);
    }

    #[test]
    fn deep_json_is_still_json() {
        let deep = format!("{}'\"{}", "[".repeat(5000), "]".repeat(5000)).replace("'\"", "1");
        assert_eq!(data_text(&deep), deep);
    }

    proptest! {
        #[test]
        fn what_a_modern_client_decodes_is_what_was_published(text in "\\PC*") {
            let data = data_text(&text);
            let twice = strip_slashes(&text);
            match serde_json::from_str::<serde_json::Value>(&data) {
                Ok(serde_json::Value::String(seen)) if !is_json(&text) && !is_json(&twice) => {
                    prop_assert_eq!(seen, text);
                }
                Ok(_) => prop_assert!(is_json(&text) || is_json(&twice)),
                Err(_) => prop_assert_eq!(data.as_ref(), text.as_str()),
            }
        }
    }
}
