//! WITH RECURSIVE: a query that reads its own rows until it finds no more. Every
//! row it finds counts as one examined, so that it ends by that bound if it does
//! not end by itself.

use std::ops::ControlFlow;

use sqlparser::ast::{Cte, Query, SetExpr, visit_relations};

use super::from::rename;
use super::numbers::{common, computed};
use super::rewrite::{Output, Rewriter, object_name};
use super::scope::same;
use super::unions::{MAX_UNION, same_width, set_operator};
use crate::error::SqlError;

/// Whether `query` names `table` anywhere.
pub(super) fn refers_to(query: &Query, table: &str) -> bool {
    visit_relations(query, |name| match object_name(name).as_deref() {
        Ok([only]) if same(only, table) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

impl Rewriter<'_> {
    /// `name AS (first UNION [ALL] …)`, where later queries read from `name`.
    pub(super) fn recursive(&mut self, cte: &Cte) -> Result<Output, SqlError> {
        let query = &*cte.query;
        if query.with.is_some() || query.order_by.is_some() || query.fetch.is_some() {
            return Err(SqlError::unsupported(
                "a recursive query takes neither WITH nor ORDER BY of its own",
            ));
        }
        let (first, others, operator) = parts(&query.body)?;
        let (first, mut columns) = self.set_expression(first)?;
        rename(&mut columns, &cte.alias)?;
        for column in &mut columns {
            column.kind = computed(column.kind);
        }
        let name = cte.alias.name.value.clone();
        let mut sql = String::new();
        // What later queries make of a column decides its kind, and that what
        // they make of it: the second time it is settled.
        for _ in 0..2 {
            sql.clone_from(&first);
            let mut kinds: Vec<_> = columns.iter().map(|column| column.kind).collect();
            for other in &others {
                self.ctes.push((name.clone(), columns.clone()));
                self.counts_rows = true;
                let rendered = self.set_expression(other);
                self.counts_rows = false;
                self.ctes.pop();
                let (other, made) = rendered?;
                same_width(&columns, &made)?;
                for (kind, made) in kinds.iter_mut().zip(made) {
                    *kind = common([*kind, made.kind]);
                }
                sql.push_str(&format!(" {operator} {other}"));
            }
            for (column, kind) in columns.iter_mut().zip(kinds) {
                column.kind = kind;
            }
        }
        if let Some(limit) = &query.limit_clause {
            sql.push_str(&self.limit(limit)?);
        }
        Ok((sql, columns))
    }
}

/// The first query, those after it in order, and the operator between all.
fn parts(body: &SetExpr) -> Result<(&SetExpr, Vec<&SetExpr>, &'static str), SqlError> {
    let mut rest = body;
    let mut others = Vec::new();
    let mut operator = None;
    while let SetExpr::SetOperation {
        left,
        op,
        set_quantifier,
        right,
    } = rest
    {
        let between = set_operator(*op, *set_quantifier)?;
        if *operator.get_or_insert(between) != between || others.len() > MAX_UNION {
            return Err(SqlError::unsupported(
                "a recursive query takes UNION or UNION ALL, and one of them throughout",
            ));
        }
        others.push(&**right);
        rest = left;
    }
    others.reverse();
    match operator {
        Some(operator @ ("UNION" | "UNION ALL")) => Ok((rest, others, operator)),
        _ => Err(SqlError::unsupported(
            "a recursive query is a UNION of one that begins and one that goes on",
        )),
    }
}
