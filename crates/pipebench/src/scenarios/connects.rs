//! Connections that come and go: how many a second, and what one costs the server. Opened in groups
//! side by side, as many pages would.

use clap::Args;

use crate::clock::{self, SECOND, nanoseconds};
use crate::doors::Door;
use crate::error::Error;
use crate::measure::Outcome;
use crate::options::{Timing, count};
use crate::process::{CpuTime, ServerProcess, require_sockets};
use crate::report::{Report, progress, ratio};
use crate::subscriber::{self, GROUP};

/// Options of `pipebench connects`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Subscribe to a pipe and close again, group by group; without it connections are opened up
    /// to --held, then closed without being counted, and so on.
    #[arg(long)]
    subscribe: bool,
    /// Connections open at the same time at most, without --subscribe.
    #[arg(long, value_name = "N", default_value = "4096", value_parser = count)]
    held: usize,
    #[command(flatten)]
    timing: Timing,
}

/// What was opened in the counted time.
#[derive(Debug, Default)]
struct Tally {
    connects: u64,
    nanoseconds: u64,
    client: CpuTime,
    server: CpuTime,
}

/// Runs the scenario.
pub(crate) fn run(door: &dyn Door, options: &Options) -> Result<Outcome, Error> {
    require_sockets(options.held.max(GROUP) + GROUP)?;
    progress("connecting");
    let until = |duration| clock::now() + nanoseconds(duration);
    // The warm-up is not counted.
    let mut tally = Tally::default();
    let warm = until(options.timing.warmup);
    while clock::now() < warm {
        round(door, options, warm, &mut tally)?;
    }
    let mut tally = Tally::default();
    let end = until(options.timing.duration);
    while clock::now() < end {
        round(door, options, end, &mut tally)?;
    }
    Ok(Outcome {
        report: describe(door, options, &tally),
        verdict: Ok(()),
    })
}

/// Opens as many as are to be open together, and closes them.
fn round(door: &dyn Door, options: &Options, end: u64, tally: &mut Tally) -> Result<(), Error> {
    let usage = || {
        let server = door.process().map(ServerProcess::cpu_time).transpose()?;
        Ok((CpuTime::of_this_thread()?, server.unwrap_or_default()))
    };
    let pipes = vec![subscriber::run_pipe(); GROUP];
    let mut open = Vec::new();
    let (client, server) = usage()?;
    let start = clock::now();
    loop {
        if options.subscribe {
            tally.connects += subscriber::open_subscribed(door, &pipes)?.len() as u64;
        } else {
            open.append(&mut subscriber::open_idle(door, GROUP)?);
            tally.connects += GROUP as u64;
        }
        if clock::now() >= end || open.len() >= options.held {
            break;
        }
    }
    tally.nanoseconds += clock::now() - start;
    let (client_after, server_after) = usage()?;
    tally.client += client_after - client;
    tally.server += server_after - server;
    Ok(())
}

fn describe(door: &dyn Door, options: &Options, tally: &Tally) -> Report {
    let seconds = tally.nanoseconds as f64 / SECOND as f64;
    let what = if options.subscribe {
        "connect, subscribe, close"
    } else {
        "connect"
    };
    let mut report = Report::new("connects");
    report.add("connects", what, tally.connects, "");
    report.add("seconds", "in", seconds, "s");
    report.add(
        "connects_per_second",
        "a second",
        tally.connects as f64 / seconds.max(f64::EPSILON),
        "/s",
    );
    if door.process().is_some() {
        report.add(
            "cpu_us_per_connect",
            "server CPU of each",
            ratio(tally.server.total() * 1e6, tally.connects),
            "µs",
        );
        report.add(
            "server_cores",
            "server, cores used",
            tally.server.total() / seconds.max(f64::EPSILON),
            "",
        );
    }
    report.add(
        "sender_cores",
        "connecting thread, cores used",
        tally.client.total() / seconds.max(f64::EPSILON),
        "",
    );
    report
}
