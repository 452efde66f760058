//! Who may log in, for whom a session works, and what it remembers.

use cometql::backend::{Account, Backend, Session};

use super::house::House;

#[test]
fn user_names_are_tenants_and_nothing_else() {
    let house = House::start();
    let account = |user: &str| match house.backend().account(user) {
        Account::Key(key) => format!("key {}", key.reveal()),
        Account::NoKey => "no key".to_owned(),
        Account::Unknown => "unknown".to_owned(),
    };
    for (user, expected) in [
        ("root", "key root"),
        ("0", "key root"),
        ("", "key root"),
        ("15", "key k15"),
        ("haproxy_check", "no key"),
        ("17", "unknown"),
        ("bob", "unknown"),
        ("15@db", "unknown"),
        ("+15", "unknown"),
        ("-1", "unknown"),
        ("100000", "unknown"),
        ("99999999999999999999", "unknown"),
        ("haproxy_check2", "unknown"),
        ("１５", "unknown"),
    ] {
        assert_eq!(account(user), expected, "{user}");
    }
}

#[tokio::test]
async fn the_check_user_may_do_nothing() {
    let house = House::start();
    let mut check = house.login("haproxy_check");
    for sql in ["SELECT 1", "SHOW TABLES", "", "SET NAMES utf8", "nonsense"] {
        assert_eq!(check.refused(sql).await.0, 403, "{sql}");
    }
    assert!(check.session.prepare("SELECT 1").is_err());
    assert!(check.session.field_list("pipes", "").is_err());
    assert!(check.session.use_database("db_15").is_err());
}

#[tokio::test]
async fn databases_are_known_by_name() {
    let house = House::start();
    for database in ["CometQL_v1", "cometql_v1", "COMETQL_V1", "db_15", ""] {
        assert!(house.try_login("15", Some(database)).is_ok(), "{database}");
    }
    for database in [
        "mysql",
        "db_",
        "db_x",
        "db_15x",
        "db_-1",
        "db_100000",
        "CometQL_v2",
    ] {
        let error = house.try_login("15", Some(database)).err().unwrap();
        assert_eq!(error.number(Default::default()), 15, "{database}");
    }
    let mut php = house.login("15");
    assert_eq!(php.rows("SELECT DATABASE()").await, "~");
    php.done("USE COMETQL_V1").await;
    assert_eq!(php.rows("SELECT DATABASE()").await, "CometQL_v1");
    assert!(php.session.use_database("nowhere").is_err());
    assert_eq!(php.rows("SELECT DATABASE()").await, "CometQL_v1");
    // In information_schema the language's own tables need their database.
    php.done("USE information_schema").await;
    assert_eq!(
        php.rows("SELECT TABLE_NAME FROM TABLES WHERE TABLE_NAME = 'pipes'")
            .await,
        "pipes"
    );
    assert_eq!(
        php.refused("DELETE FROM users_auth WHERE id = 1").await.0,
        15
    );
    php.done("INSERT INTO CometQL_v1.users_auth (id, hash) VALUES (1, 'k')")
        .await;
    assert_eq!(
        php.rows("SELECT hash FROM CometQL_v1.users_auth WHERE id = 1")
            .await,
        "k"
    );
    php.done("DELETE FROM CometQL_v1.users_auth WHERE id > 0")
        .await;
    assert_eq!(
        php.rows("SELECT hash FROM CometQL_v1.users_auth WHERE id = 1")
            .await,
        ""
    );
}

