//! The hall itself: everything a door can ask for, and the state it shares. The
//! parts live in their own files: publishing in `apply`, users and mailboxes in
//! `presence`, what SELECT shows in `listing`, and the timed work in
//! `housekeeping`.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::absence::Absences;
use crate::connection::{Connection, Subscriptions, Visitor};
use crate::counters::{Counters, TenantCounters};
use crate::error::HallError;
use crate::limits::Limits;
use crate::message::{StoredMessage, UnixTime};
use crate::name::{DevId, PipeName, UserId};
use crate::pattern::PipePattern;
use crate::pipe::PipeRegistry;
use crate::presence::{LastSeen, Users};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::shard::{CloseReason, ConnectionId, Delivery, Shard, Touched};
use crate::storage::{Storage, StorageError, Window};
use crate::sync::{self, AtomicBool, AtomicU64, Mutex, RwLock};
use crate::tenant::Tenants;

/// What a server is told about its hall.
#[derive(Debug, Clone)]
pub struct HallConfig {
    /// The bounds.
    pub limits: Limits,
    /// The dev_ids and their keys.
    pub tenants: Tenants,
    /// Whether `user_status_<id>` says `online`.
    pub online_events: bool,
    /// Whether `user_status_<id>` says `offline`.
    pub offline_events: bool,
}

/// Pipes, users, mailboxes and their rules. Shared by both doors.
pub struct Hall {
    pub(crate) config: HallConfig,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) shards: Vec<Arc<dyn Shard>>,
    pub(crate) pipes: PipeRegistry,
    pub(crate) users: Users,
    pub(crate) roster: Roster,
    pub(crate) settings: RwLock<Settings>,
    /// Whether any row lists events: a backend's message takes no lock to know it.
    pub(crate) lists_events: AtomicBool,
    pub(crate) last_seen: LastSeen,
    pub(crate) absences: Absences,
    /// Grows whenever a key is deleted or a valid token revoked; a login that
    /// straddles it is checked again.
    pub(crate) revocations: AtomicU64,
    pub(crate) counters: Counters,
    /// The tenants are known from the start, so this never grows.
    pub(crate) tenant_counters: HashMap<DevId, TenantCounters>,
    /// Taken alone by a batch of several changes, shared by everything else
    /// whose order against it a subscriber could see. Taken before any other
    /// lock of the hall, never while waiting for the store.
    pub(crate) turns: RwLock<()>,
    next_connection: AtomicU64,
    /// Names this run of the server.
    epoch: u64,
    started: UnixTime,
}

/// Names that could not be subscribed to, each with its reason.
pub type RefusedNames = Vec<(PipeName, HallError)>;

impl Hall {
    /// A hall over a store, sending through `shards` (1 to
    /// [`crate::shard::MAX_SHARDS`]).
    ///
    /// # Errors
    /// [`StorageError`] when the store cannot be read.
    pub fn new(
        config: HallConfig,
        storage: Arc<dyn Storage>,
        shards: Vec<Arc<dyn Shard>>,
    ) -> Result<Arc<Self>, StorageError> {
        let snapshot = storage.snapshot()?;
        let users = Users::new(&snapshot.mailboxes);
        let settings = Settings::new(snapshot.settings, snapshot.prefixes);
        let tenants = config.tenants.ids();
        let tenant_counters = tenants
            .map(|dev_id| (dev_id, TenantCounters::default()))
            .collect();
        let absences = Absences::new(&config.limits);
        Ok(Arc::new(Self {
            config,
            storage,
            shards,
            pipes: PipeRegistry::new(),
            users,
            roster: Roster::new(),
            lists_events: AtomicBool::new(settings.lists_events()),
            settings: RwLock::new(settings),
            last_seen: LastSeen::default(),
            absences,
            revocations: AtomicU64::new(0),
            counters: Counters::default(),
            tenant_counters,
            turns: RwLock::new(()),
            next_connection: AtomicU64::new(ConnectionId::FIRST.0),
            epoch: random_epoch(),
            started: UnixTime::now(),
        }))
    }

