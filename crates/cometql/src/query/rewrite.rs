//! A parsed MySQL query as a SQLite query: WITH, the clauses and LIMIT. FROM is in
//! the sibling `from`, the select list in `select_list`, expressions in
//! `expression`, UNION in `unions`. What is not written there is refused with its name.

use std::collections::HashMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, ObjectName, OrderBy, OrderByExpr, OrderByKind, Query,
    Select, SetExpr, Value, ValueWithSpan, Visit, Visitor, With,
};
use sqlparser::tokenizer::Location;

use super::calendar::Moment;
use super::catalogue::Catalogue;
use super::context::SessionContext;
use super::from::rename;
use super::recursive::refers_to;
use super::running::InOrder;
use super::scope::{Alias, Kind, OutputColumn, Phase, Scope, quoted};
use crate::answer::{Column, Parameter};
use crate::error::{ErrorKind, SqlError};
use crate::scan;

/// How deep queries and expressions may nest. Chains of one operator
/// (`a AND b AND …`) count once.
pub const MAX_DEPTH: usize = 64;

/// The most columns a query may have.
pub const MAX_COLUMNS: usize = 2000;

/// A query SQLite can run.
pub(super) struct Rewritten {
    pub(super) sql: String,
    pub(super) columns: Vec<Column>,
    /// What its columns are.
    pub(super) kinds: Vec<Kind>,
    pub(super) in_order: Option<InOrder>,
    /// Whether `sql_select_limit` does not hold, as for a query with a LIMIT.
    pub(super) ignores_select_limit: bool,
}

/// Rewrites `query`. Without `parameters` the columns are right, but the query
/// must not be run.
///
/// # Errors
/// `Unsupported`, `UnknownTable`, `UnknownColumn`, `UnknownVariable`,
/// `InvalidValue`, each with a sentence that names the construct.
pub(super) fn rewrite(
    query: &Query,
    parameters: Option<&[Parameter]>,
    catalogue: &Catalogue,
    context: &SessionContext,
) -> Result<Rewritten, SqlError> {
    let mut rewriter = Rewriter::new(query, parameters, catalogue, context);
    if let Some(parameters) = parameters
        && parameters.len() != rewriter.placeholders.len()
    {
        return Err(SqlError::invalid(format!(
            "the statement has {} parameters, {} values were given",
            rewriter.placeholders.len(),
            parameters.len()
        )));
    }
    let (sql, columns) = rewriter.query(query, true)?;
    Ok(Rewritten {
        sql,
        kinds: columns.iter().map(|column| column.kind).collect(),
        columns: columns
            .into_iter()
            .map(|column| column.definition)
            .collect(),
        in_order: rewriter.in_order,
        ignores_select_limit: query.limit_clause.is_some(),
    })
}

/// The number of each `?`, counted in the order of the statement's text, by
/// the address of its node: the rewriting visits them in another order, and so
/// does the parser's visitor. Queries of this crate's own have no positions;
/// their marks are where the visitor finds them in order.
fn placeholders(of: &impl Visit) -> HashMap<usize, usize> {
    struct Collector(Vec<(Location, usize)>);
    impl Visitor for Collector {
        type Break = ();
        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
            if matches!(&value.value, Value::Placeholder(mark) if mark == "?") {
                self.0.push((value.span.start, address(value)));
            }
            ControlFlow::Continue(())
        }
    }
    let mut collector = Collector(Vec::new());
    let _ = of.visit(&mut collector);
    collector.0.sort_by_key(|(location, _)| *location);
    let marks = collector.0.into_iter();
    marks
        .zip(1..)
        .map(|((_, mark), number)| (mark, number))
        .collect()
}

pub(super) fn address(value: &ValueWithSpan) -> usize {
    std::ptr::from_ref(value).addr()
}

