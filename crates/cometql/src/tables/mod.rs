//! The tables of CometQL: one file each says what its columns are, what SELECT
//! shows, what INSERT and DELETE do. The catalogue is the list of them; the query
//! engine, SHOW, DESCRIBE and `information_schema` are all fed from it.

mod conference;
mod conference_members;
mod connections;
mod dialogs;
mod guide;
pub(crate) mod live;
mod nodes;
mod overlay;
mod pipes_messages;
mod pipes_settings;
mod pipes_table;
mod profiler;
mod revoked_tokens;
mod row;
mod subscriptions;
mod users;
mod users_auth;
mod users_data;
mod users_in_pipes;
mod users_messages;
mod users_time;

use std::sync::Arc;

use pipes::name::{DevId, PipeName, UserId};
use pipes::{Change, Effect, Hall};

use crate::error::{ErrorKind, SqlError};
use crate::node::NodeFacts;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};
use crate::sessions::Sessions;

pub(crate) use guide::{Guide, example};
pub(crate) use row::InsertRow;

/// A table of the language: what a SELECT reads of it is [`LiveTable`], what
/// statements change is here.
pub(crate) trait Table: LiveTable {
    /// What the documentation says of it, beside its columns.
    fn guide(&self) -> Guide {
        Guide::default()
    }

    /// What inserting `row` means. Rows of existing keys are replaced.
    ///
    /// # Errors
    /// Whatever the row lacks or has wrong; `ReadOnlyTable` is told before, by
    /// [`Table::is_read_only`].
    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        let _ = row;
        Err(read_only(self.name(), crate::change::INSERT_INTO))
    }

    /// What deleting everything under one value of a key column means; `None`
    /// if that column is no key for DELETE. A value that cannot be a key
    /// deletes nothing.
    ///
    /// # Errors
    /// `InvalidValue` for a number that is none.
    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        let _ = (column, key);
        Err(read_only(self.name(), crate::change::DELETE_FROM))
    }

    /// How many columns the original's table has, if this one has more behind them.
    fn first_columns(&self) -> Option<usize> {
        None
    }

    /// Which column DELETE needs to name the rows that a general condition finds.
    fn delete_key(&self) -> Option<usize> {
        None
    }

    /// The columns that UPDATE may set: no keys, and only where INSERT of a row
    /// replaces the one that is there. Needs [`LiveTable::overlay`].
    fn updatable(&self) -> &'static [usize] {
        &[]
    }

    /// Whether several columns are the key, so that rows are deleted by
    /// [`Table::delete_row`] where more than one column is compared.
    fn deletes_by_row(&self) -> bool {
        false
    }

    /// What deleting one row means, for a table that [deletes by row](Table::deletes_by_row).
    ///
    /// # Errors
    /// As [`Table::delete`].
    fn delete_row(&self, row: &[Value]) -> Result<Vec<Change>, SqlError> {
        let _ = row;
        Ok(Vec::new())
    }

    /// Whether the table only shows live state.
    fn is_read_only(&self) -> bool {
        false
    }

    /// What a read-only table answers to a statement that would change it;
    /// `what` such as "INSERT into".
    fn refusal(&self, what: &str) -> SqlError {
        read_only(self.name(), what)
    }

    /// Whether reading rows may wait for the disk, or go over very many of them.
    fn is_slow(&self) -> bool {
        false
    }

    /// Puts the rows of several keys together, in the order of the keys.
    fn finish(&self, rows: &mut [Vec<Value>]) {
        let _ = rows;
    }
}

/// What one inserted row is.
pub(crate) struct Inserted {
    /// The change to carry out.
    pub(crate) change: Change,
    /// How many rows it counts as affected.
    pub(crate) affected_rows: u64,
    /// The insert id it leaves.
    pub(crate) insert_id: u64,
}

/// All tables, by name.
pub(crate) struct Catalogue {
    tables: Vec<Arc<dyn Table>>,
}

impl Catalogue {
    /// The tables over a hall, in the order SHOW TABLES lists them.
    pub(crate) fn new(hall: &Arc<Hall>, sessions: &Arc<Sessions>, facts: &NodeFacts) -> Self {
        let hall = || Arc::clone(hall);
        Self {
            tables: vec![
                Arc::new(users_auth::UsersAuth { hall: hall() }),
                Arc::new(users_time::UsersTime { hall: hall() }),
                Arc::new(users_messages::UsersMessages { hall: hall() }),
                Arc::new(pipes_messages::PipesMessages { hall: hall() }),
                Arc::new(users_in_pipes::UsersInPipes { hall: hall() }),
                Arc::new(pipes_table::Pipes { hall: hall() }),
                Arc::new(pipes_settings::PipesSettings { hall: hall() }),
                Arc::new(users_data::UsersData { hall: hall() }),
                Arc::new(revoked_tokens::RevokedTokens { hall: hall() }),
                Arc::new(conference::Conference { hall: hall() }),
                Arc::new(conference_members::ConferenceMembers),
                Arc::new(profiler::Profiler),
                Arc::new(connections::Connections { hall: hall() }),
                Arc::new(subscriptions::Subscriptions { hall: hall() }),
                Arc::new(users::Users { hall: hall() }),
                Arc::new(nodes::Nodes {
                    hall: hall(),
                    sessions: Arc::clone(sessions),
                    facts: facts.clone(),
                }),
            ],
        }
    }

