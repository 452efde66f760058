//! What kind of number an operation makes, as MySQL decides it before anything
//! is computed: whole numbers and numbers with a point are exact, texts and
//! floating-point numbers are not. Also which kind a choice of several has
//! (IF, CASE, COALESCE), and how exact numbers compare.
//!
//! An exact number with a scale ([`Kind::Decimal`]) is a text to SQLite.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, UnaryOperator, Value};

use super::collation::{ANY_CASE, BY_NUMBER};
use super::decimal::MAX_SCALE;
use super::expression::{Rendered, Result};
use super::rewrite::Rewriter;
use super::scope::Kind;
use super::table::ColumnKind;

/// A kind as an operand of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numeric {
    /// A whole number.
    Whole,
    /// An exact number with so many digits after the point.
    Exact(u8),
    /// A floating-point number, or a text that becomes one.
    Approximate,
}

impl Numeric {
    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Number | Kind::Column(ColumnKind::Integer) => Self::Whole,
            Kind::Decimal(scale) => Self::Exact(scale),
            _ => Self::Approximate,
        }
    }

    /// The scale of two exact numbers, if one of them has one.
    fn scales(self, other: Self) -> Option<(u8, u8)> {
        match (self, other) {
            (Self::Exact(left), Self::Exact(right)) => Some((left, right)),
            (Self::Exact(left), Self::Whole) => Some((left, 0)),
            (Self::Whole, Self::Exact(right)) => Some((0, right)),
            _ => None,
        }
    }
}

/// The kind of what is computed from a value of `kind` without changing it.
pub(super) const fn computed(kind: Kind) -> Kind {
    match kind {
        Kind::Column(ColumnKind::Integer) => Kind::Number,
        Kind::Column(ColumnKind::Text | ColumnKind::TextAnyCase) => Kind::Text,
        other => other,
    }
}

/// The kind of a value that is one of several.
pub(super) fn common(kinds: impl IntoIterator<Item = Kind>) -> Kind {
    let mut kinds = kinds
        .into_iter()
        .map(computed)
        .filter(|kind| *kind != Kind::Null);
    let Some(first) = kinds.next() else {
        return Kind::Null;
    };
    kinds.fold(first, |left, right| match (left, right) {
        _ if left == right => left,
        (Kind::Other, _) | (_, Kind::Other) => Kind::Other,
        (Kind::Decimal(left), Kind::Decimal(right)) => Kind::Decimal(left.max(right)),
        (Kind::Decimal(scale), Kind::Number) | (Kind::Number, Kind::Decimal(scale)) => {
            Kind::Decimal(scale)
        }
        (
            Kind::Real | Kind::Number | Kind::Decimal(_),
            Kind::Real | Kind::Number | Kind::Decimal(_),
        ) => Kind::Real,
        _ => Kind::Text,
    })
}

/// Whether a value of kind `own` has to be converted to be one of `kind`.
pub(super) fn is_made_one_of(own: Kind, kind: Kind) -> bool {
    own != kind
        && matches!(
            (own, kind),
            (Kind::Decimal(_), Kind::Real) | (_, Kind::Decimal(_))
        )
        && own != Kind::Null
}

impl Rendered {
    /// An exact number that has more digits until somebody looks at it.
    pub(super) fn fixed(unrounded: String, scale: u8) -> Self {
        Self {
            sql: format!("m_fixed({unrounded}, {scale})"),
            kind: Kind::Decimal(scale),
            unrounded: Some(unrounded),
        }
    }

    /// A whole number made by operators. Where 64 bits cannot hold it SQLite goes on
    /// with a floating-point number; who looks at it is told.
    pub(super) fn whole(unchecked: String) -> Self {
        Self {
            sql: format!("m_int({unchecked})"),
            kind: Kind::Number,
            unrounded: Some(unchecked),
        }
    }

