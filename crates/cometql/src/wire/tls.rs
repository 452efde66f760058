//! TLS below the packets: the certificate new connections are offered, the
//! handshake after an SSLRequest, and what is known of it later. Where
//! certificates come from, and when they change, is the binary's business.

use std::io;
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{CipherSuite, ProtocolVersion, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::backend::{Account, TlsSession};

use super::auth::{Plugin, Salt};

/// TLS as the backend door offers it.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate of connections that begin now. Sending another one
    /// changes nothing for those that are there.
    pub identity: watch::Receiver<Arc<Identity>>,
    /// Whether logins over the network without TLS are refused (error 3159).
    pub required: bool,
}

/// A certificate and its key, ready to be shown to clients.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, its key and the versions of TLS.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` shows it.
    pub fingerprint: [u8; 32],
}

/// What a connection inside TLS knows of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Secured {
    pub(super) session: TlsSession,
    fingerprint: [u8; 32],
}

impl Identity {
    /// Waits for a client's handshake. Bounded in bytes by rustls, in time by
    /// the caller.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Secured)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        let stream = acceptor.accept(stream).await?;
        let connection = stream.get_ref().1;
        let suite = connection.negotiated_cipher_suite();
        let session = TlsSession {
            version: version_name(connection.protocol_version()),
            cipher: suite.map_or("", |suite| cipher_name(suite.suite())),
        };
        let secured = Secured {
            session,
            fingerprint: self.fingerprint,
        };
        Ok((stream, secured))
    }
}

impl Secured {
    /// What the OK of a login tells a client that wants to trust a self-signed
    /// certificate: only who knows its password's hash can have made it for
    /// this certificate ("zero-configuration TLS" of MariaDB 11.4). Nothing for
    /// an account without a key, or with a plugin that has no such hash.
    pub(super) fn proof(&self, account: &Account, plugin: Plugin, salt: &Salt) -> String {
        let (Account::Key(key), Plugin::Native) = (account, plugin) else {
            return String::new();
        };
        let digest = Sha256::new()
            .chain_update(Sha1::digest(Sha1::digest(key.reveal())))
            .chain_update(salt.as_bytes())
            .chain_update(self.fingerprint)
            .finalize();
        let hex = digest.iter().map(|byte| format!("{byte:02x}"));
        std::iter::once(PROOF_FORMAT.to_owned())
            .chain(hex)
            .collect()
    }
}

/// The first byte of a certificate's proof: the format that follows is hex.
const PROOF_FORMAT: &str = "\u{1}";

/// The name clients know a version by.
fn version_name(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "",
    }
}

/// OpenSSL's name of a cipher suite, which is what MySQL shows.
fn cipher_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => {
            "ECDHE-ECDSA-CHACHA20-POLY1305"
        }
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or("unknown"),
    }
}
