//! Opening: what is made, what is refused and how it is said, and that nothing
//! damaged is ever replaced by something empty.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::*;
use pipes::storage::{Outcome, Storage, Write};
use rusqlite::Connection;
use storage::{Config, OpenError, SqliteStorage};
use tempfile::{TempDir, tempdir};

fn refusal(directory: &Path) -> String {
    match SqliteStorage::open(directory, Config::default()) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

/// A store with some messages, closed; and its file's bytes.
fn filled() -> (TempDir, Vec<u8>) {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for number in 0..50 {
        append(&storage, 0, "p", &format!("{number} {}", "x".repeat(3000)));
    }
    drop(storage);
    let bytes = fs::read(directory.path().join("cometwire.db")).unwrap();
    assert!(bytes.len() > 100_000);
    (directory, bytes)
}

/// The file is put there, refused with a sentence that has `says`, and is left as it was.
fn assert_refused(bytes: &[u8], says: &str) {
    let directory = tempdir().unwrap();
    let file = directory.path().join("cometwire.db");
    fs::write(&file, bytes).unwrap();
    let sentence = refusal(directory.path());
    assert!(sentence.contains(says), "{sentence}");
    assert!(sentence.contains(file.to_str().unwrap()), "{sentence}");
    assert!(fs::read(&file).unwrap() == bytes);
}

#[test]
fn an_empty_file_is_refused() {
    assert_refused(b"", "is empty (0 bytes)");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    assert_refused(b"hello", "is not a database");
    assert_refused(&[b'x'; 5000], "is not a database");
    assert_refused(&[0; 5000], "is not a database");
}

#[test]
fn a_damaged_header_is_refused() {
    let (_directory, mut bytes) = filled();
    bytes[3] = b'!';
    assert_refused(&bytes, "its header is damaged");
    let (_directory, mut bytes) = filled();
    bytes[16..18].copy_from_slice(&[0, 3]);
    assert_refused(&bytes, "its header is damaged");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let (_directory, bytes) = filled();
    for length in [
        50,
        100,
        4096,
        8192,
        50_000,
        bytes.len() - 4096,
        bytes.len() - 1,
    ] {
        let says = if length < 100 {
            "is not a database"
        } else {
            "is truncated"
        };
        assert_refused(&bytes[..length], says);
    }
}

#[test]
fn damaged_pages_are_refused() {
    let (_directory, mut bytes) = filled();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[4096..4096 * 2].fill(0x55);
    assert_refused(&bytes, "is damaged");
    let (_directory, mut bytes) = filled();
    bytes[middle..middle + 4096 * 8].fill(0);
    assert_refused(&bytes, "is damaged");
}

#[test]
fn messages_without_a_place_are_refused() {
    let (directory, _) = filled();
    let file = directory.path().join("cometwire.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute("DELETE FROM pipes_positions", [])
        .unwrap();
    connection.close().unwrap();
    let sentence = refusal(directory.path());
    assert!(sentence.contains("has no place in its pipe"), "{sentence}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let directory = tempdir().unwrap();
    let connection = Connection::open(directory.path().join("cometwire.db")).unwrap();
    connection.execute("CREATE TABLE meta (x)", []).unwrap();
    connection.close().unwrap();
    let sentence = refusal(directory.path());
    assert!(
        sentence.contains("a database of another program"),
        "{sentence}"
    );
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let (directory, _) = filled();
    let file = directory.path().join("cometwire.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    connection.close().unwrap();
    let before = fs::read(&file).unwrap();
    let sentence = refusal(directory.path());
    assert!(sentence.contains("schema version 99"), "{sentence}");
    assert!(fs::read(&file).unwrap() == before);
}

#[test]
fn a_log_without_its_file_is_refused() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("cometwire.db-wal"), b"something").unwrap();
    let sentence = refusal(directory.path());
    assert!(sentence.contains("is missing but its log"), "{sentence}");
}

#[test]
fn what_was_left_by_a_start_that_was_killed_is_cleared_away() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("cometwire.db.new"), b"half").unwrap();
    append(&open(directory.path()), 0, "p", "x");
    assert!(!directory.path().join("cometwire.db.new").exists());
}

