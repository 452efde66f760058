//! The server is restarted under many subscribers, and all of them come back at once, subscribe and
//! resume where they were. Histories survive, so nobody may be told of a gap.

use std::time::Duration;

use clap::Args;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::clock::{self, SECOND, nanoseconds};
use crate::doors::{Dialogue, Door};
use crate::error::Error;
use crate::measure::Outcome;
use crate::options::count;
use crate::process::{CpuTime, ServerProcess, require_sockets};
use crate::report::{Report, progress, ratio};
use crate::scenarios::timed;
use crate::servers::Stage;
use crate::subscriber::{self, Client};

/// How long all of them together may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Messages each pipe keeps.
const HISTORY: usize = 10;

/// Answers served per wait.
const EVENTS: usize = 1024;

/// What a connection is told when messages it missed are gone.
const GAP: &[u8] = b"\"event\":\"gap\"";

/// Options of `pipebench storm`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Subscribers that come back.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    subscribers: usize,
    /// Subscribers of each pipe.
    #[arg(long, value_name = "N", default_value = "10", value_parser = count)]
    per_pipe: usize,
    /// Connections on their way at the same time. More than the kernel's queue of a listener holds
    /// would measure its retransmission timer (a second) and not the server.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    at_once: usize,
}

/// Runs the scenario.
pub(crate) fn run(stage: &mut Stage, options: &Options) -> Result<Outcome, Error> {
    require_sockets(options.subscribers)?;
    let prefix = subscriber::run_pipe();
    let pipes: Vec<String> = (0..options.subscribers)
        .map(|subscriber| format!("{prefix}_{}", subscriber / options.per_pipe))
        .collect();
    let distinct: Vec<String> = pipes.iter().step_by(options.per_pipe).cloned().collect();
    stage.door().keep_history(&distinct, HISTORY)?;
    let fresh = pipes.iter().map(|pipe| (pipe, String::from("\n")));
    progress(&format!("opening {} subscribers", options.subscribers));
    let (opened, opening) = timed(|| reconnect(stage.door(), fresh.collect(), options.at_once))?;
    let positions: Vec<String> = opened.iter().map(|back| back.position.clone()).collect();
    progress("restarting the server");
    let ((), restart) = timed(|| stage.restart())?;
    // Their ends were closed by the server; closing ours is not part of coming back.
    drop(opened);

    let door = stage.door();
    let cpu_before = door.process().map(ServerProcess::cpu_time).transpose()?;
    let own_before = CpuTime::of_this_thread()?;
    let known = pipes.iter().zip(positions).collect();
    let (back, seconds) = timed(|| reconnect(door, known, options.at_once))?;
    let own = CpuTime::of_this_thread()? - own_before;
    let cpu_after = door.process().map(ServerProcess::cpu_time).transpose()?;

    let gaps = back.iter().filter(|back| back.gap).count();
    let mut report = Report::new("storm");
    report.add("subscribers", "subscribers", options.subscribers, "");
    report.add("pipes", "pipes with a history", distinct.len(), "");
    report.add("at_once", "connecting at once", options.at_once, "");
    report.add("opening_seconds", "opened the first time in", opening, "s");
    report.add("restart_seconds", "server restarted in", restart, "s");
    report.add("back_seconds", "all back and resumed in", seconds, "s");
    report.add(
        "connects_per_second",
        "a second",
        options.subscribers as f64 / seconds.max(f64::EPSILON),
        "/s",
    );
    report.add("gaps", "told of a gap", gaps, "");
    if let (Some(after), Some(before)) = (cpu_after, cpu_before) {
        report.add(
            "cpu_us_per_connect",
            "server CPU of each",
            ratio((after - before).total() * 1e6, options.subscribers as u64),
            "µs",
        );
    }
    report.add(
        "sender_cores",
        "connecting thread, cores used",
        own.total() / seconds.max(f64::EPSILON),
        "",
    );
    let verdict = match gaps {
        0 => Ok(()),
        gaps => Err(Error::Broken(format!(
            "{gaps} subscribers were told of a gap in a history that was kept"
        ))),
    };
    Ok(Outcome { report, verdict })
}

