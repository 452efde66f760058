//! The engine over small tables: SQL in, rows out.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;

use super::engine::parse;
use super::*;
use crate::answer::{Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::show::{Show, StatusScope};

/// A table of fixed rows that answers its key only, and notes what it is asked.
struct Toy {
    name: &'static str,
    columns: Vec<TableColumn>,
    rows: Vec<Vec<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl LiveTable for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn comment(&self) -> &str {
        "it's a toy"
    }

    fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    fn rows(
        &self,
        _: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let key = filter.value(0);
        let note = match key {
            None if filter.limit < 1000 => format!("{} limit {}", self.name, filter.limit),
            None => format!("{} all", self.name),
            Some(Value::Integer(id)) => format!("{} {id}", self.name),
            Some(Value::Text(name)) => format!("{} {name}", self.name),
            Some(Value::Null) => format!("{} null", self.name),
        };
        self.asked.lock().push(note);
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| key.is_none_or(|key| row.first() == Some(key)))
            .take(filter.limit)
            .cloned()
            .collect();
        if let ("pipes", Some(Value::Text(name)), true) = (self.name, key, rows.is_empty()) {
            rows.push(vec![name.clone().into(), 0_i64.into()]);
        }
        Ok(rows)
    }
}

/// A table that refuses, or worse.
struct Broken(bool);

impl LiveTable for Broken {
    fn name(&self) -> &str {
        if self.0 { "panics" } else { "refuses" }
    }

    fn columns(&self) -> &[TableColumn] {
        const COLUMNS: &[TableColumn] = &[TableColumn::integer("id")];
        COLUMNS
    }

    fn rows(&self, _: &SessionContext, _: &KeyFilter<'_>) -> Result<Vec<Vec<Value>>, SqlError> {
        assert!(!self.0, "a table with a bug");
        Err(SqlError::new(ErrorKind::MissingKey, "name the key"))
    }
}

struct Facts;

impl StatusSource for Facts {
    fn status(&self, scope: StatusScope, context: &SessionContext) -> Vec<(String, String)> {
        match scope {
            StatusScope::Session => vec![
                ("flag".into(), "session".into()),
                ("id".into(), context.dev_id.to_string()),
            ],
            StatusScope::Global => vec![
                ("flag".into(), "global".into()),
                ("uptime".into(), "5".into()),
            ],
            other => vec![(other.name().to_ascii_lowercase(), "1".into())],
        }
    }
}

impl ProcessSource for Facts {
    fn processes(&self, context: &SessionContext) -> Vec<Process> {
        vec![Process {
            id: context.connection_id.into(),
            user: context.user.to_string(),
            host: "127.0.0.1".into(),
            command: "Query".into(),
            info: Some("x".repeat(200)),
            ..Process::default()
        }]
    }
}

