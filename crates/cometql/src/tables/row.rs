//! One row of an INSERT as a table reads it: values by column, in the three ways
//! a column can want them, with errors that name the field.

use std::borrow::Cow;

use pipes::name::{EventName, NameError, PipeName};

use super::MIN_PIPE_NAME;
use crate::answer::Parameter;
use crate::error::{ErrorKind, SqlError};
use crate::query::table::TableColumn;
use crate::statement::Value;

/// The values of one row, by the table's column numbers.
pub(crate) struct InsertRow<'a> {
    values: &'a [Option<&'a Value<'a>>],
    columns: &'a [TableColumn],
    parameters: &'a [Parameter],
}

impl<'a> InsertRow<'a> {
    /// A row with a value or nothing for each of the table's `columns`.
    pub(crate) fn new(
        values: &'a [Option<&'a Value<'a>>],
        columns: &'a [TableColumn],
        parameters: &'a [Parameter],
    ) -> Self {
        Self {
            values,
            columns,
            parameters,
        }
    }

    fn value(&self, column: usize) -> Option<&'a Value<'a>> {
        self.values.get(column).copied().flatten()
    }

    fn name(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.name)
    }

    fn missing(&self, column: usize) -> SqlError {
        let name = self.name(column);
        match self.value(column) {
            Some(_) => SqlError::new(
                ErrorKind::NullValue,
                format!("the field {name} is required, got NULL"),
            ),
            None => SqlError::new(
                ErrorKind::MissingField,
                format!("the field {name} is required"),
            ),
        }
    }

    /// The text of a required column.
    pub(crate) fn text(&self, column: usize) -> Result<Cow<'a, str>, SqlError> {
        match self.value(column) {
            Some(value) => value.text(self.parameters)?,
            None => None,
        }
        .ok_or_else(|| self.missing(column))
    }

    /// The text of an optional column; an empty one for none.
    pub(crate) fn optional_text(&self, column: usize) -> Result<Cow<'a, str>, SqlError> {
        let text = match self.value(column) {
            Some(value) => value.text(self.parameters)?,
            None => None,
        };
        Ok(text.unwrap_or_default())
    }

    /// The text of a required column that holds what people wrote
    /// (compatibility reference §2.4).
    pub(crate) fn free_text(&self, column: usize) -> Result<Cow<'a, str>, SqlError> {
        match self.value(column) {
            Some(value) => value.free_text(self.parameters)?,
            None => None,
        }
        .ok_or_else(|| self.missing(column))
    }

    /// The number of an optional column.
    pub(crate) fn integer(&self, column: usize) -> Result<Option<i64>, SqlError> {
        match self.value(column) {
            Some(value) => value
                .integer(self.parameters)
                .map_err(|error| error.about(self.name(column))),
            None => Ok(None),
        }
    }

    /// The number of a required column.
    pub(crate) fn required_integer(&self, column: usize) -> Result<i64, SqlError> {
        self.integer(column)?.ok_or_else(|| self.missing(column))
    }

    /// A required pipe name.
    pub(crate) fn pipe(&self, column: usize) -> Result<PipeName, SqlError> {
        let text = self.text(column)?;
        PipeName::parse_with_minimum(&text, MIN_PIPE_NAME).map_err(name_error)
    }

    /// A required event name, which may be empty.
    pub(crate) fn event(&self, column: usize) -> Result<EventName, SqlError> {
        EventName::parse(&self.text(column)?).map_err(name_error)
    }

    /// Fails unless each of `columns` has a value, in this order.
    pub(crate) fn require(&self, columns: &[usize]) -> Result<(), SqlError> {
        for column in columns {
            if !self
                .value(*column)
                .is_some_and(|value| !matches!(value, Value::Null))
            {
                return Err(self.missing(*column));
            }
        }
        Ok(())
    }
}

/// A name's error under its CometQL number (compatibility reference §3.1).
pub(crate) fn name_error(error: NameError) -> SqlError {
    let kind = match error {
        NameError::TooLong { .. } => ErrorKind::TooLong,
        NameError::TooShort { .. } => ErrorKind::TooShort,
        _ => ErrorKind::InvalidValue,
    };
    SqlError::new(kind, error.to_string())
}