    /// The dev_ids and their keys.
    pub fn tenants(&self) -> &Tenants {
        &self.config.tenants
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Names this run of the server: what lives in memory alone, such as who is
    /// subscribed to what, has no continuity from one epoch to the next. Fits
    /// into a JavaScript number.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When this run of the server began.
    pub fn started(&self) -> UnixTime {
        self.started
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What was counted of a tenant; `None` for one that does not exist.
    pub fn tenant_counters(&self, dev_id: DevId) -> Option<&TenantCounters> {
        self.tenant_counters.get(&dev_id)
    }

    /// A number for a connection about to be opened, and the shard to serve it.
    pub fn next_connection(&self) -> (ConnectionId, usize) {
        let number = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let shard = number as usize % self.shards.len().max(1);
        (ConnectionId(number), shard)
    }

    pub(crate) fn admit(
        &self,
        visitor: &Visitor,
        id: ConnectionId,
        shard: usize,
        user: Option<UserId>,
        grants: Box<[PipePattern]>,
    ) -> Arc<Connection> {
        Counters::add(&self.counters.connections_opened, 1);
        if let Some(tenant) = self.tenant_counters(visitor.dev_id) {
            tenant.connections.fetch_add(1, Ordering::Relaxed);
        }
        let connection = Arc::new(Connection {
            id,
            dev_id: visitor.dev_id,
            user,
            uuid: visitor.uuid.clone(),
            user_agent: Arc::clone(&visitor.user_agent),
            address: visitor.address,
            origin: Arc::clone(&visitor.origin),
            language: Arc::clone(&visitor.language),
            client: Arc::clone(&visitor.client),
            connected: UnixTime::now(),
            line: Arc::clone(&visitor.line),
            shard,
            grants,
            rates: Default::default(),
            subscriptions: Mutex::new(Subscriptions::default()),
            returns: visitor.returns,
            hears_itself: AtomicBool::new(false),
        });
        self.roster.enter(&connection);
        connection
    }

    /// Asks the connection's door to close it. Gives whether it is open.
    pub fn kill(&self, id: ConnectionId) -> bool {
        let Some(connection) = self.roster.find(id) else {
            return false;
        };
        if let Some(shard) = self.shards.get(connection.shard) {
            shard.push(Delivery::Close {
                connection: id,
                reason: CloseReason::Killed,
            });
            shard.wake();
        }
        true
    }

    /// Replaces the list of pipes a connection is subscribed to. Only the
    /// difference is joined and left, so nothing is missed in between and
    /// `track_` pipes see no false movement. Gives the names that were refused;
    /// the others are subscribed.
    pub fn subscribe(&self, connection: &Arc<Connection>, wanted: &[PipeName]) -> RefusedNames {
        self.change_list(connection, wanted, false)
    }

    /// Adds to the list of pipes a connection is subscribed to. Gives the names
    /// that were refused.
    pub fn subscribe_also(&self, connection: &Arc<Connection>, more: &[PipeName]) -> RefusedNames {
        self.change_list(connection, more, true)
    }

    fn change_list(
        &self,
        connection: &Arc<Connection>,
        wanted: &[PipeName],
        keep_others: bool,
    ) -> RefusedNames {
        let limit = self.config.limits.subscriptions_per_connection;
        let mut refused = RefusedNames::new();
        let mut accepted: Vec<&PipeName> = Vec::with_capacity(wanted.len().min(limit));
        let distinct: HashSet<&PipeName> = wanted.iter().collect();
        let held = match keep_others {
            true => connection.subscribed_to(|name| !distinct.contains(name)),
            false => 0,
        };
        let mut seen = HashSet::with_capacity(distinct.len());
        // Rules that change take the turn alone: nobody joins by the old ones.
        let turn = self.turns.read();
        for name in wanted {
            if !seen.insert(name) {
                continue;
            }
            if let Err(refusal) = self.may_subscribe(connection, name) {
                refused.push((name.clone(), refusal));
            } else if held + accepted.len() >= limit {
                let what = "pipes one connection is subscribed to";
                refused.push((name.clone(), HallError::Limit { what, limit }));
            } else {
                accepted.push(name);
            }
        }

        let mut touched = Touched::default();
        let mut subscriptions = connection.subscriptions.lock();
        if subscriptions.closed {
            return refused;
        }
        let keep: HashSet<&PipeName> = accepted.iter().copied().collect();
        subscriptions.by_name.retain(|name, subscription| {
            let kept = keep_others || keep.contains(name);
            if !kept {
                self.pipes
                    .leave(&self.shards, subscription, None, &mut touched);
            }
            kept
        });
        for name in accepted {
            if subscriptions.by_name.contains_key(name) {
                continue;
            }
            let joined = self
                .pipes
                .join(&self.shards, connection, name, &mut touched);
            if let Some(subscription) = joined {
                subscriptions.by_name.insert(name.clone(), subscription);
            }
        }
        drop(subscriptions);
        drop(turn);
        touched.wake(&self.shards);
        Counters::add(&self.counters.subscriptions_refused, refused.len() as u64);
        refused
    }

    /// Ends a connection: offline first if it was the user's last, then leaves
    /// every pipe. Does nothing the second time.
    pub fn disconnect(self: &Arc<Self>, connection: &Arc<Connection>) {
        let mut touched = Touched::default();
        let mut subscriptions = connection.subscriptions.lock();
        if subscriptions.closed {
            return;
        }
        subscriptions.closed = true;
        let left = std::mem::take(&mut subscriptions.by_name);
        drop(subscriptions);
        if let Some(user) = connection.user {
            self.user_disconnected(connection, user, &mut touched);
        }
        for (_, subscription) in left.iter() {
            let may_return = self.absences.of(connection);
            self.pipes
                .leave(&self.shards, subscription, may_return, &mut touched);
        }
        touched.wake(&self.shards);
        self.roster.leave(connection.id);
        Counters::add(&self.counters.connections_closed, 1);
        if let Some(tenant) = self.tenant_counters(connection.dev_id) {
            tenant.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A part of a pipe's history for a browser, oldest first, out of the newest
    /// [`Limits::history_read`] messages. Ask for pieces: what is read stays in
    /// memory until a possibly slow browser has taken it.
    ///
    /// # Errors
    /// [`HallError::Refused`] when it may not subscribe either; [`HallError::Storage`].
    pub async fn history_for(
        self: &Arc<Self>,
        connection: &Connection,
        pipe: &PipeName,
        mut window: Window,
    ) -> Result<Vec<StoredMessage>, HallError> {
        self.may_read(connection, pipe)?;
        let dev_id = connection.dev_id;
        let pipe = pipe.clone();
        window.newest = window.newest.min(self.config.limits.history_read);
        let messages = self
            .blocking(move |hall| hall.storage.history(dev_id, &pipe, window))
            .await?;
        Ok(messages)
    }

    /// Runs `work`, which may wait for the disk, off the async threads.
    pub async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, StorageError> + Send + 'static,
    {
        let hall = Arc::clone(self);
        match sync::spawn_blocking(move || work(&hall)).await {
            Ok(result) => result,
            Err(failure) => Err(StorageError::Failed(failure.to_string())),
        }
    }

    /// Waits until no shard is so far behind that more should not be accepted.
    pub(crate) async fn wait_for_room(&self) {
        for shard in &self.shards {
            if shard.is_congested() {
                Counters::add(&self.counters.publishers_waited, 1);
                shard.relieved().await;
            }
        }
    }
}

/// A number from 1 to 2^53 - 1, as far as the system is unpredictable.
pub(crate) fn random_epoch() -> u64 {
    const LARGEST: u64 = (1 << 53) - 1;
    RandomState::new().hash_one(()) % LARGEST + 1
}
