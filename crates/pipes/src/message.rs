//! What travels: messages of pipes, private messages, presence, and the
//! envelope-free [`Event`] that a door encodes once per client generation and
//! shares among all receivers.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::family::Refusal;
use crate::name::{EventName, PipeName, UserId, Uuid};

/// Seconds since 1970, the only clock CometQL knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// The time now.
    pub fn now() -> Self {
        Self(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| elapsed.as_secs()),
        )
    }
}

/// Who published a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A backend, over CometQL. Receivers see no `user_id`.
    Backend,
    /// A browser: its authenticated user, or `None` for an anonymous visitor.
    Browser(Option<UserId>),
}

impl Sender {
    /// The `user_id` CometQL shows: 0 for backends and anonymous visitors.
    pub fn user_number(self) -> u32 {
        match self {
            Self::Backend | Self::Browser(None) => 0,
            Self::Browser(Some(user)) => user.number(),
        }
    }
}

/// Where a message stands in its pipe's history. `offset` grows by one with
/// every stored message; `epoch` changes when continuity is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// Names one unbroken run of offsets.
    pub epoch: u64,
    /// 1 for the first message of an epoch.
    pub offset: u64,
}

/// One message of a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The pipe it was published to.
    pub pipe: PipeName,
    /// The event's name, never empty: see [`EventName::or_undefined`].
    pub event: EventName,
    /// The payload as published, any text.
    pub payload: Arc<str>,
    /// Who published it.
    pub sender: Sender,
    /// When it was accepted.
    pub time: UnixTime,
}

/// A message on its way to those subscribed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMessage {
    /// The message.
    pub message: Message,
    /// Its place in the history, if the pipe keeps one.
    pub position: Option<Position>,
}

/// A message's name in a history: unique on every node, at most 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId(pub String);

/// A message that a pipe's history keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its unique name, for DELETE by id.
    pub id: MessageId,
    /// Its place in the history.
    pub position: Position,
    /// The message. The sender is [`Sender::Browser`], for histories do not
    /// keep whether an anonymous message came from a backend.
    pub message: Message,
}

/// A message for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateMessage {
    /// The event's name, never empty: see [`EventName::or_undefined`].
    pub event: EventName,
    /// The payload as sent, any text.
    pub payload: Arc<str>,
    /// When it was accepted.
    pub time: UnixTime,
}

/// A private message's number in the mailboxes: grows with every private
/// message accepted by this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MailId(pub u64);

/// A private message that waits for its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMail {
    /// Its number.
    pub id: MailId,
    /// The message.
    pub message: PrivateMessage,
}

/// Everything the hall sends to browsers on its own account. How it looks on
/// the wire is the door's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message of a pipe, live.
    Message(LiveMessage),
    /// A private message; `from_queue` when it waited in the mailbox.
    Private {
        /// The message.
        message: PrivateMessage,
        /// Whether it waited for its user.
        from_queue: bool,
    },
    /// A user's first connection opened, or the last one closed.
    Presence {
        /// The pipe `user_status_<id>`.
        pipe: PipeName,
        /// Online or offline.
        online: bool,
        /// When.
        time: UnixTime,
    },
    /// A changed rule has ended a subscription: for that connection alone.
    Unsubscribed {
        /// The pipe.
        pipe: PipeName,
        /// The rule.
        reason: Refusal,
        /// When.
        time: UnixTime,
    },
    /// Somebody joined or left a `track_` pipe.
    Tracking {
        /// The tracked pipe.
        pipe: PipeName,
        /// Joined or left.
        joined: bool,
        /// Who, if authenticated.
        user: Option<UserId>,
        /// The browser's own name.
        uuid: Uuid,
        /// Which member of the pipe, as [`Members`] has it.
        member: u64,
        /// Whether it is the first of its user's connections to join, or the last
        /// to leave; always, for somebody anonymous.
        is_edge: bool,
        /// Where this change stands among the pipe's.
        version: PresenceVersion,
        /// When.
        time: UnixTime,
    },
}

/// Where a change of a `track_` pipe's members stands: each is one more than the
/// one before, as long as the epoch is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PresenceVersion {
    /// Names one life of the pipe, from its first subscriber to its last; fits into
    /// a JavaScript number. 0 for a pipe that is not alive.
    pub epoch: u64,
    /// How many changes there have been.
    pub version: u64,
}

/// The members of a `track_` pipe after all changes up to `version`, those included
/// who are away and may come back at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// The last change that is in it.
    pub version: PresenceVersion,
    /// The newest first.
    pub members: Vec<Member>,
}

/// One connection in a `track_` pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number in this life of the pipe. Whoever comes back in time keeps it.
    pub member: u64,
    /// Who, if authenticated.
    pub user: Option<UserId>,
    /// The browser's own name.
    pub uuid: Uuid,
}

/// How many different encodings of one event a door may keep.
pub const ENCODINGS: usize = 3;

/// An event on its way out, shared by all its receivers, with room for the
/// bytes each client generation needs: made by the first shard that needs them,
/// then shared by reference.
#[derive(Debug)]
pub struct Outgoing {
    event: Event,
    encodings: [OnceLock<Bytes>; ENCODINGS],
}

impl Outgoing {
    /// Wraps an event for sending.
    pub fn new(event: Event) -> Arc<Self> {
        Arc::new(Self {
            event,
            encodings: Default::default(),
        })
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The bytes of encoding number `slot`, made by `encode` the first time.
    /// A slot at or past [`ENCODINGS`] is encoded anew each time.
    pub fn encoded(&self, slot: usize, encode: impl FnOnce(&Event) -> Bytes) -> Bytes {
        match self.encodings.get(slot) {
            Some(cell) => cell.get_or_init(|| encode(&self.event)).clone(),
            None => encode(&self.event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_encoded_once_per_slot() {
        let outgoing = Outgoing::new(Event::Presence {
            pipe: PipeName::parse("user_status_1").unwrap(),
            online: true,
            time: UnixTime(1),
        });
        let first = outgoing.encoded(0, |_| Bytes::from_static(b"a"));
        let second = outgoing.encoded(0, |_| panic!("encoded twice"));
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert_eq!(outgoing.encoded(1, |_| Bytes::from_static(b"b")), "b");
    }
}
