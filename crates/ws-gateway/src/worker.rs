//! The thread of one shard. It waits for sockets and for the queue, reads what its
//! connections say, and works the queue off in rounds: whatever has gathered is
//! taken together, and everybody who is due something is written to once. While a
//! round goes on more gathers, so under load the rounds grow by themselves and a
//! delivery costs less. The thread never waits for anything else. While it waits,
//! others may do a little work in its stead (`stand_in`).

use std::io;
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry};
use parking_lot::Mutex;
use pipes::connection::Connection;
use pipes::error::HallError;
use pipes::shard::{CloseReason, ConnectionId, Delivery, Shard};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::arrival::{self, Arrival, Entrance, Texts};
use crate::doorstep::{Doorstep, LISTENER, Listening};
use crate::errand::{Errand, Turnout};
use crate::frame;
use crate::leaving::Leaving;
use crate::members::{Members, Seat};
use crate::pace::Pace;
use crate::peer::{End, Peer, Phase, Sent};
use crate::round::Round;
use crate::server::Gateway;
use crate::session::{Session, Turn};
use crate::shard::{ITEMS_PER_ROUND, Item, ShardQueue, WAKE};
use crate::usher;

/// What is read of one connection at once; all connections of a shard share it.
const READ_BUFFER: usize = 64 * 1024;
/// Sockets told of by one wait.
const EVENTS: usize = 1024;
/// How often a keep-alive interval looks for quiet connections.
const SWEEPS_PER_INTERVAL: u32 = 5;
/// In how many slices a sweep is done, so that no delivery waits for many pings.
const SLICES_PER_SWEEP: u32 = 16;
/// However short the interval, slices are no closer together.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// A shard at work.
pub(crate) struct Worker {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) queue: Arc<ShardQueue>,
    /// The shard's number.
    pub(crate) number: usize,
    /// Where errands run, and what is no shard's.
    pub(crate) runtime: Handle,
    pub(crate) registry: Registry,
    /// The door, at the one shard that opens it.
    pub(crate) listening: Option<Listening>,
    pub(crate) doorstep: Doorstep,
    /// Turns true when the server stops.
    pub(crate) shutdown: watch::Receiver<bool>,
    pub(crate) members: Members,
    round: Round,
    pace: Pace,
    /// The items of the round.
    pub(crate) items: Vec<Item>,
    /// What has to wait until the round is sent.
    afterwards: Vec<Afterwards>,
    pub(crate) buffer: Vec<u8>,
    /// Who has more to say than was heard, those who leave included.
    pub(crate) eager: Vec<Seat>,
    pub(crate) leaving: Leaving,
    texts: Texts,
    /// Set once everybody was asked to end.
    pub(crate) closing: Option<CloseReason>,
    sweeps: Sweeps,
    stopped: bool,
    /// What the round's items count against the backlog.
    weight: usize,
    /// Until when the thread waits if nothing happens.
    pub(crate) asleep_until: Instant,
}

/// What is done once the round is sent, in order.
enum Afterwards {
    Admit(ConnectionId, Box<Result<Arc<Connection>, HallError>>),
    GoOn(ConnectionId),
    End(Seat, End),
    Forget(ConnectionId),
}

/// When which slice of the connections is looked at.
struct Sweeps {
    period: Duration,
    next: Instant,
    slice: u32,
}

impl Worker {
    /// The thread of shard `number` and what it waits with, to be run once; nothing
    /// if it runs already.
    pub(crate) fn new(
        gateway: &Arc<Gateway>,
        number: usize,
        runtime: Handle,
        shutdown: watch::Receiver<bool>,
    ) -> Option<(Self, Poll)> {
        let queue = gateway.shards().get(number)?;
        let poll = queue.take_poll()?;
        let registry = poll.registry().try_clone().ok()?;
        let keep_alive = gateway.config.limits.keep_alive;
        let period = (keep_alive / (SWEEPS_PER_INTERVAL * SLICES_PER_SWEEP)).max(SHORTEST_PERIOD);
        let worker = Self {
            gateway: Arc::clone(gateway),
            queue: Arc::clone(queue),
            number,
            runtime,
            registry,
            listening: None,
            doorstep: Doorstep::default(),
            shutdown,
            members: Members::default(),
            round: Round::default(),
            pace: Pace::new(gateway.config.limits.shard_backlog_bytes),
            items: Vec::with_capacity(ITEMS_PER_ROUND),
            afterwards: Vec::new(),
            buffer: vec![0; READ_BUFFER],
            eager: Vec::new(),
            leaving: Leaving::default(),
            texts: Texts::default(),
            closing: None,
            sweeps: Sweeps {
                period,
                next: Instant::now() + period,
                slice: 0,
            },
            stopped: false,
            weight: 0,
            asleep_until: Instant::now(),
        };
        Some((worker, poll))
    }

