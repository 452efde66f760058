//! SELECT: the row shapes of every table, by key and by query.

use super::house::House;

#[tokio::test]
async fn every_table_has_its_columns_in_order_all_of_them_text() {
    let house = House::start();
    let mut php = house.login("root");
    for (table, key, columns) in [
        (
            "pipes_messages",
            "name",
            "id|time|name|index|event|message|user_id",
        ),
        ("pipes", "name", "name|users"),
        (
            "users_in_pipes",
            "name",
            "name|user_id|user_uuid|user_agent|ip|origin|language",
        ),
        (
            "pipes_settings",
            "name",
            "name|length|age|subscribe|publish|history|user_ids|events|rate",
        ),
        ("users_messages", "id", "id|index|event|message"),
        ("users_time", "id", "id|time"),
        ("users_auth", "id", "id|hash"),
    ] {
        for sql in [
            format!("SELECT * FROM {table} WHERE {key} = 777"),
            format!("SELECT * FROM {table}"),
            format!("select * from CometQL_v1.{table} order by 1 limit 3"),
        ] {
            assert_eq!(php.columns(&sql).await, columns, "{sql}");
        }
    }
}

#[tokio::test]
async fn pipes_answers_for_every_valid_name_in_the_order_asked() {
    let house = House::start();
    let mut php = house.login("root");
    let (one, two) = (house.browser(0, None).await, house.browser(0, None).await);
    one.subscribe("web_x");
    two.subscribe("web_x");
    for (sql, rows) in [
        (
            "SELECT * FROM pipes WHERE name IN(\"web_admins\",\"ab\",\"web_x\")",
            "web_admins|0;web_x|2",
        ),
        ("SELECT * FROM pipes WHERE name = \"web_x\"; ", "web_x|2"),
        (
            "SELECT users, name FROM pipes WHERE name = web_x",
            "2|web_x",
        ),
        (
            "SELECT * FROM pipes WHERE name IN ('b b', 'web_x', 'web_x')",
            "web_x|2",
        ),
        ("SELECT * FROM pipes WHERE name IN ( )", ""),
        (
            "SELECT * FROM pipes WHERE name IN ('aaa','bbb','ccc','ddd') LIMIT 1, 2",
            "bbb|0;ccc|0",
        ),
        (
            "SELECT * FROM pipes WHERE name IN ('aaa','bbb','ccc') LIMIT 2",
            "aaa|0;bbb|0",
        ),
        (
            "SELECT * FROM pipes WHERE name IN ('aaa','bbb','ccc') LIMIT 1 OFFSET 2",
            "ccc|0",
        ),
        (
            "SELECT * FROM pipes WHERE name IN ('aaa','bbb') ORDER BY name DESC",
            "bbb|0;aaa|0",
        ),
        ("SELECT * FROM pipes", "web_x|2"),
        ("SELECT COUNT(*) FROM pipes", "1"),
        (
            "SELECT name n FROM pipes p WHERE p.users > 1 AND p.name LIKE 'web%'",
            "web_x",
        ),
        (
            "SELECT name FROM pipes WHERE name = 'nope' OR users = 2",
            "web_x",
        ),
    ] {
        assert_eq!(php.rows(sql).await, rows, "{sql}");
    }
}

#[tokio::test]
async fn users_in_pipes_has_a_row_for_each_connection_the_newest_first() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (42, 'k')")
        .await;
    let (anonymous, user) = (
        house.browser(0, None).await,
        house.browser(0, Some((42, "k"))).await,
    );
    anonymous.subscribe("track_online");
    user.subscribe("track_online");
    let row = |user: u32| {
        format!("track_online|{user}|tab|Mozilla/5.0|127.0.0.1|http://example.org|en-US,en")
    };
    assert_eq!(
        php.rows("SELECT * FROM users_in_pipes WHERE name = \"track_online\"")
            .await,
        format!("{};{}", row(42), row(0))
    );
    assert_eq!(
        php.rows("SELECT user_id FROM users_in_pipes WHERE name = 'nope'")
            .await,
        ""
    );
    anonymous.close();
    assert_eq!(php.rows("SELECT user_id FROM users_in_pipes").await, "42");
}

#[tokio::test]
async fn users_time_answers_for_everybody() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (42, 'k'), (43, 'k')")
        .await;
    let (_online, gone) = (
        house.browser(0, Some((42, "k"))).await,
        house.browser(0, Some((43, "k"))).await,
    );
    gone.close();
    let rows = php
        .rows("SELECT id, time FROM users_time WHERE id IN( 43,42,7);")
        .await;
    let mut rows = rows.split(';');
    let seen: u64 = rows
        .next()
        .unwrap()
        .strip_prefix("43|")
        .unwrap()
        .parse()
        .unwrap();
    assert!(seen > 1_700_000_000);
    assert_eq!(rows.collect::<Vec<_>>(), ["42|0", "7|-1"]);
    assert_eq!(
        php.rows("select * from users_time where id in(0, 3, 99996);")
            .await,
        "0|-1;3|-1;99996|-1"
    );
    assert_eq!(
        php.rows("SELECT id, time FROM users_time WHERE id IN( );")
            .await,
        ""
    );
    assert_eq!(php.rows("SELECT * FROM users_time WHERE id = -5").await, "");
}

