//! Exact numbers, as MySQL's DECIMAL: whole digits and a scale, so that
//! `0.1 + 0.2` is `0.3`. Up to 38 digits, of which 30 may come after the point.
//! What scale a result has is decided in the sibling `numbers`, before anything
//! is computed.

use std::cmp::Ordering;
use std::fmt;

/// The most digits after the point.
pub(super) const MAX_SCALE: u8 = 30;

/// `digits` divided by ten to the power of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: i128,
    scale: u8,
}

impl Decimal {
    pub(super) const ZERO: Self = Self {
        digits: 0,
        scale: 0,
    };

    pub(super) fn whole(number: i64) -> Self {
        Self {
            digits: number.into(),
            scale: 0,
        }
    }

    pub(super) fn unsigned(number: u64) -> Self {
        Self {
            digits: number.into(),
            scale: 0,
        }
    }

    /// A floating-point number by its shortest text.
    pub(super) fn real(number: f64) -> Option<Self> {
        Self::read(&format!("{number}"))
    }

    /// The number at the beginning of a text, zero if there is none; `None` if
    /// it has too many digits. Digits beyond the longest scale are dropped.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let (is_negative, unsigned) = match text.split_at_checked(1) {
            Some(("-", rest)) => (true, rest),
            Some(("+", rest)) => (false, rest),
            _ => (false, text),
        };
        let mut number = Self::ZERO;
        let mut seen_point = false;
        let mut letters = unsigned.char_indices();
        let mut exponent = 0_i32;
        for (at, letter) in letters.by_ref() {
            match letter {
                '0'..='9' => {
                    if seen_point && number.scale == MAX_SCALE {
                        continue;
                    }
                    let digit = i128::from(letter.to_digit(10)?);
                    number.digits = number.digits.checked_mul(10)?.checked_add(digit)?;
                    number.scale += u8::from(seen_point);
                }
                '.' if !seen_point => seen_point = true,
                'e' | 'E' => {
                    exponent = unsigned.get(at + 1..).and_then(exponent_of).unwrap_or(0);
                    break;
                }
                _ => break,
            }
        }
        if is_negative {
            number = number.negated();
        }
        number.shifted(exponent)
    }

    fn shifted(self, exponent: i32) -> Option<Self> {
        let scale = i32::from(self.scale).checked_sub(exponent)?;
        if scale < 0 {
            let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
            return Some(Self {
                digits: self.digits.checked_mul(factor)?,
                scale: 0,
            });
        }
        match u8::try_from(scale) {
            Ok(scale) if scale <= MAX_SCALE => Some(Self { scale, ..self }),
            _ => {
                let excess = u32::try_from(scale).ok()? - u32::from(MAX_SCALE);
                let digits = 10_i128
                    .checked_pow(excess)
                    .map_or(0, |divisor| self.digits / divisor);
                Some(Self {
                    digits,
                    scale: MAX_SCALE,
                })
            }
        }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        let digits = left.checked_add(right)?;
        Some(Self { digits, scale })
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(other)?;
        let digits = left.checked_sub(right)?;
        Some(Self { digits, scale })
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let exact = Self {
            digits: self.digits.checked_mul(other.digits)?,
            scale: self.scale.checked_add(other.scale)?,
        };
        if exact.scale <= MAX_SCALE {
            return Some(exact);
        }
        exact.rounded(MAX_SCALE.into())
    }

    /// The quotient with `scale` digits after the point, cut off there; fewer
    /// if it has no room for them. `None` is a division by zero or too large.
    pub(super) fn divided(self, divisor: Self, scale: u8) -> Option<Self> {
        if divisor.digits == 0 {
            return None;
        }
        for scale in (0..=scale.min(MAX_SCALE)).rev() {
            let shift = i32::from(scale) + i32::from(divisor.scale) - i32::from(self.scale);
            let (dividend, divisor) = if shift >= 0 {
                (
                    power(shift).and_then(|p| self.digits.checked_mul(p)),
                    Some(divisor.digits),
                )
            } else {
                (
                    Some(self.digits),
                    power(-shift).and_then(|p| divisor.digits.checked_mul(p)),
                )
            };
            if let (Some(dividend), Some(divisor)) = (dividend, divisor) {
                let digits = dividend.checked_div(divisor)?;
                return Some(Self { digits, scale });
            }
        }
        None
    }

    /// What is left of a division that stops at the point; it has the dividend's sign.
    pub(super) fn remainder(self, divisor: Self) -> Option<Self> {
        let (left, right, scale) = self.aligned(divisor)?;
        let digits = left.checked_rem(right)?;
        Some(Self { digits, scale })
    }

    /// With `places` digits after the point, or that many zeros before it if
    /// negative; halves go away from zero.
    pub(super) fn rounded(self, places: i64) -> Option<Self> {
        let cut = i64::from(self.scale) - places;
        if cut <= 0 {
            return self.padded(places);
        }
        let Some(divisor) = i32::try_from(cut).ok().and_then(power) else {
            return Some(Self::ZERO);
        };
        let half = divisor / 2;
        let digits = match self.digits < 0 {
            true => self.digits.checked_sub(half)? / divisor,
            false => self.digits.checked_add(half)? / divisor,
        };
        Self::at(digits, places)
    }

    /// As [`Decimal::rounded`], but towards zero.
    pub(super) fn cut(self, places: i64) -> Option<Self> {
        let excess = i64::from(self.scale) - places;
        if excess <= 0 {
            return self.padded(places);
        }
        let Some(divisor) = i32::try_from(excess).ok().and_then(power) else {
            return Some(Self::ZERO);
        };
        Self::at(self.digits / divisor, places)
    }

    /// The nearest whole number not above.
    pub(super) fn floor(self) -> Option<Self> {
        let digits = self.digits.div_euclid(power(self.scale.into())?);
        Some(Self { digits, scale: 0 })
    }

    /// The nearest whole number not below.
    pub(super) fn ceiling(self) -> Option<Self> {
        let below = self.negated().floor()?;
        Some(below.negated())
    }

    pub(super) const fn negated(self) -> Self {
        Self {
            digits: self.digits.saturating_neg(),
            scale: self.scale,
        }
    }

    pub(super) const fn magnitude(self) -> Self {
        Self {
            digits: self.digits.saturating_abs(),
            scale: self.scale,
        }
    }

    pub(super) const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The number itself, if it is whole and fits.
    pub(super) fn integer(self) -> Option<i64> {
        match self.scale {
            0 => i64::try_from(self.digits).ok(),
            _ => None,
        }
    }

    /// The digits before the point, as a number.
    pub(super) fn whole_part(self) -> Option<i128> {
        Some(self.cut(0)?.digits)
    }

    /// The nearest of the numbers that `precision` digits with `scale` after the
    /// point can say.
    pub(super) fn within(self, precision: u32, scale: u8) -> Option<Self> {
        let rounded = self.rounded(scale.into());
        let largest = 10_i128.checked_pow(precision)?.checked_sub(1)?;
        let digits = match rounded {
            Some(rounded) => rounded.digits.clamp(-largest, largest),
            None if self.digits < 0 => -largest,
            None => largest,
        };
        Some(Self { digits, scale })
    }

    fn padded(self, places: i64) -> Option<Self> {
        let scale = u8::try_from(places.min(MAX_SCALE.into())).ok()?;
        let more = i32::from(scale) - i32::from(self.scale);
        let digits = match more > 0 {
            true => self.digits.checked_mul(power(more)?)?,
            false => return Some(self),
        };
        Some(Self { digits, scale })
    }

    /// `digits`, the last of which stands `places` after the point.
    fn at(digits: i128, places: i64) -> Option<Self> {
        match u8::try_from(places) {
            Ok(scale) => Some(Self { digits, scale }),
            Err(_) => {
                let zeros = i32::try_from(places.checked_neg()?).ok().and_then(power)?;
                let digits = digits.checked_mul(zeros)?;
                Some(Self { digits, scale: 0 })
            }
        }
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u8)> {
        let scale = self.scale.max(other.scale);
        let left = self.padded(scale.into())?;
        let right = other.padded(scale.into())?;
        Some((left.digits, right.digits, scale))
    }
}

