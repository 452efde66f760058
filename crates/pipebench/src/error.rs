//! Why a run ended early or its result does not count, each as one sentence for the terminal.

use std::io;

/// What went wrong, by who is to blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address does not answer.
    #[error("cannot connect to the {door} door at {address}: {source}; is the server running?")]
    Connect {
        door: &'static str,
        address: String,
        source: io::Error,
    },
    /// A socket or a file of ours failed in the middle of a run.
    #[error("{what} failed: {source}")]
    Io {
        what: &'static str,
        source: io::Error,
    },
    /// The connection broke while an answer was awaited.
    #[error("the server did not {what}: {source}")]
    Connection {
        what: &'static str,
        source: io::Error,
    },
    /// The server understood and said no.
    #[error("the server refused {what}: {answer}")]
    Refused { what: &'static str, answer: String },
    /// The server broke the protocol.
    #[error("the server's answer is not valid {protocol}: {detail}")]
    Protocol {
        protocol: &'static str,
        detail: String,
    },
    /// The server stayed silent.
    #[error("the server did not {what} within {seconds} s")]
    Timeout { what: &'static str, seconds: u64 },
    /// A program that a run would start is not there.
    #[error("{0} is not installed")]
    Absent(String),
    /// The options do not go together, or not with this machine.
    #[error("{0}")]
    Usage(String),
    /// The run ended, and its result shows a broken guarantee.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// Wraps an I/O error on a connection to the server, `what` being what it should have done;
    /// timeouts of blocking sockets become [`Error::Timeout`].
    pub(crate) fn connection(what: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout {
                what,
                seconds: crate::options::ANSWER_LIMIT.as_secs(),
            },
            _ => Self::Connection { what, source },
        }
    }
}
