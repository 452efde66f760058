//! Many at once, checked against a model: publishers and browsers that come and
//! go on several threads. Two witnesses that never leave, one on each shard,
//! have the order; everybody else must have heard an unbroken stretch of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use pipes::name::{DevId, PipeName};
use pipes::{Change, Connection, Effect};
use tokio::task::yield_now;

use crate::support::{House, SHARDS, Tab, keep, pipe, publish, user};

const PIPES: [&str; 3] = ["track_a", "web_b", "stored_c"];
const PUBLISHERS: usize = 4;
const ROUNDS: usize = 250;
const VISITORS: usize = 6;

/// A small generator, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// Publishes `ROUNDS` times, alone or three rows at once. Gives how many
/// receivers it was told, and which payload has which offset.
async fn publish_rounds(house: House, publisher: usize) -> (u64, Vec<(u64, String)>) {
    let mut dice = Dice(publisher as u64 + 1);
    let (mut told, mut places, mut number) = (0, Vec::new(), 0);
    for _ in 0..ROUNDS {
        let batch = match dice.roll(3) {
            0 => vec![
                PIPES[dice.roll(3)],
                PIPES[dice.roll(3)],
                PIPES[dice.roll(3)],
            ],
            _ => vec![PIPES[dice.roll(3)]],
        };
        let size = batch.len();
        let (mut texts, mut changes) = (Vec::new(), Vec::new());
        for (row, name) in batch.into_iter().enumerate() {
            let text = format!("{publisher}/{number}/{row}/{size}");
            changes.push(publish(name, &text));
            texts.push(text);
            number += 1;
        }
        let effects = house.apply(changes).await.unwrap();
        for (effect, text) in effects.into_iter().zip(texts) {
            let Effect::Published {
                receivers,
                position,
            } = effect
            else {
                panic!("{effect:?}");
            };
            told += receivers;
            places.extend(position.map(|position| (position.offset, text)));
        }
        if dice.roll(4) == 0 {
            yield_now().await;
        }
    }
    (told, places)
}

/// Comes and goes until told to stop. Gives everything its tabs heard, a list
/// for every stay on a pipe, and the connections, to see whether they are freed.
async fn visit(house: House, seed: usize, stop: Arc<AtomicBool>) -> Visits {
    let mut dice = Dice(seed as u64 + 100);
    let mut visits = Visits::default();
    while !stop.load(Ordering::Relaxed) || visits.gone.len() < 5 {
        let tab = match dice.roll(2) {
            0 => house.anonymous().await,
            _ => house.login(seed as i64 + 1).await,
        };
        for _ in 0..=dice.roll(4) {
            let before = stays(&tab);
            let list: Vec<&str> = PIPES.into_iter().filter(|_| dice.roll(2) == 0).collect();
            tab.subscribe(&list);
            for _ in 0..dice.roll(20) {
                yield_now().await;
            }
            tab.subscribe(&[]);
            visits.record(&before, &stays(&tab));
        }
        tab.subscribe(&PIPES);
        visits.gone.push(Arc::downgrade(&tab.connection));
        let before = stays(&tab);
        tab.close();
        visits.record(&before, &stays(&tab));
    }
    visits
}

#[derive(Default)]
struct Visits {
    stays: Vec<(String, Vec<String>)>,
    gone: Vec<Weak<Connection>>,
}

impl Visits {
    fn record(
        &mut self,
        before: &HashMap<String, Vec<String>>,
        after: &HashMap<String, Vec<String>>,
    ) {
        for (name, heard) in after {
            let known = before.get(name).map_or(0, Vec::len);
            if heard.len() > known {
                self.stays.push((name.clone(), heard[known..].to_vec()));
            }
        }
    }
}

/// The messages a tab has heard, by pipe.
fn stays(tab: &Tab) -> HashMap<String, Vec<String>> {
    let mut heard: HashMap<String, Vec<String>> = HashMap::new();
    for (name, text) in messages(tab) {
        heard.entry(name).or_default().push(text);
    }
    heard
}

fn messages(tab: &Tab) -> Vec<(String, String)> {
    tab.lines()
        .iter()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, text)| text.contains('/'))
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .collect()
}

