//! The doorstep: where sockets are before they are connections. One shard accepts
//! for all of them, in turn. Each shard hears what its callers want: a handshake is
//! answered on the spot, by the thread the connection will belong to; everything
//! else goes on to `server`, where HTTP is spoken. Accepting and greeting so costs
//! no task, no second thread and no timer of its own.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};
use pipes::shard::Shard;
use tokio::sync::OwnedSemaphorePermit;

use crate::arrival::Arrival;
use crate::head::Handshake;
use crate::members::Seat;
use crate::request::BrowserHeaders;
use crate::shard::Item;
use crate::socket::{self, Socket, again};
use crate::tls;
use crate::worker::Worker;

/// What the thread is told under when somebody is at the door.
pub(crate) const LISTENER: Token = Token(usize::MAX - 1);
/// How many are accepted before the connections have their turn.
const ACCEPTED_PER_TURN: usize = 64;
/// After a failure, out of file descriptors as a rule: some may come back.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A socket of which nothing is known yet but its address.
pub(crate) struct Caller {
    pub(crate) stream: TcpStream,
    pub(crate) address: SocketAddr,
    /// Its place among the sockets that may be open.
    pub(crate) permit: OwnedSemaphorePermit,
    /// Until when it must have said what it wants.
    pub(crate) until: Instant,
}

/// Who has said nothing yet.
#[derive(Default)]
pub(crate) struct Doorstep {
    callers: HashMap<Seat, Caller>,
    /// The earliest first, for all have the same time. Some have gone meanwhile.
    until: VecDeque<(Instant, Seat)>,
}

/// The listening socket, at the one shard that has it.
pub(crate) struct Listening {
    listener: mio::net::TcpListener,
    /// Somebody may be at the door.
    is_called: bool,
    /// When to look again after a failure.
    again: Option<Instant>,
    /// Whose turn it is.
    turn: usize,
}

impl Doorstep {
    /// When the first of those who wait must have spoken.
    fn next(&self) -> Option<Instant> {
        Some(self.until.front()?.0)
    }

    fn wait(&mut self, seat: Seat, caller: Caller) {
        self.until.push_back((caller.until, seat));
        self.callers.insert(seat, caller);
    }

    fn take(&mut self, seat: Seat) -> Option<Caller> {
        let caller = self.callers.remove(&seat);
        // Nearly everybody speaks in the order of coming.
        while let Some((_, first)) = self.until.front()
            && !self.callers.contains_key(first)
        {
            self.until.pop_front();
        }
        if self.callers.is_empty() && self.until.capacity() > ACCEPTED_PER_TURN {
            *self = Self::default();
        }
        caller
    }
}

impl Listening {
    /// # Errors
    /// The system does not let `registry` watch it.
    pub(crate) fn new(listener: std::net::TcpListener, registry: &Registry) -> io::Result<Self> {
        let mut listener = mio::net::TcpListener::from_std(listener);
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            listener,
            is_called: true,
            again: None,
            turn: 0,
        })
    }
}

impl Worker {
    /// Somebody is at the door.
    pub(crate) fn knock(&mut self) {
        if let Some(listening) = &mut self.listening {
            listening.is_called = true;
        }
    }

    /// Whether somebody may be at the door.
    pub(crate) fn is_called(&self) -> bool {
        let listening = self.listening.as_ref();
        listening.is_some_and(|listening| listening.is_called)
    }

    /// When a caller's time is over next, or it is time to look for callers again.
    pub(crate) fn next_caller(&self) -> Option<Instant> {
        let again = self
            .listening
            .as_ref()
            .and_then(|listening| listening.again);
        again.into_iter().chain(self.doorstep.next()).min()
    }

