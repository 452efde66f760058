//! What a statement takes and gives: parameters, columns, rows, and the counts
//! of an OK. Every column of CometQL is a string on the wire (VAR_STRING, never
//! typed; compatibility reference §0 rule 5), so a cell is text or NULL.

use std::sync::Arc;

/// The name of the one database (compatibility reference §0 rule 7).
pub const DATABASE: &str = "CometQL_v1";

/// The answer to one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The statement was carried out and has no rows.
    Done(Done),
    /// The statement has a result set, possibly empty.
    Rows(ResultSet),
}

/// The counts of an OK packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Affected rows, as each table defines them.
    pub affected_rows: u64,
    /// The last insert id, as each table defines it.
    pub insert_id: u64,
    /// Text for a person; drivers show it as "info". Empty means none; at most 127 bytes.
    pub info: String,
}

/// Columns and rows, in the order they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultSet {
    /// The columns. Several may have one name, as in `SELECT a.*, b.*`.
    pub columns: Vec<Column>,
    /// The rows; each has exactly as many cells as there are columns.
    pub rows: Vec<Row>,
}

/// One row of a result set.
pub type Row = Vec<Cell>;

/// One cell: text, or NULL (only computed expressions and variables can be NULL).
pub type Cell = Option<Arc<str>>;

/// One column of a result set, as its definition packet describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name shown: the alias, or the column as typed.
    pub name: String,
    /// The table it comes from; empty for computed columns.
    pub table: String,
    /// Maximum length in bytes, for clients that size buffers by it.
    pub max_length: u32,
}

impl Column {
    /// A computed column called `name`.
    pub fn computed(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            table: String::new(),
            max_length: 1024,
        }
    }
}

/// One parameter of a prepared statement, decoded from COM_STMT_EXECUTE.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// NULL.
    Null,
    /// Any signed integer type.
    Integer(i64),
    /// Any unsigned integer type.
    Unsigned(u64),
    /// FLOAT or DOUBLE.
    Real(f64),
    /// Every string, blob, decimal, date and time type; dates and times in MySQL's text form.
    /// Checked to be UTF-8 before it gets here.
    Text(String),
}

/// What COM_STMT_PREPARE answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prepared {
    /// How many `?` the statement has.
    pub parameters: usize,
    /// The columns of the result, empty for statements without one. They may
    /// be computed without running the statement.
    pub columns: Vec<Column>,
}
