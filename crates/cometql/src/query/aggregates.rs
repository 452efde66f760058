//! Calls of functions over rows: COUNT, SUM, GROUP_CONCAT and their like.

use sqlparser::ast::{
    DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList,
};

use super::calls::{json_letters, wrong_count};
use super::decimal::MAX_SCALE;
use super::expression::{Rendered, Result, shortened};
use super::functions_rows::MAX_LENGTH;
use super::numbers::{Numeric, computed};
use super::operators::bits;
use super::pattern::Case;
use super::rewrite::Rewriter;
use super::scope::Kind;
use super::table::ColumnKind;
use crate::error::SqlError;

impl Rewriter<'_> {
    pub(super) fn aggregate(
        &mut self,
        name: &str,
        sqlite: &str,
        list: &FunctionArgumentList,
        over: &str,
    ) -> Result<Rendered> {
        if name == "GROUP_CONCAT" && over.is_empty() {
            return self.group_concat(list);
        }
        if !list.clauses.is_empty() {
            return Err(SqlError::unsupported(format!("{name} takes no clauses")));
        }
        if let "JSON_ARRAYAGG" | "JSON_OBJECTAGG" = name {
            return self.json_aggregate(name, sqlite, list, over);
        }
        let distinct = distinct(list);
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
        if sqlite.starts_with("m_") {
            return spread_or_bits(name, sqlite, argument, distinct, over);
        }
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
        let distinct = distinct(list);
        let longest = self.context.variables.get(MAX_LENGTH).ok().flatten();
        let longest = longest.and_then(|length| length.parse::<i64>().ok());
        Ok(Rendered::made_text(format!(
            "m_joined(m_collect({distinct}{argument}{order}), {separator}, {})",
            longest.unwrap_or(i64::MAX)
        )))
    }

    /// JSON_ARRAYAGG and JSON_OBJECTAGG, which must know what is a document already.
    fn json_aggregate(
        &mut self,
        name: &str,
        sqlite: &str,
        list: &FunctionArgumentList,
        over: &str,
    ) -> Result<Rendered> {
        let arguments = self.rendered_arguments(name, list)?;
        let expected = if name == "JSON_ARRAYAGG" { 1 } else { 2 };
        if arguments.len() != expected || list.duplicate_treatment.is_some() {
            return Err(wrong_count(name));
        }
        let letters = json_letters(&arguments);
        let parts: Vec<_> = arguments.iter().map(|part| part.sql.as_str()).collect();
        let sql = format!("{sqlite}('{letters}', {}){over}", parts.join(", "));
        Ok(Rendered::of(sql, Kind::Json))
    }
}

/// What stands before the argument of a call that counts equal values once.
fn distinct(list: &FunctionArgumentList) -> &'static str {
    match list.duplicate_treatment {
        Some(DuplicateTreatment::Distinct) => "DISTINCT ",
        Some(DuplicateTreatment::All) | None => "",
    }
}

/// BIT_AND, STD and their like.
fn spread_or_bits(
    name: &str,
    sqlite: &str,
    argument: &Rendered,
    distinct: &str,
    over: &str,
) -> Result<Rendered> {
    if !distinct.is_empty() || name == "GROUP_CONCAT" {
        return Err(SqlError::unsupported(format!(
            "{name} takes neither DISTINCT nor OVER"
        )));
    }
    Ok(match name.starts_with("BIT_") {
        true => Rendered::decimal(format!("{sqlite}({}){over}", bits(argument)), 0),
        false => Rendered::real(format!("{sqlite}({}){over}", argument.precise())),
    })
}
