//! Rounds, subscribers, backlog and keep-alive of a shard.

use std::pin::pin;

use futures_util::FutureExt;
use pipes::message::{LiveMessage, Message, Outgoing, Sender, UnixTime};
use pipes::name::{EventName, PipeName};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use super::*;
use crate::outbox::tests::link;

fn event(payload: &str) -> Arc<Outgoing> {
    Outgoing::new(Event::Message(LiveMessage {
        message: Message {
            pipe: PipeName::parse("news").unwrap(),
            event: EventName::parse("e").unwrap(),
            payload: payload.into(),
            sender: Sender::Backend,
            time: UnixTime(1),
        },
        position: None,
    }))
}

fn publish(payload: &str) -> Delivery {
    Delivery::Publish {
        pipe: PipeId(1),
        event: event(payload),
        except: None,
    }
}

fn join(connection: ConnectionId) -> Delivery {
    let pipe = PipeId(1);
    Delivery::Join { connection, pipe }
}

#[tokio::test]
async fn who_comes_after_the_end_is_asked_to_go_too() {
    let mut members = Members::default();
    let mut batch = Batch::default();
    let (early, _early_client) = link().await;
    let (late, _late_client) = link().await;
    let (early, late) = (Arc::new(early), Arc::new(late));
    members.collect(Item::Open(Arc::clone(&early)), &mut batch);
    assert_eq!(early.closing(), None);
    members.collect(Item::CloseAll(CloseReason::Shutdown), &mut batch);
    members.collect(Item::Open(Arc::clone(&late)), &mut batch);
    assert_eq!(early.closing(), Some(CloseReason::Shutdown));
    assert_eq!(late.closing(), Some(CloseReason::Shutdown));
}

#[tokio::test]
async fn nobody_is_given_up_who_was_not_asked_an_interval_ago() {
    let mut members = Members::default();
    let (link, mut client) = link().await;
    let link = Arc::new(link);
    members.collect(Item::Open(Arc::clone(&link)), &mut Batch::default());
    let mut sweep = |times: u32| {
        for _ in 0..times * SLICES_PER_SWEEP {
            members.sweep();
        }
    };
    // The first sees that the connection is new.
    sweep(1 + SWEEPS_PER_INTERVAL);
    assert_eq!(client.read_u16().await.unwrap(), 0x8900);
    sweep(SWEEPS_PER_INTERVAL - 1);
    assert_eq!(link.closing(), None);
    link.note_heard();
    sweep(1 + 2 * SWEEPS_PER_INTERVAL - 1);
    assert_eq!(link.closing(), None);
    assert_eq!(client.read_u16().await.unwrap(), 0x8900);
    sweep(1);
    assert_eq!(link.closing(), Some(CloseReason::Silent));
}

#[tokio::test]
async fn receipts_belong_to_their_own_messages() {
    let mut members = Members::default();
    let mut batch = Batch::default();
    let (link, _client) = link().await;
    let id = link.id;
    members.collect(Item::Open(Arc::new(link)), &mut batch);
    members.collect(Item::Hall(join(id)), &mut batch);
    let (used, uses) = std::sync::mpsc::channel();
    for number in 0..20 {
        let used = used.clone();
        let receipt: Receipt = Box::new(move || used.send(number).unwrap());
        members.collect(Item::Hall(publish("between")), &mut batch);
        let direct = Delivery::Direct {
            connection: id,
            event: event("direct"),
            receipt: Some(receipt),
        };
        members.collect(Item::Hall(direct), &mut batch);
    }
    // Its connection is unknown: dropped, not used.
    let lost = used.clone();
    let direct = Delivery::Direct {
        connection: ConnectionId(99),
        event: event("lost"),
        receipt: Some(Box::new(move || lost.send(99).unwrap())),
    };
    members.collect(Item::Hall(direct), &mut batch);
    drop(used);
    members.write(batch).await;
    assert_eq!(uses.iter().collect::<Vec<_>>(), Vec::from_iter(0..20));
}

#[tokio::test]
async fn publishers_wait_while_a_shard_is_behind_and_go_on_after() {
    let queue = ShardQueue::new(1000, &Arc::default(), 0);
    for _ in 0..10 {
        queue.push(publish(&"x".repeat(100)));
    }
    assert!(queue.is_congested());
    let mut relieved = pin!(queue.relieved());
    assert!(relieved.as_mut().now_or_never().is_none());
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(Arc::clone(&queue).run(Duration::from_secs(3600), stopped));
    queue.begin();
    time::timeout(Duration::from_secs(20), relieved)
        .await
        .unwrap();
    assert!(!queue.is_congested());
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(queue.backlog.load(Ordering::SeqCst), 0);
}

proptest! {
    #[test]
    fn subscribers_are_exactly_those_who_joined_and_did_not_leave(
        moves in proptest::collection::vec((0u32..400, any::<bool>()), 0..1500)
    ) {
        let mut subscribers = Subscribers::default();
        let mut model = std::collections::BTreeSet::new();
        for (slot, join) in moves {
            if join && model.insert(slot) {
                subscribers.insert(slot);
            } else if !join {
                model.remove(&slot);
                subscribers.remove(slot);
            }
        }
        let mut slots = subscribers.slots.clone();
        slots.sort_unstable();
        prop_assert_eq!(slots, model.into_iter().collect::<Vec<_>>());
    }
}