fn numbers(text: &str) -> [usize; 4] {
    let parts: Vec<usize> = text.split('/').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}

/// One publisher's messages are all there in its order, and nothing comes
/// between the rows of a batch.
fn check_order(heard: &[(String, String)]) {
    let mut next = [0; PUBLISHERS];
    let mut due: Option<(usize, usize)> = None;
    for (_, text) in heard {
        let [publisher, number, row, size] = numbers(text);
        assert_eq!(number, next[publisher], "{text}");
        next[publisher] += 1;
        if let Some(due) = due {
            assert_eq!((publisher, row), due, "{text} came into another batch");
        } else {
            assert_eq!(row, 0, "{text}");
        }
        due = (row + 1 < size).then_some((publisher, row + 1));
    }
    assert_eq!(due, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_hears_an_unbroken_stretch_of_one_order() {
    let house = House::start();
    house.apply_one(keep("stored_c", 1000)).await;
    let mut witnesses = Vec::new();
    for _ in 0..SHARDS {
        let tab = house.anonymous().await;
        tab.subscribe(&PIPES);
        witnesses.push(tab);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..VISITORS)
        .map(|seed| tokio::spawn(visit(house.clone(), seed, Arc::clone(&stop))))
        .collect();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| tokio::spawn(publish_rounds(house.clone(), publisher)))
        .collect();
    let (mut told, mut places) = (0, BTreeMap::new());
    for publisher in publishers {
        let (receivers, positions) = publisher.await.unwrap();
        told += receivers;
        places.extend(positions);
    }
    stop.store(true, Ordering::Relaxed);
    let mut gone = Vec::new();
    let order = stays(&witnesses[0]);
    for visitor in visitors {
        let visits = visitor.await.unwrap();
        for (name, heard) in visits.stays {
            let first = order[&name].iter().position(|text| *text == heard[0]);
            let stretch = &order[&name][first.unwrap()..];
            assert!(stretch.starts_with(&heard), "a gap on {name}");
        }
        gone.extend(visits.gone);
    }

    for witness in &witnesses {
        check_order(&messages(witness));
        assert_eq!(stays(witness), order);
    }
    let stored: Vec<String> = places.into_values().collect();
    assert_eq!(stored, order["stored_c"]);
    let delivered: u64 = house.shards.iter().map(|shard| shard.deliveries()).sum();
    assert_eq!(told, delivered);

    drop(witnesses.drain(..).inspect(Tab::close).collect::<Vec<_>>());
    assert_eq!(house.hall.counters().connections(), 0);
    assert_eq!(house.hall.users_online(DevId::ROOT), 0);
    assert!(house.hall.pipes(DevId::ROOT).is_empty());
    assert!(house.shards.iter().all(|shard| shard.pipes() == 0));
    assert!(gone.iter().all(|connection| connection.upgrade().is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_return_to_zero_after_any_coming_and_going() {
    let house = House::start();
    let churn: Vec<_> = (0..4u64)
        .map(|seed| {
            let house = house.clone();
            tokio::spawn(async move {
                let mut dice = Dice(seed + 7);
                let mut open: Vec<Tab> = Vec::new();
                for _ in 0..300 {
                    match dice.roll(4) {
                        0 => open.push(house.anonymous().await),
                        1 => open.push(house.login(dice.roll(5) as i64 + 1).await),
                        2 if !open.is_empty() => {
                            open.swap_remove(dice.roll(open.len())).close();
                        }
                        _ => {
                            if let Some(tab) = open.first() {
                                let names: Vec<String> = (0..dice.roll(6))
                                    .map(|_| format!("track_{}", dice.roll(9)))
                                    .collect();
                                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                                tab.subscribe(&names);
                            }
                        }
                    }
                }
                open.iter().for_each(Tab::close);
            })
        })
        .collect();
    for task in churn {
        task.await.unwrap();
    }
    assert_eq!(house.hall.counters().connections(), 0);
    assert_eq!(house.hall.users_online(DevId::ROOT), 0);
    assert_eq!(
        house.hall.pipes(DevId::ROOT),
        Vec::<(PipeName, usize)>::new()
    );
    assert!(house.shards.iter().all(|shard| shard.pipes() == 0));
    for number in 0..9 {
        assert_eq!(house.subscribers(&format!("track_{number}")), 0);
    }
    assert!((1..=5).all(|number| !house.hall.is_online(DevId::ROOT, user(number))));
}

/// The last subscriber leaves and another comes at the same moment: whoever is
/// subscribed is found by a publisher.
#[test]
fn a_pipe_that_empties_while_somebody_joins_keeps_the_newcomer() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let house = House::start();
    let tabs: Vec<Tab> = (0..4)
        .map(|_| runtime.block_on(house.anonymous()))
        .collect();
    std::thread::scope(|scope| {
        for tab in &tabs {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    tab.subscribe(&["web_x"]);
                    assert!(house.subscribers("web_x") > 0);
                    tab.subscribe(&[]);
                }
            });
        }
    });
    assert!(house.hall.pipes(DevId::ROOT).is_empty());
    assert!(house.shards.iter().all(|shard| shard.pipes() == 0));
}

