//! What a query may cost: rows, bytes, time, and KILL.

use super::*;

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

const FOR_EVER: &str =
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n";

#[test]
fn a_recursive_query_without_an_end_meets_a_bound() {
    let bench = Bench::with_limits(QueryLimits {
        max_scanned_rows: 5000,
        ..QueryLimits::default()
    });
    assert_eq!(bench.kind(FOR_EVER), ErrorKind::TooManyValues);
    let doubling =
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i FROM n, pipes) SELECT MAX(i) FROM n";
    assert_eq!(bench.kind(doubling), ErrorKind::TooManyValues);
    let slow = Bench::with_limits(QueryLimits {
        max_time: Duration::from_millis(100),
        max_scanned_rows: usize::MAX,
        ..QueryLimits::default()
    });
    assert_eq!(slow.kind(FOR_EVER), ErrorKind::Timeout);
    assert_eq!(slow.rows("SELECT 1"), "1");
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
    for sql in [ENDLESS, FOR_EVER, "SELECT SLEEP(20) FROM pipes"] {
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
