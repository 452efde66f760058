//! Packets going out: the buffer that collects them and numbers them, and the
//! payloads written by this server itself (OK, ERR, EOF, column definitions).
//! Formats: MySQL's protocol 4.1 without DEPRECATE_EOF; contents: compatibility
//! reference §1.7.

use std::sync::Arc;

use crate::answer::{Column, DATABASE, Done};
use crate::error::{ErrorCounts, ErrorNumbers, SqlError};

use super::packet::MAX_PART;

/// The status flags of OK and EOF packets. Bit 0x0200 (NO_BACKSLASH_ESCAPES)
/// does not exist here on purpose: clients that see it stop escaping
/// (compatibility reference §1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Status {
    /// The session is inside a transaction.
    pub(super) in_transaction: bool,
    /// The session commits every statement.
    pub(super) autocommit: bool,
    /// Another result follows this one.
    pub(super) more_results: bool,
}

impl Status {
    fn bits(self) -> u16 {
        u16::from(self.in_transaction)
            | u16::from(self.autocommit) << 1
            | u16::from(self.more_results) << 3
    }
}

/// Packets that wait to be written, complete with headers.
///
/// It numbers them itself: every packet of an answer continues the sequence
/// that [`begin`](Self::begin) started.
#[derive(Debug, Default)]
pub(super) struct Reply {
    bytes: Vec<u8>,
    sequence: u8,
    /// Where errors are counted.
    counts: Option<Arc<ErrorCounts>>,
}

impl Reply {
    /// A reply whose errors are counted.
    pub(super) fn counted(counts: &Arc<ErrorCounts>) -> Self {
        Self {
            counts: Some(Arc::clone(counts)),
            ..Self::default()
        }
    }

    /// Starts the answer to a packet whose sequence number was `request`.
    pub(super) fn begin(&mut self, request: u8) {
        self.sequence = request.wrapping_add(1);
    }

    /// Starts with a packet that answers nothing.
    pub(super) fn begin_unasked(&mut self) {
        self.sequence = 0;
    }

