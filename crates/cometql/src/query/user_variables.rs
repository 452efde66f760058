//! User variables, `@name`: what a session has SET them to, and what they are in an
//! expression. A value keeps its kind: a number stays one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decimal::{Decimal, MAX_SCALE};
use super::expression::Rendered;
use super::rewrite::Rewriter;
use super::scope::Kind;
use super::table::ColumnKind;
use crate::answer::Cell;
use crate::error::{ErrorKind, SqlError};

/// The most variables a session may have.
pub const MAX_USER_VARIABLES: usize = 1000;

/// The most bytes they may hold together, their names included.
pub const MAX_USER_VARIABLE_BYTES: usize = 1 << 20;

/// The variables of one session, by their names in lower case, without the `@`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserVariables {
    values: BTreeMap<String, UserValue>,
    bytes: usize,
}

/// What a variable holds.
#[derive(Debug, Clone, PartialEq)]
pub enum UserValue {
    /// NULL, as a variable that was never SET.
    Null,
    /// A whole number.
    Integer(i64),
    /// An exact number as it is written, with so many digits after the point.
    Decimal(Arc<str>, u8),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(Arc<str>),
}

impl UserVariables {
    /// What `name`, in lower case, holds.
    pub fn get(&self, name: &str) -> &UserValue {
        self.values.get(name).unwrap_or(&UserValue::Null)
    }

    /// SET @name.
    ///
    /// # Errors
    /// `TooManyValues` beyond [`MAX_USER_VARIABLES`] or [`MAX_USER_VARIABLE_BYTES`];
    /// nothing is changed then.
    pub fn set(&mut self, name: &str, value: UserValue) -> Result<(), SqlError> {
        let before = self
            .values
            .get(name)
            .map_or(0, |old| name.len() + old.bytes());
        let after = (self.bytes - before).saturating_add(name.len() + value.bytes());
        let is_new = !self.values.contains_key(name);
        if after > MAX_USER_VARIABLE_BYTES || is_new && self.values.len() >= MAX_USER_VARIABLES {
            return Err(SqlError::new(
                ErrorKind::TooManyValues,
                format!(
                    "a session may have at most {MAX_USER_VARIABLES} variables of its own, of \
                     {MAX_USER_VARIABLE_BYTES} bytes together"
                ),
            ));
        }
        self.bytes = after;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

impl UserValue {
    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => size_of::<Self>(),
            Self::Decimal(text, _) | Self::Text(text) => size_of::<Self>() + text.len(),
        }
    }

    /// The value of an expression of `kind`, from its text.
    pub(super) fn of(cell: Cell, kind: Kind) -> Self {
        let Some(text) = cell else {
            return Self::Null;
        };
        match kind {
            Kind::Number | Kind::Column(ColumnKind::Integer) => match text.parse() {
                Ok(integer) => Self::Integer(integer),
                Err(_) => Self::Text(text),
            },
            Kind::Decimal(scale) => Self::Decimal(text, scale),
            Kind::Real => match text.parse() {
                Ok(real) => Self::Real(real),
                Err(_) => Self::Text(text),
            },
            _ => Self::Text(text),
        }
    }

    /// The value as text; `None` for NULL.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Integer(integer) => Some(integer.to_string()),
            Self::Real(real) => Some(super::functions::real_text(*real)),
            Self::Decimal(text, _) | Self::Text(text) => Some(text.to_string()),
        }
    }
}

/// The name of the user variable that a word is, in lower case and without the `@`.
pub(crate) fn variable_name(word: &str) -> Option<String> {
    let name = word.strip_prefix('@')?;
    (!name.starts_with('@')).then(|| name.to_lowercase())
}

impl Rewriter<'_> {
    /// `@name`; `word` begins with the `@`.
    pub(super) fn user_variable(&self, word: &str) -> Rendered {
        let name = variable_name(word).unwrap_or_default();
        match self.context.user_variables.get(&name) {
            UserValue::Null => Rendered::null(),
            // A bare number would be the number of a column to ORDER BY.
            UserValue::Integer(integer) => Rendered::number(format!("CAST({integer} AS INTEGER)")),
            UserValue::Decimal(text, scale) => match Decimal::read(text) {
                Some(exact) => Rendered::decimal(format!("'{exact}'"), (*scale).min(MAX_SCALE)),
                None => Rendered::text(text),
            },
            // SQLite takes a number past the largest for what is infinite.
            UserValue::Real(real) if real.is_finite() => Rendered::real(format!("({real:?})")),
            UserValue::Real(real) if *real > 0.0 => Rendered::real("9e999"),
            UserValue::Real(_) => Rendered::real("(-9e999)"),
            UserValue::Text(text) => Rendered::text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_bounded_in_number_and_in_bytes_and_what_is_refused_changes_nothing() {
        let mut variables = UserVariables::default();
        for number in 0..MAX_USER_VARIABLES {
            variables.set(&number.to_string(), UserValue::Null).unwrap();
        }
        let error = variables.set("more", UserValue::Null).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooManyValues);
        variables.set("1", UserValue::Integer(1)).unwrap();
        let before = variables.clone();
        let long = UserValue::Text("x".repeat(MAX_USER_VARIABLE_BYTES).into());
        assert!(variables.set("2", long).is_err());
        assert_eq!(variables, before);
        let half = UserValue::Text("x".repeat(MAX_USER_VARIABLE_BYTES / 2).into());
        for _ in 0..5 {
            variables.set("2", half.clone()).unwrap();
        }
    }
}
