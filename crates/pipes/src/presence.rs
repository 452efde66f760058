//! Users: who is online with which connections, what waits in whose mailbox,
//! and when somebody was last seen.
//!
//! A private message lives in the store until a connection of its user has it.
//! A connection that logs in is first handed what waits, in order; meanwhile new
//! private messages stay in the mailbox and are picked up by the same reading,
//! so that nothing overtakes, is missed or comes twice.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::absence::Absence;
use crate::connection::{Connection, Visitor};
use crate::counters::Counters;
use crate::error::HallError;
use crate::hall::Hall;
use crate::message::{Event, MailId, Outgoing, PrivateMessage, StoredMail, UnixTime};
use crate::name::{AccessKey, DevId, PipeName, UserId};
use crate::pattern::PipePattern;
use crate::shard::{CloseReason, ConnectionId, Delivery, Receipt, Touched};
use crate::storage::{StorageError, Write};
use crate::sync::{self, Mutex};
use crate::token::TokenText;

/// What a browser proved about itself.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// The user, if the claim holds.
    pub user: Option<UserId>,
    /// The key it presented and which is right; the greeting repeats it. None
    /// with a token: whoever shows one is not told more than it knows.
    pub key: Option<AccessKey>,
}

/// What a visitor presented and which is right.
enum Proof {
    Key(AccessKey),
    Token(Box<[PipePattern]>),
}

impl Hall {
    /// Opens a connection under the number given by
    /// [`Hall::next_connection`]: checks the claim, lets `greet` queue the
    /// greeting before anything else can be queued, and registers the user. A
    /// wrong or missing key or token is no error: the visitor is anonymous. `greet` is
    /// called under the user's lock: it must not block.
    ///
    /// # Errors
    /// [`HallError::Storage`] when the key cannot be looked up,
    /// [`HallError::Limit`] when the user has too many connections.
    pub async fn connect(
        self: &Arc<Self>,
        visitor: Visitor,
        id: ConnectionId,
        shard: usize,
        greet: impl FnOnce(&Authorization),
    ) -> Result<Arc<Connection>, HallError> {
        let Some((user, presented)) = visitor.claim.clone() else {
            greet(&Authorization {
                user: None,
                key: None,
            });
            return Ok(self.admit(&visitor, id, shard, None, Box::default()));
        };
        let mut touched = Touched::default();
        let (connection, has_mail) = loop {
            let seen = self.revocations.load(Ordering::SeqCst);
            let dev_id = visitor.dev_id;
            let claim = presented.clone();
            let proof = self
                .blocking(move |hall| hall.proof(dev_id, user, &claim))
                .await?;
            let Some(proof) = proof else {
                greet(&Authorization {
                    user: None,
                    key: None,
                });
                return Ok(self.admit(&visitor, id, shard, None, Box::default()));
            };
            let mut stripe = self.users.stripe(dev_id, user).lock();
            if self.revocations.load(Ordering::SeqCst) != seen {
                continue;
            }
            let limit = self.config.limits.connections_per_user;
            let open = stripe.get(&(dev_id, user));
            if open.map_or(0, |state| state.connections.len()) >= limit {
                Counters::add(&self.counters.user_connections_refused, 1);
                let what = "connections of one user";
                return Err(HallError::Limit { what, limit });
            }
            let (key, grants) = match proof {
                Proof::Key(key) => (Some(key), Box::default()),
                Proof::Token(pipes) => (None, pipes),
            };
            greet(&Authorization {
                user: Some(user),
                key,
            });
            let connection = self.admit(&visitor, id, shard, Some(user), grants);
            let state = stripe.entry((dev_id, user)).or_default();
            let has_mail = state.newest_mail.is_some();
            state.connections.push(Online {
                connection: Arc::clone(&connection),
                reads_after: has_mail.then_some(MailId(0)),
            });
            if state.connections.len() == 1 {
                self.last_seen.note(dev_id, user);
                let was_away = state.away_until.take().is_some();
                if self.config.online_events && !was_away {
                    self.announce(dev_id, user, true, &mut touched);
                }
            }
            break (connection, has_mail);
        };
        touched.wake(&self.shards);
        if has_mail {
            sync::spawn(Arc::clone(self).hand_over_mailbox(Arc::clone(&connection), user));
        }
        Ok(connection)
    }

