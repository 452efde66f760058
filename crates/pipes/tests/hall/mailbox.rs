//! Private messages: durable until a connection of their user has them, then
//! gone. The hand-over to somebody who logs in is driven step by step.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipes::name::DevId;
use pipes::{Change, Effect};

use crate::support::{House, mail, poll_once, put_key, user};

#[tokio::test]
async fn what_waited_comes_once_in_order_and_marked() {
    let house = House::start();
    for text in ["a", "b", "c"] {
        assert_eq!(house.tell(5, text).await, 0);
    }
    let tab = house.login(5).await;
    tab.reads_until("c").await;
    assert_eq!(tab.lines(), ["hello 5", "queued a", "queued b", "queued c"]);
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
    assert_eq!(house.tell(5, "d").await, 1);
    tab.reads_until("d").await;
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
    let next = house.login(5).await;
    house.tell(5, "e").await;
    next.hears("e").await;
    assert_eq!(next.lines().len(), 2);
}

#[tokio::test]
async fn a_private_message_reaches_every_device_at_once() {
    let house = House::start();
    let (phone, desk) = (house.login(5).await, house.login(5).await);
    let other = house.login(6).await;
    assert_eq!(house.tell(5, "hi").await, 2);
    assert_eq!(phone.lines(), ["hello 5", "private hi"]);
    assert_eq!(desk.lines(), ["hello 5", "private hi"]);
    assert_eq!(other.lines(), ["hello 6"]);
    assert_eq!(house.mailbox(5), ["hi"]);
    phone.kernel_takes(1);
    assert!(house.mailbox(5).is_empty());
    desk.kernel_takes(1);
    assert!(house.mailbox(5).is_empty());
}

#[tokio::test]
async fn receipts_remove_exactly_what_was_handed_over() {
    let house = House::start();
    let tab = house.login(5).await;
    for text in ["a", "b", "c"] {
        house.tell(5, text).await;
    }
    tab.kernel_takes(2);
    assert_eq!(house.mailbox(5), ["c"]);
    tab.close();
    assert_eq!(house.mailbox(5), ["c"]);
    let next = house.login(5).await;
    next.reads_until("c").await;
    assert_eq!(next.lines(), ["hello 5", "queued c"]);
}

#[tokio::test]
async fn a_hand_over_that_breaks_off_leaves_the_rest_for_the_next_connection() {
    let house = House::start();
    for text in ["a", "b", "c"] {
        house.tell(5, text).await;
    }
    let tab = house.login(5).await;
    tab.hears("c").await;
    tab.kernel_takes(1);
    tab.close();
    house
        .bell
        .until("removal", || house.mailbox(5) == ["b", "c"])
        .await;
    let next = house.login(5).await;
    next.reads_until("c").await;
    assert_eq!(next.lines(), ["hello 5", "queued b", "queued c"]);
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
}

#[tokio::test]
async fn a_socket_that_breaks_unnoticed_loses_nothing() {
    let house = House::start();
    let dead = house.login(5).await;
    dead.breaks();
    assert_eq!(house.tell(5, "a").await, 1);
    assert_eq!(house.mailbox(5), ["a"]);
    let next = house.login(5).await;
    next.reads_until("a").await;
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
    dead.close();
}

#[tokio::test]
async fn a_message_that_arrives_while_the_mailbox_is_read_comes_after_it_once() {
    for moment in ["before", "after"] {
        let house = House::start();
        house.tell(5, "old").await;
        let sender = house.clone();
        let hook = move || assert_eq!(sender.tell_now(5, "new"), 1);
        match moment {
            "before" => house.store.before_mailbox_read(hook),
            _ => house.store.after_mailbox_read(hook),
        }
        let tab = house.login(5).await;
        tab.reads_until("new").await;
        house.tell(5, "last").await;
        tab.reads_until("last").await;
        let lines = tab.lines();
        let texts: Vec<&str> = lines
            .iter()
            .map(|line| line.rsplit(' ').next().unwrap())
            .collect();
        assert_eq!(texts, ["5", "old", "new", "last"], "{moment}");
        house
            .bell
            .until("removal", || house.mailbox(5).is_empty())
            .await;
    }
}

