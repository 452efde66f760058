//! Names while a query is rewritten: which tables are in FROM, which columns
//! they have, and which aliases the select list gave.

use crate::answer::Column;

use super::pattern::Case;
use super::table::ColumnKind;

/// What is known about a value before it is computed; decides how it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column of a table; SQLite knows its type.
    Column(ColumnKind),
    /// NULL.
    Null,
    /// A computed whole number.
    Number,
    /// A floating-point number.
    Real,
    /// An exact number with so many digits after the point; a text to SQLite.
    Decimal(u8),
    /// A text literal or parameter, or what a function of texts makes.
    Text,
    /// A JSON document made by a function.
    Json,
    /// A text with a COLLATE of its own.
    Collated(Case),
    /// `(a, b)`.
    Tuple,
    /// Anything.
    Other,
}

/// One column a query gives out.
#[derive(Debug, Clone)]
pub(super) struct OutputColumn {
    pub(super) definition: Column,
    pub(super) kind: Kind,
}

/// One table of a FROM.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The name it goes by in this query.
    pub(super) alias: String,
    /// Its database, if it is a table rather than a sub-query.
    pub(super) database: Option<String>,
    /// Whether it is a table of the language, where a quoted word may be a column.
    pub(super) is_live: bool,
    pub(super) columns: Vec<OutputColumn>,
    /// Columns that USING or NATURAL merged into those of the tables before.
    pub(super) merged: Vec<String>,
}

/// Where in a SELECT names are being looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Select list, WHERE, ON: columns only.
    Columns,
    /// GROUP BY: columns, then aliases.
    ColumnsThenAliases,
    /// HAVING and ORDER BY: aliases, then columns.
    AliasesThenColumns,
}

/// One item of the select list, by its name.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What it stands for: two items of one name that are the same are one.
    pub(super) sql: String,
}

/// The names of one SELECT.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) sources: Vec<Source>,
    pub(super) aliases: Vec<Alias>,
    pub(super) phase: Phase,
    /// Whether a COUNT or the like makes one row of many.
    pub(super) has_aggregate: bool,
}

/// What a name turned out to be.
pub(super) enum Found {
    /// SQL that names it, and what it is.
    One(String, Kind),
    /// Two tables have it.
    Ambiguous,
    /// Nothing has it.
    Nothing,
}

impl Scope {
    pub(super) const fn new() -> Self {
        Self {
            sources: Vec::new(),
            aliases: Vec::new(),
            phase: Phase::Columns,
            has_aggregate: false,
        }
    }

    /// Looks up a bare name.
    pub(super) fn find(&self, name: &str) -> Found {
        match self.phase {
            Phase::Columns => self.column(name),
            Phase::ColumnsThenAliases => match self.column(name) {
                Found::Nothing => self.alias(name),
                found => found,
            },
            Phase::AliasesThenColumns => match self.alias(name) {
                Found::Nothing => self.column(name),
                found => found,
            },
        }
    }

    /// Looks up a name qualified by its table.
    pub(super) fn find_qualified(&self, database: Option<&str>, table: &str, name: &str) -> Found {
        let source = self
            .sources
            .iter()
            .find(|source| source.is_called(database, table));
        let column = source.and_then(|source| {
            let column = source.column(name)?;
            Some(Found::One(source.qualified(column), column.kind))
        });
        column.unwrap_or(Found::Nothing)
    }

    fn column(&self, name: &str) -> Found {
        let mut found = Found::Nothing;
        for source in &self.sources {
            if source.merged.iter().any(|merged| same(merged, name)) {
                continue;
            }
            let Some(column) = source.column(name) else {
                continue;
            };
            if matches!(found, Found::One(..)) {
                return Found::Ambiguous;
            }
            found = Found::One(source.qualified(column), column.kind);
        }
        found
    }

    fn alias(&self, name: &str) -> Found {
        let mut named = self.aliases.iter().filter(|alias| same(&alias.name, name));
        let Some(first) = named.next() else {
            return Found::Nothing;
        };
        if named.any(|other| other.sql != first.sql) {
            return Found::Ambiguous;
        }
        Found::One(quoted(&first.name), first.kind)
    }
}

impl Source {
    pub(super) fn is_called(&self, database: Option<&str>, table: &str) -> bool {
        let database_fits = match (database, &self.database) {
            (Some(asked), Some(own)) => same(asked, own),
            (Some(_), None) => false,
            (None, _) => true,
        };
        database_fits && same(&self.alias, table)
    }

    pub(super) fn column(&self, name: &str) -> Option<&OutputColumn> {
        self.columns
            .iter()
            .find(|column| same(&column.definition.name, name))
    }

    pub(super) fn qualified(&self, column: &OutputColumn) -> String {
        format!(
            "{}.{}",
            quoted(&self.alias),
            quoted(&column.definition.name)
        )
    }
}

/// Names are equal in either case: SHOW prints them lower case, programs type
/// them as they like (compatibility reference §2.1).
pub(super) fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// `name` as SQLite's identifier. SQLite ends the statement at a NUL.
pub(super) fn quoted(name: &str) -> String {
    format!(
        "\"{}\"",
        name.replace('"', "\"\"").replace('\0', "\u{fffd}")
    )
}

/// `text` as SQLite's string literal. A NUL would end the statement, so such a
/// text is written in hexadecimal.
pub(super) fn text_literal(text: &str) -> String {
    if text.contains('\0') {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("CAST(x'{hex}' AS TEXT)")
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