fn power(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(exponent.unsigned_abs())
}

/// `12`, `-3` and the like after an `e`.
fn exponent_of(text: &str) -> Option<i32> {
    let end = text
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_digit() || *at == 0 && matches!(letter, '+' | '-')))
        .map_or(text.len(), |(at, _)| at);
    text.get(..end)?.parse().ok()
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        match digits.split_at_checked(digits.len() - scale) {
            Some((whole, fraction)) if !fraction.is_empty() => {
                write!(f, "{sign}{whole}.{fraction}")
            }
            _ => write!(f, "{sign}{digits}"),
        }
    }
}

/// Compares two numbers written out, however many digits they have.
pub(super) fn in_order(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    match (left.is_negative, right.is_negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => left.size(&right),
        (true, true) => right.size(&left),
    }
}

/// A number's text in parts that can be compared: no zeros at either end.
struct Parts<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        Self {
            is_negative: is_negative && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        }
    }

    fn size(&self, other: &Self) -> Ordering {
        let whole = self.whole.len().cmp(&other.whole.len());
        whole
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::read(text).unwrap()
    }

    #[test]
    fn texts_are_read_as_far_as_they_are_numbers() {
        for (text, number) in [
            ("0.30", "0.30"),
            (" -12abc", "-12"),
            ("007.5", "7.5"),
            (".5", "0.5"),
            ("1e2", "100"),
            ("1.5e-3x", "0.0015"),
            ("2e", "2"),
            ("abc", "0"),
            ("", "0"),
        ] {
            assert_eq!(decimal(text).to_string(), number, "{text}");
        }
        assert_eq!(Decimal::read(&"9".repeat(40)), None);
    }

    #[test]
    fn nothing_is_lost_in_arithmetic() {
        let (a, b) = (decimal("0.1"), decimal("0.20"));
        assert_eq!(a.plus(b).unwrap().to_string(), "0.30");
        assert_eq!(a.minus(b).unwrap().to_string(), "-0.10");
        assert_eq!(a.times(b).unwrap().to_string(), "0.020");
        assert_eq!(
            a.divided(decimal("3"), 9).unwrap().to_string(),
            "0.033333333"
        );
        assert_eq!(
            decimal("-7.5").remainder(decimal("2")).unwrap().to_string(),
            "-1.5"
        );
        assert_eq!(a.divided(Decimal::ZERO, 4), None);
    }

    #[test]
    fn halves_are_rounded_away_from_zero_and_the_rest_is_cut() {
        for (number, places, rounded, cut) in [
            ("2.5", 0, "3", "2"),
            ("-2.5", 0, "-3", "-2"),
            ("1.005", 2, "1.01", "1.00"),
            ("1250", -2, "1300", "1200"),
            ("2.5", 3, "2.500", "2.500"),
            ("9.9", -5, "0", "0"),
        ] {
            assert_eq!(
                decimal(number).rounded(places).unwrap().to_string(),
                rounded
            );
            assert_eq!(decimal(number).cut(places).unwrap().to_string(), cut);
        }
        assert_eq!(decimal("-1.2").floor().unwrap().to_string(), "-2");
        assert_eq!(decimal("-1.2").ceiling().unwrap().to_string(), "-1");
        assert_eq!(
            decimal("12345.678").within(5, 2).unwrap().to_string(),
            "999.99"
        );
    }

    proptest! {
        #[test]
        fn texts_are_in_the_order_of_the_numbers(
            a in any::<i64>(), b in any::<i64>(), scale in 0..6_u8, other in 0..6_u8,
        ) {
            let left = Decimal { digits: a.into(), scale };
            let right = Decimal { digits: b.into(), scale: other };
            let (l, r, _) = left.aligned(right).unwrap();
            prop_assert_eq!(in_order(&left.to_string(), &right.to_string()), l.cmp(&r));
        }

        #[test]
        fn no_text_and_no_place_makes_it_panic(
            a in "\\PC{0,12}|-?[0-9]{0,40}(\\.[0-9]{0,40})?(e-?[0-9]{1,12})?",
            b in "-?[0-9]{0,40}(\\.[0-9]{0,40})?",
            places in any::<i64>(),
        ) {
            if let (Some(a), Some(b)) = (Decimal::read(&a), Decimal::read(&b)) {
                let _ = (a.plus(b), a.minus(b), a.times(b), a.remainder(b));
                let _ = (a.divided(b, 9), a.rounded(places), a.cut(places));
                let _ = (a.floor(), a.ceiling(), a.within(65, 30), a.magnitude(), a.to_string());
            }
            let _ = in_order(&a, &b);
        }

        #[test]
        fn what_is_written_is_read_again(digits in any::<i64>(), scale in 0..=MAX_SCALE) {
            let number = Decimal { digits: digits.into(), scale };
            prop_assert_eq!(Decimal::read(&number.to_string()), Some(number));
        }
    }
}