#[tokio::test]
async fn a_message_that_arrives_before_the_last_receipt_waits_its_turn() {
    let house = House::start();
    house.tell(5, "old").await;
    let tab = house.login(5).await;
    tab.hears("old").await;
    house.tell(5, "new").await;
    assert_eq!(tab.lines(), ["hello 5", "queued old"]);
    tab.reads_until("new").await;
    assert_eq!(tab.lines(), ["hello 5", "queued old", "queued new"]);
}

#[tokio::test]
async fn a_message_another_device_has_already_still_reaches_the_one_that_is_reading() {
    let house = House::start();
    let desk = house.login(5).await;
    house.tell(5, "old").await;
    let phone = house.login(5).await;
    phone.hears("old").await;
    house.tell(5, "new").await;
    desk.kernel_takes(usize::MAX);
    assert_eq!(desk.lines(), ["hello 5", "private old", "private new"]);
    phone.reads_until("new").await;
    assert_eq!(phone.lines(), ["hello 5", "queued old", "queued new"]);
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
}

#[tokio::test]
async fn a_device_that_breaks_while_reading_does_not_keep_back_the_removal() {
    let house = House::start();
    let desk = house.login(5).await;
    house.tell(5, "old").await;
    let phone = house.login(5).await;
    phone.hears("old").await;
    house.tell(5, "new").await;
    desk.kernel_takes(usize::MAX);
    assert_eq!(house.mailbox(5), ["old", "new"]);
    phone.close();
    assert!(house.mailbox(5).is_empty());
}

#[tokio::test]
async fn two_devices_that_log_in_together_both_hear_what_arrives_meanwhile() {
    let house = House::start();
    house.tell(5, "old").await;
    let (phone, desk) = (house.login(5).await, house.login(5).await);
    phone.hears("old").await;
    desk.hears("old").await;
    house.tell(5, "new").await;
    phone.reads_until("new").await;
    desk.reads_until("new").await;
    for tab in [&phone, &desk] {
        assert_eq!(tab.lines(), ["hello 5", "queued old", "queued new"]);
    }
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
}

#[tokio::test]
async fn a_message_not_durable_yet_at_login_comes_once() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    house.store.keep_back();
    let mut sending = pin!(house.apply(vec![mail(5, "a")]));
    assert!(poll_once(sending.as_mut()).await.is_none());
    let tab = house.login(5).await;
    assert_eq!(tab.lines(), ["hello 5"]);
    house.store.let_go();
    assert_eq!(sending.await.unwrap(), [Effect::Sent { receivers: 1 }]);
    assert_eq!(tab.lines(), ["hello 5", "private a"]);
}

#[tokio::test]
async fn a_long_mailbox_comes_in_pieces_without_gap_or_repetition() {
    let house = House::start();
    let texts: Vec<String> = (0..300).map(|number| format!("m{number:03}")).collect();
    let letters = texts.iter().map(|text| mail(5, text)).collect();
    house.apply(letters).await.unwrap();
    let tab = house.login(5).await;
    tab.hears("m000").await;
    assert!(tab.lines().len() < 300, "one piece at a time");
    tab.reads_until("m299").await;
    let expected: Vec<String> = texts.iter().map(|text| format!("queued {text}")).collect();
    assert_eq!(tab.lines()[1..], expected);
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
}

#[tokio::test]
async fn a_connection_whose_mailbox_cannot_be_read_still_hears_what_comes() {
    let house = House::with(|config| config.limits.mailbox_length = u32::MAX);
    house.tell(5, "old").await;
    house.store.fail_next_mailbox_read();
    let tab = house.login(5).await;
    for _ in 0..1_000_000 {
        if tab.lines().len() > 1 {
            break;
        }
        house.tell(5, "new").await;
        tokio::task::yield_now().await;
    }
    assert_eq!(tab.lines(), ["hello 5", "private new"]);
    tab.close();
    let next = house.login(5).await;
    next.hears("old").await;
    assert_eq!(next.lines()[..2], ["hello 5", "queued old"]);
}

