//! Publishing: any number of backends driven by one thread, each with at most `pipeline` statements
//! unacknowledged, as fast as that allows or at a rate.

use hdrhistogram::Histogram;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};

use crate::clock::{self, SECOND, Timeline, nanoseconds};
use crate::doors::{self, BackendSocket, Door};
use crate::error::Error;
use crate::mysql::Answer;
use crate::options::ANSWER_LIMIT;
use crate::payload::Stamp;
use crate::process::{CpuSpan, CpuTime};
use crate::receiver::{Progress, latency_histogram};
use crate::schedule::Schedule;

/// The longest wait for a socket before the clock is looked at again, in nanoseconds.
const TICK: u64 = 20_000_000;

/// The wait while publishers are held back by slow receivers, in nanoseconds.
const HELD_BACK: u64 = 200_000;

/// How messages are published.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Pipes, which every backend serves in turn.
    pub(crate) pipes: Vec<String>,
    /// Bytes of a payload.
    pub(crate) size: usize,
    /// Statements a backend sends before the first is acknowledged.
    pub(crate) pipeline: usize,
    /// Rows of a statement, all for one pipe.
    pub(crate) batch: usize,
    /// Messages a second of all backends together; `None` means as fast as acknowledged.
    pub(crate) rate: Option<f64>,
    /// Readers of each pipe and the number of messages publishing may be ahead of what they have
    /// received on average; `None` means as far as the server lets it.
    pub(crate) ahead: Option<(u64, u64)>,
}

/// What was published.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Messages of each publisher on each pipe, warm-up included; all acknowledged.
    pub(crate) counts: Vec<Vec<u64>>,
    /// Statements (chat: messages) acknowledged in the measured part.
    pub(crate) statements: u64,
    /// Messages acknowledged in the measured part.
    pub(crate) messages: u64,
    /// Nanoseconds from sending a statement to its acknowledgement.
    pub(crate) acknowledgement: Histogram<u64>,
    /// Processor time of the sending thread in the measured part.
    pub(crate) cpu: CpuTime,
}

impl Sent {
    /// Nothing yet, by `publishers` on `pipes`.
    pub(crate) fn nothing(publishers: usize, pipes: usize) -> Result<Self, Error> {
        Ok(Self {
            counts: vec![vec![0; pipes]; publishers],
            statements: 0,
            messages: 0,
            acknowledgement: latency_histogram()?,
            cpu: CpuTime::default(),
        })
    }

    /// Messages of `publisher` on `pipe`.
    pub(crate) fn count(&self, publisher: usize, pipe: usize) -> u64 {
        self.counts
            .get(publisher)
            .and_then(|pipes| pipes.get(pipe))
            .copied()
            .unwrap_or(0)
    }
}

/// Publishes until the timeline ends or the run is stopped, then waits for what is unacknowledged.
pub(crate) fn run(
    door: &dyn Door,
    sockets: &[BackendSocket],
    load: &Load,
    timeline: Timeline,
    progress: &Progress,
) -> Result<Sent, Error> {
    let mut sent = Sent::nothing(sockets.len(), load.pipes.len())?;
    let mut backends = Vec::with_capacity(sockets.len());
    for (index, socket) in sockets.iter().enumerate() {
        backends.push(Backend::new(index, sockets.len(), socket, load)?);
    }
    let mut cpu = CpuSpan::new(timeline);
    let mut total = 0;
    loop {
        let now = clock::now();
        cpu.sample(now)?;
        let over = now >= timeline.end || progress.stopped();
        if over && backends.iter().all(Backend::is_done) {
            sent.cpu = cpu.spent()?;
            return Ok(sent);
        }
        if backends.iter().any(|backend| backend.is_overdue(now)) {
            return Err(Error::Timeout {
                what: "acknowledge a message",
                seconds: ANSWER_LIMIT.as_secs(),
            });
        }
        let mut wait = TICK;
        for backend in &mut backends {
            while !over && backend.may_send(load) {
                let now = clock::now();
                if backend.due > now {
                    wait = wait.min(backend.due - now);
                    break;
                }
                if too_far_ahead(load, total, progress) {
                    wait = wait.min(HELD_BACK);
                    break;
                }
                backend.publish(door, load, now, &mut sent)?;
                total += load.batch as u64;
            }
            backend.flush()?;
        }
        wait_for_sockets(door, &mut backends, timeline, &mut sent, wait)?;
    }
}

fn too_far_ahead(load: &Load, published: u64, progress: &Progress) -> bool {
    load.ahead.is_some_and(|(readers, ahead)| {
        published + load.batch as u64 > progress.arrived() / readers.max(1) + ahead
    })
}

