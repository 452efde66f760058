//! The backend door from packets to answers, over a stream in memory: framing,
//! the command, the statement, the hall, the OK. The client's few instructions are
//! counted with it; they never change.

use std::sync::Arc;

use cometql::backend::{Account, Backend, Login};
use cometql::error::SqlError;
use cometql::wire::{Limits, Wire};
use cometql::{CometQlBackend, CometQlSession};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

use crate::Bench;
use crate::house::{House, PAYLOAD, UNREAD, or_stop};
use crate::statements::{insert, login, prepared_insert};

/// One INSERT and its acknowledgement.
pub(crate) fn text(bench: &Bench) {
    run(bench, |_| (query(&insert(UNREAD, 1)), 1));
}

/// An INSERT of 32 rows and its acknowledgement.
pub(crate) fn rows(bench: &Bench) {
    run(bench, |_| (query(&insert(UNREAD, 32)), 1));
}

/// 32 INSERTs at once, and their acknowledgements.
pub(crate) fn pipelined(bench: &Bench) {
    run(bench, |_| (query(&insert(UNREAD, 1)).repeat(32), 32));
}

/// One execution of a prepared INSERT and its acknowledgement.
pub(crate) fn prepared(bench: &Bench) {
    run(bench, |client| {
        bench.runtime.block_on(async {
            client
                .send(&packet(0, 0x16, prepared_insert().as_bytes()))
                .await;
            // The head, three parameters and an EOF.
            for _ in 0..5 {
                client.answer().await;
            }
        });
        let mut execution = vec![1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
        execution.extend_from_slice(&[0xFD, 0, 0xFD, 0, 0xFC, 0]);
        for text in [UNREAD, "event", PAYLOAD] {
            execution.push(text.len() as u8);
            execution.extend_from_slice(text.as_bytes());
        }
        (packet(0, 0x17, &execution), 1)
    });
}

/// Sends what `prepare` makes, again and again, and waits for its answers.
fn run(bench: &Bench, prepare: impl FnOnce(&mut Client) -> (Vec<u8>, usize)) {
    let (house, mut client, _open) = bench.runtime.block_on(async {
        let house = House::open().await;
        let (client, open) = Client::log_in(house.language()).await;
        (house, client, open)
    });
    let (commands, answers) = prepare(&mut client);
    bench.run(async || {
        client.send(&commands).await;
        for _ in 0..answers {
            client.answer().await;
        }
    });
    drop(house);
}

/// A client of raw packets.
struct Client {
    stream: DuplexStream,
    answer: Vec<u8>,
}

impl Client {
    /// A client and the server at the other end, which serves until the sender is dropped.
    async fn log_in(language: CometQlBackend) -> (Self, watch::Sender<bool>) {
        let wire = Wire::new(Arc::new(OpenDoor(language)), Limits::default());
        let (open, shutdown) = watch::channel(false);
        let (stream, served) = duplex(64 << 10);
        tokio::spawn(async move { wire.serve_connection(served, None, shutdown).await });
        let mut client = Self {
            stream,
            answer: Vec::new(),
        };
        client.answer().await;
        let mut hello = (PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH)
            .to_le_bytes()
            .to_vec();
        hello.extend_from_slice(&[0; 28]);
        hello.extend_from_slice(b"root\0\0mysql_native_password\0");
        let (command, rest) = or_stop(hello.split_first().ok_or("an empty login"));
        client.send(&packet(1, *command, rest)).await;
        client.answer().await;
        (client, open)
    }

    async fn send(&mut self, packets: &[u8]) {
        or_stop(self.stream.write_all(packets).await);
    }

    /// Reads one packet, which must not be an error.
    async fn answer(&mut self) {
        let mut header = [0; 4];
        or_stop(self.stream.read_exact(&mut header).await);
        let [a, b, c, _] = header;
        self.answer
            .resize(u32::from_le_bytes([a, b, c, 0]) as usize, 0);
        or_stop(self.stream.read_exact(&mut self.answer).await);
        if let [0xFF, error @ ..] = self.answer.as_slice() {
            panic!("hotpath: refused: {}", String::from_utf8_lossy(error));
        }
    }
}

fn query(statement: &str) -> Vec<u8> {
    packet(0, 0x03, statement.as_bytes())
}

fn packet(sequence: u8, command: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = (body.len() as u32 + 1).to_le_bytes();
    let mut packet = vec![a, b, c, sequence, command];
    packet.extend_from_slice(body);
    packet
}

/// The language behind a door that asks for no key.
struct OpenDoor(CometQlBackend);

impl Backend for OpenDoor {
    type Session = CometQlSession;

    fn account(&self, _: &str) -> Account {
        Account::NoKey
    }

    fn open(&self, _: Login) -> Result<CometQlSession, SqlError> {
        self.0.open(login())
    }
}

const PROTOCOL_41: u32 = 1 << 9;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
