//! What clients ask about the server by themselves, and what tools show of its
//! tables (compatibility reference §5).

use super::house::House;

const TABLES: [&str; 16] = [
    "users_auth",
    "users_time",
    "users_messages",
    "pipes_messages",
    "users_in_pipes",
    "pipes",
    "pipes_settings",
    "users_data",
    "revoked_tokens",
    "conference",
    "conference_members",
    "profiler",
    "connections",
    "subscriptions",
    "users",
    "nodes",
];

#[tokio::test]
async fn the_databases_and_the_tables_are_listed() {
    let house = House::start();
    let mut php = house.login("15");
    let databases = php.rows("SHOW DATABASES").await;
    assert!(
        databases.split(';').any(|name| name == "CometQL_v1"),
        "{databases}"
    );
    assert_eq!(php.columns("show databases").await, "Database");
    let tables = php.rows("SHOW TABLES").await;
    for table in TABLES {
        assert!(tables.split(';').any(|listed| listed == table), "{tables}");
    }
    assert_eq!(tables.split(';').count(), TABLES.len());
    assert_eq!(php.rows("SHOW TABLES LIKE 'pipes'").await, "pipes");
}

#[tokio::test]
async fn every_table_is_described_as_it_is_selected() {
    let house = House::start();
    let mut php = house.login("15");
    assert_eq!(
        php.rows("DESCRIBE users_auth").await,
        "id|int(11)|NO|PRI||;hash|varchar(32)|NO|||"
    );
    assert_eq!(
        php.columns("DESCRIBE users_auth").await,
        "Field|Type|Null|Key|Default|Extra"
    );
    for table in TABLES {
        let selected = php.columns(&format!("SELECT * FROM {table}")).await;
        for sql in [
            format!("DESCRIBE {table}"),
            format!("DESC {table}"),
            format!("EXPLAIN {table}"),
            format!("SHOW COLUMNS FROM {table}"),
            format!("SHOW FULL COLUMNS IN `{table}`"),
            format!(
                "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION"
            ),
        ] {
            let described = php.result(&sql).await;
            let fields: Vec<_> = described
                .rows
                .iter()
                .map(|row| row[0].as_deref().unwrap())
                .collect();
            assert_eq!(fields.join("|"), selected, "{sql}");
        }
        let fields = cometql::backend::Session::field_list(&php.session, table, "").unwrap();
        assert_eq!(super::house::names(&fields), selected);
        let create = php.rows(&format!("SHOW CREATE TABLE {table}")).await;
        assert!(create.contains("CREATE TABLE"), "{create}");
    }
    assert_eq!(php.refused("DESCRIBE nowhere").await.0, 15);
    assert_eq!(php.refused("SHOW COLUMNS FROM nowhere").await.0, 15);
    let like = |table, pattern| cometql::backend::Session::field_list(&php.session, table, pattern);
    assert!(like("nowhere", "").is_err());
    assert_eq!(super::house::names(&like("pipes", "U%").unwrap()), "users");
    assert_eq!(super::house::names(&like("pipes", "_ame").unwrap()), "name");
    assert_eq!(super::house::names(&like("pipes", r"\_ame").unwrap()), "");
}

#[tokio::test]
async fn the_status_counts_what_its_tenant_may_see() {
    let house = House::start();
    let (mut php, mut root) = (house.login("15"), house.login("root"));
    root.done("INSERT INTO users_auth (id, hash) VALUES (1, 'k')")
        .await;
    let _browser = house.browser(0, Some((1, "k"))).await;
    let _visitor = house.browser(0, None).await;
    root.done("INSERT INTO pipes_messages (name, event, message) VALUES ('news', 'e', 'x')")
        .await;
    let of = |rows: &str, name: &str| {
        let value = rows
            .split(';')
            .find_map(|row| row.strip_prefix(name)?.strip_prefix('|'));
        value.map(str::to_owned)
    };
    let mine = php.rows("show status").await;
    let roots = root.rows("SHOW SESSION STATUS").await;
    assert_eq!(of(&mine, "flag").as_deref(), Some("session"));
    assert_eq!(of(&mine, "id").as_deref(), Some("15"));
    assert_eq!(of(&mine, "user_online").as_deref(), Some("0"));
    assert_eq!(of(&mine, "messages").as_deref(), Some("0"));
    assert_eq!(of(&roots, "user_online").as_deref(), Some("2"));
    assert_eq!(of(&roots, "messages").as_deref(), Some("1"));
    let global = php.rows("show global status").await;
    for side in ["frontend", "backend"] {
        for name in [
            "name",
            "stat_interval",
            "online",
            "messages",
            "add_client",
            "delete_client",
            "messages_ps",
            "add_client_ps",
            "delete_client_ps",
        ] {
            assert!(
                of(&global, &format!("{side}_{name}")).is_some(),
                "{side}_{name}"
            );
        }
    }
    for name in [
        "flag",
        "uptime",
        "uptime_in_hours",
        "uptime_in_days",
        "network_events",
        "slow_readers",
        "silent_readers",
        "killed",
        "keys_deleted",
        "tokens_revoked",
        "shut_down",
    ] {
        assert!(of(&global, name).is_some(), "{name}");
    }
}

