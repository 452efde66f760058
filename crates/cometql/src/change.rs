//! INSERT and DELETE: from a statement and a table to the changes the hall
//! carries out together, and from their effects to the counts of an OK.

use std::sync::Arc;

use pipes::name::DevId;
use pipes::{Change, Effect, Hall, HallError};
use sqlparser::ast::{Expr, Query, SetExpr};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use crate::answer::{Done, Parameter};
use crate::error::{ErrorKind, SqlError};
use crate::lookup;
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKey, KeyFilter, Value as Field};
use crate::statement::{
    Condition, Delete, Insert, InsertMode, KeyCondition, Literal, Updated, Value,
};
use crate::tables::{self, InsertRow, Table};

/// What a statement changes, checked and ready to be carried out.
pub(crate) struct Plan {
    changes: Vec<Change>,
    affected_rows: u64,
    insert_id: u64,
}

impl Plan {
    /// Carries the changes out, together and in order.
    ///
    /// # Errors
    /// Whatever the hall refuses; then nothing has happened.
    pub(crate) async fn carry_out(
        self,
        hall: &Arc<Hall>,
        dev_id: DevId,
    ) -> Result<Done, SqlError> {
        let effects: Vec<Effect> = if self.changes.is_empty() {
            Vec::new()
        } else {
            hall.apply(dev_id, self.changes).await.map_err(hall_error)?
        };
        Ok(Done {
            affected_rows: self.affected_rows,
            insert_id: self.insert_id,
            info: tables::info(&effects),
        })
    }
}

/// What an INSERT means.
///
/// # Errors
/// Read-only tables first, then columns, then values (compatibility reference §3).
pub(crate) fn insert(
    table: &dyn Table,
    insert: &Insert,
    parameters: &[Parameter],
    context: &SessionContext,
) -> Result<Plan, SqlError> {
    let columns = table.columns();
    let names: Vec<&'static str> = columns.iter().map(|column| column.name).collect();
    if table.is_read_only() {
        let nothing = vec![None; columns.len()];
        return table
            .insert(&InsertRow::new(&nothing, &names, parameters))
            .map(|_| Plan::nothing());
    }
    let places = match &insert.columns {
        Some(named) => named
            .iter()
            .map(|name| tables::column_number(table.name(), columns, name))
            .collect::<Result<Vec<_>, _>>()?,
        None => (0..columns.len()).collect(),
    };
    let mut plan = Plan {
        changes: Vec::with_capacity(insert.rows.len()),
        affected_rows: 0,
        insert_id: 0,
    };
    for row in &insert.rows {
        if row.len() != places.len() {
            return Err(SqlError::new(
                ErrorKind::ColumnCount,
                format!(
                    "{} values for {} columns of table {}",
                    row.len(),
                    places.len(),
                    table.name()
                ),
            ));
        }
        let mut values: Vec<Option<&Value>> = vec![None; columns.len()];
        for (place, value) in places.iter().zip(row) {
            if let Some(room) = values.get_mut(*place) {
                *room = Some(value).filter(|value| !matches!(value, Value::Default));
            }
        }
        // What the row becomes where one of its key exists already.
        let merged;
        match &insert.mode {
            InsertMode::Insert | InsertMode::Replace => {}
            InsertMode::Ignore => {
                if existing(table, &values, parameters, context)?.is_some() {
                    continue;
                }
            }
            InsertMode::Update(updates) => {
                if let Some(known) = existing(table, &values, parameters, context)? {
                    merged = merge(table, &known, &values, updates)?;
                    values = merged.iter().map(Option::as_ref).collect();
                }
            }
        }
        let inserted = table.insert(&InsertRow::new(&values, &names, parameters))?;
        plan.changes.push(inserted.change);
        plan.affected_rows += inserted.affected_rows;
        plan.insert_id = inserted.insert_id;
    }
    Ok(plan)
}

/// The row that has the same primary key, if the table has one and the row is there.
fn existing(
    table: &dyn Table,
    values: &[Option<&Value>],
    parameters: &[Parameter],
    context: &SessionContext,
) -> Result<Option<Vec<Field>>, SqlError> {
    let columns = table.columns();
    let Some(key) = columns
        .iter()
        .position(|column| column.key == ColumnKey::Primary)
    else {
        return Ok(None);
    };
    let (Some(column), Some(Some(value))) = (columns.get(key), values.get(key)) else {
        return Ok(None);
    };
    let Some(value) = lookup::field(column, value, parameters)? else {
        return Ok(None);
    };
    let rows = table.rows(context, &KeyFilter::new(&[(key, value)], 1))?;
    Ok(rows.into_iter().next())
}

