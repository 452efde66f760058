//! The prepared statements of one connection: their texts, the parameter types
//! a client sent once and expects to be remembered, and values sent in advance
//! (COM_STMT_SEND_LONG_DATA). A COM_STMT_EXECUTE is taken apart here completely.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::answer::Parameter;
use crate::error::{ErrorKind, SqlError};

use super::fields::{Fields, Malformed};
use super::parameters::{self, is_known, is_text, kind};

/// The prepared statements of one connection; `P` is what a plain one was read as.
pub(super) struct PreparedStatements<P> {
    statements: HashMap<u32, Statement<P>>,
    next_id: u32,
    bytes: usize,
    max_statements: usize,
    max_bytes: usize,
}

/// A COM_STMT_EXECUTE.
#[derive(Debug)]
pub(super) struct Execution<P> {
    /// The statement.
    pub(super) text: Arc<str>,
    /// The statement as it was read, if it is a plain one.
    pub(super) plain: Option<Arc<P>>,
    /// The values of its parameters, as many as it has.
    pub(super) parameters: Vec<Parameter>,
}

impl<P> PreparedStatements<P> {
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
    pub(super) fn insert(&mut self, id: u32, text: Arc<str>, plain: Option<P>, parameters: u16) {
        self.next_id = id;
        self.bytes = self.bytes.saturating_add(cost(&text, parameters.into()));
        self.statements.insert(
            id,
            Statement {
                text,
                plain: plain.map(Arc::new),
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

    /// Reads the body of a COM_STMT_EXECUTE. Values sent in advance are used
    /// up, whatever comes of it.
    pub(super) fn execute(&mut self, body: &[u8]) -> Result<Execution<P>, SqlError> {
        let id = Fields::new(body)
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

struct Statement<P> {
    text: Arc<str>,
    plain: Option<Arc<P>>,
    parameters: u16,
    /// As the client sent them: type and sign. Empty until the first execution.
    types: Vec<[u8; 2]>,
    long_data: HashMap<u16, Vec<u8>>,
    /// What went wrong in a command without an answer.
    failure: Option<SqlError>,
}

impl<P> Statement<P> {
    fn bytes(&self) -> usize {
        cost(&self.text, self.parameters.into()) + self.long_data_bytes()
    }

    fn long_data_bytes(&self) -> usize {
        self.long_data.values().map(Vec::len).sum()
    }

    fn forget_long_data(&mut self) -> usize {
        self.failure = None;
        let forgotten = self.long_data_bytes();
        if !self.long_data.is_empty() {
            self.long_data = HashMap::new();
        }
        forgotten
    }

    fn execute(&mut self, id: u32, body: &[u8]) -> Result<Execution<P>, SqlError> {
        let mut fields = Fields::new(body);
        fields
            .bytes(FIXED_PART)
            .map_err(|_| malformed(id, "the command is cut off"))?;
        // Without parameters nothing after the fixed part has a meaning.
        let parameters = match self.parameters {
            0 => Vec::new(),
            _ => self.parameters(id, fields)?,
        };
        Ok(Execution {
            text: Arc::clone(&self.text),
            plain: self.plain.clone(),
            parameters,
        })
    }

    fn parameters(&mut self, id: u32, mut fields: Fields<'_>) -> Result<Vec<Parameter>, SqlError> {
        let Head { nulls, types } = self
            .head(&mut fields)
            .map_err(|_| malformed(id, "the parameters are cut off"))?;
        if let Some([kind, _]) = types.iter().find(|[kind, _]| !is_known(*kind)) {
            let what = format!("0x{kind:02X} is not a type of a parameter");
            return Err(malformed(id, &what));
        }
        if types.len() != usize::from(self.parameters) {
            return Err(malformed(id, "the types of the parameters were never sent"));
        }
        let mut values = Vec::with_capacity(types.len());
        for (parameter, pair) in (0..self.parameters).zip(types.iter()) {
            // Some clients leave the NULL bit set beside a value sent in advance.
            let value = match self.long_data.get(&parameter) {
                Some(data) => text(parameter, data)?,
                None if is_null(nulls, parameter) => Parameter::Null,
                None => value(id, parameter, *pair, &mut fields)?,
            };
            values.push(value);
        }
        if !fields.is_empty() {
            return Err(malformed(id, "there is more after the last parameter"));
        }
        if let Cow::Owned(types) = types {
            self.types = types;
        }
        Ok(values)
    }

    /// Takes everything up to the values.
    fn head<'p>(&self, fields: &mut Fields<'p>) -> Result<Head<'p, '_>, Malformed> {
        let nulls = fields.bytes(usize::from(self.parameters).div_ceil(8))?;
        if fields.u8()? == 0 {
            let types = Cow::Borrowed(self.types.as_slice());
            return Ok(Head { nulls, types });
        }
        let (pairs, _) = fields.bytes(usize::from(self.parameters) * 2)?.as_chunks();
        // Many clients send the same types with every execution.
        let types = match pairs == self.types {
            true => Cow::Borrowed(self.types.as_slice()),
            false => Cow::Owned(pairs.to_vec()),
        };
        Ok(Head { nulls, types })
    }
}

/// A COM_STMT_EXECUTE up to its values.
struct Head<'p, 's> {
    /// A bit for each parameter.
    nulls: &'p [u8],
    /// Type and flags of each parameter; owned if they are new.
    types: Cow<'s, [[u8; 2]]>,
}

fn is_null(nulls: &[u8], parameter: u16) -> bool {
    nulls
        .get(usize::from(parameter / 8))
        .is_some_and(|byte| byte & (1 << (parameter % 8)) != 0)
}

/// Takes the value of a parameter whose type is known.
fn value(
    id: u32,
    parameter: u16,
    [kind, flags]: [u8; 2],
    fields: &mut Fields<'_>,
) -> Result<Parameter, SqlError> {
    if kind == kind::NULL {
        return Ok(Parameter::Null);
    }
    let cut_off = |_| malformed(id, &format!("parameter {parameter} is cut off"));
    let value = parameters::take(fields, kind).map_err(cut_off)?;
    match is_text(kind) {
        true => text(parameter, value),
        false => parameters::decode(kind, flags & UNSIGNED != 0, value).map_err(cut_off),
    }
}

/// Set beside the type of a parameter that has no sign.
const UNSIGNED: u8 = 0x80;

/// What a statement is charged for before any value is sent: its text, and for
/// each parameter the type and the place of a value that may come in advance.
fn cost(text: &str, parameters: usize) -> usize {
    text.len()
        .saturating_add(parameters.saturating_mul(PARAMETER_COST))
}

const PARAMETER_COST: usize = 64;

fn text(parameter: u16, value: &[u8]) -> Result<Parameter, SqlError> {
    match std::str::from_utf8(value) {
        Ok(text) => Ok(Parameter::Text(text.to_owned())),
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

    fn statements(parameters: u16) -> PreparedStatements<()> {
        let mut statements = PreparedStatements::new(4, 1000);
        let id = statements.reserve("SELECT ?").unwrap();
        statements.insert(id, "SELECT ?".into(), None, parameters);
        statements
    }

    fn body(tail: &[u8]) -> Vec<u8> {
        let mut body = vec![1, 0, 0, 0, 0, 1, 0, 0, 0];
        body.extend_from_slice(tail);
        body
    }

    fn executed(statements: &mut PreparedStatements<()>, tail: &[u8]) -> Vec<Parameter> {
        statements.execute(&body(tail)).unwrap().parameters
    }

    fn texts<const N: usize>(texts: [&str; N]) -> [Parameter; N] {
        texts.map(|text| Parameter::Text(text.to_owned()))
    }

    fn refused(result: Result<Execution<()>, SqlError>) -> ErrorKind {
        result.unwrap_err().kind
    }

    #[test]
    fn an_execution_has_the_text_and_the_values() {
        let mut statements = statements(1);
        let execution = statements.execute(&body(b"\x00\x01\xFD\x00\x02hi"));
        let execution = execution.unwrap();
        assert_eq!(execution.parameters, texts(["hi"]));
        assert_eq!(&*execution.text, "SELECT ?");
    }

    #[test]
    fn types_sent_once_are_remembered() {
        let mut statements = statements(1);
        let sent = executed(&mut statements, b"\x00\x01\x01\x80\xFF");
        assert_eq!(sent, [Parameter::Unsigned(255)]);
        let remembered = executed(&mut statements, b"\x00\x00\xFE");
        assert_eq!(remembered, [Parameter::Unsigned(254)]);
        let others = executed(&mut statements, b"\x00\x01\xFD\x00\x02ho");
        assert_eq!(others, texts(["ho"]));
        assert_eq!(executed(&mut statements, b"\x00\x00\x02hu"), texts(["hu"]));
    }

    #[test]
    fn types_that_were_never_sent_are_malformed() {
        let kind = refused(statements(1).execute(&body(b"\x00\x00\x02hi")));
        assert_eq!(kind, ErrorKind::MalformedPacket);
    }

    #[test]
    fn long_data_beats_the_null_bit_and_is_used_once() {
        let mut statements = statements(2);
        statements.send_long_data(b"\x01\0\0\0\0\0lo");
        statements.send_long_data(b"\x01\0\0\0\0\0ng");
        let tail = b"\x01\x01\xFC\x00\x01\x00\x05";
        let [long] = texts(["long"]);
        let five = Parameter::Integer(5);
        assert_eq!(executed(&mut statements, tail), [long, five.clone()]);
        assert_eq!(executed(&mut statements, tail), [Parameter::Null, five]);
        assert_eq!(statements.bytes, cost("SELECT ?", 2));
    }

    #[test]
    fn parameters_cost_memory_even_without_values() {
        let mut statements = PreparedStatements::<()>::new(9, 1000);
        let many = format!("SELECT {}", "?".repeat(20));
        assert_eq!(
            statements.reserve(&many).unwrap_err().kind,
            ErrorKind::TooManyStatements
        );
        let few = "SELECT ?, ?, ?, ?, ?, ?, ?, ?";
        let id = statements.reserve(few).unwrap();
        statements.insert(id, few.into(), None, 8);
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
        assert_eq!(executed(&mut statements, tail), [Parameter::Null]);
    }

    #[test]
    fn long_data_past_the_bound_is_told_at_the_execution() {
        let mut statements = statements(1);
        for _ in 0..2 {
            let mut data = b"\x01\0\0\0\0\0".to_vec();
            data.resize(600, b'x');
            statements.send_long_data(&data);
        }
        let kind = refused(statements.execute(&body(b"\x00\x01\xFC\x00")));
        assert_eq!(kind, ErrorKind::PacketTooLarge);
        assert!(statements.execute(&body(b"\x01\x01\xFC\x00")).is_ok());
    }

    #[test]
    fn what_is_not_all_there_is_malformed() {
        let whole = b"\x00\x01\x08\x00\xFD\x00\x01\x02\x03\x04\x05\x06\x07\x08\x02hi";
        assert!(statements(2).execute(&body(whole)).is_ok());
        for end in 0..whole.len() {
            let kind = refused(statements(2).execute(&body(&whole[..end])));
            assert_eq!(kind, ErrorKind::MalformedPacket, "cut at {end}");
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        let kind = refused(statements(2).execute(&body(&longer)));
        assert_eq!(kind, ErrorKind::MalformedPacket);
    }

    #[test]
    fn types_no_client_sends_are_malformed() {
        for kind in [0x0E, 0x11, 0x14, 0xF3, 0xF4] {
            let tail = [0, 1, kind, 0, 1, b'x'];
            let kind = refused(statements(1).execute(&body(&tail)));
            assert_eq!(kind, ErrorKind::MalformedPacket);
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_an_invalid_value() {
        let kind = refused(statements(1).execute(&body(b"\x00\x01\xFD\x00\x02\xE4\xF6")));
        assert_eq!(kind, ErrorKind::InvalidValue);
    }

    #[test]
    fn an_unknown_statement_is_named() {
        let error = statements(0)
            .execute(b"\x63\0\0\0\0\x01\0\0\0")
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnknownStatement);
        assert!(error.message.contains("99"));
    }

    #[test]
    fn the_number_of_statements_is_bounded_and_closing_makes_room() {
        let mut statements = PreparedStatements::<()>::new(2, 1000);
        for _ in 0..2 {
            let id = statements.reserve("x").unwrap();
            statements.insert(id, "x".into(), None, 0);
        }
        let error = statements.reserve("x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooManyStatements);
        statements.close(1);
        assert_eq!(statements.reserve("x"), Ok(3));
    }

    #[test]
    fn the_bytes_of_texts_are_bounded() {
        let statements = PreparedStatements::<()>::new(10, 5);
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
                let _ = statements.execute(&body(&packet));
                let _ = statements.execute(&packet);
            }
        }
    }
}
