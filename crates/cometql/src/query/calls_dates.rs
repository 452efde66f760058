//! Calls whose arguments have a unit of time: DATE_ADD and its like, EXTRACT,
//! TIMESTAMPDIFF; and weeks, which are counted as the session wants them.

use sqlparser::ast::{
    DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentList, Interval,
};

use super::casts::whole;
use super::expression::{Rendered, Result, shortened};
use super::interval::Unit;
use super::rewrite::Rewriter;
use super::scope::text_literal;
use crate::error::SqlError;

impl Rewriter<'_> {
    pub(super) fn date_add(&mut self, name: &str, list: &FunctionArgumentList) -> Result<Rendered> {
        if let (
            "ADDDATE" | "SUBDATE",
            [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(moment)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(days)),
            ],
        ) = (name, list.args.as_slice())
            && !matches!(days, Expr::Interval(_))
        {
            let (moment, days) = (self.expression(moment)?, self.expression(days)?);
            return Ok(added(&moment, &days, Unit::Day, "DAY", name == "SUBDATE"));
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
        self.add_interval(&moment, name.contains("SUB"), interval)
    }

    /// TIMESTAMPDIFF and TIMESTAMPADD.
    pub(super) fn with_unit(
        &mut self,
        name: &str,
        list: &FunctionArgumentList,
    ) -> Result<Rendered> {
        let [
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(typed))),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(first)),
            FunctionArg::Unnamed(FunctionArgExpr::Expr(second)),
        ] = list.args.as_slice()
        else {
            return Err(SqlError::unsupported(format!(
                "{name} takes a unit and two values"
            )));
        };
        let unit = Unit::from_name(&typed.value).filter(|unit| !unit.is_of_several());
        let Some(unit) = unit else {
            return Err(no_such_unit(&typed.value));
        };
        let (first, second) = (self.expression(first)?, self.expression(second)?);
        if name == "TIMESTAMPADD" {
            return Ok(added(&second, &first, unit, &typed.value, false));
        }
        let unit = text_literal(&typed.value);
        Ok(Rendered::number(format!(
            "m_timestampdiff({unit}, {}, {})",
            first.sql, second.sql
        )))
    }

    /// WEEK, WEEKOFYEAR and YEARWEEK; `None` for all others.
    pub(super) fn week_function(&self, name: &str, arguments: &[Rendered]) -> Option<Rendered> {
        let (function, moment, mode) = match (name, arguments) {
            ("WEEK", [moment]) => ("m_week", moment, self.default_week_mode()),
            ("WEEK", [moment, mode]) => ("m_week", moment, format!("ifnull({}, 0)", mode.sql)),
            ("WEEKOFYEAR", [moment]) => ("m_week", moment, "3".to_owned()),
            ("YEARWEEK", [moment]) => ("m_yearweek", moment, "0".to_owned()),
            ("YEARWEEK", [moment, mode]) => {
                ("m_yearweek", moment, format!("ifnull({}, 0)", mode.sql))
            }
            _ => return None,
        };
        let sql = format!("{function}({}, {mode})", moment.sql);
        Some(Rendered::number(sql))
    }

    fn default_week_mode(&self) -> String {
        let set = self.context.variables.get("default_week_format");
        let mode = set.ok().flatten().and_then(|mode| mode.parse().ok());
        mode.unwrap_or(0_i64).to_string()
    }

    pub(super) fn extract(&mut self, field: &DateTimeField, from: &Expr) -> Result<Rendered> {
        let name = field.to_string();
        let unit = Unit::from_name(&name).ok_or_else(|| no_such_unit(&name))?;
        let from = self.expression(from)?.sql;
        if unit == Unit::Week {
            let mode = self.default_week_mode();
            return Ok(Rendered::number(format!("m_week({from}, {mode})")));
        }
        let unit = text_literal(&name);
        Ok(Rendered::number(format!("m_date_part({from}, {unit})")))
    }

    pub(super) fn add_interval(
        &mut self,
        moment: &Rendered,
        is_back: bool,
        interval: &Interval,
    ) -> Result<Rendered> {
        let Some(field) = &interval.leading_field else {
            return Err(SqlError::unsupported("INTERVAL needs a unit"));
        };
        let name = field.to_string();
        let unit = Unit::from_name(&name).ok_or_else(|| no_such_unit(&name))?;
        let count = self.expression(&interval.value)?;
        Ok(added(moment, &count, unit, &name, is_back))
    }
}

/// `count` units later. Texts of one number are cut off, numbers rounded.
fn added(moment: &Rendered, count: &Rendered, unit: Unit, name: &str, is_back: bool) -> Rendered {
    let count = match unit {
        Unit::Second | Unit::Several(..) => count.precise().to_owned(),
        _ => whole(count),
    };
    Rendered::other(format!(
        "m_date_add({}, {count}, {}, {})",
        moment.sql,
        text_literal(name),
        i32::from(is_back)
    ))
}

fn no_such_unit(name: &str) -> SqlError {
    SqlError::unsupported(format!("the unit {} is not offered", shortened(name)))
}
