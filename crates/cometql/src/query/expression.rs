//! MySQL's expressions as SQLite's: what each is, casts, CASE, sub-queries.
//! Names and literals are in the sibling `names`, operators in `operators`,
//! calls in `calls`.

use std::borrow::Cow;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, DateTimeField, ExactNumberInfo, Expr, Interval,
    TrimWhereField,
};

use super::calendar::Unit;
use super::decimal::MAX_SCALE;
use super::numbers::{Numeric, collation, common, exactly};
use super::operators::equal;
use super::pattern::Case;
use super::rewrite::Rewriter;
use super::scope::{Kind, OutputColumn, quoted, text_literal};
use crate::error::{ErrorKind, SqlError};

/// An expression as SQLite's text, safe to put beside any operator.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// The same before it was rounded to its scale, for who computes with it.
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

    fn subquery(&mut self, expression: &Expr) -> Result<Rendered> {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match expression {
            Expr::Subquery(query) => {
                let (sql, columns) = self.query(query, false)?;
                let kind = match columns.as_slice() {
                    [only] => only.kind,
                    _ => Kind::Other,
                };
                Ok(Rendered::of(format!("({sql})"), kind))
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
                let (left, sql) = match columns.as_slice() {
                    [column] => within(left, &sql, column),
                    _ => (left.compared(), sql),
                };
                Ok(Rendered::number(format!(
                    "({left} {}IN ({sql}))",
                    not(*negated)
                )))
            }
            _ => Err(SqlError::internal("not a sub-query")),
        }
    }

    /// `= ANY (…)` and `<> ALL (…)` are IN and NOT IN; of the others the
    /// answers of all rows are counted: one decides, an unknown one leaves it open.
    fn quantified(&mut self, expression: &Expr) -> Result<Rendered> {
        let (left, operator, right, is_any) = match expression {
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => (left, compare_op, right, true),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => (left, compare_op, right, false),
            _ => return Err(SqlError::internal("neither ANY nor ALL")),
        };
        let Expr::Subquery(query) = &**right else {
            return Err(SqlError::unsupported("ANY and ALL take a sub-query"));
        };
        let left = self.expression(left)?;
        let (sql, columns) = self.query(query, false)?;
        let [column] = columns.as_slice() else {
            return Err(SqlError::new(
                ErrorKind::OperandColumns,
                "Operand should contain 1 column(s)",
            ));
        };
        let word = match (operator, is_any) {
            (BinaryOperator::Eq, true) => Some("IN"),
            (BinaryOperator::NotEq, false) => Some("NOT IN"),
            _ => None,
        };
        if let Some(word) = word {
            let (left, sql) = within(left, &sql, column);
            return Ok(Rendered::number(format!("({left} {word} ({sql}))")));
        }
        let value = Rendered::of(quoted(&column.definition.name), column.kind);
        let test = self.compare(left, operator, value)?;
        let (decides, otherwise) = if is_any { (1, 0) } else { (0, 1) };
        Ok(Rendered::number(format!(
            "(SELECT CASE WHEN sum(({test} IS NOT NULL) AND {test} = {decides}) > 0 THEN {decides} \
             WHEN sum({test} IS NULL) > 0 THEN NULL ELSE {otherwise} END FROM ({sql}))"
        )))
    }

    fn cast(&mut self, operand: &Expr, data_type: &DataType) -> Result<Rendered> {
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
                Rendered::decimal(format!("m_unsigned({})", whole(&operand)), 0)
            }
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

/// Whether values of these kinds compare as they stand.
fn alike(left: Kind, right: Kind) -> bool {
    let is_number = |kind| matches!(kind, Kind::Number | Kind::Real);
    let has_scale = |kind| matches!(kind, Kind::Decimal(_));
    !has_scale(left) && !has_scale(right) && is_number(left) == is_number(right)
        || right == Kind::Null
}

/// A value as a signed whole number: texts are cut off, numbers rounded.
fn whole(operand: &Rendered) -> String {
    let exact = operand.precise();
    match Numeric::of(operand.kind) {
        Numeric::Exact(_) => format!("CAST(m_fixed({exact}, 0) AS INTEGER)"),
        Numeric::Whole => operand.sql.clone(),
        Numeric::Approximate if operand.kind == Kind::Real => {
            format!("CAST(round({}) AS INTEGER)", operand.sql)
        }
        Numeric::Approximate => format!("CAST(m_number({}) AS INTEGER)", operand.sql),
    }
}

/// The most digits of a DECIMAL.
const MAX_PRECISION: u64 = 38;

/// A text that compares byte by byte.
fn exact(sql: &str) -> Rendered {
    Rendered::of(
        format!("(m_concat({sql}) COLLATE BINARY)"),
        Kind::Collated(Case::Exact),
    )
}

/// The left side of IN and the sub-query on its right. The column on the
/// right, if it is one, says how they compare; exact numbers do by their size.
fn within(left: Rendered, query: &str, column: &OutputColumn) -> (String, String) {
    let value = Rendered::of(quoted(&column.definition.name), column.kind);
    if let Some((left, value)) = exactly(&left, &value, true) {
        return (left, format!("SELECT {value} FROM ({query})"));
    }
    let left = match column.kind {
        Kind::Column(_) | Kind::Collated(_) => left.sql,
        _ => left.compared(),
    };
    (left, query.to_owned())
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
