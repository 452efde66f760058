//! Times without a date: MySQL's TIME, which is a time of day or a span of up to
//! 838 hours in either direction; and values of which only the text says whether
//! they have a date.

use std::fmt;

use super::calendar::{DAY, MICROS, Moment, micros_of};

/// The longest span, `838:59:59`, in microseconds.
const LONGEST: i64 = (838 * 3600 + 59 * 60 + 59) * MICROS;

/// A time of day or a span, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(i64);

impl Span {
    /// A span of so many microseconds, or the longest there is.
    pub(super) fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(-LONGEST, LONGEST))
    }

    pub(super) const fn total_micros(self) -> i64 {
        self.0
    }

    /// The time of day of a moment.
    pub(super) fn of_day(moment: Moment) -> Self {
        Self(moment.total_micros().rem_euclid(DAY * MICROS))
    }

    /// `12:30`, `12:30:15.5`, `-01:00:00`, `1 12:30:00` (a day and more), `123015`;
    /// also the time of day of a full date and time. What follows is passed over.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((moment, true)) = Moment::read(text)
            && text.len() >= SHORTEST_MOMENT
        {
            return Some(Self::of_day(moment));
        }
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (first, rest) = number(rest)?;
        let (seconds, rest) = match (rest.strip_prefix(' ').and_then(number), rest) {
            (Some((hours, rest)), _) => {
                let (clock, rest) = clock(hours, rest)?;
                (first.checked_mul(DAY)?.checked_add(clock)?, rest)
            }
            (None, rest) if rest.starts_with(':') => clock(first, rest)?,
            (None, rest) => (packed(first)?, rest),
        };
        let fraction = rest.strip_prefix('.').unwrap_or_default();
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let micros = micros_of(fraction.get(..length)?)?;
        let total = seconds.checked_mul(MICROS)?.checked_add(micros.into())?;
        Some(Self::from_micros(if is_negative { -total } else { total }))
    }

    /// Hours, minutes and seconds; a minute or a second past 59 is none.
    pub(super) fn from_clock(hours: i64, minutes: i64, micros: i64) -> Option<Self> {
        let fits = (0..60).contains(&minutes) && (0..60 * MICROS).contains(&micros);
        let whole = hours.clamp(-839, 839).abs() * 3600 + minutes * 60;
        let total = whole * MICROS + micros;
        fits.then(|| Self::from_micros(if hours < 0 { -total } else { total }))
    }

    pub(super) const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub(super) const fn hours(self) -> i64 {
        self.0.abs() / (3600 * MICROS)
    }

    pub(super) const fn minutes(self) -> i64 {
        self.0.abs() / (60 * MICROS) % 60
    }

    pub(super) const fn seconds(self) -> i64 {
        self.0.abs() / MICROS % 60
    }

    pub(super) const fn micros(self) -> i64 {
        self.0.abs() % MICROS
    }

    /// With so many digits of the second.
    pub(super) fn at(self, places: usize) -> String {
        let whole = Self(self.0 / MICROS * MICROS);
        let sign = if self.is_negative() && whole.0 == 0 {
            "-"
        } else {
            ""
        };
        let fraction = format!("{:06}", self.micros());
        match fraction.get(..places) {
            Some(digits) if places > 0 => format!("{sign}{whole}.{digits}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let (hours, minutes, seconds) = (self.hours(), self.minutes(), self.seconds());
        write!(f, "{sign}{hours:02}:{minutes:02}:{seconds:02}")?;
        match self.micros() {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

/// A value of a function that takes either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temporal {
    /// It has a date.
    Moment(Moment),
    /// It has none.
    Span(Span),
}

impl Temporal {
    /// Reads a text as what it looks like.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let looks_like_a_date = text.trim().len() >= SHORTEST_DATE && !text.contains(':');
        match Moment::read(text) {
            Some((moment, has_time)) if has_time || looks_like_a_date => Some(Self::Moment(moment)),
            _ => Span::parse(text).map(Self::Span),
        }
    }

    /// Its time of day, or itself.
    pub(super) fn span(self) -> Span {
        match self {
            Self::Moment(moment) => Span::of_day(moment),
            Self::Span(span) => span,
        }
    }
}

/// The characters of the shortest text that is a date and a time rather than a
/// time, as MySQL tells them apart.
const SHORTEST_MOMENT: usize = 12;

/// The characters of `2026-11-25`, and of its eight digits alone.
const SHORTEST_DATE: usize = 8;

/// The digits at the beginning of a text as a number, and what follows them.
fn number(text: &str) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length)?;
    Some((digits.parse().ok()?, rest))
}

/// Seconds of `hours` and the `:minutes:seconds` at the beginning of `rest`.
fn clock(hours: i64, rest: &str) -> Option<(i64, &str)> {
    let part = |rest: &'_ str| -> Option<(i64, usize)> {
        let (number, after) = number(rest.strip_prefix(':')?)?;
        Some((number, rest.len() - after.len()))
    };
    let mut rest = rest;
    let mut parts = [0, 0];
    for place in &mut parts {
        if let Some((number, length)) = part(rest) {
            *place = number;
            rest = rest.get(length..)?;
        }
    }
    let [minutes, seconds] = parts;
    let fits = minutes < 60 && seconds < 60;
    let whole = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds);
    fits.then_some((whole?, rest))
}

/// Seconds of `hhmmss`.
fn packed(number: i64) -> Option<i64> {
    let (hours, minutes, seconds) = (number / 10_000, number / 100 % 100, number % 100);
    (minutes < 60 && seconds < 60).then_some(hours * 3600 + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        for (text, time) in [
            ("12:30", "12:30:00"),
            ("1:2:3", "01:02:03"),
            ("101112", "10:11:12"),
            ("12", "00:00:12"),
            ("1 12:30:00", "36:30:00"),
            ("2 3", "51:00:00"),
            ("-01:00:00", "-01:00:00"),
            ("10:11:12.5", "10:11:12.500000"),
            ("1.5", "00:00:01.500000"),
            ("839:00:00", "838:59:59"),
            ("-9999:00:00", "-838:59:59"),
            ("2026-01-31 10:11:12", "10:11:12"),
            ("12:30abc", "12:30:00"),
        ] {
            assert_eq!(Span::parse(text).unwrap().to_string(), time, "{text}");
        }
        for text in ["", "abc", "25:61:00", "10:10:60", "1260", ":"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_span_survives_writing_and_reading(micros in -LONGEST..=LONGEST) {
            let span = Span::from_micros(micros);
            prop_assert_eq!(Span::parse(&span.to_string()), Some(span));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,30}|[-0-9: .]{0,40}") {
            let _ = Temporal::parse(&text);
        }
    }
}
