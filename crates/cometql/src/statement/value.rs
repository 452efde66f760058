//! A literal or a parameter in a statement, and the three ways tables read it:
//! as text, as free text, as a whole number. What a column accepts beyond that
//! is for its table to say.

use std::borrow::Cow;

use crate::answer::Parameter;
use crate::error::SqlError;
use crate::literal;

/// One value of an INSERT, or one key of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A quoted literal.
    Text(Literal<'a>),
    /// A number as typed, with its sign if that is a minus.
    Number(Cow<'a, str>),
    /// A bare or back-ticked word, which is text (compatibility reference §0 rule 6).
    Word(Cow<'a, str>),
    /// NULL.
    Null,
    /// DEFAULT.
    Default,
    /// A user variable by its name; the session puts its value here before anything
    /// is planned.
    Variable(Cow<'a, str>),
    /// The parameter with this number, counted from 0 over the whole statement.
    Parameter(usize),
}

/// A quoted literal, kept as it was typed until a table knows how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal<'a> {
    raw: Cow<'a, str>,
    delimiter: Option<char>,
}

impl<'a> Literal<'a> {
    /// The literal with `raw` between two `delimiter`s.
    pub fn quoted(raw: impl Into<Cow<'a, str>>, delimiter: char) -> Self {
        Self {
            raw: raw.into(),
            delimiter: Some(delimiter),
        }
    }

    /// A literal that is `text` without any unescaping, such as a hexadecimal one.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            raw: text.into(),
            delimiter: None,
        }
    }

    /// The text as MySQL reads it.
    pub fn text(&self) -> Cow<'_, str> {
        match self.delimiter {
            Some(delimiter) => literal::unescape(&self.raw, delimiter),
            None => Cow::Borrowed(&self.raw),
        }
    }

    /// The text for a free-text column (compatibility reference §2.4).
    pub fn free_text(&self) -> Cow<'_, str> {
        match self.delimiter {
            Some(delimiter) => literal::free_text(&self.raw, delimiter),
            None => Cow::Borrowed(&self.raw),
        }
    }
}

impl Value<'_> {
    /// The same, with a text of its own.
    pub fn into_owned(self) -> Value<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Text(Literal { raw, delimiter }) => Value::Text(Literal {
                raw: owned(raw),
                delimiter,
            }),
            Self::Number(text) => Value::Number(owned(text)),
            Self::Word(text) => Value::Word(owned(text)),
            Self::Variable(name) => Value::Variable(owned(name)),
            Self::Null => Value::Null,
            Self::Default => Value::Default,
            Self::Parameter(index) => Value::Parameter(index),
        }
    }

    /// The value as text; `None` for NULL and DEFAULT.
    ///
    /// # Errors
    /// `InvalidValue` when the statement has fewer parameters than it needs.
    pub fn text<'a>(
        &'a self,
        parameters: &'a [Parameter],
    ) -> Result<Option<Cow<'a, str>>, SqlError> {
        Ok(match self {
            Self::Text(literal) => Some(literal.text()),
            Self::Number(text) | Self::Word(text) => Some(Cow::Borrowed(text)),
            Self::Null | Self::Default | Self::Variable(_) => None,
            Self::Parameter(index) => match find(parameters, *index)? {
                Parameter::Null => None,
                Parameter::Integer(number) => Some(Cow::Owned(number.to_string())),
                Parameter::Unsigned(number) => Some(Cow::Owned(number.to_string())),
                Parameter::Real(number) => Some(Cow::Owned(number.to_string())),
                Parameter::Text(text) => Some(Cow::Borrowed(text)),
            },
        })
    }

    /// The value for a free-text column (`message`, `data`): literals by the
    /// rule of the compatibility reference §2.4, everything else as [`text`](Self::text).
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn free_text<'a>(
        &'a self,
        parameters: &'a [Parameter],
    ) -> Result<Option<Cow<'a, str>>, SqlError> {
        match self {
            Self::Text(literal) => Ok(Some(literal.free_text())),
            _ => self.text(parameters),
        }
    }

    /// The value as a whole signed number, blanks around it ignored; `None` for
    /// NULL and DEFAULT.
    ///
    /// # Errors
    /// `InvalidValue` when it is anything else, or does not fit in 64 bits
    /// (compatibility reference §2.3).
    pub fn integer(&self, parameters: &[Parameter]) -> Result<Option<i64>, SqlError> {
        if let Self::Parameter(index) = self {
            match find(parameters, *index)? {
                Parameter::Integer(number) => return Ok(Some(*number)),
                Parameter::Real(number) => return whole(*number).map(Some),
                _ => {}
            }
        }
        let Some(text) = self.text(parameters)? else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|_| not_whole(&text))
    }
}

