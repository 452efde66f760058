//! UNION, EXCEPT and INTERSECT: queries one after the other, whose columns become
//! of one kind as MySQL has it, and the ORDER BY behind them.

use sqlparser::ast::{Expr, OrderBy, OrderByKind, SetExpr, SetOperator, SetQuantifier, Value};

use super::expression::Rendered;
use super::numbers::{common, is_made_one_of};
use super::rewrite::{Output, Rewriter, direction, unknown_column};
use super::scope::{Kind, OutputColumn, quoted, same};
use crate::error::{ErrorKind, SqlError};

/// The most queries one UNION may join.
pub const MAX_UNION: usize = 200;

impl Rewriter<'_> {
    /// `a UNION b UNION c` leans to the left and may be long: walked, not recursed.
    pub(super) fn union(&mut self, body: &SetExpr) -> Result<Output, SqlError> {
        let mut rest = body;
        let mut operands = Vec::new();
        while let SetExpr::SetOperation {
            left,
            op,
            set_quantifier,
            right,
        } = rest
        {
            operands.push((set_operator(*op, *set_quantifier)?, right));
            rest = left;
            if operands.len() > MAX_UNION {
                return Err(SqlError::unsupported(format!(
                    "a UNION may have at most {MAX_UNION} queries"
                )));
            }
        }
        let (first, mut columns) = self.set_expression(rest)?;
        let mut queries = vec![("", first, kinds_of(&columns))];
        for (operator, right) in operands.into_iter().rev() {
            let (operand, made) = self.nested(|this| match &**right {
                SetExpr::SetOperation { .. } => {
                    let (sql, columns) = this.union(right)?;
                    Ok((format!("SELECT * FROM ({sql})"), columns))
                }
                other => this.set_expression(other),
            })?;
            same_width(&columns, &made)?;
            queries.push((operator, operand, kinds_of(&made)));
        }
        unify(&mut columns, queries.iter().map(|(_, _, kinds)| kinds));
        let queries = queries
            .into_iter()
            .map(|(operator, sql, kinds)| (operator, converted(sql, &kinds, &columns)));
        Ok((combined(queries), columns))
    }

    pub(super) fn order_of_union(
        &mut self,
        order_by: Option<&OrderBy>,
        columns: &[OutputColumn],
    ) -> Result<String, SqlError> {
        let Some(order_by) = order_by else {
            return Ok(String::new());
        };
        let OrderByKind::Expressions(expressions) = &order_by.kind else {
            return Err(SqlError::unsupported("ORDER BY ALL is not offered"));
        };
        let mut parts = Vec::new();
        for item in expressions {
            let sql = match &item.expr {
                Expr::Identifier(name) => columns
                    .iter()
                    .find(|column| same(&column.definition.name, &name.value))
                    .map(|column| quoted(&column.definition.name))
                    .ok_or_else(|| unknown_column(&name.value, "order clause"))?,
                Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                    self.expression(&item.expr)?.sql
                }
                _ => {
                    return Err(SqlError::unsupported(
                        "after a UNION, ORDER BY takes column names and numbers",
                    ));
                }
            };
            parts.push(format!("{sql}{}", direction(item)?));
        }
        Ok(format!(" ORDER BY {}", parts.join(", ")))
    }
}

/// Refuses queries that do not fit side by side.
pub(super) fn same_width(columns: &[OutputColumn], made: &[OutputColumn]) -> Result<(), SqlError> {
    if made.len() == columns.len() {
        return Ok(());
    }
    Err(SqlError::new(
        ErrorKind::UnionColumns,
        format!(
            "the queries of a UNION have different numbers of columns: {} and {}",
            columns.len(),
            made.len()
        ),
    ))
}

fn kinds_of(columns: &[OutputColumn]) -> Vec<Kind> {
    columns.iter().map(|column| column.kind).collect()
}

/// Gives each column the kind that all queries' columns in its place have in common.
fn unify<'a>(columns: &mut [OutputColumn], made: impl Iterator<Item = &'a Vec<Kind>> + Clone) {
    for (index, column) in columns.iter_mut().enumerate() {
        let own = column.kind;
        let mut kinds = made.clone().filter_map(|kinds| kinds.get(index).copied());
        // A column of a table stays one where all are: it knows how it compares.
        if kinds.clone().any(|kind| kind != own) {
            column.kind = common(kinds.by_ref());
        }
    }
}

/// `sql`, whose columns are of `kinds`, with columns of the kinds of `wanted`.
fn converted(sql: String, kinds: &[Kind], wanted: &[OutputColumn]) -> String {
    let pairs = || kinds.iter().zip(wanted).enumerate();
    if pairs().all(|(_, (own, column))| !is_made_one_of(*own, column.kind)) {
        return sql;
    }
    // The columns are numbered, for they may share a name.
    let names: Vec<_> = pairs().map(|(index, _)| format!("\"{index}\"")).collect();
    let items: Vec<_> = pairs()
        .map(|(index, (own, column))| {
            let value = Rendered::of(format!("\"{index}\""), *own).become_one_of(column.kind);
            let name = quoted(&column.definition.name);
            format!("{} AS {name}", value.compared())
        })
        .collect();
    format!(
        "SELECT * FROM (WITH m_union({}) AS ({sql}) SELECT {} FROM m_union)",
        names.join(", "),
        items.join(", ")
    )
}

/// The queries with their operators between them. SQLite's own UNION keeps the
/// last of equal rows, MySQL the first.
fn combined(queries: impl Iterator<Item = (&'static str, String)>) -> String {
    let first_of_equals = |sql: String| format!("SELECT DISTINCT * FROM ({sql})");
    let mut whole = String::new();
    let mut is_distinct = false;
    for (operator, sql) in queries {
        if is_distinct && operator != "UNION" {
            whole = first_of_equals(whole);
            is_distinct = false;
        }
        match operator {
            "" => whole = sql,
            "UNION" => {
                is_distinct = true;
                whole.push_str(&format!(" UNION ALL {sql}"));
            }
            _ => whole.push_str(&format!(" {operator} {sql}")),
        }
    }
    match is_distinct {
        true => first_of_equals(whole),
        false => whole,
    }
}

pub(super) fn set_operator(
    operator: SetOperator,
    quantifier: SetQuantifier,
) -> Result<&'static str, SqlError> {
    let all = match quantifier {
        SetQuantifier::All => true,
        SetQuantifier::Distinct | SetQuantifier::None => false,
        _ => return Err(SqlError::unsupported("UNION BY NAME is not offered")),
    };
    match (operator, all) {
        (SetOperator::Union, true) => Ok("UNION ALL"),
        (SetOperator::Union, false) => Ok("UNION"),
        (SetOperator::Except | SetOperator::Minus, false) => Ok("EXCEPT"),
        (SetOperator::Intersect, false) => Ok("INTERSECT"),
        (_, true) => Err(SqlError::unsupported("only UNION can have ALL")),
    }
}
