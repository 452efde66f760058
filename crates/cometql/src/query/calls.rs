//! Function calls: which functions there are, and what each becomes.
//! Functions of the session and the clock are answered here, once per
//! statement; the others become SQLite's or those of the sibling `functions`.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments,
};

use super::expression::{Rendered, shortened};
use super::rewrite::{Rewriter, object_name};
use crate::answer::DATABASE;
use crate::error::SqlError;

type Result<T> = std::result::Result<T, SqlError>;

/// A function that takes its arguments in order.
struct Plain {
    name: &'static str,
    /// Fewest and most arguments.
    arity: (usize, usize),
    sqlite: &'static str,
    is_number: bool,
}

const fn plain(
    name: &'static str,
    arity: (usize, usize),
    sqlite: &'static str,
    is_number: bool,
) -> Plain {
    Plain {
        name,
        arity,
        sqlite,
        is_number,
    }
}

/// As many arguments as SQLite takes.
const MANY: usize = 100;

const PLAIN: &[Plain] = &[
    plain("ABS", (1, 1), "abs", true),
    plain("ASCII", (1, 1), "m_ascii", true),
    plain("CEIL", (1, 1), "m_ceil", true),
    plain("CEILING", (1, 1), "m_ceil", true),
    plain("CHARACTER_LENGTH", (1, 1), "length", true),
    plain("CHAR_LENGTH", (1, 1), "length", true),
    plain("CONCAT", (1, MANY), "m_concat", false),
    plain("CONCAT_WS", (2, MANY), "m_concat_ws", false),
    plain("CONVERT_TZ", (3, 3), "m_convert_tz", false),
    plain("DATE", (1, 1), "m_date", false),
    plain("DATEDIFF", (2, 2), "m_datediff", true),
    plain("DATE_FORMAT", (2, 2), "m_date_format", false),
    plain("DAYNAME", (1, 1), "m_dayname", false),
    plain("ELT", (2, MANY), "m_elt", false),
    plain("FIND_IN_SET", (2, 2), "m_find_in_set", true),
    plain("FLOOR", (1, 1), "m_floor", true),
    plain("FROM_UNIXTIME", (1, 2), "m_from_unixtime", false),
    plain("GREATEST", (2, MANY), "max", false),
    plain("HEX", (1, 1), "m_hex", false),
    plain("IFNULL", (2, 2), "ifnull", false),
    plain("JSON_ARRAY", (0, MANY), "json_array", false),
    plain("JSON_OBJECT", (0, MANY), "json_object", false),
    plain("JSON_UNQUOTE", (1, 1), "m_json_unquote", false),
    plain("JSON_VALID", (1, 1), "json_valid", true),
    plain("LCASE", (1, 1), "m_lower", false),
    plain("LEAST", (2, MANY), "min", false),
    plain("LEFT", (2, 2), "m_left", false),
    plain("LENGTH", (1, 1), "octet_length", true),
    plain("LOCATE", (2, 3), "m_locate", true),
    plain("LOWER", (1, 1), "m_lower", false),
    plain("LPAD", (3, 3), "m_lpad", false),
    plain("LTRIM", (1, 1), "ltrim", false),
    plain("MID", (2, 3), "m_substring", false),
    plain("MOD", (2, 2), "m_mod", true),
    plain("MONTHNAME", (1, 1), "m_monthname", false),
    plain("NULLIF", (2, 2), "nullif", false),
    plain("OCTET_LENGTH", (1, 1), "octet_length", true),
    plain("POW", (2, 2), "m_power", true),
    plain("POWER", (2, 2), "m_power", true),
    plain("RAND", (0, 1), "m_rand", true),
    plain("REPEAT", (2, 2), "m_repeat", false),
    plain("REPLACE", (3, 3), "replace", false),
    plain("REVERSE", (1, 1), "m_reverse", false),
    plain("RIGHT", (2, 2), "m_right", false),
    plain("ROUND", (1, 2), "round", true),
    plain("RPAD", (3, 3), "m_rpad", false),
    plain("RTRIM", (1, 1), "rtrim", false),
    plain("SHA", (1, 1), "m_sha1", false),
    plain("SHA1", (1, 1), "m_sha1", false),
    plain("SHA2", (2, 2), "m_sha2", false),
    plain("SIGN", (1, 1), "sign", true),
    plain("SLEEP", (1, 1), "m_sleep", true),
    plain("SPACE", (1, 1), "m_space", false),
    plain("SQRT", (1, 1), "m_sqrt", true),
    plain("SUBSTR", (2, 3), "m_substring", false),
    plain("SUBSTRING", (2, 3), "m_substring", false),
    plain("SUBSTRING_INDEX", (3, 3), "m_substring_index", false),
    plain("TIME", (1, 1), "m_time", false),
    plain("TIMESTAMP", (1, 1), "m_datetime", false),
    plain("UCASE", (1, 1), "m_upper", false),
    plain("UPPER", (1, 1), "m_upper", false),
];

