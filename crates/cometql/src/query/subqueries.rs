//! Sub-queries in expressions: as a value, in IN and EXISTS, after ANY and ALL.

use sqlparser::ast::{BinaryOperator, Expr, LimitClause, Query, SetExpr, Value};

use super::expression::{Rendered, Result};
use super::numbers::{computed, exactly};
use super::pattern::Case;
use super::rewrite::Rewriter;
use super::scope::{Kind, OutputColumn, quoted};
use super::table::ColumnKind;
use crate::error::{ErrorKind, SqlError};

impl Rewriter<'_> {
    pub(super) fn subquery(&mut self, expression: &Expr) -> Result<Rendered> {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expression {
            Expr::Subquery(query) => {
                let (sql, columns) = self.query(query, false)?;
                Ok(value_of(&sql, &columns, has_one_row(query)))
            }
            Expr::Exists { subquery, negated } => {
                let (sql, _) = self.query(subquery, false)?;
                Ok(Rendered::number(format!(
                    "({}EXISTS ({sql}))",
                    not(*negated)
                )))
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let left = self.expression(expr)?;
                let (sql, columns) = self.query(subquery, false)?;
                let (left, sql) = match columns.as_slice() {
                    [column] => within(left, &sql, column),
                    _ => (left.compared(), sql),
                };
                Ok(Rendered::number(format!(
                    "({left} {}IN ({sql}))",
                    not(*negated)
                )))
            }
            _ => Err(SqlError::internal("not a sub-query")),
        }
    }

    /// `= ANY (…)` and `<> ALL (…)` are IN and NOT IN; of the others the
    /// answers of all rows are counted: one decides, an unknown one leaves it open.
    pub(super) fn quantified(&mut self, expression: &Expr) -> Result<Rendered> {
        let (left, operator, right, is_any) = match expression {
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => (left, compare_op, right, true),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => (left, compare_op, right, false),
            _ => return Err(SqlError::internal("neither ANY nor ALL")),
        };
        let Expr::Subquery(query) = &**right else {
            return Err(SqlError::unsupported("ANY and ALL take a sub-query"));
        };
        let left = self.expression(left)?;
        let (sql, columns) = self.query(query, false)?;
        let [column] = columns.as_slice() else {
            return Err(SqlError::new(
                ErrorKind::OperandColumns,
                "Operand should contain 1 column(s)",
            ));
        };
        let word = match (operator, is_any) {
            (BinaryOperator::Eq, true) => Some("IN"),
            (BinaryOperator::NotEq, false) => Some("NOT IN"),
            _ => None,
        };
        if let Some(word) = word {
            let (left, sql) = within(left, &sql, column);
            return Ok(Rendered::number(format!("({left} {word} ({sql}))")));
        }
        let value = Rendered::of(quoted(&column.definition.name), column.kind);
        let test = self.compare(left, operator, value)?;
        let (decides, otherwise) = if is_any { (1, 0) } else { (0, 1) };
        Ok(Rendered::number(format!(
            "(SELECT CASE WHEN sum(({test} IS NOT NULL) AND {test} = {decides}) > 0 THEN {decides} \
             WHEN sum({test} IS NULL) > 0 THEN NULL ELSE {otherwise} END FROM ({sql}))"
        )))
    }
}

/// The left side of IN and the sub-query on its right. The column on the
/// right, if it is one, says how they compare; exact numbers do by their size.
fn within(left: Rendered, query: &str, column: &OutputColumn) -> (String, String) {
    let value = Rendered::of(quoted(&column.definition.name), column.kind);
    if let Some((left, value)) = exactly(&left, &value, true) {
        return (left, format!("SELECT {value} FROM ({query})"));
    }
    let left = match column.kind {
        Kind::Column(_) | Kind::Collated(_) => left.sql,
        _ => left.compared(),
    };
    (left, query.to_owned())
}

/// A sub-query as a value, or as a row of values. SQLite would take the first of
/// several rows; here they are an error, unless there can be only one.
fn value_of(sql: &str, columns: &[OutputColumn], has_one_row: bool) -> Rendered {
    let [only] = columns else {
        return row_of(sql, columns.len());
    };
    if has_one_row {
        return Rendered::of(format!("({sql})"), only.kind);
    }
    let name = quoted(&only.definition.name);
    let sql = format!("(SELECT m_only({name}) FROM ({sql}))");
    // What a function makes has no collation of its own any more.
    let kind = match only.kind {
        Kind::Column(ColumnKind::Text) => Kind::Collated(Case::Exact),
        Kind::Collated(Case::Any) => Kind::Text,
        kind => computed(kind),
    };
    Rendered::of(sql, kind)
}

/// A sub-query of several columns. Its columns are numbered, for they may share a name.
fn row_of(sql: &str, width: usize) -> Rendered {
    let numbered = |each: fn(usize) -> String| {
        let items: Vec<_> = (0..width).map(each).collect();
        items.join(", ")
    };
    let named = numbered(|index| format!("NULL AS \"{index}\""));
    let checked = numbered(|index| format!("m_only(\"{index}\")"));
    let rows = format!("SELECT {named} WHERE 0 UNION ALL SELECT * FROM ({sql})");
    Rendered::other(format!("(SELECT {checked} FROM ({rows}))"))
}

/// Whether a query cannot have a second row, as far as its text says so.
fn has_one_row(query: &Query) -> bool {
    let limit = match &query.limit_clause {
        Some(
            LimitClause::LimitOffset {
                limit: Some(limit), ..
            }
            | LimitClause::OffsetCommaLimit { limit, .. },
        ) => Some(limit),
        _ => None,
    };
    let is_limited = matches!(limit, Some(Expr::Value(value))
        if matches!(&value.value, Value::Number(digits, _) if digits == "1"));
    let has_no_table = matches!(&*query.body, SetExpr::Select(select) if select.from.is_empty());
    is_limited || has_no_table
}
