//! Who is at the door: the connection URL (compatibility reference §1.1) and the
//! headers a browser tells about itself. The parameters stand in the path and the
//! first is spelled `sesion`; they are read by name, in any order, after a `?` too.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::{ACCEPT_LANGUAGE, HeaderName, ORIGIN, USER_AGENT};
use pipes::name::{DevId, UserId, Uuid};
use thiserror::Error;

use crate::event::Generation;

/// How our own client announces itself in `api=`.
const OWN_CLIENT: &str = "cometwire";
/// Longest key or token, in bytes (compatibility reference §1.1).
const MAX_PRESENTED_KEY: usize = 599;
/// Longest `api` and longest `v` that are shown, in characters.
const MAX_ANNOUNCED: usize = 16;

/// What the URL of a connection says.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionRequest {
    /// The key or token, if there is one. Never log it.
    key: Option<String>,
    user: Option<UserId>,
    /// The tenant it names; 0 when it is not a number or out of range.
    pub(crate) dev_id: DevId,
    /// Its own random name.
    pub(crate) uuid: Uuid,
    /// Its program as it announces itself: `api`, a slash, `v`.
    pub(crate) client_name: String,
}

/// What the other end is, which is known even when its request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// How the connection ends.
    pub(crate) client: Client,
    /// The envelope it understands.
    pub(crate) generation: Generation,
}

/// Which client is at the other end: decides how a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// `api=js`: an original client, for which a Close frame means "never come
    /// back". The connection is dropped without one (compatibility reference §1.6).
    Original,
    /// Anything else ends by RFC 6455.
    Modern,
}

/// Why a handshake fails: told to the client after the upgrade, then the
/// connection is dropped (compatibility reference §1.2).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RequestError {
    #[error("the address names no sesion= or no myid=")]
    NoCredentials,
    #[error("the key is longer than {MAX_PRESENTED_KEY} characters")]
    KeyTooLong,
    #[error("the address names no devid=")]
    NoDevId,
    #[error("dev_id {0} does not exist on this server")]
    UnknownDevId(DevId),
    #[error("the address has no v= of the form 4.08")]
    BadVersion,
    #[error("pages of this origin may not connect")]
    ForbiddenOrigin,
    #[error("connections of this address: the limit of {0} is reached")]
    TooManyOfAddress(usize),
}

impl RequestError {
    /// The error's number in the protocol.
    pub(crate) const fn code(&self) -> u16 {
        match self {
            Self::NoCredentials | Self::KeyTooLong => 401,
            Self::NoDevId | Self::UnknownDevId(_) => 406,
            Self::BadVersion => 418,
            Self::ForbiddenOrigin => 423,
            Self::TooManyOfAddress(_) => 429,
        }
    }
}

impl ConnectionRequest {
    /// Reads the parameters of a URL's path and query, everything after the
    /// prefix of [`parameters_of`].
    ///
    /// # Errors
    /// [`RequestError`], to be told in the client's own dialect.
    pub(crate) fn parse(parameters: &str) -> (Dialect, Result<Self, RequestError>) {
        let mut key = None;
        let mut user = None;
        let mut dev_id = None;
        let mut version = None;
        let mut uuid = Uuid::lenient("");
        let mut client = Client::Modern;
        let mut own = false;
        let (mut api, mut announced) = (String::new(), String::new());
        for pair in parameters.split(['&', '?']) {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let value = percent_decode(value);
            match name.trim_start_matches('/') {
                "sesion" => key = Some(value),
                "myid" => user = Some(value),
                "devid" => dev_id = Some(value),
                "v" => {
                    version = parse_version(&value);
                    announced = shown(&value);
                }
                "uuid" => uuid = Uuid::lenient(&value),
                "api" => {
                    if value == "js" {
                        client = Client::Original;
                    }
                    own = value == OWN_CLIENT;
                    api = shown(&value);
                }
                _ => {}
            }
        }
        // Every client understands the oldest envelope.
        let generation = match version {
            Some(4..) if own => Generation::Own,
            Some(4..) => Generation::V4,
            _ => Generation::V3,
        };
        let parsed = match (key, user, dev_id, version) {
            (None, ..) | (_, None, ..) => Err(RequestError::NoCredentials),
            (Some(key), ..) if key.len() > MAX_PRESENTED_KEY => Err(RequestError::KeyTooLong),
            (_, _, None, _) => Err(RequestError::NoDevId),
            (.., None) => Err(RequestError::BadVersion),
            (Some(key), Some(user), Some(dev_id), Some(_)) => Ok(Self {
                key: Some(key.into_owned()).filter(|key| !key.is_empty()),
                user: parse_digits(&user).and_then(|number| UserId::new(number).ok()),
                dev_id: parse_digits(&dev_id)
                    .and_then(|number| u32::try_from(number).ok())
                    .and_then(|number| DevId::new(number).ok())
                    .unwrap_or(DevId::ROOT),
                uuid,
                client_name: format!("{api}/{announced}"),
            }),
        };
        (Dialect { client, generation }, parsed)
    }