struct Bench {
    engine: Engine,
    context: SessionContext,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with_limits(QueryLimits::default())
    }

    fn with_limits(limits: QueryLimits) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let sources = Sources {
            status: Arc::new(Facts),
            processes: Arc::new(Facts),
        };
        let engine = Engine::new(toys(&asked), sources, limits).unwrap();
        let variables = Arc::new(Variables::new(Arc::new(ServerVariables::default())));
        let mut context = SessionContext::new(15, "15", 7, variables);
        context.database = Some("CometQL_v1".into());
        Self {
            engine,
            context,
            asked,
        }
    }

    fn query(&self, sql: &str, parameters: &[Parameter]) -> Result<ResultSet, SqlError> {
        self.engine.select(&*parse(sql)?, parameters, &self.context)
    }

    fn show(&self, sql: &str) -> Result<ResultSet, SqlError> {
        self.engine.show(&Show::parse(sql)?, &self.context)
    }

    /// Rows as `a|b;c|d`, NULL as `~`.
    fn rows(&self, sql: &str) -> String {
        match self.query(sql, &[]) {
            Ok(result) => written(&result),
            Err(error) => format!("{:?}: {error}", error.kind),
        }
    }

    fn kind(&self, sql: &str) -> ErrorKind {
        match self.query(sql, &[]) {
            Ok(result) => panic!("{sql} answered {}", written(&result)),
            Err(error) => error.kind,
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}

fn toys(asked: &Arc<Mutex<Vec<String>>>) -> Vec<Arc<dyn LiveTable>> {
    let toy = |name, columns, rows| -> Arc<dyn LiveTable> {
        Arc::new(Toy {
            name,
            columns,
            rows,
            asked: Arc::clone(asked),
        })
    };
    let row = |name: &str, id: i64, text: &str| vec![name.into(), id.into(), text.into()];
    vec![
        toy(
            "pipes",
            vec![
                TableColumn::text("name", "varchar(64)", 64).primary(),
                TableColumn::integer("users"),
            ],
            vec![
                vec!["web_admins".into(), 2_i64.into()],
                vec!["web_chat".into(), 10_i64.into()],
                vec!["p20".into(), 1_i64.into()],
            ],
        ),
        toy(
            "users_in_pipes",
            vec![
                TableColumn::text("name", "varchar(64)", 64).lookup(),
                TableColumn::integer("user_id"),
                TableColumn::text("user_uuid", "varchar(32)", 32),
            ],
            vec![
                row("web_chat", 42, "u1"),
                row("web_chat", 7, "u2"),
                row("web_chat", 42, "u3"),
                row("p20", 7, "u4"),
            ],
        ),
        toy(
            "users_auth",
            vec![
                TableColumn::integer("id").primary(),
                TableColumn::text("hash", "varchar(32)", 32).about("the user's key"),
            ],
            vec![
                vec![2_i64.into(), "two".into()],
                vec![7_i64.into(), "Seven".into()],
                vec![42_i64.into(), "{\"a\":[1,\"x\"]}".into()],
                vec![100_i64.into(), "it's 100%".into()],
            ],
        ),
        Arc::new(Broken(false)),
        Arc::new(Broken(true)),
    ]
}

fn written(result: &ResultSet) -> String {
    let rows = result.rows.iter().map(|row| {
        assert_eq!(row.len(), result.columns.len());
        let cells: Vec<_> = row
            .iter()
            .map(|cell| cell.as_deref().unwrap_or("~"))
            .collect();
        cells.join("|")
    });
    rows.collect::<Vec<_>>().join(";")
}

fn names(result: &ResultSet) -> Vec<&str> {
    result
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}

#[test]
fn queries_answer_as_mysql_would() {
    let bench = Bench::new();
    let cases = [
        // Conditions.
        ("SELECT * FROM users_auth WHERE id = 7", "7|Seven"),
        ("SELECT * FROM users_auth WHERE id = '7'", "7|Seven"),
        ("select HASH from USERS_AUTH where ID=7", "Seven"),
        ("SELECT id FROM users_auth WHERE id > 7 AND id < 100", "42"),
        (
            "SELECT id FROM users_auth WHERE id != 7 ORDER BY id DESC",
            "100;42;2",
        ),
        (
            "SELECT id FROM users_auth WHERE id = 7 AND hash = 'nope'",
            "",
        ),
        (
            "SELECT id FROM users_auth WHERE id = 7 OR hash = 'two' ORDER BY id",
            "2;7",
        ),
        (
            "SELECT id FROM users_auth WHERE id BETWEEN 5 AND 50",
            "7;42",
        ),
        (
            "SELECT id FROM users_auth WHERE NOT id = 7 AND NOT (id = 2)",
            "42;100",
        ),
        ("SELECT id FROM users_auth WHERE id = -7", ""),
        ("SELECT users FROM pipes WHERE name = p20", "1"),
        ("SELECT users FROM pipes WHERE \"name\" = \"p20\"", "1"),
        (
            "SELECT users FROM pipes WHERE 'name' IN ('p20', web_chat)",
            "1;10",
        ),
        (
            "SELECT `name`, \"users\" FROM `CometQL_v1`.`pipes` WHERE pipes.name = 'p20'",
            "p20|1",
        ),
        (
            "SELECT name FROM pipes WHERE name LIKE 'web\\_%' ORDER BY 1",
            "web_admins;web_chat",
        ),
        ("SELECT name FROM pipes WHERE name NOT LIKE '%e%'", "p20"),
        (
            "SELECT name FROM pipes WHERE name REGEXP '^p[0-9]+$'",
            "p20",
        ),
        (
            "SELECT name FROM pipes WHERE name RLIKE 'chat$'",
            "web_chat",
        ),
        (
            "SELECT hash FROM users_auth WHERE hash = 'it\\'s 100%'",
            "it's 100%",
        ),
        (
            "SELECT hash FROM users_auth WHERE hash = 'it''s 100%'",
            "it's 100%",
        ),
        ("SELECT id FROM users_auth WHERE id <=> NULL", ""),
        // Order, grouping, joins.
        (
            "SELECT id FROM users_auth ORDER BY id DESC LIMIT 1, 2",
            "42;7",
        ),
        (
            "SELECT id FROM users_auth ORDER BY id LIMIT 2 OFFSET 1",
            "7;42",
        ),
        ("SELECT id FROM users_auth LIMIT 0", ""),
        ("SELECT users FROM pipes ORDER BY users", "1;2;10"),
        (
            "SELECT COUNT(*), SUM(users), MIN(users), MAX(users), AVG(users) FROM pipes",
            "3|13|1|10|4.333333333333333",
        ),
        (
            "SELECT name, COUNT(DISTINCT user_id) AS n FROM users_in_pipes GROUP BY name HAVING n > 1",
            "web_chat|2",
        ),
        (
            "SELECT GROUP_CONCAT(user_uuid ORDER BY user_uuid DESC SEPARATOR '-') FROM users_in_pipes WHERE name='web_chat'",
            "u3-u2-u1",
        ),
        (
            "SELECT u.name, a.hash FROM users_in_pipes u JOIN users_auth a ON a.id = u.user_id WHERE u.name = 'p20'",
            "p20|Seven",
        ),
        (
            "SELECT p.name, u.user_id FROM pipes p LEFT JOIN users_in_pipes u USING (name) WHERE p.name = 'web_admins'",
            "web_admins|~",
        ),
        (
            "SELECT * FROM pipes NATURAL JOIN users_in_pipes WHERE name = 'p20'",
            "p20|1|7|u4",
        ),
        (
            "SELECT DISTINCT user_id FROM users_in_pipes ORDER BY user_id",
            "7;42",
        ),
        (
            "SELECT 1 UNION SELECT 2 UNION ALL SELECT 2 ORDER BY 1",
            "1;2;2",
        ),
        (
            "(SELECT id FROM users_auth WHERE id = 2) UNION (SELECT id FROM users_auth ORDER BY id DESC LIMIT 1)",
            "2;100",
        ),
        (
            "SELECT id FROM users_auth WHERE id IN (SELECT user_id FROM users_in_pipes) ORDER BY id",
            "7;42",
        ),
        (
            "SELECT id FROM users_auth a WHERE EXISTS (SELECT 1 FROM users_in_pipes u WHERE u.user_id = a.id AND u.name = 'p20')",
            "7",
        ),
        ("SELECT (SELECT MAX(id) FROM users_auth) AS top", "100"),
        (
            "SELECT t.n FROM (SELECT COUNT(*) AS n FROM pipes) AS t",
            "3",
        ),
        (
            "WITH c AS (SELECT id FROM users_auth WHERE id < 10) SELECT SUM(id) FROM c",
            "9",
        ),
        (
            "SELECT CASE WHEN users > 5 THEN 'many' ELSE 'few' END FROM pipes WHERE name = 'web_chat'",
            "many",
        ),
        (
            "SELECT CASE name WHEN 'p20' THEN 1 ELSE 0 END FROM pipes WHERE name = 'p20'",
            "1",
        ),
        (
            "SELECT p.*, 1 AS one FROM pipes p WHERE name='p20'",
            "p20|1|1",
        ),
        (
            "SELECT id FROM users_auth WHERE (id, hash) IN ((2, 'two'), (7, 'x'))",
            "2",
        ),
        // Values.
        (
            "SELECT 1, 'a', \"b\", NULL, TRUE, 1.5, -3, x'48', 'a' 'b'",
            "1|a|b|~|1|1.5|-3|H|ab",
        ),
        (
            "SELECT 1 + 1, 7 / 2, 7 DIV 2, 7 % 4, MOD(7, 4), 5 ^ 1, 1 << 4, 3 & 2, 4 | 1",
            "2|3.5|3|3|3|4|16|2|5",
        ),
        ("SELECT 1 / 0, 1 DIV 0, 1 % 0", "~|~|~"),
        (
            "SELECT 1 AND 0, 1 && 1, 0 OR 1, 1 XOR 1, NOT 1, NULL AND 1",
            "0|1|1|0|0|~",
        ),
        (
            "SELECT 1 = '1', '1abc' = 1, 'a' = 'b', NULL <=> NULL, 1 <> 2",
            "1|1|0|1|1",
        ),
        (
            "SELECT 2 IN ('1', '2'), 3 NOT IN (1, 2), 1 IS NULL, NULL IS NULL, 1 IS TRUE",
            "1|1|0|1|1",
        ),
        ("SELECT 'it''s \\'x\\' \\\\ \\% 'AS t", "it's 'x' \\ \\% "),
        ("SELECT '\\0' = CONCAT('\\0')", "1"),
        ("SELECT COUNT(*) > '2' FROM pipes", "1"),
        (
            "SELECT @user_variable, @@autocommit = 1, @@autocommit = '1'",
            "~|1|1",
        ),
        // Functions.
        (
            "SELECT CONCAT('a', 1, NULL), CONCAT('a', 1), CONCAT_WS('-', 'a', NULL, 'b')",
            "~|a1|a-b",
        ),
        (
            "SELECT IF(1 > 2, 'y', 'n'), IFNULL(NULL, 1), NULLIF(1, 1), COALESCE(NULL, NULL, 3)",
            "n|1|~|3",
        ),
        (
            "SELECT LENGTH('пр'), CHAR_LENGTH('пр'), UPPER('пр'), LCASE('ПР')",
            "4|2|ПР|пр",
        ),
        (
            "SELECT SUBSTRING('abcdef', 2, 3), SUBSTR('abc', -2), SUBSTRING('abc' FROM 2), SUBSTR('abc', 0)",
            "bcd|bc|bc|",
        ),
        (
            "SELECT LEFT('abc', 2), RIGHT('abc', 2), LOCATE('C', 'abcabc', 4), INSTR('abc', 'b')",
            "ab|bc|6|2",
        ),
        (
            "SELECT REPLACE('aXa', 'X', '-'), TRIM('  a '), TRIM(LEADING 'x' FROM 'xxa'), LTRIM(' a'), RTRIM('a ')",
            "a-a|a|a|a|a",
        ),
        (
            "SELECT ABS(-3), ROUND(2.567, 2), FLOOR(-1.5), CEIL(1.2), GREATEST(1, 3), LEAST(2, 1)",
            "3|2.57|-2|2|3|1",
        ),
        ("SELECT HEX(255), HEX('a'), HEX('é')", "FF|61|C3A9"),
        (
            "SELECT CAST('12abc' AS SIGNED), CAST(5 AS CHAR), CONVERT('7', UNSIGNED), CAST('1.256' AS DECIMAL(10,2)), CONVERT('x' USING utf8mb4)",
            "12|5|7|1.26|x",
        ),
        (
            "SELECT FROM_UNIXTIME(0), UNIX_TIMESTAMP('1970-01-02 00:00:00'), DATE_FORMAT('2026-11-22 20:05:29', '%d.%m.%Y %H:%i')",
            "1970-01-01 00:00:00|86400|22.11.2026 20:05",
        ),
        (
            "SELECT '2026-01-31' + INTERVAL 1 MONTH, DATE_SUB('2026-01-01 00:00:00', INTERVAL 1 SECOND), YEAR('2026-01-31')",
            "2026-02-28|2025-12-31 23:59:59|2026",
        ),
        (
            "SELECT CONVERT_TZ('2001-01-01 01:00:00', 'UTC', '+02:00'), CONVERT_TZ('2001-01-01', 'UTC', 'Mars')",
            "2001-01-01 03:00:00|~",
        ),
        (
            "SELECT JSON_EXTRACT(hash, '$.a[1]'), JSON_UNQUOTE(JSON_EXTRACT(hash, '$.a[1]')), hash->>'$.a[0]' FROM users_auth WHERE id = 42",
            "\"x\"|x|1",
        ),
        (
            "SELECT DATABASE(), SCHEMA(), USER(), CONNECTION_ID(), LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()",
            "CometQL_v1|CometQL_v1|15@localhost|7|0|0|0",
        ),
        (
            "SELECT UNIX_TIMESTAMP() > 1700000000, NOW() LIKE '20__-__-__ __:__:__', LENGTH(NOW(6)), CURRENT_USER",
            "1|1|26|15@localhost",
        ),
        (
            "SELECT RAND() BETWEEN 0 AND 1, SLEEP(0), VERSION() LIKE '8.0.36-%'",
            "1|0|1",
        ),
        ("SELECT 1 FROM DUAL", "1"),
        // Texts compare without regard to case, columns of names and keys with it.
        (
            "SELECT 'a' = 'A', 'a' = 'a ', 'b' IN ('A', 'B'), 'é' = 'E'",
            "1|1|1|1",
        ),
        (
            "SELECT 'a' < 'B', GREATEST('a', 'B'), NULLIF('a', 'A'), 'a' BETWEEN 'A' AND 'A'",
            "1|B|~|1",
        ),
        (
            "SELECT CASE 'a' WHEN 'A' THEN 1 END, BINARY 'a' = 'A', 'a' = 'A' COLLATE utf8mb4_bin",
            "1|0|0",
        ),
        (
            "SELECT COUNT(*) FROM (SELECT 'a' AS x UNION SELECT 'A' UNION SELECT 'b') AS t",
            "2",
        ),
        (
            "SELECT COUNT(DISTINCT x) FROM (SELECT 'a' AS x UNION ALL SELECT 'A') AS t",
            "1",
        ),
        (
            "SELECT x, COUNT(*) FROM (SELECT 'a' AS x UNION ALL SELECT 'A') AS t GROUP BY x",
            "a|2",
        ),
        (
            "SELECT name FROM pipes WHERE name = 'P20' OR name IN ('P20') OR name LIKE 'P2_' OR name REGEXP '^P'",
            "",
        ),
        (
            "SELECT hash FROM users_auth WHERE 'Seven' = hash OR 'SEVEN' = hash",
            "Seven",
        ),
        ("SELECT name FROM pipes WHERE UPPER(name) = 'p20'", "p20"),
        (
            "SELECT 'p20' IN (SELECT name FROM pipes), 'P20' IN (SELECT name FROM pipes)",
            "1|0",
        ),
        (
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME = 'USERS_AUTH '",
            "users_auth",
        ),
        (
            "SELECT BINARY 'a' LIKE 'A', BINARY 'a' IN ('A'), BINARY 'a' = 'A' OR 1, 'a' COLLATE utf8mb4_bin LIKE 'A'",
            "0|0|1|0",
        ),
        // JSON.
        (
            r#"SELECT JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 'x', NULL)), JSON_SET('{"a": 1}', '$.b', 'x', '$.a', 2)"#,
            r#"{"a": 1, "b": [1, "x", null]}|{"a": 2, "b": "x"}"#,
        ),
        (
            r#"SELECT '{"n":"5"}' ->> '$.n' > 10, '{"n":5}' -> '$.n' = 5, '{"t":"x"}' -> '$.t' = 'X'"#,
            "0|1|1",
        ),
        (
            r#"SELECT JSON_LENGTH('[1,2]'), JSON_KEYS('{"bb":1,"a":2}'), JSON_TYPE('[1]'), JSON_CONTAINS('[1,2]', '1')"#,
            r#"2|["a", "bb"]|ARRAY|1"#,
        ),
        (
            r#"SELECT JSON_EXTRACT('{"a":[1,{"b":2}]}', '$.a[*].b', '$.a[0]'), JSON_VALID('{'), JSON_QUOTE('a"')"#,
            r#"[2, 1]|0|"a\"""#,
        ),
        // Texts and dates.
        (
            "SELECT MD5('abc'), UNHEX('616263'), FORMAT(1234567.891, 2), TRUNCATE(2.567, 2), STRCMP('a', 'B')",
            "900150983cd24fb0d6963f7d28e17f72|abc|1,234,567.89|2.56|-1",
        ),
        (
            "SELECT FIELD('b', 'a', 'B'), FIELD(2, '1', 2), FIELD(NULL, 1)",
            "2|2|0",
        ),
        (
            "SELECT TIMESTAMPDIFF(HOUR, '2026-01-01', '2026-01-02'), TIMESTAMPDIFF(MONTH, '2026-01-31', '2026-02-28'), LAST_DAY('2024-02-03')",
            "24|0|2024-02-29",
        ),
        (
            "SELECT SQL_CALC_FOUND_ROWS id FROM users_auth WHERE id = 7 FOR UPDATE",
            "7",
        ),
    ];
    let wrong: Vec<_> = cases
        .into_iter()
        .map(|(sql, expected)| (sql, expected, bench.rows(sql)))
        .filter(|(_, expected, found)| expected != found)
        .collect();
    assert!(wrong.is_empty(), "query, expected, found: {wrong:#?}");
}

#[test]
fn rows_come_in_the_order_of_the_in_list() {
    let bench = Bench::new();
    assert_eq!(
        bench.rows("SELECT id FROM users_auth WHERE id IN (42, 7, '100', 7, 5, 2)"),
        "42;7;100;2"
    );
    assert_eq!(
        bench.asked(),
        [
            "users_auth 42",
            "users_auth 7",
            "users_auth 100",
            "users_auth 5",
            "users_auth 2"
        ]
    );
    assert_eq!(
        bench.rows("SELECT * FROM pipes WHERE name IN(\"web_x\", \"p20\", \"a_b\")"),
        "web_x|0;p20|1;a_b|0"
    );
    let parameters = [Parameter::Integer(42), Parameter::Text("2".into())];
    let result = bench
        .query(
            "SELECT id FROM users_auth WHERE id IN (?, ?) LIMIT 5",
            &parameters,
        )
        .unwrap();
    assert_eq!(written(&result), "42;2");
}

#[test]
fn an_empty_in_list_has_no_rows() {
    let bench = Bench::new();
    let mut query = parse("SELECT id FROM users_auth WHERE id IN (1)").unwrap();
    if let sqlparser::ast::SetExpr::Select(select) = &mut *query.body
        && let Some(sqlparser::ast::Expr::InList { list, .. }) = &mut select.selection
    {
        list.clear();
    }
    let result = bench.engine.select(&query, &[], &bench.context).unwrap();
    assert_eq!(written(&result), "");
}

#[test]
fn equality_on_a_key_asks_the_table_for_that_key_only() {
    let bench = Bench::new();
    for (sql, asked) in [
        (
            "SELECT * FROM users_auth WHERE id = 7",
            &["users_auth 7"][..],
        ),
        ("SELECT * FROM users_auth WHERE id = '7'", &["users_auth 7"]),
        (
            "SELECT * FROM users_auth WHERE hash = 'two'",
            &["users_auth all"],
        ),
        ("SELECT * FROM users_auth LIMIT 2", &["users_auth limit 2"]),
        (
            "SELECT * FROM users_auth LIMIT 1, 2",
            &["users_auth limit 3"],
        ),
        (
            "SELECT * FROM users_auth ORDER BY hash LIMIT 2",
            &["users_auth all"],
        ),
        (
            "SELECT * FROM users_auth WHERE hash LIKE 't%' LIMIT 1",
            &["users_auth all"],
        ),
        ("SELECT * FROM users_auth WHERE id = NULL", &[]),
        ("SELECT * FROM pipes WHERE name = 20", &["pipes 20"]),
        (
            "SELECT * FROM users_in_pipes u JOIN users_auth a ON a.id = u.user_id WHERE u.name = 'p20'",
            &["users_in_pipes p20", "users_auth 7"],
        ),
    ] {
        bench.query(sql, &[]).unwrap();
        assert_eq!(bench.asked(), asked, "{sql}");
    }
}

#[test]
fn rows_found_by_several_parts_of_an_or_come_once_and_none_is_lost() {
    let bench = Bench::new();
    let all = bench.rows("SELECT id FROM users_auth ORDER BY id");
    let ids: Vec<&str> = all.split(';').collect();
    let [first, second, ..] = ids.as_slice() else {
        panic!("too few rows: {all}");
    };
    for condition in [
        format!("id = {first} OR id = {second}"),
        format!("id = {first} OR id = {second} OR id = {first}"),
        format!("id = {second} OR (id = {first} AND hash <> '')"),
    ] {
        let sql = format!("SELECT id FROM users_auth WHERE {condition} ORDER BY id");
        assert_eq!(bench.rows(&sql), format!("{first};{second}"), "{sql}");
    }
}

#[test]
fn parameters_are_counted_in_the_order_of_the_text() {
    let bench = Bench::new();
    let parameters = [
        Parameter::Text("first".into()),
        Parameter::Integer(7),
        Parameter::Null,
        Parameter::Unsigned(1),
        Parameter::Integer(1),
    ];
    let result = bench
        .query(
            "SELECT ?, a.id, ? + 1, ? FROM users_auth a WHERE a.id > ? ORDER BY a.id LIMIT ?",
            &parameters,
        )
        .unwrap();
    assert_eq!(written(&result), "first|2|8|~");
    let error = bench.query("SELECT ?", &[]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidValue);
    let columns = bench
        .engine
        .columns(
            &parse("SELECT id, ? AS x FROM users_auth LIMIT ?").unwrap(),
            &bench.context,
        )
        .unwrap();
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "x"]);
}

