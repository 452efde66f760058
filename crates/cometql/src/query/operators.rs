//! Operators: arithmetic, comparison, AND and OR, IN, BETWEEN, LIKE, COLLATE.

use sqlparser::ast::{BinaryOperator, Expr, ObjectName, UnaryOperator};

use super::collation::{ANY_CASE, BY_NUMBER};
use super::expression::{Rendered, Result};
use super::numbers::{Numeric, calculated, exactly, negative, remainder};
use super::pattern::Case;
use super::rewrite::{Rewriter, object_name};
use super::scope::{Found, Kind, same};
use super::table::ColumnKind;
use crate::error::SqlError;

impl Rewriter<'_> {
    /// `a + b + c …` leans to the left and may be long: walked, not recursed.
    pub(super) fn chain(&mut self, expression: &Expr) -> Result<Rendered> {
        let mut first = expression;
        let mut operations = Vec::new();
        while let Expr::BinaryOp { left, op, right } = first {
            operations.push((op, &**right));
            first = left;
        }
        let mut result = Rendered::null();
        let mut joined_by = "";
        // INTERVAL 1 DAY + date
        if let Expr::Interval(interval) = first
            && let Some((BinaryOperator::Plus, right)) = operations.pop()
        {
            let moment = self.expression(right)?;
            result = self.add_interval(&moment, false, interval)?;
            first = right;
        }
        let is_begun = result.kind != Kind::Null;
        let mut first = (!is_begun).then_some(first);
        while let Some((operator, right)) = operations.pop() {
            let left_expression = first.take();
            if let Some(left) = left_expression {
                result = self.left_operand(left, operator, right)?;
            }
            let word = match operator {
                BinaryOperator::And => "AND",
                BinaryOperator::Or => "OR",
                _ => "",
            };
            if !joined_by.is_empty() && joined_by != word {
                result.sql = format!("({})", result.sql);
            }
            if word.is_empty() {
                result = self.operate(result, operator, right)?;
            } else {
                let right = self.expression(right)?.sql;
                result.sql.push_str(&format!(" {word} {right}"));
                result.kind = Kind::Number;
            }
            joined_by = word;
        }
        if !joined_by.is_empty() {
            result.sql = format!("({})", result.sql);
        }
        Ok(result)
    }

    fn left_operand(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Rendered> {
        if comparison(operator).is_some()
            && self.constant_text(right).is_some()
            && let Some((_, column)) = self.quoted_word_as_column(left)
        {
            return Ok(column);
        }
        self.expression(left)
    }

    fn operate(
        &mut self,
        left: Rendered,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Rendered> {
        if comparison(operator).is_some() {
            let right = self.right_operand(&left, right)?;
            return self.compare(left, operator, right).map(Rendered::number);
        }
        if let Expr::Interval(interval) = right {
            let is_back = match operator {
                BinaryOperator::Plus => false,
                BinaryOperator::Minus => true,
                _ => return Err(SqlError::unsupported("INTERVAL comes after + or -")),
            };
            return self.add_interval(&left, is_back, interval);
        }
        let right = self.expression(right)?;
        let (l, r) = (&left.sql, &right.sql);
        Ok(match operator {
            BinaryOperator::Plus => calculated(&left, '+', &right),
            BinaryOperator::Minus => calculated(&left, '-', &right),
            BinaryOperator::Multiply => calculated(&left, '*', &right),
            BinaryOperator::Divide => self.quotient(&left, &right),
            BinaryOperator::Modulo => remainder(&left, &right),
            BinaryOperator::MyIntegerDivide => Rendered::number(format!("m_div({l}, {r})")),
            BinaryOperator::BitwiseAnd => with_bits("m_bit_and", &left, &right),
            BinaryOperator::BitwiseOr => with_bits("m_bit_or", &left, &right),
            BinaryOperator::BitwiseXor | BinaryOperator::PGBitwiseXor => {
                with_bits("m_bit_xor", &left, &right)
            }
            BinaryOperator::PGBitwiseShiftLeft => with_bits("m_shift_left", &left, &right),
            BinaryOperator::PGBitwiseShiftRight => with_bits("m_shift_right", &left, &right),
            BinaryOperator::StringConcat => Rendered::made_text(format!("m_concat({l}, {r})")),
            BinaryOperator::Xor => Rendered::number(format!("((NOT {l}) <> (NOT {r}))")),
            BinaryOperator::Regexp => {
                let function = matching("m_regexp", left.kind, right.kind);
                Rendered::number(format!("{function}({l}, {r})"))
            }
            BinaryOperator::Arrow => Rendered::of(format!("m_json_extract({l}, {r})"), Kind::Json),
            BinaryOperator::LongArrow => {
                Rendered::made_text(format!("m_json_unquote(m_json_extract({l}, {r}))"))
            }
            other => {
                return Err(SqlError::unsupported(format!(
                    "the operator {other} is not offered"
                )));
            }
        })
    }

    /// The right side of a comparison with a column may be a bare word
    /// (`WHERE name = p23`, compatibility reference §0 rule 6).
    pub(super) fn right_operand(&mut self, left: &Rendered, right: &Expr) -> Result<Rendered> {
        if let Expr::Identifier(name) = right
            && matches!(left.kind, Kind::Column(_))
            && !name.value.starts_with('@')
            && matches!(self.find(&name.value), Found::Nothing)
            && self.word_function(name).is_none()
        {
            return Ok(Rendered::text(&name.value));
        }
        self.expression(right)
    }

    pub(super) fn unary(&mut self, operator: UnaryOperator, operand: &Expr) -> Result<Rendered> {
        let rendered = self.expression(operand)?;
        let operand = rendered.sql.as_str();
        match operator {
            UnaryOperator::Not | UnaryOperator::BangNot => {
                Ok(Rendered::number(format!("(NOT {operand})")))
            }
            UnaryOperator::Minus => Ok(negative(&rendered)),
            UnaryOperator::Plus => Ok(rendered),
            UnaryOperator::BitwiseNot => Ok(Rendered::decimal(
                format!("m_bit_not({})", bits(&rendered)),
                0,
            )),
            other => Err(SqlError::unsupported(format!(
                "the operator {other} is not offered"
            ))),
        }
    }

    pub(super) fn is(&mut self, expression: &Expr) -> Result<Rendered> {
        let (operand, test) = match expression {
            Expr::IsNull(operand) | Expr::IsUnknown(operand) => (operand, "IS NULL"),
            Expr::IsNotNull(operand) | Expr::IsNotUnknown(operand) => (operand, "IS NOT NULL"),
            Expr::IsTrue(operand) => (operand, "IS TRUE"),
            Expr::IsNotTrue(operand) => (operand, "IS NOT TRUE"),
            Expr::IsFalse(operand) => (operand, "IS FALSE"),
            Expr::IsNotFalse(operand) => (operand, "IS NOT FALSE"),
            _ => return Err(SqlError::internal("not an IS")),
        };
        let operand = self.expression(operand)?.sql;
        Ok(Rendered::number(format!("({operand} {test})")))
    }

    pub(super) fn membership(&mut self, expression: &Expr) -> Result<Rendered> {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expression {
            Expr::InList {
                expr,
                list,
                negated,
            } => {
                let left = match self.quoted_word_as_column(expr) {
                    Some((_, column)) => column,
                    None => self.expression(expr)?,
                };
                let is_tuple = matches!(**expr, Expr::Tuple(_));
                let mut rendered = Vec::with_capacity(list.len());
                for item in list {
                    rendered.push(self.right_operand(&left, item)?);
                }
                let (left, items) = comparable_list(left, rendered);
                let values = if is_tuple && !items.is_empty() {
                    "VALUES "
                } else {
                    ""
                };
                Ok(Rendered::number(format!(
                    "({left} {}IN ({values}{}))",
                    not(*negated),
                    items.join(", ")
                )))
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let left = match self.quoted_word_as_column(expr) {
                    Some((_, column)) => column,
                    None => self.expression(expr)?,
                };
                let low = self.right_operand(&left, low)?;
                let high = self.right_operand(&left, high)?;
                let (from, low) = comparable(left.clone(), low, true);
                let (left, high) = comparable(left, high, true);
                if from != left {
                    let inside = format!("({from} >= {low} AND {left} <= {high})");
                    return Ok(Rendered::number(format!("({}{inside})", not(*negated))));
                }
                Ok(Rendered::number(format!(
                    "({left} {}BETWEEN {low} AND {high})",
                    not(*negated)
                )))
            }
            _ => Err(SqlError::internal("neither IN nor BETWEEN")),
        }
    }

    pub(super) fn pattern(&mut self, expression: &Expr) -> Result<Rendered> {
        let (negated, text, pattern, function, escape) = match expression {
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => (negated, expr, pattern, "m_like", escape_char),
            Expr::RLike {
                negated,
                expr,
                pattern,
                ..
            } => (negated, expr, pattern, "m_regexp", &None),
            _ => return Err(SqlError::unsupported("only LIKE and REGEXP are offered")),
        };
        let left = match self.quoted_word_as_column(text) {
            Some((_, column)) => column,
            None => self.expression(text)?,
        };
        let pattern = self.right_operand(&left, pattern)?;
        let called = matching(function, left.kind, pattern.kind);
        let escape = match (function, escape) {
            ("m_regexp", _) => String::new(),
            (_, Some(escape)) => format!(", {}", self.expression(escape)?.sql),
            (_, None) => ", '\\'".to_owned(),
        };
        let call = format!("{called}({}, {}{escape})", left.sql, pattern.sql);
        Ok(Rendered::number(if *negated {
            format!("(NOT {call})")
        } else {
            call
        }))
    }

    pub(super) fn collate(&mut self, operand: &Expr, collation: &ObjectName) -> Result<Rendered> {
        let parts = object_name(collation)?;
        let name = parts.last().copied().unwrap_or_default();
        let (collation, case) = if name.ends_with("_bin") || same(name, "binary") {
            ("BINARY", Case::Exact)
        } else if name.ends_with("_ci") {
            (ANY_CASE, Case::Any)
        } else {
            return Err(SqlError::unsupported(format!(
                "the collation {name} is not offered"
            )));
        };
        let operand = self.expression(operand)?.sql;
        Ok(Rendered::of(
            format!("({operand} COLLATE {collation})"),
            Kind::Collated(case),
        ))
    }
}

impl Rewriter<'_> {
    /// A comparison of two values as SQL.
    pub(super) fn compare(
        &self,
        left: Rendered,
        operator: &BinaryOperator,
        right: Rendered,
    ) -> Result<String> {
        let Some(operator) = comparison(operator) else {
            return Err(SqlError::unsupported(format!(
                "the operator {operator} compares nothing"
            )));
        };
        let is_range = !matches!(operator, "=" | "<>" | "IS");
        let (left, right) = comparable(left, right, is_range);
        Ok(format!("({left} {operator} {right})"))
    }
}

