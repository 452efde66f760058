//! SELECT from the parser's tree: recognising the look-up by key among all
//! queries. Everything else is handed on as it was parsed.

use sqlparser::ast::{self, Expr, GroupByExpr, LimitClause, SelectFlavor, SelectItem, SetExpr};

use super::expression::{self, Parameters};
use super::{KeyLookup, Limit, Select};
use crate::error::SqlError;
use crate::scan::Limits;

/// The parser's query as ours.
///
/// # Errors
/// `DuplicateColumn` when a look-up names a column twice, `TooManyConditions`
/// when it names more keys than `limits` allow.
pub(super) fn convert(
    statement: &str,
    query: Box<ast::Query>,
    limits: &Limits,
) -> Result<Select, SqlError> {
    let query = as_query(query)?;
    match lookup(statement, &query, limits)? {
        Some(lookup) => Ok(Select::Lookup(lookup)),
        None => Ok(Select::Query(query)),
    }
}

/// The parser's query, made ready for the query engine.
///
/// # Errors
/// `Unsupported` for a query that writes.
pub(super) fn as_query(mut query: Box<ast::Query>) -> Result<Box<ast::Query>, SqlError> {
    expression::empty_marked_lists(&mut query);
    refuse_writes(&query.body)?;
    Ok(query)
}

/// The parser takes `WITH … DELETE` and the like for queries.
fn refuse_writes(body: &SetExpr) -> Result<(), SqlError> {
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Err(SqlError::unsupported(
                "WITH before a statement that writes is not offered by this server",
            ))
        }
        _ => Ok(()),
    }
}

fn lookup(
    statement: &str,
    query: &ast::Query,
    limits: &Limits,
) -> Result<Option<KeyLookup>, SqlError> {
    let ast::Query {
        with: None,
        body,
        order_by: None,
        limit_clause,
        fetch: None,
        locks,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators,
    } = query
    else {
        return Ok(None);
    };
    let SetExpr::Select(select) = &**body else {
        return Ok(None);
    };
    if !locks.is_empty() || !pipe_operators.is_empty() {
        return Ok(None);
    }
    let ast::Select {
        select_token: _,
        optimizer_hints: _,
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: _,
        projection,
        exclude: None,
        into: None,
        from,
        lateral_views,
        prewhere: None,
        selection: Some(selection),
        connect_by,
        group_by: GroupByExpr::Expressions(group_by, group_by_modifiers),
        cluster_by,
        distribute_by,
        sort_by,
        having: None,
        named_window,
        qualify: None,
        window_before_qualify: _,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    } = &**select
    else {
        return Ok(None);
    };
    let is_plain = lateral_views.is_empty()
        && connect_by.is_empty()
        && group_by.is_empty()
        && group_by_modifiers.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && named_window.is_empty();
    let (true, Some(table), Some(columns), Ok(limit)) = (
        is_plain,
        expression::plain_table(from),
        columns(projection),
        limit_of(limit_clause.as_ref()),
    ) else {
        return Ok(None);
    };
    let parameters = Parameters::of(statement)?;
    let Some(condition) = expression::key_condition(selection, &parameters, limits)? else {
        return Ok(None);
    };
    if let Some(columns) = &columns {
        expression::each_once(columns.iter().map(String::as_str))?;
    }
    Ok(Some(KeyLookup {
        table: expression::table_name(table)?,
        columns,
        condition,
        limit,
    }))
}

/// The columns of a projection; the inner `None` is `*`, the outer one anything
/// that is not plain columns.
fn columns(projection: &[SelectItem]) -> Option<Option<Vec<String>>> {
    if let [SelectItem::Wildcard(options)] = projection {
        let is_plain = options.opt_ilike.is_none()
            && options.opt_exclude.is_none()
            && options.opt_except.is_none()
            && options.opt_replace.is_none()
            && options.opt_rename.is_none()
            && options.opt_alias.is_none();
        return is_plain.then_some(None);
    }
    let columns: Option<Vec<String>> = projection
        .iter()
        .map(|item| match item {
            // A system variable is a name to the parser.
            SelectItem::UnnamedExpr(expression) => {
                expression::column(expression).filter(|name| !name.starts_with('@'))
            }
            _ => None,
        })
        .collect();
    columns.map(Some)
}

/// What a LIMIT says in plain numbers; an error for anything else.
fn limit_of(clause: Option<&LimitClause>) -> Result<Option<Limit>, ()> {
    Ok(match clause {
        None => None,
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => Some(Limit {
            offset: number(offset).ok_or(())?,
            count: number(limit).ok_or(())?,
        }),
        Some(LimitClause::LimitOffset {
            limit: Some(limit),
            offset,
            limit_by,
        }) if limit_by.is_empty() => Some(Limit {
            offset: match offset {
                Some(offset) => number(&offset.value).ok_or(())?,
                None => 0,
            },
            count: number(limit).ok_or(())?,
        }),
        Some(_) => return Err(()),
    })
}

fn number(expression: &Expr) -> Option<u64> {
    match expression {
        Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}
