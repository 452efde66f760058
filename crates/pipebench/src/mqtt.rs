//! MQTT 5 packets, as little as publishing and subscribing need. No sockets here.

use crate::error::Error;

/// The longest packet accepted, in bytes.
const PACKET_LIMIT: usize = crate::websocket::FRAME_LIMIT;

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
const QOS_1: u8 = 0x02;
const SUBSCRIBE: u8 = 0x82;

/// Subscription option: not one's own messages.
const NO_LOCAL: u8 = 0x04;

/// The first byte of a CONNACK, and of the acknowledgement of a message.
pub(crate) const CONNACK: u8 = 0x20;
/// The acknowledgement of a published message.
pub(crate) const PUBACK: u8 = 0x40;

/// The answer to [`write_subscribe`] when it was granted: SUBACK, packet 1, no properties, QoS 0.
pub(crate) const SUBSCRIBED: &[u8] = &[0x90, 4, 0, 1, 0, 0];

/// A packet, borrowed from the read buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) first: u8,
    pub(crate) body: &'a [u8],
}

/// The packet at the start of `bytes` and its length on the wire; `None` until it is complete.
pub(crate) fn next_packet(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, Error> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let mut length = 0;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * index);
        if length > PACKET_LIMIT {
            break;
        }
        if byte < 0x80 {
            let body = rest.get(index + 1..).unwrap_or_default();
            return Ok(body
                .get(..length)
                .map(|body| (Packet { first, body }, index + 2 + length)));
        }
    }
    if rest.len() >= 4 || length > PACKET_LIMIT {
        return Err(Error::Protocol {
            protocol: "MQTT",
            detail: format!("a packet longer than {PACKET_LIMIT} bytes"),
        });
    }
    Ok(None)
}

/// Appends a CONNECT with a clean start and no keep-alive.
pub(crate) fn write_connect(client: &str, out: &mut Vec<u8>) {
    let mut body = b"\0\x04MQTT\x05\x02\0\0\0".to_vec();
    write_text(client, &mut body);
    write_packet(CONNECT, &body, out);
}

/// Appends packet 1, a subscription at QoS 0 that does not hear its own connection's messages.
pub(crate) fn write_subscribe(topic: &str, out: &mut Vec<u8>) {
    let mut body = vec![0, 1, 0];
    write_text(topic, &mut body);
    body.push(NO_LOCAL);
    write_packet(SUBSCRIBE, &body, out);
}

/// Appends a message: with a packet number at QoS 1, which is acknowledged, without at QoS 0.
pub(crate) fn write_publish(topic: &str, number: Option<u16>, payload: &[u8], out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 5);
    write_text(topic, &mut body);
    if let Some(number) = number {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body.push(0);
    body.extend_from_slice(payload);
    let quality = if number.is_some() { QOS_1 } else { 0 };
    write_packet(PUBLISH | quality, &body, out);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn write_packet(first: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    let mut length = body.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_at_qos_1_is_written_as_the_standard_shows() {
        let mut out = Vec::new();
        write_publish("a/b", Some(10), b"hi", &mut out);
        assert_eq!(out, b"\x32\x0a\0\x03a/b\0\x0a\0hi");
    }

    #[test]
    fn a_length_that_never_ends_is_an_error() {
        assert!(next_packet(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]).is_err());
        assert!(next_packet(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(size in 0usize..40_000) {
            let mut out = Vec::new();
            write_packet(PUBLISH, &vec![7; size], &mut out);
            prop_assert_eq!(next_packet(&out[..out.len() - 1]).unwrap(), None);
            let (packet, length) = next_packet(&out).unwrap().unwrap();
            prop_assert_eq!((packet.first, packet.body.len(), length), (PUBLISH, size, out.len()));
        }

        #[test]
        fn any_bytes_are_parsed_without_panic(bytes: Vec<u8>) {
            let _ = next_packet(&bytes);
        }
    }
}
