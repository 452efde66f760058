//! Statements about the session and the server, and those that are refused.

use super::*;
use crate::show::StatusScope;

#[test]
fn shows_and_descriptions_are_told_from_explanations() {
    for scope in [
        ("show status", StatusScope::Session),
        ("show global status", StatusScope::Global),
    ] {
        assert!(
            matches!(parsed(scope.0), Statement::Show(Show::Status { scope: s, .. }) if s == scope.1)
        );
    }
    for text in [
        "DESCRIBE users_auth",
        "DESC users_auth",
        "EXPLAIN users_auth",
        "show tables;",
    ] {
        assert!(matches!(parsed(text), Statement::Show(_)), "{text}");
    }
    for text in [
        "EXPLAIN SELECT 1",
        "DESC SELECT * FROM t WHERE id = 1",
        "EXPLAIN FORMAT=JSON DELETE FROM t",
    ] {
        assert!(matches!(parsed(text), Statement::Explain(_)), "{text}");
    }
}

#[test]
fn an_update_takes_one_table_and_what_it_is_joined_with() {
    let updated = |text: &str| match parsed(text) {
        Statement::Update(update) => *update,
        other => panic!("{text}: {other:?}"),
    };
    let update = updated("UPDATE LOW_PRIORITY t AS x SET a = 1, x.b = x.a ORDER BY c LIMIT 2");
    assert_eq!(
        (update.table.name.as_str(), update.rows.name.as_str()),
        ("t", "x")
    );
    let values: Vec<_> = update.updates.into_iter().map(|(_, value)| value).collect();
    assert_eq!(
        values,
        [
            Updated::Value(Value::Number("1".into())),
            Updated::Kept("a".into())
        ]
    );
    let update = updated("UPDATE t JOIN u ON u.id = t.id SET u.a = t.b WHERE t.c = 1");
    assert!(update.table.is("u") && update.rows.is_join());
    let update = updated("UPDATE t SET a = CONCAT(?, a, ?), b = ? WHERE c = ?");
    let parameters: Vec<_> = update
        .updates
        .iter()
        .map(|(_, value)| value.parameters())
        .collect();
    assert_eq!(parameters, [&[0, 1][..], &[2]]);
    for text in [
        "UPDATE t, u SET t.a = 1 WHERE t.id = u.id",
        "UPDATE t AS x, u SET x.a = 1 WHERE x.id = u.id",
        "UPDATE t JOIN u ON u.id = t.id SET t.a = 1, u.a = 1 WHERE t.id = 1",
        "UPDATE t JOIN u ON u.id = t.id SET t.a = 1 WHERE t.id = 1 ORDER BY t.id",
        "UPDATE t SET u.a = 1 WHERE id = 1",
        "UPDATE IGNORE t SET a = 1 WHERE id = 1",
        "UPDATE t SET a = ROW_NUMBER() OVER () WHERE id = 1",
    ] {
        assert_eq!(refused(text), ErrorKind::Unsupported, "{text}");
    }
}

#[test]
fn every_set_of_real_clients_is_accepted() {
    let set = |text: &str| match parsed(text) {
        Statement::Set(assignments) => assignments
            .into_iter()
            .map(|a| (a.name, a.value))
            .collect::<Vec<_>>(),
        other => panic!("{text}: {other:?}"),
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (text, name, value) in [
        ("SET NAMES utf8", "names", "utf8"),
        (
            "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
            "names",
            "utf8mb4",
        ),
        ("SET CHARACTER SET utf8", "character set", "utf8"),
        (
            "SET character_set_results = NULL",
            "character_set_results",
            "NULL",
        ),
        ("SET AUTOCOMMIT=0", "autocommit", "0"),
        ("SET @@session.autocommit = ON;", "autocommit", "ON"),
        (
            "SET SESSION sql_mode='STRICT_TRANS_TABLES'",
            "sql_mode",
            "STRICT_TRANS_TABLES",
        ),
        ("SET LOCAL wait_timeout := -1", "wait_timeout", "-1"),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "transaction",
            "ISOLATION LEVEL READ COMMITTED",
        ),
        ("SET a b c", "a", "b c"),
        ("SET a b", "a", "b"),
        (
            "set optimizer_switch='a=on,b=off'",
            "optimizer_switch",
            "a=on,b=off",
        ),
        ("/*!40100 SET @@SQL_MODE='' */", "sql_mode", ""),
        ("SET @x = 1 + 1", "@x", "1 + 1"),
        (
            "SET cometwire_error_numbers = 'mysql'",
            "cometwire_error_numbers",
            "mysql",
        ),
        ("SET `time_zone` = 'it''s'", "time_zone", "it's"),
    ] {
        assert_eq!(set(text), [pair(name, value)], "{text}");
    }
    assert_eq!(
        set(
            "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;"
        ),
        [
            pair(
                "sql_mode",
                "(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION'))"
            ),
            pair("time_zone", "+00:00"),
            pair("names", "utf8mb4"),
        ]
    );
    assert_eq!(
        set("set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')"),
        [
            pair("autocommit", "1"),
            pair("sql_mode", "concat(@@sql_mode,',STRICT_TRANS_TABLES')"),
        ]
    );
    let Statement::Set(assignments) = parsed("SET GLOBAL a = 1, @@global.b = 2, c = 3") else {
        panic!();
    };
    let globals: Vec<_> = assignments.iter().map(|a| a.global).collect();
    assert_eq!(globals, [true, true, false]);
    for text in ["SET", "SET a", "SET a =", "SET a=1,,b=2", "SET = 1"] {
        assert_eq!(refused(text), ErrorKind::Syntax, "{text}");
    }
}

