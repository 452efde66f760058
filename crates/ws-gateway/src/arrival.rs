//! How a connection comes in: the upgraded socket and what its handshake said, who
//! may enter, and the login with the hall.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use pipes::Authorization;
use pipes::connection::Visitor;
use pipes::error::HallError;
use pipes::shard::ConnectionId;
use tokio::sync::OwnedSemaphorePermit;

use crate::errand::{Errand, Turnout};
use crate::event::{self, Generation};
use crate::frame;
use crate::peer::{Bounds, End, Peer};
use crate::request::{BrowserHeaders, ConnectionRequest, Dialect, RequestError};
use crate::server::Gateway;
use crate::shard::{Item, ShardQueue};
use crate::socket::Socket;

/// An upgraded connection and what its handshake said.
pub(crate) struct Arrival {
    pub(crate) id: ConnectionId,
    pub(crate) socket: Socket,
    /// The answer to its handshake, if that is still to be sent.
    pub(crate) answer: Option<Bytes>,
    /// Bytes that came with the handshake.
    pub(crate) early: Vec<u8>,
    /// Everything after the path's prefix.
    pub(crate) parameters: String,
    pub(crate) headers: BrowserHeaders,
    pub(crate) address: IpAddr,
    /// Its place among the sockets that may be open.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// The shard watches its socket already.
    pub(crate) watched: bool,
    /// Its socket may have more to read.
    pub(crate) readable: bool,
}

/// A connection and whether it may log in.
pub(crate) struct Entrance {
    pub(crate) peer: Peer,
    pub(crate) visitor: Result<Visitor, End>,
    /// The answer to its handshake, if that is still to be sent.
    pub(crate) answer: Option<Bytes>,
}

impl Arrival {
    /// Looks at who is there. Whoever is refused is told so.
    pub(crate) fn receive(self, gateway: &Gateway, texts: &mut Texts) -> Entrance {
        let (dialect, request) = ConnectionRequest::parse(&self.parameters);
        // They hold the key.
        drop(self.parameters);
        let Dialect { client, generation } = dialect;
        let limits = &gateway.config.limits;
        let bounds = Bounds {
            message_bytes: limits.message_bytes,
            queued_bytes: limits.queued_bytes,
        };
        let (id, socket, mut answer) = (self.id, self.socket, self.answer);
        let mut peer = Peer::new(id, client, generation, socket, bounds, self.permit);
        peer.tally.bytes_in.add(self.early.len() as u64);
        if let Some(answer) = &answer {
            peer.tally.leave_out(answer);
        }
        peer.unread = self.early;
        peer.readable = self.readable;
        let headers = self.headers;
        let entered = request.and_then(|request| {
            let request = gateway.check(request, &headers)?;
            let place = gateway.addresses.enter(self.address);
            peer.place = place.map_err(RequestError::TooManyOfAddress)?;
            Ok(request)
        });
        let visitor = match entered {
            Ok(request) => Ok(Visitor {
                dev_id: request.dev_id,
                claim: request.claim(),
                uuid: request.uuid,
                user_agent: texts.share(&headers.user_agent),
                address: self.address,
                origin: texts.share(&headers.origin),
                language: texts.share(&headers.language),
                client: texts.share(&request.client_name),
                returns: generation == Generation::Own,
                line: Arc::clone(&peer.tally) as Arc<_>,
            }),
            Err(error) => {
                tracing::debug!(conn = id.0, code = error.code(), "handshake_refused");
                let text = error.to_string();
                let refusal = event::fatal_error(error.code(), &text, generation);
                if let Some(answer) = answer.take() {
                    peer.send(&answer);
                }
                peer.send(&refusal);
                Err(End::Refused(frame::CLOSE_POLICY, text))
            }
        };
        Entrance {
            peer,
            visitor,
            answer,
        }
    }
}

/// Texts that many connections have in common, such as the name of a browser: kept
/// once for all of a shard.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// How many are known at most; past it they are learnt anew.
    const MOST: usize = 1024;

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        let new = Arc::<str>::from(text);
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// Logs a visitor in: the greeting comes first, then whether it is let in.
pub(crate) fn log_in(
    gateway: &Arc<Gateway>,
    queue: &Arc<ShardQueue>,
    peer: &Peer,
    shard: usize,
    visitor: Visitor,
) -> Turnout {
    let (id, generation) = (peer.id, peer.generation);
    let hall = Arc::clone(&gateway.hall);
    let told = Arc::clone(queue);
    let greet = move |authorization: &Authorization| {
        let key = authorization.key.as_ref().map_or("", |key| key.reveal());
        let frame = event::greeting(authorization.user.is_some(), key, generation);
        // Under the user's lock: queued, no more.
        told.enqueue(Item::Answer {
            connection: id,
            frame,
            receipt: None,
        });
    };
    let told = Arc::clone(queue);
    Errand::begin(async move {
        let admitted = hall.connect(visitor, id, shard, greet).await;
        told.give(Item::Admitted(id, Box::new(admitted)));
    })
}

/// Why the hall did not let a connection in.
pub(crate) fn turned_away(peer: &mut Peer, error: HallError) -> End {
    match error {
        HallError::Limit { what, limit } => {
            let text = format!("{what}: the limit of {limit} is reached");
            let refusal = event::fatal_error(429, &text, peer.generation);
            peer.send(&refusal);
            End::Refused(frame::CLOSE_POLICY, text)
        }
        error => {
            tracing::error!(conn = peer.id.0, %error, "connect_failed");
            let text = "the server cannot check logins now".to_owned();
            End::Refused(frame::CLOSE_SERVER_ERROR, text)
        }
    }
}

impl Gateway {
    /// Whether the door lets this request in, and as which tenant.
    fn check(
        &self,
        mut request: ConnectionRequest,
        headers: &BrowserHeaders,
    ) -> Result<ConnectionRequest, RequestError> {
        if !headers.may_connect(&self.config.allow_origins) {
            self.counters.origins_refused.note();
            return Err(RequestError::ForbiddenOrigin);
        }
        let tenant = self.hall.tenants().for_browser(request.dev_id);
        request.dev_id = tenant.ok_or(RequestError::UnknownDevId(request.dev_id))?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_once_and_strange_ones_do_not_pile_up() {
        let mut texts = Texts::default();
        let first = texts.share("browser");
        assert!(Arc::ptr_eq(&first, &texts.share("browser")));
        for number in 0..3 * Texts::MOST {
            texts.share(&number.to_string());
            assert!(texts.0.len() <= Texts::MOST);
        }
    }
}
