//! Lexemes into the parser's tokens, and the parser's complaints into ours.
//!
//! The parser's own tokenizer is not used: it and the scanner would have to
//! agree on where every literal ends, or text inside a literal could become
//! part of the statement. String tokens carry the raw bytes between their
//! delimiters; a token's span has its byte offset, plus one, as its column.

use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use crate::error::{ErrorKind, SqlError};
use crate::literal;
use crate::scan::{Lexeme, LexemeKind, excerpt};

/// The column of tokens that stand for something that was not typed.
pub(super) const NOT_TYPED: u64 = u64::MAX;

/// The tokens of `statement`, whose lexemes are given. An empty list, `IN ( )`,
/// gets one NULL at the column [`NOT_TYPED`], for the parser refuses it; so it does the
/// character set in `CAST(… AS CHAR CHARACTER SET utf8)`, which is left out: all text is UTF-8.
///
/// # Errors
/// `Syntax` at a character no statement has.
pub(super) fn tokens(
    statement: &str,
    lexemes: &[Lexeme],
    pipes: Pipes,
) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut reader = Reader {
        pipes,
        statement,
        lexemes,
        next: 0,
    };
    let mut tokens: Vec<TokenWithSpan> = Vec::with_capacity(lexemes.len());
    while let Some(lexeme) = reader.take() {
        if ends_with_as_char(&tokens) && reader.skip_character_set(lexeme) {
            continue;
        }
        let token = reader.token(lexeme, &tokens)?;
        if token == Token::RParen && ends_with_in_and_parenthesis(&tokens) {
            tokens.push(at(NOT_TYPED, Token::make_word("NULL", None)));
        }
        let column = u64::try_from(lexeme.range.start).unwrap_or(NOT_TYPED - 2) + 1;
        tokens.push(at(column, token));
    }
    Ok(tokens)
}

/// The byte offset that a span from [`tokens`] stands for.
pub(super) fn offset(span: Span) -> Option<usize> {
    if span.start.column == NOT_TYPED {
        return None;
    }
    usize::try_from(span.start.column.checked_sub(1)?).ok()
}

/// The parser's complaint about `statement` as one sentence that quotes little of it.
pub(super) fn syntax_error(statement: &str, error: &ParserError) -> SqlError {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return SqlError::new(
                ErrorKind::TooManyConditions,
                "the statement is nested too deeply",
            );
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let position = message
        .rsplit_once("Column: ")
        .and_then(|(_, column)| column.trim().parse::<usize>().ok());
    let near = excerpt(
        statement,
        position.map_or(statement.len(), |column| column.saturating_sub(1)),
    );
    let expected = message
        .strip_prefix("Expected: ")
        .and_then(|rest| rest.split_once(", found: "))
        .map(|(expected, _)| expected)
        .filter(|expected| expected.len() <= 80);
    SqlError::syntax(match expected {
        Some(expected) => format!("expected {expected}, got {near}"),
        None => format!("the statement cannot be understood near {near}"),
    })
}

fn at(column: u64, token: Token) -> TokenWithSpan {
    let location = Location { line: 1, column };
    TokenWithSpan {
        token,
        span: Span {
            start: location,
            end: location,
        },
    }
}

fn ends_with_in_and_parenthesis(tokens: &[TokenWithSpan]) -> bool {
    match tokens {
        [.., word, open] => open.token == Token::LParen && is_word(word, "in"),
        _ => false,
    }
}

/// Whether `tokens` end with `AS CHAR` or `AS CHAR(10)`.
fn ends_with_as_char(tokens: &[TokenWithSpan]) -> bool {
    let before_length = match tokens {
        [before @ .., open, length, close]
            if open.token == Token::LParen
                && matches!(length.token, Token::Number(..))
                && close.token == Token::RParen =>
        {
            before
        }
        _ => tokens,
    };
    match before_length {
        [.., first, second] => is_word(first, "as") && is_word(second, "char"),
        _ => false,
    }
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found)
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// What `||` means to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pipes {
    /// OR, as MySQL reads it by itself.
    #[default]
    Or,
    /// Texts one after the other: `sql_mode` has `PIPES_AS_CONCAT`.
    Concat,
}

