//! Patterns of pipe names: one pipe, or with a `*` at the end all pipes whose
//! names begin so. Rows of `pipes_settings` and claims of tokens are for patterns.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::name::{MAX_NAME, NameError, PipeName};

/// The beginning of pipe names, written with a `*` behind it: 0 to 64 of
/// `[A-Za-z0-9_-]`. The empty one is every pipe's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipePrefix(Arc<str>);

impl PipePrefix {
    /// Parses the beginning itself, without the `*`.
    ///
    /// # Errors
    /// [`NameError`] when it is too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text {
            "" => Ok(Self("".into())),
            text => PipeName::parse(text).map(|name| Self(name.as_str().into())),
        }
    }

    /// The beginning, without the `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a pipe's name begins so.
    pub fn covers(&self, pipe: &PipeName) -> bool {
        pipe.as_str().starts_with(self.as_str())
    }
}

impl Borrow<str> for PipePrefix {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PipePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}*", self.0)
    }
}

/// One pipe, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PipePattern {
    /// That pipe.
    Pipe(PipeName),
    /// All whose names begin so.
    Prefix(PipePrefix),
}

impl PipePattern {
    /// Parses a pipe's name of at least `minimum` characters, or a prefix and `*`.
    ///
    /// # Errors
    /// [`NameError`] when it is neither.
    pub fn parse(text: &str, minimum: usize) -> Result<Self, NameError> {
        match text.strip_suffix('*') {
            Some(prefix) => PipePrefix::parse(prefix).map(Self::Prefix),
            None => PipeName::parse_with_minimum(text, minimum).map(Self::Pipe),
        }
    }

    /// Whether a pipe is meant.
    pub fn covers(&self, pipe: &PipeName) -> bool {
        match self {
            Self::Pipe(name) => name == pipe,
            Self::Prefix(prefix) => prefix.covers(pipe),
        }
    }
}

impl fmt::Display for PipePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe(name) => f.write_str(name.as_str()),
            Self::Prefix(prefix) => prefix.fmt(f),
        }
    }
}

/// The longest pattern, in bytes: a name and the `*`.
pub const MAX_PATTERN: usize = MAX_NAME + 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_at_the_end_makes_a_prefix() {
        let covers = |pattern: &str, pipe: &str| {
            let pattern = PipePattern::parse(pattern, 3).unwrap();
            pattern.covers(&PipeName::parse(pipe).unwrap())
        };
        assert!(covers("web_chat_*", "web_chat_7"));
        assert!(covers("web_chat_*", "web_chat_"));
        assert!(!covers("web_chat_*", "web_chat"));
        assert!(covers("web_chat", "web_chat"));
        assert!(!covers("web_chat", "web_chat_7"));
        assert!(covers("*", "x"));
        for wrong in ["web_*x*", "we b*", "**", "ab", ""] {
            assert!(PipePattern::parse(wrong, 3).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_is_written_as_it_was_read(text in "[a-z_*]{0,70}") {
            if let Ok(pattern) = PipePattern::parse(&text, 1) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