    /// The sequence number the peer's next packet must have.
    pub(super) fn next_sequence(&self) -> u8 {
        self.sequence
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes what is to be written and leaves nothing, not even memory.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Gives a written buffer back for the next answer, if it is worth keeping.
    pub(super) fn recycle(&mut self, mut buffer: Vec<u8>) {
        if self.bytes.is_empty() && buffer.capacity() <= KEEP {
            buffer.clear();
            self.bytes = buffer;
        }
    }

    /// A payload in one packet, or in several when it is that large.
    pub(super) fn packet(&mut self, payload: &[u8]) {
        let mut parts = payload.chunks(MAX_PART);
        let mut last = 0;
        for part in parts.by_ref() {
            self.part(part);
            last = part.len();
        }
        if payload.is_empty() || last == MAX_PART {
            self.part(&[]);
        }
    }

    /// One part of a payload, at most [`MAX_PART`] bytes; the caller sees to
    /// the rest.
    pub(super) fn part(&mut self, part: &[u8]) {
        debug_assert!(part.len() <= MAX_PART);
        let [a, b, c, _] = (part.len() as u32).to_le_bytes();
        self.bytes.reserve(part.len() + 4);
        self.bytes.extend_from_slice(&[a, b, c, self.sequence]);
        self.bytes.extend_from_slice(part);
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// An OK packet.
    pub(super) fn ok(&mut self, done: &Done, status: Status) {
        let start = self.bytes.len();
        let payload = &mut self.bytes;
        payload.reserve(HEADER + LONGEST_OK + done.info.len());
        payload.extend_from_slice(&[0; HEADER]);
        payload.push(0x00);
        put_length(payload, done.affected_rows);
        put_length(payload, done.insert_id);
        payload.extend_from_slice(&status.bits().to_le_bytes());
        payload.extend_from_slice(&NO_WARNINGS);
        // Clients read the text with its length; an empty one is left out.
        if !done.info.is_empty() {
            put_bytes(payload, done.info.as_bytes());
        }
        let length = payload.len() - start - HEADER;
        debug_assert!(length < MAX_PART);
        let [a, b, c, _] = (length as u32).to_le_bytes();
        if let Some(header) = payload.get_mut(start..start + HEADER) {
            header.copy_from_slice(&[a, b, c, self.sequence]);
        }
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// An EOF packet.
    pub(super) fn eof(&mut self, status: Status) {
        let [low, high] = status.bits().to_le_bytes();
        self.packet(&[0xFE, 0, 0, low, high]);
    }

    /// An ERR packet.
    pub(super) fn error(&mut self, error: &SqlError, numbers: ErrorNumbers) {
        if let Some(counts) = &self.counts {
            counts.add(error.kind);
        }
        let mut payload = vec![0xFF];
        payload.extend_from_slice(&error.number(numbers).to_le_bytes());
        payload.push(b'#');
        payload.extend_from_slice(error.sqlstate().as_bytes());
        let end = error.message.floor_char_boundary(MAX_ERROR_TEXT);
        payload.extend_from_slice(error.message.get(..end).unwrap_or_default().as_bytes());
        self.packet(&payload);
    }

    /// The number of columns, their definitions, and the EOF after them.
    pub(super) fn columns(&mut self, columns: &[Column], status: Status) {
        let mut count = Vec::with_capacity(3);
        put_length(&mut count, columns.len() as u64);
        self.packet(&count);
        self.definitions(columns, status);
    }

    /// Column definitions and the EOF after them.
    pub(super) fn definitions(&mut self, columns: &[Column], status: Status) {
        let mut payload = Vec::with_capacity(96);
        for column in columns {
            payload.clear();
            put_definition(&mut payload, column);
            self.packet(&payload);
        }
        self.eof(status);
    }

    /// The answer to COM_FIELD_LIST: definitions with a default value each,
    /// which is NULL here, and an EOF.
    pub(super) fn field_list(&mut self, columns: &[Column], status: Status) {
        let mut payload = Vec::with_capacity(96);
        for column in columns {
            payload.clear();
            put_definition(&mut payload, column);
            payload.push(0xFB);
            self.packet(&payload);
        }
        self.eof(status);
    }

    /// The answer to COM_STMT_PREPARE.
    pub(super) fn prepared(&mut self, id: u32, parameters: u16, columns: &[Column], s: Status) {
        let mut payload = vec![0x00];
        payload.extend_from_slice(&id.to_le_bytes());
        payload.extend_from_slice(&(columns.len() as u16).to_le_bytes());
        payload.extend_from_slice(&parameters.to_le_bytes());
        payload.push(0);
        payload.extend_from_slice(&NO_WARNINGS);
        self.packet(&payload);
        if parameters > 0 {
            payload.clear();
            put_definition(&mut payload, &Column::computed("?"));
            for _ in 0..parameters {
                self.packet(&payload);
            }
            self.eof(s);
        }
        if !columns.is_empty() {
            self.definitions(columns, s);
        }
    }
}

/// A length-encoded integer.
pub(super) fn put_length(payload: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    let (marker, used) = match value {
        0..=0xFA => (None, 1),
        0xFB..=0xFFFF => (Some(0xFC), 2),
        0x1_0000..=0xFF_FFFF => (Some(0xFD), 3),
        _ => (Some(0xFE), 8),
    };
    payload.extend(marker);
    payload.extend(bytes.iter().take(used));
}

/// Bytes preceded by their length-encoded length.
pub(super) fn put_bytes(payload: &mut Vec<u8>, bytes: &[u8]) {
    put_length(payload, bytes.len() as u64);
    payload.extend_from_slice(bytes);
}

/// Column definition 4.1. Every column is a string (compatibility reference
/// §0 rule 5); only columns of tables are never NULL.
fn put_definition(payload: &mut Vec<u8>, column: &Column) {
    let of_table = !column.table.is_empty();
    let (schema, original) = if of_table {
        (DATABASE, column.name.as_str())
    } else {
        ("", "")
    };
    put_bytes(payload, b"def");
    put_bytes(payload, schema.as_bytes());
    put_bytes(payload, column.table.as_bytes());
    put_bytes(payload, column.table.as_bytes());
    put_bytes(payload, column.name.as_bytes());
    put_bytes(payload, original.as_bytes());
    put_length(payload, 12);
    payload.extend_from_slice(&CHARSET_UTF8MB4.to_le_bytes());
    payload.extend_from_slice(&column.max_length.to_le_bytes());
    payload.push(VAR_STRING);
    payload.extend_from_slice(&u16::from(of_table).to_le_bytes());
    payload.push(if of_table { 0 } else { DECIMALS_NOT_FIXED });
    payload.extend_from_slice(&[0, 0]);
}

/// utf8mb4_general_ci.
pub(super) const CHARSET_UTF8MB4: u16 = 45;

const VAR_STRING: u8 = 0xFD;
const DECIMALS_NOT_FIXED: u8 = 0x1F;
const NO_WARNINGS: [u8; 2] = [0, 0];

/// Bytes before a payload: its length and its number.
const HEADER: usize = 4;

/// Bytes of an OK without its text.
const LONGEST_OK: usize = 1 + 9 + 9 + 2 + 2 + 9;

/// Clients keep 512 bytes for the text of an error, NUL included.
const MAX_ERROR_TEXT: usize = 511;

/// Buffers up to this many bytes are used again for the next answer.
const KEEP: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Reply)) -> Vec<u8> {
        let mut reply = Reply::default();
        reply.begin(0);
        write(&mut reply);
        reply.take()
    }

