//! MySQL's expressions as SQLite's: what each is, CASE, and the functions that
//! the parser knows. Names and literals are in the sibling `names`, operators in
//! `operators`, calls in `calls`, casts in `casts`, sub-queries in `subqueries`.

use std::borrow::Cow;

use sqlparser::ast::{CaseWhen, Expr, TrimWhereField};

use super::casts::exact;
use super::numbers::{collation, common};
use super::operators::equal;
use super::rewrite::Rewriter;
use super::scope::{Kind, text_literal};
use crate::error::SqlError;

/// An expression as SQLite's text, safe to put beside any operator.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// The same before it was rounded to its scale, or checked to be a whole number,
    /// for who computes with it.
    pub(super) unrounded: Option<String>,
}

impl Rendered {
    pub(super) fn of(sql: impl Into<String>, kind: Kind) -> Self {
        Self {
            sql: sql.into(),
            kind,
            unrounded: None,
        }
    }

    pub(super) fn other(sql: impl Into<String>) -> Self {
        Self::of(sql, Kind::Other)
    }

    pub(super) fn number(sql: impl Into<String>) -> Self {
        Self::of(sql, Kind::Number)
    }

    /// A text that a function makes.
    pub(super) fn made_text(sql: impl Into<String>) -> Self {
        Self::of(sql, Kind::Text)
    }

    /// A JSON string is compared as the text it holds.
    pub(super) fn unquoted(self) -> Self {
        match self.kind {
            Kind::Json => Self::made_text(format!("m_json_unquote({})", self.sql)),
            _ => self,
        }
    }

    /// As it stands where equal texts are looked for: a column brings its own
    /// collation, whatever is computed compares without regard to case.
    pub(super) fn compared(&self) -> String {
        match collation(self.kind) {
            Some(collation) => format!("({} COLLATE {collation})", self.sql),
            None => self.sql.clone(),
        }
    }

    pub(super) fn text(text: &str) -> Self {
        Self::made_text(text_literal(text))
    }

    pub(super) fn null() -> Self {
        Self::of("NULL", Kind::Null)
    }
}

pub(super) type Result<T> = std::result::Result<T, SqlError>;

