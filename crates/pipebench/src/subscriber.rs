//! Opening subscribers in numbers: connect, handshake, and what each door's dialogue says, which
//! ends in proof that the subscription took effect. Afterwards the sockets belong to the receiver.
//!
//! Sockets block here. Each step is first done for a whole group of connections and then its
//! answers are read, so that a group waits once per step, not once per connection.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};

use rand::Rng;
use socket2::{Domain, Socket, Type};

use crate::doors::{Dialogue, Door};
use crate::error::Error;
use crate::link::Link;
use crate::options::ANSWER_LIMIT;
use crate::websocket::{self, Kind, Opening};

/// Connections opened at the same time.
pub(crate) const GROUP: usize = 64;

/// Messages of others skipped while waiting for an answer.
const SKIPPED_LIMIT: usize = 100_000;

/// The longest bare answer waited for, in bytes.
const ANSWER_LENGTH_LIMIT: usize = 64 * 1024;

/// Loopback addresses that connections come from.
const SOURCES: u8 = 64;

/// A connection that is subscribed and ready to be received from.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) link: Link,
    /// Bytes read after the last whole message.
    pub(crate) leftover: Vec<u8>,
    /// Its publisher number if it publishes too, through its own connection.
    pub(crate) own: Option<u16>,
}

/// One subscriber's connection, blocking.
#[derive(Debug)]
pub(crate) struct Client {
    link: Link,
    inbox: Vec<u8>,
    /// The handshake, where there is one.
    opening: Option<Opening>,
}

/// Opens one connection per entry of `pipes`, each subscribed to its pipe.
pub(crate) fn open_subscribed(door: &dyn Door, pipes: &[String]) -> Result<Vec<Client>, Error> {
    let mut subscribed = Vec::with_capacity(pipes.len());
    for pipes in pipes.chunks(GROUP) {
        let dialogues = pipes.iter().map(|pipe| door.dialogue(Some(pipe)));
        subscribed.append(&mut open_group(door.browsers(), dialogues)?);
    }
    Ok(subscribed)
}

/// Opens `count` connections that subscribe to nothing.
pub(crate) fn open_idle(door: &dyn Door, count: usize) -> Result<Vec<Client>, Error> {
    let dialogues = (0..count).map(|_| door.dialogue(None));
    open_group(door.browsers(), dialogues)
}

/// Opens the subscribers of a run and waits until the server knows them all.
pub(crate) fn subscribers(door: &dyn Door, pipes: &[String]) -> Result<Vec<Subscriber>, Error> {
    let clients = open_subscribed(door, pipes)?;
    door.settle(pipes)?;
    clients.into_iter().map(Client::into_subscriber).collect()
}

/// Opens a group of connections side by side.
fn open_group(
    address: SocketAddr,
    dialogues: impl Iterator<Item = Dialogue>,
) -> Result<Vec<Client>, Error> {
    let mut group = Vec::new();
    for dialogue in dialogues {
        group.push((Client::connect(address, &dialogue)?, dialogue));
    }
    for (client, _) in &mut group {
        client.shake_hands()?;
    }
    let rounds = group.iter().map(|(_, dialogue)| dialogue.rounds.len());
    for round in 0..rounds.max().unwrap_or(0) {
        for (client, dialogue) in &mut group {
            if let Some(round) = dialogue
                .rounds
                .get(round)
                .filter(|round| !round.say.is_empty())
            {
                client.write(&round.say)?;
            }
        }
        for (client, dialogue) in &mut group {
            if let Some(round) = dialogue
                .rounds
                .get(round)
                .filter(|round| !round.hear.is_empty())
            {
                client.hear(&round.hear)?;
            }
        }
    }
    Ok(group.into_iter().map(|(client, _)| client).collect())
}

impl Client {
    /// Opens one connection, subscribed to `pipe` if one is given.
    pub(crate) fn open(door: &dyn Door, pipe: Option<&str>) -> Result<Self, Error> {
        let dialogues = std::iter::once(door.dialogue(pipe));
        let mut group = open_group(door.browsers(), dialogues)?;
        group
            .pop()
            .ok_or_else(|| Error::Usage("no connection was opened".into()))
    }

