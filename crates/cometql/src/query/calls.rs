//! Function calls: which functions there are, and what each becomes.
//! Functions of the session and the clock are answered here, once per
//! statement; the others become SQLite's or those of the sibling `functions`.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments,
};

use super::calendar::Unit;
use super::decimal::MAX_SCALE;
use super::expression::{Rendered, shortened};
use super::functions_rows::MAX_LENGTH;
use super::numbers::{Numeric, computed};
use super::pattern::Case;
use super::rewrite::{Rewriter, object_name};
use super::scope::{Kind, text_literal};
use super::table::ColumnKind;
use super::windows::is_window_function;
use crate::answer::DATABASE;
use crate::error::{ErrorKind, SqlError};

type Result<T> = std::result::Result<T, SqlError>;

/// A function that takes its arguments in order.
struct Plain {
    name: &'static str,
    /// Fewest and most arguments.
    arity: (usize, usize),
    sqlite: &'static str,
    makes: Kind,
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
const MANY: usize = 100;

const PLAIN: &[Plain] = &[
    plain("ASCII", (1, 1), "m_ascii", Kind::Number),
    plain("CHARACTER_LENGTH", (1, 1), "length", Kind::Number),
    plain("CHAR_LENGTH", (1, 1), "length", Kind::Number),
    plain("CONCAT", (1, MANY), "m_concat", Kind::Text),
    plain("CONCAT_WS", (2, MANY), "m_concat_ws", Kind::Text),
    plain("CONVERT_TZ", (3, 3), "m_convert_tz", Kind::Text),
    plain("DATE", (1, 1), "m_date", Kind::Text),
    plain("DATEDIFF", (2, 2), "m_datediff", Kind::Number),
    plain("DATE_FORMAT", (2, 2), "m_date_format", Kind::Text),
    plain("DAYOFWEEK", (1, 1), "m_dayofweek", Kind::Number),
    plain("DAYOFYEAR", (1, 1), "m_dayofyear", Kind::Number),
    plain("FROM_DAYS", (1, 1), "m_from_days", Kind::Text),
    plain("MAKEDATE", (2, 2), "m_makedate", Kind::Text),
    plain("TO_DAYS", (1, 1), "m_to_days", Kind::Number),
    plain("WEEKDAY", (1, 1), "m_weekday", Kind::Number),
    plain("DAYNAME", (1, 1), "m_dayname", Kind::Text),
    plain("ELT", (2, MANY), "m_elt", Kind::Other),
    plain("FIELD", (2, MANY), "m_field", Kind::Number),
    plain("FIND_IN_SET", (2, 2), "m_find_in_set", Kind::Number),
    plain("FORMAT", (2, 3), "m_format", Kind::Text),
    plain("FROM_UNIXTIME", (1, 2), "m_from_unixtime", Kind::Text),
    plain("HEX", (1, 1), "m_hex", Kind::Text),
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
    plain("LOCATE", (2, 3), "m_locate", Kind::Number),
    plain("LOWER", (1, 1), "m_lower", Kind::Text),
    plain("LPAD", (3, 3), "m_lpad", Kind::Text),
    plain("LTRIM", (1, 1), "ltrim", Kind::Text),
    plain("MD5", (1, 1), "m_md5", Kind::Text),
    plain("MID", (2, 3), "m_substring", Kind::Text),
    plain("MONTHNAME", (1, 1), "m_monthname", Kind::Text),
    plain("OCTET_LENGTH", (1, 1), "octet_length", Kind::Number),
    plain("POW", (2, 2), "m_power", Kind::Real),
    plain("POWER", (2, 2), "m_power", Kind::Real),
    plain("RAND", (0, 1), "m_rand", Kind::Real),
    plain("REPEAT", (2, 2), "m_repeat", Kind::Text),
    plain("REPLACE", (3, 3), "replace", Kind::Text),
    plain("REVERSE", (1, 1), "m_reverse", Kind::Text),
    plain("RIGHT", (2, 2), "m_right", Kind::Text),
    plain("RPAD", (3, 3), "m_rpad", Kind::Text),
    plain("RTRIM", (1, 1), "rtrim", Kind::Text),
    plain("SHA", (1, 1), "m_sha1", Kind::Text),
    plain("SHA1", (1, 1), "m_sha1", Kind::Text),
    plain("SHA2", (2, 2), "m_sha2", Kind::Text),
    plain("SIGN", (1, 1), "sign", Kind::Number),
    plain("SLEEP", (1, 1), "m_sleep", Kind::Number),
    plain("SPACE", (1, 1), "m_space", Kind::Text),
    plain("SQRT", (1, 1), "m_sqrt", Kind::Real),
    plain("STRCMP", (2, 2), "m_strcmp", Kind::Number),
    plain("SUBSTR", (2, 3), "m_substring", Kind::Text),
    plain("SUBSTRING", (2, 3), "m_substring", Kind::Text),
    plain("SUBSTRING_INDEX", (3, 3), "m_substring_index", Kind::Text),
    plain("TIME", (1, 1), "m_time", Kind::Text),
    plain("TIMESTAMP", (1, 1), "m_datetime", Kind::Text),
    plain("UCASE", (1, 1), "m_upper", Kind::Text),
    plain("UNHEX", (1, 1), "m_unhex", Kind::Text),
    plain("UPPER", (1, 1), "m_upper", Kind::Text),
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

/// Functions whose rendering depends on their arguments.
const SHAPED: &[&str] = &[
    "ABS",
    "CEIL",
    "CEILING",
    "FLOOR",
    "GREATEST",
    "IFNULL",
    "LEAST",
    "MOD",
    "NULLIF",
    "ROUND",
    "TRUNCATE",
    "ADDDATE",
    "COALESCE",
    "DATE_ADD",
    "DATE_SUB",
    "GROUP_CONCAT",
    "IF",
    "INSTR",
    "ISNULL",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "JSON_SET",
    "SUBDATE",
    "TIMESTAMPDIFF",
    "TRIM",
    "UNIX_TIMESTAMP",
];

/// Functions that ask about the session or the clock.
const OF_THE_SESSION: &[&str] = &[
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
        let over = match &function.over {
            Some(window) => self.over(window)?,
            None => String::new(),
        };
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
        let is_aggregate =
            name == "GROUP_CONCAT" || AGGREGATES.iter().any(|(known, _)| *known == name);
        if is_aggregate && over.is_empty() {
            self.with_scope(|scope| scope.has_aggregate = true);
        }
        if name == "GROUP_CONCAT" && over.is_empty() {
            return self.group_concat(list);
        }
        if let Some((_, sqlite)) = AGGREGATES.iter().find(|(known, _)| *known == name) {
            return self.aggregate(&name, sqlite, list, &over);
        }
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return Err(SqlError::unsupported(format!(
                "{name} takes neither DISTINCT nor clauses"
            )));
        }
        if !over.is_empty() || is_window_function(&name) {
            let arguments = self.rendered_arguments(&name, list)?;
            return self
                .window_function(&name, &arguments, &over)?
                .ok_or_else(|| {
                    SqlError::unsupported(format!("{} takes no OVER", shortened(&name)))
                });
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
        if name == "TIMESTAMPDIFF" {
            return self.timestamp_difference(list);
        }
        let rendered = self.rendered_arguments(name, list)?;
        if let Some(number) = self.number_function(name, &rendered, &list.args)? {
            return Ok(number);
        }
        if let "JSON_ARRAY" | "JSON_OBJECT" | "JSON_SET" = name {
            return json_maker(name, &rendered);
        }
        let arguments: Vec<String> = rendered.iter().map(|part| part.sql.clone()).collect();
        let count = arguments.len();
        if let Some(known) = PLAIN.iter().find(|known| known.name == name) {
            let (fewest, most) = known.arity;
            if count < fewest || count > most {
                return Err(wrong_count(name));
            }
            let sql = format!("{}({})", known.sqlite, arguments.join(", "));
            return Ok(Rendered::of(sql, known.makes));
        }
        if let Some((_, unit)) = DATE_PARTS.iter().find(|(known, _)| *known == name) {
            let [moment] = arguments.as_slice() else {
                return Err(wrong_count(name));
            };
            return Ok(Rendered::number(format!("m_date_part({moment}, '{unit}')")));
        }
        match (name, arguments.as_slice()) {
            ("ISNULL", [value]) => Ok(Rendered::number(format!("({value} IS NULL)"))),
            ("TRIM", [text]) => Ok(Rendered::made_text(format!("m_trim({text}, ' ', 'BOTH')"))),
            ("INSTR", [hay, needle]) => Ok(Rendered::number(format!("m_locate({needle}, {hay})"))),
            ("UNIX_TIMESTAMP", [moment]) => {
                Ok(Rendered::number(format!("m_unix_timestamp({moment})")))
            }
            _ if SHAPED.contains(&name) => Err(wrong_count(name)),
            _ => Err(no_such(name)),
        }
    }

    /// Functions that ask about the session or the clock. NOW stands still
    /// while a statement runs.
    pub(super) fn session_function(&self, name: &str, arguments: usize) -> Option<Rendered> {
        let context = self.context;
        if arguments > 1 || !OF_THE_SESSION.contains(&name) {
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
            "PI" => Rendered::real(std::f64::consts::PI.to_string()),
            _ if has_clock => Rendered::text(&self.now.date_time(arguments * 6)),
            _ => return None,
        })
    }