#[tokio::test]
async fn a_message_for_nobody_is_forgotten() {
    let house = House::start();
    let effect = house.apply_one(mail(0, "x")).await;
    assert_eq!(effect, Effect::Sent { receivers: 0 });
    assert!(house.hall.users_with_mail(DevId::ROOT).is_empty());
}

#[tokio::test]
async fn a_full_mailbox_drops_its_oldest_and_says_so() {
    let house = House::with(|config| config.limits.mailbox_length = 2);
    for text in ["a", "b", "c"] {
        house.tell(5, text).await;
    }
    assert_eq!(house.mailbox(5), ["b", "c"]);
    let dropped = &house.hall.counters().mail_dropped;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn removals_that_wait_for_a_stuck_device_are_bounded() {
    let house = House::with(|config| config.limits.mailbox_length = 2);
    let desk = house.login(5).await;
    house.tell(5, "old").await;
    let stuck = house.login(5).await;
    stuck.hears("old").await;
    for text in ["a", "b", "c", "d"] {
        house.tell(5, text).await;
        desk.kernel_takes(usize::MAX);
    }
    assert_eq!(house.mailbox(5), ["c", "d"]);
    stuck.close();
    assert!(house.mailbox(5).is_empty());
    assert!(house.store.largest_removal() <= 2);
}

#[tokio::test]
async fn a_cleared_mailbox_has_nothing_for_anybody() {
    let house = House::start();
    house.tell(5, "a").await;
    let clear = Change::ClearMailbox { user: user(5) };
    assert_eq!(house.apply_one(clear.clone()).await, Effect::Removed(1));
    assert_eq!(house.apply_one(clear).await, Effect::Removed(0));
    let tab = house.login(5).await;
    house.tell(5, "b").await;
    tab.hears("b").await;
    assert_eq!(tab.lines().len(), 2);
}

#[tokio::test]
async fn mail_survives_a_restart() {
    let house = House::start();
    house.tell(5, "a").await;
    let house = house.restarted();
    assert_eq!(house.hall.users_with_mail(DevId::ROOT), [user(5)]);
    house.tell(5, "b").await;
    let tab = house.login(5).await;
    tab.reads_until("b").await;
    assert_eq!(tab.lines(), ["hello 5", "queued a", "queued b"]);
}

/// Lets the time of the housekeeping pass until `done`.
async fn keep_house_until(house: &House, done: impl Fn() -> bool) {
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let keeping = tokio::spawn(Arc::clone(&house.hall).keep_house(stopping));
    for _ in 0..1_000_000 {
        if done() {
            break;
        }
        tokio::time::advance(std::time::Duration::from_millis(500)).await;
        tokio::task::yield_now().await;
    }
    assert!(done());
    stop.send(true).unwrap();
    keeping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn housekeeping_forgets_mailboxes_that_are_empty_and_no_others() {
    let house = House::start();
    house.tell(6, "waits").await;
    house.tell(5, "a").await;
    house
        .apply_one(Change::ClearMailbox { user: user(5) })
        .await;
    let with_mail = || house.hall.users_with_mail(DevId::ROOT);
    assert_eq!(with_mail(), [user(5), user(6)]);
    keep_house_until(&house, || with_mail().len() < 2).await;
    assert_eq!(with_mail(), [user(6)]);
    assert_eq!(house.mailbox(6), ["waits"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_arrives_while_housekeeping_looks_is_not_forgotten() {
    let house = House::start();
    house.tell(5, "a").await;
    house
        .apply_one(Change::ClearMailbox { user: user(5) })
        .await;
    let sender = house.clone();
    let looked = Arc::new(AtomicBool::new(false));
    let looking = Arc::clone(&looked);
    house.store.after_mailbox_read(move || {
        sender.tell_now(5, "new");
        looking.store(true, Ordering::SeqCst);
    });
    keep_house_until(&house, || looked.load(Ordering::SeqCst)).await;
    let tab = house.login(5).await;
    tab.reads_until("new").await;
    assert_eq!(tab.lines(), ["hello 5", "queued new"]);
}