#[tokio::test]
async fn nothing_crosses_from_one_tenant_to_another() {
    let house = House::start();
    let (mut one, mut other) = (house.login("15"), house.login("16"));
    let (mine, theirs) = (house.browser(15, None).await, house.browser(16, None).await);
    mine.subscribe("pipe");
    theirs.subscribe("pipe");
    one.done("INSERT INTO users_auth (id, hash) VALUES (1, 'k15')")
        .await;
    one.done("INSERT INTO pipes_settings (name, length) VALUES ('pipe', 5)")
        .await;
    one.done("INSERT INTO pipes_messages (name, event, message) VALUES ('pipe', '', 'secret')")
        .await;
    one.done("INSERT INTO users_messages (id, event, message) VALUES (1, '', 'mail')")
        .await;
    assert_eq!(mine.news(), ["pipe/undefined secret"]);
    assert!(theirs.news().is_empty());
    let user = house.browser(16, Some((1, "k15"))).await;
    assert!(user.is_anonymous());
    let everything = [
        ("SELECT hash FROM users_auth WHERE id = 1", "k15"),
        ("SELECT hash FROM users_auth", "k15"),
        ("SELECT length FROM pipes_settings WHERE name = 'pipe'", "5"),
        ("SELECT length FROM pipes_settings", "5"),
        (
            "SELECT message FROM pipes_messages WHERE name = 'pipe'",
            "secret",
        ),
        ("SELECT message FROM pipes_messages", "secret"),
        ("SELECT message FROM users_messages WHERE id = 1", "mail"),
        ("SELECT message FROM users_messages", "mail"),
    ];
    let id = one.rows("SELECT id FROM pipes_messages").await;
    for sql in [
        "DELETE FROM users_auth WHERE id = 1".to_owned(),
        "DELETE FROM users_auth WHERE id > 0".to_owned(),
        "DELETE FROM pipes_messages WHERE name = 'pipe'".to_owned(),
        format!("DELETE FROM pipes_messages WHERE id = '{id}'"),
        "DELETE FROM pipes_settings WHERE name = 'pipe'".to_owned(),
        "DELETE FROM users_messages WHERE id = 1".to_owned(),
    ] {
        other.done(&sql).await;
    }
    for (sql, rows) in everything {
        assert_eq!(other.rows(sql).await, "", "{sql}");
        assert_eq!(one.rows(sql).await, rows, "{sql}");
    }
    assert_eq!(
        other
            .rows("SELECT users FROM pipes WHERE name = 'pipe'")
            .await,
        "1"
    );
    for database in ["db_15", "db_0", "db_17", "db_99999"] {
        assert_eq!(other.refused(&format!("USE {database}")).await.0, 403);
        assert!(other.session.use_database(database).is_err());
        assert!(house.try_login("16", Some(database)).is_err());
    }
    assert_eq!(other.rows("SELECT hash FROM users_auth").await, "");
    for sql in [
        "SELECT hash FROM db_15.users_auth",
        "SELECT hash FROM db_15.users_auth WHERE id = 1",
        "DELETE FROM db_15.users_auth WHERE id = 1",
        "INSERT INTO db_15.users_auth (id, hash) VALUES (1, 'mine')",
    ] {
        assert_eq!(other.refused(sql).await.0, 15, "{sql}");
    }
    assert_eq!(one.rows("SELECT hash FROM db_15.users_auth").await, "k15");
}

#[tokio::test]
async fn root_may_work_for_a_tenant_until_it_resets() {
    let house = House::start();
    let mut root = house.login("root");
    let mut php = house.login("15");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'k15')")
        .await;
    assert_eq!(root.rows("SELECT hash FROM users_auth").await, "");
    root.done("USE db_15").await;
    assert_eq!(root.rows("SELECT hash FROM users_auth").await, "k15");
    assert_eq!(root.rows("SELECT DATABASE()").await, "CometQL_v1");
    root.session.reset();
    assert_eq!(root.rows("SELECT hash FROM users_auth").await, "");
    // A tenant that does not exist is an unknown database, and nothing changes.
    assert_eq!(root.refused("USE db_17").await.0, 15);
    assert_eq!(
        root.rows("SELECT hash FROM users_auth WHERE id = 1").await,
        ""
    );
    let mut other = house.try_login("root", Some("db_15")).unwrap();
    assert_eq!(other.rows("SELECT hash FROM users_auth").await, "k15");
}

#[tokio::test]
async fn the_flags_follow_the_transaction_and_autocommit() {
    let house = House::start();
    let mut php = house.login("15");
    assert!(php.session.autocommit() && !php.session.in_transaction());
    for (sql, autocommit, in_transaction) in [
        ("SET AUTOCOMMIT=0", false, false),
        ("set @@session.autocommit = ON", true, false),
        ("SET autocommit = OFF, NAMES utf8", false, false),
        ("SET autocommit=1", true, false),
        ("BEGIN", true, true),
        ("COMMIT ", true, false),
        ("START TRANSACTION ", true, true),
        ("SAVEPOINT a", true, true),
        ("ROLLBACK TO SAVEPOINT a", true, true),
        ("ROLLBACK ", true, false),
    ] {
        php.done(sql).await;
        let flags = (php.session.autocommit(), php.session.in_transaction());
        assert_eq!(flags, (autocommit, in_transaction), "{sql}");
    }
    php.done("BEGIN").await;
    php.done("SET autocommit=0").await;
    php.session.reset();
    assert!(php.session.autocommit() && !php.session.in_transaction());
}

#[tokio::test]
async fn a_session_remembers_its_last_counts() {
    let house = House::start();
    let mut php = house.login("15");
    php.done("INSERT INTO users_auth (id, hash) VALUES (3, 'a'), (4, 'b')")
        .await;
    assert_eq!(
        php.rows("SELECT ROW_COUNT(), LAST_INSERT_ID()").await,
        "2|4"
    );
    php.rows("SELECT id FROM users_auth WHERE id IN (3, 4, 5)")
        .await;
    assert_eq!(php.rows("SELECT FOUND_ROWS(), ROW_COUNT()").await, "2|-1");
    php.refused("nonsense").await;
    assert_eq!(php.rows("SELECT ROW_COUNT()").await, "-1");
}