/// Whether two values are equal, as CASE asks it.
pub(super) fn equal(left: Rendered, right: Rendered) -> Rendered {
    let (left, right) = comparable(left, right, false);
    Rendered::number(format!("({left} = {right})"))
}

/// The left side of IN and its list. Numbers and texts compare as numbers.
fn comparable_list(left: Rendered, items: Vec<Rendered>) -> (String, Vec<String>) {
    let kinds = items.iter().map(|item| item.kind).chain([left.kind]);
    let as_decimals = kinds
        .clone()
        .all(|kind| Numeric::of(kind) != Numeric::Approximate || kind == Kind::Null);
    let has_scale = kinds.clone().any(|kind| matches!(kind, Kind::Decimal(_)));
    let is_key = matches!(
        left.kind,
        Kind::Column(ColumnKind::Text | ColumnKind::TextAnyCase)
    );
    if has_scale && !is_key {
        let function = if as_decimals { "m_decimal" } else { "m_number" };
        let converted = |value: &Rendered| format!("{function}({})", value.precise());
        let items = items.iter().map(converted).collect();
        let left = match as_decimals {
            true => format!("({} COLLATE {BY_NUMBER})", converted(&left)),
            false => converted(&left),
        };
        return (left, items);
    }
    let is_number = matches!(left.kind, Kind::Number | Kind::Real);
    let items = items.into_iter().map(|item| match item.kind {
        Kind::Text if is_number => format!("m_number({})", item.sql),
        _ => item.sql,
    });
    (left.compared(), items.collect())
}

