//! Dates, with a time of day or without, in MySQL's text form, in UTC, the server's
//! only time zone; and which week a day is in. Times without a date are in `span`,
//! patterns (DATE_FORMAT) in `date_format`, INTERVAL in `interval`.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// Microseconds in a second.
pub(super) const MICROS: i64 = 1_000_000;

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

    /// `2026-11-22`, `2026-11-22 20:05:29`, `2026-11-22T20:05:29.5`, `20261122`,
    /// `20261122200529`, and these with two digits for the year.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::read(text).map(|(moment, _)| moment)
    }

    /// [`Moment::parse`], and whether the text says a time of day.
    pub(super) fn read(text: &str) -> Option<(Self, bool)> {
        let text = text.trim();
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Self::from_packed(text),
            false => Self::from_separated(text),
        }
    }

    fn from_packed(text: &str) -> Option<(Self, bool)> {
        let (year, has_time) = match text.len() {
            6 => (2, false),
            8 => (4, false),
            12 => (2, true),
            14 => (4, true),
            _ => return None,
        };
        let part = |index: usize| {
            let from = year + 2 * index;
            digits(text.get(from..from + 2)?)
        };
        let clock = |index| if has_time { part(index) } else { Some(0) };
        let fields = Fields {
            year: full_year(text.get(..year)?)?,
            month: part(0)?,
            day: part(1)?,
            hour: clock(2)?,
            minute: clock(3)?,
            second: clock(4)?,
        };
        Some((Self::from_fields(fields, 0)?, has_time))
    }

    fn from_separated(text: &str) -> Option<(Self, bool)> {
        let (date, time) = match text.split_once([' ', 'T']) {
            Some((date, time)) => (date, time.trim_end_matches('Z')),
            None => (text, ""),
        };
        let mut date = date.split(['-', '/', '.']);
        let (year, month, day) = (date.next()?, date.next()?, date.next()?);
        if date.next().is_some() {
            return None;
        }
        let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = [0; 3];
        if !clock.is_empty() {
            let mut words = clock.split(':');
            for part in &mut parts {
                *part = words.next().map_or(Some(0), digits)?;
            }
            if words.next().is_some() {
                return None;
            }
        }
        let [hour, minute, second] = parts;
        let fields = Fields {
            year: full_year(year)?,
            month: digits(month)?,
            day: digits(day)?,
            hour,
            minute,
            second,
        };
        Some((
            Self::from_fields(fields, micros_of(fraction)?)?,
            !time.is_empty(),
        ))
    }

    pub(super) fn from_fields(fields: Fields, micros: u32) -> Option<Self> {
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

    /// With parts of the second if it has any.
    pub(super) fn written(self) -> String {
        self.date_time(if self.micros > 0 { 6 } else { 0 })
    }

    /// Microseconds since 1970.
    pub(super) fn total_micros(self) -> i64 {
        self.seconds * MICROS + i64::from(self.micros)
    }

    /// The moment that [`Moment::total_micros`] counts so.
    pub(super) fn from_micros(micros: i64) -> Option<Self> {
        let moment = Self::from_unix(micros.div_euclid(MICROS))?;
        let micros = u32::try_from(micros.rem_euclid(MICROS)).ok()?;
        Some(Self { micros, ..moment })
    }

    /// The moment so many days later; earlier if negative.
    pub(super) fn plus_days(self, days: i64) -> Option<Self> {
        let later = self.seconds.checked_add(days.checked_mul(DAY)?)?;
        Some(Self {
            micros: self.micros,
            ..Self::from_unix(later)?
        })
    }

    /// The moment so many months later, the last day of a month at the latest.
    pub(super) fn plus_months(self, months: i64) -> Option<Self> {
        let mut fields = self.fields();
        let month = months.checked_add(fields.year * 12 + fields.month - 1)?;
        fields.year = month.div_euclid(12);
        fields.month = month.rem_euclid(12) + 1;
        if !(0..=9999).contains(&fields.year) {
            return None;
        }
        fields.day = fields.day.min(days_in_month(fields.year, fields.month));
        Self::from_fields(fields, self.micros)
    }

    /// The week the day is in, and the year that week belongs to. The first week
    /// of a year is counted in the way `mode` says.
    pub(super) fn week(self, mode: WeekMode) -> (i64, i64) {
        let year = self.fields().year;
        let day = self.seconds.div_euclid(DAY);
        let starts = |year| mode.first_week(year);
        if day < starts(year) {
            if !mode.belongs_to_a_year {
                return (0, year);
            }
            return ((day - starts(year - 1)) / 7 + 1, year - 1);
        }
        if mode.belongs_to_a_year && day >= starts(year + 1) {
            return (1, year + 1);
        }
        ((day - starts(year)) / 7 + 1, year)
    }
}

