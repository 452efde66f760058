//! The receiving end of every scenario: one thread, many sockets, one read buffer.
//!
//! Level-triggered epoll, one read per ready socket, frames counted where they lie in the shared
//! buffer; a connection keeps bytes of its own only while a frame is cut. This must stay far
//! cheaper than what sends to it, so nothing here allocates per message.

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::clock::{self, Timeline};
use crate::doors::{Echo, Framing, Hearing};
use crate::error::Error;
use crate::mqtt;
use crate::payload::{Finder, Stamp};
use crate::process::{CpuSpan, CpuTime};
use crate::sequence::{Faults, Stream};
use crate::subscriber::{Subscriber, is_error, quote};
use crate::websocket::{self, FRAME_LIMIT, Frame, Kind};

/// Sockets served per wait.
const EVENTS: usize = 1024;

/// The shared read buffer: a cut frame of the largest size and room to read more.
const BUFFER: usize = FRAME_LIMIT + 256 * 1024;

/// How often an idle receiver looks whether the run is over.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// What the threads of one run tell each other.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    arrived: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Benchmark messages received so far, by all connections together.
    pub(crate) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Asks every thread of the run to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the run is to end.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What a receiver saw. "Measured" counts only the measured part of the timeline: by time of
/// arrival for counts, by time of sending for latencies.
#[derive(Debug)]
pub(crate) struct Received {
    /// Measured messages of others.
    pub(crate) deliveries: u64,
    /// Measured delivery reports for own messages.
    pub(crate) reports: u64,
    /// Measured bytes, as read from the sockets.
    pub(crate) bytes: u64,
    /// Measured reads that brought something: a server that writes a delivery in two pieces shows
    /// here, one that writes several deliveries at once too.
    pub(crate) reads: u64,
    /// Nanoseconds from sending to reading, messages of others.
    pub(crate) latency: Histogram<u64>,
    /// Nanoseconds from sending to the delivery report.
    pub(crate) report_latency: Histogram<u64>,
    /// Connections the server ended.
    pub(crate) dropped: u64,
    /// Messages that belong to nobody: unknown publishers, own messages echoed.
    pub(crate) stray: u64,
    /// Error messages of the server, and the first of them.
    pub(crate) errors: u64,
    /// The first error message.
    pub(crate) first_error: Option<String>,
    /// Processor time of this thread during the measured part.
    pub(crate) cpu: CpuTime,
    faults: Faults,
    streams: Vec<Vec<Stream>>,
}

impl Received {
    /// Everything that went wrong with the messages, when publisher `p` has sent
    /// `sent(connection, p)` of them to that connection.
    pub(crate) fn faults(&self, sent: impl Fn(usize, usize) -> u64) -> Faults {
        let mut faults = self.faults;
        for (connection, streams) in self.streams.iter().enumerate() {
            for (publisher, stream) in streams.iter().enumerate() {
                faults.lost += stream.lost(sent(connection, publisher));
            }
        }
        faults
    }
}

