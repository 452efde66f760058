//! What queries answer: conditions, functions, joins, and the names of columns.

use super::*;

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
            "3|13|1|10|4.3333",
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
            "2|3.5000|3|3|3|4|16|2|5",
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
fn columns_are_named_as_typed_however_often() {
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
            "id",
            "hash"
        ]
    );
    assert_eq!(result.columns[1].table, "users_auth");
    assert_eq!(result.columns[1].max_length, 32);
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
fn a_sub_query_of_one_row_is_its_value_and_compares_as_its_column() {
    let bench = Bench::new();
    for (sql, expected) in [
        ("SELECT (SELECT hash FROM users_auth WHERE id = 7)", "Seven"),
        ("SELECT (SELECT id FROM users_auth WHERE id > 1000)", "~"),
        (
            "SELECT id FROM users_auth WHERE hash = (SELECT hash FROM users_auth WHERE id = 7)",
            "7",
        ),
        (
            "SELECT (SELECT id / 3 FROM users_auth WHERE id = 2) * 3",
            "2.0001",
        ),
        (
            "SELECT a.id FROM users_auth a WHERE (a.id, a.id) = (SELECT b.id, b.id FROM users_auth b \
             WHERE b.id = 7)",
            "7",
        ),
        (
            "SELECT (SELECT id FROM users_auth ORDER BY id DESC LIMIT 1)",
            "100",
        ),
    ] {
        assert_eq!(bench.rows(sql), expected, "{sql}");
    }
}

#[test]
fn the_queries_of_a_union_share_the_scale_of_their_numbers() {
    let bench = Bench::new();
    for (sql, expected) in [
        ("SELECT 1.5 UNION SELECT 2", "1.5;2.0"),
        (
            "SELECT 1 UNION ALL SELECT 2.25 UNION ALL SELECT 1.5",
            "1.00;2.25;1.50",
        ),
        ("SELECT 1 UNION SELECT 1.0", "1.0"),
        ("SELECT 1.50 UNION ALL SELECT 1e0", "1.5;1"),
        ("SELECT NULL UNION ALL SELECT 1.5", "~;1.5"),
        ("SELECT 1, 1 UNION SELECT 2.5, 2", "1.0|1;2.5|2"),
        (
            "SELECT x + 1 FROM (SELECT 10 AS x UNION SELECT 9.5) AS t ORDER BY x",
            "10.5;11.0",
        ),
        ("SELECT 1 INTERSECT SELECT 1.0", "1.0"),
        (
            "(SELECT 1 UNION SELECT 2.25) UNION SELECT 3.5",
            "1.00;2.25;3.50",
        ),
    ] {
        assert_eq!(bench.rows(sql), expected, "{sql}");
    }
}
