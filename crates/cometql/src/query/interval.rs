//! INTERVAL: the units there are, and how far a value in one of them reaches.

use super::calendar::{DAY, MICROS, Moment};
use super::decimal::Decimal;

/// What can be added to a moment, or taken out of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Microsecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    /// Several units one after the other, from the first to the last: `DAY_SECOND`.
    Several(Part, Part),
}

/// The units that several can be made of, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Microsecond,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) months: i64,
    pub(super) micros: i64,
}

impl Unit {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("SQL_TSI_").unwrap_or(&name);
        Some(match name.trim_end_matches('S') {
            "MICROSECOND" => Self::Microsecond,
            "SECOND" => Self::Second,
            "MINUTE" => Self::Minute,
            "HOUR" => Self::Hour,
            "DAY" => Self::Day,
            "WEEK" => Self::Week,
            "MONTH" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" => Self::Year,
            "YEAR_MONTH" => Self::Several(Part::Year, Part::Month),
            "DAY_HOUR" => Self::Several(Part::Day, Part::Hour),
            "DAY_MINUTE" => Self::Several(Part::Day, Part::Minute),
            "DAY_SECOND" => Self::Several(Part::Day, Part::Second),
            "DAY_MICROSECOND" => Self::Several(Part::Day, Part::Microsecond),
            "HOUR_MINUTE" => Self::Several(Part::Hour, Part::Minute),
            "HOUR_SECOND" => Self::Several(Part::Hour, Part::Second),
            "HOUR_MICROSECOND" => Self::Several(Part::Hour, Part::Microsecond),
            "MINUTE_SECOND" => Self::Several(Part::Minute, Part::Second),
            "MINUTE_MICROSECOND" => Self::Several(Part::Minute, Part::Microsecond),
            "SECOND_MICROSECOND" => Self::Several(Part::Second, Part::Microsecond),
            _ => return None,
        })
    }

    /// Microseconds, or months for the units that have no fixed length.
    pub(super) const fn amount(self) -> (i64, i64) {
        match self {
            Self::Microsecond => (1, 0),
            Self::Second => (MICROS, 0),
            Self::Minute => (60 * MICROS, 0),
            Self::Hour => (3600 * MICROS, 0),
            Self::Day => (DAY * MICROS, 0),
            Self::Week => (7 * DAY * MICROS, 0),
            Self::Month => (0, 1),
            Self::Quarter => (0, 3),
            Self::Year => (0, 12),
            Self::Several(..) => (0, 0),
        }
    }

    /// Whether a date stays a date when it is added.
    pub(super) const fn is_of_days(self) -> bool {
        matches!(
            self,
            Self::Day
                | Self::Week
                | Self::Month
                | Self::Quarter
                | Self::Year
                | Self::Several(Part::Year, _)
        )
    }

    /// Whether its value is a text of several numbers.
    pub(super) const fn is_of_several(self) -> bool {
        matches!(self, Self::Several(..))
    }
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::Microsecond,
    ];

    /// The parts from this one to `last`, the largest first.
    pub(super) fn up_to(self, last: Self) -> impl Iterator<Item = Self> {
        let parts = Self::ALL.into_iter();
        parts.filter(move |part| (self..=last).contains(part))
    }

    const fn unit(self) -> Unit {
        match self {
            Self::Year => Unit::Year,
            Self::Month => Unit::Month,
            Self::Day => Unit::Day,
            Self::Hour => Unit::Hour,
            Self::Minute => Unit::Minute,
            Self::Second => Unit::Second,
            Self::Microsecond => Unit::Microsecond,
        }
    }
}

impl Interval {
    const NOTHING: Self = Self {
        months: 0,
        micros: 0,
    };

