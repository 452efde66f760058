//! NATS: `PUB` over TCP, acknowledged because the backend asks for it (`verbose`); subscribers over
//! its WebSocket door. Several messages come in one frame, a line each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::doors::{
    BackendSocket, Dialogue, Door, Echo, Form, Hearing, Round, Statement, Upgrade, connect_backends,
};
use crate::error::Error;
use crate::mysql::Answer;
use crate::process::ServerProcess;
use crate::websocket;

/// The longest line of the protocol, without payloads, in bytes.
const LINE_LIMIT: usize = 4096;

/// A running nats-server.
#[derive(Debug)]
pub(crate) struct NatsDoor {
    pub(crate) backends: SocketAddr,
    pub(crate) browsers: SocketAddr,
    pub(crate) process: ServerProcess,
}

impl Door for NatsDoor {
    fn browsers(&self) -> SocketAddr {
        self.browsers
    }

    fn dialogue(&self, pipe: Option<&str>) -> Dialogue {
        let connect = "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false}\r\n";
        let subscribe = pipe.map_or(String::new(), |pipe| format!("SUB {pipe} 1\r\n"));
        let text = format!("{connect}{subscribe}PING\r\n");
        let mut say = Vec::new();
        websocket::write_binary(text.as_bytes(), rand::random(), &mut say);
        Dialogue {
            tls: false,
            upgrade: Some(Upgrade {
                path: "/".into(),
                protocol: None,
            }),
            rounds: vec![
                Round::new(Vec::new(), b"INFO "),
                Round::new(say, b"PONG\r\n"),
            ],
        }
    }

    fn hearing(&self) -> Hearing {
        Hearing {
            echo: Echo::Silent,
            ..Hearing::default()
        }
    }

    fn backends(&self, count: usize, _form: Form) -> Result<Vec<BackendSocket>, Error> {
        connect_backends(self.backends, count, |socket| {
            read_line(socket)?;
            let connect = b"CONNECT {\"verbose\":true,\"pedantic\":false}\r\n";
            socket
                .write_all(connect)
                .map_err(|error| Error::connection("take the login", error))?;
            match read_line(socket)?.as_slice() {
                b"+OK" => Ok(None),
                other => Err(Error::Refused {
                    what: "the login",
                    answer: String::from_utf8_lossy(other).into_owned(),
                }),
            }
        })
    }

    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        publish(statement.pipe, statement.single()?, out);
        Ok(())
    }

    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n") else {
            return Ok(None);
        };
        let line = bytes.get(..end).unwrap_or_default();
        let answer = match line {
            b"+OK" => Answer::Ok,
            [b'-', ..] => Answer::Refused(String::from_utf8_lossy(line).into_owned()),
            _ => Answer::Aside,
        };
        Ok(Some((answer, end + 2)))
    }

    fn write_speech(&self, pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
        let mut text = Vec::new();
        publish(pipe, payload, &mut text);
        websocket::write_binary(&text, rand::random(), out);
    }

    fn process(&self) -> Option<&ServerProcess> {
        Some(&self.process)
    }
}

fn publish(pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("PUB {pipe} {}\r\n", payload.len()).as_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// One line, without its end. Byte by byte, so that nothing behind it is taken.
fn read_line(socket: &mut TcpStream) -> Result<Vec<u8>, Error> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") && line.len() < LINE_LIMIT {
        let mut byte = [0];
        socket
            .read_exact(&mut byte)
            .map_err(|error| Error::connection("answer the login", error))?;
        line.extend_from_slice(&byte);
    }
    line.truncate(line.len().saturating_sub(2));
    Ok(line)
}
