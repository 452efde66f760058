//! SELECT and DELETE: which rows are meant.

use super::*;

#[test]
fn look_ups_by_key_are_recognised_with_their_keys_in_order() {
    assert_looks_up(
        "SELECT id, time FROM users_time WHERE id IN( 1,2,7);",
        "users_time",
        Some(&["id", "time"]),
        "id",
        &["1", "2", "7"],
    );
    assert_looks_up(
        "SELECT * FROM users_time WHERE id IN( );",
        "users_time",
        None,
        "id",
        &[],
    );
    assert_looks_up(
        "SELECT hash FROM users_auth WHERE id = 7",
        "users_auth",
        Some(&["hash"]),
        "id",
        &["7"],
    );
    assert_looks_up(
        r#"SELECT * FROM users_in_pipes WHERE name = "track_online""#,
        "users_in_pipes",
        None,
        "name",
        &["track_online"],
    );
    assert_looks_up(
        r#"SELECT * FROM pipes WHERE name = "x"; "#,
        "pipes",
        None,
        "name",
        &["x"],
    );
    assert_looks_up(
        "select * from users_time where id in(1, 3, 99996);",
        "users_time",
        None,
        "id",
        &["1", "3", "99996"],
    );
    assert_looks_up(
        r#"SELECT * FROM pipes WHERE name IN("web_admins","ab","web_x")"#,
        "pipes",
        None,
        "name",
        &["web_admins", "ab", "web_x"],
    );
    assert_looks_up(
        "SELECT `Id`, \"Index\", 'time' FROM `CometQL_v1`.`pipes_messages` WHERE (`name` = p23)",
        "pipes_messages",
        Some(&["Id", "Index", "time"]),
        "name",
        &["p23"],
    );
    assert_looks_up(
        "SELECT id FROM t WHERE id IN (-3, 3, 3)",
        "t",
        Some(&["id"]),
        "id",
        &["-3", "3", "3"],
    );
    let given = looked_up("SELECT * FROM users_in_pipes WHERE name = ?").condition;
    assert_eq!(given.keys, [Value::Parameter(0)]);
    let parameter = looked_up("SELECT * FROM t WHERE id IN (1, ?, ?)").condition;
    assert_eq!(
        parameter.keys[1..],
        [Value::Parameter(0), Value::Parameter(1)]
    );
    let limit = |text| looked_up(text).limit.unwrap();
    let three_to_five = Limit {
        offset: 3,
        count: 5,
    };
    assert_eq!(
        limit("SELECT * FROM t WHERE a = 1 LIMIT 3, 5"),
        three_to_five
    );
    assert_eq!(
        limit("SELECT * FROM t WHERE a = 1 LIMIT 5 OFFSET 3"),
        three_to_five
    );
    assert_eq!(
        limit("SELECT * FROM t WHERE a = 1 LIMIT 5"),
        Limit {
            offset: 0,
            count: 5
        }
    );
    assert_eq!(
        refused("SELECT id, ID FROM t WHERE id = 1"),
        ErrorKind::DuplicateColumn
    );
}

#[test]
fn every_other_select_is_a_query() {
    for text in [
        "SELECT * FROM users_auth",
        "SELECT hash FROM users_auth WHERE id=12 AND hash='nope'",
        "SELECT * FROM t WHERE id = 1 OR id = 2",
        "SELECT * FROM t WHERE id != 5",
        "SELECT * FROM t WHERE id NOT IN (5)",
        "SELECT * FROM t WHERE id = 5 ORDER BY id",
        "SELECT * FROM t WHERE id = 5 GROUP BY id",
        "SELECT DISTINCT id FROM t WHERE id = 5",
        "SELECT id AS x FROM t WHERE id = 5",
        "SELECT t.id FROM t WHERE id = 5",
        "SELECT count(*) FROM t WHERE id = 5",
        "SELECT * FROM t x WHERE id = 5",
        "SELECT * FROM t, u WHERE id = 5",
        "SELECT * FROM t WHERE id = 5 LIMIT ?",
        "SELECT * FROM t WHERE id = 5 FOR UPDATE",
        "SELECT * FROM t WHERE id = 1 + 1",
        "SELECT @@x FROM t WHERE id = 1",
        "SELECT DATABASE()",
        "select @@version_comment limit 1",
        "select DATABASE(), USER() limit 1",
        "SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS c",
        "SELECT VERSION(), @@sql_mode, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
        "/* ping */ SELECT 1",
        "SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
        "SELECT @@session.transaction_read_only",
        "SELECT CURRENT_USER()",
        "select connection_id()",
        "SELECT COUNT(*) FROM pipes",
        "SELECT * FROM pipes LIMIT 50",
        "SELECT 1.5, .5, 1e5, 1.5e-3, 1e+2, 0x48, x'48', 'a' \"b\", t.`1`, a->'$.x', a<=>b, a||b, a&&b",
        "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'p%'",
        "(SELECT 1) UNION (SELECT 2)",
        "WITH x AS (SELECT 1) SELECT * FROM x",
    ] {
        assert!(is_query(text), "{text}");
    }
}

