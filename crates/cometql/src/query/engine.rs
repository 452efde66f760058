//! Runs queries on the connections of the sibling `pool`, and holds them to their
//! limits. Everything here blocks; callers run it where blocking is allowed.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ToSqlOutput;
use sqlparser::ast::{Query, Statement};
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer};

use super::catalogue::Catalogue;
use super::complaints::translated;
use super::context::SessionContext;
use super::functions::value_text;
use super::information_schema::Sources;
use super::pool::Pool;
use super::rewrite::{Rewritten, rewrite};
use super::running::Running;
use super::scope::Kind;
use super::show_select;
use super::table::LiveTable;
use super::user_variables::UserValue;
use crate::answer::{Cell, Column, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::show::Show;
use crate::statement::House;

/// What one query may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryLimits {
    /// The most rows of a result.
    pub max_rows: usize,
    /// The most bytes of a result, and of one value while computing.
    pub max_bytes: usize,
    /// The longest a query may run, waiting for a connection included.
    pub max_time: Duration,
    /// The most rows of tables a query may look at.
    pub max_scanned_rows: usize,
    /// The most queries that run at once; others wait.
    pub max_concurrent: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            max_bytes: 64 * 1024 * 1024,
            max_time: Duration::from_secs(30),
            max_scanned_rows: 2_000_000,
            max_concurrent: 4,
        }
    }
}

/// Answers SELECT and SHOW over a catalogue of live tables.
pub struct Engine {
    catalogue: Arc<Catalogue>,
    limits: QueryLimits,
    pool: Pool,
}

impl Engine {
    /// An engine over `tables` and the tables that describe them.
    ///
    /// # Errors
    /// `Internal` when SQLite refuses a table or a function.
    pub fn new(
        tables: Vec<Arc<dyn LiveTable>>,
        sources: Sources,
        limits: QueryLimits,
    ) -> Result<Self, SqlError> {
        let catalogue = Arc::new(Catalogue::new(tables, sources));
        let pool = Pool::new(Arc::clone(&catalogue), &limits)?;
        Ok(Self {
            catalogue,
            limits,
            pool,
        })
    }

    /// Runs `query`, whose string literals hold their raw text between the quotes.
    /// Blocks up to [`QueryLimits::max_time`].
    ///
    /// # Errors
    /// `Unsupported` for a construct that is not offered, `UnknownTable`,
    /// `UnknownColumn`, `UnknownVariable`, `InvalidValue`; `Timeout`,
    /// `Interrupted`; `TooManyValues` past a limit.
    pub fn select(
        &self,
        query: &Query,
        parameters: &[Parameter],
        context: &SessionContext,
    ) -> Result<ResultSet, SqlError> {
        let rewritten = rewrite(query, Some(parameters), &self.catalogue, context)?;
        self.run(rewritten, parameters, context)
    }

    /// [`Engine::select`] for a statement that uses the rows itself: it gets all
    /// of them, whatever `sql_select_limit` says.
    ///
    /// # Errors
    /// As [`Engine::select`].
    pub fn select_all(
        &self,
        query: &Query,
        parameters: &[Parameter],
        context: &SessionContext,
    ) -> Result<ResultSet, SqlError> {
        let mut rewritten = rewrite(query, Some(parameters), &self.catalogue, context)?;
        rewritten.ignores_select_limit = true;
        self.run(rewritten, parameters, context)
    }

