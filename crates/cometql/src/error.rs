//! What can go wrong with a statement, and the one table that gives every
//! failure its number: CometQL's published number, MySQL's number and SQLSTATE.
//!
//! No other file in this crate writes an error number.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A refused statement: what kind of refusal, and a sentence for a person.
///
/// The sentence says what was expected and what was got; it never contains a
/// key, a hash or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// The kind, which decides the numbers on the wire.
    pub kind: ErrorKind,
    /// One sentence for a person.
    pub message: String,
}

impl SqlError {
    /// An error of `kind` with the sentence `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// CometQL error 3: the text is not a statement.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, message)
    }

    /// CometQL error 12: a value is missing or cannot be what it is meant to be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidValue, message)
    }

    /// CometQL error 2: a construct this server does not offer.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// CometQL error 500: the server could not do what was asked.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The statement was killed (KILL QUERY, or its asker has gone).
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "Query execution was interrupted")
    }

    /// The same error, its sentence begun with the field that it is about.
    pub(crate) fn about(mut self, field: &str) -> Self {
        self.message.insert_str(0, &format!("the field {field}: "));
        self
    }

    /// The error number to send, in the numbering the session asked for.
    pub fn number(&self, numbers: ErrorNumbers) -> u16 {
        let row = self.kind.row();
        match numbers {
            ErrorNumbers::CometQl => row.cometql,
            ErrorNumbers::MySql => row.mysql,
        }
    }

    /// The five-character SQLSTATE, the same in both numberings.
    pub fn sqlstate(&self) -> &'static str {
        self.kind.row().sqlstate
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqlError {}

/// How often each kind of refusal was answered.
#[derive(Debug)]
pub struct ErrorCounts([AtomicU64; ErrorKind::ALL.len()]);

impl Default for ErrorCounts {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl ErrorCounts {
    pub(crate) fn add(&self, kind: ErrorKind) {
        if let Some(count) = self.0.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every kind that was answered, with how often.
    pub fn answered(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        let kinds = ErrorKind::ALL.iter().copied();
        kinds.zip(counts).filter(|(_, count)| *count > 0)
    }
}

/// Which numbers a client sees (`error_numbers` in the configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorNumbers {
    /// The numbers CometQL published (2, 3, 10-17, 403, 500), MySQL's for the rest.
    #[default]
    CometQl,
    /// MySQL's numbers for everything, for ORMs that test for 1045, 1064, 1146, ….
    MySql,
}

macro_rules! error_kinds {
    ($(#[doc = $meaning:literal] $kind:ident => $cometql:literal, $mysql:literal, $sqlstate:literal;)*) => {
        /// The kinds of refusal. Each has one row in the table of numbers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = $meaning] $kind,)*
        }

        impl ErrorKind {
            /// Every kind, in the order of the table; documentation is printed from it.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// When it happens, as the documentation prints it.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $meaning.trim(),)*
                }
            }

            /// This kind's numbers.
            pub const fn row(self) -> ErrorRow {
                match self {
                    $(Self::$kind => ErrorRow {
                        cometql: $cometql,
                        mysql: $mysql,
                        sqlstate: $sqlstate,
                    },)*
                }
            }
        }
    };
}

/// One row of the table of error numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRow {
    /// The number CometQL published, or MySQL's where CometQL has none.
    pub cometql: u16,
    /// MySQL's number for the same thing.
    pub mysql: u16,
    /// SQLSTATE, five characters.
    pub sqlstate: &'static str,
}

