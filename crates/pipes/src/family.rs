//! Families of pipe names: what a name's prefix allows (compatibility reference
//! §5). One place answers who may publish, subscribe, count, list, and whether a
//! history is kept without being asked for.

use thiserror::Error;

use crate::name::{PipeName, UserId};
use crate::rules::Audience;

/// What a pipe's name says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `web_*`: browsers may publish.
    Web,
    /// `webauth_*`: authenticated browsers may publish.
    WebAuth,
    /// `track_*`: joins and leaves are announced, members can be listed.
    Track,
    /// `private_*`: only authenticated browsers may subscribe.
    Private,
    /// `trust_*`: always keeps a history.
    Trust,
    /// Names the browser clients use for themselves (`sys`, `msg`, `_answer…`,
    /// `comet_msg_…`, `__comet…`): silent pipes nobody may publish to.
    Reserved,
    /// Everything else: backends publish, browsers listen.
    Ordinary,
}

/// Why a browser or a backend may not do what it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Only backends publish here.
    #[error("a browser may publish only to pipes whose name starts with web_ or webauth_")]
    BackendOnly,
    /// Only authenticated browsers publish here.
    #[error("only authenticated users may publish to webauth_ pipes")]
    PublishNeedsLogin,
    /// Only authenticated browsers subscribe here.
    #[error("only authenticated users may subscribe to private_ pipes")]
    SubscribeNeedsLogin,
    /// A row of `pipes_settings` lets others subscribe.
    #[error("not everybody may subscribe to this pipe: it is for {0}")]
    SubscribeRule(Audience),
    /// A row of `pipes_settings` lets others publish.
    #[error("not everybody may publish to this pipe: it is for {0}")]
    PublishRule(Audience),
    /// A row of `pipes_settings` lets others read the history.
    #[error("not everybody may read the history of this pipe: it is for {0}")]
    HistoryRule(Audience),
    /// The name belongs to the browser clients.
    #[error("this name is reserved for the server's own answers")]
    Reserved,
    /// Subscribers of this family are not counted for browsers.
    #[error("only web_ and track_ pipes can be counted")]
    NotCountable,
    /// Subscribers of this family are not listed for browsers.
    #[error("only track_ pipes list their users")]
    NotListable,
}

impl Family {
    /// The family of a pipe.
    pub fn of(pipe: &PipeName) -> Self {
        let name = pipe.as_str();
        let starts = |prefix: &str| name.starts_with(prefix);
        if starts("web_") {
            Self::Web
        } else if starts("webauth_") {
            Self::WebAuth
        } else if starts("track_") {
            Self::Track
        } else if starts("private_") {
            Self::Private
        } else if starts("trust_") {
            Self::Trust
        } else if matches!(name, "sys" | "msg")
            || starts("_answer")
            || starts("comet_msg_")
            || starts("__comet")
        {
            Self::Reserved
        } else {
            Self::Ordinary
        }
    }

    /// The family in one word: its prefix, `reserved` or `ordinary`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web_",
            Self::WebAuth => "webauth_",
            Self::Track => "track_",
            Self::Private => "private_",
            Self::Trust => "trust_",
            Self::Reserved => "reserved",
            Self::Ordinary => "ordinary",
        }
    }

    /// Whether a browser may publish; `user` is who it is.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows_browser_publish(self, user: Option<UserId>) -> Result<(), Refusal> {
        match self {
            Self::Web => Ok(()),
            Self::WebAuth if user.is_some() => Ok(()),
            Self::WebAuth => Err(Refusal::PublishNeedsLogin),
            _ => Err(Refusal::BackendOnly),
        }
    }

    /// Whether a backend may publish.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows_backend_publish(self) -> Result<(), Refusal> {
        match self {
            Self::Reserved => Err(Refusal::Reserved),
            _ => Ok(()),
        }
    }

    /// Whether a browser may subscribe, or read the history.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows_subscribe(self, user: Option<UserId>) -> Result<(), Refusal> {
        match self {
            Self::Private if user.is_none() => Err(Refusal::SubscribeNeedsLogin),
            _ => Ok(()),
        }
    }

    /// Whether a browser may ask how many subscribers there are.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows_count(self) -> Result<(), Refusal> {
        match self {
            Self::Web | Self::Track => Ok(()),
            _ => Err(Refusal::NotCountable),
        }
    }

    /// Whether a browser may ask who the subscribers are.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows_list(self) -> Result<(), Refusal> {
        match self {
            Self::Track => Ok(()),
            _ => Err(Refusal::NotListable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str) -> Family {
        Family::of(&PipeName::parse(name).unwrap())
    }

    #[test]
    fn prefixes_decide_the_family() {
        assert_eq!(family("web_chat"), Family::Web);
        assert_eq!(family("webauth_chat"), Family::WebAuth);
        assert_eq!(family("website"), Family::Ordinary);
        assert_eq!(family("track_online"), Family::Track);
        assert_eq!(family("_answer_to_web_chat"), Family::Reserved);
        assert_eq!(family("comet_news"), Family::Ordinary);
        assert_eq!(family("comet_msg_slave_signal_stop"), Family::Reserved);
    }

    #[test]
    fn a_browser_cannot_publish_to_a_backend_pipe() {
        let user = UserId::new(1).ok();
        for name in [
            "loginPipe",
            "track_a",
            "trust_a",
            "private_a",
            "sys",
            "user_status_1",
        ] {
            assert_eq!(
                family(name).allows_browser_publish(user),
                Err(Refusal::BackendOnly)
            );
        }
        assert!(family("web_a").allows_browser_publish(None).is_ok());
        assert!(family("webauth_a").allows_browser_publish(user).is_ok());
        assert!(family("webauth_a").allows_browser_publish(None).is_err());
    }

    #[test]
    fn only_private_pipes_ask_who_subscribes() {
        assert!(family("private_a").allows_subscribe(None).is_err());
        assert!(
            family("private_a")
                .allows_subscribe(UserId::new(1).ok())
                .is_ok()
        );
        assert!(family("sys").allows_subscribe(None).is_ok());
    }
}
