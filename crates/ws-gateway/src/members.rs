//! The connections of one shard and what they are subscribed to: turns an item of
//! the hall into frames due to connections.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use mio::Token;
use pipes::message::{ENCODINGS, Outgoing};
use pipes::shard::{ConnectionId, PipeId, Receipt};

use crate::event::{self, Generation};
use crate::frame;
use crate::peer::{Peer, Sent};
use crate::round::{Due, Round};
use crate::socket::Socket;

/// The connections of one shard.
#[derive(Default)]
pub(crate) struct Members {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: HashMap<ConnectionId, u32>,
    by_pipe: HashMap<PipeId, Subscribers>,
    next_serial: u32,
}

/// Room for one connection.
struct Slot {
    /// Another for everyone who has it, so that nobody gets what was meant for
    /// somebody else.
    serial: u32,
    generation: Generation,
    /// The hall may still send it something.
    known: bool,
    due: Due,
    peer: Option<Box<Peer>>,
}

/// Where a connection sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Seat {
    index: u32,
    serial: u32,
}

impl From<Seat> for Token {
    fn from(seat: Seat) -> Self {
        Self((seat.serial as usize) << 32 | seat.index as usize)
    }
}

impl From<Token> for Seat {
    fn from(Token(number): Token) -> Self {
        Self {
            index: number as u32,
            serial: (number >> 32) as u32,
        }
    }
}

impl Members {
    /// A seat for somebody who is not a connection yet.
    pub(crate) fn reserve(&mut self) -> Seat {
        let serial = self.next_serial;
        self.next_serial = serial.wrapping_add(1);
        let slot = Slot {
            serial,
            generation: Generation::V3,
            known: false,
            due: Due::default(),
            peer: None,
        };
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(room) = self.slots.get_mut(index as usize) {
                    *room = slot;
                }
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        Seat { index, serial }
    }

    /// Nobody comes to this seat that was reserved.
    pub(crate) fn vacate(&mut self, seat: Seat) {
        if self.seat_at(seat.index) == seat {
            self.free_if_empty(seat.index);
        }
    }

    /// Takes a connection in, to a seat that was reserved.
    pub(crate) fn occupy(&mut self, seat: Seat, peer: Peer) {
        let slot = self.slots.get_mut(seat.index as usize);
        let Some(slot) = slot.filter(|slot| slot.serial == seat.serial) else {
            return;
        };
        slot.generation = peer.generation;
        slot.known = true;
        self.by_id.insert(peer.id, seat.index);
        slot.peer = Some(Box::new(peer));
    }

    /// The seat of a connection the hall may know.
    pub(crate) fn seat(&self, id: ConnectionId) -> Option<Seat> {
        let index = *self.by_id.get(&id)?;
        Some(self.seat_at(index))
    }

    fn seat_at(&self, index: u32) -> Seat {
        let serial = self.slots.get(index as usize).map_or(0, |slot| slot.serial);
        Seat { index, serial }
    }

    /// The connection in this seat, if it is still there.
    pub(crate) fn peer(&mut self, seat: Seat) -> Option<&mut Peer> {
        let slot = self.slots.get_mut(seat.index as usize)?;
        slot.peer
            .as_deref_mut()
            .filter(|_| slot.serial == seat.serial)
    }

    /// Everybody's seat.
    pub(crate) fn seats(&self) -> Vec<Seat> {
        let taken = self.slots.iter().enumerate();
        taken
            .filter(|(_, slot)| slot.peer.is_some())
            .map(|(index, _)| self.seat_at(index as u32))
            .collect()
    }

    /// One of `count` slices of the seats.
    pub(crate) fn slice(&mut self, slice: u32, count: u32) -> Vec<Seat> {
        let indexes = (slice..self.slots.len() as u32).step_by(count.max(1) as usize);
        indexes.map(|index| self.seat_at(index)).collect()
    }

