//! Which functions there are, and what those that take their arguments in order
//! become. The others are rendered in `calls` and its siblings.

use super::scope::Kind;

/// A function that takes its arguments in order.
pub(super) struct Plain {
    pub(super) name: &'static str,
    /// Fewest and most arguments.
    pub(super) arity: (usize, usize),
    pub(super) sqlite: &'static str,
    pub(super) makes: Kind,
}

const fn plain(
    name: &'static str,
    arity: (usize, usize),
    sqlite: &'static str,
    makes: Kind,
) -> Plain {
    Plain {
        name,
        arity,
        sqlite,
        makes,
    }
}

/// As many arguments as SQLite takes.
pub(super) const MANY: usize = 100;

pub(super) const PLAIN: &[Plain] = &[
    plain("ACOS", (1, 1), "m_acos", Kind::Real),
    plain("ADDTIME", (2, 2), "m_addtime", Kind::Text),
    plain("ASCII", (1, 1), "m_ascii", Kind::Number),
    plain("ASIN", (1, 1), "m_asin", Kind::Real),
    plain("ATAN2", (2, 2), "m_atan2", Kind::Real),
    plain("BIT_COUNT", (1, 1), "m_bit_count", Kind::Number),
    plain("CHAR", (1, MANY), "m_char", Kind::Text),
    plain("CHARACTER_LENGTH", (1, 1), "length", Kind::Number),
    plain("CHAR_LENGTH", (1, 1), "length", Kind::Number),
    plain("CONCAT", (1, MANY), "m_concat", Kind::Text),
    plain("CONCAT_WS", (2, MANY), "m_concat_ws", Kind::Text),
    plain("CONV", (3, 3), "m_conv", Kind::Text),
    plain("CONVERT_TZ", (3, 3), "m_convert_tz", Kind::Text),
    plain("COS", (1, 1), "m_cos", Kind::Real),
    plain("COT", (1, 1), "m_cot", Kind::Real),
    plain("CRC32", (1, 1), "m_crc32", Kind::Number),
    plain("DATE", (1, 1), "m_date", Kind::Text),
    plain("DATEDIFF", (2, 2), "m_datediff", Kind::Number),
    plain("DATE_FORMAT", (2, 2), "m_date_format", Kind::Text),
    plain("DAYNAME", (1, 1), "m_dayname", Kind::Text),
    plain("DAYOFWEEK", (1, 1), "m_dayofweek", Kind::Number),
    plain("DAYOFYEAR", (1, 1), "m_dayofyear", Kind::Number),
    plain("DEGREES", (1, 1), "m_degrees", Kind::Real),
    plain("ELT", (2, MANY), "m_elt", Kind::Other),
    plain("EXP", (1, 1), "m_exp", Kind::Real),
    plain("EXPORT_SET", (3, 5), "m_export_set", Kind::Text),
    plain("FIELD", (2, MANY), "m_field", Kind::Number),
    plain("FIND_IN_SET", (2, 2), "m_find_in_set", Kind::Number),
    plain("FORMAT", (2, 3), "m_format", Kind::Text),
    plain("FROM_BASE64", (1, 1), "m_from_base64", Kind::Text),
    plain("FROM_DAYS", (1, 1), "m_from_days", Kind::Text),
    plain("FROM_UNIXTIME", (1, 2), "m_from_unixtime", Kind::Text),
    plain("HEX", (1, 1), "m_hex", Kind::Text),
    plain("INET_ATON", (1, 1), "m_inet_aton", Kind::Number),
    plain("INET_NTOA", (1, 1), "m_inet_ntoa", Kind::Text),
    plain("INSERT", (4, 4), "m_insert", Kind::Text),
    plain("JSON_CONTAINS", (2, 3), "m_json_contains", Kind::Number),
    plain("JSON_EXTRACT", (2, MANY), "m_json_extract", Kind::Json),
    plain("JSON_KEYS", (1, 2), "m_json_keys", Kind::Json),
    plain("JSON_LENGTH", (1, 2), "m_json_length", Kind::Number),
    plain("JSON_QUOTE", (1, 1), "m_json_quote", Kind::Text),
    plain("JSON_TYPE", (1, 1), "m_json_type", Kind::Text),
    plain("JSON_UNQUOTE", (1, 1), "m_json_unquote", Kind::Text),
    plain("JSON_VALID", (1, 1), "m_json_valid", Kind::Number),
    plain("LAST_DAY", (1, 1), "m_last_day", Kind::Text),
    plain("LCASE", (1, 1), "m_lower", Kind::Text),
    plain("LEFT", (2, 2), "m_left", Kind::Text),
    plain("LENGTH", (1, 1), "octet_length", Kind::Number),
    plain("LN", (1, 1), "m_ln", Kind::Real),
    plain("LOCATE", (2, 3), "m_locate", Kind::Number),
    plain("LOG10", (1, 1), "m_log10", Kind::Real),
    plain("LOG2", (1, 1), "m_log2", Kind::Real),
    plain("LOWER", (1, 1), "m_lower", Kind::Text),
    plain("LPAD", (3, 3), "m_lpad", Kind::Text),
    plain("LTRIM", (1, 1), "ltrim", Kind::Text),
    plain("MAKEDATE", (2, 2), "m_makedate", Kind::Text),
    plain("MAKETIME", (3, 3), "m_maketime", Kind::Text),
    plain("MAKE_SET", (2, MANY), "m_make_set", Kind::Text),
    plain("MD5", (1, 1), "m_md5", Kind::Text),
    plain("MID", (2, 3), "m_substring", Kind::Text),
    plain("MONTHNAME", (1, 1), "m_monthname", Kind::Text),
    plain("OCTET_LENGTH", (1, 1), "octet_length", Kind::Number),
    plain("ORD", (1, 1), "m_ord", Kind::Number),
    plain("PERIOD_ADD", (2, 2), "m_period_add", Kind::Number),
    plain("PERIOD_DIFF", (2, 2), "m_period_diff", Kind::Number),
    plain("POW", (2, 2), "m_power", Kind::Real),
    plain("POWER", (2, 2), "m_power", Kind::Real),
    plain("QUOTE", (1, 1), "m_quote", Kind::Text),
    plain("RADIANS", (1, 1), "m_radians", Kind::Real),
    plain("RAND", (0, 1), "m_rand", Kind::Real),
    plain("REPEAT", (2, 2), "m_repeat", Kind::Text),
    plain("REPLACE", (3, 3), "replace", Kind::Text),
    plain("REVERSE", (1, 1), "m_reverse", Kind::Text),
    plain("RIGHT", (2, 2), "m_right", Kind::Text),
    plain("RPAD", (3, 3), "m_rpad", Kind::Text),
    plain("RTRIM", (1, 1), "rtrim", Kind::Text),
    plain("SEC_TO_TIME", (1, 1), "m_sec_to_time", Kind::Text),
    plain("SHA", (1, 1), "m_sha1", Kind::Text),
    plain("SHA1", (1, 1), "m_sha1", Kind::Text),
    plain("SHA2", (2, 2), "m_sha2", Kind::Text),
    plain("SIGN", (1, 1), "sign", Kind::Number),
    plain("SIN", (1, 1), "m_sin", Kind::Real),
    plain("SLEEP", (1, 1), "m_sleep", Kind::Number),
    plain("SOUNDEX", (1, 1), "m_soundex", Kind::Text),
    plain("SPACE", (1, 1), "m_space", Kind::Text),
    plain("SQRT", (1, 1), "m_sqrt", Kind::Real),
    plain("STRCMP", (2, 2), "m_strcmp", Kind::Number),
    plain("STR_TO_DATE", (2, 2), "m_str_to_date", Kind::Text),
    plain("SUBSTR", (2, 3), "m_substring", Kind::Text),
    plain("SUBSTRING", (2, 3), "m_substring", Kind::Text),
    plain("SUBSTRING_INDEX", (3, 3), "m_substring_index", Kind::Text),
    plain("SUBTIME", (2, 2), "m_subtime", Kind::Text),
    plain("TAN", (1, 1), "m_tan", Kind::Real),
    plain("TIME", (1, 1), "m_time", Kind::Text),
    plain("TIMEDIFF", (2, 2), "m_timediff", Kind::Text),
    plain("TIMESTAMP", (1, 2), "m_datetime", Kind::Text),
    plain("TIME_FORMAT", (2, 2), "m_time_format", Kind::Text),
    plain("TIME_TO_SEC", (1, 1), "m_time_to_sec", Kind::Number),
    plain("TO_BASE64", (1, 1), "m_to_base64", Kind::Text),
    plain("TO_DAYS", (1, 1), "m_to_days", Kind::Number),
    plain("TO_SECONDS", (1, 1), "m_to_seconds", Kind::Number),
    plain("UCASE", (1, 1), "m_upper", Kind::Text),
    plain("UNHEX", (1, 1), "m_unhex", Kind::Text),
    plain("UPPER", (1, 1), "m_upper", Kind::Text),
    plain("UUID", (0, 0), "m_uuid", Kind::Text),
    plain("WEEKDAY", (1, 1), "m_weekday", Kind::Number),
];