    /// The table called `name`, in any case.
    ///
    /// # Errors
    /// `UnknownTable`.
    pub(crate) fn find(&self, name: &str) -> Result<&Arc<dyn Table>, SqlError> {
        self.number(name)
            .and_then(|number| self.tables.get(number))
            .ok_or_else(|| {
                let shown: String = name.chars().take(64).collect();
                SqlError::new(
                    ErrorKind::UnknownTable,
                    format!("Table 'CometQL_v1.{shown}' doesn't exist"),
                )
            })
    }

    /// The number of the table called `name`, in any case.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.tables
            .iter()
            .position(|table| table.name().eq_ignore_ascii_case(name))
    }

    /// The table called `name` for an INSERT, which the reserved name answers
    /// otherwise than other statements.
    ///
    /// # Errors
    /// As [`Catalogue::find`]; `ReadOnlyTable` for the reserved name.
    pub(crate) fn find_for_insert(&self, name: &str) -> Result<&Arc<dyn Table>, SqlError> {
        let found = self.find(name);
        found.map_err(|error| dialogs::insert_refusal(name).unwrap_or(error))
    }

    /// All tables, in the order SHOW TABLES lists them.
    pub(crate) fn tables(&self) -> &[Arc<dyn Table>] {
        &self.tables
    }

    /// All tables as the query engine takes them.
    pub(crate) fn for_engine(&self) -> Vec<Arc<dyn LiveTable>> {
        self.tables
            .iter()
            .map(|table| Arc::clone(table) as Arc<dyn LiveTable>)
            .collect()
    }
}

/// The number of the column called `name`, in any case.
///
/// # Errors
/// `UnknownColumn`.
pub(crate) fn column_number(
    table: &str,
    columns: &[TableColumn],
    name: &str,
) -> Result<usize, SqlError> {
    columns
        .iter()
        .position(|column| column.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            SqlError::new(
                ErrorKind::UnknownColumn,
                format!("Unknown column '{shown}' in table '{table}'"),
            )
        })
}

/// What came of the messages of a statement, or of a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Publication {
    /// Connections they were handed to, added up.
    pub(crate) receivers: u64,
    /// Where the last one that was stored stands in its history.
    pub(crate) offset: Option<u64>,
}

/// What came of the messages among `effects`, if there were any.
pub(crate) fn publication(effects: &[Effect]) -> Option<Publication> {
    let mut publication = None;
    for effect in effects {
        let (more, position) = match effect {
            Effect::Published {
                receivers,
                position,
            } => (*receivers, *position),
            Effect::Sent { receivers } => (*receivers, None),
            Effect::Removed(_) | Effect::Done => continue,
        };
        let so_far = publication.get_or_insert(Publication {
            receivers: 0,
            offset: None,
        });
        so_far.receivers += more;
        so_far.offset = position.map(|position| position.offset).or(so_far.offset);
    }
    publication
}

/// The text for the OK packet: who received what was published, and where it
/// stands in the history.
pub(crate) fn info(effects: &[Effect]) -> String {
    if let Some(Publication { receivers, offset }) = publication(effects) {
        return match offset {
            Some(offset) => format!("Receivers: {receivers}  Offset: {offset}"),
            None => format!("Receivers: {receivers}"),
        };
    }
    let removed: Vec<u64> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Removed(rows) => Some(*rows),
            _ => None,
        })
        .collect();
    match removed.is_empty() {
        true => String::new(),
        false => format!("Deleted: {}", removed.iter().sum::<u64>()),
    }
}

/// What a table of live state answers to a statement that would change it;
/// `what` such as "INSERT into".
pub(crate) fn read_only(table: &str, what: &str) -> SqlError {
    SqlError::new(
        ErrorKind::ReadOnlyTable,
        format!("table {table} shows what is there now; you cannot {what} it"),
    )
}

/// The tenant of a session. Sessions are opened with valid ones only.
fn tenant(dev_id: u32) -> Result<DevId, SqlError> {
    DevId::new(dev_id).map_err(|error| SqlError::internal(error.to_string()))
}

/// The pipe a lookup asks for; names that are none are skipped silently
/// (compatibility reference §3).
fn pipe_key(filter: &KeyFilter<'_>, column: usize) -> Key<PipeName> {
    match filter.value(column) {
        None => Key::All,
        Some(value) => pipe_of(value).map_or(Key::Nobody, Key::One),
    }
}

fn pipe_of(value: &Value) -> Option<PipeName> {
    match value {
        Value::Text(text) => PipeName::parse_with_minimum(text, MIN_PIPE_NAME).ok(),
        Value::Integer(number) => {
            PipeName::parse_with_minimum(&number.to_string(), MIN_PIPE_NAME).ok()
        }
        Value::Null => None,
    }
}

/// The user a lookup asks for.
fn user_key(filter: &KeyFilter<'_>, column: usize) -> Key<UserId> {
    match filter.value(column) {
        None => Key::All,
        Some(value) => user_of(value).map_or(Key::Nobody, Key::One),
    }
}

fn user_of(value: &Value) -> Option<UserId> {
    match value {
        Value::Integer(number) => UserId::new(*number).ok(),
        _ => None,
    }
}

/// What a lookup asks for.
enum Key<T> {
    /// Everything.
    All,
    /// One.
    One(T),
    /// Something that cannot exist.
    Nobody,
}

/// CometQL's shortest pipe name.
const MIN_PIPE_NAME: usize = 3;

fn storage_error(error: pipes::storage::StorageError) -> SqlError {
    SqlError::internal(error.to_string())
}
