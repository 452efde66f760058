//! A client of raw packets: it sends exactly what a test tells it to.

use cometql::wire::SERVER_VERSION;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{KEY, Server};

pub(crate) const PROTOCOL_41: u32 = 1 << 9;
pub(crate) const CONNECT_WITH_DB: u32 = 1 << 3;
pub(crate) const SSL: u32 = 1 << 11;
pub(crate) const COMPRESS: u32 = 1 << 5;
pub(crate) const SECURE_CONNECTION: u32 = 1 << 15;
pub(crate) const MULTI_STATEMENTS: u32 = 1 << 16;
pub(crate) const PLUGIN_AUTH: u32 = 1 << 19;
pub(crate) const USUAL: u32 = PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;

pub(crate) struct Raw<S> {
    pub(crate) stream: S,
    pub(crate) salt: Vec<u8>,
    pub(crate) connection_id: u32,
}

/// What a test needs to know of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Ok {
        status: u16,
        rest: Vec<u8>,
    },
    Error {
        number: u16,
        state: String,
        text: String,
    },
    Rows {
        status: u16,
        rows: Vec<Vec<u8>>,
    },
}

impl Answer {
    pub(crate) fn number(&self) -> u16 {
        match self {
            Self::Error { number, .. } => *number,
            other => panic!("an error was expected, got {other:?}"),
        }
    }

    pub(crate) fn assert_ok(&self) {
        assert!(matches!(self, Self::Ok { .. }), "{self:?}");
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Ok { status, .. } | Self::Rows { status, .. } => *status,
            other => panic!("a result was expected, got {other:?}"),
        }
    }

    /// The only row's cells, in the text protocol.
    pub(crate) fn cells(&self) -> Vec<String> {
        let Self::Rows { rows, .. } = self else {
            panic!("rows were expected, got {self:?}");
        };
        assert_eq!(rows.len(), 1);
        cells(&rows[0])
    }
}

pub(crate) fn cells(mut row: &[u8]) -> Vec<String> {
    let mut cells = Vec::new();
    while let Some((&first, rest)) = row.split_first() {
        let (length, rest) = match first {
            0xFB => {
                cells.push("NULL".into());
                row = rest;
                continue;
            }
            0xFC => (u16::from_le_bytes([rest[0], rest[1]]) as usize, &rest[2..]),
            0xFD => (
                u32::from_le_bytes([rest[0], rest[1], rest[2], 0]) as usize,
                &rest[3..],
            ),
            0xFE => (
                u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize,
                &rest[8..],
            ),
            short => (usize::from(short), rest),
        };
        cells.push(String::from_utf8(rest[..length].to_vec()).unwrap());
        row = &rest[length..];
    }
    cells
}

