//! The fast path: `INSERT INTO name (columns) VALUES (literals)[, (…)]`, which
//! is nearly all that backends send, read in one pass without a parser. It
//! gives up on anything else, so it never says what a statement is not; what it
//! does read, the parser's road reads the same, and a property test holds them
//! equal.

use crate::scan::{Limits, quoted_length};
use crate::statement::{Insert, InsertMode, Literal, TableName, Value};

/// A plain INSERT, as it stands in its text.
#[derive(Debug, PartialEq)]
pub(crate) struct PlainInsert<'a> {
    /// The table as typed.
    pub(crate) table: &'a str,
    /// The columns as typed, perhaps one twice; at least one.
    pub(crate) columns: Vec<&'a str>,
    /// The values of all rows, one row behind the other: as many as columns in each.
    pub(crate) values: Vec<Value<'a>>,
}

impl From<PlainInsert<'_>> for Insert {
    fn from(plain: PlainInsert<'_>) -> Self {
        let width = plain.columns.len().max(1);
        let mut values = plain.values.into_iter().map(Value::into_owned);
        let mut rows = Vec::with_capacity(values.len().div_ceil(width));
        while values.len() > 0 {
            rows.push(values.by_ref().take(width).collect());
        }
        Self {
            table: TableName {
                database: None,
                name: plain.table.to_owned(),
            },
            columns: Some(plain.columns.into_iter().map(str::to_owned).collect()),
            rows,
            mode: InsertMode::Insert,
        }
    }
}

/// Names longer than this are left to the other road, which bounds them.
const MAX_NAME_LENGTH: usize = 64;

/// The plain INSERT that `text` is, or `None` for anything else, also for rows
/// that have not as many values as there are columns.
pub(crate) fn parse<'a>(text: &'a str, limits: &Limits) -> Option<PlainInsert<'a>> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.blanks();
    cursor.keyword("insert")?;
    cursor.some_blanks()?;
    cursor.keyword("into")?;
    cursor.some_blanks()?;
    let table = cursor.name()?;
    // No keyword that may stand here has an underscore.
    if !table.contains('_') {
        return None;
    }
    let columns = cursor.columns(limits.max_columns)?;
    cursor.keyword("values")?;
    let values = cursor.rows(columns.len(), limits.max_values)?;
    cursor.end()?;
    Some(PlainInsert {
        table,
        columns,
        values,
    })
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn columns(&mut self, most: usize) -> Option<Vec<&'a str>> {
        let mut columns = Vec::with_capacity(4);
        self.blanks();
        self.byte(b'(')?;
        loop {
            self.blanks();
            let column = self.name()?;
            let opens_a_query = ["select", "with"]
                .iter()
                .any(|word| word.eq_ignore_ascii_case(column));
            if columns.len() == most || opens_a_query {
                return None;
            }
            columns.push(column);
            self.blanks();
            if self.byte(b',').is_none() {
                self.byte(b')')?;
                self.blanks();
                return Some(columns);
            }
        }
    }

    /// The values of all rows of `width` values each.
    fn rows(&mut self, width: usize, most: usize) -> Option<Vec<Value<'a>>> {
        let mut values = Vec::with_capacity(width);
        let mut parameters = 0_usize;
        loop {
            self.blanks();
            self.byte(b'(')?;
            for column in 0..width {
                if column > 0 {
                    self.byte(b',')?;
                }
                self.blanks();
                values.push(self.value(&mut parameters)?);
                self.blanks();
            }
            self.byte(b')')?;
            if values.len() > most {
                return None;
            }
            self.blanks();
            if self.byte(b',').is_none() {
                return Some(values);
            }
        }
    }

    fn value(&mut self, parameters: &mut usize) -> Option<Value<'a>> {
        match *self.rest().first()? {
            delimiter @ (b'\'' | b'"') => {
                let length = quoted_length(self.rest(), delimiter)?;
                let raw = self.text.get(self.at + 1..self.at + length - 1)?;
                self.at += length;
                Some(Value::Text(Literal::quoted(raw, char::from(delimiter))))
            }
            b'?' => {
                self.at += 1;
                *parameters += 1;
                Some(Value::Parameter(*parameters - 1))
            }
            b'+' => {
                self.at += 1;
                self.digits().map(|digits| Value::Number(digits.into()))
            }
            b'-' => {
                let start = self.at;
                self.at += 1;
                self.digits()?;
                Some(Value::Number(self.text.get(start..self.at)?.into()))
            }
            b'0'..=b'9' => self.digits().map(|digits| Value::Number(digits.into())),
            _ => {
                self.keyword("null")?;
                Some(Value::Null)
            }
        }
    }

    fn digits(&mut self) -> Option<&'a str> {
        let digits = self.take_while(|byte| byte.is_ascii_digit())?;
        // Fractions, exponents and words that begin with a digit.
        match self.rest().first() {
            Some(next) if is_word(*next) || *next == b'.' => None,
            _ => Some(digits),
        }
    }

    /// A bare or back-ticked name of letters, digits and underscores.
    fn name(&mut self) -> Option<&'a str> {
        let is_quoted = self.byte(b'`').is_some();
        if !is_quoted && self.rest().first()?.is_ascii_digit() {
            return None;
        }
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
        if is_quoted {
            self.byte(b'`')?;
        } else if self.rest().first().is_some_and(|next| is_word(*next)) {
            return None;
        }
        (name.len() <= MAX_NAME_LENGTH).then_some(name)
    }

    /// `keyword` in any case, and not the beginning of a longer word.
    fn keyword(&mut self, keyword: &str) -> Option<()> {
        let word = self.rest().get(..keyword.len())?;
        if !word.eq_ignore_ascii_case(keyword.as_bytes()) {
            return None;
        }
        self.at += keyword.len();
        match self.rest().first() {
            Some(next) if is_word(*next) => None,
            _ => Some(()),
        }
    }

    /// Only blanks and semicolons are left.
    fn end(&self) -> Option<()> {
        self.rest()
            .iter()
            .all(|byte| byte.is_ascii_whitespace() || *byte == b';')
            .then_some(())
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        (self.rest().first() == Some(&byte)).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while self.rest().first().is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn some_blanks(&mut self) -> Option<()> {
        self.rest()
            .first()?
            .is_ascii_whitespace()
            .then(|| self.blanks())
    }

    fn take_while(&mut self, is_part: impl Fn(u8) -> bool) -> Option<&'a str> {
        let length = self
            .rest()
            .iter()
            .take_while(|byte| is_part(**byte))
            .count();
        let taken = self.text.get(self.at..self.at + length)?;
        self.at += length;
        (length > 0).then_some(taken)
    }
}

