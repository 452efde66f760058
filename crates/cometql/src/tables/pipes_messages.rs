//! `pipes_messages`: INSERT publishes, SELECT reads histories, DELETE empties
//! them (compatibility reference §3.1).

use std::collections::HashMap;
use std::sync::Arc;

use pipes::message::{MessageId, StoredMessage, UnixTime};
use pipes::name::{EventName, PipeName};
use pipes::{Change, Hall};

use super::overlay::Piles;
use super::{
    Guide, InsertRow, Inserted, Key, Table, example, pipe_key, pipe_of, storage_error, tenant,
};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const NAME: usize = 2;
const INDEX: usize = 3;
const EVENT: usize = 4;
const MESSAGE: usize = 5;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("id", "varchar(64)", 64)
        .lookup()
        .about("The message's unique name"),
    TableColumn::big_integer("time").about("Unix seconds at which it was accepted"),
    TableColumn::text("name", "varchar(64)", 64)
        .lookup()
        .about("The pipe"),
    TableColumn::big_integer("index").about("0 for the oldest message of the pipe"),
    TableColumn::text("event", "varchar(64)", 64).about("The event"),
    TableColumn::text("message", "longtext", 16 << 20)
        .any_case()
        .about("The payload"),
    TableColumn::integer("user_id").about("The browser user who sent it; 0 for backends"),
];

const GUIDE: Guide = Guide {
    text: "INSERT needs `name`, `event` and `message`; the other columns may be named and are ignored. It goes to every subscriber
of the pipe and, if the pipe keeps a history, into it. Affected rows are 0; the information line says
`Receivers: 2  Offset: 7` (the offset only with a history; the last one of several rows, receivers added up). SELECT
gives the newest messages of each pipe, oldest first, at most `--history-read` (99) a pipe; without WHERE, of all pipes.
DELETE empties histories by `name`, or removes single messages by `id` or by any other condition.

A message written between quotes may be escaped or not if it is JSON: both `'{\\\"t\\\":\\\"\\\\u0412\\\"}'` and
`'{\"t\":\"\\u0412\"}'` arrive as `{\"t\":\"\\u0412\"}`. Parameters of prepared statements are taken as they are.",
    examples: &[
        example(
            "INSERT INTO pipes_settings (name, length) VALUES ('sport', 50)",
            &["OK, affected rows 1"],
        ),
        example(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('sport', 'goal', '{\"id\":9}')",
            &["OK, affected rows 0, info: Receivers: 0  Offset: 1"],
        ),
        example(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('sport', 'goal', '{\"id\":10}'), ('web_room', '', 'hello')",
            &["OK, affected rows 0, info: Receivers: 0  Offset: 2"],
        ),
        example(
            "SELECT * FROM pipes_messages WHERE name = 'sport'",
            &["id | time | name | index | event | message | user_id", "… | … | sport | 0 | goal | {\"id\":9} | 0", "… | … | sport | 1 | goal | {\"id\":10} | 0"],
        ),
        example(
            "DELETE FROM pipes_messages WHERE name = 'sport'",
            &["OK, affected rows 0, info: Deleted: 2"],
        ),
    ],
};

/// The table.
pub(super) struct PipesMessages {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for PipesMessages {
    fn name(&self) -> &str {
        "pipes_messages"
    }

    fn comment(&self) -> &str {
        "INSERT publishes to a pipe; SELECT reads its history"
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
        let pipes = match pipe_key(filter, NAME) {
            Key::One(pipe) => vec![pipe],
            Key::Nobody => Vec::new(),
            Key::All => self.hall.histories(dev_id).map_err(storage_error)?,
        };
        let mut rows = Vec::new();
        for pipe in pipes {
            let history = self.hall.history(dev_id, &pipe).map_err(storage_error)?;
            for (index, stored) in history.into_iter().enumerate() {
                if rows.len() >= filter.limit {
                    return Ok(rows);
                }
                if filter.text(ID).is_none_or(|id| stored.id.0 == id) {
                    rows.push(row(&stored, index));
                }
            }
        }
        Ok(rows)
    }