#[test]
fn columns_are_named_as_typed_and_unique() {
    let bench = Bench::new();
    let result = bench
        .query(
            "SELECT ID, u.hash, DATABASE(), @@version_comment, @@session.sql_mode, id AS `a b`, 1, id, hash FROM users_auth u",
            &[],
        )
        .unwrap();
    assert_eq!(
        names(&result),
        [
            "ID",
            "hash",
            "DATABASE()",
            "@@version_comment",
            "@@session.sql_mode",
            "a b",
            "1",
            "id_2",
            "hash_2"
        ]
    );
    assert_eq!(result.columns[1].table, "users_auth");
    assert_eq!(result.columns[1].max_length, 32);
}

#[test]
fn what_is_not_offered_is_refused_with_its_kind() {
    let bench = Bench::new();
    for (sql, kind) in [
        ("SELECT * FROM nothing", ErrorKind::UnknownTable),
        ("SELECT * FROM sqlite_master", ErrorKind::UnknownTable),
        ("SELECT * FROM nowhere.pipes", ErrorKind::UnknownDatabase),
        ("SELECT nothing FROM pipes", ErrorKind::UnknownColumn),
        ("SELECT rowid FROM pipes", ErrorKind::UnknownColumn),
        (
            "SELECT id FROM users_auth WHERE nothing = 5",
            ErrorKind::UnknownColumn,
        ),
        ("SELECT p.nothing FROM pipes p", ErrorKind::UnknownColumn),
        (
            "SELECT name FROM pipes, users_in_pipes",
            ErrorKind::UnknownColumn,
        ),
        ("SELECT @@nothing", ErrorKind::UnknownVariable),
        ("SELECT LOAD_FILE('/etc/passwd')", ErrorKind::Unsupported),
        ("SELECT load_extension('x')", ErrorKind::Unsupported),
        ("SELECT sqlite_version()", ErrorKind::Unsupported),
        (
            "SELECT ROW_NUMBER() OVER (ORDER BY id) FROM users_auth",
            ErrorKind::Unsupported,
        ),
        ("SELECT name INTO @x FROM pipes", ErrorKind::Unsupported),
        (
            "SELECT id FROM users_auth GROUP BY id WITH ROLLUP",
            ErrorKind::Unsupported,
        ),
        (
            "WITH RECURSIVE c AS (SELECT 1) SELECT * FROM c",
            ErrorKind::Unsupported,
        ),
        (
            "SELECT id FROM users_auth WHERE COUNT(*) > 1",
            ErrorKind::Unsupported,
        ),
        ("SELECT (SELECT 1, 2)", ErrorKind::Unsupported),
        ("SELECT 1 UNION SELECT 1, 2", ErrorKind::ColumnCount),
        ("SELECT * ", ErrorKind::Syntax),
        ("SELECT 1 LIMIT -1", ErrorKind::Syntax),
        ("SELECT CONCAT()", ErrorKind::Syntax),
        ("SELECT JSON_EXTRACT('{', '$.a')", ErrorKind::InvalidValue),
        ("SELECT 'a' REGEXP '('", ErrorKind::InvalidValue),
        ("SELECT SLEEP(-1)", ErrorKind::InvalidValue),
        ("SELECT * FROM refuses", ErrorKind::MissingKey),
        ("SELECT * FROM panics", ErrorKind::Internal),
    ] {
        assert_eq!(bench.kind(sql), kind, "{sql}");
    }
    assert_eq!(bench.rows("SELECT 1"), "1", "the engine goes on");
}

