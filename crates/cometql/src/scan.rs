//! Reading statement text before any parser sees it: where one statement ends
//! and the next begins, where literals and comments lie, and whether a
//! statement is small and shallow enough to be parsed at all. What a statement
//! means is not decided here.
//!
//! The parser behind this keeps a tree whose left-deep chains overflow the
//! stack when they are dropped, so operators are counted here, in a flat list,
//! before a tree exists.

use std::ops::Range;

use crate::error::{ErrorKind, SqlError};

/// How large and how deep one statement may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a statement's keywords, names and operators: everything but
    /// literals, comments, blanks, commas and parentheses.
    pub max_bare_length: usize,
    /// Tokens in one statement. A token costs about 150 bytes while it is parsed.
    pub max_tokens: usize,
    /// Operators, set operations and joins in one statement.
    pub max_operators: usize,
    /// Parentheses open at the same time.
    pub max_depth: usize,
    /// Columns named by one INSERT.
    pub max_columns: usize,
    /// Values in one INSERT, over all its rows.
    pub max_values: usize,
    /// Keys in one key condition (`WHERE name IN (…)`).
    pub max_keys: usize,
    /// Statements in one query text.
    pub max_statements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bare_length: 64 * 1024,
            max_tokens: 500_000,
            max_operators: 1000,
            max_depth: 50,
            max_columns: 100,
            max_values: 100_000,
            max_keys: 100_000,
            max_statements: 1000,
        }
    }
}

/// Splits `text` at its top-level semicolons and returns where each statement
/// lies, in order. Pieces without any token (blanks and comments only) are
/// left out, so the result may be empty.
///
/// A remainder after a semicolon that has only blanks, semicolons and quote
/// characters is ignored: published programs end their statements with a stray
/// quote (compatibility reference §2.6).
///
/// # Errors
/// `Syntax` when a literal or a comment is not closed; `PacketTooLarge` when
/// there are more than `max_statements` ([`Limits::max_statements`]).
pub fn split(text: &str, max_statements: usize) -> Result<Vec<Range<usize>>, SqlError> {
    let junk = trailing_junk(text);
    let mut statements = Vec::new();
    let mut piece: Option<Range<usize>> = None;
    for lexeme in Lexemes::new(text) {
        let lexeme = lexeme?;
        if let Some(piece) = &mut piece {
            keep_hyphens_apart(text, piece, &lexeme.range);
        }
        match lexeme.kind {
            LexemeKind::Blank | LexemeKind::Comment => {}
            LexemeKind::Semicolon => {
                statements.extend(piece.take());
                if lexeme.range.end >= junk {
                    return Ok(statements);
                }
            }
            _ => match &mut piece {
                Some(piece) => piece.end = lexeme.range.end,
                None if statements.len() >= max_statements => {
                    return Err(SqlError::new(
                        ErrorKind::PacketTooLarge,
                        format!("a query may have at most {max_statements} statements"),
                    ));
                }
                None => piece = Some(lexeme.range),
            },
        }
    }
    statements.extend(piece);
    Ok(statements)
}

/// Lets `piece`, when it ends with two hyphens, keep what follows them: they
/// would begin a comment where a text ends, and here they do not.
fn keep_hyphens_apart(text: &str, piece: &mut Range<usize>, next: &Range<usize>) {
    let adjoins = piece.end == next.start;
    let statement = text.get(piece.clone()).unwrap_or_default();
    if adjoins && statement.ends_with("--") {
        piece.end = next.end;
    }
}

/// How many `?` parameters `statement` has, outside literals and comments.
///
/// # Errors
/// `Syntax` when a literal or a comment is not closed.
pub fn parameter_count(statement: &str) -> Result<usize, SqlError> {
    let mut count = 0;
    for lexeme in Lexemes::new(statement) {
        count += usize::from(lexeme?.kind == LexemeKind::Symbol(b'?'));
    }
    Ok(count)
}