#[test]
fn a_directory_has_one_process_at_a_time() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let sentence = refusal(directory.path());
    assert!(sentence.contains("in use by another process"), "{sentence}");
    drop(storage);
    open(directory.path());
}

#[test]
fn a_file_that_another_program_keeps_locked_is_refused() {
    let (directory, _) = filled();
    let tool = Connection::open(directory.path().join("cometwire.db")).unwrap();
    tool.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;")
        .unwrap();
    let sentence = refusal(directory.path());
    assert!(
        sentence.contains("is locked by another program"),
        "{sentence}"
    );
    drop(tool);
    assert_eq!(offsets(&open(directory.path()), 0, "p").len(), 50);
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"x").unwrap();
    assert!(refusal(&file).contains("is not a directory"));
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let sentence = refusal(Path::new("/proc"));
    assert!(sentence.contains("/proc cannot be written"), "{sentence}");
    let nowhere = SqliteStorage::open(Path::new("/proc/nowhere"), Config::default());
    assert!(matches!(nowhere, Err(OpenError::NotWritable { .. })));
}

#[test]
fn only_the_owner_can_read_what_is_made_or_found() {
    let directory = tempdir().unwrap();
    let data = directory.path().join("a/data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let storage = open(&data);
    append(&storage, 0, "p", "x");
    assert_eq!(mode(&data), 0o700);
    for file in [
        "cometwire.db",
        "cometwire.db-wal",
        "cometwire.db-shm",
        "cometwire.lock",
    ] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    drop(storage);
    let file = data.join("cometwire.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let storage = open(&data);
    append(&storage, 0, "p", "x");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&data.join("cometwire.db-wal")), 0o600);
}

#[test]
fn the_log_stays_bounded_under_load() {
    let directory = tempdir().unwrap();
    let config = Config {
        checkpoint_pages: 100,
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    let payload = "x".repeat(2000);
    let mut restarts = 0;
    let mut before = 0;
    // The log begins anew again and again, however long the writing goes on.
    while restarts < 3 {
        append(&storage, 0, "p", &payload);
        let pages = storage.stats().log_pages;
        restarts += u32::from(pages < before);
        before = pages;
        assert!(pages < 100_000, "the log never begins anew");
    }
    assert_eq!(offsets(&storage, 0, "p").len(), 100);
}

#[test]
fn the_file_opens_with_any_sqlite_while_the_store_is_used() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    append(&storage, 15, "web_chat", "hello");
    let connection = Connection::open(directory.path().join("cometwire.db")).unwrap();
    let row: (u32, String, String) = connection
        .query_row(
            "SELECT dev_id, name, message FROM pipes_messages",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(row, (15, "web_chat".to_owned(), "hello".to_owned()));
    assert_eq!(storage.histories(dev_id(15), 1).unwrap().len(), 1);
}

/// What is on the disk after a crash: a file and a log that was not moved into it.
fn crashed() -> (Vec<u8>, Vec<u8>) {
    let directory = tempdir().unwrap();
    let config = Config {
        checkpoint_interval: std::time::Duration::from_secs(3600),
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    let file = directory.path().join("cometwire.db");
    let payload = "x".repeat(3000);
    for _ in 0..50 {
        append(&storage, 0, "p", &payload);
    }
    let tool = Connection::open(&file).unwrap();
    tool.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .unwrap();
    append(&storage, 0, "p", "only in the log");
    let log = directory.path().join("cometwire.db-wal");
    (fs::read(file).unwrap(), fs::read(log).unwrap())
}

#[test]
fn a_log_that_was_left_by_a_crash_is_read() {
    let (file, log) = crashed();
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("cometwire.db"), file).unwrap();
    fs::write(directory.path().join("cometwire.db-wal"), log).unwrap();
    let storage = open(directory.path());
    assert_eq!(
        payloads(&storage, 0, "p").last().unwrap(),
        "only in the log"
    );
    assert_eq!(append(&storage, 0, "p", "x").1.offset, 52);
}

#[test]
fn a_truncated_file_is_refused_also_beside_a_log() {
    let (file, log) = crashed();
    for length in [4096 * 4, 4096 * 20, file.len() - 4096 * 5] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("cometwire.db");
        fs::write(&path, &file[..length]).unwrap();
        fs::write(directory.path().join("cometwire.db-wal"), &log).unwrap();
        let sentence = refusal(directory.path());
        assert!(
            sentence.contains("truncated") || sentence.contains("damaged"),
            "{sentence}"
        );
        assert!(fs::read(&path).unwrap() == file[..length]);
        assert!(fs::read(directory.path().join("cometwire.db-wal")).unwrap() == log);
    }
}

