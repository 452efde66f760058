//! Rules that a row of `pipes_settings` adds to what a pipe's family says: who may
//! subscribe, publish and read the history, which events there are, and how often
//! one connection may publish. Rules only ever narrow. What holds for one pipe is
//! put together in [`crate::settings`]; who asks is judged in [`crate::permission`].

use std::fmt;

use thiserror::Error;

use crate::name::{EventName, UserId};

/// Users one row may list.
pub const MAX_LISTED_USERS: usize = 1000;
/// Events one row may list.
pub const MAX_LISTED_EVENTS: usize = 100;
/// The most messages a minute a row may name.
pub const MAX_RATE: u32 = 1_000_000;

/// Who may do something: one of the words of [`Audience::WORDS`], or several
/// joined by commas, of which one must be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience(u8);

impl Audience {
    /// Everybody whom the pipe's family allows.
    pub const ANYONE: Self = Self(1);
    /// Whoever has logged in.
    pub const AUTHENTICATED: Self = Self(2);
    /// Users in the row's `user_ids`.
    pub const LISTED: Self = Self(4);
    /// Whoever logged in with a token whose claim `pipes` names the pipe.
    pub const TOKEN: Self = Self(8);
    /// No browser.
    pub const NOBODY: Self = Self(16);

    /// Every word with its meaning.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("anyone", Self::ANYONE),
        ("authenticated", Self::AUTHENTICATED),
        ("listed", Self::LISTED),
        ("token", Self::TOKEN),
        ("nobody", Self::NOBODY),
    ];

    /// Whether `other`'s words are all among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn parse(field: &'static str, text: &str) -> Result<Option<Self>, RuleError> {
        let mut audience = 0;
        for word in words(text) {
            let known = Self::WORDS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(word));
            let (_, known) = known.ok_or_else(|| RuleError::UnknownWord {
                field,
                word: word.chars().take(64).collect(),
            })?;
            audience |= known.0;
        }
        Ok((audience > 0).then_some(Self(audience)))
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Self::WORDS
            .iter()
            .filter(|(_, audience)| self.has(*audience));
        let words: Vec<&str> = words.map(|(word, _)| *word).collect();
        f.write_str(&words.join(","))
    }
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A word that names no audience.
    #[error(
        "the field {field} has the word {word:?}; allowed are anyone, authenticated, listed, \
         token, nobody, or several of them joined by commas"
    )]
    UnknownWord {
        /// Which rule.
        field: &'static str,
        /// The word.
        word: String,
    },
    /// Something in `user_ids` that is no user.
    #[error("the field user_ids has {0:?}; it must be user ids joined by commas")]
    NoUser(String),
    /// Something in `events` that is no event.
    #[error("the field events has {0:?}; it must be event names joined by commas")]
    NoEvent(String),
    /// A list is longer than it may be.
    #[error("the field {field} has more than {limit} entries")]
    TooMany {
        /// Which list.
        field: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A rate out of range.
    #[error("the field rate is {0}, it must be between 0 and {MAX_RATE} messages a minute")]
    BadRate(i64),
}

/// The rules of one row; what is `None` or empty is left to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Who may subscribe, count and list.
    pub subscribe: Option<Audience>,
    /// Which browsers may publish; backends always may.
    pub publish: Option<Audience>,
    /// Who may read the history; without it whoever may subscribe.
    pub history: Option<Audience>,
    /// The listed users, by id.
    pub users: Box<[UserId]>,
    /// The events that may be published, by browsers and backends.
    pub events: Box<[EventName]>,
    /// How many messages a minute one connection may publish; 0 for any number.
    pub rate: u32,
}

/// [`Rules`] as the columns of a table have them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleTexts<'a> {
    /// Who may subscribe.
    pub subscribe: &'a str,
    /// Who may publish.
    pub publish: &'a str,
    /// Who may read the history.
    pub history: &'a str,
    /// The listed users.
    pub user_ids: &'a str,
    /// The events.
    pub events: &'a str,
    /// Messages a minute.
    pub rate: i64,
}