error_kinds! {
    /// A construct this server does not offer.
    Unsupported => 2, 1235, "42000";
    /// The text is not a statement.
    Syntax => 3, 1064, "42000";
    /// INSERT into or DELETE from a table that only shows live state.
    ReadOnlyTable => 10, 1036, "HY000";
    /// A name, a key or a value is longer than its column.
    TooLong => 11, 1406, "22001";
    /// A number has more digits than can be computed with.
    OutOfRange => 12, 1690, "22003";
    /// A value has bad characters, is out of range, or is of another kind than its column.
    InvalidValue => 12, 1366, "HY000";
    /// A required field is not there.
    MissingField => 12, 1364, "HY000";
    /// A required field is NULL.
    NullValue => 12, 1048, "23000";
    /// The condition that must name the key is missing.
    MissingKey => 13, 1175, "HY000";
    /// A column is named twice.
    DuplicateColumn => 13, 1110, "42000";
    /// No such column.
    UnknownColumn => 14, 1054, "42S22";
    /// The number of values differs from the number of columns.
    ColumnCount => 14, 1136, "21S01";
    /// A bare name that several tables of the query have.
    AmbiguousColumn => 14, 1052, "23000";
    /// Two columns of a sub-query in FROM have one name.
    RepeatedColumn => 14, 1060, "42S21";
    /// A value is asked for, and a list or a sub-query gives several columns.
    OperandColumns => 2, 1241, "21000";
    /// A value is asked for, and a sub-query gives several rows.
    SubqueryRows => 1242, 1242, "21000";
    /// The queries of a UNION have different numbers of columns.
    UnionColumns => 14, 1222, "21000";
    /// No such table.
    UnknownTable => 15, 1146, "42S02";
    /// Two tables of a query go by one name.
    RepeatedTable => 3, 1066, "42000";
    /// `SELECT *` without a FROM.
    NoTables => 3, 1096, "HY000";
    /// COUNT, SUM and their like where rows are not grouped yet.
    MisplacedAggregate => 2, 1111, "HY000";
    /// No such function.
    UnknownFunction => 2, 1305, "42000";
    /// A function with too few or too many arguments.
    ArgumentCount => 3, 1582, "42000";
    /// No such database.
    UnknownDatabase => 15, 1049, "42000";
    /// Login failed; the connection is closed.
    AccessDenied => 16, 1045, "28000";
    /// A name is shorter than allowed.
    TooShort => 17, 1366, "HY000";
    /// More conditions than a statement may have.
    TooManyConditions => 18, 1235, "42000";
    /// More values than a statement may have.
    TooManyValues => 19, 1235, "42000";
    /// More columns than a statement may have.
    TooManyColumns => 20, 1117, "HY000";
    /// The session may not do this.
    Forbidden => 403, 1227, "42000";
    /// The server could not do what was asked.
    Internal => 500, 1105, "HY000";
    /// The connection limit is reached; the connection is closed.
    TooManyConnections => 1040, 1040, "08004";
    /// The handshake was not one; the connection is closed.
    BadHandshake => 1043, 1043, "08S01";
    /// No such protocol command.
    UnknownCommand => 1047, 1047, "08S01";
    /// The server is stopping; the connection is closed.
    Shutdown => 1053, 1053, "08S01";
    /// No such session to kill.
    UnknownThread => 1094, 1094, "HY000";
    /// The session to kill is another developer's.
    KillDenied => 1095, 1095, "HY000";
    /// So many failed logins of an address wait that it is not greeted.
    HostBlocked => 1129, 1129, "HY000";
    /// A packet or a statement is larger than allowed; closed if it is a packet.
    PacketTooLarge => 1153, 1153, "08S01";
    /// A packet has the wrong sequence number; the connection is closed.
    PacketsOutOfOrder => 1156, 1156, "08S01";
    /// Something that cannot be done while changes wait for COMMIT.
    ActiveTransaction => 1192, 1192, "HY000";
    /// No such system variable.
    UnknownVariable => 1193, 1193, "HY000";
    /// More changes, or more bytes, than a transaction may have.
    TransactionTooLarge => 1197, 1197, "HY000";
    /// The statement took longer than allowed.
    Timeout => 1205, 1205, "HY000";
    /// No such prepared statement.
    UnknownStatement => 1243, 1243, "HY000";
    /// No such savepoint.
    UnknownSavepoint => 1305, 1305, "42000";
    /// The statement was killed.
    Interrupted => 1317, 1317, "70100";
    /// More prepared statements than a session may hold.
    TooManyStatements => 1461, 1461, "42000";
    /// A statement that changes something, in a read-only transaction.
    ReadOnlyTransaction => 1792, 1792, "25006";
    /// A packet's contents are not what its command says.
    MalformedPacket => 1835, 1835, "HY000";
    /// A login without TLS where it is required.
    InsecureTransport => 3159, 3159, "HY000";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_are_kept() {
        let published = [
            (ErrorKind::Unsupported, 2),
            (ErrorKind::Syntax, 3),
            (ErrorKind::ReadOnlyTable, 10),
            (ErrorKind::TooLong, 11),
            (ErrorKind::InvalidValue, 12),
            (ErrorKind::MissingKey, 13),
            (ErrorKind::UnknownColumn, 14),
            (ErrorKind::UnknownTable, 15),
            (ErrorKind::AccessDenied, 16),
            (ErrorKind::TooShort, 17),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::Internal, 500),
        ];
        for (kind, number) in published {
            assert_eq!(
                SqlError::new(kind, "").number(ErrorNumbers::CometQl),
                number
            );
        }
    }

    #[test]
    fn what_was_answered_is_counted_by_kind() {
        let counts = ErrorCounts::default();
        counts.add(ErrorKind::Syntax);
        counts.add(ErrorKind::InsecureTransport);
        counts.add(ErrorKind::Syntax);
        let answered: Vec<_> = counts.answered().collect();
        let expected = [(ErrorKind::Syntax, 2), (ErrorKind::InsecureTransport, 1)];
        assert_eq!(answered, expected);
    }

    #[test]
    fn every_sqlstate_has_five_characters() {
        for kind in ErrorKind::ALL {
            assert_eq!(kind.row().sqlstate.len(), 5, "{kind:?}");
        }
    }

    #[test]
    fn the_mysql_numbering_never_falls_below_1000() {
        for kind in ErrorKind::ALL {
            assert!(kind.row().mysql >= 1000, "{kind:?}");
        }
    }
}
