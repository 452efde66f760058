//! Prepared statements: parameters of each type in every place they may stand.

use cometql::answer::Parameter;
use cometql::backend::Session;

use super::house::{House, names};

fn text(text: &str) -> Parameter {
    Parameter::Text(text.to_owned())
}

#[tokio::test]
async fn a_parameter_arrives_exactly_as_it_was_given() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    let sql = "INSERT INTO pipes_messages (name, event, message) VALUES (?, 'newChat', ?)";
    assert_eq!(php.session.prepare(sql).unwrap().parameters, 2);
    for payload in [
        "it's \"q\" \\ \n Привет 😀",
        r#"{"name":"\u0412"}"#,
        r#"{\"name\":\"\\u0412\"}"#,
        "",
        "?",
    ] {
        let told = php.rows_with(sql, &[text("pipe"), text(payload)]).await;
        assert_eq!(told, "OK 0 0");
        assert_eq!(browser.news(), [format!("pipe/newChat {payload}")]);
    }
}

#[tokio::test]
async fn every_type_of_parameter_is_read_as_its_column_needs() {
    let house = House::start();
    let mut php = house.login("root");
    let sql = "INSERT INTO users_auth (id, hash) VALUES (?, ?)";
    for (id, hash, told) in [
        (Parameter::Integer(3), text("k"), "OK 1 3"),
        (Parameter::Unsigned(4), Parameter::Integer(44), "OK 1 4"),
        (Parameter::Real(5.0), Parameter::Unsigned(55), "OK 1 5"),
        (text(" 6 "), text("A="), "OK 1 6"),
    ] {
        assert_eq!(php.rows_with(sql, &[id, hash]).await, told);
    }
    for (id, hash) in [
        (Parameter::Null, text("k")),
        (Parameter::Integer(1), Parameter::Null),
        (Parameter::Real(1.5), text("k")),
        (Parameter::Real(f64::NAN), text("k")),
        (Parameter::Integer(-1), text("k")),
        (Parameter::Unsigned(u64::MAX), text("k")),
        (text("x"), text("k")),
    ] {
        let told = php.rows_with(sql, &[id.clone(), hash.clone()]).await;
        assert!(told.starts_with("12: "), "{id:?} {hash:?}: {told}");
    }
    let all = "SELECT * FROM users_auth WHERE id IN (?, ?, ?, ?)";
    let ids = [
        text("6"),
        Parameter::Real(5.0),
        Parameter::Unsigned(4),
        Parameter::Integer(3),
    ];
    assert_eq!(php.rows_with(all, &ids).await, "6|A=;5|55;4|44;3|k");
    let delete = "DELETE FROM users_auth WHERE id = ?";
    assert_eq!(php.rows_with(delete, &[Parameter::Null]).await, "OK 0 0");
    assert_eq!(
        php.rows_with(delete, &[Parameter::Real(5.0)]).await,
        "OK 0 0"
    );
    let delete = "DELETE FROM users_auth WHERE hash > ? AND id > ?";
    assert_eq!(
        php.rows_with(delete, &[text("j"), Parameter::Integer(2)])
            .await,
        "OK 0 0"
    );
    assert_eq!(php.rows("SELECT id FROM users_auth").await, "4;6");
}

#[tokio::test]
async fn parameters_are_numbered_by_their_place_in_the_text() {
    let house = House::start();
    let mut php = house.login("root");
    for id in 1..=6 {
        php.done(&format!(
            "INSERT INTO users_auth (id, hash) VALUES ({id}, 'k{id}')"
        ))
        .await;
    }
    let number = Parameter::Integer;
    for (sql, given, rows) in [
        (
            "SELECT ?, id FROM users_auth WHERE id > ? ORDER BY id LIMIT ?, ?",
            vec![text("x"), number(1), number(2), number(1)],
            "x|4",
        ),
        (
            "SELECT id FROM users_auth WHERE id > ? ORDER BY id LIMIT ? OFFSET ?",
            vec![number(1), number(2), number(1)],
            "3;4",
        ),
        (
            "SELECT id FROM users_auth WHERE id IN (SELECT id FROM users_auth WHERE id > ? ) AND id < ? ORDER BY id LIMIT ?",
            vec![number(2), number(6), number(2)],
            "3;4",
        ),
        (
            "SELECT a.id, ? FROM (SELECT id FROM users_auth WHERE id < ?) a JOIN users_auth b ON b.id = a.id + ? ORDER BY 1 LIMIT ?",
            vec![text("y"), number(4), number(2), number(2)],
            "1|y;2|y",
        ),
        (
            "SELECT id FROM users_auth WHERE id = ? UNION SELECT id FROM users_auth WHERE id = ? ORDER BY id",
            vec![number(5), number(2)],
            "2;5",
        ),
        (
            "SELECT IF(id > ?, ?, ?) FROM users_auth WHERE id BETWEEN ? AND ? ORDER BY id",
            vec![number(2), text("big"), text("small"), number(2), number(3)],
            "small;big",
        ),
        (
            "SELECT CASE id WHEN ? THEN ? ELSE ? END FROM users_auth WHERE id <= ? ORDER BY id DESC LIMIT ?",
            vec![number(1), text("one"), text("other"), number(2), number(2)],
            "other;one",
        ),
        (
            "SELECT id FROM users_auth WHERE id = ? LIMIT ?",
            vec![number(3), number(1)],
            "3",
        ),
        (
            "SELECT id FROM users_auth WHERE hash LIKE ? ORDER BY id LIMIT ?, ?",
            vec![text("k%"), number(4), number(9)],
            "5;6",
        ),
    ] {
        assert_eq!(
            php.session.prepare(sql).unwrap().parameters,
            given.len(),
            "{sql}"
        );
        assert_eq!(php.rows_with(sql, &given).await, rows, "{sql}");
    }
    let told = php
        .rows_with(
            "SELECT id FROM users_auth WHERE id = ? LIMIT ?",
            &[number(3)],
        )
        .await;
    assert!(told.starts_with("12: "), "{told}");
}

#[tokio::test]
async fn preparing_tells_columns_and_mistakes_without_running() {
    let house = House::start();
    let mut php = house.login("root");
    for (sql, columns) in [
        (
            "SELECT * FROM users_in_pipes WHERE name = ?",
            "name|user_id|user_uuid|user_agent|ip|origin|language",
        ),
        (
            "SELECT user_id FROM users_in_pipes WHERE name = ? LIMIT 3",
            "user_id",
        ),
        ("SELECT COUNT(*) FROM pipes WHERE users > ?", "COUNT(*)"),
        ("SHOW TABLES", "Tables_in_CometQL_v1"),
        ("DELETE FROM users_auth WHERE id = ?", ""),
        ("SET NAMES utf8", ""),
    ] {
        assert_eq!(
            names(&php.session.prepare(sql).unwrap().columns),
            columns,
            "{sql}"
        );
    }
    for (sql, number) in [
        ("SELECT nope FROM pipes WHERE name = ?", 14),
        ("SELECT * FROM nowhere WHERE name = ?", 15),
        ("INSERT INTO nowhere (id) VALUES (?)", 15),
        ("DELETE FROM nowhere WHERE id = ?", 15),
        ("INSERT INTO users_auth (id) VALUES (?,", 3),
    ] {
        let error = php.session.prepare(sql).unwrap_err();
        assert_eq!(error.number(Default::default()), number, "{sql}: {error}");
    }
}
