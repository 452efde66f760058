//! A connection over plain HTTP, for networks that let no WebSocket through: what
//! the server says goes out as one long answer of server-sent events, what the
//! browser says comes in with POST requests. Inside it is a WebSocket connection
//! like every other, over a pair of local sockets: this file turns its frames into
//! events and requests into its frames, and knows nothing of what they mean. So
//! login, order, bounds and keep-alive are the same in both.
//!
//! The session's number is a secret between server and page: who knows it speaks
//! for the page.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream as LocalSocket;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use hyper::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use rand::Rng;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time;

use crate::arrival::Arrival;
use crate::http::{self, Answer};
use crate::request::{BrowserHeaders, shown_origin};
use crate::server::Gateway;
use crate::shard::Item;
use crate::socket::Socket;

mod frames;

/// Requests that may wait for one connection; more have to wait outside.
const WAITING_REQUESTS: usize = 1;
/// Read from a connection at once, in bytes.
const PIECE: usize = 16 * 1024;
/// Proxies and old browsers hold back the first bytes of an answer.
const PADDING: usize = 2048;
/// Texts of one request.
const MOST_TEXTS: usize = 1000;

/// The open connections over plain HTTP.
#[derive(Default)]
pub(crate) struct Streams {
    open: Mutex<HashMap<String, Session>>,
}

struct Session {
    commands: mpsc::Sender<Vec<String>>,
    /// The number of the last request that was taken.
    last: u64,
}

impl Streams {
    /// Opens one: the socket for the shard, and the answer to the browser.
    ///
    /// # Errors
    /// The system gives no sockets.
    pub(crate) fn open(self: &Arc<Self>) -> io::Result<(LocalSocket, EventStream)> {
        let (inner, outer) = LocalSocket::pair()?;
        inner.set_nonblocking(true)?;
        outer.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(outer)?.into_split();
        let (commands, said) = mpsc::channel(WAITING_REQUESTS);
        tokio::spawn(speak(writer, said));
        let id = format!("{:032x}", rand::rng().random::<u128>());
        let session = Session { commands, last: 0 };
        self.open.lock().insert(id.clone(), session);
        let events = EventStream {
            reader,
            received: BytesMut::new(),
            greeting: Some(greeting(&id)),
            ended: false,
            _open: Open {
                streams: Arc::clone(self),
                id,
            },
        };
        Ok((inner, events))
    }

    /// Whether there is such a session.
    pub(crate) fn is_open(&self, id: &str) -> bool {
        self.open.lock().contains_key(id)
    }

    /// How many are open.
    pub(crate) fn count(&self) -> u64 {
        self.open.lock().len() as u64
    }

    /// Hands the texts of request `number` of a session to its connection. A
    /// request that comes again, because its answer was lost, has no effect.
    pub(crate) async fn say(
        self: &Arc<Self>,
        id: &str,
        number: u64,
        texts: Vec<String>,
        patience: Duration,
    ) -> Result<(), Unsaid> {
        let commands = {
            let mut open = self.open.lock();
            let session = open.get_mut(id).ok_or(Unsaid::NoSession)?;
            if number <= session.last {
                return Ok(());
            }
            if number != session.last + 1 {
                return Err(Unsaid::OutOfOrder);
            }
            session.last = number;
            session.commands.clone()
        };
        let (streams, id) = (Arc::clone(self), id.to_owned());
        // On its own: the number counts as said, even if this request is cut off.
        let said = tokio::spawn(async move {
            match time::timeout(patience, commands.send(texts)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(Unsaid::NoSession),
                Err(_) => {
                    // What it said is lost: it must not go on as if it were not.
                    streams.open.lock().remove(&id);
                    Err(Unsaid::Busy)
                }
            }
        });
        said.await.unwrap_or(Err(Unsaid::Busy))
    }
}

impl Gateway {
    /// Opens a connection over plain HTTP. Besides its answer comes what tells when
    /// its own end has gone: the permit is free then.
    pub(crate) fn stream(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        parameters: String,
    ) -> io::Result<(Answer, Arc<Semaphore>)> {
        let (socket, events) = self.streams.open()?;
        let present = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&present).try_acquire_owned().ok();
        let (id, shard) = self.hall.next_connection();
        if let Some(shard) = self.shards().get(shard) {
            shard.give(Item::Open(Box::new(Arrival {
                id,
                socket: Socket::Local(socket),
                early: Vec::new(),
                parameters,
                headers: browser_headers(headers),
                address,
                permit,
                answer: None,
                watched: false,
                readable: true,
            })));
        }
        Ok((http::events(events), present))
    }
}

