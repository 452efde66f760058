//! Names and literals inside expressions: columns, system variables,
//! parameters, numbers and texts.

use std::borrow::Cow;

use sqlparser::ast::{Expr, Ident, UnaryOperator, Value, ValueWithSpan};

use super::decimal::{Decimal, MAX_SCALE};
use super::expression::{Rendered, Result, shortened};
use super::functions_decimal;
use super::rewrite::{Rewriter, address, unknown_column};
use super::scope::{Found, Kind, same};
use crate::answer::Parameter;
use crate::error::{ErrorKind, SqlError};
use crate::literal::unescape;

impl Rewriter<'_> {
    pub(super) fn identifier(&mut self, name: &Ident) -> Result<Rendered> {
        if name.quote_style.is_none() {
            if let Some(variable) = name.value.strip_prefix("@@") {
                return self.system_variable(variable, false);
            }
            if name.value.starts_with('@') {
                return Ok(self.user_variable(&name.value));
            }
        }
        match self.find(&name.value) {
            Found::One(sql, kind) => Ok(Rendered::of(sql, kind)),
            Found::Ambiguous => Err(SqlError::new(
                ErrorKind::AmbiguousColumn,
                format!("Column '{}' is ambiguous", name.value),
            )),
            Found::Nothing => match self.word_function(name) {
                Some(rendered) => Ok(rendered),
                None => Err(unknown_column(&name.value, "field list")),
            },
        }
    }

    pub(super) fn find(&self, name: &str) -> Found {
        for scope in self.scopes.iter().rev() {
            match scope.find(name) {
                Found::Nothing => {}
                found => return found,
            }
        }
        Found::Nothing
    }

    /// Functions that may be called without parentheses.
    pub(super) fn word_function(&self, name: &Ident) -> Option<Rendered> {
        let callable = [
            "CURRENT_USER",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURRENT_TIMESTAMP",
            "LOCALTIME",
            "LOCALTIMESTAMP",
            "UTC_DATE",
            "UTC_TIME",
            "UTC_TIMESTAMP",
        ];
        if name.quote_style.is_some() || !callable.iter().any(|word| same(word, &name.value)) {
            return None;
        }
        self.session_function(&name.value.to_ascii_uppercase(), 0)
    }

    pub(super) fn compound_identifier(&mut self, parts: &[Ident]) -> Result<Rendered> {
        let words: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        if self.is_variable(parts) {
            return match words.as_slice() {
                [scope, name] if same(scope, "@@global") => self.system_variable(name, true),
                [scope, name] if same(scope, "@@session") || same(scope, "@@local") => {
                    self.system_variable(name, false)
                }
                _ => self.system_variable(&words.join(".").replace("@@", ""), false),
            };
        }
        let (database, table, column) = match words.as_slice() {
            [table, column] => (None, *table, *column),
            [database, table, column] => (Some(*database), *table, *column),
            _ => return Err(unknown_column(&words.join("."), "field list")),
        };
        for scope in self.scopes.iter().rev() {
            if let Found::One(sql, kind) = scope.find_qualified(database, table, column) {
                return Ok(Rendered::of(sql, kind));
            }
        }
        Err(unknown_column(&words.join("."), "field list"))
    }

    pub(super) fn is_variable(&self, parts: &[Ident]) -> bool {
        parts
            .first()
            .is_some_and(|part| part.quote_style.is_none() && part.value.starts_with("@@"))
    }

    pub(super) fn system_variable(&self, name: &str, global: bool) -> Result<Rendered> {
        let variables = &self.context.variables;
        let value = if global {
            variables.global(name)?
        } else {
            variables.get(name)?
        };
        Ok(match value.as_deref() {
            None => Rendered::null(),
            Some(text) => match text.parse::<i64>() {
                Ok(integer) if integer.to_string() == text => Rendered::number(integer.to_string()),
                _ => Rendered::text(text),
            },
        })
    }

    pub(super) fn value(&self, value: &ValueWithSpan) -> Result<Rendered> {
        match &value.value {
            Value::Number(digits, _) => number_literal(digits),
            Value::Boolean(truth) => Ok(Rendered::number(if *truth { "1" } else { "0" })),
            Value::Null => Ok(Rendered::null()),
            Value::HexStringLiteral(digits) => {
                hexadecimal(digits).map(|text| Rendered::text(&text))
            }
            Value::SingleQuotedByteStringLiteral(digits)
            | Value::DoubleQuotedByteStringLiteral(digits) => i64::from_str_radix(digits, 2)
                .map(|integer| Rendered::number(integer.to_string()))
                .map_err(|_| SqlError::syntax(format!("b'{digits}' is not a binary number"))),
            Value::Placeholder(mark) if mark == "?" => self.placeholder(value),
            Value::Placeholder(mark) if mark.starts_with('@') => Ok(self.user_variable(mark)),
            Value::Placeholder(mark) => Err(SqlError::syntax(format!(
                "{} is not a parameter; parameters are written ?",
                shortened(mark)
            ))),
            other => match string_text(other) {
                Some(text) => Ok(Rendered::text(&text)),
                None => Err(SqlError::unsupported(format!(
                    "the literal {} is not offered",
                    shortened(&other.to_string())
                ))),
            },
        }
    }

    fn placeholder(&self, value: &ValueWithSpan) -> Result<Rendered> {
        let number = self.placeholder_number(value)?;
        let kind = match self.parameter(value)? {
            Some(Parameter::Integer(_)) => Kind::Number,
            Some(Parameter::Unsigned(number)) if i64::try_from(*number).is_ok() => Kind::Number,
            Some(Parameter::Unsigned(_)) => Kind::Decimal(0),
            Some(Parameter::Real(_)) => Kind::Real,
            Some(Parameter::Text(_)) => Kind::Text,
            Some(Parameter::Null) | None => Kind::Other,
        };
        Ok(Rendered::of(format!("?{number}"), kind))
    }

    fn placeholder_number(&self, value: &ValueWithSpan) -> Result<usize> {
        self.placeholders
            .get(&address(value))
            .copied()
            .ok_or_else(|| SqlError::unsupported("a parameter cannot stand here"))
    }

    /// The value given for a `?`; `None` while preparing.
    pub(super) fn parameter(&self, value: &ValueWithSpan) -> Result<Option<&Parameter>> {
        let number = self.placeholder_number(value)?;
        let Some(parameters) = self.parameters else {
            return Ok(None);
        };
        match parameters.get(number.wrapping_sub(1)) {
            Some(parameter) => Ok(Some(parameter)),
            None => Err(SqlError::invalid(format!(
                "parameter {number} has no value"
            ))),
        }
    }

    /// The text of a string literal.
    pub(super) fn literal_text<'e>(&self, expression: &'e Expr) -> Option<Cow<'e, str>> {
        match expression {
            Expr::Value(value) => string_text(&value.value),
            _ => None,
        }
    }

    /// The text of anything that is written as one value.
    pub(super) fn constant_text<'e>(&'e self, expression: &'e Expr) -> Option<Cow<'e, str>> {
        match expression {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => Some(digits.into()),
                Value::Placeholder(_) => match self.parameter(value).ok()?? {
                    Parameter::Integer(integer) => Some(integer.to_string().into()),
                    Parameter::Unsigned(integer) => Some(integer.to_string().into()),
                    Parameter::Text(text) => Some(text.into()),
                    Parameter::Real(number) => Some(number.to_string().into()),
                    Parameter::Null => None,
                },
                other => string_text(other),
            },
            Expr::Identifier(name) => Some((&name.value).into()),
            Expr::UnaryOp {
                op: UnaryOperator::Plus,
                expr,
            } => match &**expr {
                Expr::Value(value) if matches!(value.value, Value::Number(..)) => {
                    self.constant_text(expr)
                }
                _ => None,
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match &**expr {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => Some(format!("-{digits}").into()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// A quoted word that is exactly a column of the language's own tables,
    /// where a constant would make no sense: any of the three quotes may name a
    /// column (compatibility reference §0 rule 6).
    pub(super) fn quoted_word_as_column(&self, expression: &Expr) -> Option<(String, Rendered)> {
        let word = self.literal_text(expression)?;
        let scope = self.scopes.last()?;
        if scope.sources.is_empty() || !scope.sources.iter().all(|source| source.is_live) {
            return None;
        }
        match scope.find(&word) {
            Found::One(sql, kind) => Some((word.into_owned(), Rendered::of(sql, kind))),
            Found::Ambiguous | Found::Nothing => None,
        }
    }
}

/// A number as it is written: with a point it is exact, with an exponent it is not.
fn number_literal(digits: &str) -> Result<Rendered> {
    if digits.parse::<f64>().is_err() {
        return Err(SqlError::syntax(format!(
            "{} is not a number",
            shortened(digits)
        )));
    }
    if digits.contains(['e', 'E']) {
        return Ok(Rendered::real(digits));
    }
    if digits.parse::<i64>().is_ok() {
        return Ok(Rendered::number(digits));
    }
    let fraction = digits.split_once('.').map_or("", |(_, fraction)| fraction);
    let scale = u8::try_from(fraction.len()).map_or(MAX_SCALE, |scale| scale.min(MAX_SCALE));
    let exact = Decimal::read(digits)
        .ok_or_else(|| SqlError::new(ErrorKind::OutOfRange, functions_decimal::OUT_OF_RANGE))?;
    Ok(Rendered::decimal(format!("'{exact}'"), scale))
}

fn string_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::SingleQuotedString(raw) | Value::NationalStringLiteral(raw) => {
            Some(unescape(raw, '\''))
        }
        Value::DoubleQuotedString(raw) => Some(unescape(raw, '"')),
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Result<String> {
    let refused = || SqlError::invalid(format!("x'{}' is not UTF-8 text", shortened(digits)));
    let padded = if digits.len().is_multiple_of(2) {
        Cow::Borrowed(digits)
    } else {
        Cow::Owned(format!("0{digits}"))
    };
    let mut bytes = Vec::with_capacity(padded.len() / 2);
    for pair in padded.as_bytes().chunks(2) {
        let pair = std::str::from_utf8(pair).map_err(|_| refused())?;
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| refused())?);
    }
    String::from_utf8(bytes).map_err(|_| refused())
}
