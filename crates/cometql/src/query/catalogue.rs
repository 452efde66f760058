//! Every table that can be queried, found by name: the tables of the language
//! and those that describe them (`information_schema`, `performance_schema`, `mysql`).

use std::collections::HashMap;
use std::sync::Arc;

use super::information_schema::{self, Sources};
use super::scope::same;
use super::table::LiveTable;
use crate::answer::DATABASE;
use crate::error::{ErrorKind, SqlError};

/// The databases that can stand before a table's name.
const SYSTEM_DATABASES: [&str; 3] = ["information_schema", "performance_schema", "mysql"];

/// All tables.
pub(super) struct Catalogue {
    tables: Vec<Arc<dyn LiveTable>>,
    /// By database and table, lower case.
    by_name: HashMap<(String, String), usize>,
}

impl Catalogue {
    /// The catalogue of `live` tables, and of the tables that describe them.
    pub(super) fn new(live: Vec<Arc<dyn LiveTable>>, sources: Sources) -> Self {
        let mut tables = live;
        let system = information_schema::tables(&tables, sources);
        tables.extend(system);
        let by_name = tables
            .iter()
            .enumerate()
            .map(|(index, table)| (key(table.database(), table.name()), index))
            .collect();
        Self { tables, by_name }
    }

    pub(super) fn tables(&self) -> &[Arc<dyn LiveTable>] {
        &self.tables
    }

    /// The table called `table` in `database`, or in the only database.
    ///
    /// # Errors
    /// `UnknownDatabase`, `UnknownTable`.
    pub(super) fn find(
        &self,
        database: Option<&str>,
        table: &str,
    ) -> Result<&dyn LiveTable, SqlError> {
        let database = match database {
            Some(name) => canonical_database(name)?,
            None => DATABASE,
        };
        self.by_name
            .get(&key(database, table))
            .and_then(|index| self.tables.get(*index))
            .map(|table| &**table)
            .ok_or_else(|| {
                SqlError::new(
                    ErrorKind::UnknownTable,
                    format!("Table '{database}.{table}' doesn't exist"),
                )
            })
    }
}

/// The name `database` has in the catalogue. `db_15` is how a session names a
/// tenant's view of the one database (compatibility reference §1.5).
///
/// # Errors
/// `UnknownDatabase`.
pub(super) fn canonical_database(database: &str) -> Result<&'static str, SqlError> {
    let is_tenant = database.get(..3).is_some_and(|prefix| same(prefix, "db_"))
        && database
            .get(3..)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if is_tenant || same(database, DATABASE) {
        return Ok(DATABASE);
    }
    SYSTEM_DATABASES
        .into_iter()
        .find(|name| same(name, database))
        .ok_or_else(|| {
            SqlError::new(
                ErrorKind::UnknownDatabase,
                format!("Unknown database '{database}'"),
            )
        })
}

fn key(database: &str, table: &str) -> (String, String) {
    (database.to_ascii_lowercase(), table.to_ascii_lowercase())
}
