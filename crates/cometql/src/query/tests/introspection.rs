//! What clients ask about the server and its tables.

use super::*;

#[test]
fn what_clients_send_by_themselves_is_answered() {
    let bench = Bench::new();
    for sql in [
        "select @@version_comment limit 1",
        "SELECT DATABASE()",
        "select DATABASE(), USER() limit 1",
        "select @@character_set_client, @@character_set_connection, @@character_set_server, @@character_set_database limit 1",
        "SELECT VERSION()",
        "SELECT @@tx_isolation",
        "SELECT @@transaction_isolation",
        "SELECT @@sql_mode",
        "SELECT @@lower_case_table_names",
        "SELECT VERSION(), @@sql_mode, @@default_storage_engine, @@sql_auto_is_null, @@lower_case_table_names, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL",
        "SELECT @@max_allowed_packet",
        "/* mysql-connector-j-8.4.0 */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@query_cache_size AS query_cache_size, @@query_cache_type AS query_cache_type, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout",
        "SELECT @@session.transaction_read_only",
        "SELECT @@session.tx_read_only",
        "/* ping */ SELECT 1",
        "SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment",
        "SELECT @@max_allowed_packet,@@wait_timeout,@@socket",
        "SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')",
        "select connection_id()",
        "SELECT @@version_comment, @@version",
        "SELECT @@version, @@version_comment",
        "SELECT USER()",
        "SELECT CURRENT_USER()",
        "SELECT current_user()",
        "SELECT CONNECTION_ID()",
        "SELECT * FROM pipes LIMIT 50",
        "SELECT COUNT(*) FROM pipes",
        "SELECT CONCAT(\"'\", user, \"'@'\",host,\"'\") FROM mysql.user",
        "select TABLE_NAME, COLUMN_NAME from information_schema.columns where table_schema = 'CometQL_v1' order by table_name,ordinal_position",
        "SELECT LOGFILE_GROUP_NAME, FILE_NAME, TOTAL_EXTENTS, INITIAL_SIZE, ENGINE, EXTRA FROM INFORMATION_SCHEMA.FILES WHERE FILE_TYPE = 'UNDO LOG' AND FILE_NAME IS NOT NULL GROUP BY LOGFILE_GROUP_NAME, FILE_NAME, ENGINE ORDER BY LOGFILE_GROUP_NAME",
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME",
        "SELECT SUM(DATA_LENGTH + INDEX_LENGTH) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'cometql_v1'",
        "SELECT kcu.COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE kcu JOIN information_schema.REFERENTIAL_CONSTRAINTS rc ON kcu.CONSTRAINT_NAME = rc.CONSTRAINT_NAME WHERE kcu.TABLE_SCHEMA = DATABASE()",
    ] {
        if let Err(error) = bench.query(sql, &[]) {
            panic!("{sql}: {error}");
        }
    }
    for sql in [
        "show databases",
        "show tables",
        "SHOW SCHEMAS LIKE 'Comet%'",
        "SHOW FULL TABLES FROM `CometQL_v1` WHERE TABLE_TYPE != 'VIEW'",
        "SHOW TABLES LIKE '%'",
        "SHOW TABLE STATUS",
        "SHOW TABLE STATUS LIKE 'pipes'",
        "SHOW TABLE STATUS FROM `CometQL_v1`",
        "SHOW INDEX FROM `pipes`",
        "SHOW KEYS FROM pipes FROM CometQL_v1",
        "SHOW CREATE TABLE `pipes`",
        "SHOW CREATE DATABASE `CometQL_v1`",
        "SHOW FULL COLUMNS FROM `pipes` FROM `CometQL_v1` LIKE '%'",
        "SHOW FIELDS IN pipes",
        "SHOW WARNINGS",
        "SHOW WARNINGS LIMIT 10",
        "SHOW ERRORS",
        "SHOW COUNT(*) WARNINGS",
        "SHOW ENGINES",
        "SHOW STORAGE ENGINES",
        "SHOW CHARSET",
        "SHOW CHARACTER SET LIKE 'utf8%'",
        "SHOW COLLATION",
        "SHOW COLLATION WHERE Charset = 'utf8mb4' AND `Default` = 'Yes'",
        "SHOW PLUGINS",
        "SHOW PRIVILEGES",
        "SHOW GRANTS",
        "SHOW GRANTS FOR CURRENT_USER()",
        "SHOW EVENTS",
        "SHOW TRIGGERS LIKE 'x'",
        "SHOW FUNCTION STATUS WHERE Db = 'CometQL_v1'",
        "SHOW PROCEDURE STATUS",
        "SHOW OPEN TABLES",
        "SHOW MASTER STATUS",
        "SHOW BINARY LOG STATUS",
        "SHOW REPLICA STATUS",
        "SHOW SLAVE STATUS",
        "SHOW BINARY LOGS",
        "SHOW VARIABLES",
        "SHOW SESSION VARIABLES LIKE 'lower_case_table_names'",
        "SHOW SESSION VARIABLES LIKE 'sql_mode'",
        "SHOW GLOBAL VARIABLES WHERE Variable_name = 'version' OR Variable_name = 'port'",
        "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
        "show status",
        "SHOW GLOBAL STATUS",
        "SHOW AVG STATUS",
        "SHOW ram STATUS",
        "SHOW UPTIME STATUS",
        "SHOW FILESYSTEM STATUS",
        "SHOW PROCESSLIST",
        "SHOW FULL PROCESSLIST;",
        "DESCRIBE pipes",
        "DESC `CometQL_v1`.`pipes` users",
        "EXPLAIN pipes",
    ] {
        let result = bench
            .show(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!result.columns.is_empty(), "{sql}");
        assert!(
            result.columns.iter().all(|column| !column.name.is_empty()),
            "{sql}"
        );
        let columns = bench
            .engine
            .show_columns(&Show::parse(sql).unwrap(), &bench.context);
        assert_eq!(columns.unwrap(), result.columns, "{sql}");
    }
}

