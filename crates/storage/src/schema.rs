//! Tables, versions, migrations. The version is SQLite's `user_version`; a file
//! of ours is known by its `application_id`. Columns of messages stand with the
//! small ones first: the scan at start never reads a payload.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// "CmWr", so that a database of another program is not taken for ours.
pub(crate) const APPLICATION_ID: i64 = 0x436D_5772;

/// What turns version `n` into version `n + 1`, for every `n` from 0. Never
/// change one that was released; add one.
const MIGRATIONS: &[&str] = &[
    MESSAGES_AND_KEYS,
    DATA_TOKENS_AND_CONFERENCES,
    RULES_OF_PIPES,
];

const MESSAGES_AND_KEYS: &str = "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY NOT NULL,
        value ANY NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- A row for every pipe that has had a history. next_offset is right when
    -- the pipe has no rows or its newest were removed, else it is too small.
    CREATE TABLE pipes_positions (
        dev_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        last_id INTEGER NOT NULL,
        PRIMARY KEY (dev_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE pipes_messages (
        id INTEGER PRIMARY KEY,
        dev_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        offset INTEGER NOT NULL,
        time INTEGER NOT NULL,
        user_id INTEGER NOT NULL,
        event TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE pipes_settings (
        dev_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        length INTEGER NOT NULL,
        PRIMARY KEY (dev_id, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users_messages (
        id INTEGER PRIMARY KEY,
        dev_id INTEGER NOT NULL,
        user_id INTEGER NOT NULL,
        time INTEGER NOT NULL,
        event TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE TABLE users_auth (
        dev_id INTEGER NOT NULL,
        id INTEGER NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (dev_id, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE users_time (
        dev_id INTEGER NOT NULL,
        id INTEGER NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (dev_id, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta VALUES ('store_id', printf('%016x', random())), ('id_limit', 0);
";

const DATA_TOKENS_AND_CONFERENCES: &str = "
    CREATE TABLE users_data (
        dev_id INTEGER NOT NULL,
        id INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (dev_id, id)
    ) STRICT;
    -- expires is NULL for a text that does not say when it ends.
    CREATE TABLE revoked_tokens (
        dev_id INTEGER NOT NULL,
        token TEXT NOT NULL,
        expires INTEGER,
        PRIMARY KEY (dev_id, token)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX revoked_tokens_expires ON revoked_tokens (expires) WHERE expires IS NOT NULL;
    CREATE TABLE conference (
        dev_id INTEGER NOT NULL,
        name TEXT NOT NULL,
        user_id INTEGER NOT NULL,
        caller_id INTEGER NOT NULL,
        message TEXT NOT NULL,
        profile TEXT NOT NULL,
        stream TEXT NOT NULL,
        node TEXT NOT NULL,
        PRIMARY KEY (dev_id, name, user_id)
    ) STRICT;
";

/// The version in which `pipes_settings` got rules, and prefixes settings.
pub(crate) const VERSION_OF_RULES: i64 = 3;

const RULES_OF_PIPES: &str = "
    ALTER TABLE pipes_settings ADD COLUMN age INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE pipes_settings ADD COLUMN subscribe TEXT NOT NULL DEFAULT '';
    ALTER TABLE pipes_settings ADD COLUMN publish TEXT NOT NULL DEFAULT '';
    ALTER TABLE pipes_settings ADD COLUMN history TEXT NOT NULL DEFAULT '';
    ALTER TABLE pipes_settings ADD COLUMN user_ids TEXT NOT NULL DEFAULT '';
    ALTER TABLE pipes_settings ADD COLUMN events TEXT NOT NULL DEFAULT '';
    ALTER TABLE pipes_settings ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;
    -- For all pipes whose names begin so.
    CREATE TABLE prefixes_settings (
        dev_id INTEGER NOT NULL,
        prefix TEXT NOT NULL,
        length INTEGER NOT NULL,
        age INTEGER NOT NULL,
        subscribe TEXT NOT NULL,
        publish TEXT NOT NULL,
        history TEXT NOT NULL,
        user_ids TEXT NOT NULL,
        events TEXT NOT NULL,
        rate INTEGER NOT NULL,
        PRIMARY KEY (dev_id, prefix)
    ) STRICT, WITHOUT ROWID;
";

/// The newest version this program knows.
pub(crate) fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The file's version.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The file's owner.
pub(crate) fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Brings the file to [`known_version`], each step in its own transaction.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let have = usize::try_from(version(connection)?).unwrap_or(0);
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(have) {
        let step = Transaction::new(connection, TransactionBehavior::Immediate)?;
        step.execute_batch(migration)?;
        step.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};",
            done + 1
        ))?;
        step.commit()?;
    }
    Ok(())
}
