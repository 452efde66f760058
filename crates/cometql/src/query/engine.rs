//! Runs queries: a small pool of in-memory SQLite connections that know every
//! table and function, the limits a query is held to, and SQLite's complaints
//! as ours. Everything here blocks; callers run it where blocking is allowed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlparser::ast::{Query, Statement};
use sqlparser::parser::{Parser, ParserOptions};
use sqlparser::tokenizer::{Token, Tokenizer};

use super::catalogue::Catalogue;
use super::collation;
use super::context::SessionContext;
use super::functions::{self, value_text};
use super::information_schema::Sources;
use super::rewrite::{Rewritten, rewrite};
use super::running::{Running, Slot};
use super::show_select;
use super::table::LiveTable;
use super::vtab;
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

/// SQLite's error as ours. What a table or function refused goes before what
/// SQLite made of it.
pub(super) fn translated(error: &rusqlite::Error, running: &Running) -> SqlError {
    if let Some(failure) = running.failure() {
        return failure;
    }
    if let Err(stopped) = running.check() {
        return stopped;
    }
    let text = error.to_string();
    let contains = |part: &str| text.contains(part);
    let code = error.sqlite_error_code();
    let kind = if contains("no such column") || contains("ambiguous column name") {
        ErrorKind::UnknownColumn
    } else if code == Some(ErrorCode::TooBig)
        || contains("string or blob too big")
        || contains("too many SQL variables")
    {
        ErrorKind::TooManyValues
    } else if contains("malformed JSON")
        || contains("JSON")
        || contains("overflow")
        || contains("bad JSON path")
    {
        ErrorKind::InvalidValue
    } else if contains("out of range: more than") {
        ErrorKind::OutOfRange
    } else if contains("misuse of aggregate") {
        ErrorKind::MisplacedAggregate
    } else if contains("sub-select returns") || contains("row value misused") {
        ErrorKind::OperandColumns
    } else if contains("too many columns") {
        ErrorKind::TooManyColumns
    } else if contains("misuse of")
        || contains("too large")
        || contains("too many")
        || contains("row value")
        || contains("term out of range")
        || contains("wrong number of arguments")
        || contains("must have")
        || contains("aggregate")
        || contains("circular reference")
        || contains("HAVING clause on a non-aggregate")
        || contains("values for IN")
        || contains("at most")
        || contains("window")
        || contains("RANGE with offset")
        || contains("frame")
        || contains("recursive")
        || contains("second argument")
        || contains("parser stack")
        || contains("does not match any column")
    {
        ErrorKind::Unsupported
    } else {
        ErrorKind::Internal
    };
    if kind == ErrorKind::Internal {
        tracing::error!(error = %text, "query_failed");
    }
    SqlError::new(kind, format!("the query cannot be run: {text}"))
}

/// A connection and where its tables find the running statement.
struct Connected {
    connection: Connection,
    slot: Slot,
}

impl Connected {
    fn open(catalogue: &Catalogue, limits: &QueryLimits) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_MEMORY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_in_memory_with_flags(flags)?;
        let slot = Slot::default();
        // A quoted name that is no column must be an error, not a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        let bytes = i32::try_from(limits.max_bytes).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes)?;
        connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, bytes)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let watched = slot.clone();
        connection.progress_handler(
            OPERATIONS_BETWEEN_CHECKS,
            Some(move || {
                watched
                    .running()
                    .is_some_and(|running| running.check().is_err())
            }),
        )?;
        collation::register(&connection)?;
        functions::register(&connection, &slot)?;
        for table in catalogue.tables() {
            vtab::register(&connection, Arc::clone(table), slot.clone())?;
        }
        Ok(Self { connection, slot })
    }
}

/// How many of SQLite's operations run between two looks at the clock and at KILL.
const OPERATIONS_BETWEEN_CHECKS: i32 = 2000;

/// How often a query that waits for a connection looks whether it was killed.
const WAIT_STEP: Duration = Duration::from_millis(50);

/// Connections, opened when first needed and never more than allowed.
struct Pool {
    catalogue: Arc<Catalogue>,
    limits: QueryLimits,
    state: Mutex<PoolState>,
    returned: Condvar,
}

struct PoolState {
    idle: Vec<Connected>,
    open: usize,
}

impl Pool {
    fn new(catalogue: Arc<Catalogue>, limits: &QueryLimits) -> Result<Self, SqlError> {
        let first = Connected::open(&catalogue, limits).map_err(|error| could_not_open(&error))?;
        Ok(Self {
            catalogue,
            limits: limits.clone(),
            state: Mutex::new(PoolState {
                idle: vec![first],
                open: 1,
            }),
            returned: Condvar::new(),
        })
    }

    /// A connection, waiting for one if all are in use.
    fn lease(&self, running: &Running) -> Result<Lease<'_>, SqlError> {
        let mut state = self.state.lock();
        loop {
            running.check()?;
            if let Some(connected) = state.idle.pop() {
                return Ok(Lease {
                    pool: self,
                    connected: Some(connected),
                });
            }
            if state.open < self.limits.max_concurrent.max(1) {
                state.open += 1;
                drop(state);
                let mut lease = Lease {
                    pool: self,
                    connected: None,
                };
                let opened = Connected::open(&self.catalogue, &self.limits)
                    .map_err(|error| could_not_open(&error))?;
                lease.connected = Some(opened);
                return Ok(lease);
            }
            self.returned.wait_for(&mut state, WAIT_STEP);
        }
    }
}

/// The use of one connection; gives it back when dropped.
struct Lease<'a> {
    pool: &'a Pool,
    connected: Option<Connected>,
}

impl Lease<'_> {
    /// Uses the connection. If `action` panics, the connection is not used again.
    fn connected<T>(
        &mut self,
        action: impl FnOnce(&Connected) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let Some(connected) = self.connected.take() else {
            return Err(SqlError::internal("no connection to run the query on"));
        };
        let result = action(&connected);
        self.connected = Some(connected);
        result
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock();
        match self.connected.take() {
            Some(connected) => state.idle.push(connected),
            None => state.open = state.open.saturating_sub(1),
        }
        self.pool.returned.notify_one();
    }
}

fn could_not_open(error: &rusqlite::Error) -> SqlError {
    SqlError::internal(format!("the query engine could not start: {error}"))
}
