//! What statements change: from a statement and a table to the changes the hall
//! carries out together, and from their effects to the counts of an OK. Each
//! statement has a file: [`insert`], [`update`], [`delete`]; plain INSERTs have a
//! road of their own in [`plain`]. What they share is here, how the rows of a
//! query are asked for in `asking`, how a row's columns are set in `assigning`.

mod asking;
mod assigning;
pub(crate) mod delete;
pub(crate) mod insert;
pub(crate) mod plain;
pub(crate) mod update;

use std::sync::Arc;

use pipes::name::{DevId, NameError};
use pipes::{Change, Effect, Hall, HallError};

pub(crate) use asking::Asking;

use crate::answer::Done;
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKey, KeyFilter, Value as Field};
use crate::tables::{self, Publication, Table};
use crate::transaction::{Transaction, TransactionLimits};

/// What a statement changes, checked and ready to be carried out.
pub(crate) struct Plan {
    changes: Vec<Change>,
    /// How many rows an UPDATE matched, and how many of them it changes.
    matched: Option<(u64, u64)>,
    affected_rows: u64,
    insert_id: u64,
}

impl Plan {
    /// What waited for a COMMIT: nothing of it is counted again.
    pub(crate) fn committed(changes: Vec<Change>) -> Self {
        Self {
            changes,
            ..Self::nothing()
        }
    }

    /// Carries the changes out, together and in order. Gives what came of the
    /// messages among them, if there were any.
    ///
    /// # Errors
    /// Whatever the hall refuses; then nothing has happened.
    pub(crate) async fn carry_out(
        self,
        hall: &Arc<Hall>,
        dev_id: DevId,
    ) -> Result<(Done, Option<Publication>), SqlError> {
        let effects: Vec<Effect> = if self.changes.is_empty() {
            Vec::new()
        } else {
            hall.apply(dev_id, self.changes).await.map_err(hall_error)?
        };
        let info = match self.matched {
            Some((matched, changed)) => {
                format!("Rows matched: {matched}  Changed: {changed}  Warnings: 0")
            }
            None => tables::info(&effects),
        };
        let done = Done {
            affected_rows: self.affected_rows,
            insert_id: self.insert_id,
            info,
        };
        Ok((done, tables::publication(&effects)))
    }

    /// Adds the changes to a transaction, checked as if they were carried out.
    ///
    /// # Errors
    /// Whatever the hall refuses, `TransactionTooLarge`; then nothing is added.
    pub(crate) fn wait_in(
        self,
        transaction: &mut Transaction,
        hall: &Hall,
        dev_id: DevId,
        limits: &TransactionLimits,
    ) -> Result<Done, SqlError> {
        hall.check(dev_id, &self.changes).map_err(hall_error)?;
        let changes = !self.changes.is_empty();
        transaction.add(self.changes, limits)?;
        let info = match changes {
            true => format!("Waiting for COMMIT: {}", transaction.changes().len()),
            false => String::new(),
        };
        Ok(Done {
            affected_rows: self.affected_rows,
            insert_id: self.insert_id,
            info,
        })
    }
}

/// Whether a table has rows that an INSERT may write anew.
pub(crate) fn has_keys(table: &dyn Table) -> bool {
    let mut columns = table.columns().iter();
    columns.any(|column| column.key == ColumnKey::Primary)
}

/// The rows of a table of which nothing is left but what `change` writes.
fn written(table: &dyn Table, context: &SessionContext, change: &Change) -> Vec<Vec<Field>> {
    let mut rows = Vec::new();
    let everything = KeyFilter::new(&[], usize::MAX);
    table.overlay(
        context,
        std::slice::from_ref(change),
        &everything,
        &mut rows,
    );
    rows
}

fn missing_key(statement: &str, table: &dyn Table) -> SqlError {
    SqlError::new(
        ErrorKind::MissingKey,
        format!("{statement} {} needs a WHERE with its key", table.name()),
    )
}

/// What is said of a statement that a table refuses.
pub(crate) const UPDATE: &str = "UPDATE";
pub(crate) const INSERT_INTO: &str = "INSERT into";
pub(crate) const DELETE_FROM: &str = "DELETE from";

impl Plan {
    /// The changes alone.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    fn nothing() -> Self {
        Self {
            changes: Vec::new(),
            matched: None,
            affected_rows: 0,
            insert_id: 0,
        }
    }
}

/// The hall's errors under their numbers.
pub(crate) fn hall_error(error: HallError) -> SqlError {
    let kind = match &error {
        HallError::Name(NameError::TooLong { .. }) => ErrorKind::TooLong,
        HallError::Name(_) | HallError::Refused(_) | HallError::EventNotListed { .. } => {
            ErrorKind::InvalidValue
        }
        _ => ErrorKind::Internal,
    };
    SqlError::new(kind, error.to_string())
}
