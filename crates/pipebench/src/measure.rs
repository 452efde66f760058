//! One measured run: a sender and a receiver side by side, the server's processor time taken at
//! both ends of the measured part, and the wait for what is still on its way.

use std::thread;
use std::time::Duration;

use crate::clock::{self, SECOND, Timeline};
use crate::doors::Hearing;
use crate::error::Error;
use crate::options::Timing;
use crate::process::{CpuTime, ServerProcess};
use crate::publisher::Sent;
use crate::receiver::{self, Progress, Received};
use crate::report::{Report, progress};
use crate::sequence::Faults;
use crate::subscriber::Subscriber;

/// After the end, messages may arrive as long as one does every this many nanoseconds.
const DRAIN_PATIENCE: u64 = 2 * SECOND;

/// The part of a core above which a thread of this program counts as a bottleneck.
pub(crate) const BUSY: f64 = 0.95;

/// How finely the end of a run is watched, in nanoseconds.
const TICK: u64 = 10_000_000;

/// A finished run.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) sent: Sent,
    pub(crate) received: Received,
    pub(crate) faults: Faults,
    /// Processor time of the server in the measured part, if its process is known.
    pub(crate) server_cpu: Option<CpuTime>,
    /// Resident memory of the server at the end of the measured part, in bytes.
    pub(crate) server_memory: Option<u64>,
    /// Length of the measured part.
    pub(crate) seconds: f64,
    /// The receiver's rest between rounds.
    pub(crate) pause: Duration,
}

/// What a scenario found, and whether it counts.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// The error names every broken guarantee.
    pub(crate) verdict: Result<(), Error>,
}

/// Who takes part in a run.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) subscribers: Vec<Subscriber>,
    /// Publishers each subscriber hears.
    pub(crate) publishers: usize,
    pub(crate) server: Option<ServerProcess>,
    /// How deliveries look.
    pub(crate) hearing: Hearing,
}

/// Runs `send` against a receiver of all subscribers. `expected(sent, connection, publisher)` is
/// the number of messages that connection must have got of that publisher.
pub(crate) fn measure(
    cast: Cast,
    timing: Timing,
    send: impl FnOnce(Timeline, &Progress) -> Result<Sent, Error> + Send,
    expected: impl Fn(&Sent, usize, usize) -> u64,
) -> Result<Measured, Error> {
    let connections = cast.subscribers.len();
    let publishers = cast.publishers;
    let timeline = Timeline::from_now(timing.warmup, timing.duration);
    let progress = Progress::default();
    let progress = &progress;
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            stopping(progress, || {
                receiver::run(
                    cast.subscribers,
                    cast.hearing,
                    publishers,
                    timeline,
                    timing.pause(),
                    progress,
                )
            })
        });
        let sender = scope.spawn(move || stopping(progress, || send(timeline, progress)));
        let usage = watch(cast.server.as_ref(), timeline, progress);
        if usage.is_err() {
            progress.stop();
        }
        let sent = join(sender);
        if let Ok(sent) = &sent {
            let total = (0..connections)
                .map(|connection| {
                    (0..publishers)
                        .map(|publisher| expected(sent, connection, publisher))
                        .sum::<u64>()
                })
                .sum();
            drain(total, progress);
        }
        progress.stop();
        let received = join(receiver)?;
        let (sent, (server_cpu, server_memory)) = (sent?, usage?);
        let faults =
            received.faults(|connection, publisher| expected(&sent, connection, publisher));
        Ok(Measured {
            sent,
            received,
            faults,
            server_cpu,
            server_memory,
            seconds: timeline.seconds(),
            pause: timing.pause(),
        })
    })
}

impl Measured {
    /// The report together with whether the run kept its promises.
    pub(crate) fn outcome(&self, report: Report) -> Outcome {
        Outcome {
            report,
            verdict: self.verdict(),
        }
    }

    /// An error that names every broken guarantee, if there is one.
    ///
    /// Also warns when the receiver had no time to spare, for then it may be what was measured.
    fn verdict(&self) -> Result<(), Error> {
        let Faults {
            lost,
            duplicated,
            out_of_order,
        } = self.faults;
        let Received {
            dropped,
            stray,
            errors,
            ..
        } = self.received;
        if self.received.cpu.total() > BUSY * self.seconds {
            progress(
                "the receiving thread was busy all the time: it may be the limit, not the server",
            );
        }
        let counts = [
            (lost, "lost messages"),
            (duplicated, "duplicated messages"),
            (out_of_order, "messages out of order"),
            (stray, "messages to the wrong connection"),
            (dropped, "connections dropped by the server"),
            (errors, "error messages"),
        ];
        let broken: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if broken.is_empty() {
            return Ok(());
        }
        let quoted = self
            .received
            .first_error
            .as_ref()
            .map_or(String::new(), |text| format!("; the first error: {text}"));
        Err(Error::Broken(format!(
            "the run shows {}{quoted}",
            broken.join(", ")
        )))
    }
}

/// Waits for both ends of the measured part and returns what the server used between them.
fn watch(
    server: Option<&ServerProcess>,
    timeline: Timeline,
    progress: &Progress,
) -> Result<(Option<CpuTime>, Option<u64>), Error> {
    wait_until(timeline.start, progress);
    let before = server.map(ServerProcess::cpu_time).transpose()?;
    wait_until(timeline.end, progress);
    let after = server.map(ServerProcess::cpu_time).transpose()?;
    let memory = server.map(ServerProcess::resident).transpose()?;
    Ok((
        after.zip(before).map(|(after, before)| after - before),
        memory,
    ))
}

fn wait_until(time: u64, progress: &Progress) {
    while clock::now() < time && !progress.stopped() {
        clock::sleep_until(time.min(clock::now() + TICK));
    }
}

/// Waits until `total` messages have arrived or none has for a while.
fn drain(total: u64, progress: &Progress) {
    let mut arrived = progress.arrived();
    let mut patience_ends = clock::now() + DRAIN_PATIENCE;
    while arrived < total && clock::now() < patience_ends && !progress.stopped() {
        clock::sleep_until(clock::now() + TICK);
        if progress.arrived() != arrived {
            arrived = progress.arrived();
            patience_ends = clock::now() + DRAIN_PATIENCE;
        }
    }
}

/// Runs a thread's work; when it fails the whole run stops.
fn stopping<T>(progress: &Progress, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    work().inspect_err(|_| progress.stop())
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::Broken("a thread of this program panicked".into())))
}
