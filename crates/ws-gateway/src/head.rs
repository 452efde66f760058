//! The head of a handshake, read at once from the first bytes of a plain connection:
//! most connections are nothing else, and after a restart there are many. What is
//! not plainly a handshake in one piece is left to the HTTP library, behind which
//! `http` answers the same.

use bytes::Bytes;
use httparse::{EMPTY_HEADER, Request, Status};
use hyper::HeaderMap;
use hyper::header::{ACCEPT, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::PathAndQuery;

use crate::handshake;
use crate::http;
use crate::request::parameters_of;

/// Most header fields that are read here.
const MOST_FIELDS: usize = 48;

/// A handshake that is to be accepted.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The answer.
    pub(crate) answer: Bytes,
    /// Everything after the path's prefix.
    pub(crate) parameters: String,
    pub(crate) headers: HeaderMap,
    /// Bytes of the head; what follows it is WebSocket already.
    pub(crate) length: usize,
}

impl Handshake {
    /// The handshake `bytes` begin with, its head at most `limit` bytes long;
    /// nothing if they are something else, or not all of it.
    pub(crate) fn read(bytes: &[u8], limit: usize) -> Option<Self> {
        let mut fields = [EMPTY_HEADER; MOST_FIELDS];
        let mut request = Request::new(&mut fields);
        let Ok(Status::Complete(length)) = request.parse(bytes) else {
            return None;
        };
        if length > limit || request.method != Some("GET") || request.version != Some(1) {
            return None;
        }
        let target = request.path.filter(|path| path.starts_with('/'))?;
        let target = PathAndQuery::try_from(target).ok()?;
        let parameters = parameters_of(target.as_str())?.to_owned();
        let mut headers = HeaderMap::with_capacity(request.headers.len());
        for field in request.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        if !is_nothing_else(&headers) {
            return None;
        }
        let accepted = handshake::accept(&headers).ok()?;
        Some(Self {
            answer: handshake::encode(&accepted),
            parameters,
            headers,
            length,
        })
    }
}

/// Whether a request has no body and asks for nothing but a WebSocket.
fn is_nothing_else(headers: &HeaderMap) -> bool {
    let library = [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT];
    handshake::is_asked_for(headers)
        && !library.iter().any(|name| headers.contains_key(name))
        && !http::takes(headers, &ACCEPT, "text/event-stream")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 16 * 1024;
    const HEAD: &str = "GET /ws/sesion=&myid=&devid=0&v=4.08 HTTP/1.1\r\nHost: x\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: test\r\n\r\n";

    #[test]
    fn a_handshake_is_answered_as_its_specification_shows() {
        let bytes = [HEAD.as_bytes(), b"\x81\x80"].concat();
        let read = Handshake::read(&bytes, LIMIT).unwrap();
        assert_eq!(read.length, HEAD.len());
        assert_eq!(read.parameters, "/sesion=&myid=&devid=0&v=4.08");
        assert_eq!(read.headers["user-agent"], "test");
        let answer = std::str::from_utf8(&read.answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
        // RFC 6455 §1.3.
        let accept = "\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert!(answer.contains(accept), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"));
    }

    #[test]
    fn everything_else_is_left_to_the_library() {
        for end in 0..HEAD.len() {
            assert!(Handshake::read(&HEAD.as_bytes()[..end], LIMIT).is_none());
        }
        assert!(Handshake::read(HEAD.as_bytes(), HEAD.len() - 1).is_none());
        for (from, to) in [
            ("GET", "POST"),
            ("HTTP/1.1", "HTTP/1.0"),
            ("/ws/", "/info/"),
            ("/ws/", "http://x/ws/"),
            ("/ws/", "*"),
            ("Upgrade: websocket", "Upgrade: h2c"),
            ("Version: 13", "Version: 8"),
            ("Sec-WebSocket-Key", "Sec-WebSocket-Lock"),
            ("Host: x", "Content-Length: 0"),
            ("Host: x", "Transfer-Encoding: chunked"),
            ("Host: x", "Expect: 100-continue"),
            ("Host: x", "Accept: text/event-stream"),
            ("Host: x", "Host x"),
            ("Host", "\x16\x03\x01"),
        ] {
            let other = HEAD.replacen(from, to, 1);
            assert!(
                Handshake::read(other.as_bytes(), LIMIT).is_none(),
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            place in 0..HEAD.len(),
        ) {
            let _ = Handshake::read(&bytes, LIMIT);
            let mut changed = HEAD.as_bytes().to_vec();
            changed.splice(place..place, bytes);
            if let Some(read) = Handshake::read(&changed, LIMIT) {
                prop_assert!(read.length <= changed.len());
                prop_assert_eq!(read.answer.windows(4).filter(|end| end == b"\r\n\r\n").count(), 1);
            }
        }
    }
}
