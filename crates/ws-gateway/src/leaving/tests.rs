//! Who leaves reads the last words whatever it says meanwhile, and not for ever.

use std::io::{Read, Write};
use std::thread;

use super::*;
use crate::config::GatewayConfig;
use crate::frame::CLOSE_TOO_BIG;
use crate::peer::tests::peer;
use crate::worker::tests::by_hand::{ByHand, to_end};

#[test]
fn who_goes_on_talking_while_it_leaves_is_read_so_often_a_turn() {
    let (mut peer, mut client) = peer();
    let words: Vec<u8> = (0..100).collect();
    client.write_all(&words).unwrap();
    let mut byte = [0];
    while peer.socket.read(&mut byte).is_err() {}
    assert_eq!(ignore(&mut peer, &mut byte), Rest::More);
    peer.socket.read(&mut byte).unwrap();
    assert_eq!(usize::from(byte[0]), 1 + MOST_IGNORED);
}

#[test]
fn who_is_quiet_has_not_ended_yet() {
    let (mut peer, client) = peer();
    let mut buffer = [0; 16];
    assert_eq!(ignore(&mut peer, &mut buffer), Rest::Quiet);
    drop(client);
    while ignore(&mut peer, &mut buffer) != Rest::Ended {}
}

/// Few bytes are read at once, so that all of a long message takes many turns.
fn slowly(change: impl FnOnce(&mut GatewayConfig)) -> ByHand {
    let mut by_hand = ByHand::new(change);
    by_hand.worker.buffer.truncate(1024);
    by_hand
}

/// The beginning of a text frame with a payload of this many bytes.
fn head(length: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_sends_all_of_a_message_that_is_too_long_reads_why_it_ends() {
    const LENGTH: usize = 4 * 1024 * 1024;
    let mut by_hand = slowly(|config| config.limits.message_bytes = 1000);
    let (seat, mut client) = by_hand.connect();
    let sending = thread::spawn(move || {
        client.write_all(&head(LENGTH as u64)).unwrap();
        client.write_all(&vec![b'x'; LENGTH]).unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        heard
    });
    by_hand.turn_until(|worker| worker.members.peer(seat).is_none());
    let heard = sending.join().unwrap();
    let [first, second] = CLOSE_TOO_BIG.to_be_bytes();
    let close = heard
        .windows(4)
        .position(|end| end[0] == 0x88 && end[2..] == [first, second]);
    let before = String::from_utf8_lossy(&heard[..close.unwrap()]).into_owned();
    assert!(before.contains("at most 1000 bytes"), "{before}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_never_ends_is_let_go_when_its_time_is_over() {
    let mut by_hand = slowly(|config| config.limits.message_bytes = 1000);
    let (seat, client) = by_hand.connect();
    let mut writer = client.try_clone().unwrap();
    let sending = thread::spawn(move || {
        let mut sent = writer.write_all(&head(u64::MAX / 2));
        while sent.is_ok() {
            sent = writer.write_all(&[b'x'; 1024]);
        }
    });
    by_hand.turn_until(|worker| worker.members.peer(seat).is_none());
    sending.join().unwrap();
    to_end(client);
}
