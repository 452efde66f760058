//! Changes whose rows a query finds: INSERT … SELECT and UPDATE.

use cometql::answer::Parameter;

use super::house::House;

const SAY: &str = "INSERT INTO pipes_messages (name, event, message)";

#[tokio::test]
async fn a_query_is_published_row_by_row_in_its_order() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe_to(&["web_dashboard", "keys"]);
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        .await;
    let done = php
        .done(&format!(
            "{SAY} SELECT 'web_dashboard', 'load', CONCAT('{{\"keys\":', COUNT(*), '}}') FROM users_auth"
        ))
        .await;
    assert_eq!(done.info, "Receivers: 1");
    assert_eq!(browser.news(), ["web_dashboard/load {\"keys\":3}"]);
    // `sql_select_limit` is for rows that are sent to the client.
    php.done("SET sql_select_limit = 1").await;
    php.done(&format!(
        "{SAY} (SELECT 'keys', hash, id FROM users_auth WHERE id > 1 ORDER BY id DESC)"
    ))
    .await;
    assert_eq!(browser.news(), ["keys/c 3", "keys/b 2"]);
    let nobody = format!("{SAY} SELECT 'keys', 'e', id FROM users_auth WHERE id = 9");
    assert_eq!(php.done(&nobody).await.info, "");
    let other = "INSERT INTO users_auth SELECT id + 10, hash FROM users_auth UNION SELECT 7, 'x'";
    assert_eq!(php.done(other).await.affected_rows, 4);
    assert_eq!(
        php.rows("SELECT COUNT(*), MAX(id) FROM users_auth").await,
        "7|13"
    );
}

#[tokio::test]
async fn text_from_a_query_is_published_as_it_is() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    let text = r#"it's "q" \ \n Привет"#;
    let given = [Parameter::Text(text.into())];
    let sql = format!("{SAY} SELECT 'pipe', 'e', ?");
    php.run(&sql, &given).await.unwrap();
    assert_eq!(browser.news(), [format!("pipe/e {text}")]);
}

#[tokio::test]
async fn the_modes_of_insert_hold_for_rows_of_a_query() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a')")
        .await;
    php.done("INSERT IGNORE INTO users_auth (id, hash) SELECT 1, 'never' UNION SELECT 2, 'b'")
        .await;
    let all = "SELECT * FROM users_auth ORDER BY id";
    assert_eq!(php.rows(all).await, "1|a;2|b");
    php.done("REPLACE INTO users_auth (id, hash) SELECT id, 'r' FROM users_auth WHERE id = 2")
        .await;
    assert_eq!(php.rows(all).await, "1|a;2|r");
    let given = [Parameter::Integer(1), Parameter::Text("new".into())];
    let sql = "INSERT INTO users_auth (id, hash) SELECT ?, 'never' FROM DUAL \
        ON DUPLICATE KEY UPDATE hash = ?";
    php.run(sql, &given).await.unwrap();
    assert_eq!(php.rows(all).await, "1|new;2|r");
}

#[tokio::test]
async fn a_transaction_reads_and_keeps_rows_of_a_query() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("BEGIN").await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (5, 'mine')")
        .await;
    let done = php
        .done(&format!("{SAY} SELECT 'pipe', 'e', hash FROM users_auth"))
        .await;
    assert_eq!(done.info, "Waiting for COMMIT: 2");
    assert!(browser.news().is_empty());
    php.done("COMMIT").await;
    assert_eq!(browser.news(), ["pipe/e mine"]);
}

#[tokio::test]
async fn rows_of_a_query_are_refused_like_rows_that_are_written_out() {
    let house = House::with(|config| config.statement.max_values = 8);
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    let three = "SELECT 'pipe', 'e', 1 UNION ALL SELECT 'pipe', 'e', 2 UNION ALL \
        SELECT 'pipe', 'e', 3";
    for (sql, number) in [
        (format!("{SAY} SELECT 'pipe', 'e'"), 14),
        (format!("{SAY} SELECT 'pipe', 'e' FROM users_auth"), 14),
        (
            format!("{SAY} SELECT 'pipe', 'e', 1 UNION SELECT 'p', 'e', 1"),
            17,
        ),
        (
            format!("{SAY} SELECT 'pipe', 'e', 1 UNION SELECT 'pipe', 'e', NULL"),
            12,
        ),
        (
            format!("{SAY} SELECT 'pipe', 'e', nope FROM users_auth"),
            14,
        ),
        (format!("{SAY} SELECT * FROM nowhere"), 15),
        (format!("{SAY} {three}"), 19),
        ("INSERT INTO users_auth (id, nope) SELECT 1, 'a'".into(), 14),
        ("INSERT INTO users_auth SELECT 1".into(), 14),
        ("INSERT INTO pipes SELECT 'pipe', 1".into(), 10),
        ("INSERT INTO nowhere SELECT 1".into(), 15),
    ] {
        let (got, sentence) = php.refused(&sql).await;
        assert_eq!(got, number, "{sql}: {sentence}");
    }
    assert!(browser.news().is_empty());
    php.done("START TRANSACTION READ ONLY").await;
    assert_eq!(
        php.refused(&format!("{SAY} SELECT 'pipe', 'e', 1")).await.0,
        1792
    );
}