    /// Connects and writes the first thing of a dialogue, without waiting for an answer.
    pub(crate) fn start(address: SocketAddr, dialogue: &Dialogue) -> Result<Self, Error> {
        let client = Self::connect(address, dialogue)?;
        client
            .socket()
            .set_nonblocking(true)
            .map_err(|error| Error::connection("take a connection", error))?;
        Ok(client)
    }

    /// The socket, to wait for.
    pub(crate) fn socket(&self) -> &TcpStream {
        self.link.socket()
    }

    /// Reads what is there, once; the end of the connection is an error.
    pub(crate) fn read_once(&mut self) -> Result<(), Error> {
        read_more(
            &mut self.link,
            &mut self.inbox,
            "let a subscriber come back",
        )
    }

    /// The next message among what was read, after the handshake.
    pub(crate) fn next_whole_text(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(opening) = self.opening.take() {
            match opening.accept(&self.inbox)? {
                Some(head) => drop(self.inbox.drain(..head)),
                None => {
                    self.opening = Some(opening);
                    return Ok(None);
                }
            }
        }
        while let Some((frame, length)) = websocket::next_frame(&self.inbox)? {
            let text = (frame.kind == Kind::Data).then(|| frame.payload.to_vec());
            self.inbox.drain(..length);
            if text.is_some() {
                return Ok(text);
            }
        }
        Ok(None)
    }

    fn connect(address: SocketAddr, dialogue: &Dialogue) -> Result<Self, Error> {
        let connect = |source| Error::Connect {
            door: "WebSocket",
            address: address.to_string(),
            source,
        };
        let socket = connect_socket(address).map_err(connect)?;
        socket
            .set_read_timeout(Some(ANSWER_LIMIT))
            .map_err(connect)?;
        let link = match dialogue.tls {
            true => Link::secure(socket).map_err(connect)?,
            false => Link::plain(socket),
        };
        let mut client = Self {
            link,
            inbox: Vec::new(),
            opening: None,
        };
        if let Some(upgrade) = &dialogue.upgrade {
            let opening = Opening::new(rand::random());
            client.write(opening.request(&address.to_string(), upgrade).as_bytes())?;
            client.opening = Some(opening);
        }
        Ok(client)
    }

    /// Waits for the end of the handshake, if there is one.
    fn shake_hands(&mut self) -> Result<(), Error> {
        let Some(opening) = &self.opening else {
            return Ok(());
        };
        let head = loop {
            if let Some(length) = opening.accept(&self.inbox)? {
                break length;
            }
            read_more(
                &mut self.link,
                &mut self.inbox,
                "answer the WebSocket handshake",
            )?;
        };
        self.inbox.drain(..head);
        Ok(())
    }

    /// The next message that contains `marker`; an error message of the server instead is an error.
    pub(crate) fn hear(&mut self, marker: &[u8]) -> Result<Vec<u8>, Error> {
        if self.opening.is_none() {
            return self.hear_bare(marker);
        }
        for _ in 0..SKIPPED_LIMIT {
            let text = self.next_text()?;
            if memchr::memmem::find(&text, marker).is_some() {
                return Ok(text);
            }
            if is_error(&text) {
                return Err(Error::Refused {
                    what: "what was asked of it",
                    answer: quote(&text),
                });
            }
        }
        Err(Error::Timeout {
            what: "answer among its messages",
            seconds: ANSWER_LIMIT.as_secs(),
        })
    }

    /// The bytes up to and with `marker`, where no frames carry them.
    fn hear_bare(&mut self, marker: &[u8]) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.inbox, marker) {
                return Ok(self.inbox.drain(..at + marker.len()).collect());
            }
            if self.inbox.len() > ANSWER_LENGTH_LIMIT {
                return Err(unexpected(&self.inbox));
            }
            read_more(&mut self.link, &mut self.inbox, "answer a subscription")?;
        }
    }

    fn next_text(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            while let Some((frame, length)) = websocket::next_frame(&self.inbox)? {
                let text = (frame.kind == Kind::Data).then(|| frame.payload.to_vec());
                let closed = frame.kind == Kind::Close;
                self.inbox.drain(..length);
                if let Some(text) = text {
                    return Ok(text);
                }
                if closed {
                    return Err(Error::Refused {
                        what: "a subscriber",
                        answer: "it closed the connection".into(),
                    });
                }
            }
            read_more(
                &mut self.link,
                &mut self.inbox,
                "send the message that was waited for",
            )?;
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.link
            .write_all(bytes)
            .map_err(|error| Error::connection("read what was sent to it", error))
    }

    /// Hands the connection to a receiver.
    pub(crate) fn into_subscriber(self) -> Result<Subscriber, Error> {
        self.link
            .socket()
            .set_nonblocking(true)
            .map_err(|source| Error::Io {
                what: "making a socket non-blocking",
                source,
            })?;
        Ok(Subscriber {
            link: self.link,
            leftover: self.inbox,
            own: None,
        })
    }
}