/// Parts of a date, by function name.
const DATE_PARTS: &[(&str, &str)] = &[
    ("YEAR", "YEAR"),
    ("QUARTER", "QUARTER"),
    ("MONTH", "MONTH"),
    ("DAY", "DAY"),
    ("DAYOFMONTH", "DAY"),
    ("HOUR", "HOUR"),
    ("MINUTE", "MINUTE"),
    ("SECOND", "SECOND"),
];

const AGGREGATES: &[(&str, &str)] = &[
    ("COUNT", "count"),
    ("SUM", "sum"),
    ("MIN", "min"),
    ("MAX", "max"),
    ("AVG", "avg"),
];

impl Rewriter<'_> {
    pub(super) fn call(&mut self, function: &Function) -> Result<Rendered> {
        let parts = object_name(&function.name)?;
        let [name] = parts.as_slice() else {
            return Err(no_such(&parts.join(".")));
        };
        let name = name.to_ascii_uppercase();
        if function.over.is_some() {
            return Err(SqlError::unsupported(format!(
                "window functions ({name} … OVER) are not offered"
            )));
        }
        if function.filter.is_some()
            || function.null_treatment.is_some()
            || !function.within_group.is_empty()
            || !matches!(function.parameters, FunctionArguments::None)
        {
            return Err(SqlError::unsupported(format!(
                "{name} takes arguments in parentheses and nothing else"
            )));
        }
        let empty = FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        };
        let list = match &function.args {
            FunctionArguments::None => &empty,
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => {
                return Err(SqlError::unsupported(format!(
                    "{name} takes a sub-query only in parentheses of its own"
                )));
            }
        };
        if name == "GROUP_CONCAT" {
            return self.group_concat(list);
        }
        if let Some((_, sqlite)) = AGGREGATES.iter().find(|(known, _)| *known == name) {
            return self.aggregate(&name, sqlite, list);
        }
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(SqlError::unsupported(format!(
                "{name} takes neither DISTINCT nor clauses"
            )));
        }
        self.scalar(&name, list)
    }

    fn scalar(&mut self, name: &str, list: &FunctionArgumentList) -> Result<Rendered> {
        if let Some(rendered) = self.session_function(name, list.args.len()) {
            return Ok(rendered);
        }
        if let "DATE_ADD" | "DATE_SUB" | "ADDDATE" | "SUBDATE" = name {
            return self.date_add(name, list);
        }
        let arguments = self.arguments(name, list)?;
        let count = arguments.len();
        if let Some(known) = PLAIN.iter().find(|known| known.name == name) {
            let (fewest, most) = known.arity;
            if count < fewest || count > most {
                return Err(wrong_count(name));
            }
            let sql = format!("{}({})", known.sqlite, arguments.join(", "));
            return Ok(if known.is_number {
                Rendered::number(sql)
            } else {
                Rendered::other(sql)
            });
        }
        if let Some((_, unit)) = DATE_PARTS.iter().find(|(known, _)| *known == name) {
            let [moment] = arguments.as_slice() else {
                return Err(wrong_count(name));
            };
            return Ok(Rendered::number(format!("m_date_part({moment}, '{unit}')")));
        }
        match (name, arguments.as_slice()) {
            ("IF", [condition, then, otherwise]) => Ok(Rendered::other(format!(
                "(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)"
            ))),
            ("COALESCE", [only]) => Ok(Rendered::other(only.clone())),
            ("COALESCE", [_, _, ..]) => Ok(Rendered::other(format!(
                "coalesce({})",
                arguments.join(", ")
            ))),
            ("ISNULL", [value]) => Ok(Rendered::number(format!("({value} IS NULL)"))),
            ("TRIM", [text]) => Ok(Rendered::other(format!("m_trim({text}, ' ', 'BOTH')"))),
            ("INSTR", [hay, needle]) => Ok(Rendered::number(format!("m_locate({needle}, {hay})"))),
            ("UNIX_TIMESTAMP", [moment]) => {
                Ok(Rendered::number(format!("m_unix_timestamp({moment})")))
            }
            // MySQL keeps the quotes of a JSON string, as SQLite's -> does.
            ("JSON_EXTRACT", [document, path]) => {
                Ok(Rendered::other(format!("({document} -> {path})")))
            }
            ("JSON_EXTRACT", [_, _, ..]) => Ok(Rendered::other(format!(
                "json_extract({})",
                arguments.join(", ")
            ))),
            (
                "IF" | "COALESCE" | "ISNULL" | "TRIM" | "INSTR" | "UNIX_TIMESTAMP" | "JSON_EXTRACT",
                _,
            ) => Err(wrong_count(name)),
            _ => Err(no_such(name)),
        }
    }

    /// Functions that ask about the session or the clock. NOW stands still
    /// while a statement runs.
    pub(super) fn session_function(&self, name: &str, arguments: usize) -> Option<Rendered> {
        let context = self.context;
        if arguments > 1 {
            return None;
        }
        let has_clock = matches!(
            name,
            "NOW"
                | "CURRENT_TIMESTAMP"
                | "LOCALTIME"
                | "LOCALTIMESTAMP"
                | "SYSDATE"
                | "UTC_TIMESTAMP"
                | "CURTIME"
                | "CURRENT_TIME"
                | "UTC_TIME"
        );
        if arguments == 1 && !has_clock {
            return None;
        }
        Some(match name {
            "VERSION" => match self.context.variables.get("version") {
                Ok(Some(version)) => Rendered::text(&version),
                _ => Rendered::null(),
            },
            "USER" | "CURRENT_USER" | "SESSION_USER" | "SYSTEM_USER" => {
                Rendered::text(&format!("{}@{}", context.user, context.host))
            }
            "DATABASE" | "SCHEMA" => match &context.database {
                Some(_) => Rendered::text(DATABASE),
                None => Rendered::null(),
            },
            "CONNECTION_ID" => Rendered::number(context.connection_id.to_string()),
            "LAST_INSERT_ID" => Rendered::number(context.last_insert_id.to_string()),
            "ROW_COUNT" => Rendered::number(format!("({})", context.row_count)),
            "FOUND_ROWS" => Rendered::number(context.found_rows.to_string()),
            "CURDATE" | "CURRENT_DATE" | "UTC_DATE" => Rendered::text(&self.now.date()),
            "CURTIME" | "CURRENT_TIME" | "UTC_TIME" => {
                Rendered::text(&self.now.time(arguments * 6))
            }
            "UNIX_TIMESTAMP" => Rendered::number(self.now.unix().to_string()),
            "PI" => Rendered::number(std::f64::consts::PI.to_string()),
            _ if has_clock => Rendered::text(&self.now.date_time(arguments * 6)),
            _ => return None,
        })
    }

    fn date_add(&mut self, name: &str, list: &FunctionArgumentList) -> Result<Rendered> {
        let [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(moment)),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Interval(interval))),
        ] = list.args.as_slice()
        else {
            return Err(SqlError::unsupported(format!(
                "{name} takes a date and an INTERVAL"
            )));
        };
        let moment = self.expression(moment)?;
        let sign = if name.contains("SUB") { "- " } else { "" };
        self.add_interval(&moment, sign, interval)
    }

    fn aggregate(
        &mut self,
        name: &str,
        sqlite: &str,
        list: &FunctionArgumentList,
    ) -> Result<Rendered> {
        if !list.clauses.is_empty() {
            return Err(SqlError::unsupported(format!("{name} takes no clauses")));
        }
        let distinct = match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => "DISTINCT ",
            Some(DuplicateTreatment::All) | None => "",
        };
        if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] = list.args.as_slice() {
            return if name == "COUNT" && distinct.is_empty() {
                Ok(Rendered::number("count(*)"))
            } else {
                Err(wrong_count(name))
            };
        }
        let arguments = self.arguments(name, list)?;
        let [argument] = arguments.as_slice() else {
            return Err(SqlError::unsupported(format!(
                "{name} takes one argument, this call has {}",
                arguments.len()
            )));
        };
        let sql = format!("{sqlite}({distinct}{argument})");
        Ok(if matches!(name, "MIN" | "MAX") {
            Rendered::other(sql)
        } else {
            Rendered::number(sql)
        })
    }

    fn group_concat(&mut self, list: &FunctionArgumentList) -> Result<Rendered> {
        let arguments = self.arguments("GROUP_CONCAT", list)?;
        let argument = match arguments.as_slice() {
            [] => return Err(wrong_count("GROUP_CONCAT")),
            [only] => only.clone(),
            several => format!("m_concat({})", several.join(", ")),
        };
        let mut separator = None;
        let mut order = String::new();
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::Separator(value) => {
                    let text = self.expression(&Expr::Value(value.clone()))?;
                    separator = Some(text.sql);
                }
                FunctionArgumentClause::OrderBy(expressions) => {
                    order = format!(" ORDER BY {}", self.order_list(expressions)?);
                }
                other => {
                    return Err(SqlError::unsupported(format!(
                        "GROUP_CONCAT with {} is not offered",
                        shortened(&other.to_string())
                    )));
                }
            }
        }
        let is_distinct = matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct));
        match (is_distinct, separator) {
            (true, None) => Ok(Rendered::other(format!(
                "group_concat(DISTINCT {argument}{order})"
            ))),
            (true, Some(separator)) if separator == "','" => Ok(Rendered::other(format!(
                "group_concat(DISTINCT {argument}{order})"
            ))),
            (true, Some(_)) => Err(SqlError::unsupported(
                "GROUP_CONCAT with both DISTINCT and SEPARATOR is not offered",
            )),
            (false, separator) => Ok(Rendered::other(format!(
                "group_concat({argument}, {}{order})",
                separator.as_deref().unwrap_or("','")
            ))),
        }
    }

    fn arguments(&mut self, name: &str, list: &FunctionArgumentList) -> Result<Vec<String>> {
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                return Err(SqlError::unsupported(format!(
                    "{} takes plain arguments",
                    shortened(name)
                )));
            };
            arguments.push(self.expression(argument)?.sql);
        }
        Ok(arguments)
    }
}

fn wrong_count(name: &str) -> SqlError {
    SqlError::syntax(format!(
        "Incorrect parameter count in the call to native function '{name}'"
    ))
}

fn no_such(name: &str) -> SqlError {
    SqlError::unsupported(format!("the function {} is not offered", shortened(name)))
}
