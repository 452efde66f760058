//! Statements that programs really send, and what they mean.

mod conditions;
mod hostile;
mod inserts;
mod session;

use super::*;

fn parse(text: &str) -> Result<Statement, SqlError> {
    Statement::parse(text, &Limits::default())
}

fn parsed(text: &str) -> Statement {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn refused(text: &str) -> ErrorKind {
    match parse(text) {
        Ok(statement) => panic!("{text}: {statement:?}"),
        Err(error) => {
            assert!(
                !error.message.is_empty() && error.message.len() < 300,
                "{error:?}"
            );
            error.kind
        }
    }
}

/// The only row of an INSERT: table, columns, and values as free text.
fn inserted(text: &str) -> (String, Vec<String>, Vec<String>) {
    let Statement::Insert(insert) = parsed(text) else {
        panic!("{text}");
    };
    assert_eq!(insert.rows.len(), 1, "{text}");
    let values = insert.rows[0]
        .iter()
        .map(|value| value.free_text(&[]).unwrap().unwrap().into_owned())
        .collect();
    (
        insert.table.name,
        insert.columns.unwrap_or_default(),
        values,
    )
}

fn assert_inserts(text: &str, table: &str, columns: &[&str], values: &[&str]) {
    let (actual_table, actual_columns, actual_values) = inserted(text);
    assert_eq!(actual_table, table, "{text}");
    assert_eq!(actual_columns, columns, "{text}");
    assert_eq!(actual_values, values, "{text}");
}

fn looked_up(text: &str) -> KeyLookup {
    match parsed(text) {
        Statement::Select(Select::Lookup(lookup)) => lookup,
        other => panic!("{text}: {other:?}"),
    }
}

fn assert_looks_up(text: &str, table: &str, columns: Option<&[&str]>, key: &str, keys: &[&str]) {
    let lookup = looked_up(text);
    assert_eq!(lookup.table.name, table, "{text}");
    let actual: Option<Vec<&str>> = lookup
        .columns
        .as_ref()
        .map(|columns| columns.iter().map(String::as_str).collect());
    assert_eq!(actual.as_deref(), columns, "{text}");
    assert_condition(text, &lookup.condition, key, keys);
}

fn assert_condition(text: &str, condition: &KeyCondition, key: &str, keys: &[&str]) {
    assert_eq!(condition.column, key, "{text}");
    let actual: Vec<_> = condition
        .keys
        .iter()
        .map(|key| key.text(&[]).unwrap().unwrap().into_owned())
        .collect();
    assert_eq!(actual, keys, "{text}");
}

fn assert_deletes(text: &str, table: &str, key: &str, keys: &[&str]) {
    let Statement::Delete(delete) = parsed(text) else {
        panic!("{text}");
    };
    assert_eq!(delete.table.name, table, "{text}");
    match delete.condition {
        Some(Condition::Keys(conditions)) => {
            assert_eq!(conditions.len(), 1, "{text}");
            assert_condition(text, &conditions[0], key, keys);
        }
        other => panic!("{text}: {other:?}"),
    }
}

fn is_query(text: &str) -> bool {
    matches!(parsed(text), Statement::Select(Select::Query(_)))
}
