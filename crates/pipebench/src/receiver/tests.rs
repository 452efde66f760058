//! Receiving from real sockets, cut at every byte.

use super::*;
use crate::link::Link;

const EVER: Timeline = Timeline {
    start: 0,
    end: u64::MAX,
};

fn stamp(publisher: u16, sequence: u64) -> Stamp {
    Stamp {
        publisher,
        sequence,
        sent_at: 1,
    }
}

fn delivery(publisher: u16, sequence: u64) -> Vec<u8> {
    let mut text = b"{\"data\":\"".to_vec();
    stamp(publisher, sequence).write(64, &mut text);
    text.extend_from_slice(b"\",\"event\":\"e\",\"pipe\":\"web_p\"}");
    text
}

fn report(publisher: u16, sequence: u64) -> Vec<u8> {
    let mut text = b"{\"data\":{\"error\":\"\",\"message\":\"".to_vec();
    stamp(publisher, sequence).write(64, &mut text);
    text.extend_from_slice(
        b"\",\"number_messages\":1},\"event\":\"answer\",\"pipe\":\"_answer_to_web_p\"}",
    );
    text
}

fn wait_for(connection: &Connection) {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut sockets = [PollFd::new(&connection.subscriber.link, PollFlags::IN)];
    assert_eq!(poll(&mut sockets, None).unwrap(), 1);
}

/// Receives from a real socket what `sender` writes into it, then waits for its end.
fn receive(own: Option<u16>, publishers: usize, writes: &[&[u8]]) -> Received {
    receive_as(Hearing::default(), own, publishers, writes)
}

fn receive_as(hearing: Hearing, own: Option<u16>, publishers: usize, writes: &[&[u8]]) -> Received {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut sender, _) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut connection = Connection::new(Subscriber {
        link: Link::plain(socket),
        leftover: Vec::new(),
        own,
    });
    let mut buffer = vec![0; BUFFER];
    let mut tally = Tally::new(hearing, 1, publishers, EVER).unwrap();
    for write in writes {
        sender.write_all(write).unwrap();
        wait_for(&connection);
        assert!(connection.receive(0, &mut buffer, &mut tally).unwrap());
    }
    drop(sender);
    wait_for(&connection);
    assert!(!connection.receive(0, &mut buffer, &mut tally).unwrap());
    tally.received
}

#[test]
fn frames_cut_at_every_byte_are_counted_once() {
    let mut bytes = Vec::new();
    websocket::write_server_text(&delivery(0, 0), &mut bytes);
    websocket::write_server_text(&delivery(0, 1), &mut bytes);
    for cut in 1..bytes.len() {
        let received = receive(None, 1, &[&bytes[..cut], &bytes[cut..]]);
        assert_eq!(received.deliveries, 2, "cut at {cut}");
        assert_eq!(received.faults(|_, _| 2), Faults::default(), "cut at {cut}");
    }
}

#[test]
fn several_lines_of_one_frame_are_several_messages() {
    let text = [delivery(0, 0), delivery(1, 0), delivery(0, 1)].join(&b'\n');
    let mut bytes = Vec::new();
    websocket::write_server_text(&text, &mut bytes);
    let received = receive(None, 2, &[&bytes]);
    assert_eq!(received.deliveries, 3);
    assert_eq!(
        received.faults(|_, publisher| 2 - publisher as u64),
        Faults::default()
    );
    assert_eq!(received.faults(|_, _| 3).lost, 3);
}

#[test]
fn a_report_answers_ones_own_message_and_an_echo_is_stray() {
    let mut bytes = Vec::new();
    for text in [
        report(1, 0),
        delivery(0, 0),
        delivery(1, 1),
        report(0, 1),
        delivery(9, 0),
    ] {
        websocket::write_server_text(&text, &mut bytes);
    }
    let received = receive(Some(1), 2, &[&bytes]);
    assert_eq!(
        (received.reports, received.deliveries, received.stray),
        (1, 1, 3)
    );
    assert_eq!(received.faults(|_, _| 1), Faults::default());
}

#[test]
fn an_error_of_the_server_is_counted_and_quoted() {
    let text = b"{\"data\":{\"error\":\"too many\"},\"event\":\"error\",\"pipe\":\"sys\"}";
    let mut bytes = Vec::new();
    websocket::write_server_text(text, &mut bytes);
    let received = receive(None, 1, &[&bytes]);
    assert_eq!(received.errors, 1);
    assert!(received.first_error.unwrap().contains("too many"));
}

#[test]
fn mqtt_packets_cut_at_every_byte_are_counted_once() {
    let hearing = Hearing {
        framing: Framing::Mqtt,
        ..Hearing::default()
    };
    let mut bytes = Vec::new();
    for sequence in 0..2 {
        let mut payload = Vec::new();
        stamp(0, sequence).write(200, &mut payload);
        mqtt::write_publish("web_p", None, &payload, &mut bytes);
    }
    for cut in 1..bytes.len() {
        let received = receive_as(hearing, None, 1, &[&bytes[..cut], &bytes[cut..]]);
        assert_eq!(received.deliveries, 2, "cut at {cut}");
        assert_eq!(received.faults(|_, _| 2), Faults::default(), "cut at {cut}");
    }
}

#[test]
fn where_one_hears_nothing_of_oneself_ones_own_message_is_stray() {
    let hearing = Hearing {
        echo: Echo::Silent,
        ..Hearing::default()
    };
    let mut bytes = Vec::new();
    for text in [delivery(0, 0), delivery(1, 0)] {
        websocket::write_server_text(&text, &mut bytes);
    }
    let received = receive_as(hearing, Some(1), 2, &[&bytes]);
    assert_eq!((received.deliveries, received.stray), (1, 1));
}
