//! INSERT and REPLACE from the parser's tree. The plain shapes come by the fast
//! path instead; both ends meet in [`checked`].

use sqlparser::ast::{self, Expr, OnInsert, SetExpr, TableObject};

use super::expression::{self, Parameters};
use super::{
    Insert, InsertMode, InsertSelect, OnDuplicate, RowName, Statement, Value, assigned, select,
};
use crate::error::{ErrorKind, SqlError};
use crate::scan::{self, Limits};

/// The parser's INSERT as ours.
///
/// # Errors
/// `Unsupported` for expressions as values and whatever other databases add;
/// those of [`checked`].
pub(super) fn convert(
    statement: &str,
    parsed: ast::Statement,
    limits: &Limits,
) -> Result<Statement, SqlError> {
    let ast::Statement::Insert(mut parsed) = parsed else {
        return Err(SqlError::unsupported(
            "only INSERT … VALUES and INSERT … SELECT are offered",
        ));
    };
    let query = parsed.source.take_if(|source| is_select(&source.body));
    refuse_additions(&parsed)?;
    let TableObject::TableName(table) = &parsed.table else {
        return Err(SqlError::unsupported("INSERT into a function"));
    };
    let parameters = Parameters::of(statement)?;
    let mode = mode(&parsed, &parameters)?;
    let mut columns = Vec::with_capacity(parsed.columns.len());
    for column in &parsed.columns {
        columns.push(expression::last_name(column)?);
    }
    let mut rows = Vec::new();
    match &parsed.source {
        None if query.is_some() => {}
        None => {
            let mut row = Vec::with_capacity(parsed.assignments.len());
            for assignment in &parsed.assignments {
                columns.push(assigned::target(&assignment.target)?);
                row.push(insert_value(&assignment.value, &parameters)?);
            }
            if row.is_empty() {
                return Err(SqlError::syntax("expected VALUES after the table"));
            }
            rows.push(row);
        }
        Some(query) => {
            let parsed_rows = plain_values(query)?;
            let count = parsed_rows.iter().fold(0_usize, |count, row| {
                count.saturating_add(row.content.len())
            });
            within(count, limits)?;
            for parsed_row in parsed_rows {
                let mut row = Vec::with_capacity(parsed_row.content.len());
                for value in &parsed_row.content {
                    row.push(insert_value(value, &parameters)?);
                }
                rows.push(row);
            }
        }
    }
    let insert = Insert {
        table: expression::table_name(table)?,
        columns: (!columns.is_empty()).then_some(columns),
        rows,
        mode,
    };
    if let Some(query) = query {
        let insert = checked(insert, limits)?;
        let query = select::as_query(query)?;
        let rows = InsertSelect { insert, query };
        return Ok(Statement::InsertSelect(Box::new(rows)));
    }
    if insert.columns.is_none() && statement_has_empty_column_list(statement) {
        return Err(SqlError::syntax("expected the names of columns in ( )"));
    }
    checked(insert, limits).map(Statement::Insert)
}

/// Whether an INSERT's source is a query and not VALUES.
fn is_select(body: &SetExpr) -> bool {
    matches!(
        body,
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. }
    )
}

/// Holds an INSERT to what [`Insert`] promises.
///
/// # Errors
/// `DuplicateColumn`, `ColumnCount`, `TooManyColumns`, `TooManyValues`.
pub(crate) fn checked(insert: Insert, limits: &Limits) -> Result<Insert, SqlError> {
    if let Some(columns) = &insert.columns {
        if columns.len() > limits.max_columns {
            return Err(SqlError::new(
                ErrorKind::TooManyColumns,
                format!(
                    "an INSERT may name at most {} columns, this one names {}",
                    limits.max_columns,
                    columns.len()
                ),
            ));
        }
        expression::each_once(columns.iter().map(String::as_str))?;
    }
    if let InsertMode::Update(update) = &insert.mode
        && let (Some(row), Some(columns)) = (&update.row, &insert.columns)
        && !row.columns.is_empty()
        && row.columns.len() != columns.len()
    {
        return Err(SqlError::new(
            ErrorKind::ColumnCount,
            format!(
                "{} names for the {} columns of the row {}",
                row.columns.len(),
                columns.len(),
                row.name
            ),
        ));
    }
    within(insert.rows.iter().map(Vec::len).sum(), limits)?;
    let expected = match (&insert.columns, insert.rows.first()) {
        (Some(columns), _) => columns.len(),
        (None, Some(row)) => row.len(),
        (None, None) => 0,
    };
    for (index, row) in insert.rows.iter().enumerate() {
        if row.len() != expected {
            return Err(SqlError::new(
                ErrorKind::ColumnCount,
                format!(
                    "expected {expected} values, got {} in row {}",
                    row.len(),
                    index.saturating_add(1)
                ),
            ));
        }
    }
    Ok(insert)
}

