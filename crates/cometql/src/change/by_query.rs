//! Changes whose rows a query finds: INSERT … SELECT and UPDATE. What a row then
//! means is its table's business, as with every INSERT.

use pipes::Change;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, SetExpr};

use super::{
    Plan, fits, insert, missing_key, names_a_column, places, select_from, written, wrong_width,
};
use crate::answer::{Cell, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::scan::Limits;
use crate::statement::{Insert, InsertMode, InsertSelect, Literal, Update, Updated, Value};
use crate::tables::{self, InsertRow, Table};

/// Answers a query with these parameters, all rows of it.
pub(crate) type Find<'a> = &'a dyn Fn(&Query, &[Parameter]) -> Result<ResultSet, SqlError>;

/// What an INSERT … SELECT means. Waits for the query.
///
/// # Errors
/// Those of an INSERT of the same rows, those of the query; `ColumnCount` even
/// if no row is found; `TooManyValues` past `limits`.
pub(crate) fn insert_select(
    table: &dyn Table,
    statement: &InsertSelect,
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &Limits,
    find: Find<'_>,
) -> Result<Plan, SqlError> {
    let InsertSelect { insert: to, query } = statement;
    let expected = places(table, to)?.len();
    let found = find(query, of_query(parameters, &to.mode))?;
    if !fits(table, to, found.columns.len(), expected) {
        return Err(wrong_width(found.columns.len(), expected, table));
    }
    let values = found.rows.len().saturating_mul(expected);
    if values > limits.max_values {
        return Err(SqlError::new(
            ErrorKind::TooManyValues,
            format!(
                "an INSERT may have at most {} values, the query found {values}",
                limits.max_values
            ),
        ));
    }
    let row = |cells: Vec<Cell>| cells.into_iter().map(value).collect();
    let rows = found.rows.into_iter().map(row).collect();
    let to = Insert { rows, ..to.clone() };
    insert(table, &to, parameters, context)
}

/// The query's parameters: the first ones, for only ON DUPLICATE KEY UPDATE
/// comes after it.
fn of_query<'a>(parameters: &'a [Parameter], mode: &InsertMode) -> &'a [Parameter] {
    let InsertMode::Update(updates) = mode else {
        return parameters;
    };
    let is_parameter = |updated: &Updated| matches!(updated, Updated::Value(Value::Parameter(_)));
    let others = updates.iter().filter(|(_, updated)| is_parameter(updated));
    let own = parameters.len().saturating_sub(others.count());
    parameters.get(..own).unwrap_or_default()
}

/// What an UPDATE means: each row is written as an INSERT would write it with
/// the new values. Waits for the query.
///
/// # Errors
/// `ReadOnlyTable`, `UnknownColumn`, `MissingKey` without a condition on a
/// column, `Unsupported` for a column that cannot be updated; those of the query
/// and of the INSERT.
pub(crate) fn update(
    table: &dyn Table,
    update: &Update,
    parameters: &[Parameter],
    context: &SessionContext,
    find: Find<'_>,
) -> Result<Plan, SqlError> {
    if table.is_read_only() {
        return Err(tables::read_only(table.name(), super::UPDATE));
    }
    let places = assigned(table, update)?;
    let condition = update
        .condition
        .as_ref()
        .filter(|condition| names_a_column(condition))
        .ok_or_else(|| missing_key(super::UPDATE, table))?;
    let found = find(&before_and_after(table, update, condition)?, parameters)?;
    let matched = found.rows.len() as u64;
    let mut plan = Plan::nothing();
    let columns = table.columns();
    for cells in found.rows {
        let mut before: Vec<Value> = cells.into_iter().map(value).collect();
        let set = before.split_off(columns.len().min(before.len()));
        let mut after = before.clone();
        for (place, value) in places.iter().zip(set) {
            if let Some(room) = after.get_mut(*place) {
                *room = value;
            }
        }
        let change = |values: &[Value]| {
            let values: Vec<_> = values.iter().map(Some).collect();
            let row = InsertRow::new(&values, columns, &[]);
            table.insert(&row).map(|inserted| inserted.change)
        };
        let after = change(&after)?;
        // A row written long ago need not be one that INSERT takes today.
        let is_same =
            |before: &Change| written(table, context, before) == written(table, context, &after);
        if change(&before).is_ok_and(|before| is_same(&before)) {
            continue;
        }
        plan.changes.push(after);
    }
    let changed = plan.changes.len() as u64;
    plan.matched = Some((matched, changed));
    plan.affected_rows = match context.counts_found_rows {
        true => matched,
        false => changed,
    };
    Ok(plan)
}

/// The columns an UPDATE sets, by number.
fn assigned(table: &dyn Table, update: &Update) -> Result<Vec<usize>, SqlError> {
    let name = table.name();
    let place = |(column, _): &(String, Expr)| {
        let place = tables::column_number(name, table.columns(), column)?;
        match table.updatable() {
            [] => Err(SqlError::unsupported(format!(
                "rows of {name} cannot be updated; DELETE and INSERT are offered"
            ))),
            updatable if updatable.contains(&place) => Ok(place),
            _ => Err(SqlError::unsupported(format!(
                "the column {column} of {name} cannot be updated; DELETE the row and INSERT another"
            ))),
        }
    };
    update.assignments.iter().map(place).collect()
}

/// `SELECT every column, every assigned value FROM table WHERE condition`.
fn before_and_after(
    table: &dyn Table,
    update: &Update,
    condition: &Expr,
) -> Result<Query, SqlError> {
    let names: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    let mut query = select_from(table.name(), &names, condition)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        let set = update.assignments.iter().enumerate();
        select
            .projection
            .extend(set.map(|(number, (_, value))| SelectItem::ExprWithAlias {
                expr: value.clone(),
                alias: Ident::new(format!("value {number}")),
            }));
    }
    Ok(query)
}

/// A cell as a value that is read as it stands.
fn value(cell: Cell) -> Value<'static> {
    cell.map_or(Value::Null, |text| {
        Value::Text(Literal::plain(text.to_string()))
    })
}
