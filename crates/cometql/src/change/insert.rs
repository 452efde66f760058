//! INSERT and REPLACE, of rows that are written out and of those a query finds.
//! Existing keys are replaced, left or updated, as the statement says.

use std::collections::HashMap;

use super::asking::{self, Asking};
use super::assigning::{Assignments, NewRow, implied};
use super::{INSERT_INTO, Plan, written};
use crate::answer::Parameter;
use crate::error::{ErrorKind, SqlError};
use crate::lookup;
use crate::query::computing::Computer;
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKey, KeyFilter, Value as Field, visible_rows};
use crate::statement::{Insert, InsertMode, InsertSelect, Updated, Value};
use crate::tables::{self, InsertRow, Inserted, Table};

/// Whether an INSERT has to look at the rows that are there before it knows
/// what it means.
pub(crate) fn looks_first(insert: &Insert) -> bool {
    matches!(insert.mode, InsertMode::Ignore | InsertMode::Update(_))
}

/// Whether an INSERT computes what it updates, for which it needs the query engine.
pub(crate) fn computes(insert: &Insert) -> bool {
    let is_computed = |updated: &Updated| matches!(updated, Updated::Expression(_));
    match &insert.mode {
        InsertMode::Update(update) => update.updates.iter().any(|(_, value)| is_computed(value)),
        InsertMode::Insert | InsertMode::Ignore | InsertMode::Replace => false,
    }
}

/// What an INSERT means. Waits for the store if it [looks first](looks_first),
/// and for the query engine if it [computes].
///
/// # Errors
/// Read-only tables first, then columns, then values (compatibility reference §3).
pub(crate) fn plan(
    table: &dyn Table,
    insert: &Insert,
    asking: &Asking<'_>,
) -> Result<Plan, SqlError> {
    let places = places(table, insert)?;
    let mut rows = Rows {
        table,
        insert,
        places: &places,
        asking,
        latest: HashMap::new(),
        plan: Plan::nothing(),
    };
    rows.plan.changes.reserve_exact(insert.rows.len());
    match &insert.mode {
        InsertMode::Update(update) => {
            let assignments = Assignments::on_duplicate(table, update, &places)?;
            assignments.ready(asking, |computer| {
                rows.all(|rows, values| rows.or_update(values, &assignments, computer))
            })?;
        }
        InsertMode::Ignore => rows.all(Rows::or_ignore)?,
        InsertMode::Insert | InsertMode::Replace => {
            rows.all(|rows, values| rows.insert(values).map(Some))?;
        }
    }
    Ok(rows.plan)
}

/// The rows of an INSERT that are planned one after the other.
struct Rows<'a> {
    table: &'a dyn Table,
    insert: &'a Insert,
    places: &'a [usize],
    asking: &'a Asking<'a>,
    /// The rows this statement itself has written so far, by their keys.
    latest: HashMap<Key, Vec<Field>>,
    plan: Plan,
}

/// The places and the values of a row's primary key.
type Key = Vec<(usize, Field)>;

/// The values of one row, by the table's column numbers.
type Given<'v> = [Option<&'v Value<'static>>];

