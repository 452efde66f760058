//! Every message the server can send, in the envelope of every client, byte by
//! byte against `golden.txt`. A change there is a change of the protocol.

use pipes::family::Refusal;
use pipes::rules::Audience;

use super::*;

const GOLDEN: &str = include_str!("golden.txt");

/// Any time as `T`.
fn line(frame: &Bytes) -> String {
    const FIELD: &str = "\"message_send_time\":";
    let (before, rest) = text(frame).split_once(FIELD).unwrap();
    let (time, after) = rest.split_once(',').unwrap();
    assert!(time.parse::<u64>().is_ok(), "{time}");
    format!("{before}{FIELD}T,{after}")
}

fn of(event: Event) -> impl Fn(Generation) -> Bytes {
    let event = Outgoing::new(event);
    move |generation| outgoing(&event, generation)
}

fn position(epoch: u64, offset: u64) -> Position {
    Position { epoch, offset }
}

/// Makes one message's frame for a client.
type Make = Box<dyn Fn(Generation) -> Bytes>;

fn every_message() -> Vec<(&'static str, Make)> {
    let ann = Sender::Browser(Some(user(42)));
    let say = |sender| message("web_room", "say", r#"{"t":"it's"}"#, sender);
    let kept = |message| LiveMessage {
        message,
        position: Some(position(7, 9)),
    };
    let private = |from_queue| Event::Private {
        message: PrivateMessage {
            event: EventName::parse("order").unwrap(),
            payload: r#"{"n":7}"#.into(),
            time: TIME,
        },
        from_queue,
    };
    let presence = |online| Event::Presence {
        pipe: pipe("user_status_42"),
        online,
        time: TIME,
    };
    let tracking = |joined, user| Event::Tracking {
        pipe: pipe("track_hall"),
        joined,
        user,
        uuid: Uuid::lenient("Qm3xT0bWf8-aZr_1Lk9vYc2HdNp5sEuJ"),
        member: 3,
        is_edge: true,
        version: PresenceVersion {
            epoch: 7,
            version: 9,
        },
        time: TIME,
    };
    let report = |at| {
        move |generation| delivery_report(&pipe("web_room"), r#"{"t":"it's"}"#, 3, at, generation)
    };
    let mark = |event: &'static str| {
        move |generation| resume_mark(&pipe("web_room"), event, position(7, 9), generation)
    };
    let refused = |detail| move |generation| error("it's bad", detail, generation);
    let entry = move || stored(say(ann));
    let members = |list: &'static [(i64, &'static str)]| {
        move |generation| pipe_users(&pipe("track_hall"), &members(list), "99", generation)
    };
    vec![
        (
            "greeting of a user",
            Box::new(|g| greeting(true, "k3yOfUser42", g)),
        ),
        (
            "greeting of a visitor",
            Box::new(|g| greeting(false, "", g)),
        ),
        (
            "message of a user",
            Box::new(of(Event::Message(now(say(ann))))),
        ),
        (
            "message of a visitor",
            Box::new(of(Event::Message(now(say(Sender::Browser(None)))))),
        ),
        (
            "message of a backend",
            Box::new(of(Event::Message(now(say(Sender::Backend))))),
        ),
        (
            "message on a pipe with history",
            Box::new(of(Event::Message(kept(say(Sender::Backend))))),
        ),
        ("private message", Box::new(of(private(false)))),
        ("private message that waited", Box::new(of(private(true)))),
        ("online", Box::new(of(presence(true)))),
        ("offline", Box::new(of(presence(false)))),
        ("join", Box::new(of(tracking(true, Some(user(42)))))),
        ("leave of a visitor", Box::new(of(tracking(false, None)))),
        (
            "subscription that a changed rule ended",
            Box::new(of(Event::Unsubscribed {
                pipe: pipe("web_room"),
                reason: Refusal::SubscribeRule(Audience::LISTED),
                time: TIME,
            })),
        ),
        ("delivery report", Box::new(report(None))),
        (
            "delivery report on a pipe with history",
            Box::new(report(Some(position(7, 9)))),
        ),
        (
            "entry of a history",
            Box::new(move |g| history_entry(&entry(), "5520918347", g)),
        ),
        (
            "entry of a history asked for without a marker",
            Box::new(move |g| history_entry(&entry(), "undefined", g)),
        ),
        (
            "missed message",
            Box::new(move |g| missed_message(&entry(), g)),
        ),
        ("missed messages that are gone", Box::new(mark("gap"))),
        ("end of the missed messages", Box::new(mark("resumed"))),
        (
            "number of subscribers",
            Box::new(|g| pipe_count(3, "4471902263", g)),
        ),
        (
            "list of subscribers",
            Box::new(members(&[(42, "Qm3"), (0, "zz0")])),
        ),
        ("empty list of subscribers", Box::new(members(&[]))),
        (
            "user's data",
            Box::new(|g| user_data(42, r#"{"name":"Ann's"}"#, "1180042931", g)),
        ),
        ("when a user was seen", Box::new(|g| user_status(7, 12, g))),
        (
            "refused message",
            Box::new(refused(ErrorDetail::NoMessages)),
        ),
        (
            "refused subscription",
            Box::new(refused(ErrorDetail::SubscriptionLimit)),
        ),
        (
            "too many messages a second",
            Box::new(refused(ErrorDetail::TooManyMessages)),
        ),
        (
            "refused list of subscribers",
            Box::new(refused(ErrorDetail::NoUser)),
        ),
        (
            "refused user's data",
            Box::new(refused(ErrorDetail::NoUserData)),
        ),
        (
            "end of the connection",
            Box::new(|g| fatal_error(423, "it's over", g)),
        ),
    ]
}

#[test]
fn every_message_is_as_the_golden_file_says() {
    let mut written = String::new();
    for (name, frame) in every_message() {
        written.push_str(&format!("{name}\n"));
        let all = [("v3 ", V3), ("v4 ", V4), ("own", Generation::Own)];
        // Only our own client asks for what it missed.
        let first = if name.contains("missed") { 2 } else { 0 };
        for (client, generation) in all.into_iter().skip(first) {
            let line = line(&frame(generation)).replace(PRODUCT, "PRODUCT");
            written.push_str(&format!("  {client}  {line}\n"));
        }
    }
    for (line, expected) in written.lines().zip(GOLDEN.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(written, GOLDEN);
}
