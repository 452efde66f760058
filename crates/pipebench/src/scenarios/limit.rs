//! The yardsticks: what the kernel alone allows. A bare loop writes the bytes the server would
//! write to the same number of plain TCP sockets, received by the same code. `limit` sends each
//! message to each socket by itself; `limit-batch` sends a round of messages to a socket at once.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use clap::Args;

use crate::clock::{self, SECOND, Timeline};
use crate::doors::Hearing;
use crate::error::Error;
use crate::link::Link;
use crate::measure::{Cast, Measured, Outcome, measure};
use crate::options::{ANSWER_LIMIT, Timing, count, depth, message_size, rate};
use crate::payload::Stamp;
use crate::process::{CpuSpan, raise_file_limit};
use crate::publisher::Sent;
use crate::receiver::Progress;
use crate::report::{Report, progress};
use crate::schedule::Schedule;
use crate::subscriber::{Subscriber, connect_socket};
use crate::websocket;

/// Messages of a round of `limit-batch`, unless another number is asked for.
pub(crate) const BATCH: usize = 8;

/// Options of `pipebench limit`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Sockets written to.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    subscribers: usize,
    /// Bytes of a message's text.
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = message_size)]
    size: usize,
    /// Messages a second; by default as fast as possible.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    #[command(flatten)]
    timing: Timing,
}

/// Options of `pipebench limit-batch`.
#[derive(Args, Clone, Debug)]
pub(crate) struct BatchOptions {
    /// Messages due to every socket in a round, sent at once.
    #[arg(long, value_name = "N", default_value_t = BATCH, value_parser = depth)]
    batch: usize,
    #[command(flatten)]
    options: Options,
}

/// One bare loop to measure against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yardstick {
    pub(crate) subscribers: usize,
    pub(crate) size: usize,
    pub(crate) batch: usize,
    pub(crate) rate: Option<f64>,
    pub(crate) timing: Timing,
}

impl Yardstick {
    /// The name under which reports show it.
    pub(crate) fn name(&self) -> &'static str {
        if self.batch == 1 {
            "limit"
        } else {
            "limit-batch"
        }
    }
}

impl Options {
    /// What `limit` measures.
    pub(crate) fn yardstick(&self) -> Yardstick {
        Yardstick {
            subscribers: self.subscribers,
            size: self.size,
            batch: 1,
            rate: self.rate,
            timing: self.timing,
        }
    }
}

impl BatchOptions {
    /// What `limit-batch` measures.
    pub(crate) fn yardstick(&self) -> Yardstick {
        Yardstick {
            batch: self.batch,
            ..self.options.yardstick()
        }
    }
}

/// Runs one yardstick. Both ends of its sockets are in this process: where the limit of open files
/// does not allow twice as many descriptors there are fewer sockets, which the report says.
pub(crate) fn run(yardstick: &Yardstick) -> Result<Outcome, Error> {
    let files = usize::try_from(raise_file_limit()).unwrap_or(usize::MAX);
    let yardstick = Yardstick {
        subscribers: yardstick.subscribers.min(files / 2),
        ..*yardstick
    };
    let run = measure_yardstick(&yardstick)?;
    Ok(run.outcome(describe(&yardstick, &run)))
}

fn measure_yardstick(yardstick: &Yardstick) -> Result<Measured, Error> {
    progress(&format!(
        "measuring {} with {} sockets",
        yardstick.name(),
        yardstick.subscribers
    ));
    let (subscribers, mut sockets) =
        connect(yardstick.subscribers).map_err(|source| Error::Io {
            what: "connecting sockets on loopback",
            source,
        })?;
    let cast = Cast {
        subscribers,
        publishers: 1,
        server: None,
        hearing: Hearing::default(),
    };
    measure(
        cast,
        yardstick.timing.saturated(yardstick.rate),
        |timeline, progress| send(yardstick, &mut sockets, timeline, progress),
        |sent, _connection, _publisher| sent.count(0, 0),
    )
}

