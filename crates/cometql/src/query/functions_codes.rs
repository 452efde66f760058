//! Texts as bytes: digests, hexadecimal and base 64, the numbers of characters and
//! of Internet addresses.

use md5::Md5;
use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Error, Result};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::functions::{Function, MAX_TEXT_BYTES, TOO_BIG, integer, number, text, value};

/// The functions of this file.
pub(super) const CODES: &[(&str, i32, Function)] = &[
    ("m_md5", 1, |context, _| digest::<Md5>(context)),
    ("m_sha1", 1, |context, _| digest::<Sha1>(context)),
    ("m_sha2", 2, |context, _| match integer(context, 1) {
        Some(224) => digest::<Sha224>(context),
        Some(0 | 256) => digest::<Sha256>(context),
        Some(384) => digest::<Sha384>(context),
        Some(512) => digest::<Sha512>(context),
        _ => Ok(Value::Null),
    }),
    ("m_ascii", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| {
            Value::Integer(text.bytes().next().map_or(0, i64::from))
        }))
    }),
    ("m_hex", 1, |context, _| {
        Ok(match value(context, 0) {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Text(format!("{integer:X}")),
            ValueRef::Real(_) => Value::Text(format!("{:X}", number(value(context, 0)) as i64)),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                fits(bytes.len(), 2)?;
                Value::Text(hexadecimal(bytes, b"0123456789ABCDEF"))
            }
        })
    }),
    ("m_unhex", 1, |context, _| {
        let bytes = text(context, 0).and_then(|digits| unhex(&digits));
        Ok(bytes.map_or(Value::Null, of_bytes))
    }),
    ("m_to_base64", 1, |context, _| match value(context, 0) {
        ValueRef::Null => Ok(Value::Null),
        _ => {
            let text = text(context, 0).unwrap_or_default();
            fits(text.len(), 2)?;
            Ok(Value::Text(to_base64(text.as_bytes())))
        }
    }),
    ("m_from_base64", 1, |context, _| {
        let bytes = text(context, 0).and_then(|text| from_base64(&text));
        Ok(bytes.map_or(Value::Null, of_bytes))
    }),
    ("m_crc32", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| {
            Value::Integer(crc32(text.as_bytes()).into())
        }))
    }),
    ("m_ord", 1, |context, _| {
        let text = text(context, 0);
        Ok(text.map_or(Value::Null, |text| Value::Integer(code_of_first(&text))))
    }),
    ("m_char", -1, |context, _| {
        let mut bytes = Vec::new();
        for index in 0..context.len() {
            if let Some(code) = integer(context, index) {
                let code = code as u32;
                let skipped = (code.leading_zeros() / 8).min(3) as usize;
                bytes.extend(code.to_be_bytes().into_iter().skip(skipped));
            }
        }
        Ok(of_bytes(bytes))
    }),
    ("m_inet_aton", 1, |context, _| {
        let address = text(context, 0).and_then(|text| inet_aton(&text));
        Ok(address.map_or(Value::Null, |address| Value::Integer(address.into())))
    }),
    ("m_inet_ntoa", 1, |context, _| {
        let address = integer(context, 0).and_then(|number| u32::try_from(number).ok());
        Ok(address.map_or(Value::Null, |address| {
            Value::Text(std::net::Ipv4Addr::from(address).to_string())
        }))
    }),
];

/// Refuses a text that becomes too long when each byte becomes `times` as many.
fn fits(bytes: usize, times: usize) -> Result<()> {
    match bytes > MAX_TEXT_BYTES / times {
        true => Err(Error::UserFunctionError(TOO_BIG.into())),
        false => Ok(()),
    }
}

fn of_bytes(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Blob(error.into_bytes()),
    }
}

fn digest<D: sha1::Digest>(context: &Context<'_>) -> Result<Value> {
    let Some(text) = text(context, 0) else {
        return Ok(Value::Null);
    };
    let digest = D::digest(text.as_bytes());
    Ok(Value::Text(hexadecimal(&digest, b"0123456789abcdef")))
}

