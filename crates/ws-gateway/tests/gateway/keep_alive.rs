//! Quiet connections: asked, and given up when they do not answer.

use std::time::Duration;

use ws_gateway::GatewayConfig;

use crate::support::*;

fn short(config: &mut GatewayConfig) {
    config.limits.keep_alive = Duration::from_millis(250);
}

#[tokio::test]
async fn a_silent_original_client_is_asked_once_and_dropped_without_a_close() {
    let door = Door::with(short).await;
    let mut browser = door.original().await;
    let frames = browser.frames_to_end().await;
    let firsts: Vec<u8> = frames.iter().map(|frame| frame.first).collect();
    assert_eq!(firsts, [0x89]);
    assert!(frames[0].payload.is_empty());
    until(|| door.silent() == 1).await;
    assert_eq!(door.hall.counters().connections(), 0);
}

#[tokio::test]
async fn another_silent_client_is_told_why() {
    let door = Door::with(short).await;
    let mut browser = door.modern().await;
    assert_eq!(browser.frame().await.unwrap().first, 0x89);
    browser.closes(1008).await;
}

#[tokio::test]
async fn a_client_that_answers_stays() {
    let door = Door::with(short).await;
    let mut browser = door.original().await;
    // Long enough to be dropped twice.
    for _ in 0..6 {
        assert_eq!(browser.frame().await.expect("still here").first, 0x89);
        browser.send(0x8a, b"").await;
    }
    assert_eq!(door.silent(), 0);
}

#[tokio::test]
async fn a_client_in_the_middle_of_a_long_message_is_not_silent() {
    let door = Door::with(short).await;
    let mut browser = door.original().await;
    let command = masked(0x81, b"pipe_count\nweb_a\n7\n");
    let (last, slowly) = command.split_last().unwrap();
    // It cannot answer a ping inside a frame; its bytes have to do.
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    for byte in slowly {
        pause.tick().await;
        browser.send_raw(&[*byte]).await;
    }
    browser.send_raw(&[*last]).await;
    assert_eq!(browser.message().await["event"], "user_in_pipe");
}