    /// Makes this the shard that accepts for all.
    ///
    /// # Errors
    /// The system does not let it watch the listener.
    pub(crate) fn listen(&mut self, listener: TcpListener) -> io::Result<()> {
        self.listening = Some(Listening::new(listener, &self.registry)?);
        Ok(())
    }

    /// Works until the shard is told to stop.
    pub(crate) fn run(self, mut poll: Poll) {
        let runtime = self.runtime.clone();
        let _runtime = runtime.enter();
        usher::begin_errands();
        let queue = Arc::clone(&self.queue);
        let worker = Arc::new(Mutex::new(self));
        queue.lend(&worker);
        let mut events = Events::with_capacity(EVENTS);
        let mut patience = Duration::ZERO;
        loop {
            if let Err(error) = poll.poll(&mut events, Some(patience))
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "waiting_for_sockets_failed");
            }
            let mut worker = worker.lock();
            queue.wake_up();
            worker.take_turn(&events);
            if worker.stopped {
                return;
            }
            patience = worker.patience();
        }
    }

    fn take_turn(&mut self, events: &Events) {
        for event in events {
            match event.token() {
                WAKE => {}
                LISTENER => self.knock(),
                token => {
                    let seat = Seat::from(token);
                    self.guarded(Some(seat), |worker| worker.notice(seat, event));
                }
            }
        }
        if self.is_called() {
            self.guarded(None, Self::accept);
        }
        // Their answers go through the queue: a flood of them must not fill it.
        if !self.queue.is_congested() {
            for seat in std::mem::take(&mut self.eager) {
                self.guarded(Some(seat), |worker| worker.attend(seat));
            }
        }
        usher::run_errands(self.gateway.shards());
        self.queue.take(&mut self.items);
        self.work_off();
        self.guarded(None, Self::keep_time);
        usher::run_errands(self.gateway.shards());
    }

    /// A panic must end one connection, never the shard.
    fn guarded(&mut self, seat: Option<Seat>, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            tracing::error!(shard = self.number, "panic_in_shard");
            match seat {
                Some(seat) => self.end(seat, End::Gone),
                None => self.begin_anew(),
            }
        }
    }

    /// After a panic in the middle of a round nobody knows who has heard what: all
    /// connections end, and come back.
    fn begin_anew(&mut self) {
        self.round = Round::default();
        self.afterwards.clear();
        for seat in self.members.seats() {
            self.end(seat, End::Gone);
        }
    }

    /// How long the thread may wait.
    fn patience(&mut self) -> Duration {
        let is_idle = self.eager.is_empty() && !self.is_called();
        if is_idle && self.queue.may_sleep() {
            self.asleep_until = self.next_time();
            self.asleep_until.saturating_duration_since(Instant::now())
        } else {
            Duration::ZERO
        }
    }

    /// When there is something to do though nothing happens.
    pub(crate) fn next_time(&self) -> Instant {
        let others = self.leaving.next().into_iter().chain(self.pace.until());
        let others = others.chain(self.next_caller());
        others.fold(self.sweeps.next, Instant::min)
    }

    /// A socket has something to say or takes something again.
    fn notice(&mut self, seat: Seat, event: &Event) {
        let Some(peer) = self.members.peer(seat) else {
            return self.notice_caller(seat);
        };
        peer.ended |= event.is_read_closed() || event.is_error();
        peer.readable |= event.is_readable() || peer.ended;
        if peer.phase.is_leaving() {
            return self.go_on_leaving(seat);
        }
        if event.is_writable() && peer.is_blocked() && peer.flush().is_err() {
            return self.end(seat, End::Gone);
        }
        if event.is_readable() && !peer.phase.is_heard() {
            // It says something, though nobody listens now.
            peer.heard = true;
            self.pace.answered(std::mem::take(&mut peer.asked));
        }
        if peer.readable && !peer.eager {
            self.attend(seat);
        }
    }

    /// Carries out what a connection has said.
    fn attend(&mut self, seat: Seat) {
        let Some(peer) = self.members.peer(seat) else {
            return;
        };
        peer.eager = false;
        if peer.phase.is_leaving() {
            return self.go_on_leaving(seat);
        }
        let Some(connection) = &peer.connection else {
            return;
        };
        let session = Session {
            gateway: Arc::clone(&self.gateway),
            queue: Arc::clone(&self.queue),
            connection: Arc::clone(connection),
            generation: peer.generation,
        };
        let turn = session.attend(peer, &mut self.buffer);
        if std::mem::take(&mut peer.pong) == peer.asked {
            self.pace.answered(std::mem::take(&mut peer.asked));
        }
        match turn {
            Turn::Idle => {}
            Turn::More => self.attend_again(seat),
            Turn::Waits(errand) => {
                peer.phase = Phase::Waiting;
                let done = Done {
                    queue: session.queue,
                    id: peer.id,
                };
                self.send_on(errand, done);
            }
            Turn::Ended(end) => {
                peer.phase = Phase::Ending;
                self.queue.enqueue(Item::Ended(peer.id, end));
            }
        }
    }

    /// It has more to say: in the next turn, for the others come first.
    pub(crate) fn attend_again(&mut self, seat: Seat) {
        if let Some(peer) = self.members.peer(seat)
            && !std::mem::replace(&mut peer.eager, true)
        {
            self.eager.push(seat);
        }
    }

    fn send_on(&self, errand: Errand, done: Done) {
        self.runtime.spawn(async move {
            let _done = done;
            errand.into_future().await;
        });
    }

    /// One round: the items that were taken, sent together.
    pub(crate) fn work_off(&mut self) {
        if self.items.is_empty() {
            return;
        }
        self.guarded(None, Self::send_round);
        self.queue.relieve(std::mem::take(&mut self.weight));
    }

    fn send_round(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        self.weight = items.iter().map(Item::weight).sum();
        for item in items.drain(..) {
            self.collect(item);
        }
        self.items = items;
        let mut overflown = Vec::new();
        self.members.send(&mut self.round, &mut overflown);
        self.watch_pace(&mut overflown);
        for seat in overflown {
            self.end(seat, End::ClosedByServer(CloseReason::SlowReader));
        }
        for next in std::mem::take(&mut self.afterwards) {
            match next {
                Afterwards::Admit(id, admitted) => self.admit(id, *admitted),
                Afterwards::GoOn(id) => self.go_on(id),
                Afterwards::End(seat, end) => self.end(seat, end),
                Afterwards::Forget(id) => self.members.forget(id),
            }
        }
    }

    /// Looks whether those the round went to keep up.
    fn watch_pace(&mut self, overflown: &mut Vec<Seat>) {
        let connections = self.round.touched.len();
        if let Some((number, between)) = self.pace.sent(self.round.bytes, connections) {
            let asked = self.members.ask(&self.round, number, between, overflown);
            self.pace.asked(asked, Instant::now());
        }
        self.round.clear();
        self.queue.set_ahead(self.pace.is_ahead());
    }

    fn collect(&mut self, item: Item) {
        let Self { members, round, .. } = self;
        match item {
            Item::Hall(Delivery::Publish {
                pipe,
                event,
                except,
            }) => members.publish(pipe, &event, except, round),
            Item::Hall(Delivery::Direct {
                connection,
                event,
                receipt,
            }) => members.direct(connection, &event, receipt, round),
            Item::Answer {
                connection,
                frame,
                receipt,
            } => members.answer(connection, frame, receipt, round),
            Item::Hall(Delivery::Join { connection, pipe }) => members.join(connection, pipe),
            Item::Hall(Delivery::Leave { connection, pipe }) => members.part(connection, pipe),
            Item::Hall(Delivery::Close { connection, reason }) => {
                self.end_later(connection, End::ClosedByServer(reason));
            }
            Item::Call(caller) => self.call(*caller),
            Item::Open(arrival) => {
                let seat = self.members.reserve();
                self.open(seat, *arrival);
            }
            Item::Admitted(id, admitted) => {
                self.afterwards.push(Afterwards::Admit(id, admitted));
            }
            Item::Done(id) => self.afterwards.push(Afterwards::GoOn(id)),
            Item::Ended(id, end) => self.end_later(id, end),
            Item::Gone(id) => self.afterwards.push(Afterwards::Forget(id)),
            Item::CloseAll(reason) => {
                self.closing = Some(reason);
                self.close_door();
                for seat in self.members.seats() {
                    let end = End::ClosedByServer(reason);
                    self.afterwards.push(Afterwards::End(seat, end));
                }
            }
            Item::Stop => self.stopped = true,
        }
    }

    fn end_later(&mut self, id: ConnectionId, end: End) {
        if let Some(seat) = self.members.seat(id) {
            self.afterwards.push(Afterwards::End(seat, end));
        }
    }

    /// Takes a connection in and asks the hall to let it in, too.
    pub(crate) fn open(&mut self, seat: Seat, arrival: Arrival) {
        let watched = arrival.watched;
        let entrance = arrival.receive(&self.gateway, &mut self.texts);
        let Entrance {
            peer,
            visitor,
            answer,
        } = entrance;
        let id = peer.id;
        self.members.occupy(seat, peer);
        let Some(peer) = self.members.peer(seat) else {
            return;
        };
        let registered = match watched {
            true => Ok(()),
            false => peer.socket.register(&self.registry, seat.into()),
        };
        let end = match (registered, self.closing, visitor) {
            (Err(error), ..) => {
                tracing::error!(%error, "socket_not_watched");
                End::Gone
            }
            (Ok(()), Some(reason), _) => End::ClosedByServer(reason),
            (Ok(()), None, Err(end)) => end,
            (Ok(()), None, Ok(visitor)) => {
                let (gateway, queue) = (&self.gateway, &self.queue);
                if let Some(frame) = answer {
                    // With the greeting behind it, in one write.
                    queue.enqueue(Item::Answer {
                        connection: id,
                        frame,
                        receipt: None,
                    });
                }
                let turnout = arrival::log_in(gateway, queue, peer, self.number, visitor);
                if let Turnout::Waits(errand) = turnout {
                    self.runtime.spawn(errand.into_future());
                }
                return;
            }
        };
        // Nothing is due to it yet.
        self.end(seat, end);
    }

    /// The hall has decided.
    fn admit(&mut self, id: ConnectionId, admitted: Result<Arc<Connection>, HallError>) {
        let seat = self.members.seat(id);
        let peer = seat.and_then(|seat| self.members.peer(seat));
        let arriving = peer.filter(|peer| peer.phase == Phase::Arriving);
        match (seat.zip(arriving), admitted) {
            (Some((seat, peer)), Ok(connection)) => {
                peer.connection = Some(connection);
                peer.phase = Phase::Open;
                self.attend(seat);
            }
            (Some((seat, peer)), Err(error)) => {
                let end = arrival::turned_away(peer, error);
                self.end(seat, end);
            }
            // It has gone in the meantime.
            (None, Ok(connection)) => self.gateway.hall.disconnect(&connection),
            (None, Err(_)) => {}
        }
    }

    /// A command is done: what was said after it comes now.
    fn go_on(&mut self, id: ConnectionId) {
        let Some(seat) = self.members.seat(id) else {
            return;
        };
        if let Some(peer) = self.members.peer(seat)
            && peer.phase == Phase::Waiting
        {
            peer.phase = Phase::Open;
            self.attend(seat);
        }
    }

    fn keep_time(&mut self) {
        let now = Instant::now();
        self.part_with(now);
        self.give_up_callers(now);
        self.accept_again(now);
        self.pace.keep_time(now);
        self.queue.set_ahead(self.pace.is_ahead());
        if now >= self.sweeps.next {
            // However late it is: nobody is given up for a halt of the whole server.
            self.sweeps.next = now + self.sweeps.period;
            self.sweep();
        }
    }

    /// Looks at one slice of the connections: pings who was quiet for one interval,
    /// gives up on who was for two. Counts sweeps, not time: after a halt of the
    /// whole server nobody is given up who was not asked before.
    fn sweep(&mut self) {
        let slice = self.sweeps.slice;
        self.sweeps.slice = (slice + 1) % SLICES_PER_SWEEP;
        for seat in self.members.slice(slice, SLICES_PER_SWEEP) {
            let Some(peer) = self.members.peer(seat) else {
                continue;
            };
            match Silence::of(peer) {
                Silence::Short => {}
                Silence::Ask => {
                    if peer.send(&frame::ping()) == Sent::Overflow {
                        self.end(seat, End::ClosedByServer(CloseReason::SlowReader));
                    }
                }
                Silence::GiveUp => self.end(seat, End::ClosedByServer(CloseReason::Silent)),
            }
        }
    }
}

/// How long a connection has been quiet.
enum Silence {
    Short,
    Ask,
    GiveUp,
}

impl Silence {
    fn of(peer: &mut Peer) -> Self {
        if peer.phase.is_leaving() {
            return Self::Short;
        }
        if peer.was_heard() {
            peer.quiet = 0;
            return Self::Short;
        }
        peer.quiet = peer.quiet.saturating_add(1);
        match peer.quiet {
            SWEEPS_PER_INTERVAL => Self::Ask,
            quiet if quiet == 2 * SWEEPS_PER_INTERVAL => Self::GiveUp,
            _ => Self::Short,
        }
    }
}

/// Says that a command is done, however it came to that.
struct Done {
    queue: Arc<ShardQueue>,
    id: ConnectionId,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.queue.give(Item::Done(self.id));
    }
}

#[cfg(test)]
pub(crate) mod tests;
