//! One statement, again and again, on any server that speaks the MySQL wire: what an INSERT, a
//! SELECT or the whole life of a short connection costs there. With it the backend door is set
//! beside a MariaDB on the same machine; nothing here knows of pipes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use clap::Args;
use hdrhistogram::Histogram;

use crate::clock::{self, Timeline};
use crate::error::Error;
use crate::measure::Outcome;
use crate::mysql;
use crate::options::{ANSWER_LIMIT, Timing, count, resolve};
use crate::process::ServerProcess;
use crate::receiver::latency_histogram;
use crate::report::Report;

/// Options of `pipebench backend-door`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address of the server, CometWire or not.
    #[arg(long, value_name = "ADDR")]
    server: String,
    /// Process id of the server: adds its processor time to the report.
    #[arg(long, value_name = "PID")]
    server_process: Option<u32>,
    /// The user to log in as.
    #[arg(long, value_name = "NAME", default_value = "root")]
    user: String,
    /// That user's password.
    #[arg(
        long,
        value_name = "PASSWORD",
        default_value = "",
        hide_default_value = true
    )]
    password: String,
    /// The statement; a result it has is read whole.
    #[arg(long, value_name = "SQL")]
    statement: String,
    /// Connections that send it, each when its last answer is there.
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    connections: usize,
    /// Connect, send the statement once and close, as a PHP request does; the time is that of all
    /// of it.
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario.
pub(crate) fn run(options: &Options) -> Result<Outcome, Error> {
    let address = resolve("MySQL wire", &options.server)?;
    let process = options.server_process.map(ServerProcess::new).transpose()?;
    let timeline = Timeline::from_now(options.timing.warmup, options.timing.duration);
    let (times, cpu) = thread::scope(|scope| {
        let client = || scope.spawn(|| client(address, options, timeline));
        let clients: Vec<_> = (0..options.connections).map(|_| client()).collect();
        clock::sleep_until(timeline.start);
        let before = process.as_ref().map(ServerProcess::cpu_time).transpose()?;
        clock::sleep_until(timeline.end);
        let after = process.as_ref().map(ServerProcess::cpu_time).transpose()?;
        let mut times = latency_histogram()?;
        for client in clients {
            let more = client
                .join()
                .map_err(|_| Error::Usage("a client panicked".into()))??;
            times
                .add(more)
                .map_err(|_| Error::Usage("times that cannot be counted".into()))?;
        }
        Ok::<_, Error>((
            times,
            before.zip(after).map(|(before, after)| after - before),
        ))
    })?;
    let mut report = Report::new("backend-door");
    report.add("connections", "connections", options.connections, "");
    report.add("fresh", "a new connection each time", options.fresh, "");
    report.add("seconds", "measured", timeline.seconds(), "s");
    let rate = times.len() as f64 / timeline.seconds();
    report.add("statements_per_second", "statements", rate, "/s");
    report.add_latency("answer", "answer", &times);
    if let Some(cpu) = cpu {
        report.add_cpu("server", cpu, times.len(), timeline.seconds());
    }
    Ok(Outcome {
        report,
        verdict: Ok(()),
    })
}

/// One connection after another, or one for all statements; gives the times that count.
fn client(
    address: SocketAddr,
    options: &Options,
    timeline: Timeline,
) -> Result<Histogram<u64>, Error> {
    let mut times = latency_histogram()?;
    let mut kept = match options.fresh {
        true => None,
        false => Some(Connection::open(address, options)?),
    };
    loop {
        let start = clock::now();
        if start >= timeline.end {
            return Ok(times);
        }
        match &mut kept {
            Some(connection) => connection.run(&options.statement)?,
            None => {
                let mut connection = Connection::open(address, options)?;
                connection.run(&options.statement)?;
                connection.close()?;
            }
        }
        let end = clock::now();
        if timeline.measures(start) {
            times.saturating_record(end - start);
        }
    }
}

/// A connection that is logged in.
struct Connection {
    socket: TcpStream,
    inbox: Vec<u8>,
    taken: usize,
}

impl Connection {
    fn open(address: SocketAddr, options: &Options) -> Result<Self, Error> {
        let connect = |source| Error::Connect {
            door: "MySQL wire",
            address: address.to_string(),
            source,
        };
        let mut socket = TcpStream::connect(address).map_err(connect)?;
        socket
            .set_nodelay(true)
            .and_then(|()| socket.set_read_timeout(Some(ANSWER_LIMIT)))
            .map_err(connect)?;
        mysql::login(&mut socket, &options.user, &options.password)?;
        Ok(Self {
            socket,
            inbox: Vec::new(),
            taken: 0,
        })
    }

    /// Sends a statement and reads all of its answer.
    fn run(&mut self, statement: &str) -> Result<(), Error> {
        self.send(COM_QUERY, statement.as_bytes())?;
        let answer = self.packet()?;
        match answer.first() {
            Some(0x00) => Ok(()),
            Some(0xFF) => Err(Error::Refused {
                what: "a statement",
                answer: String::from_utf8_lossy(answer.get(9..).unwrap_or_default()).into_owned(),
            }),
            _ => {
                // The columns end with an EOF, and so do the rows.
                self.up_to_eof()?;
                self.up_to_eof()
            }
        }
    }

    /// Says goodbye and waits until the server has closed.
    fn close(mut self) -> Result<(), Error> {
        self.send(COM_QUIT, &[])?;
        let mut rest = Vec::new();
        self.socket
            .read_to_end(&mut rest)
            .map_err(|error| Error::connection("close", error))?;
        Ok(())
    }

    fn send(&mut self, command: u8, body: &[u8]) -> Result<(), Error> {
        let [a, b, c, _] = (body.len() as u32 + 1).to_le_bytes();
        let mut packet = vec![a, b, c, 0, command];
        packet.extend_from_slice(body);
        self.socket
            .write_all(&packet)
            .map_err(|error| Error::connection("take a command", error))
    }

    fn up_to_eof(&mut self) -> Result<(), Error> {
        loop {
            let packet = self.packet()?;
            if packet.len() < 9 && packet.first() == Some(&0xFE) {
                return Ok(());
            }
        }
    }

    fn packet(&mut self) -> Result<&[u8], Error> {
        self.inbox.drain(..self.taken);
        self.taken = 0;
        loop {
            if let [a, b, c, _, ..] = *self.inbox {
                let end = HEADER + u32::from_le_bytes([a, b, c, 0]) as usize;
                if self.inbox.len() >= end {
                    self.taken = end;
                    return Ok(self.inbox.get(HEADER..end).unwrap_or_default());
                }
            }
            let mut chunk = [0; 16 << 10];
            let length = self
                .socket
                .read(&mut chunk)
                .map_err(|error| Error::connection("answer a statement", error))?;
            if length == 0 {
                return Err(Error::Refused {
                    what: "a statement",
                    answer: "it closed the connection".into(),
                });
            }
            self.inbox
                .extend_from_slice(chunk.get(..length).unwrap_or_default());
        }
    }
}

const HEADER: usize = 4;
const COM_QUIT: u8 = 0x01;
const COM_QUERY: u8 = 0x03;