fn wait_for_sockets(
    door: &dyn Door,
    backends: &mut [Backend<'_>],
    timeline: Timeline,
    sent: &mut Sent,
    wait: u64,
) -> Result<(), Error> {
    let mut ready: Vec<PollFd<'_>> = backends
        .iter()
        .map(|backend| {
            let writable = if backend.outbox.is_empty() {
                PollFlags::empty()
            } else {
                PollFlags::OUT
            };
            PollFd::new(&backend.link.socket, PollFlags::IN | writable)
        })
        .collect();
    let timeout = Timespec {
        tv_sec: 0,
        tv_nsec: wait.min(SECOND - 1) as _,
    };
    match poll(&mut ready, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => {
            return Err(Error::Io {
                what: "waiting for the backends' sockets",
                source: error.into(),
            });
        }
    }
    let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    for (backend, ready) in backends.iter_mut().zip(ready) {
        if ready.revents().intersects(readable) {
            backend.receive(door, timeline, sent)?;
        }
    }
    Ok(())
}

/// A statement on its way.
#[derive(Debug)]
struct Statement {
    sent_at: u64,
    rows: u64,
}

/// One backend connection.
#[derive(Debug)]
struct Backend<'a> {
    publisher: u16,
    link: &'a BackendSocket,
    /// Statements written so far.
    turn: u64,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    written: usize,
    waiting: VecDeque<Statement>,
    pipe: usize,
    due: u64,
    schedule: Schedule,
    /// Whether messages have times at which they are due.
    is_paced: bool,
    /// When a full pipeline last had room again.
    freed_at: u64,
    payloads: Vec<Vec<u8>>,
}

impl<'a> Backend<'a> {
    fn new(
        index: usize,
        count: usize,
        link: &'a BackendSocket,
        load: &Load,
    ) -> Result<Self, Error> {
        let publisher =
            u16::try_from(index).map_err(|_| Error::Usage("too many publishers".into()))?;
        // Statements of all backends are spread over time, one backend after the other.
        let between = load
            .rate
            .map_or(0.0, |rate| load.batch as f64 / rate * SECOND as f64);
        let start = clock::now() + (between * index as f64) as u64;
        let mut schedule = Schedule::new(start, between * count as f64, index as u64);
        Ok(Self {
            publisher,
            link,
            turn: 0,
            inbox: Vec::new(),
            outbox: Vec::new(),
            written: 0,
            waiting: VecDeque::with_capacity(load.pipeline),
            pipe: index * load.pipes.len() / count,
            due: schedule.next(),
            schedule,
            is_paced: load.rate.is_some(),
            freed_at: 0,
            payloads: vec![Vec::new(); load.batch],
        })
    }

    fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    fn is_overdue(&self, now: u64) -> bool {
        self.waiting.front().is_some_and(|statement| {
            now.saturating_sub(statement.sent_at) > nanoseconds(ANSWER_LIMIT)
        })
    }

    fn may_send(&self, load: &Load) -> bool {
        self.waiting.len() < load.pipeline
    }