impl Rules {
    /// Reads the columns of a row.
    ///
    /// # Errors
    /// [`RuleError`], which names the column.
    pub fn parse(texts: &RuleTexts<'_>) -> Result<Self, RuleError> {
        let rate = u32::try_from(texts.rate)
            .ok()
            .filter(|rate| *rate <= MAX_RATE);
        let mut users = Vec::new();
        for word in words(texts.user_ids) {
            let number = word.parse().ok().and_then(|id| UserId::new(id).ok());
            users.push(number.ok_or_else(|| RuleError::NoUser(cut(word)))?);
            within("user_ids", users.len(), MAX_LISTED_USERS)?;
        }
        users.sort_unstable();
        users.dedup();
        let mut events = Vec::new();
        for word in words(texts.events) {
            let event = EventName::parse(word);
            events.push(event.map_err(|_| RuleError::NoEvent(cut(word)))?);
            within("events", events.len(), MAX_LISTED_EVENTS)?;
        }
        Ok(Self {
            subscribe: Audience::parse("subscribe", texts.subscribe)?,
            publish: Audience::parse("publish", texts.publish)?,
            history: Audience::parse("history", texts.history)?,
            users: users.into(),
            events: events.into(),
            rate: rate.ok_or(RuleError::BadRate(texts.rate))?,
        })
    }

    /// The columns `subscribe`, `publish`, `history`, `user_ids` and `events`.
    pub fn texts(&self) -> [String; 5] {
        let audience = |audience: Option<Audience>| {
            audience.map_or_else(String::new, |audience| audience.to_string())
        };
        let users: Vec<String> = self.users.iter().map(ToString::to_string).collect();
        let events: Vec<&str> = self.events.iter().map(EventName::as_str).collect();
        [
            audience(self.subscribe),
            audience(self.publish),
            audience(self.history),
            users.join(","),
            events.join(","),
        ]
    }

    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What they take in memory beyond themselves, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let events = self.events.iter().map(|event| event.as_str().len() + 32);
        self.users.len() * 4 + events.sum::<usize>()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(',').map(str::trim);
    words.filter(|word| !word.is_empty())
}

fn cut(word: &str) -> String {
    word.chars().take(64).collect()
}

fn within(field: &'static str, length: usize, limit: usize) -> Result<(), RuleError> {
    match length > limit {
        true => Err(RuleError::TooMany { field, limit }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(texts: &RuleTexts<'_>) -> String {
        Rules::parse(texts).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_column() {
        let none = RuleTexts::default();
        let wrong = [
            (
                RuleTexts {
                    publish: "all",
                    ..none.clone()
                },
                "publish",
                "\"all\"",
            ),
            (
                RuleTexts {
                    user_ids: "4,x",
                    ..none.clone()
                },
                "user_ids",
                "\"x\"",
            ),
            (
                RuleTexts {
                    user_ids: "0",
                    ..none.clone()
                },
                "user_ids",
                "\"0\"",
            ),
            (
                RuleTexts {
                    events: "a b",
                    ..none.clone()
                },
                "events",
                "\"a b\"",
            ),
            (
                RuleTexts {
                    rate: -1,
                    ..none.clone()
                },
                "rate",
                "-1",
            ),
        ];
        for (texts, field, value) in wrong {
            let text = refusal(&texts);
            assert!(text.contains(field) && text.contains(value), "{text}");
        }
        let many = "7,".repeat(MAX_LISTED_USERS + 1);
        assert!(
            refusal(&RuleTexts {
                user_ids: &many,
                ..none
            })
            .contains("1000")
        );
    }

    #[test]
    fn words_are_joined_by_commas_in_any_case_and_order() {
        let texts = RuleTexts {
            subscribe: "Token, listed",
            user_ids: " 7,3 , 7",
            events: "say,typing",
            ..RuleTexts::default()
        };
        let rules = Rules::parse(&texts).unwrap();
        assert_eq!(rules.texts(), ["listed,token", "", "", "3,7", "say,typing"]);
        assert!(!rules.is_empty());
        assert!(Rules::parse(&RuleTexts::default()).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn any_texts_are_read_without_panic_and_written_back_the_same(
            subscribe in "(anyone|listed|token|,| |x){0,5}",
            user_ids in "[0-9, -]{0,40}",
            events in "[a-z,_ ]{0,40}",
            rate in any::<i64>(),
        ) {
            let texts = RuleTexts {
                subscribe: &subscribe,
                user_ids: &user_ids,
                events: &events,
                rate,
                ..RuleTexts::default()
            };
            if let Ok(rules) = Rules::parse(&texts) {
                let [subscribe, publish, history, user_ids, events] = rules.texts();
                let again = RuleTexts {
                    subscribe: &subscribe,
                    publish: &publish,
                    history: &history,
                    user_ids: &user_ids,
                    events: &events,
                    rate,
                };
                prop_assert_eq!(Rules::parse(&again), Ok(rules));
            }
        }
    }
}
