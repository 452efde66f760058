//! The statements of published programs, literally (compatibility reference
//! §2.4, §2.6, §8), and what browsers then hear.

use super::house::{Client, House};

async fn published(php: &mut Client, browser: &super::house::Browser, sql: &str) -> String {
    let done = php.done(sql).await;
    assert_eq!((done.affected_rows, done.insert_id), (0, 0), "{sql}");
    browser.news().join("; ")
}

#[tokio::test]
async fn published_programs_publish() {
    let house = House::start();
    let mut php = house.login("15");
    let browser = house.browser(15, None).await;
    browser.subscribe_to(&[
        "loginPipe",
        "iziMessages",
        "web_MainPageChat",
        "re_messages_7",
        "time",
        "123",
    ]);
    for (sql, heard) in [
        (
            r#"INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userLogin', '{\"name\":\"\\u0412\"}')"#,
            r#"loginPipe/userLogin {"name":"\u0412"}"#,
        ),
        (
            "INSERT INTO pipes_messages (name, event, message)VALUES('iziMessages', 'msg', 'it\\'s');'",
            "iziMessages/msg it's",
        ),
        (
            "INSERT INTO pipes_messages (name, event, message)VALUES('web_MainPageChat', '', '{\"a\":1}' );",
            "web_MainPageChat/undefined {\"a\":1}",
        ),
        (
            r#"INSERT INTO pipes_messages (name, event, message) VALUES ("re_messages_7", "read", '{"identifier": "id5"}')"#,
            r#"re_messages_7/read {"identifier": "id5"}"#,
        ),
        (
            "INSERT INTO pipes_messages (name, event, message)VALUES(\"time\", \"event_name\", \"a+b/c==\")",
            "time/event_name a+b/c==",
        ),
        (
            "INSERT INTO pipes_messages (name, event, message) VALUES (123, 456, 789)",
            "123/456 789",
        ),
        (
            "   INSERT INTO pipes_messages (\"name\", 'event', `message`) VALUES ('time', 'e', 'Привет 😀') ; \n",
            "time/e Привет 😀",
        ),
    ] {
        assert_eq!(published(&mut php, &browser, sql).await, heard, "{sql}");
    }
}

#[tokio::test]
async fn escaped_and_unescaped_json_both_arrive_intact() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    for (literal, message) in [
        (r#"'{\"name\":\"\\u0412\"}'"#, r#"{"name":"\u0412"}"#),
        (r#"'{"name":"\u0412"}'"#, r#"{"name":"\u0412"}"#),
        (r#"'{"t":"say \"hi\"\n"}'"#, r#"{"t":"say \"hi\"\n"}"#),
        (r"'a\nb'", "a\nb"),
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        ("\"it's\"", "it's"),
        (r"'ends with \\'", r"ends with \"),
    ] {
        let sql = format!(
            "INSERT INTO pipes_messages (name, event, message) VALUES ('pipe', '', {literal})"
        );
        assert_eq!(
            published(&mut php, &browser, &sql).await,
            format!("pipe/undefined {message}")
        );
        // The same, past the fast path for plain INSERTs.
        let sql = format!(
            "INSERT INTO pipes_messages (name, event, message) VALUES (pipe, '', {literal}) /* x */"
        );
        assert_eq!(
            published(&mut php, &browser, &sql).await,
            format!("pipe/undefined {message}")
        );
    }
}

#[tokio::test]
async fn published_programs_manage_their_users() {
    let house = House::start();
    let mut php = house.login("15");
    for (sql, told) in [
        (
            "INSERT INTO users_auth (id, hash)VALUES (3, '0cc175b9c0f1b6a831c399e269772661')",
            "OK 1 3",
        ),
        (
            "INSERT INTO users_auth (id, hash)VALUES('5', 'key' );",
            "OK 1 5",
        ),
        (
            "SELECT hash FROM users_auth WHERE id = 3",
            "0cc175b9c0f1b6a831c399e269772661",
        ),
        ("SELECT hash FROM users_auth WHERE id = 7", ""),
        (
            "INSERT INTO users_messages (id, event, message)VALUES('5', 'message', 'Привет')",
            "OK 0 5",
        ),
        (
            "INSERT INTO users_messages (id, event, message)VALUES (5, 'msg', 'x');'",
            "OK 0 5",
        ),
        (
            "SELECT * FROM users_messages WHERE id = 5",
            "5|0|message|Привет;5|1|msg|x",
        ),
        (
            "SELECT id, time FROM users_time WHERE id IN( 1,2,7);",
            "1|-1;2|-1;7|-1",
        ),
        ("SELECT id, time FROM users_time WHERE id IN( );", ""),
        ("DELETE FROM users_auth WHERE id = 5", "OK 0 0"),
        ("SELECT hash FROM users_auth WHERE id = 5", ""),
        (
            "SELECT * FROM users_in_pipes WHERE name = \"track_online\"",
            "",
        ),
        ("SELECT * FROM pipes WHERE name = \"x\"; ", ""),
        ("DELETE FROM pipes_messages WHERE name = p23", "OK 0 0"),
        (
            "INSERT INTO pipes_settings (name, length )VALUES ('name', 0);",
            "OK 1 0",
        ),
        (
            "INSERT INTO pipes_settings ('name', 'length') VALUES ('pipe', 10)",
            "OK 1 0",
        ),
        (
            "INSERT INTO pipes_settings (\"name\", 'LENGTH') VALUES ('pipe', 11)",
            "OK 1 0",
        ),
        (
            "SELECT name, length FROM pipes_settings WHERE name = pipe",
            "pipe|11",
        ),
        ("INSERT INTO pipes_settings VALUES ('pipe', 12)", "OK 1 0"),
        (
            "SELECT * FROM pipes_settings WHERE name = pipe",
            "pipe|12|0||||||0",
        ),
    ] {
        assert_eq!(php.rows(sql).await, told, "{sql}");
    }
    let (number, _) = php
        .refused("INSERT INTO users_auth (id, hash)VALUES (, 'abc')")
        .await;
    assert_eq!(number, 3);
}