#[test]
fn the_error_names_the_table_and_the_column() {
    let bench = Bench::new();
    let error = bench.query("SELECT * FROM x", &[]).unwrap_err();
    assert_eq!(error.message, "Table 'CometQL_v1.x' doesn't exist");
    let error = bench.query("SELECT x FROM pipes", &[]).unwrap_err();
    assert_eq!(error.message, "Unknown column 'x' in 'field list'");
}

#[test]
fn a_result_past_its_bounds_is_an_error_and_not_cut() {
    let bench = Bench::with_limits(QueryLimits {
        max_rows: 3,
        max_bytes: 2000,
        max_scanned_rows: 40,
        ..QueryLimits::default()
    });
    assert_eq!(
        bench.kind("SELECT id FROM users_auth"),
        ErrorKind::TooManyValues
    );
    assert_eq!(bench.rows("SELECT COUNT(*) FROM users_auth"), "4");
    assert_eq!(
        bench.kind("SELECT CONCAT(REPLACE('aaaaaaaaaa', 'a', hash), REPLACE('aaaaaaaaaaaaaaaaaaaa', 'a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')) FROM users_auth LIMIT 3"),
        ErrorKind::TooManyValues
    );
    assert_eq!(
        bench.kind("SELECT COUNT(*) FROM users_auth a, users_auth b, users_auth c, users_auth d WHERE a.hash <> b.hash AND c.hash <> d.hash"),
        ErrorKind::TooManyValues
    );
}

