//! What fuzz targets must see of private modules. Not part of the product: behind
//! the feature `fuzzing`, which nothing but `fuzz/` turns on.

use std::net::IpAddr;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::command::Command;
use crate::head::Handshake;
use crate::json::push_string;
use crate::payload::data_text;
use crate::proxies::{ForwardingHeader, TrustedProxies};
use crate::request::{ConnectionRequest, parameters_of};

/// Asserts that a command is one or an error a browser can be told, and that what a
/// payload becomes in an answer is JSON that reads as it was.
pub fn a_command_is_read_or_refused(text: &str) {
    match Command::parse(text) {
        Ok(Command::Publish { payload, .. }) => {
            assert!(!payload.starts_with("A::"), "{payload:?}");
            let mut json = String::new();
            let data = data_text(payload);
            push_string(&mut json, &data);
            let read: String = serde_json::from_str(&json).unwrap_or_default();
            assert_eq!(read, data);
        }
        Ok(_) => {}
        Err(error) => assert!(
            !error.text.is_empty() && error.text.len() < 500,
            "{error:?}"
        ),
    }
}

/// Asserts that a handshake read without the HTTP library has one answer, whatever
/// its header fields say.
pub fn a_handshake_has_one_answer(bytes: &[u8]) {
    if let Some(handshake) = Handshake::read(bytes, bytes.len()) {
        assert!(handshake.length <= bytes.len());
        let answer = handshake.answer.as_ref();
        assert!(answer.starts_with(b"HTTP/1.1 101 "));
        let ends = answer.windows(4).filter(|end| end == b"\r\n\r\n");
        assert_eq!(ends.count(), 1);
    }
}

/// Asserts that the address of a WebSocket is read or refused, whatever is in it.
pub fn an_address_is_read_or_refused(address: &str) {
    let Some(parameters) = parameters_of(address) else {
        return;
    };
    if let (_, Ok(request)) = ConnectionRequest::parse(parameters) {
        let claim = request.claim();
        assert!(claim.is_none_or(|(_, key)| !key.is_empty()));
    }
}

/// Asserts that a browser behind a proxy has an address, whatever its headers say, and
/// that headers of somebody else are not believed.
pub fn a_forwarded_address_is_one(value: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(value) else {
        return;
    };
    let proxy = IpAddr::from([127, 0, 0, 1]);
    let stranger = IpAddr::from([192, 0, 2, 7]);
    for (name, header) in [
        ("x-forwarded-for", ForwardingHeader::XForwardedFor),
        ("forwarded", ForwardingHeader::Forwarded),
    ] {
        let trusted = TrustedProxies {
            networks: vec![proxy.into()],
            header,
            proxy_protocol: false,
        };
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.clone())]);
        let _ = trusted.browser_address(proxy, &headers);
        assert_eq!(trusted.browser_address(stranger, &headers), stranger);
    }
}
