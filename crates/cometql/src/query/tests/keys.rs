//! Which rows a query asks its tables for, and in which order they come.

use super::*;

#[test]
fn rows_come_in_the_order_of_the_in_list() {
    let bench = Bench::new();
    assert_eq!(
        bench.rows("SELECT id FROM users_auth WHERE id IN (42, 7, '100', 7, 5, 2)"),
        "42;7;100;2"
    );
    assert_eq!(
        bench.asked(),
        [
            "users_auth 42",
            "users_auth 7",
            "users_auth 100",
            "users_auth 5",
            "users_auth 2"
        ]
    );
    assert_eq!(
        bench.rows("SELECT * FROM pipes WHERE name IN(\"web_x\", \"p20\", \"a_b\")"),
        "web_x|0;p20|1;a_b|0"
    );
    let parameters = [Parameter::Integer(42), Parameter::Text("2".into())];
    let result = bench
        .query(
            "SELECT id FROM users_auth WHERE id IN (?, ?) LIMIT 5",
            &parameters,
        )
        .unwrap();
    assert_eq!(written(&result), "42;2");
}

#[test]
fn an_empty_in_list_has_no_rows() {
    let bench = Bench::new();
    let mut query = parse("SELECT id FROM users_auth WHERE id IN (1)").unwrap();
    if let sqlparser::ast::SetExpr::Select(select) = &mut *query.body
        && let Some(sqlparser::ast::Expr::InList { list, .. }) = &mut select.selection
    {
        list.clear();
    }
    let result = bench.engine.select(&query, &[], &bench.context).unwrap();
    assert_eq!(written(&result), "");
}

#[test]
fn equality_on_a_key_asks_the_table_for_that_key_only() {
    let bench = Bench::new();
    for (sql, asked) in [
        (
            "SELECT * FROM users_auth WHERE id = 7",
            &["users_auth 7"][..],
        ),
        ("SELECT * FROM users_auth WHERE id = '7'", &["users_auth 7"]),
        (
            "SELECT * FROM users_auth WHERE hash = 'two'",
            &["users_auth all"],
        ),
        ("SELECT * FROM users_auth LIMIT 2", &["users_auth limit 2"]),
        (
            "SELECT * FROM users_auth LIMIT 1, 2",
            &["users_auth limit 3"],
        ),
        (
            "SELECT * FROM users_auth ORDER BY hash LIMIT 2",
            &["users_auth all"],
        ),
        (
            "SELECT * FROM users_auth WHERE hash LIKE 't%' LIMIT 1",
            &["users_auth all"],
        ),
        ("SELECT * FROM users_auth WHERE id = NULL", &[]),
        ("SELECT * FROM pipes WHERE name = 20", &["pipes 20"]),
        (
            "SELECT * FROM users_in_pipes u JOIN users_auth a ON a.id = u.user_id WHERE u.name = 'p20'",
            &["users_in_pipes p20", "users_auth 7"],
        ),
    ] {
        bench.query(sql, &[]).unwrap();
        assert_eq!(bench.asked(), asked, "{sql}");
    }
}

#[test]
fn rows_found_by_several_parts_of_an_or_come_once_and_none_is_lost() {
    let bench = Bench::new();
    let all = bench.rows("SELECT id FROM users_auth ORDER BY id");
    let ids: Vec<&str> = all.split(';').collect();
    let [first, second, ..] = ids.as_slice() else {
        panic!("too few rows: {all}");
    };
    for condition in [
        format!("id = {first} OR id = {second}"),
        format!("id = {first} OR id = {second} OR id = {first}"),
        format!("id = {second} OR (id = {first} AND hash <> '')"),
    ] {
        let sql = format!("SELECT id FROM users_auth WHERE {condition} ORDER BY id");
        assert_eq!(bench.rows(&sql), format!("{first};{second}"), "{sql}");
    }
}