    /// What `presented` proves about `user`: tried as a token first, then as its
    /// key. A valid token that was revoked proves nothing. Waits for the store.
    fn proof(
        &self,
        dev_id: DevId,
        user: UserId,
        presented: &str,
    ) -> Result<Option<Proof>, StorageError> {
        let now = UnixTime::now();
        let bearer = self.config.tenants.token(dev_id, presented, now);
        if let Some(bearer) = bearer.filter(|bearer| bearer.user == user) {
            let revoked = match TokenText::new(presented) {
                Ok(token) => self.storage.is_revoked(dev_id, &token)?,
                // Whatever cannot be revoked cannot be trusted.
                Err(_) => true,
            };
            return Ok((!revoked).then_some(Proof::Token(bearer.pipes)));
        }
        let key = self.storage.key(dev_id, user)?;
        Ok(key.filter(|key| key.matches(presented)).map(Proof::Key))
    }

    pub(crate) fn user_disconnected(
        self: &Arc<Self>,
        connection: &Connection,
        user: UserId,
        touched: &mut Touched,
    ) {
        let dev_id = connection.dev_id;
        let mut stripe = self.users.stripe(dev_id, user).lock();
        let Some(state) = stripe.get_mut(&(dev_id, user)) else {
            return;
        };
        let before = state.connections.len();
        state
            .connections
            .retain(|online| online.connection.id != connection.id);
        let removable = state.removable_mail();
        if before > 0 && state.connections.is_empty() {
            self.last_seen.note(dev_id, user);
            let may_return = self.absences.of(connection);
            let absence = Absence::User(dev_id, user);
            state.away_until = may_return.and_then(|absences| absences.begin(absence));
            if state.away_until.is_none() {
                if self.config.offline_events {
                    self.announce(dev_id, user, false, touched);
                }
                if state.newest_mail.is_none() {
                    stripe.remove(&(dev_id, user));
                }
            }
        }
        drop(stripe);
        self.remove_mail(dev_id, user, removable);
    }

    /// The time of a user is over who is away since then.
    pub(crate) fn end_user_absence(
        &self,
        dev_id: DevId,
        user: UserId,
        until: Instant,
        touched: &mut Touched,
    ) {
        let mut stripe = self.users.stripe(dev_id, user).lock();
        let Some(state) = stripe.get_mut(&(dev_id, user)) else {
            return;
        };
        // The user may have come back, and even gone again.
        if state.away_until != Some(until) {
            return;
        }
        state.away_until = None;
        let has_mail = state.newest_mail.is_some();
        if self.config.offline_events {
            self.announce(dev_id, user, false, touched);
        }
        if !has_mail {
            stripe.remove(&(dev_id, user));
        }
    }

    /// Publishes to `user_status_<id>`. Called under the user's lock, so that
    /// online and offline cannot swap.
    fn announce(&self, dev_id: DevId, user: UserId, online: bool, touched: &mut Touched) {
        let Ok(pipe) = PipeName::parse(&format!("user_status_{user}")) else {
            return;
        };
        let Some(living) = self.pipes.find(dev_id, &pipe) else {
            return;
        };
        let event = Outgoing::new(Event::Presence {
            pipe,
            online,
            time: UnixTime::now(),
        });
        living.publish(&self.shards, &event, None, touched);
    }

    /// Drops every connection of a user.
    pub(crate) fn close_user(
        &self,
        dev_id: DevId,
        user: UserId,
        reason: CloseReason,
        touched: &mut Touched,
    ) {
        let stripe = self.users.stripe(dev_id, user).lock();
        let Some(state) = stripe.get(&(dev_id, user)) else {
            return;
        };
        for online in &state.connections {
            if let Some(shard) = self.shards.get(online.connection.shard) {
                shard.push(Delivery::Close {
                    connection: online.connection.id,
                    reason,
                });
                touched.add(online.connection.shard);
            }
        }
    }

    /// A private message has become durable: hands it to the user's connections
    /// that have nothing older waiting. Gives how many connections the user has.
    pub(crate) fn deliver_mail(
        self: &Arc<Self>,
        dev_id: DevId,
        user: UserId,
        id: MailId,
        message: PrivateMessage,
        touched: &mut Touched,
    ) -> u64 {
        let mut stripe = self.users.stripe(dev_id, user).lock();
        let state = stripe.entry((dev_id, user)).or_default();
        state.newest_mail = Some(id);
        let event = Outgoing::new(Event::Private {
            message,
            from_queue: false,
        });
        for online in &state.connections {
            if online.reads_after.is_some() {
                continue;
            }
            if let Some(shard) = self.shards.get(online.connection.shard) {
                shard.push(Delivery::Direct {
                    connection: online.connection.id,
                    event: Arc::clone(&event),
                    receipt: Some(self.mail_receipt(dev_id, user, id)),
                });
                touched.add(online.connection.shard);
            }
        }
        state.connections.len() as u64
    }