/// How weeks are counted: the modes 0 to 7 of WEEK().
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WeekMode {
    begins_on_monday: bool,
    /// Days before the first week belong to the last of the year before, rather
    /// than to a week 0.
    belongs_to_a_year: bool,
    /// The first week is the first whole one, rather than the first with four days.
    is_first_whole: bool,
}

impl WeekMode {
    pub(super) const fn new(mode: i64) -> Self {
        let begins_on_monday = mode & 1 != 0;
        Self {
            begins_on_monday,
            belongs_to_a_year: mode & 2 != 0,
            is_first_whole: (mode & 4 != 0) == begins_on_monday,
        }
    }

    /// The same, where no day is in a week 0.
    pub(super) const fn of_a_year(self) -> Self {
        Self {
            belongs_to_a_year: true,
            ..self
        }
    }

    /// The day, counted from 1970, on which the first week of `year` begins.
    fn first_week(self, year: i64) -> i64 {
        let new_year = days_from_civil(year, 1, 1);
        let since_monday = (new_year + 3).rem_euclid(7);
        let into_week = match self.begins_on_monday {
            true => since_monday,
            false => (since_monday + 1) % 7,
        };
        let begins_the_week_before = match self.is_first_whole {
            true => into_week == 0,
            false => into_week <= 3,
        };
        match begins_the_week_before {
            true => new_year - into_week,
            false => new_year - into_week + 7,
        }
    }
}

/// The number that a text of a few digits is.
fn digits(text: &str) -> Option<i64> {
    let is_number = (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// A year; with two digits one from 1970 to 2069.
fn full_year(text: &str) -> Option<i64> {
    let year = digits(text)?;
    Some(match (text.len(), year) {
        (1 | 2, 0..70) => year + 2000,
        (1 | 2, _) => year + 1900,
        _ => year,
    })
}

/// The digits after a point as microseconds.
pub(super) fn micros_of(fraction: &str) -> Option<u32> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("000000".chars()).take(6).collect();
    padded.parse().ok()
}

pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
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
        assert_eq!(moment.plus_months(1).unwrap().date(), "2024-02-29");
        assert_eq!(moment.plus_months(-11).unwrap().date(), "2023-02-28");
    }

    #[test]
    fn a_year_of_two_digits_is_of_this_age() {
        for (text, date) in [
            ("26-01-31", "2026-01-31"),
            ("700101", "1970-01-01"),
            ("691231235959", "2069-12-31"),
        ] {
            assert_eq!(Moment::parse(text).unwrap().date(), date, "{text}");
        }
    }

    #[test]
    fn weeks_are_counted_in_eight_ways() {
        for (date, weeks) in [
            ("2026-01-01", [0, 1, 52, 1, 0, 0, 53, 52]),
            ("2027-01-01", [0, 0, 52, 53, 0, 0, 52, 52]),
            ("2008-02-20", [7, 8, 7, 8, 8, 7, 8, 7]),
            ("2000-12-31", [53, 52, 53, 52, 53, 52, 1, 52]),
        ] {
            let moment = Moment::parse(date).unwrap();
            let counted = std::array::from_fn(|mode| moment.week(WeekMode::new(mode as i64)).0);
            assert_eq!(counted, weeks, "{date}");
        }
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
                let _ = (moment.plus_months(count), moment.plus_days(count));
                let _ = moment.week(WeekMode::new(count));
            }
        }
    }
}
