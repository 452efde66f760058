//! Who is connected, as SQL shows it, and KILL: a developer has its own, root all.

use super::house::House;

#[tokio::test]
async fn a_developer_sees_its_own_connections_and_root_all() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    php.done("INSERT INTO users_auth (id, hash) VALUES (4, 'k')")
        .await;
    let own = house.browser(15, Some((4, "k"))).await;
    let other = house.browser(16, None).await;
    own.subscribe_to(&["web_a", "web_b"]);
    other.subscribe("web_a");
    let (own_id, other_id) = (own.number(), other.number());
    assert!(own_id > 1_000_000_000, "sessions have the numbers below");

    let sql = "SELECT id, dev_id, user_id, uuid, pipes, ip, client, state FROM connections";
    let row = format!("{own_id}|15|4|tab|2|127.0.0.1|js/4.08|active");
    assert_eq!(php.rows(sql).await, row);
    let ids = "SELECT id, dev_id FROM connections";
    let all = format!("{own_id}|15;{other_id}|16");
    assert_eq!(root.rows(ids).await, all);
    for (condition, seen) in [
        (format!("id = {own_id}"), format!("{own_id}|15")),
        (format!("id = {other_id}"), String::new()),
        ("dev_id = 16".to_owned(), String::new()),
        ("dev_id = 15".to_owned(), format!("{own_id}|15")),
        ("id = -1".to_owned(), String::new()),
    ] {
        assert_eq!(
            php.rows(&format!("{ids} WHERE {condition}")).await,
            seen,
            "{condition}"
        );
    }
    let by_tenant = root.rows(&format!("{ids} WHERE dev_id = 16")).await;
    assert_eq!(by_tenant, format!("{other_id}|16"));
    root.done("USE db_16").await;
    assert_eq!(root.rows(ids).await, format!("{other_id}|16"));

    own.close();
    assert_eq!(php.rows(sql).await, "");
}

#[tokio::test]
async fn subscriptions_are_found_by_pipe_by_connection_and_by_developer() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let (own, other) = (house.browser(15, None).await, house.browser(16, None).await);
    own.subscribe_to(&["web_b", "web_a"]);
    other.subscribe("web_a");
    let (own, other) = (own.number(), other.number());
    let sql = "SELECT connection, dev_id, user_id, pipe FROM subscriptions";
    let mine = format!("{own}|15|0|web_a;{own}|15|0|web_b");
    assert_eq!(php.rows(sql).await, mine);
    for (condition, seen) in [
        ("pipe = 'web_a'".to_owned(), format!("{own}|15|0|web_a")),
        ("pipe = 'no pipe!'".to_owned(), String::new()),
        (
            format!("connection = {own} AND pipe = 'web_b'"),
            format!("{own}|15|0|web_b"),
        ),
        (format!("connection = {other}"), String::new()),
    ] {
        assert_eq!(
            php.rows(&format!("{sql} WHERE {condition}")).await,
            seen,
            "{condition}"
        );
    }
    let everybody = format!("{own}|15|0|web_a;{other}|16|0|web_a");
    assert_eq!(
        root.rows(&format!("{sql} WHERE pipe = 'web_a'")).await,
        everybody
    );
    let joined = "SELECT c.client, s.pipe FROM subscriptions s JOIN connections c \
                  ON c.id = s.connection WHERE s.pipe = 'web_b'";
    assert_eq!(php.rows(joined).await, "js/4.08|web_b");
    let since = "SELECT COUNT(*) FROM subscriptions WHERE since > 1700000000";
    assert_eq!(php.rows(since).await, "2");
}

#[tokio::test]
async fn the_process_list_has_sessions_and_browsers_each_for_its_developer() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let browser = house.browser(16, None).await;
    let sql = "SELECT ID, USER, COMMAND, INFO FROM information_schema.PROCESSLIST";
    assert_eq!(php.rows(sql).await, "7|15|Query|~");
    let id = browser.number();
    let all =
        format!("7|15|Sleep|~;8|root|Query|~;{id}|16|Browser|user_id 0, pipes 0, client js/4.08");
    assert_eq!(root.rows(sql).await, all);
    let shown = root.rows("SHOW FULL PROCESSLIST").await;
    assert_eq!(shown.split(';').count(), 3, "{shown}");
}

#[tokio::test]
async fn kill_closes_a_browser_of_the_same_developer_only() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let (own, other) = (house.browser(15, None).await, house.browser(16, None).await);
    let (own_id, other_id) = (own.number(), other.number());
    assert_eq!(php.refused(&format!("KILL {other_id}")).await.0, 1095);
    assert_eq!(php.refused(&format!("KILL QUERY {own_id}")).await.0, 1094);
    assert_eq!(php.refused("KILL 1999999999").await.0, 1094);
    assert!(own.news().is_empty() && other.news().is_empty());
    php.done(&format!("KILL CONNECTION {own_id}")).await;
    assert_eq!(own.news(), ["closed killed"]);
    root.done(&format!("KILL {other_id}")).await;
    assert_eq!(other.news(), ["closed killed"]);
    own.close();
    assert_eq!(php.refused(&format!("KILL {own_id}")).await.0, 1094);
}

