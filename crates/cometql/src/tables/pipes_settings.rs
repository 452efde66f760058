//! `pipes_settings`: which pipes keep a history and how long a one (compatibility
//! reference §3.4), and rules for pipes and for all that begin alike.

use std::sync::Arc;

use pipes::pattern::{MAX_PATTERN, PipePattern};
use pipes::rules::{RuleTexts, Rules};
use pipes::settings::{MAX_HISTORY, PipeSettings};
use pipes::{Change, Hall};

use super::overlay::{KeyedChange, overlay_by_key};
use super::row::name_error;
use super::{Guide, InsertRow, Inserted, MIN_PIPE_NAME, Table, example, pipe_of, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const NAME: usize = 0;
const LENGTH: usize = 1;
const AGE: usize = 2;
const SUBSCRIBE: usize = 3;
const PUBLISH: usize = 4;
const HISTORY: usize = 5;
const USER_IDS: usize = 6;
const EVENTS: usize = 7;
const RATE: usize = 8;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(65)", MAX_PATTERN as u32)
        .primary()
        .about("The pipe, or a beginning of names with * behind it"),
    TableColumn::integer("length").about("How many messages its history keeps, 0 to 1000"),
    TableColumn::integer("age").about("For how many seconds it keeps them; 0 for any time"),
    TableColumn::text("subscribe", "varchar(64)", 64)
        .about("Who may subscribe, count and list: see below"),
    TableColumn::text("publish", "varchar(64)", 64).about("Which browsers may publish"),
    TableColumn::text("history", "varchar(64)", 64)
        .about("Who may read the history; empty for whoever may subscribe"),
    TableColumn::text("user_ids", "text", 16_384)
        .about("The users that `listed` means, joined by commas, 1000 at most"),
    TableColumn::text("events", "text", 8192)
        .about("The events there are, joined by commas, 100 at most; empty for any"),
    TableColumn::integer("rate")
        .about("How many messages a minute one connection may publish; 0 for any number"),
];

