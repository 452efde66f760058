//! What one statement asks for, in our own words: the types that the tables and
//! the session work with, and the dispatch from a statement's first word to
//! whoever reads the rest. How things are read is in the modules below; what
//! they do is not decided here.
//!
//! Everything that the parser accepts and this server does not offer is refused
//! here by name; nothing is silently read as something else.

mod assigned;
mod delete;
mod dialect;
mod expression;
mod insert;
mod search;
mod select;
mod session;
mod tokens;
mod update;
mod value;

use sqlparser::ast::{Expr, OrderByExpr, Query, TableWithJoins};
use sqlparser::parser::Parser;

use crate::error::{ErrorKind, SqlError};
use crate::plain_insert;
use crate::scan::{self, Lexeme, LexemeKind, Limits};
use crate::show::Show;

pub(crate) use dialect::House;
pub(crate) use tokens::Pipes;
pub use value::{Literal, Value};

use session::Words;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Statement {
    /// No token at all: answered OK (compatibility reference §2.5).
    Empty,
    /// INSERT and REPLACE.
    Insert(Insert),
    /// INSERT … SELECT and REPLACE … SELECT.
    InsertSelect(Box<InsertSelect>),
    /// SELECT.
    Select(Select),
    /// DELETE.
    Delete(Delete),
    /// UPDATE.
    Update(Box<Update>),
    /// SHOW, DESCRIBE, and EXPLAIN of a table.
    Show(Show),
    /// EXPLAIN of a statement.
    Explain(Box<Statement>),
    /// SET, in every form clients send (compatibility reference §5.3).
    Set(Vec<Assignment>),
    /// USE.
    Use(String),
    /// BEGIN, START TRANSACTION.
    Begin {
        /// READ ONLY or READ WRITE, if either is said.
        read_only: Option<bool>,
    },
    /// COMMIT.
    Commit {
        /// AND CHAIN: another transaction of the same kind begins at once.
        chain: bool,
    },
    /// ROLLBACK of the whole transaction.
    Rollback {
        /// AND CHAIN.
        chain: bool,
    },
    /// SAVEPOINT.
    Savepoint(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// RELEASE SAVEPOINT.
    Release(String),
    /// LOCK TABLES, UNLOCK TABLES, FLUSH, ALTER TABLE t DISABLE KEYS: answered OK without effect.
    Ignored,
    /// KILL.
    Kill {
        /// Whether only the running statement ends (KILL QUERY), not its connection.
        query_only: bool,
        /// The connection's number.
        id: u64,
    },
}

/// A table as a statement names it. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The database before the dot, if any.
    pub database: Option<String>,
    /// The name as typed.
    pub name: String,
}

impl TableName {
    /// Whether this is the table called `name`, in whatever database.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// INSERT or REPLACE. Every row has as many values as there are columns, when
/// columns are named, and no column is named twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// The table.
    pub table: TableName,
    /// The columns as typed; `None` means all, in the table's order.
    pub columns: Option<Vec<String>>,
    /// The rows in order; at most [`Limits::max_values`] values altogether.
    pub rows: Vec<Vec<Value<'static>>>,
    /// What happens to a row that is there already.
    pub mode: InsertMode,
}

/// INSERT or REPLACE of the rows a query finds.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertSelect {
    /// Everything but the rows, of which there are none yet.
    pub insert: Insert,
    /// The query; string values are raw as in [`Select::Query`]. Its parameters
    /// come before those of the insert.
    pub query: Box<Query>,
}

/// What an INSERT does with a row whose key exists.
#[derive(Debug, Clone, PartialEq)]
pub enum InsertMode {
    /// As the table does by itself: replace (compatibility reference §0 rule 8).
    Insert,
    /// INSERT IGNORE: leave the row as it is.
    Ignore,
    /// REPLACE.
    Replace,
    /// ON DUPLICATE KEY UPDATE.
    Update(Box<OnDuplicate>),
}

/// ON DUPLICATE KEY UPDATE.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDuplicate {
    /// The columns as typed, each once, and what they are set to, from left to right.
    pub updates: Vec<(String, Updated)>,
    /// What the row that would be inserted is called.
    pub row: Option<RowName>,
}