struct Reader<'a> {
    pipes: Pipes,
    statement: &'a str,
    lexemes: &'a [Lexeme],
    next: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<&'a Lexeme> {
        let lexeme = self.lexemes.get(self.next)?;
        self.next += 1;
        Some(lexeme)
    }

    /// The next lexeme if nothing stands between it and `end`.
    fn adjacent(&self, end: usize) -> Option<&'a Lexeme> {
        self.lexemes
            .get(self.next)
            .filter(|lexeme| lexeme.range.start == end)
    }

    /// Goes past the rest of `CHARACTER SET name` or `CHARSET name` when `lexeme` begins it and a
    /// parenthesis closes it.
    fn skip_character_set(&mut self, lexeme: &Lexeme) -> bool {
        let rest = self.lexemes.get(self.next..).unwrap_or_default();
        let is = |lexeme: &Lexeme, word: &str| {
            lexeme.kind == LexemeKind::Word
                && lexeme.text(self.statement).eq_ignore_ascii_case(word)
        };
        let length = match rest {
            [set, _, close, ..] if is(lexeme, "character") && is(set, "set") => {
                (close.kind == LexemeKind::Symbol(b')')).then_some(2)
            }
            [_, close, ..] if is(lexeme, "charset") => {
                (close.kind == LexemeKind::Symbol(b')')).then_some(1)
            }
            _ => None,
        };
        self.next += length.unwrap_or(0);
        length.is_some()
    }

    fn token(&mut self, lexeme: &'a Lexeme, before: &[TokenWithSpan]) -> Result<Token, SqlError> {
        match lexeme.kind {
            LexemeKind::Word => Ok(self.word(lexeme, before)),
            LexemeKind::Quoted(b'`') => Ok(Token::make_word(
                &literal::unescape(lexeme.inner(self.statement), '`'),
                Some('`'),
            )),
            LexemeKind::Quoted(delimiter) => Ok(self.string(lexeme, delimiter)),
            LexemeKind::Symbol(b'.')
                if !follows_a_name(before) || self.begins_a_fraction(lexeme) =>
            {
                Ok(self.fraction(lexeme, String::new()))
            }
            LexemeKind::Symbol(_) => self.sign(lexeme),
            LexemeKind::Semicolon => Ok(Token::SemiColon),
            LexemeKind::Blank | LexemeKind::Comment | LexemeKind::Hint => Err(self.unknown(lexeme)),
        }
    }

    fn word(&mut self, lexeme: &'a Lexeme, before: &[TokenWithSpan]) -> Token {
        let word = lexeme.text(self.statement);
        if word == "@" {
            return self.quoted_variable(lexeme);
        }
        let quoted = self
            .adjacent(lexeme.range.end)
            .filter(|next| matches!(next.kind, LexemeKind::Quoted(b'\'' | b'"')));
        if let (Some(quoted), "x" | "X" | "b" | "B" | "n" | "N") = (quoted, word) {
            self.next += 1;
            let raw = quoted.inner(self.statement).to_owned();
            return match word {
                "x" | "X" => Token::HexStringLiteral(raw),
                "b" | "B" => Token::SingleQuotedByteStringLiteral(raw),
                _ => Token::NationalStringLiteral(raw),
            };
        }
        let is_after_period = matches!(before.last(), Some(last) if last.token == Token::Period);
        if word.eq_ignore_ascii_case("mod") && ends_an_operand(before) {
            return Token::Mod;
        }
        if is_after_period || !word.starts_with(|c: char| c.is_ascii_digit()) {
            return Token::make_word(word, None);
        }
        if let Some(digits) = word.strip_prefix("0x")
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Token::HexStringLiteral(digits.to_owned());
        }
        if word.bytes().all(|b| b.is_ascii_digit()) {
            let dot = self
                .adjacent(lexeme.range.end)
                .filter(|next| next.kind == LexemeKind::Symbol(b'.'));
            return match dot {
                Some(dot) => {
                    self.next += 1;
                    self.fraction(dot, word.to_owned())
                }
                None => Token::Number(word.to_owned(), false),
            };
        }
        self.exponent(lexeme, word.to_owned())
            .unwrap_or_else(|| Token::make_word(word, None))
    }

    /// Whether a `.` stands apart from what is before it and has a digit behind it:
    /// then a word before it is a keyword (`SELECT .5`).
    fn begins_a_fraction(&self, dot: &Lexeme) -> bool {
        let before = self.next.checked_sub(2);
        let before = before.and_then(|before| self.lexemes.get(before));
        before.is_none_or(|before| before.range.end != dot.range.start)
            && self.adjacent(dot.range.end).is_some_and(|next| {
                next.kind == LexemeKind::Word
                    && next
                        .text(self.statement)
                        .starts_with(|c: char| c.is_ascii_digit())
            })
    }

    /// ``@`name` ``, `@'name'`: a user variable, as the bare word is.
    fn quoted_variable(&mut self, at: &Lexeme) -> Token {
        let Some((name, LexemeKind::Quoted(quote))) =
            self.adjacent(at.range.end).map(|name| (name, name.kind))
        else {
            return Token::AtSign;
        };
        self.next += 1;
        let name = literal::unescape(name.inner(self.statement), char::from(quote));
        Token::make_word(&format!("@{name}"), None)
    }

    /// What follows the whole part of a number at its `dot`.
    fn fraction(&mut self, dot: &'a Lexeme, whole: String) -> Token {
        let begins = |c: char| c.is_ascii_digit() || (!whole.is_empty() && matches!(c, 'e' | 'E'));
        let digits = self
            .adjacent(dot.range.end)
            .filter(|next| next.kind == LexemeKind::Word)
            .filter(|next| next.text(self.statement).starts_with(begins));
        let Some(digits) = digits else {
            return if whole.is_empty() {
                Token::Period
            } else {
                Token::Number(whole + ".", false)
            };
        };
        self.next += 1;
        let fraction = digits.text(self.statement);
        let number = format!("{whole}.{fraction}");
        if fraction.bytes().all(|b| b.is_ascii_digit()) {
            return Token::Number(number, false);
        }
        self.exponent(digits, number.clone())
            .unwrap_or_else(|| Token::make_word(&number, None))
    }

    /// `text`, which ends with `lexeme`, as a number with an exponent, if it is one.
    fn exponent(&mut self, lexeme: &'a Lexeme, mut text: String) -> Option<Token> {
        let (mantissa, exponent) = text.split_once(['e', 'E'])?;
        if !mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return None;
        }
        if exponent.is_empty() {
            let sign = self
                .adjacent(lexeme.range.end)
                .filter(|next| matches!(next.kind, LexemeKind::Symbol(b'-' | b'+')))?;
            let digits = self.lexemes.get(self.next + 1).filter(|digits| {
                digits.range.start == sign.range.end
                    && digits
                        .text(self.statement)
                        .bytes()
                        .all(|b| b.is_ascii_digit())
            })?;
            text.push_str(sign.text(self.statement));
            text.push_str(digits.text(self.statement));
            self.next += 2;
        } else if !exponent.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Token::Number(text, false))
    }

    /// A string, with the strings that follow it: they are one (`'a' 'b'`).
    fn string(&mut self, lexeme: &'a Lexeme, delimiter: u8) -> Token {
        let mut raw = lexeme.inner(self.statement).to_owned();
        while let Some(next) = self.lexemes.get(self.next) {
            match next.kind {
                LexemeKind::Quoted(b'`') => break,
                LexemeKind::Quoted(other) if other == delimiter => {
                    raw.push_str(next.inner(self.statement));
                }
                LexemeKind::Quoted(other) => {
                    let text = literal::unescape(next.inner(self.statement), char::from(other));
                    for c in text.chars() {
                        if matches!(c, '\\' | '\'' | '"') {
                            raw.push('\\');
                        }
                        raw.push(c);
                    }
                }
                _ => break,
            }
            self.next += 1;
        }
        match delimiter {
            b'"' => Token::DoubleQuotedString(raw),
            _ => Token::SingleQuotedString(raw),
        }
    }

    fn sign(&mut self, lexeme: &'a Lexeme) -> Result<Token, SqlError> {
        let rest = self.statement.get(lexeme.range.start..).unwrap_or_default();
        for (text, token) in LONG_SIGNS {
            if rest.starts_with(text) {
                self.next += text.len() - 1;
                return Ok(match token {
                    // MySQL's meaning of ||, which the parser takes for another.
                    Token::StringConcat if self.pipes == Pipes::Or => Token::make_word("OR", None),
                    token => token.clone(),
                });
            }
        }
        Ok(match lexeme.kind {
            LexemeKind::Symbol(b'(') => Token::LParen,
            LexemeKind::Symbol(b')') => Token::RParen,
            LexemeKind::Symbol(b',') => Token::Comma,
            LexemeKind::Symbol(b'.') => Token::Period,
            LexemeKind::Symbol(b'=') => Token::Eq,
            LexemeKind::Symbol(b'<') => Token::Lt,
            LexemeKind::Symbol(b'>') => Token::Gt,
            LexemeKind::Symbol(b'+') => Token::Plus,
            LexemeKind::Symbol(b'-') => Token::Minus,
            LexemeKind::Symbol(b'*') => Token::Mul,
            LexemeKind::Symbol(b'/') => Token::Div,
            LexemeKind::Symbol(b'%') => Token::Mod,
            LexemeKind::Symbol(b'?') => Token::Placeholder("?".to_owned()),
            LexemeKind::Symbol(b'!') => Token::ExclamationMark,
            LexemeKind::Symbol(b'~') => Token::Tilde,
            LexemeKind::Symbol(b'&') => Token::Ampersand,
            LexemeKind::Symbol(b'|') => Token::Pipe,
            LexemeKind::Symbol(b'^') => Token::Caret,
            LexemeKind::Symbol(b':') => Token::Colon,
            LexemeKind::Symbol(b'{') => Token::LBrace,
            LexemeKind::Symbol(b'}') => Token::RBrace,
            LexemeKind::Symbol(b';') => Token::SemiColon,
            _ => return Err(self.unknown(lexeme)),
        })
    }

    fn unknown(&self, lexeme: &Lexeme) -> SqlError {
        SqlError::syntax(format!(
            "the statement cannot be understood near {}",
            excerpt(self.statement, lexeme.range.start)
        ))
    }
}