/// The lexemes of one statement that mean something, blanks, comments and the
/// marks of `/*! */` left out.
///
/// # Errors
/// `Syntax` when a literal or a comment is not closed or parentheses do not
/// match; `PacketTooLarge` or `TooManyConditions` when it exceeds `limits`.
pub(crate) fn checked_lexemes(statement: &str, limits: &Limits) -> Result<Vec<Lexeme>, SqlError> {
    let mut lexemes: Vec<Lexeme> = Vec::new();
    let mut load = Load::default();
    for lexeme in Lexemes::new(statement) {
        let lexeme = lexeme?;
        if matches!(
            lexeme.kind,
            LexemeKind::Blank | LexemeKind::Comment | LexemeKind::Hint
        ) {
            continue;
        }
        load.add(statement, lexemes.last(), &lexeme);
        load.check(limits)?;
        lexemes.push(lexeme);
    }
    Ok(lexemes)
}

/// What a statement has cost so far.
#[derive(Default)]
struct Load {
    tokens: usize,
    bare_length: usize,
    operators: usize,
    depth: usize,
}

impl Load {
    fn add(&mut self, statement: &str, previous: Option<&Lexeme>, lexeme: &Lexeme) {
        self.tokens += 1;
        match lexeme.kind {
            LexemeKind::Symbol(b'(') => self.depth += 1,
            LexemeKind::Symbol(b')') => self.depth = self.depth.saturating_sub(1),
            LexemeKind::Symbol(b',' | b'.' | b'?') => {}
            // The sign of a number in a list of values is no operator.
            LexemeKind::Symbol(b'-' | b'+')
                if previous
                    .is_some_and(|p| matches!(p.kind, LexemeKind::Symbol(b'(' | b',' | b'='))) => {}
            LexemeKind::Symbol(_) => {
                self.operators += 1;
                self.bare_length += 1;
            }
            LexemeKind::Word => {
                let word = lexeme.text(statement);
                if !word.starts_with(|c: char| c.is_ascii_digit()) {
                    self.bare_length += word.len();
                }
                if OPERATOR_WORDS.iter().any(|o| o.eq_ignore_ascii_case(word)) {
                    self.operators += 1;
                }
            }
            LexemeKind::Quoted(b'`') => self.bare_length += lexeme.range.len(),
            _ => {}
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), SqlError> {
        let over = |what: &str, most: usize| format!("a statement may have at most {most} {what}");
        if self.tokens > limits.max_tokens {
            return Err(SqlError::new(
                ErrorKind::PacketTooLarge,
                over("words, values and signs", limits.max_tokens),
            ));
        }
        if self.bare_length > limits.max_bare_length {
            return Err(SqlError::new(
                ErrorKind::PacketTooLarge,
                over("bytes beside its literals", limits.max_bare_length),
            ));
        }
        if self.operators > limits.max_operators {
            return Err(SqlError::new(
                ErrorKind::TooManyConditions,
                over("operators and joins", limits.max_operators),
            ));
        }
        if self.depth > limits.max_depth {
            return Err(SqlError::new(
                ErrorKind::TooManyConditions,
                over("parentheses inside one another", limits.max_depth),
            ));
        }
        Ok(())
    }
}

/// Words that make the tree of an expression or a query one level deeper.
const OPERATOR_WORDS: [&str; 29] = [
    "and",
    "or",
    "xor",
    "not",
    "is",
    "in",
    "like",
    "ilike",
    "rlike",
    "regexp",
    "between",
    "div",
    "mod",
    "collate",
    "escape",
    "member",
    "overlaps",
    "at",
    "binary",
    "interval",
    "match",
    "when",
    "union",
    "except",
    "intersect",
    "minus",
    "join",
    "straight_join",
    "select",
];

/// Where the run of blanks, semicolons and quotes at the end of `text` begins.
fn trailing_junk(text: &str) -> usize {
    text.trim_end_matches(|c: char| is_blank(c) || matches!(c, ';' | '\'' | '"' | '`'))
        .len()
}

/// Blanks between tokens. The NUL and the byte-order mark are among them: some
/// tools end a script with the first and begin it with the second.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '\u{b}' | '\0' | '\u{feff}')
}

/// What a piece of statement text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexemeKind {
    /// White space.
    Blank,
    /// A comment, `/*!` and its `*/` excepted.
    Comment,
    /// `;` outside of everything.
    Semicolon,
    /// Text in the given delimiter, which is `'`, `"` or a back-tick.
    Quoted(u8),
    /// A keyword, a bare name, a number or a variable: letters, digits, `_ $ @` and
    /// everything that is not ASCII.
    Word,
    /// Any other single character.
    Symbol(u8),
    /// `/*!` with its version number, or the `*/` that closes it.
    Hint,
}