    fn date_add(&mut self, name: &str, list: &FunctionArgumentList) -> Result<Rendered> {
        if let (
            "ADDDATE" | "SUBDATE",
            [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(moment)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(days)),
            ],
        ) = (name, list.args.as_slice())
            && !matches!(days, Expr::Interval(_))
        {
            let (moment, days) = (self.expression(moment)?.sql, self.expression(days)?.sql);
            let sign = if name == "SUBDATE" { "- " } else { "" };
            return Ok(Rendered::made_text(format!(
                "m_date_add({moment}, ({sign}{days}), 'DAY')"
            )));
        }
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

    fn timestamp_difference(&mut self, list: &FunctionArgumentList) -> Result<Rendered> {
        let [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(unit))),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(from)),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(to)),
        ] = list.args.as_slice()
        else {
            return Err(SqlError::unsupported(
                "TIMESTAMPDIFF takes a unit and two dates",
            ));
        };
        if Unit::from_name(&unit.value).is_none() {
            return Err(SqlError::unsupported(format!(
                "the unit {} is not offered",
                shortened(&unit.value)
            )));
        }
        let unit = text_literal(&unit.value);
        let (from, to) = (self.expression(from)?.sql, self.expression(to)?.sql);
        Ok(Rendered::number(format!(
            "m_timestampdiff({unit}, {from}, {to})"
        )))
    }

    fn aggregate(
        &mut self,
        name: &str,
        sqlite: &str,
        list: &FunctionArgumentList,
        over: &str,
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
                Ok(Rendered::number(format!("count(*){over}")))
            } else {
                Err(wrong_count(name))
            };
        }
        let arguments = self.rendered_arguments(name, list)?;
        let [argument] = arguments.as_slice() else {
            return Err(SqlError::unsupported(format!(
                "{name} takes one argument, this call has {}",
                arguments.len()
            )));
        };
        let sql = format!("{sqlite}({distinct}{}){over}", argument.compared());
        let exact = match Numeric::of(argument.kind) {
            Numeric::Whole => Some(0),
            Numeric::Exact(scale) => Some(scale),
            Numeric::Approximate => None,
        };
        Ok(match (name, argument.kind, exact) {
            ("MIN" | "MAX", Kind::Column(ColumnKind::Text), _) => {
                Rendered::of(sql, Kind::Collated(Case::Exact))
            }
            ("MIN" | "MAX", kind, _) => Rendered::of(sql, computed(kind)),
            ("SUM", _, Some(scale)) => {
                let sum = format!("m_sum({distinct}{}){over}", argument.precise());
                Rendered::fixed(sum, scale)
            }
            ("AVG", _, Some(scale)) => {
                let scale = scale.saturating_add(self.division_digits()).min(MAX_SCALE);
                let argument = argument.precise();
                if distinct.is_empty() {
                    Rendered::fixed(format!("m_avg({argument}, {scale}){over}"), scale)
                } else {
                    let sum = format!("m_sum({distinct}{argument}){over}");
                    let count = format!("count({distinct}{argument}){over}");
                    Rendered::fixed(format!("m_quotient({sum}, {count}, {scale})"), scale)
                }
            }
            ("SUM" | "AVG", ..) => Rendered::real(sql),
            _ => Rendered::number(sql),
        })
    }

    fn group_concat(&mut self, list: &FunctionArgumentList) -> Result<Rendered> {
        let arguments = self.rendered_arguments("GROUP_CONCAT", list)?;
        let argument = match arguments.as_slice() {
            [] => return Err(wrong_count("GROUP_CONCAT")),
            [only] => only.compared(),
            several => {
                let parts: Vec<_> = several.iter().map(|part| part.sql.as_str()).collect();
                Rendered::made_text(format!("m_concat({})", parts.join(", "))).compared()
            }
        };
        let mut separator = "','".to_owned();
        let mut order = String::new();
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::Separator(value) => {
                    separator = self.expression(&Expr::Value(value.clone()))?.sql;
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
        let distinct = match list.duplicate_treatment {
            Some(DuplicateTreatment::Distinct) => "DISTINCT ",
            Some(DuplicateTreatment::All) | None => "",
        };
        let longest = self.context.variables.get(MAX_LENGTH).ok().flatten();
        let longest = longest.and_then(|length| length.parse::<i64>().ok());
        Ok(Rendered::made_text(format!(
            "m_joined(m_collect({distinct}{argument}{order}), {separator}, {})",
            longest.unwrap_or(i64::MAX)
        )))
    }

    fn rendered_arguments(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
    ) -> Result<Vec<Rendered>> {
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                return Err(SqlError::unsupported(format!(
                    "{} takes plain arguments",
                    shortened(name)
                )));
            };
            arguments.push(self.expression(argument)?);
        }
        Ok(arguments)
    }
}

