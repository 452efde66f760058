//! Bytes no client would send. Whatever they are, one connection pays for them.

use cometql::wire::Limits;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::backend::{KEY, Server};
use crate::raw::{MULTI_STATEMENTS, Raw, USUAL, framed, native, query};

#[tokio::test]
async fn garbage_instead_of_a_login_is_refused() {
    let server = Server::start().await;
    for (garbage, number) in [
        (&b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"[..], 1156),
        (b"\xFF\xFF\xFF\x01", 1153),
        (b"\x04\0\0\x01\xFF\xFF\xFF\xFF", 1043),
        (b"\x04\0\0\0\xFF\xFF\xFF\xFF", 1156),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.stream.write_all(garbage).await.unwrap();
        assert_eq!(raw.answer().await.1.number(), number);
        raw.assert_closed().await;
    }
}

#[tokio::test]
async fn a_login_flood_is_stopped_at_its_first_header() {
    let server = Server::start_with(Limits {
        max_login_packet: 100,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.stream.write_all(&[101, 0, 0, 1]).await.unwrap();
    assert_eq!(raw.answer().await.1.number(), 1153);
}

#[tokio::test]
async fn a_command_over_the_bound_is_told_1153_even_while_it_is_being_sent() {
    let server = Server::start_with(Limits {
        max_packet: 100_000,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    raw.query(&"x".repeat(99_999)).await.assert_ok();
    raw.send(0, &query(&"x".repeat(150_000))).await;
    assert_eq!(raw.answer().await.1.number(), 1153);
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_query_of_very_many_statements_is_refused_before_any_runs() {
    let server = Server::start_with(Limits {
        max_query_statements: 3,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in_with(&server, USUAL | MULTI_STATEMENTS).await;
    raw.send(0, &query("a;b;;c;d")).await;
    assert_eq!(raw.answer().await.1.number(), 1153);
    raw.query("INSERT").await.assert_ok();
}

#[tokio::test]
async fn a_wrong_sequence_number_ends_the_connection() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.send(7, &query("INSERT")).await;
    let (sequence, answer) = raw.answer().await;
    assert_eq!((sequence, answer.number()), (8, 1156));
    raw.assert_closed().await;
    assert!(server.backend.statements.lock().is_empty());
}

/// Commands that are almost right: a real command byte and a body of any kind.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let bodies = proptest::collection::vec(any::<u8>(), 0..60);
    let small = (0u8..3, proptest::collection::vec(any::<u8>(), 0..30)).prop_map(|(id, rest)| {
        let mut body = vec![id, 0, 0, 0, 0, 1, 0, 0, 0];
        body.extend_from_slice(&rest);
        body
    });
    let texts = "(SELECT|ROWS 3|FAIL|BIG 9|CROOKED|USE x)[ -~]{0,20}".prop_map(String::into_bytes);
    let body = prop_oneof![bodies, small, texts.boxed()];
    let head = prop_oneof![
        20 => prop_oneof![Just(0x03), Just(0x16), Just(0x17), Just(0x18), Just(0x19)],
        4 => any::<u8>(),
        1 => Just(0x11),
    ];
    (head, body).prop_map(|(head, body)| [&[head][..], &body].concat())
}

async fn throw_at(server: &Server, bytes: Vec<u8>, log_in: bool) {
    let (client, stream) = tokio::io::duplex(4096);
    let (_open, shutdown) = watch::channel(false);
    let wire = std::sync::Arc::clone(&server.wire);
    let served = tokio::spawn(async move { wire.serve_connection(stream, None, shutdown).await });
    let mut raw = Raw::greeted(client).await;
    if log_in {
        let proof = native(KEY, &raw.salt);
        let login = crate::raw::login(USUAL, "15", &proof, "mysql_native_password");
        raw.send(1, &login).await;
        raw.answer().await.1.assert_ok();
    }
    let (mut reader, mut writer) = tokio::io::split(raw.stream);
    let reading = tokio::spawn(async move {
        let mut answers = Vec::new();
        let _ = reader.read_to_end(&mut answers).await;
    });
    // The server may close in the middle.
    let _ = writer.write_all(&bytes).await;
    let _ = writer.shutdown().await;
    // A panic of the connection is an error here.
    served.await.unwrap();
    reading.await.unwrap();
}

fn with_server(test: impl AsyncFnOnce(&Server)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let limits = Limits {
            failure_delay: std::time::Duration::ZERO,
            ..Limits::default()
        };
        let server = Server::start_with(limits).await;
        let mut witness = Raw::log_in(&server).await;
        test(&server).await;
        witness.query("INSERT").await.assert_ok();
        assert_eq!(
            server
                .backend
                .open_sessions
                .load(std::sync::atomic::Ordering::SeqCst),
            1
        );
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_commands_after_the_login_harm_nobody_else(
        commands in proptest::collection::vec(command(), 1..30),
        tail: Vec<u8>,
    ) {
        with_server(async |server| {
            let mut bytes: Vec<u8> = commands.iter().flat_map(|c| framed(0, c)).collect();
            bytes.extend_from_slice(&tail);
            throw_at(server, bytes, true).await;
        });
    }

    #[test]
    fn random_bytes_instead_of_a_login_harm_nobody_else(
        packet: Vec<u8>,
        tail: Vec<u8>,
        capabilities: u32,
    ) {
        with_server(async |server| {
            let login = [&(capabilities | 1 << 9).to_le_bytes()[..], &[0; 28], &packet].concat();
            throw_at(server, [framed(1, &login), tail.clone()].concat(), false).await;
            throw_at(server, tail.clone(), false).await;
        });
    }
}