#[test]
fn queries_keep_raw_strings_and_empty_lists() {
    let Statement::Select(Select::Query(query)) =
        parsed(r"SELECT 'it''s \n', `a``b` FROM t WHERE a IN ( ) AND b NOT IN () AND c IN (NULL)")
    else {
        panic!();
    };
    let text = query.to_string();
    assert!(
        text.contains("a IN ()") && text.contains("b NOT IN ()"),
        "{text}"
    );
    assert!(text.contains("c IN (NULL)"), "{text}");
    assert!(text.contains(r"it''s \n"), "{text}");
}

#[test]
fn deletes_keep_every_condition() {
    assert_deletes(
        "DELETE FROM users_auth WHERE id = 7",
        "users_auth",
        "id",
        &["7"],
    );
    assert_deletes(
        "DELETE FROM pipes_messages WHERE name = p23",
        "pipes_messages",
        "name",
        &["p23"],
    );
    assert_deletes(
        "delete from t where `id` in ('a', \"b\")",
        "t",
        "id",
        &["a", "b"],
    );
    assert_deletes(
        "DELETE FROM users_auth WHERE id IN ()",
        "users_auth",
        "id",
        &[],
    );
    let condition = |text: &str| match parsed(text) {
        Statement::Delete(delete) => delete.condition,
        other => panic!("{other:?}"),
    };
    let Some(Condition::Keys(keys)) =
        condition("DELETE FROM conference WHERE (name = 'x' AND user_id = 5) AND node IN (1, 2)")
    else {
        panic!();
    };
    let columns: Vec<_> = keys.iter().map(|key| key.column.as_str()).collect();
    assert_eq!(columns, ["name", "user_id", "node"]);
    assert_eq!(condition("DELETE FROM users_auth"), None);
    for general in [
        "id != 5",
        "id = 1 OR id = 2",
        "id > 5",
        "id NOT IN (1)",
        "id = 1 AND x LIKE 'a'",
    ] {
        let text = format!("DELETE FROM t WHERE {general}");
        assert!(
            matches!(condition(&text), Some(Condition::Search(_))),
            "{text}"
        );
    }
    assert_eq!(
        refused("DELETE FROM t WHERE id = 1 AND ID = 2"),
        ErrorKind::DuplicateColumn
    );
    let Some(Condition::Search(search)) =
        condition("DELETE FROM t WHERE id = 1 ORDER BY id DESC LIMIT 1")
    else {
        panic!();
    };
    assert!(search.chooses() && search.limit.is_some() && search.order_by.len() == 1);
    assert_eq!(
        refused("DELETE FROM t, u WHERE id = 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE a, b FROM a JOIN b WHERE id = 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE LOW_PRIORITY FROM t WHERE"),
        ErrorKind::Syntax
    );
}

/// The condition of a query as the parser's own words.
fn condition(text: &str) -> String {
    let text = format!("SELECT a FROM t WHERE {text}");
    let query =
        parse_query(&text, &Limits::default(), Pipes::Or).unwrap_or_else(|e| panic!("{text}: {e}"));
    match *query.body {
        sqlparser::ast::SetExpr::Select(select) => select.selection.unwrap().to_string(),
        other => panic!("{text}: {other}"),
    }
}