    pub(super) fn decimal(sql: impl Into<String>, scale: u8) -> Self {
        Self::of(sql, Kind::Decimal(scale))
    }

    pub(super) fn real(sql: impl Into<String>) -> Self {
        Self::of(sql, Kind::Real)
    }

    /// With all the digits there are.
    pub(super) fn precise(&self) -> &str {
        self.unrounded.as_deref().unwrap_or(&self.sql)
    }

    /// The same value as one of `kind`, which is [`common`] to it and others.
    pub(super) fn become_one_of(self, kind: Kind) -> Self {
        let sql = match (self.kind, kind) {
            (own, wanted) if own == wanted => self.sql,
            (Kind::Null, _) => self.sql,
            (_, Kind::Decimal(scale)) => format!("m_fixed({}, {scale})", self.precise()),
            (Kind::Decimal(_), Kind::Real) => format!("CAST({} AS REAL)", self.precise()),
            _ => self.sql,
        };
        Self::of(sql, kind)
    }

    /// As a value that compares by its size with other exact numbers.
    fn by_number(&self) -> String {
        format!("(m_decimal({}) COLLATE {BY_NUMBER})", self.precise())
    }
}

/// `+`, `-` and `*`.
pub(super) fn calculated(left: &Rendered, sign: char, right: &Rendered) -> Rendered {
    let (l, r) = (Numeric::of(left.kind), Numeric::of(right.kind));
    let Some((own, other)) = l.scales(r) else {
        return match (l, r) {
            (Numeric::Whole, Numeric::Whole) => {
                Rendered::whole(format!("({} {sign} {})", left.precise(), right.precise()))
            }
            _ => Rendered::real(format!("({} {sign} {})", left.sql, right.sql)),
        };
    };
    let (function, scale) = match sign {
        '+' => ("m_plus", own.max(other)),
        '-' => ("m_minus", own.max(other)),
        _ => ("m_times", own.saturating_add(other).min(MAX_SCALE)),
    };
    let result = format!("{function}({}, {})", left.precise(), right.precise());
    match left.unrounded.is_some() || right.unrounded.is_some() {
        true => Rendered::fixed(result, scale),
        false => Rendered::decimal(result, scale),
    }
}

/// `%` and MOD.
pub(super) fn remainder(left: &Rendered, right: &Rendered) -> Rendered {
    match Numeric::of(left.kind).scales(Numeric::of(right.kind)) {
        Some((own, other)) => {
            let result = format!("m_remainder({}, {})", left.precise(), right.precise());
            Rendered::fixed(result, own.max(other))
        }
        None => {
            let sql = format!("m_mod({}, {})", left.sql, right.sql);
            Rendered::of(sql, common([left.kind, right.kind, Kind::Number]))
        }
    }
}

/// `-x`.
pub(super) fn negative(operand: &Rendered) -> Rendered {
    match Numeric::of(operand.kind) {
        Numeric::Whole => Rendered::whole(format!("(- {})", operand.precise())),
        Numeric::Approximate => Rendered::real(format!("(- {})", operand.sql)),
        Numeric::Exact(scale) => {
            let result = format!("m_negative({})", operand.precise());
            match operand.unrounded {
                Some(_) => Rendered::fixed(result, scale),
                None => Rendered::decimal(result, scale),
            }
        }
    }
}

/// Two operands of a comparison of which one is an exact number with a scale;
/// `None` if they compare as they stand.
pub(super) fn exactly(
    left: &Rendered,
    right: &Rendered,
    is_range: bool,
) -> Option<(String, String)> {
    let is_decimal = |side: &Rendered| matches!(side.kind, Kind::Decimal(_));
    if !is_decimal(left) && !is_decimal(right) {
        return None;
    }
    let (l, r) = (Numeric::of(left.kind), Numeric::of(right.kind));
    if l.scales(r).is_some() {
        return Some((left.by_number(), right.by_number()));
    }
    // A key is looked up by its text; see `comparable`.
    let is_key = |side: &Rendered| {
        !is_range
            && matches!(
                side.kind,
                Kind::Column(ColumnKind::Text | ColumnKind::TextAnyCase)
            )
    };
    if is_key(left) || is_key(right) {
        return None;
    }
    Some((
        format!("m_number({})", left.sql),
        format!("m_number({})", right.sql),
    ))
}

