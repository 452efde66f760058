//! The listener of the metrics page, apart from the browsers' so that the page
//! is not where they are. It answers `GET /metrics` and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::Metrics;

/// Connections at one time; others wait until one of them ends.
const CONNECTIONS: usize = 16;
/// How long one of them may last.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a request's head may take.
const REQUEST_HEAD: Duration = Duration::from_secs(10);
/// How long to wait when the system accepts no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The text format of Prometheus.
const FORMAT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Serves the page until the task is dropped.
pub(crate) async fn serve(metrics: Arc<Metrics>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(answer(Arc::clone(&metrics), stream, place));
            }
            Err(error) => {
                tracing::warn!(%error, "accept_failed");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(metrics: Arc<Metrics>, stream: TcpStream, _place: OwnedSemaphorePermit) {
    let service = service_fn(|request: Request<Incoming>| {
        let metrics = Arc::clone(&metrics);
        async move { Ok::<_, Infallible>(reply(metrics, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(LONGEST, connection).await {
        tracing::debug!(%error, "metrics_ended");
    }
}

async fn reply(metrics: Arc<Metrics>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if request.uri().path() != "/metrics" {
        return status(StatusCode::NOT_FOUND, "The metrics are at /metrics.\n");
    }
    if !is_read {
        let mut refusal = status(StatusCode::METHOD_NOT_ALLOWED, "");
        let allowed = HeaderValue::from_static("GET, HEAD");
        refusal.headers_mut().insert(ALLOW, allowed);
        return refusal;
    }
    // It looks at every connection: not on the threads that deliver.
    match tokio::task::spawn_blocking(move || metrics.page()).await {
        Ok(page) => {
            let mut answer = Response::new(Full::new(page.into()));
            answer.headers_mut().insert(CONTENT_TYPE, FORMAT);
            answer
        }
        Err(error) => {
            tracing::error!(%error, "metrics_failed");
            status(StatusCode::INTERNAL_SERVER_ERROR, "")
        }
    }
}

fn status(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}
