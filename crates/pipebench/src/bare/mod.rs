//! The bare server: the yardstick for everything that needs a server to answer. One thread, one
//! epoll, blocking sockets. It reads the bytes CometWire's clients send and writes the bytes they
//! wait for, and does nothing else: no keys, no limits, no queues, no second thread. It speaks just
//! enough of both protocols for this program's own clients, and is `limit` (one send for each
//! message and socket) or, with `--gather`, `limit-batch` (one send for each socket and round).
//!
//! [`talk`] knows what is answered to what; the sockets are here.

mod talk;

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::bare::talk::{Act, Talk};
use crate::error::Error;
use crate::process::raise_file_limit;

/// Sockets served per wait.
const EVENTS: usize = 1024;

/// The shared read buffer.
const BUFFER: usize = 512 * 1024;

/// How often an idle server looks whether it is to stop.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// Keys of the two listeners; those of connections are smaller.
const BACKENDS: u64 = u64::MAX;
const BROWSERS: u64 = u64::MAX - 1;

/// Options of `pipebench bare`: CometWire's flags, as far as they mean anything here.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// One send for each socket and round, instead of one for each message.
    #[arg(long)]
    gather: bool,
    /// Taken and not used.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Serves until the process is ended.
pub(crate) fn run(options: &Options, cometql: &str, http: &str) -> Result<(), Error> {
    raise_file_limit();
    // The one who started it may be gone without a word.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let bound = || Ok((TcpListener::bind(cometql)?, TcpListener::bind(http)?));
    let failed = |source| Error::Io {
        what: "the bare server",
        source,
    };
    let (backends, browsers) = bound().map_err(failed)?;
    let said = (|| {
        let mut out = io::stdout().lock();
        writeln!(out, "  CometQL    {}", backends.local_addr()?)?;
        writeln!(out, "  Browsers   http://{}", browsers.local_addr()?)?;
        out.flush()
    })();
    said.map_err(failed)?;
    serve(
        &backends,
        &browsers,
        options.gather,
        &AtomicBool::new(false),
    )
    .map_err(failed)
}

/// Serves until `stop`.
pub(crate) fn serve(
    backends: &TcpListener,
    browsers: &TcpListener,
    gather: bool,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut server = Server {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        connections: Vec::new(),
        free: Vec::new(),
        pipes: HashMap::new(),
        gather,
        touched: Vec::new(),
        answers: Vec::new(),
        acts: Vec::new(),
    };
    for (listener, key) in [(backends, BACKENDS), (browsers, BROWSERS)] {
        listener.set_nonblocking(true)?;
        server.watch(listener, key)?;
    }
    let mut buffer = vec![0; BUFFER];
    let mut events = Vec::with_capacity(EVENTS);
    while !stop.load(Ordering::Relaxed) {
        events.clear();
        match epoll::wait(&server.epoll, spare_capacity(&mut events), Some(&TICK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                BACKENDS => server.accept(backends, Talk::backend)?,
                BROWSERS => server.accept(browsers, Talk::browser)?,
                index => server.receive(index as usize, &mut buffer),
            }
        }
        server.flush();
    }
    Ok(())
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    talk: Talk,
    /// A cut packet or frame.
    partial: Vec<u8>,
    /// What is gathered in this round.
    due: Vec<u8>,
    /// What it is subscribed to.
    pipe: Vec<u8>,
}

#[derive(Debug)]
struct Server {
    epoll: std::os::fd::OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    pipes: HashMap<Vec<u8>, Vec<usize>>,
    gather: bool,
    touched: Vec<usize>,
    answers: Vec<u8>,
    acts: Vec<Act>,
}

impl Server {
    fn watch(&self, source: impl AsFd, key: u64) -> io::Result<()> {
        let key = epoll::EventData::new_u64(key);
        Ok(epoll::add(&self.epoll, source, key, epoll::EventFlags::IN)?)
    }

    fn accept(&mut self, listener: &TcpListener, talk: impl Fn() -> Talk) -> io::Result<()> {
        loop {
            let socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or(self.connections.len());
            self.watch(&socket, index as u64)?;
            let connection = Connection {
                socket,
                talk: talk(),
                partial: Vec::new(),
                due: Vec::new(),
                pipe: Vec::new(),
            };
            let opening = connection.talk.opening();
            if !opening.is_empty() {
                // Whose client is gone already is noticed when it is read from.
                let _ = (&connection.socket).write_all(&opening);
            }
            match self.connections.get_mut(index) {
                Some(slot) => *slot = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
    }

    /// Reads once and does what that asks for: answers first, deliveries after them.
    fn receive(&mut self, index: usize, buffer: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return;
        };
        let start = connection.partial.len();
        if let Some(front) = buffer.get_mut(..start) {
            front.copy_from_slice(&connection.partial);
        }
        connection.partial.clear();
        let space = buffer.get_mut(start..).unwrap_or_default();
        let count = match (&connection.socket).read(space) {
            Ok(count) if count > 0 => count,
            _ => return self.close(index),
        };
        let mut bytes = buffer.get(..start + count).unwrap_or_default();
        self.answers.clear();
        self.acts.clear();
        while let Some(length) = connection
            .talk
            .next(bytes, &mut self.answers, &mut self.acts)
        {
            bytes = bytes.get(length..).unwrap_or_default();
        }
        connection.partial.extend_from_slice(bytes);
        for act in &self.acts {
            match act {
                Act::Subscribe(pipe) => {
                    self.pipes.entry(pipe.clone()).or_default().push(index);
                    connection.pipe.clone_from(pipe);
                }
                Act::Count(pipe) => {
                    let count = self.pipes.get(pipe).map_or(0, Vec::len);
                    talk::answer_count(count, &mut self.answers);
                }
                Act::Deliver { .. } => {}
            }
        }
        if !self.answers.is_empty() {
            // Whose client is gone is noticed when it is read from.
            let _ = connection.socket.write_all(&self.answers);
        }
        let acts = std::mem::take(&mut self.acts);
        for act in &acts {
            if let Act::Deliver { pipe, frame } = act {
                self.deliver(index, pipe, frame);
            }
        }
        self.acts = acts;
    }

    fn deliver(&mut self, from: usize, pipe: &[u8], frame: &[u8]) {
        for &index in self.pipes.get(pipe).into_iter().flatten() {
            let Some(Some(connection)) = self.connections.get_mut(index) else {
                continue;
            };
            if index == from {
                continue;
            }
            if !self.gather {
                let _ = connection.socket.write_all(frame);
                continue;
            }
            if connection.due.is_empty() {
                self.touched.push(index);
            }
            connection.due.extend_from_slice(frame);
        }
    }

    /// Sends what this round has gathered.
    fn flush(&mut self) {
        for index in self.touched.drain(..) {
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                let _ = connection.socket.write_all(&connection.due);
                connection.due.clear();
            }
        }
    }

    fn close(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        let pipe = &connection.pipe;
        if let Some(subscribers) = self.pipes.get_mut(pipe) {
            if let Some(at) = subscribers.iter().position(|&other| other == index) {
                subscribers.swap_remove(at);
            }
            if subscribers.is_empty() {
                self.pipes.remove(pipe);
            }
        }
        self.free.push(index);
    }
}

#[cfg(test)]
mod tests;
