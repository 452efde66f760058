//! Sockets are bounded in number and in time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

const GET_INFO: &[u8] = b"GET /info HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again() {
    let door = Door::with(|config| config.limits.connections = 2).await;
    let browser = door.original().await;
    let mut other = door.modern().await;
    let answer = String::from_utf8(door.raw(GET_INFO).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    // Whatever way they leave, their places are free again.
    browser.crash();
    other.send(0x88, &[]).await;
    other.frames_to_end().await;
    drop(other);
    until(|| door.hall.counters().connections() == 0).await;
    soon(async {
        while !door
            .raw(b"GET /info HTTP/1.0\r\n\r\n")
            .await
            .starts_with(b"HTTP/1.0 200 ")
        {}
    })
    .await;
    for path in ["/ws/", "/ws/sesion=a&myid=1&devid=0&v=4.08"] {
        for _ in 0..5 {
            soon(async {
                loop {
                    let mut stream = TcpStream::connect(door.address).await.unwrap();
                    let upgrade = format!(
                        "GET {path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n\
                         connection: Upgrade\r\nsec-websocket-key: a\r\n\r\n"
                    );
                    stream.write_all(upgrade.as_bytes()).await.unwrap();
                    let mut start = [0; 12];
                    if stream.read_exact(&mut start).await.is_ok() && start.ends_with(b"101") {
                        break;
                    }
                }
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_request_that_never_ends_is_given_up() {
    let door = Door::with(|config| {
        config.limits.handshake_time = Duration::from_millis(200);
    })
    .await;
    for beginning in [&b""[..], b"G", b"GET /info HTTP/1.1\r\nhost: x\r\nx-a: "] {
        let answer = door.raw(beginning).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    // Between two requests, too.
    let answer = String::from_utf8(door.raw(GET_INFO).await).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1);
}

#[tokio::test]
async fn a_socket_speaks_plain_http_for_a_bounded_time() {
    let door = Door::with(|config| {
        config.limits.http_time = Duration::from_millis(300);
    })
    .await;
    let mut stream = soon(TcpStream::connect(door.address)).await.unwrap();
    soon(async {
        // Busy all the time, and ended all the same.
        let mut answer = [0; 4096];
        while stream.write_all(GET_INFO).await.is_ok() {
            if !matches!(stream.read(&mut answer).await, Ok(1..)) {
                break;
            }
        }
    })
    .await;
    let mut browser = door.original().await;
    let mut longer = tokio::time::interval(Duration::from_millis(400));
    longer.tick().await;
    longer.tick().await;
    browser.settle().await;
}

#[tokio::test]
async fn a_head_without_end_and_a_body_without_end_are_not_read_to_it() {
    let door = Door::open().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let answer = String::from_utf8_lossy(&door.raw(long.as_bytes()).await).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    let mut stream = soon(TcpStream::connect(door.address)).await.unwrap();
    let head = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let chunk = [b'x'; 64 * 1024];
    soon(async { while stream.write_all(&chunk).await.is_ok() {} }).await;
}
