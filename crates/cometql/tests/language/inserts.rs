//! INSERT: what reaches browsers, what is kept, what is counted, what is refused.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::house::{Client, House};

#[tokio::test]
async fn a_published_message_reaches_the_subscribers_and_nobody_else() {
    let house = House::start();
    let mut php = house.login("root");
    let (one, two) = (house.browser(0, None).await, house.browser(0, None).await);
    one.subscribe("web_chat");
    two.subscribe("web_other");
    let sql =
        "INSERT INTO pipes_messages (name, event, message)VALUES('web_chat', 'newMessage', 'hi')";
    let done = php.done(sql).await;
    assert_eq!((done.affected_rows, done.insert_id), (0, 0));
    assert_eq!(done.info, "Receivers: 1");
    assert_eq!(one.news(), ["web_chat/newMessage hi"]);
    assert!(two.news().is_empty());
}

#[tokio::test]
async fn ignored_columns_may_be_named() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("INSERT INTO pipes_messages (id, time, `index`, user_id, name, event, message) VALUES (1,2,3,4,'pipe','','x')")
        .await;
    assert_eq!(browser.news(), ["pipe/undefined x"]);
    php.done("INSERT INTO pipes_messages VALUES (1, 2, 'pipe', 3, 'e', 'all columns', 4)")
        .await;
    assert_eq!(browser.news(), ["pipe/e all columns"]);
}

#[tokio::test]
async fn several_rows_are_several_messages_in_order_or_none() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    let sql =
        "INSERT INTO pipes_messages (name, event, message) VALUES ('pipe','a','1'), (\"pipe\",b,2)";
    assert_eq!(php.done(sql).await.info, "Receivers: 2");
    assert_eq!(browser.news(), ["pipe/a 1", "pipe/b 2"]);
    let sql =
        "INSERT INTO pipes_messages (name, event, message) VALUES ('pipe','a','1'), ('p','b','2')";
    assert_eq!(php.refused(sql).await.0, 17);
    assert!(browser.news().is_empty());
}

#[tokio::test]
async fn a_pipe_with_a_length_keeps_its_newest_messages() {
    let house = House::start();
    let mut php = house.login("root");
    let done = php
        .done("INSERT INTO pipes_settings (name, length) VALUES ('kept', 2)")
        .await;
    assert_eq!((done.affected_rows, done.insert_id), (1, 0));
    for text in ["one", "two", "three"] {
        let sql = format!(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('kept', 'e', '{text}')"
        );
        php.done(&sql).await;
    }
    let sql = "INSERT INTO pipes_messages (name, event, message) VALUES ('kept', '', 'four')";
    assert_eq!(php.done(sql).await.info, "Receivers: 0  Offset: 4");
    assert_eq!(
        php.rows(
            "SELECT name, `index`, event, message, user_id FROM pipes_messages WHERE name = 'kept'"
        )
        .await,
        "kept|0|e|three|0;kept|1|undefined|four|0"
    );
    // Shrinking trims at once; 0 keeps what is there.
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('kept', 1)")
        .await;
    assert_eq!(
        php.rows("SELECT message FROM pipes_messages WHERE name = 'kept'")
            .await,
        "four"
    );
    php.done("INSERT INTO pipes_settings (name) VALUES ('kept')")
        .await;
    php.done("INSERT INTO pipes_messages (name, event, message) VALUES ('kept', '', 'five')")
        .await;
    assert_eq!(
        php.rows("SELECT message FROM pipes_messages WHERE name = 'kept'")
            .await,
        "four"
    );
    assert_eq!(
        php.rows("SELECT name, length FROM pipes_settings WHERE name = 'kept'")
            .await,
        "kept|0"
    );
}

#[tokio::test]
async fn a_length_is_held_to_its_range() {
    let house = House::start();
    let mut php = house.login("root");
    for (given, stored) in [("99", "99"), ("'7'", "7"), ("5000", "1000"), ("NULL", "0")] {
        php.done(&format!(
            "INSERT INTO pipes_settings (name, length) VALUES ('pipe', {given})"
        ))
        .await;
        assert_eq!(
            php.rows("SELECT length FROM pipes_settings WHERE name = pipe")
                .await,
            stored
        );
    }
    for given in ["-5", "'-5'", "'many'", "1.5"] {
        let sql = format!("INSERT INTO pipes_settings (name, length) VALUES ('pipe', {given})");
        let (number, sentence) = php.refused(&sql).await;
        assert_eq!(number, 12, "{given}");
        assert!(sentence.contains("length"), "{sentence}");
    }
}

#[tokio::test]
async fn a_private_message_is_handed_over_or_waits() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (70000, 'key')")
        .await;
    let insert = "INSERT INTO users_messages (id, event, message) VALUES (70000, 'e', 'waits')";
    let done = php.done(insert).await;
    assert_eq!((done.affected_rows, done.insert_id), (0, 70_000));
    assert_eq!(done.info, "Receivers: 0");
    assert_eq!(
        php.rows("SELECT * FROM users_messages WHERE id = 70000")
            .await,
        "70000|0|e|waits"
    );
    let browser = house.browser(0, Some((70_000, "key"))).await;
    browser.hears("msg/e waits").await;
    // Handed over is removed, which the hall does when it gets to it.
    loop {
        browser.reads_all();
        if php
            .rows("SELECT * FROM users_messages WHERE id = 70000")
            .await
            .is_empty()
        {
            break;
        }
    }
    let insert = "INSERT INTO users_messages (id, event, message) VALUES ('70000', '', 'now')";
    assert_eq!(php.done(insert).await.info, "Receivers: 1");
    browser.hears("msg/undefined now").await;
}