/// A piece of statement text; all pieces together are the whole text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) kind: LexemeKind,
    pub(crate) range: Range<usize>,
}

impl Lexeme {
    /// This piece of `statement`, delimiters included.
    pub(crate) fn text<'a>(&self, statement: &'a str) -> &'a str {
        statement.get(self.range.clone()).unwrap_or_default()
    }

    /// What is between the delimiters of quoted text; the text of anything else.
    pub(crate) fn inner<'a>(&self, statement: &'a str) -> &'a str {
        match self.kind {
            LexemeKind::Quoted(_) => statement
                .get(self.range.start + 1..self.range.end.saturating_sub(1))
                .unwrap_or_default(),
            _ => self.text(statement),
        }
    }
}

/// Cuts statement text into lexemes. Ends after the first error.
pub(crate) struct Lexemes<'a> {
    text: &'a str,
    at: usize,
    in_hint: bool,
}

impl<'a> Lexemes<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            in_hint: false,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next_kind(&mut self) -> Result<Option<(LexemeKind, usize)>, SqlError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return if self.in_hint {
                Err(SqlError::syntax("a comment is not closed with */"))
            } else {
                Ok(None)
            };
        };
        if is_blank(first) {
            let length = rest.len() - rest.trim_start_matches(is_blank).len();
            return Ok(Some((LexemeKind::Blank, length)));
        }
        if let Some(length) = line_comment(rest) {
            return Ok(Some((LexemeKind::Comment, length)));
        }
        if rest.starts_with("/*!") {
            if self.in_hint {
                return Err(SqlError::syntax("a /*! comment is inside another"));
            }
            self.in_hint = true;
            let digits = rest.bytes().skip(3).take_while(u8::is_ascii_digit).count();
            return Ok(Some((LexemeKind::Hint, 3 + digits)));
        }
        if self.in_hint && rest.starts_with("*/") {
            self.in_hint = false;
            return Ok(Some((LexemeKind::Hint, 2)));
        }
        if rest.starts_with("/*") {
            return match memchr::memmem::find(rest.as_bytes().get(2..).unwrap_or_default(), b"*/") {
                Some(end) => Ok(Some((LexemeKind::Comment, end + 4))),
                None => Err(SqlError::syntax("a comment is not closed with */")),
            };
        }
        let kind = match first {
            ';' if !self.in_hint => LexemeKind::Semicolon,
            '\'' | '"' | '`' => {
                let delimiter = first as u8;
                let length = quoted_length(rest.as_bytes(), delimiter).ok_or_else(|| {
                    SqlError::syntax(format!(
                        "expected a closing {first} before the end of the statement, near {}",
                        excerpt(self.text, self.at)
                    ))
                })?;
                return Ok(Some((LexemeKind::Quoted(delimiter), length)));
            }
            c if is_word(c) => {
                let length = rest.len() - rest.trim_start_matches(is_word).len();
                return Ok(Some((LexemeKind::Word, length)));
            }
            c => LexemeKind::Symbol(u8::try_from(c).unwrap_or(b'?')),
        };
        Ok(Some((kind, first.len_utf8())))
    }
}

impl Iterator for Lexemes<'_> {
    type Item = Result<Lexeme, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_kind() {
            Ok(Some((kind, length))) => {
                let start = self.at;
                self.at += length;
                Some(Ok(Lexeme {
                    kind,
                    range: start..self.at,
                }))
            }
            Ok(None) => None,
            Err(error) => {
                self.at = self.text.len();
                self.in_hint = false;
                Some(Err(error))
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '@') || (!c.is_ascii() && !is_blank(c))
}

/// The length of the comment that `rest` begins with, if it begins with one
/// that ends with its line. Two hyphens need a blank or the end after them.
fn line_comment(rest: &str) -> Option<usize> {
    let is_comment = match rest.as_bytes() {
        [b'#', ..] | [b'-', b'-'] => true,
        [b'-', b'-', next, ..] => next.is_ascii_whitespace() || next.is_ascii_control(),
        _ => false,
    };
    is_comment.then(|| memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1))
}

