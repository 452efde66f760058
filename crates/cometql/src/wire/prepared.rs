//! The prepared statements of one connection: their texts, the parameter types
//! a client sent once and expects to be remembered, and values sent in advance
//! (COM_STMT_SEND_LONG_DATA). A COM_STMT_EXECUTE is checked here completely and
//! rewritten into the one form that needs no memory to be decoded, so that the
//! decoder behind it never meets a malformed packet.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{ErrorKind, SqlError};

use super::fields::{Fields, Malformed};
use super::reply::put_bytes;

/// The prepared statements of one connection.
pub(super) struct PreparedStatements {
    statements: HashMap<u32, Statement>,
    next_id: u32,
    bytes: usize,
    max_statements: usize,
    max_bytes: usize,
}

/// A checked COM_STMT_EXECUTE.
#[derive(Debug)]
pub(super) struct Execution {
    /// The statement's text.
    pub(super) text: Arc<str>,
    /// The command's body, complete in itself: types included, no long data.
    pub(super) body: Bytes,
}

impl PreparedStatements {
    /// None, with bounds on their number and on the bytes of texts, parameters and
    /// long data.
    pub(super) fn new(max_statements: usize, max_bytes: usize) -> Self {
        Self {
            statements: HashMap::new(),
            next_id: 0,
            bytes: 0,
            max_statements,
            max_bytes,
        }
    }

    /// The id the next statement will have; an error when there is no room for
    /// it.
    pub(super) fn reserve(&self, text: &str) -> Result<u32, SqlError> {
        if self.statements.len() >= self.max_statements {
            return Err(SqlError::new(
                ErrorKind::TooManyStatements,
                format!(
                    "This connection already holds {} prepared statements, which is the limit; \
                     close some of them",
                    self.statements.len()
                ),
            ));
        }
        // Those in literals are counted too; the true number comes with the insert.
        let marks = memchr::memchr_iter(b'?', text.as_bytes()).count();
        if self.bytes.saturating_add(cost(text, marks)) > self.max_bytes {
            return Err(SqlError::new(
                ErrorKind::TooManyStatements,
                format!(
                    "The prepared statements of this connection already hold {} of {} bytes; \
                     close some of them",
                    self.bytes, self.max_bytes
                ),
            ));
        }
        let mut id = self.next_id.wrapping_add(1).max(1);
        while self.statements.contains_key(&id) {
            id = id.wrapping_add(1).max(1);
        }
        Ok(id)
    }

    /// Keeps a statement under an id from [`reserve`](Self::reserve).
    pub(super) fn insert(&mut self, id: u32, text: Arc<str>, parameters: u16) {
        self.next_id = id;
        self.bytes = self.bytes.saturating_add(cost(&text, parameters.into()));
        self.statements.insert(
            id,
            Statement {
                text,
                parameters,
                types: Vec::new(),
                long_data: HashMap::new(),
                failure: None,
            },
        );
    }

    /// Forgets a statement; an unknown id is nothing to complain about.
    pub(super) fn close(&mut self, id: u32) {
        if let Some(statement) = self.statements.remove(&id) {
            self.bytes = self.bytes.saturating_sub(statement.bytes());
        }
    }

    /// Forgets all statements.
    pub(super) fn clear(&mut self) {
        self.statements = HashMap::new();
        self.bytes = 0;
    }

    /// Ids and parameter counts, for a decoder that must learn them again.
    pub(super) fn signatures(&self) -> Vec<(u32, u16)> {
        self.statements
            .iter()
            .map(|(&id, statement)| (id, statement.parameters))
            .collect()
    }

