//! Access keys: who gets in, and what deleting a key does to those inside and
//! to those at the door.

use std::pin::pin;

use pipes::name::{AccessKey, DevId};
use pipes::{Change, Effect};

use crate::support::{House, mail, poll_once, put_key, remove_key, user};

#[tokio::test]
async fn a_wrong_or_missing_key_makes_an_anonymous_visitor() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    for (number, key) in [(5, ""), (5, "key"), (5, "key55"), (5, "KEY5"), (6, "key5")] {
        let claim = Some((user(number), key.to_owned()));
        let tab = house.open(DevId::ROOT, claim).await.unwrap();
        assert_eq!(tab.connection.user, None);
        assert_eq!(tab.lines(), ["hello 0"]);
    }
    assert!(!house.hall.is_online(DevId::ROOT, user(5)));
    let tab = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(tab.connection.user, Some(user(5)));
}

#[tokio::test]
async fn a_new_key_counts_from_the_next_connection() {
    let house = House::start();
    let tab = house.login(5).await;
    let key = AccessKey::parse("another").unwrap();
    house.apply_one(Change::PutKey { user: user(5), key }).await;
    assert_eq!(tab.lines(), ["hello 5"]);
    assert_eq!(house.tell(5, "still here").await, 1);
    let old = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(old.connection.user, None);
}

#[tokio::test]
async fn deleting_a_key_closes_all_connections_of_that_user_only() {
    let house = House::start();
    let mut tabs = Vec::new();
    for number in [5, 5, 5, 6] {
        tabs.push(house.login(number).await);
    }
    assert_eq!(house.apply_one(remove_key(5)).await, Effect::Removed(1));
    for tab in &tabs[..3] {
        assert_eq!(tab.lines(), ["hello 5", "closed key_deleted"]);
    }
    assert_eq!(tabs[3].lines(), ["hello 6"]);
    assert_eq!(house.apply_one(remove_key(5)).await, Effect::Removed(0));
    let again = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(again.lines(), ["hello 0"]);
}

#[tokio::test]
async fn a_login_whose_key_is_deleted_after_it_was_read_is_not_let_in() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    house.apply_one(mail(5, "secret")).await;
    let at_the_door = house.clone();
    house.store.after_key_read(move || {
        let deletion = at_the_door.apply(vec![remove_key(5)]);
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(deletion).unwrap();
    });
    let tab = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(tab.connection.user, None);
    assert_eq!(tab.lines(), ["hello 0"]);
    assert!(!house.hall.is_online(DevId::ROOT, user(5)));
    assert_eq!(house.mailbox(5), ["secret"]);
}

#[tokio::test]
async fn a_login_before_the_deletion_is_durable_is_closed_with_it() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    house.store.keep_back();
    let mut deletion = pin!(house.apply(vec![remove_key(5)]));
    assert!(poll_once(deletion.as_mut()).await.is_none());
    let tab = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(tab.lines(), ["hello 5"]);
    house.store.let_go();
    deletion.await.unwrap();
    assert_eq!(tab.lines(), ["hello 5", "closed key_deleted"]);
}

#[tokio::test]
async fn deleting_another_users_key_does_not_disturb_a_login() {
    let house = House::start();
    house.apply(vec![put_key(5), put_key(6)]).await.unwrap();
    let at_the_door = house.clone();
    house.store.after_key_read(move || {
        let deletion = at_the_door.apply(vec![remove_key(6)]);
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(deletion).unwrap();
    });
    let tab = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(tab.lines(), ["hello 5"]);
}
