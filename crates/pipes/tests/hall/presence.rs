//! Presence: when somebody is online, who is told, and when somebody was last
//! seen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipes::HallError;
use pipes::listing::Seen;
use pipes::name::DevId;
use tokio::sync::watch;

use crate::support::{House, Tab, pipe, put_key, user};

#[tokio::test]
async fn online_once_with_the_first_connection_offline_once_with_the_last() {
    let house = House::start();
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5"]);
    let first = house.login(5).await;
    let second = house.login(5).await;
    first.close();
    let third = house.login(5).await;
    second.close();
    assert_eq!(watcher.lines(), ["hello 0", "user_status_5 online"]);
    third.close();
    third.close();
    assert_eq!(watcher.lines()[2..], ["user_status_5 offline"]);
    house.login(5).await;
    assert_eq!(watcher.lines()[3..], ["user_status_5 online"]);
}

#[tokio::test]
async fn offline_comes_before_the_tracked_pipes_are_left() {
    let house = House::start();
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5", "track_hall"]);
    let tab = house.login(5).await;
    tab.subscribe(&["track_hall", "news"]);
    watcher.news();
    tab.close();
    assert_eq!(
        watcher.news(),
        ["user_status_5 offline", "track_hall left 5"]
    );
}

#[tokio::test]
async fn anonymous_visitors_are_nobody() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5", "user_status_0"]);
    let claim = Some((user(5), "wrong".to_owned()));
    let tab = house.open(DevId::ROOT, claim).await.unwrap();
    tab.close();
    assert_eq!(watcher.lines(), ["hello 0"]);
    let unseen = house.hall.seen(DevId::ROOT, user(5)).unwrap();
    assert_eq!(unseen, Seen::Unknown);
}

#[tokio::test]
async fn presence_can_be_switched_off() {
    for (online, offline) in [(true, false), (false, true)] {
        let house = House::with(|config| {
            config.online_events = online;
            config.offline_events = offline;
        });
        let watcher = house.anonymous().await;
        watcher.subscribe(&["user_status_5"]);
        house.login(5).await.close();
        let told = if online { "online" } else { "offline" };
        assert_eq!(
            watcher.lines(),
            ["hello 0".to_owned(), format!("user_status_5 {told}")]
        );
    }
}

#[tokio::test]
async fn one_connection_too_many_is_refused_and_leaves_no_trace() {
    let house = House::with(|config| config.limits.connections_per_user = 2);
    let (first, second) = (house.login(5).await, house.login(5).await);
    let refused = house.claim(DevId::ROOT, 5).await.err().unwrap();
    assert!(matches!(refused, HallError::Limit { limit: 2, .. }));
    assert_eq!(house.hall.counters().connections(), 2);
    first.close();
    let third = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(third.lines(), ["hello 5"]);
    second.close();
    third.close();
    assert!(!house.hall.is_online(DevId::ROOT, user(5)));
    assert_eq!(house.hall.counters().connections(), 0);
}

#[tokio::test]
async fn last_seen_is_unknown_then_online_then_a_time_that_survives() {
    let house = House::start();
    let seen = |house: &House| house.hall.seen(DevId::ROOT, user(5)).unwrap();
    assert_eq!(seen(&house), Seen::Unknown);
    let tab = house.login(5).await;
    assert_eq!(seen(&house), Seen::Online);
    tab.close();
    let Seen::At(left) = seen(&house) else {
        panic!("not seen leaving");
    };
    assert_eq!(
        house.hall.all_seen(DevId::ROOT).unwrap(),
        [(user(5), Seen::At(left))]
    );
    house.hall.flush_last_seen();
    let house = house.restarted();
    assert_eq!(seen(&house), Seen::At(left));
    assert_eq!(
        house.hall.all_seen(DevId::ROOT).unwrap(),
        [(user(5), Seen::At(left))]
    );
}

#[tokio::test]
async fn a_last_seen_time_the_store_refuses_is_tried_again() {
    let house = House::start();
    house.login(5).await.close();
    house.store.refuse_next_batch();
    house.hall.flush_last_seen();
    assert!(house.stored_last_seen(5).is_none());
    house.hall.flush_last_seen();
    assert!(house.stored_last_seen(5).is_some());
}

#[tokio::test]
async fn a_last_seen_time_is_written_once() {
    let house = House::start();
    house.login(5).await.close();
    house.hall.flush_last_seen();
    let batches = house.store.batches();
    house.hall.flush_last_seen();
    assert_eq!(house.store.batches(), batches);
}