#[tokio::test]
async fn update_writes_the_rows_that_a_condition_finds() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        .await;
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('news', 5), ('other', 9)")
        .await;
    for (sql, affected, info) in [
        (
            "UPDATE users_auth SET hash = 'new' WHERE id = 2",
            1,
            "Rows matched: 1  Changed: 1  Warnings: 0",
        ),
        (
            "UPDATE users_auth SET hash = CONCAT(hash, id) WHERE id IN (1, 3) AND hash <> 'x'",
            2,
            "Rows matched: 2  Changed: 2  Warnings: 0",
        ),
        (
            "UPDATE users_auth SET hash = 'new' WHERE hash LIKE 'n%' OR id = 99",
            0,
            "Rows matched: 1  Changed: 0  Warnings: 0",
        ),
        (
            "update `CometQL_v1`.pipes_settings set length = length * 2 where name = 'news'",
            1,
            "Rows matched: 1  Changed: 1  Warnings: 0",
        ),
        (
            "UPDATE pipes_settings SET length = 3 WHERE name IN ()",
            0,
            "Rows matched: 0  Changed: 0  Warnings: 0",
        ),
    ] {
        let done = php.done(sql).await;
        assert_eq!((done.affected_rows, done.insert_id), (affected, 0), "{sql}");
        assert_eq!(done.info, info, "{sql}");
    }
    assert_eq!(
        php.rows("SELECT * FROM users_auth ORDER BY id").await,
        "1|a1;2|new;3|c3"
    );
    assert_eq!(
        php.rows("SELECT name, length FROM pipes_settings ORDER BY name")
            .await,
        "news|10;other|9"
    );
}

#[tokio::test]
async fn update_takes_parameters_on_both_sides_and_every_row() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        .await;
    php.done("SET sql_select_limit = 1").await;
    let given = [Parameter::Text("k".into()), Parameter::Integer(2)];
    let sql = "UPDATE users_auth SET hash = ? WHERE id >= ?";
    assert_eq!(php.rows_with(sql, &given).await, "OK 2 0");
    php.done("SET sql_select_limit = DEFAULT").await;
    assert_eq!(
        php.rows("SELECT * FROM users_auth ORDER BY id").await,
        "1|a;2|k;3|k"
    );
}

#[tokio::test]
async fn update_waits_for_commit_like_every_change() {
    let house = House::start();
    let (mut php, mut other) = (house.login("root"), house.login("root"));
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a')")
        .await;
    php.done("BEGIN").await;
    let done = php
        .done("UPDATE users_auth SET hash = 'b' WHERE id > 0")
        .await;
    assert_eq!(done.affected_rows, 1);
    let sql = "SELECT hash FROM users_auth WHERE id = 1";
    assert_eq!(php.rows(sql).await, "b");
    assert_eq!(other.rows(sql).await, "a");
    php.done("UPDATE users_auth SET hash = CONCAT(hash, 'c') WHERE hash = 'b'")
        .await;
    php.done("COMMIT").await;
    assert_eq!(other.rows(sql).await, "bc");
}

#[tokio::test]
async fn an_update_that_is_refused_changes_nothing() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'bad')")
        .await;
    for (sql, number) in [
        ("UPDATE users_auth SET hash = 'x'", 13),
        ("UPDATE users_auth SET hash = 'x' WHERE 1 = 1", 13),
        ("UPDATE users_auth SET id = 9 WHERE id = 1", 2),
        ("UPDATE users_auth SET nope = 9 WHERE id = 1", 14),
        ("UPDATE users_auth SET hash = 9 WHERE nope = 1", 14),
        ("UPDATE users_auth SET hash = nope WHERE id = 1", 14),
        (
            "UPDATE users_auth SET hash = 'x', hash = 'y' WHERE id = 1",
            13,
        ),
        ("UPDATE users_auth SET hash = NULL WHERE id = 1", 12),
        (
            "UPDATE users_auth SET hash = IF(id = 1, 'fine', 'not ok') WHERE id > 0",
            12,
        ),
        ("UPDATE users_auth SET hash = 'x' LIMIT 1", 13),
        ("UPDATE users_auth SET hash = 'x' WHERE id > 0 LIMIT -1", 3),
        ("UPDATE users_auth, pipes SET hash = 'x' WHERE id > 0", 2),
        ("UPDATE users_auth SET hash = MAX(hash) WHERE id > 0", 2),
        (
            "UPDATE pipes_messages SET message = 'x' WHERE name = 'pipe'",
            2,
        ),
        ("UPDATE pipes SET users = 3 WHERE name = 'pipe'", 10),
        ("UPDATE users_time SET time = 3 LIMIT 4", 10),
        ("UPDATE nowhere SET a = 3 WHERE a = 2", 15),
        ("UPDATE pipes_settings SET length = -1 WHERE length = 5", 12),
    ] {
        php.done("INSERT INTO pipes_settings (name, length) VALUES ('news', 5)")
            .await;
        let (got, sentence) = php.refused(sql).await;
        assert_eq!(got, number, "{sql}: {sentence}");
    }
    assert_eq!(
        php.rows("SELECT * FROM users_auth ORDER BY id").await,
        "1|a;2|bad"
    );
}

