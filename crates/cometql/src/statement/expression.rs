//! The parser's names and expressions as ours, for statements whose values are
//! literals. Whether a double-quoted text is a name or a value depends on where
//! it stands, so both readings are here.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArguments, Ident, ObjectName, ObjectNamePart, TableFactor,
    TableWithJoins, UnaryOperator, Value as Parsed, ValueWithSpan, Visit, Visitor,
};

use super::tokens;
use super::value::{Literal, Value};
use super::{KeyCondition, TableName};
use crate::error::{ErrorKind, SqlError};
use crate::literal;
use crate::query::user_variables::variable_name;
use crate::scan::{self, Limits};

/// Finds the number of a parameter from its place in the statement.
pub(super) struct Parameters {
    offsets: Vec<usize>,
}

impl Parameters {
    /// The parameters of `statement`.
    pub(super) fn of(statement: &str) -> Result<Self, SqlError> {
        let mut offsets = Vec::new();
        if memchr::memchr(b'?', statement.as_bytes()).is_some() {
            for lexeme in scan::Lexemes::new(statement) {
                let lexeme = lexeme?;
                if lexeme.kind == scan::LexemeKind::Symbol(b'?') {
                    offsets.push(lexeme.range.start);
                }
            }
        }
        Ok(Self { offsets })
    }

    fn index(&self, value: &ValueWithSpan) -> Option<usize> {
        let offset = tokens::offset(value.span)?;
        self.offsets.binary_search(&offset).ok()
    }

    /// The numbers of the parameters inside an expression, in order.
    ///
    /// # Errors
    /// `Syntax` for a parameter that is not written `?`.
    pub(super) fn within(&self, expression: &Expr) -> Result<Vec<usize>, SqlError> {
        struct Marks<'a>(&'a Parameters, Vec<usize>);
        impl Visitor for Marks<'_> {
            type Break = ();
            fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
                match (&value.value, self.0.index(value)) {
                    (Parsed::Placeholder(mark), None) if !mark.starts_with('@') => {
                        return ControlFlow::Break(());
                    }
                    (Parsed::Placeholder(_), Some(number)) => self.1.push(number),
                    _ => {}
                }
                ControlFlow::Continue(())
            }
        }
        let mut marks = Marks(self, Vec::new());
        if expression.visit(&mut marks).is_break() {
            return Err(named_parameter());
        }
        marks.1.sort_unstable();
        Ok(marks.1)
    }
}

/// The text of a name in any of the three quotes.
pub(super) fn name(identifier: &Ident) -> String {
    match identifier.quote_style {
        Some(quote @ ('\'' | '"')) => literal::unescape(&identifier.value, quote).into_owned(),
        _ => identifier.value.clone(),
    }
}

/// The last part of a name that may be qualified.
pub(super) fn last_name(parts: &ObjectName) -> Result<String, SqlError> {
    match parts.0.last() {
        Some(ObjectNamePart::Identifier(identifier)) => Ok(name(identifier)),
        _ => Err(SqlError::syntax("expected the name of a column")),
    }
}

/// A table's name, qualified or not.
pub(super) fn table_name(parts: &ObjectName) -> Result<TableName, SqlError> {
    match parts.0.as_slice() {
        [ObjectNamePart::Identifier(table)] => Ok(TableName {
            database: None,
            name: name(table),
        }),
        [
            ObjectNamePart::Identifier(database),
            ObjectNamePart::Identifier(table),
        ] => Ok(TableName {
            database: Some(name(database)),
            name: name(table),
        }),
        _ => Err(SqlError::syntax("expected the name of a table")),
    }
}

/// The one plain table of a FROM: no join, alias, hint or anything else.
pub(super) fn plain_table(from: &[TableWithJoins]) -> Option<&ObjectName> {
    let [TableWithJoins { relation, joins }] = from else {
        return None;
    };
    match relation {
        TableFactor::Table {
            name,
            alias: None,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } if joins.is_empty()
            && with_hints.is_empty()
            && partitions.is_empty()
            && index_hints.is_empty() =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// A column: a bare name, or a word in any of the three quotes.
pub(super) fn column(expression: &Expr) -> Option<String> {
    let quoted = match expression {
        Expr::Identifier(identifier) => return Some(name(identifier)),
        Expr::Value(value) => match &value.value {
            Parsed::SingleQuotedString(raw) | Parsed::DoubleQuotedString(raw) => raw,
            _ => return None,
        },
        _ => return None,
    };
    let is_word = quoted.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && quoted
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_word.then(|| quoted.clone())
}

/// A literal, a bare word or a parameter; `None` for any other expression.
///
/// # Errors
/// `InvalidValue` for a hexadecimal literal that is not text.
pub(super) fn value(
    expression: &Expr,
    parameters: &Parameters,
) -> Result<Option<Value<'static>>, SqlError> {
    Ok(match expression {
        Expr::Value(value) => literal_value(value, parameters)?,
        Expr::Identifier(identifier) if is_variable(identifier) => None,
        Expr::Identifier(identifier) => Some(word(identifier)),
        Expr::UnaryOp { op, expr } => match (op, &**expr) {
            (
                UnaryOperator::Minus,
                Expr::Value(ValueWithSpan {
                    value: Parsed::Number(digits, _),
                    ..
                }),
            ) => Some(Value::Number(format!("-{digits}").into())),
            (
                UnaryOperator::Plus,
                Expr::Value(ValueWithSpan {
                    value: Parsed::Number(digits, _),
                    ..
                }),
            ) => Some(Value::Number(digits.clone().into())),
            _ => None,
        },
        // `_utf8'text'`: the character set changes nothing (compatibility reference §0 rule 4).
        Expr::Prefixed {
            prefix,
            value: inner,
        } if prefix.value.starts_with('_') => match &**inner {
            Expr::Value(inner) => literal_value(inner, parameters)?,
            _ => None,
        },
        // `current_user`, `current_date` and the like without parentheses are words here.
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) => {
            match function.name.0.as_slice() {
                [ObjectNamePart::Identifier(identifier)] => Some(word(identifier)),
                _ => None,
            }
        }
        _ => None,
    })
}

