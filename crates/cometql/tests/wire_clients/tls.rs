//! Logins inside TLS: the SSLRequest, the bounds of the handshake, and what the
//! session and the client learn of it.

use std::sync::Arc;
use std::time::Duration;

use cometql::wire::{Identity, Limits, Tls};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::backend::{KEY, Server};
use crate::raw::{self, Answer, Raw, USUAL, framed, login, native, sha2};

/// A server with a certificate of its own.
struct Secured {
    server: Server,
    certificate: CertificateDer<'static>,
    change: watch::Sender<Arc<Identity>>,
}

fn identity() -> (Arc<Identity>, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let identity = Identity {
        config: Arc::new(config),
        fingerprint: Sha256::digest(&certificate).into(),
    };
    (Arc::new(identity), certificate)
}

impl Secured {
    async fn start(limits: Limits, required: bool) -> Self {
        let (identity, certificate) = identity();
        let change = watch::Sender::new(identity);
        let tls = Tls {
            identity: change.subscribe(),
            required,
        };
        Self {
            server: Server::start_as(limits, Some(tls)).await,
            certificate,
            change,
        }
    }

    /// A client inside TLS that trusts `certificate` alone, not logged in.
    async fn connect_trusting(
        &self,
        certificate: &CertificateDer<'static>,
    ) -> std::io::Result<Raw<TlsStream<TcpStream>>> {
        let mut raw = Raw::connect(&self.server).await;
        raw.send(1, &ssl_request()).await;
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, raw.stream)
            .await?;
        Ok(Raw {
            stream,
            salt: raw.salt,
            connection_id: raw.connection_id,
        })
    }

    async fn connect(&self) -> Raw<TlsStream<TcpStream>> {
        self.connect_trusting(&self.certificate).await.unwrap()
    }
}

fn ssl_request() -> Vec<u8> {
    login(USUAL | raw::SSL, "", b"", "")[..32].to_vec()
}

async fn log_in(raw: &mut Raw<TlsStream<TcpStream>>, key: &str) -> (u8, Answer) {
    let proof = native(key, &raw.salt);
    let packet = login(USUAL | raw::SSL, "15", &proof, "mysql_native_password");
    raw.send(2, &packet).await;
    raw.answer().await
}

#[tokio::test]
async fn a_login_inside_tls_opens_a_session_that_knows_its_cipher() {
    let door = Secured::start(Limits::default(), false).await;
    let mut raw = door.connect().await;
    let (sequence, answer) = log_in(&mut raw, KEY).await;
    assert_eq!(sequence, 3);
    answer.assert_ok();
    let tls = door.server.backend.logins.lock()[0].tls.unwrap();
    assert_eq!(tls.version, "TLSv1.3");
    assert!(tls.cipher.starts_with("TLS_"), "{tls:?}");
    for _ in 0..3 {
        raw.query("ROWS 5").await;
    }
    // More than one record of TLS, both ways.
    let long = format!("SELECT '{}'", "x".repeat(1 << 20));
    let Answer::Rows { rows, .. } = raw.query(&long).await else {
        panic!("rows were expected");
    };
    assert!(rows[0].len() > 1 << 20);
    raw.send(0, b"\x01").await;
    raw.assert_closed().await;
}

#[tokio::test]
async fn the_client_hello_may_come_in_the_segment_of_the_request() {
    let door = Secured::start(Limits::default(), false).await;
    let mut plain = Raw::connect(&door.server).await;
    let mut roots = RootCertStore::empty();
    roots.add(door.certificate.clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    let mut connection =
        tokio_rustls::rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    connection.write_tls(&mut hello).unwrap();
    let segment = [framed(1, &ssl_request()), hello].concat();
    plain.stream.write_all(&segment).await.unwrap();
    let mut first = [0];
    tokio::io::AsyncReadExt::read_exact(&mut plain.stream, &mut first)
        .await
        .unwrap();
    assert_eq!(first, [0x16], "a handshake record answers");
}

#[tokio::test]
async fn the_ok_proves_the_certificate_to_who_knows_the_key() {
    let door = Secured::start(Limits::default(), false).await;
    let mut raw = door.connect().await;
    let (_, Answer::Ok { rest, .. }) = log_in(&mut raw, KEY).await else {
        panic!("an OK was expected");
    };
    let hash = Sha1::digest(Sha1::digest(KEY));
    let fingerprint = Sha256::digest(&door.certificate);
    let proof = Sha256::digest([&hash[..], &raw.salt, &fingerprint].concat());
    let hex: String = proof.iter().map(|byte| format!("{byte:02x}")).collect();
    let info = [&[65, 1], hex.as_bytes()].concat();
    assert_eq!(rest[7..], info);
    // Outside TLS there is nothing to prove.
    let mut plain = Raw::connect(&door.server).await;
    let Answer::Ok { rest, .. } = plain.log_in_native(USUAL, "15", KEY).await else {
        panic!("an OK was expected");
    };
    assert_eq!(rest.len(), 7);
}

#[tokio::test]
async fn a_wrong_key_inside_tls_is_told_inside_tls() {
    let door = Secured::start(Limits::default(), false).await;
    let mut raw = door.connect().await;
    let (_, answer) = log_in(&mut raw, "wrong").await;
    assert_eq!(answer.number(), 16);
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_sha2_client_is_served_inside_tls() {
    let door = Secured::start(Limits::default(), false).await;
    let mut raw = door.connect().await;
    let early = sha2(KEY, &raw.salt);
    let packet = login(USUAL | raw::SSL, "15", &early, "caching_sha2_password");
    raw.send(2, &packet).await;
    let (_, switch) = raw.read().await.unwrap();
    let salt = switch[switch.len() - 21..switch.len() - 1].to_vec();
    raw.send(4, &sha2(KEY, &salt)).await;
    assert_eq!(raw.read().await.unwrap(), (5, vec![1, 3]));
    raw.answer().await.1.assert_ok();
}

#[tokio::test]
async fn required_tls_refuses_who_comes_without() {
    let door = Secured::start(Limits::default(), true).await;
    let mut plain = Raw::connect(&door.server).await;
    let answer = plain.log_in_native(USUAL, "15", KEY).await;
    assert_eq!(answer.number(), 3159);
    plain.assert_closed().await;
    let mut raw = door.connect().await;
    log_in(&mut raw, KEY).await.1.assert_ok();
    assert_eq!(door.server.backend.logins.lock().len(), 1);
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let door = Secured::start(Limits::default(), false).await;
    let mut before = door.connect().await;
    log_in(&mut before, KEY).await.1.assert_ok();
    let (identity, certificate) = identity();
    door.change.send_replace(identity);
    assert!(door.connect_trusting(&door.certificate).await.is_err());
    let mut after = door.connect_trusting(&certificate).await.unwrap();
    log_in(&mut after, KEY).await.1.assert_ok();
    before.command(b"\x0e").await.assert_ok();
}

#[tokio::test]
async fn a_handshake_that_stands_still_or_makes_no_sense_ends() {
    let limits = Limits {
        login_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let door = Secured::start(limits, false).await;
    for nonsense in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut raw = Raw::connect(&door.server).await;
        raw.send(1, &ssl_request()).await;
        raw.stream.write_all(nonsense).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut raw.stream, &mut rest).await;
    }
    // Inside TLS the same bounds hold.
    let mut raw = door.connect().await;
    raw.assert_closed().await;
    let mut raw = door.connect().await;
    raw.send(2, &ssl_request()).await;
    assert_eq!(raw.answer().await.1.number(), 1043);
}