    /// The connection is closed; its seat stays until the hall has let go of it, too.
    pub(crate) fn leave(&mut self, seat: Seat) -> Option<Box<Peer>> {
        self.peer(seat)?;
        let slot = self.slots.get_mut(seat.index as usize)?;
        let peer = slot.peer.take();
        self.free_if_empty(seat.index);
        peer
    }

    /// The hall has let go of this connection, and of its pipes before.
    pub(crate) fn forget(&mut self, id: ConnectionId) {
        if let Some(index) = self.by_id.remove(&id) {
            if let Some(slot) = self.slots.get_mut(index as usize) {
                slot.known = false;
            }
            self.free_if_empty(index);
        }
        shrink(&mut self.by_id);
        shrink(&mut self.by_pipe);
    }

    fn free_if_empty(&mut self, index: u32) {
        if let Some(slot) = self.slots.get_mut(index as usize)
            && !slot.known
            && slot.peer.is_none()
        {
            self.free.push(index);
        }
        if self.free.len() == self.slots.len() && self.slots.len() > FEW {
            self.slots = Vec::new();
            self.free = Vec::new();
        }
    }

    /// The connection receives the pipe's events from here on.
    pub(crate) fn join(&mut self, id: ConnectionId, pipe: PipeId) {
        if let Some(index) = self.by_id.get(&id) {
            self.by_pipe.entry(pipe).or_default().insert(*index);
        }
    }

    /// The connection receives them no more.
    pub(crate) fn part(&mut self, id: ConnectionId, pipe: PipeId) {
        if let Some(index) = self.by_id.get(&id)
            && let Some(subscribers) = self.by_pipe.get_mut(&pipe)
        {
            subscribers.remove(*index);
            if subscribers.slots.is_empty() {
                self.by_pipe.remove(&pipe);
            }
        }
    }

    /// How many are subscribed to `pipe`.
    pub(crate) fn count(&self, pipe: PipeId) -> usize {
        let subscribers = self.by_pipe.get(&pipe);
        subscribers.map_or(0, |subscribers| subscribers.slots.len())
    }

    /// An event for everybody who is subscribed to `pipe`, but for `except`.
    pub(crate) fn publish(
        &mut self,
        pipe: PipeId,
        event: &Outgoing,
        except: Option<ConnectionId>,
        round: &mut Round,
    ) {
        let Some(subscribers) = self.by_pipe.get(&pipe) else {
            return;
        };
        let except = except.and_then(|id| self.by_id.get(&id).copied());
        let mut made: [Option<u32>; ENCODINGS] = [None; ENCODINGS];
        for index in &subscribers.slots {
            if Some(*index) == except {
                continue;
            }
            let Some(slot) = self.slots.get_mut(*index as usize) else {
                continue;
            };
            let generation = slot.generation;
            let Some(known) = made.get_mut(generation.slot()) else {
                continue;
            };
            let frame = *known
                .get_or_insert_with(|| round.add(generation, event::outgoing(event, generation)));
            if slot.due.add(frame) {
                round.touched.push(*index);
            }
        }
    }

    /// An event for one connection.
    pub(crate) fn direct(
        &mut self,
        id: ConnectionId,
        event: &Arc<Outgoing>,
        receipt: Option<Receipt>,
        round: &mut Round,
    ) {
        self.due(id, receipt, round, |generation| {
            event::outgoing(event, generation)
        });
    }

    /// A frame for one connection.
    pub(crate) fn answer(
        &mut self,
        id: ConnectionId,
        frame: Bytes,
        receipt: Option<Receipt>,
        round: &mut Round,
    ) {
        self.due(id, receipt, round, |_| frame);
    }

    fn due(
        &mut self,
        id: ConnectionId,
        receipt: Option<Receipt>,
        round: &mut Round,
        frame: impl FnOnce(Generation) -> Bytes,
    ) {
        let Some(index) = self.by_id.get(&id).copied() else {
            return;
        };
        let Some(slot) = self.slots.get_mut(index as usize) else {
            return;
        };
        let frame = round.add(slot.generation, frame(slot.generation));
        if slot.due.add(frame) {
            round.touched.push(index);
        }
        if let Some(receipt) = receipt {
            round.add_receipt(index, frame, receipt);
        }
    }