    /// So many units, the way back if `is_back`. A number of seconds may have a
    /// fraction; of several units the numbers stand in one text (`1 12:30`), and the
    /// first are left out if there are too few. `None` past what can be reached.
    pub(super) fn read(value: &str, unit: Unit, is_back: bool) -> Option<Self> {
        let forth = match unit {
            Unit::Several(first, last) => Self::of_several(value, first, last)?,
            Unit::Second => Self {
                micros: i64::try_from(micros_of_seconds(value)?).ok()?,
                ..Self::NOTHING
            },
            _ => {
                let count = Decimal::read(value)?.whole_part()?;
                Self::NOTHING.plus(i64::try_from(count).ok()?, unit)?
            }
        };
        if !is_back {
            return Some(forth);
        }
        Some(Self {
            months: forth.months.checked_neg()?,
            micros: forth.micros.checked_neg()?,
        })
    }

    fn of_several(value: &str, first: Part, last: Part) -> Option<Self> {
        let value = value.trim_start();
        let is_negative = value.starts_with('-');
        let numbers = value.split(|c: char| !c.is_ascii_digit());
        let numbers: Vec<&str> = numbers.filter(|number| !number.is_empty()).collect();
        let parts: Vec<Part> = first.up_to(last).collect();
        let skipped = parts.len().checked_sub(numbers.len())?;
        let mut whole = Self::NOTHING;
        for (part, digits) in parts.iter().skip(skipped).zip(&numbers) {
            let count = match part {
                // What follows a point: .5 is half a second.
                Part::Microsecond if digits.len() < 6 => format!("{digits:0<6}").parse().ok()?,
                _ => digits.parse().ok()?,
            };
            whole = whole.plus(count, part.unit())?;
        }
        Some(match is_negative {
            true => Self {
                months: -whole.months,
                micros: -whole.micros,
            },
            false => whole,
        })
    }

    fn plus(self, count: i64, unit: Unit) -> Option<Self> {
        let (micros, months) = unit.amount();
        Some(Self {
            months: self.months.checked_add(count.checked_mul(months)?)?,
            micros: self.micros.checked_add(count.checked_mul(micros)?)?,
        })
    }

    /// The moment at the other end.
    pub(super) fn from(self, moment: Moment) -> Option<Moment> {
        let moment = match self.months {
            0 => moment,
            months => moment.plus_months(months)?,
        };
        Moment::from_micros(moment.total_micros().checked_add(self.micros)?)
    }
}

/// Seconds as they are written, in microseconds; what is below is rounded.
pub(super) fn micros_of_seconds(seconds: &str) -> Option<i128> {
    let micros = Decimal::read(seconds)?.times(Decimal::whole(MICROS))?;
    micros.rounded(0)?.whole_part()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_interval_reaches_as_far_as_its_units_say() {
        for (value, unit, expected) in [
            ("1:30", "HOUR_MINUTE", "2026-01-01 01:30:00"),
            ("1 12", "DAY_HOUR", "2026-01-02 12:00:00"),
            ("10", "DAY_SECOND", "2026-01-01 00:00:10"),
            ("1-6", "YEAR_MONTH", "2027-07-01 00:00:00"),
            ("-1 1:1:1", "DAY_SECOND", "2025-12-30 22:58:59"),
            ("1.5", "SECOND", "2026-01-01 00:00:01.500000"),
            ("1.5", "SECOND_MICROSECOND", "2026-01-01 00:00:01.500000"),
            ("1.9", "DAY", "2026-01-02 00:00:00"),
        ] {
            let unit = Unit::from_name(unit).unwrap();
            let interval = Interval::read(value, unit, false).unwrap();
            let there = interval.from(Moment::parse("2026-01-01").unwrap()).unwrap();
            assert_eq!(there.written(), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_the_reader_panic(value in "\\PC{0,20}|[-0-9: .]{0,60}", is_back: bool) {
            for unit in ["SECOND", "YEAR", "DAY_MICROSECOND", "MICROSECOND"] {
                let unit = Unit::from_name(unit).unwrap();
                if let Some(interval) = Interval::read(&value, unit, is_back) {
                    let _ = interval.from(Moment::parse("9999-12-31").unwrap());
                }
            }
        }
    }
}