    /// The user it claims to be and what it presents for it, if it claims at all.
    pub(crate) fn claim(&self) -> Option<(UserId, String)> {
        Some((self.user?, self.key.clone()?))
    }
}

/// The parameters of a WebSocket path, or `None` if it is no such path.
pub(crate) fn parameters_of(path_and_query: &str) -> Option<&str> {
    let path = path_and_query.strip_prefix('/')?;
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_prefix("comet-server/").unwrap_or(path);
    let rest = path.strip_prefix("ws")?;
    match rest.as_bytes().first() {
        None | Some(b'/' | b'?') => Some(rest),
        Some(_) => None,
    }
}

/// The major version of `N.N`.
fn parse_version(text: &str) -> Option<u32> {
    let (major, minor) = text.split_once('.')?;
    if minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u32::try_from(parse_digits(major)?).ok()
}

/// What a client announces, fit to be shown.
fn shown(text: &str) -> String {
    let plain = text.chars().filter(|letter| letter.is_ascii_graphic());
    plain.take(MAX_ANNOUNCED).collect()
}

fn parse_digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// What the headers tell, each cut to its length in `users_in_pipes`.
#[derive(Debug, Clone)]
pub(crate) struct BrowserHeaders {
    pub(crate) user_agent: String,
    pub(crate) origin: String,
    pub(crate) language: String,
}

impl BrowserHeaders {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        Self {
            user_agent: cut(headers, &USER_AGENT, 250),
            origin: headers.get(ORIGIN).map_or_else(String::new, |origin| {
                shown_origin(&String::from_utf8_lossy(origin.as_bytes()))
            }),
            language: cut(headers, &ACCEPT_LANGUAGE, 64),
        }
    }

    /// Whether pages of this origin may connect. `allowed` has exact hosts and
    /// `*.host`; empty allows any.
    pub(crate) fn may_connect(&self, allowed: &[String]) -> bool {
        if allowed.is_empty() || allowed.iter().any(|entry| entry == "*") {
            return true;
        }
        let origin = self.origin.as_str();
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        !host.is_empty()
            && allowed.iter().any(|entry| match entry.strip_prefix("*.") {
                Some(domain) => host
                    .to_ascii_lowercase()
                    .strip_suffix(&domain.to_ascii_lowercase())
                    .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
                None => {
                    entry.eq_ignore_ascii_case(host)
                        || entry.eq_ignore_ascii_case(authority)
                        || entry.eq_ignore_ascii_case(origin)
                }
            })
    }
}

/// An origin as it is shown and compared. One that is cut ends with a mark that no host
/// has: a page at `a.shop.example.evil` must not pass for one at `a.shop.example`.
pub(crate) fn shown_origin(origin: &str) -> String {
    const LIMIT: usize = 250;
    const MARK: &str = "…";
    if origin.len() <= LIMIT {
        return origin.to_owned();
    }
    format!("{}{MARK}", cut_text(origin, LIMIT - MARK.len()))
}

fn cut(headers: &HeaderMap, name: &HeaderName, limit: usize) -> String {
    let Some(value) = headers.get(name) else {
        return String::new();
    };
    cut_text(&String::from_utf8_lossy(value.as_bytes()), limit).to_owned()
}