/// Whether a word is `@name` or `@@name`.
pub(super) fn is_variable(identifier: &Ident) -> bool {
    identifier.quote_style.is_none() && identifier.value.starts_with('@')
}

/// The name of the user variable that a word is.
pub(super) fn user_variable(identifier: &Ident) -> Option<String> {
    let word = identifier
        .quote_style
        .is_none()
        .then_some(&identifier.value)?;
    variable_name(word)
}

fn word(identifier: &Ident) -> Value<'static> {
    if identifier.quote_style.is_none() && identifier.value.eq_ignore_ascii_case("default") {
        Value::Default
    } else {
        Value::Word(name(identifier).into())
    }
}

fn literal_value(
    value: &ValueWithSpan,
    parameters: &Parameters,
) -> Result<Option<Value<'static>>, SqlError> {
    Ok(match &value.value {
        Parsed::SingleQuotedString(raw) | Parsed::NationalStringLiteral(raw) => {
            Some(Value::Text(Literal::quoted(raw.clone(), '\'')))
        }
        Parsed::DoubleQuotedString(raw) => Some(Value::Text(Literal::quoted(raw.clone(), '"'))),
        Parsed::Number(digits, _) => Some(Value::Number(digits.clone().into())),
        Parsed::Boolean(truth) => Some(Value::Number(u8::from(*truth).to_string().into())),
        Parsed::Null => Some(Value::Null),
        Parsed::HexStringLiteral(digits) => Some(Value::Text(Literal::plain(hexadecimal(digits)?))),
        Parsed::Placeholder(_) => match parameters.index(value) {
            Some(index) => Some(Value::Parameter(index)),
            None => return Err(named_parameter()),
        },
        _ => None,
    })
}

fn named_parameter() -> SqlError {
    SqlError::syntax("named parameters must be sent as ?")
}

fn hexadecimal(digits: &str) -> Result<String, SqlError> {
    let refused = || SqlError::invalid("expected a hexadecimal literal that is UTF-8 text");
    let padded = if digits.len() % 2 == 1 { "0" } else { "" };
    let nibbles: Option<Vec<u8>> = padded
        .chars()
        .chain(digits.chars())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes = nibbles
        .ok_or_else(refused)?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
        .collect();
    String::from_utf8(bytes).map_err(|_| refused())
}

/// `column = value` or `column IN (values)`; `None` for any other condition.
///
/// # Errors
/// `TooManyConditions` when there are more values than `limits` allow.
pub(super) fn key_condition(
    expression: &Expr,
    parameters: &Parameters,
    limits: &Limits,
) -> Result<Option<KeyCondition>, SqlError> {
    match expression {
        Expr::Nested(inner) => key_condition(inner, parameters, limits),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => {
            let (Some(column), Some(key)) = (column(left), value(right, parameters)?) else {
                return Ok(None);
            };
            Ok(Some(KeyCondition {
                column,
                keys: vec![key],
            }))
        }
        Expr::InList {
            expr,
            list,
            negated: false,
        } => {
            if list.len() > limits.max_keys {
                return Err(SqlError::new(
                    ErrorKind::TooManyConditions,
                    format!(
                        "a condition may name at most {} values, this one names {}",
                        limits.max_keys,
                        list.len()
                    ),
                ));
            }
            let Some(column) = column(expr) else {
                return Ok(None);
            };
            let mut keys = Vec::with_capacity(list.len());
            for item in list {
                match value(item, parameters)? {
                    Some(key) => keys.push(key),
                    None => return Ok(None),
                }
            }
            Ok(Some(KeyCondition { column, keys }))
        }
        _ => Ok(None),
    }
}

/// Empties the lists that were typed as `IN ( )` and that the tokens filled.
pub(super) fn empty_marked_lists<T: sqlparser::ast::VisitMut>(parsed: &mut T) {
    let _ = sqlparser::ast::visit_expressions_mut(parsed, |expression| {
        if let Expr::InList { list, .. } = expression
            && matches!(list.as_slice(), [Expr::Value(only)]
                if only.span.start.column == tokens::NOT_TYPED)
        {
            list.clear();
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
}

/// Refuses a column that is named twice, whatever its case.
///
/// # Errors
/// `DuplicateColumn`.
pub(super) fn each_once<'a>(columns: impl Iterator<Item = &'a str>) -> Result<(), SqlError> {
    let columns: Vec<&str> = columns.collect();
    let repeated = if columns.len() <= FEW_COLUMNS {
        (0..columns.len()).find(|place| {
            let mut before = columns.iter().take(*place);
            let column = columns.get(*place);
            before.any(|before| column.is_some_and(|column| before.eq_ignore_ascii_case(column)))
        })
    } else {
        let mut seen = HashSet::with_capacity(columns.len());
        columns
            .iter()
            .position(|column| !seen.insert(column.to_ascii_lowercase()))
    };
    match repeated.and_then(|place| columns.get(place)) {
        None => Ok(()),
        Some(column) => {
            let shown: String = column.chars().take(64).collect();
            Err(SqlError::new(
                ErrorKind::DuplicateColumn,
                format!("the column «{shown}» is named twice"),
            ))
        }
    }
}

/// Up to this many names are compared with each other without a set of them.
const FEW_COLUMNS: usize = 16;
