//! Getting in: forms of the address, the greeting, refusals.

use pipes::limits::Limits;
use pipes::name::DevId;
use pipes::tenant::Tenants;
use tokio::net::TcpStream;

use crate::support::*;

#[tokio::test]
async fn every_form_of_the_address_leads_in() {
    let door = Door::open().await;
    door.give_key(42, "k3y").await;
    let parameters = "sesion=k3y&myid=42&devid=0&v=4.08&uuid=u&api=js";
    for prefix in [
        "/ws/",
        "//ws/",
        "/comet-server/ws/",
        "//comet-server/ws/",
        "/ws?",
        "/ws/?",
        "/comet-server/ws?",
    ] {
        let mut browser = door.connect(&format!("{prefix}{parameters}")).await;
        let greeting = browser.message().await;
        assert_eq!(greeting["authorized"], "true", "{prefix}");
        assert_eq!(greeting["data"], "k3y");
    }
}

#[tokio::test]
async fn the_handshake_is_answered_by_the_book() {
    let door = Door::open().await;
    let path = anonymous("4.08", "js");
    let browser = door.connect(&path).await;
    assert!(
        browser
            .head
            .contains("sec-websocket-accept: KrH/Y6wZshuSy4DdggwWY233CT0=\r\n"),
        "{}",
        browser.head
    );
    assert!(!browser.head.contains("sec-websocket-extensions"));
    assert!(!browser.head.contains("sec-websocket-protocol"));
    let offer = "Sec-WebSocket-Protocol: chat, other\r\n";
    let browser = door.connect_with(&path, offer).await;
    assert!(browser.head.contains("sec-websocket-protocol: chat\r\n"));
    let empty = "Sec-WebSocket-Protocol:\r\n";
    let browser = door.connect_with(&path, empty).await;
    assert!(!browser.head.contains("sec-websocket-protocol"));
}

