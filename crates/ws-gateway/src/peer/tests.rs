//! What a socket takes goes at once, what it does not take waits in order, within
//! its bound, and every byte, message and receipt is accounted for.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use pipes::traffic::{Line, LineState};

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);
const LIMIT: usize = 4096;
/// More than both ends of a loopback socket take.
const ENORMOUS: usize = 32 * 1024 * 1024;
const BOUNDS: Bounds = Bounds {
    message_bytes: 1000,
    queued_bytes: LIMIT,
};

/// A connection and the other end of its socket.
pub(crate) fn peer() -> (Peer, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let socket = Socket::Plain(server);
    let id = ConnectionId(1);
    let peer = Peer::new(id, Client::Modern, Generation::V4, socket, BOUNDS, None);
    (peer, client)
}

/// A message of this many bytes in all: its letter has the bits of one.
fn bytes(letter: u8, length: usize) -> Bytes {
    Bytes::from(vec![letter; length])
}

fn send_with_receipt(peer: &mut Peer, frame: Bytes, receipt: Receipt) -> Sent {
    peer.send_parcel(Parcel {
        frames: Frames::Run(&[frame]),
        joined: None,
        only_messages: true,
        receipts: vec![(0, receipt)],
    })
}

/// Flushes until nothing waits, while somebody reads.
fn flush(peer: &mut Peer) {
    let start = std::time::Instant::now();
    while !peer.flush().unwrap() {
        assert!(start.elapsed() < DEADLINE, "never flushed");
        thread::yield_now();
    }
}

fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut got = vec![0; length];
    client.read_exact(&mut got).unwrap();
    got
}

/// Reads elsewhere while the peer is flushed here.
fn flush_into(peer: &mut Peer, mut client: TcpStream, length: usize) -> Vec<u8> {
    let reading = thread::spawn(move || read(&mut client, length));
    flush(peer);
    reading.join().unwrap()
}

/// Counts how often it was called; tells a drop by the strong count.
fn receipt(called: &Arc<AtomicUsize>) -> Receipt {
    let called = Arc::clone(called);
    Box::new(move || {
        called.fetch_add(1, Ordering::SeqCst);
    })
}

#[test]
fn what_an_idle_socket_takes_does_not_wait() {
    let (mut peer, mut client) = peer();
    let called = Arc::new(AtomicUsize::new(0));
    let sent = send_with_receipt(&mut peer, bytes(b'a', 10), receipt(&called));
    assert_eq!(sent, Sent::Accepted);
    assert_eq!(called.load(Ordering::SeqCst), 1);
    assert!(!peer.is_blocked());
    assert_eq!(read(&mut client, 10), [b'a'; 10]);
}

#[test]
fn one_message_of_any_size_is_taken_and_one_more_behind_it() {
    let (mut peer, client) = peer();
    let called = Arc::new(AtomicUsize::new(0));
    let sent = send_with_receipt(&mut peer, bytes(b'a', ENORMOUS), receipt(&called));
    assert_eq!(sent, Sent::Accepted);
    assert_eq!(peer.send(&bytes(b'b', 10)), Sent::Accepted);
    let sent = send_with_receipt(&mut peer, bytes(b'c', 2 * LIMIT), receipt(&called));
    assert_eq!(sent, Sent::Accepted);
    assert_eq!(called.load(Ordering::SeqCst), 0);
    let got = flush_into(&mut peer, client, ENORMOUS + 10 + 2 * LIMIT);
    assert!(got[..ENORMOUS].iter().all(|byte| *byte == b'a'));
    assert_eq!(got[ENORMOUS..][..10], [b'b'; 10]);
    assert!(got[ENORMOUS + 10..].iter().all(|byte| *byte == b'c'));
    assert_eq!(called.load(Ordering::SeqCst), 2);
    assert!(!peer.is_blocked());
}

#[test]
fn past_the_bound_what_waits_is_dropped_at_once_and_said_once() {
    let (mut peer, _client) = peer();
    let called = Arc::new(AtomicUsize::new(0));
    peer.send(&bytes(b'a', ENORMOUS));
    send_with_receipt(&mut peer, bytes(b'b', LIMIT + 1), receipt(&called));
    assert_eq!(Arc::strong_count(&called), 2);
    assert_eq!(peer.send(&bytes(b'c', 1)), Sent::Overflow);
    assert_eq!(Arc::strong_count(&called), 1, "the receipt is dropped");
    assert_eq!(called.load(Ordering::SeqCst), 0, "and was not called");
    assert_eq!(peer.tally.traffic().queued_bytes, 0);
    assert_eq!(peer.send(&bytes(b'd', 1)), Sent::Gone);
}