fn within(values: usize, limits: &Limits) -> Result<(), SqlError> {
    if values <= limits.max_values {
        return Ok(());
    }
    Err(SqlError::new(
        ErrorKind::TooManyValues,
        format!(
            "an INSERT may have at most {} values, this one has {values}",
            limits.max_values
        ),
    ))
}

fn refuse_additions(parsed: &ast::Insert) -> Result<(), SqlError> {
    let ast::Insert {
        insert_token: _,
        optimizer_hints: _,
        or,
        table: _,
        table_alias,
        columns: _,
        ignore: _,
        into: _,
        overwrite,
        source: _,
        assignments: _,
        partitioned,
        after_columns,
        has_table_keyword,
        on: _,
        returning,
        output,
        replace_into: _,
        priority: _,
        insert_alias: _,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = parsed;
    let additions = [
        (or.is_some(), "INSERT OR"),
        (table_alias.is_some(), "an alias for the table of an INSERT"),
        (*overwrite, "INSERT OVERWRITE"),
        (partitioned.is_some(), "PARTITION"),
        (!after_columns.is_empty(), "a second list of columns"),
        (*has_table_keyword, "INSERT INTO TABLE"),
        (returning.is_some(), "RETURNING"),
        (output.is_some(), "OUTPUT"),
        (settings.is_some(), "SETTINGS"),
        (format_clause.is_some(), "FORMAT"),
        (
            multi_table_insert_type.is_some()
                || !multi_table_into_clauses.is_empty()
                || !multi_table_when_clauses.is_empty()
                || multi_table_else_clause.is_some(),
            "INSERT into several tables",
        ),
    ];
    match additions.iter().find(|(is_there, _)| *is_there) {
        Some((_, construct)) => Err(SqlError::unsupported(format!(
            "{construct} is not offered by this server"
        ))),
        None => Ok(()),
    }
}

fn mode(parsed: &ast::Insert, parameters: &Parameters) -> Result<InsertMode, SqlError> {
    match &parsed.on {
        Some(OnInsert::DuplicateKeyUpdate(assignments)) => {
            let row = parsed.insert_alias.as_ref().map(row_name).transpose()?;
            let updates = assigned::on_duplicate(assignments, row.as_ref(), parameters)?;
            Ok(InsertMode::Update(Box::new(OnDuplicate { updates, row })))
        }
        Some(_) => Err(SqlError::unsupported(
            "ON CONFLICT is not offered by this server; use ON DUPLICATE KEY UPDATE",
        )),
        None if parsed.replace_into => Ok(InsertMode::Replace),
        None if parsed.ignore => Ok(InsertMode::Ignore),
        None => Ok(InsertMode::Insert),
    }
}

/// `AS new` or `AS new (a, b)`.
fn row_name(alias: &ast::InsertAliases) -> Result<RowName, SqlError> {
    let columns = alias.col_aliases.iter().flatten();
    let columns: Vec<_> = columns.map(expression::name).collect();
    expression::each_once(columns.iter().map(String::as_str))?;
    Ok(RowName {
        name: expression::last_name(&alias.row_alias)?,
        columns,
    })
}

fn insert_value(value: &Expr, parameters: &Parameters) -> Result<Value<'static>, SqlError> {
    if let Expr::Identifier(word) = value
        && let Some(name) = expression::user_variable(word)
    {
        return Ok(Value::Variable(name.into()));
    }
    expression::value(value, parameters)?.ok_or_else(|| {
        let shown = scan::excerpt(&value.to_string(), 0);
        SqlError::unsupported(format!(
            "a value must be a literal, not the expression {shown}"
        ))
    })
}

fn plain_values(query: &ast::Query) -> Result<&[ast::Parens<Vec<Expr>>], SqlError> {
    let ast::Query {
        with: None,
        body,
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks,
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators,
    } = query
    else {
        return Err(SqlError::unsupported(
            "INSERT takes VALUES and nothing after them",
        ));
    };
    match &**body {
        SetExpr::Values(values) if locks.is_empty() && pipe_operators.is_empty() => {
            Ok(&values.rows)
        }
        _ => Err(SqlError::unsupported("INSERT takes VALUES or a SELECT")),
    }
}

/// `INSERT INTO t () VALUES ()`, in which the parser drops the empty list.
fn statement_has_empty_column_list(statement: &str) -> bool {
    let mut kinds = scan::Lexemes::new(statement)
        .filter_map(Result::ok)
        .filter(|lexeme| {
            !matches!(
                lexeme.kind,
                scan::LexemeKind::Blank | scan::LexemeKind::Comment | scan::LexemeKind::Hint
            )
        })
        .map(|lexeme| lexeme.kind)
        .skip_while(|kind| *kind != scan::LexemeKind::Symbol(b'('));
    kinds.next().is_some() && kinds.next() == Some(scan::LexemeKind::Symbol(b')'))
}
