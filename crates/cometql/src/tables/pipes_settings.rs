//! `pipes_settings`: which pipes keep a history, and how long a one
//! (compatibility reference §3.4).

use std::sync::Arc;

use pipes::name::PipeName;
use pipes::settings::{MAX_HISTORY, PipeSettings};
use pipes::{Change, Hall};

use super::overlay::{KeyedChange, overlay_by_key};
use super::{Guide, InsertRow, Inserted, Key, Table, example, pipe_key, pipe_of, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const NAME: usize = 0;
const LENGTH: usize = 1;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(64)", 64)
        .primary()
        .about("The pipe"),
    TableColumn::integer("length").about("How many messages its history keeps, 0 to 1000"),
];

const GUIDE: Guide = Guide {
    text: "INSERT sets or replaces; a length over 1000 counts as 1000, none as 0. A shorter length trims at once; length 0 keeps
what is there and stores no more. DELETE removes the setting and the history.",
    examples: &[
        example(
            "INSERT INTO pipes_settings (name, length) VALUES ('news', 50)",
            &["OK, affected rows 1"],
        ),
        example(
            "SELECT * FROM pipes_settings WHERE name = 'news'",
            &["name | length", "news | 50"],
        ),
        example(
            "DELETE FROM pipes_settings WHERE name = 'news'",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
    ],
};

/// The table.
pub(super) struct PipesSettings {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for PipesSettings {
    fn name(&self) -> &str {
        "pipes_settings"
    }

    fn comment(&self) -> &str {
        "Pipes that keep a history; DELETE removes the history too"
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
        let settings = match pipe_key(filter, NAME) {
            Key::One(pipe) => {
                let found = self.hall.pipe_settings(dev_id, &pipe);
                found.map(|settings| (pipe, settings)).into_iter().collect()
            }
            Key::Nobody => Vec::new(),
            Key::All => self.hall.all_pipe_settings(dev_id),
        };
        Ok(settings
            .into_iter()
            .take(filter.limit)
            .map(|(pipe, settings)| row(&pipe, settings))
            .collect())
    }

    fn overlay(
        &self,
        _: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let changes = changes.iter().filter_map(|change| match change {
            Change::PutSettings { pipe, settings } => Some(KeyedChange::Put(row(pipe, *settings))),
            Change::RemoveSettings { pipe } => Some(KeyedChange::Remove(pipe.as_str().into())),
            _ => None,
        });
        overlay_by_key(NAME, changes, filter, rows);
    }
}

fn row(pipe: &PipeName, settings: PipeSettings) -> Vec<Value> {
    vec![pipe.as_str().into(), settings.length.into()]
}

impl Table for PipesSettings {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        let pipe = row.pipe(NAME)?;
        let length = row.integer(LENGTH)?.unwrap_or(0);
        let length = u32::try_from(length.min(i64::from(MAX_HISTORY))).map_err(|_| {
            SqlError::invalid(format!(
                "the field length is {length}, it must be between 0 and {MAX_HISTORY}"
            ))
        })?;
        Ok(Inserted {
            change: Change::PutSettings {
                pipe,
                settings: PipeSettings { length },
            },
            affected_rows: 1,
            insert_id: 0,
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != NAME {
            return Ok(None);
        }
        Ok(Some(match pipe_of(key) {
            Some(pipe) => vec![Change::RemoveSettings { pipe }],
            None => Vec::new(),
        }))
    }

    fn updatable(&self) -> &'static [usize] {
        &[LENGTH]
    }

    fn delete_key(&self) -> Option<usize> {
        Some(NAME)
    }
}
