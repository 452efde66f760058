//! Assignments from the parser's tree: what stands on either side of `=` after
//! SET of an UPDATE and after ON DUPLICATE KEY UPDATE. What can be read without
//! computing anything is recognised here; the rest is kept as it was parsed.

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, AssignmentTarget, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Visit,
    Visitor, visit_expressions_mut,
};

use super::expression::{self, Parameters};
use super::{Computed, RowName, Search, Updated};
use crate::error::{ErrorKind, SqlError};

/// The assignments of an UPDATE of `rows`. Of joined tables all but texts are
/// computed, because names may mean columns of any of them.
///
/// # Errors
/// `Unsupported` for columns of a second table, `DuplicateColumn`, and those of
/// the values.
pub(super) fn of_update(
    assignments: Vec<ast::Assignment>,
    rows: &Search,
    parameters: &Parameters,
) -> Result<Vec<(String, Updated)>, SqlError> {
    let mut updates = Vec::with_capacity(assignments.len());
    for ast::Assignment { target, value } in assignments {
        let column = target_in(&target, &rows.name)?;
        let kept = match &value {
            Expr::CompoundIdentifier(parts) => {
                own_column(parts, |table| table.eq_ignore_ascii_case(&rows.name))
            }
            _ => None,
        };
        let updated = match (rows.is_join(), kept) {
            (true, _) => match expression::value(&value, parameters)? {
                Some(text @ super::Value::Text(_)) => Updated::Value(text),
                _ => computed(value, parameters)?,
            },
            (false, Some(kept)) => Updated::Kept(kept),
            (false, None) => updated(value, parameters)?,
        };
        updates.push((column, updated));
    }
    expression::each_once(updates.iter().map(|(column, _)| column.as_str()))?;
    Ok(updates)
}

/// The assignments after ON DUPLICATE KEY UPDATE; `row` is what the row that
/// would be inserted is called.
///
/// # Errors
/// As [`of_update`].
pub(super) fn on_duplicate(
    assignments: &[ast::Assignment],
    row: Option<&RowName>,
    parameters: &Parameters,
) -> Result<Vec<(String, Updated)>, SqlError> {
    // The names of its columns are looked up where the columns are known.
    let (row, renamed) = match row {
        Some(row) if row.columns.is_empty() => (Some(row), None),
        row => (None, row),
    };
    let mut updates = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let column = target(&assignment.target)?;
        let mut value = assignment.value.clone();
        name_inserted(&mut value);
        let inserted = match &value {
            Expr::CompoundIdentifier(parts) => own_column(parts, |qualifier| {
                qualifier == Computed::INSERTED
                    || row.is_some_and(|row| row.name.eq_ignore_ascii_case(qualifier))
            }),
            _ => None,
        };
        let updated = match (inserted, &value, renamed) {
            (Some(column), ..) => Updated::Inserted(column),
            (None, Expr::Identifier(_), Some(_)) => computed(value, parameters)?,
            _ => updated(value, parameters)?,
        };
        updates.push((column, updated));
    }
    expression::each_once(updates.iter().map(|(column, _)| column.as_str()))?;
    Ok(updates)
}

/// A column that an INSERT … SET or ON DUPLICATE KEY UPDATE sets.
///
/// # Errors
/// `Unsupported` for several at once.
pub(super) fn target(target: &AssignmentTarget) -> Result<String, SqlError> {
    match target {
        AssignmentTarget::ColumnName(name) => expression::last_name(name),
        AssignmentTarget::Tuple(_) => Err(SqlError::unsupported(
            "assigning to several columns at once is not offered by this server",
        )),
    }
}

/// [`target`], which must not be a column of another table than that called `name`.
fn target_in(assigned: &AssignmentTarget, name: &str) -> Result<String, SqlError> {
    if let AssignmentTarget::ColumnName(parts) = assigned
        && let [.., qualifier, _] = parts.0.as_slice()
        && let Some(qualifier) = qualifier.as_ident().map(expression::name)
        && !qualifier.eq_ignore_ascii_case(name)
    {
        return Err(SqlError::unsupported(format!(
            "UPDATE sets columns of one table; {name} is updated here, and not {qualifier}"
        )));
    }
    target(assigned)
}

fn own_column(parts: &[Ident], is_own: impl Fn(&str) -> bool) -> Option<String> {
    match parts {
        [qualifier, column] if is_own(&qualifier.value) => Some(expression::name(column)),
        _ => None,
    }
}

fn updated(value: Expr, parameters: &Parameters) -> Result<Updated, SqlError> {
    match &value {
        Expr::Identifier(name) if name.value.starts_with('@') => {}
        Expr::Identifier(name)
            if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default") =>
        {
            return Ok(Updated::Value(super::Value::Default));
        }
        Expr::Identifier(name) => return Ok(Updated::Kept(expression::name(name))),
        // Here a word such as CURRENT_TIMESTAMP is no text.
        Expr::Function(_) => {}
        other => {
            if let Some(value) = expression::value(other, parameters)? {
                return Ok(Updated::Value(value));
            }
        }
    }
    computed(value, parameters)
}

fn computed(mut value: Expr, parameters: &Parameters) -> Result<Updated, SqlError> {
    expression::empty_marked_lists(&mut value);
    if has_window(&value) {
        return Err(SqlError::new(
            ErrorKind::Unsupported,
            "a window function cannot be assigned; it may stand in a sub-query",
        ));
    }
    Ok(Updated::Expression(Computed {
        parameters: parameters.within(&value)?,
        expression: Box::new(value),
    }))
}

/// Makes each `VALUES(column)` a column of the row called [`Computed::INSERTED`].
fn name_inserted(value: &mut Expr) {
    let _ = visit_expressions_mut(value, |expression| {
        if let Some(column) = inserted_column(expression) {
            let parts = [Computed::INSERTED, &column].map(Ident::new);
            *expression = Expr::CompoundIdentifier(parts.to_vec());
        }
        ControlFlow::<()>::Continue(())
    });
}

fn inserted_column(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("values") => {
            match &function.args {
                FunctionArguments::List(arguments) => match arguments.args.as_slice() {
                    [
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(
                            parts,
                        ))),
                    ] => parts.last().map(expression::name),
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => {
                        expression::column(argument)
                    }
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an expression has a window function outside of a sub-query.
fn has_window(expression: &Expr) -> bool {
    struct Windows {
        queries: usize,
    }
    impl Visitor for Windows {
        type Break = ();
        fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
            self.queries += 1;
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
            self.queries = self.queries.saturating_sub(1);
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            match expression {
                Expr::Function(function) if function.over.is_some() && self.queries == 0 => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expression.visit(&mut Windows { queries: 0 }).is_break()
}
