//! Who waits for a shard that is behind, and when its thread is woken.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use mio::Events;
use pipes::shard::PipeId;

use super::*;

fn queue(backlog_limit: usize) -> Arc<ShardQueue> {
    ShardQueue::new(backlog_limit, &Arc::default(), 0).unwrap()
}

fn join() -> Delivery {
    Delivery::Join {
        connection: ConnectionId(1),
        pipe: PipeId(1),
    }
}

/// Whether the thread would be woken.
fn is_woken(poll: &mut Poll) -> bool {
    let mut events = Events::with_capacity(1);
    poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    !events.is_empty()
}

#[test]
fn publishers_wait_while_a_shard_is_behind_and_go_on_after() {
    let queue = queue(10 * Item::Hall(join()).weight());
    for _ in 0..11 {
        queue.push(join());
    }
    assert!(queue.is_congested());
    let mut relieved = pin!(queue.relieved());
    assert!(relieved.as_mut().now_or_never().is_none());
    let mut items = Vec::new();
    queue.take(&mut items);
    assert!(queue.is_congested(), "taken is not done");
    queue.relieve(items.iter().map(Item::weight).sum());
    assert!(!queue.is_congested());
    assert!(relieved.as_mut().now_or_never().is_some());
    assert_eq!(queue.backlog(), 0);
}

#[test]
fn a_thread_at_work_is_not_woken_and_does_not_sleep_over_work() {
    let queue = queue(1000);
    let mut poll = queue.take_poll().unwrap();
    assert!(queue.take_poll().is_none(), "there is one thread");
    queue.give(Item::Hall(join()));
    assert!(!is_woken(&mut poll), "it is at work");
    assert!(!queue.may_sleep(), "there is work");
    let mut items = Vec::new();
    queue.take(&mut items);
    queue.relieve(items[0].weight());
    assert!(queue.may_sleep());
    queue.begin();
    assert!(!is_woken(&mut poll), "for nothing");
    queue.push(join());
    queue.begin();
    queue.begin();
    assert!(is_woken(&mut poll));
    assert!(!is_woken(&mut poll), "woken once");
}

#[test]
fn a_little_is_taken_whole_and_more_than_that_not_at_all() {
    let queue = queue(1000);
    let mut items = Vec::new();
    assert!(queue.take_few(&mut items, 2, |_| 1) && items.is_empty());
    queue.push(join());
    queue.push(join());
    assert!(!queue.take_few(&mut items, 2, |_| 2));
    assert!(!queue.take_few(&mut items, 2, |_| usize::MAX) && items.is_empty());
    assert!(queue.take_few(&mut items, 2, |_| 1) && items.len() == 2);
    queue.push(join());
    assert!(!queue.take_few(&mut items, 0, |_| 0), "many items are many");
}

#[test]
fn a_shard_nobody_can_stand_in_for_is_woken() {
    let queue = queue(1000);
    let mut poll = queue.take_poll().unwrap();
    queue.push(join());
    queue.see_to();
    assert!(!is_woken(&mut poll), "it is at work");
    let mut items = Vec::new();
    queue.take(&mut items);
    queue.relieve(items[0].weight());
    assert!(queue.may_sleep());
    queue.push(join());
    queue.see_to();
    assert!(is_woken(&mut poll));
}