    /// Forgets what was sent in advance (COM_STMT_RESET).
    pub(super) fn reset(&mut self, id: u32) -> Result<(), SqlError> {
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id))?;
        self.bytes = self.bytes.saturating_sub(statement.forget_long_data());
        Ok(())
    }

    /// Whether the statement exists.
    pub(super) fn check(&self, id: u32) -> Result<(), SqlError> {
        match self.statements.contains_key(&id) {
            true => Ok(()),
            false => Err(unknown(id)),
        }
    }

    /// Keeps a piece of a value sent in advance. The command has no answer, so
    /// what is wrong with it is said when the statement is executed.
    pub(super) fn send_long_data(&mut self, body: &[u8]) {
        let mut fields = Fields::new(body);
        let (Ok(id), Ok(parameter)) = (fields.u32(), fields.u16()) else {
            return;
        };
        let data = fields.rest();
        let Some(statement) = self.statements.get_mut(&id) else {
            return;
        };
        if parameter >= statement.parameters {
            statement.failure = Some(malformed(id, "a value was sent for a parameter it lacks"));
        } else if self.bytes.saturating_add(data.len()) > self.max_bytes {
            statement.failure = Some(SqlError::new(
                ErrorKind::PacketTooLarge,
                format!(
                    "The values sent in advance to statement {id} pass the limit of {} bytes",
                    self.max_bytes
                ),
            ));
        } else {
            self.bytes = self.bytes.saturating_add(data.len());
            let value = statement.long_data.entry(parameter).or_default();
            value.extend_from_slice(data);
        }
    }

    /// Checks the body of a COM_STMT_EXECUTE. Values sent in advance are used
    /// up, whatever comes of it.
    pub(super) fn execute(&mut self, body: Bytes) -> Result<Execution, SqlError> {
        let id = Fields::new(&body)
            .u32()
            .map_err(|_| malformed(0, "the statement id is cut off"))?;
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id))?;
        let checked = match statement.failure.take() {
            Some(failure) => Err(failure),
            None => statement.execute(id, body),
        };
        self.bytes = self.bytes.saturating_sub(statement.forget_long_data());
        checked
    }
}

struct Statement {
    text: Arc<str>,
    parameters: u16,
    /// As the client sent them: type and sign. Empty until the first execution.
    types: Vec<[u8; 2]>,
    long_data: HashMap<u16, Vec<u8>>,
    /// What went wrong in a command without an answer.
    failure: Option<SqlError>,
}

impl Statement {
    fn bytes(&self) -> usize {
        cost(&self.text, self.parameters.into())
            + self.long_data.values().map(Vec::len).sum::<usize>()
    }

    fn forget_long_data(&mut self) -> usize {
        self.failure = None;
        let forgotten = self.long_data.values().map(Vec::len).sum();
        self.long_data = HashMap::new();
        forgotten
    }

    fn execute(&mut self, id: u32, body: Bytes) -> Result<Execution, SqlError> {
        let text = Arc::clone(&self.text);
        if self.parameters == 0 {
            // Nothing after the fixed part has a meaning.
            let body = body.slice(..body.len().min(FIXED_PART));
            return match body.len() {
                FIXED_PART => Ok(Execution { text, body }),
                _ => Err(malformed(id, "the command is cut off")),
            };
        }
        let read = self
            .read(&body)
            .map_err(|_: Malformed| malformed(id, "the parameters are cut off"))?;
        if let Some(kind) = read.types.iter().find(|[kind, _]| !is_known(*kind)) {
            let what = format!("0x{:02X} is not a type of a parameter", kind[0]);
            return Err(malformed(id, &what));
        }
        let values = self.read_values(id, &read, &body)?;
        let complete = read.types_in_packet && self.long_data.is_empty();
        self.types = read.types;
        let body = if complete {
            body
        } else {
            self.rewrite(&body, &values)
        };
        Ok(Execution { text, body })
    }

