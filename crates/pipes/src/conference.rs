//! Who was asked to which video call (compatibility reference §3.10). Calls need
//! a media server, and this server has none: what is here can be kept, shown and
//! removed, and nobody is called.

use std::sync::Arc;

use crate::name::{NameError, UserId};

/// Longest name of a conference, in characters.
pub const MAX_CONFERENCE_NAME: usize = 64;

/// A conference's name: 1 to 64 characters of any kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConferenceName(Arc<str>);

impl ConferenceName {
    /// Parses a conference's name.
    ///
    /// # Errors
    /// [`NameError`] when it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        const WHAT: &str = "the conference name";
        let length = text.chars().count();
        if length > MAX_CONFERENCE_NAME {
            return Err(NameError::TooLong {
                what: WHAT,
                length,
                limit: MAX_CONFERENCE_NAME,
            });
        }
        if length == 0 {
            return Err(NameError::TooShort {
                what: WHAT,
                length,
                minimum: 1,
            });
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One user asked to a conference. There is one for each name and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The conference.
    pub name: ConferenceName,
    /// Who is asked; `None` is user 0.
    pub user: Option<UserId>,
    /// Who asks; `None` is user 0.
    pub caller: Option<UserId>,
    /// What the user's pages are told.
    pub message: Arc<str>,
    /// The media server's profile.
    pub profile: Arc<str>,
    /// The media server's stream.
    pub stream: Arc<str>,
    /// The media server.
    pub node: Arc<str>,
}

/// Which participants of a tenant: those for whom everything given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParticipantFilter {
    /// Of this conference.
    pub name: Option<ConferenceName>,
    /// This user.
    pub user: Option<Option<UserId>>,
}

impl ParticipantFilter {
    /// Whether a participant is one of these.
    pub fn matches(&self, participant: &Participant) -> bool {
        self.name
            .as_ref()
            .is_none_or(|name| *name == participant.name)
            && self.user.is_none_or(|user| user == participant.user)
    }
}