impl Raw<TcpStream> {
    /// Greeted, not logged in.
    pub(crate) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port))
            .await
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self::greeted(stream).await
    }

    /// Logged in as developer 15.
    pub(crate) async fn log_in(server: &Server) -> Self {
        Self::log_in_with(server, USUAL).await
    }

    pub(crate) async fn log_in_with(server: &Server, capabilities: u32) -> Self {
        let mut raw = Self::connect(server).await;
        raw.log_in_native(capabilities, "15", KEY).await.assert_ok();
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) async fn greeted(stream: S) -> Self {
        let mut raw = Self {
            stream,
            salt: Vec::new(),
            connection_id: 0,
        };
        let (sequence, greeting) = raw.read().await.expect("a greeting");
        assert_eq!((sequence, greeting[0]), (0, 10));
        let rest = &greeting[1 + SERVER_VERSION.len() + 1..];
        raw.connection_id = u32::from_le_bytes(rest[..4].try_into().unwrap());
        raw.salt = [&rest[4..12], &rest[31..43]].concat();
        raw
    }

    pub(crate) async fn log_in_native(
        &mut self,
        capabilities: u32,
        user: &str,
        key: &str,
    ) -> Answer {
        let proof = native(key, &self.salt);
        self.send(
            1,
            &login(capabilities, user, &proof, "mysql_native_password"),
        )
        .await;
        self.answer().await.1
    }

    pub(crate) async fn send(&mut self, sequence: u8, payload: &[u8]) {
        self.stream
            .write_all(&framed(sequence, payload))
            .await
            .unwrap();
    }

    /// One packet, put together; `None` when the server has closed.
    pub(crate) async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header).await.ok()?;
            let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.stream.read_exact(&mut payload[start..]).await.ok()?;
            if length < 0xFF_FFFF {
                return Some((header[3], payload));
            }
        }
    }

    /// One whole answer and the sequence number it began with.
    pub(crate) async fn answer(&mut self) -> (u8, Answer) {
        let (sequence, packet) = self.read().await.expect("an answer");
        let answer = match packet[0] {
            0x00 => Answer::Ok {
                status: u16::from_le_bytes(status_of_ok(&packet)),
                rest: packet,
            },
            0xFF => Answer::Error {
                number: u16::from_le_bytes([packet[1], packet[2]]),
                state: String::from_utf8(packet[4..9].to_vec()).unwrap(),
                text: String::from_utf8(packet[9..].to_vec()).unwrap(),
            },
            columns => {
                for _ in 0..columns {
                    self.read().await.expect("a column");
                }
                self.read().await.expect("the end of columns");
                let mut rows = Vec::new();
                let status = loop {
                    let (_, packet) = self.read().await.expect("a row");
                    if packet[0] == 0xFE && packet.len() == 5 {
                        break u16::from_le_bytes([packet[3], packet[4]]);
                    }
                    rows.push(packet);
                };
                Answer::Rows { status, rows }
            }
        };
        (sequence, answer)
    }

    /// Sends a command and returns its answer, whose numbering is checked.
    pub(crate) async fn command(&mut self, payload: &[u8]) -> Answer {
        self.send(0, payload).await;
        let (sequence, answer) = self.answer().await;
        assert_eq!(sequence, 1);
        answer
    }

    pub(crate) async fn query(&mut self, text: &str) -> Answer {
        self.command(&query(text)).await
    }

    /// Prepares a statement and returns its id.
    pub(crate) async fn prepare(&mut self, text: &str) -> Result<u32, Answer> {
        self.send(0, &[b"\x16", text.as_bytes()].concat()).await;
        let (_, packet) = self.read().await.expect("an answer");
        if packet[0] == 0xFF {
            return Err(Answer::Error {
                number: u16::from_le_bytes([packet[1], packet[2]]),
                state: String::new(),
                text: String::new(),
            });
        }
        for count in [&packet[7..9], &packet[5..7]] {
            let count = u16::from_le_bytes(count.try_into().unwrap());
            for _ in 0..count + u16::from(count > 0) {
                self.read().await.expect("a definition or its end");
            }
        }
        Ok(u32::from_le_bytes(packet[1..5].try_into().unwrap()))
    }

    /// Executes a prepared statement; `tail` is what follows the fixed part.
    pub(crate) async fn execute(&mut self, id: u32, tail: &[u8]) -> Answer {
        let mut payload = vec![0x17];
        payload.extend_from_slice(&id.to_le_bytes());
        payload.extend_from_slice(&[0, 1, 0, 0, 0]);
        payload.extend_from_slice(tail);
        self.command(&payload).await
    }

    /// Asserts that the server closes, with nothing more to say.
    pub(crate) async fn assert_closed(&mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        assert_eq!(rest, b"");
    }
}

/// Affected rows and insert id come first; both are short or 70000 here.
fn status_of_ok(packet: &[u8]) -> [u8; 2] {
    let mut at = 1;
    for _ in 0..2 {
        at += match packet[at] {
            0xFC => 3,
            0xFD => 4,
            0xFE => 9,
            _ => 1,
        };
    }
    [packet[at], packet[at + 1]]
}

pub(crate) fn framed(mut sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = payload;
    loop {
        let (part, more) = rest.split_at(rest.len().min(0xFF_FFFF));
        bytes.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
        bytes.push(sequence);
        bytes.extend_from_slice(part);
        sequence = sequence.wrapping_add(1);
        rest = more;
        if part.len() < 0xFF_FFFF {
            return bytes;
        }
    }
}

pub(crate) fn query(text: &str) -> Vec<u8> {
    [b"\x03", text.as_bytes()].concat()
}

pub(crate) fn login(capabilities: u32, user: &str, proof: &[u8], plugin: &str) -> Vec<u8> {
    let mut payload = capabilities.to_le_bytes().to_vec();
    payload.extend_from_slice(&[0, 0, 0, 1, 33]);
    payload.extend_from_slice(&[0; 23]);
    payload.extend_from_slice(user.as_bytes());
    payload.push(0);
    payload.push(proof.len() as u8);
    payload.extend_from_slice(proof);
    if capabilities & CONNECT_WITH_DB != 0 {
        payload.extend_from_slice(b"nowhere\0");
    }
    if capabilities & PLUGIN_AUTH != 0 {
        payload.extend_from_slice(plugin.as_bytes());
        payload.push(0);
    }
    payload
}

pub(crate) fn native(key: &str, salt: &[u8]) -> Vec<u8> {
    let once = Sha1::digest(key);
    let mixed = Sha1::digest([salt, &Sha1::digest(once)].concat());
    once.iter().zip(mixed).map(|(a, b)| a ^ b).collect()
}

pub(crate) fn sha2(key: &str, salt: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(key);
    let mixed = Sha256::digest([&Sha256::digest(once), salt].concat());
    once.iter().zip(mixed).map(|(a, b)| a ^ b).collect()
}
