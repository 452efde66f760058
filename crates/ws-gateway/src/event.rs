//! Every message the server sends to browsers, one function a kind, in the
//! envelope of each client generation (compatibility reference §4). Keys are in
//! alphabetical order.

use bytes::Bytes;
use pipes::message::{
    ENCODINGS, Event, Member, Members, Message, Outgoing, Position, PresenceVersion, Sender,
    StoredMessage, UnixTime,
};
use pipes::name::{PipeName, UserId};

use crate::frame;
use crate::json::{push_number, push_string};
use crate::payload::data_text;

/// The product's name and version, as greetings and HTTP answers carry it.
pub(crate) const PRODUCT: &str = concat!("CometWire ", env!("CARGO_PKG_VERSION"));

/// Which envelope a client understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Below 4: `data` is always a string, and `event_name` repeats `event`.
    V3,
    /// 4 and above.
    V4,
    /// Our own client: as 4, and messages say where they stand in their history.
    Own,
}

impl Generation {
    pub(crate) const fn slot(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V3 => 1,
            Self::Own => 2,
        }
    }
}

const _: () = assert!(Generation::Own.slot() < ENCODINGS);

/// The frame of an event on its way to many receivers: made once per generation.
pub(crate) fn outgoing(event: &Outgoing, generation: Generation) -> Bytes {
    event.encoded(generation.slot(), |event| match event {
        Event::Message(live) => pipe_message(&live.message, live.position, generation),
        Event::Private {
            message,
            from_queue,
        } => Envelope {
            data: Data::Text(&data_text(&message.payload)),
            event: message.event.as_str(),
            pipe: "msg",
            time: message.time,
            from_queue: *from_queue,
            ..Envelope::new(generation)
        }
        .frame(),
        Event::Presence { pipe, online, time } => presence(pipe, *online, *time, generation),
        Event::Unsubscribed { pipe, reason, time } => {
            let mut data = String::from(r#"{"error":"#);
            push_string(&mut data, &format!("{pipe}: {reason}"));
            data.push_str(r#","number_messages":-1}"#);
            Envelope {
                data: Data::Json(&data),
                event: "error",
                pipe: "sys",
                time: *time,
                ..Envelope::new(generation)
            }
            .frame()
        }
        Event::Tracking {
            pipe,
            joined,
            user,
            uuid,
            member,
            is_edge,
            version,
            time,
        } => {
            let mut data = String::new();
            match generation {
                Generation::Own => {
                    data.push_str(if *joined {
                        r#"{"first":"#
                    } else {
                        r#"{"last":"#
                    });
                    data.push_str(if *is_edge { "true" } else { "false" });
                    push_own_member(&mut data, *member, *user, uuid.as_str());
                }
                _ => push_member(&mut data, *user, uuid.as_str()),
            }
            Envelope {
                presence: Some(*version),
                data: Data::Json(&data),
                event: if *joined {
                    "subscription"
                } else {
                    "unsubscription"
                },
                pipe: pipe.as_str(),
                time: *time,
                ..Envelope::new(generation)
            }
            .frame()
        }
    })
}

fn pipe_message(message: &Message, position: Option<Position>, generation: Generation) -> Bytes {
    Envelope {
        data: Data::Text(&data_text(&message.payload)),
        event: message.event.as_str(),
        pipe: message.pipe.as_str(),
        time: message.time,
        user_id: match message.sender {
            Sender::Backend => None,
            Sender::Browser(_) => Some(message.sender.user_number()),
        },
        position,
        ..Envelope::new(generation)
    }
    .frame()
}

fn presence(pipe: &PipeName, online: bool, time: UnixTime, generation: Generation) -> Bytes {
    let word = if online { "online" } else { "offline" };
    Envelope {
        data: Data::Text(word),
        event: word,
        pipe: pipe.as_str(),
        time,
        ..Envelope::new(generation)
    }
    .frame()
}

/// The greeting: always the first message of a connection (§2.3).
pub(crate) fn greeting(authorized: bool, key: &str, generation: Generation) -> Bytes {
    Envelope {
        authorized: Some(if authorized { "true" } else { "false" }),
        data: Data::Text(key),
        event: "serverInfo",
        pipe: "sys",
        resumes: generation == Generation::Own,
        server: Some(PRODUCT),
        ..Envelope::new(generation)
    }
    .frame()
}

/// What the publishing browser is told after each accepted message (§4.7).
pub(crate) fn delivery_report(
    pipe: &PipeName,
    payload: &str,
    receivers: u64,
    position: Option<Position>,
    generation: Generation,
) -> Bytes {
    let mut data = String::from(r#"{"error":"","message":"#);
    push_string(&mut data, payload);
    data.push_str(r#","number_messages":"#);
    push_number(&mut data, receivers);
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        event: "answer",
        pipe: &format!("_answer_to_{pipe}"),
        position,
        ..Envelope::new(generation)
    }
    .frame()
}

/// One entry of a history (§4.8). A marker reaches only the oldest generation,
/// the newer one would drop the message.
pub(crate) fn history_entry(stored: &StoredMessage, marker: &str, generation: Generation) -> Bytes {
    let message = &stored.message;
    let marker = match generation {
        Generation::V3 if marker != "undefined" && !marker.is_empty() => Some(marker),
        _ => None,
    };
    Envelope {
        data: Data::Text(&data_text(&message.payload)),
        event: message.event.as_str(),
        pipe: message.pipe.as_str(),
        time: message.time,
        user_id: Some(message.sender.user_number()),
        from_queue: true,
        history: true,
        marker,
        position: Some(stored.position),
        ..Envelope::new(generation)
    }
    .frame()
}

/// A message our own client missed while it was away.
pub(crate) fn missed_message(stored: &StoredMessage, generation: Generation) -> Bytes {
    let message = &stored.message;
    Envelope {
        data: Data::Text(&data_text(&message.payload)),
        event: message.event.as_str(),
        pipe: message.pipe.as_str(),
        time: message.time,
        user_id: Some(message.sender.user_number()),
        position: Some(stored.position),
        resumed: true,
        ..Envelope::new(generation)
    }
    .frame()
}

/// Where a resumed pipe stands: `event` is `gap` or `resumed`. Only the server
/// says anything on `sys`, so nobody can forge it.
pub(crate) fn resume_mark(
    pipe: &PipeName,
    event: &str,
    position: Position,
    generation: Generation,
) -> Bytes {
    let mut data = String::from(r#"{"pipe":"#);
    push_string(&mut data, pipe.as_str());
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        event,
        pipe: "sys",
        position: Some(position),
        resumed: true,
        ..Envelope::new(generation)
    }
    .frame()
}

/// The answer to `pipe_count` (§4.9).
pub(crate) fn pipe_count(count: usize, marker: &str, generation: Generation) -> Bytes {
    let mut data = String::from(r#"{"user_in_pipe":"#);
    push_number(&mut data, count as u64);
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        event: "user_in_pipe",
        pipe: "_answer_pipe_count",
        marker: Some(marker),
        ..Envelope::new(generation)
    }
    .frame()
}

/// The answer to `track_pipe_users` (§4.9).
pub(crate) fn pipe_users(
    pipe: &PipeName,
    members: &Members,
    marker: &str,
    generation: Generation,
) -> Bytes {
    let mut data = String::from("[");
    for (index, Member { member, user, uuid }) in members.members.iter().enumerate() {
        if index > 0 {
            data.push(',');
        }
        match generation {
            Generation::Own => {
                data.push('{');
                push_own_member(&mut data, *member, *user, uuid.as_str());
            }
            _ => push_member(&mut data, *user, uuid.as_str()),
        }
    }
    data.push(']');
    Envelope {
        presence: Some(members.version),
        data: Data::Json(&data),
        event: "answer",
        pipe: pipe.as_str(),
        marker: Some(marker),
        ..Envelope::new(generation)
    }
    .frame()
}

/// The answer to `user_data` (§4.9).
pub(crate) fn user_data(user: u32, text: &str, marker: &str, generation: Generation) -> Bytes {
    let mut data = String::from(r#"{"user_data":"#);
    push_string(&mut data, text);
    data.push_str(r#","user_id":"#);
    push_number(&mut data, user);
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        event: "answer",
        pipe: "_answer",
        marker: Some(marker),
        ..Envelope::new(generation)
    }
    .frame()
}

/// The answer to `user_status`: 0 online, seconds since leaving, or -1 unknown (§4.9).
pub(crate) fn user_status(user: u32, seconds_away: i64, generation: Generation) -> Bytes {
    let mut data = String::from(r#"{"data":"#);
    push_number(&mut data, seconds_away);
    data.push_str(r#","last_online_time":"#);
    push_number(&mut data, seconds_away);
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        event: &format!("user_status_{user}"),
        pipe: "_answer_user_status",
        ..Envelope::new(generation)
    }
    .frame()
}

/// What an error message carries beside its text (§3, §4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorDetail {
    /// After a failed publish and most other commands: `number_messages` -1.
    NoMessages,
    /// Over a subscription limit: `code` "403".
    SubscriptionLimit,
    /// Over the limit of messages a second: `number_messages` -1 and `code` "429".
    TooManyMessages,
    /// After `track_pipe_users`: `user_id` -1.
    NoUser,
    /// After `user_data`: `user_id` -1 and an empty `user_data`.
    NoUserData,
}

/// An error that leaves the connection open (§4.11).
pub(crate) fn error(text: &str, detail: ErrorDetail, generation: Generation) -> Bytes {
    let mut data = String::from("{");
    data.push_str(match detail {
        ErrorDetail::SubscriptionLimit => r#""code":"403","#,
        ErrorDetail::TooManyMessages => r#""code":"429","#,
        _ => "",
    });
    data.push_str(r#""error":"#);
    push_string(&mut data, text);
    data.push_str(match detail {
        ErrorDetail::NoMessages | ErrorDetail::TooManyMessages => r#","number_messages":-1}"#,
        ErrorDetail::SubscriptionLimit => "}",
        ErrorDetail::NoUser => r#","user_id":-1}"#,
        ErrorDetail::NoUserData => r#","user_data":"","user_id":-1}"#,
    });
    Envelope {
        data: Data::Json(&data),
        event: "error",
        pipe: "sys",
        ..Envelope::new(generation)
    }
    .frame()
}

/// An error that ends the connection. The top-level code keeps clients from
/// trying again (§4.11), so it is only for what trying again cannot cure, and for
/// 429: original clients would come back every second, our own takes its time.
pub(crate) fn fatal_error(code: u16, text: &str, generation: Generation) -> Bytes {
    let mut data = String::from(r#"{"error":"#);
    push_string(&mut data, text);
    data.push_str(r#","error_code":"#);
    push_number(&mut data, code);
    data.push_str(r#","info":"#);
    push_string(&mut data, text);
    data.push('}');
    Envelope {
        data: Data::Json(&data),
        error: Some(code),
        event: "error",
        pipe: "sys",
        ..Envelope::new(generation)
    }
    .frame()
}

/// The rest of an object about a member, for our own client: it tells apart the
/// tabs of one browser by the member's number.
fn push_own_member(out: &mut String, member: u64, user: Option<UserId>, uuid: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(r#""member":"#);
    push_number(out, member);
    out.push_str(r#","user_id":"#);
    push_number(out, user.map_or(0, UserId::number));
    out.push_str(r#","uuid":"#);
    push_string(out, uuid);
    out.push('}');
}

fn push_member(out: &mut String, user: Option<UserId>, uuid: &str) {
    out.push_str(r#"{"user_id":"#);
    push_number(out, user.map_or(0, UserId::number));
    out.push_str(r#","uuid":"#);
    push_string(out, uuid);
    out.push('}');
}

enum Data<'a> {
    /// A string.
    Text(&'a str),
    /// A JSON value without raw apostrophes; becomes a string for the oldest generation.
    Json(&'a str),
}

struct Envelope<'a> {
    generation: Generation,
    authorized: Option<&'a str>,
    data: Data<'a>,
    error: Option<u16>,
    event: &'a str,
    from_queue: bool,
    history: bool,
    marker: Option<&'a str>,
    time: UnixTime,
    pipe: &'a str,
    /// Written for our own client only.
    position: Option<Position>,
    /// Written for our own client only.
    presence: Option<PresenceVersion>,
    resumed: bool,
    resumes: bool,
    server: Option<&'a str>,
    user_id: Option<u32>,
}

impl Envelope<'_> {
    fn new(generation: Generation) -> Self {
        Self {
            generation,
            authorized: None,
            data: Data::Text(""),
            error: None,
            event: "",
            from_queue: false,
            history: false,
            marker: None,
            time: UnixTime::now(),
            pipe: "",
            position: None,
            presence: None,
            resumed: false,
            resumes: false,
            server: None,
            user_id: None,
        }
    }

    fn frame(&self) -> Bytes {
        let data = match self.data {
            Data::Text(text) | Data::Json(text) => text,
        };
        let mut out = String::with_capacity(data.len() + data.len() / 8 + 160);
        out.push('{');
        if let Some(authorized) = self.authorized {
            field(&mut out, "authorized");
            push_string(&mut out, authorized);
        }
        field(&mut out, "data");
        match (&self.data, self.generation) {
            (Data::Json(json), Generation::V4 | Generation::Own) => out.push_str(json),
            _ => push_string(&mut out, data),
        }
        let position = self.position.filter(|_| self.generation == Generation::Own);
        if let Some(position) = position {
            field(&mut out, "epoch");
            push_number(&mut out, position.epoch);
        }
        if let Some(code) = self.error {
            field(&mut out, "error");
            push_number(&mut out, code);
        }
        field(&mut out, "event");
        push_string(&mut out, self.event);
        if self.generation == Generation::V3 {
            field(&mut out, "event_name");
            push_string(&mut out, self.event);
        }
        if self.from_queue {
            field(&mut out, "fromQueue");
            out.push_str("true");
        }
        if self.history {
            field(&mut out, "history");
            out.push_str("true");
        }
        if let Some(marker) = self.marker {
            field(&mut out, "marker");
            push_string(&mut out, marker);
        }
        field(&mut out, "message_send_time");
        push_number(&mut out, self.time.0);
        if let Some(position) = position {
            field(&mut out, "offset");
            push_number(&mut out, position.offset);
        }
        field(&mut out, "pipe");
        push_string(&mut out, self.pipe);
        if let (Some(presence), Generation::Own) = (self.presence, self.generation) {
            field(&mut out, "presence");
            out.push_str(r#"{"epoch":"#);
            push_number(&mut out, presence.epoch);
            out.push_str(r#","version":"#);
            push_number(&mut out, presence.version);
            out.push('}');
        }
        if self.resumed {
            field(&mut out, "resumed");
            out.push_str("true");
        }
        if self.resumes {
            field(&mut out, "resumes");
            out.push_str("true");
        }
        if let Some(server) = self.server {
            field(&mut out, "server");
            push_string(&mut out, server);
        }
        if let Some(user_id) = self.user_id {
            field(&mut out, "user_id");
            push_number(&mut out, user_id);
        }
        out.push('}');
        frame::text(&out)
    }
}

fn field(out: &mut String, name: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

#[cfg(test)]
mod tests;