    /// Lets in those who are at the door, as far as their turn goes.
    pub(crate) fn accept(&mut self) {
        for _ in 0..ACCEPTED_PER_TURN {
            let Some(listening) = &mut self.listening else {
                return;
            };
            match listening.listener.accept() {
                Ok((stream, address)) => self.admit_caller(stream.into(), address),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    listening.is_called = false;
                    return;
                }
                Err(error) if is_of_one_caller(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "accept_failed");
                    listening.is_called = false;
                    listening.again = Some(Instant::now() + ACCEPT_AGAIN);
                    return;
                }
            }
        }
    }

    /// Looks again whether somebody can be let in, when it is time to.
    pub(crate) fn accept_again(&mut self, now: Instant) {
        if let Some(listening) = &mut self.listening
            && listening.again.is_some_and(|again| again <= now)
        {
            listening.again = None;
            listening.is_called = true;
        }
    }

    fn admit_caller(&mut self, stream: TcpStream, address: SocketAddr) {
        let Some(permit) = self.gateway.place_for_socket() else {
            return self.gateway.turn_away(stream, &self.runtime);
        };
        let until = Instant::now() + self.gateway.config.limits.handshake_time;
        let caller = Caller {
            stream,
            address,
            permit,
            until,
        };
        if self.gateway.speaks_first(address.ip()) {
            return self.go_on_with_http(caller, Vec::new());
        }
        let shards = self.gateway.shards().len().max(1);
        let turn = self.listening.as_mut().map_or(0, |listening| {
            listening.turn = (listening.turn + 1) % shards;
            listening.turn
        });
        match self.gateway.shards().get(turn) {
            Some(shard) if turn != self.number => {
                shard.enqueue(Item::Call(Box::new(caller)));
                // At the end of this turn, once for all it was given.
                shard.wake();
            }
            _ => self.call(caller),
        }
    }

    /// Somebody is at the door. Most have spoken already.
    pub(crate) fn call(&mut self, caller: Caller) {
        if self.closing.is_none() {
            let seat = self.members.reserve();
            self.hear_caller(seat, caller, false);
        }
    }

    /// A socket that is no connection yet has something to say.
    pub(crate) fn notice_caller(&mut self, seat: Seat) {
        if let Some(caller) = self.doorstep.take(seat) {
            self.hear_caller(seat, caller, true);
        }
    }

    fn hear_caller(&mut self, seat: Seat, caller: Caller, watched: bool) {
        match self.read_caller(&caller.stream) {
            Ok(Said::Words(count)) => self.answer_caller(seat, caller, count, watched),
            Ok(Said::Tls) => self.pass_on(seat, caller, Vec::new(), watched),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if watched || self.watch_caller(seat, &caller.stream) {
                    self.doorstep.wait(seat, caller);
                } else {
                    self.members.vacate(seat);
                }
            }
            Ok(Said::Goodbye) | Err(_) => self.members.vacate(seat),
        }
    }

    fn read_caller(&mut self, mut stream: &TcpStream) -> io::Result<Said> {
        // What TLS begins with is not ours to take.
        if self.gateway.config.tls.is_some() {
            let mut first = [0];
            if again(|| stream.peek(&mut first))? == 1 && tls::begins(&first) {
                return Ok(Said::Tls);
            }
        }
        Ok(match again(|| stream.read(&mut self.buffer))? {
            0 => Said::Goodbye,
            count => Said::Words(count),
        })
    }

    fn watch_caller(&self, seat: Seat, stream: &TcpStream) -> bool {
        let watched = socket::watch(&self.registry, stream, seat.into());
        if let Err(error) = &watched {
            tracing::error!(%error, "socket_not_watched");
        }
        watched.is_ok()
    }

    /// Answers a handshake that is read whole; everything else goes on to HTTP.
    fn answer_caller(&mut self, seat: Seat, caller: Caller, count: usize, watched: bool) {
        let words = self.buffer.get(..count).unwrap_or_default();
        let Some(handshake) = Handshake::read(words, self.gateway.longest_head()) else {
            let words = words.to_vec();
            return self.pass_on(seat, caller, words, watched);
        };
        let early = words.get(handshake.length..).unwrap_or_default().to_vec();
        let headers = &handshake.headers;
        let proxies = &self.gateway.config.proxies;
        let (id, _) = self.gateway.hall.next_connection();
        let arrival = Arrival {
            id,
            address: proxies.browser_address(caller.address.ip(), headers),
            headers: BrowserHeaders::read(headers),
            socket: Socket::Plain(caller.stream),
            answer: Some(handshake.answer),
            early,
            parameters: handshake.parameters,
            permit: Some(caller.permit),
            watched,
            // It gave less than it could have, so it gave all.
            readable: count == self.buffer.len(),
        };
        self.open(seat, arrival);
    }

    /// Lets go of a socket that wants something else than a WebSocket.
    fn pass_on(&mut self, seat: Seat, caller: Caller, words: Vec<u8>, watched: bool) {
        self.members.vacate(seat);
        if watched && let Err(error) = socket::unwatch(&self.registry, &caller.stream) {
            tracing::error!(%error, "socket_still_watched");
        }
        self.go_on_with_http(caller, words);
    }

    fn go_on_with_http(&self, caller: Caller, words: Vec<u8>) {
        let gateway = Arc::clone(&self.gateway);
        let shutdown = self.shutdown.clone();
        self.runtime
            .spawn(gateway.speak_http(caller, words, shutdown));
    }

    /// Lets those go who have waited too long to say anything.
    pub(crate) fn give_up_callers(&mut self, now: Instant) {
        while self.doorstep.next().is_some_and(|until| until <= now) {
            let Some((_, seat)) = self.doorstep.until.pop_front() else {
                return;
            };
            if let Some(caller) = self.doorstep.take(seat) {
                self.gateway.counters.requests_late.note();
                tracing::debug!(address = %caller.address.ip(), "handshake_took_too_long");
                self.members.vacate(seat);
            }
        }
    }

    /// Nobody comes in any more. Who has said nothing yet is no reason to wait.
    pub(crate) fn close_door(&mut self) {
        self.listening = None;
        for seat in std::mem::take(&mut self.doorstep).callers.into_keys() {
            self.members.vacate(seat);
        }
    }
}

/// What a caller says first.
enum Said {
    /// Something, so many bytes of it in the shard's buffer.
    Words(usize),
    /// That it speaks TLS; nothing of it is read.
    Tls,
    /// Nothing, and it has gone.
    Goodbye,
}

/// Whether accepting failed for the one who came and not for others.
fn is_of_one_caller(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}
