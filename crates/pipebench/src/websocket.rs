//! WebSocket bytes, RFC 6455, the client's half: the opening handshake and frames. No sockets here.
//!
//! Parsing borrows from the read buffer and copies nothing: a load generator that costs as much as
//! the server would measure itself.

use sha1::{Digest, Sha1};

use crate::doors::Upgrade;
use crate::error::Error;

/// The largest frame accepted from the server, in bytes; also bounds what is kept of a cut one.
pub(crate) const FRAME_LIMIT: usize = 1 << 20;

/// The longest answer to the opening handshake, in bytes.
const RESPONSE_LIMIT: usize = 16 * 1024;

/// RFC 6455 §1.3.
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What a frame carries, as far as this program cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text or binary.
    Data,
    Close,
    Ping,
    Pong,
}

/// One whole frame from the server, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
}

/// The frame at the start of `bytes` and its length on the wire; `None` until it is complete.
///
/// CometWire sends unfragmented, unmasked text frames and nothing else but control frames
/// (compatibility reference §0), and peers unfragmented text or binary; anything else is an error.
pub(crate) fn next_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Error> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let kind = match first {
        0x81 | 0x82 => Kind::Data,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8A => Kind::Pong,
        other => {
            return Err(broken(format!(
                "a frame starts with 0x{other:02x}, expected unfragmented data or a control frame"
            )));
        }
    };
    let (length, rest) = match (second, rest) {
        (128.., _) => return Err(broken("a masked frame from a server".into())),
        (0..=125, rest) => (u64::from(*second), rest),
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
        }
        _ => return Ok(None),
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= FRAME_LIMIT)
        .ok_or_else(|| {
            broken(format!(
                "a frame of {length} bytes, at most {FRAME_LIMIT} are accepted"
            ))
        })?;
    Ok(rest.get(..length).map(|payload| {
        let header = bytes.len() - rest.len();
        (Frame { kind, payload }, header + length)
    }))
}

/// Appends a masked text frame, as a browser sends it.
pub(crate) fn write_text(text: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    write_masked(0x81, text, mask, out);
}

/// Appends a masked binary frame.
pub(crate) fn write_binary(bytes: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    write_masked(0x82, bytes, mask, out);
}

/// Appends the answer to a Ping.
pub(crate) fn write_pong(payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    write_masked(0x8A, payload, mask, out);
}

/// Appends an unmasked text frame, as a server sends it: the yardstick writes these bytes.
pub(crate) fn write_server_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(0x81);
    write_length(text.len(), 0, out);
    out.extend_from_slice(text);
}

/// The client's side of one opening handshake.
#[derive(Debug)]
pub(crate) struct Opening {
    key: String,
}

impl Opening {
    /// A handshake with 16 random bytes as its nonce.
    pub(crate) fn new(nonce: [u8; 16]) -> Self {
        Self {
            key: base64(&nonce),
        }
    }

    /// The request for an upgrade.
    pub(crate) fn request(&self, host: &str, upgrade: &Upgrade) -> String {
        let protocol = upgrade.protocol.map_or(String::new(), |protocol| {
            format!("Sec-WebSocket-Protocol: {protocol}\r\n")
        });
        format!(
            "GET {} HTTP/1.1\r\n\
             Host: {host}\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Origin: http://{host}\r\n\
             User-Agent: pipebench\r\n\
             Sec-WebSocket-Version: 13\r\n\
             {protocol}\
             Sec-WebSocket-Key: {}\r\n\r\n",
            upgrade.path, self.key
        )
    }

    /// Length of the server's answer at the start of `bytes`; `None` until it is complete. An
    /// answer other than a correct 101 is an error that quotes its status line.
    pub(crate) fn accept(&self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            if bytes.len() > RESPONSE_LIMIT {
                return Err(broken("the answer to the handshake does not end".into()));
            }
            return Ok(None);
        };
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default();
        if status.split(' ').nth(1) != Some("101") {
            return Err(Error::Refused {
                what: "the WebSocket handshake",
                answer: status.to_owned(),
            });
        }
        let accept = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-accept"))
            .map(|(_, value)| value.trim());
        let expected = accept_key(self.key.as_bytes());
        if accept != Some(&expected) {
            return Err(broken(format!(
                "Sec-WebSocket-Accept is {accept:?}, expected {expected}"
            )));
        }
        Ok(Some(end + 4))
    }
}

/// What a server answers to a handshake's key.
pub(crate) fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new()
        .chain_update(key)
        .chain_update(ACCEPT_GUID)
        .finalize();
    base64(&digest)
}