    /// Removes a private message from its mailbox once it is handed over.
    fn mail_receipt(self: &Arc<Self>, dev_id: DevId, user: UserId, id: MailId) -> Receipt {
        let hall = Arc::clone(self);
        Box::new(move || hall.mail_handed_over(dev_id, user, vec![id]))
    }

    /// These went to the kernel. They stay in the mailbox while another
    /// connection of the user is still reading its way up to them.
    fn mail_handed_over(self: &Arc<Self>, dev_id: DevId, user: UserId, mut ids: Vec<MailId>) {
        let mut stripe = self.users.stripe(dev_id, user).lock();
        if let Some(state) = stripe.get_mut(&(dev_id, user)) {
            state.handed_over.extend(ids);
            ids = state.removable_mail();
            // A full mailbox would have dropped these by now.
            while state.handed_over.len() > self.config.limits.mailbox_length as usize {
                ids.extend(state.handed_over.pop_first());
            }
        }
        drop(stripe);
        self.remove_mail(dev_id, user, ids);
    }

    /// Called without locks: a store may complete at once.
    fn remove_mail(self: &Arc<Self>, dev_id: DevId, user: UserId, ids: Vec<MailId>) {
        if ids.is_empty() {
            return;
        }
        let hall = Arc::clone(self);
        self.storage.submit(
            vec![Write::RemoveMail { dev_id, user, ids }],
            Box::new(move |outcome| match outcome {
                Ok(_) => hall.mailbox_shrank(dev_id, user),
                Err(error) => tracing::warn!(%error, "mail_not_removed"),
            }),
        );
    }

    /// The mailbox may be empty now; housekeeping looks.
    pub(crate) fn mailbox_shrank(&self, dev_id: DevId, user: UserId) {
        let mut stripe = self.users.stripe(dev_id, user).lock();
        if let Some(state) = stripe.get_mut(&(dev_id, user)) {
            state.maybe_empty = true;
        }
    }

    /// Hands everything that waits in the mailbox to a connection that has just
    /// logged in, in pieces, each once the one before is on its way.
    async fn hand_over_mailbox(self: Arc<Self>, connection: Arc<Connection>, user: UserId) {
        const PIECE_MESSAGES: usize = 64;
        const PIECE_BYTES: usize = 128 * 1024;
        let dev_id = connection.dev_id;
        let mut after = MailId(0);
        while let Some(newest) = self.mail_left(&connection, user, after) {
            let read = self
                .blocking(move |hall| {
                    hall.storage
                        .mailbox(dev_id, user, after, newest, PIECE_MESSAGES, PIECE_BYTES)
                })
                .await;
            let piece = match read {
                Ok(piece) => piece,
                Err(error) => {
                    tracing::error!(%error, dev_id = dev_id.number(), "mailbox_unreadable");
                    // What waits is for the next connection; this one must not
                    // be deaf to what comes.
                    self.mail_left(&connection, user, MailId(u64::MAX));
                    return;
                }
            };
            after = piece.last().map_or(newest, |mail| mail.id);
            if !self.hand_over_piece(&connection, user, piece).await {
                // The connection closed first; the rest waits for the next one.
                return;
            }
        }
    }

    /// Gives whether all of `piece` went to the kernel.
    async fn hand_over_piece(
        self: &Arc<Self>,
        connection: &Connection,
        user: UserId,
        piece: Vec<StoredMail>,
    ) -> bool {
        let Some(shard) = self.shards.get(connection.shard) else {
            return false;
        };
        let pushed = piece.len();
        let (handed_over, mut receipts) = mpsc::channel(pushed.max(1));
        for mail in piece {
            let (id, handed_over) = (mail.id, handed_over.clone());
            shard.push(Delivery::Direct {
                connection: connection.id,
                event: Outgoing::new(Event::Private {
                    message: mail.message,
                    from_queue: true,
                }),
                receipt: Some(Box::new(move || {
                    // The other end waits until every receipt is used or dropped.
                    let _ = handed_over.try_send(id);
                })),
            });
        }
        drop(handed_over);
        shard.wake();
        let mut ids = Vec::with_capacity(pushed);
        while let Some(id) = receipts.recv().await {
            ids.push(id);
        }
        let complete = ids.len() == pushed;
        self.mail_handed_over(connection.dev_id, user, ids);
        complete
    }