/// `AS new` or `AS new (a, b)` after the rows of an INSERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowName {
    /// The row's name.
    pub name: String,
    /// Names of its columns in place of the table's, as many as the INSERT names; or none.
    pub columns: Vec<String>,
}

/// The right side of one assignment of an UPDATE or ON DUPLICATE KEY UPDATE.
#[derive(Debug, Clone, PartialEq)]
pub enum Updated {
    /// `VALUES(column)`: what the INSERT has for that column.
    Inserted(String),
    /// `column`: what the row has now.
    Kept(String),
    /// A literal or a parameter.
    Value(Value<'static>),
    /// Anything else.
    Expression(Computed),
}

/// An expression over a row. String values are raw as in [`Select::Query`];
/// `VALUES(column)` is the column of a row called [`Computed::INSERTED`].
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// The expression.
    pub expression: Box<Expr>,
    /// The numbers of its parameters, counted from 0 over the whole statement.
    pub parameters: Vec<usize>,
}

impl Computed {
    /// What stands before the dot for the row that would be inserted: a word
    /// that cannot be typed as a name.
    pub const INSERTED: &'static str = "VALUES";
}

impl Updated {
    /// The numbers of its parameters.
    pub fn parameters(&self) -> &[usize] {
        match self {
            Self::Value(Value::Parameter(number)) => std::slice::from_ref(number),
            Self::Expression(computed) => &computed.parameters,
            Self::Inserted(_) | Self::Kept(_) | Self::Value(_) => &[],
        }
    }
}

/// SELECT.
#[derive(Debug, Clone, PartialEq)]
pub enum Select {
    /// Rows of one table by its key: what backends ask for all the time.
    Lookup(KeyLookup),
    /// Everything else. String values in it are **raw**: the text between the
    /// delimiters, to be read with [`crate::literal::unescape`]; identifiers
    /// are read already. Parameters are `?`, in the order they were typed.
    Query(Box<Query>),
}

/// `SELECT columns FROM table WHERE key = value` or `key IN (values)`, with a
/// LIMIT at most.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyLookup {
    /// The table.
    pub table: TableName,
    /// The columns as typed, each once; `None` means `*`.
    pub columns: Option<Vec<String>>,
    /// The condition.
    pub condition: KeyCondition,
    /// LIMIT, if any.
    pub limit: Option<Limit>,
}

/// `column = value` or `column IN (values)`.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyCondition {
    /// The column as typed.
    pub column: String,
    /// The values in the order written, repeated if they are repeated; empty
    /// for `IN ( )`.
    pub keys: Vec<Value<'static>>,
}

/// LIMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many rows are left out at the beginning.
    pub offset: u64,
    /// How many rows are given at most.
    pub count: u64,
}

/// DELETE from one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// The table.
    pub table: TableName,
    /// Which rows, if anything is said of that.
    pub condition: Option<Condition>,
}

/// UPDATE of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The table.
    pub table: TableName,
    /// The columns as typed, each once, and what they are set to, from left to right.
    pub updates: Vec<(String, Updated)>,
    /// Which rows.
    pub rows: Search,
}

/// How the rows that a statement changes are found. String values are raw as in
/// [`Select::Query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// FROM: the table that is changed, and those it is joined with.
    pub from: Vec<TableWithJoins>,
    /// What the table that is changed is called there.
    pub name: String,
    /// WHERE, if any.
    pub condition: Option<Expr>,
    /// ORDER BY: the order in which rows change.
    pub order_by: Vec<OrderByExpr>,
    /// LIMIT: how many rows change at most.
    pub limit: Option<Expr>,
}

impl Search {
    /// Whether rows of other tables decide, so that one row may be found often.
    pub fn is_join(&self) -> bool {
        !matches!(self.from.as_slice(), [only] if only.joins.is_empty())
    }
}

/// The rows of a DELETE.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these hold. No column is named twice.
    Keys(Vec<KeyCondition>),
    /// Anything else.
    Search(Box<Search>),
}

/// One assignment of a SET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Whether the whole server is meant (GLOBAL, PERSIST).
    pub global: bool,
    /// The variable in lower case, without `@@` and scope; user variables keep
    /// their `@`. `names`, `character set`, `transaction` and `password` for the
    /// forms that have no variable.
    pub name: String,
    /// The text of a lone literal or word; expressions, and what a user variable is
    /// set to, as typed.
    pub value: String,
}

