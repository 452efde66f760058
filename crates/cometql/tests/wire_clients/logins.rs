//! Who gets in, and what the others are told.

use cometql::error::ErrorNumbers;
use cometql::wire::Limits;

use crate::backend::{KEY, ROOT_KEY, Server};
use crate::raw::{self, Answer, Raw, USUAL, login, native, sha2};

/// Reads an auth switch and returns its plugin and salt.
async fn switch<S>(raw: &mut Raw<S>) -> (u8, String, Vec<u8>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (sequence, packet) = raw.read().await.unwrap();
    assert_eq!(packet[0], 0xFE, "{packet:?}");
    let end = packet.iter().position(|&byte| byte == 0).unwrap();
    let plugin = String::from_utf8(packet[1..end].to_vec()).unwrap();
    let salt = packet[end + 1..packet.len() - 1].to_vec();
    assert_eq!(salt.len(), 20);
    (sequence, plugin, salt)
}

#[tokio::test]
async fn the_key_lets_in_and_the_session_learns_who_it_is() {
    let server = Server::start().await;
    let raw = Raw::log_in(&server).await;
    let login = server.backend.logins.lock()[0].clone();
    assert_eq!(login.user, "15");
    assert_eq!(login.database, None);
    assert_eq!(login.address.unwrap().to_string(), "127.0.0.1");
    assert_eq!(login.connection_id, raw.connection_id);
}

#[tokio::test]
async fn connection_ids_grow_and_salts_differ() {
    let server = Server::start().await;
    let first = Raw::connect(&server).await;
    let second = Raw::connect(&server).await;
    assert!(second.connection_id > first.connection_id);
    assert_ne!(first.salt, second.salt);
}

#[tokio::test]
async fn wrong_keys_unknown_users_and_empty_passwords_are_told_the_same() {
    let server = Server::start().await;
    for (user, proof, using) in [
        ("15", native("wrong", b"x"), "YES"),
        ("16", native(KEY, b"x"), "YES"),
        ("15", Vec::new(), "NO"),
        ("nobody", Vec::new(), "NO"),
        ("keyless", Vec::new(), "NO"),
        ("haproxy_check", native("guess", b"x"), "YES"),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.send(1, &login(USUAL, user, &proof, "mysql_native_password"))
            .await;
        let (mut sequence, mut answer) = (2, None);
        if proof.is_empty() {
            let (_, plugin, _) = switch(&mut raw).await;
            assert_eq!(plugin, "mysql_native_password");
            raw.send(3, b"").await;
            sequence = 4;
        }
        answer.replace(raw.answer().await);
        let (at, answer) = answer.unwrap();
        assert_eq!(at, sequence);
        let Answer::Error {
            number,
            state,
            text,
        } = answer
        else {
            panic!("{user} got in");
        };
        assert_eq!((number, state.as_str()), (16, "28000"));
        let sentence =
            format!("Access denied for user '{user}'@'127.0.0.1' (using password: {using})");
        assert!(text.starts_with(&sentence), "{text}");
        raw.assert_closed().await;
    }
    assert!(server.backend.logins.lock().is_empty());
}

