//! Text that is wrong, huge or random.

use super::*;
use proptest::prelude::*;

#[test]
fn syntax_errors_say_what_was_expected_and_quote_little() {
    let error = parse("INSERT INTO users_auth (id, hash)VALUES (, 'abc')").unwrap_err();
    assert!(
        error
            .message
            .starts_with("expected an expression, got «, '…»"),
        "{error}"
    );
    let payload = "secret ".repeat(1000);
    for text in [
        format!("SELECT * FROM t WHERE '{payload}' '{payload}' x"),
        format!("INSERT INTO t (a) VALUES ('{payload}' oops)"),
        format!("INSERT INTO t (a '{payload}') VALUES (1)"),
        format!("oops '{payload}'"),
        format!("INSERT INTO t (a) VALUES (CONCAT('{payload}'))"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(!error.message.contains("secret"), "{error}");
        assert!(error.message.len() < 160, "{error}");
    }
    let error = parse(&payload).unwrap_err();
    assert!(error.message.len() < 160, "{error}");
    for text in [
        "SELECT",
        "SELECT 1 1 1",
        "SELECT * FROM t WHERE",
        "INSERT",
        "INSERT INTO t",
        "DELETE",
        "foo",
        "SELECT 1; SELECT 2",
        "'x'",
        "SELECT (1",
        "SELECT 1)",
        "\u{1}",
        "SELECT \u{1}",
        "KILL x",
        "USE",
        "INSERT INTO t () VALUES ()",
        "SELECT $$ ; $$",
    ] {
        assert!(matches!(refused(text), ErrorKind::Syntax), "{text}");
    }
}

#[test]
fn depth_bombs_are_refused_and_never_overflow_a_small_stack() {
    let bombs = || {
        let ones = "1+".repeat(50_000);
        vec![
            format!("SELECT {ones}1"),
            format!("INSERT INTO t (a) VALUES ({ones}1)"),
            format!("SELECT * FROM t WHERE a=1{}", " and a=1".repeat(50_000)),
            format!("DELETE FROM t WHERE a=1{}", " or a=1".repeat(50_000)),
            format!("SELECT {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
            format!("SELECT {}1", "- ".repeat(50_000)),
            format!("SELECT {}1", "not ".repeat(50_000)),
            format!("SELECT 1{}", " union select 1".repeat(50_000)),
            format!("SELECT * FROM t{}", " join t".repeat(50_000)),
            format!("SELECT a{}", " is null".repeat(50_000)),
            format!("SELECT a{}", " collate x".repeat(50_000)),
            format!("SELECT a{}", "[1]".repeat(50_000)),
            format!("SELECT a{}", "::int".repeat(50_000)),
            format!("{}SELECT 1", "EXPLAIN ".repeat(20_000)),
            format!("SELECT {}1", "case when 1 then ".repeat(10_000)),
            format!("SELECT {}1", "interval ".repeat(8_000)),
            format!("SELECT {}", "'a' ".repeat(50_000)) + "oops oops",
            "(".repeat(1_000_000),
            "/*! ".repeat(100_000),
        ]
    };
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let worker = small.spawn(move || {
        for bomb in bombs() {
            let error = parse(&bomb).err();
            assert!(error.is_some(), "{}", &bomb[..60]);
        }
        // A qualified name is as flat as a list, however long.
        parse(&format!("SELECT a{}", ".b".repeat(50_000))).unwrap();
        // What the limits allow must fit in the same stack.
        let most = Limits::default().max_operators - 2;
        parse(&format!("SELECT 1{}", "+1".repeat(most))).unwrap();
        parse(&format!("SELECT {}1{}", "(".repeat(20), ")".repeat(20))).unwrap();
        let conditions = " and a=1".repeat(most / 2 - 1);
        assert_eq!(
            parse(&format!("DELETE FROM t WHERE a=1{conditions}"))
                .unwrap_err()
                .kind,
            ErrorKind::DuplicateColumn
        );
    });
    worker.unwrap().join().unwrap();
}

#[test]
fn long_lists_of_keys_are_read() {
    let keys: Vec<String> = (0..10_000).map(|n| (n * 100_000).to_string()).collect();
    let lookup = looked_up(&format!(
        "SELECT * FROM users_time WHERE id IN ({})",
        keys.join(",")
    ));
    assert_eq!(lookup.condition.keys.len(), 10_000);
    let limits = Limits {
        max_keys: 3,
        ..Limits::default()
    };
    let error = Statement::parse("SELECT * FROM t WHERE id IN (1,2,3,4)", &limits).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooManyConditions);
}

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "select",
            "insert into",
            "delete from",
            "values",
            "set",
            "where",
            "in",
            "show",
            "explain",
            "from",
            "(",
            ")",
            ",",
            "=",
            "?",
            ":a",
            "*",
            "'a'",
            "\"b\"",
            "`c`",
            "1",
            "1.5",
            "1e",
            "-",
            ".",
            "@@",
            "@",
            "--",
            "#",
            "/*",
            "*/",
            "/*!40100",
            ";",
            "x'4'",
            "b'1'",
            "n'x'",
            "null",
            "default",
            "on duplicate key update",
            "limit",
            "order by",
            "case",
            "interval",
            "\\",
            "'",
            "users_auth",
            "id",
            "and",
            "not",
            "names",
            "kill",
            "->",
            "<=>",
            "{",
            "[",
            "$",
            "\u{e9}",
        ])
        .prop_map(str::to_owned),
        ".{0,3}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_text_makes_the_parser_panic(
        text in prop::collection::vec(fragment(), 0..14),
        separator in prop::sample::select(vec!["", " "]),
    ) {
        let _ = parse(&text.join(separator));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_text_literal_never_leaks_into_the_statement(message in any::<String>()) {
        let escaped = message.replace('\\', "\\\\").replace('\'', "\\'");
        for table in ["pipes_messages", "conference"] {
            let text = format!("INSERT INTO {table} (name, event, message) VALUES ('p', 'e', '{escaped}')");
            let Statement::Insert(insert) = parsed(&text) else { panic!() };
            prop_assert_eq!(insert.rows[0][2].text(&[]).unwrap().unwrap(), message.as_str());
        }
    }
}