fn cut_text(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dialect(path: &str) -> Dialect {
        ConnectionRequest::parse(parameters_of(path).expect("a WebSocket path")).0
    }

    fn parse(path: &str) -> Result<ConnectionRequest, RequestError> {
        ConnectionRequest::parse(parameters_of(path).expect("a WebSocket path")).1
    }

    #[test]
    fn every_form_of_the_address_is_understood() {
        let tail = "sesion=k3y&myid=42&devid=15&v=4.08&uuid=abc&api=js";
        for prefix in [
            "/ws/",
            "//ws/",
            "/comet-server/ws/",
            "//comet-server/ws/",
            "/ws?",
            "/ws/?",
        ] {
            let path = format!("{prefix}{tail}");
            let request = parse(&path).unwrap();
            assert_eq!(
                request.claim(),
                UserId::new(42).ok().map(|user| (user, "k3y".to_owned()))
            );
            assert_eq!(request.dev_id.number(), 15);
            assert_eq!(request.uuid.as_str(), "abc");
            assert_eq!(dialect(&path).client, Client::Original);
        }
        assert!(parameters_of("/wsx/").is_none());
        assert!(parameters_of("/info").is_none());
    }

    #[test]
    fn parameters_may_come_in_any_order_and_percent_encoded() {
        let path = "/ws/v=3.25&uuid=u&devid=1&myid=7&sesion=a%2Bb%3D";
        let request = parse(path).unwrap();
        assert_eq!(
            request.claim().map(|claim| claim.1),
            Some("a+b=".to_owned())
        );
        assert_eq!(dialect(path).generation, Generation::V3);
        assert_eq!(dialect(path).client, Client::Modern);
    }

    #[test]
    fn words_of_unset_variables_mean_anonymous() {
        for (key, user) in [
            ("undefined", "undefined"),
            ("null", "null"),
            ("", ""),
            ("k", "-5"),
        ] {
            let path = format!("/ws/sesion={key}&myid={user}&devid=0&v=4.08");
            assert_eq!(parse(&path).unwrap().claim(), None);
        }
    }

    #[test]
    fn what_is_missing_has_its_number() {
        let code = |path: &str| parse(path).unwrap_err().code();
        assert_eq!(code("/ws/"), 401);
        assert_eq!(code("/ws/sesion=a"), 401);
        assert_eq!(code("/ws/sesion=a&myid=1"), 406);
        assert_eq!(code("/ws/sesion=a&myid=1&devid=0"), 418);
        assert_eq!(code("/ws/sesion=a&myid=1&devid=0&v=4"), 418);
        let long = "k".repeat(600);
        assert_eq!(
            code(&format!("/ws/sesion={long}&myid=1&devid=0&v=4.08")),
            401
        );
    }

    #[test]
    fn origins_are_compared_by_host() {
        let page = |origin: &str| BrowserHeaders {
            user_agent: String::new(),
            origin: origin.to_owned(),
            language: String::new(),
        };
        let allowed = ["shop.example".to_owned(), "*.club.example".to_owned()];
        assert!(page("https://shop.example").may_connect(&allowed));
        assert!(page("http://SHOP.example:8080").may_connect(&allowed));
        assert!(page("https://a.b.club.example").may_connect(&allowed));
        for refused in [
            "https://club.example",
            "https://evilclub.example",
            "null",
            "",
            "https://shop.example.evil",
            "https://.club.example",
        ] {
            assert!(!page(refused).may_connect(&allowed), "{refused}");
        }
        assert!(page("").may_connect(&[]));
    }

    /// The part of an origin that is kept could end where an allowed host ends.
    #[test]
    fn an_origin_too_long_to_be_kept_is_not_the_host_it_is_cut_to() {
        let allowed = ["*.club.example".to_owned()];
        for length in 200..300 {
            let start = format!("https://{}.club.example", "a".repeat(length));
            for (origin, is_allowed) in [
                (start.clone(), start.len() <= 250),
                (format!("{start}.evil"), false),
                (format!("{start}:80.evil"), false),
            ] {
                let headers = HeaderMap::from_iter([(ORIGIN, origin.parse().unwrap())]);
                let read = BrowserHeaders::read(&headers);
                assert!(read.origin.len() <= 250, "{origin}");
                assert_eq!(read.may_connect(&allowed), is_allowed, "{origin}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_address_is_read_without_panic(path in "\\PC*", query in "[a-z=&?%0-9]*") {
            if let Some(parameters) = parameters_of(&path) {
                let _ = ConnectionRequest::parse(parameters);
            }
            let _ = ConnectionRequest::parse(&query);
        }
    }
}