impl<'a> Rows<'a> {
    /// Plans each row by `plan_one`, which gives nothing for a row that is left out.
    fn all(
        &mut self,
        mut plan_one: impl FnMut(&mut Self, &Given<'a>) -> Result<Option<Inserted>, SqlError>,
    ) -> Result<(), SqlError> {
        let columns = self.table.columns();
        let mut values: Vec<Option<&Value<'static>>> = Vec::new();
        for row in &self.insert.rows {
            if !fits(self.table, self.insert, row.len(), self.places.len()) {
                return Err(wrong_width(row.len(), self.places.len(), self.table));
            }
            values.clear();
            values.resize(columns.len(), None);
            for (place, value) in self.places.iter().zip(row) {
                if let Some(room) = values.get_mut(*place) {
                    *room = Some(value).filter(|value| !matches!(value, Value::Default));
                }
            }
            if let Some(inserted) = plan_one(self, &values)? {
                self.plan.changes.push(inserted.change);
                self.plan.affected_rows += inserted.affected_rows;
                self.plan.insert_id = inserted.insert_id;
            }
        }
        Ok(())
    }

    fn insert(&self, values: &Given<'_>) -> Result<Inserted, SqlError> {
        let row = InsertRow::new(values, self.table.columns(), self.asking.parameters);
        self.table.insert(&row)
    }

    fn or_ignore(&mut self, values: &Given<'_>) -> Result<Option<Inserted>, SqlError> {
        let key = self.key(values)?;
        if self.known(key.as_ref())?.is_some() {
            return Ok(None);
        }
        let inserted = self.insert(values)?;
        self.remember(key, &inserted);
        Ok(Some(inserted))
    }

    fn or_update(
        &mut self,
        values: &Given<'_>,
        assignments: &Assignments<'_>,
        computer: &mut Computer<'_>,
    ) -> Result<Option<Inserted>, SqlError> {
        let key = self.key(values)?;
        let inserted = match self.known(key.as_ref())? {
            None => self.insert(values)?,
            Some(known) => {
                let new = NewRow {
                    values,
                    fields: match assignments.computes() {
                        true => self.as_inserted(values)?,
                        false => Vec::new(),
                    },
                };
                let mut compute =
                    |number, given: &mut dyn Iterator<Item = &Field>| computer.value(number, given);
                let (mut after, is_changed) =
                    assignments.apply(&known, Some(&new), self.asking, &mut compute)?;
                let found = u64::from(self.asking.context.counts_found_rows);
                after.affected_rows = if is_changed { 2 } else { found };
                after
            }
        };
        self.remember(key, &inserted);
        Ok(Some(inserted))
    }

    /// The row with this key, as this statement has left it so far.
    fn known(&self, key: Option<&Key>) -> Result<Option<Vec<Field>>, SqlError> {
        match key {
            None => Ok(None),
            Some(key) => match self.latest.get(key) {
                Some(row) => Ok(Some(row.clone())),
                None => existing(self.table, key, self.asking.context),
            },
        }
    }

    fn remember(&mut self, key: Option<Key>, inserted: &Inserted) {
        if let Some(key) = key {
            let rows = written(self.table, self.asking.context, &inserted.change);
            self.latest
                .insert(key, rows.into_iter().next().unwrap_or_default());
        }
    }

    /// The row as it would stand in the table, for `VALUES(column)`. What could
    /// not be inserted is taken as it was given.
    fn as_inserted(&self, values: &Given<'_>) -> Result<Vec<Field>, SqlError> {
        if let Ok(inserted) = self.insert(values)
            && let [row] = written(self.table, self.asking.context, &inserted.change).as_slice()
        {
            return Ok(row.clone());
        }
        let columns = self.table.columns().iter().zip(values);
        columns
            .map(|(column, value)| match value {
                Some(value) => {
                    let field = lookup::field(column, value, self.asking.parameters)?;
                    Ok(field.unwrap_or(Field::Null))
                }
                None => Ok(implied(column)),
            })
            .collect()
    }

    /// The row's key, if the table has one and the row all of it.
    fn key(&self, values: &Given<'_>) -> Result<Option<Key>, SqlError> {
        let mut key = Vec::with_capacity(1);
        for (place, column) in self.table.columns().iter().enumerate() {
            if column.key != ColumnKey::Primary {
                continue;
            }
            let Some(Some(value)) = values.get(place) else {
                return Ok(None);
            };
            match lookup::field(column, value, self.asking.parameters)? {
                Some(field) => key.push((place, field)),
                None => return Ok(None),
            }
        }
        Ok((!key.is_empty()).then_some(key))
    }
}

/// What an INSERT … SELECT means. Waits for the query.
///
/// # Errors
/// Those of an INSERT of the same rows, those of the query; `ColumnCount` even
/// if no row is found; `TooManyValues` past the limit of an INSERT.
pub(crate) fn plan_select(
    table: &dyn Table,
    statement: &InsertSelect,
    asking: &Asking<'_>,
) -> Result<Plan, SqlError> {
    let InsertSelect { insert: to, query } = statement;
    let places = places(table, to)?;
    let expected = places.len();
    let parameters: Vec<Parameter> = match &to.mode {
        InsertMode::Update(update) => asking.parameters_beside(&update.updates),
        InsertMode::Insert | InsertMode::Ignore | InsertMode::Replace => asking.parameters.to_vec(),
    };
    let found = asking.select(query, &parameters)?;
    if !fits(table, to, found.columns.len(), expected) {
        return Err(wrong_width(found.columns.len(), expected, table));
    }
    let values = found.rows.len().saturating_mul(expected);
    if values > asking.limits.max_values {
        return Err(SqlError::new(
            ErrorKind::TooManyValues,
            format!(
                "an INSERT may have at most {} values, the query found {values}",
                asking.limits.max_values
            ),
        ));
    }
    let columns: Vec<_> = places
        .iter()
        .map(|place| table.columns().get(*place))
        .collect();
    let row = |cells: Vec<_>| {
        let cells = cells.into_iter().zip(&columns);
        cells
            .map(|(cell, column)| asking::value(cell, *column))
            .collect()
    };
    let rows = found.rows.into_iter().map(row).collect();
    plan(table, &Insert { rows, ..to.clone() }, asking)
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
        for (name, _) in &updates.updates {
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

/// The row that has this key, if it is there.
fn existing(
    table: &dyn Table,
    key: &Key,
    context: &SessionContext,
) -> Result<Option<Vec<Field>>, SqlError> {
    let rows = visible_rows(table, context, &KeyFilter::new(key, 1))?;
    Ok(rows.into_iter().next())
}
