//! Who is there: the connection phase from the greeting to the OK, and the
//! repetition of it that COM_CHANGE_USER is. The guard takes over afterwards.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::backend::{Account, Backend, Login};
use crate::error::{ErrorKind, SqlError};

use super::auth::{self, Plugin, Salt};
use super::greeting::{FAST_PROOF_ACCEPTED, auth_switch, capability, greeting};
use super::login::{ClientHello, LoginPacket, NamedPlugin};
use super::packet::{FrameError, Packet, PacketStream};
use super::reply::Reply;
use super::tls::Secured;

/// Why a login did not come about, by blame.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginFailure {
    /// The stream ended or failed; nobody is there to be answered.
    #[error("the connection ended during the login: {0}")]
    Io(#[from] io::Error),
    /// The login took too long.
    #[error("timed out")]
    TimedOut,
    /// The server is stopping.
    #[error("the server is stopping")]
    Shutdown,
    /// The TLS handshake failed; TLS itself has told the peer.
    #[error("no TLS: {0}")]
    Tls(io::Error),
    /// The peer does not speak the protocol, or one we do not offer.
    #[error("the peer did not follow the protocol: {0}")]
    Protocol(SqlError),
    /// The peer could not prove who it is.
    #[error("login refused")]
    Refused(SqlError),
    /// The proof was good but the session could not be opened.
    #[error("no session: {0}")]
    NoSession(SqlError),
}

/// A client that proved who it is.
pub(super) struct Verified<S> {
    pub(super) session: S,
    pub(super) capabilities: u32,
    pub(super) client_name: Option<String>,
    /// What the OK says of the certificate (see [`Secured::proof`]).
    pub(super) certificate_proof: String,
}

/// Where the client is and how it is known here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) address: Option<IpAddr>,
    pub(super) connection_id: u32,
    /// Set once it is inside TLS.
    pub(super) tls: Option<Secured>,
}

/// Greets and reads what the client answers first. Gives the salt, too, which
/// stays the same inside TLS.
pub(super) async fn greet<S>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    peer: Peer,
    offers_tls: bool,
    packet_bound: usize,
) -> Result<(Salt, ClientHello), LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let salt = Salt::random();
    reply.begin_unasked();
    reply.packet(&greeting(peer.connection_id, &salt, offers_tls));
    let hello = hello(stream, reply, packet_bound).await?;
    Ok((salt, hello))
}

/// Reads the client's first packet; inside TLS it sends another first one.
pub(super) async fn hello<S>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    packet_bound: usize,
) -> Result<ClientHello, LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let packet = ask(stream, reply, packet_bound).await?;
    ClientHello::parse(&packet.payload).map_err(|malformed| protocol(malformed.to_string()))
}

/// Verifies a login. The OK is left to the caller, in the place `reply` is at.
pub(super) async fn log_in<S, B>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    backend: &B,
    peer: Peer,
    (salt, hello): (Salt, ClientHello),
    packet_bound: usize,
) -> Result<Verified<B::Session>, LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Backend,
{
    let login = match hello {
        ClientHello::Login(login) => login,
        ClientHello::SslRequest => {
            return Err(protocol("TLS is not offered here; connect without it"));
        }
        ClientHello::Old => {
            return Err(protocol(
                "the client speaks the protocol of MySQL before 4.1",
            ));
        }
    };
    if login.capabilities & capability::SECURE_CONNECTION == 0 {
        return Err(protocol(
            "the client cannot prove its key (SECURE_CONNECTION is not set)",
        ));
    }
    // Some clients compress whether or not it was offered; their packets could
    // not be read after the login.
    if login.capabilities & capability::COMPRESS != 0 {
        return Err(protocol(
            "compression is not offered here; connect without it",
        ));
    }
    let account = backend.account(&login.user);
    let answered = match login.plugin {
        NamedPlugin::Unnamed | NamedPlugin::Known(Plugin::Native) => {
            login.response.len() == NATIVE_RESPONSE
                // A health check does not expect to be asked again.
                || (matches!(account, Account::NoKey) && login.response.is_empty())
        }
        NamedPlugin::Known(Plugin::CachingSha2) | NamedPlugin::Other => false,
    };
    let proof = if answered {
        Proof {
            plugin: Plugin::Native,
            salt,
            response: login.response.clone(),
        }
    } else {
        switch(stream, reply, login.plugin, packet_bound).await?
    };
    verify(reply, backend, peer, login, &account, &proof)
}

