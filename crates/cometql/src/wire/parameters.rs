//! The values of COM_STMT_EXECUTE: from MySQL's binary forms to parameters. Where
//! a value lies in its packet is found by [`prepared`](super::prepared).

use std::fmt::Write as _;

use crate::answer::Parameter;

use super::fields::{Fields, Malformed};

/// Column types a parameter may have, with MySQL's numbers.
pub(super) mod kind {
    pub(in super::super) const DECIMAL: u8 = 0x00;
    pub(in super::super) const TINY: u8 = 0x01;
    pub(in super::super) const SHORT: u8 = 0x02;
    pub(in super::super) const LONG: u8 = 0x03;
    pub(in super::super) const FLOAT: u8 = 0x04;
    pub(in super::super) const DOUBLE: u8 = 0x05;
    pub(in super::super) const NULL: u8 = 0x06;
    pub(in super::super) const TIMESTAMP: u8 = 0x07;
    pub(in super::super) const LONGLONG: u8 = 0x08;
    pub(in super::super) const INT24: u8 = 0x09;
    pub(in super::super) const DATE: u8 = 0x0A;
    pub(in super::super) const TIME: u8 = 0x0B;
    pub(in super::super) const DATETIME: u8 = 0x0C;
    pub(in super::super) const YEAR: u8 = 0x0D;
    pub(in super::super) const VARCHAR: u8 = 0x0F;
    pub(in super::super) const BIT: u8 = 0x10;
    pub(in super::super) const JSON: u8 = 0xF5;
    #[cfg(test)]
    pub(in super::super) const BLOB: u8 = 0xFC;
}

/// Whether values of this type are text.
pub(super) fn is_text(kind: u8) -> bool {
    matches!(
        kind,
        kind::DECIMAL | kind::VARCHAR | kind::BIT | kind::JSON..=0xFF
    )
}

/// Whether there is such a type.
pub(super) fn is_known(kind: u8) -> bool {
    is_text(kind) || matches!(kind, kind::TINY..=kind::YEAR)
}

/// Takes one value of a known type; for texts, dates and times without their length.
pub(super) fn take<'a>(fields: &mut Fields<'a>, kind: u8) -> Result<&'a [u8], Malformed> {
    match kind {
        kind::TINY => fields.bytes(1),
        kind::SHORT | kind::YEAR => fields.bytes(2),
        kind::LONG | kind::INT24 | kind::FLOAT => fields.bytes(4),
        kind::LONGLONG | kind::DOUBLE => fields.bytes(8),
        kind::DATE | kind::DATETIME | kind::TIMESTAMP => match fields.u8()? {
            length @ (0 | 4 | 7 | 11) => fields.bytes(length.into()),
            _ => Err(Malformed),
        },
        kind::TIME => match fields.u8()? {
            length @ (0 | 8 | 12) => fields.bytes(length.into()),
            _ => Err(Malformed),
        },
        _ => fields.length_bytes(),
    }
}

/// What a value that was [taken](take) is.
pub(super) fn decode(kind: u8, is_unsigned: bool, value: &[u8]) -> Result<Parameter, Malformed> {
    let number = |signed: i64, unsigned: u64| match is_unsigned {
        true => Parameter::Unsigned(unsigned),
        false => Parameter::Integer(signed),
    };
    Ok(match kind {
        kind::NULL => Parameter::Null,
        kind::TINY => {
            let [byte] = array(value)?;
            number(i64::from(byte.cast_signed()), byte.into())
        }
        kind::SHORT | kind::YEAR => {
            let short = u16::from_le_bytes(array(value)?);
            number(i64::from(short.cast_signed()), short.into())
        }
        kind::LONG | kind::INT24 => {
            let long = u32::from_le_bytes(array(value)?);
            number(i64::from(long.cast_signed()), long.into())
        }
        kind::LONGLONG => {
            let long = u64::from_le_bytes(array(value)?);
            number(long.cast_signed(), long)
        }
        kind::FLOAT => Parameter::Real(f32::from_le_bytes(array(value)?).into()),
        kind::DOUBLE => Parameter::Real(f64::from_le_bytes(array(value)?)),
        kind::DATE => Parameter::Text(date_and_time(value, false)?),
        kind::DATETIME | kind::TIMESTAMP => Parameter::Text(date_and_time(value, true)?),
        kind::TIME => Parameter::Text(time(value)?),
        _ => Parameter::Text(
            std::str::from_utf8(value)
                .map_err(|_| Malformed)?
                .to_owned(),
        ),
    })
}

fn array<const N: usize>(value: &[u8]) -> Result<[u8; N], Malformed> {
    value.try_into().map_err(|_| Malformed)
}

