//! Tenants: the same names and numbers in two of them have nothing to do with
//! each other.

use pipes::listing::Seen;
use pipes::name::DevId;

use crate::support::{House, dev, keep, mail, payloads, pipe, publish, put_key, remove_key, user};

#[tokio::test]
async fn messages_and_counts_stay_in_their_tenant() {
    let house = House::start();
    let mut tabs = Vec::new();
    for number in [0, 15, 15, 16] {
        let tab = house.open(dev(number), None).await.unwrap();
        tab.subscribe(&["web_chat", "track_hall"]);
        tab.news();
        tabs.push(tab);
    }
    tabs[1].news();
    let report = tabs[1].publish("web_chat", "hi").await.unwrap();
    assert_eq!(report.receivers, 1);
    tabs[1].close();
    assert_eq!(tabs[2].news(), ["web_chat hi", "track_hall left 0"]);
    assert!(tabs[0].news().is_empty());
    assert!(tabs[3].news().is_empty());
    let counts: Vec<usize> = [0, 15, 16]
        .iter()
        .map(|number| house.hall.subscriber_count(dev(*number), &pipe("web_chat")))
        .collect();
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!(house.hall.pipes(dev(15)).len(), 2);
}

#[tokio::test]
async fn users_keys_mail_and_presence_stay_in_their_tenant() {
    let house = House::start();
    let watcher = house.open(dev(16), None).await.unwrap();
    watcher.subscribe(&["user_status_5"]);
    let there = house.login_at(dev(15), 5).await;
    assert_eq!(watcher.lines(), ["hello 0"]);
    let stranger = house.claim(dev(16), 5).await.unwrap();
    assert_eq!(stranger.lines(), ["hello 0"]);
    let here = house.login_at(dev(16), 5).await;
    assert_eq!(watcher.lines()[1..], ["user_status_5 online"]);

    let letter = vec![mail(5, "for 15")];
    house.hall.apply(dev(15), letter).await.unwrap();
    let deletion = vec![remove_key(5)];
    house.hall.apply(dev(15), deletion).await.unwrap();
    assert_eq!(
        there.lines(),
        ["hello 5", "private for 15", "closed key_deleted"]
    );
    assert_eq!(here.lines(), ["hello 5"]);
    there.close();
    assert_eq!(watcher.lines().len(), 2);
    assert_eq!(house.hall.users_with_mail(dev(16)), []);
    assert_eq!(house.hall.users_with_mail(dev(15)), [user(5)]);
    assert_eq!(house.hall.seen(dev(16), user(5)).unwrap(), Seen::Online);
    assert_eq!(
        house.hall.seen(DevId::ROOT, user(5)).unwrap(),
        Seen::Unknown
    );
}

#[tokio::test]
async fn settings_histories_and_listings_stay_in_their_tenant() {
    let house = House::start();
    let batch = vec![keep("news", 10), publish("news", "for 15"), put_key(7)];
    house.hall.apply(dev(15), batch).await.unwrap();
    house
        .hall
        .apply(dev(16), vec![publish("news", "for 16")])
        .await
        .unwrap();
    assert!(
        house
            .hall
            .history(dev(16), &pipe("news"))
            .unwrap()
            .is_empty()
    );
    assert!(house.hall.histories(dev(16)).unwrap().is_empty());
    assert!(house.hall.all_pipe_settings(dev(16)).is_empty());
    assert!(house.hall.keys(dev(16)).unwrap().is_empty());
    let history = house.hall.history(dev(15), &pipe("news")).unwrap();
    assert_eq!(payloads(&history), ["for 15"]);
    assert_eq!(house.hall.keys(dev(15)).unwrap().len(), 1);
}
