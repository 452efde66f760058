//! SHOW, DESCRIBE, DESC and EXPLAIN of a table: reading the statement into a
//! [`Show`], and the SELECT over `information_schema` that answers each.
//!
//! Introspection is data: no answer is written here, only the query that
//! fetches it, so that SHOW, DESCRIBE and `information_schema` cannot disagree.
//! The column names and the list of forms follow the compatibility reference
//! §5.1 to §5.3; where the original server and MySQL differ, MySQL's shape wins.

use sqlparser::dialect::MySqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::answer::DATABASE;
use crate::error::SqlError;
use crate::literal::unescape;

/// The longest SHOW statement that is read, in bytes.
pub const MAX_SHOW_BYTES: usize = 64 * 1024;

/// The most tokens (blanks apart) a SHOW statement may have. Bounds the depth of the
/// condition's syntax tree, whose destruction is recursive.
pub const MAX_SHOW_TOKENS: usize = 1000;

/// One statement that asks about the server rather than for rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Show {
    /// `SHOW DATABASES`, `SHOW SCHEMAS`.
    Databases(Filter),
    /// `SHOW [FULL] TABLES [FROM db]`.
    Tables {
        /// Whether the second column, `Table_type`, is asked for.
        full: bool,
        /// The database named by FROM, or the only one.
        database: String,
        /// LIKE or WHERE.
        filter: Filter,
    },
    /// `SHOW TABLE STATUS [FROM db]`.
    TableStatus {
        /// The database named by FROM, or the only one.
        database: String,
        /// LIKE or WHERE.
        filter: Filter,
    },
    /// `SHOW [FULL] COLUMNS FROM t [FROM db]`, `DESCRIBE t [column]`.
    Columns {
        /// Whether Collation, Privileges and Comment are asked for.
        full: bool,
        /// The table described.
        table: TableName,
        /// LIKE or WHERE.
        filter: Filter,
    },
    /// `SHOW INDEX|INDEXES|KEYS FROM t [FROM db]`.
    Indexes {
        /// The table described.
        table: TableName,
        /// WHERE.
        filter: Filter,
    },
    /// `SHOW CREATE TABLE t`.
    CreateTable(TableName),
    /// `SHOW CREATE DATABASE db`, `SHOW CREATE SCHEMA db`.
    CreateDatabase(String),
    /// `SHOW [GLOBAL|SESSION|LOCAL] VARIABLES`.
    Variables {
        /// Whether values are the server's (GLOBAL) or the session's.
        global: bool,
        /// LIKE or WHERE.
        filter: Filter,
    },
    /// `SHOW [scope] STATUS`.
    Status {
        /// Which counters.
        scope: StatusScope,
        /// LIKE or WHERE.
        filter: Filter,
    },
    /// `SHOW [FULL] PROCESSLIST`.
    ProcessList {
        /// Whether Info is shown whole rather than its first 100 characters.
        full: bool,
    },
    /// A statement about something this server has none of, or a fixed list:
    /// engines, character sets, plugins, warnings, grants, ….
    Listing {
        /// What is listed.
        listing: Listing,
        /// LIKE or WHERE.
        filter: Filter,
    },
}

/// The rows a SHOW keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Those whose first column is like this pattern (`%`, `_`, `\`).
    Like(String),
    /// Those that satisfy this condition over the answer's columns, as typed.
    Where(String),
}

/// A table as a SHOW names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Its database, or the only one.
    pub database: String,
    /// Its name, as typed.
    pub table: String,
}

/// Which counters SHOW STATUS lists (compatibility reference §5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StatusScope {
    /// This tenant and connection; also plain `SHOW STATUS`.
    #[default]
    Session,
    /// The whole server.
    Global,
    /// Load averages and processes of the machine.
    Avg,
    /// The machine's memory.
    Ram,
    /// How long the machine has been up.
    Uptime,
    /// The root file system.
    Filesystem,
}

impl StatusScope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::Session,
        Self::Global,
        Self::Avg,
        Self::Ram,
        Self::Uptime,
        Self::Filesystem,
    ];

    /// The word that selects it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "SESSION",
            Self::Global => "GLOBAL",
            Self::Avg => "AVG",
            Self::Ram => "RAM",
            Self::Uptime => "UPTIME",
            Self::Filesystem => "FILESYSTEM",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("LOCAL") {
            return Some(Self::Session);
        }
        Self::ALL
            .into_iter()
            .find(|scope| scope.name().eq_ignore_ascii_case(word))
    }
}

