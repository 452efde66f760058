//! One pipe's living side: its subscribers, and the order in which its events
//! reach the shards. A pipe exists while it has a subscriber. What its history
//! keeps is in the store.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::absence::{Absence, Absences};
use crate::connection::Connection;
use crate::family::Family;
use crate::hall::random_epoch;
use crate::message::{Event, Member, Members, Outgoing, PresenceVersion, UnixTime};
use crate::name::{DevId, PipeName};
use crate::roll::{Roll, RollChange};
use crate::shard::{ConnectionId, Delivery, PipeId, Shard, Touched};
use crate::sync::{AtomicU64, Mutex, RwLock};

/// A pipe with at least one subscriber.
pub(crate) struct Pipe {
    id: PipeId,
    dev_id: DevId,
    name: PipeName,
    family: Family,
    /// Names this life of the pipe.
    epoch: u64,
    state: Mutex<PipeState>,
}

#[derive(Default)]
struct PipeState {
    /// Set when the last subscriber has left: this object is on its way out of
    /// the registry and must not be joined.
    dead: bool,
    next_sequence: u64,
    /// By order of arrival.
    subscribers: BTreeMap<u64, Arc<Connection>>,
    /// Who is in a `track_` pipe; empty in others.
    roll: Roll,
    /// How many subscribers each shard has.
    per_shard: Vec<u32>,
}

/// A pipe one connection is subscribed to.
pub(crate) struct Subscription {
    pub(crate) pipe: Arc<Pipe>,
    pub(crate) since: UnixTime,
    sequence: u64,
}

impl Subscription {
    fn new(pipe: Arc<Pipe>, sequence: u64) -> Self {
        Self {
            pipe,
            since: UnixTime::now(),
            sequence,
        }
    }
}

impl Pipe {
    /// Hands `event` to every shard that has a subscriber. Gives the number of
    /// receivers. `except` must say whether that connection is subscribed, which
    /// only its own command loop knows for sure.
    pub(crate) fn publish(
        &self,
        shards: &[Arc<dyn Shard>],
        event: &Arc<Outgoing>,
        except: Option<ConnectionId>,
        touched: &mut Touched,
    ) -> u64 {
        let state = self.state.lock();
        state.hand_out(self.id, shards, event, except, touched);
        let excluded = u64::from(except.is_some());
        (state.subscribers.len() as u64).saturating_sub(excluded)
    }

    fn join(
        &self,
        shards: &[Arc<dyn Shard>],
        connection: &Arc<Connection>,
        touched: &mut Touched,
    ) -> Option<u64> {
        let mut state = self.state.lock();
        if state.dead {
            return None;
        }
        let sequence = state.next_sequence;
        state.next_sequence += 1;
        if self.family == Family::Track
            && let Some(change) = state.roll.enter(sequence, connection)
        {
            let event = self.tracking(change);
            state.hand_out(self.id, shards, &event, None, touched);
        }
        state.subscribers.insert(sequence, Arc::clone(connection));
        if state.per_shard.len() <= connection.shard {
            state.per_shard.resize(connection.shard + 1, 0);
        }
        if let Some(count) = state.per_shard.get_mut(connection.shard) {
            *count += 1;
        }
        if let Some(shard) = shards.get(connection.shard) {
            shard.push(Delivery::Join {
                connection: connection.id,
                pipe: self.id,
            });
            touched.add(connection.shard);
        }
        Some(sequence)
    }

    /// Gives whether the pipe is empty now.
    fn leave(
        self: &Arc<Self>,
        shards: &[Arc<dyn Shard>],
        sequence: u64,
        may_return: Option<&Absences>,
        touched: &mut Touched,
    ) -> bool {
        let mut state = self.state.lock();
        let Some(connection) = state.subscribers.remove(&sequence) else {
            return false;
        };
        if let Some(count) = state.per_shard.get_mut(connection.shard) {
            *count = count.saturating_sub(1);
        }
        if let Some(shard) = shards.get(connection.shard) {
            shard.push(Delivery::Leave {
                connection: connection.id,
                pipe: self.id,
            });
            touched.add(connection.shard);
        }
        state.dead = state.subscribers.is_empty();
        // Of an empty pipe there is nobody to tell.
        if self.family == Family::Track && !state.dead {
            let begin = |member| {
                let absence = Absence::Member(Arc::downgrade(self), member);
                may_return?.begin(absence)
            };
            if let Some(change) = state.roll.leave(sequence, begin) {
                let event = self.tracking(change);
                state.hand_out(self.id, shards, &event, None, touched);
            }
        }
        state.dead
    }

    /// Tells that a member has left who was away until now.
    pub(crate) fn end_absence(
        &self,
        shards: &[Arc<dyn Shard>],
        member: u64,
        until: Instant,
        touched: &mut Touched,
    ) {
        let mut state = self.state.lock();
        if state.dead {
            return;
        }
        if let Some(change) = state.roll.end_absence(member, until) {
            let event = self.tracking(change);
            state.hand_out(self.id, shards, &event, None, touched);
        }
    }

    fn tracking(&self, change: RollChange) -> Arc<Outgoing> {
        let RollChange {
            joined,
            member: Member { member, user, uuid },
            is_edge,
            version,
        } = change;
        Outgoing::new(Event::Tracking {
            pipe: self.name.clone(),
            joined,
            user,
            uuid,
            member,
            is_edge,
            version: self.version(version),
            time: UnixTime::now(),
        })
    }