/// MySQL's text form of a date, and of the time that may follow it.
fn date_and_time(bytes: &[u8], with_time: bool) -> Result<String, Malformed> {
    let mut fields = Fields::new(bytes);
    let (year, month, day) = match fields.is_empty() {
        true => (0, 0, 0),
        false => (fields.u16()?, fields.u8()?, fields.u8()?),
    };
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if with_time || !fields.is_empty() {
        text.push(' ');
        match fields.is_empty() {
            true => text.push_str("00:00:00"),
            false => {
                let hour = u64::from(fields.u8()?);
                put_time(&mut text, hour, &mut fields)?;
            }
        }
    }
    Ok(text)
}

/// MySQL's text form of a span of time.
fn time(bytes: &[u8]) -> Result<String, Malformed> {
    let mut fields = Fields::new(bytes);
    if fields.is_empty() {
        return Ok("00:00:00".to_owned());
    }
    let mut text = match fields.u8()? {
        0 => String::new(),
        _ => "-".to_owned(),
    };
    let days = u64::from(fields.u32()?);
    let hours = days * 24 + u64::from(fields.u8()?);
    put_time(&mut text, hours, &mut fields)?;
    Ok(text)
}

fn put_time(text: &mut String, hours: u64, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (minutes, seconds) = (fields.u8()?, fields.u8()?);
    // Writing to a String cannot fail.
    let _ = write!(text, "{hours:02}:{minutes:02}:{seconds:02}");
    if !fields.is_empty() {
        let _ = write!(text, ".{:06}", fields.u32()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_times_take_mysqls_text_form() {
        let moment = [0xE8, 0x07, 11, 22, 20, 5, 28, 0x40, 0xE2, 1, 0];
        assert_eq!(date_and_time(&moment[..4], false).unwrap(), "2024-11-22");
        assert_eq!(
            date_and_time(&moment[..7], true).unwrap(),
            "2024-11-22 20:05:28"
        );
        assert_eq!(
            date_and_time(&moment, true).unwrap(),
            "2024-11-22 20:05:28.123456"
        );
        assert_eq!(date_and_time(&[], true).unwrap(), "0000-00-00 00:00:00");
        assert_eq!(
            date_and_time(&moment[..4], true).unwrap(),
            "2024-11-22 00:00:00"
        );
    }

    #[test]
    fn spans_of_days_are_counted_in_hours() {
        assert_eq!(time(&[]).unwrap(), "00:00:00");
        assert_eq!(time(&[1, 2, 0, 0, 0, 3, 4, 5]).unwrap(), "-51:04:05");
        assert_eq!(
            time(&[0, 0, 0, 0, 0, 3, 4, 5, 1, 0, 0, 0]).unwrap(),
            "03:04:05.000001"
        );
    }

    #[test]
    fn numbers_keep_their_sign_and_their_width() {
        for (kind, is_unsigned, value, expected) in [
            (kind::TINY, false, &[0xFF][..], Parameter::Integer(-1)),
            (kind::TINY, true, &[0xFF], Parameter::Unsigned(255)),
            (kind::YEAR, false, &[0xE8, 7], Parameter::Integer(2024)),
            (kind::SHORT, false, &[0, 0x80], Parameter::Integer(-32_768)),
            (
                kind::INT24,
                true,
                &[1, 0, 0, 0x80],
                Parameter::Unsigned(0x8000_0001),
            ),
            (
                kind::LONG,
                false,
                &[0xFE, 0xFF, 0xFF, 0xFF],
                Parameter::Integer(-2),
            ),
            (kind::LONGLONG, false, &[0xFF; 8], Parameter::Integer(-1)),
            (
                kind::LONGLONG,
                true,
                &[0xFF; 8],
                Parameter::Unsigned(u64::MAX),
            ),
            (
                kind::FLOAT,
                false,
                &0.5_f32.to_le_bytes(),
                Parameter::Real(0.5),
            ),
            (
                kind::DOUBLE,
                false,
                &(-2.25_f64).to_le_bytes(),
                Parameter::Real(-2.25),
            ),
            (kind::BLOB, false, b"text", Parameter::Text("text".into())),
        ] {
            assert_eq!(decode(kind, is_unsigned, value), Ok(expected));
        }
    }

    proptest! {
        #[test]
        fn random_values_never_panic(kind: u8, is_unsigned: bool, bytes: Vec<u8>) {
            let _ = decode(kind, is_unsigned, &bytes);
        }

        #[test]
        fn random_dates_and_times_never_panic(bytes: Vec<u8>) {
            let _ = date_and_time(&bytes, false);
            let _ = date_and_time(&bytes, true);
            let _ = time(&bytes);
        }
    }
}
