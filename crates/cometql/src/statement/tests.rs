//! Statements that programs really send, and what they mean.

use proptest::prelude::*;

use super::*;
use crate::show::StatusScope;

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

#[test]
fn the_statements_of_the_first_article_mean_what_they_say() {
    let pipe = ["name", "event", "message"];
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userLogin', '{\"name\":\"\\u0412\\u0438\\u043a\\u0442\\u043e\\u0440\"}')"#,
        "pipes_messages",
        &pipe,
        &[
            "loginPipe",
            "userLogin",
            r#"{"name":"\u0412\u0438\u043a\u0442\u043e\u0440"}"#,
        ],
    );
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userExit', '{\"name\":\"Olya\"}')"#,
        "pipes_messages",
        &pipe,
        &["loginPipe", "userExit", r#"{"name":"Olya"}"#],
    );
    assert_inserts(
        "INSERT INTO users_auth (id, hash)VALUES (3, 'c4ca4238a0b923820dcc509a6f75849b')",
        "users_auth",
        &["id", "hash"],
        &["3", "c4ca4238a0b923820dcc509a6f75849b"],
    );
    assert_eq!(
        refused("INSERT INTO users_auth (id, hash)VALUES (, 'abc')"),
        ErrorKind::Syntax
    );
}

#[test]
fn inserts_of_public_programs_mean_what_they_say() {
    let pipe = ["name", "event", "message"];
    let private = ["id", "event", "message"];
    assert_inserts(
        r#"INSERT INTO users_messages (id, event, message)VALUES (7, 'newMessage', '{\"m\":\"aGVsbG8=\"}')"#,
        "users_messages",
        &private,
        &["7", "newMessage", r#"{"m":"aGVsbG8="}"#],
    );
    assert_inserts(
        "INSERT INTO pipes_messages (name, event, message)VALUES('iziMessages', 'msg', '{\\\"a\\\":1}');'",
        "pipes_messages",
        &pipe,
        &["iziMessages", "msg", r#"{"a":1}"#],
    );
    assert_inserts(
        "INSERT INTO users_messages (id, event, message)VALUES('5', 'msg', 'text');'",
        "users_messages",
        &private,
        &["5", "msg", "text"],
    );
    assert_inserts(
        "INSERT INTO users_auth (id, hash)VALUES('5', 'key' );",
        "users_auth",
        &["id", "hash"],
        &["5", "key"],
    );
    assert_inserts(
        "INSERT INTO users_messages (id, event, message)VALUES('5', 'message', 'Привет')",
        "users_messages",
        &private,
        &["5", "message", "Привет"],
    );
    assert_inserts(
        "INSERT INTO conference (name, user_id, caller_id, message, profile)VALUES('101', '5', '5', '{}', 'video' );",
        "conference",
        &["name", "user_id", "caller_id", "message", "profile"],
        &["101", "5", "5", "{}", "video"],
    );
    assert_inserts(
        "INSERT INTO pipes_messages (name, event, message)VALUES('web_MainPageChat', '', '{\"text\":\"x\"}' )",
        "pipes_messages",
        &pipe,
        &["web_MainPageChat", "", r#"{"text":"x"}"#],
    );
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message) VALUES ("re_messages_7", "read", '{"identifier": "id5"}')"#,
        "pipes_messages",
        &pipe,
        &["re_messages_7", "read", r#"{"identifier": "id5"}"#],
    );
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message) VALUES ('ch', 'ev', '{"t":"\u0412 \"x\"","p":"a\/b"}')"#,
        "pipes_messages",
        &pipe,
        &["ch", "ev", r#"{"t":"\u0412 \"x\"","p":"a\/b"}"#],
    );
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message)VALUES("time", "event_name", "YS9iK2M9")"#,
        "pipes_messages",
        &pipe,
        &["time", "event_name", "YS9iK2M9"],
    );
    assert_inserts(
        " INSERT INTO pipes_settings (name, length )VALUES ('n', 0);",
        "pipes_settings",
        &["name", "length"],
        &["n", "0"],
    );
    for columns in [
        "('name', 'length')",
        r#"("name", 'length')"#,
        "(`name`, length)",
    ] {
        assert_inserts(
            &format!("INSERT INTO pipes_settings {columns} VALUES ('p10', 10)"),
            "pipes_settings",
            &["name", "length"],
            &["p10", "10"],
        );
    }
    assert_inserts(
        r#"insert into users_data(id, data)VALUES("9997", '{"rand":"0.1-0.2"}');"#,
        "users_data",
        &["id", "data"],
        &["9997", r#"{"rand":"0.1-0.2"}"#],
    );
    assert_inserts(
        r#"insert into revoked_tokens(token)VALUES("0.123");"#,
        "revoked_tokens",
        &["token"],
        &["0.123"],
    );
}

#[test]
fn inserts_of_every_allowed_form_are_read() {
    assert_inserts(
        "INSERT INTO CometQL_v1.pipes_messages VALUES (123, p23, `x`)",
        "pipes_messages",
        &[],
        &["123", "p23", "x"],
    );
    assert_inserts(
        "INSERT users_auth SET id = -3, `hash` = 'x' 'y' \"z'\\\"\"",
        "users_auth",
        &["id", "hash"],
        &["-3", "xyz'\""],
    );
    assert_inserts(
        "/*!40000 INSERT */ /* c */ INTO t (id, time, `index`, message, event) # x\n VALUE (x'4142', 0x43, _utf8'd', N'e', TRUE)",
        "t",
        &["id", "time", "index", "message", "event"],
        &["AB", "C", "d", "e", "1"],
    );
    let Statement::Insert(insert) = parsed("INSERT INTO t (a, b) VALUES (1, NULL), (DEFAULT, ?)")
    else {
        panic!();
    };
    assert_eq!(
        insert.rows,
        [
            vec![Value::Number("1".into()), Value::Null],
            vec![Value::Default, Value::Parameter(0)],
        ]
    );
    let Statement::Insert(insert) =
        parsed("INSERT INTO t (a, b, c) VALUES (x, ?, ?), ('?', \"?\", ?)")
    else {
        panic!();
    };
    assert_eq!(
        insert.rows[0][1..],
        [Value::Parameter(0), Value::Parameter(1)]
    );
    assert_eq!(insert.rows[1][2], Value::Parameter(2));
}

#[test]
fn what_happens_to_an_existing_row_is_kept() {
    let mode = |text| match parsed(text) {
        Statement::Insert(insert) => insert.mode,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        mode("INSERT INTO users_auth (id) VALUES (1)"),
        InsertMode::Insert
    );
    assert_eq!(
        mode("INSERT IGNORE INTO users_auth (id) VALUES (1)"),
        InsertMode::Ignore
    );
    assert_eq!(
        mode("REPLACE INTO users_auth (id) VALUES (1)"),
        InsertMode::Replace
    );
    assert_eq!(
        mode(
            "INSERT INTO t (id, a, b, c) VALUES (1, 2, 3, 4) \
             ON DUPLICATE KEY UPDATE a = VALUES(a), b = b, c = 'x'"
        ),
        InsertMode::Update(vec![
            ("a".into(), Updated::Inserted("a".into())),
            ("b".into(), Updated::Kept("b".into())),
            (
                "c".into(),
                Updated::Value(Value::Text(Literal::quoted("x", '\'')))
            ),
        ])
    );
}

#[test]
fn inserts_that_cannot_be_meant_have_their_own_errors() {
    assert_eq!(
        refused("INSERT INTO t (a, A) VALUES (1, 2)"),
        ErrorKind::DuplicateColumn
    );
    assert_eq!(
        refused("INSERT INTO users_auth (a, b) VALUES (1)"),
        ErrorKind::ColumnCount
    );
    assert_eq!(
        refused("INSERT INTO t VALUES (1), (1, 2)"),
        ErrorKind::ColumnCount
    );
    assert_eq!(
        refused("INSERT INTO t (a) VALUES (1+1)"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("INSERT INTO t (a) VALUES (now())"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("INSERT INTO t (a) SELECT 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("INSERT INTO t (a) VALUES (x'ff')"),
        ErrorKind::InvalidValue
    );
    assert_eq!(refused("INSERT INTO t (a) VALUES (:a)"), ErrorKind::Syntax);
    let many = "(1),".repeat(100_000);
    assert_eq!(
        refused(&format!("INSERT INTO t (a) VALUES {many}(1)")),
        ErrorKind::TooManyValues
    );
    assert_eq!(
        refused(&format!("INSERT INTO users_auth (a) VALUES {many}(1)")),
        ErrorKind::TooManyValues
    );
    let columns: Vec<String> = (0..101).map(|n| format!("c{n}")).collect();
    let columns = columns.join(",");
    assert_eq!(
        refused(&format!("INSERT INTO a_t ({columns}) VALUES (1)")),
        ErrorKind::TooManyColumns
    );
}

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
            matches!(condition(&text), Some(Condition::General(_))),
            "{text}"
        );
    }
    assert_eq!(
        refused("DELETE FROM t WHERE id = 1 AND ID = 2"),
        ErrorKind::DuplicateColumn
    );
    assert_eq!(
        refused("DELETE FROM t WHERE id = 1 LIMIT 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE FROM t WHERE id = 1 ORDER BY id"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE FROM t, u WHERE id = 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE a FROM a JOIN b WHERE id = 1"),
        ErrorKind::Unsupported
    );
    assert_eq!(
        refused("DELETE LOW_PRIORITY FROM t WHERE"),
        ErrorKind::Syntax
    );
}

#[test]
fn shows_and_descriptions_are_told_from_explanations() {
    for scope in [
        ("show status", StatusScope::Session),
        ("show global status", StatusScope::Global),
    ] {
        assert!(
            matches!(parsed(scope.0), Statement::Show(Show::Status { scope: s, .. }) if s == scope.1)
        );
    }
    for text in [
        "DESCRIBE users_auth",
        "DESC users_auth",
        "EXPLAIN users_auth",
        "show tables;",
    ] {
        assert!(matches!(parsed(text), Statement::Show(_)), "{text}");
    }
    for text in [
        "EXPLAIN SELECT 1",
        "DESC SELECT * FROM t WHERE id = 1",
        "EXPLAIN FORMAT=JSON DELETE FROM t",
    ] {
        assert!(matches!(parsed(text), Statement::Explain(_)), "{text}");
    }
    assert_eq!(
        refused("EXPLAIN UPDATE t SET a = 1"),
        ErrorKind::Unsupported
    );
}

#[test]
fn every_set_of_real_clients_is_accepted() {
    let set = |text: &str| match parsed(text) {
        Statement::Set(assignments) => assignments
            .into_iter()
            .map(|a| (a.name, a.value))
            .collect::<Vec<_>>(),
        other => panic!("{text}: {other:?}"),
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (text, name, value) in [
        ("SET NAMES utf8", "names", "utf8"),
        (
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
            "names",
            "utf8mb4",
        ),
        ("SET CHARACTER SET utf8", "character set", "utf8"),
        (
            "SET character_set_results = NULL",
            "character_set_results",
            "NULL",
        ),
        ("SET AUTOCOMMIT=0", "autocommit", "0"),
        ("SET @@session.autocommit = ON;", "autocommit", "ON"),
        (
            "SET SESSION sql_mode='STRICT_TRANS_TABLES'",
            "sql_mode",
            "STRICT_TRANS_TABLES",
        ),
        ("SET LOCAL wait_timeout := -1", "wait_timeout", "-1"),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "transaction",
            "ISOLATION LEVEL READ COMMITTED",
        ),
        ("SET a b c", "a", "b c"),
        ("SET a b", "a", "b"),
        (
            "set optimizer_switch='a=on,b=off'",
            "optimizer_switch",
            "a=on,b=off",
        ),
        ("/*!40100 SET @@SQL_MODE='' */", "sql_mode", ""),
        ("SET @x = 1 + 1", "@x", "1 + 1"),
        (
            "SET cometwire_error_numbers = 'mysql'",
            "cometwire_error_numbers",
            "mysql",
        ),
        ("SET `time_zone` = 'it''s'", "time_zone", "it's"),
    ] {
        assert_eq!(set(text), [pair(name, value)], "{text}");
    }
    assert_eq!(
        set(
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;"
        ),
        [
            pair(
                "sql_mode",
                "(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION'))"
            ),
            pair("time_zone", "+00:00"),
            pair("names", "utf8mb4"),
        ]
    );
    assert_eq!(
        set("set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')"),
        [
            pair("autocommit", "1"),
            pair("sql_mode", "concat(@@sql_mode,',STRICT_TRANS_TABLES')"),
        ]
    );
    let Statement::Set(assignments) = parsed("SET GLOBAL a = 1, @@global.b = 2, c = 3") else {
        panic!();
    };
    let globals: Vec<_> = assignments.iter().map(|a| a.global).collect();
    assert_eq!(globals, [true, true, false]);
    for text in ["SET", "SET a", "SET a =", "SET a=1,,b=2", "SET = 1"] {
        assert_eq!(refused(text), ErrorKind::Syntax, "{text}");
    }
}

#[test]
fn statements_about_the_session_are_read() {
    for (text, statement) in [
        ("", Statement::Empty),
        (";;;;", Statement::Empty),
        ("-- nothing", Statement::Empty),
        ("/*!40100 */", Statement::Empty),
        ("use CometQL_v1", Statement::Use("CometQL_v1".into())),
        ("USE `db_7`;", Statement::Use("db_7".into())),
        ("BEGIN", Statement::Begin),
        ("START TRANSACTION ", Statement::Begin),
        (
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            Statement::Begin,
        ),
        ("COMMIT ", Statement::Commit),
        ("COMMIT AND NO CHAIN NO RELEASE", Statement::Commit),
        ("ROLLBACK ", Statement::Rollback),
        ("SAVEPOINT s1", Statement::Savepoint("s1".into())),
        (
            "ROLLBACK WORK TO SAVEPOINT `s1`",
            Statement::RollbackTo("s1".into()),
        ),
        ("ROLLBACK TO s1", Statement::RollbackTo("s1".into())),
        ("RELEASE SAVEPOINT s1", Statement::Release("s1".into())),
        ("LOCK TABLES a READ, b WRITE", Statement::Ignored),
        ("UNLOCK TABLES", Statement::Ignored),
        ("FLUSH PRIVILEGES", Statement::Ignored),
        (
            "KILL 5",
            Statement::Kill {
                query_only: false,
                id: 5,
            },
        ),
        (
            "KILL CONNECTION 5",
            Statement::Kill {
                query_only: false,
                id: 5,
            },
        ),
        (
            "KILL QUERY 5",
            Statement::Kill {
                query_only: true,
                id: 5,
            },
        ),
    ] {
        assert_eq!(parsed(text), statement, "{text}");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    for (text, name) in [
        ("UPDATE t SET a = 1", "UPDATE"),
        ("CREATE TABLE t (a int)", "CREATE"),
        ("GRANT ALL ON *.* TO 'x'@'%'", "GRANT"),
        ("CREATE USER 'x'@'%'", "CREATE"),
        ("LOAD DATA INFILE 'x'", "LOAD"),
        ("PREPARE s FROM 'x'", "PREPARE"),
        ("DO sleep(1)", "DO"),
        ("call f()", "CALL"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{text}");
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn the_replication_prefix_is_forbidden() {
    for text in [
        "cometqlcluster_v1 set dev_id=7; SELECT 1",
        " CometQLCluster_v1 set dev_id=7;",
        "cometqlcluster_v1",
    ] {
        assert_eq!(refused(text), ErrorKind::Forbidden, "{text}");
    }
}

#[test]
fn syntax_errors_say_what_was_expected_and_quote_little() {
    let error = parse("INSERT INTO users_auth (id, hash)VALUES (, 'abc')").unwrap_err();
    assert!(
        error
            .message
            .starts_with("expected an expression, got «, 'abc')»"),
        "{error}"
    );
    let payload = "secret ".repeat(1000);
    for text in [
        format!("SELECT * FROM t WHERE '{payload}' '{payload}' x"),
        format!("INSERT INTO t (a) VALUES ('{payload}' oops)"),
        format!("INSERT INTO t (a '{payload}') VALUES (1)"),
        format!("oops '{payload}'"),
        payload.clone(),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Syntax, "{error}");
        assert!(error.message.len() < 160, "{error}");
    }
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