/// What the clients of the compatibility reference §5.2 send on connecting: no
/// answer may be an error.
#[tokio::test]
async fn what_clients_send_on_connecting_is_answered() {
    let house = House::start();
    let mut php = house.try_login("15", Some("cometql_V1")).unwrap();
    for sql in [
        "SET NAMES utf8mb4",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
        "SET AUTOCOMMIT=0",
        "SET autocommit=1",
        "START TRANSACTION ",
        "COMMIT ",
        "ROLLBACK ",
        "/*!40100 SET @@SQL_MODE='' */",
        "set optimizer_switch='a=off'",
        "UNLOCK TABLES",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET character_set_results = NULL",
        "SET sql_mode='STRICT_TRANS_TABLES'",
        "set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
        "SET sql_quote_show_create = 1, autocommit = 1",
        "SET lc_messages = 'en_US'",
        "SET CHARACTER SET utf8",
        "SET a b c",
        "USE CometQL_v1",
        "FLUSH STATUS",
        ";;;;",
        "   ",
    ] {
        let told = php.rows(sql).await;
        assert_eq!(told, "OK 0 0", "{sql}");
    }
    for sql in [
        "select @@version_comment limit 1",
        "show databases",
        "show tables",
        "SELECT DATABASE()",
        "select DATABASE(), USER() limit 1",
        "select @@character_set_client, @@character_set_connection, @@character_set_server, @@character_set_database limit 1",
        "SHOW TABLES LIKE '%'",
        "SELECT VERSION()",
        "SELECT @@tx_isolation",
        "SELECT @@transaction_isolation",
        "SELECT @@sql_mode",
        "SELECT @@lower_case_table_names",
        "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
        "SELECT @@max_allowed_packet",
        "/* mysql-connector-j-8.4.0 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@wait_timeout AS wait_timeout",
        "SELECT @@session.transaction_read_only",
        "/* ping */ SELECT 1",
        "SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
        "SELECT @@max_allowed_packet,@@wait_timeout,@@socket",
        "select connection_id()",
        "SELECT @@version_comment, @@version",
        "SELECT CURRENT_USER()",
        "SELECT * FROM pipes LIMIT 50",
        "SELECT COUNT(*) FROM users_auth",
    ] {
        let result = php.result(sql).await;
        assert!(!result.columns.is_empty(), "{sql}");
    }
    for sql in [
        "SHOW WARNINGS",
        "SHOW VARIABLES",
        "SHOW COLLATION",
        "SHOW SESSION VARIABLES LIKE 'lower_case_table_names'",
        "SHOW FULL TABLES FROM CometQL_v1",
        "SHOW TABLE STATUS FROM CometQL_v1",
        "SHOW INDEX FROM users_auth",
        "SHOW ENGINES",
        "SHOW CHARSET",
        "SHOW PLUGINS",
        "SHOW GRANTS",
        "SHOW FULL PROCESSLIST",
        "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
    ] {
        assert!(!php.result(sql).await.columns.is_empty(), "{sql}");
    }
    assert_eq!(php.rows("SELECT DATABASE()").await, "CometQL_v1");
    assert_eq!(php.rows("SELECT USER()").await, "15@127.0.0.1");
    assert_eq!(php.rows("SELECT @@socket").await, "~");
}
