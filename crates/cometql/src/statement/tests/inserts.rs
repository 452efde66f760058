//! INSERT and REPLACE.

use super::*;
use crate::answer::Parameter;

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
        r#"INSERT INTO pipes_messages (name, event, message)VALUES("time", "event_name", "a/b+Yw==")"#,
        "pipes_messages",
        &pipe,
        &["time", "event_name", "a/b+Yw=="],
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
fn literals_and_parameters_mix_as_in_the_business_application() {
    let text = "INSERT INTO pipes_messages (name, event, message) VALUES (?, 'newChat', ?)";
    let Statement::Insert(insert) = parsed(text) else {
        panic!();
    };
    let given = [
        Parameter::Text("chat".into()),
        Parameter::Text(r#"{"t":"\u0412 \n"}"#.into()),
    ];
    let values: Vec<_> = insert.rows[0]
        .iter()
        .map(|value| value.free_text(&given).unwrap().unwrap())
        .collect();
    assert_eq!(values, ["chat", "newChat", r#"{"t":"\u0412 \n"}"#]);
    assert_eq!(scan::parameter_count(text), Ok(2));
    assert_inserts(
        r#"INSERT INTO pipes_messages (name, event, message) VALUES ('chat', 'newChat', '{\"id\":1}')"#,
        "pipes_messages",
        &["name", "event", "message"],
        &["chat", "newChat", r#"{"id":1}"#],
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
    let mode = |text: &str| match parsed(text) {
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
    let update = |text: &str| match mode(text) {
        InsertMode::Update(update) => update.updates,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        update(
            "INSERT INTO t (id, a, b, c) VALUES (1, 2, 3, 4) \
             ON DUPLICATE KEY UPDATE a = VALUES(a), b = b, c = 'x'"
        ),
        [
            ("a".into(), Updated::Inserted("a".into())),
            ("b".into(), Updated::Kept("b".into())),
            (
                "c".into(),
                Updated::Value(Value::Text(Literal::quoted("x", '\'')))
            ),
        ]
    );
    let computed = update(
        "INSERT INTO t (id, a) VALUES (?, 2) ON DUPLICATE KEY UPDATE a = a + VALUES(a) * ?, b = ?",
    );
    let [(_, Updated::Expression(expression)), (_, last)] = computed.as_slice() else {
        panic!("{computed:?}");
    };
    assert_eq!(expression.expression.to_string(), "a + VALUES.a * ?");
    assert_eq!(
        (expression.parameters.as_slice(), last.parameters()),
        (&[1][..], &[2][..])
    );
}

#[test]
fn the_inserted_row_may_have_a_name() {
    let text = "INSERT INTO t (id, a) VALUES (1, 2) AS new ON DUPLICATE KEY UPDATE a = new.a";
    let Statement::Insert(insert) = parsed(text) else {
        panic!();
    };
    let InsertMode::Update(update) = insert.mode else {
        panic!();
    };
    let a_as_inserted = ("a".to_owned(), Updated::Inserted("a".into()));
    assert_eq!(update.updates, [a_as_inserted]);
    let named = parsed(&text.replace("AS new", "AS new(b, c)"));
    let Statement::Insert(Insert {
        mode: InsertMode::Update(update),
        ..
    }) = named
    else {
        panic!();
    };
    assert_eq!(update.row.unwrap().columns, ["b", "c"]);
    for (names, kind) in [
        ("AS new(b)", ErrorKind::ColumnCount),
        ("AS new(b, B)", ErrorKind::DuplicateColumn),
    ] {
        assert_eq!(refused(&text.replace("AS new", names)), kind, "{names}");
    }
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
fn a_repeated_column_is_found_among_few_and_among_many() {
    for count in [2, 16, 17, 90] {
        let mut names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
        let insert = |names: &[String]| {
            let values = vec!["1"; names.len()].join(",");
            format!(
                "INSERT INTO users_auth ({}) VALUES ({values})",
                names.join(",")
            )
        };
        parsed(&insert(&names));
        names.push("C1".to_owned());
        assert_eq!(
            refused(&insert(&names)),
            ErrorKind::DuplicateColumn,
            "{count}"
        );
    }
}
