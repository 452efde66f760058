//! LIKE and REGEXP as MySQL means them: letters of either case are equal unless
//! the column's case matters, and `\` escapes in a LIKE pattern.

use regex::{Regex, RegexBuilder};

use super::collation::fold;
use crate::error::SqlError;

/// The longest LIKE pattern or regular expression, in bytes.
pub(super) const MAX_PATTERN_BYTES: usize = 4096;

/// The most memory a compiled regular expression may take, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// How many characters are compared between two looks at the clock.
const CHECK_EVERY: usize = 100_000;

/// Whether letters that differ in case alone are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// They are.
    Any,
    /// They are not.
    Exact,
}

impl Case {
    fn fold(self, letter: char) -> char {
        match self {
            Self::Any => fold(letter),
            Self::Exact => letter,
        }
    }
}

/// A LIKE pattern, ready to be matched against many texts.
pub(super) struct LikePattern {
    parts: Vec<Part>,
    case: Case,
}

enum Part {
    /// `%`
    AnyText,
    /// `_`
    AnyOne,
    /// A character, folded.
    Exactly(char),
}

/// Whether the whole of `text` is like `pattern`, in which `\\` escapes.
///
/// # Errors
/// `TooManyValues` beyond [`MAX_PATTERN_BYTES`].
pub(crate) fn is_like(text: &str, pattern: &str) -> Result<bool, SqlError> {
    LikePattern::new(pattern, Some('\\'), Case::Any)?.matches(text, || Ok(()))
}

impl LikePattern {
    /// # Errors
    /// `TooManyValues` beyond [`MAX_PATTERN_BYTES`].
    pub(super) fn new(pattern: &str, escape: Option<char>, case: Case) -> Result<Self, SqlError> {
        check_length(pattern)?;
        let mut parts = Vec::with_capacity(pattern.len());
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            parts.push(match letter {
                _ if Some(letter) == escape => {
                    Part::Exactly(case.fold(letters.next().unwrap_or(letter)))
                }
                '%' => Part::AnyText,
                '_' => Part::AnyOne,
                _ => Part::Exactly(case.fold(letter)),
            });
        }
        Ok(Self { parts, case })
    }

    /// Whether the whole of `text` is like the pattern. `check` is asked now
    /// and then whether to go on.
    ///
    /// Remembers only the last `%`: an earlier one never needs to give way,
    /// so the work is bounded by the product of the two lengths.
    pub(super) fn matches(
        &self,
        text: &str,
        check: impl Fn() -> Result<(), SqlError>,
    ) -> Result<bool, SqlError> {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        let mut steps = 0_usize;
        loop {
            steps += 1;
            if steps.is_multiple_of(CHECK_EVERY) {
                check()?;
            }
            let mut ahead = rest.clone();
            let next = ahead.next();
            let fits = match (self.parts.get(at), next) {
                (Some(Part::AnyText), _) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                (None, None) => return Ok(true),
                (Some(Part::AnyOne), Some(_)) => true,
                (Some(Part::Exactly(expected)), Some(letter)) => {
                    *expected == self.case.fold(letter)
                }
                (Some(_), None) | (None, Some(_)) => false,
            };
            if fits {
                at += 1;
                rest = ahead;
                continue;
            }
            let Some((start, from)) = &mut retry else {
                return Ok(false);
            };
            if from.next().is_none() {
                return Ok(false);
            }
            at = *start;
            rest = from.clone();
        }
    }
}

/// Compiles the pattern of REGEXP.
///
/// # Errors
/// `InvalidValue` when it is not a regular expression or is too large.
pub(super) fn regex(pattern: &str, case: Case) -> Result<Regex, SqlError> {
    let match_type = MatchType {
        case,
        has_lines: false,
        point_is_any: false,
    };
    regex_of(pattern, match_type)
}

