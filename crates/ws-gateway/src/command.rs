//! What browsers say: one text message is a command word and its arguments, one a
//! line (compatibility reference §3). Nothing is copied but names.

use std::collections::HashSet;

use pipes::message::Position;
use pipes::name::{EventName, MAX_NAME, NameError, PipeName, UserId};
use thiserror::Error;

use crate::event::ErrorDetail;

/// A command of a browser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Replace the list of pipes. Names that are none are in `refused`.
    Subscription {
        pipes: Vec<PipeName>,
        refused: Vec<NameError>,
    },
    /// Subscribe to these pipes too, and send what was missed since the positions.
    Resume(Vec<(PipeName, Option<Position>)>),
    /// Several tabs of a browser stand behind this connection: it is to hear its
    /// own messages too, in their place, because one tab's are news to the others.
    Share,
    /// Publish to a pipe; `anonymous` for `@web_…`.
    Publish {
        pipe: PipeName,
        event: EventName,
        payload: &'a str,
        anonymous: bool,
    },
    /// Fetch a history.
    PipeLog { pipe: PipeName, marker: &'a str },
    /// Count subscribers.
    PipeCount { pipe: PipeName, marker: &'a str },
    /// List subscribers.
    TrackPipeUsers { pipe: PipeName, marker: &'a str },
    /// Read a user's public data.
    UserData { user: UserId, marker: &'a str },
    /// Read when a user was last here.
    UserStatus { user: UserId },
    /// Accepted without effect or answer.
    Ignored,
}

/// Why a text is no command; answered with a `sys` error.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub(crate) struct CommandError {
    pub(crate) text: String,
    pub(crate) detail: ErrorDetail,
}

impl CommandError {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            detail: ErrorDetail::NoMessages,
        }
    }

    fn with(self, detail: ErrorDetail) -> Self {
        Self { detail, ..self }
    }
}

impl From<NameError> for CommandError {
    fn from(error: NameError) -> Self {
        Self::new(error.to_string())
    }
}

/// The payload that would forge a sender in old clients (compatibility reference §9.3).
const FORGED_SENDER: &str = "A::";

impl<'a> Command<'a> {
    /// Reads a text message.
    ///
    /// # Errors
    /// [`CommandError`] says what was expected and what was got.
    pub(crate) fn parse(text: &'a str) -> Result<Self, CommandError> {
        let (word, arguments) = text.split_once('\n').unwrap_or((text, ""));
        match word {
            "subscription" => Ok(subscription(arguments)),
            "resume" => resume(arguments),
            "share" => Ok(Self::Share),
            "web_pipe2" => publish(arguments),
            "pipe_log" => {
                let (pipe, marker) = pipe_and_marker(arguments)?;
                Ok(Self::PipeLog { pipe, marker })
            }
            "pipe_count" => {
                let (pipe, marker) = pipe_and_marker(arguments)?;
                Ok(Self::PipeCount { pipe, marker })
            }
            "track_pipe_users" => pipe_and_marker(arguments)
                .map(|(pipe, marker)| Self::TrackPipeUsers { pipe, marker })
                .map_err(|error| error.with(ErrorDetail::NoUser)),
            "user_data" => {
                user_data(arguments).map_err(|error| error.with(ErrorDetail::NoUserData))
            }
            "user_status" => Ok(Self::UserStatus {
                user: user(arguments)?,
            }),
            "statistics" | "cgi_call" | "CometQL_call" => Ok(Self::Ignored),
            "" => Err(CommandError::new("the command is empty")),
            unknown => {
                let shown: String = unknown.chars().take(32).collect();
                Err(CommandError::new(format!("unknown command {shown:?}")))
            }
        }
    }
}

