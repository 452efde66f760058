//! One browser connection as the hall sees it: who it is, what it told about
//! itself, and what it is subscribed to.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::message::UnixTime;
use crate::name::{DevId, PipeName, UserId, Uuid};
use crate::pattern::PipePattern;
use crate::permission::Rates;
use crate::pipe::Subscription;
use crate::shard::ConnectionId;
use crate::sync::{AtomicBool, Mutex};
use crate::traffic::{Line, Traffic};

/// What a browser says about itself, as the handshake carries it. Shown in
/// `users_in_pipes`, believed for nothing.
#[derive(Clone)]
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
    /// Its program as it announces itself, such as `js/4.08`; at most 64 bytes.
    pub client: Arc<str>,
    /// Whether its program comes back by itself, and at once.
    pub returns: bool,
    /// Where its traffic is counted.
    pub line: Arc<dyn Line>,
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
    /// Its program as it announces itself.
    pub client: Arc<str>,
    /// When it was opened.
    pub connected: UnixTime,
    pub(crate) line: Arc<dyn Line>,
    /// The shard that owns its outbound side.
    pub shard: usize,
    /// The pipes its token names, for rules that ask for that.
    pub(crate) grants: Box<[PipePattern]>,
    pub(crate) rates: Mutex<Rates>,
    pub(crate) subscriptions: Mutex<Subscriptions>,
    /// Whether its program comes back by itself, and at once.
    pub(crate) returns: bool,
    /// Whether what it publishes comes back to it.
    pub(crate) hears_itself: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Subscriptions {
    /// Set at disconnect: nothing can be joined any more.
    pub(crate) closed: bool,
    pub(crate) by_name: ByName,
}

/// Subscriptions in the order of their pipes' names. Nearly every connection has
/// only a few, and nothing holds a few in less memory.
#[derive(Default)]
pub(crate) struct ByName(Vec<(PipeName, Subscription)>);

impl ByName {
    fn place(&self, name: &PipeName) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(name))
    }

    pub(crate) fn get(&self, name: &PipeName) -> Option<&Subscription> {
        let (_, subscription) = self.0.get(self.place(name).ok()?)?;
        Some(subscription)
    }

    pub(crate) fn contains_key(&self, name: &PipeName) -> bool {
        self.place(name).is_ok()
    }

    /// Adds a pipe that is not there yet.
    pub(crate) fn insert(&mut self, name: PipeName, subscription: Subscription) {
        const FEW: usize = 4;
        if let Err(place) = self.place(&name) {
            if self.0.len() < FEW {
                self.0.reserve_exact(1);
            }
            self.0.insert(place, (name, subscription));
        }
    }

    pub(crate) fn remove(&mut self, name: &PipeName) -> Option<Subscription> {
        let place = self.place(name).ok()?;
        let (_, subscription) = self.0.remove(place);
        Some(subscription)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&PipeName, &mut Subscription) -> bool) {
        self.0
            .retain_mut(|(name, subscription)| keep(name, subscription));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(PipeName, Subscription)> {
        self.0.iter()
    }
}

impl Connection {
    /// From now on it receives what it publishes, in its place among the messages
    /// of the pipe, as long as it is subscribed: several pages share it, and one's
    /// messages are news to the others. Reports never count it.
    pub fn hear_itself(&self) {
        self.hears_itself.store(true, Ordering::Relaxed);
    }

    /// How many pipes this connection is subscribed to, of those `counts` names.
    pub(crate) fn subscribed_to(&self, counts: impl Fn(&PipeName) -> bool) -> usize {
        let subscriptions = self.subscriptions.lock();
        let pipes = subscriptions.by_name.iter();
        pipes.filter(|(name, _)| counts(name)).count()
    }

    /// What went over it, and what waits.
    pub fn traffic(&self) -> Traffic {
        self.line.traffic()
    }

    /// How many pipes it is subscribed to.
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.lock().by_name.len()
    }

    /// The pipes it is subscribed to, by name, each with the time it was joined.
    pub fn subscribed(&self) -> Vec<(PipeName, UnixTime)> {
        let subscriptions = self.subscriptions.lock();
        let pipes = subscriptions.by_name.iter();
        pipes
            .map(|(name, subscription)| (name.clone(), subscription.since))
            .collect()
    }

    /// When it joined a pipe it is subscribed to.
    pub fn subscribed_since(&self, pipe: &PipeName) -> Option<UnixTime> {
        let subscriptions = self.subscriptions.lock();
        Some(subscriptions.by_name.get(pipe)?.since)
    }

    /// Whether this connection is subscribed to a pipe.
    pub fn is_subscribed(&self, pipe: &PipeName) -> bool {
        self.subscriptions.lock().by_name.contains_key(pipe)
    }
}