    /// The newest number to read up to for a connection that has everything up
    /// to `after`. `None` when nothing newer waits: then it takes private
    /// messages live from here on; or when it is gone.
    fn mail_left(
        self: &Arc<Self>,
        connection: &Connection,
        user: UserId,
        after: MailId,
    ) -> Option<MailId> {
        let dev_id = connection.dev_id;
        let mut stripe = self.users.stripe(dev_id, user).lock();
        let state = stripe.get_mut(&(dev_id, user))?;
        let newest = state.newest_mail.filter(|newest| *newest > after);
        let online = state
            .connections
            .iter_mut()
            .find(|online| online.connection.id == connection.id)?;
        online.reads_after = newest.map(|_| after);
        let removable = state.removable_mail();
        drop(stripe);
        self.remove_mail(dev_id, user, removable);
        newest
    }

    /// How many connections a user has on this node.
    pub fn connection_count(&self, dev_id: DevId, user: UserId) -> usize {
        let stripe = self.users.stripe(dev_id, user).lock();
        stripe
            .get(&(dev_id, user))
            .map_or(0, |state| state.connections.len())
    }

    /// The connections a user has on this node, the oldest first.
    pub fn connections_of(&self, dev_id: DevId, user: UserId) -> Vec<Arc<Connection>> {
        let stripe = self.users.stripe(dev_id, user).lock();
        let online = stripe.get(&(dev_id, user)).into_iter();
        online
            .flat_map(|state| &state.connections)
            .map(|online| Arc::clone(&online.connection))
            .collect()
    }

    /// Whether a user has a connection on this node.
    pub fn is_online(&self, dev_id: DevId, user: UserId) -> bool {
        let stripe = self.users.stripe(dev_id, user).lock();
        stripe
            .get(&(dev_id, user))
            .is_some_and(|state| !state.connections.is_empty())
    }
}

/// Every user who is online or has mail waiting.
pub(crate) struct Users {
    hasher: RandomState,
    stripes: Vec<Stripe>,
    /// Stands in for a stripe that cannot be missing.
    spare: Stripe,
}

type Stripe = Mutex<HashMap<(DevId, UserId), UserState>>;

const STRIPES: usize = 64;

#[derive(Default)]
pub(crate) struct UserState {
    connections: Vec<Online>,
    /// Until when the user may come back before others are told of its leaving.
    away_until: Option<Instant>,
    /// The newest message that may wait in the mailbox.
    newest_mail: Option<MailId>,
    /// Something was removed from the mailbox since it was last looked into.
    maybe_empty: bool,
    /// Private messages one connection has and another is yet to read; at most
    /// as many as a mailbox holds.
    handed_over: BTreeSet<MailId>,
}

struct Online {
    connection: Arc<Connection>,
    /// Still being handed what waited, and has everything up to here; new mail
    /// goes the same way.
    reads_after: Option<MailId>,
}

impl UserState {
    /// Takes the private messages that some connection has and none is yet to
    /// read.
    fn removable_mail(&mut self) -> Vec<MailId> {
        let slowest = self
            .connections
            .iter()
            .filter_map(|online| online.reads_after)
            .min();
        let later = match slowest {
            Some(after) => self
                .handed_over
                .split_off(&MailId(after.0.saturating_add(1))),
            None => BTreeSet::new(),
        };
        std::mem::replace(&mut self.handed_over, later)
            .into_iter()
            .collect()
    }
}

impl Users {
    pub(crate) fn new(mailboxes: &[(DevId, UserId, MailId)]) -> Self {
        let users = Self {
            hasher: RandomState::new(),
            stripes: (0..STRIPES).map(|_| Stripe::default()).collect(),
            spare: Stripe::default(),
        };
        for (dev_id, user, newest) in mailboxes {
            let mut stripe = users.stripe(*dev_id, *user).lock();
            stripe.entry((*dev_id, *user)).or_default().newest_mail = Some(*newest);
        }
        users
    }

