//! The WebSocket handshake, from the request's head to the answer's (RFC 6455
//! §4.2). Whose request it is, is looked at afterwards.

use bytes::{BufMut, Bytes, BytesMut};
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{HeaderMap, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Whether a request wants to go on as a WebSocket.
pub fn is_asked_for(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("websocket"))
}

/// Why a handshake is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has no `Sec-WebSocket-Key`.
    NoKey,
    /// It is for another version of the protocol than 13.
    OtherVersion,
}

/// The bytes of an answer, where no HTTP library writes it.
pub(crate) fn encode(accepted: &Response<()>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(256);
    bytes.put_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    for (name, value) in accepted.headers() {
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    bytes.put_slice(b"\r\n");
    bytes.freeze()
}

/// The answer after which the connection speaks WebSocket.
///
/// # Errors
/// [`Refusal`]; how it is told is the caller's.
pub fn accept(headers: &HeaderMap) -> Result<Response<()>, Refusal> {
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refusal::NoKey)?;
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    if version.is_some_and(|version| version != "13") {
        return Err(Refusal::OtherVersion);
    }
    let mut accepted = Response::new(());
    *accepted.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = accepted.headers_mut();
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        fields.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    // A browser that offers subprotocols fails unless one of them is chosen.
    let offered = headers
        .get(SEC_WEBSOCKET_PROTOCOL)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .map(str::trim)
        .filter(|first| !first.is_empty())
        .and_then(|first| HeaderValue::from_str(first).ok());
    if let Some(protocol) = offered {
        fields.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(accepted)
}
