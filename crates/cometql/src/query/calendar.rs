//! Dates and times in MySQL's text form, in UTC, the server's only time zone.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// What TO_DAYS says of 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_528;

/// The last second MySQL can write: 9999-12-31 23:59:59.
const LAST_SECOND: i64 = 253_402_300_799;

/// The first second of the year 0.
const FIRST_SECOND: i64 = -62_167_219_200;

/// A moment, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Unix seconds.
    seconds: i64,
    micros: u32,
}

/// A moment as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

/// What can be added to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().trim_end_matches('S') {
            "SECOND" => Self::Second,
            "MINUTE" => Self::Minute,
            "HOUR" => Self::Hour,
            "DAY" => Self::Day,
            "WEEK" => Self::Week,
            "MONTH" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" => Self::Year,
            _ => return None,
        })
    }

    /// Seconds, or months for the units that have no fixed length.
    pub(super) const fn amount(self) -> (i64, i64) {
        match self {
            Self::Second => (1, 0),
            Self::Minute => (60, 0),
            Self::Hour => (3600, 0),
            Self::Day => (DAY, 0),
            Self::Week => (7 * DAY, 0),
            Self::Month => (0, 1),
            Self::Quarter => (0, 3),
            Self::Year => (0, 12),
        }
    }
}

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            seconds: i64::try_from(since.as_secs()).unwrap_or(LAST_SECOND),
            micros: since.subsec_micros(),
        }
    }

    /// A moment from Unix seconds, if MySQL can write it.
    pub(super) fn from_unix(seconds: i64) -> Option<Self> {
        (FIRST_SECOND..=LAST_SECOND)
            .contains(&seconds)
            .then_some(Self { seconds, micros: 0 })
    }

    pub(super) const fn unix(self) -> i64 {
        self.seconds
    }

    /// `2026-11-22`, `2026-11-22 20:05:29`, `2026-11-22T20:05:29.5`, `20261122`, `20261122200529`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = |text: &str| -> Option<i64> {
            (!text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()))
                .then(|| text.parse().ok())?
        };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let part = |from: usize, to: usize| digits(text.get(from..to)?);
            let clock = |from: usize| match text.len() {
                8 => Some(0),
                _ => part(from, from + 2),
            };
            if text.len() != 8 && text.len() != 14 {
                return None;
            }
            let fields = Fields {
                year: part(0, 4)?,
                month: part(4, 6)?,
                day: part(6, 8)?,
                hour: clock(8)?,
                minute: clock(10)?,
                second: clock(12)?,
            };
            return Self::from_fields(fields, 0);
        }
        let (date, time) = match text.split_once([' ', 'T']) {
            Some((date, time)) => (date, time.trim_end_matches('Z')),
            None => (text, ""),
        };
        let mut date = date.split(['-', '/', '.']);
        let (year, month, day) = (date.next()?, date.next()?, date.next()?);
        if date.next().is_some() {
            return None;
        }
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = [0; 3];
        if !time.is_empty() {
            let mut words = time.split(':');
            for part in &mut parts {
                *part = words.next().map_or(Some(0), digits)?;
            }
            if words.next().is_some() {
                return None;
            }
        }
        let [hour, minute, second] = parts;
        let micros = if fraction.is_empty() {
            0
        } else {
            let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
            u32::try_from(digits(&padded)?).ok()?
        };
        let fields = Fields {
            year: digits(year)?,
            month: digits(month)?,
            day: digits(day)?,
            hour,
            minute,
            second,
        };
        Self::from_fields(fields, micros)
    }

    fn from_fields(fields: Fields, micros: u32) -> Option<Self> {
        let valid = (0..=9999).contains(&fields.year)
            && (1..=12).contains(&fields.month)
            && (1..=days_in_month(fields.year, fields.month)).contains(&fields.day)
            && (0..24).contains(&fields.hour)
            && (0..60).contains(&fields.minute)
            && (0..60).contains(&fields.second);
        let days = days_from_civil(fields.year, fields.month, fields.day);
        let clock = fields.hour * 3600 + fields.minute * 60 + fields.second;
        valid.then_some(Self {
            seconds: days * DAY + clock,
            micros,
        })
    }

    pub(super) fn fields(self) -> Fields {
        let days = self.seconds.div_euclid(DAY);
        let clock = self.seconds.rem_euclid(DAY);
        let (year, month, day) = civil_from_days(days);
        Fields {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
        }
    }

    /// 0 is Sunday.
    pub(super) fn weekday(self) -> i64 {
        (self.seconds.div_euclid(DAY) + 4).rem_euclid(7)
    }

    /// The first of January is 1.
    pub(super) fn day_of_year(self) -> i64 {
        let fields = self.fields();
        self.seconds.div_euclid(DAY) - days_from_civil(fields.year, 1, 1) + 1
    }

    /// Days since the year 0, as TO_DAYS counts them.
    pub(super) fn days(self) -> i64 {
        self.seconds.div_euclid(DAY) + DAYS_BEFORE_1970
    }

    /// The day that [`Moment::days`] counts so.
    pub(super) fn from_days(days: i64) -> Option<Self> {
        let since_1970 = days.checked_sub(DAYS_BEFORE_1970)?;
        Self::from_unix(since_1970.checked_mul(DAY)?)
    }

    /// `2026-11-22`.
    pub(super) fn date(self) -> String {
        let fields = self.fields();
        format!("{:04}-{:02}-{:02}", fields.year, fields.month, fields.day)
    }

    /// `20:05:29`, with up to six digits of the second.
    pub(super) fn time(self, precision: usize) -> String {
        let fields = self.fields();
        let mut text = format!(
            "{:02}:{:02}:{:02}",
            fields.hour, fields.minute, fields.second
        );
        if precision > 0 {
            let micros = format!("{:06}", self.micros);
            text.push('.');
            text.extend(micros.chars().take(precision));
        }
        text
    }

    /// `2026-11-22 20:05:29`.
    pub(super) fn date_time(self, precision: usize) -> String {
        format!("{} {}", self.date(), self.time(precision))
    }

    /// The moment `count` units later; earlier if negative.
    pub(super) fn plus(self, count: i64, unit: Unit) -> Option<Self> {
        let (seconds, months) = unit.amount();
        if months == 0 {
            let seconds = count
                .checked_mul(seconds)
                .and_then(|delta| self.seconds.checked_add(delta))?;
            return Self::from_unix(seconds).map(|moment| Self {
                micros: self.micros,
                ..moment
            });
        }
        let mut fields = self.fields();
        let month = count
            .checked_mul(months)?
            .checked_add(fields.year * 12 + fields.month - 1)?;
        fields.year = month.div_euclid(12);
        fields.month = month.rem_euclid(12) + 1;
        if !(0..=9999).contains(&fields.year) {
            return None;
        }
        fields.day = fields.day.min(days_in_month(fields.year, fields.month));
        Self::from_fields(fields, self.micros)
    }

    /// MySQL's DATE_FORMAT.
    pub(super) fn format(self, pattern: &str) -> String {
        let mut text = String::with_capacity(pattern.len() * 2);
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            match letters.next() {
                Some(specifier) => self.format_one(specifier, &mut text),
                None => text.push('%'),
            }
        }
        text
    }

    fn format_one(self, specifier: char, text: &mut String) {
        let fields = self.fields();
        let twelve = (fields.hour + 11) % 12 + 1;
        let name = |names: &'static [&'static str], index: i64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| names.get(index).copied())
                .unwrap_or_default()
        };
        let short = |name: &str| name.chars().take(3).collect::<String>();
        let formatted = match specifier {
            'Y' => format!("{:04}", fields.year),
            'y' => format!("{:02}", fields.year % 100),
            'm' => format!("{:02}", fields.month),
            'c' => fields.month.to_string(),
            'M' => name(MONTHS, fields.month - 1).to_owned(),
            'b' => short(name(MONTHS, fields.month - 1)),
            'd' => format!("{:02}", fields.day),
            'e' => fields.day.to_string(),
            'D' => format!("{}{}", fields.day, ordinal(fields.day)),
            'j' => format!("{:03}", self.day_of_year()),
            'W' => name(WEEKDAYS, self.weekday()).to_owned(),
            'a' => short(name(WEEKDAYS, self.weekday())),
            'w' => self.weekday().to_string(),
            'H' => format!("{:02}", fields.hour),
            'k' => fields.hour.to_string(),
            'h' | 'I' => format!("{twelve:02}"),
            'l' => twelve.to_string(),
            'i' => format!("{:02}", fields.minute),
            's' | 'S' => format!("{:02}", fields.second),
            'f' => format!("{:06}", self.micros),
            'p' => if fields.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'T' => self.time(0),
            'r' => format!(
                "{twelve:02}:{:02}:{:02} {}",
                fields.minute,
                fields.second,
                if fields.hour < 12 { "AM" } else { "PM" }
            ),
            other => other.to_string(),
        };
        text.push_str(&formatted);
    }
}