/// Signs of several characters, longest first.
const LONG_SIGNS: [(&str, Token); 12] = [
    ("<=>", Token::Spaceship),
    ("->>", Token::LongArrow),
    ("->", Token::Arrow),
    ("<>", Token::Neq),
    ("!=", Token::Neq),
    ("<=", Token::LtEq),
    (">=", Token::GtEq),
    ("<<", Token::ShiftLeft),
    (">>", Token::ShiftRight),
    ("||", Token::StringConcat),
    ("&&", Token::Overlap),
    (":=", Token::Assignment),
];

/// Words after which an expression begins, so that a MOD after them is a name.
const BEFORE_AN_OPERAND: [&str; 35] = [
    "all", "and", "as", "between", "binary", "by", "case", "delete", "distinct", "div", "else",
    "from", "having", "if", "in", "insert", "interval", "into", "is", "join", "like", "limit",
    "mod", "not", "offset", "on", "or", "regexp", "rlike", "select", "set", "then", "when",
    "where", "xor",
];

/// Whether what came before is an operand, which an infix operator may follow.
fn ends_an_operand(before: &[TokenWithSpan]) -> bool {
    match before.last().map(|last| &last.token) {
        Some(Token::Word(word)) => {
            word.quote_style.is_some()
                || !BEFORE_AN_OPERAND
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(&word.value))
        }
        Some(
            Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::HexStringLiteral(_)
            | Token::Placeholder(_)
            | Token::RParen,
        ) => true,
        _ => false,
    }
}

/// Whether a `.` at this place belongs to a qualified name.
fn follows_a_name(before: &[TokenWithSpan]) -> bool {
    matches!(
        before.last().map(|last| &last.token),
        Some(
            Token::Word(_)
                | Token::SingleQuotedString(_)
                | Token::DoubleQuotedString(_)
                | Token::RParen
        )
    )
}
