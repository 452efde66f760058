//! What a table must tell the query engine: its name, its columns, and its
//! rows for a key. What its statements do (INSERT, DELETE) is not known here.

use std::sync::Arc;

use pipes::Change;

use super::context::SessionContext;
use crate::answer::{Column, DATABASE};
use crate::error::SqlError;

/// A table whose rows come from live objects at the moment they are read.
pub trait LiveTable: Send + Sync + 'static {
    /// The table's name, as SHOW TABLES gives it.
    fn name(&self) -> &str;

    /// The database it is in.
    fn database(&self) -> &str {
        DATABASE
    }

    /// One sentence about the table, shown by SHOW TABLE STATUS.
    fn comment(&self) -> &str {
        ""
    }

    /// The columns, in the order of `SELECT *`. Always the same while the server runs.
    fn columns(&self) -> &[TableColumn];

    /// The rows `context` may see, each with one value per column.
    ///
    /// With values in `filter` the table may answer just the rows that have
    /// them; rows that do not match are dropped by the engine. Without, it
    /// answers a full listing. It may stop after `filter.limit` rows.
    ///
    /// # Errors
    /// Whatever the table refuses; the statement fails with it.
    fn rows(
        &self,
        context: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError>;

    /// Does to `rows`, which were read with `filter`, what `changes` will do to
    /// them at COMMIT. Rows that the filter does not ask for may be left out;
    /// they are dropped afterwards. A table that no change concerns does nothing.
    fn overlay(
        &self,
        context: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let _ = (context, changes, filter, rows);
    }
}

/// The rows `context` sees: the table's, and on them what its own transaction
/// has changed so far.
///
/// # Errors
/// As [`LiveTable::rows`].
pub fn visible_rows(
    table: &dyn LiveTable,
    context: &SessionContext,
    filter: &KeyFilter<'_>,
) -> Result<Vec<Vec<Value>>, SqlError> {
    let changes = context.transaction.changes();
    if changes.is_empty() {
        return table.rows(context, filter);
    }
    // Any number of the first rows may be gone.
    let mut rows = table.rows(context, &KeyFilter::new(filter.values, usize::MAX))?;
    table.overlay(context, changes, filter, &mut rows);
    rows.retain(|row| filter.matches(row));
    rows.truncate(filter.limit);
    Ok(rows)
}

/// One column of a [`LiveTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// The name, as DESCRIBE gives it.
    pub name: &'static str,
    /// How values compare and sort. All are sent as text.
    pub kind: ColumnKind,
    /// MySQL's name for the type, such as `int(11)` or `varchar(32)`.
    pub type_text: &'static str,
    /// The longest value, in bytes.
    pub max_length: u32,
    /// Whether the column can be looked up by value.
    pub key: ColumnKey,
    /// One sentence about the column.
    pub comment: &'static str,
}

/// How the values of a column compare and sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// As signed 64-bit integers.
    Integer,
    /// As text, byte by byte: names, keys and tokens, whose case matters. SHOW
    /// says `utf8mb4_bin`.
    Text,
    /// As text, letters of either case being equal and blanks at the end not
    /// counting. SHOW says `utf8mb4_general_ci`.
    TextAnyCase,
}

/// Whether a column can be looked up by value, as DESCRIBE's `Key` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKey {
    /// No: a condition on it reads the whole listing.
    None,
    /// Yes, and (with the table's other `Primary` columns) it names one row: `PRI`.
    Primary,
    /// Yes, and it may name many rows: `MUL`.
    Lookup,
}

impl ColumnKey {
    /// What DESCRIBE shows.
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Primary => "PRI",
            Self::Lookup => "MUL",
        }
    }
}

impl TableColumn {
    /// A column of 32-bit integers, `int(11)`.
    pub const fn integer(name: &'static str) -> Self {
        Self {
            name,
            kind: ColumnKind::Integer,
            type_text: "int(11)",
            max_length: 11,
            key: ColumnKey::None,
            comment: "",
        }
    }

    /// A column of 64-bit integers, `bigint(20)`.
    pub const fn big_integer(name: &'static str) -> Self {
        let mut column = Self::integer(name);
        column.type_text = "bigint(20)";
        column.max_length = 20;
        column
    }

    /// A column of text; `type_text` such as `varchar(32)`, `max_length` in bytes.
    pub const fn text(name: &'static str, type_text: &'static str, max_length: u32) -> Self {
        Self {
            name,
            kind: ColumnKind::Text,
            type_text,
            max_length,
            key: ColumnKey::None,
            comment: "",
        }
    }

    /// The same column as one whose case does not matter.
    #[must_use]
    pub const fn any_case(mut self) -> Self {
        self.kind = ColumnKind::TextAnyCase;
        self
    }

    /// The same column as part of the primary key.
    #[must_use]
    pub const fn primary(mut self) -> Self {
        self.key = ColumnKey::Primary;
        self
    }

    /// The same column as one that finds many rows.
    #[must_use]
    pub const fn lookup(mut self) -> Self {
        self.key = ColumnKey::Lookup;
        self
    }

    /// The same column with a sentence about it.
    #[must_use]
    pub const fn about(mut self, comment: &'static str) -> Self {
        self.comment = comment;
        self
    }

    /// The column definition sent for it as a column of `table`.
    pub fn definition(&self, table: &str) -> Column {
        Column {
            name: self.name.to_owned(),
            table: table.to_owned(),
            max_length: self.max_length,
        }
    }
}

/// One value of a row, before it becomes text on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value. Tables of the language have none; `information_schema` does.
    Null,
    /// An integer.
    Integer(i64),
    /// Text.
    Text(Arc<str>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<Arc<str>> for Value {
    fn from(value: Arc<str>) -> Self {
        Self::Text(value)
    }
}

/// What the engine knows about the rows it needs.
#[derive(Debug, Clone, Copy)]
pub struct KeyFilter<'a> {
    values: &'a [(usize, Value)],
    /// The most rows of use; a table may stop there.
    pub limit: usize,
}

impl<'a> KeyFilter<'a> {
    /// A filter from pairs of column number and value.
    pub const fn new(values: &'a [(usize, Value)], limit: usize) -> Self {
        Self { values, limit }
    }

    /// The value the key column number `column` must equal, if one is asked for.
    pub fn value(&self, column: usize) -> Option<&'a Value> {
        self.values
            .iter()
            .find(|(key, _)| *key == column)
            .map(|(_, value)| value)
    }

    /// The same for a column of text.
    pub fn text(&self, column: usize) -> Option<&'a str> {
        match self.value(column) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The same for a column of integers.
    pub fn integer(&self, column: usize) -> Option<i64> {
        match self.value(column) {
            Some(Value::Integer(integer)) => Some(*integer),
            _ => None,
        }
    }

    /// Whether a row has all the values asked for.
    pub fn matches(&self, row: &[Value]) -> bool {
        self.values
            .iter()
            .all(|(column, value)| row.get(*column) == Some(value))
    }

    /// Whether no key is asked for: a full listing.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
