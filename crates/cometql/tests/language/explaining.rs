//! EXPLAIN of statements: what would come of messages, and MySQL's plan.

use super::house::House;

#[tokio::test]
async fn explain_of_an_insert_tells_what_would_come_of_each_message() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'key')")
        .await;
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 7)")
        .await;
    let (one, two) = (
        house.browser(0, Some((1, "key"))).await,
        house.browser(0, None).await,
    );
    one.subscribe("web_kept");
    two.subscribe("web_kept");
    let sql = "EXPLAIN INSERT INTO pipes_messages (name, event, message) VALUES \
        ('web_kept', 'e', 'x'), ('news', 'e', 'x'), ('sys', 'e', 'x'), ('no', 'e', 'x'), \
        ('news', 'e', NULL)";
    let told = php.rows(sql).await;
    let rows: Vec<&str> = told.split(';').collect();
    assert_eq!(
        rows,
        [
            "web_kept|web_|2|7|~|~|web_kept",
            "news|ordinary|0|0|~|~|~",
            "sys|reserved|0|0|12|this name is reserved for the server's own answers|~",
            rows[3],
            "~|~|~|~|12|the field message is required, got NULL|~",
        ]
    );
    assert!(rows[3].starts_with("~|~|~|~|17|"), "{told}");
    assert_eq!(
        php.columns(sql).await,
        "pipe|family|receivers|history|error|reason|settings"
    );
    let sql = "EXPLAIN INSERT INTO users_messages (id, event, message) VALUES (1, 'e', 'x'), (2, 'e', 'x')";
    assert_eq!(php.rows(sql).await, "1|user|1|1000|~|~;2|user|0|1000|~|~");
    assert!(one.news().is_empty() && two.news().is_empty());
    assert_eq!(php.rows("SELECT * FROM pipes_messages").await, "");
    assert_eq!(php.rows("SELECT * FROM users_messages").await, "");
    let sql = "EXPLAIN INSERT INTO pipes_messages (name, nope) VALUES ('news', 1)";
    assert_eq!(php.refused(sql).await.0, 14);
}

#[tokio::test]
async fn explain_of_other_statements_has_the_shape_of_mysql() {
    let house = House::start();
    let mut php = house.login("root");
    for (sql, rows) in [
        (
            "EXPLAIN SELECT * FROM users_auth WHERE id = 1",
            "1|SIMPLE|users_auth|~|ref|id|id|~|const|1|100.00|~",
        ),
        (
            "EXPLAIN SELECT COUNT(*) FROM users_auth a JOIN pipes p ON p.name = a.id",
            "1|SIMPLE|users_auth|~|ALL|~|~|~|~|~|100.00|~;1|SIMPLE|pipes|~|ALL|~|~|~|~|~|100.00|~",
        ),
        (
            "EXPLAIN SELECT 1",
            "1|SIMPLE|~|~|~|~|~|~|~|~|~|No tables used",
        ),
        (
            "EXPLAIN DELETE FROM users_auth WHERE id > 0",
            "1|DELETE|users_auth|~|ALL|~|~|~|~|~|100.00|~",
        ),
        (
            "EXPLAIN UPDATE users_auth SET hash = 'x' WHERE id > 0",
            "1|UPDATE|users_auth|~|ALL|~|~|~|~|~|100.00|~",
        ),
    ] {
        assert_eq!(php.rows(sql).await, rows, "{sql}");
    }
    assert_eq!(
        php.columns("EXPLAIN SELECT 1").await,
        "id|select_type|table|partitions|type|possible_keys|key|key_len|ref|rows|filtered|Extra"
    );
    assert_eq!(
        php.refused("EXPLAIN SELECT nope FROM users_auth").await.0,
        14
    );
    assert_eq!(
        php.refused("EXPLAIN DELETE FROM nowhere WHERE a = 1")
            .await
            .0,
        15
    );
}

#[tokio::test]
async fn rules_are_set_changed_shown_and_explained() {
    let house = House::start();
    let mut php = house.login("15");
    php.done(
        "INSERT INTO pipes_settings (name, subscribe, user_ids, events, rate) \
         VALUES ('web_team_*', 'token, listed', '43,42', 'say', 60), ('*', 'anyone', '', '', 0)",
    )
    .await;
    let sql = "SELECT * FROM pipes_settings";
    assert_eq!(
        php.rows(sql).await,
        "*|0|0|anyone|||||0;web_team_*|0|0|listed,token|||42,43|say|60"
    );
    php.done("UPDATE pipes_settings SET publish = 'nobody', age = 60 WHERE name = 'web_team_*'")
        .await;
    let one = "SELECT * FROM pipes_settings WHERE name = 'web_team_*'";
    let row = "web_team_*|0|60|listed,token|nobody||42,43|say|60";
    assert_eq!(php.rows(one).await, row);

    let insert =
        "INSERT INTO pipes_messages (name, event, message) VALUES ('web_team_7', 'shout', 'x')";
    let told = php.rows(&format!("EXPLAIN {insert}")).await;
    let reason = "the event shout is none of this pipe; its events are say";
    assert_eq!(told, format!("web_team_7|web_|0|0|12|{reason}|web_team_*"));
    assert_eq!(php.refused(insert).await, (12, reason.to_owned()));
    for (wrong, field) in [
        ("subscribe = 'all'", "subscribe"),
        ("user_ids = 'x'", "user_ids"),
        ("events = 'a b'", "events"),
        ("rate = -1", "rate"),
        ("age = -1", "age"),
    ] {
        let sql = format!("UPDATE pipes_settings SET {wrong} WHERE name = '*'");
        let (number, text) = php.refused(&sql).await;
        assert!(number == 12 && text.contains(field), "{text}");
    }
    for name in ["we b*", "web*x", "ab"] {
        let sql = format!("INSERT INTO pipes_settings (name) VALUES ('{name}')");
        assert!(matches!(php.refused(&sql).await.0, 12 | 17), "{name}");
    }
    php.done("BEGIN").await;
    php.done("DELETE FROM pipes_settings WHERE name = 'web_team_*'")
        .await;
    assert_eq!(php.rows(one).await, "");
    php.done("ROLLBACK").await;
    assert_eq!(php.rows(one).await, row);
    let mut other = house.login("16");
    assert_eq!(other.rows(sql).await, "");
}