/// ON DUPLICATE KEY UPDATE: the existing row with the assigned columns changed.
fn merge(
    table: &dyn Table,
    known: &[Field],
    inserted: &[Option<&Value>],
    updates: &[(String, Updated)],
) -> Result<Vec<Option<Value>>, SqlError> {
    let columns = table.columns();
    let kept = |place: usize| {
        known.get(place).map(|field| match field {
            Field::Null => Value::Null,
            Field::Integer(number) => Value::Number(number.to_string()),
            Field::Text(text) => Value::Text(Literal::plain(text.as_ref())),
        })
    };
    let mut row: Vec<Option<Value>> = (0..columns.len()).map(kept).collect();
    for (name, updated) in updates {
        let place = tables::column_number(table.name(), columns, name)?;
        let value = match updated {
            Updated::Inserted(name) => {
                let source = tables::column_number(table.name(), columns, name)?;
                inserted.get(source).copied().flatten().cloned()
            }
            Updated::Kept(name) => kept(tables::column_number(table.name(), columns, name)?),
            Updated::Value(value) => Some(value.clone()),
        };
        if let Some(room) = row.get_mut(place) {
            *room = value;
        }
    }
    Ok(row)
}

/// Finds the rows of a query on the table for a general DELETE: one column.
pub(crate) type FindRows<'a> = &'a dyn Fn(&Query) -> Result<Vec<Field>, SqlError>;

/// What a DELETE means.
///
/// # Errors
/// `ReadOnlyTable`, `MissingKey` without a condition, `UnknownColumn`,
/// `Unsupported` for a condition the table cannot delete by.
pub(crate) fn delete(
    table: &dyn Table,
    delete: &Delete,
    parameters: &[Parameter],
    context: &SessionContext,
    find_rows: FindRows<'_>,
) -> Result<Plan, SqlError> {
    if table.is_read_only() {
        return table.delete(0, &Field::Null).map(|_| Plan::nothing());
    }
    let columns = table.columns();
    let Some(condition) = &delete.condition else {
        return Err(SqlError::new(
            ErrorKind::MissingKey,
            format!("DELETE FROM {} needs a WHERE with its key", table.name()),
        ));
    };
    let keys = match condition {
        Condition::Keys(conditions) => match conditions.as_slice() {
            [KeyCondition { column, keys }] => {
                let place = tables::column_number(table.name(), columns, column)?;
                if let Some(plan) = delete_by_key(table, place, keys, parameters)? {
                    return Ok(plan);
                }
                keys_of_matching(table, conditions, parameters, context)?
            }
            _ => keys_of_matching(table, conditions, parameters, context)?,
        },
        Condition::General(condition) => {
            let key = general_key(table)?;
            let name = columns.get(key).map_or("", |column| column.name);
            find_rows(&select_key(table.name(), name, condition)?)?
        }
    };
    let key = general_key(table)?;
    let mut plan = Plan::nothing();
    for value in keys {
        plan.changes.extend(table.delete(key, &value)?.into_iter().flatten());
    }
    Ok(plan)
}

fn delete_by_key(
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

fn keys_of_matching(
    table: &dyn Table,
    conditions: &[KeyCondition],
    parameters: &[Parameter],
    context: &SessionContext,
) -> Result<Vec<Field>, SqlError> {
    let key = general_key(table)?;
    let rows = lookup::matching(table, conditions, parameters, context)?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.into_iter().nth(key))
        .collect())
}

fn general_key(table: &dyn Table) -> Result<usize, SqlError> {
    table.delete_key().ok_or_else(|| {
        SqlError::unsupported(format!(
            "DELETE FROM {} takes a condition on its key alone",
            table.name()
        ))
    })
}

/// `SELECT key FROM table WHERE condition`.
fn select_key(table: &str, key: &str, condition: &Expr) -> Result<Query, SqlError> {
    let text = format!("SELECT `{key}` FROM `{table}`");
    let parsed = Parser::new(&MySqlDialect {})
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_query());
    let mut query = *parsed.map_err(|error| SqlError::internal(error.to_string()))?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition.clone());
    }
    Ok(query)
}

impl Plan {
    fn nothing() -> Self {
        Self {
            changes: Vec::new(),
            affected_rows: 0,
            insert_id: 0,
        }
    }
}

/// The hall's errors under their numbers.
fn hall_error(error: HallError) -> SqlError {
    let kind = match &error {
        HallError::Name(_) | HallError::Refused(_) => ErrorKind::InvalidValue,
        _ => ErrorKind::Internal,
    };
    SqlError::new(kind, error.to_string())
}
