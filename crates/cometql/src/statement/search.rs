//! The tables of an UPDATE or DELETE, and which of them is changed. One table,
//! with or without an alias, or several that are joined; what the conditions on
//! them are is not looked at here.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, OrderByExpr, TableFactor, TableWithJoins, visit_expressions,
};

use super::session::Words;
use super::{Search, TableName, expression};
use crate::error::SqlError;
use crate::scan::Lexeme;

/// The lexemes of an UPDATE or DELETE without the modifiers that mean nothing
/// here: LOW_PRIORITY, and QUICK of DELETE.
///
/// # Errors
/// `Unsupported` for IGNORE, which would hide errors, and for tables that are
/// listed with commas, which the parser cannot read.
pub(super) fn without_modifiers(text: &str, lexemes: &[Lexeme]) -> Result<Vec<Lexeme>, SqlError> {
    let mut words = Words::new(text, lexemes);
    let verb = words.next();
    while matches!(words.peek_keyword().as_str(), "low_priority" | "quick") {
        words.next();
    }
    if words.peek_keyword() == "ignore" {
        return Err(SqlError::unsupported(
            "IGNORE is offered with INSERT; an UPDATE or DELETE says what is wrong",
        ));
    }
    let rest = words.rest();
    let is_update = verb.is_some_and(|verb| verb.text(text).eq_ignore_ascii_case("update"));
    let mut signs = rest.iter().map(|lexeme| lexeme.text(text));
    if is_update && signs.find(|sign| is_end_of_table(sign)) == Some(",") {
        return Err(SqlError::unsupported(
            "UPDATE takes one table, or tables with JOIN between them in place of commas",
        ));
    }
    Ok(verb.into_iter().chain(rest).cloned().collect())
}

fn is_end_of_table(sign: &str) -> bool {
    let ends = [",", "(", "set", "join", "left", "right", "inner", "cross"];
    ends.iter().any(|end| end.eq_ignore_ascii_case(sign))
}

/// A search over `from` for the rows of its table that is called `wanted`; of
/// its first table if nobody says which.
///
/// # Errors
/// `Unsupported` when that is none of the tables, with `verb` in the sentence.
pub(super) fn over(
    mut from: Vec<TableWithJoins>,
    wanted: Option<&str>,
    verb: &str,
) -> Result<(TableName, Search), SqlError> {
    expression::empty_marked_lists(&mut from);
    let mut tables = from.iter().flat_map(|table| {
        let joined = table.joins.iter().map(|join| &join.relation);
        std::iter::once(&table.relation).chain(joined)
    });
    let found = match wanted {
        None => tables.next().and_then(changeable),
        Some(wanted) => tables
            .filter_map(changeable)
            .find(|(_, called)| called.eq_ignore_ascii_case(wanted)),
    };
    let Some((table, name)) = found else {
        return Err(SqlError::unsupported(match wanted {
            None => format!("{verb} takes a table, with an alias or a join at most"),
            Some(wanted) => {
                let shown: String = wanted.chars().take(64).collect();
                format!("{verb}: {shown} is not the name of a table in it")
            }
        }));
    };
    let table = expression::table_name(table)?;
    Ok((
        table,
        Search {
            from,
            name,
            condition: None,
            order_by: Vec::new(),
            limit: None,
        },
    ))
}

/// A plain table, and what it is called.
fn changeable(factor: &TableFactor) -> Option<(&ObjectName, String)> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints: _,
        } if with_hints.is_empty() && partitions.is_empty() => {
            let called = match alias {
                Some(alias) if alias.columns.is_empty() => expression::name(&alias.name),
                Some(_) => return None,
                None => expression::last_name(name).ok()?,
            };
            Some((name, called))
        }
        _ => None,
    }
}

impl Search {
    /// Adds what stands after the tables.
    ///
    /// # Errors
    /// `Unsupported` for ORDER BY and LIMIT over several tables, as in MySQL.
    pub(super) fn by(
        mut self,
        condition: Option<Expr>,
        order_by: Vec<OrderByExpr>,
        limit: Option<Expr>,
        verb: &str,
    ) -> Result<Self, SqlError> {
        if self.is_join() && (limit.is_some() || !order_by.is_empty()) {
            return Err(SqlError::unsupported(format!(
                "{verb} of joined tables takes no ORDER BY and no LIMIT"
            )));
        }
        self.condition = condition;
        self.order_by = order_by;
        self.limit = limit;
        if let Some(condition) = &mut self.condition {
            expression::empty_marked_lists(condition);
        }
        Ok(self)
    }

    /// Whether anything at all is said of the rows: `WHERE 1 = 1` says nothing,
    /// it would mean the whole table.
    pub(crate) fn chooses(&self) -> bool {
        let names_a_column = |condition| {
            visit_expressions(condition, |expression| match expression {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .is_break()
        };
        self.condition.as_ref().is_some_and(names_a_column)
    }
}
