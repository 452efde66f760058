//! A server process of ours: started with a directory of its own, stopped and cleaned up when
//! dropped.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::clock::{self, nanoseconds};
use crate::error::Error;

/// How long a server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a server is asked whether it has started or stopped.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// What a server writes to standard error.
const LOG: &str = "server.log";

/// How to start a program, but for the arguments that differ from start to start.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// A program without arguments.
    pub(crate) fn new(program: PathBuf) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// The same with one more argument.
    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same with one more environment variable.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Running {
    launch: Launch,
    child: Child,
    /// Kept open, or the server would write into a closed pipe.
    output: Option<BufReader<ChildStdout>>,
    addresses: [SocketAddr; 2],
    directory: TempDir,
}

impl Running {
    /// Starts a program in a new directory under `scratch`, with the arguments made for that
    /// directory, and waits until it has said its backends' and its browsers' address.
    pub(crate) fn start(
        launch: Launch,
        scratch: &Path,
        arguments: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<(Self, [SocketAddr; 2]), Error> {
        let directory = directory(scratch)?;
        let child = spawn(&launch, &arguments(directory.path()), directory.path())?;
        let mut running = Self::of(launch, child, directory);
        let addresses = running.read_addresses()?;
        running.addresses = addresses;
        Ok((running, addresses))
    }

    /// Starts a program in a new directory under `scratch`, with the arguments made for that
    /// directory, and waits until all of `addresses` answer.
    pub(crate) fn start_at(
        launch: Launch,
        scratch: &Path,
        addresses: &[SocketAddr],
        arguments: impl FnOnce(&Path) -> Result<Vec<String>, Error>,
    ) -> Result<Self, Error> {
        let directory = directory(scratch)?;
        let arguments = arguments(directory.path())?;
        let child = spawn(&launch, &arguments, directory.path())?;
        let mut running = Self::of(launch, child, directory);
        let deadline = clock::now() + nanoseconds(PATIENCE);
        for address in addresses {
            while TcpStream::connect(address).is_err() {
                if running.has_ended() || clock::now() > deadline {
                    return Err(running.did_not("start"));
                }
                std::thread::sleep(POLL_INTERVAL);
            }
        }
        Ok(running)
    }

    /// Stops the server with SIGTERM and starts it again on the same addresses and directory.
    pub(crate) fn restart(
        &mut self,
        arguments: impl FnOnce([SocketAddr; 2], &Path) -> Vec<String>,
    ) -> Result<[SocketAddr; 2], Error> {
        self.signal(Signal::TERM);
        let deadline = clock::now() + nanoseconds(PATIENCE);
        while !self.has_ended() {
            if clock::now() > deadline {
                return Err(self.did_not("stop"));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        let arguments = arguments(self.addresses, self.directory.path());
        self.child = spawn(&self.launch, &arguments, self.directory.path())?;
        self.output = self.child.stdout.take().map(BufReader::new);
        self.read_addresses()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its data is.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn of(launch: Launch, mut child: Child, directory: TempDir) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            launch,
            output: child.stdout.take().map(BufReader::new),
            child,
            addresses: [nowhere; 2],
            directory,
        }
    }

    /// Reads what the server says at its start until both addresses were there.
    fn read_addresses(&mut self) -> Result<[SocketAddr; 2], Error> {
        let mut found = [None, None];
        while let Some(output) = &mut self.output {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap_or(0) == 0 {
                break;
            }
            for (place, label) in found.iter_mut().zip(["CometQL", "Browsers"]) {
                *place = place.or_else(|| address_after(label, &line));
            }
            if let [Some(backends), Some(browsers)] = found {
                return Ok([backends, browsers]);
            }
        }
        Err(self.did_not("start"))
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A process that is gone needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// The error of a server that failed, with the end of what it had to say.
    fn did_not(&self, what: &str) -> Error {
        let log = std::fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(3).collect();
        Error::Usage(format!(
            "{} did not {what}: {}",
            self.launch.program.display(),
            last.into_iter().rev().collect::<Vec<_>>().join(" / ")
        ))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A master would leave its workers behind if it were killed.
        self.signal(Signal::TERM);
        let deadline = clock::now() + nanoseconds(PATIENCE);
        while !self.has_ended() {
            if clock::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// A loopback address that was free a moment ago, for programs that cannot say which they took.
pub(crate) fn free_address() -> Result<SocketAddr, Error> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|source| Error::Io {
            what: "finding a free port",
            source,
        })
}

fn directory(scratch: &Path) -> Result<TempDir, Error> {
    let failed = |source| Error::Io {
        what: "making a directory for a server (see --scratch)",
        source,
    };
    let scratch = scratch.canonicalize().map_err(failed)?;
    tempfile::Builder::new()
        .prefix("pipebench-")
        .tempdir_in(scratch)
        .map_err(failed)
}

fn spawn(launch: &Launch, arguments: &[String], directory: &Path) -> Result<Child, Error> {
    let failed = |source: std::io::Error| {
        let program = launch.program.display();
        match source.kind() {
            ErrorKind::NotFound => Error::Absent(program.to_string()),
            _ => Error::Usage(format!("cannot start {program}: {source}")),
        }
    };
    let log = File::options()
        .create(true)
        .append(true)
        .open(directory.join(LOG))
        .map_err(failed)?;
    // What the operator's shell says about a CometWire of theirs is not for this one.
    let mut command = Command::new(&launch.program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COMETWIRE_") {
            command.env_remove(&name);
        }
    }
    command
        .args(&launch.arguments)
        .args(arguments)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(failed)
}

/// The address in a line such as `  Browsers   http://127.0.0.1:8087`.
fn address_after(label: &str, line: &str) -> Option<SocketAddr> {
    let rest = line.trim_start().strip_prefix(label)?;
    let address = rest.split_ascii_whitespace().next()?;
    address
        .strip_prefix("http://")
        .unwrap_or(address)
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_what_a_server_says_at_its_start() {
        let line = "  CometQL    127.0.0.1:3307    mysql -h127.0.0.1 -P3307 -uroot -p CometQL_v1\n";
        let expected = "127.0.0.1:3307".parse().ok();
        assert_eq!(address_after("CometQL", line), expected);
        let line = "  Browsers   http://127.0.0.1:8087\n";
        assert_eq!(
            address_after("Browsers", line),
            "127.0.0.1:8087".parse().ok()
        );
        assert_eq!(address_after("Browsers", "  Data       here\n"), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_said_to_be_not_installed() {
        let scratch = tempfile::tempdir().unwrap();
        let launch = Launch::new("/no/such/program".into());
        let error = Running::start(launch, scratch.path(), |_| Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "/no/such/program is not installed");
    }

    #[test]
    fn a_program_that_ends_at_once_is_quoted() {
        let scratch = tempfile::tempdir().unwrap();
        let launch = Launch::new("/bin/sh".into());
        let arguments = || vec!["-c".into(), "echo no luck >&2".into()];
        let error = Running::start(launch, scratch.path(), |_| arguments()).unwrap_err();
        assert!(error.to_string().ends_with("did not start: no luck"));
    }
}
