//! Changes whose rows a query finds: INSERT … SELECT.

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