    fn stripe(&self, dev_id: DevId, user: UserId) -> &Stripe {
        let hash = self.hasher.hash_one((dev_id, user)) as usize;
        self.stripes.get(hash % STRIPES).unwrap_or(&self.spare)
    }

    /// Users of a tenant who are online.
    pub(crate) fn online(&self, dev_id: DevId, limit: usize) -> Vec<UserId> {
        let mut users = Vec::new();
        for stripe in &self.stripes {
            let room = limit - users.len();
            users.extend(
                stripe
                    .lock()
                    .iter()
                    .filter(|((tenant, _), state)| {
                        *tenant == dev_id && !state.connections.is_empty()
                    })
                    .take(room)
                    .map(|((_, user), _)| *user),
            );
        }
        users
    }

    /// How many users of a tenant, or of all, are online.
    pub(crate) fn count_online(&self, dev_id: Option<DevId>) -> u64 {
        let online = |stripe: &Stripe| {
            let users = stripe.lock();
            let of_tenant = users.iter().filter(|((tenant, _), state)| {
                dev_id.is_none_or(|dev_id| *tenant == dev_id) && !state.connections.is_empty()
            });
            of_tenant.count() as u64
        };
        self.stripes.iter().map(online).sum()
    }

    /// Users of a tenant who may have mail.
    pub(crate) fn with_mail(&self, dev_id: DevId, limit: usize) -> Vec<UserId> {
        let mut users = Vec::new();
        for stripe in &self.stripes {
            let room = limit - users.len();
            users.extend(
                stripe
                    .lock()
                    .iter()
                    .filter(|((tenant, _), state)| *tenant == dev_id && state.newest_mail.is_some())
                    .take(room)
                    .map(|((_, user), _)| *user),
            );
        }
        users
    }

    pub(crate) fn has_mail(&self, dev_id: DevId, user: UserId) -> bool {
        let stripe = self.stripe(dev_id, user).lock();
        let state = stripe.get(&(dev_id, user));
        state.is_some_and(|state| state.newest_mail.is_some())
    }

    /// Mailboxes something was removed from, with their newest number; each is
    /// given once.
    pub(crate) fn take_maybe_empty(&self) -> Vec<(DevId, UserId, MailId)> {
        let mut found = Vec::new();
        for stripe in &self.stripes {
            for ((dev_id, user), state) in stripe.lock().iter_mut() {
                if let Some(newest) = state.newest_mail
                    && std::mem::take(&mut state.maybe_empty)
                {
                    found.push((*dev_id, *user, newest));
                }
            }
        }
        found
    }

    /// A purge went over all mailboxes.
    pub(crate) fn all_maybe_empty(&self) {
        for stripe in &self.stripes {
            for state in stripe.lock().values_mut() {
                state.maybe_empty = true;
            }
        }
    }

    /// Forgets a mailbox that was found empty up to `newest`.
    pub(crate) fn mailbox_is_empty(&self, dev_id: DevId, user: UserId, newest: MailId) {
        let mut stripe = self.stripe(dev_id, user).lock();
        let Some(state) = stripe.get_mut(&(dev_id, user)) else {
            return;
        };
        if state.newest_mail == Some(newest) {
            state.newest_mail = None;
            if state.connections.is_empty() && state.away_until.is_none() {
                stripe.remove(&(dev_id, user));
            }
        }
    }
}

/// Last-seen times on their way to the store.
#[derive(Default)]
pub(crate) struct LastSeen {
    waiting: Mutex<HashMap<(DevId, UserId), UnixTime>>,
}

impl LastSeen {
    fn note(&self, dev_id: DevId, user: UserId) {
        self.waiting.lock().insert((dev_id, user), UnixTime::now());
    }

    pub(crate) fn find(&self, dev_id: DevId, user: UserId) -> Option<UnixTime> {
        self.waiting.lock().get(&(dev_id, user)).copied()
    }

    pub(crate) fn waiting(&self) -> Vec<(DevId, UserId, UnixTime)> {
        let waiting = self.waiting.lock();
        waiting
            .iter()
            .map(|((dev_id, user), time)| (*dev_id, *user, *time))
            .collect()
    }

    /// These times are durable; newer ones stay.
    pub(crate) fn settled(&self, written: &[(DevId, UserId, UnixTime)]) {
        let mut waiting = self.waiting.lock();
        for (dev_id, user, time) in written {
            if waiting.get(&(*dev_id, *user)) == Some(time) {
                waiting.remove(&(*dev_id, *user));
            }
        }
    }
}
