//! Patterns of dates and times: DATE_FORMAT and TIME_FORMAT write by them,
//! STR_TO_DATE reads by them.

use super::calendar::{Fields, Moment, WeekMode, days_in_month, micros_of};
use super::span::Span;

/// A moment as `pattern` says.
pub(super) fn format(moment: Moment, pattern: &str) -> String {
    by_pattern(pattern, |specifier| Some(of_moment(moment, specifier)))
}

/// A time as `pattern` says; `None` where that asks for a date.
pub(super) fn format_span(span: Span, pattern: &str) -> Option<String> {
    let mut asks_for_a_date = false;
    let text = by_pattern(pattern, |specifier| {
        let formatted = of_span(span, specifier);
        asks_for_a_date |= formatted.is_none();
        formatted
    });
    (!asks_for_a_date).then_some(text)
}

fn by_pattern(pattern: &str, mut write: impl FnMut(char) -> Option<String>) -> String {
    let mut text = String::with_capacity(pattern.len() * 2);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some(specifier) => text.push_str(&write(specifier).unwrap_or_default()),
            None => text.push('%'),
        }
    }
    text
}

fn of_moment(moment: Moment, specifier: char) -> String {
    let fields = moment.fields();
    let name = |names: &'static [&'static str], index: i64| {
        let index = usize::try_from(index).ok();
        let name = index.and_then(|index| names.get(index).copied());
        name.unwrap_or_default()
    };
    let short = |name: &str| name.chars().take(3).collect::<String>();
    let week = |mode| moment.week(WeekMode::new(mode));
    match specifier {
        'Y' => format!("{:04}", fields.year),
        'y' => format!("{:02}", fields.year % 100),
        'm' => format!("{:02}", fields.month),
        'c' => fields.month.to_string(),
        'M' => name(MONTHS, fields.month - 1).to_owned(),
        'b' => short(name(MONTHS, fields.month - 1)),
        'd' => format!("{:02}", fields.day),
        'e' => fields.day.to_string(),
        'D' => format!("{}{}", fields.day, ordinal(fields.day)),
        'j' => format!("{:03}", moment.day_of_year()),
        'W' => name(WEEKDAYS, moment.weekday()).to_owned(),
        'a' => short(name(WEEKDAYS, moment.weekday())),
        'w' => moment.weekday().to_string(),
        'U' => format!("{:02}", week(0).0),
        'u' => format!("{:02}", week(1).0),
        'V' => format!("{:02}", week(2).0),
        'v' => format!("{:02}", week(3).0),
        'X' => format!("{:04}", week(2).1),
        'x' => format!("{:04}", week(3).1),
        other => of_span(Span::of_day(moment), other).unwrap_or_else(|| other.to_string()),
    }
}

