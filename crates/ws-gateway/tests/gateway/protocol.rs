//! RFC 6455 from the client's side: what is allowed is served, what is not ends
//! the connection the way the client can bear.

use crate::support::*;

/// What a client may not send, with the Close code it earns.
fn violations() -> Vec<(&'static str, Vec<u8>, u16)> {
    let mut unmasked = vec![0x81, 5];
    unmasked.extend(b"hello");
    vec![
        ("reserved bit", masked(0xc1, b"x"), 1002),
        ("unmasked frame", unmasked, 1002),
        ("unknown data opcode", masked(0x83, b"x"), 1002),
        ("unknown control opcode", masked(0x8b, b"x"), 1002),
        ("long control frame", masked(0x89, &[b'x'; 126]), 1002),
        ("fragmented control frame", masked(0x09, b"x"), 1002),
        ("continuation of nothing", masked(0x80, b"x"), 1002),
        (
            "a message inside a message",
            [masked(0x01, b"x"), masked(0x81, b"y")].concat(),
            1002,
        ),
        ("close frame of one byte", masked(0x88, b"x"), 1002),
        ("text that is not UTF-8", masked(0x81, b"\xff\xfe"), 1007),
        (
            "fragments that are not UTF-8",
            [masked(0x01, b"\xd0"), masked(0x80, b"x")].concat(),
            1007,
        ),
        ("message too long", masked(0x81, &[b'x'; 2001]), 1009),
        (
            "fragments too long",
            [masked(0x01, &[b'x'; 1500]), masked(0x80, &[b'x'; 501])].concat(),
            1009,
        ),
        (
            "a length beyond all bounds",
            [vec![0x81], vec![0xff; 13]].concat(),
            1009,
        ),
    ]
}

async fn strict_door() -> Door {
    Door::with(|config| config.limits.message_bytes = 2000).await
}

#[tokio::test]
async fn an_original_client_that_breaks_the_rules_is_told_and_dropped_without_a_close() {
    let door = strict_door().await;
    for (what, bytes, _) in violations() {
        let mut browser = door.original().await;
        browser.send_raw(&bytes).await;
        let frames = browser.frames_to_end().await;
        let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
        assert_eq!(firsts, [0x81], "{what}");
        let told: serde_json::Value = serde_json::from_slice(&frames[0].payload).unwrap();
        assert_eq!(told["event"], "error", "{what}");
        assert!(told.get("error").is_none(), "{what}: it may come back");
    }
}

#[tokio::test]
async fn another_client_that_breaks_the_rules_is_closed_with_the_right_code() {
    let door = strict_door().await;
    for (what, bytes, code) in violations() {
        let mut browser = door.modern().await;
        browser.send_raw(&bytes).await;
        browser.error().await;
        let close = browser.frame().await.unwrap();
        assert_eq!(close.first, 0x88, "{what}");
        assert_eq!(close.payload[..2], u16::to_be_bytes(code), "{what}");
        browser.ends().await;
    }
}

#[tokio::test]
async fn pings_are_answered_and_pongs_are_not() {
    let door = Door::open().await;
    for path in [anonymous("3.25", "js"), anonymous("4.08", "js")] {
        let mut browser = door.greeted(&path).await;
        browser.send(0x8a, b"unasked").await;
        browser.send(0x89, b"").await;
        let pong = browser.frame().await.unwrap();
        assert_eq!((pong.first, pong.payload.len()), (0x8a, 0));
        browser.send(0x89, &[b'p'; 125]).await;
        let pong = browser.frame().await.unwrap();
        assert_eq!((pong.first, pong.payload), (0x8a, vec![b'p'; 125]));
    }
}

#[tokio::test]
async fn text_may_come_in_fragments_with_pings_between_them() {
    let door = Door::open().await;
    let mut reader = door.original().await;
    reader.join(&door, "web_a", 1).await;
    let mut browser = door.original().await;
    let text = "web_pipe2\nweb_a\nsay\n*\nпривет".as_bytes();
    // Cut in the middle of a character.
    let (first, second) = text.split_at(text.len() - 3);
    browser.send(0x01, first).await;
    browser.send(0x89, b"between").await;
    assert_eq!(browser.frame().await.unwrap().first, 0x8a);
    browser.send(0x00, b"").await;
    browser.send(0x80, second).await;
    assert_eq!(reader.message().await["data"], "привет");
}

#[tokio::test]
async fn binary_is_text_if_it_is_text() {
    let door = Door::open().await;
    let mut browser = door.original().await;
    browser.send(0x82, b"\xff\xff").await;
    browser.send(0x82, b"pipe_count\nweb_a\n7\n").await;
    assert_eq!(browser.message().await["data"]["user_in_pipe"], 0);
}

#[tokio::test]
async fn bad_commands_leave_the_connection_open() {
    let door = Door::open().await;
    let mut browser = door.original().await;
    for command in [
        "",
        "unknown",
        "web_pipe2",
        "web_pipe2\nnews\nx\n*\n1",
        "web_pipe2\nwebauth_a\nx\n*\n1",
        "web_pipe2\nweb_a\nx\n*\nA::7;forged",
        "pipe_count\nwebauth_a\n1\n",
        "pipe_log\nprivate_a\n1\n",
        "subscription\nprivate_a",
        "subscription\na",
    ] {
        browser.say(command).await;
        assert_eq!(browser.error().await["number_messages"], -1, "{command}");
    }
    browser.say("track_pipe_users\nweb_a\n1").await;
    assert_eq!(browser.error().await["user_id"], -1);
    browser.say("user_data\n1\nabc").await;
    assert_eq!(browser.error().await["user_data"], "");
    for silent in ["statistics\n{}", "cgi_call\nx", "CometQL_call\nx"] {
        browser.say(silent).await;
    }
    browser.settle().await;
}

#[tokio::test]
async fn however_many_names_are_refused_a_few_are_told() {
    let door = Door::open().await;
    let mut browser = door.original().await;
    for name in ["x", "private_"] {
        let names: Vec<String> = (0..500)
            .map(|number| match name {
                "x" => name.to_owned(),
                family => format!("{family}{number}"),
            })
            .collect();
        browser
            .say(&format!("subscription\n{}", names.join("\n")))
            .await;
        browser.say("pipe_count\nweb_end\nend\n").await;
        let mut told = 0;
        while browser.message().await["marker"] != "end" {
            told += 1;
        }
        assert!((1..=10).contains(&told), "{told} errors for {name}");
    }
}
