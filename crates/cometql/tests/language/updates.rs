//! What is set in a row that is there: UPDATE and ON DUPLICATE KEY UPDATE with
//! expressions, in order, in part, and by other tables.

use cometql::answer::Parameter;

use super::house::{Client, House};

async fn settled(house: &House) -> Client {
    let mut php = house.login("root");
    php.done("INSERT INTO pipes_settings (name, length, age) VALUES ('aaa', 1, 10), ('bbb', 2, 20), ('ccc', 3, 30)")
        .await;
    php
}

const ALL: &str = "SELECT name, length, age FROM pipes_settings ORDER BY name";

#[tokio::test]
async fn a_row_that_is_there_is_updated_by_expressions() {
    let house = House::start();
    let mut php = settled(&house).await;
    let insert = "INSERT INTO pipes_settings (name, length, age) VALUES";
    for (sql, counted, row) in [
        // Inserted, changed, left as it was.
        (
            "('nnn', 5, 1) ON DUPLICATE KEY UPDATE length = length + 1",
            1,
            "nnn|5|1",
        ),
        (
            "('nnn', 5, 1) ON DUPLICATE KEY UPDATE length = length + 1",
            2,
            "nnn|6|1",
        ),
        (
            "('nnn', 5, 1) ON DUPLICATE KEY UPDATE length = length * 1",
            0,
            "nnn|6|1",
        ),
        (
            "('nnn', 7, 2) ON DUPLICATE KEY UPDATE length = length + VALUES(length), age = VALUES(age)",
            2,
            "nnn|13|2",
        ),
        (
            "('nnn', 1, 1) AS new ON DUPLICATE KEY UPDATE length = new.length + pipes_settings.length",
            2,
            "nnn|14|2",
        ),
        (
            "('nnn', 1, 9) AS new(x, y, z) ON DUPLICATE KEY UPDATE length = length - y, age = z",
            2,
            "nnn|13|9",
        ),
        // From left to right: the second sees what the first has set.
        (
            "('nnn', 1, 1) ON DUPLICATE KEY UPDATE length = length + 7, age = length",
            2,
            "nnn|20|20",
        ),
        (
            "('nnn', 1, 1) ON DUPLICATE KEY UPDATE length = IF(VALUES(length) > length, 99, length / 8)",
            2,
            "nnn|3|20",
        ),
        (
            "('nnn', 1, 1) ON DUPLICATE KEY UPDATE name = VALUES(name), length = DEFAULT",
            2,
            "nnn|0|20",
        ),
        (
            "('nnn', 4, 1), ('nnn', 5, 1) ON DUPLICATE KEY UPDATE length = length + VALUES(length)",
            4,
            "nnn|9|20",
        ),
        (
            "('nnn', 1, 1) ON DUPLICATE KEY UPDATE age = (SELECT SUM(age) FROM pipes_settings AS s WHERE s.name <> pipes_settings.name)",
            2,
            "nnn|9|60",
        ),
    ] {
        let sql = format!("{insert} {sql}");
        assert_eq!(php.done(&sql).await.affected_rows, counted, "{sql}");
        let found = php
            .rows("SELECT name, length, age FROM pipes_settings WHERE name = 'nnn'")
            .await;
        assert_eq!(found, row, "{sql}");
    }
    let mut orm = house.login_counting_found_rows("root");
    let same = format!("{insert} ('nnn', 1, 1) ON DUPLICATE KEY UPDATE length = length + 0");
    assert_eq!(orm.done(&same).await.affected_rows, 1);
}

