//! What the bare server answers to what: bytes in, bytes and [`Act`]s out. Nothing is checked that
//! this program's own clients do right.

use crate::websocket;

/// The longest packet or frame taken, in bytes; whoever sends more is never answered.
const LENGTH_LIMIT: usize = 1 << 20;

/// What a delivery says of its event and time.
const ENVELOPE: &[u8] = b"\",\"event\":\"bench\",\"message_send_time\":1735689600,\"pipe\":\"";

const GREETING: &[u8] = br#"{"authorized":"false","data":"","event":"serverInfo","message_send_time":1735689600,"pipe":"sys","server":"limit"}"#;

/// Protocol 10, "limit", salt `abcdefgh` + `ijklmnopqrst`, `mysql_native_password`.
const HANDSHAKE: &[u8] = b"\x0alimit\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15\
    \0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";

/// An OK packet's payload: one row, no number, autocommit, no warnings, a text as CometWire has it.
const OK: &[u8] = b"\0\x01\0\x02\0\0\0\x0cReceivers: 1";

/// The first packet that follows a prepared statement: number 1, no columns, three parameters.
const PREPARED: &[u8] = &[0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];

const COM_QUERY: u8 = 0x03;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;

/// Bytes of `COM_STMT_EXECUTE` before the values of three parameters whose types are given.
const EXECUTION_HEAD: usize = 18;

/// What is to be done beside answering.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// This connection hears a pipe from now on.
    Subscribe(Vec<u8>),
    /// Answer how many hear a pipe.
    Count(Vec<u8>),
    /// Send a frame to a pipe's subscribers, but not to this connection.
    Deliver { pipe: Vec<u8>, frame: Vec<u8> },
}

/// One connection's side of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    /// A backend, before and after its login.
    Backend { is_logged_in: bool },
    /// A browser, before and after its handshake.
    Browser { is_open: bool },
}

impl Talk {
    /// A backend that has just connected.
    pub(super) fn backend() -> Self {
        Self::Backend {
            is_logged_in: false,
        }
    }

    /// A browser that has just connected.
    pub(super) fn browser() -> Self {
        Self::Browser { is_open: false }
    }

    /// What is said before anything is asked.
    pub(super) fn opening(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if matches!(self, Self::Backend { .. }) {
            packet(0, HANDSHAKE, &mut out);
        }
        out
    }

    /// Takes the packet, request or frame at the start of `bytes`; returns its length, or `None`
    /// until it is complete.
    pub(super) fn next(
        &mut self,
        bytes: &[u8],
        answers: &mut Vec<u8>,
        acts: &mut Vec<Act>,
    ) -> Option<usize> {
        match self {
            Self::Backend { is_logged_in } => {
                let [a, b, c, sequence, rest @ ..] = bytes else {
                    return None;
                };
                let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
                let payload = rest.get(..length)?;
                let next = sequence.wrapping_add(1);
                if std::mem::replace(is_logged_in, true) {
                    statement(payload, next, answers, acts);
                } else {
                    packet(next, OK, answers);
                }
                Some(length + 4)
            }
            Self::Browser { is_open: true } => {
                let (kind, text, length) = masked_frame(bytes)?;
                if kind == 0x81 {
                    command(&text, answers, acts);
                }
                Some(length)
            }
            Self::Browser { is_open } => {
                let length = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
                open(bytes.get(..length)?, answers);
                *is_open = true;
                Some(length)
            }
        }
    }
}

/// Appends the answer to a [`Act::Count`].
pub(super) fn answer_count(count: usize, answers: &mut Vec<u8>) {
    let text = format!(
        "{{\"data\":{{\"user_in_pipe\":{count}}},\"event\":\"answer\",\"marker\":\"1\",\"pipe\":\"_answer_pipe_count\"}}"
    );
    websocket::write_server_text(text.as_bytes(), answers);
}

fn open(request: &[u8], answers: &mut Vec<u8>) {
    const NAME: &[u8] = b"Sec-WebSocket-Key: ";
    let key = memchr::memmem::find(request, NAME)
        .and_then(|at| request.get(at + NAME.len()..))
        .and_then(|rest| rest.split(|&byte| byte == b'\r').next())
        .unwrap_or_default();
    answers.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ",
    );
    answers.extend_from_slice(websocket::accept_key(key).as_bytes());
    answers.extend_from_slice(b"\r\n\r\n");
    websocket::write_server_text(GREETING, answers);
}