#[tokio::test]
async fn affected_rows_count_found_or_changed_rows_as_the_client_asked() {
    let house = House::start();
    let mut php = house.login("root");
    let mut orm = house.login_counting_found_rows("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b')")
        .await;
    let update = "UPDATE users_auth SET hash = 'a' WHERE id IN (1, 2)";
    let done = php.done(update).await;
    assert_eq!(
        (done.affected_rows, done.info.as_str()),
        (1, "Rows matched: 2  Changed: 1  Warnings: 0")
    );
    let done = orm.done(update).await;
    assert_eq!(
        (done.affected_rows, done.info.as_str()),
        (2, "Rows matched: 2  Changed: 0  Warnings: 0")
    );
    let again = "INSERT INTO users_auth (id, hash) VALUES (1, 'a') ON DUPLICATE KEY UPDATE hash = VALUES(hash)";
    let other = "INSERT INTO users_auth (id, hash) VALUES (1, ?) AS new ON DUPLICATE KEY UPDATE hash = new.hash";
    let new = |hash: &str| [Parameter::Text(hash.to_owned())];
    assert_eq!(php.done(again).await.affected_rows, 0);
    assert_eq!(orm.done(again).await.affected_rows, 1);
    assert_eq!(php.rows_with(other, &new("c")).await, "OK 2 1");
    assert_eq!(orm.rows_with(other, &new("d")).await, "OK 2 1");
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 1").await,
        "d"
    );
    let first =
        "INSERT INTO users_auth (id, hash) VALUES (3, 'x') ON DUPLICATE KEY UPDATE hash = 'y'";
    assert_eq!(php.done(first).await.affected_rows, 1);
}

#[tokio::test]
async fn what_is_updated_on_a_duplicate_key_was_read_when_nobody_else_wrote() {
    let house = House::start();
    let mut php = house.login("root");
    // Whoever comes second keeps the first one's row: without turns both would
    // have seen no row, and the later would have replaced the earlier.
    for id in 1..=200 {
        let insert = |hash: &str| {
            format!(
                "INSERT INTO users_auth (id, hash) VALUES ({id}, '{hash}') ON DUPLICATE KEY UPDATE hash = hash"
            )
        };
        let (mut a, mut b) = (house.login("root"), house.login("root"));
        let (first, second) = (insert("a"), insert("b"));
        let (first, second) = tokio::join!(a.done(&first), b.done(&second));
        assert_eq!(first.affected_rows + second.affected_rows, 1, "{id}");
        let kept = if first.affected_rows == 1 { "a" } else { "b" };
        let hash = php
            .rows(&format!("SELECT hash FROM users_auth WHERE id = {id}"))
            .await;
        assert_eq!(hash, kept);
    }
}

#[tokio::test]
async fn of_two_changes_of_one_row_at_one_time_both_count() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('count', 0)")
        .await;
    let (mut a, mut b, mut c) = (
        house.login("root"),
        house.login("root"),
        house.login("root"),
    );
    // Without turns all three read the same row, and the last one's answer stays.
    for round in 1..=50 {
        let (first, second, third) = tokio::join!(
            a.done("UPDATE pipes_settings SET length = length + 1 WHERE name = 'count'"),
            b.done("UPDATE pipes_settings SET age = age + 1 WHERE name = 'count'"),
            c.done(
                "INSERT INTO pipes_settings (name, length, age) \
                 SELECT name, length + 1, age + 1 FROM pipes_settings WHERE name = 'count'"
            ),
        );
        for done in [first, second, third] {
            assert_eq!(done.affected_rows, 1);
        }
        let row = php.rows("SELECT length, age FROM pipes_settings").await;
        assert_eq!(row, format!("{0}|{0}", round * 2));
    }
}
