//! Many subscribers that do nothing: what one costs in memory, and how fast connections come and go.

use std::time::Duration;

use clap::Args;

use crate::clock::{self, SECOND, Timeline};
use crate::error::Error;
use crate::options::{ANSWER_LIMIT, Target, Timing, count};
use crate::process::{CpuTime, ServerProcess, raise_file_limit};
use crate::report::{Report, mebibytes, note, ratio};
use crate::subscriber::{self, Client, GROUP};

/// How often the server is asked whether it has noticed what was closed.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Options of `pipebench idle`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Subscribers; fewer when the limit of open files does not allow so many.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    subscribers: usize,
    /// The time they are held (warm-up, then measured), and the time connections come and go.
    #[command(flatten)]
    timing: Timing,
}

/// What was measured with all subscribers connected.
#[derive(Debug)]
struct Held {
    seconds: f64,
    memory: Option<u64>,
    cpu: Option<CpuTime>,
}

/// Runs the scenario and prints its report.
pub(crate) fn run(target: &Target, options: &Options) -> Result<(), Error> {
    let subscribers = allowed(options.subscribers);
    let server = target.server()?;
    let pipe = subscriber::run_pipe();
    let mut control = Client::open(target)?;
    let before = server.map(|server| server.resident()).transpose()?;

    note(&format!("opening {subscribers} subscribers"));
    let (clients, opening) =
        timed(|| subscriber::open_subscribed(target, &vec![pipe.clone(); subscribers]))?;
    let counted = control.pipe_count(&pipe)?;
    let held = hold(server, options.timing)?;

    note("closing them");
    let ((), closing) = timed(|| {
        drop(clients);
        wait_for_none(&mut control, &pipe)
    })?;

    note("opening and closing");
    let cpu_before = server.map(|server| server.cpu_time()).transpose()?;
    let (cycles, seconds) = come_and_go(target, &pipe, options.timing)?;
    let cpu = server
        .map(|server| server.cpu_time())
        .transpose()?
        .zip(cpu_before)
        .map(|(after, before)| after - before);

    let mut report = Report::new("idle");
    report.add("subscribers", "subscribers", subscribers, "");
    report.add("counted", "counted by the server", counted, "");
    report.add(
        "open_per_second",
        "connected and subscribed",
        subscribers as f64 / opening,
        "/s",
    );
    report.add(
        "close_per_second",
        "closed and noticed",
        subscribers as f64 / closing,
        "/s",
    );
    report.add(
        "cycles_per_second",
        "connect, subscribe, close",
        cycles as f64 / seconds,
        "/s",
    );
    if let Some(cpu) = cpu {
        report.add(
            "cpu_us_per_cycle",
            "server CPU per cycle",
            ratio(cpu.total() * 1e6, cycles),
            "µs",
        );
    }
    if let (Some(before), Some(memory)) = (before, held.memory) {
        let per_connection = memory.saturating_sub(before) as f64 / subscribers as f64;
        report.add(
            "server_memory_before_mib",
            "server memory before",
            mebibytes(before),
            "MiB",
        );
        report.add(
            "server_memory_mib",
            "server memory with all",
            mebibytes(memory),
            "MiB",
        );
        report.add(
            "bytes_per_connection",
            "server memory per connection",
            per_connection,
            "B",
        );
    }
    if let Some(cpu) = held.cpu {
        report.add(
            "idle_cores",
            "server, cores used while idle",
            cpu.total() / held.seconds.max(f64::EPSILON),
            "",
        );
    }
    report.print(target.json)?;
    if counted != subscribers as u64 {
        return Err(Error::Broken(format!(
            "the server counts {counted} subscribers of {subscribers}"
        )));
    }
    Ok(())
}

/// As many of the wanted subscribers as may be opened; says so when they are fewer.
fn allowed(wanted: usize) -> usize {
    let files = raise_file_limit();
    // The control connection and a group that comes and goes need descriptors too.
    let allowed = usize::try_from(files)
        .unwrap_or(usize::MAX)
        .saturating_sub(GROUP + 1)
        .max(1);
    if wanted > allowed {
        note(&format!(
            "the limit of open files allows {allowed} subscribers, not {wanted}; raise it with `ulimit -Hn`"
        ));
    }
    wanted.min(allowed)
}

/// Keeps everything as it is for a while and watches the server.
fn hold(server: Option<ServerProcess>, timing: Timing) -> Result<Held, Error> {
    let timeline = Timeline::from_now(timing.warmup, timing.duration);
    clock::sleep_until(timeline.start);
    let before = server.map(|server| server.cpu_time()).transpose()?;
    clock::sleep_until(timeline.end);
    let after = server.map(|server| server.cpu_time()).transpose()?;
    Ok(Held {
        seconds: timeline.seconds(),
        memory: server.map(|server| server.resident()).transpose()?,
        cpu: after.zip(before).map(|(after, before)| after - before),
    })
}

/// Waits until the server counts no subscriber any more.
fn wait_for_none(control: &mut Client, pipe: &str) -> Result<(), Error> {
    let deadline = clock::now() + clock::nanoseconds(ANSWER_LIMIT);
    while control.pipe_count(pipe)? > 0 {
        if clock::now() > deadline {
            return Err(Error::Timeout {
                what: "notice that all subscribers are gone",
                seconds: ANSWER_LIMIT.as_secs(),
            });
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Opens, subscribes and closes groups of connections for the measured time; returns how many.
fn come_and_go(target: &Target, pipe: &str, timing: Timing) -> Result<(u64, f64), Error> {
    let start = clock::now();
    let end = start + clock::nanoseconds(timing.duration);
    let group = vec![pipe.to_owned(); GROUP];
    let mut cycles = 0;
    while clock::now() < end {
        cycles += subscriber::open_subscribed(target, &group)?.len() as u64;
    }
    Ok((cycles, (clock::now() - start) as f64 / SECOND as f64))
}

fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(T, f64), Error> {
    let start = clock::now();
    let result = work()?;
    Ok((result, (clock::now() - start) as f64 / SECOND as f64))
}
