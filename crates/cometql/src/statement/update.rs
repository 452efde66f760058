//! UPDATE from the parser's tree.

use sqlparser::ast::{self, AssignmentTarget};

use super::expression::{self, Parameters};
use super::{Update, assigned, search};
use crate::error::SqlError;

/// The parser's UPDATE as ours.
///
/// # Errors
/// `Unsupported` for what other databases add, for assignments to two tables,
/// and for ORDER BY and LIMIT over joined tables; `DuplicateColumn`.
pub(super) fn convert(statement: &str, parsed: ast::Statement) -> Result<Update, SqlError> {
    let ast::Statement::Update(parsed) = parsed else {
        return Err(SqlError::unsupported("only UPDATE of a table is offered"));
    };
    let additions = [
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
    let wanted = match parsed.table.joins.is_empty() {
        true => None,
        false => qualifier(&parsed.assignments),
    };
    let (table, rows) = search::over(vec![parsed.table], wanted.as_deref(), "UPDATE")?;
    let parameters = Parameters::of(statement)?;
    let updates = assigned::of_update(parsed.assignments, &rows, &parameters)?;
    let rows = rows.by(parsed.selection, parsed.order_by, parsed.limit, "UPDATE")?;
    Ok(Update {
        table,
        updates,
        rows,
    })
}

/// The table that the first assignment names.
fn qualifier(assignments: &[ast::Assignment]) -> Option<String> {
    let AssignmentTarget::ColumnName(name) = &assignments.first()?.target else {
        return None;
    };
    match name.0.as_slice() {
        [.., qualifier, _] => qualifier.as_ident().map(expression::name),
        _ => None,
    }
}
