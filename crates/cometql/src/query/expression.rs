//! MySQL's expressions as SQLite's: what each is, casts, CASE, sub-queries.
//! Names and literals are in the sibling `names`, operators in `operators`,
//! calls in `calls`.

use std::borrow::Cow;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, DateTimeField, ExactNumberInfo, Expr, Interval,
    TrimWhereField,
};

use super::calendar::Unit;
use super::collation::ANY_CASE;
use super::pattern::Case;
use super::rewrite::Rewriter;
use super::scope::{Kind, text_literal};
use crate::error::SqlError;

/// An expression as SQLite's text, safe to put beside any operator.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) sql: String,
    pub(super) kind: Kind,
}

impl Rendered {
    pub(super) fn other(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            kind: Kind::Other,
        }
    }

    pub(super) fn number(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            kind: Kind::Number,
        }
    }

    /// A text that a function makes.
    pub(super) fn made_text(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            kind: Kind::Text,
        }
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
        match self.kind {
            Kind::Text | Kind::Json | Kind::Other => {
                format!("({} COLLATE {ANY_CASE})", self.sql)
            }
            Kind::Column(_) | Kind::Number | Kind::Collated(_) | Kind::Tuple => self.sql.clone(),
        }
    }

    pub(super) fn text(text: &str) -> Self {
        Self {
            sql: text_literal(text),
            kind: Kind::Text,
        }
    }

    pub(super) fn null() -> Self {
        Self::other("NULL")
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
        Ok(Rendered {
            sql: format!("({})", parts.join(", ")),
            kind: Kind::Tuple,
        })
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Result<Rendered> {
        let mut sql = "(CASE".to_owned();
        let operand = match operand {
            Some(operand) => {
                let operand = self.expression(operand)?;
                sql.push_str(&format!(" {}", operand.compared()));
                Some(operand)
            }
            None => None,
        };
        for when in conditions {
            let condition = match &operand {
                Some(operand) => self.right_operand(operand, &when.condition)?.sql,
                None => self.expression(&when.condition)?.sql,
            };
            let result = self.expression(&when.result)?.sql;
            sql.push_str(&format!(" WHEN {condition} THEN {result}"));
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.expression(otherwise)?.sql;
            sql.push_str(&format!(" ELSE {otherwise}"));
        }
        sql.push_str(" END)");
        Ok(Rendered::other(sql))
    }

    fn subquery(&mut self, expression: &Expr) -> Result<Rendered> {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expression {
            Expr::Subquery(query) => {
                let (sql, columns) = self.query(query, false)?;
                let kind = match columns.as_slice() {
                    [only] => only.kind,
                    _ => Kind::Other,
                };
                Ok(Rendered {
                    sql: format!("({sql})"),
                    kind,
                })
            }
            Expr::Exists { subquery, negated } => {
                let (sql, _) = self.query(subquery, false)?;
                Ok(Rendered::number(format!(
                    "({}EXISTS ({sql}))",
                    not(*negated)
                )))
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let left = self.expression(expr)?;
                let (sql, columns) = self.query(subquery, false)?;
                let left = compared_with(left, columns.first().map(|column| column.kind));
                Ok(Rendered::number(format!(
                    "({left} {}IN ({sql}))",
                    not(*negated)
                )))
            }
            _ => Err(SqlError::internal("not a sub-query")),
        }
    }

    fn quantified(&mut self, expression: &Expr) -> Result<Rendered> {
        let (left, word, right) = match expression {
            Expr::AnyOp {
                left,
                compare_op: BinaryOperator::Eq,
                right,
                ..
            } => (left, "IN", right),
            Expr::AllOp {
                left,
                compare_op: BinaryOperator::NotEq,
                right,
            } => (left, "NOT IN", right),
            _ => {
                return Err(SqlError::unsupported(
                    "of ANY and ALL only = ANY (…) and <> ALL (…) are offered",
                ));
            }
        };
        let left = self.expression(left)?;
        let right = self.expression(right)?;
        let left = compared_with(left, Some(right.kind));
        Ok(Rendered::number(format!("({left} {word} {})", right.sql)))
    }

    fn cast(&mut self, operand: &Expr, data_type: &DataType) -> Result<Rendered> {
        if *data_type == DataType::Binary(None) {
            return self.binary(operand);
        }
        let sql = self.expression(operand)?.sql;
        Ok(match data_type {
            DataType::Signed
            | DataType::SignedInteger
            | DataType::Unsigned
            | DataType::UnsignedInteger
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_) => Rendered::number(format!("CAST(m_number({sql}) AS INTEGER)")),
            DataType::Char(length)
            | DataType::Character(length)
            | DataType::Varchar(length)
            | DataType::Nvarchar(length) => {
                let text = format!("m_concat({sql})");
                match length {
                    Some(sqlparser::ast::CharacterLength::IntegerLength { length, .. }) => {
                        Rendered::made_text(format!("m_left({text}, {length})"))
                    }
                    _ => Rendered::made_text(text),
                }
            }
            DataType::Binary(_) | DataType::Varbinary(_) => exact(&sql),
            DataType::JSON => Rendered {
                sql: format!("m_json_extract({sql}, '$')"),
                kind: Kind::Json,
            },
            DataType::Text => Rendered::made_text(format!("m_concat({sql})")),
            DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
                let scale = match info {
                    ExactNumberInfo::PrecisionAndScale(_, scale) => *scale,
                    ExactNumberInfo::None | ExactNumberInfo::Precision(_) => 0,
                };
                Rendered::number(format!("round(m_number({sql}), {scale})"))
            }
            DataType::Double(_) | DataType::Float(_) | DataType::Real => {
                Rendered::number(format!("CAST(m_number({sql}) AS REAL)"))
            }
            DataType::Date => Rendered::other(format!("m_date({sql})")),
            DataType::Datetime(_) | DataType::Timestamp(..) => {
                Rendered::other(format!("m_datetime({sql})"))
            }
            DataType::Time(..) => Rendered::other(format!("m_time({sql})")),
            other => {
                return Err(SqlError::unsupported(format!(
                    "CAST to {} is not offered",
                    shortened(&other.to_string())
                )));
            }
        })
    }

    /// `BINARY a = b`: the parser takes all that follows for the operand, while
    /// MySQL means the first operand alone.
    fn binary(&mut self, operand: &Expr) -> Result<Rendered> {
        let mut first = operand;
        while let Expr::BinaryOp { left: inner, .. }
        | Expr::InList { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::RLike { expr: inner, .. } = first
        {
            first = inner;
        }
        let outer = self.exact_operand.replace(std::ptr::from_ref(first).addr());
        let result = self.expression(operand);
        self.exact_operand = outer;
        result
    }

    /// Functions whose arguments are separated by words.
    fn keyword_function(&mut self, expression: &Expr) -> Result<Rendered> {
        match expression {
            Expr::Extract { field, expr, .. } => {
                let unit = unit(field)?;
                let moment = self.expression(expr)?.sql;
                Ok(Rendered::number(format!("m_date_part({moment}, '{unit}')")))
            }
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

    pub(super) fn add_interval(
        &mut self,
        moment: &Rendered,
        sign: &str,
        interval: &Interval,
    ) -> Result<Rendered> {
        let Some(field) = &interval.leading_field else {
            return Err(SqlError::unsupported("INTERVAL needs a unit"));
        };
        let unit = unit(field)?;
        let count = self.expression(&interval.value)?.sql;
        Ok(Rendered::other(format!(
            "m_date_add({}, ({sign}{count}), '{unit}')",
            moment.sql
        )))
    }
}

/// A text that compares byte by byte.
fn exact(sql: &str) -> Rendered {
    Rendered {
        sql: format!("(m_concat({sql}) COLLATE BINARY)"),
        kind: Kind::Collated(Case::Exact),
    }
}

/// The left side of IN: the column on the right, if it is one, says how.
fn compared_with(left: Rendered, right: Option<Kind>) -> String {
    match right {
        Some(Kind::Column(_) | Kind::Collated(_)) => left.sql,
        _ => left.compared(),
    }
}

fn unit(field: &DateTimeField) -> Result<String> {
    let name = field.to_string();
    match Unit::from_name(&name) {
        Some(_) => Ok(name.to_ascii_uppercase()),
        None => Err(SqlError::unsupported(format!(
            "the unit {} is not offered",
            shortened(&name)
        ))),
    }
}

/// Enough of a text to recognise it in an error.
pub(super) fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 64;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}
