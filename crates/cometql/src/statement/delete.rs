//! DELETE from the parser's tree: recognising conditions on keys.

use sqlparser::ast::{self, BinaryOperator, Expr, FromTable, ObjectName, TableWithJoins};

use super::expression::{self, Parameters};
use super::{Condition, Delete, KeyCondition, search};
use crate::error::SqlError;
use crate::scan::Limits;

/// The parser's DELETE as ours.
///
/// # Errors
/// `Unsupported` for rows of several tables, and for ORDER BY and LIMIT over
/// joined ones; `DuplicateColumn` when the condition names a column twice;
/// `TooManyConditions` when it names more keys than `limits` allow.
pub(super) fn convert(
    statement: &str,
    parsed: ast::Statement,
    limits: &Limits,
) -> Result<Delete, SqlError> {
    let ast::Statement::Delete(parsed) = parsed else {
        return Err(SqlError::unsupported("only DELETE FROM a table is offered"));
    };
    let additions = [
        (parsed.returning.is_some(), "RETURNING"),
        (parsed.output.is_some(), "OUTPUT"),
    ];
    if let Some((_, construct)) = additions.iter().find(|(is_there, _)| *is_there) {
        return Err(SqlError::unsupported(format!(
            "{construct} is not offered by this server"
        )));
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = parsed.from;
    let (from, wanted) = tables(parsed.tables, from, parsed.using)?;
    let is_plain = wanted.is_none()
        && expression::plain_table(&from).is_some()
        && parsed.order_by.is_empty()
        && parsed.limit.is_none();
    let (table, rows) = search::over(from, wanted.as_deref(), "DELETE")?;
    let rows = rows.by(parsed.selection, parsed.order_by, parsed.limit, "DELETE")?;
    let keys = match &rows.condition {
        None => {
            return Ok(Delete {
                table,
                condition: None,
            });
        }
        Some(condition) if is_plain => keys(statement, condition, limits)?,
        Some(_) => None,
    };
    let condition = match keys {
        Some(keys) => Condition::Keys(keys),
        None => Condition::Search(Box::new(rows)),
    };
    Ok(Delete {
        table,
        condition: Some(condition),
    })
}

/// FROM as a search takes it, and which of its tables the rows go from:
/// `DELETE a FROM a JOIN b` and `DELETE FROM a USING a JOIN b` say so.
fn tables(
    named: Vec<ObjectName>,
    from: Vec<TableWithJoins>,
    using: Option<Vec<TableWithJoins>>,
) -> Result<(Vec<TableWithJoins>, Option<String>), SqlError> {
    let several = || SqlError::unsupported("DELETE takes the rows of one table at a time");
    match (named.as_slice(), using) {
        ([], None) if from.len() == 1 && from.iter().all(|table| table.joins.is_empty()) => {
            Ok((from, None))
        }
        ([], None) => Err(SqlError::unsupported(
            "DELETE FROM takes one table; of joined ones say which: DELETE a FROM a JOIN b ON …",
        )),
        ([named], None) => Ok((from, Some(expression::last_name(named)?))),
        ([], Some(using)) => {
            let named = expression::plain_table(&from).ok_or_else(several)?;
            Ok((using, Some(expression::last_name(named)?)))
        }
        _ => Err(several()),
    }
}

fn keys(
    statement: &str,
    condition: &Expr,
    limits: &Limits,
) -> Result<Option<Vec<KeyCondition>>, SqlError> {
    let parameters = Parameters::of(statement)?;
    let mut keys = Vec::new();
    if !conjunction(condition, &parameters, limits, &mut keys)? {
        return Ok(None);
    }
    expression::each_once(keys.iter().map(|key| key.column.as_str()))?;
    Ok(Some(keys))
}

/// Collects the conditions on keys that `expression` is a conjunction of; false
/// when it is anything else. Depth is bounded by the operators of a statement.
fn conjunction(
    expression: &Expr,
    parameters: &Parameters,
    limits: &Limits,
    keys: &mut Vec<KeyCondition>,
) -> Result<bool, SqlError> {
    let mut waiting = vec![expression];
    while let Some(expression) = waiting.pop() {
        match expression {
            Expr::Nested(inner) => waiting.push(inner),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => waiting.extend([&**right, &**left]),
            _ => match expression::key_condition(expression, parameters, limits)? {
                Some(key) => keys.push(key),
                None => return Ok(false),
            },
        }
    }
    Ok(true)
}
