//! FROM: tables, derived tables and joins, and the names they bring.

use std::collections::{HashMap, HashSet};

use sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor,
    TableWithJoins,
};

use super::expression::shortened;
use super::rewrite::{Rewriter, object_name, unknown_column};
use super::running::InOrder;
use super::scope::{Kind, OutputColumn, Source, quoted, same};
use super::table::{ColumnKey, ColumnKind};
use super::vtab::sqlite_name;
use crate::answer::DATABASE;
use crate::error::{ErrorKind, SqlError};

impl Rewriter<'_> {
    pub(super) fn tables(&mut self, from: &[TableWithJoins]) -> Result<String, SqlError> {
        if let [only] = from
            && only.joins.is_empty()
            && is_dual(&only.relation)
        {
            return Ok(String::new());
        }
        let mut sql = String::new();
        for (index, table) in from.iter().enumerate() {
            sql.push_str(if index == 0 { " FROM " } else { ", " });
            sql.push_str(&self.table_with_joins(table)?);
        }
        Ok(sql)
    }

    fn table_with_joins(&mut self, table: &TableWithJoins) -> Result<String, SqlError> {
        let mut sql = self.table_factor(&table.relation)?;
        for join in &table.joins {
            sql.push_str(&self.join(join)?);
        }
        Ok(sql)
    }

    fn join(&mut self, join: &Join) -> Result<String, SqlError> {
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::StraightJoin(constraint) => ("JOIN", constraint),
            JoinOperator::CrossJoin(constraint) => ("JOIN", constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                ("LEFT JOIN", constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                ("RIGHT JOIN", constraint)
            }
            _ => {
                return Err(SqlError::unsupported(
                    "only [INNER], CROSS, LEFT and RIGHT JOIN are offered",
                ));
            }
        };
        let before = self.scopes.last().map_or(0, |scope| scope.sources.len());
        let table = self.table_factor(&join.relation)?;
        match constraint {
            JoinConstraint::None => Ok(format!(" {word} {table}")),
            JoinConstraint::On(condition) => {
                let condition = self.expression(condition)?.sql;
                Ok(format!(" {word} {table} ON {condition}"))
            }
            JoinConstraint::Using(names) => {
                let mut columns = Vec::new();
                for name in names {
                    match object_name(name)?.as_slice() {
                        [column] => columns.push((*column).to_owned()),
                        _ => return Err(SqlError::syntax("USING takes plain column names")),
                    }
                }
                self.merge(word, &table, before, columns)
            }
            JoinConstraint::Natural => {
                let columns = self.common_columns(before);
                self.merge(word, &table, before, columns)
            }
        }
    }

    fn common_columns(&self, before: usize) -> Vec<String> {
        let Some(scope) = self.scopes.last() else {
            return Vec::new();
        };
        let (left, right) = scope.sources.split_at(before.min(scope.sources.len()));
        let right_columns = right.iter().flat_map(|source| &source.columns);
        right_columns
            .map(|column| column.definition.name.clone())
            .filter(|name| left.iter().any(|source| source.column(name).is_some()))
            .collect()
    }

    /// USING: the column of the table joined gives way to the earlier one.
    fn merge(
        &mut self,
        word: &str,
        table: &str,
        before: usize,
        columns: Vec<String>,
    ) -> Result<String, SqlError> {
        if columns.is_empty() {
            return Ok(format!(" {word} {table}"));
        }
        let scope = self.scopes.last();
        let sources = scope.map_or(&[][..], |scope| scope.sources.as_slice());
        let (left, right) = sources.split_at(before.min(sources.len()));
        for name in &columns {
            let in_left = left.iter().any(|source| source.column(name).is_some());
            let in_right = right.iter().any(|source| source.column(name).is_some());
            if !in_left || !in_right {
                return Err(unknown_column(name, "USING"));
            }
        }
        let list: Vec<_> = columns.iter().map(|name| quoted(name)).collect();
        let sql = format!(" {word} {table} USING ({})", list.join(", "));
        let keeps_right = word == "RIGHT JOIN";
        self.with_scope(|scope| {
            let middle = before.min(scope.sources.len());
            let (left, right) = scope.sources.split_at_mut(middle);
            for source in if keeps_right { left } else { right } {
                source.merged.extend(columns.iter().cloned());
            }
        });
        Ok(sql)
    }

    fn table_factor(&mut self, factor: &TableFactor) -> Result<String, SqlError> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => self.table(name, alias.as_ref()),
            TableFactor::Derived {
                lateral: false,
                subquery,
                alias,
                ..
            } => {
                let Some(alias) = alias else {
                    return Err(SqlError::syntax(
                        "Every derived table must have its own alias",
                    ));
                };
                // A derived table does not see the tables beside it.
                let beside = self.scopes.pop();
                let result = self.query(subquery, false);
                self.scopes.extend(beside);
                let (sql, mut columns) = result?;
                rename(&mut columns, alias)?;
                if !alias.columns.is_empty() {
                    return Err(SqlError::unsupported(
                        "column names after the alias of a derived table are not offered",
                    ));
                }
                let name = alias.name.value.clone();
                self.add_source(Source {
                    alias: name.clone(),
                    database: None,
                    is_live: false,
                    columns,
                    merged: Vec::new(),
                })?;
                Ok(format!("({sql}) AS {}", quoted(&name)))
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => {
                let inner = self.nested(|this| this.table_with_joins(table_with_joins))?;
                Ok(format!("({inner})"))
            }
            _ => Err(SqlError::unsupported(
                "only tables, derived tables and joins are offered in FROM",
            )),
        }
    }

    fn table(&mut self, name: &ObjectName, alias: Option<&TableAlias>) -> Result<String, SqlError> {
        let parts = object_name(name)?;
        if alias.is_some_and(|alias| !alias.columns.is_empty()) {
            return Err(SqlError::unsupported(
                "column names after the alias of a table are not offered",
            ));
        }
        let (database, table) = match parts.as_slice() {
            [table] => (None, *table),
            [database, table] => (Some(*database), *table),
            _ => return Err(SqlError::syntax(format!("{name} is not a table name"))),
        };
        let called = |name: &str| alias.map_or(name, |alias| &alias.name.value).to_owned();
        if database.is_none()
            && let Some((name, columns)) = self
                .ctes
                .iter()
                .rev()
                .find(|(name, _)| same(name, table))
                .cloned()
        {
            let alias = called(&name);
            self.add_source(Source {
                alias: alias.clone(),
                database: None,
                is_live: false,
                columns,
                merged: Vec::new(),
            })?;
            return Ok(format!("{} AS {}", quoted(&name), quoted(&alias)));
        }
        let database = database.or(self.context.database.as_deref());
        if let Some(database) = database {
            self.refuse_other_tenants(database)?;
        }
        let found = self.catalogue.find(database, table)?;
        let alias = called(found.name());
        let columns = found
            .columns()
            .iter()
            .map(|column| OutputColumn {
                definition: column.definition(found.name()),
                kind: Kind::Column(column.kind),
            })
            .collect();
        let sql = format!(
            "{} AS {}",
            quoted(&sqlite_name(found.database(), found.name())),
            quoted(&alias)
        );
        self.add_source(Source {
            alias,
            database: Some(found.database().to_owned()),
            is_live: found.database() == DATABASE,
            columns,
            merged: Vec::new(),
        })?;
        Ok(sql)
    }

    fn add_source(&mut self, source: Source) -> Result<(), SqlError> {
        let Some(scope) = self.scopes.last_mut() else {
            return Err(SqlError::internal("a table outside a SELECT"));
        };
        if scope
            .sources
            .iter()
            .any(|other| same(&other.alias, &source.alias))
        {
            return Err(SqlError::new(
                ErrorKind::RepeatedTable,
                format!("Not unique table/alias: '{}'", shortened(&source.alias)),
            ));
        }
        scope.sources.push(source);
        Ok(())
    }

    /// `db_15` names the tables of tenant 15, which only its own session has.
    fn refuse_other_tenants(&self, database: &str) -> Result<(), SqlError> {
        let number = database
            .split_at_checked(3)
            .filter(|(prefix, _)| same(prefix, "db_"))
            .map(|(_, number)| number);
        match number {
            Some(number) if number.parse() != Ok(self.context.dev_id) => Err(SqlError::new(
                ErrorKind::UnknownDatabase,
                format!("Unknown database '{database}'; USE it first"),
            )),
            _ => Ok(()),
        }
    }

    /// If `condition` looks one table up by `key IN (…)`, keeps the order of the list.
    pub(super) fn remember_in_order(&mut self, condition: &Expr) {
        let Some([source]) = self.scopes.last().map(|scope| scope.sources.as_slice()) else {
            return;
        };
        let (Some(database), table) = (&source.database, source.columns.first()) else {
            return;
        };
        let table = table.map_or("", |column| &column.definition.table);
        let Ok(table) = self.catalogue.find(Some(database), table) else {
            return;
        };
        let mut rest = condition;
        let in_list = loop {
            match rest {
                Expr::Nested(inner) => rest = inner,
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::And,
                    right,
                } => {
                    if matches!(**right, Expr::InList { .. }) {
                        break &**right;
                    }
                    rest = left;
                }
                Expr::InList { .. } => break rest,
                _ => return,
            }
        };
        let Expr::InList {
            expr,
            list,
            negated: false,
        } = in_list
        else {
            return;
        };
        let name = match &**expr {
            Expr::Identifier(name) => name.value.as_str(),
            Expr::CompoundIdentifier(parts) => parts.last().map_or("", |part| &part.value),
            other => match self.literal_text(other) {
                Some(text) => &text.into_owned(),
                None => return,
            },
        };
        let Some(column) = table
            .columns()
            .iter()
            .position(|column| same(column.name, name) && column.key != ColumnKey::None)
        else {
            return;
        };
        let is_integer = table
            .columns()
            .get(column)
            .is_some_and(|column| column.kind == ColumnKind::Integer);
        let mut positions = HashMap::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            if let Some(text) = self.constant_text(item) {
                let text = text.trim();
                let text = match text.parse::<i64>() {
                    Ok(number) if is_integer => number.to_string(),
                    _ => text.to_owned(),
                };
                positions.entry(text).or_insert(index);
            }
        }
        self.in_order = Some(InOrder {
            table: sqlite_name(table.database(), table.name()),
            column,
            positions,
        });
    }
}

