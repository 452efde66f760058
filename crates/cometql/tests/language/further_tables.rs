//! The tables besides messages, keys and settings: users' data, revoked tokens,
//! and those of a media server that is not there (compatibility reference §3.8
//! to §3.11).

use super::house::House;

#[tokio::test]
async fn a_users_data_is_set_replaced_read_and_removed() {
    let house = House::start();
    let mut php = house.login("15");
    let mut other = house.login("16");
    let done = php
        .done("INSERT INTO users_data (id, data) VALUES (\"9997\", '{\"rand\":\"0.1-0.2\"}');")
        .await;
    assert_eq!((done.affected_rows, done.insert_id), (1, 9997));
    php.done("INSERT INTO users_data (id, data) VALUES (9997, '{\"t\":\"\\u0412\"}'), (3, '')")
        .await;
    assert_eq!(
        php.rows("SELECT * FROM users_data WHERE id IN (9997, 3, 5)")
            .await,
        "9997|{\"t\":\"\\u0412\"};3|"
    );
    assert_eq!(php.rows("SELECT id FROM users_data").await, "3;9997");
    assert_eq!(other.rows("SELECT * FROM users_data").await, "");
    let done = php.done("DELETE FROM users_data WHERE id = 9997").await;
    assert_eq!((done.affected_rows, done.info.as_str()), (0, "Deleted: 1"));
    assert_eq!(php.rows("SELECT id FROM users_data").await, "3");
}

#[tokio::test]
async fn what_is_no_users_data_is_refused() {
    let house = House::start();
    let mut php = house.login("15");
    let long = "x".repeat((64 << 10) + 1);
    for (statement, number) in [
        ("INSERT INTO users_data (id) VALUES (5)".to_owned(), 12),
        ("INSERT INTO users_data (data) VALUES ('x')".to_owned(), 12),
        (
            "INSERT INTO users_data (id, data) VALUES (0, 'x')".to_owned(),
            12,
        ),
        (
            "INSERT INTO users_data (id, data) VALUES (-3, 'x')".to_owned(),
            12,
        ),
        (
            format!("INSERT INTO users_data (id, data) VALUES (5, '{long}')"),
            11,
        ),
        ("DELETE FROM users_data".to_owned(), 13),
    ] {
        assert_eq!(php.refused(&statement).await.0, number, "{statement:.60}");
    }
}

#[tokio::test]
async fn tokens_are_revoked_listed_and_restored() {
    let house = House::start();
    let mut php = house.login("15");
    let done = php
        .done("insert into revoked_tokens(token)VALUES(\"0.123\");")
        .await;
    assert_eq!((done.affected_rows, done.insert_id), (1, 1));
    php.done("INSERT INTO revoked_tokens (token) VALUES ('0.123'), ('a.b.c'), (5)")
        .await;
    assert_eq!(
        php.rows("SELECT * FROM revoked_tokens").await,
        "0.123;5;a.b.c"
    );
    assert_eq!(
        php.rows("SELECT token FROM revoked_tokens WHERE token IN ('a.b.c', 'x')")
            .await,
        "a.b.c"
    );
    let long = "x".repeat(601);
    let (number, sentence) = php
        .refused(&format!(
            "INSERT INTO revoked_tokens (token) VALUES ('{long}')"
        ))
        .await;
    assert_eq!(number, 11);
    assert!(!sentence.contains("xxx"), "{sentence}");
    let done = php
        .done("DELETE FROM revoked_tokens WHERE token = '0.123'")
        .await;
    assert_eq!(done.info, "Deleted: 1");
    assert_eq!(php.rows("SELECT * FROM revoked_tokens").await, "5;a.b.c");
}

#[tokio::test]
async fn without_a_media_server_nobody_is_called() {
    let house = House::start();
    let mut php = house.login("15");
    let call = "INSERT INTO conference (name, user_id, caller_id, message, profile)VALUES('101', '5', '5', '{}', 'video' );";
    for (statement, number) in [
        (call, 500),
        (
            "INSERT INTO conference (name, user_id) VALUES ('101', 5)",
            12,
        ),
        (
            "INSERT INTO conference (name, user_id, message) VALUES ('101', -5, '')",
            12,
        ),
        ("INSERT INTO conference (name) VALUES ('101', 5)", 14),
        ("DELETE FROM conference", 13),
        ("INSERT INTO conference_members (name) VALUES ('101')", 10),
        ("DELETE FROM conference_members WHERE name = '101'", 10),
        ("INSERT INTO profiler (tag) VALUES ('x')", 15),
        ("DELETE FROM profiler WHERE tag = 'x'", 15),
        ("SELECT * FROM dialogs", 15),
        ("INSERT INTO dialogs (id) VALUES (1)", 10),
        ("DELETE FROM dialogs WHERE id = 1", 15),
    ] {
        assert_eq!(php.refused(statement).await.0, number, "{statement}");
    }
    for statement in [
        "DELETE FROM conference WHERE name = '101'",
        "DELETE FROM conference WHERE user_id = 5",
        "DELETE FROM conference WHERE name = '101' AND user_id = 5",
    ] {
        assert_eq!(php.done(statement).await.affected_rows, 0, "{statement}");
    }
    for table in ["conference", "conference_members", "profiler"] {
        assert_eq!(php.rows(&format!("SELECT * FROM {table}")).await, "");
    }
}