#[tokio::test]
async fn logins_can_be_refused_in_mysqls_numbers() {
    let server = Server::start_with(Limits {
        login_error_numbers: ErrorNumbers::MySql,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw.log_in_native(USUAL, "15", "wrong").await;
    assert_eq!(answer.number(), 1045);
}

#[tokio::test]
async fn a_health_check_gets_in_without_a_key_and_quits() {
    let server = Server::start().await;
    let mut raw = Raw::connect(&server).await;
    let capabilities = raw::PROTOCOL_41 | raw::SECURE_CONNECTION;
    raw.send(1, &login(capabilities, "haproxy_check", b"", ""))
        .await;
    raw.send(0, b"\x01").await;
    let (sequence, answer) = raw.answer().await;
    assert_eq!(sequence, 2);
    answer.assert_ok();
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_sha2_client_is_switched_to_its_plugin_and_proves_itself_fast() {
    let server = Server::start().await;
    let mut raw = Raw::connect(&server).await;
    let early = sha2(KEY, &raw.salt);
    raw.send(1, &login(USUAL, "15", &early, "caching_sha2_password"))
        .await;
    let (sequence, plugin, salt) = switch(&mut raw).await;
    assert_eq!((sequence, plugin.as_str()), (2, "caching_sha2_password"));
    assert_ne!(salt, raw.salt);
    raw.send(3, &sha2(KEY, &salt)).await;
    assert_eq!(raw.read().await.unwrap(), (4, vec![1, 3]));
    let (sequence, answer) = raw.answer().await;
    assert_eq!(sequence, 5);
    answer.assert_ok();
    raw.query("INSERT").await.assert_ok();
}

#[tokio::test]
async fn a_sha2_client_with_the_wrong_key_is_refused() {
    let server = Server::start().await;
    let mut raw = Raw::connect(&server).await;
    raw.send(1, &login(USUAL, "15", b"", "caching_sha2_password"))
        .await;
    let (_, _, salt) = switch(&mut raw).await;
    raw.send(3, &sha2("wrong", &salt)).await;
    assert_eq!(raw.answer().await.1.number(), 16);
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_client_of_another_plugin_is_switched_to_native() {
    let server = Server::start().await;
    let mut raw = Raw::connect(&server).await;
    raw.send(1, &login(USUAL, "15", b"secret", "dialog")).await;
    let (_, plugin, salt) = switch(&mut raw).await;
    assert_eq!(plugin, "mysql_native_password");
    raw.send(3, &native(KEY, &salt)).await;
    raw.answer().await.1.assert_ok();
}

#[tokio::test]
async fn clients_that_cannot_be_served_are_told_why() {
    let server = Server::start().await;
    for (payload, why) in [
        (vec![0x85, 0x04, 0, 0, 0, b'x', 0], "4.1"),
        (login(raw::PROTOCOL_41, "15", b"", ""), "SECURE_CONNECTION"),
        (login(USUAL | raw::COMPRESS, "15", b"", ""), "compression"),
        (login(USUAL | raw::SSL, "", b"", "")[..32].to_vec(), "TLS"),
        (login(USUAL, "15", b"", "")[..34].to_vec(), "inside a field"),
        (Vec::new(), "inside a field"),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.send(1, &payload).await;
        let (sequence, answer) = raw.answer().await;
        let Answer::Error { number, text, .. } = answer else {
            panic!("{payload:?} was let in");
        };
        assert_eq!((sequence, number), (2, 1043), "{text}");
        assert!(text.contains(why), "{text}");
        raw.assert_closed().await;
    }
}

#[tokio::test]
async fn an_unknown_database_at_login_is_told_and_closed() {
    let server = Server::start().await;
    let mut raw = Raw::connect(&server).await;
    let answer = raw
        .log_in_native(USUAL | raw::CONNECT_WITH_DB, "15", KEY)
        .await;
    assert_eq!(answer.number(), 15);
    raw.assert_closed().await;
}

fn change_user(user: &str) -> Vec<u8> {
    let mut payload = vec![0x11];
    payload.extend_from_slice(user.as_bytes());
    payload.extend_from_slice(b"\0\0\0\x2d\0mysql_native_password\0");
    payload
}

#[tokio::test]
async fn a_change_of_user_needs_the_key_and_opens_a_new_session() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT 1").await.unwrap();
    raw.query("BEGIN").await.assert_ok();
    raw.send(0, &change_user("root")).await;
    let (sequence, _, salt) = switch(&mut raw).await;
    assert_eq!(sequence, 1);
    assert_ne!(salt, raw.salt);
    raw.send(2, &native(ROOT_KEY, &salt)).await;
    let (sequence, answer) = raw.answer().await;
    assert_eq!((sequence, answer.status()), (3, 2));
    assert_eq!(raw.execute(id, b"").await.number(), 1243);
    let users: Vec<String> = server
        .backend
        .logins
        .lock()
        .iter()
        .map(|login| login.user.clone())
        .collect();
    assert_eq!(users, ["15", "root"]);
    assert_eq!(
        server
            .backend
            .open_sessions
            .load(std::sync::atomic::Ordering::SeqCst),
        1
    );
}

#[tokio::test]
async fn a_change_of_user_with_a_wrong_key_is_refused_and_closed() {
    let server = Server::start().await;
    for proof in [true, false] {
        let mut raw = Raw::log_in(&server).await;
        raw.send(0, &change_user("root")).await;
        let (_, _, salt) = switch(&mut raw).await;
        let proof = if proof {
            native(KEY, &salt)
        } else {
            Vec::new()
        };
        raw.send(2, &proof).await;
        let (sequence, answer) = raw.answer().await;
        assert_eq!((sequence, answer.number()), (3, 16));
        raw.assert_closed().await;
    }
    assert_eq!(server.backend.logins.lock().len(), 2);
}

#[tokio::test]
async fn an_address_that_guesses_on_many_connections_is_not_greeted() {
    let server = Server::start_with(Limits {
        max_held_failures: 2,
        failure_delay: std::time::Duration::from_secs(3600),
        ..Limits::default()
    })
    .await;
    let mut before = Raw::log_in(&server).await;
    let mut guessing = Vec::new();
    let mut refused = loop {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port));
        let mut raw = Raw {
            stream: stream.await.unwrap(),
            salt: Vec::new(),
            connection_id: 0,
        };
        let (sequence, packet) = raw.read().await.unwrap();
        assert_eq!(sequence, 0);
        if packet[0] == 0xFF {
            assert_eq!(u16::from_le_bytes([packet[1], packet[2]]), 1129);
            break raw;
        }
        let guess = native("guess", b"x");
        raw.send(1, &login(USUAL, "15", &guess, "mysql_native_password"))
            .await;
        guessing.push(raw);
    };
    refused.assert_closed().await;
    assert!(guessing.len() >= 2);
    before.query("INSERT").await.assert_ok();
}