/// Digits of sixteen, two a byte.
pub(super) fn hexadecimal(bytes: &[u8], digits: &[u8; 16]) -> String {
    let digit = |nibble: u8| {
        digits
            .get(usize::from(nibble))
            .map_or('0', |digit| char::from(*digit))
    };
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let padded = if digits.len().is_multiple_of(2) {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    let nibble = |byte: u8| char::from(byte).to_digit(16);
    let pairs = padded.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(nibble(*high)? * 16 + nibble(*low)?).ok(),
            _ => None,
        })
        .collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes of a line of base 64, before they are encoded.
const BASE64_LINE: usize = 57;

fn to_base64(bytes: &[u8]) -> String {
    let letter = |six: u32| {
        let letter = usize::try_from(six & 63)
            .ok()
            .and_then(|six| BASE64.get(six));
        letter.map_or('A', |letter| char::from(*letter))
    };
    let mut text = String::with_capacity(bytes.len() / 2 * 3 + 4);
    for (index, line) in bytes.chunks(BASE64_LINE).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for group in line.chunks(3) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let whole = byte(0) << 16 | byte(1) << 8 | byte(2);
            text.extend([letter(whole >> 18), letter(whole >> 12)]);
            text.push(if group.len() > 1 {
                letter(whole >> 6)
            } else {
                '='
            });
            text.push(if group.len() > 2 { letter(whole) } else { '=' });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if !letters.len().is_multiple_of(4) {
        return None;
    }
    let padding = letters
        .iter()
        .rev()
        .take_while(|letter| **letter == b'=')
        .count();
    let digits = letters.get(..letters.len() - padding.min(2))?;
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        let six = BASE64.iter().position(|letter| letter == digit)?;
        held = held << 6 | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
        held &= (1 << bits) - 1;
    }
    Some(bytes)
}

/// The checksum of zip files and of Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let is_odd = sum & 1 == 1;
            sum = sum >> 1 ^ if is_odd { POLYNOMIAL } else { 0 };
        }
    }
    !sum
}

/// The bytes of the first character as one number.
fn code_of_first(text: &str) -> i64 {
    let end = text.chars().next().map_or(0, char::len_utf8);
    let bytes = text.bytes().take(end);
    bytes.fold(0, |code, byte| code << 8 | i64::from(byte))
}

/// An address as a number; `10.5` is `10.0.0.5`.
fn inet_aton(text: &str) -> Option<u32> {
    let parts: Vec<u8> = text
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    let missing = 3_usize.checked_sub(first.len())?;
    let zeros = std::iter::repeat_n(&0, missing);
    let bytes = first.iter().chain(zeros).chain(std::iter::once(last));
    Some(bytes.fold(0, |address, byte| address << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_codes_come_out_right() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(to_base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
        assert_eq!(
            from_base64("YW55\nIGNhcm5hbCBwbGVhcw=="),
            Some(b"any carnal pleas".to_vec())
        );
        assert_eq!(from_base64("YW5"), None);
        assert_eq!(from_base64("Y*5="), None);
        assert_eq!(inet_aton("10.0.5.9"), Some(167_773_449));
        assert_eq!(inet_aton("127.1"), Some(0x7f00_0001));
        assert_eq!(inet_aton("1.2.3.4.5"), None);
        assert_eq!(inet_aton("256.1.1.1"), None);
        assert_eq!(code_of_first("é"), 0xc3a9);
    }

    proptest! {
        #[test]
        fn base_64_gives_back_what_it_was_given(bytes: Vec<u8>) {
            prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in "\\PC{0,30}|[A-Za-z=.]{0,20}") {
            let _ = (from_base64(&text), inet_aton(&text), unhex(&text), code_of_first(&text));
        }
    }
}
