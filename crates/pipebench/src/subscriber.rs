//! Opening WebSocket connections in numbers: connect, handshake, greeting, subscribe, and proof
//! that the subscription took effect. Afterwards the sockets belong to the receiver.
//!
//! Sockets block here. Each step is first done for a whole group of connections and then its
//! answers are read, so that a group waits once per step, not once per connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rand::Rng;

use crate::error::Error;
use crate::options::{ANSWER_LIMIT, Target, resolve};
use crate::websocket::{self, Kind, Opening};

/// Connections opened at the same time.
pub(crate) const GROUP: usize = 64;

/// Messages of others skipped while waiting for an answer.
const SKIPPED_LIMIT: usize = 100_000;

/// A connection that is subscribed and ready to be received from.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) socket: TcpStream,
    /// Bytes read after the last whole frame.
    pub(crate) leftover: Vec<u8>,
    /// Its publisher number if it publishes too, through its WebSocket.
    pub(crate) own: Option<u16>,
}

/// One WebSocket connection, blocking.
#[derive(Debug)]
pub(crate) struct Client {
    socket: TcpStream,
    inbox: Vec<u8>,
    opening: Opening,
}

/// Opens one connection per entry of `pipes`, each subscribed to its pipe. The names must begin
/// with `web_` or `track_`: only these can be asked for their count (compatibility reference §3.4).
pub(crate) fn open_subscribed(target: &Target, pipes: &[String]) -> Result<Vec<Client>, Error> {
    let address = resolve("WebSocket", &target.http)?;
    let mut subscribed = Vec::with_capacity(pipes.len());
    for pipes in pipes.chunks(GROUP) {
        let mut group = open_group(target, address, pipes.len())?;
        for (client, pipe) in group.iter_mut().zip(pipes) {
            // Commands of one connection are handled in order: the answer to the count proves the
            // subscription.
            client.send(&[
                format!("subscription\n{pipe}"),
                format!("pipe_count\n{pipe}\n1\n"),
            ])?;
        }
        for client in &mut group {
            client.answer("\"marker\":\"1\"")?;
        }
        subscribed.append(&mut group);
    }
    Ok(subscribed)
}

/// Turns opened connections into what the receiver takes.
pub(crate) fn into_subscribers(clients: Vec<Client>) -> Result<Vec<Subscriber>, Error> {
    clients
        .into_iter()
        .map(|client| {
            client
                .socket
                .set_nonblocking(true)
                .map_err(|source| Error::Io {
                    what: "making a socket non-blocking",
                    source,
                })?;
            Ok(Subscriber {
                socket: client.socket,
                leftover: client.inbox,
                own: None,
            })
        })
        .collect()
}

/// Opens `count` connections (at most [`GROUP`] is sensible) and waits for their greetings.
fn open_group(target: &Target, address: SocketAddr, count: usize) -> Result<Vec<Client>, Error> {
    let mut group = Vec::with_capacity(count);
    for _ in 0..count {
        group.push(Client::connect(target, address)?);
    }
    for client in &mut group {
        client.greeted()?;
    }
    Ok(group)
}

impl Client {
    /// Opens one connection and waits for its greeting.
    pub(crate) fn open(target: &Target) -> Result<Self, Error> {
        let address = resolve("WebSocket", &target.http)?;
        let mut client = Self::connect(target, address)?;
        client.greeted()?;
        Ok(client)
    }

    /// Asks how many connections are subscribed to `pipe`.
    pub(crate) fn pipe_count(&mut self, pipe: &str) -> Result<u64, Error> {
        self.send(&[format!("pipe_count\n{pipe}\n2\n")])?;
        let answer = self.answer("\"marker\":\"2\"")?;
        serde_json::from_slice::<serde_json::Value>(&answer)
            .ok()
            .and_then(|answer| answer.get("data")?.get("user_in_pipe")?.as_u64())
            .ok_or_else(|| unexpected("pipe_count", &answer))
    }

    fn connect(target: &Target, address: SocketAddr) -> Result<Self, Error> {
        let connect = |source| Error::Connect {
            door: "WebSocket",
            address: target.http.clone(),
            source,
        };
        let mut random = rand::rng();
        let socket = TcpStream::connect_timeout(&address, ANSWER_LIMIT).map_err(connect)?;
        socket.set_nodelay(true).map_err(connect)?;
        socket
            .set_read_timeout(Some(ANSWER_LIMIT))
            .map_err(connect)?;
        socket
            .set_write_timeout(Some(ANSWER_LIMIT))
            .map_err(connect)?;
        let mut client = Self {
            socket,
            inbox: Vec::new(),
            opening: Opening::new(random.random()),
        };
        let request = client
            .opening
            .request(&target.http, target.dev.id, &random_name(32));
        client.write(request.as_bytes())?;
        Ok(client)
    }

    /// Waits for the end of the handshake and for the first message.
    fn greeted(&mut self) -> Result<(), Error> {
        let head = loop {
            if let Some(length) = self.opening.accept(&self.inbox)? {
                break length;
            }
            self.read("answer the WebSocket handshake")?;
        };
        self.inbox.drain(..head);
        let greeting = self.next_text()?;
        if memchr::memmem::find(&greeting, b"\"serverInfo\"").is_none() {
            return Err(unexpected("the greeting", &greeting));
        }
        Ok(())
    }

    fn send(&mut self, commands: &[String]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for command in commands {
            websocket::write_text(command.as_bytes(), rand::random(), &mut bytes);
        }
        self.write(&bytes)
    }

