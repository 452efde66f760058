//! Many subscribers that do nothing: what one costs in memory, what keeping them alive costs, and
//! whether the memory comes back when they leave.

use std::time::Duration;

use clap::Args;

use crate::clock::{self, Timeline, nanoseconds};
use crate::doors::Door;
use crate::error::Error;
use crate::measure::Outcome;
use crate::options::{ANSWER_LIMIT, Timing, count};
use crate::process::{CpuTime, ServerProcess, raise_file_limit};
use crate::receiver::{self, Progress, Received};
use crate::report::{Report, mebibytes, note, progress};
use crate::scenarios::timed;
use crate::subscriber::{self, Subscriber};

/// How often the server is asked whether it has noticed what was closed.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How long a server may take to give memory back before it is looked at.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// Descriptors a server may hold back or open for itself in the meantime.
const OTHER_FILES: u64 = 8;

/// Options of `pipebench idle`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Subscribers; fewer when the limit of open files does not allow so many.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    subscribers: usize,
    /// Subscribers of each pipe.
    #[arg(long, value_name = "N", default_value = "10", value_parser = count)]
    per_pipe: usize,
    /// The time they are held: warm-up, then measured. Pings are answered. Hold them longer than
    /// the server's keep-alive interval (25 s) to see its cost.
    #[command(flatten)]
    timing: Timing,
}

/// What was measured with all subscribers connected.
#[derive(Debug)]
struct Held {
    seconds: f64,
    memory: Option<u64>,
    cpu: Option<CpuTime>,
    received: Received,
}

/// Runs the scenario.
pub(crate) fn run(door: &dyn Door, options: &Options) -> Result<Outcome, Error> {
    let subscribers = allowed(options.subscribers);
    let server = door.process();
    let prefix = subscriber::run_pipe();
    let pipes: Vec<String> = (0..subscribers)
        .map(|subscriber| format!("{prefix}_{}", subscriber / options.per_pipe))
        .collect();
    let distinct: Vec<String> = pipes.iter().step_by(options.per_pipe).cloned().collect();
    let before = server.map(ServerProcess::resident).transpose()?;
    let files_before = server.map(ServerProcess::open_files).transpose()?;

    progress(&format!("opening {subscribers} subscribers"));
    let (clients, opening) = timed(|| subscriber::subscribers(door, &pipes))?;
    let counted = door.count_subscribers(&distinct)?;
    let held = hold(door, clients, options.timing)?;

    progress("waiting until the server has noticed that they are closed");
    let ((), closing) = timed(|| wait_for_none(door, files_before, &distinct))?;
    if server.is_some() {
        std::thread::sleep(GIVING_BACK);
    }
    let after = server.map(ServerProcess::resident).transpose()?;

    let mut report = Report::new("idle");
    report.add("subscribers", "subscribers", subscribers, "");
    report.add("pipes", "pipes", distinct.len(), "");
    if let Some(counted) = counted {
        report.add("counted", "counted by the server", counted, "");
    }
    let per_second = |seconds: f64| subscribers as f64 / seconds.max(f64::EPSILON);
    report.add(
        "open_per_second",
        "connected and subscribed",
        per_second(opening),
        "/s",
    );
    report.add(
        "close_per_second",
        "closed and noticed",
        per_second(closing),
        "/s",
    );
    report.add("seconds", "held", held.seconds, "s");
    if let Some(cpu) = held.cpu {
        let cores = cpu.total() / held.seconds.max(f64::EPSILON);
        report.add("idle_cores", "server, cores used while idle", cores, "");
    }
    add_memory(&mut report, subscribers, before, held.memory, after);
    Ok(Outcome {
        report,
        verdict: verdict(subscribers, counted, &held.received),
    })
}

fn add_memory(
    report: &mut Report,
    subscribers: usize,
    before: Option<u64>,
    with_all: Option<u64>,
    after: Option<u64>,
) {
    let (Some(before), Some(with_all), Some(after)) = (before, with_all, after) else {
        return;
    };
    for (key, label, memory) in [
        ("server_memory_before_mib", "server memory before", before),
        ("server_memory_mib", "server memory with all", with_all),
        ("server_memory_after_mib", "server memory after", after),
    ] {
        report.add(key, label, mebibytes(memory), "MiB");
    }
    let taken = with_all.saturating_sub(before) as f64;
    let kept = after.saturating_sub(before) as f64;
    report.add(
        "bytes_per_connection",
        "server memory per connection",
        taken / subscribers.max(1) as f64,
        "B",
    );
    report.add(
        "memory_given_back",
        "of it given back",
        if taken > 0.0 { 1.0 - kept / taken } else { 1.0 },
        "",
    );
}

fn verdict(subscribers: usize, counted: Option<u64>, received: &Received) -> Result<(), Error> {
    if counted.is_some_and(|counted| counted != subscribers as u64) {
        return Err(Error::Broken(format!(
            "the server counts {} subscribers of {subscribers}",
            counted.unwrap_or(0)
        )));
    }
    if received.dropped > 0 {
        return Err(Error::Broken(format!(
            "the server dropped {} idle connections",
            received.dropped
        )));
    }
    Ok(())
}

/// As many of the wanted subscribers as may be opened; says so when they are fewer.
fn allowed(wanted: usize) -> usize {
    let allowed = usize::try_from(raise_file_limit())
        .unwrap_or(usize::MAX)
        .max(1);
    if wanted > allowed {
        note(&format!(
            "the limit of open files allows {allowed} subscribers, not {wanted}; raise it with `ulimit -Hn`"
        ));
    }
    wanted.min(allowed)
}

/// Keeps everything as it is for a while, answers pings, and watches the server.
fn hold(door: &dyn Door, subscribers: Vec<Subscriber>, timing: Timing) -> Result<Held, Error> {
    let server = door.process();
    let timeline = Timeline::from_now(timing.warmup, timing.duration);
    let progress = Progress::default();
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            receiver::run(
                subscribers,
                door.hearing(),
                0,
                timeline,
                timing.pause(),
                &progress,
            )
        });
        clock::sleep_until(timeline.start);
        let before = server.map(ServerProcess::cpu_time).transpose();
        clock::sleep_until(timeline.end);
        let after = server.map(ServerProcess::cpu_time).transpose();
        let memory = server.map(ServerProcess::resident).transpose();
        progress.stop();
        let received = receiver
            .join()
            .map_err(|_| Error::Broken("a thread of this program panicked".into()))??;
        Ok(Held {
            seconds: timeline.seconds(),
            memory: memory?,
            cpu: after?.zip(before?).map(|(after, before)| after - before),
            received,
        })
    })
}

/// Waits until the server has closed what was closed.
fn wait_for_none(door: &dyn Door, files: Option<u64>, pipes: &[String]) -> Result<(), Error> {
    let deadline = clock::now() + nanoseconds(ANSWER_LIMIT);
    loop {
        let gone = match (door.process(), files) {
            (Some(process), Some(files)) => process.open_files()? <= files + OTHER_FILES,
            _ => door.count_subscribers(pipes)?.unwrap_or(0) == 0,
        };
        if gone {
            return Ok(());
        }
        if clock::now() > deadline {
            return Err(Error::Timeout {
                what: "notice that all subscribers are gone",
                seconds: ANSWER_LIMIT.as_secs(),
            });
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