/// The lists that need no argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listing {
    /// `SHOW WARNINGS`
    Warnings,
    /// `SHOW ERRORS`
    Errors,
    /// `SHOW COUNT(*) WARNINGS`
    WarningCount,
    /// `SHOW COUNT(*) ERRORS`
    ErrorCount,
    /// `SHOW [STORAGE] ENGINES`
    Engines,
    /// `SHOW CHARSET`, `SHOW CHARACTER SET`
    CharacterSets,
    /// `SHOW COLLATION`
    Collations,
    /// `SHOW PLUGINS`
    Plugins,
    /// `SHOW PRIVILEGES`
    Privileges,
    /// `SHOW GRANTS [FOR user]`
    Grants,
    /// `SHOW EVENTS`
    Events,
    /// `SHOW TRIGGERS`
    Triggers,
    /// `SHOW FUNCTION STATUS`
    Functions,
    /// `SHOW PROCEDURE STATUS`
    Procedures,
    /// `SHOW OPEN TABLES`
    OpenTables,
    /// `SHOW MASTER STATUS`, `SHOW BINARY LOG STATUS`
    MasterStatus,
    /// `SHOW REPLICA STATUS`
    ReplicaStatus,
    /// `SHOW SLAVE STATUS`, the same in older words
    SlaveStatus,
    /// `SHOW REPLICAS`
    Replicas,
    /// `SHOW SLAVE HOSTS`, the same in older words
    SlaveHosts,
    /// `SHOW BINLOG EVENTS`
    BinlogEvents,
    /// `SHOW ENGINE INNODB STATUS`
    EngineStatus,
    /// `SHOW PROFILES`
    Profiles,
    /// `SHOW BINARY LOGS`, `SHOW MASTER LOGS`
    BinaryLogs,
}

impl Show {
    /// Reads a statement that begins with SHOW, DESCRIBE, DESC or EXPLAIN.
    ///
    /// # Errors
    /// `Syntax` when it is none of the forms above; `Unsupported` for a SHOW of
    /// something else and for EXPLAIN of a statement.
    pub fn parse(text: &str) -> Result<Self, SqlError> {
        let mut words = Words::read(text)?;
        let show = if words.take("SHOW") {
            words.show()?
        } else if words.take("DESCRIBE") || words.take("DESC") || words.take("EXPLAIN") {
            words.describe()?
        } else {
            return Err(words.unexpected("SHOW or DESCRIBE"));
        };
        words.end()?;
        Ok(show)
    }
}

/// The tokens of the statement, and how far they have been read.
struct Words {
    tokens: Vec<Token>,
    at: usize,
}

impl Words {
    fn read(text: &str) -> Result<Self, SqlError> {
        if text.len() > MAX_SHOW_BYTES {
            return Err(SqlError::unsupported(format!(
                "a SHOW statement may have at most {MAX_SHOW_BYTES} bytes, this one has {}",
                text.len()
            )));
        }
        let tokens = Tokenizer::new(&MySqlDialect {}, text)
            .with_unescape(false)
            .tokenize()
            .map_err(|error| SqlError::syntax(error.to_string()))?;
        let solid = tokens
            .iter()
            .filter(|token| !matches!(token, Token::Whitespace(_)))
            .count();
        if solid > MAX_SHOW_TOKENS {
            return Err(SqlError::unsupported(format!(
                "a SHOW statement may have at most {MAX_SHOW_TOKENS} words, this one has {solid}"
            )));
        }
        Ok(Self { tokens, at: 0 })
    }