fn comparison(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Eq => "=",
        BinaryOperator::NotEq => "<>",
        BinaryOperator::Lt => "<",
        BinaryOperator::LtEq => "<=",
        BinaryOperator::Gt => ">",
        BinaryOperator::GtEq => ">=",
        BinaryOperator::Spaceship => "IS",
        _ => return None,
    })
}

/// An operation on the bits of two numbers.
fn with_bits(function: &str, left: &Rendered, right: &Rendered) -> Rendered {
    Rendered::decimal(format!("{function}({}, {})", bits(left), bits(right)), 0)
}

/// A value as an operand of bit operators: numbers with a point are rounded.
pub(super) fn bits(operand: &Rendered) -> String {
    match operand.kind {
        Kind::Decimal(scale) if scale > 0 => format!("m_fixed({}, 0)", operand.precise()),
        _ => operand.sql.clone(),
    }
}

/// LIKE or REGEXP with regard to case, if one of the sides asks for that.
pub(super) fn matching(function: &'static str, left: Kind, right: Kind) -> &'static str {
    let is_exact = |kind| {
        matches!(
            kind,
            Kind::Column(ColumnKind::Text) | Kind::Collated(Case::Exact)
        )
    };
    match function {
        "m_like" if is_exact(left) || is_exact(right) => "m_like_exact",
        "m_regexp" if is_exact(left) || is_exact(right) => "m_regexp_exact",
        other => other,
    }
}

/// A number and a text compare as numbers, in ranges also when the text is a
/// column's. Equality of a text column stays a comparison of texts, so that a
/// key is looked up: `name = 123` means the pipe `123`. Texts compare as the
/// column among them does, and without regard to case if there is none.
fn comparable(left: Rendered, right: Rendered, is_range: bool) -> (String, String) {
    let becomes_number = |kind: Kind| match kind {
        Kind::Text | Kind::Json => true,
        Kind::Column(ColumnKind::Text | ColumnKind::TextAnyCase) => is_range,
        Kind::Column(ColumnKind::Integer)
        | Kind::Null
        | Kind::Number
        | Kind::Real
        | Kind::Decimal(_)
        | Kind::Other
        | Kind::Collated(_)
        | Kind::Tuple => false,
    };
    if let Some(sides) = exactly(&left, &right, is_range) {
        return sides;
    }
    match (left.kind, right.kind) {
        (Kind::Number | Kind::Real, kind) if becomes_number(kind) => {
            (left.sql, format!("m_number({})", right.sql))
        }
        (kind, Kind::Number | Kind::Real) if becomes_number(kind) => {
            (format!("m_number({})", left.sql), right.sql)
        }
        (Kind::Tuple | Kind::Collated(_) | Kind::Column(_), _)
        | (_, Kind::Tuple | Kind::Collated(_) | Kind::Column(_)) => {
            (left.unquoted().sql, right.unquoted().sql)
        }
        _ => (left.unquoted().compared(), right.unquoted().compared()),
    }
}
