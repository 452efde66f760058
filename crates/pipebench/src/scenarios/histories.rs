//! Subscribers that ask for what a pipe keeps: how many such questions a second, how long one takes
//! until its last message is there, and what it costs the server. With an empty history this is the
//! price of asking.

use clap::Args;

use crate::clock::{self, SECOND, nanoseconds};
use crate::doors::{Door, Round};
use crate::error::Error;
use crate::measure::Outcome;
use crate::options::{Timing, count, count_or_none, message_size};
use crate::payload::Stamp;
use crate::process::{CpuTime, ServerProcess, require_sockets};
use crate::receiver::latency_histogram;
use crate::report::{Report, progress, ratio};
use crate::subscriber::{self, Client};

/// Options of `pipebench histories`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Connections that ask, each when its last answer is complete.
    #[arg(long, value_name = "N", default_value = "8", value_parser = count)]
    subscribers: usize,
    /// Messages the pipe keeps, all of which are asked for.
    #[arg(long, value_name = "N", default_value = "50", value_parser = count_or_none)]
    history: usize,
    /// Bytes of a message's text.
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = message_size)]
    size: usize,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario.
pub(crate) fn run(door: &dyn Door, options: &Options) -> Result<Outcome, Error> {
    require_sockets(options.subscribers)?;
    let pipe = subscriber::run_pipe();
    if options.history > 0 {
        door.keep_history(std::slice::from_ref(&pipe), options.history)?;
        door.fill_history(&pipe, &messages(options))?;
    }
    progress(&format!("opening {} subscribers", options.subscribers));
    let mut clients = subscriber::open_subscribed(door, &vec![pipe.clone(); options.subscribers])?;
    progress("asking");
    let question = door.ask_history(&pipe)?;
    let usage = || {
        let server = door.process().map(ServerProcess::cpu_time).transpose()?;
        Ok::<_, Error>((CpuTime::of_this_thread()?, server.unwrap_or_default()))
    };
    let warm = clock::now() + nanoseconds(options.timing.warmup);
    while clock::now() < warm {
        ask(&mut clients, &question, options.history, |_| {})?;
    }
    let mut times = latency_histogram()?;
    let (client, server) = usage()?;
    let start = clock::now();
    let end = start + nanoseconds(options.timing.duration);
    while clock::now() < end {
        ask(&mut clients, &question, options.history, |time| {
            times.saturating_record(time);
        })?;
    }
    let seconds = (clock::now() - start) as f64 / SECOND as f64;
    let (client_after, server_after) = usage()?;
    let asked = times.len();
    let mut report = Report::new("histories");
    report.add("subscribers", "subscribers", options.subscribers, "");
    report.add("history", "history", options.history, "messages");
    report.add("size_bytes", "message", options.size, "B");
    report.add("seconds", "measured", seconds, "s");
    report.add(
        "asked_per_second",
        "histories",
        asked as f64 / seconds,
        "/s",
    );
    report.add_latency("answer", "complete answer", &times);
    if door.process().is_some() {
        let spent = (server_after - server).total();
        report.add(
            "cpu_us_per_history",
            "server CPU of each",
            ratio(spent * 1e6, asked),
            "µs",
        );
        report.add("server_cores", "server, cores used", spent / seconds, "");
    }
    let own = (client_after - client).total() / seconds;
    report.add("sender_cores", "asking thread, cores used", own, "");
    Ok(Outcome {
        report,
        verdict: Ok(()),
    })
}

/// As many messages as the pipe keeps.
fn messages(options: &Options) -> Vec<String> {
    let message = |sequence| {
        let stamp = Stamp {
            publisher: 0,
            sequence,
            sent_at: clock::now(),
        };
        let mut payload = Vec::new();
        stamp.write(options.size, &mut payload);
        String::from_utf8_lossy(&payload).into_owned()
    };
    (0..options.history as u64).map(message).collect()
}

/// One question of each, and all of their answers; tells how long each took.
fn ask(
    clients: &mut [Client],
    question: &Round,
    history: usize,
    mut tell: impl FnMut(u64),
) -> Result<(), Error> {
    let mut asked = Vec::with_capacity(clients.len());
    for client in &mut *clients {
        asked.push(clock::now());
        client.write(&question.say)?;
    }
    for (client, asked) in clients.iter_mut().zip(asked) {
        for _ in 0..history {
            client.hear(KEPT)?;
        }
        client.hear(&question.hear)?;
        tell(clock::now() - asked);
    }
    Ok(())
}

/// What every message of a history contains.
const KEPT: &[u8] = b"\"history\":true";