    const AUTOCOMMIT: Status = Status {
        in_transaction: false,
        autocommit: true,
        more_results: false,
    };

    #[test]
    fn a_plain_ok_is_the_seven_bytes_of_the_reference() {
        assert_eq!(
            written(|reply| reply.ok(&Done::default(), AUTOCOMMIT)),
            [7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]
        );
    }

    #[test]
    fn insert_ids_between_two_and_three_bytes_keep_the_status_in_place() {
        let done = Done {
            affected_rows: 1,
            insert_id: 70_000,
            info: String::new(),
        };
        assert_eq!(
            written(|reply| reply.ok(&done, AUTOCOMMIT)),
            [10, 0, 0, 1, 0, 1, 0xFD, 0x70, 0x11, 0x01, 2, 0, 0, 0]
        );
    }

    #[test]
    fn the_info_text_carries_its_length() {
        let done = Done {
            info: "hi".into(),
            ..Done::default()
        };
        let bytes = written(|reply| reply.ok(&done, AUTOCOMMIT));
        assert_eq!(&bytes[11..], b"\x02hi");
    }

    #[test]
    fn an_error_has_its_number_and_sqlstate() {
        let bytes = written(|reply| reply.error(&SqlError::syntax("no"), ErrorNumbers::CometQl));
        assert_eq!(&bytes[4..], b"\xFF\x03\x00#42000no");
        let bytes = written(|reply| reply.error(&SqlError::syntax("no"), ErrorNumbers::MySql));
        assert_eq!(&bytes[4..], b"\xFF\x28\x04#42000no");
    }

    #[test]
    fn a_long_error_text_is_cut_between_characters() {
        let bytes = written(|reply| {
            reply.error(&SqlError::syntax("ы".repeat(600)), ErrorNumbers::CometQl);
        });
        let text = std::str::from_utf8(&bytes[13..]).unwrap();
        assert_eq!(text.len(), 510);
    }

    #[test]
    fn no_status_ever_has_the_bit_that_switches_escaping_off() {
        for bits in 0..8 {
            let status = Status {
                in_transaction: bits & 1 != 0,
                autocommit: bits & 2 != 0,
                more_results: bits & 4 != 0,
            };
            assert_eq!(status.bits() & 0x0200, 0);
        }
    }

    #[test]
    fn a_payload_of_exactly_one_full_part_is_followed_by_an_empty_one() {
        let bytes = written(|reply| reply.packet(&vec![1; MAX_PART]));
        assert_eq!(bytes.len(), 4 + MAX_PART + 4);
        assert_eq!(&bytes[bytes.len() - 4..], [0, 0, 0, 2]);
    }

    #[test]
    fn sequence_numbers_wrap_around() {
        let mut reply = Reply::default();
        reply.begin(254);
        reply.packet(b"a");
        reply.packet(b"b");
        assert_eq!(reply.take(), [1, 0, 0, 255, b'a', 1, 0, 0, 0, b'b']);
    }

    #[test]
    fn lengths_use_the_shortest_form() {
        for (value, expected) in [
            (250, vec![250]),
            (251, vec![0xFC, 251, 0]),
            (65_536, vec![0xFD, 0, 0, 1]),
            (16_777_216, vec![0xFE, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut payload = Vec::new();
            put_length(&mut payload, value);
            assert_eq!(payload, expected);
        }
    }
}