/// Gives the columns of a sub-query in FROM or WITH the names its alias says.
///
/// # Errors
/// `ColumnCount`; `RepeatedColumn` when two columns have one name, so that
/// nobody could ask for the second.
pub(super) fn rename(columns: &mut [OutputColumn], alias: &TableAlias) -> Result<(), SqlError> {
    if !alias.columns.is_empty() && alias.columns.len() != columns.len() {
        return Err(SqlError::new(
            ErrorKind::ColumnCount,
            format!(
                "{} has {} columns, {} names were given",
                alias.name.value,
                columns.len(),
                alias.columns.len()
            ),
        ));
    }
    for (column, name) in columns.iter_mut().zip(&alias.columns) {
        column.definition.name.clone_from(&name.name.value);
    }
    let mut seen = HashSet::with_capacity(columns.len());
    for column in columns {
        let name = &column.definition.name;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(SqlError::new(
                ErrorKind::RepeatedColumn,
                format!("Duplicate column name '{}'", shortened(name)),
            ));
        }
    }
    Ok(())
}

fn is_dual(factor: &TableFactor) -> bool {
    matches!(factor, TableFactor::Table { name, .. }
        if object_name(name).is_ok_and(|parts| parts.len() == 1 && parts.iter().all(|part| same(part, "dual"))))
}