/// Bytes that continue a word for the scanner.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlError;
    use crate::statement::{Pipes, Statement, parse_any};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    fn both_roads(
        text: &str,
    ) -> Option<(Result<Statement, SqlError>, Result<Statement, SqlError>)> {
        let limits = Limits::default();
        parse(text, &limits)?;
        Some((
            Statement::parse(text, &limits),
            parse_any(text, &limits, Pipes::Or),
        ))
    }

    #[test]
    fn the_shapes_of_backends_take_the_fast_path() {
        for text in [
            "INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userLogin', '{}')",
            "INSERT INTO users_auth (id, hash)VALUES (3, 'abc')",
            "insert into users_data(id, data)VALUES(\"9997\", '{\"rand\":\"0.1-0.2\"}');",
            " INSERT  INTO\n`users_messages` (`id`,`event`,message) VALUES (-1,?,NULL),\n(+2, 'x', 'y') ; ;\n",
        ] {
            let (fast, slow) = both_roads(text).unwrap();
            assert!(fast.is_ok(), "{text}");
            assert_eq!(fast, slow, "{text}");
        }
    }

    #[test]
    fn anything_else_is_left_to_the_parser() {
        for text in [
            "INSERT INTO users_auth (id, hash)VALUES (, 'abc')",
            "INSERT IGNORE INTO users_auth (id) VALUES (1)",
            "INSERT INTO db.users_auth (id) VALUES (1)",
            "INSERT INTO users_auth VALUES (1, 'x')",
            "INSERT INTO users_auth (id) VALUES (1) ON DUPLICATE KEY UPDATE id = 2",
            "INSERT INTO users_auth (id) VALUES (word)",
            "INSERT INTO users_auth (id) VALUES (1.5)",
            "INSERT INTO users_auth (id) VALUES (1e5)",
            "INSERT INTO users_auth (id) VALUES (0x48)",
            "INSERT INTO users_auth (id) VALUES ('a' 'b')",
            "INSERT INTO users_auth (id) VALUES ('a'); SELECT 1",
            "INSERT INTO users_auth (id) VALUES ('a\\')",
            "INSERT INTO users_auth (id) VALUES (1 /* one */)",
            "INSERT INTO users_auth (id) VALUES (nullx)",
            "INSERTINTO users_auth (id) VALUES (1)",
            "",
        ] {
            assert_eq!(parse(text, &Limits::default()), None, "{text}");
        }
    }

    #[test]
    fn a_value_too_many_is_left_to_the_road_that_counts() {
        let limits = Limits {
            max_values: 3,
            ..Limits::default()
        };
        let three = "INSERT INTO users_auth (id) VALUES (1),(2),(3)";
        assert!(parse(three, &limits).is_some());
        assert_eq!(parse(&format!("{three},(4)"), &limits), None);
    }

    fn literal() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "'([^'\\\\]|''|\\\\.){0,12}'",
            4 => "\"([^\"\\\\]|\"\"|\\\\.){0,12}\"",
            4 => "[-+]?[0-9]{1,12}",
            4 => Just("?".to_owned()),
            4 => "(?i)null",
            1 => "[-+0-9a-z.'\"?@x]{1,5}",
        ]
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[a-z][a-z0-9_]{0,8}",
            3 => "`[a-zA-Z_0-9]{1,8}`",
            1 => "[a-z_`\"' $]{1,8}",
            3 => prop::sample::select(vec![
                "index", "time", "select", "with", "values", "table", "local", "null", "name",
                "default", "user", "key", "ROW_", "low_priority", "sql_no_cache", "data", "set",
            ])
            .prop_map(str::to_owned),
        ]
    }

    fn table() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => Just("users_auth".to_owned()),
            4 => Just("`pipes_messages`".to_owned()),
            1 => "[a-z]{1,4}_[a-z]{1,4}",
            1 => name(),
        ]
    }

    fn blank() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            4 => Just(""),
            4 => Just(" "),
            4 => Just("\n\t \r"),
            1 => Just("/**/"),
            1 => Just("\u{b}"),
        ]
    }

    fn insert() -> impl Strategy<Value = String> {
        let shape = (1_usize..4, 1_usize..4).prop_flat_map(|(width, height)| {
            let row = prop::collection::vec(literal(), width..=width).prop_map(|v| v.join(","));
            (
                prop::collection::vec(name(), width..=width),
                prop::collection::vec(row, height..=height),
            )
        });
        let end = prop_oneof![
            6 => Just(""),
            2 => Just(";"),
            2 => Just(" ;; "),
            1 => Just(";'"),
            1 => Just(" limit 1"),
        ];
        (table(), shape, blank(), blank(), end).prop_map(|(table, (columns, rows), a, b, end)| {
            format!(
                "{a}insert into {a}{table}{a}({b}{}{a}){b}values{a}({b}{}{a}){end}",
                columns.join(&format!("{a},{b}")),
                rows.join(&format!("{b}){a},{b}("))
            )
        })
    }

    fn mutated() -> impl Strategy<Value = String> {
        (
            insert(),
            any::<prop::sample::Index>(),
            "[-'\"`\\\\(),;? #*/@.x1\u{e9}]{0,2}",
            0_usize..3,
        )
            .prop_map(|(text, place, inserted, removed)| {
                let mut characters: Vec<char> = text.chars().collect();
                let start = place.index(characters.len());
                let end = (start + removed).min(characters.len());
                characters.splice(start..end, inserted.chars());
                characters.into_iter().collect()
            })
    }

    #[test]
    fn most_generated_inserts_take_the_fast_path() {
        let mut runner = TestRunner::deterministic();
        let is_plain = |runner: &mut TestRunner| {
            let text = insert().new_tree(runner).unwrap().current();
            parse(&text, &Limits::default()).is_some()
        };
        let plain = (0..500).filter(|_| is_plain(&mut runner)).count();
        assert!(plain > 150, "only {plain} of 500");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn both_roads_agree_on_every_insert(text in prop_oneof![insert(), mutated()]) {
            if let Some((fast, slow)) = both_roads(&text) {
                prop_assert_eq!(fast, slow);
            }
        }
    }
}