fn write_masked(first: u8, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.push(first);
    write_length(payload.len(), 0x80, out);
    out.extend_from_slice(&mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}

fn write_length(length: usize, mask_bit: u8, out: &mut Vec<u8>) {
    match length {
        0..=125 => out.push(mask_bit | length as u8),
        126..=0xFFFF => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// RFC 4648 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3).fold(0u32, |group, i| {
            group << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            let letter = ALPHABET
                .get((group >> (18 - 6 * i)) as usize & 63)
                .filter(|_| i <= chunk.len());
            text.push(letter.map_or('=', |&letter| char::from(letter)));
        }
    }
    text
}

fn broken(detail: String) -> Error {
    Error::Protocol {
        protocol: "WebSocket",
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn server_bytes(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            write_server_text(text, &mut bytes);
        }
        bytes
    }

    fn parse_all(mut bytes: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut texts = Vec::new();
        while let Some((frame, length)) = next_frame(bytes).unwrap() {
            assert_eq!(frame.kind, Kind::Data);
            texts.push(frame.payload.to_vec());
            bytes = &bytes[length..];
        }
        (texts, bytes.to_vec())
    }

    #[test]
    fn frames_cut_at_every_byte_are_read_whole() {
        let texts: Vec<Vec<u8>> = [0, 1, 125, 126, 127, 65_535, 65_536]
            .iter()
            .map(|&size| vec![b'a'; size])
            .collect();
        let bytes = server_bytes(&texts);
        // Cutting inside the big payloads again and again adds nothing: every header byte and its
        // neighbourhood is enough.
        let cuts = (0..bytes.len())
            .filter(|cut| *cut < 500 || cut % 997 == 0 || (65_900..65_960).contains(cut));
        for cut in cuts {
            let (mut found, mut rest) = parse_all(&bytes[..cut]);
            rest.extend_from_slice(&bytes[cut..]);
            let (more, rest) = parse_all(&rest);
            found.extend(more);
            assert!(found == texts && rest.is_empty(), "cut at {cut}");
        }
    }

    #[test]
    fn the_reference_frames_are_reproduced() {
        let mut out = Vec::new();
        write_text(
            b"subscription\nweb_room\ntrack_hall",
            [0x11, 0x22, 0x33, 0x44],
            &mut out,
        );
        let expected =
            "81a011223344625751377250 5a34654b5c2a1b555626 4e505c2b7c28473670415 81b79435f28";
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected.replace(' ', ""));
        out.clear();
        write_server_text(&[b'x'; 131], &mut out);
        assert_eq!(out[..4], [0x81, 0x7e, 0x00, 0x83]);
    }

    #[test]
    fn a_server_that_masks_fragments_or_floods_is_an_error() {
        assert!(next_frame(&[0x81, 0x81, 0, 0, 0, 0, b'a']).is_err());
        assert!(next_frame(&[0x01, 0x01, b'a']).is_err());
        assert!(next_frame(&[0x81, 127, 0, 0, 0, 0, 0xFF, 0, 0, 0]).is_err());
        assert!(next_frame(&[0xC1, 0x01, b'a']).is_err());
    }

    #[test]
    fn the_handshake_of_the_rfc_is_accepted_and_a_wrong_one_is_not() {
        let opening = Opening {
            key: "dGhlIHNhbXBsZSBub25jZQ==".into(),
        };
        let good = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x01a";
        assert_eq!(opening.accept(good).unwrap(), Some(good.len() - 3));
        assert_eq!(opening.accept(&good[..40]).unwrap(), None);
        assert!(
            opening
                .accept(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: no\r\n\r\n")
                .is_err()
        );
        let refused = opening
            .accept(b"HTTP/1.1 404 Not Found\r\n\r\n")
            .unwrap_err();
        assert!(refused.to_string().contains("404 Not Found"));
    }

    #[test]
    fn base64_pads_as_rfc_4648_shows() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_panic(bytes: Vec<u8>) {
            if let Ok(Some((frame, length))) = next_frame(&bytes) {
                prop_assert!(length <= bytes.len() && frame.payload.len() < length);
            }
        }

        #[test]
        fn a_masked_frame_unmasks_to_its_text(text in proptest::collection::vec(any::<u8>(), 0..300), mask: [u8; 4]) {
            let mut out = Vec::new();
            write_text(&text, mask, &mut out);
            let body = &out[out.len() - text.len()..];
            let unmasked: Vec<u8> = body.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]).collect();
            prop_assert_eq!(unmasked, text);
        }
    }
}
