//! One browser connection as the hall sees it: who it is, what it told about
//! itself, and what it is subscribed to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::name::{DevId, PipeName, UserId, Uuid};
use crate::pipe::Subscription;
use crate::shard::ConnectionId;

/// What a browser says about itself, as the handshake carries it. Shown in
/// `users_in_pipes`, believed for nothing.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The tenant, checked to exist.
    pub dev_id: DevId,
    /// The user it claims to be and the key it presents, if any.
    pub claim: Option<(UserId, String)>,
    /// Its own random name.
    pub uuid: Uuid,
    /// `User-Agent`, at most 250 bytes.
    pub user_agent: Arc<str>,
    /// Where it connects from.
    pub address: IpAddr,
    /// `Origin`, at most 250 bytes.
    pub origin: Arc<str>,
    /// `Accept-Language`, at most 64 bytes.
    pub language: Arc<str>,
}

/// An open browser connection.
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Its tenant.
    pub dev_id: DevId,
    /// Its authenticated user.
    pub user: Option<UserId>,
    /// Its own random name.
    pub uuid: Uuid,
    /// `User-Agent`.
    pub user_agent: Arc<str>,
    /// Where it connects from.
    pub address: IpAddr,
    /// `Origin`.
    pub origin: Arc<str>,
    /// `Accept-Language`.
    pub language: Arc<str>,
    /// The shard that owns its outbound side.
    pub shard: usize,
    pub(crate) subscriptions: Mutex<Subscriptions>,
}

#[derive(Default)]
pub(crate) struct Subscriptions {
    /// Set at disconnect: nothing can be joined any more.
    pub(crate) closed: bool,
    pub(crate) by_name: HashMap<PipeName, Subscription>,
}

impl Connection {
    /// How many pipes this connection is subscribed to, of those `counts` names.
    pub(crate) fn subscribed_to(&self, counts: impl Fn(&PipeName) -> bool) -> usize {
        let subscriptions = self.subscriptions.lock();
        let names = subscriptions.by_name.keys();
        names.filter(|name| counts(name)).count()
    }

    /// Whether this connection is subscribed to a pipe.
    pub fn is_subscribed(&self, pipe: &PipeName) -> bool {
        self.subscriptions.lock().by_name.contains_key(pipe)
    }
}