    /// A message that waits for COMMIT has no id yet: the store gives it.
    fn overlay(
        &self,
        context: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let Ok(dev_id) = tenant(context.dev_id) else {
            return;
        };
        let mut histories = Piles::of(std::mem::take(rows), NAME);
        let mut settled: HashMap<&PipeName, Option<u32>> = HashMap::new();
        for change in changes {
            match change {
                Change::Publish {
                    pipe,
                    event,
                    payload,
                } => {
                    let name = Value::from(pipe.as_str());
                    let is_asked_for = filter.value(NAME).is_none_or(|asked| *asked == name);
                    let keeps = match settled.get(pipe) {
                        Some(own) => self.hall.history_length_with(dev_id, pipe, *own),
                        None => self.hall.history_length(dev_id, pipe),
                    };
                    let keeps = keeps as usize;
                    if is_asked_for && keeps > 0 {
                        histories.add(name, pending_row(pipe, event, payload), keeps);
                    }
                }
                Change::PutSettings { pipe, settings } => {
                    settled.insert(pipe, Some(settings.length));
                    if settings.length > 0 {
                        histories.trim(&pipe.as_str().into(), settings.length as usize);
                    }
                }
                Change::RemoveSettings { pipe } => {
                    settled.insert(pipe, None);
                    histories.clear(&pipe.as_str().into());
                }
                Change::ClearHistory { pipe } => histories.clear(&pipe.as_str().into()),
                Change::RemoveMessage { id } => {
                    histories.remove(ID, &id.0.as_str().into());
                }
                _ => {}
            }
        }
        histories.trim_all(self.hall.limits().history_read);
        *rows = histories.into_rows(INDEX);
    }
}

impl Table for PipesMessages {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[NAME, EVENT, MESSAGE])?;
        let pipe = row.pipe(NAME)?;
        let event = row.event(EVENT)?;
        let payload = row.free_text(MESSAGE)?.as_ref().into();
        Ok(Inserted {
            change: Change::Publish {
                pipe,
                event,
                payload,
            },
            affected_rows: 0,
            insert_id: 0,
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        Ok(match (column, key) {
            (NAME, key) => Some(match pipe_of(key) {
                Some(pipe) => vec![Change::ClearHistory { pipe }],
                None => Vec::new(),
            }),
            (ID, Value::Text(id)) => Some(vec![Change::RemoveMessage {
                id: MessageId(id.to_string()),
            }]),
            _ => None,
        })
    }

    fn delete_key(&self) -> Option<usize> {
        Some(ID)
    }

    fn is_slow(&self) -> bool {
        true
    }

    /// `index` counts the rows of the whole result.
    fn finish(&self, rows: &mut [Vec<Value>]) {
        for (number, row) in rows.iter_mut().enumerate() {
            if let Some(index) = row.get_mut(INDEX) {
                *index = Value::Integer(number as i64);
            }
        }
    }
}

fn pending_row(pipe: &PipeName, event: &EventName, payload: &Arc<str>) -> Vec<Value> {
    vec![
        "".into(),
        Value::Integer(UnixTime::now().0 as i64),
        pipe.as_str().into(),
        Value::Integer(0),
        event.clone().or_undefined().as_str().into(),
        Arc::clone(payload).into(),
        Value::Integer(0),
    ]
}

fn row(stored: &StoredMessage, index: usize) -> Vec<Value> {
    let message = &stored.message;
    vec![
        stored.id.0.as_str().into(),
        Value::Integer(message.time.0 as i64),
        message.pipe.as_str().into(),
        Value::Integer(index as i64),
        message.event.as_str().into(),
        Arc::clone(&message.payload).into(),
        message.sender.user_number().into(),
    ]
}