/// Receives on all connections until [`Progress::stop`], expecting messages numbered from 0 of
/// `publishers` publishers on each, and resting for `pause` between rounds.
pub(crate) fn run(
    subscribers: Vec<Subscriber>,
    hearing: Hearing,
    publishers: usize,
    timeline: Timeline,
    pause: Duration,
    progress: &Progress,
) -> Result<Received, Error> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(epoll_failed)?;
    let mut tally = Tally::new(hearing, subscribers.len(), publishers, timeline)?;
    let mut buffer = vec![0; BUFFER];
    for (index, subscriber) in subscribers.iter().enumerate() {
        let key = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, &subscriber.link, key, epoll::EventFlags::IN).map_err(epoll_failed)?;
    }
    let mut connections: Vec<Option<Connection>> = subscribers
        .into_iter()
        .map(|subscriber| Some(Connection::new(subscriber)))
        .collect();
    for (index, connection) in connections.iter_mut().flatten().enumerate() {
        connection.take_leftover(index, &mut buffer, &mut tally)?;
    }

    let mut events = Vec::with_capacity(EVENTS);
    let mut cpu = CpuSpan::new(timeline);
    while !progress.stopped() {
        events.clear();
        match epoll::wait(&epoll, spare_capacity(&mut events), Some(&TICK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(epoll_failed(error)),
        }
        for event in &events {
            let index = event.data.u64() as usize;
            let Some(slot) = connections.get_mut(index) else {
                continue;
            };
            let Some(connection) = slot else { continue };
            if !connection.receive(index, &mut buffer, &mut tally)? {
                // Explicitly: a sender may hold the same socket, which would keep it in the set.
                epoll::delete(&epoll, &connection.subscriber.link).map_err(epoll_failed)?;
                *slot = None;
                tally.received.dropped += 1;
            }
        }
        progress.arrived.store(tally.arrived, Ordering::Relaxed);
        cpu.sample(clock::now())?;
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    let mut received = tally.received;
    received.cpu = cpu.spent()?;
    Ok(received)
}

/// One connection at the receiver.
#[derive(Debug)]
struct Connection {
    subscriber: Subscriber,
    partial: Vec<u8>,
}

impl Connection {
    fn new(mut subscriber: Subscriber) -> Self {
        let partial = std::mem::take(&mut subscriber.leftover);
        Self {
            subscriber,
            partial,
        }
    }

    /// Handles what arrived together with the last answer of the opening.
    fn take_leftover(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let start = self.partial.len();
        if start > 0 {
            self.restore(buffer);
            self.parse(index, buffer.get(..start).unwrap_or_default(), tally)?;
        }
        Ok(())
    }

    /// Reads once and counts every whole frame; `false` when the server has ended the connection.
    fn receive(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        tally: &mut Tally,
    ) -> Result<bool, Error> {
        let start = self.restore(buffer);
        let space = buffer.get_mut(start..).unwrap_or_default();
        let count = match self.subscriber.link.read(space) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                self.partial
                    .extend_from_slice(buffer.get(..start).unwrap_or_default());
                return Ok(true);
            }
            Err(_) => return Ok(false),
        };
        tally.now = clock::now();
        if tally.timeline.measures(tally.now) {
            tally.received.bytes += count as u64;
            tally.received.reads += 1;
        }
        self.parse(
            index,
            buffer.get(..start + count).unwrap_or_default(),
            tally,
        )
    }

    /// Puts the cut frame back in front of the next read; returns its length.
    fn restore(&mut self, buffer: &mut [u8]) -> usize {
        let start = self.partial.len();
        if let Some(front) = buffer.get_mut(..start) {
            front.copy_from_slice(&self.partial);
        }
        self.partial.clear();
        start
    }

    fn parse(&mut self, index: usize, mut bytes: &[u8], tally: &mut Tally) -> Result<bool, Error> {
        let framing = tally.hearing.framing;
        while let Some((frame, length)) = next_frame(framing, bytes)? {
            match (frame.kind, frame.payload) {
                (Kind::Data, b"2") if framing == Framing::EngineIo => self.answer_engine(),
                (Kind::Data, payload) => tally.text(index, self.subscriber.own, payload),
                (Kind::Ping, payload) => self.pong(payload),
                (Kind::Pong, _) => {}
                (Kind::Close, _) => return Ok(false),
            }
            bytes = bytes.get(length..).unwrap_or_default();
        }
        self.partial.extend_from_slice(bytes);
        Ok(true)
    }

    fn pong(&mut self, payload: &[u8]) {
        let mut bytes = Vec::new();
        websocket::write_pong(payload, rand::random(), &mut bytes);
        self.answer(&bytes);
    }

    fn answer_engine(&mut self) {
        let mut bytes = Vec::new();
        websocket::write_text(b"3", rand::random(), &mut bytes);
        self.answer(&bytes);
    }

    fn answer(&mut self, bytes: &[u8]) {
        // A server that takes no answer will drop the connection, which is counted.
        let _ = self.subscriber.link.write(bytes);
    }
}

