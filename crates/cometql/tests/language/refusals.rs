//! Every published error number that these tables can give, and what its
//! sentence says and does not say (compatibility reference §3, §4).

use super::house::House;

#[tokio::test]
async fn each_mistake_has_its_number_and_names_what_is_wrong() {
    let house = House::start();
    let mut php = house.login("root");
    let long = "a".repeat(65);
    let message = |name: &str, event: &str| {
        format!(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('{name}', '{event}', 'x')"
        )
    };
    for (sql, number, named) in [
        (message(&long, ""), 11, "pipe"),
        (message("ab", ""), 17, "pipe"),
        (message("a b", ""), 12, "pipe"),
        (message("имя", ""), 12, "pipe"),
        (message("abc", &long), 11, "event"),
        (message("abc", "e.f"), 12, "event"),
        (message("ab", &long), 17, "pipe"),
        (message(&long, "e.f"), 11, "pipe"),
        (
            "INSERT INTO pipes_messages (event, message) VALUES ('a', 'b')".into(),
            12,
            "name",
        ),
        (
            "INSERT INTO pipes_messages (name, message) VALUES ('a', 'b')".into(),
            12,
            "event",
        ),
        (
            "INSERT INTO pipes_messages (name, event) VALUES ('a', 'b')".into(),
            12,
            "message",
        ),
        (
            "INSERT INTO pipes_messages (name, event, message) VALUES ('abc', 'b', NULL)".into(),
            12,
            "message",
        ),
        (
            "INSERT INTO pipes_settings (length) VALUES (3)".into(),
            12,
            "name",
        ),
        (
            "INSERT INTO pipes_settings (name, length )VALUES ('n', 0);".into(),
            17,
            "pipe",
        ),
        (
            "INSERT INTO users_messages (event, message) VALUES ('', '')".into(),
            12,
            "id",
        ),
        (
            "INSERT INTO users_messages (id, message) VALUES (1, '')".into(),
            12,
            "event",
        ),
        (
            "INSERT INTO users_messages (id, event) VALUES (1, '')".into(),
            12,
            "message",
        ),
        (
            "INSERT INTO users_messages (id, event, message) VALUES (-1, '', '')".into(),
            12,
            "-1",
        ),
        (
            format!("INSERT INTO users_messages (id, event, message) VALUES (1, '{long}', '')"),
            11,
            "event",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (0, 'x')".into(),
            12,
            "0",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (-3, 'x')".into(),
            12,
            "-3",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (99999999999, 'x')".into(),
            12,
            "99999999999",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES ('12abc', 'x')".into(),
            12,
            "id",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (1, '')".into(),
            12,
            "hash",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (1, 'a-b')".into(),
            12,
            "'-'",
        ),
        (
            format!("INSERT INTO users_auth (id, hash) VALUES (1, '{long}')"),
            11,
            "32",
        ),
        ("INSERT INTO users_auth (id) VALUES (1)".into(), 12, "hash"),
        (
            "INSERT INTO users_auth (hash) VALUES ('x')".into(),
            12,
            "id",
        ),
        (
            "INSERT INTO users_auth (id, hash)VALUES (, 'abc')".into(),
            3,
            "expected",
        ),
        (
            "INSERT INTO users_auth (id, id) VALUES (1, 2)".into(),
            13,
            "id",
        ),
        (
            "INSERT INTO users_auth (id, nope) VALUES (1, 2)".into(),
            14,
            "nope",
        ),
        (
            "INSERT INTO users_auth (id, hash) VALUES (1)".into(),
            14,
            "1",
        ),
        ("INSERT INTO users_auth VALUES (1)".into(), 14, "1"),
        ("INSERT INTO nowhere (id) VALUES (1)".into(), 15, "nowhere"),
        (
            "INSERT INTO other.users_auth (id) VALUES (1)".into(),
            15,
            "other",
        ),
        (
            "INSERT INTO pipes (name, users) VALUES ('a', 1)".into(),
            10,
            "pipes",
        ),
        ("INSERT INTO pipes (nope) VALUES (1)".into(), 10, "pipes"),
        (
            "INSERT INTO users_time (id, id) VALUES (1, 2)".into(),
            10,
            "users_time",
        ),
        (
            "REPLACE INTO users_in_pipes VALUES (1)".into(),
            10,
            "users_in_pipes",
        ),
        (
            "INSERT INTO users_time (id, time) VALUES (1)".into(),
            10,
            "users_time",
        ),
        (
            "SELECT nope FROM users_auth WHERE id = 1".into(),
            14,
            "nope",
        ),
        ("SELECT id, nope FROM users_auth".into(), 14, "nope"),
        ("SELECT * FROM users_auth WHERE nope = 1".into(), 14, "nope"),
        (
            "SELECT id, id FROM users_auth WHERE id = 1".into(),
            13,
            "id",
        ),
        ("SELECT * FROM users_auth WHERE id = 'x'".into(), 12, "id"),
        ("SELECT * FROM nowhere WHERE id = 1".into(), 15, "nowhere"),
        ("SELECT * FROM nowhere".into(), 15, "nowhere"),
        ("SELECT".into(), 3, ""),
        ("nonsense".into(), 3, "nonsense"),
        ("UPDATE users_auth SET id = 2 WHERE id = 1".into(), 2, "id"),
        ("USE nowhere".into(), 15, "nowhere"),
        (
            "cometqlcluster_v1 set dev_id=7; SELECT 1".into(),
            403,
            "cluster",
        ),
        ("KILL 99".into(), 1094, "99"),
    ] {
        let (got, sentence) = php.refused(&sql).await;
        assert_eq!(got, number, "{sql}: {sentence}");
        assert!(sentence.contains(named), "{sql}: {sentence}");
    }
    assert_eq!(php.rows("SELECT COUNT(*) FROM users_auth").await, "0");
}

