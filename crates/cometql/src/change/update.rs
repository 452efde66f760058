//! UPDATE: a query finds the rows, and each is written as an INSERT would write
//! it with the new values.

use std::collections::HashSet;

use sqlparser::ast::{Ident, SelectItem};

use super::asking::{self, Asking};
use super::assigning::Assignments;
use super::{Plan, UPDATE, missing_key};
use crate::answer::{Cell, Parameter, Row};
use crate::error::SqlError;
use crate::query::table::{ColumnKey, Value as Field};
use crate::statement::{Update, Updated};
use crate::tables::{self, Table};

/// What an UPDATE means. Waits for the query.
///
/// # Errors
/// `ReadOnlyTable`, `UnknownColumn`, `MissingKey` without a condition on a
/// column, `Unsupported` for a column that cannot be updated; those of the query
/// and of the INSERT.
pub(crate) fn plan(
    table: &dyn Table,
    update: &Update,
    asking: &Asking<'_>,
) -> Result<Plan, SqlError> {
    if table.is_read_only() {
        return Err(tables::read_only(table.name(), UPDATE));
    }
    let assignments = Assignments::of_update(table, &update.rows.name, &update.updates)?;
    if !update.rows.chooses() {
        return Err(missing_key(UPDATE, table));
    }
    let mut found = Found::new(table);
    if update.rows.is_join() {
        let rows = find(
            table,
            update,
            values(&update.updates),
            asking.parameters,
            asking,
        )?;
        for mut row in rows {
            let values = row.split_off(table.columns().len().min(row.len()));
            let mut given = |number: usize, _: &mut dyn Iterator<Item = &Field>| {
                Ok(values.get(number).cloned().flatten())
            };
            found.row(row, &assignments, asking, &mut given)?;
        }
    } else {
        let parameters = asking.parameters_beside(&update.updates);
        let rows = find(table, update, Vec::new(), &parameters, asking)?;
        assignments.ready(asking, |computer| {
            for row in rows {
                let mut compute =
                    |number, given: &mut dyn Iterator<Item = &Field>| computer.value(number, given);
                found.row(row, &assignments, asking, &mut compute)?;
            }
            Ok(())
        })?;
    }
    Ok(found.plan(asking.context.counts_found_rows))
}

/// What has become of the rows found so far.
struct Found<'a> {
    table: &'a dyn Table,
    /// Joined tables may find a row often; it is changed once.
    keys: HashSet<Vec<Field>>,
    plan: Plan,
}

impl<'a> Found<'a> {
    fn new(table: &'a dyn Table) -> Self {
        Self {
            table,
            keys: HashSet::new(),
            plan: Plan::nothing(),
        }
    }

    fn row(
        &mut self,
        row: Vec<Cell>,
        assignments: &Assignments<'_>,
        asking: &Asking<'_>,
        compute: super::assigning::Compute<'_>,
    ) -> Result<(), SqlError> {
        let columns = self.table.columns();
        let cells = row.into_iter().zip(columns);
        let known: Vec<_> = cells
            .map(|(cell, column)| asking::field(cell, column))
            .collect();
        let fields = known.iter().zip(columns);
        let key = fields
            .filter(|(_, column)| column.key == ColumnKey::Primary)
            .map(|(field, _)| field.clone())
            .collect();
        if !self.keys.insert(key) {
            return Ok(());
        }
        let (after, is_changed) = assignments.apply(&known, None, asking, compute)?;
        if is_changed {
            self.plan.changes.push(after.change);
        }
        Ok(())
    }

    fn plan(self, counts_found_rows: bool) -> Plan {
        let (matched, changed) = (self.keys.len() as u64, self.plan.changes.len() as u64);
        Plan {
            matched: Some((matched, changed)),
            affected_rows: match counts_found_rows {
                true => matched,
                false => changed,
            },
            ..self.plan
        }
    }
}

/// The rows as they are, and `values` behind each.
fn find(
    table: &dyn Table,
    update: &Update,
    values: Vec<SelectItem>,
    parameters: &[Parameter],
    asking: &Asking<'_>,
) -> Result<Vec<Row>, SqlError> {
    let columns: Vec<_> = table.columns().iter().map(|column| column.name).collect();
    let found = asking.search(&update.rows, &columns, values, parameters)?;
    Ok(found.rows)
}

/// The expressions of an UPDATE of joined tables, which the query computes.
fn values(updates: &[(String, Updated)]) -> Vec<SelectItem> {
    let expressions = updates.iter().filter_map(|(_, updated)| match updated {
        Updated::Expression(computed) => Some(&computed.expression),
        _ => None,
    });
    expressions
        .enumerate()
        .map(|(number, expression)| SelectItem::ExprWithAlias {
            expr: expression.as_ref().clone(),
            alias: Ident::new(format!("value {number}")),
        })
        .collect()
}
