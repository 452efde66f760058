//! `conference`: who was asked to which video call (compatibility reference
//! §3.10). Calls need a media server and there is none, so that INSERT fails;
//! what is in the store can be read and removed.

use std::sync::Arc;

use pipes::conference::{ConferenceName, ParticipantFilter};
use pipes::name::UserId;
use pipes::{Change, Hall};

use super::row::name_error;
use super::{Guide, InsertRow, Inserted, Table, example, storage_error, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const NAME: usize = 0;
const USER_ID: usize = 1;
const CALLER_ID: usize = 2;
const MESSAGE: usize = 3;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(64)", 256)
        .primary()
        .about("The conference"),
    TableColumn::integer("user_id")
        .primary()
        .about("Who is asked"),
    TableColumn::integer("caller_id").about("Who asks"),
    TableColumn::text("message", "longtext", 16 << 20).about("What the user's pages are told"),
    TableColumn::text("profile", "longtext", 16 << 20).about("The media server's profile"),
    TableColumn::text("stream", "longtext", 16 << 20).about("The media server's stream"),
    TableColumn::text("node", "longtext", 16 << 20).about("The media server"),
];

const GUIDE: Guide = Guide {
    text: "INSERT needs `name`, `user_id` and `message`, and answers error 500: calls need a media server, and there is none. What
is in the store can be read, and deleted by `name`, by `user_id`, or by both.",
    examples: &[
        example(
            "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES ('101', 5, 7, '{}', 'video')",
            &["ERROR 500"],
        ),
        example(
            "SELECT * FROM conference WHERE name = '101'",
            &["name | user_id | caller_id | message | profile | stream | node"],
        ),
        example(
            "DELETE FROM conference WHERE name = '101' AND user_id = 5",
            &["OK, affected rows 0"],
        ),
    ],
};

/// The table.
pub(super) struct Conference {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for Conference {
    fn name(&self) -> &str {
        "conference"
    }

    fn comment(&self) -> &str {
        "Participants of video calls; INSERT needs a media server"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        context: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let dev_id = tenant(context.dev_id)?;
        let Some(filter_of) = participants(filter.value(NAME), filter.value(USER_ID)) else {
            return Ok(Vec::new());
        };
        let found = self
            .hall
            .participants(dev_id, &filter_of)
            .map_err(storage_error)?;
        let number = |user: Option<UserId>| user.map_or(0, UserId::number).into();
        Ok(found
            .into_iter()
            .take(filter.limit)
            .map(|participant| {
                vec![
                    participant.name.as_str().into(),
                    number(participant.user),
                    number(participant.caller),
                    participant.message.into(),
                    participant.profile.into(),
                    participant.stream.into(),
                    participant.node.into(),
                ]
            })
            .collect())
    }

    fn overlay(
        &self,
        _context: &SessionContext,
        changes: &[Change],
        _filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        for change in changes {
            if let Change::RemoveParticipants { filter } = change {
                rows.retain(|row| !is_one_of(row, filter));
            }
        }
    }
}

impl Table for Conference {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[NAME, USER_ID, MESSAGE])?;
        ConferenceName::parse(&row.text(NAME)?).map_err(name_error)?;
        for (column, number) in [
            (USER_ID, Some(row.required_integer(USER_ID)?)),
            (CALLER_ID, row.integer(CALLER_ID)?),
        ] {
            if let Some(number) = number {
                user_or_nobody(number).ok_or_else(|| out_of_range(column, number))?;
            }
        }
        Err(SqlError::internal(
            "a conference needs a media server, and none is configured",
        ))
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        let filter = match column {
            NAME => participants(Some(key), None),
            USER_ID => participants(None, Some(key)),
            _ => return Ok(None),
        };
        let removal = filter.map(|filter| Change::RemoveParticipants { filter });
        Ok(Some(removal.into_iter().collect()))
    }

    fn deletes_by_row(&self) -> bool {
        true
    }

    fn delete_row(&self, row: &[Value]) -> Result<Vec<Change>, SqlError> {
        let filter = participants(row.get(NAME), row.get(USER_ID));
        let removal = filter.map(|filter| Change::RemoveParticipants { filter });
        Ok(removal.into_iter().collect())
    }

    fn is_slow(&self) -> bool {
        true
    }
}

/// Those with this name and this user; `None` if there can be none.
fn participants(name: Option<&Value>, user: Option<&Value>) -> Option<ParticipantFilter> {
    let name = match name {
        Some(Value::Text(text)) => Some(ConferenceName::parse(text).ok()?),
        Some(Value::Integer(number)) => Some(ConferenceName::parse(&number.to_string()).ok()?),
        Some(Value::Null) => return None,
        None => None,
    };
    let user = match user {
        Some(Value::Integer(number)) => Some(user_or_nobody(*number)?),
        Some(_) => return None,
        None => None,
    };
    Some(ParticipantFilter { name, user })
}

/// Whether a row is of a participant that the filter means.
fn is_one_of(row: &[Value], filter: &ParticipantFilter) -> bool {
    let name = filter.name.as_ref().map(|name| name.as_str().into());
    let user = filter
        .user
        .map(|user| user.map_or(0, UserId::number).into());
    name.is_none_or(|name: Value| row.get(NAME) == Some(&name))
        && user.is_none_or(|user: Value| row.get(USER_ID) == Some(&user))
}

/// A user, or 0 for nobody; `None` for a number that is neither.
fn user_or_nobody(number: i64) -> Option<Option<UserId>> {
    match number {
        0 => Some(None),
        number => UserId::new(number).ok().map(Some),
    }
}

fn out_of_range(column: usize, number: i64) -> SqlError {
    let name = COLUMNS.get(column).map_or("", |column| column.name);
    SqlError::invalid(format!(
        "the field {name} is {number}, it must be between 0 and {}",
        UserId::MAX
    ))
}