/// Arguments that are compared with each other: as a column among them says.
pub(super) fn compared(arguments: &[Rendered]) -> Vec<String> {
    let has_collation = arguments
        .iter()
        .any(|argument| matches!(argument.kind, Kind::Column(_) | Kind::Collated(_)));
    let parts = arguments.iter();
    if has_collation {
        parts.map(|argument| argument.sql.clone()).collect()
    } else {
        parts.map(Rendered::compared).collect()
    }
}

/// A function that makes a document must know which arguments are documents.
fn json_maker(name: &str, arguments: &[Rendered]) -> Result<Rendered> {
    let fits = match name {
        "JSON_OBJECT" => arguments.len().is_multiple_of(2),
        "JSON_SET" => arguments.len() >= 3 && !arguments.len().is_multiple_of(2),
        _ => true,
    };
    if !fits || arguments.len() >= MANY {
        return Err(wrong_count(name));
    }
    let letters: String = arguments
        .iter()
        .map(|argument| match argument.kind {
            Kind::Json => 'j',
            Kind::Decimal(_) => 'n',
            _ => 'v',
        })
        .collect();
    let mut parts = vec![text_literal(&letters)];
    parts.extend(arguments.iter().map(|argument| argument.sql.clone()));
    let function = name.to_ascii_lowercase();
    Ok(Rendered::of(
        format!("m_{function}({})", parts.join(", ")),
        Kind::Json,
    ))
}

fn wrong_count(name: &str) -> SqlError {
    SqlError::new(
        ErrorKind::ArgumentCount,
        format!("Incorrect parameter count in the call to native function '{name}'"),
    )
}

fn no_such(name: &str) -> SqlError {
    SqlError::new(
        ErrorKind::UnknownFunction,
        format!("the function {} is not offered", shortened(name)),
    )
}

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