pub(super) struct Rewriter<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) context: &'a SessionContext,
    pub(super) parameters: Option<&'a [Parameter]>,
    pub(super) placeholders: HashMap<usize, usize>,
    pub(super) now: Moment,
    pub(super) scopes: Vec<Scope>,
    pub(super) ctes: Vec<(String, Vec<OutputColumn>)>,
    depth: usize,
    pub(super) in_order: Option<InOrder>,
    /// The address of the operand that BINARY is said of, until it is reached.
    pub(super) exact_operand: Option<usize>,
    /// Whether the rows of the next SELECT count as examined: it feeds itself.
    pub(super) counts_rows: bool,
}

pub(super) type Output = (String, Vec<OutputColumn>);

impl<'a> Rewriter<'a> {
    /// For a query, or for an expression that stands alone.
    pub(super) fn new(
        of: &impl Visit,
        parameters: Option<&'a [Parameter]>,
        catalogue: &'a Catalogue,
        context: &'a SessionContext,
    ) -> Self {
        Self {
            catalogue,
            context,
            parameters,
            placeholders: placeholders(of),
            now: Moment::now(),
            scopes: Vec::new(),
            ctes: Vec::new(),
            depth: 0,
            in_order: None,
            exact_operand: None,
            counts_rows: false,
        }
    }
}

