//! Names and numbers that are valid because they exist: a `PipeName`, an
//! `EventName`, a `DevId`, a `UserId` can only be made by parsing, and the error
//! says what was expected and what was got. No rules about what a name *means*
//! live here; those are in [`crate::family`].

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::secret::Secret;

/// Longest pipe and event name, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest access key, in bytes (compatibility reference §2.1).
pub const MAX_KEY: usize = 32;
/// Longest browser uuid, in bytes.
pub const MAX_UUID: usize = 32;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text has more bytes than the limit.
    #[error("{what} is {length} characters long, the limit is {limit}")]
    TooLong {
        /// What was being parsed.
        what: &'static str,
        /// The length got.
        length: usize,
        /// The length allowed.
        limit: usize,
    },
    /// The text has fewer bytes than required.
    #[error("{what} is {length} characters long, at least {minimum} are needed")]
    TooShort {
        /// What was being parsed.
        what: &'static str,
        /// The length got.
        length: usize,
        /// The length required.
        minimum: usize,
    },
    /// The text has a character that is not allowed.
    #[error("{what} has the character {character:?}; allowed are {allowed}")]
    BadCharacter {
        /// What was being parsed.
        what: &'static str,
        /// The first offending character.
        character: char,
        /// The allowed set, for people.
        allowed: &'static str,
    },
    /// The number is outside its range.
    #[error("{what} is {number}, it must be between {minimum} and {maximum}")]
    OutOfRange {
        /// What was being parsed.
        what: &'static str,
        /// The number got.
        number: i64,
        /// The smallest allowed.
        minimum: i64,
        /// The largest allowed.
        maximum: i64,
    },
}

const NAME_ALPHABET: &str = "A-Z a-z 0-9 _ -";
const KEY_ALPHABET: &str = "A-Z a-z 0-9 = + / _";

/// A pipe's name: 1 to 64 of `[A-Za-z0-9_-]`. Doors may ask for a longer minimum.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipeName(Arc<str>);

