//! EXPLAIN of a statement: what would come of the messages of an INSERT, and for
//! everything else a plan in the shape MySQL gives it. Nothing is carried out.

use std::ops::ControlFlow;
use std::sync::Arc;

use pipes::Change;
use pipes::family::Family;
use sqlparser::ast::visit_relations;

use super::CometQlSession;
use crate::answer::{Cell, Column, Parameter, ResultSet, Row};
use crate::change;
use crate::error::{ErrorKind, SqlError};
use crate::statement::{Insert, InsertMode, Select, Statement, TableName};

impl CometQlSession {
    /// # Errors
    /// What is wrong with the statement as a whole; what would be refused of a
    /// single message is told in its row.
    pub(super) fn explain(
        &self,
        statement: &Statement,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        let rows = match statement {
            Statement::Insert(insert) if is_publication(&insert.table) => {
                self.foresee(insert, parameters)?
            }
            other => self.steps(other)?,
        };
        Ok(ResultSet {
            columns: columns(statement),
            rows,
        })
    }

    /// One row for each message.
    fn foresee(&self, insert: &Insert, parameters: &[Parameter]) -> Result<Vec<Row>, SqlError> {
        let table = self.table(&insert.table)?;
        change::insert::places(table.as_ref(), insert)?;
        let mut alone = Insert {
            rows: Vec::with_capacity(1),
            columns: insert.columns.clone(),
            table: insert.table.clone(),
            // No message has a key that could be there.
            mode: InsertMode::Insert,
        };
        let columns = message_columns(&insert.table).len();
        let asking = self.language.asking(parameters, &self.context);
        let message = |values: &Vec<_>| {
            alone.rows.clear();
            alone.rows.push(values.clone());
            match change::insert::plan(table.as_ref(), &alone, &asking) {
                Ok(plan) => Ok(plan
                    .into_changes()
                    .first()
                    .map(|change| self.prospect(change))),
                Err(error) if error.kind == ErrorKind::ColumnCount => Err(error),
                Err(error) => {
                    let mut row = self.refused(vec![None, None, None, None], &error);
                    row.resize(columns, None);
                    Ok(Some(row))
                }
            }
        };
        let rows = insert.rows.iter().map(message);
        Ok(rows
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    fn prospect(&self, change: &Change) -> Row {
        let foresight = self.language.hall.foresee(self.dev_id, change);
        let (receiver, family) = match change {
            Change::Publish { pipe, .. } => (text(pipe.as_str()), text(Family::of(pipe).as_str())),
            Change::SendPrivate { user, .. } => {
                let number = user.map_or(0, |user| user.number());
                (text(number.to_string()), text("user"))
            }
            _ => (None, None),
        };
        let mut row = vec![
            receiver,
            family,
            text(foresight.receivers.to_string()),
            text(foresight.kept.to_string()),
        ];
        match foresight.refusal {
            Some(refusal) => row = self.refused(row, &change::hall_error(refusal)),
            None => row.extend([None, None]),
        }
        if let Change::Publish { .. } = change {
            row.push(foresight.row.and_then(|row| text(row.to_string())));
        }
        row
    }

    fn refused(&self, mut row: Row, error: &SqlError) -> Row {
        let number = error.number(self.context.variables.error_numbers());
        row.extend([text(number.to_string()), text(error.message.as_str())]);
        row
    }

    /// One row for each table, in the order they are named.
    fn steps(&self, statement: &Statement) -> Result<Vec<Row>, SqlError> {
        let whole = |kind: &str, table: &TableName| {
            self.table(table)?;
            Ok(vec![step(kind, Some(&table.name), None)])
        };
        match statement {
            Statement::Insert(insert) => whole("INSERT", &insert.table),
            Statement::InsertSelect(rows) => whole("INSERT", &rows.insert.table),
            Statement::Update(update) => whole("UPDATE", &update.table),
            Statement::Delete(delete) => whole("DELETE", &delete.table),
            Statement::Select(Select::Lookup(lookup)) => {
                let keys = self.by_key(lookup)?.map(|_| {
                    let condition = &lookup.condition;
                    (condition.column.as_str(), condition.keys.len())
                });
                Ok(vec![step("SIMPLE", Some(&lookup.table.name), keys)])
            }
            Statement::Select(Select::Query(query)) => {
                self.language.engine.columns(query, &self.context)?;
                let mut rows = Vec::new();
                let _ = visit_relations(query, |name| {
                    let table = name.0.last().and_then(|part| part.as_ident());
                    rows.push(step(
                        "SIMPLE",
                        table.map(|table| table.value.as_str()),
                        None,
                    ));
                    ControlFlow::<()>::Continue(())
                });
                if rows.is_empty() {
                    rows.push(step("SIMPLE", None, None));
                }
                Ok(rows)
            }
            _ => Err(SqlError::unsupported(
                "EXPLAIN takes a SELECT, INSERT, REPLACE, UPDATE or DELETE",
            )),
        }
    }
}

/// The columns of [`CometQlSession::explain`].
pub(super) fn columns(statement: &Statement) -> Vec<Column> {
    let names: &[&str] = match statement {
        Statement::Insert(insert) if is_publication(&insert.table) => {
            message_columns(&insert.table)
        }
        _ => &STEP,
    };
    names.iter().copied().map(Column::computed).collect()
}

fn message_columns(table: &TableName) -> &'static [&'static str] {
    match table.is("pipes_messages") {
        true => &PIPE_MESSAGE,
        false => &PRIVATE_MESSAGE,
    }
}

const PIPE_MESSAGE: [&str; 7] = [
    "pipe",
    "family",
    "receivers",
    "history",
    "error",
    "reason",
    "settings",
];
const PRIVATE_MESSAGE: [&str; 6] = ["user", "family", "receivers", "mailbox", "error", "reason"];
const STEP: [&str; 12] = [
    "id",
    "select_type",
    "table",
    "partitions",
    "type",
    "possible_keys",
    "key",
    "key_len",
    "ref",
    "rows",
    "filtered",
    "Extra",
];

fn is_publication(table: &TableName) -> bool {
    table.is("pipes_messages") || table.is("users_messages")
}

/// One row of MySQL's EXPLAIN; `keys` are the column a look-up goes by and the
/// number of its values.
fn step(kind: &str, table: Option<&str>, keys: Option<(&str, usize)>) -> Row {
    let access = match (table, keys) {
        (None, _) => None,
        (_, None) => text("ALL"),
        (_, Some((_, 1))) => text("ref"),
        (_, Some(_)) => text("range"),
    };
    let key = keys.and_then(|(column, _)| text(column));
    vec![
        text("1"),
        text(kind),
        table.and_then(text),
        None,
        access,
        key.clone(),
        key,
        None,
        keys.and_then(|_| text("const")),
        keys.and_then(|(_, values)| text(values.to_string())),
        table.and_then(|_| text("100.00")),
        match table {
            Some(_) => None,
            None => text("No tables used"),
        },
    ]
}

fn text(text: impl Into<Arc<str>>) -> Cell {
    Some(text.into())
}