fn describe(yardstick: &Yardstick, run: &Measured) -> Report {
    let mut report = Report::new(yardstick.name());
    report.add("subscribers", "sockets", yardstick.subscribers, "");
    report.add("size_bytes", "message", yardstick.size, "B");
    report.add("batch", "messages per send", yardstick.batch, "");
    report.add("rate", "asked rate", yardstick.rate, "/s");
    report.add("seconds", "measured", run.seconds, "s");
    report.add(
        "messages_per_second",
        "messages sent",
        run.sent.messages as f64 / run.seconds,
        "/s",
    );
    report.add_deliveries(run);
    report.add_cpu("sender", run.sent.cpu, run.received.deliveries, run.seconds);
    report
}

fn connect(count: usize) -> std::io::Result<(Vec<Subscriber>, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut subscribers = Vec::with_capacity(count);
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = connect_socket(address)?;
        socket.set_nonblocking(true)?;
        subscribers.push(Subscriber {
            link: Link::plain(socket),
            leftover: Vec::new(),
            own: None,
        });
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(ANSWER_LIMIT))?;
        sockets.push(socket);
    }
    Ok((subscribers, sockets))
}

/// The bare loop.
fn send(
    yardstick: &Yardstick,
    sockets: &mut [TcpStream],
    timeline: Timeline,
    progress: &Progress,
) -> Result<Sent, Error> {
    let interval = yardstick
        .rate
        .map_or(0.0, |rate| yardstick.batch as f64 / rate * SECOND as f64);
    let mut schedule = Schedule::new(clock::now(), interval, 0);
    let mut sent = Sent::nothing(1, 1)?;
    let mut cpu = CpuSpan::new(timeline);
    let mut sequence = 0;
    let mut due = schedule.next();
    let mut bytes = Vec::new();
    loop {
        let now = clock::now();
        cpu.sample(now)?;
        if now >= timeline.end || progress.stopped() {
            break;
        }
        if due > now {
            clock::sleep_until(due.min(timeline.end));
            continue;
        }
        due = schedule.next();
        bytes.clear();
        for _ in 0..yardstick.batch {
            write_frame(
                Stamp {
                    publisher: 0,
                    sequence,
                    sent_at: now,
                },
                yardstick.size,
                &mut bytes,
            );
            sequence += 1;
        }
        for socket in sockets.iter_mut() {
            socket.write_all(&bytes).map_err(|source| Error::Io {
                what: "writing to a loopback socket",
                source,
            })?;
        }
        if timeline.measures(now) {
            sent.messages += yardstick.batch as u64;
        }
    }
    sent.counts = vec![vec![sequence]];
    sent.cpu = cpu.spent()?;
    Ok(sent)
}

/// The frame a server sends for a message from CometQL (compatibility reference §4.4).
fn write_frame(stamp: Stamp, size: usize, out: &mut Vec<u8>) {
    let mut text = b"{\"data\":\"".to_vec();
    stamp.write(size, &mut text);
    text.extend_from_slice(
        b"\",\"event\":\"bench\",\"message_send_time\":1735689600,\"pipe\":\"web_bench_00000000\"}",
    );
    websocket::write_server_text(&text, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn yardstick_of(batch: usize) -> Yardstick {
        let timing = Timing {
            duration: Duration::from_millis(300),
            warmup: Duration::from_millis(10),
            receiver_pause: None,
        };
        Yardstick {
            subscribers: 7,
            size: 300,
            batch,
            rate: None,
            timing,
        }
    }

    #[test]
    fn every_byte_a_bare_loop_writes_is_received_once_and_in_order() {
        for batch in [1, 5] {
            let run = measure_yardstick(&yardstick_of(batch)).unwrap();
            run.outcome(describe(&yardstick_of(batch), &run))
                .verdict
                .unwrap();
            assert_eq!(run.sent.count(0, 0) % batch as u64, 0);
            assert!(run.received.deliveries > 0);
            assert!(!run.received.latency.is_empty());
        }
    }
}
