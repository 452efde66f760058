//! CAST and CONVERT: a value made into one of another type; and BINARY, which
//! makes a text compare byte by byte.

use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo, Expr};

use super::decimal::MAX_SCALE;
use super::expression::{Rendered, Result, shortened};
use super::numbers::Numeric;
use super::pattern::Case;
use super::rewrite::Rewriter;
use super::scope::Kind;
use crate::error::SqlError;

impl Rewriter<'_> {
    pub(super) fn cast(&mut self, operand: &Expr, data_type: &DataType) -> Result<Rendered> {
        if *data_type == DataType::Binary(None) {
            return self.binary(operand);
        }
        let operand = self.expression(operand)?;
        let sql = operand.sql.as_str();
        Ok(match data_type {
            DataType::Signed
            | DataType::SignedInteger
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_) => Rendered::number(whole(&operand)),
            DataType::Unsigned | DataType::UnsignedInteger => {
                let whole = match Numeric::of(operand.kind) {
                    Numeric::Exact(_) => operand.precise().to_owned(),
                    _ => whole(&operand),
                };
                Rendered::decimal(format!("m_unsigned({whole})"), 0)
            }
            DataType::Char(length)
            | DataType::Character(length)
            | DataType::Varchar(length)
            | DataType::Nvarchar(length) => {
                let text = format!("m_concat({sql})");
                match length {
                    Some(CharacterLength::IntegerLength { length, .. }) => {
                        Rendered::made_text(format!("m_left({text}, {length})"))
                    }
                    _ => Rendered::made_text(text),
                }
            }
            DataType::Binary(_) | DataType::Varbinary(_) => exact(sql),
            DataType::JSON => Rendered::of(format!("m_json_extract({sql}, '$')"), Kind::Json),
            DataType::Text => Rendered::made_text(format!("m_concat({sql})")),
            DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
                let (precision, scale) = match info {
                    ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
                    ExactNumberInfo::Precision(precision) => (*precision, 0),
                    ExactNumberInfo::None => (10, 0),
                };
                let scale = u8::try_from(scale)
                    .ok()
                    .filter(|scale| *scale <= MAX_SCALE && precision <= MAX_PRECISION)
                    .filter(|scale| u64::from(*scale) <= precision)
                    .ok_or_else(|| {
                        SqlError::unsupported(format!(
                            "DECIMAL({precision},{scale}) is not offered: up to {MAX_PRECISION} \
                             digits, and up to {MAX_SCALE} of them after the point, are"
                        ))
                    })?;
                let exact = operand.precise();
                Rendered::decimal(
                    format!("m_cast_decimal({exact}, {precision}, {scale})"),
                    scale,
                )
            }
            DataType::Double(_) | DataType::Float(_) | DataType::Real => {
                Rendered::real(format!("CAST(m_number({sql}) AS REAL)"))
            }
            DataType::Date => Rendered::other(format!("m_date({sql})")),
            DataType::Datetime(places) | DataType::Timestamp(places, _) => {
                let places = places_of_second(*places)?;
                Rendered::other(format!("m_cast_datetime({sql}, {places})"))
            }
            DataType::Time(places, _) => {
                let places = places_of_second(*places)?;
                Rendered::other(format!("m_cast_time({sql}, {places})"))
            }
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
}

/// A value as a signed whole number: texts are cut off, numbers rounded.
pub(super) fn whole(operand: &Rendered) -> String {
    let exact = operand.precise();
    match Numeric::of(operand.kind) {
        Numeric::Exact(_) => format!("m_signed(m_fixed({exact}, 0))"),
        Numeric::Whole => operand.sql.clone(),
        Numeric::Approximate if operand.kind == Kind::Real => {
            format!("m_whole({})", operand.sql)
        }
        Numeric::Approximate => format!("CAST(m_number({}) AS INTEGER)", operand.sql),
    }
}

/// Digits of the second in DATETIME(3) and TIME(3).
fn places_of_second(places: Option<u64>) -> Result<u64> {
    match places.unwrap_or(0) {
        places @ 0..=6 => Ok(places),
        more => Err(SqlError::unsupported(format!(
            "{more} digits of a second are not offered: up to 6 are"
        ))),
    }
}

/// The most digits of a DECIMAL.
const MAX_PRECISION: u64 = 38;

/// A text that compares byte by byte.
pub(super) fn exact(sql: &str) -> Rendered {
    Rendered::of(
        format!("(m_concat({sql}) COLLATE BINARY)"),
        Kind::Collated(Case::Exact),
    )
}
