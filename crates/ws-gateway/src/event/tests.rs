//! Every kind of message in both envelopes, and a model of what the browser
//! clients make of them.

use pipes::message::{LiveMessage, MessageId, Position, PrivateMessage};
use pipes::name::{EventName, Uuid};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod golden;

const TIME: UnixTime = UnixTime(1_735_689_600);

fn pipe(name: &str) -> PipeName {
    PipeName::parse(name).unwrap()
}

fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}

/// The text of a frame, after a look at its header.
fn text(frame: &Bytes) -> &str {
    assert_eq!(frame[0], 0x81, "one whole text frame");
    let (header, length) = match frame[1] {
        126 => (4, u64::from(u16::from_be_bytes([frame[2], frame[3]]))),
        127 => (10, u64::from_be_bytes(frame[2..10].try_into().unwrap())),
        length => (2, u64::from(length)),
    };
    assert_eq!(frame.len() as u64, header as u64 + length);
    std::str::from_utf8(&frame[header..]).unwrap()
}

/// The text of a frame that carries the present time, with `T` in its place.
fn timeless(frame: &Bytes) -> String {
    const FIELD: &str = "\"message_send_time\":";
    let text = text(frame);
    let (before, rest) = text.split_once(FIELD).unwrap();
    let end = rest.find(',').unwrap();
    let time: u64 = rest[..end].parse().unwrap();
    assert!(UnixTime::now().0.abs_diff(time) < 60);
    format!("{before}{FIELD}T{}", &rest[end..])
}

fn live(event: Event, generation: Generation) -> String {
    text(&outgoing(&Outgoing::new(event), generation)).to_owned()
}

fn message(pipe_name: &str, event: &str, payload: &str, sender: Sender) -> Message {
    Message {
        pipe: pipe(pipe_name),
        event: EventName::parse(event).unwrap(),
        payload: payload.into(),
        sender,
        time: TIME,
    }
}

/// Of a pipe without history.
fn now(message: Message) -> LiveMessage {
    LiveMessage {
        message,
        position: None,
    }
}

fn stored(message: Message) -> StoredMessage {
    StoredMessage {
        id: MessageId("1".to_owned()),
        position: Position {
            epoch: 1,
            offset: 1,
        },
        message,
    }
}

use Generation::{V3, V4};

#[test]
fn the_greeting_is_worded_as_the_clients_need_it() {
    assert_eq!(
        timeless(&greeting(true, "k3yOfUser42", V4)),
        format!(
            r#"{{"authorized":"true","data":"k3yOfUser42","event":"serverInfo","message_send_time":T,"pipe":"sys","server":"{PRODUCT}"}}"#
        )
    );
    assert_eq!(
        timeless(&greeting(false, "", V3)),
        format!(
            r#"{{"authorized":"false","data":"","event":"serverInfo","event_name":"serverInfo","message_send_time":T,"pipe":"sys","server":"{PRODUCT}"}}"#
        )
    );
}