#[tokio::test]
async fn housekeeping_writes_what_is_left_when_the_server_stops() {
    let house = House::start();
    house.login(5).await.close();
    let (stop, stopping) = watch::channel(false);
    let keeping = tokio::spawn(Arc::clone(&house.hall).keep_house(stopping));
    stop.send(true).unwrap();
    keeping.await.unwrap();
    assert!(house.stored_last_seen(5).is_some());
}

const GRACE: Duration = Duration::from_secs(5);

fn with_grace() -> House {
    House::with(|config| {
        config.limits.presence_grace = GRACE;
        config.limits.presence_grace_for_all = true;
    })
}

impl House {
    /// Everybody's time is over who is away now.
    fn grace_is_over(&self) {
        self.hall.end_absences(Instant::now() + GRACE);
    }
}

/// The same browser again.
async fn again(house: &House, tab: &Tab) -> Tab {
    let uuid = tab.connection.uuid.clone();
    house.login_with_uuid(5, uuid).await
}

#[tokio::test]
async fn a_page_that_leads_to_the_next_is_neither_left_nor_joined_anew() {
    let house = with_grace();
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5", "track_hall"]);
    let tab = house.login(5).await;
    tab.subscribe(&["track_hall"]);
    let before = house.hall.members(DevId::ROOT, &pipe("track_hall"));
    watcher.news();
    for _ in 0..3 {
        tab.close();
        let next = again(&house, &tab).await;
        next.subscribe(&["track_hall"]);
        next.close();
        let next = again(&house, &tab).await;
        next.subscribe(&["track_hall"]);
        house.hall.end_absences(Instant::now());
        assert_eq!(watcher.news(), Vec::<String>::new());
        let after = house.hall.members(DevId::ROOT, &pipe("track_hall"));
        assert_eq!(after, before, "the same member, and no change");
        next.close();
    }
    assert_eq!(house.subscribers("track_hall"), 1);
    house.grace_is_over();
    let left = ["user_status_5 offline", "track_hall left 5"];
    assert_eq!(watcher.news(), left);
    house.grace_is_over();
    assert_eq!(watcher.news(), Vec::<String>::new());
    let members = house.hall.members(DevId::ROOT, &pipe("track_hall"));
    assert_eq!(members.members.len(), 1);
    assert_eq!(members.version.version, before.version.version + 1);
}

#[tokio::test]
async fn by_default_only_those_are_waited_for_who_come_back_by_themselves() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5", "track_hall"]);
    let left = ["user_status_5 offline", "track_hall left 5"];
    let returning = house.login_returning(5).await;
    returning.subscribe(&["track_hall"]);
    watcher.news();
    returning.close();
    assert_eq!(watcher.news(), Vec::<String>::new());
    house.grace_is_over();
    assert_eq!(watcher.news(), left);
    let original = house.login(5).await;
    original.subscribe(&["track_hall"]);
    watcher.news();
    original.close();
    assert_eq!(watcher.news(), left);
}

#[tokio::test]
async fn who_unsubscribes_has_left_at_once() {
    let house = with_grace();
    let watcher = house.anonymous().await;
    watcher.subscribe(&["track_hall"]);
    let tab = house.login(5).await;
    tab.subscribe(&["track_hall"]);
    tab.subscribe(&[]);
    assert_eq!(
        watcher.news()[1..],
        ["track_hall joined 5", "track_hall left 5"]
    );
}

#[tokio::test]
async fn past_the_bound_others_are_told_at_once() {
    let house = House::with(|config| {
        config.limits.presence_grace = GRACE;
        config.limits.presence_grace_for_all = true;
        config.limits.absences = 1;
    });
    let watcher = house.anonymous().await;
    watcher.subscribe(&["user_status_5", "user_status_6"]);
    let (five, six) = (house.login(5).await, house.login(6).await);
    watcher.news();
    five.close();
    six.close();
    assert_eq!(watcher.news(), ["user_status_6 offline"]);
    house.grace_is_over();
    assert_eq!(watcher.news(), ["user_status_5 offline"]);
}

#[tokio::test]
async fn a_user_away_is_offline_in_the_tables_and_its_mail_waits() {
    let house = with_grace();
    let tab = house.login(5).await;
    tab.close();
    assert!(!house.hall.is_online(DevId::ROOT, user(5)));
    assert_eq!(house.tell(5, "waits").await, 0);
    house.grace_is_over();
    assert_eq!(house.mailbox(5), ["waits"]);
}