/// What the letters of a match type say: `c`, `i`, `m`, `n`, `u`.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatchType {
    case: Case,
    /// `^` and `$` match at each line.
    has_lines: bool,
    /// `.` matches the end of a line too.
    point_is_any: bool,
}

impl MatchType {
    /// # Errors
    /// `InvalidValue` at another letter.
    pub(super) fn read(letters: &str, case: Case) -> Result<Self, SqlError> {
        let mut read = Self {
            case,
            has_lines: false,
            point_is_any: false,
        };
        for letter in letters.chars() {
            match letter {
                'c' => read.case = Case::Exact,
                'i' => read.case = Case::Any,
                'm' => read.has_lines = true,
                'n' => read.point_is_any = true,
                'u' => {}
                other => {
                    return Err(SqlError::invalid(format!(
                        "a match type has the letters c, i, m, n and u, not {other}"
                    )));
                }
            }
        }
        Ok(read)
    }
}

/// [`regex`] of any match type.
///
/// # Errors
/// As [`regex`].
pub(super) fn regex_of(pattern: &str, match_type: MatchType) -> Result<Regex, SqlError> {
    check_length(pattern)?;
    RegexBuilder::new(pattern)
        .case_insensitive(match_type.case == Case::Any)
        .multi_line(match_type.has_lines)
        .dot_matches_new_line(match_type.point_is_any)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build()
        .map_err(|error| SqlError::invalid(format!("not a regular expression: {error}")))
}

fn check_length(pattern: &str) -> Result<(), SqlError> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(SqlError::invalid(format!(
            "a pattern may have at most {MAX_PATTERN_BYTES} bytes, this one has {}",
            pattern.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        LikePattern::new(pattern, Some('\\'), Case::Any)
            .unwrap()
            .matches(text, || Ok(()))
            .unwrap()
    }

    #[test]
    fn like_follows_mysql() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "%", true),
            ("a", "", false),
            ("web_chat", "web\\_%", true),
            ("webXchat", "web\\_%", false),
            ("webXchat", "web_%", true),
            ("ПРИВЕТ", "привет", true),
            ("abcabd", "%ab_", true),
            ("abc", "a%b", false),
            ("50%", "50\\%", true),
            ("a\\", "a\\", true),
            ("aaa", "%a%a%a%a%", false),
        ] {
            assert_eq!(like(text, pattern), expected, "{text:?} LIKE {pattern:?}");
        }
    }

    #[test]
    fn a_regular_expression_that_explodes_is_refused() {
        assert!(regex("(a{1000}){1000}", Case::Any).is_err());
        assert!(regex("(", Case::Any).is_err());
        assert!(regex("^WEB_", Case::Any).unwrap().is_match("web_chat"));
    }

    #[test]
    fn case_matters_where_it_is_asked_to() {
        let like = |text| {
            let pattern = LikePattern::new("Web%", None, Case::Exact).unwrap();
            pattern.matches(text, || Ok(())).unwrap()
        };
        assert!(like("Web_chat") && !like("web_chat"));
        assert!(!regex("^WEB_", Case::Exact).unwrap().is_match("web_chat"));
    }

    proptest! {
        #[test]
        fn every_text_is_like_itself_escaped(text in "\\PC{0,20}") {
            let pattern: String = text.chars().flat_map(|c| ['\\', c]).collect();
            prop_assert!(like(&text, &pattern));
        }

        #[test]
        fn like_agrees_with_a_plain_recursive_matcher(text in "[ab]{0,8}", pattern in "[ab%_]{0,8}") {
            fn plain(text: &[u8], pattern: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'%', rest)), _) => (0..=text.len()).any(|n| plain(&text[n..], rest)),
                    (Some((b'_', rest)), Some((_, tail))) => plain(tail, rest),
                    (Some((p, rest)), Some((t, tail))) => p == t && plain(tail, rest),
                    _ => false,
                }
            }
            prop_assert_eq!(like(&text, &pattern), plain(text.as_bytes(), pattern.as_bytes()));
        }
    }
}
