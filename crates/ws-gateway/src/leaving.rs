//! How a connection ends: the way its client can bear (compatibility reference
//! §1.6). Its subscriptions and its user go at once; the socket may stay a while,
//! for the last bytes or for the silence old clients need.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crate::event::Generation;
use crate::members::Seat;
use crate::peer::{End, Peer, Phase};
use crate::request::Client;
use crate::shard::Item;
use crate::worker::Worker;

/// How long a leaving connection may take for its last bytes, and is read past.
const LINGER: Duration = Duration::from_secs(2);
/// How often it is read before the others have their turn.
const MOST_IGNORED: usize = 16;

/// Who leaves, and until when; the earliest first, for all have the same time.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    silent: VecDeque<(Instant, Seat)>,
    parting: VecDeque<(Instant, Seat)>,
}

impl Leaving {
    /// When somebody's time is over next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let silent = self.silent.front().map(|(time, _)| *time);
        let parting = self.parting.front().map(|(time, _)| *time);
        silent.into_iter().chain(parting).min()
    }

    fn give_back_memory(&mut self) {
        for queue in [&mut self.silent, &mut self.parting] {
            if queue.is_empty() && queue.capacity() > 64 {
                *queue = VecDeque::new();
            }
        }
    }
}

impl Worker {
    /// Ends a connection. Does nothing the second time.
    pub(crate) fn end(&mut self, seat: Seat, end: End) {
        let Some(peer) = self.members.peer(seat) else {
            return;
        };
        if peer.phase.is_leaving() {
            return;
        }
        tracing::debug!(conn = peer.id.0, ?end, "connection_closed");
        peer.phase = Phase::Parting;
        if let End::ClosedByServer(reason) = end {
            self.gateway.hall.counters().note_closed(reason);
        }
        if let Some(connection) = peer.connection.take() {
            self.gateway.hall.disconnect(&connection);
        }
        // Behind the hall's own word on its pipes.
        self.queue.enqueue(Item::Gone(peer.id));
        say_goodbye(peer, &end);
        if end.is_hopeless() {
            self.close(seat);
        } else if wants_silence(peer, &end) {
            peer.phase = Phase::Silent;
            let until = Instant::now() + self.gateway.config.limits.restart_delay;
            self.leaving.silent.push_back((until, seat));
        } else {
            self.part(seat);
        }
    }

    /// The last bytes and the end of the stream are sent, and the client's own end
    /// is awaited: unread bytes at the moment of closing would make the kernel throw
    /// away what the client has not read yet.
    fn part(&mut self, seat: Seat) {
        if let Some(peer) = self.members.peer(seat) {
            peer.phase = Phase::Parting;
            let until = Instant::now() + LINGER;
            self.leaving.parting.push_back((until, seat));
            self.go_on_leaving(seat);
        }
    }

    /// Goes on with a connection that leaves, as far as its socket lets it.
    pub(crate) fn go_on_leaving(&mut self, seat: Seat) {
        let Some(peer) = self.members.peer(seat) else {
            return;
        };
        if peer.phase == Phase::Parting {
            match peer.flush() {
                Ok(true) if peer.end_sending().is_ok() => peer.phase = Phase::Parted,
                Ok(false) => return,
                _ => return self.close(seat),
            }
        }
        if peer.phase != Phase::Parted {
            return;
        }
        match ignore(peer, &mut self.buffer) {
            Rest::Quiet => {}
            // In the middle of a long message, perhaps: it has not read yet why it ends.
            Rest::More => self.attend_again(seat),
            Rest::Ended => self.close(seat),
        }
    }

    /// Lets those go whose time is over.
    pub(crate) fn part_with(&mut self, now: Instant) {
        while let Some((_, seat)) = self.leaving.silent.pop_front_if(|(time, _)| *time <= now) {
            self.part(seat);
        }
        while let Some((_, seat)) = self.leaving.parting.pop_front_if(|(time, _)| *time <= now) {
            self.close(seat);
        }
        self.leaving.give_back_memory();
    }

    fn close(&mut self, seat: Seat) {
        if let Some(mut peer) = self.members.leave(seat) {
            peer.mute();
            peer.socket.close();
        }
    }
}

/// The last frame, for a client that may get one.
fn say_goodbye(peer: &mut Peer, end: &End) {
    match (peer.client, end) {
        // It would take any answer for "never come back".
        (Client::Original, End::ClosedByClient(_)) => peer.mute(),
        (client, end) => peer.seal(end.farewell(client)),
    }
}

/// Whether it needs its socket open for its `restart()` to work.
fn wants_silence(peer: &Peer, end: &End) -> bool {
    peer.client == Client::Original
        && peer.generation == Generation::V3
        && matches!(end, End::ClosedByClient(_))
}

/// What a leaving client does.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    /// It says nothing now.
    Quiet,
    /// It goes on talking.
    More,
    /// It has ended.
    Ended,
}

/// Reads past what a leaving client still says, as much as fits in one turn.
fn ignore(peer: &mut Peer, buffer: &mut [u8]) -> Rest {
    for _ in 0..MOST_IGNORED {
        match peer.socket.read(buffer) {
            Ok(0) => return Rest::Ended,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Rest::Quiet,
            Err(_) => return Rest::Ended,
        }
    }
    Rest::More
}

#[cfg(test)]
mod tests;
