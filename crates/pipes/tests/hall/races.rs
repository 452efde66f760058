//! Races that have names: two things that happen at the same time, many times over,
//! with as many yields between their steps as a seed says. Each test opens with
//! what would go wrong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pipes::message::Position;
use pipes::name::DevId;
use pipes::resume::{BEGINNING, Step};
use pipes::{Change, Effect};
use tokio::task::yield_now;

use crate::support::{House, Tab, keep, payloads, pipe, publish, put_key, remove_key, user};

const SEEDS: u64 = 120;
const MESSAGES: u64 = 12;

/// A small generator, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    async fn dawdle(&mut self) {
        for _ in 0..self.roll(6) {
            yield_now().await;
        }
    }
}

fn heard(tab: &Tab, name: &str) -> Vec<u64> {
    let prefix = format!("{name} ");
    tab.lines()
        .iter()
        .filter_map(|line| line.strip_prefix(&prefix)?.parse().ok())
        .collect()
}

/// Publishes 1, 2, 3… and gives, for each, how many receivers it was told.
async fn publish_all(house: House, name: &'static str, seed: u64) -> Vec<u64> {
    let mut dice = Dice::new(seed);
    let mut told = Vec::new();
    for number in 1..=MESSAGES {
        dice.dawdle().await;
        match house.apply_one(publish(name, &number.to_string())).await {
            Effect::Published { receivers, .. } => told.push(receivers),
            other => panic!("{other:?}"),
        }
    }
    told
}

/// A subscriber that is counted and not served, or served and not counted; or one
/// that hears a later message without an earlier one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscribe_while_publishing() {
    for seed in 0..SEEDS {
        let house = House::start();
        let tab = house.anonymous().await;
        let publisher = tokio::spawn(publish_all(house.clone(), "web_race", seed));
        Dice::new(seed + 1000).dawdle().await;
        tab.subscribe(&["web_race"]);
        let told = publisher.await.unwrap();
        let counted: Vec<u64> = (1..)
            .zip(told)
            .filter(|(_, told)| *told == 1)
            .map(|(n, _)| n)
            .collect();
        assert_eq!(heard(&tab, "web_race"), counted, "seed {seed}");
        let all = (1..=MESSAGES).collect::<Vec<_>>();
        assert!(all.ends_with(&counted), "seed {seed}: {counted:?}");
    }
}

/// What a page that comes back has, from what was read for it and what came live.
async fn resumed(house: &House, tab: &Tab, name: &str, from: Position) -> (BTreeSet<u64>, u64) {
    house.hall.subscribe_also(&tab.connection, &[pipe(name)]);
    let mut reading = house
        .hall
        .begin_reading(&tab.connection, pipe(name), Some(from))
        .await
        .unwrap();
    let (mut missed, mut gap) = (BTreeSet::new(), 0);
    loop {
        match house.hall.read_on(&mut reading, 64).await.unwrap() {
            Step::Gap(position) => gap = position.offset,
            Step::Missed(piece) => {
                for stored in piece {
                    let fresh = missed.insert(stored.position.offset);
                    assert!(fresh, "offset {} twice", stored.position.offset);
                    assert_eq!(*stored.message.payload, stored.position.offset.to_string());
                }
            }
            Step::Complete(_) => return (missed, gap),
        }
    }
}

/// A message that was trimmed while it was being read for a page that comes back, and
/// neither sent nor told as gone; or one that falls between what is read and what
/// comes live.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn resume_while_trimming() {
    for seed in 0..SEEDS {
        let house = House::start();
        house.apply_one(keep("web_race", 3)).await;
        let publisher = tokio::spawn(publish_all(house.clone(), "web_race", seed));
        let mut dice = Dice::new(seed + 2000);
        for _ in 0..dice.roll(4) {
            dice.dawdle().await;
        }
        let tab = house.anonymous().await;
        let (missed, gap) = resumed(&house, &tab, "web_race", BEGINNING).await;
        publisher.await.unwrap();
        let live = heard(&tab, "web_race");
        for number in 1..=MESSAGES {
            let told = number <= gap || missed.contains(&number) || live.contains(&number);
            assert!(
                told,
                "seed {seed}: {number} is neither in {missed:?}, {live:?} nor before {gap}"
            );
        }
    }
}