#[tokio::test]
async fn no_sentence_repeats_a_key_or_a_payload() {
    let house = House::start();
    let mut php = house.login("root");
    let secret = "5ecretKey5ecretKey";
    for sql in [
        format!("INSERT INTO users_auth (hash, id) VALUES (1, '{secret}')"),
        format!("INSERT INTO users_auth (id, hash) VALUES (1, '{secret}-')"),
        format!("INSERT INTO users_auth (id, hash) VALUES (1, '{secret}{secret}')"),
        format!("INSERT INTO users_auth (id, hash) VALUES (0, '{secret}')"),
        format!("INSERT INTO users_auth (id, hash) VALUES (1, '{secret}', 3)"),
        format!("INSERT INTO users_auth (id, hash) VALUES (1, '{secret}' nonsense)"),
        format!("INSERT INTO users_auth (id, hash) VALUES (1, CONCAT('{secret}'))"),
        format!("INSERT INTO users_auth (id, hash) VALUES (, '{secret}')"),
        format!("INSERT INTO users_messages (id, event, message) VALUES ('{secret}', '', '')"),
        format!("INSERT INTO pipes_messages (name, event, message) VALUES ('ab', '', '{secret}')"),
        format!("SELECT id FROM users_auth WHERE id = '{secret}'"),
        format!("DELETE FROM users_auth WHERE id = '{secret}'"),
        format!("SELECT * FROM users_auth WHERE hash = '{secret}' LIMIT '{secret}'"),
    ] {
        let (_, sentence) = php.refused(&sql).await;
        assert!(!sentence.contains(secret), "{sql}: {sentence}");
    }
}

#[tokio::test]
async fn a_session_may_ask_for_mysqls_numbers() {
    let house = House::start();
    let mut php = house.login("root");
    assert_eq!(php.refused("SELECT * FROM nowhere").await.0, 15);
    php.done("SET cometwire_error_numbers = 'mysql'").await;
    assert_eq!(php.refused("SELECT * FROM nowhere").await.0, 1146);
    assert_eq!(php.refused("SELECT nope FROM pipes").await.0, 1054);
    assert_eq!(php.refused("SELECT , FROM pipes").await.0, 1064);
    php.refused("SET cometwire_error_numbers = 'nonsense'")
        .await;
    assert_eq!(php.refused("SELECT * FROM nowhere").await.0, 1146);
}
