//! Socket.IO: everything over WebSockets in Engine.IO's text frames; `pub` events are acknowledged.

use std::net::SocketAddr;

use crate::doors::{
    BackendSocket, Dialogue, Door, Echo, Form, Framing, Hearing, Round, Statement, Upgrade,
};
use crate::error::Error;
use crate::mysql::Answer;
use crate::process::ServerProcess;
use crate::subscriber::Client;
use crate::websocket::{self, Kind};

/// How an acknowledgement begins.
const ACKNOWLEDGEMENT: &[u8] = b"43";

/// A running Socket.IO server.
#[derive(Debug)]
pub(crate) struct SocketIoDoor {
    pub(crate) address: SocketAddr,
    pub(crate) process: ServerProcess,
}

impl Door for SocketIoDoor {
    fn browsers(&self) -> SocketAddr {
        self.address
    }

    fn dialogue(&self, pipe: Option<&str>) -> Dialogue {
        let mut rounds = vec![
            Round::new(Vec::new(), b"0{"),
            Round::new(frame("40"), b"40{"),
        ];
        if let Some(pipe) = pipe {
            let subscribe = frame(&format!("420[\"sub\",\"{pipe}\"]"));
            rounds.push(Round::new(subscribe, b"430["));
        }
        Dialogue {
            tls: false,
            upgrade: Some(Upgrade {
                path: "/socket.io/?EIO=4&transport=websocket".into(),
                protocol: None,
            }),
            rounds,
        }
    }

    fn hearing(&self) -> Hearing {
        Hearing {
            framing: Framing::EngineIo,
            echo: Echo::Silent,
        }
    }

    fn backends(&self, count: usize, _form: Form) -> Result<Vec<BackendSocket>, Error> {
        let open = |_| {
            let subscriber = Client::open(self, None)?.into_subscriber()?;
            let socket = subscriber.link.into_plain();
            Ok(BackendSocket {
                socket: socket.ok_or_else(|| Error::Usage("no TLS here".into()))?,
                statement: None,
            })
        };
        (0..count).map(open).collect()
    }

    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let payload = String::from_utf8_lossy(statement.single()?);
        let (turn, pipe) = (statement.turn, statement.pipe);
        let text = format!("42{turn}[\"pub\",\"{pipe}\",\"{payload}\"]");
        websocket::write_text(text.as_bytes(), rand::random(), out);
        Ok(())
    }

    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
        let Some((frame, length)) = websocket::next_frame(bytes)? else {
            return Ok(None);
        };
        let answer = match frame.kind {
            Kind::Data if frame.payload.starts_with(ACKNOWLEDGEMENT) => Answer::Ok,
            Kind::Close => Answer::Refused("it closed the connection".into()),
            _ => Answer::Aside,
        };
        Ok(Some((answer, length)))
    }

    fn write_speech(&self, pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
        let payload = String::from_utf8_lossy(payload);
        let text = format!("42[\"say\",\"{pipe}\",\"{payload}\"]");
        websocket::write_text(text.as_bytes(), rand::random(), out);
    }

    fn process(&self) -> Option<&ServerProcess> {
        Some(&self.process)
    }
}

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    websocket::write_text(text.as_bytes(), rand::random(), &mut out);
    out
}
