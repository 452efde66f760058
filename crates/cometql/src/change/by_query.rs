//! Changes whose rows a query finds: INSERT … SELECT. What a row then means is
//! its table's business, as with every INSERT.

use sqlparser::ast::Query;

use super::{Plan, insert, places, wrong_width};
use crate::answer::{Cell, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::scan::Limits;
use crate::statement::{Insert, InsertMode, InsertSelect, Literal, Updated, Value};
use crate::tables::Table;

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
    if found.columns.len() != expected {
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

/// A cell as a value that is read as it stands.
fn value(cell: Cell) -> Value {
    cell.map_or(Value::Null, |text| {
        Value::Text(Literal::plain(text.as_ref()))
    })
}