    fn show(&mut self) -> Result<Show, SqlError> {
        let full = self.take("FULL");
        self.take("EXTENDED");
        let full = full || self.take("FULL");
        if self.take("DATABASES") || self.take("SCHEMAS") {
            return Ok(Show::Databases(self.filter()?));
        }
        if self.take("TABLES") {
            return Ok(Show::Tables {
                full,
                database: self.take_database()?,
                filter: self.filter()?,
            });
        }
        if self.take_all(&["TABLE", "STATUS"]) {
            return Ok(Show::TableStatus {
                database: self.take_database()?,
                filter: self.filter()?,
            });
        }
        if self.take("COLUMNS") || self.take("FIELDS") {
            return Ok(Show::Columns {
                full,
                table: self.take_table()?,
                filter: self.filter()?,
            });
        }
        if self.take("INDEX") || self.take("INDEXES") || self.take("KEYS") {
            return Ok(Show::Indexes {
                table: self.take_table()?,
                filter: self.filter()?,
            });
        }
        if self.take_all(&["CREATE", "TABLE"]) {
            return Ok(Show::CreateTable(self.table()?));
        }
        if self.take_all(&["CREATE", "DATABASE"]) || self.take_all(&["CREATE", "SCHEMA"]) {
            self.take_all(&["IF", "NOT", "EXISTS"]);
            return Ok(Show::CreateDatabase(self.name("a database name")?));
        }
        if self.take("PROCESSLIST") {
            return Ok(Show::ProcessList { full });
        }
        if let Some(listing) = self.listing() {
            if listing == Listing::Grants && self.take("FOR") {
                self.skip_to_end();
            }
            if matches!(
                listing,
                Listing::Events | Listing::Triggers | Listing::OpenTables
            ) {
                self.take_database()?;
            }
            if matches!(listing, Listing::Warnings | Listing::Errors) && self.take("LIMIT")
                || listing == Listing::BinlogEvents
            {
                self.skip_to_end();
            }
            return Ok(Show::Listing {
                listing,
                filter: self.filter()?,
            });
        }
        self.variables_or_status()
    }

    fn variables_or_status(&mut self) -> Result<Show, SqlError> {
        let start = self.at;
        let scope = self
            .peek_word()
            .and_then(|word| StatusScope::from_word(&word.value));
        if scope.is_some() {
            self.bump();
        }
        let scope = scope.unwrap_or_default();
        if self.take("STATUS") {
            return Ok(Show::Status {
                scope,
                filter: self.filter()?,
            });
        }
        if matches!(scope, StatusScope::Session | StatusScope::Global) && self.take("VARIABLES") {
            return Ok(Show::Variables {
                global: scope == StatusScope::Global,
                filter: self.filter()?,
            });
        }
        self.at = start;
        match self.peek_word() {
            Some(word) => Err(SqlError::unsupported(format!(
                "SHOW {} is not offered",
                word.value.to_uppercase()
            ))),
            None => Err(self.unexpected("what to show")),
        }
    }

    fn listing(&mut self) -> Option<Listing> {
        const FORMS: &[(&[&str], Listing)] = &[
            (&["WARNINGS"], Listing::Warnings),
            (&["ERRORS"], Listing::Errors),
            (&["STORAGE", "ENGINES"], Listing::Engines),
            (&["ENGINES"], Listing::Engines),
            (&["CHARSET"], Listing::CharacterSets),
            (&["CHARACTER", "SET"], Listing::CharacterSets),
            (&["COLLATION"], Listing::Collations),
            (&["PLUGINS"], Listing::Plugins),
            (&["PRIVILEGES"], Listing::Privileges),
            (&["GRANTS"], Listing::Grants),
            (&["EVENTS"], Listing::Events),
            (&["TRIGGERS"], Listing::Triggers),
            (&["FUNCTION", "STATUS"], Listing::Functions),
            (&["PROCEDURE", "STATUS"], Listing::Procedures),
            (&["OPEN", "TABLES"], Listing::OpenTables),
            (&["MASTER", "STATUS"], Listing::MasterStatus),
            (&["BINARY", "LOG", "STATUS"], Listing::MasterStatus),
            (&["REPLICA", "STATUS"], Listing::ReplicaStatus),
            (&["SLAVE", "STATUS"], Listing::SlaveStatus),
            (&["REPLICAS"], Listing::Replicas),
            (&["SLAVE", "HOSTS"], Listing::SlaveHosts),
            (&["BINLOG", "EVENTS"], Listing::BinlogEvents),
            (&["ENGINE", "INNODB", "STATUS"], Listing::EngineStatus),
            (&["PROFILES"], Listing::Profiles),
            (&["BINARY", "LOGS"], Listing::BinaryLogs),
            (&["MASTER", "LOGS"], Listing::BinaryLogs),
        ];
        if let Some((_, listing)) = FORMS.iter().find(|(form, _)| self.take_all(form)) {
            return Some(*listing);
        }
        let start = self.at;
        if self.take("COUNT")
            && self.take_token(&Token::LParen)
            && self.take_token(&Token::Mul)
            && self.take_token(&Token::RParen)
        {
            if self.take("WARNINGS") {
                return Some(Listing::WarningCount);
            }
            if self.take("ERRORS") {
                return Some(Listing::ErrorCount);
            }
        }
        self.at = start;
        None
    }