/// Verifies a COM_CHANGE_USER, always with a fresh salt: the greeting's was
/// used. The caller has dropped the old session.
pub(super) async fn change_user<S, B>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    backend: &B,
    peer: Peer,
    login: LoginPacket,
    packet_bound: usize,
) -> Result<Verified<B::Session>, LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Backend,
{
    let proof = switch(stream, reply, login.plugin, packet_bound).await?;
    let account = backend.account(&login.user);
    verify(reply, backend, peer, login, &account, &proof)
}

/// What the client answered, and to what.
struct Proof {
    plugin: Plugin,
    salt: Salt,
    response: Vec<u8>,
}

async fn switch<S>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    named: NamedPlugin,
    packet_bound: usize,
) -> Result<Proof, LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let plugin = named.to_switch_to();
    let salt = Salt::random();
    reply.packet(&auth_switch(plugin, &salt));
    let packet = ask(stream, reply, packet_bound).await?;
    Ok(Proof {
        plugin,
        salt,
        response: packet.payload.to_vec(),
    })
}

fn verify<B: Backend>(
    reply: &mut Reply,
    backend: &B,
    peer: Peer,
    login: LoginPacket,
    account: &Account,
    proof: &Proof,
) -> Result<Verified<B::Session>, LoginFailure> {
    if !auth::proves(account, proof.plugin, &proof.salt, &proof.response) {
        return Err(LoginFailure::Refused(denied(
            &login.user,
            peer.address,
            !auth::is_empty(&proof.response),
        )));
    }
    let session = backend
        .open(Login {
            user: login.user,
            database: login.database,
            address: peer.address,
            connection_id: peer.connection_id,
            tls: peer.tls.map(|tls| tls.session),
            counts_found_rows: login.capabilities & capability::FOUND_ROWS != 0,
        })
        .map_err(LoginFailure::NoSession)?;
    if proof.plugin == Plugin::CachingSha2 && !auth::is_empty(&proof.response) {
        reply.packet(&FAST_PROOF_ACCEPTED);
    }
    Ok(Verified {
        session,
        capabilities: login.capabilities,
        client_name: login.client_name,
        certificate_proof: peer.tls.map_or_else(String::new, |tls| {
            tls.proof(account, proof.plugin, &proof.salt)
        }),
    })
}

/// Sends what `reply` holds and reads the one packet that answers it. Reads no
/// byte further.
async fn ask<S>(
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    packet_bound: usize,
) -> Result<Packet, LoginFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.send(&reply.take()).await?;
    let expected = reply.next_sequence();
    loop {
        match stream.take(expected, packet_bound) {
            Ok(Some(packet)) => {
                reply.begin(packet.sequence);
                return Ok(packet);
            }
            Ok(None) => {
                if stream.fill_exactly().await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
            Err(broken) => {
                reply.begin(expected);
                return Err(LoginFailure::Protocol(frame_error(broken)));
            }
        }
    }
}

/// What a peer that broke the framing is told.
pub(super) fn frame_error(broken: FrameError) -> SqlError {
    let kind = match broken {
        FrameError::TooLarge { .. } => ErrorKind::PacketTooLarge,
        FrameError::OutOfOrder { .. } => ErrorKind::PacketsOutOfOrder,
    };
    SqlError::new(kind, format!("Got {broken}"))
}

fn protocol(what: impl Into<String>) -> LoginFailure {
    LoginFailure::Protocol(SqlError::new(
        ErrorKind::BadHandshake,
        format!("Bad handshake: {}", what.into()),
    ))
}

/// MySQL's sentence, which people and programs recognise, and what to do.
fn denied(user: &str, address: Option<IpAddr>, with_password: bool) -> SqlError {
    let user: String = user.chars().take(SHOWN_USER_LENGTH).collect();
    let host = address.map_or_else(|| "localhost".to_owned(), |address| address.to_string());
    let (password, hint) = if with_password {
        (
            "YES",
            "check the user name (a developer id, or root) and its key",
        )
    } else {
        ("NO", "give the developer's key as the password")
    };
    SqlError::new(
        ErrorKind::AccessDenied,
        format!("Access denied for user '{user}'@'{host}' (using password: {password}); {hint}"),
    )
}

/// Bytes of a native proof.
const NATIVE_RESPONSE: usize = 20;

/// Characters of a refused user name that are repeated to the client.
const SHOWN_USER_LENGTH: usize = 64;
