//! Who asks for a change, and what answers the queries in it: the rows of an
//! INSERT … SELECT, and those that an UPDATE or a DELETE looks for.

use std::sync::Arc;

use sqlparser::ast::{Expr, Ident, LimitClause, OrderBy, OrderByKind, Query, SelectItem, SetExpr};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use crate::answer::{Cell, Parameter, ResultSet};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKind, TableColumn, Value as Field};
use crate::query::{Engine, QueryLimits};
use crate::scan::Limits;
use crate::statement::{Literal, Search, Updated, Value};

/// What a statement is planned with.
pub(crate) struct Asking<'a> {
    /// The parameters of the whole statement.
    pub(crate) parameters: &'a [Parameter],
    pub(crate) context: &'a SessionContext,
    pub(crate) engine: &'a Engine,
    pub(crate) limits: &'a Limits,
    pub(crate) query_limits: &'a QueryLimits,
}

impl Asking<'_> {
    /// All rows of a query. Waits for it.
    ///
    /// # Errors
    /// As [`Engine::select`].
    pub(super) fn select(
        &self,
        query: &Query,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        self.engine.select_all(query, parameters, self.context)
    }

    /// These columns of the table that is changed, and `more` behind them, of
    /// all rows of a search. Waits for it.
    ///
    /// # Errors
    /// As [`Engine::select`].
    pub(super) fn search(
        &self,
        search: &Search,
        columns: &[&str],
        more: Vec<SelectItem>,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        let parsed = Parser::new(&MySqlDialect {})
            .try_with_sql("SELECT 1")
            .and_then(|mut parser| parser.parse_query());
        let mut query = *parsed.map_err(|error| SqlError::internal(error.to_string()))?;
        if let SetExpr::Select(select) = query.body.as_mut() {
            let quoted = |name: &str| Ident::with_quote('`', name);
            let column = |name: &&str| {
                let parts = vec![quoted(&search.name), quoted(name)];
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts))
            };
            select.projection = columns.iter().map(column).chain(more).collect();
            select.from.clone_from(&search.from);
            select.selection.clone_from(&search.condition);
        }
        query.order_by = (!search.order_by.is_empty()).then(|| OrderBy {
            kind: OrderByKind::Expressions(search.order_by.clone()),
            interpolate: None,
        });
        query.limit_clause = search.limit.clone().map(|limit| LimitClause::LimitOffset {
            limit: Some(limit),
            offset: None,
            limit_by: Vec::new(),
        });
        self.select(&query, parameters)
    }

    /// The parameters that none of the assignments has.
    pub(super) fn parameters_beside(&self, updates: &[(String, Updated)]) -> Vec<Parameter> {
        let mut taken: Vec<usize> = Vec::new();
        for (_, updated) in updates {
            taken.extend(updated.parameters());
        }
        let others = self.parameters.iter().enumerate();
        others
            .filter(|(number, _)| !taken.contains(number))
            .map(|(_, parameter)| parameter.clone())
            .collect()
    }
}

/// A cell as a value that is read as it stands. A number with a fraction is
/// rounded where a column has whole ones, as MySQL does.
pub(super) fn value(cell: Cell, column: Option<&TableColumn>) -> Value<'static> {
    let Some(text) = cell else {
        return Value::Null;
    };
    let is_integer = column.is_some_and(|column| column.kind == ColumnKind::Integer);
    match is_integer.then(|| rounded(&text)).flatten() {
        Some(number) => Value::Number(number.to_string().into()),
        None => Value::Text(Literal::plain(text.to_string())),
    }
}

/// A number with a fraction as a whole one; `None` for what is none, or is whole.
fn rounded(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !text.contains(['.', 'e', 'E']) {
        return None;
    }
    let number = text.trim().parse::<f64>().ok()?.round();
    (number.abs() < EXACT).then_some(number as i64)
}

/// A cell as a table has it.
pub(super) fn field(cell: Cell, column: &TableColumn) -> Field {
    match (cell, column.kind) {
        (None, _) => Field::Null,
        (Some(text), ColumnKind::Integer) => match text.parse() {
            Ok(number) => Field::Integer(number),
            Err(_) => Field::Text(text),
        },
        (Some(text), _) => Field::Text(Arc::clone(&text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_rounded_where_numbers_are_whole() {
        let number = TableColumn::integer("n");
        let text = TableColumn::text("t", "text", 9);
        for (cell, rounded) in [
            ("2.5000", "3"),
            ("-2.5", "-3"),
            ("2.0000", "2"),
            ("1e2", "100"),
            ("7", "7"),
            ("1.e.2", "1.e.2"),
            ("1e300", "1e300"),
        ] {
            let read = |column| value(Some(cell.into()), Some(column));
            assert_eq!(read(&number).text(&[]).unwrap().unwrap(), rounded);
            assert_eq!(read(&text).text(&[]).unwrap().unwrap(), cell);
        }
    }
}
