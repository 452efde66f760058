//! What is done in a shard's stead while its thread waits, and what is left to it.

use super::by_hand::{ByHand, to_end};
use super::*;

fn tell(by_hand: &ByHand, connection: ConnectionId, text: &str) {
    by_hand.worker.queue.enqueue(Item::Answer {
        connection,
        frame: frame::text(text),
        receipt: None,
    });
}

/// The thread waits from now on.
fn fall_asleep(by_hand: &mut ByHand) {
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    assert!(by_hand.worker.patience() > Duration::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_little_is_sent_in_the_stead_of_a_shard_that_waits() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, client) = by_hand.connect();
    let connection = by_hand.id(seat);
    fall_asleep(&mut by_hand);
    tell(&by_hand, connection, "one");
    tell(&by_hand, connection, "two");
    assert!(by_hand.worker.do_a_little());
    assert_eq!(by_hand.worker.queue.backlog(), 0);
    by_hand.worker.end(seat, End::Gone);
    let heard = String::from_utf8_lossy(&to_end(client)).into_owned();
    assert!(heard.find("one").unwrap() < heard.find("two").unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn much_and_whatever_is_not_sending_is_left_to_the_thread_in_its_order() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, client) = by_hand.connect();
    let connection = by_hand.id(seat);
    fall_asleep(&mut by_hand);
    for number in 0..100 {
        tell(&by_hand, connection, &format!("number {number:02}"));
    }
    assert!(!by_hand.worker.do_a_little());
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    fall_asleep(&mut by_hand);
    tell(&by_hand, connection, "the last");
    by_hand
        .worker
        .queue
        .enqueue(Item::Ended(connection, End::Gone));
    assert!(!by_hand.worker.do_a_little());
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    let heard = String::from_utf8_lossy(&to_end(client)).into_owned();
    let places: Vec<_> = (0..100)
        .map(|number| heard.find(&format!("number {number:02}")).unwrap())
        .collect();
    assert!(places.is_sorted() && heard.ends_with("the last"));
}
