//! How texts compare: as MySQL's `utf8mb4_general_ci`. Letters of either case
//! are equal, and so are those that differ in an accent; a shorter text is taken
//! as padded with blanks. Columns whose case matters use SQLite's own order of
//! bytes; which ones is said by their [`ColumnKind`](super::table::ColumnKind).

use std::cmp::Ordering;

use rusqlite::{Connection, Result};

use super::decimal;

/// The name SQLite knows the collation by.
pub(super) const ANY_CASE: &str = "m_any_case";

/// The name of the collation of exact numbers, which are texts to SQLite.
pub(super) const BY_NUMBER: &str = "m_by_number";

/// Makes the collations known to `connection`.
pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_collation(ANY_CASE, any_case)?;
    connection.create_collation(BY_NUMBER, decimal::in_order)
}

/// Compares two texts.
pub(super) fn any_case(left: &str, right: &str) -> Ordering {
    let mut left = left.chars().map(fold);
    let mut right = right.chars().map(fold);
    loop {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            return Ordering::Equal;
        }
        let order = l.unwrap_or(' ').cmp(&r.unwrap_or(' '));
        if order.is_ne() {
            return order;
        }
    }
}

/// The letter that stands for all that are equal to `letter`.
pub(super) fn fold(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_uppercase();
    }
    let upper = letter.to_uppercase();
    let upper = match (upper.len(), upper.last()) {
        (1, Some(upper)) => upper,
        _ => letter,
    };
    for (base, accented) in ACCENTED {
        if accented.contains(upper) {
            return *base;
        }
    }
    upper
}

/// Upper-case letters that `utf8mb4_general_ci` takes for one without accent.
const ACCENTED: &[(char, &str)] = &[
    ('A', "ÀÁÂÃÄÅĀĂĄǍ"),
    ('C', "ÇĆĈĊČ"),
    ('D', "Ď"),
    ('E', "ÈÉÊËĒĔĖĘĚ"),
    ('G', "ĜĞĠĢ"),
    ('H', "Ĥ"),
    ('I', "ÌÍÎÏĨĪĬĮİǏ"),
    ('J', "Ĵ"),
    ('K', "Ķ"),
    ('L', "ĹĻĽ"),
    ('N', "ÑŃŅŇ"),
    ('O', "ÒÓÔÕÖŌŎŐǑ"),
    ('R', "ŔŖŘ"),
    ('S', "ŚŜŞŠß"),
    ('T', "ŢŤ"),
    ('U', "ÙÚÛÜŨŪŬŮŰŲǓ"),
    ('W', "Ŵ"),
    ('Y', "ÝŶŸ"),
    ('Z', "ŹŻŽ"),
    ('Е', "ЀЁ"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_trailing_blanks_make_no_difference() {
        for (left, right) in [
            ("a", "A"),
            ("é", "E"),
            ("ПРИВЕТ", "привет"),
            ("a", "a  "),
            ("", " "),
        ] {
            assert_eq!(any_case(left, right), Ordering::Equal, "{left} {right}");
        }
        assert_eq!(any_case("a", "B"), Ordering::Less);
        assert_eq!(any_case("a", " a"), Ordering::Greater);
    }

    proptest! {
        // SQLite's sorter relies on this.
        #[test]
        fn it_is_a_total_order(a in "\\PC{0,4}", b in "\\PC{0,4}", c in "\\PC{0,4}") {
            prop_assert_eq!(any_case(&a, &b), any_case(&b, &a).reverse());
            if any_case(&a, &b).is_le() && any_case(&b, &c).is_le() {
                prop_assert!(any_case(&a, &c).is_le());
            }
        }
    }
}
