//! What fuzz targets must see of private modules. Not part of the product:
//! behind the feature `fuzzing`, which nothing but `fuzz/` turns on.

use crate::plain_insert;
use crate::scan::{Lexemes, Limits};
use crate::statement::{Pipes, Statement, parse_any};

/// Asserts that the lexemes of `text` are the whole text, piece after piece, up to
/// the first error.
pub fn lexemes_are_the_text(text: &str) {
    let mut end = 0;
    for lexeme in Lexemes::new(text) {
        let Ok(lexeme) = lexeme else {
            return;
        };
        assert_eq!(lexeme.range.start, end);
        assert!(lexeme.range.end > end && text.get(lexeme.range.clone()).is_some());
        end = lexeme.range.end;
    }
    assert_eq!(end, text.len());
}

/// Asserts that what the fast road reads, the parser's road reads the same.
pub fn both_roads_agree(text: &str) {
    let limits = Limits::default();
    if plain_insert::parse(text, &limits).is_some() {
        assert_eq!(
            Statement::parse(text, &limits),
            parse_any(text, &limits, Pipes::Or),
            "{text:?}"
        );
    }
}
