//! Names of computed columns as MySQL gives them: the expression's text, just
//! as it was typed. The parser's tree no longer has that text, the statement has.

use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Value};

use crate::answer::Column;
use crate::literal::unescape;
use crate::scan::{self, LexemeKind};

/// Renames the computed columns of `query` that have no alias to their text in
/// `statement`, which is what `query` was parsed from. Where the text cannot be told apart with certainty, they stay as they were.
pub fn name_as_typed(statement: &str, query: &Query, columns: &mut [Column]) {
    let mut body = &*query.body;
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    let SetExpr::Select(select) = body else {
        return;
    };
    if query.with.is_some() || select.projection.len() != columns.len() {
        return;
    }
    let Some(texts) = select_items(statement) else {
        return;
    };
    if texts.len() != columns.len() {
        return;
    }
    for (index, (item, text)) in select.projection.iter().zip(texts).enumerate() {
        let is_computed = match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.value.starts_with('@'),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(_)) => false,
            // A text is called what it says, its first part if it has several.
            SelectItem::UnnamedExpr(Expr::Value(value)) => {
                if let Some(says) = first_text(&value.value, text) {
                    if let Some(column) = columns.get_mut(index) {
                        column.name = says;
                    }
                    continue;
                }
                true
            }
            SelectItem::UnnamedExpr(_) => true,
            SelectItem::ExprWithAlias { .. } | SelectItem::ExprWithAliases { .. } => false,
            SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => return,
        };
        if is_computed
            && !text.is_empty()
            && let Some(column) = columns.get_mut(index)
        {
            text.clone_into(&mut column.name);
        }
    }
}

/// What the first of the texts that make one string literal says; `None` for
/// other literals.
fn first_text(value: &Value, typed: &str) -> Option<String> {
    let is_text = matches!(
        value,
        Value::SingleQuotedString(_)
            | Value::DoubleQuotedString(_)
            | Value::NationalStringLiteral(_)
    );
    let first = scan::Lexemes::new(typed)
        .map_while(Result::ok)
        .find(|lexeme| matches!(lexeme.kind, LexemeKind::Quoted(_)))
        .filter(|_| is_text)?;
    let LexemeKind::Quoted(quote) = first.kind else {
        return None;
    };
    Some(unescape(first.inner(typed), char::from(quote)).into_owned())
}

/// The texts between SELECT and what follows the list; `None` where a comment
/// or an unclosed quote makes that unclear.
fn select_items(statement: &str) -> Option<Vec<&str>> {
    const MODIFIERS: [&str; 4] = ["DISTINCT", "ALL", "SQL_CALC_FOUND_ROWS", "HIGH_PRIORITY"];
    const ENDS: [&str; 12] = [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "ORDER",
        "LIMIT",
        "FOR",
        "LOCK",
        "UNION",
        "EXCEPT",
        "INTERSECT",
    ];
    let mut scan = statement.char_indices().peekable();
    let mut depth = 0_usize;
    let mut start = None;
    let mut items = Vec::new();
    let mut end = statement
        .trim_end_matches([';', ' ', '\t', '\r', '\n'])
        .len();
    while let Some((at, letter)) = scan.next() {
        match letter {
            '\'' | '"' | '`' => loop {
                match scan.next()? {
                    (_, '\\') if letter != '`' => {
                        scan.next()?;
                    }
                    (_, closing) if closing == letter => break,
                    _ => {}
                }
            },
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            '#' => return None,
            '-' | '/' if matches!(scan.peek(), Some((_, '-' | '*'))) => {
                if start.is_some() || letter == '-' {
                    return None;
                }
                // A comment in front, as drivers send it.
                let close = statement.get(at..)?.find("*/")? + at + 2;
                while scan.next_if(|(next, _)| *next < close).is_some() {}
            }
            ',' if depth == 0 => {
                items.push(statement.get(start?..at)?.trim());
                start = Some(at + 1);
            }
            _ if letter.is_alphabetic() || matches!(letter, '_' | '@') => {
                let mut after = at + letter.len_utf8();
                while let Some((next, letter)) =
                    scan.next_if(|(_, c)| c.is_alphanumeric() || matches!(c, '_' | '@' | '$' | '.'))
                {
                    after = next + letter.len_utf8();
                }
                let word = statement.get(at..after)?;
                let is = |known: &&str| known.eq_ignore_ascii_case(word);
                if start.is_none() {
                    if depth > 0 || !is(&"SELECT") {
                        return None;
                    }
                    start = Some(after);
                } else if depth == 0 && ENDS.iter().any(is) {
                    end = at;
                    break;
                } else if items.is_empty()
                    && statement.get(start?..at)?.trim().is_empty()
                    && MODIFIERS.iter().any(is)
                {
                    start = Some(after);
                }
            }
            _ => {}
        }
    }
    items.push(statement.get(start?..end)?.trim());
    Some(items)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::query::engine::parse;

    fn named(statement: &str) -> Vec<String> {
        let query = parse(statement).unwrap();
        let mut body = &*query.body;
        while let SetExpr::SetOperation { left, .. } = body {
            body = left;
        }
        let SetExpr::Select(select) = body else {
            panic!("not a SELECT")
        };
        let mut columns: Vec<_> = (0..select.projection.len())
            .map(|index| Column::computed(format!("c{index}")))
            .collect();
        name_as_typed(statement, &query, &mut columns);
        columns.into_iter().map(|column| column.name).collect()
    }

    #[test]
    fn a_computed_column_is_called_what_was_typed() {
        for (statement, names) in [
            ("SELECT 1+1", &["1+1"][..]),
            (
                "select concat(a,'x,y') , Count( * ) FROM t;",
                &["concat(a,'x,y')", "Count( * )"],
            ),
            ("/* ping */ SELECT DISTINCT max(a) from t", &["max(a)"]),
            ("SELECT a, 1+1 AS two, b+1 ORDER BY 1", &["c0", "c1", "b+1"]),
            (
                "SELECT (SELECT 1 FROM t WHERE 1), 2*2",
                &["(SELECT 1 FROM t WHERE 1)", "2*2"],
            ),
            ("SELECT 1+1, 1+1", &["1+1", "1+1"]),
            ("SELECT 1+/* , */1", &["c0"]),
            ("SELECT *, 1+1 FROM t", &["c0", "c1"]),
            (
                "SELECT 'a', 1+1 UNION SELECT 2, 3 UNION SELECT 4, 5",
                &["a", "1+1"],
            ),
            (
                "SELECT 'it\\'s', 'a' 'b', TRUE, 0x4D",
                &["it's", "a", "TRUE", "0x4D"],
            ),
            ("SELECT 'it\\'s' = 'x'", &["'it\\'s' = 'x'"]),
        ] {
            assert_eq!(named(statement), names, "{statement}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(select |SELECT |)[a-z0-9'\"`,()/*# é-]{0,40}") {
            let _ = select_items(&text);
        }
    }
}