impl Statement {
    /// Reads one statement; a semicolon after it is allowed.
    ///
    /// # Errors
    /// `Syntax` when it is none or more than one, `Unsupported` with the name of
    /// what this server does not offer, `Forbidden` for the replication prefix
    /// (compatibility reference §2.7), and the kinds that belong to `limits`.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, SqlError> {
        Self::parse_for(text, limits, Pipes::Or)
    }

    /// [`Statement::parse`] for a session to which `||` means this.
    pub(crate) fn parse_for(text: &str, limits: &Limits, pipes: Pipes) -> Result<Self, SqlError> {
        Self::parse_plain(text, limits).unwrap_or_else(|| parse_any(text, limits, pipes))
    }

    /// [`Statement::parse`] for the plain INSERTs that nearly all statements
    /// are; `None` for everything else.
    pub(crate) fn parse_plain(text: &str, limits: &Limits) -> Option<Result<Self, SqlError>> {
        let insert = plain_insert::parse(text, limits)?.into();
        Some(insert::checked(insert, limits).map(Self::Insert))
    }
}

/// Reads a SELECT as a query even if it is a look-up by key.
///
/// # Errors
/// As [`Statement::parse`].
pub(crate) fn parse_query(
    text: &str,
    limits: &Limits,
    pipes: Pipes,
) -> Result<Box<Query>, SqlError> {
    let piece = scan::split(text, limits.max_statements)?.into_iter().next();
    let text = piece.and_then(|piece| text.get(piece)).unwrap_or_default();
    let lexemes = scan::checked_lexemes(text, limits)?;
    let query = parse_with(text, &lexemes, pipes, |parser| parser.parse_query())?;
    select::as_query(query)
}

/// The table that `text` would write to, if it begins like an INSERT, a REPLACE,
/// an UPDATE or a DELETE, whatever comes after.
pub(crate) fn written_table(text: &str) -> Option<String> {
    const LONGEST_BEGINNING: usize = 8;
    let is_blank = |lexeme: &Lexeme| {
        matches!(
            lexeme.kind,
            LexemeKind::Blank | LexemeKind::Comment | LexemeKind::Hint
        )
    };
    let lexemes: Vec<Lexeme> = scan::Lexemes::new(text)
        .map_while(Result::ok)
        .filter(|lexeme| !is_blank(lexeme))
        .take(LONGEST_BEGINNING)
        .collect();
    let mut words = Words::new(text, &lexemes);
    let verb = words.peek_keyword();
    if !matches!(verb.as_str(), "insert" | "replace" | "update" | "delete") {
        return None;
    }
    words.next();
    while matches!(
        words.peek_keyword().as_str(),
        "low_priority" | "delayed" | "high_priority" | "quick" | "ignore" | "into" | "from"
    ) {
        words.next();
    }
    let mut table = words.name("a table").ok()?;
    if words.take(".") {
        table = words.name("a table").ok()?;
    }
    Some(table)
}

/// [`Statement::parse`] without the fast path.
pub(crate) fn parse_any(text: &str, limits: &Limits, pipes: Pipes) -> Result<Statement, SqlError> {
    let mut pieces = scan::split(text, limits.max_statements)?.into_iter();
    let piece = match (pieces.next(), pieces.next()) {
        (None, _) => return Ok(Statement::Empty),
        (Some(piece), None) => text.get(piece).unwrap_or_default(),
        (Some(_), Some(second)) => {
            refuse_replication_prefix(text)?;
            return Err(SqlError::syntax(format!(
                "expected one statement, got another near {}",
                scan::excerpt(text, second.start)
            )));
        }
    };
    let lexemes = scan::checked_lexemes(piece, limits)?;
    if lexemes.is_empty() {
        return Ok(Statement::Empty);
    }
    dispatch(piece, &lexemes, limits, pipes, true)
}