/// What a browser tells about itself. It names no origin where page and server have
/// the same; it says so then, or names the page.
pub(crate) fn browser_headers(headers: &HeaderMap) -> BrowserHeaders {
    let mut read = BrowserHeaders::read(headers);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if read.origin.is_empty() {
        let same = text("sec-fetch-site") == Some("same-origin");
        let origin = match (same, text("host"), text("referer")) {
            (true, Some(host), _) => host,
            (_, _, Some(page)) => origin_of(page),
            _ => "",
        };
        read.origin = shown_origin(origin);
    }
    read
}

fn origin_of(page: &str) -> &str {
    let begin = page.find("://").map_or(0, |place| place + 3);
    let path = page.get(begin..).and_then(|rest| rest.find('/'));
    path.and_then(|path| page.get(..begin + path))
        .unwrap_or(page)
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// There is no such connection, or no more.
    NoSession,
    /// A request before this one has not come.
    OutOfOrder,
    /// The connection has too much to do; it is ended.
    Busy,
}

impl Unsaid {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NoSession => StatusCode::NOT_FOUND,
            Self::OutOfOrder => StatusCode::CONFLICT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What one request says: a list of texts, as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {MOST_TEXTS} texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    // A list of nothing would take many times its bytes.
                    if texts.len() == MOST_TEXTS {
                        return Err(A::Error::invalid_length(texts.len() + 1, &self));
                    }
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// Writes what the browser says as the frames of a client; ends with the session.
async fn speak(mut writer: OwnedWriteHalf, mut said: mpsc::Receiver<Vec<String>>) {
    while let Some(texts) = said.recv().await {
        let mut written = BytesMut::new();
        for text in &texts {
            frames::text(&mut written, text);
        }
        if texts.is_empty() {
            // Nothing to say but that it lives.
            frames::pong(&mut written);
        }
        if writer.write_all(&written).await.is_err() {
            return;
        }
    }
}

/// The body of the long answer.
pub(crate) struct EventStream {
    reader: OwnedReadHalf,
    /// Frames, the last maybe incomplete.
    received: BytesMut,
    greeting: Option<Bytes>,
    ended: bool,
    _open: Open,
}

/// A session; forgotten with its answer.
struct Open {
    streams: Arc<Streams>,
    id: String,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.streams.open.lock().remove(&self.id);
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Ok(Frame::data(greeting))));
        }
        while !self.ended {
            let events = self.events();
            if !events.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(events))));
            }
            let mut piece = [0; PIECE];
            let mut buffer = ReadBuf::new(&mut piece);
            let read = ready!(Pin::new(&mut self.reader).poll_read(context, &mut buffer));
            match (read, buffer.filled()) {
                (Ok(()), bytes) if !bytes.is_empty() => self.received.extend_from_slice(bytes),
                _ => self.ended = true,
            }
        }
        Poll::Ready(None)
    }
}

impl EventStream {
    /// The events of all frames that are whole.
    fn events(&mut self) -> Bytes {
        let mut events = BytesMut::new();
        while let Some((opcode, payload)) = frames::take(&mut self.received) {
            match opcode {
                frames::TEXT => text_event(&mut events, &payload),
                frames::PING => events.extend_from_slice(b"event: ping\ndata:\n\n"),
                frames::CLOSE => self.ended = true,
                _ => {}
            }
        }
        events.freeze()
    }
}

/// Every line of a message is a line of data; there are no line feeds inside JSON.
fn text_event(events: &mut BytesMut, payload: &[u8]) {
    for line in payload.split(|byte| *byte == b'\n') {
        events.extend_from_slice(b"data: ");
        events.extend_from_slice(line);
        events.extend_from_slice(b"\n");
    }
    events.extend_from_slice(b"\n");
}

