//! Histories: which pipes keep one, how much, and what ends it.

use pipes::family::Refusal;
use pipes::message::Position;
use pipes::name::DevId;
use pipes::pattern::PipePattern;
use pipes::{Change, Effect, HallError};

use crate::support::{House, dev, keep, payloads, pipe, publish};

async fn publish_all(house: &House, name: &str, texts: &[&str]) -> Vec<Option<Position>> {
    let mut positions = Vec::new();
    for text in texts {
        match house.apply_one(publish(name, text)).await {
            Effect::Published { position, .. } => positions.push(position),
            other => panic!("{other:?}"),
        }
    }
    positions
}

fn offsets(positions: &[Option<Position>]) -> Vec<u64> {
    positions
        .iter()
        .map(|place| place.unwrap().offset)
        .collect()
}

#[tokio::test]
async fn an_ordinary_pipe_keeps_nothing() {
    let house = House::start();
    assert_eq!(publish_all(&house, "news", &["1"]).await, [None]);
    assert!(house.history("news").is_empty());
}

#[tokio::test]
async fn a_pipe_with_settings_keeps_the_newest() {
    let house = House::start();
    house.apply_one(keep("news", 2)).await;
    let positions = publish_all(&house, "news", &["1", "2", "3"]).await;
    assert_eq!(offsets(&positions), [1, 2, 3]);
    assert_eq!(payloads(&house.history("news")), ["2", "3"]);
}

#[tokio::test]
async fn a_shorter_length_trims_at_once() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    publish_all(&house, "news", &["1", "2", "3"]).await;
    house.apply_one(keep("news", 1)).await;
    assert_eq!(payloads(&house.history("news")), ["3"]);
}

#[tokio::test]
async fn length_0_keeps_what_is_there_and_stores_no_more() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    publish_all(&house, "news", &["1"]).await;
    house.apply_one(keep("news", 0)).await;
    assert_eq!(publish_all(&house, "news", &["2"]).await, [None]);
    assert_eq!(payloads(&house.history("news")), ["1"]);
    assert_eq!(house.hall.all_pipe_settings(DevId::ROOT).len(), 1);
}

#[tokio::test]
async fn a_trust_pipe_always_keeps_a_history() {
    let house = House::with(|config| config.limits.trust_length = 2);
    publish_all(&house, "trust_log", &["1", "2", "3"]).await;
    assert_eq!(payloads(&house.history("trust_log")), ["2", "3"]);
    house.apply_one(keep("trust_log", 0)).await;
    publish_all(&house, "trust_log", &["4"]).await;
    assert_eq!(payloads(&house.history("trust_log")), ["3", "4"]);
    house.apply_one(keep("trust_log", 3)).await;
    publish_all(&house, "trust_log", &["5"]).await;
    assert_eq!(payloads(&house.history("trust_log")), ["3", "4", "5"]);
}

#[tokio::test]
async fn removing_the_settings_removes_the_history_and_its_continuity() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    let before = publish_all(&house, "news", &["1"]).await[0].unwrap();
    let change = Change::RemoveSettings { pipe: pipe("news") };
    assert_eq!(house.apply_one(change).await, Effect::Removed(1));
    assert!(house.history("news").is_empty());
    assert_eq!(publish_all(&house, "news", &["2"]).await, [None]);
    house.apply_one(keep("news", 10)).await;
    let after = publish_all(&house, "news", &["3"]).await[0].unwrap();
    assert_eq!(after.offset, 1);
    assert_ne!(after.epoch, before.epoch);
}

#[tokio::test]
async fn a_cleared_history_goes_on_counting() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    publish_all(&house, "news", &["1", "2"]).await;
    let change = Change::ClearHistory { pipe: pipe("news") };
    assert_eq!(house.apply_one(change).await, Effect::Removed(2));
    assert!(house.history("news").is_empty());
    let positions = publish_all(&house, "news", &["3"]).await;
    assert_eq!(offsets(&positions), [3]);
}

#[tokio::test]
async fn settings_count_from_the_next_row_of_the_same_batch() {
    let house = House::start();
    let batch = vec![
        publish("news", "before"),
        keep("news", 10),
        publish("news", "after"),
    ];
    house.apply(batch).await.unwrap();
    assert_eq!(payloads(&house.history("news")), ["after"]);
    let batch = vec![
        Change::RemoveSettings { pipe: pipe("news") },
        publish("news", "gone"),
    ];
    house.apply(batch).await.unwrap();
    assert!(house.history("news").is_empty());
}

#[tokio::test]
async fn one_message_is_removed_by_its_name_in_its_own_tenant() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    publish_all(&house, "news", &["1", "2", "3"]).await;
    let id = house.history("news")[1].id.clone();
    let elsewhere = vec![Change::RemoveMessage { id: id.clone() }];
    let effects = house.hall.apply(dev(15), elsewhere).await.unwrap();
    assert_eq!(effects, [Effect::Removed(0)]);
    let here = Change::RemoveMessage { id };
    assert_eq!(house.apply_one(here.clone()).await, Effect::Removed(1));
    assert_eq!(house.apply_one(here).await, Effect::Removed(0));
    assert_eq!(payloads(&house.history("news")), ["1", "3"]);
}

#[tokio::test]
async fn a_full_table_of_settings_still_takes_changes_to_its_rows() {
    let house = House::with(|config| config.limits.pipe_settings = 2);
    house.apply_one(keep("aaa", 1)).await;
    house.apply_one(keep("bbb", 1)).await;
    house.apply_one(keep("aaa", 5)).await;
    let refused = house.apply(vec![keep("aaa", 6), keep("ccc", 1)]).await;
    assert!(matches!(refused, Err(HallError::Limit { limit: 2, .. })));
    let length = |name| {
        let settings = house
            .hall
            .pipe_settings(DevId::ROOT, &PipePattern::Pipe(pipe(name)));
        settings.map(|settings| settings.length)
    };
    assert_eq!(length("aaa"), Some(5));
    assert_eq!(length("ccc"), None);
}

#[tokio::test]
async fn a_browser_reads_the_newest_and_not_what_it_may_not_subscribe_to() {
    let house = House::with(|config| config.limits.history_read = 2);
    let (stranger, member) = (house.anonymous().await, house.login(5).await);
    for name in ["news", "private_log"] {
        house.apply_one(keep(name, 10)).await;
        publish_all(&house, name, &["1", "2", "3"]).await;
    }
    let read = |tab, name| {
        let hall = house.hall.clone();
        async move {
            hall.history_for(tab, &pipe(name), pipes::storage::Window::newest(9))
                .await
        }
    };
    let news = read(&stranger.connection, "news").await.unwrap();
    assert_eq!(payloads(&news), ["2", "3"]);
    let refused = read(&stranger.connection, "private_log").await.unwrap_err();
    assert_eq!(refused, HallError::Refused(Refusal::SubscribeNeedsLogin));
    let log = read(&member.connection, "private_log").await.unwrap();
    assert_eq!(payloads(&log), ["2", "3"]);
}

#[tokio::test]
async fn settings_survive_a_restart() {
    let house = House::start();
    house.apply_one(keep("news", 10)).await;
    publish_all(&house, "news", &["1"]).await;
    let house = house.restarted();
    let positions = publish_all(&house, "news", &["2"]).await;
    assert_eq!(offsets(&positions), [2]);
    assert_eq!(payloads(&house.history("news")), ["1", "2"]);
}