#[test]
fn sql_select_limit_bounds_a_select_without_limit() {
    let mut bench = Bench::new();
    let mut variables = (*bench.context.variables).clone();
    variables.set("SQL_SELECT_LIMIT", Some("2")).unwrap();
    bench.context.variables = Arc::new(variables);
    assert_eq!(bench.rows("SELECT id FROM users_auth"), "2;7");
    assert_eq!(bench.rows("SELECT id FROM users_auth LIMIT 3"), "2;7;42");
}

const ENDLESS: &str = "SELECT COUNT(*) FROM information_schema.COLUMNS a, information_schema.COLUMNS b, \
     information_schema.COLUMNS c, information_schema.COLUMNS d WHERE a.COLUMN_NAME <> b.TABLE_NAME";

#[test]
fn a_query_that_takes_too_long_is_stopped() {
    let bench = Bench::with_limits(QueryLimits {
        max_time: Duration::from_millis(100),
        max_scanned_rows: usize::MAX,
        ..QueryLimits::default()
    });
    assert_eq!(bench.kind(ENDLESS), ErrorKind::Timeout);
    assert_eq!(bench.kind("SELECT SLEEP(1000000)"), ErrorKind::Timeout);
    assert_eq!(bench.rows("SELECT 1"), "1");
}

#[test]
fn a_killed_query_ends_as_interrupted() {
    let bench = Arc::new(Bench::with_limits(QueryLimits {
        max_scanned_rows: usize::MAX,
        max_concurrent: 1,
        ..QueryLimits::default()
    }));
    for sql in [ENDLESS, "SELECT SLEEP(20) FROM pipes"] {
        bench.context.cancel.reset();
        let (sender, receiver) = mpsc::channel();
        let runner = Arc::clone(&bench);
        let thread = thread::spawn(move || {
            sender.send(()).unwrap();
            runner.query(sql, &[]).unwrap_err().kind
        });
        receiver.recv().unwrap();
        bench.context.cancel.cancel();
        assert_eq!(thread.join().unwrap(), ErrorKind::Interrupted, "{sql}");
    }
    bench.context.cancel.reset();
    assert_eq!(bench.rows("SELECT 1"), "1");
}