impl Rewriter<'_> {
    /// How many digits a division adds.
    pub(super) fn division_digits(&self) -> u8 {
        let set = self.context.variables.get("div_precision_increment");
        let digits = set.ok().flatten().and_then(|digits| digits.parse().ok());
        digits.unwrap_or(4).min(MAX_SCALE)
    }

    pub(super) fn quotient(&self, left: &Rendered, right: &Rendered) -> Rendered {
        let scale = match (Numeric::of(left.kind), Numeric::of(right.kind)) {
            (Numeric::Approximate, _) | (_, Numeric::Approximate) => {
                return Rendered::real(format!("m_divide({}, {})", left.sql, right.sql));
            }
            (Numeric::Exact(scale), _) => scale,
            (Numeric::Whole, _) => 0,
        };
        let scale = scale.saturating_add(self.division_digits()).min(MAX_SCALE);
        let (l, r) = (left.precise(), right.precise());
        Rendered::fixed(format!("m_quotient({l}, {r}, {scale})"), scale)
    }

    /// Functions whose kind depends on that of their arguments; `None` for all others.
    pub(super) fn number_function(
        &self,
        name: &str,
        arguments: &[Rendered],
        typed: &[FunctionArg],
    ) -> Result<Option<Rendered>> {
        Ok(Some(match (name, arguments) {
            ("ABS", [operand]) => match Numeric::of(operand.kind) {
                Numeric::Whole => Rendered::number(format!("abs({})", operand.sql)),
                Numeric::Approximate => Rendered::real(format!("abs({})", operand.sql)),
                Numeric::Exact(scale) => {
                    Rendered::fixed(format!("m_magnitude({})", operand.precise()), scale)
                }
            },
            ("CEIL" | "CEILING", [operand]) => to_whole(operand, "m_ceil", "m_ceiling_exact"),
            ("FLOOR", [operand]) => to_whole(operand, "m_floor", "m_floor_exact"),
            ("ROUND", [operand]) => rounded(operand, "m_rounded", "0", Some(0)),
            ("ROUND", [operand, places]) => {
                let constant = typed.get(1).and_then(|places| self.constant_places(places));
                rounded(operand, "m_rounded", &places.sql, constant)
            }
            ("TRUNCATE", [operand, places]) => {
                let constant = typed.get(1).and_then(|places| self.constant_places(places));
                rounded(operand, "m_truncated", &places.sql, constant)
            }
            ("MOD", [left, right]) => remainder(left, right),
            ("HEX", [operand]) if matches!(operand.kind, Kind::Decimal(_)) => {
                let whole = format!("CAST(m_fixed({}, 0) AS INTEGER)", operand.precise());
                Rendered::made_text(format!("m_hex({whole})"))
            }
            ("IF", [condition, then, otherwise]) => {
                let [then, otherwise] = alike([then.clone(), otherwise.clone()]);
                let sql = format!(
                    "(CASE WHEN {} THEN {} ELSE {} END)",
                    condition.sql, then.sql, otherwise.sql
                );
                Rendered::of(sql, then.kind)
            }
            ("IFNULL", [first, second]) => {
                let [first, second] = alike([first.clone(), second.clone()]);
                Rendered::of(format!("ifnull({}, {})", first.sql, second.sql), first.kind)
            }
            ("COALESCE", [only]) => Rendered::of(only.sql.clone(), computed(only.kind)),
            ("COALESCE", [_, _, ..]) => several("coalesce", arguments, false),
            ("GREATEST", [_, _, ..]) => several("max", arguments, true),
            ("LEAST", [_, _, ..]) => several("min", arguments, true),
            ("NULLIF", [value, other]) if exactly(value, other, true).is_some() => {
                let (l, r) = exactly(value, other, true).unwrap_or_default();
                let sql = format!("(CASE WHEN {l} = {r} THEN NULL ELSE {} END)", value.sql);
                Rendered::of(sql, computed(value.kind))
            }
            ("NULLIF", [value, other]) => {
                let parts = super::calls::compared(&[value.clone(), other.clone()]);
                Rendered::of(
                    format!("nullif({})", parts.join(", ")),
                    computed(value.kind),
                )
            }
            _ => return Ok(None),
        }))
    }

    /// The number of places that ROUND and TRUNCATE are given, if it is written out.
    fn constant_places(&self, places: &FunctionArg) -> Option<i64> {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(places)) = places else {
            return None;
        };
        let digits = |expression: &Expr| match expression {
            Expr::Value(value) => match &value.value {
                Value::Number(digits, _) => digits.parse::<i64>().ok(),
                Value::Placeholder(_) => self.constant_text(expression)?.parse().ok(),
                _ => None,
            },
            _ => None,
        };
        match places {
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => digits(expr)?.checked_neg(),
            other => digits(other),
        }
    }
}