/// Any character outside the name alphabet separates names.
fn subscription(arguments: &str) -> Command<'_> {
    let mut pipes = Vec::new();
    let mut refused = Vec::new();
    let is_separator = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
    for name in arguments
        .split(is_separator)
        .filter(|name| !name.is_empty())
    {
        match PipeName::parse_with_minimum(name, 2) {
            Ok(pipe) => pipes.push(pipe),
            // Nobody is told of more.
            Err(error) if refused.len() < 100 => refused.push(error),
            Err(_) => {}
        }
    }
    Command::Subscription { pipes, refused }
}

/// Three lines a pipe: name, epoch, offset; the numbers are empty for a pipe the
/// browser has no position in. Of a pipe named twice the first position counts.
fn resume(arguments: &str) -> Result<Command<'_>, CommandError> {
    let mut lines = arguments.split('\n');
    let mut pipes = Vec::new();
    let mut seen = HashSet::new();
    while let Some(name) = lines.next().filter(|name| !name.is_empty()) {
        let pipe = PipeName::parse_with_minimum(name, 2)?;
        let (epoch, offset) = (lines.next(), lines.next());
        let position = match (epoch.unwrap_or_default(), offset.unwrap_or_default()) {
            ("", "") => None,
            (epoch, offset) => match (epoch.parse(), offset.parse()) {
                (Ok(epoch), Ok(offset)) => Some(Position { epoch, offset }),
                _ => {
                    return Err(CommandError::new(
                        "resume needs three lines a pipe: name, epoch and offset",
                    ));
                }
            },
        };
        // Reading one history again and again would cost the server, not the browser.
        if seen.insert(pipe.clone()) {
            pipes.push((pipe, position));
        }
    }
    Ok(Command::Resume(pipes))
}

fn publish(arguments: &str) -> Result<Command<'_>, CommandError> {
    let mut lines = arguments.splitn(4, '\n');
    let (Some(pipe), Some(event), Some(kind), Some(payload)) =
        (lines.next(), lines.next(), lines.next(), lines.next())
    else {
        return Err(CommandError::new(
            "web_pipe2 needs four lines: pipe, event, * and the message",
        ));
    };
    let (name, anonymous) = match pipe.strip_prefix('@') {
        Some(name) => (name, true),
        None => (pipe, false),
    };
    let pipe = PipeName::parse(name)?;
    if anonymous && !name.starts_with("web_") {
        return Err(CommandError::new("@ may stand only before a web_ pipe"));
    }
    let event = EventName::parse(event)?;
    if kind.chars().count() != 1 {
        return Err(CommandError::new("the fourth line must be *"));
    }
    if payload.starts_with(FORGED_SENDER) {
        return Err(CommandError::new("a message may not start with A::"));
    }
    Ok(Command::Publish {
        pipe,
        event,
        payload,
        anonymous,
    })
}

fn pipe_and_marker(arguments: &str) -> Result<(PipeName, &str), CommandError> {
    let mut lines = arguments.split('\n');
    let pipe = PipeName::parse(lines.next().unwrap_or_default())?;
    let marker = marker(lines.next().unwrap_or_default())?;
    Ok((pipe, marker))
}

fn user_data(arguments: &str) -> Result<Command<'_>, CommandError> {
    let (first, second) = arguments.split_once('\n').unwrap_or((arguments, ""));
    Ok(Command::UserData {
        marker: marker(first)?,
        user: user(second)?,
    })
}

/// A marker has the alphabet and the length of an event name, and the dot that
/// the original clients' random numbers sometimes carry.
fn marker(text: &str) -> Result<&str, CommandError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if text.len() <= MAX_NAME && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(CommandError::new(
            "the marker must be at most 64 of A-Z a-z 0-9 _ - .",
        ))
    }
}