#[test]
fn many_queries_share_few_connections() {
    let bench = Arc::new(Bench::with_limits(QueryLimits {
        max_concurrent: 2,
        ..QueryLimits::default()
    }));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let bench = Arc::clone(&bench);
            thread::spawn(move || bench.rows("SELECT SUM(users) FROM pipes"))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), "13");
    }
}

#[test]
fn long_chains_and_long_lists_are_answered_or_refused() {
    let bench = Bench::new();
    let chain = format!("SELECT 1{}", " + 1".repeat(900));
    assert_eq!(bench.rows(&chain), "901");
    let ands = format!(
        "SELECT id FROM users_auth WHERE id = 7{}",
        " AND id = 7".repeat(900)
    );
    assert_eq!(bench.rows(&ands), "7");
    let list: Vec<_> = (0..10_000).rev().map(|id| format!("'{id}'")).collect();
    let sql = format!("SELECT id FROM users_auth WHERE id IN ({})", list.join(","));
    assert_eq!(bench.rows(&sql), "100;42;7;2");
    let unions = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(150));
    assert_eq!(
        bench.rows(&format!("SELECT COUNT(*) FROM ({unions}) t")),
        "151"
    );
    let nested = format!("SELECT {}1{}", "(SELECT ".repeat(20), ")".repeat(20));
    assert_eq!(bench.rows(&nested), "1");
    if let Ok(query) = parse(&format!(
        "SELECT {}1{}",
        "(SELECT ".repeat(45),
        ")".repeat(45)
    )) {
        let refused = bench.engine.select(&query, &[], &bench.context);
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Unsupported);
    }
    let doubled = (0..20).fold("'aaaaaaaaaaaaaaaaaaaa'".to_owned(), |text, _| {
        format!("REPLACE({text}, 'a', 'aaaa')")
    });
    assert_eq!(
        bench.kind(&format!("SELECT {doubled}")),
        ErrorKind::TooManyValues
    );
    let postfix = format!("SELECT 1{}", " IS NULL".repeat(500));
    assert_eq!(bench.kind(&postfix), ErrorKind::Unsupported);
}

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

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("id".to_owned()),
        Just("hash".to_owned()),
        Just("p23".to_owned()),
        Just("NULL".to_owned()),
        Just("?".to_owned()),
        Just("@@autocommit".to_owned()),
        Just("NOW()".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[0-9]{1,3}\\.[0-9]{1,3}(e[0-9]{1,3})?",
        "'[a-z%_$.{} ]{0,6}'",
        Just("'\\\\'".to_owned()),
        Just("x'00'".to_owned()),
        Just("COUNT(*)".to_owned()),
        Just("(SELECT MAX(id) FROM users_auth)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary = prop::sample::select(vec![
            "+", "-", "*", "/", "DIV", "%", "=", "<>", "<", "<=>", "AND", "OR", "XOR", "||", "&&",
            "LIKE", "NOT LIKE", "REGEXP", "&", "|", "^", "<<", ">>", "->", "->>",
        ]);
        let unary = prop::sample::select(vec![
            "ABS",
            "HEX",
            "LENGTH",
            "UPPER",
            "FLOOR",
            "CEIL",
            "ROUND",
            "SUM",
            "GROUP_CONCAT",
            "JSON_UNQUOTE",
            "JSON_VALID",
            "JSON_KEYS",
            "JSON_TYPE",
            "UNHEX",
            "FROM_UNIXTIME",
            "UNIX_TIMESTAMP",
            "DATE",
            "MIN",
            "YEAR",
            "TRIM",
            "SIGN",
        ]);
        let two = prop::sample::select(vec![
            "CONCAT",
            "IFNULL",
            "MOD",
            "LEFT",
            "RIGHT",
            "LOCATE",
            "SUBSTR",
            "FIELD",
            "FORMAT",
            "GREATEST",
            "JSON_ARRAY",
            "JSON_CONTAINS",
            "JSON_LENGTH",
            "JSON_OBJECT",
            "STRCMP",
            "TRUNCATE",
            "JSON_EXTRACT",
            "DATE_FORMAT",
            "GREATEST",
            "NULLIF",
            "CONCAT_WS",
            "FROM_UNIXTIME",
            "ROUND",
            "INSTR",
        ]);
        let types = prop::sample::select(vec![
            "SIGNED",
            "CHAR",
            "CHAR(2)",
            "DECIMAL(10,2)",
            "DATE",
            "DATETIME",
            "DOUBLE",
            "JSON",
        ]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (unary, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            (two, inner.clone(), inner.clone()).prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (inner.clone(), types).prop_map(|(a, t)| format!("CAST({a} AS {t})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("IF({a}, {b}, {c})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} BETWEEN {b} AND {c})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} NOT IN ({b}, {c}))")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("(CASE {a} WHEN {b} THEN 1 END)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + INTERVAL {b} DAY)")),
            inner.clone().prop_map(|a| format!("(NOT {a})")),
            inner.clone().prop_map(|a| format!("(- {a})")),
            inner.prop_map(|a| format!("({a} IS NOT NULL)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_expression_panics_or_confuses_sqlite(
        shown in expression(),
        condition in expression(),
        order in expression(),
    ) {
        thread_local! {
            static BENCH: Bench = Bench::with_limits(QueryLimits {
                max_scanned_rows: 100_000,
                ..QueryLimits::default()
            });
        }
        let sql = format!("SELECT {shown} FROM users_auth WHERE {condition} ORDER BY {order}");
        let Ok(query) = parse(&sql) else { return Ok(()) };
        let marks = sql.matches('?').count();
        let parameters = vec![Parameter::Text("7".into()); marks];
        BENCH.with(|bench| {
            if let Err(error) = bench.engine.select(&query, &parameters, &bench.context) {
                prop_assert_ne!(error.kind, ErrorKind::Internal, "{}: {}", sql, error);
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_text_makes_show_panic(text in "\\PC{0,60}", words in "(SHOW|DESC) [A-Za-z`'\"(*); ]{0,40}") {
        let _ = Show::parse(&text);
        let _ = Show::parse(&words);
    }
}
