//! Who comes to a pipe, and leaves it, while others publish, leave, or change its rules.

use pipes::Change;
use pipes::name::DevId;
use pipes::rules::{RuleTexts, Rules};
use pipes::settings::PipeSettings;
use shuttle::thread;

use crate::house::{House, pipe, publish};
use crate::{dawdle, explore};

/// Everything published after the newcomer's place in the order reaches it, once and in
/// order, and who publishes is told of exactly those who get it.
#[test]
fn subscribe_while_publishing() {
    explore(|| {
        let house = House::start();
        let (witness, newcomer) = (house.anonymous(), house.anonymous());
        witness.subscribe(&["web_race"]);
        let publishers: Vec<_> = (0..2)
            .map(|publisher| {
                let house = house.clone();
                thread::spawn(move || {
                    let mut counted = Vec::new();
                    for number in 0..2 {
                        let text = (publisher * 10 + number).to_string();
                        if house.publish("web_race", &text) == 2 {
                            counted.push(text);
                        }
                    }
                    counted
                })
            })
            .collect();
        newcomer.subscribe(&["web_race"]);
        let mut counted: Vec<String> = Vec::new();
        for publisher in publishers {
            counted.extend(publisher.join().unwrap());
        }
        let (order, mut heard) = (witness.heard("web_race"), newcomer.heard("web_race"));
        assert_eq!(order.len(), 4);
        assert!(order.ends_with(&heard), "{heard:?} is no end of {order:?}");
        heard.sort();
        counted.sort();
        assert_eq!(heard, counted, "counted is what is handed over");
    });
}

/// Several rows are heard together: nobody comes between them.
#[test]
fn subscribe_while_a_batch_is_published() {
    explore(|| {
        let house = House::start();
        let witness = house.anonymous();
        witness.subscribe(&["web_race", "web_other"]);
        let newcomer = house.anonymous();
        let publisher = {
            let house = house.clone();
            thread::spawn(move || {
                let rows = ["web_race", "web_other", "web_race"];
                let rows = rows.map(|name| publish(name, "row"));
                house.apply(rows.to_vec());
            })
        };
        newcomer.subscribe(&["web_race", "web_other"]);
        publisher.join().unwrap();
        let heard = (
            newcomer.heard("web_race").len(),
            newcomer.heard("web_other").len(),
        );
        assert!(heard == (0, 0) || heard == (2, 1), "{heard:?} of (2, 1)");
    });
}

/// The last subscriber leaves and another comes at the same moment: the newcomer is
/// subscribed to a pipe that publishers find.
#[test]
fn join_a_pipe_that_empties() {
    explore(|| {
        let house = House::start();
        let (leaving, coming) = (house.anonymous(), house.anonymous());
        leaving.subscribe(&["web_race"]);
        let left = thread::spawn({
            let leaving = leaving.clone();
            move || leaving.subscribe(&[])
        });
        let published = thread::spawn({
            let house = house.clone();
            move || house.publish("web_race", "early")
        });
        coming.subscribe(&["web_race"]);
        left.join().unwrap();
        published.join().unwrap();
        assert_eq!(house.publish("web_race", "late"), 1);
        assert_eq!(coming.heard("web_race").last().unwrap(), "late");
        assert_eq!(house.subscribers("web_race"), 1);
        leaving.close();
        coming.close();
        house.assert_empty();
    });
}

/// From the moment a rule's statement is answered nobody it forbids is subscribed, whether
/// they were there before or come at the same moment.
#[test]
fn subscribe_while_a_rule_changes() {
    explore(|| {
        let house = House::start();
        let (inside, coming) = (house.anonymous(), house.anonymous());
        inside.subscribe(&["web_race"]);
        let changing = thread::spawn({
            let house = house.clone();
            move || {
                let texts = RuleTexts {
                    subscribe: "nobody",
                    ..RuleTexts::default()
                };
                let settings = PipeSettings {
                    length: 0,
                    age: 0,
                    rules: Some(Rules::parse(&texts).unwrap().into()),
                };
                let pipe = pipe("web_race");
                house.apply(vec![Change::PutSettings { pipe, settings }]);
                house.publish("web_race", "secret")
            }
        });
        coming.subscribe(&["web_race"]);
        assert_eq!(changing.join().unwrap(), 0);
        for tab in [inside, coming] {
            assert_eq!(tab.heard("web_race"), [""; 0]);
            assert_eq!(tab.connection.subscription_count(), 0);
        }
    });
}

/// A list of members, and every change after it, is every later list.
#[test]
fn list_members_while_they_come_and_go() {
    explore(|| {
        let house = House::start();
        let (watcher, other) = (house.anonymous(), house.anonymous());
        watcher.subscribe(&["track_race"]);
        let coming = thread::spawn({
            let other = other.clone();
            move || {
                other.subscribe(&["track_race"]);
                other.subscribe(&[]);
            }
        });
        dawdle();
        let list = house.hall.members(DevId::ROOT, &pipe("track_race"));
        coming.join().unwrap();
        let mut members: Vec<u64> = list.members.iter().map(|member| member.member).collect();
        let mut at = list.version.version;
        for change in watcher.heard("track_race") {
            let words: Vec<&str> = change.split(' ').collect();
            let (version, member) = (words[0].parse::<u64>().unwrap(), words[2].parse().unwrap());
            if version <= at {
                continue;
            }
            assert_eq!(version, at + 1, "a change is missing");
            at = version;
            let known = members.iter().position(|known| *known == member);
            match (words[1] == "true", known) {
                (true, None) => members.push(member),
                (false, Some(place)) => drop(members.remove(place)),
                _ => panic!("a change that is in the list already: {change}"),
            }
        }
        let later = house.hall.members(DevId::ROOT, &pipe("track_race"));
        assert_eq!(later.version.version, at);
        let later: Vec<u64> = later.members.iter().map(|member| member.member).collect();
        assert_eq!(members, later);
    });
}
