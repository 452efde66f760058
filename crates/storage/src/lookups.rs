//! Reads of what stands under a user or a text rather than in arrival order:
//! keys, last-seen times, users' data, revoked tokens, participants. They need
//! no index in memory; the file's own finds them.

use std::sync::Arc;

use pipes::conference::{ConferenceName, Participant, ParticipantFilter};
use pipes::message::UnixTime;
use pipes::name::{AccessKey, DevId, NameError, UserId};
use pipes::token::TokenText;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::statements::{number, stored};

pub(crate) fn key(
    connection: &Connection,
    dev_id: DevId,
    user: UserId,
) -> rusqlite::Result<Option<AccessKey>> {
    connection
        .prepare_cached("SELECT hash FROM users_auth WHERE dev_id = ? AND id = ?")?
        .query_row(params![dev_id.number(), user.number()], |row| {
            parsed(AccessKey::parse(row.get_ref(0)?.as_str()?), 0)
        })
        .optional()
}

pub(crate) fn keys(
    connection: &Connection,
    dev_id: DevId,
    limit: usize,
) -> rusqlite::Result<Vec<(UserId, AccessKey)>> {
    connection
        .prepare_cached("SELECT id, hash FROM users_auth WHERE dev_id = ? ORDER BY id LIMIT ?")?
        .query_map(params![dev_id.number(), stored(limit as u64)], |row| {
            let key = AccessKey::parse(row.get_ref(1)?.as_str()?);
            Ok((user(row, 0)?, parsed(key, 1)?))
        })?
        .collect()
}

pub(crate) fn last_seen(
    connection: &Connection,
    dev_id: DevId,
    user: UserId,
) -> rusqlite::Result<Option<UnixTime>> {
    connection
        .prepare_cached("SELECT time FROM users_time WHERE dev_id = ? AND id = ?")?
        .query_row(params![dev_id.number(), user.number()], |row| {
            number(row, 0).map(UnixTime)
        })
        .optional()
}

pub(crate) fn last_seen_all(
    connection: &Connection,
    dev_id: DevId,
    limit: usize,
) -> rusqlite::Result<Vec<(UserId, UnixTime)>> {
    connection
        .prepare_cached("SELECT id, time FROM users_time WHERE dev_id = ? ORDER BY id LIMIT ?")?
        .query_map(params![dev_id.number(), stored(limit as u64)], |row| {
            Ok((user(row, 0)?, UnixTime(number(row, 1)?)))
        })?
        .collect()
}

pub(crate) fn user_data(
    connection: &Connection,
    dev_id: DevId,
    user: UserId,
) -> rusqlite::Result<Option<Arc<str>>> {
    connection
        .prepare_cached("SELECT data FROM users_data WHERE dev_id = ? AND id = ?")?
        .query_row(params![dev_id.number(), user.number()], |row| text(row, 0))
        .optional()
}

/// Stops after the one that takes the data past `max_bytes`.
pub(crate) fn user_data_all(
    connection: &Connection,
    dev_id: DevId,
    limit: usize,
    max_bytes: usize,
) -> rusqlite::Result<Vec<(UserId, Arc<str>)>> {
    let mut select = connection
        .prepare_cached("SELECT id, data FROM users_data WHERE dev_id = ? ORDER BY id LIMIT ?")?;
    let mut rows = select.query(params![dev_id.number(), stored(limit as u64)])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes <= max_bytes
        && let Some(row) = rows.next()?
    {
        let data = text(row, 1)?;
        bytes += data.len();
        found.push((user(row, 0)?, data));
    }
    Ok(found)
}

pub(crate) fn is_revoked(
    connection: &Connection,
    dev_id: DevId,
    token: &TokenText,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM revoked_tokens WHERE dev_id = ? AND token = ?")?
        .exists(params![dev_id.number(), token.reveal()])
}

pub(crate) fn revoked_tokens(
    connection: &Connection,
    dev_id: DevId,
    limit: usize,
) -> rusqlite::Result<Vec<TokenText>> {
    connection
        .prepare_cached("SELECT token FROM revoked_tokens WHERE dev_id = ? ORDER BY token LIMIT ?")?
        .query_map(params![dev_id.number(), stored(limit as u64)], |row| {
            parsed(TokenText::new(row.get_ref(0)?.as_str()?), 0)
        })?
        .collect()
}

pub(crate) fn participants(
    connection: &Connection,
    dev_id: DevId,
    filter: &ParticipantFilter,
    limit: usize,
) -> rusqlite::Result<Vec<Participant>> {
    let (name, user) = filter_values(filter);
    connection
        .prepare_cached(
            "SELECT name, user_id, caller_id, message, profile, stream, node FROM conference
             WHERE dev_id = ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR user_id = ?3)
             ORDER BY name, user_id LIMIT ?4",
        )?
        .query_map(
            params![dev_id.number(), name, user, stored(limit as u64)],
            |row| {
                Ok(Participant {
                    name: parsed(ConferenceName::parse(row.get_ref(0)?.as_str()?), 0)?,
                    user: UserId::new(row.get(1)?).ok(),
                    caller: UserId::new(row.get(2)?).ok(),
                    message: text(row, 3)?,
                    profile: text(row, 4)?,
                    stream: text(row, 5)?,
                    node: text(row, 6)?,
                })
            },
        )?
        .collect()
}

/// What a filter asks of the columns name and user_id; `None` asks nothing.
pub(crate) fn filter_values(filter: &ParticipantFilter) -> (Option<&str>, Option<u32>) {
    let name = filter.name.as_ref().map(ConferenceName::as_str);
    let user = filter.user.map(|user| user.map_or(0, UserId::number));
    (name, user)
}

fn user(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    parsed(UserId::new(row.get(column)?), column)
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Arc<str>> {
    Ok(row.get_ref(column)?.as_str()?.into())
}

/// What was stored was valid once; if it is not now, the file was changed.
pub(crate) fn parsed<T>(value: Result<T, NameError>, column: usize) -> rusqlite::Result<T> {
    value.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