/// The lines of an answer, but for the time.
fn lines(head: &str) -> Vec<&str> {
    let lines = head.lines().filter(|line| !line.starts_with("date:"));
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_handshake_is_answered_alike_with_few_header_fields_and_with_many() {
    let door = Door::open().await;
    let path = anonymous("4.08", "own");
    // More than are read without the HTTP library.
    let many: String = (0..60).map(|number| format!("x-{number}: y\r\n")).collect();
    for offer in ["", "Sec-WebSocket-Protocol: chat, other\r\n"] {
        let few = door.connect_with(&path, offer).await;
        let many = door.connect_with(&path, &format!("{offer}{many}")).await;
        assert_eq!(lines(&few.head), lines(&many.head));
        for mut browser in [few, many] {
            assert_eq!(browser.message().await["event"], "serverInfo");
            browser.settle().await;
        }
    }
}

#[tokio::test]
async fn who_says_nothing_at_first_is_let_in_later() {
    let door = Door::open().await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(soon(TcpStream::connect(door.address)).await.unwrap());
    }
    // The last one: whoever came before is at the door by now.
    door.modern().await.settle().await;
    let path = anonymous("4.08", "own");
    for stream in silent {
        let mut browser = Browser::upgrade(stream, &path, "").await;
        assert_eq!(browser.message().await["event"], "serverInfo");
        browser.settle().await;
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_is_an_http_error() {
    let door = Door::open().await;
    let path = anonymous("4.08", "js");
    for (request, status) in [
        (
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: close\r\n\r\n"),
            "400",
        ),
        (
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: close\r\nsec-websocket-version: 8\r\nsec-websocket-key: a\r\n\r\n"),
            "426",
        ),
        (
            format!("GET {path} HTTP/1.0\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n\r\n"),
            "400",
        ),
        (
            "GET /elsewhere HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: close\r\nsec-websocket-key: a\r\n\r\n".to_owned(),
            "404",
        ),
        ("complete garbage\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = String::from_utf8(door.raw(request.as_bytes()).await).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
}

#[tokio::test]
async fn the_greeting_comes_first_and_then_what_waited() {
    let door = Door::open().await;
    door.give_key(42, "k3y").await;
    for number in 0..70 {
        door.apply(pipes::Change::SendPrivate {
            user: pipes::name::UserId::new(42).ok(),
            event: pipes::name::EventName::parse("order").unwrap(),
            payload: number.to_string().into(),
        })
        .await;
    }
    let mut browser = door.greeted(&logged_in(42, "k3y", "4.08")).await;
    for number in 0..70 {
        let mail = browser.message().await;
        assert_eq!(mail["data"], number.to_string());
        assert_eq!(mail["fromQueue"], true);
        assert_eq!(mail["pipe"], "msg");
    }
    browser.settle().await;
    until(|| {
        let user = pipes::name::UserId::new(42).unwrap();
        door.hall.mailbox(DevId::ROOT, user).unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_an_anonymous_visitor_in_either_envelope() {
    let door = Door::open().await;
    door.give_key(42, "k3y").await;
    let mut browser = door.connect(&logged_in(42, "wrong", "3.25")).await;
    let greeting = browser.message().await;
    assert_eq!(greeting["authorized"], "false");
    assert_eq!(greeting["data"], "");
    assert_eq!(greeting["event_name"], "serverInfo");
    let mut browser = door.connect(&anonymous("4.08", "js")).await;
    let greeting = browser.message().await;
    assert_eq!(greeting["authorized"], "false");
    assert!(greeting.get("event_name").is_none());
}

#[tokio::test]
async fn commands_that_come_with_the_handshake_are_heard() {
    let door = Door::open().await;
    let path = anonymous("4.08", "own");
    let mut bytes = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: a\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(masked(0x81, b"pipe_count\nweb_a\n7\n"));
    bytes.extend(masked(0x88, &[0x03, 0xe8]));
    let answer = door.raw(&bytes).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let greeting = answer.find("serverInfo").unwrap();
    assert!(answer.find("user_in_pipe").unwrap() > greeting);
}

#[tokio::test]
async fn what_the_address_lacks_is_said_after_the_upgrade() {
    let two = Tenants::new("k").with(DevId::new(15).unwrap(), "k15");
    let door = Door::of(two, Limits::default(), |config| {
        config.allow_origins = vec!["shop.example".to_owned()];
    })
    .await;
    let shop = "Origin: https://shop.example\r\n";
    let long = "k".repeat(600);
    let long = format!("/ws/sesion={long}&myid=1&devid=0&v=4.08&api=js");
    for (path, headers, code) in [
        ("/ws/&v=4.08&api=js", shop, 401),
        (long.as_str(), shop, 401),
        ("/ws/sesion=a&myid=1&v=4.08&api=js", shop, 406),
        ("/ws/sesion=a&myid=1&devid=7&v=4.08&api=js", shop, 406),
        ("/ws/sesion=a&myid=1&devid=15&v=4&api=js", shop, 418),
        ("/ws/sesion=a&myid=1&devid=15&api=js", shop, 418),
        ("/ws/sesion=a&myid=1&devid=15&v=4.08&api=js", "", 423),
        (
            "/ws/sesion=a&myid=1&devid=15&v=4.08&api=js",
            "Origin: https://evil.example\r\n",
            423,
        ),
    ] {
        let mut browser = door.connect_with(path, headers).await;
        let error = browser.message().await;
        assert_eq!(error["error"], code, "{path}");
        assert_eq!(error["pipe"], "sys");
        assert_eq!(error["event"], "error");
        // Without a version the oldest envelope, which everyone understands.
        assert_eq!(error["data"].is_string(), code == 418, "{path}");
        browser.ends().await;
        let own = path.replace("&api=js", "&api=own");
        let mut browser = door.connect_with(&own, headers).await;
        assert_eq!(browser.message().await["error"], code);
        browser.closes(1008).await;
    }
    let welcome = "/ws/sesion=a&myid=1&devid=15&v=4.08&api=js";
    let mut browser = door.connect_with(welcome, shop).await;
    assert_eq!(browser.message().await["event"], "serverInfo");
}