fn to_whole(operand: &Rendered, approximate: &str, exact: &str) -> Rendered {
    match Numeric::of(operand.kind) {
        Numeric::Exact(_) => Rendered::decimal(format!("{exact}({})", operand.precise()), 0),
        Numeric::Whole => Rendered::number(operand.sql.clone()),
        Numeric::Approximate => Rendered::real(format!("{approximate}({})", operand.sql)),
    }
}

fn rounded(operand: &Rendered, function: &str, places: &str, constant: Option<i64>) -> Rendered {
    let sql = format!("{function}({}, {places})", operand.precise());
    match (Numeric::of(operand.kind), constant) {
        (Numeric::Exact(_), Some(places)) => {
            let scale = u8::try_from(places.clamp(0, MAX_SCALE.into())).unwrap_or(MAX_SCALE);
            Rendered::decimal(format!("m_fixed({sql}, {scale})"), scale)
        }
        (Numeric::Exact(scale), None) => Rendered::fixed(sql, scale),
        (Numeric::Whole, _) => Rendered::number(sql),
        (Numeric::Approximate, _) => Rendered::real(format!(
            "{function}(CAST({} AS REAL), {places})",
            operand.sql
        )),
    }
}

/// Values of which one will be the result, made of one kind.
pub(super) fn alike<const N: usize>(values: [Rendered; N]) -> [Rendered; N] {
    let kind = common(values.iter().map(|value| value.kind));
    values.map(|value| value.become_one_of(kind))
}

fn several(function: &str, arguments: &[Rendered], is_compared: bool) -> Rendered {
    let kind = common(arguments.iter().map(|argument| argument.kind));
    let mut parts: Vec<String> = match is_compared && !matches!(kind, Kind::Decimal(_)) {
        true => super::calls::compared(arguments),
        false => arguments
            .iter()
            .map(|argument| argument.clone().become_one_of(kind).sql)
            .collect(),
    };
    if let (true, Kind::Decimal(_), Some(first)) = (is_compared, kind, parts.first_mut()) {
        *first = format!("({first} COLLATE {BY_NUMBER})");
    }
    Rendered::of(format!("{function}({})", parts.join(", ")), kind)
}

/// The collation that finds equal values of a kind, if it needs one.
pub(super) const fn collation(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Json | Kind::Other => Some(ANY_CASE),
        Kind::Decimal(_) => Some(BY_NUMBER),
        Kind::Null
        | Kind::Column(_)
        | Kind::Number
        | Kind::Real
        | Kind::Collated(_)
        | Kind::Tuple => None,
    }
}