    /// The next message that contains `marker`; an error message of the server instead is an error.
    fn answer(&mut self, marker: &str) -> Result<Vec<u8>, Error> {
        for _ in 0..SKIPPED_LIMIT {
            let text = self.next_text()?;
            if memchr::memmem::find(&text, marker.as_bytes()).is_some() {
                return Ok(text);
            }
            if is_error(&text) {
                return Err(Error::Refused {
                    what: "a command",
                    answer: quote(&text),
                });
            }
        }
        Err(Error::Timeout {
            what: "answer a command among its messages",
            seconds: ANSWER_LIMIT.as_secs(),
        })
    }

    fn next_text(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            while let Some((frame, length)) = websocket::next_frame(&self.inbox)? {
                let text = (frame.kind == Kind::Text).then(|| frame.payload.to_vec());
                self.inbox.drain(..length);
                if let Some(text) = text {
                    return Ok(text);
                }
            }
            self.read("send the message that was waited for")?;
        }
    }

    fn read(&mut self, what: &'static str) -> Result<(), Error> {
        let mut chunk = [0; 4096];
        let count = self
            .socket
            .read(&mut chunk)
            .map_err(|error| Error::connection(what, error))?;
        if count == 0 {
            return Err(Error::Connection {
                what,
                source: std::io::ErrorKind::UnexpectedEof.into(),
            });
        }
        self.inbox
            .extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.socket
            .write_all(bytes)
            .map_err(|error| Error::connection("read what was sent to it", error))
    }
}

/// A pipe name of this run alone, so that runs at the same time do not mix.
pub(crate) fn run_pipe() -> String {
    format!("web_bench_{}", random_name(8))
}

/// Whether a text is a `sys` error message (compatibility reference §4.11).
pub(crate) fn is_error(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"\"pipe\":\"sys\"").is_some()
        && memchr::memmem::find(text, b"\"event\":\"error\"").is_some()
}

/// The beginning of a server's text, for an error message.
pub(crate) fn quote(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..300).unwrap_or(text)).into_owned()
}

fn random_name(length: usize) -> String {
    rand::rng()
        .sample_iter(rand::distr::Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

fn unexpected(what: &str, text: &[u8]) -> Error {
    Error::Protocol {
        protocol: "comet protocol",
        detail: format!("instead of {what} came {}", quote(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha1::{Digest, Sha1};
    use std::net::TcpListener;
    use std::thread;

    const GREETING: &str = r#"{"authorized":"false","data":"","event":"serverInfo","pipe":"sys"}"#;

    fn target(listener: &TcpListener) -> Target {
        Target {
            cometql: String::new(),
            http: listener.local_addr().unwrap().to_string(),
            dev: "15".parse().unwrap(),
            key: String::new(),
            server_pid: None,
            json: false,
        }
    }

    /// Answers one handshake with `greeting` in the same write, then reads two
    /// commands and writes `answer`. Returns the request line.
    fn serve(
        listener: TcpListener,
        greeting: &'static str,
        answer: Vec<u8>,
    ) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let key = head
                .split("Sec-WebSocket-Key: ")
                .nth(1)
                .unwrap()
                .split("\r\n")
                .next()
                .unwrap();
            let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
            let mut bytes = format!(
                "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                websocket::base64(&digest)
            )
            .into_bytes();
            websocket::write_server_text(greeting.as_bytes(), &mut bytes);
            socket.write_all(&bytes).unwrap();
            // Two masked frames: subscription and pipe_count, each under 126 bytes.
            for _ in 0..2 {
                let mut header = [0; 6];
                if socket.read_exact(&mut header).is_err() {
                    break;
                }
                let mut text = vec![0; usize::from(header[1] & 0x7F)];
                socket.read_exact(&mut text).unwrap();
            }
            // The client may have given up already.
            let _ = socket.write_all(&answer);
            head.lines().next().unwrap_or_default().to_owned()
        })
    }

    fn answer_with(texts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts {
            websocket::write_server_text(text.as_bytes(), &mut bytes);
        }
        bytes
    }

    #[test]
    fn a_connection_opens_as_a_browser_does_and_keeps_what_came_with_the_last_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = target(&listener);
        let count = r#"{"data":{"user_in_pipe":1},"marker":"1","pipe":"_answer_pipe_count"}"#;
        let early = r#"{"data":"pipebench:…","pipe":"web_p"}"#;
        let server = serve(
            listener,
            GREETING,
            answer_with(&["{\"data\":1}", count, early]),
        );
        let clients = open_subscribed(&target, &["web_p".into()]).unwrap();
        let subscribers = into_subscribers(clients).unwrap();
        assert_eq!(subscribers[0].leftover, answer_with(&[early]));
        let request = server.join().unwrap();
        let (before, after) = request.split_once("uuid=").unwrap();
        assert_eq!(before, "GET /ws/sesion=&myid=&devid=15&v=4.08&");
        let (uuid, rest) = after.split_once('&').unwrap();
        assert_eq!((uuid.len(), rest), (32, "api=js HTTP/1.1"));
    }

    #[test]
    fn a_first_message_that_is_no_greeting_is_an_error_that_quotes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = target(&listener);
        let _server = serve(listener, "{\"data\":\"go away\"}", Vec::new());
        let error = open_subscribed(&target, &["web_p".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("go away"), "{error}");
    }

    #[test]
    fn a_refused_subscription_is_an_error_with_the_servers_words() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = target(&listener);
        let refusal = r#"{"data":{"error":"no such luck"},"event":"error","pipe":"sys"}"#;
        let _server = serve(listener, GREETING, answer_with(&[refusal]));
        let error = open_subscribed(&target, &["web_p".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no such luck"), "{error}");
    }
}