impl PipeName {
    /// Parses a pipe name.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::parse_with_minimum(text, 1)
    }

    /// Parses a pipe name of at least `minimum` characters (CometQL asks for 3,
    /// a subscription for 2).
    ///
    /// # Errors
    /// As [`PipeName::parse`]; too long is reported before too short before characters.
    pub fn parse_with_minimum(text: &str, minimum: usize) -> Result<Self, NameError> {
        check_name("the pipe name", text, minimum)?;
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An event's name inside a pipe: 0 to 64 of `[A-Za-z0-9_-]`. Empty is allowed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventName(Arc<str>);

impl EventName {
    /// Parses an event name.
    ///
    /// # Errors
    /// [`NameError`] when it is too long or has other characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_name("the event name", text, 0)?;
        Ok(Self(text.into()))
    }

    /// The event's name as everyone sees it, live and in histories: an empty one
    /// is called `undefined` (compatibility reference §3.1). Sent empty it would make
    /// the oldest clients decode the payload as base64.
    #[must_use]
    pub fn or_undefined(self) -> Self {
        if self.0.is_empty() {
            Self("undefined".into())
        } else {
            self
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name a browser gave its tab: up to 32 of `[A-Za-z0-9_-]`. Not a secret
/// and not an identity.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uuid(Arc<str>);

impl Uuid {
    /// Keeps what may be kept of a browser's uuid: the valid characters up to
    /// the first invalid one, at most [`MAX_UUID`].
    pub fn lenient(text: &str) -> Self {
        let end = text
            .bytes()
            .take(MAX_UUID)
            .take_while(|byte| is_name_byte(*byte))
            .count();
        Self(text.get(..end).unwrap_or_default().into())
    }

    /// The uuid as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tenant. Nothing crosses from one to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DevId(u32);

impl DevId {
    /// The tenant of MySQL user `root`.
    pub const ROOT: Self = Self(0);
    /// The largest number a tenant can have.
    pub const MAX: u32 = 99_999;

    /// The tenant with this number.
    ///
    /// # Errors
    /// [`NameError::OutOfRange`] above [`DevId::MAX`].
    pub fn new(number: u32) -> Result<Self, NameError> {
        if number > Self::MAX {
            return Err(NameError::OutOfRange {
                what: "the dev_id",
                number: i64::from(number),
                minimum: 0,
                maximum: i64::from(Self::MAX),
            });
        }
        Ok(Self(number))
    }

    /// The tenant's number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// A site's own number for an authenticated user, 1 to 2147483647. "Nobody" is
/// `Option<UserId>::None`, which the wire writes as 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(u32);

impl UserId {
    /// The largest user id (a positive 32-bit signed integer).
    pub const MAX: i64 = i32::MAX as i64;

    /// The user with this number.
    ///
    /// # Errors
    /// [`NameError::OutOfRange`] when it is not in 1..=2147483647.
    pub fn new(number: i64) -> Result<Self, NameError> {
        match u32::try_from(number) {
            Ok(id) if id >= 1 && number <= Self::MAX => Ok(Self(id)),
            _ => Err(NameError::OutOfRange {
                what: "the user id",
                number,
                minimum: 1,
                maximum: Self::MAX,
            }),
        }
    }

    /// The user's number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// An access key of `users_auth`: 1 to 32 of `[A-Za-z0-9=+/_]`. Never printed
/// by `Debug`; compared in constant time.
#[derive(Clone)]
pub struct AccessKey(Secret);

impl AccessKey {
    /// Parses an access key. An empty one is refused: it would let anybody in.
    ///
    /// # Errors
    /// [`NameError`]: characters are checked before the length (compatibility reference §3.7).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        const WHAT: &str = "the key";
        if let Some(character) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '=' | '+' | '/' | '_')))
        {
            return Err(NameError::BadCharacter {
                what: WHAT,
                character,
                allowed: KEY_ALPHABET,
            });
        }
        if text.is_empty() {
            return Err(NameError::TooShort {
                what: WHAT,
                length: 0,
                minimum: 1,
            });
        }
        if text.len() > MAX_KEY {
            return Err(NameError::TooLong {
                what: WHAT,
                length: text.len(),
                limit: MAX_KEY,
            });
        }
        Ok(Self(Secret::new(text)))
    }

    /// The key itself. Only for the store, for SELECT by its owner, and for the greeting.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Whether `presented` is this key, in time that does not depend on where they differ.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.matches(presented)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

macro_rules! shown_as_inner {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )*};
}
shown_as_inner!(PipeName, EventName, Uuid, DevId, UserId);

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn check_name(what: &'static str, text: &str, minimum: usize) -> Result<(), NameError> {
    if text.len() > MAX_NAME {
        return Err(NameError::TooLong {
            what,
            length: text.chars().count(),
            limit: MAX_NAME,
        });
    }
    if text.len() < minimum {
        return Err(NameError::TooShort {
            what,
            length: text.len(),
            minimum,
        });
    }
    match text
        .chars()
        .find(|c| !(c.is_ascii() && is_name_byte(*c as u8)))
    {
        None => Ok(()),
        Some(character) => Err(NameError::BadCharacter {
            what,
            character,
            allowed: NAME_ALPHABET,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pipe_name_has_1_to_64_of_the_alphabet() {
        assert!(PipeName::parse("web_chat-1").is_ok());
        assert!(PipeName::parse(&"a".repeat(64)).is_ok());
        assert!(matches!(
            PipeName::parse(&"a".repeat(65)),
            Err(NameError::TooLong { length: 65, .. })
        ));
        assert!(matches!(
            PipeName::parse(""),
            Err(NameError::TooShort { .. })
        ));
        assert!(matches!(
            PipeName::parse_with_minimum("ab", 3),
            Err(NameError::TooShort { minimum: 3, .. })
        ));
        assert!(matches!(
            PipeName::parse("a.b"),
            Err(NameError::BadCharacter { character: '.', .. })
        ));
        assert!(PipeName::parse("пайп").is_err());
    }

    #[test]
    fn an_event_may_be_empty() {
        assert!(EventName::parse("").is_ok());
        assert!(EventName::parse("0-9").is_ok());
        assert!(EventName::parse("a b").is_err());
    }

    #[test]
    fn an_event_nobody_named_is_called_undefined() {
        let name = |text| EventName::parse(text).unwrap().or_undefined();
        assert_eq!(name("").as_str(), "undefined");
        assert_eq!(name("say").as_str(), "say");
    }

    #[test]
    fn a_uuid_ends_at_the_first_strange_character() {
        assert_eq!(Uuid::lenient("abc def").as_str(), "abc");
        assert_eq!(Uuid::lenient(&"x".repeat(40)).as_str().len(), 32);
        assert_eq!(Uuid::lenient("é").as_str(), "");
    }

    #[test]
    fn user_ids_are_positive_32_bit_numbers() {
        assert!(UserId::new(0).is_err());
        assert!(UserId::new(-3).is_err());
        assert!(UserId::new(i64::from(i32::MAX)).is_ok());
        assert!(UserId::new(i64::from(i32::MAX) + 1).is_err());
        assert!(UserId::new(99_999_999_999).is_err());
    }

    #[test]
    fn an_access_key_is_never_empty_and_never_printed() {
        assert!(AccessKey::parse("").is_err());
        assert!(AccessKey::parse("a-b").is_err());
        assert!(AccessKey::parse(&"a".repeat(33)).is_err());
        let key = AccessKey::parse("s3cret=").unwrap();
        assert!(!format!("{key:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn a_key_matches_only_itself(a in "[A-Za-z0-9=+/_]{1,32}", b in "[A-Za-z0-9=+/_]{0,40}") {
            let key = AccessKey::parse(&a).unwrap();
            prop_assert!(key.matches(&a));
            prop_assert_eq!(key.matches(&b), a == b);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in any::<String>()) {
            if let Ok(name) = PipeName::parse(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
            }
            let _ = Uuid::lenient(&text);
        }
    }
}
