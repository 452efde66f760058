//! Whatever is due goes out in the order in which it came, and every receipt
//! belongs to its own frame.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::peer::tests::peer;

const V4: Generation = Generation::V4;

fn due(numbers: &[u32]) -> Due {
    let mut due = Due::default();
    for number in numbers {
        due.add(*number);
    }
    due
}

/// A text frame of these letters.
fn message(letters: &str) -> Bytes {
    frame::text(letters)
}

#[test]
fn frames_that_follow_one_another_are_one_run() {
    assert_eq!(due(&[3, 4, 5]).more.len(), 0);
    assert_eq!(due(&[3, 5, 6, 9]).more.len(), 2);
}

#[test]
fn receipts_belong_to_their_own_messages() {
    let (mut peer, _client) = peer();
    let mut round = Round::default();
    let mut due = Due::default();
    let (used, uses) = std::sync::mpsc::channel();
    for number in 0..20 {
        let used = used.clone();
        let between = round.add(V4, message("between"));
        if number % 3 == 0 {
            due.add(between);
        }
        let direct = round.add(V4, message("direct"));
        due.add(direct);
        round.add_receipt(7, direct, Box::new(move || used.send(number).unwrap()));
    }
    // Nobody sits there: dropped, not used.
    let lost = used.clone();
    round.add_receipt(8, 0, Box::new(move || lost.send(99).unwrap()));
    drop(used);
    assert_eq!(round.send(7, Some(&mut peer), &mut due), Sent::Accepted);
    assert_eq!(round.send(8, None, &mut Due::default()), Sent::Gone);
    round.clear();
    assert_eq!(uses.iter().collect::<Vec<_>>(), Vec::from_iter(0..20));
}

#[test]
fn a_ping_among_messages_counts_as_none() {
    let (mut peer, _client) = peer();
    let mut round = Round::default();
    let mut due = Due::default();
    for frame in [message("a"), frame::ping(), message("b")] {
        due.add(round.add(V4, frame));
    }
    round.send(0, Some(&mut peer), &mut due);
    assert_eq!(peer.tally.messages_out.get(), 2);
}

proptest! {
    #[test]
    fn a_connection_gets_exactly_what_is_due_in_order(
        lengths in proptest::collection::vec(prop_oneof![0usize..300, Just(200_000)], 1..12),
        picked in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let (mut peer, mut client) = peer();
        let mut round = Round::default();
        let mut due = Due::default();
        let mut expected = Vec::new();
        for (number, (length, picked)) in lengths.iter().zip(picked).enumerate() {
            let letter = char::from(b'a' + number as u8).to_string();
            let frame = message(&letter.repeat(*length));
            if picked {
                expected.extend_from_slice(&frame);
            }
            let number = round.add(V4, frame);
            if picked {
                due.add(number);
            }
        }
        let reading = std::thread::spawn(move || {
            let mut got = Vec::new();
            client.read_to_end(&mut got).unwrap();
            got
        });
        round.send(0, Some(&mut peer), &mut due);
        while !peer.flush().unwrap() {
            std::thread::yield_now();
        }
        drop(peer);
        prop_assert_eq!(reading.join().unwrap(), expected);
    }
}
