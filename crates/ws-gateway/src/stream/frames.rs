//! The other side of the WebSocket protocol, as far as a connection over plain
//! HTTP needs it: frames of a client out, frames of this server in (RFC 6455 §5.2).

use bytes::{Buf, BufMut, BytesMut};

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// A client has to mask. This mask leaves the bytes as they are: nobody reads along.
const MASK: [u8; 4] = [0; 4];

/// A text message.
pub(super) const TEXT: u8 = 0x1;
/// The end of the connection.
pub(super) const CLOSE: u8 = 0x8;
/// A question whether the other end lives.
pub(super) const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Writes a text message of a client.
pub(super) fn text(frames: &mut BytesMut, text: &str) {
    frames.reserve(text.len() + 14);
    frames.put_u8(FIN | TEXT);
    match text.len() {
        length @ 0..=125 => frames.put_u8(MASKED | length as u8),
        length @ 126..=0xffff => {
            frames.put_u8(MASKED | 126);
            frames.put_u16(length as u16);
        }
        length => {
            frames.put_u8(MASKED | 127);
            frames.put_u64(length as u64);
        }
    }
    frames.put_slice(&MASK);
    frames.put_slice(text.as_bytes());
}

/// Writes the answer to a ping.
pub(super) fn pong(frames: &mut BytesMut) {
    frames.put_slice(&[FIN | PONG, MASKED]);
    frames.put_slice(&MASK);
}

/// Takes one frame of the server, its opcode and payload, if it is there whole. The
/// server neither masks nor fragments.
pub(super) fn take(received: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let mut header = received.get(..)?;
    let opcode = header.try_get_u8().ok()? & 0x0f;
    let length = match header.try_get_u8().ok()? & 0x7f {
        126 => u64::from(header.try_get_u16().ok()?),
        127 => header.try_get_u64().ok()?,
        length => u64::from(length),
    };
    let length = usize::try_from(length).ok()?;
    if header.len() < length {
        return None;
    }
    received.advance(received.len() - header.len());
    Some((opcode, received.split_to(length)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame;

    #[test]
    fn a_client_masks_with_nothing() {
        let mut frames = BytesMut::new();
        text(&mut frames, "hi");
        pong(&mut frames);
        assert_eq!(&frames[..], b"\x81\x82\0\0\0\0hi\x8a\x80\0\0\0\0");
        for (length, header) in [(126, 8), (0xffff, 8), (0x1_0000, 14)] {
            let mut frames = BytesMut::new();
            text(&mut frames, &"x".repeat(length));
            assert_eq!(frames.len(), header + length);
        }
    }

    proptest! {
        #[test]
        fn what_the_server_sends_is_taken_whole_however_it_is_cut(
            texts in proptest::collection::vec(".{0,300}", 1..5),
            cuts in proptest::collection::vec(1usize..200, 1..40),
        ) {
            let sent: Vec<u8> = texts.iter().flat_map(|text| frame::text(text).to_vec()).collect();
            let mut rest = sent.as_slice();
            let mut received = BytesMut::new();
            let mut taken = Vec::new();
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                received.extend_from_slice(piece);
                rest = after;
                while let Some((opcode, payload)) = take(&mut received) {
                    prop_assert_eq!(opcode, TEXT);
                    taken.push(String::from_utf8(payload.to_vec()).unwrap());
                }
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(taken, texts);
            prop_assert!(received.is_empty());
        }
    }
}