/// A connection to `address`. On this machine it comes from one of many loopback addresses: the
/// kernel looks through the ports in use for a free one, which from a single address takes longer
/// than the connection once there are thousands, and in the end finds none.
pub(crate) fn connect_socket(address: SocketAddr) -> std::io::Result<TcpStream> {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Bounds connecting as well.
    socket.set_write_timeout(Some(ANSWER_LIMIT))?;
    if address.ip() == IpAddr::from([127, 0, 0, 1]) {
        let last = NEXT.fetch_add(1, Ordering::Relaxed) % SOURCES + 1;
        socket.bind(&SocketAddr::from(([127, 0, 1, last], 0)).into())?;
    }
    socket.connect(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

fn read_more(link: &mut Link, inbox: &mut Vec<u8>, what: &'static str) -> Result<(), Error> {
    let mut chunk = [0; 4096];
    let count = link
        .read(&mut chunk)
        .map_err(|error| Error::connection(what, error))?;
    if count == 0 {
        return Err(Error::Connection {
            what,
            source: std::io::ErrorKind::UnexpectedEof.into(),
        });
    }
    inbox.extend_from_slice(chunk.get(..count).unwrap_or_default());
    Ok(())
}

/// A pipe name of this run alone, so that runs at the same time do not mix.
pub(crate) fn run_pipe() -> String {
    let name: String = rand::rng()
        .sample_iter(rand::distr::Alphanumeric)
        .take(8)
        .map(char::from)
        .collect();
    format!("web_bench_{name}")
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

fn unexpected(text: &[u8]) -> Error {
    Error::Protocol {
        protocol: "answer to a subscription",
        detail: quote(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::CometDoor;
    use crate::options::Target;
    use sha1::{Digest, Sha1};
    use std::net::TcpListener;
    use std::thread;

    const GREETING: &str = r#"{"authorized":"false","data":"","event":"serverInfo","pipe":"sys"}"#;

    fn door(listener: &TcpListener) -> CometDoor {
        CometDoor::of(&Target {
            http: listener.local_addr().unwrap().to_string(),
            dev: "15".parse().unwrap(),
            ..Target::default()
        })
        .unwrap()
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
        let door = door(&listener);
        let count = r#"{"data":{"user_in_pipe":1},"marker":"1","pipe":"_answer_pipe_count"}"#;
        let early = r#"{"data":"pipebench:…","pipe":"web_p"}"#;
        let server = serve(
            listener,
            GREETING,
            answer_with(&["{\"data\":1}", count, early]),
        );
        let subscribers = subscribers(&door, &["web_p".into()]).unwrap();
        assert_eq!(subscribers[0].leftover, answer_with(&[early]));
        let request = server.join().unwrap();
        let (before, after) = request.split_once("uuid=").unwrap();
        assert_eq!(before, "GET /ws/sesion=&myid=&devid=15&v=4.08&");
        let (uuid, rest) = after.split_once('&').unwrap();
        assert_eq!((uuid.len(), rest), (32, "api=js HTTP/1.1"));
    }

    #[test]
    fn an_error_in_place_of_the_greeting_is_an_error_that_quotes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = door(&listener);
        let refusal = r#"{"data":{"error":"go away"},"event":"error","pipe":"sys"}"#;
        let _server = serve(listener, refusal, Vec::new());
        let error = subscribers(&door, &["web_p".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("go away"), "{error}");
    }

    #[test]
    fn a_refused_subscription_is_an_error_with_the_servers_words() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = door(&listener);
        let refusal = r#"{"data":{"error":"no such luck"},"event":"error","pipe":"sys"}"#;
        let _server = serve(listener, GREETING, answer_with(&[refusal]));
        let error = subscribers(&door, &["web_p".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no such luck"), "{error}");
    }
}