    fn publish(
        &mut self,
        door: &dyn Door,
        load: &Load,
        now: u64,
        sent: &mut Sent,
    ) -> Result<(), Error> {
        // A message that had to wait for earlier acknowledgements carries the time it was due, or
        // a server that stalls would hide its stall; one that this program is late with does not.
        let sent_at = if self.is_paced && self.freed_at > self.due {
            self.due
        } else {
            now
        };
        let counts = sent.counts.get_mut(usize::from(self.publisher));
        let (Some(count), Some(pipe)) = (
            counts.and_then(|counts| counts.get_mut(self.pipe)),
            load.pipes.get(self.pipe),
        ) else {
            return Err(Error::Usage("there is no pipe to publish to".into()));
        };
        for payload in &mut self.payloads {
            payload.clear();
            Stamp {
                publisher: self.publisher,
                sequence: *count,
                sent_at,
            }
            .write(load.size, payload);
            *count += 1;
        }
        let statement = doors::Statement {
            backend: self.link,
            turn: self.turn,
            pipe,
            payloads: &self.payloads,
        };
        door.write_statement(&statement, &mut self.outbox)?;
        self.turn += 1;
        self.waiting.push_back(Statement {
            sent_at,
            rows: load.batch as u64,
        });
        self.pipe = (self.pipe + 1) % load.pipes.len();
        self.due = self.schedule.next();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        while let Some(rest) = self
            .outbox
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            let mut socket = &self.link.socket;
            match socket.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::connection("take a statement", error)),
            }
        }
        self.outbox.clear();
        self.written = 0;
        Ok(())
    }

    fn receive(
        &mut self,
        door: &dyn Door,
        timeline: Timeline,
        sent: &mut Sent,
    ) -> Result<(), Error> {
        let mut chunk = [0; 16 * 1024];
        let mut socket = &self.link.socket;
        let count = match socket.read(&mut chunk) {
            Ok(0) => {
                let source = ErrorKind::UnexpectedEof.into();
                return Err(Error::Connection {
                    what: "keep a backend connection open",
                    source,
                });
            }
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(());
            }
            Err(error) => return Err(Error::connection("acknowledge a message", error)),
        };
        let now = clock::now();
        self.inbox
            .extend_from_slice(chunk.get(..count).unwrap_or_default());
        let mut used = 0;
        while let Some((answer, length)) =
            door.next_answer(self.inbox.get(used..).unwrap_or_default())?
        {
            used += length;
            match answer {
                Answer::Ok => self.acknowledged(now, timeline, sent)?,
                Answer::Aside => {}
                Answer::Refused(answer) => {
                    return Err(Error::Refused {
                        what: "a message",
                        answer,
                    });
                }
            }
        }
        self.inbox.drain(..used);
        Ok(())
    }

    fn acknowledged(&mut self, now: u64, timeline: Timeline, sent: &mut Sent) -> Result<(), Error> {
        let statement = self.waiting.pop_front().ok_or_else(|| Error::Protocol {
            protocol: "backend protocol",
            detail: "an answer that nothing was asked for".into(),
        })?;
        self.freed_at = now;
        if timeline.measures(now) {
            sent.statements += 1;
            sent.messages += statement.rows;
            sent.acknowledgement
                .saturating_record(now - statement.sent_at);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::CometDoor;
    use crate::options::Target;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::thread;

    const OK: &[u8] = &[7, 0, 0, 1, 0, 1, 0, 2, 0, 0, 0];
    const REFUSAL: &[u8] = b"\x11\0\0\x01\xff\x0c\0#42000too long";

    /// A backend door that answers each statement with `answer`, byte by byte, until its peer
    /// closes, stops the run after `enough` of them, and returns what it read.
    fn answering(
        answer: &'static [u8],
        enough: usize,
        progress: &Arc<Progress>,
    ) -> (TcpStream, thread::JoinHandle<Vec<String>>) {
        let progress = Arc::clone(progress);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_nodelay(true).unwrap();
        let door = thread::spawn(move || {
            let mut statements = Vec::new();
            let mut header = [0; 4];
            while peer.read_exact(&mut header).is_ok() {
                let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
                let mut payload = vec![0; length];
                peer.read_exact(&mut payload).unwrap();
                statements.push(String::from_utf8(payload).unwrap());
                if statements.len() >= enough {
                    progress.stop();
                }
                for byte in answer.chunks(1) {
                    peer.write_all(byte).unwrap();
                }
            }
            statements
        });
        (socket, door)
    }

    fn load(pipeline: usize, batch: usize) -> Load {
        Load {
            pipes: vec!["web_a".into(), "web_b".into()],
            size: 64,
            pipeline,
            batch,
            rate: None,
            ahead: None,
        }
    }

    fn publish_to(socket: TcpStream, load: &Load, progress: &Progress) -> Result<Sent, Error> {
        let until_stopped = Timeline {
            start: 0,
            end: u64::MAX,
        };
        let link = BackendSocket {
            socket,
            statement: None,
        };
        let door = CometDoor::of(&Target::default()).unwrap();
        run(&door, &[link], load, until_stopped, progress)
    }

    #[test]
    fn everything_counted_as_sent_was_read_and_acknowledged() {
        for (pipeline, batch) in [(1, 1), (8, 1), (3, 4)] {
            let progress = Arc::default();
            let (socket, door) = answering(OK, 40, &progress);
            let sent = publish_to(socket, &load(pipeline, batch), &progress).unwrap();
            let statements = door.join().unwrap();
            let rows = |pipe: &str| {
                let of_pipe = |statement: &String| statement.matches(pipe).count() as u64;
                statements.iter().map(of_pipe).sum::<u64>()
            };
            assert!(statements.len() >= 40);
            assert_eq!(sent.statements, statements.len() as u64);
            assert_eq!(sent.count(0, 0), rows("('web_a','bench','pipebench:0000."));
            assert_eq!(sent.count(0, 1), rows("('web_b','bench','pipebench:0000."));
            assert_eq!(
                sent.count(0, 0) + sent.count(0, 1),
                (statements.len() * batch) as u64
            );
        }
    }

    #[test]
    fn a_refused_statement_ends_the_run_with_the_servers_words() {
        let progress = Arc::default();
        let (socket, _door) = answering(REFUSAL, 40, &progress);
        let error = publish_to(socket, &load(2, 1), &progress)
            .unwrap_err()
            .to_string();
        assert!(error.contains("error 12 (42000) too long"), "{error}");
    }

    #[test]
    fn publishers_stay_no_further_ahead_of_their_readers_than_allowed() {
        // One reader that never receives anything: the third statement of a full pipeline has to
        // wait, and would be sent together with the first two if it did not.
        let load = Load {
            ahead: Some((1, 5)),
            ..load(3, 2)
        };
        let progress = Arc::default();
        let (socket, door) = answering(OK, 2, &progress);
        let sent = publish_to(socket, &load, &progress).unwrap();
        assert_eq!(sent.count(0, 0) + sent.count(0, 1), 4);
        assert_eq!(door.join().unwrap().len(), 2);
    }
}