fn user(text: &str) -> Result<UserId, CommandError> {
    let line = text.split('\n').next().unwrap_or_default();
    line.parse()
        .ok()
        .and_then(|number| UserId::new(number).ok())
        .ok_or_else(|| CommandError::new("the user id must be a positive number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pipe(name: &str) -> PipeName {
        PipeName::parse(name).unwrap()
    }

    #[test]
    fn a_subscription_lists_names_and_keeps_the_good_ones() {
        let long = "x".repeat(65);
        let text = format!("subscription\nweb_room\n\na\n{long}\nsys\ntrack.hall");
        let Ok(Command::Subscription { pipes, refused }) = Command::parse(&text) else {
            panic!("no subscription");
        };
        assert_eq!(
            pipes,
            [pipe("web_room"), pipe("sys"), pipe("track"), pipe("hall")]
        );
        assert_eq!(refused.len(), 2);
    }

    #[test]
    fn an_empty_subscription_is_one() {
        for text in ["subscription", "subscription\n"] {
            assert!(matches!(
                Command::parse(text),
                Ok(Command::Subscription { pipes, refused }) if pipes.is_empty() && refused.is_empty()
            ));
        }
    }

    #[test]
    fn a_payload_may_have_line_feeds() {
        let command = Command::parse("web_pipe2\n@web_a\nundefined\n*\nline 1\nline 2").unwrap();
        assert_eq!(
            command,
            Command::Publish {
                pipe: pipe("web_a"),
                event: EventName::parse("undefined").unwrap(),
                payload: "line 1\nline 2",
                anonymous: true,
            }
        );
    }

    #[test]
    fn a_publish_that_is_none_says_why() {
        for text in [
            "web_pipe2",
            "web_pipe2\nweb_a\ne\n*",
            "web_pipe2\nweb a\ne\n*\nx",
            "web_pipe2\n@webauth_a\ne\n*\nx",
            "web_pipe2\nweb_a\ne.e\n*\nx",
            "web_pipe2\nweb_a\ne\n**\nx",
            "web_pipe2\nweb_a\ne\n*\nA::7;x",
        ] {
            assert!(Command::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_resume_names_pipes_with_and_without_positions() {
        let at = |epoch, offset| Some(Position { epoch, offset });
        let resume = |pipes| Ok(Command::Resume(pipes));
        assert_eq!(
            Command::parse("resume\nweb_a\n7\n42\nweb_b\n\n\nweb_c\n0\n0"),
            resume(vec![
                (pipe("web_a"), at(7, 42)),
                (pipe("web_b"), None),
                (pipe("web_c"), at(0, 0)),
            ])
        );
        assert_eq!(
            Command::parse("resume\nweb_a\n7\n42\nweb_a\n7\n1"),
            resume(vec![(pipe("web_a"), at(7, 42))])
        );
        assert_eq!(Command::parse("resume"), resume(Vec::new()));
        for text in [
            "resume\nweb_a\nx\n1",
            "resume\nweb_a\n1\n-1",
            "resume\nweb a\n\n",
        ] {
            assert!(Command::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tabs_say_that_they_share_a_connection() {
        assert_eq!(Command::parse("share"), Ok(Command::Share));
    }

    #[test]
    fn the_word_is_compared_exactly() {
        assert!(Command::parse("subscriptionX\nweb_a").is_err());
        assert!(Command::parse("").is_err());
        assert_eq!(Command::parse("statistics\n{}"), Ok(Command::Ignored));
    }

    #[test]
    fn requests_take_a_marker() {
        assert_eq!(
            Command::parse("pipe_log\nweb_a\n551\n"),
            Ok(Command::PipeLog {
                pipe: pipe("web_a"),
                marker: "551"
            })
        );
        assert_eq!(
            Command::parse("track_pipe_users\ntrack_a\nundefined"),
            Ok(Command::TrackPipeUsers {
                pipe: pipe("track_a"),
                marker: "undefined"
            })
        );
        assert!(Command::parse("pipe_count\nweb_a\nm m\n").is_err());
        let error = Command::parse("user_data\n1\nabc").unwrap_err();
        assert_eq!(error.detail, ErrorDetail::NoUserData);
    }

    /// Lines that some command could be made of, and some that no command is.
    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            "[A-Za-z0-9_-]{0,66}",
            "(web|webauth|track|private|@web|@webauth)_[a-z]{0,5}",
            "[0-9]{1,20}",
            "-?[0-9]",
            "\\PC{0,20}",
            Just("*".to_owned()),
            Just("A::1;x".to_owned()),
        ]
    }

    fn word() -> impl Strategy<Value = String> {
        const WORDS: &[&str] = &[
            "subscription",
            "resume",
            "share",
            "web_pipe2",
            "pipe_log",
            "pipe_count",
            "track_pipe_users",
            "user_data",
            "user_status",
            "statistics",
            "cgi_call",
            "CometQL_call",
            "",
            "web_pipe",
            "subscriptionX",
        ];
        proptest::sample::select(WORDS).prop_map(str::to_owned)
    }

    fn name() -> impl Strategy<Value = String> {
        "[A-Za-z0-9_-]{2,64}"
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in any::<String>()) {
            let _ = Command::parse(&text);
        }

        #[test]
        fn any_lines_behind_a_command_are_a_command_or_an_error_that_says_why(
            word in word(),
            lines in proptest::collection::vec(line(), 0..8),
        ) {
            let text = format!("{word}\n{}", lines.join("\n"));
            match Command::parse(&text) {
                Ok(Command::Publish { pipe, payload, anonymous, .. }) => {
                    prop_assert!(!payload.starts_with("A::"));
                    prop_assert!(text.ends_with(payload));
                    prop_assert!(!anonymous || pipe.as_str().starts_with("web_"));
                }
                Ok(Command::Resume(pipes)) => {
                    let mut names: Vec<_> = pipes.iter().map(|(pipe, _)| pipe).collect();
                    names.sort();
                    names.dedup();
                    prop_assert_eq!(names.len(), pipes.len(), "one reading a pipe");
                }
                Ok(Command::UserData { user, .. } | Command::UserStatus { user }) => {
                    prop_assert!(user.number() > 0);
                }
                Ok(_) => {}
                Err(error) => prop_assert!(!error.text.is_empty() && error.text.len() < 500),
            }
        }

        #[test]
        fn a_subscription_finds_every_name_whatever_stands_between(
            names in proptest::collection::vec((name(), "[^A-Za-z0-9_-]{1,3}"), 0..20),
        ) {
            let list: String = names.iter().flat_map(|(name, between)| [name.as_str(), between.as_str()]).collect();
            let text = format!("subscription\n{list}");
            let expected: Vec<PipeName> = names.iter().map(|(name, _)| pipe(name)).collect();
            prop_assert_eq!(
                Command::parse(&text),
                Ok(Command::Subscription { pipes: expected, refused: Vec::new() })
            );
        }

        #[test]
        fn what_is_published_is_read_back_exactly(
            name in "(@?web|webauth)_[A-Za-z0-9_-]{0,55}",
            event in "[A-Za-z0-9_-]{1,64}",
            payload in any::<String>(),
        ) {
            prop_assume!(!payload.starts_with("A::"));
            let text = format!("web_pipe2\n{name}\n{event}\n*\n{payload}");
            prop_assert_eq!(
                Command::parse(&text),
                Ok(Command::Publish {
                    pipe: pipe(name.trim_start_matches('@')),
                    event: EventName::parse(&event).unwrap(),
                    payload: &payload,
                    anonymous: name.starts_with('@'),
                })
            );
        }

        #[test]
        fn positions_are_read_back_exactly(
            wanted in proptest::collection::btree_map(name(), proptest::option::of((any::<u64>(), any::<u64>())), 0..10),
        ) {
            let mut text = String::from("resume");
            let mut pipes = Vec::new();
            for (name, at) in &wanted {
                let (epoch, offset) = at.map_or_else(Default::default, |(epoch, offset)| (epoch.to_string(), offset.to_string()));
                text.push_str(&format!("\n{name}\n{epoch}\n{offset}"));
                pipes.push((pipe(name), at.map(|(epoch, offset)| Position { epoch, offset })));
            }
            prop_assert_eq!(Command::parse(&text), Ok(Command::Resume(pipes)));
        }
    }
}
