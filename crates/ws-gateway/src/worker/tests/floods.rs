//! Who says too much, or reads too little, costs the others nothing.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::by_hand::{ByHand, from_browser};
use super::*;

const PING: u8 = 0x9;
/// More than both ends of a loopback socket take.
const ENORMOUS: usize = 32 * 1024 * 1024;

/// A connection that has said more than is heard in one turn.
fn flooding(by_hand: &mut ByHand) -> (Seat, TcpStream) {
    let (seat, mut client) = by_hand.connect();
    let flood = from_browser(PING, b"").repeat(2 * READ_BUFFER / 6);
    client.write_all(&flood).unwrap();
    by_hand.turn_until(|worker| !worker.eager.is_empty());
    (seat, client)
}

/// Work for three rounds of the shard, for nobody.
fn work(by_hand: &ByHand) {
    for _ in 0..3 * ITEMS_PER_ROUND {
        by_hand.worker.queue.enqueue(Item::Answer {
            connection: ConnectionId(u64::MAX),
            frame: Bytes::new(),
            receipt: None,
        });
    }
}

fn unread(by_hand: &mut ByHand, seat: Seat) -> usize {
    by_hand.worker.members.peer(seat).unwrap().unread.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_flood_of_pings_never_fills_the_queue() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, _client) = flooding(&mut by_hand);
    while !by_hand.worker.eager.is_empty() {
        let waiting = by_hand.worker.queue.backlog();
        assert!(waiting < 64 * 1024, "{waiting} bytes wait for the shard");
        by_hand.turn();
    }
    assert!(by_hand.worker.is_open(seat));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn while_the_queue_is_full_nobody_has_another_turn() {
    let mut by_hand = ByHand::new(|config| config.limits.shard_backlog_bytes = 1000);
    let (seat, _client) = flooding(&mut by_hand);
    let before = unread(&mut by_hand, seat);
    work(&by_hand);
    by_hand.turn();
    by_hand.turn();
    assert_eq!(unread(&mut by_hand, seat), before);
    by_hand.turn_until(|worker| worker.eager.is_empty());
    assert_eq!(unread(&mut by_hand, seat), 0, "then all of it is heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_waits_for_a_turn_and_says_more_waits_once() {
    let mut by_hand = ByHand::new(|config| config.limits.shard_backlog_bytes = 1000);
    let (seat, mut client) = flooding(&mut by_hand);
    for _ in 0..5 {
        work(&by_hand);
        client.write_all(&from_browser(PING, b"more")).unwrap();
        by_hand.turn();
        assert_eq!(by_hand.worker.eager, [seat]);
    }
}

/// A connection for which no other frame may wait.
fn stuffed(by_hand: &mut ByHand) -> (Seat, TcpStream) {
    let (seat, client) = by_hand.connect();
    let limit = by_hand.gateway.config.limits.queued_bytes;
    let peer = by_hand.worker.members.peer(seat).unwrap();
    for length in [ENORMOUS, limit + 1] {
        let frame = Bytes::from(vec![0; length]);
        assert_eq!(peer.send(&frame), Sent::Accepted);
    }
    (seat, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_has_no_room_for_the_ping_that_asks_after_it_is_let_go() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, _client) = stuffed(&mut by_hand);
    // Enough for it to be asked, too few to be given up.
    for _ in 0..SLICES_PER_SWEEP * (SWEEPS_PER_INTERVAL + 1) {
        by_hand.worker.sweep();
    }
    let stays = by_hand.worker.members.peer(seat).is_some();
    assert!(!stays, "it would hear nothing any more");
    let counters = by_hand.gateway.hall.counters();
    assert_eq!(counters.slow_readers.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_has_no_room_for_the_ping_that_measures_it_is_let_go() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, _client) = stuffed(&mut by_hand);
    let id = by_hand.id(seat);
    let Worker { members, round, .. } = &mut by_hand.worker;
    members.answer(id, Bytes::new(), None, round);
    let mut overflown = Vec::new();
    assert_eq!(members.ask(round, 1, 1, &mut overflown), 0);
    assert_eq!(overflown, [seat]);
}
