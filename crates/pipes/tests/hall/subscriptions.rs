//! Subscription lists: what replacing one does and does not do.

use std::collections::BTreeSet;

use pipes::HallError;
use pipes::family::Refusal;
use pipes::name::DevId;
use proptest::prelude::*;

use crate::support::{House, Tab, publish};

#[tokio::test]
async fn a_subscriber_hears_a_pipe_until_it_leaves() {
    let house = House::start();
    let tab = house.anonymous().await;
    house.apply_one(publish("news", "too early")).await;
    assert!(tab.subscribe(&["news", "sport"]).is_empty());
    house.apply_one(publish("news", "one")).await;
    house.apply_one(publish("sport", "two")).await;
    tab.subscribe(&["sport"]);
    house.apply_one(publish("news", "too late")).await;
    house.apply_one(publish("sport", "three")).await;
    assert_eq!(
        tab.lines(),
        ["hello 0", "news one", "sport two", "sport three"]
    );
}

#[tokio::test]
async fn resubscribing_makes_no_false_movement_on_tracked_pipes() {
    let house = House::start();
    let (watcher, member) = (house.anonymous().await, house.login(5).await);
    watcher.subscribe(&["track_hall"]);
    member.subscribe(&["track_hall", "news"]);
    member.subscribe(&["track_hall", "news"]);
    member.subscribe(&["sport", "track_hall"]);
    assert_eq!(watcher.lines(), ["hello 0", "track_hall joined 5"]);
    member.subscribe(&["sport"]);
    assert_eq!(watcher.lines()[2..], ["track_hall left 5"]);
}

#[tokio::test]
async fn nobody_is_told_of_its_own_coming_and_going() {
    let house = House::start();
    let (first, second) = (house.login(1).await, house.login(2).await);
    first.subscribe(&["track_hall"]);
    second.subscribe(&["track_hall"]);
    first.close();
    second.subscribe(&[]);
    assert_eq!(first.lines(), ["hello 1", "track_hall joined 2"]);
    assert_eq!(second.lines(), ["hello 2", "track_hall left 1"]);
}

#[tokio::test]
async fn an_anonymous_browser_cannot_subscribe_to_a_private_pipe() {
    let house = House::start();
    let (stranger, member) = (house.anonymous().await, house.login(5).await);
    let refused = stranger.subscribe(&["news", "private_room", "sport"]);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0.as_str(), "private_room");
    assert_eq!(
        refused[0].1,
        HallError::Refused(Refusal::SubscribeNeedsLogin)
    );
    assert!(member.subscribe(&["private_room"]).is_empty());
    house.apply_one(publish("private_room", "hush")).await;
    house.apply_one(publish("sport", "goal")).await;
    assert_eq!(stranger.lines(), ["hello 0", "sport goal"]);
    assert_eq!(member.lines(), ["hello 5", "private_room hush"]);
}

#[tokio::test]
async fn names_past_the_limit_are_refused_and_the_first_ones_work() {
    let house = House::with(|config| config.limits.subscriptions_per_connection = 2);
    let tab = house.anonymous().await;
    let refused = tab.subscribe(&["aa", "bb", "aa", "cc", "dd"]);
    let names: Vec<&str> = refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["cc", "dd"]);
    assert!(matches!(refused[0].1, HallError::Limit { limit: 2, .. }));
    for name in ["aa", "bb", "cc", "dd"] {
        house.apply_one(publish(name, "x")).await;
    }
    assert_eq!(tab.lines(), ["hello 0", "aa x", "bb x"]);
    assert!(tab.subscribe(&["cc", "dd"]).is_empty());
}

#[tokio::test]
async fn a_name_given_twice_is_heard_once() {
    let house = House::start();
    let tab = house.anonymous().await;
    assert!(tab.subscribe(&["news", "news"]).is_empty());
    house.apply_one(publish("news", "one")).await;
    assert_eq!(tab.lines(), ["hello 0", "news one"]);
    assert_eq!(house.subscribers("news"), 1);
}

#[tokio::test]
async fn an_empty_list_ends_every_subscription_and_the_pipes_with_it() {
    let house = House::start();
    let tab = house.anonymous().await;
    tab.subscribe(&["news", "sport"]);
    assert_eq!(house.hall.pipes(DevId::ROOT).len(), 2);
    tab.subscribe(&[]);
    assert!(house.hall.pipes(DevId::ROOT).is_empty());
    assert!(house.shards.iter().all(|shard| shard.pipes() == 0));
}

#[tokio::test]
async fn a_closed_connection_cannot_subscribe_any_more() {
    let house = House::start();
    let tab = house.anonymous().await;
    tab.close();
    tab.subscribe(&["news"]);
    assert_eq!(house.subscribers("news"), 0);
}

#[tokio::test]
async fn subscribers_are_listed_newest_first() {
    let house = House::start();
    let mut expected = Vec::new();
    for number in 1..=4 {
        let tab = house.login(number).await;
        tab.subscribe(&["track_hall"]);
        expected.insert(0, tab.connection.id);
    }
    let name = crate::support::pipe("track_hall");
    let listed = house.hall.subscribers(DevId::ROOT, &name);
    let ids: Vec<_> = listed.iter().map(|connection| connection.id).collect();
    assert_eq!(ids, expected);
}

/// What a watcher of all five pipes must be told when a list replaces another.
fn movement(before: &BTreeSet<usize>, after: &BTreeSet<usize>) -> BTreeSet<String> {
    let left = before.difference(after);
    let joined = after.difference(before);
    left.map(|number| format!("track_{number} left 5"))
        .chain(joined.map(|number| format!("track_{number} joined 5")))
        .collect()
}

fn names(list: &[usize]) -> Vec<String> {
    list.iter()
        .map(|number| format!("track_{number}"))
        .collect()
}

fn subscribe(tab: &Tab, list: &[usize]) {
    let names = names(list);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(tab.subscribe(&names).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_list_after_any_other_moves_only_the_difference(
        lists in prop::collection::vec(prop::collection::vec(0..5usize, 0..8), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let house = House::start();
            let (watcher, member) = (house.anonymous().await, house.login(5).await);
            subscribe(&watcher, &[0, 1, 2, 3, 4]);
            watcher.news();
            let mut before = BTreeSet::new();
            for list in lists {
                subscribe(&member, &list);
                let after: BTreeSet<usize> = list.iter().copied().collect();
                let news = watcher.news();
                let told: BTreeSet<String> = news.iter().cloned().collect();
                prop_assert_eq!(news.len(), told.len());
                prop_assert_eq!(told, movement(&before, &after));
                for number in 0..5 {
                    let expected = 1 + usize::from(after.contains(&number));
                    let name = format!("track_{number}");
                    prop_assert_eq!(house.subscribers(&name), expected);
                }
                before = after;
            }
            Ok(())
        })?;
    }
}