    fn describe(&mut self) -> Result<Show, SqlError> {
        if let Some(word) = self.peek_word()
            && word.quote_style.is_none()
            && [
                "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "FORMAT", "ANALYZE", "WITH",
            ]
            .iter()
            .any(|verb| word.value.eq_ignore_ascii_case(verb))
        {
            return Err(SqlError::unsupported(format!(
                "EXPLAIN {} is not offered: only EXPLAIN of a table is",
                word.value.to_uppercase()
            )));
        }
        let table = self.table()?;
        let filter = match self.peek() {
            None | Some(Token::SemiColon) => Filter::All,
            Some(_) => Filter::Like(self.name("a column name")?),
        };
        Ok(Show::Columns {
            full: false,
            table,
            filter,
        })
    }

    fn take_database(&mut self) -> Result<String, SqlError> {
        if self.take("FROM") || self.take("IN") {
            self.name("a database name")
        } else {
            Ok(DATABASE.to_owned())
        }
    }

    fn take_table(&mut self) -> Result<TableName, SqlError> {
        if !(self.take("FROM") || self.take("IN")) {
            return Err(self.unexpected("FROM and a table name"));
        }
        let mut table = self.table()?;
        if self.take("FROM") || self.take("IN") {
            table.database = self.name("a database name")?;
        }
        Ok(table)
    }

    fn table(&mut self) -> Result<TableName, SqlError> {
        let first = self.name("a table name")?;
        if self.take_token(&Token::Period) {
            return Ok(TableName {
                database: first,
                table: self.name("a table name")?,
            });
        }
        Ok(TableName {
            database: DATABASE.to_owned(),
            table: first,
        })
    }

    fn filter(&mut self) -> Result<Filter, SqlError> {
        if self.take("LIKE") {
            return match self.peek() {
                Some(Token::SingleQuotedString(_) | Token::DoubleQuotedString(_)) => {
                    Ok(Filter::Like(self.name("a pattern")?))
                }
                _ => Err(self.unexpected("a quoted pattern after LIKE")),
            };
        }
        if self.take("WHERE") {
            let rest = self.tokens.get(self.at..).unwrap_or_default();
            let end = rest
                .iter()
                .rposition(|token| !matches!(token, Token::Whitespace(_) | Token::SemiColon))
                .map_or(0, |last| last + 1);
            if end == 0 {
                return Err(SqlError::syntax("a condition is missing after WHERE"));
            }
            let condition = rest.iter().take(end).map(ToString::to_string).collect();
            self.skip_to_end();
            return Ok(Filter::Where(condition));
        }
        Ok(Filter::All)
    }

    /// A name: bare, or in any of the three quotes (compatibility reference §0 rule 6).
    fn name(&mut self, expected: &str) -> Result<String, SqlError> {
        let name = match self.peek() {
            Some(Token::Word(word)) => word.value.clone(),
            Some(Token::SingleQuotedString(raw)) => unescape(raw, '\'').into_owned(),
            Some(Token::DoubleQuotedString(raw)) => unescape(raw, '"').into_owned(),
            Some(Token::Number(digits, _)) => digits.clone(),
            _ => return Err(self.unexpected(expected)),
        };
        self.bump();
        Ok(name)
    }

    fn peek(&mut self) -> Option<&Token> {
        while matches!(self.tokens.get(self.at), Some(Token::Whitespace(_))) {
            self.at += 1;
        }
        self.tokens.get(self.at)
    }

    fn peek_word(&mut self) -> Option<&Word> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn bump(&mut self) {
        if self.peek().is_some() {
            self.at += 1;
        }
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek_word().is_some_and(|word| {
            word.quote_style.is_none() && word.value.eq_ignore_ascii_case(keyword)
        });
        if found {
            self.at += 1;
        }
        found
    }

    fn take_all(&mut self, keywords: &[&str]) -> bool {
        let start = self.at;
        let found = keywords.iter().all(|keyword| self.take(keyword));
        if !found {
            self.at = start;
        }
        found
    }

    fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    fn skip_to_end(&mut self) {
        self.at = self.tokens.len();
    }

    fn end(&mut self) -> Result<(), SqlError> {
        while self.take_token(&Token::SemiColon) {}
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the statement")),
        }
    }

    fn unexpected(&mut self, expected: &str) -> SqlError {
        match self.peek() {
            Some(token) => SqlError::syntax(format!("expected {expected}, got {token}")),
            None => SqlError::syntax(format!("expected {expected}, got the end of the statement")),
        }
    }
}