#[tokio::test]
async fn queries_take_turns_and_none_is_lost() {
    let house = House::with(|config| config.query.max_concurrent = 1);
    let clients: Vec<_> = (0..8).map(|_| house.login("15")).collect();
    let mut asked = tokio::task::JoinSet::new();
    for mut client in clients {
        asked.spawn(async move { client.rows("SELECT 1 + 1").await });
    }
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap(), "2");
    }
}

#[tokio::test]
async fn two_pipes_are_or_until_sql_mode_says_otherwise() {
    let house = House::start();
    let mut php = house.login("root");
    assert_eq!(php.rows("SELECT 'a' || 'b', 1 || 0").await, "0|1");
    for set in [
        "SET sql_mode = 'PIPES_AS_CONCAT'",
        "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION'))",
    ] {
        php.done(set).await;
        assert_eq!(
            php.rows("SELECT 'a' || 'b', 1 || NULL").await,
            "ab|~",
            "{set}"
        );
    }
    php.done("SET sql_mode = ''").await;
    assert_eq!(php.rows("SELECT 'a' || 'b'").await, "0");
    php.done("SET sql_mode = 'ANSI_QUOTES'").await;
    assert_eq!(php.rows("SELECT \"a\", @@sql_mode").await, "a|");
}

#[tokio::test]
async fn a_session_keeps_variables_of_its_own_with_their_kinds() {
    let house = House::start();
    let mut php = house.login("15");
    for (set, read, expected) in [
        ("SET @x = 2", "SELECT @x + 1, @X", "3|2"),
        (
            "SET @x := 1.50, @y = 'it''s'",
            "SELECT @x * 2, @y",
            "3.00|it's",
        ),
        ("SET @a = 1, @b = @a", "SELECT @a, @b", "1|~"),
        ("SET @`a b` = 1e0 / 4", "SELECT @`a b`, @'a b'", "0.25|0.25"),
        ("SET @n = NULL", "SELECT @n IS NULL, @never", "1|~"),
        (
            "SET @n = (SELECT COUNT(*) FROM users_auth)",
            "SELECT @n",
            "0",
        ),
    ] {
        php.done(set).await;
        assert_eq!(php.rows(read).await, expected, "{set}");
    }
    php.done("SET @id = 7, @key = 'k7'").await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (@id, @key)")
        .await;
    let found = "SELECT id FROM users_auth WHERE hash = @key AND id = @id";
    assert_eq!(php.rows(found).await, "7");
    assert_eq!(
        php.rows("SELECT hash FROM users_auth WHERE id = @id").await,
        "k7"
    );
    php.done("SET @key = 'k8'").await;
    php.done("UPDATE users_auth SET hash = @key WHERE id = @id")
        .await;
    assert_eq!(php.rows("SELECT hash FROM users_auth").await, "k8");
    php.done("DELETE FROM users_auth WHERE id = @id").await;
    assert_eq!(php.rows("SELECT hash FROM users_auth").await, "");
    assert_eq!(house.login("15").rows("SELECT @id").await, "~");
    php.session.reset();
    assert_eq!(php.rows("SELECT @id").await, "~");
}

#[tokio::test]
async fn what_a_dump_saves_in_variables_is_what_it_sets_back() {
    let house = House::start();
    let mut dump = house.login("15");
    dump.done("SET sql_mode = 'PIPES_AS_CONCAT'").await;
    dump.done("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */")
        .await;
    dump.done(
        "SET @saved_cs_client = @@character_set_client, @OLD_NOTE_VERBOSITY=@@NOTE_VERBOSITY",
    )
    .await;
    assert_eq!(
        dump.rows("SELECT @@sql_mode").await,
        "NO_AUTO_VALUE_ON_ZERO"
    );
    dump.done(
        "SET SQL_MODE=@OLD_SQL_MODE, SQL_NOTES=@never, character_set_client = @saved_cs_client",
    )
    .await;
    assert_eq!(
        dump.rows("SELECT @@sql_mode, @@sql_notes").await,
        "PIPES_AS_CONCAT|1"
    );
}

#[tokio::test]
async fn variables_that_cannot_be_set_are_refused_and_the_others_stay() {
    let house = House::start();
    let mut php = house.login("15");
    php.done("SET @x = 1").await;
    for sql in [
        "SET @x = nonsense",
        "SET @x = 1 FROM users_auth",
        "SET @x = 1) FROM users_auth WHERE (1",
        "SET @x = REPEAT('a', 2000000)",
        "SET @x = (1, 2)",
        "SET @x =",
        "SELECT @x := 2",
        "SELECT 2 INTO @x",
        "SELECT id FROM users_auth INTO @x",
    ] {
        php.refused(sql).await;
        assert_eq!(php.rows("SELECT @x").await, "1", "{sql}");
    }
}
