//! Plain HTTP on the browser port (compatibility reference §1.8): the client
//! script, `/info`, the examples, static files, the upgrade to WebSocket, and the
//! requests of connections that have none.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, SEC_WEBSOCKET_VERSION, SERVER, VARY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use tokio::time;

use crate::assets::{self, Asset};
use crate::event::PRODUCT;
use crate::handshake::{self, Refusal};
use crate::request::parameters_of;
use crate::server::Gateway;
use crate::stream::{self, EventStream, Texts, Unsaid};

/// An answer, whole or as long as its connection.
pub(crate) type Answer = Response<Either<Full<Bytes>, EventStream>>;

/// What to do with a request.
pub(crate) enum Reply {
    /// Send this.
    Answer(Answer),
    /// Send this, then the connection speaks WebSocket with these parameters.
    Upgrade(Answer, String),
    /// Open a connection with these parameters, and send what it says.
    Stream(String),
}

const HTML: &str = "text/html; charset=UTF-8";
const JSON: &str = "application/json";

/// Answers one request.
pub(crate) async fn reply(gateway: &Arc<Gateway>, request: &mut Request<Incoming>) -> Reply {
    if request.method() == Method::POST {
        return Reply::Answer(said(gateway, request).await);
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    if request.method() == Method::GET
        && takes(request.headers(), &ACCEPT, "text/event-stream")
        && let Some(parameters) = parameters_of(target)
    {
        return Reply::Stream(parameters.to_owned());
    }
    if request.method() == Method::GET && handshake::is_asked_for(request.headers()) {
        return match parameters_of(target) {
            Some(_) if request.version() < Version::HTTP_11 => {
                let text = page("A WebSocket handshake needs HTTP/1.1.");
                Reply::Answer(answer(StatusCode::BAD_REQUEST, HTML, text))
            }
            // What follows the head is frames: who counts it as a body means something else.
            Some(_) if !request.body().is_end_stream() => {
                let text = page("A WebSocket handshake has no body.");
                Reply::Answer(answer(StatusCode::BAD_REQUEST, HTML, text))
            }
            Some(parameters) => match handshake::accept(request.headers()) {
                Ok(accepted) => {
                    let answer = accepted.map(|()| Either::Left(Full::default()));
                    Reply::Upgrade(answer, parameters.to_owned())
                }
                Err(refusal) => Reply::Answer(refused(refusal)),
            },
            None => Reply::Answer(not_found()),
        };
    }
    Reply::Answer(match *request.method() {
        Method::OPTIONS => answer(StatusCode::OK, HTML, "+OK\r\n"),
        Method::GET | Method::HEAD => get(gateway, request.uri().path(), request.headers()).await,
        _ => not_found(),
    })
}

/// The answer to a request without TLS where it is required.
pub(crate) fn only_with_tls() -> Answer {
    let text = page("Only https: and wss: are spoken here.");
    answer(StatusCode::BAD_REQUEST, HTML, text)
}

/// What a page says over plain HTTP. Long polling of the oldest clients is
/// something else: they must be told there is none.
async fn said(gateway: &Arc<Gateway>, request: &mut Request<Incoming>) -> Answer {
    let target = request.uri().path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let Some((session, number)) = parameters_of(target).and_then(session_of) else {
        return not_found();
    };
    let headers = stream::browser_headers(request.headers());
    if !headers.may_connect(&gateway.config.allow_origins) {
        return answer(StatusCode::FORBIDDEN, HTML, Bytes::new());
    }
    // Nothing is read for a connection there is not.
    if !gateway.streams.is_open(&session) {
        return answer(Unsaid::NoSession.status(), HTML, Bytes::new());
    }
    let limits = &gateway.config.limits;
    // As JSON a text may be longer than it is.
    let body = Limited::new(request.body_mut(), limits.message_bytes.saturating_mul(2));
    let body = match time::timeout(limits.handshake_time, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return answer(StatusCode::PAYLOAD_TOO_LARGE, HTML, Bytes::new()),
        Err(_) => return answer(StatusCode::REQUEST_TIMEOUT, HTML, Bytes::new()),
    };
    let Ok(Texts(texts)) = serde_json::from_slice(&body) else {
        return answer(StatusCode::BAD_REQUEST, HTML, Bytes::new());
    };
    let patience = limits.handshake_time;
    let taken = gateway.streams.say(&session, number, texts, patience).await;
    let status = taken.map_or_else(Unsaid::status, |()| StatusCode::NO_CONTENT);
    let mut answer = answer(status, HTML, Bytes::new());
    let none = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, none);
    answer
}

/// The session and the number of a request, from its parameters.
fn session_of(parameters: &str) -> Option<(String, u64)> {
    let (session, number) = parameters.trim_start_matches('/').split_once('&')?;
    let session = session.strip_prefix("session=")?;
    let number = number.strip_prefix("request=")?;
    Some((session.to_owned(), number.parse().ok()?))
}

/// The beginning of the long answer.
pub(crate) fn events(events: EventStream) -> Answer {
    let (mut head, _) = answer(StatusCode::OK, "text/event-stream", Bytes::new()).into_parts();
    let mut set = |name: HeaderName, value| {
        head.headers.insert(name, HeaderValue::from_static(value));
    };
    set(CACHE_CONTROL, "no-store");
    set(CONNECTION, "close");
    // A proxy would wait until it has gathered enough.
    set(HeaderName::from_static("x-accel-buffering"), "no");
    Response::from_parts(head, Either::Right(events))
}

