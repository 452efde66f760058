//! The browser door's part of the road: a message becomes frames, a shard's round sends
//! them, and what a browser sends is read. The sockets are real; what the kernel does is
//! not counted.

use std::sync::Arc;

use pipes::message::{Event, LiveMessage, Message, Outgoing, Sender, UnixTime};
use pipes::name::{EventName, PipeName};
use ws_gateway::counting::{self, Room};
use ws_gateway::reader::{FrameReader, Incoming};

use crate::Bench;
use crate::house::{PAYLOAD, READ, or_stop};

/// The frames of one message, for every generation of clients.
pub(crate) fn encode(bench: &Bench) {
    bench.run(async || {
        assert!(counting::encode(&message()) > 3 * PAYLOAD.len());
    });
}

/// A round of one message to one connection.
pub(crate) fn one_to_one(bench: &Bench) {
    deliver(bench, 1, 1);
}

/// A round of one message to a hundred connections.
pub(crate) fn one_to_many(bench: &Bench) {
    deliver(bench, 1, 100);
}

/// A round of eight messages to a hundred connections.
pub(crate) fn eight_to_many(bench: &Bench) {
    deliver(bench, 8, 100);
}

/// Rounds, and the few instructions of clients that read them.
fn deliver(bench: &Bench, messages: usize, connections: u64) {
    let mut room = or_stop(Room::open(connections));
    let mut buffer = vec![0; 64 << 10];
    bench.run(async || {
        let messages: Vec<_> = (0..messages).map(|_| message()).collect();
        room.deliver(&messages);
        let least = messages.len() * PAYLOAD.len() * connections as usize;
        assert!(or_stop(room.read(&mut buffer)) > least);
    });
}

/// A frame that came whole.
pub(crate) fn read(bench: &Bench) {
    let mut reader = FrameReader::new(64 << 10);
    let frame = frame();
    let mut arrived = frame.clone();
    bench.run(async || {
        // Reading unmasks it where it lies.
        arrived.copy_from_slice(&frame);
        let mut input = arrived.as_mut_slice();
        assert_text(or_stop(reader.next(&mut input)));
    });
}

/// A frame that came in two pieces.
pub(crate) fn read_in_halves(bench: &Bench) {
    let mut reader = FrameReader::new(64 << 10);
    let frame = frame();
    let mut arrived = frame.clone();
    bench.run(async || {
        arrived.copy_from_slice(&frame);
        let (mut first, mut second) = arrived.split_at_mut(frame.len() / 2);
        assert!(or_stop(reader.next(&mut first)).is_none());
        assert_text(or_stop(reader.next(&mut second)));
    });
}

fn assert_text(incoming: Option<Incoming<'_>>) {
    let Some(Incoming::Text(text)) = incoming else {
        panic!("hotpath: not a text");
    };
    assert!(text.ends_with(PAYLOAD));
}

/// A message as the hall hands it to a shard, which nobody has encoded yet.
fn message() -> Arc<Outgoing> {
    Outgoing::new(Event::Message(LiveMessage {
        message: Message {
            pipe: or_stop(PipeName::parse(READ)),
            event: or_stop(EventName::parse("event")),
            payload: PAYLOAD.into(),
            sender: Sender::Backend,
            time: UnixTime(1_764_079_201),
        },
        position: None,
    }))
}

/// A browser's message as it goes over the wire: a masked text frame of two bytes of length.
fn frame() -> Vec<u8> {
    const MASK: [u8; 4] = [0x1D, 0xC7, 0x05, 0x42];
    let text = format!("web_pipe2\nweb_room\nevent\n*\n{PAYLOAD}");
    let [high, low] = or_stop(u16::try_from(text.len())).to_be_bytes();
    let mut frame = vec![0x81, 0x80 | 126, high, low];
    frame.extend_from_slice(&MASK);
    let masked = text.bytes().zip(MASK.iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}
