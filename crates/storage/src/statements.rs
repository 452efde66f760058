//! The SQL of the writer, prepared once.

use rusqlite::{Connection, Row, Statement};

/// The writer's statements; parameters in the order of the text.
pub(crate) struct Statements<'c> {
    pub(crate) insert_message: Statement<'c>,
    pub(crate) remove_message: Statement<'c>,
    pub(crate) message_owner: Statement<'c>,
    pub(crate) put_position: Statement<'c>,
    pub(crate) remove_position: Statement<'c>,
    pub(crate) put_settings: Statement<'c>,
    pub(crate) remove_settings: Statement<'c>,
    pub(crate) put_prefix: Statement<'c>,
    pub(crate) remove_prefix: Statement<'c>,
    pub(crate) insert_mail: Statement<'c>,
    pub(crate) remove_mail: Statement<'c>,
    pub(crate) put_key: Statement<'c>,
    pub(crate) remove_key: Statement<'c>,
    pub(crate) put_last_seen: Statement<'c>,
    pub(crate) put_user_data: Statement<'c>,
    pub(crate) remove_user_data: Statement<'c>,
    pub(crate) revoke_token: Statement<'c>,
    pub(crate) restore_token: Statement<'c>,
    pub(crate) purge_tokens: Statement<'c>,
    pub(crate) put_participant: Statement<'c>,
    pub(crate) remove_participants: Statement<'c>,
    pub(crate) put_id_limit: Statement<'c>,
    pub(crate) begin: Statement<'c>,
    pub(crate) commit: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Self {
            insert_message: prepare(
                "INSERT INTO pipes_messages (id, dev_id, name, offset, time, user_id, event, message)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            remove_message: prepare("DELETE FROM pipes_messages WHERE id = ?")?,
            message_owner: prepare("SELECT dev_id, name FROM pipes_messages WHERE id = ?")?,
            put_position: prepare(
                "INSERT OR REPLACE INTO pipes_positions (dev_id, name, epoch, next_offset, last_id)
                 VALUES (?, ?, ?, ?, ?)",
            )?,
            remove_position: prepare("DELETE FROM pipes_positions WHERE dev_id = ? AND name = ?")?,
            put_settings: prepare(
                "INSERT OR REPLACE INTO pipes_settings (dev_id, name, length, age, subscribe,
                     publish, history, user_ids, events, rate)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            remove_settings: prepare("DELETE FROM pipes_settings WHERE dev_id = ? AND name = ?")?,
            put_prefix: prepare(
                "INSERT OR REPLACE INTO prefixes_settings (dev_id, prefix, length, age, subscribe,
                     publish, history, user_ids, events, rate)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            remove_prefix: prepare(
                "DELETE FROM prefixes_settings WHERE dev_id = ? AND prefix = ?",
            )?,
            insert_mail: prepare(
                "INSERT INTO users_messages (id, dev_id, user_id, time, event, message)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )?,
            remove_mail: prepare("DELETE FROM users_messages WHERE id = ?")?,
            put_key: prepare("INSERT OR REPLACE INTO users_auth (dev_id, id, hash) VALUES (?, ?, ?)")?,
            remove_key: prepare("DELETE FROM users_auth WHERE dev_id = ? AND id = ?")?,
            put_last_seen: prepare(
                "INSERT OR REPLACE INTO users_time (dev_id, id, time) VALUES (?, ?, ?)",
            )?,
            put_user_data: prepare(
                "INSERT OR REPLACE INTO users_data (dev_id, id, data) VALUES (?, ?, ?)",
            )?,
            remove_user_data: prepare("DELETE FROM users_data WHERE dev_id = ? AND id = ?")?,
            revoke_token: prepare(
                "INSERT OR REPLACE INTO revoked_tokens (dev_id, token, expires) VALUES (?, ?, ?)",
            )?,
            restore_token: prepare("DELETE FROM revoked_tokens WHERE dev_id = ? AND token = ?")?,
            purge_tokens: prepare("DELETE FROM revoked_tokens WHERE expires < ?")?,
            put_participant: prepare(
                "INSERT OR REPLACE INTO conference
                 (dev_id, name, user_id, caller_id, message, profile, stream, node)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            remove_participants: prepare(
                "DELETE FROM conference
                 WHERE dev_id = ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR user_id = ?3)",
            )?,
            put_id_limit: prepare("UPDATE meta SET value = ? WHERE name = 'id_limit'")?,
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
        })
    }
}

/// A number as SQLite keeps it; what does not fit is the largest that does.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number as [`stored`] kept it.
pub(crate) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
