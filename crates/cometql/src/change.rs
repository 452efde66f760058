//! INSERT and DELETE: from a statement and a table to the changes the hall
//! carries out together, and from their effects to the counts of an OK. Changes
//! whose rows a query finds are in [`by_query`], plain INSERTs have a road of their
//! own in [`plain`].

pub(crate) mod by_query;
pub(crate) mod plain;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use pipes::name::{DevId, NameError};
use pipes::{Change, Effect, Hall, HallError};
use sqlparser::ast::{Expr, Query, SetExpr, visit_expressions};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use crate::answer::{DATABASE, Done, Parameter};
use crate::error::{ErrorKind, SqlError};
use crate::lookup;
use crate::query::QueryLimits;
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKey, KeyFilter, TableColumn, Value as Field, visible_rows};
use crate::statement::{
    Condition, Delete, Insert, InsertMode, KeyCondition, Literal, Updated, Value,
};
use crate::tables::{self, InsertRow, Publication, Table};
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

/// Whether an INSERT has to look at the rows that are there before it knows
/// what it means.
pub(crate) fn looks_first(insert: &Insert) -> bool {
    matches!(insert.mode, InsertMode::Ignore | InsertMode::Update(_))
}

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
        Some(Condition::General(_)) => true,
        None => false,
    }
}

/// What an INSERT means. Waits for the store if it [looks first](looks_first).
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
    let places = places(table, insert)?;
    let mut plan = Plan {
        changes: Vec::with_capacity(insert.rows.len()),
        ..Plan::nothing()
    };
    let mut values: Vec<Option<&Value<'static>>> = Vec::new();
    // The keys of this statement's own rows, for INSERT IGNORE.
    let mut taken = HashSet::new();
    for row in &insert.rows {
        if !fits(table, insert, row.len(), places.len()) {
            return Err(wrong_width(row.len(), places.len(), table));
        }
        values.clear();
        values.resize(columns.len(), None);
        for (place, value) in places.iter().zip(row) {
            if let Some(room) = values.get_mut(*place) {
                *room = Some(value).filter(|value| !matches!(value, Value::Default));
            }
        }
        let key = match &insert.mode {
            InsertMode::Insert | InsertMode::Replace => None,
            InsertMode::Ignore | InsertMode::Update(_) => key_of(table, &values, parameters)?,
        };
        let known = match &key {
            Some(key) => existing(table, key, context)?,
            None => None,
        };
        if let (InsertMode::Ignore, Some((_, value))) = (&insert.mode, key)
            && !taken.insert(value)
        {
            continue;
        }
        let inserted = match (known, &insert.mode) {
            (Some(_), InsertMode::Ignore) => continue,
            (Some(known), InsertMode::Update(updates)) => {
                let merged = merge(table, &known, &values, updates)?;
                let merged: Vec<_> = merged.iter().map(Option::as_ref).collect();
                let mut after = table.insert(&InsertRow::new(&merged, columns, parameters))?;
                let is_new = written(table, context, &after.change) != [known];
                after.affected_rows = match (is_new, context.counts_found_rows) {
                    (true, _) => 2,
                    (false, true) => 1,
                    (false, false) => 0,
                };
                after
            }
            _ => table.insert(&InsertRow::new(&values, columns, parameters))?,
        };
        plan.changes.push(inserted.change);
        plan.affected_rows += inserted.affected_rows;
        plan.insert_id = inserted.insert_id;
    }
    Ok(plan)
}

/// The columns that an INSERT gives values for, by number.
///
/// # Errors
/// `ReadOnlyTable`, `UnknownColumn`.
pub(crate) fn places(table: &dyn Table, insert: &Insert) -> Result<Vec<usize>, SqlError> {
    let columns = table.columns();
    if table.is_read_only() {
        return Err(table.refusal(INSERT_INTO));
    }
    if let InsertMode::Update(updates) = &insert.mode {
        for (name, _) in updates {
            tables::column_number(table.name(), columns, name)?;
        }
    }
    match &insert.columns {
        Some(named) => named
            .iter()
            .map(|name| tables::column_number(table.name(), columns, name))
            .collect(),
        None => Ok((0..columns.len()).collect()),
    }
}

/// Whether so many values are right. Without a list of columns those of the
/// original's table are enough, where this one has more.
fn fits(table: &dyn Table, insert: &Insert, given: usize, places: usize) -> bool {
    given == places || insert.columns.is_none() && table.first_columns() == Some(given)
}

fn wrong_width(given: usize, expected: usize, table: &dyn Table) -> SqlError {
    SqlError::new(
        ErrorKind::ColumnCount,
        format!(
            "{given} values for {expected} columns of table {}",
            table.name()
        ),
    )
}