/// One message of a server at the start of `bytes`, whatever carries it.
fn next_frame(framing: Framing, bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Error> {
    match framing {
        Framing::WebSocket | Framing::EngineIo => websocket::next_frame(bytes),
        Framing::Mqtt => Ok(mqtt::next_packet(bytes)?.map(|(packet, length)| {
            let frame = Frame {
                kind: Kind::Data,
                payload: packet.body,
            };
            (frame, length)
        })),
    }
}

/// What has been counted, and the time of the read being counted.
#[derive(Debug)]
struct Tally {
    hearing: Hearing,
    received: Received,
    timeline: Timeline,
    finder: Finder,
    arrived: u64,
    now: u64,
}

impl Tally {
    fn new(
        hearing: Hearing,
        connections: usize,
        publishers: usize,
        timeline: Timeline,
    ) -> Result<Self, Error> {
        let streams = (0..connections)
            .map(|_| (0..publishers).map(|_| Stream::default()).collect())
            .collect();
        Ok(Self {
            received: Received {
                deliveries: 0,
                reports: 0,
                bytes: 0,
                reads: 0,
                latency: latency_histogram()?,
                report_latency: latency_histogram()?,
                dropped: 0,
                stray: 0,
                errors: 0,
                first_error: None,
                cpu: CpuTime::default(),
                faults: Faults::default(),
                streams,
            },
            hearing,
            timeline,
            finder: Finder::new(),
            arrived: 0,
            now: clock::now(),
        })
    }

    /// Counts a text frame, which may carry several lines (compatibility reference §0, rule 5).
    fn text(&mut self, connection: usize, own: Option<u16>, text: &[u8]) {
        let mut rest = text;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.line(connection, own, line);
            rest = after.get(1..).unwrap_or_default();
        }
        if !rest.is_empty() {
            self.line(connection, own, rest);
        }
    }

    fn line(&mut self, connection: usize, own: Option<u16>, line: &[u8]) {
        match self.finder.find(line) {
            Some(stamp) => self.message(connection, own, stamp, line),
            None if is_error(line) => {
                self.received.errors += 1;
                self.received.first_error.get_or_insert_with(|| quote(line));
            }
            None => {}
        }
    }

    fn message(&mut self, connection: usize, own: Option<u16>, stamp: Stamp, line: &[u8]) {
        let streams = self.received.streams.get_mut(connection);
        let Some(stream) =
            streams.and_then(|streams| streams.get_mut(usize::from(stamp.publisher)))
        else {
            self.received.stray += 1;
            return;
        };
        let is_own = own == Some(stamp.publisher);
        let is_due = match self.hearing.echo {
            // One's own message comes back only as a delivery report (compatibility reference
            // §4.7), and a report only to the one who sent it.
            Echo::Report => {
                own.is_none() || is_own == memchr::memmem::find(line, b"\"_answer_to_").is_some()
            }
            Echo::Plain => true,
            Echo::Silent => !is_own,
        };
        if !is_due {
            self.received.stray += 1;
            return;
        }
        stream.arrived(stamp.sequence, &mut self.received.faults);
        self.arrived += 1;
        let (count, latency) = if is_own {
            (
                &mut self.received.reports,
                &mut self.received.report_latency,
            )
        } else {
            (&mut self.received.deliveries, &mut self.received.latency)
        };
        if self.timeline.measures(self.now) {
            *count += 1;
        }
        if self.timeline.measures(stamp.sent_at) {
            latency.saturating_record(self.now.saturating_sub(stamp.sent_at));
        }
    }
}

/// A histogram of nanoseconds from 1 µs to 100 s, three significant digits.
pub(crate) fn latency_histogram() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(1_000, 100 * clock::SECOND, 3)
        .map_err(|error| Error::Usage(format!("cannot make a histogram: {error}")))
}

fn epoll_failed(error: rustix::io::Errno) -> Error {
    Error::Io {
        what: "waiting for sockets",
        source: error.into(),
    }
}

#[cfg(test)]
mod tests;
