//! Plain HTTP on the browser port (compatibility reference §1.8).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

struct Answer {
    status: String,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

async fn ask(door: &Door, method: &str, target: &str) -> Answer {
    let request = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let bytes = door.raw(request.as_bytes()).await;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().to_owned(),
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

#[tokio::test]
async fn the_info_page_is_exact_with_and_without_a_prefix() {
    let door = Door::with(|config| config.node_name = "frankfurt-07".to_owned()).await;
    for target in [
        "/info",
        "/comet-server/info",
        "//comet-server/info",
        "/info?x=1",
    ] {
        let answer = ask(&door, "GET", target).await;
        assert_eq!(answer.status, "200", "{target}");
        assert_eq!(answer.body, br#"{"status":"ok","node":"frankfurt-"}"#);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), None);
    }
}

#[tokio::test]
async fn every_answer_has_its_length_and_is_open_to_all_origins() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("page.html"), "<p>hi").unwrap();
    let door = Door::with(|config| config.static_dir = Some(directory.path().to_owned())).await;
    for (method, target, status) in [
        ("GET", "/", "200"),
        ("GET", "/comet-server", "200"),
        ("GET", "/comet-server/", "200"),
        ("GET", "/CometServerApi.js", "200"),
        ("GET", "/comet-server/CometServerApi.js", "200"),
        ("GET", "/CometServerApi.js?v=4.08", "200"),
        ("GET", "/CometServerApi.mjs", "200"),
        ("GET", "/comet-server/CometServerApi.d.ts", "200"),
        ("GET", "/CometServerApi.d.mts", "200"),
        ("GET", "/examples/", "200"),
        ("GET", "/page.html", "200"),
        ("GET", "/comet-server/page.html", "200"),
        ("GET", "/page.html?query=1", "200"),
        ("GET", "/nothing", "404"),
        ("GET", "/comet-serverinfo", "404"),
        ("GET", "/comet-serverpage.html", "404"),
        ("POST", "/info", "404"),
        ("POST", "/sesion=x", "404"),
        ("PUT", "/", "404"),
        ("OPTIONS", "/anything", "200"),
    ] {
        let answer = ask(&door, method, target).await;
        assert_eq!(answer.status, status, "{method} {target}");
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(
            answer.header("access-control-allow-methods"),
            Some("POST, GET")
        );
        assert_eq!(answer.header("allow"), Some("POST, GET"));
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("origin, content-type, accept")
        );
        assert!(answer.header("server").unwrap().starts_with("CometWire "));
        assert_eq!(answer.header("comet-server"), answer.header("server"));
        if target != "/info" {
            assert!(answer.header("cache-control").is_some());
        }
    }
}

#[tokio::test]
async fn options_say_ok_and_head_says_how_long() {
    let door = Door::open().await;
    let options = ask(&door, "OPTIONS", "/info").await;
    assert_eq!(options.body, b"+OK\r\n");
    let whole = ask(&door, "GET", "/CometServerApi.js").await;
    let head = ask(&door, "HEAD", "/CometServerApi.js").await;
    assert_eq!(head.status, "200");
    assert!(head.body.is_empty());
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );
    assert_eq!(
        whole.header("content-type"),
        Some("text/javascript; charset=UTF-8")
    );
}

#[tokio::test]
async fn a_directory_leads_to_its_slash_behind_any_prefix() {
    let door = Door::open().await;
    for (target, location) in [
        ("/examples", "examples/"),
        ("/comet-server/examples", "examples/"),
        ("/examples/simple-chat", "simple-chat/"),
    ] {
        let answer = ask(&door, "GET", target).await;
        assert_eq!(answer.status, "301");
        assert_eq!(answer.header("location"), Some(location));
    }
}

#[tokio::test]
async fn only_files_meant_to_be_served_are() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    let inside = outside.path().join("public");
    std::fs::create_dir_all(inside.join(".git")).unwrap();
    std::fs::create_dir(inside.join("folder.txt")).unwrap();
    std::fs::write(inside.join("page.txt"), "public").unwrap();
    std::fs::write(inside.join(".hidden.txt"), "secret").unwrap();
    std::fs::write(inside.join(".git/config.txt"), "secret").unwrap();
    std::fs::write(inside.join("key.pem"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.txt"), inside.join("link.txt")).unwrap();
    let door = Door::with(|config| config.static_dir = Some(inside.clone())).await;
    assert_eq!(ask(&door, "GET", "/page.txt").await.body, b"public");
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/x/../../secret.txt",
        "/comet-server/../secret.txt",
        "/..%2fsecret.txt",
        "/.hidden.txt",
        "/.git/config.txt",
        "/key.pem",
        "/link.txt",
        "/folder.txt",
        "/page.txt/",
        "/page.txt%00.html",
        "/page.txt%00",
        "///page.txt",
        "/\\..\\secret.txt",
    ] {
        let answer = ask(&door, "GET", target).await;
        assert!(["404", "400"].contains(&answer.status.as_str()), "{target}");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("secret") && body != "public", "{target}");
    }
}

#[tokio::test]
async fn one_socket_may_ask_many_times() {
    let door = Door::open().await;
    let two = b"GET /info HTTP/1.1\r\nhost: x\r\n\r\nPOST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabcGET /info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = String::from_utf8(door.raw(two).await).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 404").count(), 1);
}

#[tokio::test]
async fn a_stream_ends_when_its_browser_leaves_and_its_user_is_gone() {
    let door = Door::open().await;
    let mut stream = soon(TcpStream::connect(door.address)).await.unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n",
        anonymous("4.50", "cometwire")
    );
    soon(stream.write_all(request.as_bytes())).await.unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("serverInfo") {
        assert_ne!(soon(stream.read_buf(&mut heard)).await.unwrap(), 0);
    }
    until(|| door.hall.counters().connections() == 1).await;
    drop(stream);
    until(|| door.hall.counters().connections() == 0).await;
    let text = String::from_utf8_lossy(&heard);
    let (_, session) = text.split_once("event: session\ndata: ").unwrap();
    let path = format!("/ws/session={}&request=1", session.lines().next().unwrap());
    let post = format!("POST {path} HTTP/1.0\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]");
    let answer = door.raw(post.as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.0 404 "));
}