    /// Goes over everybody who is due something, once. `overflown` gets those who
    /// read too slowly.
    pub(crate) fn send(&mut self, round: &mut Round, overflown: &mut Vec<Seat>) {
        let touched = std::mem::take(&mut round.touched);
        for index in &touched {
            let Some(slot) = self.slots.get_mut(*index as usize) else {
                continue;
            };
            let sent = round.send(*index, slot.peer.as_deref_mut(), &mut slot.due);
            if sent == Sent::Overflow {
                let (index, serial) = (*index, slot.serial);
                overflown.push(Seat { index, serial });
            }
        }
        round.touched = touched;
    }

    /// Pings some of those a round went to, leaving out `between` each time. Gives how
    /// many.
    pub(crate) fn ask(
        &mut self,
        round: &Round,
        number: u64,
        between: usize,
        overflown: &mut Vec<Seat>,
    ) -> usize {
        let ping = frame::numbered_ping(number);
        let mut asked = 0;
        for index in round.touched.iter().step_by(between.max(1)) {
            let Some(slot) = self.slots.get_mut(*index as usize) else {
                continue;
            };
            // Over plain HTTP nobody answers with a number.
            let peer = slot.peer.as_deref_mut();
            let Some(peer) = peer.filter(|peer| !matches!(peer.socket, Socket::Local(_))) else {
                continue;
            };
            match peer.send(&ping) {
                Sent::Accepted => {
                    peer.asked = number;
                    asked += 1;
                }
                Sent::Overflow => overflown.push(Seat {
                    index: *index,
                    serial: slot.serial,
                }),
                Sent::Gone => {}
            }
        }
        asked
    }
}

/// So few that giving their memory back is not worth the while.
const FEW: usize = 64;

/// Gives memory back when most of the entries have gone.
fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>) {
    if map.capacity() > FEW && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// The slots of one pipe's subscribers, in order of arrival but for removals.
#[derive(Default)]
struct Subscribers {
    slots: Vec<u32>,
    /// Where each slot is, kept only when there are too many to search.
    places: Option<Box<Places>>,
}

type Places = BTreeMap<u32, usize>;

const SEARCHABLE: usize = 128;

impl Subscribers {
    fn insert(&mut self, slot: u32) {
        self.slots.push(slot);
        match &mut self.places {
            Some(places) => {
                places.insert(slot, self.slots.len() - 1);
            }
            None if self.slots.len() > SEARCHABLE => {
                let places = self.slots.iter().copied().enumerate();
                let places = places.map(|(place, slot)| (slot, place)).collect();
                self.places = Some(Box::new(places));
            }
            None => {}
        }
    }

    fn remove(&mut self, slot: u32) {
        let place = match &mut self.places {
            Some(places) => places.remove(&slot),
            None => self.slots.iter().position(|known| *known == slot),
        };
        let Some(place) = place.filter(|place| *place < self.slots.len()) else {
            return;
        };
        self.slots.swap_remove(place);
        if let (Some(places), Some(moved)) = (&mut self.places, self.slots.get(place)) {
            places.insert(*moved, place);
        }
        if self.slots.capacity() > SEARCHABLE && self.slots.len() < self.slots.capacity() / 8 {
            self.slots.shrink_to(self.slots.len() * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn subscribers_are_exactly_those_who_joined_and_did_not_leave(
            moves in proptest::collection::vec((0u32..400, any::<bool>()), 0..1500)
        ) {
            let mut subscribers = Subscribers::default();
            let mut model = std::collections::BTreeSet::new();
            for (slot, join) in moves {
                if join && model.insert(slot) {
                    subscribers.insert(slot);
                } else if !join {
                    model.remove(&slot);
                    subscribers.remove(slot);
                }
            }
            let mut slots = subscribers.slots.clone();
            slots.sort_unstable();
            prop_assert_eq!(slots, model.into_iter().collect::<Vec<_>>());
        }
    }
}