/// Parts of a date, by function name.
pub(super) const DATE_PARTS: &[(&str, &str)] = &[
    ("YEAR", "YEAR"),
    ("QUARTER", "QUARTER"),
    ("MONTH", "MONTH"),
    ("DAY", "DAY"),
    ("DAYOFMONTH", "DAY"),
    ("HOUR", "HOUR"),
    ("MINUTE", "MINUTE"),
    ("SECOND", "SECOND"),
    ("MICROSECOND", "MICROSECOND"),
];

/// Functions whose rendering depends on their arguments.
pub(super) const SHAPED: &[&str] = &[
    "ABS",
    "ADDDATE",
    "ANY_VALUE",
    "ATAN",
    "BIN",
    "CEIL",
    "CEILING",
    "COALESCE",
    "DATE_ADD",
    "DATE_SUB",
    "FLOOR",
    "GREATEST",
    "IF",
    "IFNULL",
    "INSTR",
    "ISNULL",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "JSON_SET",
    "LEAST",
    "LOG",
    "MOD",
    "NULLIF",
    "OCT",
    "REGEXP_INSTR",
    "REGEXP_LIKE",
    "REGEXP_REPLACE",
    "REGEXP_SUBSTR",
    "ROUND",
    "SUBDATE",
    "TIMESTAMPADD",
    "TIMESTAMPDIFF",
    "TRIM",
    "TRUNCATE",
    "UNIX_TIMESTAMP",
    "WEEK",
    "WEEKOFYEAR",
    "YEARWEEK",
];

