//! JSON text as the browser clients need it: every apostrophe is written as
//! `\u0027`, so that `\'` never appears in a frame (compatibility reference §0
//! rule 3).

use std::fmt::Write as _;

/// Appends `text` as a JSON string literal.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends `text` as the inside of a JSON string literal.
fn push_escaped(out: &mut String, mut text: &str) {
    while let Some((plain, rest)) = text.split_at_checked(plain_length(text.as_bytes())) {
        out.push_str(plain);
        let Some(byte) = rest.bytes().next() else {
            return;
        };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\'' => out.push_str("\\u0027"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        text = rest.get(1..).unwrap_or_default();
    }
}

/// How many bytes at the beginning go as they are.
fn plain_length(bytes: &[u8]) -> usize {
    /// So many the processor looks at together.
    const PIECE: usize = 16;
    let is_plain = |piece: &&[u8]| {
        piece
            .iter()
            .fold(true, |all, byte| all & !is_special(*byte))
    };
    let plain = bytes.chunks_exact(PIECE).take_while(is_plain).count() * PIECE;
    let rest = bytes.get(plain..).unwrap_or_default();
    let more = rest.iter().position(|byte| is_special(*byte));
    plain + more.unwrap_or(rest.len())
}

/// Whether a byte has to be written in another way. All such are ASCII.
const fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == b'\'')
}

/// Appends a number.
pub(crate) fn push_number(out: &mut String, number: impl Into<i128>) {
    let _ = write!(out, "{}", number.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_apostrophe_and_what_has_no_short_form_are_written_out() {
        let mut out = String::new();
        push_string(&mut out, "it's\u{1} \"so\"\\");
        assert_eq!(out, r#""it\u0027s\u0001 \"so\"\\""#);
    }

    proptest! {
        #[test]
        fn a_string_literal_reads_back_and_has_no_raw_apostrophe(text in any::<String>()) {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert!(!out.contains('\''));
            prop_assert!(!out.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }

        #[test]
        fn what_is_special_is_found_wherever_it_stands(
            text in "[a-zé]{0,50}", special in "['\"\\\\\\x00-\\x1f]", more in "[a-z']{0,50}"
        ) {
            let text = format!("{text}{special}{more}");
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert!(!out.contains(['\'', '\n', '\0']));
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