/// What the first version of this program made, filled by hand.
const FIRST_VERSION: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE pipes_positions (
        dev_id INTEGER NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL,
        next_offset INTEGER NOT NULL, last_id INTEGER NOT NULL, PRIMARY KEY (dev_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pipes_messages (
        id INTEGER PRIMARY KEY, dev_id INTEGER NOT NULL, name TEXT NOT NULL,
        offset INTEGER NOT NULL, time INTEGER NOT NULL, user_id INTEGER NOT NULL,
        event TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE pipes_settings (
        dev_id INTEGER NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL,
        PRIMARY KEY (dev_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users_messages (
        id INTEGER PRIMARY KEY, dev_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
        time INTEGER NOT NULL, event TEXT NOT NULL, message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE users_auth (
        dev_id INTEGER NOT NULL, id INTEGER NOT NULL, hash TEXT NOT NULL,
        PRIMARY KEY (dev_id, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users_time (
        dev_id INTEGER NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL,
        PRIMARY KEY (dev_id, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('store_id', '00112233445566ff'), ('id_limit', 4096);
    INSERT INTO pipes_settings VALUES (15, 'news', 50);
    INSERT INTO pipes_positions VALUES (15, 'news', 77, 1, 0);
    INSERT INTO pipes_messages VALUES (1, 15, 'news', 1, 9, 0, 'e', 'old news');
    INSERT INTO users_messages VALUES (2, 15, 42, 9, 'e', 'old mail');
    INSERT INTO users_auth VALUES (15, 42, 'oldKey');
    INSERT INTO users_time VALUES (15, 42, 1234);
    PRAGMA application_id = 1131239282;
    PRAGMA user_version = 1;
";

#[test]
fn a_file_of_the_first_version_is_brought_up_to_date_and_everything_is_there() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("cometwire.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(FIRST_VERSION).unwrap();
    connection.close().unwrap();
    for _ in 0..2 {
        let storage = open(directory.path());
        assert_eq!(payloads(&storage, 15, "news"), ["old news"]);
        assert_eq!(offsets(&storage, 15, "news"), [1]);
        assert_eq!(letters(&storage, 15, 42), ["old mail"]);
        let key = storage.key(dev_id(15), user(42)).unwrap().unwrap();
        assert_eq!(key.reveal(), "oldKey");
        let seen = storage.last_seen(dev_id(15), user(42)).unwrap();
        assert_eq!(seen.map(|time| time.0), Some(1234));
        assert_eq!(storage.snapshot().unwrap().settings.len(), 1);
        let data = Write::PutUserData {
            dev_id: dev_id(15),
            user: user(42),
            data: "new".into(),
        };
        assert_eq!(write(&storage, data), Outcome::Done);
        let data = storage.user_data(dev_id(15), user(42)).unwrap();
        assert_eq!(data.as_deref(), Some("new"));
    }
}