fn ordinal(day: i64) -> &'static str {
    match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, counted in years
/// that begin in March so that the leap day is the last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: &[&str] = &[
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments_are_written_right() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_368_188, "2026-11-22 17:23:08"),
            (-1, "1969-12-31 23:59:59"),
            (LAST_SECOND, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(Moment::from_unix(seconds).unwrap().date_time(0), text);
        }
    }

    #[test]
    fn impossible_dates_are_not_moments() {
        for text in [
            "",
            "2026",
            "2026-02-30",
            "2026-13-01",
            "2026-01-01 25:00:00",
            "x-y-z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn adding_a_month_stays_in_the_month() {
        let moment = Moment::parse("2024-01-31").unwrap();
        assert_eq!(moment.plus(1, Unit::Month).unwrap().date(), "2024-02-29");
        assert_eq!(moment.plus(-11, Unit::Month).unwrap().date(), "2023-02-28");
    }

    #[test]
    fn date_format_knows_mysqls_letters() {
        let moment = Moment::parse("2026-11-22 20:05:09").unwrap();
        assert_eq!(
            moment.format("%W %D %M %y %h:%i:%s %p %j %%"),
            "Sunday 22nd November 26 08:05:09 PM 326 %"
        );
    }

    proptest! {
        #[test]
        fn every_second_survives_writing_and_reading(seconds in FIRST_SECOND..=LAST_SECOND) {
            let moment = Moment::from_unix(seconds).unwrap();
            prop_assert_eq!(Moment::parse(&moment.date_time(0)), Some(moment));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,30}", count in any::<i64>()) {
            if let Some(moment) = Moment::parse(&text) {
                let _ = moment.plus(count, Unit::Month);
                let _ = moment.format(&text);
            }
        }
    }
}