#[test]
fn signs_and_words_mean_what_they_mean_to_mysql() {
    for (typed, meant) in [
        ("a = 1 || b = 2 && c", "a = 1 OR b = 2 AND c"),
        ("a = 1||b = 2 AND c", "a = 1 OR b = 2 AND c"),
        ("'||' = a", "'||' = a"),
        ("!a", "!a"),
        ("!(a = 1) AND !b", "!(a = 1) AND !b"),
        ("a != 1", "a <> 1"),
        ("a!=!b", "a <> !b"),
        ("a MOD 2", "a % 2"),
        ("time mod 2 = 1", "time % 2 = 1"),
        ("(a) Mod (2)", "(a) % (2)"),
        ("7 mod `b`", "7 % `b`"),
        ("'7' mod ?", "'7' % ?"),
        ("MOD(a, 2)", "MOD(a, 2)"),
        ("NOT mod(a, 2)", "NOT mod(a, 2)"),
        ("a = mod(a, 2) AND MOD(1, 2)", "a = mod(a, 2) AND MOD(1, 2)"),
        ("t.mod = 1", "t.mod = 1"),
        ("`mod` = 1", "`mod` = 1"),
    ] {
        assert_eq!(condition(typed), meant, "{typed}");
    }
}

#[test]
fn or_binds_weaker_than_and_however_it_is_written() {
    let tree = |text: &str| {
        let text = format!("SELECT a FROM t WHERE {text}");
        parse_query(&text, &Limits::default(), Pipes::Or)
            .unwrap()
            .body
    };
    let or = tree("a OR b AND c").to_string();
    assert_eq!(tree("a || b AND c").to_string(), or);
    let sqlparser::ast::SetExpr::Select(select) = *tree("a || b AND c") else {
        panic!("no SELECT");
    };
    assert!(matches!(
        select.selection,
        Some(sqlparser::ast::Expr::BinaryOp {
            op: sqlparser::ast::BinaryOperator::Or,
            ..
        })
    ));
}

#[test]
fn a_cast_to_char_may_name_a_character_set() {
    for (typed, meant) in [
        ("CAST(a AS CHAR CHARACTER SET utf8)", "CAST(a AS CHAR)"),
        ("CAST(a AS char(3) charset `utf8mb4`)", "CAST(a AS CHAR(3))"),
        ("CAST(a AS CHAR)", "CAST(a AS CHAR)"),
    ] {
        assert_eq!(condition(typed), meant, "{typed}");
    }
    refused("SELECT a AS char CHARACTER SET utf8 FROM t");
}

#[test]
fn a_delete_of_joined_tables_says_whose_rows_go() {
    for text in [
        "DELETE a FROM users_auth AS a JOIN users_data d ON d.id = a.id WHERE d.data = ''",
        "DELETE FROM a USING users_auth AS a, users_data d WHERE d.id = a.id",
        "DELETE QUICK FROM users_auth a WHERE a.id > 5",
        "DELETE LOW_PRIORITY users_auth FROM users_auth WHERE id = 1",
    ] {
        let Statement::Delete(delete) = parsed(text) else {
            panic!("{text}");
        };
        assert!(delete.table.is("users_auth"), "{text}");
        let Some(Condition::Search(search)) = delete.condition else {
            panic!("{text}");
        };
        assert!(search.chooses(), "{text}");
    }
    for text in [
        "DELETE a, d FROM a JOIN d ON d.id = a.id WHERE a.id = 1",
        "DELETE FROM a JOIN d ON d.id = a.id WHERE a.id = 1",
        "DELETE b FROM a JOIN d ON d.id = a.id WHERE a.id = 1",
        "DELETE a FROM a JOIN d ON d.id = a.id WHERE a.id = 1 LIMIT 1",
        "DELETE d FROM a JOIN (SELECT 1 AS id) AS d ON d.id = a.id WHERE a.id = 1",
        "DELETE IGNORE FROM a WHERE a.id = 1",
    ] {
        assert_eq!(refused(text), ErrorKind::Unsupported, "{text}");
    }
}