#[tokio::test]
async fn a_message_to_nobody_is_accepted_and_forgotten() {
    let house = House::start();
    let mut php = house.login("root");
    let done = php
        .done("INSERT INTO users_messages (id, event, message) VALUES (0, 'e', 'x')")
        .await;
    assert_eq!((done.affected_rows, done.insert_id), (0, 0));
    assert_eq!(
        php.rows("SELECT * FROM users_messages WHERE id = 0").await,
        ""
    );
}

#[tokio::test]
async fn a_key_lets_its_user_in_and_a_new_one_replaces_it() {
    let house = House::start();
    let mut php = house.login("root");
    for key in ["first", "A-z"] {
        let sql = format!("INSERT INTO users_auth (id, hash) VALUES (3, '{key}')");
        let told = php.rows(&sql).await;
        assert_eq!(told.starts_with("OK 1 3"), key == "first", "{told}");
    }
    assert!(!house.browser(0, Some((3, "first"))).await.is_anonymous());
    php.done("INSERT INTO users_auth (id, hash)VALUES (3, 'second=+/_')")
        .await;
    assert!(house.browser(0, Some((3, "first"))).await.is_anonymous());
    assert!(
        !house
            .browser(0, Some((3, "second=+/_")))
            .await
            .is_anonymous()
    );
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 3").await,
        "second=+/_"
    );
}

#[tokio::test]
async fn rows_that_are_there_are_ignored_or_updated_as_asked() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'old')")
        .await;
    let done = php
        .done("INSERT IGNORE INTO users_auth (id, hash) VALUES (1, 'new'), (2, 'two'), (2, 'too')")
        .await;
    assert_eq!(done.affected_rows, 1);
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id IN (1, 2)")
            .await,
        "old;two"
    );
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'newer') ON DUPLICATE KEY UPDATE hash = VALUES(hash)").await;
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 1").await,
        "newer"
    );
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'x') ON DUPLICATE KEY UPDATE id = id")
        .await;
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 1").await,
        "newer"
    );
    php.done(
        "INSERT INTO users_auth (id, hash) VALUES (5, 'x') ON DUPLICATE KEY UPDATE hash = 'y'",
    )
    .await;
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 5").await,
        "x"
    );
    php.done("REPLACE INTO users_auth (id, hash) VALUES (1, 'last')")
        .await;
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 1").await,
        "last"
    );
    php.done("INSERT INTO users_auth SET id = 9, hash = 'set'")
        .await;
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = 9").await,
        "set"
    );
    php.done("INSERT IGNORE INTO pipes_settings (name, length) VALUES ('pipe', 3)")
        .await;
    php.done("INSERT IGNORE INTO pipes_settings (name, length) VALUES ('pipe', 4)")
        .await;
    assert_eq!(
        php.rows("SELECT length FROM pipes_settings WHERE name = 'pipe'")
            .await,
        "3"
    );
    let sql = "INSERT INTO users_auth (id, hash) VALUES (77, 'x') ON DUPLICATE KEY UPDATE nope = 1";
    assert_eq!(php.refused(sql).await.0, 14);
}

#[tokio::test]
async fn every_pipe_may_be_published_to_but_the_servers_own_names() {
    let house = House::start();
    let mut php = house.login("root");
    for pipe in [
        "web_a",
        "webauth_a",
        "track_a",
        "private_a",
        "trust_a",
        "user_status_1",
        "-_-",
        "123",
    ] {
        let sql =
            format!("INSERT INTO pipes_messages (name, event, message) VALUES ('{pipe}', '', '')");
        php.done(&sql).await;
    }
    for pipe in [
        "sys",
        "msg",
        "_answer",
        "_answer_to_web_a",
        "comet_msg_x",
        "__comet_x",
    ] {
        let sql =
            format!("INSERT INTO pipes_messages (name, event, message) VALUES ('{pipe}', '', '')");
        assert_eq!(php.refused(&sql).await.0, 12, "{pipe}");
    }
}

/// Whether a statement is carried out without ever waiting for another thread.
async fn is_done_at_once(php: &mut Client, sql: &str) -> bool {
    let mut running = pin!(php.run(sql, &[]));
    let first = poll_fn(|context| Poll::Ready(running.as_mut().poll(context))).await;
    match first {
        Poll::Ready(answer) => {
            answer.unwrap();
            true
        }
        Poll::Pending => {
            running.await.unwrap();
            false
        }
    }
}

#[tokio::test]
async fn what_needs_neither_store_nor_engine_waits_for_nobody() {
    let house = House::start();
    let mut php = house.login("root");
    for sql in [
        "INSERT INTO pipes_messages (name, event, message) VALUES ('pipe', '', '')",
        "INSERT INTO pipes_messages (name, event, message) VALUES (pipe, '', '') /* x */",
        "SELECT * FROM pipes WHERE name = 'pipe'",
        "SELECT * FROM pipes_settings WHERE name = 'pipe'",
        "SET NAMES utf8",
        "BEGIN",
    ] {
        assert!(is_done_at_once(&mut php, sql).await, "{sql}");
    }
}
