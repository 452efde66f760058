//! Window functions, recursive queries, GROUP_CONCAT, and exact numbers.

use super::*;

#[test]
fn window_functions_number_rank_and_add_up() {
    let bench = Bench::new();
    for (sql, rows) in [
        (
            "SELECT user_id, ROW_NUMBER() OVER (ORDER BY user_uuid), RANK() OVER (ORDER BY user_id), \
             DENSE_RANK() OVER (ORDER BY user_id DESC) FROM users_in_pipes ORDER BY user_uuid",
            "42|1|3|1;7|2|1|2;42|3|3|1;7|4|1|2",
        ),
        (
            "SELECT users, SUM(users) OVER w, AVG(users) OVER w, COUNT(*) OVER w FROM pipes \
             WINDOW w AS (ORDER BY users) ORDER BY users",
            "1|1|1.0000|1;2|3|1.5000|2;10|13|4.3333|3",
        ),
        (
            "SELECT users, LAG(users) OVER (ORDER BY users), LEAD(users, 1, 0) OVER (ORDER BY users), \
             FIRST_VALUE(name) OVER (ORDER BY users) FROM pipes ORDER BY users",
            "1|~|2|p20;2|1|10|p20;10|2|0|p20",
        ),
        (
            "SELECT users, SUM(users) OVER (ORDER BY users ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), \
             AVG(users) OVER (ORDER BY users ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) \
             FROM pipes ORDER BY users",
            "1|1|1.5000;2|3|6.0000;10|12|10.0000",
        ),
        (
            "SELECT name, COUNT(*) OVER (PARTITION BY name) FROM users_in_pipes ORDER BY user_uuid",
            "web_chat|3;web_chat|3;web_chat|3;p20|1",
        ),
        (
            "SELECT name, SUM(COUNT(*)) OVER () FROM users_in_pipes GROUP BY name ORDER BY name",
            "p20|4;web_chat|4",
        ),
        (
            "SELECT NTILE(2) OVER (ORDER BY users) FROM pipes ORDER BY users",
            "1;1;2",
        ),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
    for (sql, kind) in [
        ("SELECT RANK() FROM pipes", ErrorKind::Syntax),
        (
            "SELECT UPPER(name) OVER () FROM pipes",
            ErrorKind::Unsupported,
        ),
        ("SELECT LAG() OVER () FROM pipes", ErrorKind::ArgumentCount),
        (
            "SELECT 1 FROM pipes WHERE RANK() OVER () = 1",
            ErrorKind::Unsupported,
        ),
        (
            "SELECT SUM(users) OVER nobody FROM pipes",
            ErrorKind::Unsupported,
        ),
        (
            "SELECT COUNT(DISTINCT users) OVER () FROM pipes",
            ErrorKind::Unsupported,
        ),
    ] {
        assert_eq!(bench.kind(sql), kind, "{sql}");
    }
}

#[test]
fn recursive_queries_read_their_own_rows() {
    let bench = Bench::new();
    for (sql, rows) in [
        (
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
            "1;2;3;4;5",
        ),
        (
            "WITH RECURSIVE n AS (SELECT 1 AS i UNION SELECT (i + 1) % 3 FROM n) SELECT i FROM n ORDER BY i",
            "0;1;2",
        ),
        (
            "WITH RECURSIVE f AS (SELECT 0 AS a, 1 AS b UNION ALL SELECT b, a + b FROM f WHERE b < 20) \
             SELECT GROUP_CONCAT(a SEPARATOR ' ') FROM f",
            "0 1 1 2 3 5 8 13",
        ),
        (
            "WITH RECURSIVE n AS (SELECT 0.5 AS x UNION ALL SELECT x + 0.25 FROM n WHERE x < 1) SELECT x FROM n",
            "0.5;0.75;1.00",
        ),
        (
            "WITH RECURSIVE t AS (SELECT 'a' AS s UNION ALL SELECT CONCAT(s, 'b') FROM t LIMIT 3) SELECT s FROM t",
            "a;ab;abb",
        ),
        (
            "WITH RECURSIVE ids AS (SELECT 2 AS i UNION ALL SELECT i + 5 FROM ids WHERE i < 40), \
             named AS (SELECT u.id, u.hash FROM users_auth u JOIN ids ON ids.i = u.id) SELECT hash FROM named",
            "two;Seven;{\"a\":[1,\"x\"]}",
        ),
        ("WITH RECURSIVE c AS (SELECT 1) SELECT * FROM c", "1"),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
}

#[test]
fn group_concat_takes_what_mysqls_takes() {
    let mut bench = Bench::new();
    for (sql, rows) in [
        (
            "SELECT GROUP_CONCAT(name) FROM pipes",
            "web_admins,web_chat,p20",
        ),
        (
            "SELECT GROUP_CONCAT(DISTINCT user_id ORDER BY user_id DESC SEPARATOR ';') FROM users_in_pipes",
            "42;7",
        ),
        (
            "SELECT GROUP_CONCAT(DISTINCT name, ':', user_id ORDER BY 1 SEPARATOR '') FROM users_in_pipes",
            "web_chat:42web_chat:7p20:7",
        ),
        (
            "SELECT GROUP_CONCAT(hash) FROM users_auth WHERE id = 1",
            "~",
        ),
        ("SELECT GROUP_CONCAT(NULL)", "~"),
        ("SELECT GROUP_CONCAT('')", ""),
        (
            "SELECT LENGTH(GROUP_CONCAT(REPEAT('é', 10) SEPARATOR '')) FROM pipes",
            "60",
        ),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
    let mut variables = (*bench.context.variables).clone();
    variables.set("group_concat_max_len", Some("9")).unwrap();
    bench.context.variables = Arc::new(variables);
    for (sql, rows) in [
        ("SELECT GROUP_CONCAT(name) FROM pipes", "web_admin"),
        (
            "SELECT GROUP_CONCAT(REPEAT('é', 3) SEPARATOR '+') FROM pipes",
            "ééé+é",
        ),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
}

#[test]
fn exact_numbers_compare_and_group_by_their_size() {
    let bench = Bench::new();
    for (sql, rows) in [
        (
            "SELECT 0.1 + 0.2 = 0.3, 1.50 = 1.5, 10.0 > 9, 2 = 2.0, '2' = 2.0, 1e0 = 1.0",
            "1|1|1|1|1|1",
        ),
        (
            "SELECT 1.5 IN (1, 1.50), 1 IN (1.0), 2.5 BETWEEN 2 AND 10, '10' BETWEEN 2.5 AND 100",
            "1|1|1|1",
        ),
        (
            "SELECT CASE 1.0 WHEN 1 THEN 'one' END, NULLIF(1.0, 1), IF(0.0, 1, 2.50)",
            "one|~|2.50",
        ),
        (
            "SELECT x FROM (SELECT 10.5 AS x UNION SELECT 9.50 UNION SELECT 10.50) AS t ORDER BY x DESC",
            "10.50;9.50",
        ),
        (
            "SELECT DISTINCT x FROM (SELECT 1.0 AS x UNION ALL SELECT 1.00) AS t",
            "1.00",
        ),
        (
            "SELECT MAX(users / 2), SUM(users / 4), AVG(users + 0.5), COUNT(DISTINCT users * 1.0) FROM pipes",
            "5.0000|3.2500|4.83333|3",
        ),
        ("SELECT name FROM pipes WHERE users / 4 > 0.5", "web_chat"),
        (
            "SELECT COALESCE(NULL, 0.5) < 3, GREATEST(9, 10.5), LEAST(2, 1.5)",
            "1|10.5|1.5",
        ),
        (
            "SELECT 1 / 3 * 3, 1 / 3 * 100, (1 / 3) + 0",
            "1.0000|33.3333|0.3333",
        ),
        (
            "SELECT 18446744073709551615, 18446744073709551615 + 1, 9223372036854775808 > 1",
            "18446744073709551615|18446744073709551616|1",
        ),
        (
            "SELECT CAST('1.256' AS DECIMAL(5,2)), CAST(12345.6 AS DECIMAL(5,2)), CAST(2.5 AS DECIMAL)",
            "1.26|999.99|3",
        ),
        (
            "SELECT JSON_OBJECT('a', 1.50, 'b', 1 / 2)",
            "{\"a\": 1.50, \"b\": 0.5000}",
        ),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
    for sql in [
        "SELECT 99999999999999999999999999999999999999 * 10.0",
        "SELECT 1234567890123456789012345678901234567890",
    ] {
        assert_eq!(bench.kind(sql), ErrorKind::OutOfRange, "{sql}");
    }
}

#[test]
fn xor_and_the_exclamation_mark_bind_as_in_mysql() {
    let bench = Bench::new();
    for (sql, rows) in [
        (
            "SELECT id FROM users_auth WHERE id = 7 XOR id = 2 ORDER BY id",
            "2;7",
        ),
        ("SELECT 1 OR 1 XOR 1, 1 XOR 0 AND 0, 1 = 1 XOR 1", "1|1|0"),
        (
            "SELECT !1 = 2, !1 + 1, !(1 = 2), !NULL, NOT 1 = 2, - !0",
            "0|1|1|~|1|-1",
        ),
        (
            "SELECT id FROM users_auth WHERE !(id = 7) ORDER BY id",
            "2;42;100",
        ),
        ("SELECT id AS i FROM users_auth HAVING i = 7", "7"),
        (
            "SELECT id AS i FROM users_auth WHERE id > 2 OR id < 0 HAVING i < 50",
            "7;42",
        ),
        ("SELECT COUNT(*) FROM users_auth HAVING COUNT(*) > 100", ""),
        (
            "SELECT FORMAT(2.5, 0), FORMAT(1234567.891, 2), FORMAT(-1234.5, 3)",
            "3|1,234,567.89|-1,234.500",
        ),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
}
