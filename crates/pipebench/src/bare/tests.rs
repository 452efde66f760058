//! The bare server against this program's own clients: whatever a scenario does must come out
//! whole, or the limit would be measured with a loop that does less.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use clap::Parser;

use super::*;
use crate::doors::{BackendSocket, CometDoor, Door, Form, Statement};
use crate::mysql::Answer;
use crate::options::Target;
use crate::scenarios::Scenario;
use crate::servers::Stage;
use crate::subscriber::{Client, open_subscribed};
use crate::websocket;

/// Runs `visit` against a server in a thread.
fn with_server(gather: bool, visit: impl FnOnce(&CometDoor)) {
    let backends = TcpListener::bind("127.0.0.1:0").unwrap();
    let browsers = TcpListener::bind("127.0.0.1:0").unwrap();
    let door = CometDoor::of(&Target {
        cometql: backends.local_addr().unwrap().to_string(),
        http: browsers.local_addr().unwrap().to_string(),
        ..Target::default()
    })
    .unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let server = scope.spawn(|| serve(&backends, &browsers, gather, &stop));
        // Or a failed assertion would wait for the server for ever.
        let visited = catch_unwind(AssertUnwindSafe(|| visit(&door)));
        stop.store(true, Ordering::Relaxed);
        if let Err(failure) = visited {
            resume_unwind(failure);
        }
        server.join().unwrap().unwrap();
    });
}

fn publish(door: &CometDoor, form: Form, payloads: &[Vec<u8>]) {
    let [backend] = door.backends(1, form).unwrap().try_into().unwrap();
    let mut out = Vec::new();
    let statement = Statement {
        backend: &backend,
        turn: 0,
        pipe: "web_a",
        payloads,
    };
    door.write_statement(&statement, &mut out).unwrap();
    let BackendSocket { mut socket, .. } = backend;
    socket.set_nonblocking(false).unwrap();
    socket.write_all(&out).unwrap();
    let mut answer = [0; 64];
    let count = socket.read(&mut answer).unwrap();
    let (answer, length) = door.next_answer(&answer[..count]).unwrap().unwrap();
    assert_eq!((answer, length), (Answer::Ok, count));
}

#[test]
fn every_row_reaches_every_subscriber_of_its_pipe_however_it_is_put() {
    for gather in [false, true] {
        with_server(gather, |door| {
            let pipes = ["web_a", "web_a", "web_b"].map(String::from);
            let mut clients = open_subscribed(door, &pipes).unwrap();
            assert_eq!(door.count_subscribers(&pipes[..1]).unwrap(), Some(2));
            publish(door, Form::Text, &[b"one".to_vec(), b"two".to_vec()]);
            publish(door, Form::Prepared, &[vec![b'x'; 300]]);
            for client in clients.iter_mut().take(2) {
                for expected in [&b"\"one\""[..], b"\"two\"", &[b'x'; 300]] {
                    let text = client.hear(b"\"data\"").unwrap();
                    assert!(memchr::memmem::find(&text, expected).is_some());
                }
            }
        });
    }
}

#[test]
fn a_member_is_heard_by_the_others_and_not_by_itself() {
    with_server(false, |door| {
        let pipes = ["web_a", "web_a"].map(String::from);
        let [mut one, mut other]: [Client; 2] =
            open_subscribed(door, &pipes).unwrap().try_into().unwrap();
        for (speaker, word) in [(&mut one, "hello"), (&mut other, "bye")] {
            let mut speech = Vec::new();
            door.write_speech("web_a", word.as_bytes(), &mut speech);
            speaker.write(&speech).unwrap();
        }
        let heard = one.hear(b"\"data\"").unwrap();
        assert!(heard.starts_with(b"{\"data\":\"bye\""));
        let heard = other.hear(b"\"data\"").unwrap();
        assert!(heard.starts_with(b"{\"data\":\"hello\""));
    });
}

#[test]
fn who_leaves_is_forgotten() {
    with_server(false, |door| {
        let pipes = ["web_a", "web_a"].map(String::from);
        let mut clients = open_subscribed(door, &pipes).unwrap();
        clients.pop();
        while door.count_subscribers(&pipes[..1]).unwrap() != Some(1) {
            std::thread::yield_now();
        }
        drop(clients);
        let again = open_subscribed(door, &pipes).unwrap();
        assert_eq!(again.len(), 2);
    });
}

#[test]
fn what_is_cut_at_every_byte_is_answered_once_and_whole() {
    let mut bytes = Vec::new();
    websocket::write_text(b"subscription\nweb_a", [1, 2, 3, 4], &mut bytes);
    let speech = [b"web_pipe2\nweb_a\nbench\n*\n".to_vec(), vec![b'y'; 200]].concat();
    websocket::write_text(&speech, [5, 6, 7, 8], &mut bytes);
    for cut in 0..bytes.len() {
        let mut talk = Talk::Browser { is_open: true };
        let (mut answers, mut acts) = (Vec::new(), Vec::new());
        let mut pending = Vec::new();
        for part in [&bytes[..cut], &bytes[cut..]] {
            pending.extend_from_slice(part);
            while let Some(length) = talk.next(&pending, &mut answers, &mut acts) {
                pending.drain(..length);
            }
        }
        assert!(pending.is_empty() && answers.is_empty(), "cut at {cut}");
        assert_eq!(acts.len(), 2, "cut at {cut}");
        assert_eq!(acts[0], Act::Subscribe(b"web_a".to_vec()));
        assert!(matches!(&acts[1], Act::Deliver { frame, .. } if frame.len() > 200));
    }
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

#[test]
fn every_scenario_comes_out_whole() {
    let commands = [
        "fanout --subscribers 20",
        "fanout --subscribers 20 --rate 100",
        "publish --backends 3 --pipes 7",
        "publish --backends 2 --pipes 7 --pipeline 8 --form prepared",
        "publish --backends 2 --pipes 3 --batch 5",
        "publish --unread --around 10",
        "chat --rooms 3 --members 4 --rate 20",
        "idle --subscribers 30",
        "connects --held 100",
        "connects --subscribe",
    ];
    for (gather, command) in [false, true]
        .iter()
        .flat_map(|gather| commands.map(|command| (*gather, command)))
    {
        let words = format!("pipebench {command} --warmup 0.02 --duration 0.1");
        let line = Line::try_parse_from(words.split(' ')).unwrap();
        with_server(gather, |door| {
            let mut stage = Stage::before(door.clone().silent());
            let outcome = line.scenario.run(&mut stage).unwrap();
            outcome
                .verdict
                .unwrap_or_else(|error| panic!("{command}: {error}"));
        });
    }
}