fn greeting(id: &str) -> Bytes {
    let mut text = String::with_capacity(PADDING + 64);
    let _ = write!(text, ":{:PADDING$}\nevent: session\ndata: {id}\n\n", "");
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use http_body_util::BodyExt;

    use super::*;
    use crate::frame as server_frame;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn next(events: &mut EventStream) -> Option<String> {
        let frame = events.frame().await?;
        let bytes = frame.ok()?.into_data().ok()?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    async fn opened() -> (Arc<Streams>, LocalSocket, EventStream, String) {
        let streams = Arc::<Streams>::default();
        let (inner, mut events) = streams.open().unwrap();
        inner.set_nonblocking(false).unwrap();
        let greeting = next(&mut events).await.unwrap();
        assert!(greeting.starts_with(':') && greeting.len() > PADDING);
        let (_, id) = greeting.split_once("event: session\ndata: ").unwrap();
        (streams, inner, events, id.trim_end().to_owned())
    }

    #[test]
    fn a_page_of_the_same_origin_is_known_by_other_headers() {
        let origin = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                let name = hyper::header::HeaderName::from_static(name);
                (name, hyper::header::HeaderValue::from_static(value))
            });
            browser_headers(&headers.collect()).origin
        };
        let host = ("host", "comet.example:8087");
        assert_eq!(origin(&[host]), "");
        assert_eq!(origin(&[host, ("sec-fetch-site", "cross-site")]), "");
        assert_eq!(
            origin(&[host, ("sec-fetch-site", "same-origin")]),
            "comet.example:8087"
        );
        assert_eq!(
            origin(&[host, ("referer", "https://shop.example/cart?x=1")]),
            "https://shop.example"
        );
        assert_eq!(
            origin(&[
                host,
                ("origin", "https://evil.example"),
                ("referer", "https://shop.example/")
            ]),
            "https://evil.example"
        );
    }

    #[test]
    fn a_request_is_a_list_of_texts_and_not_endless() {
        let read = |json: &str| serde_json::from_str::<Texts>(json).ok();
        let texts =
            |list: &[&str]| Some(Texts(list.iter().map(|text| (*text).to_owned()).collect()));
        assert_eq!(read("[]"), texts(&[]));
        assert_eq!(read(r#"["a\nb", "\u0027"]"#), texts(&["a\nb", "'"]));
        for json in ["", "{}", "[1]", r#""a""#, r#"["a""#, r#"["a"] x"#] {
            assert_eq!(read(json), None, "{json}");
        }
        let many = |count: usize| format!("[{}]", vec!["\"\""; count].join(","));
        assert!(read(&many(MOST_TEXTS)).is_some());
        assert!(read(&many(MOST_TEXTS + 1)).is_none());
    }

    #[tokio::test]
    async fn frames_become_events() {
        let (_streams, mut inner, mut events, _) = opened().await;
        let mut sent = server_frame::text("{\"a\":1}\n{\"b\":2}").to_vec();
        sent.extend_from_slice(&server_frame::ping());
        inner.write_all(&sent).unwrap();
        assert_eq!(
            next(&mut events).await.unwrap(),
            "data: {\"a\":1}\ndata: {\"b\":2}\n\nevent: ping\ndata:\n\n"
        );
        let mut last = server_frame::text("{}").to_vec();
        last.extend_from_slice(&server_frame::close(1008, "enough"));
        inner.write_all(&last).unwrap();
        assert_eq!(next(&mut events).await.unwrap(), "data: {}\n\n");
        assert_eq!(next(&mut events).await, None);
    }

    #[tokio::test]
    async fn requests_become_frames_once_and_in_order() {
        let (streams, mut inner, _events, id) = opened().await;
        let say = |number, texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            streams.say(&id, number, texts, PATIENCE)
        };
        assert_eq!(say(1, &["one", "two"]).await, Ok(()));
        assert_eq!(say(1, &["one", "two"]).await, Ok(()));
        assert_eq!(say(3, &["three"]).await, Err(Unsaid::OutOfOrder));
        assert_eq!(say(2, &[]).await, Ok(()));
        let expected = b"\x81\x83\0\0\0\0one\x81\x83\0\0\0\0two\x8a\x80\0\0\0\0";
        let mut heard = vec![0; expected.len()];
        let reading = tokio::task::spawn_blocking(move || {
            inner.read_exact(&mut heard).unwrap();
            heard
        });
        assert_eq!(reading.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_session_ends_with_its_answer() {
        let (streams, mut inner, events, id) = opened().await;
        assert_eq!(streams.count(), 1);
        drop(events);
        assert_eq!(streams.count(), 0);
        let said = streams.say(&id, 1, Vec::new(), PATIENCE).await;
        assert_eq!(said, Err(Unsaid::NoSession));
        let reading = tokio::task::spawn_blocking(move || inner.read(&mut [0; 8]).unwrap());
        assert_eq!(reading.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_request_that_is_cut_off_was_said_all_the_same() {
        let (streams, mut inner, _events, id) = opened().await;
        let large = "x".repeat(4 * 1024 * 1024);
        // One is being written, one waits, and the third has no room.
        for number in 1..=3 {
            let said = streams.say(&id, number, vec![large.clone()], PATIENCE);
            let _ = time::timeout(Duration::from_millis(50), said).await;
        }
        assert_eq!(streams.say(&id, 3, Vec::new(), PATIENCE).await, Ok(()));
        let expected = 3 * (large.len() + 14);
        let reading = tokio::task::spawn_blocking(move || {
            let mut heard = vec![0; expected];
            inner.read_exact(&mut heard)
        });
        let heard = time::timeout(PATIENCE, reading).await;
        assert!(heard.unwrap().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_is_ended() {
        let (streams, _inner, _events, id) = opened().await;
        let large = || vec!["x".repeat(4 * 1024 * 1024)];
        let mut outcome = Ok(());
        for number in 1..=4 {
            outcome = streams
                .say(&id, number, large(), Duration::from_millis(50))
                .await;
            if outcome.is_err() {
                break;
            }
        }
        assert_eq!(outcome, Err(Unsaid::Busy));
        assert_eq!(streams.count(), 0);
    }
}