impl Rewriter<'_> {
    /// Runs `inner` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        if self.depth >= MAX_DEPTH {
            return Err(SqlError::unsupported(format!(
                "the query is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// A whole query, without parentheses.
    pub(super) fn query(&mut self, query: &Query, is_outermost: bool) -> Result<Output, SqlError> {
        self.nested(|this| {
            let visible = this.ctes.len();
            let result = this.query_with_names(query, is_outermost);
            this.ctes.truncate(visible);
            result
        })
    }

    fn query_with_names(&mut self, query: &Query, is_outermost: bool) -> Result<Output, SqlError> {
        if query.fetch.is_some() {
            return Err(SqlError::unsupported("FETCH is not offered; use LIMIT"));
        }
        if query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(SqlError::unsupported(
                "FOR, SETTINGS, FORMAT and |> are not offered in a SELECT",
            ));
        }
        let with = match &query.with {
            Some(with) => self.with(with)?,
            None => String::new(),
        };
        let (body, columns) = match &*query.body {
            SetExpr::Select(select) => {
                self.select(select, query.order_by.as_ref(), is_outermost)?
            }
            body => {
                let (body, columns) = self.set_expression(body)?;
                let order = self.order_of_union(query.order_by.as_ref(), &columns)?;
                (format!("{body}{order}"), columns)
            }
        };
        let limit = match &query.limit_clause {
            Some(limit) => self.limit(limit)?,
            None => String::new(),
        };
        Ok((format!("{with}{body}{limit}"), columns))
    }

    fn with(&mut self, with: &With) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        for cte in &with.cte_tables {
            let name = &cte.alias.name.value;
            let (sql, columns) = if with.recursive && refers_to(&cte.query, name) {
                self.recursive(cte)?
            } else {
                let (sql, mut columns) = self.query(&cte.query, false)?;
                rename(&mut columns, &cte.alias)?;
                (sql, columns)
            };
            let names: Vec<_> = columns
                .iter()
                .map(|column| quoted(&column.definition.name))
                .collect();
            parts.push(format!("{}({}) AS ({sql})", quoted(name), names.join(", ")));
            self.ctes.push((name.clone(), columns));
        }
        let recursive = if with.recursive { "RECURSIVE " } else { "" };
        Ok(format!("WITH {recursive}{} ", parts.join(", ")))
    }

    pub(super) fn set_expression(&mut self, body: &SetExpr) -> Result<Output, SqlError> {
        match body {
            SetExpr::Select(select) => self.select(select, None, false),
            SetExpr::Query(query) => {
                let (sql, columns) = self.query(query, false)?;
                Ok((format!("SELECT * FROM ({sql})"), columns))
            }
            SetExpr::SetOperation { .. } => self.union(body),
            SetExpr::Values(_) => Err(SqlError::unsupported("VALUES as a query is not offered")),
            _ => Err(SqlError::unsupported(
                "only SELECT can be combined and queried here",
            )),
        }
    }

    fn select(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
        is_outermost: bool,
    ) -> Result<Output, SqlError> {
        refuse_foreign_clauses(select)?;
        self.scopes.push(Scope::new());
        let result = self.select_in_scope(select, order_by, is_outermost);
        self.scopes.pop();
        result
    }

    fn select_in_scope(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
        is_outermost: bool,
    ) -> Result<Output, SqlError> {
        let counts_rows = std::mem::take(&mut self.counts_rows);
        let from = self.tables(&select.from)?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => {
                return Err(SqlError::unsupported("DISTINCT ON is not offered"));
            }
        };
        let (list, columns) = self.select_list(&select.projection)?;
        let mut sql = format!("SELECT {distinct}");
        for (index, (item, column)) in list.iter().zip(&columns).enumerate() {
            let name = quoted(&column.definition.name);
            let separator = if index > 0 { ", " } else { "" };
            sql.push_str(&match counts_rows && index == 0 {
                true => format!("m_counted({item}) AS {name}"),
                false => format!("{separator}{item} AS {name}"),
            });
        }
        sql.push_str(&from);
        if let Some(condition) = &select.selection {
            let condition = self.expression(condition)?.sql;
            sql.push_str(&format!(" WHERE {condition}"));
        }
        let aliases = columns
            .iter()
            .zip(list)
            .map(|(column, sql)| Alias {
                name: column.definition.name.clone(),
                kind: column.kind,
                sql,
            })
            .collect();
        self.with_scope(|scope| {
            scope.aliases = aliases;
            scope.phase = Phase::ColumnsThenAliases;
        });
        let grouped = self.group_by(&select.group_by)?;
        sql.push_str(&grouped);
        self.with_scope(|scope| scope.phase = Phase::AliasesThenColumns);
        if let Some(condition) = &select.having {
            let condition = self.expression(condition)?.sql;
            let is_grouped =
                !grouped.is_empty() || self.scopes.last().is_some_and(|scope| scope.has_aggregate);
            // SQLite has no HAVING without groups, but knows aliases in WHERE.
            let word = match (is_grouped, &select.selection) {
                (true, _) => "HAVING",
                (false, Some(_)) => "AND",
                (false, None) => "WHERE",
            };
            sql.push_str(&format!(" {word} {condition}"));
        }
        self.with_scope(|scope| scope.phase = Phase::Columns);
        sql.push_str(&self.named_windows(&select.named_window)?);
        self.with_scope(|scope| scope.phase = Phase::AliasesThenColumns);
        if let Some(order_by) = order_by {
            let order = self.order_by(order_by)?;
            sql.push_str(&order);
        }
        let keeps_key_order = is_outermost
            && order_by.is_none()
            && grouped.is_empty()
            && distinct.is_empty()
            && select.having.is_none();
        if keeps_key_order && let Some(condition) = &select.selection {
            self.remember_in_order(condition);
        }
        Ok((sql, columns))
    }

    pub(super) fn with_scope(&mut self, change: impl FnOnce(&mut Scope)) {
        if let Some(scope) = self.scopes.last_mut() {
            change(scope);
        }
    }

    fn group_by(&mut self, group_by: &GroupByExpr) -> Result<String, SqlError> {
        let GroupByExpr::Expressions(expressions, modifiers) = group_by else {
            return Err(SqlError::unsupported("GROUP BY ALL is not offered"));
        };
        if !modifiers.is_empty() {
            return Err(SqlError::unsupported(
                "GROUP BY … WITH ROLLUP is not offered",
            ));
        }
        if expressions.is_empty() {
            return Ok(String::new());
        }
        let mut parts = Vec::new();
        for expression in expressions {
            parts.push(self.expression(expression)?.compared());
        }
        Ok(format!(" GROUP BY {}", parts.join(", ")))
    }

    fn order_by(&mut self, order_by: &OrderBy) -> Result<String, SqlError> {
        let OrderByKind::Expressions(expressions) = &order_by.kind else {
            return Err(SqlError::unsupported("ORDER BY ALL is not offered"));
        };
        Ok(format!(" ORDER BY {}", self.order_list(expressions)?))
    }

    /// The list of an ORDER BY. NULL sorts first, as in MySQL and SQLite.
    pub(super) fn order_list(&mut self, expressions: &[OrderByExpr]) -> Result<String, SqlError> {
        let mut parts = Vec::new();
        for item in expressions {
            if item.with_fill.is_some() || item.options.nulls_first.is_some() {
                return Err(SqlError::unsupported(
                    "ORDER BY takes ASC and DESC, nothing else",
                ));
            }
            let sql = match self.quoted_word_as_column(&item.expr) {
                Some((_, rendered)) => rendered.sql,
                None => self.expression(&item.expr)?.compared(),
            };
            parts.push(format!("{sql}{}", direction(item)?));
        }
        Ok(parts.join(", "))
    }

    pub(super) fn limit(&mut self, limit: &LimitClause) -> Result<String, SqlError> {
        let (limit, offset) = match limit {
            LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            } => {
                if !limit_by.is_empty() {
                    return Err(SqlError::unsupported("LIMIT … BY is not offered"));
                }
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
        };
        let limit = match limit {
            Some(limit) => self.row_count(limit)?,
            None => i64::MAX,
        };
        Ok(match offset {
            Some(offset) => format!(" LIMIT {limit} OFFSET {}", self.row_count(offset)?),
            None => format!(" LIMIT {limit}"),
        })
    }

    fn row_count(&self, expression: &Expr) -> Result<i64, SqlError> {
        let refused = || {
            let shown = scan::excerpt(&expression.to_string(), 0);
            SqlError::syntax(format!("LIMIT takes whole numbers, got {shown}"))
        };
        let Expr::Value(value) = expression else {
            return Err(refused());
        };
        let text = match &value.value {
            Value::Number(digits, _) => digits.clone(),
            Value::SingleQuotedString(digits) | Value::DoubleQuotedString(digits) => digits.clone(),
            Value::Placeholder(_) => match self.parameter(value)? {
                None => return Ok(0),
                Some(Parameter::Integer(integer)) => integer.to_string(),
                Some(Parameter::Unsigned(integer)) => integer.to_string(),
                Some(Parameter::Text(digits)) => digits.clone(),
                Some(Parameter::Null | Parameter::Real(_)) => return Err(refused()),
            },
            _ => return Err(refused()),
        };
        let count: u64 = text.trim().parse().map_err(|_| refused())?;
        Ok(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

fn refuse_foreign_clauses(select: &Select) -> Result<(), SqlError> {
    let refused = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT … INTO"),
        (select.exclude.is_some(), "EXCLUDE"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS STRUCT"),
    ];
    match refused.iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(SqlError::unsupported(format!("{name} is not offered"))),
        None => Ok(()),
    }
}

pub(super) fn direction(item: &OrderByExpr) -> Result<&'static str, SqlError> {
    use sqlparser::ast::OrderBySort;
    match &item.options.sort {
        None => Ok(""),
        Some(OrderBySort::Asc) => Ok(" ASC"),
        Some(OrderBySort::Desc) => Ok(" DESC"),
        Some(_) => Err(SqlError::unsupported("ORDER BY … USING is not offered")),
    }
}

/// The parts of a dotted name.
pub(super) fn object_name(name: &ObjectName) -> Result<Vec<&str>, SqlError> {
    name.0
        .iter()
        .map(|part| {
            part.as_ident()
                .map(|ident| ident.value.as_str())
                .ok_or_else(|| SqlError::syntax(format!("{name} is not a name")))
        })
        .collect()
}

pub(super) fn unknown_column(name: &str, place: &str) -> SqlError {
    SqlError::new(
        ErrorKind::UnknownColumn,
        format!("Unknown column '{name}' in '{place}'"),
    )
}