#[tokio::test]
async fn texts_are_put_together_and_parameters_taken_in_their_order() {
    let house = House::start();
    let mut php = house.login("root");
    let text = |text: &str| Parameter::Text(text.into());
    let sql = "INSERT INTO users_data (id, data) VALUES (?, ?) \
        ON DUPLICATE KEY UPDATE data = CONCAT(data, ?, VALUES(data), ?)";
    let given = [
        Parameter::Integer(5),
        text(r#"it's "q" \ "#),
        text("<"),
        text(">"),
    ];
    assert_eq!(php.rows_with(sql, &given).await, "OK 1 5");
    assert_eq!(php.rows_with(sql, &given).await, "OK 2 5");
    let data = "SELECT data FROM users_data WHERE id = 5";
    assert_eq!(php.rows(data).await, r#"it's "q" \ <it's "q" \ >"#);
    // JSON that nobody escaped arrives intact, as in an INSERT.
    php.done(r#"UPDATE users_data SET data = '{"name":"\u0412"}' WHERE id = 5"#)
        .await;
    assert_eq!(php.rows(data).await, r#"{"name":"\u0412"}"#);
    let sql = "UPDATE users_data AS d SET d.data = CONCAT(?, d.data) WHERE d.id = ?";
    let given = [text("x"), Parameter::Integer(5)];
    assert_eq!(php.rows_with(sql, &given).await, "OK 1 0");
    assert_eq!(php.rows(data).await, r#"x{"name":"\u0412"}"#);
    let sql = "INSERT INTO users_data (id, data) SELECT id, ? FROM users_data WHERE id = ? \
        ON DUPLICATE KEY UPDATE data = CONCAT(VALUES(data), ?)";
    let given = [text("a"), Parameter::Integer(5), text("z")];
    assert_eq!(php.rows_with(sql, &given).await, "OK 2 5");
    assert_eq!(php.rows(data).await, "az");
}

#[tokio::test]
async fn a_transaction_updates_what_it_has_written_itself() {
    let house = House::start();
    let (mut php, mut other) = (house.login("root"), house.login("root"));
    php.done("BEGIN").await;
    let insert = "INSERT INTO pipes_settings (name, length) VALUES ('nnn', 1) \
        ON DUPLICATE KEY UPDATE length = length + VALUES(length)";
    for _ in 0..3 {
        php.done(insert).await;
    }
    php.done("UPDATE pipes_settings SET length = length * 10 WHERE name = 'nnn'")
        .await;
    assert_eq!(php.rows(ALL).await, "nnn|30|0");
    assert_eq!(other.rows(ALL).await, "");
    php.done("COMMIT").await;
    assert_eq!(other.rows(ALL).await, "nnn|30|0");
}

#[tokio::test]
async fn messages_have_no_key_that_could_be_there() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("news");
    let sql = "INSERT INTO pipes_messages (name, event, message) VALUES ('news', 'e', 'once') \
        ON DUPLICATE KEY UPDATE message = CONCAT(message, VALUES(message))";
    for _ in 0..2 {
        php.done(sql).await;
        assert_eq!(browser.news(), ["news/e once"]);
    }
}

#[tokio::test]
async fn update_goes_from_left_to_right_in_order_and_no_further_than_its_limit() {
    let house = House::start();
    let mut php = settled(&house).await;
    for (sql, changed, rows) in [
        (
            "UPDATE pipes_settings SET length = age, age = length + 1 WHERE length > 1",
            2,
            "aaa|1|10;bbb|20|21;ccc|30|31",
        ),
        (
            "UPDATE pipes_settings SET length = 0 WHERE name <> 'x' ORDER BY length DESC LIMIT 2",
            2,
            "aaa|1|10;bbb|0|21;ccc|0|31",
        ),
        (
            "UPDATE pipes_settings SET age = age / 2 WHERE age > 20 ORDER BY age LIMIT 1",
            1,
            "aaa|1|10;bbb|0|11;ccc|0|31",
        ),
        (
            "UPDATE pipes_settings SET age = 9 WHERE age > 0 LIMIT 0",
            0,
            "aaa|1|10;bbb|0|11;ccc|0|31",
        ),
    ] {
        assert_eq!(php.done(sql).await.affected_rows, changed, "{sql}");
        assert_eq!(php.rows(ALL).await, rows, "{sql}");
    }
    let given = [
        Parameter::Integer(7),
        Parameter::Integer(0),
        Parameter::Integer(2),
    ];
    let sql = "UPDATE pipes_settings SET length = ? WHERE age > ? ORDER BY name LIMIT ?";
    assert_eq!(php.rows_with(sql, &given).await, "OK 2 0");
    assert_eq!(php.rows(ALL).await, "aaa|7|10;bbb|7|11;ccc|0|31");
}

#[tokio::test]
async fn rows_are_updated_by_what_another_table_says() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        .await;
    php.done("INSERT INTO users_data (id, data) VALUES (1, 'a'), (2, 'b')")
        .await;
    let done = php
        .done("UPDATE users_data d JOIN users_auth a ON a.id >= d.id SET d.data = CONCAT(d.data, ' ', hash) WHERE a.id = d.id")
        .await;
    assert_eq!(done.info, "Rows matched: 2  Changed: 2  Warnings: 0");
    assert_eq!(
        php.rows("SELECT data FROM users_data ORDER BY id").await,
        "a one;b two"
    );
    // A row that is found often is changed once.
    let given = [
        Parameter::Integer(0),
        Parameter::Text("x".into()),
        Parameter::Integer(9),
    ];
    let sql = "UPDATE users_data d JOIN users_auth a ON a.id > ? SET d.data = CONCAT(d.data, ?) WHERE a.id < ?";
    assert_eq!(php.rows_with(sql, &given).await, "OK 2 0");
    assert_eq!(
        php.rows("SELECT data FROM users_data ORDER BY id").await,
        "a onex;b twox"
    );
}

#[tokio::test]
async fn what_cannot_be_set_is_refused_whether_or_not_a_row_is_there() {
    let house = House::start();
    let mut php = house.login("root");
    let insert = "INSERT INTO users_auth (id, hash) VALUES (1, 'a')";
    for (sql, number) in [
        ("ON DUPLICATE KEY UPDATE hash = CONCAT(nope, 'x')", 14),
        (
            "ON DUPLICATE KEY UPDATE hash = CONCAT(VALUES(nope), 'x')",
            14,
        ),
        (
            "AS new ON DUPLICATE KEY UPDATE hash = CONCAT(old.hash, 'x')",
            14,
        ),
        ("ON DUPLICATE KEY UPDATE hash = NO_SUCH_FUNCTION(hash)", 2),
        ("ON DUPLICATE KEY UPDATE hash = MAX(hash)", 2),
        (
            "ON DUPLICATE KEY UPDATE hash = RANK() OVER (ORDER BY hash)",
            2,
        ),
    ] {
        let sql = format!("{insert} {sql}");
        assert_eq!(php.refused(&sql).await.0, number, "{sql}");
    }
    assert_eq!(php.rows("SELECT * FROM users_auth").await, "");
    php.done(insert).await;
    for (sql, number) in [
        ("ON DUPLICATE KEY UPDATE id = id + 1", 2),
        ("ON DUPLICATE KEY UPDATE hash = CONCAT(hash, ' ')", 12),
        ("ON DUPLICATE KEY UPDATE hash = REPEAT(hash, 33)", 11),
        ("ON DUPLICATE KEY UPDATE hash = NULLIF(hash, 'a')", 12),
    ] {
        let sql = format!("{insert} {sql}");
        assert_eq!(php.refused(&sql).await.0, number, "{sql}");
    }
    assert_eq!(php.rows("SELECT * FROM users_auth").await, "1|a");
}

#[tokio::test]
async fn counters_of_many_sessions_lose_nothing() {
    let house = House::start();
    let mut php = house.login("root");
    let (mut a, mut b, mut c) = (
        house.login("root"),
        house.login("root"),
        house.login("root"),
    );
    let count = "INSERT INTO pipes_settings (name, length) VALUES ('count', 1) \
        ON DUPLICATE KEY UPDATE length = length + 1";
    for _ in 0..50 {
        tokio::join!(a.done(count), b.done(count), c.done(count));
    }
    assert_eq!(php.rows("SELECT length FROM pipes_settings").await, "150");
}