/// Functions that ask about the session or the clock.
pub(super) const OF_THE_SESSION: &[&str] = &[
    "CONNECTION_ID",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "DATABASE",
    "FOUND_ROWS",
    "LAST_INSERT_ID",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOW",
    "PI",
    "ROW_COUNT",
    "SCHEMA",
    "SESSION_USER",
    "SYSDATE",
    "SYSTEM_USER",
    "UNIX_TIMESTAMP",
    "USER",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "VERSION",
];

/// Aggregates, and what computes them.
pub(super) const AGGREGATES: &[(&str, &str)] = &[
    ("AVG", "avg"),
    ("BIT_AND", "m_bit_and_of"),
    ("BIT_OR", "m_bit_or_of"),
    ("BIT_XOR", "m_bit_xor_of"),
    ("COUNT", "count"),
    ("GROUP_CONCAT", "m_collect"),
    ("JSON_ARRAYAGG", "m_json_arrayagg"),
    ("JSON_OBJECTAGG", "m_json_objectagg"),
    ("MAX", "max"),
    ("MIN", "min"),
    ("STD", "m_std"),
    ("STDDEV", "m_std"),
    ("STDDEV_POP", "m_std"),
    ("STDDEV_SAMP", "m_std_sample"),
    ("SUM", "sum"),
    ("VARIANCE", "m_variance"),
    ("VAR_POP", "m_variance"),
    ("VAR_SAMP", "m_variance_sample"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documentation_lists_every_function_there_is_and_no_other() {
        let page = include_str!("../../../../docs/sql.md");
        let (_, section) = page.split_once("## Functions").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let listed: BTreeSet<&str> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .collect();
        let offered: BTreeSet<&str> = PLAIN
            .iter()
            .map(|function| function.name)
            .chain(DATE_PARTS.iter().map(|(name, _)| *name))
            .chain(AGGREGATES.iter().map(|(name, _)| *name))
            .chain(SHAPED.iter().chain(OF_THE_SESSION).copied())
            .chain(crate::query::windows::names())
            .chain(BY_THE_PARSER.iter().copied())
            .collect();
        assert_eq!(listed, offered);
    }

    /// Functions the parser knows by their words.
    const BY_THE_PARSER: [&str; 4] = ["CAST", "CONVERT", "EXTRACT", "POSITION"];
}