#[tokio::test]
async fn kill_ends_a_session_of_the_same_developer_only() {
    use cometql::backend::Session;
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let (own, other) = (house.login("15"), house.login("16"));
    assert_eq!(php.refused("KILL 8").await.0, 1095, "root's");
    assert_eq!(php.refused("KILL 10").await.0, 1095);
    assert!(!other.session.kill_signal().is_killed());
    php.done("KILL QUERY 9").await;
    assert!(!own.session.kill_signal().is_killed());
    php.done("KILL 9").await;
    assert!(own.session.kill_signal().is_killed());
    assert!(php.session.kill(10).is_err(), "COM_PROCESS_KILL");
    root.done("KILL 10").await;
    assert!(other.session.kill_signal().is_killed());
    drop(own);
    assert_eq!(php.refused("KILL 9").await.0, 1094);
    assert_eq!(php.refused("KILL 7").await.0, 1317, "itself");
    assert!(php.session.kill_signal().is_killed());
}

#[tokio::test]
async fn kill_query_ends_a_statement_and_leaves_the_session() {
    let house = House::start();
    let (mut php, mut second) = (house.login("15"), house.login("15"));
    let sleeping = async { php.refused("SELECT SLEEP(20)").await.0 };
    let killing = async {
        let sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                   WHERE ID = 7 AND COMMAND = 'Query'";
        while second.rows(sql).await != "1" {}
        second.done("KILL QUERY 7").await;
    };
    let (number, ()) = tokio::join!(sleeping, killing);
    assert_eq!(number, 1317);
    assert_eq!(php.rows("SELECT 1").await, "1");
}

#[tokio::test]
async fn users_have_a_row_once_they_are_known_and_count_their_connections() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let mut other = house.login("16");
    for session in [&mut php, &mut other] {
        session
            .done("INSERT INTO users_auth (id, hash) VALUES (4, 'k'), (5, 'k')")
            .await;
    }
    php.done("INSERT INTO users_messages (id, event, message) VALUES (9, 'e', 'm')")
        .await;
    let first = house.browser(15, Some((4, "k"))).await;
    let second = house.browser(15, Some((4, "k"))).await;
    first.subscribe_to(&["web_a", "web_b"]);
    second.subscribe("web_a");
    let sql = "SELECT id, dev_id, online, connections, subscriptions, time, has_key, has_mail \
               FROM users";
    let rows = "4|15|1|2|3|0|1|0;5|15|0|0|0|-1|1|0;9|15|0|0|0|-1|0|1";
    assert_eq!(php.rows(sql).await, rows);
    for (condition, seen) in [
        ("id = 4", "4|15|1|2|3|0|1|0"),
        ("id = 77", ""),
        ("id = 4 AND dev_id = 16", ""),
        ("online = 1", "4|15|1|2|3|0|1|0"),
    ] {
        let found = php.rows(&format!("{sql} WHERE {condition}")).await;
        assert_eq!(found, seen, "{condition}");
    }
    let all = root.rows("SELECT id, dev_id FROM users").await;
    assert_eq!(all, "4|15;5|15;9|15;4|16;5|16");
    let one = root.rows("SELECT dev_id, online FROM users WHERE id = 4");
    assert_eq!(one.await, "15|1;16|0");
    let since = "SELECT COUNT(*) FROM users WHERE since > 1700000000";
    assert_eq!(php.rows(since).await, "1");
    assert_eq!(
        php.refused("DELETE FROM users WHERE id = 4").await.0,
        10,
        "it shows what is there"
    );

    first.close();
    second.close();
    let left = "SELECT online, connections, since, time > 1700000000 FROM users WHERE id = 4";
    assert_eq!(php.rows(left).await, "0|0|0|1");
}

#[tokio::test]
async fn the_node_shows_a_developer_its_own_figures_and_root_all() {
    let house = House::with(|config| {
        config.node = cometql::NodeFacts {
            id: "abc".to_owned(),
            name: "n1".to_owned(),
            version: "0.1".to_owned(),
            cometql: "127.0.0.1:3307".to_owned(),
            http: "127.0.0.1:8087".to_owned(),
            metrics: String::new(),
        }
    });
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    let (own, other) = (house.browser(15, None).await, house.browser(16, None).await);
    own.subscribe_to(&["web_a", "web_b"]);
    other.subscribe("web_a");
    php.done("INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', 'm')")
        .await;
    php.done("INSERT INTO users_messages (id, event, message) VALUES (4, 'e', 'm')")
        .await;
    let sql = "SELECT id, dev_id, name, version, http, sessions, connections, pipes, \
               subscriptions, messages, private_messages FROM nodes";
    assert_eq!(php.rows(sql).await, "abc|15|n1|0.1||1|1|2|2|1|1");
    assert_eq!(
        root.rows(sql).await,
        "abc|0|n1|0.1|127.0.0.1:8087|2|2|3|3|1|1"
    );
    let memory = "SELECT memory > 0, epoch > 0, started > 1700000000 FROM nodes";
    assert_eq!(root.rows(memory).await, "1|1|1");
    assert_eq!(php.rows(memory).await, "0|1|1");
    root.done("USE db_16").await;
    let own = root.rows("SELECT dev_id, connections FROM nodes").await;
    assert_eq!(own, "16|1");
}

#[tokio::test]
async fn the_machine_tells_its_load_memory_and_disk() {
    let house = House::start();
    let mut php = house.login("15");
    for (scope, name) in [
        ("AVG", "load_avg_1"),
        ("RAM", "MemTotal"),
        ("UPTIME", "os_uptime"),
        ("FILESYSTEM", "available"),
    ] {
        let rows = php
            .rows(&format!("SHOW {scope} STATUS LIKE '{name}'"))
            .await;
        assert!(rows.starts_with(&format!("{name}|")), "{scope}: {rows}");
    }
}
