//! Commands that have to wait, and for what.

use futures_util::FutureExt;
use pipes::shard::Shard;

use super::*;
use crate::worker::tests::by_hand::ByHand;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_list_waits_for_room_in_the_shards_and_until_it_is_on_its_way() {
    let mut by_hand = ByHand::new(|_| {});
    let (seat, _client) = by_hand.connect();
    let session = by_hand.session(seat);
    let queue = &by_hand.worker.queue;
    queue.set_ahead(true);
    assert!(queue.is_congested());
    let command = "track_pipe_users\ntrack_hall\n7";
    let Turnout::Waits(errand) = session.carry_out(command) else {
        panic!("it does not wait for room");
    };
    let mut errand = errand.into_future();
    assert_eq!(queue.backlog(), 0, "nothing is answered yet");
    queue.set_ahead(false);
    assert!(errand.as_mut().now_or_never().is_none());
    assert!(queue.backlog() > 0, "the list is in the queue");
    by_hand.turn_until(|worker| worker.queue.backlog() == 0);
    assert!(
        errand.as_mut().now_or_never().is_some(),
        "the kernel has it"
    );
}