impl Rewriter<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Result<Rendered> {
        self.nested(|this| this.by_shape(expression))
    }

    fn by_shape(&mut self, expression: &Expr) -> Result<Rendered> {
        let address = std::ptr::from_ref(expression).addr();
        if self
            .exact_operand
            .take_if(|operand| *operand == address)
            .is_some()
        {
            let operand = self.expression(expression)?;
            return Ok(exact(&operand.sql));
        }
        match expression {
            Expr::Identifier(name) => self.identifier(name),
            Expr::CompoundIdentifier(parts) => self.compound_identifier(parts),
            Expr::Value(value) => self.value(value),
            Expr::Nested(inner) => self.expression(inner),
            Expr::BinaryOp { .. } => self.chain(expression),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::Function(function) => self.call(function),
            Expr::Cast {
                expr, data_type, ..
            } => self.cast(expr, data_type),
            Expr::Convert {
                expr, data_type, ..
            } => match data_type {
                Some(data_type) => self.cast(expr, data_type),
                None => self.expression(expr),
            },
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref()),
            Expr::Tuple(items) => self.tuple(items),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                self.subquery(expression)
            }
            Expr::AnyOp { .. } | Expr::AllOp { .. } => self.quantified(expression),
            Expr::InList { .. } | Expr::Between { .. } => self.membership(expression),
            Expr::Like { .. } | Expr::ILike { .. } | Expr::RLike { .. } => self.pattern(expression),
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_) => self.is(expression),
            Expr::Collate { expr, collation } => self.collate(expr, collation),
            Expr::Prefixed { value, .. } => self.expression(value),
            Expr::TypedString(typed) => self.value(&typed.value),
            Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. } => self.keyword_function(expression),
            Expr::MatchAgainst { .. } => {
                Err(SqlError::unsupported("MATCH … AGAINST is not offered"))
            }
            Expr::MemberOf(_) => Err(SqlError::unsupported("MEMBER OF is not offered")),
            Expr::Interval(_) => Err(SqlError::unsupported(
                "INTERVAL is offered only after + and - and in DATE_ADD and DATE_SUB",
            )),
            other => Err(SqlError::unsupported(format!(
                "the expression {} is not offered",
                shortened(&other.to_string())
            ))),
        }
    }

    fn tuple(&mut self, items: &[Expr]) -> Result<Rendered> {
        let mut parts = Vec::new();
        for item in items {
            parts.push(self.expression(item)?.sql);
        }
        let sql = format!("({})", parts.join(", "));
        Ok(Rendered::of(sql, Kind::Tuple))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Rendered> {
        let operand = match operand {
            Some(operand) => Some(self.expression(operand)?),
            None => None,
        };
        let mut tests = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for when in conditions {
            tests.push(match &operand {
                Some(operand) => self.right_operand(operand, &when.condition)?,
                None => self.expression(&when.condition)?,
            });
            results.push(self.expression(&when.result)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.expression(otherwise)?);
        }
        let mut sql = "(CASE".to_owned();
        // Values of different kinds are compared one by one.
        let operand = match operand {
            Some(operand) if tests.iter().any(|test| !alike(operand.kind, test.kind)) => {
                tests = tests
                    .into_iter()
                    .map(|test| equal(operand.clone(), test))
                    .collect();
                None
            }
            other => other,
        };
        if let Some(operand) = operand {
            sql.push_str(&format!(" {}", operand.compared()));
        }
        let kind = common(results.iter().map(|result| result.kind));
        let mut results = results.into_iter().map(|result| result.become_one_of(kind));
        for (test, result) in tests.iter().zip(results.by_ref()) {
            sql.push_str(&format!(" WHEN {} THEN {}", test.sql, result.sql));
        }
        if let Some(otherwise) = results.next() {
            sql.push_str(&format!(" ELSE {}", otherwise.sql));
        }
        sql.push_str(" END)");
        Ok(Rendered::of(sql, kind))
    }

    /// Functions whose arguments are separated by words.
    fn keyword_function(&mut self, expression: &Expr) -> Result<Rendered> {
        match expression {
            Expr::Extract { field, expr, .. } => self.extract(field, expr),
            Expr::Ceil { expr, .. } => {
                let number = self.expression(expr)?.sql;
                Ok(Rendered::number(format!("m_ceil({number})")))
            }
            Expr::Floor { expr, .. } => {
                let number = self.expression(expr)?.sql;
                Ok(Rendered::number(format!("m_floor({number})")))
            }
            Expr::Position { expr, r#in } => {
                let needle = self.expression(expr)?.sql;
                let hay = self.expression(r#in)?.sql;
                Ok(Rendered::number(format!("m_locate({needle}, {hay})")))
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                let mut arguments = vec![self.expression(expr)?.sql];
                match substring_from {
                    Some(from) => arguments.push(self.expression(from)?.sql),
                    None => arguments.push("1".to_owned()),
                }
                if let Some(length) = substring_for {
                    arguments.push(self.expression(length)?.sql);
                }
                Ok(Rendered::made_text(format!(
                    "m_substring({})",
                    arguments.join(", ")
                )))
            }
            Expr::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters: None,
            } => {
                let what = match trim_what {
                    Some(what) => self.expression(what)?.sql,
                    None => "' '".to_owned(),
                };
                let side = match trim_where {
                    None | Some(TrimWhereField::Both) => "BOTH",
                    Some(TrimWhereField::Leading) => "LEADING",
                    Some(TrimWhereField::Trailing) => "TRAILING",
                };
                let text = self.expression(expr)?.sql;
                Ok(Rendered::made_text(format!(
                    "m_trim({text}, {what}, '{side}')"
                )))
            }
            _ => Err(SqlError::unsupported("TRIM takes one set of characters")),
        }
    }
}

/// Whether values of these kinds compare as they stand.
fn alike(left: Kind, right: Kind) -> bool {
    let is_number = |kind| matches!(kind, Kind::Number | Kind::Real);
    let has_scale = |kind| matches!(kind, Kind::Decimal(_));
    !has_scale(left) && !has_scale(right) && is_number(left) == is_number(right)
        || right == Kind::Null
}

/// Enough of a text to recognise it in an error.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
