//! What is refused, and what the refusal says.

use super::*;

#[test]
fn what_is_not_offered_is_refused_with_its_kind() {
    let bench = Bench::new();
    for (sql, kind) in [
        ("SELECT * FROM nothing", ErrorKind::UnknownTable),
        ("SELECT * FROM sqlite_master", ErrorKind::UnknownTable),
        ("SELECT * FROM nowhere.pipes", ErrorKind::UnknownDatabase),
        ("SELECT nothing FROM pipes", ErrorKind::UnknownColumn),
        ("SELECT rowid FROM pipes", ErrorKind::UnknownColumn),
        (
            "SELECT id FROM users_auth WHERE nothing = 5",
            ErrorKind::UnknownColumn,
        ),
        ("SELECT p.nothing FROM pipes p", ErrorKind::UnknownColumn),
        (
            "SELECT name FROM pipes, users_in_pipes",
            ErrorKind::AmbiguousColumn,
        ),
        ("SELECT @@nothing", ErrorKind::UnknownVariable),
        (
            "SELECT LOAD_FILE('/etc/passwd')",
            ErrorKind::UnknownFunction,
        ),
        ("SELECT load_extension('x')", ErrorKind::UnknownFunction),
        ("SELECT sqlite_version()", ErrorKind::UnknownFunction),
        ("SELECT ROW_NUMBER() FROM users_auth", ErrorKind::Syntax),
        ("SELECT name INTO @x FROM pipes", ErrorKind::Unsupported),
        (
            "SELECT id FROM users_auth GROUP BY id WITH ROLLUP",
            ErrorKind::Unsupported,
        ),
        (
            "WITH RECURSIVE c AS (SELECT 1 EXCEPT SELECT 1 FROM c) SELECT * FROM c",
            ErrorKind::Unsupported,
        ),
        (
            "SELECT id FROM users_auth WHERE COUNT(*) > 1",
            ErrorKind::MisplacedAggregate,
        ),
        ("SELECT (SELECT 1, 2)", ErrorKind::OperandColumns),
        ("SELECT (1, 2) = (SELECT 1)", ErrorKind::OperandColumns),
        (
            "SELECT (SELECT id FROM users_auth)",
            ErrorKind::SubqueryRows,
        ),
        (
            "SELECT id FROM users_auth WHERE (id, hash) = (SELECT id, hash FROM users_auth)",
            ErrorKind::SubqueryRows,
        ),
        ("SELECT 1 UNION SELECT 1, 2", ErrorKind::UnionColumns),
        ("SELECT * ", ErrorKind::NoTables),
        ("SELECT 1 LIMIT -1", ErrorKind::Syntax),
        ("SELECT CONCAT()", ErrorKind::ArgumentCount),
        ("SELECT JSON_EXTRACT('{', '$.a')", ErrorKind::InvalidValue),
        ("SELECT 'a' REGEXP '('", ErrorKind::InvalidValue),
        ("SELECT SLEEP(-1)", ErrorKind::InvalidValue),
        ("SELECT * FROM refuses", ErrorKind::MissingKey),
        ("SELECT * FROM panics", ErrorKind::Internal),
    ] {
        assert_eq!(bench.kind(sql), kind, "{sql}");
    }
    assert_eq!(bench.rows("SELECT 1"), "1", "the engine goes on");
}

#[test]
fn the_error_names_the_table_and_the_column() {
    let bench = Bench::new();
    let error = bench.query("SELECT * FROM x", &[]).unwrap_err();
    assert_eq!(error.message, "Table 'CometQL_v1.x' doesn't exist");
    let error = bench.query("SELECT x FROM pipes", &[]).unwrap_err();
    assert_eq!(error.message, "Unknown column 'x' in 'field list'");
}

#[test]
fn long_chains_and_long_lists_are_answered_or_refused() {
    let bench = Bench::new();
    let chain = format!("SELECT 1{}", " + 1".repeat(900));
    assert_eq!(bench.rows(&chain), "901");
    let ands = format!(
        "SELECT id FROM users_auth WHERE id = 7{}",
        " AND id = 7".repeat(900)
    );
    assert_eq!(bench.rows(&ands), "7");
    let list: Vec<_> = (0..10_000).rev().map(|id| format!("'{id}'")).collect();
    let sql = format!("SELECT id FROM users_auth WHERE id IN ({})", list.join(","));
    assert_eq!(bench.rows(&sql), "100;42;7;2");
    let unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(150));
    assert_eq!(
        bench.rows(&format!("SELECT COUNT(*) FROM ({unions}) t")),
        "151"
    );
    let nested = format!("SELECT {}1{}", "(SELECT ".repeat(20), ")".repeat(20));
    assert_eq!(bench.rows(&nested), "1");
    if let Ok(query) = parse(&format!(
        "SELECT {}1{}",
        "(SELECT ".repeat(45),
        ")".repeat(45)
    )) {
        let refused = bench.engine.select(&query, &[], &bench.context);
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Unsupported);
    }
    let doubled = (0..20).fold("'aaaaaaaaaaaaaaaaaaaa'".to_owned(), |text, _| {
        format!("REPLACE({text}, 'a', 'aaaa')")
    });
    assert_eq!(
        bench.kind(&format!("SELECT {doubled}")),
        ErrorKind::TooManyValues
    );
    let postfix = format!("SELECT 1{}", " IS NULL".repeat(500));
    assert_eq!(bench.kind(&postfix), ErrorKind::Unsupported);
}