/// A connection that is handed something after it was taken from its pipes, a member
/// that stays behind, or a publisher that waits for one who has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_while_delivering() {
    for seed in 0..SEEDS {
        let house = House::start();
        let (stays, goes) = (house.anonymous().await, house.login(5).await);
        for tab in [&stays, &goes] {
            tab.subscribe(&["web_race", "track_race"]);
        }
        let publisher = tokio::spawn(publish_all(house.clone(), "web_race", seed));
        let letters = tokio::spawn({
            let house = house.clone();
            async move {
                for number in 0..MESSAGES {
                    house.tell(5, &number.to_string()).await;
                }
            }
        });
        Dice::new(seed + 3000).dawdle().await;
        goes.close();
        let told = publisher.await.unwrap();
        letters.await.unwrap();
        let everything = (1..=MESSAGES).collect::<Vec<_>>();
        assert_eq!(heard(&stays, "web_race"), everything, "seed {seed}");
        let counted = told.iter().filter(|told| **told == 2).count();
        assert_eq!(heard(&goes, "web_race").len(), counted, "seed {seed}");
        assert_eq!(house.subscribers("web_race"), 1);
        assert!(!house.hall.is_online(DevId::ROOT, user(5)));
        // What it was handed and did not take is still in the mailbox, and nothing else.
        let handed: Vec<String> = goes
            .lines()
            .iter()
            .filter_map(|line| line.strip_prefix("private ").map(str::to_owned))
            .collect();
        let kept = house.mailbox(5);
        assert_eq!(
            kept.len() as u64,
            MESSAGES,
            "seed {seed}: {handed:?} {kept:?}"
        );
    }
}

/// A login that is checked before its key is deleted and registered afterwards: a
/// user who was thrown out and is in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn login_while_revoked() {
    for seed in 0..SEEDS {
        let house = House::start();
        house.apply_one(put_key(5)).await;
        let remove = {
            let house = house.clone();
            async move {
                Dice::new(seed).dawdle().await;
                house.apply_one(remove_key(5)).await;
            }
        };
        let log_in = async {
            Dice::new(seed + 4000).dawdle().await;
            house.claim(DevId::ROOT, 5).await.unwrap()
        };
        // The first two seeds are the two orders; how the others end is open.
        let tab = match seed {
            0 => {
                remove.await;
                log_in.await
            }
            1 => {
                let tab = log_in.await;
                remove.await;
                tab
            }
            _ => {
                let removing = tokio::spawn(remove);
                let tab = log_in.await;
                removing.await.unwrap();
                tab
            }
        };
        let was_let_in = tab.connection.user.is_some();
        let was_thrown_out = tab.lines().iter().any(|line| line.starts_with("closed "));
        assert_eq!(was_let_in, was_thrown_out, "seed {seed}: {:?}", tab.lines());
        if seed < 2 {
            assert_eq!(was_let_in, seed == 1, "seed {seed}");
        }
    }
}

/// A change whose statement was answered and which a stop loses, or one that takes effect
/// by half.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shutdown_under_load() {
    for seed in 0..SEEDS / 4 {
        let house = House::start();
        house.apply_one(keep("web_race", 1000)).await;
        let tab = house.anonymous().await;
        tab.subscribe(&["web_race"]);
        let stop = Arc::new(AtomicBool::new(false));
        let publishers: Vec<_> = (0..4)
            .map(|publisher| {
                let (house, stop) = (house.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut accepted = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let row =
                            || publish("web_race", &format!("{}", publisher * 1000 + accepted));
                        let rows: Vec<Change> = vec![row(), row()];
                        if house.apply(rows).await.is_err() {
                            break;
                        }
                        accepted += 1;
                    }
                    accepted
                })
            })
            .collect();
        let mut dice = Dice::new(seed);
        for _ in 0..dice.roll(20) {
            dice.dawdle().await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut accepted = 0;
        for publisher in publishers {
            accepted += publisher.await.unwrap();
        }
        let live = heard(&tab, "web_race");
        assert_eq!(live.len() as u64, accepted * 2, "seed {seed}");
        assert!(live.chunks(2).all(|rows| rows[0] == rows[1]), "seed {seed}");
        let house = house.restarted();
        let kept = house.history("web_race");
        let kept: Vec<u64> = payloads(&kept)
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        // A history is read by its newest messages.
        assert_eq!(kept.len(), live.len().min(99), "seed {seed}");
        assert!(live.ends_with(&kept), "seed {seed}");
    }
}