/// A connection that is subscribed again.
#[derive(Debug)]
struct Back {
    _client: Client,
    position: String,
    gap: bool,
}

/// Brings every subscriber to where it has resumed, `at_once` of them at a time.
fn reconnect(
    door: &dyn Door,
    wanted: Vec<(&String, String)>,
    at_once: usize,
) -> Result<Vec<Back>, Error> {
    let failed = |error: rustix::io::Errno| Error::Io {
        what: "waiting for sockets",
        source: error.into(),
    };
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
    let total = wanted.len();
    let mut wanted = wanted.into_iter().enumerate();
    let mut arriving: Vec<Option<Arriving>> = Vec::new();
    arriving.resize_with(total, || None);
    let mut back = Vec::with_capacity(total);
    let mut on_their_way = 0;
    let mut events = Vec::with_capacity(EVENTS);
    let deadline = clock::now() + nanoseconds(PATIENCE);
    while back.len() < total {
        while on_their_way < at_once
            && let Some((index, (pipe, position))) = wanted.next()
        {
            let dialogue = door.resumption(pipe, &position)?;
            let client = Client::start(door.browsers(), &dialogue)?;
            let key = epoll::EventData::new_u64(index as u64);
            epoll::add(&epoll, client.socket(), key, epoll::EventFlags::IN).map_err(failed)?;
            if let Some(slot) = arriving.get_mut(index) {
                *slot = Some(Arriving::new(client, dialogue));
            }
            on_their_way += 1;
            // Between two connects those who can go on do.
            if index % 64 == 63 {
                break;
            }
        }
        events.clear();
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: if on_their_way < at_once && wanted.len() > 0 {
                0
            } else {
                20_000_000
            },
        };
        match epoll::wait(&epoll, spare_capacity(&mut events), Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        for event in &events {
            let Some(slot) = arriving.get_mut(event.data.u64() as usize) else {
                continue;
            };
            let Some(connection) = slot else { continue };
            if connection.advance()?
                && let Some(connection) = slot.take()
            {
                epoll::delete(&epoll, connection.client.socket()).map_err(failed)?;
                on_their_way -= 1;
                back.push(connection.into_back());
            }
        }
        if clock::now() > deadline {
            return Err(Error::Timeout {
                what: "take all subscribers back",
                seconds: nanoseconds(PATIENCE) / SECOND,
            });
        }
    }
    Ok(back)
}

/// A connection on its way back.
#[derive(Debug)]
struct Arriving {
    client: Client,
    dialogue: Dialogue,
    round: usize,
    last: Vec<u8>,
    gap: bool,
}

impl Arriving {
    fn new(client: Client, dialogue: Dialogue) -> Self {
        Self {
            client,
            dialogue,
            round: 0,
            last: Vec::new(),
            gap: false,
        }
    }

    /// Reads once and goes as far as that allows; `true` when the dialogue is over.
    fn advance(&mut self) -> Result<bool, Error> {
        self.client.read_once()?;
        while let Some(text) = self.client.next_whole_text()? {
            let Some(round) = self.dialogue.rounds.get(self.round) else {
                break;
            };
            self.gap |= memchr::memmem::find(&text, GAP).is_some();
            if memchr::memmem::find(&text, &round.hear).is_none() {
                continue;
            }
            self.last = text;
            self.round += 1;
            if let Some(next) = self.dialogue.rounds.get(self.round) {
                self.client.write(&next.say)?;
            }
        }
        Ok(self.round == self.dialogue.rounds.len())
    }

    fn into_back(self) -> Back {
        Back {
            position: position(&self.last),
            gap: self.gap,
            _client: self.client,
        }
    }
}

/// Where a pipe stands, as the next resumption names it: an epoch and an offset, a line each.
fn position(mark: &[u8]) -> String {
    let mark: serde_json::Value = serde_json::from_slice(mark).unwrap_or_default();
    let number = |name: &str| {
        let number = mark.get(name).and_then(serde_json::Value::as_u64);
        number.map_or(String::new(), |number| number.to_string())
    };
    format!("{}\n{}", number("epoch"), number("offset"))
}
