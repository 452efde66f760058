//! What the text between two quotes means: MySQL's escapes, and the rule that
//! lets JSON arrive intact whether or not the program escaped it
//! (compatibility reference §2.4). Where literals begin and end is found by the
//! scanner; parameters of prepared statements never pass here.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The text of a literal as MySQL reads it. `raw` is what stands between the
/// delimiters.
///
/// `\0 \b \t \n \r \Z \' \" \\` are what they are in MySQL, `\%` and `\_` keep
/// their backslash, any other backslash is dropped, and a doubled delimiter is one.
/// In back-ticks only the doubling counts.
pub fn unescape(raw: &str, delimiter: char) -> Cow<'_, str> {
    rewrite(raw, delimiter, |escaped, out| match escaped {
        '0' => out.push('\0'),
        'b' => out.push('\u{8}'),
        't' => out.push('\t'),
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        'Z' => out.push('\u{1a}'),
        '%' | '_' => {
            out.push('\\');
            out.push(escaped);
        }
        other => out.push(other),
    })
}

/// The text of a literal with only its delimiter undone: what a program meant
/// that escaped nothing but the quote it had to.
pub fn delimiter_undone(raw: &str, delimiter: char) -> Cow<'_, str> {
    rewrite(raw, delimiter, |escaped, out| {
        if escaped != delimiter {
            out.push('\\');
        }
        out.push(escaped);
    })
}

/// The text of a literal for a free-text column (`message`, `data`).
///
/// MySQL's reading, except where only the reading without escapes is JSON, or
/// where both are and the text has JSON's own escapes: then the program did not
/// escape, and its bytes are taken as they are.
pub fn free_text(raw: &str, delimiter: char) -> Cow<'_, str> {
    let unescaped = unescape(raw, delimiter);
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return unescaped;
    }
    let undone = delimiter_undone(raw, delimiter);
    let prefers_undone = if is_json(&unescaped) {
        has_json_escape(&undone) && is_json(&undone)
    } else {
        is_json(&undone)
    };
    if prefers_undone { undone } else { unescaped }
}

