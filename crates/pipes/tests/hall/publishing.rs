//! Publishing: who may, who hears it, what the publisher is told, and what a
//! batch promises.

use std::pin::pin;

use pipes::family::Refusal;
use pipes::storage::StorageError;
use pipes::{Effect, HallError};

use crate::support::{House, keep, mail, payloads, poll_once, publish, put_key};

#[tokio::test]
async fn the_sender_does_not_hear_itself_and_is_not_counted() {
    let house = House::start();
    let (sender, same_user) = (house.login(5).await, house.login(5).await);
    let other = house.anonymous().await;
    for tab in [&sender, &same_user, &other] {
        tab.subscribe(&["web_chat"]);
    }
    let report = sender.publish("web_chat", "hi").await.unwrap();
    assert_eq!(report.receivers, 2);
    assert_eq!(report.position, None);
    assert_eq!(sender.lines(), ["hello 5"]);
    assert_eq!(same_user.lines(), ["hello 5", "web_chat hi"]);
    assert_eq!(other.lines(), ["hello 0", "web_chat hi"]);
}

#[tokio::test]
async fn a_shared_connection_hears_itself_in_its_place_and_is_not_counted() {
    let house = House::start();
    house.apply_one(keep("web_kept", 10)).await;
    let (shared, other) = (house.login(5).await, house.login(7).await);
    shared.connection.hear_itself();
    let report = shared.publish("web_chat", "unheard").await.unwrap();
    assert_eq!(report.receivers, 0);
    for tab in [&shared, &other] {
        tab.subscribe(&["web_chat", "web_kept"]);
    }
    for name in ["web_chat", "web_kept"] {
        other.publish(name, "1").await.unwrap();
        let report = shared.publish(name, "2").await.unwrap();
        assert_eq!(report.receivers, 1);
        other.publish(name, "3").await.unwrap();
        shared.hears(&format!("{name} 3")).await;
    }
    let heard: Vec<String> = shared.lines().into_iter().skip(1).collect();
    let expected = ["web_chat", "web_kept"].map(|name| [1, 2, 3].map(|n| format!("{name} {n}")));
    assert_eq!(heard, expected.concat());
}

#[tokio::test]
async fn a_sender_that_is_not_subscribed_counts_every_subscriber() {
    let house = House::start();
    let (sender, listener) = (house.anonymous().await, house.anonymous().await);
    assert_eq!(sender.publish("web_chat", "1").await.unwrap().receivers, 0);
    listener.subscribe(&["web_chat"]);
    assert_eq!(sender.publish("web_chat", "2").await.unwrap().receivers, 1);
    sender.subscribe(&["web_chat"]);
    assert_eq!(sender.publish("web_chat", "3").await.unwrap().receivers, 1);
    sender.subscribe(&["web_other"]);
    assert_eq!(sender.publish("web_chat", "4").await.unwrap().receivers, 1);
    assert_eq!(
        listener.lines(),
        ["hello 0", "web_chat 2", "web_chat 3", "web_chat 4"]
    );
}

#[tokio::test]
async fn a_backend_reaches_every_subscriber_and_is_told_how_many() {
    let house = House::start();
    for _ in 0..5 {
        house.login(5).await.subscribe(&["news"]);
    }
    let effect = house.apply_one(publish("news", "x")).await;
    assert_eq!(
        effect,
        Effect::Published {
            receivers: 5,
            position: None
        }
    );
    let delivered: u64 = house.shards.iter().map(|shard| shard.deliveries()).sum();
    assert_eq!(delivered, 5);
}

#[tokio::test]
async fn a_browser_cannot_publish_to_a_backend_pipe() {
    let house = House::start();
    let (member, listener) = (house.login(5).await, house.anonymous().await);
    for name in ["news", "track_hall", "trust_log", "user_status_5", "sys"] {
        listener.subscribe(&[name]);
        let refused = member.publish(name, "x").await.unwrap_err();
        assert_eq!(refused, HallError::Refused(Refusal::BackendOnly));
    }
    assert_eq!(listener.lines(), ["hello 0"]);
    assert!(house.history("trust_log").is_empty());
}

#[tokio::test]
async fn only_the_authenticated_publish_to_webauth_pipes() {
    let house = House::start();
    let (stranger, member) = (house.anonymous().await, house.login(5).await);
    let refused = stranger.publish("webauth_chat", "x").await.unwrap_err();
    assert_eq!(refused, HallError::Refused(Refusal::PublishNeedsLogin));
    stranger.subscribe(&["webauth_chat"]);
    member.publish("webauth_chat", "y").await.unwrap();
    assert_eq!(stranger.lines(), ["hello 0", "webauth_chat y"]);
}