/// The place and the value of a row's primary key, if the table has one.
fn key_of(
    table: &dyn Table,
    values: &[Option<&Value>],
    parameters: &[Parameter],
) -> Result<Option<(usize, Field)>, SqlError> {
    let is_primary = |column: &TableColumn| column.key == ColumnKey::Primary;
    let Some(place) = table.columns().iter().position(is_primary) else {
        return Ok(None);
    };
    match (table.columns().get(place), values.get(place)) {
        (Some(column), Some(Some(value))) => {
            let value = lookup::field(column, value, parameters)?;
            Ok(value.map(|value| (place, value)))
        }
        _ => Ok(None),
    }
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

/// The row that has this key, if it is there.
fn existing(
    table: &dyn Table,
    key: &(usize, Field),
    context: &SessionContext,
) -> Result<Option<Vec<Field>>, SqlError> {
    let rows = visible_rows(
        table,
        context,
        &KeyFilter::new(std::slice::from_ref(key), 1),
    )?;
    Ok(rows.into_iter().next())
}

/// ON DUPLICATE KEY UPDATE: the existing row with the assigned columns changed.
fn merge(
    table: &dyn Table,
    known: &[Field],
    inserted: &[Option<&Value<'static>>],
    updates: &[(String, Updated)],
) -> Result<Vec<Option<Value<'static>>>, SqlError> {
    let columns = table.columns();
    let kept = |place: usize| {
        known.get(place).map(|field| match field {
            Field::Null => Value::Null,
            Field::Integer(number) => Value::Number(number.to_string().into()),
            Field::Text(text) => Value::Text(Literal::plain(text.to_string())),
        })
    };
    let mut row: Vec<Option<Value<'static>>> = (0..columns.len()).map(kept).collect();
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

fn missing_key(statement: &str, table: &dyn Table) -> SqlError {
    SqlError::new(
        ErrorKind::MissingKey,
        format!("{statement} {} needs a WHERE with its key", table.name()),
    )
}

/// Whether a condition depends on the rows at all: `WHERE 1 = 1` is no
/// condition, it would empty the table.
fn names_a_column(condition: &Expr) -> bool {
    visit_expressions(condition, |expression| match expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// What a DELETE means.
///
/// # Errors
/// `ReadOnlyTable`, `MissingKey` without a condition on a column, `UnknownColumn`,
/// `Unsupported` for a condition the table cannot delete by, `TooManyValues`
/// when looking for the rows passes `limits`.
pub(crate) fn delete(
    table: &dyn Table,
    delete: &Delete,
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &QueryLimits,
    find_rows: FindRows<'_>,
) -> Result<Plan, SqlError> {
    if table.is_read_only() {
        return Err(table.refusal(DELETE_FROM));
    }
    let columns = table.columns();
    let Some(condition) = &delete.condition else {
        return Err(missing_key("DELETE FROM", table));
    };
    let keys = match condition {
        Condition::Keys(conditions) => {
            if let [KeyCondition { column, keys }] = conditions.as_slice() {
                let place = tables::column_number(table.name(), columns, column)?;
                if let Some(plan) = delete_by_key(table, place, keys, parameters)? {
                    return Ok(plan);
                }
            }
            if table.deletes_by_row() {
                return delete_rows(table, conditions, parameters, context, limits);
            }
            keys_of_matching(table, conditions, parameters, context, limits)?
        }
        Condition::General(condition) => {
            if !names_a_column(condition) {
                return Err(missing_key("DELETE FROM", table));
            }
            let key = general_key(table)?;
            let name = columns.get(key).map_or("", |column| column.name);
            find_rows(&select_from(table.name(), &[name], condition)?)?
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

/// Deletes the rows for which all conditions hold, from a table that deletes by row.
fn delete_rows(
    table: &dyn Table,
    conditions: &[KeyCondition],
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &QueryLimits,
) -> Result<Plan, SqlError> {
    let mut plan = Plan::nothing();
    for row in lookup::matching(table, conditions, parameters, context, limits)? {
        plan.changes.extend(table.delete_row(&row)?);
    }
    Ok(plan)
}

fn keys_of_matching(
    table: &dyn Table,
    conditions: &[KeyCondition],
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &QueryLimits,
) -> Result<Vec<Field>, SqlError> {
    let key = general_key(table)?;
    let rows = lookup::matching(table, conditions, parameters, context, limits)?;
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

/// `SELECT columns FROM table WHERE condition`.
fn select_from(table: &str, columns: &[&str], condition: &Expr) -> Result<Query, SqlError> {
    let columns = columns.join("`, `");
    let text = format!("SELECT `{columns}` FROM `{DATABASE}`.`{table}`");
    let parsed = Parser::new(&MySqlDialect {})
        .try_with_sql(&text)
        .and_then(|mut parser| parser.parse_query());
    let mut query = *parsed.map_err(|error| SqlError::internal(error.to_string()))?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition.clone());
    }
    Ok(query)
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
