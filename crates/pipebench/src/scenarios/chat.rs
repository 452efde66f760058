//! Rooms of people who talk: every member sends through its WebSocket, all others of the room read.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock::{self, SECOND, Timeline};
use crate::doors::{Door, Echo};
use crate::error::Error;
use crate::measure::{Cast, Measured, Outcome, measure};
use crate::options::{ANSWER_LIMIT, Timing, count, message_size, rate};
use crate::payload::{PUBLISHER_LIMIT, Stamp};
use crate::process::{CpuSpan, require_sockets};
use crate::publisher::Sent;
use crate::receiver::Progress;
use crate::report::{Report, progress};
use crate::schedule::Schedule;
use crate::subscriber;

/// Connections a chat may have: each member keeps a stream per other member of its room.
const MEMBERS_LIMIT: usize = PUBLISHER_LIMIT;

/// Options of `pipebench chat`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Rooms, a pipe each.
    #[arg(long, value_name = "N", default_value = "50", value_parser = count)]
    rooms: usize,
    /// Members of each room, a connection each.
    #[arg(long, value_name = "N", default_value = "20", value_parser = count)]
    members: usize,
    /// Messages a second of each member.
    #[arg(long, value_name = "PER_SECOND", default_value = "4", value_parser = rate)]
    rate: f64,
    /// Bytes of a message's text.
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = message_size)]
    size: usize,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario.
pub(crate) fn run(door: &dyn Door, options: &Options) -> Result<Outcome, Error> {
    let connections = options.rooms.saturating_mul(options.members);
    if connections > MEMBERS_LIMIT {
        return Err(Error::Usage(format!(
            "rooms × members is {connections}, at most {MEMBERS_LIMIT} connections"
        )));
    }
    // The sender has a descriptor of its own for every socket.
    require_sockets(connections * 2)?;
    let prefix = subscriber::run_pipe();
    // Connection c is member c / rooms of room c % rooms: neighbours in the order of sending are
    // in different rooms.
    let pipes: Vec<String> = (0..connections)
        .map(|connection| format!("{prefix}_{}", connection % options.rooms))
        .collect();
    progress(&format!("opening {connections} members"));
    let mut subscribers = subscriber::subscribers(door, &pipes)?;
    let mut speakers = Vec::with_capacity(connections);
    for (connection, (subscriber, pipe)) in subscribers.iter_mut().zip(pipes).enumerate() {
        let member = u16::try_from(connection / options.rooms).unwrap_or(u16::MAX);
        subscriber.own = Some(member);
        let socket = subscriber
            .link
            .socket()
            .try_clone()
            .map_err(|source| Error::Io {
                what: "sharing a socket between threads",
                source,
            })?;
        speakers.push(Speaker {
            socket,
            pipe,
            member,
        });
    }
    let cast = Cast {
        subscribers,
        publishers: options.members,
        server: door.process().cloned(),
        hearing: door.hearing(),
    };
    let is_silent = door.hearing().echo == Echo::Silent;
    progress("talking");
    let run = measure(
        cast,
        options.timing,
        |timeline, progress| talk(door, &speakers, options, timeline, progress),
        |sent, connection, member| {
            let speaker = member * options.rooms + connection % options.rooms;
            if is_silent && speaker == connection {
                return 0;
            }
            sent.count(speaker, 0)
        },
    )?;
    Ok(run.outcome(describe(options, &run)))
}

/// A member as the sender sees it.
#[derive(Debug)]
struct Speaker {
    socket: TcpStream,
    pipe: String,
    member: u16,
}

fn talk(
    door: &dyn Door,
    speakers: &[Speaker],
    options: &Options,
    timeline: Timeline,
    progress: &Progress,
) -> Result<Sent, Error> {
    let mut sent = Sent::nothing(speakers.len(), 1)?;
    let between = SECOND as f64 / (options.rate * speakers.len() as f64);
    let mut schedule = Schedule::new(clock::now(), between, 0);
    let mut cpu = CpuSpan::new(timeline);
    let mut frame = Vec::new();
    let mut text = Vec::new();
    for (index, speaker) in speakers.iter().enumerate().cycle() {
        clock::sleep_until(schedule.next().min(timeline.end));
        let now = clock::now();
        cpu.sample(now)?;
        if now >= timeline.end || progress.stopped() {
            break;
        }
        let Some(count) = sent
            .counts
            .get_mut(index)
            .and_then(|counts| counts.first_mut())
        else {
            break;
        };
        text.clear();
        Stamp {
            publisher: speaker.member,
            sequence: *count,
            sent_at: now,
        }
        .write(options.size, &mut text);
        frame.clear();
        door.write_speech(&speaker.pipe, &text, &mut frame);
        speaker.say(&frame)?;
        *count += 1;
        if timeline.measures(now) {
            sent.messages += 1;
        }
    }
    sent.cpu = cpu.spent()?;
    Ok(sent)
}

impl Speaker {
    /// Writes a whole frame, waiting when the server does not read.
    fn say(&self, frame: &[u8]) -> Result<(), Error> {
        let mut socket = &self.socket;
        let mut rest = frame;
        while !rest.is_empty() {
            match socket.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_for_room()?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::connection("read a member's message", error)),
            }
        }
        Ok(())
    }

    fn wait_for_room(&self) -> Result<(), Error> {
        let limit = Timespec {
            tv_sec: ANSWER_LIMIT.as_secs() as _,
            tv_nsec: 0,
        };
        let mut sockets = [PollFd::new(&self.socket, PollFlags::OUT)];
        match poll(&mut sockets, Some(&limit)) {
            Ok(0) => Err(Error::Timeout {
                what: "read a member's message",
                seconds: ANSWER_LIMIT.as_secs(),
            }),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Error::Io {
                what: "waiting for a member's socket",
                source: error.into(),
            }),
        }
    }
}

fn describe(options: &Options, run: &Measured) -> Report {
    let mut report = Report::new("chat");
    let asked = options.rate * (options.rooms * options.members) as f64;
    report.add("rooms", "rooms", options.rooms, "");
    report.add("members", "members of each", options.members, "");
    report.add("size_bytes", "message", options.size, "B");
    report.add("rate", "asked messages", asked, "/s");
    report.add("seconds", "measured", run.seconds, "s");
    report.add(
        "messages_per_second",
        "messages sent",
        run.sent.messages as f64 / run.seconds,
        "/s",
    );
    report.add_latency("report", "delivery report", &run.received.report_latency);
    report.add_deliveries(run);
    report.add_server(run, run.received.deliveries);
    report
}