#[test]
fn what_went_and_what_waits_is_counted_to_the_byte() {
    let (mut peer, client) = peer();
    let messages = [bytes(b'A', 10), bytes(b'A', 20)];
    peer.send_parcel(Parcel {
        frames: Frames::Runs(&[&messages[..1], &messages[1..]]),
        joined: None,
        only_messages: true,
        receipts: Vec::new(),
    });
    peer.send(&frame::ping());
    let traffic = peer.tally.traffic();
    assert_eq!((traffic.messages_out, traffic.bytes_out), (2, 32));
    assert_eq!((traffic.queued_bytes, traffic.lag), (0, Duration::ZERO));
    assert_eq!(traffic.state, LineState::Active);

    peer.send(&bytes(b'A', ENORMOUS));
    peer.send(&frame::ping());
    let traffic = peer.tally.traffic();
    assert_eq!(traffic.state, LineState::Blocked);
    assert!(traffic.lag > Duration::ZERO);
    assert_eq!(traffic.messages_out, 2, "half a message is none");
    let all = 34 + ENORMOUS as u64;
    assert_eq!(traffic.bytes_out + traffic.queued_bytes, all);

    flush_into(&mut peer, client, 34 + ENORMOUS);
    let traffic = peer.tally.traffic();
    assert_eq!((traffic.messages_out, traffic.bytes_out), (3, all));
    assert_eq!(traffic.state, LineState::Active);

    peer.seal(None);
    assert_eq!(peer.tally.traffic().state, LineState::Closing);
}

#[test]
fn the_handshakes_answer_is_not_counted() {
    let (mut peer, client) = peer();
    // Nothing goes out before it; here the socket takes it in two pieces.
    let answer = bytes(b'H', ENORMOUS);
    peer.tally.leave_out(&answer);
    peer.send(&answer);
    peer.send(&bytes(b'A', 10));
    assert_eq!(peer.tally.traffic().bytes_out, 0);
    flush_into(&mut peer, client, ENORMOUS + 10);
    let traffic = peer.tally.traffic();
    assert_eq!((traffic.messages_out, traffic.bytes_out), (1, 10));
}

#[test]
fn a_muted_connection_is_sent_nothing_and_what_waits_is_dropped() {
    let (mut peer, mut client) = peer();
    let called = Arc::new(AtomicUsize::new(0));
    peer.send(&bytes(b'a', ENORMOUS));
    send_with_receipt(&mut peer, bytes(b'b', 5), receipt(&called));
    let went = peer.tally.traffic().bytes_out as usize;
    peer.mute();
    assert_eq!(Arc::strong_count(&called), 1);
    let sent = send_with_receipt(&mut peer, bytes(b'c', 5), receipt(&called));
    assert_eq!(sent, Sent::Gone);
    peer.seal(Some(bytes(b'd', 5)));
    assert!(peer.flush().unwrap());
    assert_eq!(called.load(Ordering::SeqCst), 0);
    drop(peer);
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert_eq!(got.len(), went);
}

#[test]
fn nothing_follows_the_last_frame_but_what_waited_goes() {
    let (mut peer, client) = peer();
    peer.send(&bytes(b'a', ENORMOUS));
    peer.seal(Some(bytes(b'z', 2)));
    assert_eq!(peer.send(&bytes(b'x', 5)), Sent::Gone);
    peer.seal(Some(bytes(b'y', 2)));
    let mut rest = client.try_clone().unwrap();
    let got = flush_into(&mut peer, client, ENORMOUS + 2);
    assert_eq!(got[ENORMOUS..], *b"zz");
    drop(peer);
    let mut got = Vec::new();
    rest.read_to_end(&mut got).unwrap();
    assert!(got.is_empty());
}

#[test]
fn a_reader_that_takes_its_time_is_a_living_one() {
    let (mut peer, client) = peer();
    assert!(peer.was_heard(), "a new connection is alive");
    assert!(!peer.was_heard());
    peer.send(&bytes(b'a', ENORMOUS));
    assert!(!peer.was_heard(), "sending alone proves nothing");
    flush_into(&mut peer, client, ENORMOUS);
    assert!(peer.was_heard());
}