    /// What the only column of the first row of `query` is, with its kind.
    ///
    /// # Errors
    /// As [`Engine::select`].
    pub fn value(&self, query: &Query, context: &SessionContext) -> Result<UserValue, SqlError> {
        let rewritten = rewrite(query, Some(&[]), &self.catalogue, context)?;
        let kind = rewritten.kinds.first().copied().unwrap_or(Kind::Null);
        let found = self.run(rewritten, &[], context)?;
        let cell = found
            .rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next());
        Ok(UserValue::of(cell.flatten(), kind))
    }

    /// Answers SHOW, DESCRIBE and EXPLAIN of a table.
    ///
    /// # Errors
    /// As [`Engine::select`], and `UnknownDatabase`.
    pub fn show(&self, show: &Show, context: &SessionContext) -> Result<ResultSet, SqlError> {
        let select = show_select::select(show, &self.catalogue, context)?;
        let query = parse(&select.text)?;
        self.select(&query, &select.parameters, context)
    }

    /// The columns `query` will have, without running it.
    ///
    /// # Errors
    /// As [`Engine::select`], before running.
    pub fn columns(
        &self,
        query: &Query,
        context: &SessionContext,
    ) -> Result<Vec<Column>, SqlError> {
        Ok(rewrite(query, None, &self.catalogue, context)?.columns)
    }

    /// The columns of [`Engine::show`], without running it.
    ///
    /// # Errors
    /// As [`Engine::show`], before running.
    pub fn show_columns(
        &self,
        show: &Show,
        context: &SessionContext,
    ) -> Result<Vec<Column>, SqlError> {
        let select = show_select::select(show, &self.catalogue, context)?;
        self.columns(&*parse(&select.text)?, context)
    }

    /// The column definitions of `table` (COM_FIELD_LIST); a name may be qualified.
    ///
    /// # Errors
    /// `UnknownTable`, `UnknownDatabase`.
    pub fn table_columns(&self, table: &str) -> Result<Vec<Column>, SqlError> {
        let (database, name) = match table.split_once('.') {
            Some((database, name)) => (Some(database), name),
            None => (None, table),
        };
        let table = self.catalogue.find(database, name)?;
        let columns = table.columns().iter();
        Ok(columns
            .map(|column| column.definition(table.name()))
            .collect())
    }

    fn run(
        &self,
        rewritten: Rewritten,
        parameters: &[Parameter],
        context: &SessionContext,
    ) -> Result<ResultSet, SqlError> {
        let running = Arc::new(Running::new(
            context.clone(),
            rewritten.in_order,
            self.limits.max_time,
            self.limits.max_scanned_rows,
        ));
        let select_limit = if rewritten.ignores_select_limit {
            usize::MAX
        } else {
            sql_select_limit(context)
        };
        let result = self.connected(&running, |connection| {
            let sql = &rewritten.sql;
            self.read(connection, sql, parameters, &running, select_limit)
        });
        let rows = result?;
        Ok(ResultSet {
            columns: rewritten.columns,
            rows,
        })
    }

    /// Runs `work` as one statement on a connection, waiting for one if all are in use.
    pub(super) fn connected<T>(
        &self,
        running: &Arc<Running>,
        work: impl FnOnce(&Connection) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut lease = self.pool.lease(running)?;
        lease.connected(|connected| {
            connected.slot.begin(Arc::clone(running));
            let result = work(&connected.connection);
            connected.slot.end();
            result
        })
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn limits(&self) -> &QueryLimits {
        &self.limits
    }

    fn read(
        &self,
        connection: &Connection,
        sql: &str,
        parameters: &[Parameter],
        running: &Running,
        select_limit: usize,
    ) -> Result<Vec<Vec<Cell>>, SqlError> {
        let translate = |error: rusqlite::Error| translated(&error, running);
        let mut statement = connection.prepare(sql).map_err(translate)?;
        let width = statement.column_count();
        // A number in LIMIT is written out, so the last may not be SQLite's.
        let bound = parameters
            .iter()
            .take(statement.parameter_count())
            .map(bind);
        let mut found = statement
            .query(rusqlite::params_from_iter(bound))
            .map_err(translate)?;
        let mut rows = Vec::new();
        let mut bytes = 0_usize;
        while rows.len() < select_limit
            && let Some(row) = found.next().map_err(translate)?
        {
            if rows.len() >= self.limits.max_rows {
                return Err(SqlError::new(
                    ErrorKind::TooManyValues,
                    format!(
                        "the result has more than {} rows; add a LIMIT",
                        self.limits.max_rows
                    ),
                ));
            }
            let mut cells = Vec::with_capacity(width);
            for index in 0..width {
                let value = row.get_ref(index).map_err(translate)?;
                let cell: Cell = value_text(value).map(Arc::from);
                bytes = bytes
                    .saturating_add(size_of::<Cell>())
                    .saturating_add(cell.as_deref().map_or(0, str::len));
                cells.push(cell);
            }
            if bytes > self.limits.max_bytes {
                return Err(SqlError::new(
                    ErrorKind::TooManyValues,
                    format!(
                        "the result is larger than {} bytes; add a LIMIT",
                        self.limits.max_bytes
                    ),
                ));
            }
            rows.push(cells);
        }
        Ok(rows)
    }
}

/// One of this crate's own queries, with the condition a SHOW brought.
pub(super) fn parse(text: &str) -> Result<Box<Query>, SqlError> {
    let complaint = |error: &dyn std::fmt::Display| SqlError::syntax(error.to_string());
    let dialect = House;
    let tokens = Tokenizer::new(&dialect, text)
        .with_unescape(false)
        .tokenize()
        .map_err(|error| complaint(&error))?
        .into_iter()
        .map(|token| match token {
            // The parser binds || tighter than AND.
            Token::StringConcat => Token::make_word("OR", None),
            other => other,
        })
        .collect();
    let statement = Parser::new(&dialect)
        .with_options(ParserOptions::new().with_unescape(false))
        .with_tokens(tokens)
        .parse_statements()
        .map_err(|error| complaint(&error))?
        .pop();
    match statement {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(SqlError::syntax("the condition is not one expression")),
    }
}

/// `SET SQL_SELECT_LIMIT = n`, as graphical clients send it.
/// The most rows of a SELECT without a LIMIT, if the session has set that.
pub(crate) fn sql_select_limit(context: &SessionContext) -> usize {
    match context.variables.get("sql_select_limit") {
        Ok(Some(limit)) => limit.trim().parse().unwrap_or(usize::MAX),
        _ => usize::MAX,
    }
}

pub(super) fn bind(parameter: &Parameter) -> ToSqlOutput<'_> {
    use rusqlite::types::{Value, ValueRef};
    match parameter {
        Parameter::Null => ToSqlOutput::Owned(Value::Null),
        Parameter::Integer(integer) => ToSqlOutput::Owned(Value::Integer(*integer)),
        Parameter::Unsigned(integer) => ToSqlOutput::Owned(match i64::try_from(*integer) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Text(integer.to_string()),
        }),
        Parameter::Real(real) => ToSqlOutput::Owned(Value::Real(*real)),
        Parameter::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}
