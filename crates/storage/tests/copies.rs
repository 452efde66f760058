//! Backups and restores: what a copy holds, what is refused, and that going back in
//! time shows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::*;
use pipes::storage::{Outcome, Storage};
use rusqlite::Connection;
use storage::copies::{back_up, check, inspect_copy, restore};
use tempfile::{TempDir, tempdir};

/// A data directory with a little of everything, a backup of it, and what it held.
fn backed_up() -> (TempDir, PathBuf, PathBuf) {
    let directory = tempdir().unwrap();
    let (data, copy) = (
        directory.path().join("data"),
        directory.path().join("a copy?.db"),
    );
    let storage = open(&data);
    write(&storage, settling(15, "news", 50));
    for number in 1..=20 {
        append(&storage, 15, "news", &format!("news {number}"));
        mail(&storage, 15, 42, &format!("letter {number}"));
    }
    let contents = back_up(&data, &copy).unwrap();
    assert_eq!(contents.file, copy);
    assert_eq!((contents.messages, contents.private_messages), (20, 20));
    assert_eq!((contents.settings, contents.keys), (1, 0));
    (directory, data, copy)
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_copy_made_while_the_store_is_open_holds_what_was_written_before() {
    let (directory, data, copy) = backed_up();
    assert_eq!(files(directory.path()), ["a copy?.db", "data"]);
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let storage = open(&data);
    append(&storage, 15, "news", "after the copy");
    assert_eq!(check(&data).unwrap().messages, 21);
    assert_eq!(inspect_copy(&copy).unwrap().messages, 20);
    drop(storage);
    assert_eq!(check(&data).unwrap().messages, 21);

    let elsewhere = directory.path().join("elsewhere");
    let restored = restore(&copy, &elsewhere, false).unwrap();
    assert_eq!(restored.replaced, None);
    assert_eq!(restored.contents.file, elsewhere.join("cometwire.db"));
    let storage = open(&elsewhere);
    assert_eq!(payloads(&storage, 15, "news").len(), 20);
    assert_eq!(letters(&storage, 15, 42).len(), 20);
    assert_eq!(storage.snapshot().unwrap().settings.len(), 1);
}

#[test]
fn going_back_in_time_breaks_continuity_and_gives_no_id_twice() {
    let (directory, data, copy) = backed_up();
    let storage = open(&data);
    let before = storage.span(dev_id(15), &name("news")).unwrap().unwrap();
    let given: Vec<_> = (0..50)
        .map(|_| append(&storage, 15, "news", "lost by the restore").0)
        .collect();
    let letter = mail(&storage, 15, 42, "lost too");
    drop(storage);

    let restored = restore(&copy, &data, true).unwrap();
    let storage = open(&data);
    let after = storage.span(dev_id(15), &name("news")).unwrap().unwrap();
    assert_ne!(before.epoch, after.epoch);
    assert_eq!((after.first, after.last), (1, 20));
    for _ in 0..60 {
        let (id, position) = append(&storage, 15, "news", "new");
        assert!(!given.contains(&id), "an id was given twice");
        assert_eq!(position.epoch, after.epoch);
    }
    assert!(mail(&storage, 15, 42, "new") > letter);

    let aside = restored.replaced.unwrap();
    assert!(aside.starts_with(&data));
    let rescued = directory.path().join("rescued");
    fs::create_dir(&rescued).unwrap();
    for file in files(&aside) {
        fs::copy(aside.join(&file), rescued.join(&file)).unwrap();
    }
    let rescued = payloads(&open(&rescued), 15, "news");
    assert_eq!(rescued, vec!["lost by the restore"; 50]);
}

#[test]
fn a_store_is_not_replaced_unless_told_and_never_while_it_is_used() {
    let (_directory, data, copy) = backed_up();
    let sentence = restore(&copy, &data, false).unwrap_err().to_string();
    assert!(sentence.contains("has a store already"), "{sentence}");
    let storage = open(&data);
    let sentence = restore(&copy, &data, true).unwrap_err().to_string();
    assert!(sentence.contains("in use by another process"), "{sentence}");
    assert_eq!(payloads(&storage, 15, "news").len(), 20);
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let (_directory, data, copy) = backed_up();
    let before = fs::read(&copy).unwrap();
    let sentence = back_up(&data, &copy).unwrap_err().to_string();
    assert!(sentence.contains("does not overwrite"), "{sentence}");
    assert!(fs::read(&copy).unwrap() == before);
    let nowhere = data.join("no/such/place.db");
    let sentence = back_up(&data, &nowhere).unwrap_err().to_string();
    assert!(sentence.contains("cannot be written"), "{sentence}");
}

#[test]
fn a_copy_that_is_damaged_or_none_is_not_restored_and_nothing_is_left_behind() {
    let (directory, data, copy) = backed_up();
    let healthy = fs::read(&copy).unwrap();
    let bad = directory.path().join("bad.db");
    let mut zeroed = healthy.clone();
    zeroed[4096..8192].fill(0);
    let cases: [(&[u8], &str); 4] = [
        (&healthy[..healthy.len() - 4096], "is truncated"),
        (&zeroed, "is damaged"),
        (b"no database", "is not a database"),
        (b"", "is empty"),
    ];
    let before = fs::read(data.join("cometwire.db")).unwrap();
    for (bytes, says) in cases {
        fs::write(&bad, bytes).unwrap();
        for replace in [false, true] {
            let sentence = restore(&bad, &data, replace).unwrap_err().to_string();
            assert!(sentence.contains(says), "{sentence}");
            assert!(sentence.contains("bad.db"), "{sentence}");
        }
        assert!(fs::read(&bad).unwrap() == bytes);
    }
    assert!(fs::read(data.join("cometwire.db")).unwrap() == before);
    let missing = restore(&directory.path().join("nothing"), &data, true);
    assert!(missing.unwrap_err().to_string().contains("is not there"));

    fs::copy(&copy, &bad).unwrap();
    let connection = Connection::open(&bad).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    drop(connection);
    let sentence = restore(&bad, &data, true).unwrap_err().to_string();
    assert!(sentence.contains("schema version 99"), "{sentence}");
}

#[test]
fn a_file_whose_log_was_left_elsewhere_is_no_copy() {
    let (directory, data, _) = backed_up();
    let storage = open(&data);
    append(&storage, 15, "news", "in the log");
    let half = directory.path().join("half.db");
    fs::copy(data.join("cometwire.db"), &half).unwrap();
    fs::copy(
        data.join("cometwire.db-wal"),
        directory.path().join("half.db-wal"),
    )
    .unwrap();
    let sentence = inspect_copy(&half).unwrap_err().to_string();
    assert!(
        sentence.contains("is part of a data directory"),
        "{sentence}"
    );
}

#[test]
fn nothing_starts_from_a_restore_that_was_cut_off() {
    let (_directory, data, copy) = backed_up();
    fs::write(data.join("cometwire.restoring"), b"").unwrap();
    fs::remove_file(data.join("cometwire.db")).unwrap();
    let error = storage::SqliteStorage::open(&data, storage::Config::default());
    let sentence = error.err().unwrap().to_string();
    assert!(
        sentence.contains("was not finished; run it again"),
        "{sentence}"
    );
    assert!(restore(&copy, &data, false).is_err());
    restore(&copy, &data, true).unwrap();
    assert_eq!(payloads(&open(&data), 15, "news").len(), 20);
}

#[test]
fn a_copy_made_by_an_older_version_is_restored() {
    let (directory, _, copy) = backed_up();
    let connection = Connection::open(&copy).unwrap();
    connection
        .execute_batch(
            "DROP TABLE users_data; DROP TABLE revoked_tokens; DROP TABLE conference;
             DROP TABLE prefixes_settings;
             CREATE TABLE old (
                 dev_id INTEGER NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL,
                 PRIMARY KEY (dev_id, name)
             ) STRICT, WITHOUT ROWID;
             INSERT INTO old SELECT dev_id, name, length FROM pipes_settings;
             DROP TABLE pipes_settings;
             ALTER TABLE old RENAME TO pipes_settings;
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(connection);
    let data = directory.path().join("old");
    assert_eq!(
        restore(&copy, &data, false)
            .unwrap()
            .contents
            .schema_version,
        1
    );
    let storage = open(&data);
    assert_eq!(payloads(&storage, 15, "news").len(), 20);
    let data = pipes::storage::Write::PutUserData {
        dev_id: dev_id(15),
        user: user(42),
        data: "new".into(),
    };
    assert_eq!(write(&storage, data), Outcome::Done);
}