    /// Reads everything up to the values.
    fn read<'a>(&self, body: &'a [u8]) -> Result<Read<'a>, Malformed> {
        let mut fields = Fields::new(body);
        fields.bytes(FIXED_PART)?;
        let nulls = fields.bytes(usize::from(self.parameters).div_ceil(8))?;
        let types_in_packet = fields.u8()? != 0;
        let types = if types_in_packet {
            let (pairs, _) = fields.bytes(usize::from(self.parameters) * 2)?.as_chunks();
            pairs.to_vec()
        } else {
            self.types.clone()
        };
        Ok(Read {
            nulls,
            types_in_packet,
            types,
            values: fields,
        })
    }

    /// Finds each parameter's value in the packet and checks it. `None` for NULL
    /// and for those sent in advance.
    fn read_values(
        &self,
        id: u32,
        read: &Read<'_>,
        body: &[u8],
    ) -> Result<Vec<Option<Range<usize>>>, SqlError> {
        if read.types.len() != usize::from(self.parameters) {
            return Err(malformed(id, "the types of the parameters were never sent"));
        }
        let mut fields = read.values;
        let mut values = Vec::with_capacity(read.types.len());
        for (parameter, &[kind, _]) in (0..self.parameters).zip(&read.types) {
            if let Some(data) = self.long_data.get(&parameter) {
                check_text(parameter, data)?;
                values.push(None);
            } else if kind == kind::NULL || read.is_null(parameter) {
                values.push(None);
            } else {
                let start = body.len() - fields.remaining();
                let value = skip_value(&mut fields, kind)
                    .map_err(|_| malformed(id, &format!("parameter {parameter} is cut off")))?;
                if is_text(kind) {
                    check_text(parameter, value)?;
                }
                values.push(Some(start..body.len() - fields.remaining()));
            }
        }
        if !fields.is_empty() {
            return Err(malformed(id, "there is more after the last parameter"));
        }
        Ok(values)
    }

    /// The same command with the types in it, and with the values sent in
    /// advance in their places. Their NULL bits, which some clients leave set
    /// beside them, are cleared.
    fn rewrite(&self, body: &[u8], values: &[Option<Range<usize>>]) -> Bytes {
        let mut nulls = vec![0u8; usize::from(self.parameters).div_ceil(8)];
        let mut types = Vec::with_capacity(self.types.len() * 2);
        let mut data = Vec::new();
        for ((parameter, pair), value) in (0..self.parameters).zip(&self.types).zip(values) {
            let long_data = self.long_data.get(&parameter);
            match (long_data, value) {
                (Some(long), _) => {
                    types.extend_from_slice(&[kind::BLOB, 0]);
                    put_bytes(&mut data, long);
                    continue;
                }
                (None, Some(range)) => {
                    data.extend_from_slice(body.get(range.clone()).unwrap_or_default());
                }
                (None, None) => {
                    if let Some(byte) = nulls.get_mut(usize::from(parameter / 8)) {
                        *byte |= 1 << (parameter % 8);
                    }
                }
            }
            types.extend_from_slice(pair);
        }
        let mut rewritten = body.get(..FIXED_PART).unwrap_or_default().to_vec();
        rewritten.extend_from_slice(&nulls);
        rewritten.push(1);
        rewritten.extend_from_slice(&types);
        rewritten.extend_from_slice(&data);
        rewritten.into()
    }
}

/// What a statement is charged for before any value is sent: its text, and for
/// each parameter the type and the place of a value that may come in advance.
fn cost(text: &str, parameters: usize) -> usize {
    text.len()
        .saturating_add(parameters.saturating_mul(PARAMETER_COST))
}

const PARAMETER_COST: usize = 64;

/// A COM_STMT_EXECUTE up to its values.
struct Read<'a> {
    nulls: &'a [u8],
    types_in_packet: bool,
    types: Vec<[u8; 2]>,
    values: Fields<'a>,
}

impl Read<'_> {
    fn is_null(&self, parameter: u16) -> bool {
        self.nulls
            .get(usize::from(parameter / 8))
            .is_some_and(|byte| byte & (1 << (parameter % 8)) != 0)
    }
}

/// Column types a parameter may have, with MySQL's numbers.
mod kind {
    pub(super) const DECIMAL: u8 = 0x00;
    pub(super) const TINY: u8 = 0x01;
    pub(super) const SHORT: u8 = 0x02;
    pub(super) const LONG: u8 = 0x03;
    pub(super) const FLOAT: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const NULL: u8 = 0x06;
    pub(super) const TIMESTAMP: u8 = 0x07;
    pub(super) const LONGLONG: u8 = 0x08;
    pub(super) const INT24: u8 = 0x09;
    pub(super) const DATE: u8 = 0x0A;
    pub(super) const TIME: u8 = 0x0B;
    pub(super) const DATETIME: u8 = 0x0C;
    pub(super) const YEAR: u8 = 0x0D;
    pub(super) const VARCHAR: u8 = 0x0F;
    pub(super) const BIT: u8 = 0x10;
    pub(super) const JSON: u8 = 0xF5;
    pub(super) const BLOB: u8 = 0xFC;
}

