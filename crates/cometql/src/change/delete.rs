//! DELETE: rows by their key, by several conditions, or as a query finds them.

use super::{Asking, DELETE_FROM, Plan, missing_key};
use crate::answer::Parameter;
use crate::error::SqlError;
use crate::lookup;
use crate::query::table::{ColumnKind, Value as Field};
use crate::statement::{Condition, Delete, KeyCondition, Value};
use crate::tables::{self, Table};

/// Whether a DELETE has to look for its rows: all do that do not name them by
/// the one key they are deleted by.
pub(crate) fn searches(table: &dyn Table, delete: &Delete) -> bool {
    let key = table.delete_key().and_then(|key| table.columns().get(key));
    let is_by_key = |condition: &KeyCondition| {
        key.is_some_and(|key| key.name.eq_ignore_ascii_case(&condition.column))
    };
    match &delete.condition {
        Some(Condition::Keys(conditions)) => match conditions.as_slice() {
            [only] => !is_by_key(only),
            _ => true,
        },
        Some(Condition::Search(_)) => true,
        None => false,
    }
}

/// What a DELETE means. Waits for the query, if it is one.
///
/// # Errors
/// `ReadOnlyTable`, `MissingKey` without a condition on a column, `UnknownColumn`,
/// `Unsupported` for a condition the table cannot delete by, `TooManyValues`
/// when looking for the rows passes the limits of a query.
pub(crate) fn plan(
    table: &dyn Table,
    delete: &Delete,
    asking: &Asking<'_>,
) -> Result<Plan, SqlError> {
    if table.is_read_only() {
        return Err(table.refusal(DELETE_FROM));
    }
    let keys = match &delete.condition {
        None => return Err(missing_key("DELETE FROM", table)),
        Some(Condition::Keys(conditions)) => {
            if let [KeyCondition { column, keys }] = conditions.as_slice() {
                let place = tables::column_number(table.name(), table.columns(), column)?;
                if let Some(plan) = by_key(table, place, keys, asking.parameters)? {
                    return Ok(plan);
                }
            }
            if table.deletes_by_row() {
                return by_row(table, conditions, asking);
            }
            keys_of_matching(table, conditions, asking)?
        }
        Some(Condition::Search(search)) => {
            if !search.chooses() {
                return Err(missing_key("DELETE FROM", table));
            }
            let key = general_key(table)?;
            let name = table.columns().get(key).map_or("", |column| column.name);
            let found = asking.search(search, &[name], Vec::new(), asking.parameters)?;
            let cells = found
                .rows
                .into_iter()
                .filter_map(|row| row.into_iter().next());
            let is_integer = table
                .columns()
                .get(key)
                .is_some_and(|column| column.kind == ColumnKind::Integer);
            cells
                .flatten()
                .filter_map(|text| match is_integer {
                    true => text.parse().ok().map(Field::Integer),
                    false => Some(Field::Text(text)),
                })
                .collect()
        }
    };
    let key = general_key(table)?;
    let mut plan = Plan::nothing();
    // Only a row that waits for COMMIT has no name.
    if keys
        .iter()
        .any(|key| matches!(key, Field::Text(text) if text.is_empty()))
    {
        return Err(SqlError::unsupported(
            "a message that waits for COMMIT has no id yet and cannot be deleted by a condition; \
             ROLLBACK TO a savepoint takes it back",
        ));
    }
    for value in keys {
        plan.changes
            .extend(table.delete(key, &value)?.into_iter().flatten());
    }
    Ok(plan)
}

fn by_key(
    table: &dyn Table,
    place: usize,
    keys: &[Value],
    parameters: &[Parameter],
) -> Result<Option<Plan>, SqlError> {
    let Some(column) = table.columns().get(place) else {
        return Ok(None);
    };
    let mut plan = Plan::nothing();
    for key in keys {
        let Some(value) = lookup::field(column, key, parameters)? else {
            continue;
        };
        match table.delete(place, &value)? {
            Some(changes) => plan.changes.extend(changes),
            None => return Ok(None),
        }
    }
    Ok(Some(plan))
}

/// Deletes the rows for which all conditions hold, from a table that deletes by row.
fn by_row(
    table: &dyn Table,
    conditions: &[KeyCondition],
    asking: &Asking<'_>,
) -> Result<Plan, SqlError> {
    let mut plan = Plan::nothing();
    for row in matching(table, conditions, asking)? {
        plan.changes.extend(table.delete_row(&row)?);
    }
    Ok(plan)
}

fn keys_of_matching(
    table: &dyn Table,
    conditions: &[KeyCondition],
    asking: &Asking<'_>,
) -> Result<Vec<Field>, SqlError> {
    let key = general_key(table)?;
    let rows = matching(table, conditions, asking)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_iter().nth(key))
        .collect())
}

fn matching(
    table: &dyn Table,
    conditions: &[KeyCondition],
    asking: &Asking<'_>,
) -> Result<Vec<Vec<Field>>, SqlError> {
    lookup::matching(
        table,
        conditions,
        asking.parameters,
        asking.context,
        asking.query_limits,
    )
}

fn general_key(table: &dyn Table) -> Result<usize, SqlError> {
    table.delete_key().ok_or_else(|| {
        SqlError::unsupported(format!(
            "DELETE FROM {} takes a condition on its key alone",
            table.name()
        ))
    })
}
