//! DELETE: what is removed, whom it drops, what it refuses.

use cometql::answer::Parameter;

use super::house::{Client, House};

async fn fill(php: &mut Client) {
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('one', 9), ('two', 9)")
        .await;
    php.done("INSERT INTO pipes_messages (name, event, message) VALUES ('one','a','1'),('one','b','2'),('two','a','3')").await;
}

const ALL: &str = "SELECT message FROM pipes_messages ORDER BY message";

#[tokio::test]
async fn a_history_is_emptied_by_name_and_a_message_by_id() {
    let house = House::start();
    let mut php = house.login("root");
    fill(&mut php).await;
    let id = php
        .rows("SELECT id FROM pipes_messages WHERE message = '2'")
        .await;
    let done = php
        .done(&format!("DELETE FROM pipes_messages WHERE id = '{id}'"))
        .await;
    assert_eq!(done.affected_rows, 0);
    assert_eq!(done.info, "Deleted: 1");
    assert_eq!(php.rows(ALL).await, "1;3");
    php.done("DELETE FROM pipes_messages WHERE name = one")
        .await;
    assert_eq!(php.rows(ALL).await, "3");
    assert_eq!(
        php.rows("SELECT length FROM pipes_settings WHERE name = one")
            .await,
        "9"
    );
}

#[tokio::test]
async fn conditions_of_a_delete_are_a_real_conjunction() {
    let house = House::start();
    let mut php = house.login("root");
    for (condition, left) in [
        ("name = 'one' AND event = 'b'", "1;3"),
        ("name = 'one' AND id = 'nope'", "1;2;3"),
        ("event = 'a'", "2"),
        ("name IN ('one', 'two', 'x')", ""),
        ("name IN ( )", "1;2;3"),
        ("message > 1 AND name LIKE 'o%'", "1;3"),
        ("name = 'one' OR message = 3", ""),
        ("name = 'bad name'", "1;2;3"),
        ("name = NULL", "1;2;3"),
    ] {
        fill(&mut php).await;
        php.done(&format!("DELETE FROM pipes_messages WHERE {condition}"))
            .await;
        assert_eq!(php.rows(ALL).await, left, "{condition}");
        php.done("DELETE FROM pipes_settings WHERE name IN ('one', 'two')")
            .await;
    }
}

#[tokio::test]
async fn deleting_a_setting_clears_the_history() {
    let house = House::start();
    let mut php = house.login("root");
    fill(&mut php).await;
    php.done("DELETE FROM pipes_settings WHERE name = 'one'")
        .await;
    assert_eq!(php.rows(ALL).await, "3");
    assert_eq!(php.rows("SELECT name FROM pipes_settings").await, "two");
}

#[tokio::test]
async fn deleting_a_key_drops_the_users_browsers() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (7, 'k'), (8, 'k')")
        .await;
    let (seven, eight) = (
        house.browser(0, Some((7, "k"))).await,
        house.browser(0, Some((8, "k"))).await,
    );
    php.done("DELETE FROM users_auth WHERE id = 7 AND hash = 'wrong'")
        .await;
    assert!(seven.news().is_empty());
    assert_eq!(
        php.done("DELETE FROM users_auth WHERE id = 7")
            .await
            .affected_rows,
        0
    );
    assert_eq!(seven.news(), ["closed key_deleted"]);
    assert!(eight.news().is_empty());
    assert_eq!(php.rows("SELECT * FROM users_auth WHERE id = 7").await, "");
    assert!(house.browser(0, Some((7, "k"))).await.is_anonymous());
}

#[tokio::test]
async fn a_mailbox_is_emptied_at_once_even_in_the_second_of_its_last_message() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_messages (id, event, message) VALUES (5, 'a', 'b')")
        .await;
    php.done("DELETE FROM users_messages WHERE id = 5").await;
    assert_eq!(
        php.rows("SELECT * FROM users_messages WHERE id = 5").await,
        ""
    );
}

#[tokio::test]
async fn a_delete_takes_an_order_and_a_limit() {
    let house = House::start();
    let mut php = house.login("root");
    fill(&mut php).await;
    let done = php
        .done("DELETE FROM pipes_messages WHERE name = 'one' ORDER BY `index` DESC LIMIT 1")
        .await;
    assert_eq!(done.info, "Deleted: 1");
    assert_eq!(php.rows(ALL).await, "1;3");
    php.done("DELETE FROM pipes_messages WHERE message > 0 LIMIT 0")
        .await;
    assert_eq!(php.rows(ALL).await, "1;3");
    let given = [Parameter::Text("one".into()), Parameter::Integer(5)];
    let sql = "DELETE FROM pipes_messages WHERE name = ? LIMIT ?";
    php.run(sql, &given).await.unwrap();
    assert_eq!(php.rows(ALL).await, "3");
}

#[tokio::test]
async fn rows_of_one_table_are_deleted_by_what_another_says() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        .await;
    php.done("INSERT INTO users_data (id, data) VALUES (1, 'old'), (2, 'new'), (3, 'old')")
        .await;
    php.done("DELETE a FROM users_auth a JOIN users_data d ON d.id = a.id WHERE d.data = 'old' AND a.id > 1")
        .await;
    assert_eq!(
        php.rows("SELECT id FROM users_auth ORDER BY id").await,
        "1;2"
    );
    php.done("DELETE FROM d USING users_data AS d LEFT JOIN users_auth a ON a.id = d.id WHERE a.id IS NULL")
        .await;
    assert_eq!(
        php.rows("SELECT id FROM users_data ORDER BY id").await,
        "1;2"
    );
}

#[tokio::test]
async fn a_delete_must_say_what_and_is_never_half_done() {
    let house = House::start();
    let mut php = house.login("root");
    fill(&mut php).await;
    for (sql, number) in [
        ("DELETE FROM pipes_messages", 13),
        ("DELETE FROM users_auth", 13),
        ("DELETE FROM pipes_messages LIMIT 1", 13),
        ("DELETE FROM pipes_messages WHERE name = 'one' LIMIT x", 3),
        ("DELETE FROM users_messages WHERE id = 5 LIMIT 1", 2),
        (
            "DELETE m FROM pipes_messages m JOIN users_auth a ON a.id = m.user_id",
            13,
        ),
        (
            "DELETE u FROM users_time u JOIN users_auth a ON a.id = u.id WHERE a.id = 1",
            10,
        ),
        ("DELETE FROM pipes_messages WHERE nope = 1", 14),
        (
            "DELETE FROM pipes_messages WHERE name = 'one' AND nope = 1",
            14,
        ),
        ("DELETE FROM pipes_messages WHERE nope > 1", 14),
        ("DELETE FROM users_messages WHERE id = 5 AND event = 'a'", 2),
        ("DELETE FROM nowhere WHERE id = 5", 15),
        ("DELETE FROM users_auth WHERE id = 'x'", 12),
        ("DELETE FROM pipes", 10),
        ("DELETE FROM pipes WHERE nope = 1", 10),
        ("DELETE FROM users_time WHERE id = 1 LIMIT 1", 10),
        (
            "DELETE FROM users_in_pipes WHERE name = 'a' ORDER BY name",
            10,
        ),
    ] {
        assert_eq!(php.refused(sql).await.0, number, "{sql}");
    }
    assert_eq!(php.rows(ALL).await, "1;2;3");
}
