//! Outgoing WebSocket frames (RFC 6455 §5.2). Server frames are unmasked, so one
//! encoded frame serves every receiver.

use bytes::{BufMut, Bytes, BytesMut};

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// RFC 6455 §7.4.1: the endpoint is going away.
pub(crate) const CLOSE_GOING_AWAY: u16 = 1001;
/// RFC 6455 §7.4.1: a protocol error.
pub(crate) const CLOSE_PROTOCOL: u16 = 1002;
/// RFC 6455 §7.4.1: data that is not what its type says, such as text that is not UTF-8.
pub(crate) const CLOSE_NOT_UTF8: u16 = 1007;
/// RFC 6455 §7.4.1: the endpoint's policy forbids it.
pub(crate) const CLOSE_POLICY: u16 = 1008;
/// RFC 6455 §7.4.1: a message too big to process.
pub(crate) const CLOSE_TOO_BIG: u16 = 1009;
/// RFC 6455 §7.4.1: the server met a condition that keeps it from serving.
pub(crate) const CLOSE_SERVER_ERROR: u16 = 1011;

/// A text frame with this text.
pub fn text(text: &str) -> Bytes {
    encode(TEXT, text.as_bytes())
}

/// A binary frame with these bytes. The gateway itself says everything as text.
pub fn binary(bytes: &[u8]) -> Bytes {
    encode(BINARY, bytes)
}

/// Whether a frame counts as a message: a Ping, a Pong or a Close does not.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & CLOSE == 0)
}

/// A ping that asks for this number back.
pub(crate) fn numbered_ping(number: u64) -> Bytes {
    encode(PING, &number.to_be_bytes())
}

/// An empty ping.
pub(crate) fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// A close frame; the reason is cut to the 123 bytes it may have.
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut body = BytesMut::with_capacity(2 + end);
    body.put_u16(code);
    body.put_slice(reason.as_bytes().get(..end).unwrap_or_default());
    encode(CLOSE, &body)
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Bytes {
    encode(PONG, payload)
}

/// The answer to a client's close frame: the same code, or none if it had none. A
/// code nobody may send is answered by that of a protocol error.
pub fn close_reply(received: Option<u16>) -> Bytes {
    match received {
        // RFC 6455 §7.4.2, and those registered since.
        Some(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => close(code, ""),
        Some(_) => close(CLOSE_PROTOCOL, ""),
        None => encode(CLOSE, &[]),
    }
}

fn encode(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(FIN | opcode);
    match payload.len() {
        length @ 0..=125 => frame.put_u8(length as u8),
        length @ 126..=0xffff => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_one_three_or_nine_bytes() {
        assert_eq!(text("hi"), &b"\x81\x02hi"[..]);
        assert_eq!(&text(&"a".repeat(125))[..2], b"\x81\x7d");
        assert_eq!(&text(&"a".repeat(131))[..4], b"\x81\x7e\x00\x83");
        assert_eq!(
            &text(&"a".repeat(0x1_0000))[..10],
            b"\x81\x7f\0\0\0\0\0\x01\0\0"
        );
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let frame = close(1008, &"я".repeat(100));
        assert_eq!(frame[1], 2 + 122);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
