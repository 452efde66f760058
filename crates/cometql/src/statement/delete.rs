//! DELETE from the parser's tree: recognising conditions on keys.

use sqlparser::ast::{self, BinaryOperator, Expr, FromTable};

use super::expression::{self, Parameters};
use super::{Condition, Delete, KeyCondition};
use crate::error::SqlError;
use crate::scan::Limits;

/// The parser's DELETE as ours.
///
/// # Errors
/// `Unsupported` for several tables, ORDER BY and LIMIT, which are never
/// ignored; `DuplicateColumn` when the condition names a column twice;
/// `TooManyConditions` when it names more keys than `limits` allow.
pub(super) fn convert(
    statement: &str,
    parsed: ast::Statement,
    limits: &Limits,
) -> Result<Delete, SqlError> {
    let ast::Statement::Delete(mut parsed) = parsed else {
        return Err(SqlError::unsupported("only DELETE FROM a table is offered"));
    };
    if let Some(selection) = &mut parsed.selection {
        expression::empty_marked_lists(selection);
    }
    let additions = [
        (!parsed.order_by.is_empty(), "ORDER BY in DELETE"),
        (parsed.limit.is_some(), "LIMIT in DELETE"),
        (parsed.using.is_some(), "USING in DELETE"),
        (parsed.returning.is_some(), "RETURNING"),
        (parsed.output.is_some(), "OUTPUT"),
        (!parsed.tables.is_empty(), "DELETE from several tables"),
    ];
    if let Some((_, construct)) = additions.iter().find(|(is_there, _)| *is_there) {
        return Err(SqlError::unsupported(format!(
            "{construct} is not offered by this server"
        )));
    }
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &parsed.from;
    let Some(table) = expression::plain_table(from) else {
        return Err(SqlError::unsupported(
            "DELETE takes one table, without an alias or a join",
        ));
    };
    let table = expression::table_name(table)?;
    let Some(selection) = parsed.selection else {
        return Ok(Delete {
            table,
            condition: None,
        });
    };
    let parameters = Parameters::of(statement)?;
    let mut keys = Vec::new();
    let condition = if conjunction(&selection, &parameters, limits, &mut keys)? {
        expression::each_once(keys.iter().map(|key| key.column.as_str()))?;
        Condition::Keys(keys)
    } else {
        Condition::General(Box::new(selection))
    };
    Ok(Delete {
        table,
        condition: Some(condition),
    })
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
