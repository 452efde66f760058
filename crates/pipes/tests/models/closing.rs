//! Who leaves while something is on its way to it, and everybody at once.

use pipes::Effect;
use shuttle::thread;

use crate::explore;
use crate::house::{House, letter, put_key};

/// A connection that ends is counted and served up to its place in the order, and no
/// further; what it was handed and did not take waits for the next one.
#[test]
fn close_while_delivering() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        let (stays, other, goes) = (house.anonymous(), house.anonymous(), house.claim(5));
        // Of one shard, so that it has a member left whose messages pass by.
        assert_eq!(stays.connection.shard, goes.connection.shard);
        other.close();
        stays.subscribe(&["web_race", "user_status_5"]);
        goes.subscribe(&["web_race"]);
        let publisher = thread::spawn({
            let house = house.clone();
            move || {
                (1..=3)
                    .map(|number| house.publish("web_race", &number.to_string()))
                    .collect()
            }
        });
        let writer = thread::spawn({
            let house = house.clone();
            move || house.apply(vec![letter(5, "a"), letter(5, "b")])
        });
        goes.close();
        let told: Vec<u64> = publisher.join().unwrap();
        writer.join().unwrap();
        assert_eq!(stays.heard_numbers("web_race"), [1, 2, 3]);
        let served = told.iter().filter(|told| **told == 2).count();
        assert_eq!(goes.heard("web_race").len(), served);
        assert!(told.is_sorted_by(|one, next| one >= next), "{told:?}");
        assert_eq!(house.mailbox(5), ["a", "b"], "nobody has taken them");
        assert_eq!(stays.heard("user_status_5"), ["false"]);
        stays.close();
        house.assert_empty();
    });
}

/// Who is closed while it still subscribes is left in no pipe.
#[test]
fn close_while_subscribing() {
    explore(|| {
        let house = House::start();
        let tab = house.anonymous();
        let subscribing = thread::spawn({
            let tab = tab.clone();
            move || tab.subscribe(&["web_race", "track_race"])
        });
        tab.close();
        subscribing.join().unwrap();
        house.assert_empty();
    });
}

/// Two of a user's tabs hand over: whichever leaves last is the one after which the user
/// is offline, and what others hear of it ends with the truth.
#[test]
fn one_tab_leaves_while_the_next_comes() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        let watcher = house.anonymous();
        watcher.subscribe(&["user_status_5"]);
        let first = house.claim(5);
        let leaving = thread::spawn({
            let first = first.clone();
            move || first.close()
        });
        let next = house.claim(5);
        leaving.join().unwrap();
        let heard = watcher.heard("user_status_5");
        assert_eq!(heard.last().unwrap(), "true", "{heard:?}");
        assert!(heard.windows(2).all(|pair| pair[0] != pair[1]), "{heard:?}");
        next.close();
        assert_eq!(watcher.heard("user_status_5").last().unwrap(), "false");
        watcher.close();
        house.assert_empty();
    });
}

/// All leave while others still publish: every statement is answered, and nothing is left
/// of anybody.
#[test]
fn shutdown_under_load() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        let tabs = [house.anonymous(), house.claim(5), house.claim(5)];
        tabs.iter().for_each(|tab| tab.subscribe(&["track_race"]));
        let publisher = thread::spawn({
            let house = house.clone();
            move || {
                for _ in 0..2 {
                    house.publish("track_race", "message");
                    let effects = house.apply(vec![letter(5, "letter")]);
                    assert!(matches!(effects[0], Effect::Sent { .. }));
                }
            }
        });
        let [first, others @ ..] = tabs;
        let closing: Vec<_> = others
            .into_iter()
            .map(|tab| thread::spawn(move || tab.close()))
            .collect();
        first.close();
        // Closing twice is closing once.
        first.close();
        for closed in closing {
            closed.join().unwrap();
        }
        publisher.join().unwrap();
        assert_eq!(house.mailbox(5).len(), 2);
        house.assert_empty();
    });
}