fn of_span(span: Span, specifier: char) -> Option<String> {
    let sign = if span.is_negative() { "-" } else { "" };
    let (hours, minutes, seconds) = (span.hours(), span.minutes(), span.seconds());
    let twelve = (hours + 11) % 12 + 1;
    let half = if hours % 24 < 12 { "AM" } else { "PM" };
    Some(match specifier {
        'H' => format!("{sign}{hours:02}"),
        'k' => format!("{sign}{hours}"),
        'h' | 'I' => format!("{twelve:02}"),
        'l' => twelve.to_string(),
        'i' => format!("{minutes:02}"),
        's' | 'S' => format!("{seconds:02}"),
        'f' => format!("{:06}", span.micros()),
        'p' => half.to_owned(),
        'T' => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        'r' => format!("{twelve:02}:{minutes:02}:{seconds:02} {half}"),
        'Y' | 'y' | 'm' | 'c' | 'M' | 'b' | 'd' | 'e' | 'D' | 'j' | 'W' | 'a' | 'w' | 'U' | 'u'
        | 'V' | 'v' | 'X' | 'x' => return None,
        other => other.to_string(),
    })
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

/// `text` read by `pattern`, written as a date, as a time or as both, whichever the
/// pattern asks for; `None` when the text is another or no real date comes of it.
pub(super) fn read(text: &str, pattern: &str) -> Option<String> {
    let mut found = Found::default();
    let mut rest = text;
    found.read_all(&mut rest, pattern)?;
    found.written()
}

/// What has been read so far.
#[derive(Default)]
struct Found {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    micros: u32,
    is_afternoon: Option<bool>,
    has_twelve_hours: bool,
    has_date: bool,
    has_time: bool,
    has_micros: bool,
}

impl Found {
    fn read_all(&mut self, rest: &mut &str, pattern: &str) -> Option<()> {
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            if letter.is_whitespace() {
                *rest = rest.trim_start();
                continue;
            }
            if rest.is_empty() {
                return Some(());
            }
            match (letter, letter == '%') {
                (_, true) => {
                    let specifier = letters.next()?;
                    *rest = rest.trim_start();
                    self.read_one(rest, specifier)?;
                }
                (letter, false) => *rest = rest.trim_start().strip_prefix(letter)?,
            }
        }
        Some(())
    }

    fn read_one(&mut self, rest: &mut &str, specifier: char) -> Option<()> {
        match specifier {
            'Y' => {
                let before = rest.len();
                let year = take_number(rest, 4)?;
                self.year = match before - rest.len() {
                    1 | 2 => full_year(year),
                    _ => year,
                };
            }
            'y' => self.year = full_year(take_number(rest, 2)?),
            'm' | 'c' => self.month = take_number(rest, 2)?,
            'M' => self.month = take_name(rest, MONTHS, false)? + 1,
            'b' => self.month = take_name(rest, MONTHS, true)? + 1,
            'd' | 'e' => self.day = take_number(rest, 2)?,
            'D' => {
                self.day = take_number(rest, 2)?;
                *rest = rest.get(2..)?;
            }
            'j' => self.day_of_year = Some(take_number(rest, 3)?),
            'W' => _ = take_name(rest, WEEKDAYS, false)?,
            'a' => _ = take_name(rest, WEEKDAYS, true)?,
            'w' => _ = take_number(rest, 1)?,
            'H' | 'k' => self.hour = take_number(rest, 2)?,
            'h' | 'I' | 'l' => {
                self.hour = take_number(rest, 2)?;
                self.has_twelve_hours = true;
            }
            'i' => self.minute = take_number(rest, 2)?,
            's' | 'S' => self.second = take_number(rest, 2)?,
            'f' => {
                let length = rest.bytes().take_while(u8::is_ascii_digit).count().min(6);
                let (digits, after) = rest.split_at_checked(length)?;
                self.micros = micros_of(digits).filter(|_| length > 0)?;
                self.has_micros = true;
                *rest = after;
            }
            'p' => {
                let (half, after) = rest.split_at_checked(2)?;
                self.is_afternoon = match half.to_ascii_uppercase().as_str() {
                    "AM" => Some(false),
                    "PM" => Some(true),
                    _ => return None,
                };
                *rest = after;
            }
            'T' => return self.read_all(rest, "%H:%i:%S"),
            'r' => return self.read_all(rest, "%h:%i:%S %p"),
            '%' => *rest = rest.strip_prefix('%')?,
            _ => return None,
        }
        let is_of_date = "YymcMbdeDjWaw".contains(specifier);
        self.has_date |= is_of_date;
        self.has_time |= !is_of_date && specifier != '%';
        Some(())
    }

    fn written(mut self) -> Option<String> {
        if self.has_twelve_hours {
            let fits = (1..=12).contains(&self.hour);
            let half = if self.is_afternoon == Some(true) {
                12
            } else {
                0
            };
            self.hour = fits.then_some(self.hour % 12 + half)?;
        }
        let micros = i64::from(self.micros);
        let tail = |whole: String| match self.has_micros {
            true => format!("{whole}.{micros:06}"),
            false => whole,
        };
        if self.has_time && !self.has_date {
            let in_a_day = (0..24).contains(&self.hour);
            let span = Span::from_clock(self.hour, self.minute, self.second * 1_000_000);
            return Some(tail(span.filter(|_| in_a_day)?.to_string()));
        }
        let mut fields = Fields {
            year: self.year,
            month: self.month,
            day: self.day,
            hour: self.hour,
            minute: self.minute,
            second: self.second,
        };
        if let Some(day) = self.day_of_year {
            (fields.month, fields.day) = in_year(self.year, day)?;
        }
        let moment = Moment::from_fields(fields, 0)?;
        Some(match self.has_time {
            true => tail(moment.date_time(0)),
            false => moment.date(),
        })
    }
}