fn is_text(kind: u8) -> bool {
    matches!(
        kind,
        kind::DECIMAL | kind::VARCHAR | kind::BIT | kind::JSON..=0xFF
    )
}

fn is_known(kind: u8) -> bool {
    is_text(kind) || matches!(kind, kind::TINY..=kind::YEAR)
}

/// Takes one value of a known type; for texts without their length.
fn skip_value<'a>(fields: &mut Fields<'a>, kind: u8) -> Result<&'a [u8], Malformed> {
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

fn check_text(parameter: u16, value: &[u8]) -> Result<(), SqlError> {
    match std::str::from_utf8(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(SqlError::invalid(format!(
            "Parameter {} is not UTF-8 text (byte {})",
            u32::from(parameter) + 1,
            error.valid_up_to() + 1
        ))),
    }
}

fn unknown(id: u32) -> SqlError {
    SqlError::new(
        ErrorKind::UnknownStatement,
        format!("This connection has no prepared statement {id}"),
    )
}

fn malformed(id: u32, what: &str) -> SqlError {
    SqlError::new(
        ErrorKind::MalformedPacket,
        format!("Malformed packet for prepared statement {id}: {what}"),
    )
}

/// Statement id, cursor flags, iteration count.
const FIXED_PART: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn statements(parameters: u16) -> PreparedStatements {
        let mut statements = PreparedStatements::new(4, 1000);
        let id = statements.reserve("SELECT ?").unwrap();
        statements.insert(id, "SELECT ?".into(), parameters);
        statements
    }

    fn body(tail: &[u8]) -> Bytes {
        let mut body = vec![1, 0, 0, 0, 0, 1, 0, 0, 0];
        body.extend_from_slice(tail);
        body.into()
    }

    fn refused(result: Result<Execution, SqlError>) -> ErrorKind {
        result.unwrap_err().kind
    }

    #[test]
    fn a_complete_execution_passes_as_it_is() {
        let mut statements = statements(1);
        let sent = body(b"\x00\x01\xFD\x00\x02hi");
        let execution = statements.execute(sent.clone()).unwrap();
        assert_eq!(execution.body, sent);
        assert_eq!(&*execution.text, "SELECT ?");
    }

    #[test]
    fn remembered_types_are_put_into_the_packet() {
        let mut statements = statements(1);
        statements.execute(body(b"\x00\x01\xFD\x00\x02hi")).unwrap();
        let execution = statements.execute(body(b"\x00\x00\x02ho")).unwrap();
        assert_eq!(execution.body, body(b"\x00\x01\xFD\x00\x02ho"));
    }

    #[test]
    fn types_that_were_never_sent_are_malformed() {
        let kind = refused(statements(1).execute(body(b"\x00\x00\x02hi")));
        assert_eq!(kind, ErrorKind::MalformedPacket);
    }

    #[test]
    fn long_data_beats_the_null_bit_and_is_used_once() {
        let mut statements = statements(2);
        statements.send_long_data(b"\x01\0\0\0\0\0lo");
        statements.send_long_data(b"\x01\0\0\0\0\0ng");
        let tail = b"\x01\x01\xFC\x00\x01\x00\x05";
        let execution = statements.execute(body(tail)).unwrap();
        assert_eq!(
            execution.body,
            body(b"\x00\x01\xFC\x00\x01\x00\x04long\x05")
        );
        let execution = statements.execute(body(tail)).unwrap();
        assert_eq!(execution.body, body(tail));
        assert_eq!(statements.bytes, cost("SELECT ?", 2));
    }

    #[test]
    fn parameters_cost_memory_even_without_values() {
        let mut statements = PreparedStatements::new(9, 1000);
        let many = format!("SELECT {}", "?".repeat(20));
        assert_eq!(
            statements.reserve(&many).unwrap_err().kind,
            ErrorKind::TooManyStatements
        );
        let few = "SELECT ?, ?, ?, ?, ?, ?, ?, ?";
        let id = statements.reserve(few).unwrap();
        statements.insert(id, few.into(), 8);
        for parameter in 0..8 {
            statements.send_long_data(&[1, 0, 0, 0, parameter, 0]);
        }
        assert!(statements.reserve(few).is_err());
        statements.close(id);
        assert!(statements.reserve(few).is_ok());
        assert_eq!(statements.bytes, 0);
    }

    #[test]
    fn reset_forgets_long_data() {
        let mut statements = statements(1);
        statements.send_long_data(b"\x01\0\0\0\0\0long");
        statements.reset(1).unwrap();
        let tail = b"\x01\x01\xFC\x00";
        assert_eq!(statements.execute(body(tail)).unwrap().body, body(tail));
    }

    #[test]
    fn long_data_past_the_bound_is_told_at_the_execution() {
        let mut statements = statements(1);
        for _ in 0..2 {
            let mut data = b"\x01\0\0\0\0\0".to_vec();
            data.resize(600, b'x');
            statements.send_long_data(&data);
        }
        let kind = refused(statements.execute(body(b"\x00\x01\xFC\x00")));
        assert_eq!(kind, ErrorKind::PacketTooLarge);
        assert!(statements.execute(body(b"\x01\x01\xFC\x00")).is_ok());
    }

    #[test]
    fn what_is_not_all_there_is_malformed() {
        let whole = b"\x00\x01\x08\x00\xFD\x00\x01\x02\x03\x04\x05\x06\x07\x08\x02hi";
        assert!(statements(2).execute(body(whole)).is_ok());
        for end in 0..whole.len() {
            let kind = refused(statements(2).execute(body(&whole[..end])));
            assert_eq!(kind, ErrorKind::MalformedPacket, "cut at {end}");
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        let kind = refused(statements(2).execute(body(&longer)));
        assert_eq!(kind, ErrorKind::MalformedPacket);
    }

    #[test]
    fn types_no_client_sends_are_malformed() {
        for kind in [0x0E, 0x11, 0x14, 0xF3, 0xF4] {
            let tail = [0, 1, kind, 0, 1, b'x'];
            let kind = refused(statements(1).execute(body(&tail)));
            assert_eq!(kind, ErrorKind::MalformedPacket);
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_an_invalid_value() {
        let kind = refused(statements(1).execute(body(b"\x00\x01\xFD\x00\x02\xE4\xF6")));
        assert_eq!(kind, ErrorKind::InvalidValue);
    }

    #[test]
    fn an_unknown_statement_is_named() {
        let error = statements(0)
            .execute(Bytes::from_static(b"\x63\0\0\0\0\x01\0\0\0"))
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnknownStatement);
        assert!(error.message.contains("99"));
    }

    #[test]
    fn the_number_of_statements_is_bounded_and_closing_makes_room() {
        let mut statements = PreparedStatements::new(2, 1000);
        for _ in 0..2 {
            let id = statements.reserve("x").unwrap();
            statements.insert(id, "x".into(), 0);
        }
        let error = statements.reserve("x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooManyStatements);
        statements.close(1);
        assert_eq!(statements.reserve("x"), Ok(3));
    }

    #[test]
    fn the_bytes_of_texts_are_bounded() {
        let statements = PreparedStatements::new(10, 5);
        let error = statements.reserve("123456").unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooManyStatements);
    }

    proptest! {
        #[test]
        fn random_executions_never_panic(
            packets in proptest::collection::vec(any::<Vec<u8>>(), 1..8),
            parameters in 0u16..20,
        ) {
            let mut statements = statements(parameters);
            for packet in packets {
                statements.send_long_data(&packet);
                statements.send_long_data(&body(&packet));
                let _ = statements.execute(body(&packet));
                let _ = statements.execute(packet.into());
            }
        }
    }
}