const GUIDE: Guide = Guide {
    text: "INSERT sets or replaces the whole row: what it does not name is unset, so use UPDATE to change one thing. A length
over 1000 counts as 1000, none as 0. A shorter length of a pipe trims at once; length 0 keeps what is there and stores no
more. DELETE removes the row, and of a pipe its history too. Messages that are too old go within half a minute.

`web_chat_*` is for all pipes whose names begin so, `*` for all. What the row of a pipe leaves unset (0 or empty) the longest
such beginning that sets it says. A shorter length for a beginning trims a pipe with its next message.

`subscribe`, `publish` and `history` are one of these words, or several joined by commas, of which one must be true:

| word | who |
| --- | --- |
| `anyone` | everybody |
| `authenticated` | whoever has logged in |
| `listed` | the users in `user_ids` |
| `token` | whoever logged in with a token whose claim `pipes` names the pipe: `{\"user_id\":42,\"exp\":…,\"pipes\":[\"web_room_7\",\"web_team_*\"]}` |
| `nobody` | no browser |

They only ever narrow what the name of the pipe allows: no row lets a browser publish to `news`, or somebody anonymous into
`private_*`. Backends may publish everywhere; `events` holds for them too (error 12), and EXPLAIN INSERT tells it. `rate` is
counted over all pipes of the row that says it, in minutes that begin with a message. Who may not do something is told so on
`sys`. A changed row acts at once: those who may not stay are unsubscribed and told.",
    examples: &[
        example(
            "INSERT INTO pipes_settings (name, length) VALUES ('news', 50)",
            &["OK, affected rows 1"],
        ),
        example(
            "SELECT name, length FROM pipes_settings WHERE name = 'news'",
            &["name | length", "news | 50"],
        ),
        example(
            "DELETE FROM pipes_settings WHERE name = 'news'",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
        example(
            "INSERT INTO pipes_settings (name, subscribe, publish, user_ids, rate) \
             VALUES ('web_team_*', 'listed,token', 'listed', '42,43', 60)",
            &["OK, affected rows 1"],
        ),
        example(
            "UPDATE pipes_settings SET events = 'say,typing' WHERE name = 'web_team_*'",
            &["OK, affected rows 1, info: Rows matched: 1  Changed: 1  Warnings: 0"],
        ),
        example(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('web_team_7', 'shout', 'hey')",
            &["ERROR 12"],
        ),
        example(
            "DELETE FROM pipes_settings WHERE name = 'web_team_*'",
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
        "Which pipes keep a history, and who may do what with them"
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
        let settings = match filter.value(NAME) {
            Some(name) => pattern_of(name)
                .and_then(|pattern| {
                    let found = self.hall.pipe_settings(dev_id, &pattern)?;
                    Some((pattern, found))
                })
                .into_iter()
                .collect(),
            None => self.hall.all_pipe_settings(dev_id),
        };
        Ok(settings
            .into_iter()
            .take(filter.limit)
            .map(|(pattern, settings)| row(pattern.to_string(), &settings))
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
            Change::PutSettings { pipe, settings } => {
                Some(KeyedChange::Put(row(pipe.as_str().to_owned(), settings)))
            }
            Change::PutPrefixSettings { prefix, settings } => {
                Some(KeyedChange::Put(row(prefix.to_string(), settings)))
            }
            Change::RemoveSettings { pipe } => Some(KeyedChange::Remove(pipe.as_str().into())),
            Change::RemovePrefixSettings { prefix } => {
                Some(KeyedChange::Remove(prefix.to_string().into()))
            }
            _ => None,
        });
        overlay_by_key(NAME, changes, filter, rows);
    }
}

fn row(name: String, settings: &PipeSettings) -> Vec<Value> {
    let (texts, rate) = match &settings.rules {
        Some(rules) => (rules.texts(), rules.rate),
        None => Default::default(),
    };
    let mut row = vec![name.into(), settings.length.into(), settings.age.into()];
    row.extend(texts.map(Value::from));
    row.push(rate.into());
    row
}

fn pattern_of(name: &Value) -> Option<PipePattern> {
    match name {
        Value::Text(text) => PipePattern::parse(text, MIN_PIPE_NAME).ok(),
        name => pipe_of(name).map(PipePattern::Pipe),
    }
}

/// The number of an optional column that cannot be negative.
fn number(row: &InsertRow<'_>, column: usize, most: u32) -> Result<u32, SqlError> {
    let number = row.integer(column)?.unwrap_or(0);
    u32::try_from(number.min(i64::from(most))).map_err(|_| {
        let name = COLUMNS.get(column).map_or("", |column| column.name);
        SqlError::invalid(format!(
            "the field {name} is {number}, it must be between 0 and {most}"
        ))
    })
}

impl Table for PipesSettings {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        let pattern = row.text(NAME)?;
        let pattern = PipePattern::parse(&pattern, MIN_PIPE_NAME).map_err(name_error)?;
        let text = |column| row.optional_text(column);
        let rules = Rules::parse(&RuleTexts {
            subscribe: &text(SUBSCRIBE)?,
            publish: &text(PUBLISH)?,
            history: &text(HISTORY)?,
            user_ids: &text(USER_IDS)?,
            events: &text(EVENTS)?,
            rate: row.integer(RATE)?.unwrap_or(0),
        });
        let rules = rules.map_err(|error| SqlError::invalid(error.to_string()))?;
        let settings = PipeSettings {
            length: number(row, LENGTH, MAX_HISTORY)?,
            age: number(row, AGE, i32::MAX.unsigned_abs())?,
            rules: (!rules.is_empty()).then(|| Arc::new(rules)),
        };
        Ok(Inserted {
            change: match pattern {
                PipePattern::Pipe(pipe) => Change::PutSettings { pipe, settings },
                PipePattern::Prefix(prefix) => Change::PutPrefixSettings { prefix, settings },
            },
            affected_rows: 1,
            insert_id: 0,
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != NAME {
            return Ok(None);
        }
        Ok(Some(match pattern_of(key) {
            Some(PipePattern::Pipe(pipe)) => vec![Change::RemoveSettings { pipe }],
            Some(PipePattern::Prefix(prefix)) => vec![Change::RemovePrefixSettings { prefix }],
            None => Vec::new(),
        }))
    }

    fn first_columns(&self) -> Option<usize> {
        Some(AGE)
    }

    fn updatable(&self) -> &'static [usize] {
        &[
            LENGTH, AGE, SUBSCRIBE, PUBLISH, HISTORY, USER_IDS, EVENTS, RATE,
        ]
    }

    fn delete_key(&self) -> Option<usize> {
        Some(NAME)
    }
}
