//! Says back every message it hears. Handshake, frames in, frames out, control
//! frames and the bound on messages are the gateway's own code; only what is said
//! is not. `websocket-echo ADDR` prints where it listens.

use std::error::Error;
use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use ws_gateway::reader::{FrameReader, Incoming};
use ws_gateway::{frame, handshake};

/// The suite's largest messages have 16 MiB.
const LONGEST_MESSAGE: usize = 17 << 20;
const BUFFER: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(shake_hands(stream));
    }
}

async fn shake_hands(stream: TcpStream) {
    let service = service_fn(|mut request: Request<Body>| async move {
        let answer = handshake::accept(request.headers());
        if answer.is_ok() {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    // The other end may be gone at any moment: that ends it.
                    let _ = echo(TokioIo::new(upgraded)).await;
                }
            });
        }
        let body = Full::<Bytes>::default();
        // Without an answer the connection just ends.
        answer
            .map(|accepted| accepted.map(|()| body))
            .map_err(|refusal| format!("{refusal:?}"))
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let _ = connection.with_upgrades().await;
}

async fn echo(mut stream: TokioIo<hyper::upgrade::Upgraded>) -> io::Result<()> {
    let mut reader = FrameReader::new(LONGEST_MESSAGE);
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = stream.read(&mut buffer).await?;
        let mut input = buffer.get_mut(..count).unwrap_or_default();
        if input.is_empty() {
            return Ok(());
        }
        loop {
            let (answer, is_last): (Bytes, bool) = match reader.next(&mut input) {
                Ok(None) => break,
                Ok(Some(Incoming::Text(text))) => (frame::text(text), false),
                Ok(Some(Incoming::Binary(bytes))) => (frame::binary(bytes), false),
                Ok(Some(Incoming::Ping(payload))) => (frame::pong(payload), false),
                Ok(Some(Incoming::Pong(_))) => continue,
                Ok(Some(Incoming::Close(code))) => (frame::close_reply(code), true),
                Err(violation) => {
                    let reason = violation.to_string();
                    (frame::close(violation.close_code(), &reason), true)
                }
            };
            stream.write_all(&answer).await?;
            if is_last {
                return stream.shutdown().await;
            }
        }
    }
}
