//! What is there twice: columns of one name, and texts that compare equal.

use super::*;

#[test]
fn columns_of_one_name_go_out_as_they_were_written() {
    let bench = Bench::new();
    let joined = bench
        .query(
            "SELECT a.*, b.* FROM users_auth a JOIN users_auth b ON a.id = b.id WHERE a.id = 2",
            &[],
        )
        .unwrap();
    assert_eq!(names(&joined), ["id", "hash", "id", "hash"]);
    assert_eq!(written(&joined), "2|two|2|two");
    let union = bench.query("(SELECT 1, 1) UNION SELECT 2, 3", &[]).unwrap();
    assert_eq!(names(&union), ["1", "1"]);
    assert_eq!(written(&union), "1|1;2|3");
    for (sql, rows) in [
        ("SELECT id, id FROM users_auth ORDER BY id LIMIT 1", "2|2"),
        (
            "SELECT id AS a, hash AS a FROM users_auth ORDER BY 1 LIMIT 1",
            "2|two",
        ),
        ("SELECT EXISTS (SELECT 1, 1)", "1"),
        ("SELECT COUNT(*) FROM (SELECT 1 AS a, 1 AS b) AS t", "1"),
    ] {
        assert_eq!(bench.rows(sql), rows, "{sql}");
    }
}

#[test]
fn a_name_that_two_columns_have_cannot_be_asked_for() {
    let bench = Bench::new();
    for (sql, kind) in [
        (
            "SELECT * FROM (SELECT 1 AS a, 2 AS A) AS t",
            ErrorKind::RepeatedColumn,
        ),
        (
            "SELECT * FROM (SELECT a.*, b.* FROM pipes a, pipes b) AS t",
            ErrorKind::RepeatedColumn,
        ),
        (
            "WITH t AS (SELECT 1, 1) SELECT * FROM t",
            ErrorKind::RepeatedColumn,
        ),
        (
            "WITH t (a, a) AS (SELECT 1, 2) SELECT * FROM t",
            ErrorKind::RepeatedColumn,
        ),
        (
            "SELECT id AS a, hash AS a FROM users_auth ORDER BY a",
            ErrorKind::AmbiguousColumn,
        ),
        (
            "SELECT name FROM pipes a, pipes b",
            ErrorKind::AmbiguousColumn,
        ),
        (
            "SELECT 1 FROM pipes a, users_auth a",
            ErrorKind::RepeatedTable,
        ),
    ] {
        assert_eq!(bench.kind(sql), kind, "{sql}");
    }
}

#[test]
fn of_texts_that_compare_equal_the_first_stays() {
    let bench = Bench::new();
    let texts = "(SELECT 'b' AS t UNION ALL SELECT 'B' UNION ALL SELECT 'a' UNION ALL SELECT 'A ')";
    for (sql, rows) in [
        ("SELECT 'a' UNION SELECT 'A'".to_owned(), "a"),
        (
            "SELECT 'b' UNION SELECT 'a' UNION SELECT 'B'".to_owned(),
            "b;a",
        ),
        (
            "SELECT 'A' UNION ALL SELECT 'a' UNION SELECT 'b'".to_owned(),
            "A;b",
        ),
        (
            "SELECT 'A' UNION SELECT 'a' UNION ALL SELECT 'a'".to_owned(),
            "A;a",
        ),
        (format!("SELECT DISTINCT t FROM {texts} AS x"), "b;a"),
        (
            format!("SELECT DISTINCT t FROM {texts} AS x ORDER BY t DESC"),
            "b;a",
        ),
        (
            format!("SELECT t, COUNT(*) FROM {texts} AS x GROUP BY t"),
            "a|2;b|2",
        ),
        (format!("SELECT COUNT(DISTINCT t) FROM {texts} AS x"), "2"),
        (
            format!("SELECT GROUP_CONCAT(DISTINCT t) FROM {texts} AS x"),
            "b,a",
        ),
    ] {
        assert_eq!(bench.rows(&sql), rows, "{sql}");
    }
}
