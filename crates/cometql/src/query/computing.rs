//! Expressions over rows that stand in no table: what an UPDATE or ON DUPLICATE
//! KEY UPDATE sets a column to. Prepared once and computed row by row, so that
//! each sees what the ones before it have set. Which columns are set, and what
//! becomes of a value, is not known here.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement};
use sqlparser::ast::Expr;

use super::complaints::translated;
use super::context::SessionContext;
use super::engine::{Engine, bind};
use super::functions::value_text;
use super::rewrite::Rewriter;
use super::running::Running;
use super::scope::{Kind, OutputColumn, Scope, Source, quoted};
use super::table::{ColumnKind, TableColumn, Value};
use crate::answer::{Cell, DATABASE, Parameter};
use crate::error::{ErrorKind, SqlError};

/// A row that expressions may name the columns of.
pub(crate) struct GivenRow<'a> {
    /// What it is called: the word before the dot.
    pub(crate) name: &'a str,
    /// Its columns, each under the name it has here.
    pub(crate) columns: Vec<(&'a str, &'a TableColumn)>,
    /// Whether its columns are meant only where the row is named.
    pub(crate) is_qualified: bool,
}

/// An expression and the values of its parameters, in the order it has them.
pub(crate) struct Asked<'a> {
    pub(crate) expression: &'a Expr,
    pub(crate) parameters: Vec<&'a Parameter>,
}

impl Engine {
    /// Runs `work` with expressions over `rows` made ready. Without any this
    /// costs nothing. Blocks as [`Engine::select`] does, and has its bounds.
    ///
    /// # Errors
    /// As [`Engine::select`]; `MisplacedAggregate` for COUNT and its like.
    pub(crate) fn computing<T>(
        &self,
        expressions: &[Asked<'_>],
        rows: &[&GivenRow<'_>],
        context: &SessionContext,
        work: impl FnOnce(&mut Computer<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let limits = self.limits();
        let running = Arc::new(Running::new(
            context.clone(),
            None,
            limits.max_time,
            limits.max_scanned_rows,
        ));
        let mut computer = Computer {
            prepared: Vec::with_capacity(expressions.len()),
            running: &running,
            bytes_left: limits.max_bytes,
        };
        if expressions.is_empty() {
            return work(&mut computer);
        }
        let texts = expressions
            .iter()
            .map(|asked| self.text(asked, rows, context));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        self.connected(&running, |connection| {
            let mut computer = Computer {
                prepared: Vec::with_capacity(expressions.len()),
                ..computer
            };
            for (asked, text) in expressions.iter().zip(&texts) {
                let prepared = prepare(connection, text, asked, &running)?;
                computer.prepared.push(prepared);
            }
            work(&mut computer)
        })
    }

    /// `SELECT expression FROM (SELECT ?2 AS id, …) AS row`: the parameters of
    /// the expression come first, the rows' values behind them.
    fn text(
        &self,
        asked: &Asked<'_>,
        rows: &[&GivenRow<'_>],
        context: &SessionContext,
    ) -> Result<String, SqlError> {
        let parameters: Vec<Parameter> = asked.parameters.iter().copied().cloned().collect();
        let mut rewriter = Rewriter::new(
            asked.expression,
            Some(&parameters),
            self.catalogue(),
            context,
        );
        let mut scope = Scope::new();
        scope.sources.extend(rows.iter().map(|row| source(row)));
        rewriter.scopes.push(scope);
        let value = rewriter.expression(asked.expression)?.sql;
        if rewriter.scopes.iter().any(|scope| scope.has_aggregate) {
            return Err(SqlError::new(
                ErrorKind::MisplacedAggregate,
                "Invalid use of group function: a value that is set is computed from one row",
            ));
        }
        let mut numbers = asked.parameters.len().saturating_add(1)..;
        let mut given = Vec::with_capacity(rows.len());
        for row in rows {
            let columns: Vec<_> = row
                .columns
                .iter()
                .zip(numbers.by_ref())
                .map(|((name, column), number)| {
                    format!("{} AS {}", typed(column.kind, number), quoted(name))
                })
                .collect();
            given.push(format!(
                "(SELECT {}) AS {}",
                columns.join(", "),
                quoted(row.name)
            ));
        }
        Ok(format!("SELECT {value} FROM {}", given.join(", ")))
    }
}

/// The names that a row brings.
fn source(row: &GivenRow<'_>) -> Source {
    let column = |(name, column): &(&str, &TableColumn)| {
        let mut definition = column.definition(row.name);
        definition.name = (*name).to_owned();
        OutputColumn {
            definition,
            kind: Kind::Column(column.kind),
        }
    };
    let merged = row.columns.iter().filter(|_| row.is_qualified);
    Source {
        alias: row.name.to_owned(),
        database: Some(DATABASE.to_owned()),
        is_live: true,
        columns: row.columns.iter().map(column).collect(),
        merged: merged.map(|(name, _)| (*name).to_owned()).collect(),
    }
}

/// A value that compares as the column does.
fn typed(kind: ColumnKind, number: usize) -> String {
    match kind {
        ColumnKind::Integer => format!("CAST(?{number} AS INTEGER)"),
        ColumnKind::Text => format!("CAST(?{number} AS TEXT)"),
        ColumnKind::TextAnyCase => format!("CAST(?{number} AS TEXT) COLLATE m_any_case"),
    }
}

fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    asked: &Asked<'_>,
    running: &Running,
) -> Result<Prepared<'c>, SqlError> {
    let complaint = |error: rusqlite::Error| translated(&error, running);
    let mut statement = connection.prepare(text).map_err(complaint)?;
    for (number, parameter) in (1..).zip(&asked.parameters) {
        statement
            .raw_bind_parameter(number, bind(parameter))
            .map_err(complaint)?;
    }
    Ok(Prepared {
        statement,
        first: asked.parameters.len().saturating_add(1),
    })
}

/// Expressions that are ready to be computed.
pub(crate) struct Computer<'c> {
    prepared: Vec<Prepared<'c>>,
    running: &'c Running,
    /// Of all that one statement may compute.
    bytes_left: usize,
}

struct Prepared<'c> {
    statement: Statement<'c>,
    /// The number of the first value of the rows.
    first: usize,
}

impl Computer<'_> {
    /// What the expression with this number is for rows of these `values`, one
    /// behind the other.
    ///
    /// # Errors
    /// As [`Engine::select`].
    pub(crate) fn value<'v>(
        &mut self,
        expression: usize,
        values: impl Iterator<Item = &'v Value>,
    ) -> Result<Cell, SqlError> {
        let running = self.running;
        let complaint = |error: rusqlite::Error| translated(&error, running);
        let Some(Prepared { statement, first }) = self.prepared.get_mut(expression) else {
            return Err(SqlError::internal("an expression was not prepared"));
        };
        for (number, value) in (*first..).zip(values) {
            statement
                .raw_bind_parameter(number, bound(value))
                .map_err(complaint)?;
        }
        let cell: Cell = {
            let mut rows = statement.raw_query();
            match rows.next().map_err(complaint)? {
                Some(row) => value_text(row.get_ref(0).map_err(complaint)?).map(Arc::from),
                None => None,
            }
        };
        self.spend(&cell)?;
        Ok(cell)
    }

    fn spend(&mut self, cell: &Cell) -> Result<(), SqlError> {
        let bytes = size_of::<Cell>().saturating_add(cell.as_deref().map_or(0, str::len));
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(SqlError::new(
                ErrorKind::TooManyValues,
                "the values that the statement computes are larger than a result may be; change \
                 fewer rows at a time",
            )),
        }
    }
}

fn bound(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}