/// The length of the quoted text that `bytes` begins with, delimiters
/// included; `None` when it is not closed. A backslash takes the next byte
/// with it, except in back-ticks; a doubled delimiter stands for itself.
pub(crate) fn quoted_length(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let escapes = delimiter != b'`';
    let mut at = 1;
    loop {
        let rest = bytes.get(at..)?;
        let found = if escapes {
            memchr::memchr2(delimiter, b'\\', rest)?
        } else {
            memchr::memchr(delimiter, rest)?
        };
        let is_backslash = rest.get(found) == Some(&b'\\') && escapes;
        let is_doubled = rest.get(found + 1) == Some(&delimiter);
        at += found + 1;
        if is_backslash || is_doubled {
            at += 1;
        } else {
            return Some(at);
        }
    }
}

/// The characters of an error message that show where in a statement something is wrong.
const EXCERPT_CHARACTERS: usize = 40;

/// A short quotation of `text` from byte `at` on, for error messages: at most 40
/// characters and nothing of a literal, which may be a key.
pub(crate) fn excerpt(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default().trim();
    if rest.is_empty() {
        return "the end of the statement".to_owned();
    }
    let mut shown = String::new();
    for (index, c) in rest.chars().enumerate() {
        if index == EXCERPT_CHARACTERS {
            shown.push('…');
            break;
        }
        shown.push(c);
        if matches!(c, '\'' | '"') {
            shown.push('…');
            break;
        }
    }
    format!("«{shown}»")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(text: &str) -> Vec<&str> {
        split(text, 1000)
            .unwrap()
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn the_statements_of_a_text_are_counted_before_they_are_kept() {
        assert_eq!(split("a;b;;c;", 3).unwrap().len(), 3);
        assert_eq!(
            split("a;b;;c;d", 3).unwrap_err().kind,
            ErrorKind::PacketTooLarge
        );
    }

    #[test]
    fn statements_end_at_top_level_semicolons_only() {
        assert_eq!(pieces("a; b;c"), ["a", "b", "c"]);
        assert_eq!(
            pieces(r#"a ';' b; c ";\";" d; e `;` f; g 'it\'s;' h"#),
            [r#"a ';' b"#, r#"c ";\";" d"#, "e `;` f", r"g 'it\'s;' h"]
        );
        assert_eq!(pieces("a 'x'';' b; c"), ["a 'x'';' b", "c"]);
        assert_eq!(pieces(r"a 'x\\'; b"), [r"a 'x\\'", "b"]);
        assert_eq!(pieces(r"a `x\`; b"), [r"a `x\`", "b"]);
    }

    #[test]
    fn comments_hide_semicolons_and_quotes() {
        assert_eq!(pieces("a -- ; '\n b; c"), ["a -- ; '\n b", "c"]);
        assert_eq!(pieces("a # ; '\n b; c"), ["a # ; '\n b", "c"]);
        assert_eq!(pieces("a /* ; ' */ b; c"), ["a /* ; ' */ b", "c"]);
        assert_eq!(pieces("select 1--1; b"), ["select 1--1", "b"]);
        assert_eq!(
            pieces("/*!40100 SET @a='x;*/y' */; b"),
            ["/*!40100 SET @a='x;*/y' */", "b"]
        );
        assert_eq!(pieces("/*!40100 a; b */; c"), ["/*!40100 a; b */", "c"]);
        assert_eq!(pieces("a --"), ["a"]);
    }

    /// `--` is a comment before white space and at the end of the text. Cut off
    /// at the semicolon, `a --;` would have become one.
    #[test]
    fn two_hyphens_before_a_semicolon_are_no_comment() {
        assert_eq!(pieces("a --;b"), ["a --;", "b"]);
        assert_eq!(pieces("a --; b --"), ["a --;", "b"]);
        assert_eq!(pieces("--;"), ["--;"]);
        assert_eq!(pieces("a --;'"), ["a --;"]);
        assert_eq!(pieces("a --#b"), ["a --#b"]);
        assert_eq!(pieces("a --/*b*/ ;c"), ["a --/*b*/", "c"]);
        assert_eq!(pieces("a --\u{feff};b"), ["a --\u{feff}", "b"]);
        assert_eq!(pieces("a -- ;\n;b"), ["a", "b"]);
        assert_eq!(pieces("a `--`;b"), ["a `--`", "b"]);
        assert_eq!(pieces("a /*--*/;b"), ["a", "b"]);
    }

    #[test]
    fn pieces_without_a_token_are_left_out() {
        for nothing in [
            "",
            ";;;;",
            " \n;\t",
            "-- only",
            "# only",
            "/* only */ ;",
            "\u{feff}",
            "\0",
        ] {
            assert!(pieces(nothing).is_empty(), "{nothing:?}");
        }
        assert_eq!(pieces("\u{feff}select 1\0"), ["select 1"]);
        assert_eq!(pieces(" INSERT INTO x "), ["INSERT INTO x"]);
    }

    #[test]
    fn a_stray_quote_after_the_last_semicolon_is_ignored() {
        assert_eq!(pieces("VALUES('p','e','t');'"), ["VALUES('p','e','t')"]);
        assert_eq!(pieces("a;\";' `\n;"), ["a"]);
        assert_eq!(pieces("a('x;');'"), ["a('x;')"]);
        assert_eq!(pieces("';'"), ["';'"]);
        assert!(split("a; 'b", 9).is_err());
        assert!(split("a('x)'; ", 9).is_ok());
    }

    #[test]
    fn open_ends_are_refused_with_a_short_quotation() {
        let open = format!("a '{}", "x".repeat(5000));
        let error = split(&open, 9).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Syntax);
        assert!(error.message.len() < 200, "{}", error.message);
        for open in [
            "a /* b",
            "a \"b",
            "a `b",
            r"a 'b\'",
            "/*! a",
            "/*! /*! */ */",
        ] {
            assert_eq!(
                split(open, 9).unwrap_err().kind,
                ErrorKind::Syntax,
                "{open}"
            );
        }
    }

    #[test]
    fn many_semicolons_take_linear_time() {
        assert!(pieces(&";".repeat(1 << 20)).is_empty());
        assert_eq!(pieces(&format!("{}x", "; ".repeat(1 << 19))), ["x"]);
    }

    #[test]
    fn parameters_are_counted_outside_literals() {
        let count = |text| parameter_count(text).unwrap();
        assert_eq!(count("a ? ('?', \"?\", `?`, ?) -- ?\n # ?\n /* ? */"), 2);
        assert_eq!(count("a"), 0);
    }

    #[test]
    fn each_limit_is_refused_by_its_name() {
        let refused = |text: &str| checked_lexemes(text, &Limits::default()).unwrap_err().kind;
        assert_eq!(refused(&"1+".repeat(50_000)), ErrorKind::TooManyConditions);
        assert_eq!(
            refused(&"and a=1 ".repeat(50_000)),
            ErrorKind::TooManyConditions
        );
        assert_eq!(
            refused(&"select 1 union ".repeat(50_000)),
            ErrorKind::TooManyConditions
        );
        assert_eq!(refused(&"(".repeat(51)), ErrorKind::TooManyConditions);
        assert_eq!(refused(&"word ".repeat(20_000)), ErrorKind::PacketTooLarge);
        assert_eq!(refused(&"1,".repeat(300_000)), ErrorKind::PacketTooLarge);
    }

    #[test]
    fn long_lists_of_literals_are_within_the_limits() {
        for list in ["-1,", "'x',", "(1,'2'),", "?,", "123456789,"] {
            assert!(
                checked_lexemes(&list.repeat(50_000), &Limits::default()).is_ok(),
                "{list}"
            );
        }
    }

    proptest! {
        #[test]
        fn lexemes_cover_the_text_without_gaps(text in "[a\\\\'\"`;#*/! \n?-]{0,60}") {
            let mut at = 0;
            let mut failed = false;
            for lexeme in Lexemes::new(&text) {
                match lexeme {
                    Ok(lexeme) => {
                        prop_assert_eq!(lexeme.range.start, at);
                        prop_assert!(lexeme.range.end > at);
                        at = lexeme.range.end;
                    }
                    Err(_) => failed = true,
                }
            }
            prop_assert!(failed || at == text.len());
        }

        #[test]
        fn a_statement_is_one_statement_whoever_reads_it(text in "[a\\\\'\"`;#*/! \n-]{0,30}") {
            for range in split(&text, 1000).unwrap_or_default() {
                let statement = &text[range];
                prop_assert_eq!(pieces(statement), [statement]);
            }
        }

        #[test]
        fn any_text_is_split_or_refused(text in any::<String>()) {
            if let Ok(ranges) = split(&text, 1000) {
                for range in ranges {
                    prop_assert!(text.get(range).is_some_and(|piece| !piece.is_empty()));
                }
            }
        }
    }
}