fn find(parameters: &[Parameter], index: usize) -> Result<&Parameter, SqlError> {
    parameters.get(index).ok_or_else(|| {
        SqlError::invalid(format!(
            "the statement needs a value for parameter {}, but {} were given",
            index.saturating_add(1),
            parameters.len()
        ))
    })
}

/// Characters of a 64-bit number with its sign, and a few more.
const LONGEST_NUMBER: usize = 24;

/// Scripting languages send whole numbers as DOUBLE; those below 2^53 are exact.
fn whole(number: f64) -> Result<i64, SqlError> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        Ok(number as i64)
    } else {
        Err(not_whole(&number.to_string()))
    }
}

fn not_whole(text: &str) -> SqlError {
    // What is no number at all may be a key that stands in the wrong place.
    let is_shown = text.len() <= LONGEST_NUMBER
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-. ".contains(&byte));
    SqlError::invalid(match is_shown {
        true => format!("expected a whole number, got «{text}»"),
        false => "expected a whole number, got other text".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn typed(raw: &str) -> Value<'_> {
        Value::Text(Literal::quoted(raw, '\''))
    }

    #[test]
    fn whole_numbers_are_read_after_trimming_and_keep_their_sign() {
        for (value, number) in [
            (typed(" 12 "), 12),
            (typed("-5"), -5),
            (typed("99999999999"), 99_999_999_999),
            (Value::Number("-3".into()), -3),
            (Value::Number("007".into()), 7),
        ] {
            assert_eq!(value.integer(&[]), Ok(Some(number)));
        }
        for value in [
            typed("12abc"),
            typed("abc"),
            typed(""),
            typed("1.5"),
            typed("9999999999999999999"),
        ] {
            assert_eq!(
                value.integer(&[]).unwrap_err().kind,
                ErrorKind::InvalidValue
            );
        }
        assert_eq!(Value::Null.integer(&[]), Ok(None));
    }

    #[test]
    fn parameters_are_taken_as_they_are() {
        let json = r#"{"a":"\\u0412 \n"}"#;
        let given = [
            Parameter::Text(json.into()),
            Parameter::Integer(-7),
            Parameter::Unsigned(u64::MAX),
            Parameter::Real(5.0),
            Parameter::Null,
        ];
        let value = |index| Value::Parameter(index);
        assert_eq!(value(0).free_text(&given).unwrap().unwrap(), json);
        assert_eq!(value(0).text(&given).unwrap().unwrap(), json);
        assert_eq!(value(1).integer(&given), Ok(Some(-7)));
        assert_eq!(value(1).text(&given).unwrap().unwrap(), "-7");
        assert_eq!(
            value(2).integer(&given).unwrap_err().kind,
            ErrorKind::InvalidValue
        );
        assert_eq!(value(3).integer(&given), Ok(Some(5)));
        assert_eq!(value(3).text(&given).unwrap().unwrap(), "5");
        assert_eq!(value(4).text(&given), Ok(None));
        assert_eq!(
            value(5).text(&given).unwrap_err().kind,
            ErrorKind::InvalidValue
        );
    }

    #[test]
    fn only_free_text_keeps_unescaped_json() {
        let value = typed(r#"{"name":"\u0412"}"#);
        assert_eq!(
            value.free_text(&[]).unwrap().unwrap(),
            r#"{"name":"\u0412"}"#
        );
        assert_eq!(value.text(&[]).unwrap().unwrap(), r#"{"name":"u0412"}"#);
    }
}