/// The kind, text and length of a client's frame at the start of `bytes`.
fn masked_frame(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let [kind, second, rest @ ..] = bytes else {
        return None;
    };
    let (length, rest) = match (second & 0x7F, rest) {
        (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
        (127, [_, _, _, _, a, b, c, d, rest @ ..]) => {
            (u32::from_be_bytes([*a, *b, *c, *d]) as usize, rest)
        }
        (126 | 127, _) => return None,
        (length, rest) => (usize::from(length), rest),
    };
    let (mask, rest) = rest.split_first_chunk::<4>()?;
    let masked = rest.get(..length.min(LENGTH_LIMIT))?;
    let text = masked.iter().zip(mask.iter().cycle());
    let text = text.map(|(byte, mask)| byte ^ mask).collect();
    Some((*kind, text, bytes.len() - rest.len() + masked.len()))
}

fn command(text: &[u8], answers: &mut Vec<u8>, acts: &mut Vec<Act>) {
    let mut lines = text.splitn(5, |&byte| byte == b'\n');
    let (name, pipe) = (lines.next(), lines.next().unwrap_or_default());
    match name {
        Some(b"subscription") => acts.push(Act::Subscribe(pipe.to_vec())),
        Some(b"pipe_count") => acts.push(Act::Count(pipe.to_vec())),
        Some(b"web_pipe2") => acts.push(deliver(pipe, lines.nth(2).unwrap_or_default())),
        Some(b"resume") => {
            acts.push(Act::Subscribe(pipe.to_vec()));
            let mark = br#"{"data":{},"epoch":1,"event":"resumed","offset":1,"pipe":"sys","resumed":true}"#;
            websocket::write_server_text(mark, answers);
        }
        _ => {}
    }
}

fn statement(payload: &[u8], sequence: u8, answers: &mut Vec<u8>, acts: &mut Vec<Act>) {
    match payload.first() {
        Some(&COM_QUERY) => {
            insert(payload, acts);
            packet(sequence, OK, answers);
        }
        Some(&COM_STMT_EXECUTE) => {
            let mut values = payload.get(EXECUTION_HEAD..).unwrap_or_default();
            let pipe = length_encoded(&mut values).unwrap_or_default();
            length_encoded(&mut values);
            acts.push(deliver(
                pipe,
                length_encoded(&mut values).unwrap_or_default(),
            ));
            packet(sequence, OK, answers);
        }
        Some(&COM_STMT_PREPARE) => {
            packet(sequence, PREPARED, answers);
            // Three descriptions and an end, which nobody looks into.
            for step in 1..=4 {
                packet(sequence + step, &[0xFE, 0, 0, 2, 0], answers);
            }
        }
        _ => packet(sequence, OK, answers),
    }
}

/// The rows of an INSERT as this program writes it: three quoted values each, nothing escaped.
fn insert(statement: &[u8], acts: &mut Vec<Act>) {
    if !statement
        .get(1..)
        .is_some_and(|text| text.starts_with(b"INSERT INTO pipes_messages"))
    {
        return;
    }
    let mut quotes = memchr::memchr_iter(b'\'', statement);
    let mut value = || {
        let start = quotes.next()? + 1;
        statement.get(start..quotes.next()?)
    };
    while let (Some(pipe), Some(_event), Some(payload)) = (value(), value(), value()) {
        acts.push(deliver(pipe, payload));
    }
}

/// The frame a server sends for a message (compatibility reference §4.4).
fn deliver(pipe: &[u8], payload: &[u8]) -> Act {
    let parts: [&[u8]; 5] = [b"{\"data\":\"", payload, ENVELOPE, pipe, b"\"}"];
    let text = parts.concat();
    let mut frame = Vec::with_capacity(text.len() + 10);
    websocket::write_server_text(&text, &mut frame);
    Act::Deliver {
        pipe: pipe.to_vec(),
        frame,
    }
}

fn length_encoded<'a>(values: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = match *values {
        [0xFC, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [0xFD, a, b, c, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, 0]) as usize, rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *values = rest;
    Some(value)
}

fn packet(sequence: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
    out.push(sequence);
    out.extend_from_slice(payload);
}