#[tokio::test]
async fn conditions_are_a_real_conjunction_and_operators_mean_what_they_say() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (5, 'five'), (12, 'twelve')")
        .await;
    for (condition, rows) in [
        ("id = 12 AND hash = 'nope'", ""),
        ("id = 12 AND hash = 'twelve'", "12"),
        ("id != 5", "12"),
        ("id > 5", "12"),
        ("id <> 12", "5"),
        ("hash LIKE '%e'", "5;12"),
        ("id = 5 || id = 12", "5;12"),
        ("!(id = 5)", "12"),
        ("id MOD 5 = 0", "5"),
        ("id BETWEEN 6 AND 20", "12"),
        ("id = -5", ""),
        ("id IN (12, 5)", "12;5"),
        ("hash = five", "5"),
    ] {
        let sql = format!("SELECT id FROM users_auth WHERE {condition}");
        assert_eq!(php.rows(&sql).await, rows, "{sql}");
    }
}

#[tokio::test]
async fn columns_are_named_as_they_were_typed() {
    let house = House::start();
    let mut php = house.login("root");
    for (sql, names) in [
        ("SELECT ID, Hash FROM users_auth WHERE id = 1", "ID|Hash"),
        ("SELECT COUNT(*) FROM users_auth", "COUNT(*)"),
        (
            "SELECT count( id ), 1+1 AS two FROM users_auth",
            "count( id )|two",
        ),
        ("SELECT DATABASE()", "DATABASE()"),
        ("select @@version_comment limit 1", "@@version_comment"),
        ("SELECT VERSION(), @@sql_mode", "VERSION()|@@sql_mode"),
    ] {
        assert_eq!(php.columns(sql).await, names, "{sql}");
        let prepared = cometql::backend::Session::prepare(&mut php.session, sql).unwrap();
        assert_eq!(super::house::names(&prepared.columns), names, "{sql}");
    }
}

#[tokio::test]
async fn the_sessions_own_limit_holds_for_both_kinds_of_select() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        .await;
    php.done("SET SQL_SELECT_LIMIT=2").await;
    assert_eq!(
        php.rows("SELECT id FROM users_auth WHERE id IN (3,2,1)")
            .await,
        "3;2"
    );
    assert_eq!(php.rows("SELECT id FROM users_auth").await, "1;2");
    assert_eq!(
        php.rows("SELECT id FROM users_auth WHERE id IN (3,2,1) LIMIT 3")
            .await,
        "3;2;1"
    );
    // It is a limit for reading: a DELETE takes all it finds.
    php.done("DELETE FROM users_auth WHERE id > 0").await;
    php.done("SET SQL_SELECT_LIMIT=DEFAULT").await;
    assert_eq!(php.rows("SELECT id FROM users_auth").await, "");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_not_cut() {
    let house = House::with(|config| {
        config.query.max_rows = 3;
        config.query.max_bytes = 1000;
    });
    let mut php = house.login("root");
    assert_eq!(
        php.rows("SELECT id FROM users_time WHERE id IN (1,2,3)")
            .await,
        "1;2;3"
    );
    assert_eq!(
        php.refused("SELECT id FROM users_time WHERE id IN (1,2,3,4)")
            .await
            .0,
        19
    );
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('kept', 3)")
        .await;
    let sql = format!(
        "INSERT INTO pipes_messages (name, event, message) VALUES ('kept', '', '{}')",
        "x".repeat(600)
    );
    php.done(&sql).await;
    assert_ne!(
        php.rows("SELECT message FROM pipes_messages WHERE name = 'kept'")
            .await,
        ""
    );
    php.done(&sql).await;
    assert_eq!(
        php.refused("SELECT message FROM pipes_messages WHERE name = 'kept'")
            .await
            .0,
        19
    );
}

#[tokio::test]
async fn ten_thousand_keys_are_answered_in_their_order() {
    let house = House::start();
    let mut php = house.login("root");
    let ids: Vec<String> = (0..10_000)
        .map(|id| ((id * 7919) % 10_007).to_string())
        .collect();
    let sql = format!("SELECT id FROM users_time WHERE id IN ({})", ids.join(","));
    assert_eq!(php.rows(&sql).await, ids.join(";"));
    let names: Vec<String> = ids.iter().map(|id| format!("p{id:0>5}")).collect();
    let sql = format!(
        "SELECT name FROM pipes WHERE name IN ('{}')",
        names.join("','")
    );
    assert_eq!(php.rows(&sql).await, names.join(";"));
}
