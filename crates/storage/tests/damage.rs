//! Damage at random places: a bit that flipped, a sector that was lost, pages that
//! changed places. A damaged file is refused with a sentence and left as it is, or
//! what it holds is there; it is never taken for an empty one, and nothing panics.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::fs;

use common::*;
use pipes::storage::{Storage, Window};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use storage::{Config, SqliteStorage};
use tempfile::tempdir;

const MESSAGES: usize = 60;
const PAGE: usize = 4096;
const SECTOR: usize = 512;
const ROUNDS: u64 = 60;

/// The file of a store with short and long messages, keys and mail.
fn healthy() -> Vec<u8> {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for number in 0..MESSAGES {
        let length = if number % 5 == 0 { 6000 } else { 40 };
        append(
            &storage,
            15,
            "news",
            &format!("{number} {}", "x".repeat(length)),
        );
        write(&storage, mailing(15, 42, "letter", 1000, 1));
    }
    drop(storage);
    fs::read(directory.path().join("cometwire.db")).unwrap()
}

/// What a store made of these bytes says, if it opens: its messages.
fn messages(bytes: &[u8]) -> Option<Vec<String>> {
    let directory = tempdir().unwrap();
    let file = directory.path().join("cometwire.db");
    fs::write(&file, bytes).unwrap();
    match SqliteStorage::open(directory.path(), Config::default()) {
        Ok(storage) => {
            let history = storage.history(dev_id(15), &name("news"), Window::newest(1000));
            let history = history.ok()?;
            let payloads = history
                .iter()
                .map(|stored| stored.message.payload.to_string());
            Some(payloads.collect())
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.contains(file.to_str().unwrap()), "{sentence}");
            assert!(
                fs::read(&file).unwrap() == bytes,
                "a refused file was changed"
            );
            None
        }
    }
}

fn differing(healthy: &[String], found: &[String]) -> usize {
    let common = healthy.iter().zip(found).filter(|(a, b)| a != b).count();
    common + healthy.len().abs_diff(found.len())
}

#[test]
fn a_bit_that_flipped_costs_at_most_one_message_or_is_refused() {
    let healthy = healthy();
    let expected = messages(&healthy).unwrap();
    assert_eq!(expected.len(), MESSAGES);
    let (mut refused, mut unharmed) = (0, 0);
    for seed in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = healthy.clone();
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8);
        match messages(&bytes) {
            None => refused += 1,
            Some(found) => {
                let differing = differing(&expected, &found);
                assert!(differing <= 1, "seed {seed}, byte {at}: {differing} differ");
                unharmed += usize::from(differing == 0);
            }
        }
    }
    assert!(refused > 0 && unharmed > 0, "{refused} {unharmed}");
}

#[test]
fn sectors_and_pages_that_are_lost_or_changed_places_never_leave_an_empty_store() {
    let healthy = healthy();
    let expected = messages(&healthy).unwrap();
    let mut refused = 0;
    for seed in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(1000 + seed);
        let mut bytes = healthy.clone();
        match seed % 3 {
            0 => {
                let at = random.random_range(0..bytes.len() / SECTOR) * SECTOR;
                bytes[at..at + SECTOR].fill(0);
            }
            1 => {
                let at = random.random_range(0..bytes.len() / SECTOR) * SECTOR;
                random.fill(&mut bytes[at..at + SECTOR]);
            }
            _ => {
                let pages = bytes.len() / PAGE;
                let one = random.random_range(1..pages);
                let other = (one + random.random_range(1..pages - 1)) % (pages - 1) + 1;
                for index in 0..PAGE {
                    bytes.swap(one * PAGE + index, other * PAGE + index);
                }
            }
        }
        match messages(&bytes) {
            None => refused += 1,
            Some(found) => assert_eq!(found.len(), expected.len(), "seed {seed}"),
        }
    }
    assert!(refused > 20, "{refused}");
}