#[test]
fn show_has_the_shapes_clients_read() {
    let bench = Bench::new();
    let shown = |sql| written(&bench.show(sql).unwrap());
    assert_eq!(shown("SHOW DATABASES"), "CometQL_v1");
    assert_eq!(
        shown("SHOW TABLES LIKE 'users%'"),
        "users_in_pipes;users_auth"
    );
    let tables = bench.show("SHOW FULL TABLES").unwrap();
    assert_eq!(names(&tables), ["Tables_in_CometQL_v1", "Table_type"]);
    let described = bench.show("DESCRIBE users_auth").unwrap();
    assert_eq!(
        names(&described),
        ["Field", "Type", "Null", "Key", "Default", "Extra"]
    );
    assert_eq!(
        written(&described),
        "id|int(11)|NO|PRI||;hash|varchar(32)|NO|||"
    );
    assert_eq!(shown("SHOW VARIABLES LIKE 'autocommit'"), "autocommit|ON");
    assert_eq!(shown("SHOW STATUS"), "flag|session;id|15");
    assert_eq!(shown("SHOW GLOBAL STATUS WHERE Value > 1"), "uptime|5");
    assert_eq!(shown("SHOW RAM STATUS"), "ram|1");
    assert_eq!(
        shown("SHOW CREATE TABLE users_auth"),
        "users_auth|CREATE TABLE `users_auth` (\n  `id` int(11) NOT NULL,\n  `hash` varchar(32) COLLATE utf8mb4_bin NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=CometWire DEFAULT CHARSET=utf8mb4 COMMENT='it''s a toy'"
    );
    assert_eq!(bench.show("SHOW TABLE STATUS").unwrap().columns.len(), 18);
    let processes = bench.show("SHOW PROCESSLIST").unwrap();
    assert_eq!(
        names(&processes),
        [
            "Id", "User", "Host", "db", "Command", "Time", "State", "Info"
        ]
    );
    assert_eq!(processes.rows[0][7].as_deref().map(str::len), Some(100));
    assert_eq!(
        written(&bench.show("SHOW GRANTS").unwrap()),
        "GRANT SELECT, INSERT, UPDATE, DELETE ON `CometQL_v1`.* TO `15`@`%`"
    );
}

#[test]
fn show_refuses_what_does_not_exist() {
    let bench = Bench::new();
    for (sql, kind) in [
        ("SHOW COLUMNS FROM nothing", ErrorKind::UnknownTable),
        ("DESCRIBE nowhere.pipes", ErrorKind::UnknownDatabase),
        ("SHOW TABLES FROM nowhere", ErrorKind::UnknownDatabase),
        ("SHOW NONSENSE", ErrorKind::Unsupported),
        ("SHOW", ErrorKind::Syntax),
        ("SHOW TABLES LIKE", ErrorKind::Syntax),
        ("SHOW TABLES WHERE", ErrorKind::Syntax),
        ("SHOW TABLES nonsense", ErrorKind::Syntax),
        ("SHOW VARIABLES WHERE nothing = 1", ErrorKind::UnknownColumn),
        (
            "SHOW VARIABLES WHERE 1 = 1; DROP TABLE x",
            ErrorKind::Syntax,
        ),
        ("EXPLAIN SELECT 1", ErrorKind::Unsupported),
    ] {
        assert_eq!(bench.show(sql).unwrap_err().kind, kind, "{sql}");
    }
}

#[test]
fn introspection_agrees_with_the_tables() {
    let bench = Bench::new();
    assert_eq!(
        bench.rows("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'PIPES' ORDER BY ORDINAL_POSITION"),
        "name;users"
    );
    assert_eq!(
        bench.rows("SELECT INDEX_NAME, NON_UNIQUE FROM information_schema.STATISTICS WHERE TABLE_NAME = 'users_in_pipes'"),
        "name|1"
    );
    assert_eq!(
        bench.rows("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'tables'"),
        "1"
    );
    let columns = bench.engine.table_columns("pipes").unwrap();
    assert_eq!(columns[0].max_length, 64);
    for table in bench
        .query(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES",
            &[],
        )
        .unwrap()
        .rows
    {
        let (schema, name) = (table[0].as_deref().unwrap(), table[1].as_deref().unwrap());
        if matches!(name, "refuses" | "panics") {
            continue;
        }
        let all = bench
            .query(&format!("SELECT * FROM {schema}.{name}"), &[])
            .unwrap();
        let counted = bench.rows(&format!(
            "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{schema}' AND TABLE_NAME = '{name}'"
        ));
        assert_eq!(counted, all.columns.len().to_string(), "{schema}.{name}");
    }
}
