//! What counts of instructions must see of private modules. Not part of the product:
//! behind the feature `counting`, which nothing but `hotpath` turns on.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use pipes::message::Outgoing;
use pipes::shard::{ConnectionId, PipeId};

use crate::event::{self, Generation};
use crate::members::Members;
use crate::peer::{Bounds, Peer};
use crate::request::Client;
use crate::round::Round;
use crate::socket::Socket;

const PIPE: PipeId = PipeId(1);

/// Makes the frames of an event for all generations of clients. Gives their bytes.
pub fn encode(event: &Outgoing) -> usize {
    let generations = [Generation::V3, Generation::V4, Generation::Own];
    let frames = generations.map(|generation| event::outgoing(event, generation));
    frames.iter().map(|frame| frame.len()).sum()
}

/// Connections of one shard, subscribed to one pipe, and the other ends of their
/// sockets.
pub struct Room {
    members: Members,
    round: Round,
    clients: Vec<UnixStream>,
}

impl Room {
    /// A room of so many.
    ///
    /// # Errors
    /// The system has no sockets to give.
    pub fn open(connections: u64) -> io::Result<Self> {
        let bounds = Bounds {
            message_bytes: 64 << 10,
            queued_bytes: 1 << 20,
        };
        let mut members = Members::default();
        let mut clients = Vec::new();
        for number in 1..=connections {
            let (client, served) = UnixStream::pair()?;
            served.set_nonblocking(true)?;
            let (id, socket) = (ConnectionId(number), Socket::Local(served));
            let generation = Generation::V4;
            let peer = Peer::new(id, Client::Modern, generation, socket, bounds, None);
            let seat = members.reserve();
            members.occupy(seat, peer);
            members.join(id, PIPE);
            clients.push(client);
        }
        Ok(Self {
            members,
            round: Round::default(),
            clients,
        })
    }

    /// One round of the shard: the events for everybody, sent.
    pub fn deliver(&mut self, events: &[Arc<Outgoing>]) {
        for event in events {
            self.members.publish(PIPE, event, None, &mut self.round);
        }
        let mut overflown = Vec::new();
        self.members.send(&mut self.round, &mut overflown);
        assert!(overflown.is_empty(), "nobody reads");
        self.round.clear();
    }

    /// The clients read what there is for them, into `buffer`. Gives how many bytes.
    ///
    /// # Errors
    /// There was nothing to read.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut sum = 0;
        for client in &mut self.clients {
            sum += client.read(buffer)?;
        }
        Ok(sum)
    }
}
