//! The select list: what each item is, what its column is called, and `*`.

use sqlparser::ast::{Expr, SelectItem, SelectItemQualifiedWildcardKind};

use super::rewrite::{MAX_COLUMNS, Rewriter, object_name};
use super::scope::{OutputColumn, same};
use crate::answer::Column;
use crate::error::{ErrorKind, SqlError};

impl Rewriter<'_> {
    /// The items as SQL, and the columns they make.
    pub(super) fn select_list(
        &mut self,
        items: &[SelectItem],
    ) -> Result<(Vec<String>, Vec<OutputColumn>), SqlError> {
        let mut list = Vec::new();
        let mut columns: Vec<OutputColumn> = Vec::new();
        for item in items {
            match item {
                SelectItem::Wildcard(_) => {
                    let expanded = self.expand(None)?;
                    add_all(expanded, &mut list, &mut columns);
                }
                SelectItem::QualifiedWildcard(kind, _) => {
                    let SelectItemQualifiedWildcardKind::ObjectName(name) = kind else {
                        return Err(SqlError::unsupported("only table.* is offered"));
                    };
                    let parts = object_name(name)?;
                    let expanded = match parts.as_slice() {
                        [table] => self.expand(Some((None, table)))?,
                        [database, table] => self.expand(Some((Some(database), table)))?,
                        _ => return Err(SqlError::syntax(format!("{name}.* is not a table"))),
                    };
                    add_all(expanded, &mut list, &mut columns);
                }
                SelectItem::UnnamedExpr(expression) => {
                    let (sql, column) = self.select_item(expression, None)?;
                    add_all(vec![(sql, column)], &mut list, &mut columns);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let (sql, column) = self.select_item(expr, Some(&alias.value))?;
                    add_all(vec![(sql, column)], &mut list, &mut columns);
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(SqlError::unsupported(
                        "an expression can have one alias, not several",
                    ));
                }
            }
        }
        if list.is_empty() {
            return Err(SqlError::syntax("SELECT names no column"));
        }
        if list.len() > MAX_COLUMNS {
            return Err(SqlError::new(
                ErrorKind::TooManyColumns,
                format!(
                    "a query may have at most {MAX_COLUMNS} columns, this one has {}",
                    list.len()
                ),
            ));
        }
        Ok((list, columns))
    }

    fn select_item(
        &mut self,
        expression: &Expr,
        alias: Option<&str>,
    ) -> Result<(String, OutputColumn), SqlError> {
        let quoted_column = match alias {
            None => self.quoted_word_as_column(expression),
            Some(_) => None,
        };
        let rendered = match &quoted_column {
            Some((_, rendered)) => rendered.clone(),
            None => self.expression(expression)?,
        };
        let name = match (alias, &quoted_column, expression) {
            (Some(alias), ..) => alias.to_owned(),
            (None, Some((name, _)), _) => name.clone(),
            (None, None, Expr::Identifier(name)) => name.value.clone(),
            (None, None, Expr::CompoundIdentifier(parts)) if !self.is_variable(parts) => parts
                .last()
                .map(|part| part.value.clone())
                .unwrap_or_default(),
            (None, None, other) => other.to_string(),
        };
        let source = self.source_column(expression);
        let (table, max_length) = source.map_or_else(
            || {
                let computed = Column::computed("");
                (computed.table, computed.max_length)
            },
            |column| (column.table, column.max_length),
        );
        // DISTINCT, UNION and who selects from this compare by it.
        Ok((
            rendered.compared(),
            OutputColumn {
                definition: Column {
                    name,
                    table,
                    max_length,
                },
                kind: rendered.kind,
            },
        ))
    }

    /// The table column an expression merely names.
    fn source_column(&self, expression: &Expr) -> Option<Column> {
        let (table, name) = match expression {
            Expr::Identifier(name) => (None, &name.value),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] | [_, table, name] => (Some(&table.value), &name.value),
                _ => return None,
            },
            _ => return None,
        };
        let sources = &self.scopes.last()?.sources;
        sources
            .iter()
            .filter(|source| table.is_none_or(|table| same(&source.alias, table)))
            .find_map(|source| source.column(name))
            .map(|column| column.definition.clone())
    }

    fn expand(
        &self,
        table: Option<(Option<&str>, &str)>,
    ) -> Result<Vec<(String, OutputColumn)>, SqlError> {
        let scope = self.scopes.last();
        let sources = scope.map_or(&[][..], |scope| scope.sources.as_slice());
        let wanted: Vec<_> = sources
            .iter()
            .filter(|source| {
                table.is_none_or(|(database, table)| source.is_called(database, table))
            })
            .collect();
        if wanted.is_empty() {
            return Err(match table {
                Some((_, table)) => {
                    SqlError::new(ErrorKind::UnknownTable, format!("Unknown table '{table}'"))
                }
                None => SqlError::new(ErrorKind::NoTables, "No tables used: * needs a FROM"),
            });
        }
        let mut expanded = Vec::new();
        for source in wanted {
            for column in &source.columns {
                let is_merged = source
                    .merged
                    .iter()
                    .any(|name| same(name, &column.definition.name));
                if table.is_some() || !is_merged {
                    expanded.push((source.qualified(column), column.clone()));
                }
            }
        }
        Ok(expanded)
    }
}

fn add_all(
    items: Vec<(String, OutputColumn)>,
    list: &mut Vec<String>,
    columns: &mut Vec<OutputColumn>,
) {
    for (sql, column) in items {
        list.push(sql);
        columns.push(column);
    }
}