/// The numbers of the private messages a tab has heard.
fn letters(tab: &Tab) -> Vec<usize> {
    tab.lines()
        .iter()
        .filter_map(|line| line.split_once(" m"))
        .map(|(_, number)| number.parse().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_device_hears_the_mail_without_gap_or_repetition() {
    const LETTERS: usize = 500;
    let house = House::start();
    let steady = Arc::new(house.login(5).await);
    let stop = Arc::new(AtomicBool::new(false));
    let on_the_way = Arc::new(AtomicUsize::new(0));
    let reading: Vec<_> = (0..4usize)
        .map(|seed| {
            let (house, stop) = (house.clone(), Arc::clone(&stop));
            let on_the_way = Arc::clone(&on_the_way);
            tokio::spawn(async move {
                let mut dice = Dice(seed as u64 + 31);
                let mut heard = Vec::new();
                while !stop.load(Ordering::Relaxed) || heard.len() < 3 {
                    let tab = house.login(5).await;
                    let first_after_login = on_the_way.load(Ordering::SeqCst) + 1;
                    for _ in 0..dice.roll(60) {
                        tab.kernel_takes(dice.roll(4));
                        yield_now().await;
                    }
                    tab.close();
                    heard.push((first_after_login, letters(&tab)));
                }
                heard
            })
        })
        .collect();
    for number in 0..LETTERS {
        on_the_way.store(number, Ordering::SeqCst);
        house.tell(5, &format!("m{number}")).await;
        steady.kernel_takes(number % 3);
        yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in reading {
        for (first_after_login, heard) in task.await.unwrap() {
            assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
            // Older ones may have been handed to another device before.
            let since: Vec<usize> = heard
                .into_iter()
                .filter(|number| *number >= first_after_login)
                .collect();
            let end = first_after_login + since.len();
            assert_eq!(since, (first_after_login..end).collect::<Vec<_>>());
        }
    }
    assert_eq!(letters(&steady), (0..LETTERS).collect::<Vec<_>>());
    steady.kernel_takes(usize::MAX);
    house
        .bell
        .until("removal", || house.mailbox(5).is_empty())
        .await;
}

/// Keys are deleted and set while people log in: nobody with a deleted key is
/// left inside without having been told to go.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_stays_inside_with_a_deleted_key() {
    let house = House::start();
    let coming: Vec<_> = (0..4usize)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move {
                let mut tabs = Vec::new();
                for _ in 0..100 {
                    tabs.push(house.claim(DevId::ROOT, 5).await.unwrap());
                }
                tabs
            })
        })
        .collect();
    for _ in 0..200 {
        house.apply_one(crate::support::put_key(5)).await;
        yield_now().await;
        house.apply_one(Change::RemoveKey { user: user(5) }).await;
    }
    for task in coming {
        for tab in task.await.unwrap() {
            let closed = tab.lines().iter().any(|line| line == "closed key_deleted");
            assert_eq!(closed, tab.connection.user.is_some());
            tab.close();
        }
    }
    assert!(house.shards.iter().all(|shard| shard.pipes() == 0));
    assert_eq!(house.hall.pipes(DevId::ROOT), []);
    assert_eq!(
        house
            .hall
            .subscriber_count(DevId::ROOT, &pipe("user_status_5")),
        0
    );
}
