//! Connections that idle, stall, are too many, or outlive the server.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use cometql::wire::Limits;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::backend::{KEY, Server};
use crate::raw::{Raw, USUAL, framed, query};

const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn one_connection_too_many_is_told_instead_of_greeted() {
    let server = Server::start_with(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = Raw::log_in(&server).await;
    let stream = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let mut second = Raw {
        stream,
        salt: Vec::new(),
        connection_id: 0,
    };
    let (sequence, answer) = second.answer().await;
    assert_eq!((sequence, answer.number()), (0, 1040));
    second.assert_closed().await;
    first.send(0, b"\x01").await;
    first.assert_closed().await;
    while server.wire.connections() > 0 {
        tokio::task::yield_now().await;
    }
    Raw::log_in(&server).await;
}

#[tokio::test]
async fn who_does_not_log_in_is_closed() {
    let server = Server::start_with(Limits {
        login_timeout: SHORT,
        ..Limits::default()
    })
    .await;
    let mut silent = Raw::connect(&server).await;
    let mut stalling = Raw::connect(&server).await;
    stalling.stream.write_all(&[60, 0, 0, 1, 0]).await.unwrap();
    silent.assert_closed().await;
    stalling.assert_closed().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = Server::start_with(Limits {
        idle_timeout: SHORT,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    raw.query("INSERT").await.assert_ok();
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_command_that_stalls_is_closed() {
    let server = Server::start_with(Limits {
        read_timeout: SHORT,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    raw.stream.write_all(&[9, 0, 0]).await.unwrap();
    raw.assert_closed().await;
}

#[tokio::test]
async fn prepared_statements_outlive_the_buffers_of_a_busy_time() {
    let server = Server::start_with(Limits {
        trim_after: Duration::ZERO,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    let first = raw.prepare("SELECT ?").await.unwrap();
    let second = raw.prepare("SELECT ?, ?").await.unwrap();
    raw.query(&format!("INSERT {}", "x".repeat(200_000)))
        .await
        .assert_ok();
    for _ in 0..3 {
        let answer = raw.execute(first, b"\0\x01\xFD\0\x01a").await;
        assert_eq!(answer.status(), 2);
        let answer = raw.execute(second, b"\0\x01\xFD\0\xFD\0\x01a\x01b").await;
        assert_eq!(answer.status(), 2);
        // The types were remembered, too.
        let answer = raw.execute(second, b"\0\0\x01a\x01b").await;
        assert_eq!(answer.status(), 2);
    }
}

#[tokio::test]
async fn a_stopping_server_answers_what_runs_and_closes_what_idles() {
    let server = Server::start().await;
    let mut idle = Raw::log_in(&server).await;
    let mut greeted = Raw::connect(&server).await;
    let mut busy = Raw::log_in(&server).await;
    // One command runs, one waits behind it.
    let bytes = [framed(0, &query("WAIT")), framed(0, &query("INSERT late"))].concat();
    busy.stream.write_all(&bytes).await.unwrap();
    server.backend.entered.notified().await;
    server.shutdown.send(true).unwrap();
    idle.assert_closed().await;
    greeted.assert_closed().await;
    assert!(!server.serving.is_finished());
    server.backend.gate.notify_one();
    busy.answer().await.1.assert_ok();
    let (sequence, answer) = busy.answer().await;
    assert_eq!((sequence, answer.number()), (1, 1053));
    busy.assert_closed().await;
    server.serving.await.unwrap();
    assert_eq!(*server.backend.statements.lock(), ["WAIT"]);
    TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap_err();
}

#[tokio::test]
async fn finished_answers_do_not_wait_for_a_slow_statement() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let bytes = [framed(0, &query("INSERT")), framed(0, &query("WAIT"))].concat();
    raw.stream.write_all(&bytes).await.unwrap();
    raw.answer().await.1.assert_ok();
    server.backend.gate.notify_one();
    raw.answer().await.1.assert_ok();
}

#[tokio::test]
async fn a_statement_that_panics_ends_its_connection_only() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.send(0, &query("PANIC")).await;
    raw.assert_closed().await;
    let mut other = Raw::log_in(&server).await;
    other.query("INSERT").await.assert_ok();
    while server.wire.connections() > 1 {
        tokio::task::yield_now().await;
    }
}

/// Counts the writes to a stream.
struct Counting(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[tokio::test]
async fn pipelined_commands_and_rows_cost_one_write() {
    let server = Server::start().await;
    let (client, stream) = tokio::io::duplex(1 << 20);
    let writes = Arc::new(AtomicUsize::new(0));
    let (_open, shutdown) = watch::channel(false);
    let wire = Arc::clone(&server.wire);
    let counting = Counting(stream, Arc::clone(&writes));
    let served = tokio::spawn(async move { wire.serve_connection(counting, None, shutdown).await });
    let mut raw = Raw::greeted(client).await;
    raw.log_in_native(USUAL, "15", KEY).await.assert_ok();
    let before = writes.load(Ordering::SeqCst);
    let bytes: Vec<u8> = (0..200).flat_map(|_| framed(0, &query("ROWS 5"))).collect();
    raw.stream.write_all(&bytes).await.unwrap();
    for _ in 0..200 {
        raw.answer().await;
    }
    assert_eq!(writes.load(Ordering::SeqCst) - before, 1);
    drop(raw);
    served.await.unwrap();
    assert_eq!(server.backend.logins.lock()[0].address, None);
}

#[tokio::test]
async fn a_session_may_want_to_be_kept_for_less_than_the_bound() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.query("IDLE 30").await.assert_ok();
    raw.assert_closed().await;
}