/// Month and day of the day number `day` of a year.
fn in_year(year: i64, day: i64) -> Option<(i64, i64)> {
    let mut rest = day;
    for month in 1..=12 {
        let length = days_in_month(year, month);
        if (1..=length).contains(&rest) {
            return Some((month, rest));
        }
        rest -= length;
    }
    None
}

fn full_year(year: i64) -> i64 {
    year + if year < 70 { 2000 } else { 1900 }
}

fn take_number(rest: &mut &str, most: usize) -> Option<i64> {
    let length = rest
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count()
        .min(most);
    let (digits, after) = rest.split_at_checked(length)?;
    *rest = after;
    digits.parse().ok()
}

/// Which of the names, or of their first three letters, `rest` begins with.
fn take_name(rest: &mut &str, names: &[&str], is_short: bool) -> Option<i64> {
    for (index, name) in (0..).zip(names) {
        let length = if is_short { 3 } else { name.len() };
        let (Some(begins), Some(wanted)) = (rest.get(..length), name.get(..length)) else {
            continue;
        };
        if begins.eq_ignore_ascii_case(wanted) {
            *rest = rest.get(length..)?;
            return Some(index);
        }
    }
    None
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
    fn date_format_knows_mysqls_letters() {
        let moment = Moment::parse("2026-11-22 20:05:09").unwrap();
        assert_eq!(
            format(moment, "%W %D %M %y %h:%i:%s %p %j %v %x %%"),
            "Sunday 22nd November 26 08:05:09 PM 326 47 2026 %"
        );
        let span = Span::parse("100:05:09").unwrap();
        assert_eq!(
            format_span(span, "%H %k %l %r").unwrap(),
            "100 100 4 04:05:09 AM"
        );
        assert_eq!(format_span(span, "%Y"), None);
    }

    #[test]
    fn a_text_is_read_by_a_pattern() {
        for (text, pattern, expected) in [
            ("25,11,2026", "%d,%m,%Y", Some("2026-11-25")),
            ("November 5th 26", "%M %D %y", Some("2026-11-05")),
            ("10:20:30 PM", "%r", Some("22:20:30")),
            (
                "2026-11-25T10:20:30.5Z",
                "%Y-%m-%dT%T.%f",
                Some("2026-11-25 10:20:30.500000"),
            ),
            ("2026 60", "%Y %j", Some("2026-03-01")),
            ("2026-02-30", "%Y-%m-%d", None),
            ("nonsense", "%Y", None),
            ("13:00 AM", "%h:%i %p", None),
        ] {
            assert_eq!(read(text, pattern).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in 0_i64..253_402_300_799) {
            let moment = Moment::from_unix(seconds).unwrap();
            let pattern = "%a %d %b %Y %I:%i:%S %p";
            prop_assert_eq!(read(&format(moment, pattern), pattern), Some(moment.date_time(0)));
        }

        #[test]
        fn no_pattern_makes_the_reader_panic(text in "\\PC{0,20}", pattern in "(%\\PC|\\PC){0,12}") {
            let _ = read(&text, &pattern);
            let _ = format(Moment::from_unix(0).unwrap(), &pattern);
            let _ = format_span(Span::from_micros(-1), &pattern);
        }
    }
}