/// Copies `raw` with doubled delimiters made single and each escaped character
/// written by `escape`; borrows when there is nothing to do.
fn rewrite(raw: &str, delimiter: char, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let mut rest = raw;
    let mut out = String::new();
    while let Some((plain, special, after)) = split_at_special(rest, delimiter) {
        if out.is_empty() {
            out.reserve(raw.len());
        }
        out.push_str(plain);
        rest = after;
        if special == delimiter {
            out.push(delimiter);
            rest = rest.strip_prefix(delimiter).unwrap_or(rest);
        } else if let Some(escaped) = rest.chars().next() {
            escape(escaped, &mut out);
            rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
        } else {
            out.push('\\');
        }
    }
    if rest.len() == raw.len() {
        return Cow::Borrowed(raw);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `text` before and after its first delimiter or backslash.
fn split_at_special(text: &str, delimiter: char) -> Option<(&str, char, &str)> {
    let byte = u8::try_from(delimiter).unwrap_or(b'\'');
    let at = if byte == b'`' {
        memchr::memchr(byte, text.as_bytes())
    } else {
        memchr::memchr2(byte, b'\\', text.as_bytes())
    }?;
    let (plain, rest) = text.split_at_checked(at)?;
    let special = rest.chars().next()?;
    Some((plain, special, rest.get(special.len_utf8()..)?))
}

/// Whether `text` is one JSON document. No tree is built and nesting costs no stack.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// Whether `text` has a backslash pair that JSON writers make and MySQL escapers do not.
fn has_json_escape(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        if matches!(rest.get(at + 1), Some(b'u' | b'/' | b'b' | b'f' | b't')) {
            return true;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    #[test]
    fn escapes_are_those_of_mysql_and_no_others() {
        let cases = [
            (r"\0\b\t\n\r\Z\'\\", "\0\u{8}\t\n\r\u{1a}'\\"),
            (r#"\""#, "\""),
            (r"\%\_", r"\%\_"),
            (r"\a\f\u0412\/\ю", "afu0412/ю"),
            (r"\N", "N"),
            ("it''s", "it's"),
            ("''''", "''"),
            (r"\\''\\", r"\'\"),
            (r#"say "hi""#, r#"say "hi""#),
            ("Привет 😀", "Привет 😀"),
        ];
        for (raw, text) in cases {
            assert_eq!(unescape(raw, '\''), text, "{raw}");
        }
        assert_eq!(unescape(r#"a""b''c"#, '"'), r#"a"b''c"#);
        assert_eq!(unescape(r"a``b\n", '`'), r"a`b\n");
    }

    #[test]
    fn only_the_delimiter_is_undone() {
        assert_eq!(
            delimiter_undone(r#"it''s \'\" \n \\"#, '\''),
            r#"it's '\" \n \\"#
        );
        assert_eq!(delimiter_undone(r#"a""b \" \'"#, '"'), r#"a"b " \'"#);
    }

    /// The table of the compatibility reference §2.4, literally.
    #[test]
    fn escaped_and_unescaped_json_both_arrive_intact() {
        let cases = [
            (r#"{\"name\":\"\\u0412\"}"#, r#"{"name":"\u0412"}"#),
            (r#"{"name":"\u0412"}"#, r#"{"name":"\u0412"}"#),
            (r#"{"t":"say \"hi\"\n"}"#, r#"{"t":"say \"hi\"\n"}"#),
            (r"a\nb", "a\nb"),
            ("it''s", "it's"),
            (r"it\'s", "it's"),
        ];
        for (raw, message) in cases {
            assert_eq!(free_text(raw, '\''), message, "{raw}");
        }
        assert_eq!(free_text("it's", '"'), "it's");
        // Doubled backslashes in unescaped JSON are what a MySQL escaper writes.
        assert_eq!(free_text(r#"{"p":"C:\\new"}"#, '\''), r#"{"p":"C:\new"}"#);
    }

    #[test]
    fn deep_json_costs_no_stack() {
        let deep = format!(r#"{}"\u0412"{}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(free_text(&deep, '\''), deep);
    }

    /// PHP's `mysqli_real_escape_string`, PyMySQL and mysqlclient, which differ
    /// only in the order of things.
    fn escaped_by_php(text: &str) -> String {
        escaped(
            text,
            &[('\0', '0'), ('\n', 'n'), ('\r', 'r'), ('\u{1a}', 'Z')],
        )
    }

    /// node `mysql` and `mysql2`.
    fn escaped_by_node(text: &str) -> String {
        let also = [
            ('\0', '0'),
            ('\u{8}', 'b'),
            ('\t', 't'),
            ('\n', 'n'),
            ('\r', 'r'),
            ('\u{1a}', 'Z'),
        ];
        escaped(text, &also)
    }

    fn escaped(text: &str, named: &[(char, char)]) -> String {
        let mut out = String::new();
        for c in text.chars() {
            if let Some((_, name)) = named.iter().find(|(named, _)| *named == c) {
                out.extend(['\\', *name]);
            } else {
                if matches!(c, '\'' | '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
        }
        out
    }

    /// PHP's `json_encode`: everything outside ASCII as `\u….`, and `\/`.
    fn json_encode_of_php(document: &Value) -> String {
        let mut out = String::new();
        for c in document.to_string().chars() {
            match c {
                '/' => out.push_str("\\/"),
                c if c.is_ascii() => out.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        out
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    /// Documents without the one ambiguity that is documented: a backslash in
    /// the text itself, which JSON doubles.
    fn json_without_backslashes() -> impl Strategy<Value = Value> {
        json().prop_map(|mut document| {
            remove_backslashes(&mut document);
            document
        })
    }

    fn remove_backslashes(document: &mut Value) {
        match document {
            Value::String(text) => text.retain(|c| c != '\\'),
            Value::Array(items) => items.iter_mut().for_each(remove_backslashes),
            Value::Object(members) => {
                let renamed = std::mem::take(members)
                    .into_iter()
                    .map(|(name, mut value)| {
                        remove_backslashes(&mut value);
                        (name.replace('\\', ""), value)
                    });
                *members = renamed.collect();
            }
            _ => {}
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[a-zа-я\"'\\\\/\n\t\r\u{8}\u{c}😀]{0,12}"]
    }

    proptest! {
        #[test]
        fn escaped_json_arrives_exactly(document in json()) {
            for written in [document.to_string(), json_encode_of_php(&document)] {
                let typed = escaped_by_php(&written); prop_assert_eq!(&free_text(&typed, '\''), &written);
                let typed = escaped_by_php(&written); prop_assert_eq!(&free_text(&typed, '"'), &written);
                let typed = escaped_by_node(&written); prop_assert_eq!(&free_text(&typed, '\''), &written);
            }
        }

        #[test]
        fn unescaped_json_arrives_exactly(document in json_without_backslashes()) {
            for written in [document.to_string(), json_encode_of_php(&document)] {
                let doubled = written.replace('\'', "''");
                prop_assert_eq!(&free_text(&doubled, '\''), &written);
                let only_quotes = written.replace('\'', "\\'");
                prop_assert_eq!(&free_text(&only_quotes, '\''), &written);
            }
        }

        #[test]
        fn escaped_plain_text_comes_back(text in any::<String>()) {
            let typed = escaped_by_php(&text); prop_assert_eq!(&unescape(&typed, '\''), &text);
            let typed = escaped_by_node(&text); prop_assert_eq!(&unescape(&typed, '"'), &text);
            let typed = text.replace('`', "``"); prop_assert_eq!(&unescape(&typed, '`'), &text);
        }

        #[test]
        fn any_text_between_quotes_is_read(raw in any::<String>()) {
            for delimiter in ['\'', '"', '`'] {
                free_text(&raw, delimiter);
            }
        }
    }
}
