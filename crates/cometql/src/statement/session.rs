//! The statements about the session itself, read word by word: SET in every
//! form that clients send, transactions, USE, KILL and those that are accepted
//! without effect. The parser knows too few forms of SET (compatibility reference
//! §5.3, §10).

use super::{Assignment, Statement};
use crate::error::SqlError;
use crate::literal;
use crate::scan::{Lexeme, LexemeKind, excerpt};

/// The lexemes of a statement and how far they have been read.
pub(super) struct Words<'a> {
    text: &'a str,
    lexemes: &'a [Lexeme],
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str, lexemes: &'a [Lexeme]) -> Self {
        Self { text, lexemes }
    }

    /// The next word or sign in lower case; empty at the end and at quoted text.
    pub(super) fn peek_keyword(&self) -> String {
        match self.lexemes.first() {
            Some(lexeme) if !matches!(lexeme.kind, LexemeKind::Quoted(_)) => {
                lexeme.text(self.text).to_ascii_lowercase()
            }
            _ => String::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<&'a Lexeme> {
        let (first, rest) = self.lexemes.split_first()?;
        self.lexemes = rest;
        Some(first)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [Lexeme] {
        self.lexemes
    }

    /// Skips what may stand between EXPLAIN and a statement; false when no
    /// statement follows.
    pub(super) fn take_explain_options(&mut self) -> bool {
        loop {
            match self.peek_keyword().as_str() {
                "extended" | "partitions" | "analyze" => {
                    self.next();
                }
                "format" => {
                    self.next();
                    if !self.take("=") {
                        return false;
                    }
                    self.next();
                }
                word => {
                    return matches!(
                        word,
                        "select" | "with" | "(" | "insert" | "replace" | "delete" | "update"
                    );
                }
            }
        }
    }

    /// Takes the next word if it is `keyword`, given in lower case.
    pub(super) fn take(&mut self, keyword: &str) -> bool {
        let is_next = self.peek_keyword() == keyword;
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn name(&mut self, of: &str) -> Result<String, SqlError> {
        match self.lexemes.first() {
            Some(lexeme) if matches!(lexeme.kind, LexemeKind::Word | LexemeKind::Quoted(_)) => {
                self.next();
                Ok(plain(self.text, lexeme))
            }
            _ => Err(self.expected(of)),
        }
    }

    fn expected(&self, what: &str) -> SqlError {
        let at = self
            .lexemes
            .first()
            .map_or(self.text.len(), |lexeme| lexeme.range.start);
        SqlError::syntax(format!("expected {what}, got {}", excerpt(self.text, at)))
    }

    fn end(&self, statement: Statement) -> Result<Statement, SqlError> {
        if self.lexemes.is_empty() {
            Ok(statement)
        } else {
            Err(self.expected("the end of the statement"))
        }
    }
}

/// Reads a statement about the session.
///
/// # Errors
/// `Syntax` when it is none of them.
pub(super) fn parse(mut words: Words<'_>) -> Result<Statement, SqlError> {
    let first = words.peek_keyword();
    let at_start = Words {
        text: words.text,
        lexemes: words.lexemes,
    };
    words.next();
    match first.as_str() {
        "set" => set(&words).map(Statement::Set),
        "use" => {
            let database = words.name("the name of a database")?;
            words.end(Statement::Use(database))
        }
        "begin" => {
            words.take("work");
            words.end(Statement::Begin { read_only: None })
        }
        "start" if words.take("transaction") => {
            let read_only = characteristics(&mut words)?;
            words.end(Statement::Begin { read_only })
        }
        "start" => Err(SqlError::unsupported("only START TRANSACTION is offered")),
        "commit" => {
            words.take("work");
            let chain = completion(&mut words)?;
            words.end(Statement::Commit { chain })
        }
        "rollback" => {
            words.take("work");
            if words.take("to") {
                words.take("savepoint");
                let name = words.name("the name of a savepoint")?;
                return words.end(Statement::RollbackTo(name));
            }
            let chain = completion(&mut words)?;
            words.end(Statement::Rollback { chain })
        }
        "savepoint" => {
            let name = words.name("the name of a savepoint")?;
            words.end(Statement::Savepoint(name))
        }
        "release" => {
            if !words.take("savepoint") {
                return Err(words.expected("SAVEPOINT"));
            }
            let name = words.name("the name of a savepoint")?;
            words.end(Statement::Release(name))
        }
        "lock" | "unlock" if words.take("tables") || words.take("table") => Ok(Statement::Ignored),
        "flush" => Ok(Statement::Ignored),
        "alter" if switches_keys(&mut words) => Ok(Statement::Ignored),
        "alter" => Err(SqlError::unsupported("ALTER is not offered by this server")),
        "kill" => {
            let query_only = words.take("query");
            if !query_only {
                words.take("connection");
            }
            let id = words.name("the number of a connection")?;
            let id = id
                .trim()
                .parse()
                .map_err(|_| SqlError::syntax("expected the number of a connection after KILL"))?;
            words.end(Statement::Kill { query_only, id })
        }
        _ => Err(at_start.expected("a statement")),
    }
}

/// Whether `TABLE t DISABLE KEYS` or `ENABLE KEYS` follows, as a dump has around its rows.
fn switches_keys(words: &mut Words<'_>) -> bool {
    words.take("table")
        && words.name("a table").is_ok()
        && (!words.take(".") || words.name("a table").is_ok())
        && (words.take("disable") || words.take("enable"))
        && words.take("keys")
        && words.lexemes.is_empty()
}

/// What may follow START TRANSACTION: whether it is READ ONLY, if that is said.
/// Every snapshot is as consistent as the statement that reads it.
fn characteristics(words: &mut Words<'_>) -> Result<Option<bool>, SqlError> {
    let mut read_only = None;
    if words.lexemes.is_empty() {
        return Ok(read_only);
    }
    loop {
        if words.take("with") {
            if !(words.take("consistent") && words.take("snapshot")) {
                return Err(words.expected("CONSISTENT SNAPSHOT"));
            }
        } else if read_only.is_none() && words.take("read") {
            read_only = Some(words.take("only"));
            if read_only == Some(false) && !words.take("write") {
                return Err(words.expected("ONLY or WRITE"));
            }
        } else {
            return Err(words.expected("READ ONLY, READ WRITE or WITH CONSISTENT SNAPSHOT"));
        }
        if !words.take(",") {
            return Ok(read_only);
        }
    }
}

/// `[AND [NO] CHAIN] [[NO] RELEASE]`: whether CHAIN is said.
fn completion(words: &mut Words<'_>) -> Result<bool, SqlError> {
    let mut chain = false;
    if words.take("and") {
        chain = !words.take("no");
        if !words.take("chain") {
            return Err(words.expected("CHAIN"));
        }
    }
    if words.take("no") {
        if !words.take("release") {
            return Err(words.expected("RELEASE"));
        }
    } else if words.take("release") {
        return Err(SqlError::unsupported(
            "RELEASE is not offered by this server: end the transaction, then close the connection",
        ));
    }
    Ok(chain)
}

fn set(words: &Words<'_>) -> Result<Vec<Assignment>, SqlError> {
    let mut assignments = Vec::new();
    for item in items(words.lexemes) {
        let item = Words {
            text: words.text,
            lexemes: item,
        };
        assignments.push(assignment(item)?);
    }
    Ok(assignments)
}

/// Splits at the commas that are outside parentheses.
fn items(lexemes: &[Lexeme]) -> impl Iterator<Item = &[Lexeme]> {
    let mut depth = 0_usize;
    lexemes.split(move |lexeme| {
        match lexeme.kind {
            LexemeKind::Symbol(b'(') => depth += 1,
            LexemeKind::Symbol(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && lexeme.kind == LexemeKind::Symbol(b',')
    })
}

fn assignment(mut words: Words<'_>) -> Result<Assignment, SqlError> {
    let mut global = false;
    if let [_, second, ..] = words.lexemes
        && !matches!(second.kind, LexemeKind::Symbol(b'=' | b':' | b'.'))
    {
        match words.peek_keyword().as_str() {
            "global" | "persist" | "persist_only" => {
                global = true;
                words.next();
            }
            "session" | "local" => {
                words.next();
            }
            _ => {}
        }
    }
    let mut name = words.name("the name of a variable")?.to_ascii_lowercase();
    if name == "@" {
        name.push_str(&words.name("the name of a variable")?);
    }
    if let Some(system) = name.strip_prefix("@@") {
        name = system.to_owned();
    }
    if words.take(".") {
        global = global || matches!(name.as_str(), "global" | "persist" | "persist_only");
        name = words.name("the name of a variable")?.to_ascii_lowercase();
    }
    match name.as_str() {
        "character" if words.take("set") => "character set".clone_into(&mut name),
        "charset" => "character set".clone_into(&mut name),
        _ => {
            words.take(":");
            words.take("=");
        }
    }
    let typed = |first: &Lexeme, last: &Lexeme| {
        let range = first.range.start..last.range.end;
        words.text.get(range).unwrap_or_default().to_owned()
    };
    let value = match (name.as_str(), words.lexemes) {
        (_, []) => return Err(words.expected(&format!("a value for {}", excerpt(&name, 0)))),
        // NAMES x COLLATE y
        ("names", [charset, ..]) => plain(words.text, charset),
        (name, [only]) if name.starts_with('@') => typed(only, only),
        (_, [only]) => plain(words.text, only),
        (_, [first, .., last]) => typed(first, last),
    };
    Ok(Assignment {
        global,
        name,
        value,
    })
}

/// The text of a word, or of a literal without its quotes.
fn plain(text: &str, lexeme: &Lexeme) -> String {
    match lexeme.kind {
        LexemeKind::Quoted(delimiter) => {
            literal::unescape(lexeme.inner(text), char::from(delimiter)).into_owned()
        }
        _ => lexeme.text(text).to_owned(),
    }
}
