//! Function calls: what each becomes. Which functions there are is in the sibling
//! `function_list`; dates, aggregates and the session have files of their own.

use sqlparser::ast::{
    Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
};

use super::expression::{Rendered, Result, shortened};
use super::function_list::{AGGREGATES, DATE_PARTS, MANY, PLAIN, SHAPED};
use super::operators::matching;
use super::rewrite::{Rewriter, object_name};
use super::scope::{Kind, text_literal};
use super::windows::is_window_function;
use crate::error::{ErrorKind, SqlError};

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
        if let Some((_, sqlite)) = AGGREGATES.iter().find(|(known, _)| *known == name) {
            if over.is_empty() {
                self.with_scope(|scope| scope.has_aggregate = true);
            }
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
        if let "TIMESTAMPADD" | "TIMESTAMPDIFF" = name {
            return self.with_unit(name, list);
        }
        let rendered = self.rendered_arguments(name, list)?;
        if let Some(number) = self.number_function(name, &rendered, &list.args)? {
            return Ok(number);
        }
        if let "JSON_ARRAY" | "JSON_OBJECT" | "JSON_SET" = name {
            return json_maker(name, &rendered);
        }
        if let Some(week) = self.week_function(name, &rendered) {
            return Ok(week);
        }
        if name.starts_with("REGEXP_") && SHAPED.contains(&name) {
            return regular_expression(name, &rendered);
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
            // Only EXTRACT tells of the sign of a time.
            let part = format!("abs(m_date_part({moment}, '{unit}'))");
            return Ok(Rendered::number(part));
        }
        match (name, arguments.as_slice()) {
            ("ANY_VALUE", [_]) => rendered.into_iter().next().ok_or_else(|| wrong_count(name)),
            ("ATAN", [tangent]) => Ok(Rendered::real(format!("m_atan({tangent})"))),
            ("ATAN", [y, x]) => Ok(Rendered::real(format!("m_atan2({y}, {x})"))),
            ("BIN", [number]) => Ok(Rendered::made_text(format!("m_conv({number}, 10, 2)"))),
            ("OCT", [number]) => Ok(Rendered::made_text(format!("m_conv({number}, 10, 8)"))),
            ("LOG", [number]) => Ok(Rendered::real(format!("m_ln({number})"))),
            ("LOG", [base, number]) => Ok(Rendered::real(format!("m_log({base}, {number})"))),
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

    pub(super) fn rendered_arguments(
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
    let mut parts = vec![text_literal(&json_letters(arguments))];
    parts.extend(arguments.iter().map(|argument| argument.sql.clone()));
    let function = name.to_ascii_lowercase();
    Ok(Rendered::of(
        format!("m_{function}({})", parts.join(", ")),
        Kind::Json,
    ))
}

/// One letter for each argument: what it is to who makes a document of it.
pub(super) fn json_letters(arguments: &[Rendered]) -> String {
    let letters = arguments.iter().map(|argument| match argument.kind {
        Kind::Json => 'j',
        Kind::Decimal(_) => 'n',
        _ => 'v',
    });
    letters.collect()
}

/// REGEXP_LIKE, REGEXP_INSTR, REGEXP_SUBSTR and REGEXP_REPLACE, with all the
/// arguments they may have, and whether case matters by itself.
fn regular_expression(name: &str, arguments: &[Rendered]) -> Result<Rendered> {
    let (defaults, makes): (&[&str], _) = match name {
        "REGEXP_LIKE" => (&["''"], Kind::Number),
        "REGEXP_INSTR" => (&["1", "1", "0", "''"], Kind::Number),
        "REGEXP_SUBSTR" => (&["1", "1", "''"], Kind::Text),
        _ => (&["1", "0", "''"], Kind::Text),
    };
    let required = if name == "REGEXP_REPLACE" { 3 } else { 2 };
    let [text, pattern, ..] = arguments else {
        return Err(wrong_count(name));
    };
    let given = arguments.len().checked_sub(required);
    let Some(missing) = given.and_then(|given| defaults.get(given..)) else {
        return Err(wrong_count(name));
    };
    let case = match matching("m_regexp", text.kind, pattern.kind) {
        "m_regexp" => "'i'",
        _ => "'c'",
    };
    let mut parts: Vec<&str> = arguments.iter().map(|part| part.sql.as_str()).collect();
    parts.extend(missing);
    parts.push(case);
    let sql = format!("m_{}({})", name.to_ascii_lowercase(), parts.join(", "));
    Ok(Rendered::of(sql, makes))
}

pub(super) fn wrong_count(name: &str) -> SqlError {
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