fn dispatch(
    text: &str,
    lexemes: &[Lexeme],
    limits: &Limits,
    pipes: Pipes,
    may_explain: bool,
) -> Result<Statement, SqlError> {
    let mut words = Words::new(text, lexemes);
    let first = words.peek_keyword();
    match first.as_str() {
        "insert" | "replace" => parse_with(text, lexemes, pipes, |parser| parser.parse_statement())
            .and_then(|parsed| insert::convert(text, parsed, limits)),
        "select" | "with" | "(" | "values" | "table" => {
            let query = parse_with(text, lexemes, pipes, |parser| parser.parse_query())?;
            select::convert(text, query, limits).map(Statement::Select)
        }
        "delete" => {
            let lexemes = search::without_modifiers(text, lexemes)?;
            let parsed = parse_with(text, &lexemes, pipes, |parser| parser.parse_statement())?;
            delete::convert(text, parsed, limits).map(Statement::Delete)
        }
        "update" => {
            let lexemes = search::without_modifiers(text, lexemes)?;
            let parsed = parse_with(text, &lexemes, pipes, |parser| parser.parse_statement())?;
            let update = update::convert(text, parsed)?;
            Ok(Statement::Update(Box::new(update)))
        }
        "show" => Show::parse(text).map(Statement::Show),
        "describe" | "desc" | "explain" => {
            words.next();
            if !words.take_explain_options() {
                return Show::parse(text).map(Statement::Show);
            }
            if !may_explain {
                return Err(SqlError::syntax("EXPLAIN of an EXPLAIN"));
            }
            let explained = dispatch(text, words.rest(), limits, pipes, false)?;
            Ok(Statement::Explain(Box::new(explained)))
        }
        "cometqlcluster_v1" => Err(replication_prefix()),
        other if UNSUPPORTED.contains(&other) => Err(SqlError::unsupported(format!(
            "{} is not offered by this server",
            other.to_ascii_uppercase()
        ))),
        _ => session::parse(words),
    }
}

/// Runs the parser over the whole statement.
fn parse_with<T>(
    text: &str,
    lexemes: &[Lexeme],
    pipes: Pipes,
    parse: impl FnOnce(&mut Parser) -> Result<T, sqlparser::parser::ParserError>,
) -> Result<T, SqlError> {
    let tokens = tokens::tokens(text, lexemes, pipes)?;
    let dialect = House;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let parsed = parse(&mut parser).map_err(|error| tokens::syntax_error(text, &error))?;
    let after = parser.peek_token();
    if after.token.to_string().eq_ignore_ascii_case("into") {
        return Err(SqlError::unsupported("SELECT … INTO is not offered"));
    }
    if after.token != sqlparser::tokenizer::Token::EOF {
        let at = tokens::offset(after.span).unwrap_or(text.len());
        return Err(SqlError::syntax(format!(
            "expected the end of the statement, got {}",
            scan::excerpt(text, at)
        )));
    }
    Ok(parsed)
}

/// Refuses a text that says for whom the statement after it is.
///
/// # Errors
/// `Forbidden` (compatibility reference §2.7).
pub(crate) fn refuse_replication_prefix(text: &str) -> Result<(), SqlError> {
    let start = text.trim_start().as_bytes().get(..REPLICATION_PREFIX.len());
    match start {
        Some(start) if start.eq_ignore_ascii_case(REPLICATION_PREFIX.as_bytes()) => {
            Err(replication_prefix())
        }
        _ => Ok(()),
    }
}

const REPLICATION_PREFIX: &str = "cometqlcluster_v1";

fn replication_prefix() -> SqlError {
    SqlError::new(
        ErrorKind::Forbidden,
        "only a node of the cluster may say for whom a statement is",
    )
}

/// First words of statements that exist in MySQL and are refused by name.
const UNSUPPORTED: [&str; 36] = [
    "create",
    "drop",
    "truncate",
    "rename",
    "grant",
    "revoke",
    "call",
    "load",
    "do",
    "handler",
    "import",
    "prepare",
    "execute",
    "deallocate",
    "reset",
    "analyze",
    "check",
    "checksum",
    "optimize",
    "repair",
    "install",
    "uninstall",
    "purge",
    "change",
    "stop",
    "xa",
    "shutdown",
    "restart",
    "clone",
    "cache",
    "binlog",
    "help",
    "signal",
    "resignal",
    "get",
    "merge",
];

#[cfg(test)]
mod tests;
