//! Leaving, by either side.

use std::time::{Duration, Instant};

use pipes::Change;
use pipes::limits::Limits;
use pipes::name::UserId;
use pipes::tenant::Tenants;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::*;

/// What a proxy says before the browser does.
const ANNOUNCED: &str = "PROXY TCP4 192.0.2.1 192.0.2.2 5000 80\r\n";

#[tokio::test]
async fn an_original_client_that_closes_hears_nothing_more_but_the_end() {
    let door = Door::open().await;
    let mut browser = door.original().await;
    browser.join(&door, "news", 1).await;
    browser.send(0x89, b"p").await;
    assert_eq!(browser.frame().await.unwrap().first, 0x8a);
    browser.send(0x88, &[0x03, 0xe8]).await;
    door.subscribers("news", 0).await;
    door.publish("news", "too late").await;
    browser.ends().await;
}

#[tokio::test]
async fn the_socket_of_a_version_3_client_stays_open_a_while_and_silent() {
    const DELAY: Duration = Duration::from_millis(1200);
    let door = Door::open().await;
    door.give_key(42, "k3y").await;
    let mut watcher = door.original().await;
    watcher.join(&door, "user_status_42", 1).await;
    let mut browser = door.greeted(&logged_in(42, "k3y", "3.25")).await;
    assert_eq!(watcher.message().await["event"], "online");
    browser.join(&door, "news", 1).await;
    let start = Instant::now();
    browser.send(0x88, &[0x03, 0xe8]).await;
    // Offline at once, the socket is still open.
    assert_eq!(watcher.message().await["event"], "offline");
    door.subscribers("news", 0).await;
    door.publish("news", "too late").await;
    browser.send(0x89, b"ping after close").await;
    browser.ends().await;
    assert!(start.elapsed() >= DELAY, "the delay restart() needs");
}

#[tokio::test]
async fn another_client_that_closes_gets_its_close_back_and_nothing_after_it() {
    let door = Door::open().await;
    for (sent, answered) in [
        (&[0x03, 0xe8][..], &[0x03, 0xe8][..]),
        (b"\x0f\xa0bye", &[0x0f, 0xa0]),
        (&[], &[]),
        // A code nobody may send.
        (&[0x03, 0xed], &[0x03, 0xea]),
    ] {
        let mut browser = door.modern().await;
        browser.join(&door, "news", 1).await;
        browser.send(0x88, sent).await;
        let close = browser.frame().await.unwrap();
        assert_eq!((close.first, close.payload.as_slice()), (0x88, answered));
        browser.ends().await;
        door.subscribers("news", 0).await;
    }
}

#[tokio::test]
async fn a_client_that_just_goes_is_forgotten() {
    let door = Door::open().await;
    let mut polite = door.modern().await;
    polite.join(&door, "news", 1).await;
    let mut crashing = door.original().await;
    crashing.join(&door, "news", 2).await;
    crashing.crash();
    door.subscribers("news", 1).await;
    drop(polite);
    door.subscribers("news", 0).await;
    until(|| door.hall.counters().connections() == 0).await;
}

#[tokio::test]
async fn a_half_closed_client_is_no_offender() {
    let door = Door::open().await;
    let mut browser = door.modern().await;
    soon(browser.stream.shutdown()).await.unwrap();
    browser.ends().await;
}

#[tokio::test]
async fn a_deleted_key_drops_its_users_without_a_close() {
    let door = Door::open().await;
    door.give_key(42, "k3y").await;
    let mut four = door.greeted(&logged_in(42, "k3y", "4.08")).await;
    let mut three = door.greeted(&logged_in(42, "k3y", "3.25")).await;
    let own = logged_in(42, "k3y", "4.08").replace("api=js", "api=own");
    let mut own = door.greeted(&own).await;
    let mut other = door.original().await;
    door.apply(Change::RemoveKey {
        user: UserId::new(42).unwrap(),
    })
    .await;
    four.ends().await;
    three.ends().await;
    own.closes(1008).await;
    other.settle().await;
}

#[tokio::test]
async fn one_user_has_a_bounded_number_of_connections_and_is_told() {
    let limits = Limits {
        connections_per_user: 1,
        ..Limits::default()
    };
    let door = Door::of(Tenants::new("k"), limits, |_| {}).await;
    door.give_key(42, "k3y").await;
    let path = logged_in(42, "k3y", "4.08");
    let mut first = door.greeted(&path).await;
    let mut second = door.connect(&path).await;
    assert_eq!(second.message().await["error"], 429);
    second.ends().await;
    first.settle().await;
}

#[tokio::test]
async fn a_stop_waits_for_nobody_who_has_not_begun() {
    const HOUR: Duration = Duration::from_secs(3600);
    let door = Door::with(|config| {
        config.limits.handshake_time = HOUR;
        config.limits.http_time = HOUR;
        config.proxies.networks = vec!["127.0.0.0/8".parse().unwrap()];
        config.proxies.proxy_protocol = true;
    })
    .await;
    let mut strangers = Vec::new();
    for beginning in [&b""[..], b"PROXY TCP4 192.0.2.1", ANNOUNCED.as_bytes()] {
        let mut stranger = soon(TcpStream::connect(door.address)).await.unwrap();
        stranger.write_all(beginning).await.unwrap();
        strangers.push(stranger);
    }
    // Who comes after them is in, so they are at the door.
    let mut stream = soon(TcpStream::connect(door.address)).await.unwrap();
    stream.write_all(ANNOUNCED.as_bytes()).await.unwrap();
    let mut browser = Browser::upgrade(stream, &anonymous("4.08", "own"), "").await;
    browser.message().await;
    door.stop.send(true).unwrap();
    browser.closes(1001).await;
    soon(door.serving).await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_everybody_go_even_those_who_do_not_read() {
    let door = Door::with(|config| config.limits.queued_bytes = 1 << 30).await;
    let mut original = door.original().await;
    let mut own = door.modern().await;
    let mut stuck = door.narrow(&anonymous("4.08", "js")).await;
    stuck.join(&door, "news", 1).await;
    // More than the sockets take: its queue never empties.
    for _ in 0..4 {
        door.publish("news", "x".repeat(8 * 1024 * 1024)).await;
    }
    let mut idle_http = soon(TcpStream::connect(door.address)).await.unwrap();
    let mut slow_http = soon(TcpStream::connect(door.address)).await.unwrap();
    soon(slow_http.write_all(b"GET /in")).await.unwrap();
    original.settle().await;
    door.stop.send(true).unwrap();
    original.ends().await;
    own.closes(1001).await;
    assert_eq!(to_end(&mut idle_http).await, b"");
    to_end(&mut slow_http).await;
    soon(door.serving).await.unwrap();
    assert_eq!(door.hall.counters().connections(), 0);
    assert!(
        TcpStream::connect(door.address).await.is_err(),
        "nobody is let in any more"
    );
}