/// The server cannot do it now.
pub(crate) fn unavailable() -> Answer {
    answer(StatusCode::SERVICE_UNAVAILABLE, HTML, Bytes::new())
}

async fn get(gateway: &Arc<Gateway>, path: &str, headers: &HeaderMap) -> Answer {
    let path = without_prefix(path);
    match path {
        "/info" => {
            let mut answer = answer(StatusCode::OK, JSON, info(&gateway.config.node_name));
            answer.headers_mut().remove(CACHE_CONTROL);
            answer
        }
        "/" | "" => answer(StatusCode::OK, HTML, page("It works.")),
        "/favicon.ico" => answer(StatusCode::NO_CONTENT, HTML, Bytes::new()),
        _ => {
            if let Some(found) = assets::find(path) {
                return asset(found, takes(headers, &ACCEPT_ENCODING, "gzip"));
            }
            if let Some(directory) = &gateway.config.static_dir
                && let Some((content_type, body)) = gateway.files.read(directory, path).await
            {
                return answer(StatusCode::OK, content_type, body);
            }
            if assets::is_directory(path) {
                // Relative, so that a proxy's prefix stays.
                let name = path.rsplit('/').next().unwrap_or_default();
                return redirect(&format!("{name}/"));
            }
            not_found()
        }
    }
}

fn asset(found: &Asset, takes_gzip: bool) -> Answer {
    let gzip = found.gzip.as_ref().filter(|_| takes_gzip);
    let body = gzip.unwrap_or(&found.body).clone();
    let mut answer = answer(StatusCode::OK, found.content_type, body);
    let fields = answer.headers_mut();
    fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip.is_some() {
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// Whether a header of the kind of `Accept` names `wanted`.
pub(crate) fn takes(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut offers = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    offers.any(|offer| {
        let (offered, quality) = offer.split_once(';').unwrap_or((offer, ""));
        let refused = matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        offered.trim().eq_ignore_ascii_case(wanted) && !refused
    })
}

/// The path without what proxies put before it: a second slash, `/comet-server`.
fn without_prefix(path: &str) -> &str {
    let path = match path.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    };
    match path.strip_prefix("/comet-server") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The node's name, left-aligned in exactly ten characters.
fn info(node_name: &str) -> String {
    let name: String = node_name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-._".contains(c) {
                c
            } else {
                '_'
            }
        })
        .chain(std::iter::repeat('_'))
        .take(10)
        .collect();
    format!(r#"{{"status":"ok","node":"{name}"}}"#)
}

/// Why a handshake was none, told to whoever tried.
fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::NoKey => {
            let text = page("A WebSocket handshake needs a Sec-WebSocket-Key.");
            answer(StatusCode::BAD_REQUEST, HTML, text)
        }
        Refusal::OtherVersion => {
            let text = page("Only WebSocket version 13 is spoken here.");
            let mut refused = answer(StatusCode::UPGRADE_REQUIRED, HTML, text);
            let version = HeaderValue::from_static("13");
            refused.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
            refused
        }
    }
}

fn not_found() -> Answer {
    answer(StatusCode::NOT_FOUND, HTML, page("There is nothing here."))
}

fn redirect(to: &str) -> Answer {
    let mut answer = answer(StatusCode::MOVED_PERMANENTLY, HTML, page("Moved."));
    if let Ok(location) = HeaderValue::from_str(to) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

fn page(sentence: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<title>{PRODUCT}</title>\n<h1>{PRODUCT}</h1>\n<p>{sentence}</p>\n\
         <p><a href=\"/examples/\">Examples</a></p>\n"
    )
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        fields.insert(name, HeaderValue::from_static(value));
    };
    set(CONTENT_TYPE.as_str(), content_type);
    set(SERVER.as_str(), PRODUCT);
    set("comet-server", PRODUCT);
    set(CACHE_CONTROL.as_str(), "max-age=3600");
    set("access-control-allow-origin", "*");
    set("access-control-allow-methods", "POST, GET");
    set("allow", "POST, GET");
    set(
        "access-control-allow-headers",
        "origin, content-type, accept",
    );
    set("x-content-type-options", "nosniff");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let taken = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            takes(&headers, &ACCEPT_ENCODING, "gzip")
        };
        assert!(taken("gzip, deflate, br"));
        assert!(taken("br;q=1.0, GZIP;q=0.5"));
        assert!(!taken("br, gzip;q=0"));
        assert!(!taken("identity"));
        assert!(!takes(&HeaderMap::new(), &ACCEPT_ENCODING, "gzip"));
    }

    #[test]
    fn a_request_names_its_session_and_its_number() {
        assert_eq!(
            session_of("/session=ab&request=7"),
            Some(("ab".to_owned(), 7))
        );
        for parameters in [
            "",
            "/session=ab",
            "/session=ab&request=x",
            "/sesion=ab&myid=7",
        ] {
            assert_eq!(session_of(parameters), None, "{parameters}");
        }
    }

    #[test]
    fn the_node_name_has_exactly_ten_characters() {
        assert_eq!(info("n1"), r#"{"status":"ok","node":"n1________"}"#);
        assert_eq!(
            info("frankfurt-07"),
            r#"{"status":"ok","node":"frankfurt-"}"#
        );
        assert_eq!(info(r#"a"b"#), r#"{"status":"ok","node":"a_b_______"}"#);
    }
}