#[test]
fn statements_about_the_session_are_read() {
    for (text, statement) in [
        ("", Statement::Empty),
        (";;;;", Statement::Empty),
        ("-- nothing", Statement::Empty),
        ("/*!40100 */", Statement::Empty),
        ("use CometQL_v1", Statement::Use("CometQL_v1".into())),
        ("USE `db_7`;", Statement::Use("db_7".into())),
        ("BEGIN", Statement::Begin { read_only: None }),
        ("START TRANSACTION ", Statement::Begin { read_only: None }),
        (
            "START TRANSACTION WITH CONSISTENT SNAPSHOT",
            Statement::Begin { read_only: None },
        ),
        (
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            Statement::Begin {
                read_only: Some(true),
            },
        ),
        ("COMMIT ", Statement::Commit { chain: false }),
        (
            "COMMIT AND NO CHAIN NO RELEASE",
            Statement::Commit { chain: false },
        ),
        ("ROLLBACK ", Statement::Rollback { chain: false }),
        ("SAVEPOINT s1", Statement::Savepoint("s1".into())),
        (
            "ROLLBACK WORK TO SAVEPOINT `s1`",
            Statement::RollbackTo("s1".into()),
        ),
        ("ROLLBACK TO s1", Statement::RollbackTo("s1".into())),
        ("RELEASE SAVEPOINT s1", Statement::Release("s1".into())),
        ("LOCK TABLES a READ, b WRITE", Statement::Ignored),
        ("UNLOCK TABLES", Statement::Ignored),
        ("FLUSH PRIVILEGES", Statement::Ignored),
        (
            "/*!40000 ALTER TABLE `users_auth` DISABLE KEYS */",
            Statement::Ignored,
        ),
        (
            "ALTER TABLE CometQL_v1.users_auth ENABLE KEYS;",
            Statement::Ignored,
        ),
        (
            "KILL 5",
            Statement::Kill {
                query_only: false,
                id: 5,
            },
        ),
        (
            "KILL CONNECTION 5",
            Statement::Kill {
                query_only: false,
                id: 5,
            },
        ),
        (
            "KILL QUERY 5",
            Statement::Kill {
                query_only: true,
                id: 5,
            },
        ),
    ] {
        assert_eq!(parsed(text), statement, "{text}");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    for (text, name) in [
        ("CREATE TABLE t (a int)", "CREATE"),
        ("ALTER TABLE t ADD a int", "ALTER"),
        ("ALTER TABLE t DISABLE KEYS, ADD a int", "ALTER"),
        ("GRANT ALL ON *.* TO 'x'@'%'", "GRANT"),
        ("CREATE USER 'x'@'%'", "CREATE"),
        ("LOAD DATA INFILE 'x'", "LOAD"),
        ("PREPARE s FROM 'x'", "PREPARE"),
        ("DO sleep(1)", "DO"),
        ("call f()", "CALL"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{text}");
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn the_replication_prefix_is_forbidden() {
    for text in [
        "cometqlcluster_v1 set dev_id=7; SELECT 1",
        " CometQLCluster_v1 set dev_id=7;",
        "cometqlcluster_v1",
    ] {
        assert_eq!(refused(text), ErrorKind::Forbidden, "{text}");
    }
}
