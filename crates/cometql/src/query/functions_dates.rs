//! Functions of dates and times. What a date, a time and an interval are is in the
//! siblings `calendar`, `span` and `interval`; patterns are in `date_format`.

use rusqlite::functions::Context;
use rusqlite::types::Value;
use rusqlite::{Error, Result};

use super::calendar::{MICROS, Moment, WeekMode};
use super::date_format;
use super::functions::{Function, MAX_TEXT_BYTES, TOO_BIG, integer, text};
use super::interval::{Interval, Part, Unit, micros_of_seconds};
use super::span::{Span, Temporal};

/// What TO_SECONDS says of 1970-01-01 is this many days.
const DAYS_BEFORE_1970: i64 = 719_528;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// The functions of this file.
pub(super) const DATES: &[(&str, i32, Function)] = &[
    ("m_from_unixtime", -1, |context, _| {
        let micros = text(context, 0).and_then(|seconds| micros_of_seconds(&seconds));
        let moment = micros
            .filter(|micros| *micros >= 0)
            .and_then(|micros| i64::try_from(micros).ok())
            .and_then(Moment::from_micros);
        match (moment, context.len() > 1) {
            (None, _) => Ok(Value::Null),
            (Some(moment), true) => formatted(context, 1, |pattern| {
                Some(date_format::format(moment, pattern))
            }),
            (Some(moment), false) => Ok(Value::Text(moment.written())),
        }
    }),
    ("m_unix_timestamp", 1, |context, _| {
        Ok(match text(context, 0) {
            None => Value::Null,
            Some(text) => Value::Integer(Moment::parse(&text).map_or(0, Moment::unix)),
        })
    }),
    ("m_date_format", 2, |context, _| match moment(context, 0) {
        Some(moment) => formatted(context, 1, |pattern| {
            Some(date_format::format(moment, pattern))
        }),
        None => Ok(Value::Null),
    }),
    ("m_time_format", 2, |context, _| match span(context, 0) {
        Some(span) => formatted(context, 1, |pattern| {
            date_format::format_span(span, pattern)
        }),
        None => Ok(Value::Null),
    }),
    ("m_str_to_date", 2, |context, _| match text(context, 0) {
        Some(text) => formatted(context, 1, |pattern| date_format::read(&text, pattern)),
        None => Ok(Value::Null),
    }),
    ("m_convert_tz", 3, |context, _| {
        let zone = |index| text(context, index).and_then(|zone| zone_seconds(&zone));
        let (Some(moment), Some(from), Some(to)) = (moment(context, 0), zone(1), zone(2)) else {
            return Ok(Value::Null);
        };
        let there = Moment::from_micros(moment.total_micros() + (to - from) * MICROS);
        Ok(written(there.map(Moment::written)))
    }),
    ("m_date_add", 4, |context, _| {
        let (Some(source), Some(count), Some(unit)) =
            (text(context, 0), text(context, 1), unit(context, 2))
        else {
            return Ok(Value::Null);
        };
        let interval = Interval::read(&count, unit, integer(context, 3) == Some(1));
        Ok(written(
            interval.and_then(|interval| later(&source, interval, unit)),
        ))
    }),
    ("m_date", 1, |context, _| {
        Ok(written(moment(context, 0).map(Moment::date)))
    }),
    ("m_datetime", -1, |context, _| {
        let Some(moment) = moment(context, 0) else {
            return Ok(Value::Null);
        };
        if context.len() == 1 {
            return Ok(Value::Text(moment.written()));
        }
        let later = span(context, 1)
            .and_then(|span| Moment::from_micros(moment.total_micros() + span.total_micros()));
        Ok(written(later.map(Moment::written)))
    }),
    ("m_cast_datetime", 2, |context, _| {
        let places = integer(context, 1).unwrap_or(0);
        let rounded = moment(context, 0)
            .and_then(|moment| Moment::from_micros(at_places(moment.total_micros(), places)));
        Ok(written(rounded.map(|moment| {
            moment.date_time(usize::try_from(places).unwrap_or(0))
        })))
    }),
    ("m_time", 1, |context, _| {
        Ok(written(span(context, 0).map(|span| span.to_string())))
    }),
    ("m_cast_time", 2, |context, _| {
        let places = integer(context, 1).unwrap_or(0);
        let rounded =
            span(context, 0).map(|span| Span::from_micros(at_places(span.total_micros(), places)));
        Ok(written(
            rounded.map(|span| span.at(usize::try_from(places).unwrap_or(0))),
        ))
    }),
    ("m_maketime", 3, |context, _| {
        let seconds = text(context, 2).and_then(|seconds| micros_of_seconds(&seconds));
        let (Some(hours), Some(minutes), Some(micros)) = (
            integer(context, 0),
            integer(context, 1),
            seconds.and_then(|micros| i64::try_from(micros).ok()),
        ) else {
            return Ok(Value::Null);
        };
        let made = Span::from_clock(hours, minutes, micros);
        Ok(written(made.map(|span| span.to_string())))
    }),
    ("m_sec_to_time", 1, |context, _| {
        let micros = text(context, 0).and_then(|seconds| micros_of_seconds(&seconds));
        let longest = |micros: i128| if micros < 0 { i64::MIN } else { i64::MAX };
        Ok(written(micros.map(|micros| {
            let micros = i64::try_from(micros).unwrap_or_else(|_| longest(micros));
            Span::from_micros(micros).to_string()
        })))
    }),
    ("m_time_to_sec", 1, |context, _| {
        Ok(number_of(
            span(context, 0).map(|span| span.total_micros() / MICROS),
        ))
    }),
    ("m_timediff", 2, |context, _| {
        let difference = match (temporal(context, 0), temporal(context, 1)) {
            (Some(Temporal::Moment(left)), Some(Temporal::Moment(right))) => {
                Some(left.total_micros() - right.total_micros())
            }
            (Some(Temporal::Span(left)), Some(Temporal::Span(right))) => {
                Some(left.total_micros() - right.total_micros())
            }
            _ => None,
        };
        Ok(written(
            difference.map(|micros| Span::from_micros(micros).to_string()),
        ))
    }),
    ("m_addtime", 2, |context, _| Ok(time_added(context, 1))),
    ("m_subtime", 2, |context, _| Ok(time_added(context, -1))),
    ("m_date_part", 2, |context, _| {
        let Some(unit) = unit(context, 1) else {
            return Ok(Value::Null);
        };
        Ok(number_of(
            temporal(context, 0).and_then(|from| part_of(from, unit)),
        ))
    }),
    ("m_week", 2, |context, _| {
        Ok(week(context, |week, _| week, false))
    }),
    ("m_yearweek", 2, |context, _| {
        Ok(week(context, |week, year| year * 100 + week, true))
    }),
    ("m_to_seconds", 1, |context, _| {
        let seconds = moment(context, 0).map(|moment| moment.unix() + DAYS_BEFORE_1970 * DAY);
        Ok(number_of(seconds))
    }),
    ("m_period_add", 2, |context, _| {
        let (Some(period), Some(months)) = (integer(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        let sum = period_months(period)?.checked_add(months);
        Ok(number_of(sum.map(|sum| {
            sum.div_euclid(12) * 100 + sum.rem_euclid(12) + 1
        })))
    }),
    ("m_period_diff", 2, |context, _| {
        let (Some(left), Some(right)) = (integer(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(period_months(left)? - period_months(right)?))
    }),
    ("m_datediff", 2, |context, _| {
        let (Some(later), Some(earlier)) = (moment(context, 0), moment(context, 1)) else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(later.days() - earlier.days()))
    }),
    ("m_timestampdiff", 3, |context, _| {
        let (Some(unit), Some(from), Some(to)) =
            (unit(context, 0), moment(context, 1), moment(context, 2))
        else {
            return Ok(Value::Null);
        };
        Ok(Value::Integer(difference(unit, from, to)))
    }),
    ("m_last_day", 1, |context, _| {
        let last = moment(context, 0).and_then(|moment| {
            let first = moment.plus_days(1 - moment.fields().day)?;
            first.plus_months(1)?.plus_days(-1)
        });
        Ok(written(last.map(Moment::date)))
    }),
    ("m_weekday", 1, |context, _| {
        Ok(of_moment(context, |moment| (moment.weekday() + 6) % 7))
    }),
    ("m_dayofweek", 1, |context, _| {
        Ok(of_moment(context, |moment| moment.weekday() + 1))
    }),
    ("m_dayofyear", 1, |context, _| {
        Ok(of_moment(context, Moment::day_of_year))
    }),
    ("m_to_days", 1, |context, _| {
        Ok(of_moment(context, Moment::days))
    }),
    ("m_from_days", 1, |context, _| {
        let day = integer(context, 0).and_then(Moment::from_days);
        Ok(written(day.map(Moment::date)))
    }),
    ("m_makedate", 2, |context, _| {
        let (Some(year), Some(number)) = (integer(context, 0), integer(context, 1)) else {
            return Ok(Value::Null);
        };
        let day = (number > 0 && (0..=9999).contains(&year))
            .then(|| Moment::parse(&format!("{year:02}-01-01")))
            .flatten()
            .and_then(|first| first.plus_days(number.checked_sub(1)?));
        Ok(written(day.map(Moment::date)))
    }),
    ("m_dayname", 1, |context, _| {
        let moment = moment(context, 0);
        Ok(written(
            moment.map(|moment| date_format::format(moment, "%W")),
        ))
    }),
    ("m_monthname", 1, |context, _| {
        let moment = moment(context, 0);
        Ok(written(
            moment.map(|moment| date_format::format(moment, "%M")),
        ))
    }),
];

fn written(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

fn number_of(number: Option<i64>) -> Value {
    number.map_or(Value::Null, Value::Integer)
}

fn moment(context: &Context<'_>, index: usize) -> Option<Moment> {
    Moment::parse(&text(context, index)?)
}

fn span(context: &Context<'_>, index: usize) -> Option<Span> {
    Some(temporal(context, index)?.span())
}

fn temporal(context: &Context<'_>, index: usize) -> Option<Temporal> {
    Temporal::parse(&text(context, index)?)
}

fn unit(context: &Context<'_>, index: usize) -> Option<Unit> {
    Unit::from_name(&text(context, index)?)
}

fn of_moment(context: &Context<'_>, says: fn(Moment) -> i64) -> Value {
    number_of(moment(context, 0).map(says))
}

/// What is made with the pattern at `index`. Patterns make up to nine letters of two.
fn formatted(
    context: &Context<'_>,
    index: usize,
    make: impl FnOnce(&str) -> Option<String>,
) -> Result<Value> {
    let Some(pattern) = text(context, index) else {
        return Ok(Value::Null);
    };
    if pattern.len() > MAX_TEXT_BYTES / 8 {
        return Err(Error::UserFunctionError(TOO_BIG.into()));
    }
    Ok(written(make(&pattern)))
}

/// What `text` is after an interval: a date stays one if the interval is of days, a
/// time stays one.
fn later(text: &str, interval: Interval, unit: Unit) -> Option<String> {
    let Some((moment, has_time)) = Moment::read(text) else {
        let span = Span::parse(text).filter(|_| text.contains(':'))?;
        let total = span.total_micros().checked_add(interval.micros);
        return Some(Span::from_micros(total.filter(|_| interval.months == 0)?).to_string());
    };
    let later = interval.from(moment)?;
    Some(match has_time || !unit.is_of_days() {
        true => later.written(),
        false => later.date(),
    })
}

/// Microseconds with so many digits of the second, halves away from zero.
fn at_places(micros: i64, places: i64) -> i64 {
    let places = u32::try_from(places.clamp(0, 6)).unwrap_or(6);
    let step = 10_i64.pow(6 - places);
    let half = step / 2;
    (micros + if micros < 0 { -half } else { half }) / step * step
}

/// ADDTIME and SUBTIME.
fn time_added(context: &Context<'_>, sign: i64) -> Value {
    let (Some(to), Some(Temporal::Span(span))) = (temporal(context, 0), temporal(context, 1))
    else {
        return Value::Null;
    };
    let micros = sign * span.total_micros();
    written(match to {
        Temporal::Moment(moment) => {
            Moment::from_micros(moment.total_micros() + micros).map(Moment::written)
        }
        Temporal::Span(span) => Some(Span::from_micros(span.total_micros() + micros).to_string()),
    })
}

fn week(context: &Context<'_>, says: fn(i64, i64) -> i64, is_of_a_year: bool) -> Value {
    let (Some(moment), Some(mode)) = (moment(context, 0), integer(context, 1)) else {
        return Value::Null;
    };
    let mode = WeekMode::new(mode);
    let (week, year) = moment.week(if is_of_a_year { mode.of_a_year() } else { mode });
    Value::Integer(says(week, year))
}

/// EXTRACT and the functions called as units.
fn part_of(from: Temporal, unit: Unit) -> Option<i64> {
    let span = from.span();
    let fields = match from {
        Temporal::Moment(moment) => Some(moment.fields()),
        Temporal::Span(_) => None,
    };
    let sign = if span.is_negative() { -1 } else { 1 };
    Some(match unit {
        Unit::Microsecond => sign * span.micros(),
        Unit::Second => sign * span.seconds(),
        Unit::Minute => sign * span.minutes(),
        Unit::Hour => sign * span.hours(),
        Unit::Day => fields?.day,
        Unit::Month => fields?.month,
        Unit::Quarter => (fields?.month + 2) / 3,
        Unit::Year => fields?.year,
        Unit::Week => match from {
            Temporal::Moment(moment) => moment.week(WeekMode::new(0)).0,
            Temporal::Span(_) => return None,
        },
        Unit::Several(first, last) => {
            let number = first.up_to(last).fold(0, |number, part| {
                let (places, value) = match part {
                    Part::Year => (1, fields.map_or(0, |fields| fields.year)),
                    Part::Month => (100, fields.map_or(0, |fields| fields.month)),
                    Part::Day => (1, fields.map_or(0, |fields| fields.day)),
                    Part::Hour => (100, span.hours()),
                    Part::Minute => (100, span.minutes()),
                    Part::Second => (100, span.seconds()),
                    Part::Microsecond => (MICROS, span.micros()),
                };
                number * places + value
            });
            sign * number
        }
    })
}

/// How many whole units lie between two moments.
fn difference(unit: Unit, from: Moment, to: Moment) -> i64 {
    let months_of = |moment: Moment| {
        let fields = moment.fields();
        let within = (fields.day, Span::of_day(moment));
        (fields.year * 12 + fields.month, within)
    };
    let (micros, months) = unit.amount();
    if months == 0 {
        return (to.total_micros() - from.total_micros()) / micros.max(1);
    }
    let ((from_month, from_within), (to_month, to_within)) = (months_of(from), months_of(to));
    let mut between = to_month - from_month;
    if between > 0 && to_within < from_within {
        between -= 1;
    } else if between < 0 && to_within > from_within {
        between += 1;
    }
    between / months
}

/// Months since the year 0 of a period as PERIOD_ADD knows it, `202611` or `2611`.
fn period_months(period: i64) -> Result<i64> {
    let (year, month) = (period / 100, period % 100);
    if period < 0 || !(1..=12).contains(&month) {
        return Err(Error::UserFunctionError(BAD_PERIOD.into()));
    }
    let year = match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        _ => year,
    };
    Ok(year * 12 + month - 1)
}

/// What is said of a period that is none.
pub(super) const BAD_PERIOD: &str = "a period is a year and a month, as in 202611";

/// Seconds east of Greenwich, for the zones that need no table.
fn zone_seconds(zone: &str) -> Option<i64> {
    if ["UTC", "GMT", "SYSTEM", "Z"]
        .iter()
        .any(|name| zone.eq_ignore_ascii_case(name))
    {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let hours: i64 = hours
        .parse()
        .ok()
        .filter(|hours| (0..=14).contains(hours))?;
    let minutes: i64 = minutes.parse().ok().filter(|m| (0..60).contains(m))?;
    Some(sign * (hours * 3600 + minutes * 60))
}
