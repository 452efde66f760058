//! UPDATE from the parser's tree. Expressions are handed on as they were parsed.

use sqlparser::ast::{self, AssignmentTarget};

use super::{Update, expression};
use crate::error::SqlError;

/// The parser's UPDATE as ours.
///
/// # Errors
/// `Unsupported` for several tables, ORDER BY and LIMIT, which are never
/// ignored; `DuplicateColumn`.
pub(super) fn convert(parsed: ast::Statement) -> Result<Update, SqlError> {
    let ast::Statement::Update(mut parsed) = parsed else {
        return Err(SqlError::unsupported("only UPDATE of a table is offered"));
    };
    let additions = [
        (!parsed.order_by.is_empty(), "ORDER BY in UPDATE"),
        (parsed.limit.is_some(), "LIMIT in UPDATE"),
        (parsed.from.is_some(), "FROM in UPDATE"),
        (parsed.returning.is_some(), "RETURNING"),
        (parsed.output.is_some(), "OUTPUT"),
        (parsed.or.is_some(), "UPDATE OR"),
    ];
    if let Some((_, construct)) = additions.iter().find(|(is_there, _)| *is_there) {
        return Err(SqlError::unsupported(format!(
            "{construct} is not offered by this server"
        )));
    }
    let Some(table) = expression::plain_table(std::slice::from_ref(&parsed.table)) else {
        return Err(SqlError::unsupported(
            "UPDATE takes one table, without an alias or a join",
        ));
    };
    let table = expression::table_name(table)?;
    if let Some(condition) = &mut parsed.selection {
        expression::empty_marked_lists(condition);
    }
    let mut assignments = Vec::with_capacity(parsed.assignments.len());
    for ast::Assignment { target, mut value } in parsed.assignments {
        let AssignmentTarget::ColumnName(column) = target else {
            return Err(SqlError::unsupported(
                "assigning to several columns at once is not offered by this server",
            ));
        };
        expression::empty_marked_lists(&mut value);
        assignments.push((expression::last_name(&column)?, value));
    }
    expression::each_once(assignments.iter().map(|(column, _)| column.as_str()))?;
    Ok(Update {
        table,
        assignments,
        condition: parsed.selection,
    })
}
