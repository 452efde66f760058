//! Nchan: publishers POST to nginx and keep their connection, subscribers are WebSockets to a
//! location that both publishes and subscribes, so that members of a room hear themselves.

use std::net::SocketAddr;
use std::time::Duration;

use crate::doors::{
    BackendSocket, Dialogue, Door, Echo, Form, Hearing, Statement, Upgrade, connect_backends,
};
use crate::error::Error;
use crate::mysql::Answer;
use crate::process::ServerProcess;
use crate::subscriber::quote;
use crate::websocket;

/// What nginx' workers get to tell each other of new subscribers.
const SETTLING: Duration = Duration::from_millis(400);

/// A running nginx with nchan.
#[derive(Debug)]
pub(crate) struct NchanDoor {
    pub(crate) address: SocketAddr,
    pub(crate) process: ServerProcess,
}

impl Door for NchanDoor {
    fn browsers(&self) -> SocketAddr {
        self.address
    }

    fn dialogue(&self, pipe: Option<&str>) -> Dialogue {
        Dialogue {
            tls: false,
            upgrade: Some(Upgrade {
                path: format!("/sub/{}", pipe.unwrap_or("nothing")),
                protocol: None,
            }),
            rounds: Vec::new(),
        }
    }

    fn hearing(&self) -> Hearing {
        Hearing {
            echo: Echo::Plain,
            ..Hearing::default()
        }
    }

    fn backends(&self, count: usize, _form: Form) -> Result<Vec<BackendSocket>, Error> {
        connect_backends(self.address, count, |_| Ok(None))
    }

    fn write_statement(&self, statement: &Statement<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let payload = statement.single()?;
        let head = format!(
            "POST /pub/{} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            statement.pipe,
            self.address,
            payload.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
        Ok(())
    }

    fn next_answer(&self, bytes: &[u8]) -> Result<Option<(Answer, usize)>, Error> {
        let Some((is_success, length)) = response(bytes)? else {
            return Ok(None);
        };
        let answer = if is_success {
            Answer::Ok
        } else {
            Answer::Refused(quote(bytes))
        };
        Ok(Some((answer, length)))
    }

    fn write_speech(&self, _pipe: &str, payload: &[u8], out: &mut Vec<u8>) {
        websocket::write_text(payload, rand::random(), out);
    }

    /// The handshake ends before the worker that owns the channel knows of the subscriber, and what
    /// a worker counts is not all workers' count: nothing tells, so it is given time.
    fn settle(&self, _pipes: &[String]) -> Result<(), Error> {
        std::thread::sleep(SETTLING);
        Ok(())
    }

    fn process(&self) -> Option<&ServerProcess> {
        Some(&self.process)
    }
}

/// Whether the HTTP response at the start of `bytes` is a success, and its length.
fn response(bytes: &[u8]) -> Result<Option<(bool, usize)>, Error> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
    let broken = || Error::Protocol {
        protocol: "HTTP",
        detail: quote(bytes),
    };
    let status = head.split(' ').nth(1).ok_or_else(broken)?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, length)| length.trim().parse());
    let length: usize = length.map_err(|_| broken())?;
    let whole = end + 4 + length;
    Ok((bytes.len() >= whole).then(|| (status.starts_with('2'), whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_whole_with_its_body_and_a_refusal_is_seen() {
        let bytes = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1";
        let head = bytes.len() - "HTTP/1.1".len();
        for cut in 0..head {
            assert_eq!(response(&bytes[..cut]).unwrap(), None, "cut at {cut}");
        }
        assert_eq!(response(bytes).unwrap(), Some((true, head)));
        let refusal = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(response(refusal).unwrap(), Some((false, refusal.len())));
    }
}
