//! Queries of random shape: none panics, none confuses SQLite.

use super::*;

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
        Just("!id".to_owned()),
        Just("ROW_NUMBER() OVER (ORDER BY id)".to_owned()),
        Just("SUM(id / 3) OVER (PARTITION BY hash ROWS 1 PRECEDING)".to_owned()),
        Just("GROUP_CONCAT(DISTINCT hash SEPARATOR '; ')".to_owned()),
        Just("(id > ALL (SELECT users FROM pipes))".to_owned()),
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
            "AVG",
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
        (distinct, grouped, united, limit) in any::<(bool, bool, bool, Option<u8>)>(),
    ) {
        thread_local! {
            static BENCH: Bench = Bench::with_limits(QueryLimits {
                max_scanned_rows: 100_000,
                ..QueryLimits::default()
            });
        }
        let distinct = if distinct { "DISTINCT " } else { "" };
        let grouped = if grouped { format!(" GROUP BY {shown} HAVING {condition}") } else { String::new() };
        let end = match united {
            true => format!(" UNION SELECT {order}"),
            false => format!(" ORDER BY {order}"),
        };
        let limit = limit.map_or(String::new(), |limit| format!(" LIMIT {limit}"));
        let sql = format!(
            "SELECT {distinct}{shown} AS a, id FROM users_auth WHERE {condition}{grouped}{end}{limit}"
        );
        let sql = if united { sql.replacen(" AS a, id ", " ", 1) } else { sql };
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