#[tokio::test]
async fn the_sender_is_named_unless_it_hides_or_is_a_backend() {
    let house = House::start();
    house.apply_one(keep("web_chat", 10)).await;
    let member = house.login(5).await;
    member.publish("web_chat", "a").await.unwrap();
    member.publish_as("web_chat", "b", true).await.unwrap();
    house.apply_one(publish("web_chat", "c")).await;
    let senders: Vec<u32> = house
        .history("web_chat")
        .iter()
        .map(|stored| stored.message.sender.user_number())
        .collect();
    assert_eq!(senders, [5, 0, 0]);
}

#[tokio::test]
async fn a_reserved_name_refuses_the_whole_batch() {
    let house = House::start();
    let tab = house.login(5).await;
    tab.subscribe(&["news", "sys", "_answer_to_web_a"]);
    for reserved in ["sys", "msg", "_answer_to_web_a", "comet_msg_x", "__comet"] {
        let batch = vec![publish("news", "x"), mail(5, "x"), publish(reserved, "x")];
        let refused = house.apply(batch).await.unwrap_err();
        assert_eq!(refused, HallError::Refused(Refusal::Reserved));
    }
    assert_eq!(tab.lines(), ["hello 5"]);
    assert!(house.mailbox(5).is_empty());
}

#[tokio::test]
async fn a_batch_the_store_refuses_has_not_happened_at_all() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    let tab = house.login(5).await;
    tab.subscribe(&["news", "plain"]);
    house.store.refuse_next_batch();
    let batch = vec![
        publish("plain", "1"),
        publish("news", "2"),
        mail(5, "3"),
        put_key(6),
        keep("plain", 10),
    ];
    let error = house.apply(batch).await.unwrap_err();
    assert!(matches!(error, HallError::Storage(StorageError::Failed(_))));
    assert_eq!(tab.lines(), ["hello 5"]);
    assert_eq!(house.hall.all_pipe_settings(tab.connection.dev_id).len(), 1);
    house.apply_one(publish("plain", "4")).await;
    assert_eq!(tab.news()[1..], ["plain 4"]);
}

#[tokio::test]
async fn a_batch_waits_for_the_disk_as_a_whole_and_keeps_its_order() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    let tab = house.login(5).await;
    tab.subscribe(&["news", "plain"]);
    tab.news();
    house.store.keep_back();
    let batch = vec![
        publish("plain", "1"),
        publish("news", "2"),
        mail(5, "3"),
        publish("plain", "4"),
    ];
    let mut waiting = pin!(house.apply(batch));
    assert!(poll_once(waiting.as_mut()).await.is_none());
    assert!(tab.news().is_empty());
    house.store.let_go();
    let effects = waiting.await.unwrap();
    assert_eq!(effects.len(), 4);
    assert_eq!(effects[2], Effect::Sent { receivers: 1 });
    assert_eq!(tab.news(), ["plain 1", "news 2", "private 3", "plain 4"]);
}

#[tokio::test]
async fn a_change_stands_when_its_asker_has_gone() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    let tab = house.anonymous().await;
    tab.subscribe(&["news"]);
    house.store.keep_back();
    assert!(
        poll_once(house.apply(vec![publish("news", "x")]))
            .await
            .is_none()
    );
    house.store.let_go();
    assert_eq!(tab.lines(), ["hello 0", "news x"]);
    assert_eq!(payloads(&house.history("news")), ["x"]);
}

#[tokio::test]
async fn one_publisher_is_heard_in_its_order_across_pipes() {
    let house = House::start();
    house.apply_one(keep("stored", 10)).await;
    let tab = house.anonymous().await;
    tab.subscribe(&["stored", "plain"]);
    let mut expected = vec!["hello 0".to_owned()];
    for number in 0..20 {
        let name = if number % 3 == 0 { "stored" } else { "plain" };
        house.apply_one(publish(name, &number.to_string())).await;
        expected.push(format!("{name} {number}"));
    }
    assert_eq!(tab.lines(), expected);
}

#[tokio::test]
async fn publishers_wait_while_a_shard_is_behind() {
    let house = House::start();
    let (sender, listener) = (house.anonymous().await, house.anonymous().await);
    listener.subscribe(&["web_chat"]);
    house.shards[1].set_congested(true);
    {
        let mut backend = pin!(house.apply(vec![publish("web_chat", "1")]));
        let mut browser = pin!(sender.publish("web_chat", "2"));
        assert!(poll_once(backend.as_mut()).await.is_none());
        assert!(poll_once(browser.as_mut()).await.is_none());
        assert_eq!(listener.lines(), ["hello 0"]);
        house.shards[1].set_congested(false);
        backend.await.unwrap();
        browser.await.unwrap();
    }
    assert_eq!(listener.lines(), ["hello 0", "web_chat 1", "web_chat 2"]);
}
