//! The doors under test: CometWire and its peers as clients see them. A [`Door`] says how to
//! subscribe, how to publish and how a delivery looks; scenarios know nothing else of a server.
//! Starting servers is [`crate::servers`]' business.

mod comet;
mod mosquitto;
mod nats;
mod nchan;
mod socket_io;

pub(crate) use comet::CometDoor;
pub(crate) use mosquitto::MosquittoDoor;
pub(crate) use nats::NatsDoor;
pub(crate) use nchan::NchanDoor;
pub(crate) use socket_io::SocketIoDoor;

use std::fmt::Debug;
use std::net::{SocketAddr, TcpStream};

use clap::ValueEnum;

use crate::error::Error;
use crate::mysql::Answer;
use crate::options::ANSWER_LIMIT;
use crate::process::ServerProcess;

/// One server under test.
pub(crate) trait Door: Debug + Send + Sync {
    /// Where subscribers connect.
    fn browsers(&self) -> SocketAddr;

    /// How a connection is opened and, if a pipe is given, subscribed to it.
    fn dialogue(&self, pipe: Option<&str>) -> Dialogue;

    /// How deliveries look.
    fn hearing(&self) -> Hearing {
        Hearing::default()
    }

    /// Logs in backends; without [`Form::Prepared`] of their own, peers take it for plain text.
    fn backends(&self, count: usize, form: Form) -> Result<Vec<BackendSocket>, Error>;

    /// Appends a statement, which has one answer.
    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error>;

    /// The answer at the start of `bytes` and its length on the wire; `None` until it is complete.
    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error>;

    /// Appends what a member sends through its own connection to the others of `pipe`.
    fn write_speech(&self, pipe: &str, payload: &[u8], out: &mut Vec<u8>);

    /// Waits until the server knows every subscription whose dialogue is over, where the dialogue
    /// alone does not prove it.
    fn settle(&self, _pipes: &[String]) -> Result<(), Error> {
        Ok(())
    }

    /// Subscribers of all these pipes together as the server counts them, if it does.
    fn count_subscribers(&self, _pipes: &[String]) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    /// Gives each pipe a history of `length` messages.
    fn keep_history(&self, _pipes: &[String], _length: usize) -> Result<(), Error> {
        Err(Error::Usage(
            "this server is not asked for histories".into(),
        ))
    }

    /// Publishes messages to a pipe, in order, and waits until they are kept.
    fn fill_history(&self, _pipe: &str, _messages: &[String]) -> Result<(), Error> {
        Err(Error::Usage(
            "this server is not asked for histories".into(),
        ))
    }

    /// What a subscriber says to be sent a pipe's history, and what is heard after it.
    fn ask_history(&self, _pipe: &str) -> Result<Round, Error> {
        Err(Error::Usage(
            "this server is not asked for histories".into(),
        ))
    }

    /// The dialogue of a client that comes back to `pipe` and resumes at `position`: an epoch and an
    /// offset, a line each, or two empty lines.
    fn resumption(&self, _pipe: &str, _position: &str) -> Result<Dialogue, Error> {
        Err(Error::Usage("this server is not asked to resume".into()))
    }

    /// The server's process, if it is known.
    fn process(&self) -> Option<&ServerProcess>;
}

/// What is said while a connection opens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dialogue {
    /// Whether TLS comes first.
    pub(crate) tls: bool,
    /// The WebSocket handshake; without one the bytes of the rounds go out bare.
    pub(crate) upgrade: Option<Upgrade>,
    /// What follows, in order.
    pub(crate) rounds: Vec<Round>,
}

/// The request line of a WebSocket handshake.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    pub(crate) path: String,
    pub(crate) protocol: Option<&'static str>,
}

/// One thing said and one thing heard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// Bytes as they go over the wire; nothing if empty.
    pub(crate) say: Vec<u8>,
    /// What the awaited message contains; nothing is awaited if empty.
    pub(crate) hear: Vec<u8>,
}

impl Round {
    /// Says `say` and waits for a message that contains `hear`.
    pub(crate) fn new(say: Vec<u8>, hear: &[u8]) -> Self {
        Self {
            say,
            hear: hear.to_vec(),
        }
    }
}

/// How deliveries look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hearing {
    pub(crate) framing: Framing,
    pub(crate) echo: Echo,
}

/// What carries messages to subscribers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    #[default]
    WebSocket,
    /// WebSocket whose server asks "2" and wants to hear "3" (Engine.IO).
    EngineIo,
    /// MQTT packets on a bare connection.
    Mqtt,
}

/// What a member of a pipe hears of its own messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Echo {
    /// A delivery report (compatibility reference §4.7).
    #[default]
    Report,
    /// The same as everyone.
    Plain,
    /// Nothing.
    Silent,
}

/// How a statement is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// As text with its values in it.
    #[default]
    Text,
    /// Prepared once, executed with values.
    Prepared,
}

/// What one statement publishes.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) backend: &'a BackendSocket,
    /// Counts the statements of this backend, from 0.
    pub(crate) turn: u64,
    pub(crate) pipe: &'a str,
    /// One message each. Only CometQL takes more than one.
    pub(crate) payloads: &'a [Vec<u8>],
}

impl Statement<'_> {
    /// The payload of a statement of a single message.
    pub(crate) fn single(&self) -> Result<&[u8], Error> {
        match self.payloads {
            [payload] => Ok(payload),
            _ => Err(Error::Usage(
                "here a statement publishes one message; leave --batch at 1".into(),
            )),
        }
    }
}

/// A backend's connection, logged in and not blocking.
#[derive(Debug)]
pub(crate) struct BackendSocket {
    pub(crate) socket: TcpStream,
    /// Number of the prepared INSERT, if it was asked for.
    pub(crate) statement: Option<u32>,
}

/// Opens `count` connections to `address` and brings each to where statements are taken.
pub(crate) fn connect_backends(
    address: SocketAddr,
    count: usize,
    login: impl Fn(&mut TcpStream) -> Result<Option<u32>, Error>,
) -> Result<Vec<BackendSocket>, Error> {
    let failed = |source| Error::Connect {
        door: "backend",
        address: address.to_string(),
        source,
    };
    let mut backends = Vec::with_capacity(count);
    for _ in 0..count {
        let mut socket = TcpStream::connect_timeout(&address, ANSWER_LIMIT).map_err(failed)?;
        socket.set_nodelay(true).map_err(failed)?;
        socket
            .set_read_timeout(Some(ANSWER_LIMIT))
            .map_err(failed)?;
        let statement = login(&mut socket)?;
        socket.set_nonblocking(true).map_err(failed)?;
        backends.push(BackendSocket { socket, statement });
    }
    Ok(backends)
}