#[test]
fn a_message_of_a_browser_names_its_sender() {
    let say = |sender| Event::Message(now(message("web_room", "say", r#"{"t":"it's"}"#, sender)));
    let ann = Sender::Browser(Some(user(42)));
    assert_eq!(
        live(say(ann), V4),
        r#"{"data":"{\"t\":\"it\\u0027s\"}","event":"say","message_send_time":1735689600,"pipe":"web_room","user_id":42}"#
    );
    assert_eq!(
        live(say(ann), V3),
        r#"{"data":"{\"t\":\"it\\u0027s\"}","event":"say","event_name":"say","message_send_time":1735689600,"pipe":"web_room","user_id":42}"#
    );
    assert_eq!(
        live(say(Sender::Browser(None)), V4),
        r#"{"data":"{\"t\":\"it\\u0027s\"}","event":"say","message_send_time":1735689600,"pipe":"web_room","user_id":0}"#
    );
}

#[test]
fn a_message_of_a_backend_has_no_sender() {
    let added = Event::Message(now(message(
        "news",
        "added",
        r#"{"id":9}"#,
        Sender::Backend,
    )));
    assert_eq!(
        live(added.clone(), V4),
        r#"{"data":"{\"id\":9}","event":"added","message_send_time":1735689600,"pipe":"news"}"#
    );
    assert_eq!(
        live(added, V3),
        r#"{"data":"{\"id\":9}","event":"added","event_name":"added","message_send_time":1735689600,"pipe":"news"}"#
    );
}

#[test]
fn apostrophes_are_written_out_in_both_layers() {
    for (payload, data) in [
        ("it's", r#""it\u0027s""#),
        (r#""it's""#, r#""\"it\\u0027s\"""#),
        (r"it\'s", r#""\"it\\\\\\u0027s\"""#),
        (r#"{\"t\":\"it\'s\"}"#, r#""{\"t\":\"it\\u0027s\"}""#),
    ] {
        let event = Event::Message(now(message("web_a", "e", payload, Sender::Backend)));
        assert_eq!(
            live(event, V4),
            format!(
                r#"{{"data":{data},"event":"e","message_send_time":1735689600,"pipe":"web_a"}}"#
            )
        );
    }
}

#[test]
fn a_private_message_comes_on_the_pipe_msg() {
    let order = |from_queue| Event::Private {
        message: PrivateMessage {
            event: EventName::parse("order").unwrap(),
            payload: r#"{"n":7}"#.into(),
            time: TIME,
        },
        from_queue,
    };
    assert_eq!(
        live(order(false), V4),
        r#"{"data":"{\"n\":7}","event":"order","message_send_time":1735689600,"pipe":"msg"}"#
    );
    assert_eq!(
        live(order(true), V4),
        r#"{"data":"{\"n\":7}","event":"order","fromQueue":true,"message_send_time":1735689600,"pipe":"msg"}"#
    );
    assert_eq!(
        live(order(true), V3),
        r#"{"data":"{\"n\":7}","event":"order","event_name":"order","fromQueue":true,"message_send_time":1735689600,"pipe":"msg"}"#
    );
}

#[test]
fn presence_and_tracking_are_told() {
    let presence = |online| Event::Presence {
        pipe: pipe("user_status_42"),
        online,
        time: TIME,
    };
    assert_eq!(
        live(presence(true), V4),
        r#"{"data":"online","event":"online","message_send_time":1735689600,"pipe":"user_status_42"}"#
    );
    assert_eq!(
        live(presence(false), V3),
        r#"{"data":"offline","event":"offline","event_name":"offline","message_send_time":1735689600,"pipe":"user_status_42"}"#
    );
    let tracking = |joined, user, uuid: &str| Event::Tracking {
        pipe: pipe("track_hall"),
        joined,
        user,
        uuid: Uuid::lenient(uuid),
        member: 3,
        is_edge: true,
        version: PresenceVersion {
            epoch: 7,
            version: 9,
        },
        time: TIME,
    };
    assert_eq!(
        live(
            tracking(true, Some(user(42)), "Qm3xT0bWf8-aZr_1Lk9vYc2HdNp5sEuJ"),
            V4
        ),
        r#"{"data":{"user_id":42,"uuid":"Qm3xT0bWf8-aZr_1Lk9vYc2HdNp5sEuJ"},"event":"subscription","message_send_time":1735689600,"pipe":"track_hall"}"#
    );
    assert_eq!(
        live(tracking(false, None, "zz0"), V4),
        r#"{"data":{"user_id":0,"uuid":"zz0"},"event":"unsubscription","message_send_time":1735689600,"pipe":"track_hall"}"#
    );
    assert_eq!(
        live(tracking(false, None, "zz0"), V3),
        r#"{"data":"{\"user_id\":0,\"uuid\":\"zz0\"}","event":"unsubscription","event_name":"unsubscription","message_send_time":1735689600,"pipe":"track_hall"}"#
    );
}

#[test]
fn the_delivery_report_repeats_the_payload_and_has_an_empty_error() {
    let report = |payload, generation| {
        timeless(&delivery_report(
            &pipe("web_room"),
            payload,
            3,
            None,
            generation,
        ))
    };
    assert_eq!(
        report(r#"{"t":"hi"}"#, V4),
        r#"{"data":{"error":"","message":"{\"t\":\"hi\"}","number_messages":3},"event":"answer","message_send_time":T,"pipe":"_answer_to_web_room"}"#
    );
    assert_eq!(
        report(r#"{"t":"it's"}"#, V4),
        r#"{"data":{"error":"","message":"{\"t\":\"it\u0027s\"}","number_messages":3},"event":"answer","message_send_time":T,"pipe":"_answer_to_web_room"}"#
    );
    assert_eq!(
        report("it's", V3),
        r#"{"data":"{\"error\":\"\",\"message\":\"it\\u0027s\",\"number_messages\":3}","event":"answer","event_name":"answer","message_send_time":T,"pipe":"_answer_to_web_room"}"#
    );
}

#[test]
fn only_the_oldest_clients_see_a_marker_on_a_history() {
    let ann = Sender::Browser(Some(user(42)));
    let entry = stored(message("web_room", "say", r#"{"t":"hi"}"#, ann));
    assert_eq!(
        text(&history_entry(&entry, "5520918347", V4)),
        r#"{"data":"{\"t\":\"hi\"}","event":"say","fromQueue":true,"history":true,"message_send_time":1735689600,"pipe":"web_room","user_id":42}"#
    );
    assert_eq!(
        text(&history_entry(&entry, "5520918347", V3)),
        r#"{"data":"{\"t\":\"hi\"}","event":"say","event_name":"say","fromQueue":true,"history":true,"marker":"5520918347","message_send_time":1735689600,"pipe":"web_room","user_id":42}"#
    );
    for none in ["undefined", ""] {
        assert_eq!(
            text(&history_entry(&entry, none, V3)),
            r#"{"data":"{\"t\":\"hi\"}","event":"say","event_name":"say","fromQueue":true,"history":true,"message_send_time":1735689600,"pipe":"web_room","user_id":42}"#
        );
    }
}

/// A list of members, numbered from 1, after nine changes.
fn members(members: &[(i64, &str)]) -> Members {
    let member = |(number, (id, uuid)): (u64, &(i64, &str))| Member {
        member: number,
        user: UserId::new(*id).ok(),
        uuid: Uuid::lenient(uuid),
    };
    Members {
        version: PresenceVersion {
            epoch: 7,
            version: 9,
        },
        members: (1..).zip(members).map(member).collect(),
    }
}

#[test]
fn answers_carry_the_marker_of_their_request() {
    assert_eq!(
        timeless(&pipe_count(3, "4471902263", V4)),
        r#"{"data":{"user_in_pipe":3},"event":"user_in_pipe","marker":"4471902263","message_send_time":T,"pipe":"_answer_pipe_count"}"#
    );
    assert_eq!(
        timeless(&pipe_count(3, "4471902263", V3)),
        r#"{"data":"{\"user_in_pipe\":3}","event":"user_in_pipe","event_name":"user_in_pipe","marker":"4471902263","message_send_time":T,"pipe":"_answer_pipe_count"}"#
    );
    let users = |generation| {
        let members = members(&[(42, "Qm3"), (0, "zz0")]);
        timeless(&pipe_users(&pipe("track_hall"), &members, "99", generation))
    };
    assert_eq!(
        users(V4),
        r#"{"data":[{"user_id":42,"uuid":"Qm3"},{"user_id":0,"uuid":"zz0"}],"event":"answer","marker":"99","message_send_time":T,"pipe":"track_hall"}"#
    );
    assert_eq!(
        users(V3),
        r#"{"data":"[{\"user_id\":42,\"uuid\":\"Qm3\"},{\"user_id\":0,\"uuid\":\"zz0\"}]","event":"answer","event_name":"answer","marker":"99","message_send_time":T,"pipe":"track_hall"}"#
    );
    let nobody = pipe_users(&pipe("track_hall"), &members(&[]), "undefined", V4);
    assert_eq!(
        timeless(&nobody),
        r#"{"data":[],"event":"answer","marker":"undefined","message_send_time":T,"pipe":"track_hall"}"#
    );
    assert_eq!(
        timeless(&user_data(42, r#"{"name":"Ann"}"#, "1180042931", V4)),
        r#"{"data":{"user_data":"{\"name\":\"Ann\"}","user_id":42},"event":"answer","marker":"1180042931","message_send_time":T,"pipe":"_answer"}"#
    );
    assert_eq!(
        timeless(&user_data(42, "it's", "1", V3)),
        r#"{"data":"{\"user_data\":\"it\\u0027s\",\"user_id\":42}","event":"answer","event_name":"answer","marker":"1","message_send_time":T,"pipe":"_answer"}"#
    );
}

#[test]
fn the_last_time_somebody_was_seen_has_no_marker() {
    assert_eq!(
        timeless(&user_status(7, -1, V4)),
        r#"{"data":{"data":-1,"last_online_time":-1},"event":"user_status_7","message_send_time":T,"pipe":"_answer_user_status"}"#
    );
    assert_eq!(
        timeless(&user_status(7, 0, V3)),
        r#"{"data":"{\"data\":0,\"last_online_time\":0}","event":"user_status_7","event_name":"user_status_7","message_send_time":T,"pipe":"_answer_user_status"}"#
    );
}

#[test]
fn errors_carry_what_their_command_promises() {
    let error = |detail, generation| timeless(&error("it's bad", detail, generation));
    let envelope = |data: &str| {
        format!(r#"{{"data":{data},"event":"error","message_send_time":T,"pipe":"sys"}}"#)
    };
    for (detail, data) in [
        (
            ErrorDetail::NoMessages,
            r#"{"error":"it\u0027s bad","number_messages":-1}"#,
        ),
        (
            ErrorDetail::SubscriptionLimit,
            r#"{"code":"403","error":"it\u0027s bad"}"#,
        ),
        (
            ErrorDetail::NoUser,
            r#"{"error":"it\u0027s bad","user_id":-1}"#,
        ),
        (
            ErrorDetail::NoUserData,
            r#"{"error":"it\u0027s bad","user_data":"","user_id":-1}"#,
        ),
    ] {
        assert_eq!(error(detail, V4), envelope(data));
    }
    assert_eq!(
        error(ErrorDetail::NoMessages, V3),
        r#"{"data":"{\"error\":\"it\\u0027s bad\",\"number_messages\":-1}","event":"error","event_name":"error","message_send_time":T,"pipe":"sys"}"#
    );
}

#[test]
fn a_fatal_error_stands_at_the_top_too() {
    assert_eq!(
        timeless(&fatal_error(423, "no", V4)),
        r#"{"data":{"error":"no","error_code":423,"info":"no"},"error":423,"event":"error","message_send_time":T,"pipe":"sys"}"#
    );
    assert_eq!(
        timeless(&fatal_error(401, "no", V3)),
        r#"{"data":"{\"error\":\"no\",\"error_code\":401,\"info\":\"no\"}","error":401,"event":"error","event_name":"error","message_send_time":T,"pipe":"sys"}"#
    );
}

/// What a client makes of one line (compatibility reference §4.2), or `None`
/// where it drops it.
struct Decoded {
    data: Value,
    sender: Option<String>,
}

fn decode(line: &str, generation: Generation) -> Option<Decoded> {
    // Steps 1 and 2.
    let line = line.trim_end().replace("\\'", "'");
    let message: Value = serde_json::from_str(&line).ok()?;
    let mut data = message.get("data")?.clone();
    // Step 4.
    let mut sender = None;
    if let Some(text) = data.as_str()
        && let Some(rest) = text.strip_prefix("A::")
    {
        let mut parts = rest.splitn(3, ';');
        sender = parts.next().map(str::to_owned);
        data = Value::String(parts.next().unwrap_or_default().to_owned());
    }
    if let Some(array) = data.as_array() {
        let forged = |first: &Value| first.as_str().is_some_and(|text| text.starts_with("A::"));
        assert!(!array.first().is_some_and(forged), "step 4 throws");
    }
    // Step 5.
    if generation == V3 && !message.get("event_name")?.is_string() {
        return None;
    }
    // Step 6.
    let data = match (data, generation) {
        (Value::String(text), _) => unescape(&text, generation),
        (other, V4 | Generation::Own) => other,
        (number @ Value::Number(_), V3) => number,
        (_, V3) => json!("[object Object]"),
    };
    Some(Decoded { data, sender })
}

fn unescape(text: &str, generation: Generation) -> Value {
    let mut text = text.replace("\\'", "'");
    if let Ok(value) = serde_json::from_str(&text) {
        return value;
    }
    for _ in 0..if generation == V3 { 1 } else { 2 } {
        text = stripped(&text);
        if let Ok(value) = serde_json::from_str(&text) {
            return value;
        }
        text = text.replace("\\'", "'");
        if let Ok(value) = serde_json::from_str(&text) {
            return value;
        }
    }
    Value::String(text)
}

fn stripped(text: &str) -> String {
    let mut result = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => result.extend(characters.next()),
            other => result.push(other),
        }
    }
    result
}

/// What the page must be given for a published payload.
fn promised(payload: &str) -> Value {
    serde_json::from_str(payload)
        .or_else(|_| serde_json::from_str(&stripped(payload)))
        .unwrap_or_else(|_| Value::String(payload.to_owned()))
}

/// Whether this model can hold the payload at all: JavaScript reads numbers and
/// lone surrogates that `Value` does not.
fn representable(payload: &str) -> bool {
    let json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let value = |text: &str| serde_json::from_str::<Value>(text).is_ok();
    let stripped = stripped(payload);
    json(payload) == value(payload) && json(&stripped) == value(&stripped)
}

fn well_formed(frame: &Bytes) -> Result<(), TestCaseError> {
    let line = text(frame);
    prop_assert!(!line.contains('\n'));
    prop_assert!(!line.contains('\''));
    let message: Value = serde_json::from_str(line).unwrap();
    prop_assert!(
        message["data"].is_string() || message["data"].is_object() || message["data"].is_array()
    );
    prop_assert!(message["pipe"].is_string() && message["event"].is_string());
    Ok(())
}

/// Text made of what the encodings stumble over.
fn treacherous() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\\"),
        Just("'"),
        Just("\""),
        Just("\\'"),
        Just("\\\""),
        Just("\\u0027"),
        Just("\n"),
        Just("\r"),
        Just("\t"),
        Just("\0"),
        Just("\u{2028}"),
        Just("😀"),
        Just("é"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(":"),
        Just(","),
        Just("A::"),
        Just(";"),
        Just("1"),
        Just("null"),
        Just("a"),
        Just(" "),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        treacherous().prop_map(Value::String),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((treacherous(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn payload() -> impl Strategy<Value = String> {
    let backslashed = |text: String| {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\'', "\\'")
    };
    prop_oneof![
        any::<String>(),
        treacherous(),
        json_value().prop_map(|value| value.to_string()),
        json_value().prop_map(|value| format!(" {value:#}\n")),
        json_value().prop_map(move |value| backslashed(value.to_string())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_page_is_given_exactly_what_was_published(payload in payload()) {
        prop_assume!(representable(&payload));
        let live = Outgoing::new(Event::Message(now(message("web_a", "e", &payload, Sender::Backend))));
        let private = Outgoing::new(Event::Private {
            message: PrivateMessage {
                event: EventName::parse("e").unwrap(),
                payload: payload.as_str().into(),
                time: TIME,
            },
            from_queue: true,
        });
        let entry = stored(message("web_a", "e", &payload, Sender::Browser(None)));
        for generation in [V3, V4, Generation::Own] {
            for frame in [
                outgoing(&live, generation),
                outgoing(&private, generation),
                history_entry(&entry, "m", generation),
            ] {
                well_formed(&frame)?;
                let seen = decode(text(&frame), generation).expect("not dropped");
                prop_assert_eq!(&seen.data, &promised(&payload));
                prop_assert_eq!(seen.sender, None, "nobody forges a sender");
            }
        }
    }

    #[test]
    fn answers_are_objects_to_every_client(free in prop_oneof![any::<String>(), treacherous()]) {
        for generation in [V3, V4, Generation::Own] {
            let frames = [
                (greeting(true, &free, generation), None),
                (delivery_report(&pipe("web_a"), &free, 1, None, generation),
                    Some(json!({"error": "", "message": free, "number_messages": 1}))),
                (user_data(1, &free, "m", generation),
                    Some(json!({"user_data": free, "user_id": 1}))),
                (error(&free, ErrorDetail::NoMessages, generation),
                    Some(json!({"error": free, "number_messages": -1}))),
                (fatal_error(423, &free, generation),
                    Some(json!({"error": free, "error_code": 423, "info": free}))),
            ];
            for (frame, expected) in frames {
                well_formed(&frame)?;
                let seen = decode(text(&frame), generation).expect("not dropped");
                if let Some(expected) = expected {
                    prop_assert_eq!(seen.data, expected);
                }
            }
        }
    }
}