    fn version(&self, version: u64) -> PresenceVersion {
        PresenceVersion {
            epoch: self.epoch,
            version,
        }
    }

    /// Up to `limit` members of a `track_` pipe.
    pub(crate) fn members(&self, limit: usize) -> Members {
        let state = self.state.lock();
        Members {
            version: self.version(state.roll.version()),
            members: state.roll.members(limit),
        }
    }

    /// How many connections are subscribed.
    pub(crate) fn subscriber_count(&self) -> usize {
        self.state.lock().subscribers.len()
    }

    /// Up to `limit` subscribers, the newest first.
    pub(crate) fn subscribers(&self, limit: usize) -> Vec<Arc<Connection>> {
        let state = self.state.lock();
        state
            .subscribers
            .values()
            .rev()
            .take(limit)
            .cloned()
            .collect()
    }

    pub(crate) fn name(&self) -> &PipeName {
        &self.name
    }
}

impl PipeState {
    fn hand_out(
        &self,
        pipe: PipeId,
        shards: &[Arc<dyn Shard>],
        event: &Arc<Outgoing>,
        except: Option<ConnectionId>,
        touched: &mut Touched,
    ) {
        for (index, (shard, count)) in shards.iter().zip(&self.per_shard).enumerate() {
            if *count > 0 {
                shard.push(Delivery::Publish {
                    pipe,
                    event: Arc::clone(event),
                    except,
                });
                touched.add(index);
            }
        }
    }
}

/// All living pipes, in stripes so that unrelated pipes rarely meet.
pub(crate) struct PipeRegistry {
    hasher: RandomState,
    stripes: Vec<Stripe>,
    next_id: AtomicU64,
}

type Stripe = RwLock<HashMap<(DevId, PipeName), Arc<Pipe>>>;

const STRIPES: usize = 64;

impl PipeRegistry {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            next_id: AtomicU64::new(1),
        }
    }

    fn stripe(&self, key: &(DevId, PipeName)) -> Option<&Stripe> {
        let hash = self.hasher.hash_one(key) as usize;
        self.stripes.get(hash % STRIPES)
    }

    /// The pipe, if it has subscribers.
    pub(crate) fn find(&self, dev_id: DevId, name: &PipeName) -> Option<Arc<Pipe>> {
        let key = (dev_id, name.clone());
        self.stripe(&key)?.read().get(&key).cloned()
    }

    /// Subscribes a connection, making the pipe if need be.
    pub(crate) fn join(
        &self,
        shards: &[Arc<dyn Shard>],
        connection: &Arc<Connection>,
        name: &PipeName,
        touched: &mut Touched,
    ) -> Option<Subscription> {
        let key = (connection.dev_id, name.clone());
        let stripe = self.stripe(&key)?;
        let known = stripe.read().get(&key).cloned();
        if let Some(pipe) = known
            && let Some(sequence) = pipe.join(shards, connection, touched)
        {
            return Some(Subscription::new(pipe, sequence));
        }
        let mut stripe = stripe.write();
        if let Some(pipe) = stripe.get(&key)
            && let Some(sequence) = pipe.join(shards, connection, touched)
        {
            let pipe = Arc::clone(pipe);
            return Some(Subscription::new(pipe, sequence));
        }
        let pipe = Arc::new(Pipe {
            id: PipeId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            dev_id: connection.dev_id,
            name: name.clone(),
            family: Family::of(name),
            epoch: random_epoch(),
            state: Mutex::default(),
        });
        let sequence = pipe.join(shards, connection, touched)?;
        stripe.insert(key, Arc::clone(&pipe));
        Some(Subscription::new(pipe, sequence))
    }

    /// Ends a subscription; the pipe goes with its last one. With `may_return` the
    /// others are told only if the subscriber stays away.
    pub(crate) fn leave(
        &self,
        shards: &[Arc<dyn Shard>],
        subscription: &Subscription,
        may_return: Option<&Absences>,
        touched: &mut Touched,
    ) {
        let pipe = &subscription.pipe;
        if !pipe.leave(shards, subscription.sequence, may_return, touched) {
            return;
        }
        let key = (pipe.dev_id, pipe.name.clone());
        if let Some(stripe) = self.stripe(&key) {
            let mut stripe = stripe.write();
            // A successor of the same name may have taken the place already.
            if stripe
                .get(&key)
                .is_some_and(|known| Arc::ptr_eq(known, pipe))
            {
                stripe.remove(&key);
            }
        }
    }

    /// How many pipes a tenant has, or all, and how many subscriptions to them.
    pub(crate) fn count(&self, dev_id: Option<DevId>) -> (u64, u64) {
        let (mut pipes, mut subscriptions) = (0, 0);
        for stripe in &self.stripes {
            for pipe in stripe.read().values() {
                if dev_id.is_none_or(|dev_id| pipe.dev_id == dev_id) {
                    let subscribers = pipe.subscriber_count() as u64;
                    pipes += u64::from(subscribers > 0);
                    subscriptions += subscribers;
                }
            }
        }
        (pipes, subscriptions)
    }

    /// Up to `limit` pipes of a tenant, in no particular order.
    pub(crate) fn of_tenant(&self, dev_id: DevId, limit: usize) -> Vec<Arc<Pipe>> {
        let mut pipes = Vec::new();
        for stripe in &self.stripes {
            let room = limit - pipes.len();
            pipes.extend(
                stripe
                    .read()
                    .values()
                    .filter(|pipe| pipe.dev_id == dev_id)
                    .take(room)
                    .cloned(),
            );
        }
        pipes
    }
}
