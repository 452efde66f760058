//! A process that writes is killed at a random moment. Whatever it had
//! acknowledged is there afterwards, at the offset it had acknowledged.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};

use common::*;
use pipes::storage::{Outcome, Storage, Window};
use rand::Rng;
use storage::{Config, SqliteStorage};
use tempfile::tempdir;

const CHILD: &str = "COMETWIRE_TEST_CRASH_DIRECTORY";
const ROUNDS: usize = 6;
const PIPES: u64 = 5;
const KEEP: u32 = 1000;
const WRITERS: u64 = 16;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&directory));
    }
    let directory = tempdir().unwrap();
    let mut epochs = BTreeMap::new();
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        kill_a_writer(directory.path(), &mut epochs, &mut acknowledged);
        let storage = open(directory.path());
        for pipe in 0..PIPES {
            let pipe = format!("pipe_{pipe}");
            let history = storage
                .history(dev_id(0), &name(&pipe), Window::newest(5000))
                .unwrap();
            let last = history.last().map_or(0, |stored| stored.position.offset);
            let acknowledged = *acknowledged.get(&pipe).unwrap_or(&0);
            assert!(
                last >= acknowledged,
                "round {round}: {pipe} lost {last}..{acknowledged}"
            );
            let first = last.saturating_sub(u64::from(KEEP)) + 1;
            let offsets: Vec<_> = history
                .iter()
                .map(|stored| stored.position.offset)
                .collect();
            assert_eq!(
                offsets,
                (first..=last).collect::<Vec<_>>(),
                "round {round}: a gap"
            );
            for stored in &history {
                // The child puts what it counts into the payload.
                assert_eq!(epochs.get(&pipe), Some(&stored.position.epoch));
                assert!(stored.message.payload.starts_with(&pipe));
            }
        }
    }
    assert!(acknowledged.values().sum::<u64>() > 0);
}

/// Starts this test as a child, reads what it acknowledges, and kills it after
/// a random number of lines.
fn kill_a_writer(
    directory: &Path,
    epochs: &mut BTreeMap<String, u64>,
    acknowledged: &mut BTreeMap<String, u64>,
) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "nothing_acknowledged_is_lost_when_the_process_is_killed",
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut left = rand::rng().random_range(100..2000);
    while let Some(Ok(line)) = lines.next() {
        let mut words = line.split(' ');
        // A line that the kill cut off has no end mark.
        if words.next() != Some("stored") || !line.ends_with(" .") {
            continue;
        }
        let pipe = words.next().unwrap().to_owned();
        let epoch = words.next().unwrap().parse().unwrap();
        let offset: u64 = words.next().unwrap().parse().unwrap();
        assert_eq!(*epochs.entry(pipe.clone()).or_insert(epoch), epoch);
        let last = acknowledged.entry(pipe).or_default();
        assert!(offset > *last, "offset {offset} given again after {last}");
        *last = offset;
        // What was acknowledged before the kill and is still in the pipe counts too.
        left -= 1;
        if left == 0 {
            child.kill().unwrap();
        }
    }
    assert!(left <= 0, "the child ended by itself");
    child.wait().unwrap();
}

/// Chains of writes, each acknowledged before its next; trimming, checkpoints
/// and removals go on beside them.
fn write_until_killed(directory: &Path) {
    let config = Config {
        checkpoint_pages: 50,
        ..Config::default()
    };
    let storage = Arc::new(SqliteStorage::open(directory, config).unwrap());
    let (failed, failure) = mpsc::channel();
    for writer in 0..WRITERS {
        next(Arc::clone(&storage), writer, failed.clone());
    }
    drop(failed);
    // Ends when the parent is gone and nobody reads what is printed.
    let _ = failure.recv();
}

fn next(storage: Arc<SqliteStorage>, number: u64, failed: mpsc::Sender<()>) {
    let pipe = format!("pipe_{}", number % PIPES);
    let payload = format!("{pipe} {}", "x".repeat(number as usize * 37 % 6000));
    let handle = Arc::clone(&storage);
    handle.submit(
        vec![
            appending(0, &pipe, &payload, KEEP, 1),
            mailing(0, 1 + (number % 7) as i64, &payload, 3, 1),
        ],
        Box::new(move |result| {
            let outcomes = result.unwrap();
            let Some(Outcome::Appended { position, .. }) = outcomes.first() else {
                panic!("{outcomes:?}");
            };
            let (epoch, offset) = (position.epoch, position.offset);
            let mut out = std::io::stdout().lock();
            // Starts with a line end: the test harness leaves its own line open.
            if writeln!(out, "\nstored {pipe} {epoch} {offset} .").is_ok() {
                drop(out);
                next(storage, number + WRITERS, failed);
            } else {
                drop(failed);
            }
        }),
    );
}
