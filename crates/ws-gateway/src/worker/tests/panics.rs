//! A panic ends those whose state nobody knows any more, and never the shard.

use super::by_hand::{ByHand, to_end};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_panic_in_a_round_ends_its_connections_and_the_shard_begins_anew() {
    let mut by_hand = ByHand::new(|_| {});
    let (first, first_client) = by_hand.connect();
    let (second, second_client) = by_hand.connect();
    let connection = by_hand.id(first);
    by_hand.worker.queue.enqueue(Item::Answer {
        connection,
        frame: frame::text("{}"),
        receipt: Some(Box::new(|| panic!("a receipt that fails"))),
    });
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    for (seat, client) in [(first, first_client), (second, second_client)] {
        assert!(by_hand.worker.members.peer(seat).is_none());
        to_end(client);
    }
    assert_eq!(by_hand.gateway.hall.counters().connections(), 0);

    let (third, third_client) = by_hand.connect();
    let connection = by_hand.id(third);
    by_hand.worker.queue.enqueue(Item::Answer {
        connection,
        frame: frame::text("after it"),
        receipt: None,
    });
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    by_hand.worker.end(third, End::Gone);
    assert!(to_end(third_client).ends_with(b"after it"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_panic_over_one_connection_ends_that_one_alone() {
    let mut by_hand = ByHand::new(|_| {});
    let (broken, broken_client) = by_hand.connect();
    let (other, _other_client) = by_hand.connect();
    let fail = |_: &mut Worker| panic!("a command that fails");
    by_hand.worker.guarded(Some(broken), fail);
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    assert!(by_hand.worker.members.peer(broken).is_none());
    to_end(broken_client);
    assert!(by_hand.worker.is_open(other));
    assert_eq!(by_hand.gateway.hall.counters().connections(), 1);
}
