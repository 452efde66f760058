//! Everything that reads statement text before the parser: its pieces, its
//! literals, and the fast road of INSERT against the parser's.

#![no_main]

use cometql::{fuzzing, literal, scan};
use libfuzzer_sys::fuzz_target;

const MOST: usize = 16;

fuzz_target!(|text: &str| {
    fuzzing::lexemes_are_the_text(text);
    fuzzing::both_roads_agree(text);
    let _ = scan::parameter_count(text);
    for delimiter in ['\'', '"'] {
        let _ = literal::free_text(text, delimiter);
        let _ = literal::unescape(text, delimiter);
        let _ = literal::delimiter_undone(text, delimiter);
    }
    let Ok(pieces) = scan::split(text, MOST) else {
        return;
    };
    assert!(pieces.len() <= MOST);
    let mut end = 0;
    for piece in pieces {
        assert!(end <= piece.start && piece.start < piece.end);
        end = piece.end;
        let statement = &text[piece];
        // One statement whoever reads it, and the same one.
        let again = scan::split(statement, MOST);
        let whole = 0..statement.len();
        assert_eq!(again.as_deref(), Ok([whole].as_slice()), "{statement:?}");
    }
});
