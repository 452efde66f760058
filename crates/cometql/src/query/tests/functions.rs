//! What functions answer: times, intervals, bits, regular expressions, aggregates.

use super::*;

#[test]
fn functions_answer_as_mysqls() {
    let bench = Bench::new();
    for (expression, expected) in [
        ("CAST('12:30' AS TIME)", "12:30:00"),
        ("CAST('10:11:12.567' AS TIME(2))", "10:11:12.57"),
        ("CAST('abc' AS TIME)", "~"),
        (
            "TIMEDIFF('2026-01-02 00:00:00', '2026-01-01 12:30:00')",
            "11:30:00",
        ),
        ("TIMEDIFF('2026-01-02 00:00:00', '12:30:00')", "~"),
        (
            "ADDTIME('2026-01-01 23:59:59', '00:00:02')",
            "2026-01-02 00:00:01",
        ),
        ("SUBTIME('10:00:00', '10:30:00')", "-00:30:00"),
        ("HOUR('-25:30:00')", "25"),
        ("EXTRACT(HOUR FROM '-25:30:00')", "-25"),
        ("MAKETIME(-1, 30, 30)", "-01:30:30"),
        ("'2026-01-31' + INTERVAL '1-1' YEAR_MONTH", "2027-02-28"),
        ("INTERVAL 1 HOUR + '2026-01-31'", "2026-01-31 01:00:00"),
        ("'10:00:00' - INTERVAL 90 MINUTE", "08:30:00"),
        ("WEEK('2026-01-01', 3)", "1"),
        (
            "STR_TO_DATE('25.11.2026 8:05 PM', '%d.%m.%Y %h:%i %p')",
            "2026-11-25 20:05:00",
        ),
        ("PERIOD_ADD(202611, 3)", "202702"),
        ("1 << 63", "9223372036854775808"),
        ("-1 >> 1", "9223372036854775807"),
        ("~0 & 5", "5"),
        ("ROUND(2.5e0)", "2"),
        ("ROUND(2.5)", "3"),
        ("CHAR(208, 191)", "п"),
        (
            "REGEXP_REPLACE('one two', '(\\\\w+) (\\\\w+)', '$2 $1')",
            "two one",
        ),
        ("REGEXP_REPLACE('aaa', 'a', 'b', 2, 2)", "aab"),
        ("REGEXP_REPLACE('ab', '', '-')", "-a-b-"),
        ("REGEXP_SUBSTR('Привет мир', '\\\\w+', 1, 2)", "мир"),
        ("REGEXP_SUBSTR('abc', 'x')", "~"),
        ("REGEXP_INSTR('Привет мир', 'мир')", "8"),
        ("REGEXP_INSTR('abcabc', 'b', 1, 2, 1)", "6"),
        ("REGEXP_LIKE('abc', 'B')", "1"),
        ("REGEXP_LIKE('abc', 'B', 'c')", "0"),
        ("CHAR_LENGTH(UUID())", "36"),
        (
            "UUID() REGEXP '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'",
            "1",
        ),
    ] {
        assert_eq!(
            bench.rows(&format!("SELECT {expression}")),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn aggregates_tell_of_bits_of_spread_and_of_documents() {
    let bench = Bench::new();
    for (sql, expected) in [
        (
            "SELECT BIT_OR(id), BIT_AND(id), BIT_XOR(id) FROM users_auth WHERE id < 10",
            "7|2|5",
        ),
        (
            "SELECT BIT_AND(id) FROM users_auth WHERE 0",
            "18446744073709551615",
        ),
        (
            "SELECT VAR_POP(id), VAR_SAMP(id), STD(id) FROM users_auth WHERE id < 10",
            "6.25|12.5|2.5",
        ),
        ("SELECT VAR_SAMP(id) FROM users_auth WHERE id = 7", "~"),
        (
            "SELECT JSON_ARRAYAGG(id) FROM users_auth WHERE id < 10",
            "[2, 7]",
        ),
        (
            "SELECT JSON_OBJECTAGG(hash, id) FROM users_auth WHERE id < 10",
            "{\"two\": 2, \"Seven\": 7}",
        ),
        (
            "SELECT ANY_VALUE(hash), COUNT(*) FROM users_auth WHERE id = 7 GROUP BY id",
            "Seven|1",
        ),
    ] {
        assert_eq!(bench.rows(sql), expected, "{sql}");
    }
}

#[test]
fn a_number_past_its_bounds_is_an_error_and_not_another_number() {
    let bench = Bench::new();
    for expression in [
        "9223372036854775807 + 1",
        "9223372036854775807 + 1 - 1",
        "-9223372036854775807 - 2",
        "9223372036854775807 * 2 > 0",
        "(-9223372036854775807 - 1) DIV -1",
        "ABS(-9223372036854775807 - 1)",
        "EXP(1000)",
        "COT(0)",
    ] {
        let kind = bench.kind(&format!("SELECT {expression}"));
        assert_eq!(kind, ErrorKind::OutOfRange, "{expression}");
    }
    assert_eq!(
        bench.rows("SELECT 9223372036854775807 + 0"),
        "9223372036854775807"
    );
}

#[test]
fn what_a_function_does_not_take_is_refused_with_a_sentence() {
    let bench = Bench::new();
    for (expression, kind) in [
        ("REGEXP_LIKE('a', '(')", ErrorKind::InvalidValue),
        ("REGEXP_LIKE('a', 'a', 'q')", ErrorKind::InvalidValue),
        ("REGEXP_INSTR('abc', 'a', 9)", ErrorKind::InvalidValue),
        ("REGEXP_LIKE('a')", ErrorKind::ArgumentCount),
        ("PERIOD_ADD(13, 1)", ErrorKind::InvalidValue),
        ("UUID(1)", ErrorKind::ArgumentCount),
        (
            "TIMESTAMPADD(DAY_HOUR, 1, '2026-01-01')",
            ErrorKind::Unsupported,
        ),
        ("CAST('1' AS TIME(7))", ErrorKind::Unsupported),
        ("EXTRACT(DECADE FROM '2026-01-01')", ErrorKind::Unsupported),
        (
            "BIT_OR(DISTINCT id) FROM users_auth",
            ErrorKind::Unsupported,
        ),
        (
            "REGEXP_REPLACE(REPEAT('a', 1000000), 'a', REPEAT('b', 1000))",
            ErrorKind::TooManyValues,
        ),
    ] {
        assert_eq!(
            bench.kind(&format!("SELECT {expression}")),
            kind,
            "{expression}"
        );
    }
}
