//! What the kernel says about a process: processor time, resident memory, and the number of files
//! this one may open. Linux's `/proc` only.

use std::fs;
use std::io;
use std::ops::{AddAssign, Sub};

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::clock::Timeline;
use crate::error::Error;

/// Descriptors the program needs beside its benchmark sockets.
const SPARE_FILES: u64 = 64;

/// Processor time in seconds, split as the kernel does. Resolution is one clock tick (10 ms).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuTime {
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl CpuTime {
    /// User and system together.
    pub(crate) fn total(&self) -> f64 {
        self.user + self.system
    }

    /// Processor time used so far by the calling thread.
    pub(crate) fn of_this_thread() -> Result<Self, Error> {
        read_stat("/proc/thread-self/stat")
    }
}

impl AddAssign for CpuTime {
    fn add_assign(&mut self, more: Self) {
        self.user += more.user;
        self.system += more.system;
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user - earlier.user,
            system: self.system - earlier.system,
        }
    }
}

/// Processor time of the calling thread between the two ends of a timeline.
#[derive(Debug)]
pub(crate) struct CpuSpan {
    timeline: Timeline,
    at_start: Option<CpuTime>,
    at_end: Option<CpuTime>,
}

impl CpuSpan {
    /// Nothing sampled yet.
    pub(crate) fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            at_start: None,
            at_end: None,
        }
    }

    /// Notes the thread's time when `now` has just passed an end. To be called often.
    pub(crate) fn sample(&mut self, now: u64) -> Result<(), Error> {
        if self.at_start.is_none() && now >= self.timeline.start {
            self.at_start = Some(CpuTime::of_this_thread()?);
        }
        if self.at_end.is_none() && now >= self.timeline.end {
            self.at_end = Some(CpuTime::of_this_thread()?);
        }
        Ok(())
    }

    /// The time between the two ends, or up to now.
    pub(crate) fn spent(&self) -> Result<CpuTime, Error> {
        match (self.at_start, self.at_end) {
            (Some(start), Some(end)) => Ok(end - start),
            (Some(start), None) => Ok(CpuTime::of_this_thread()? - start),
            (None, _) => Ok(CpuTime::default()),
        }
    }
}

/// The server under test, seen from outside: one process, or a master and its workers.
#[derive(Clone, Debug)]
pub(crate) struct ServerProcess {
    pid: u32,
}

impl ServerProcess {
    /// A running process (`--server-pid`); fails when there is none with this id.
    pub(crate) fn new(pid: u32) -> Result<Self, Error> {
        let server = Self { pid };
        server.cpu_time()?;
        Ok(server)
    }

    /// The process and the children it has now: a master starts its workers in its own time.
    fn pids(&self) -> Vec<u32> {
        let pid = self.pid;
        // A kernel without this file leaves the process alone, which is right for most servers.
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_ascii_whitespace().flat_map(str::parse);
        std::iter::once(pid).chain(children).collect()
    }

    /// Processor time of all threads since they started.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime, Error> {
        let mut sum = CpuTime::default();
        for pid in self.pids() {
            sum += read_stat(&format!("/proc/{pid}/stat"))?;
        }
        Ok(sum)
    }

    /// Descriptors that are open.
    pub(crate) fn open_files(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for pid in self.pids() {
            let path = format!("/proc/{pid}/fd");
            let entries = fs::read_dir(&path).map_err(|error| unreadable_path(&path, &error))?;
            sum += entries.count() as u64;
        }
        Ok(sum)
    }

    /// Resident memory in bytes; what several processes share counts once for each.
    pub(crate) fn resident(&self) -> Result<u64, Error> {
        let mut sum = 0;
        for pid in self.pids() {
            let text = read(&format!("/proc/{pid}/statm"))?;
            let pages: u64 = text
                .split_ascii_whitespace()
                .nth(1)
                .and_then(|pages| pages.parse().ok())
                .ok_or_else(|| unreadable("statm"))?;
            sum += pages * rustix::param::page_size() as u64;
        }
        Ok(sum)
    }
}

/// Raises the soft limit of open files to the hard limit and says how many benchmark sockets fit.
pub(crate) fn raise_file_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    limit.current = limit.maximum;
    // When it cannot be raised, what there is now remains the answer.
    let allowed = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => hard,
        Err(_) => getrlimit(Resource::Nofile).current.unwrap_or(hard),
    };
    allowed.saturating_sub(SPARE_FILES)
}

/// Raises the limit of open files and refuses a run that needs more `sockets` than fit.
pub(crate) fn require_sockets(sockets: usize) -> Result<(), Error> {
    let allowed = raise_file_limit();
    if sockets as u64 > allowed {
        return Err(Error::Usage(format!(
            "this run needs {sockets} sockets but the limit of open files leaves {allowed}; raise it with `ulimit -Hn` or ask for fewer"
        )));
    }
    Ok(())
}

fn read_stat(path: &str) -> Result<CpuTime, Error> {
    parse_stat(&read(path)?).ok_or_else(|| unreadable("stat"))
}

fn parse_stat(text: &str) -> Option<CpuTime> {
    // The program's name may contain blanks and parentheses; what follows the last one does not.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut seconds = || {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    };
    Some(CpuTime {
        user: seconds()?,
        system: seconds()?,
    })
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| unreadable_path(path, &error))
}

fn unreadable_path(path: &str, error: &io::Error) -> Error {
    Error::Usage(format!(
        "cannot read {path}: {error}; the server is gone, or --server-pid is not its id"
    ))
}

fn unreadable(file: &str) -> Error {
    Error::Usage(format!("the kernel's {file} file has an unknown format"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 250 150 0 0 20 0 1 0 5 6 7";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let time = parse_stat(line).unwrap();
        assert_eq!(
            time,
            CpuTime {
                user: 250.0 / ticks,
                system: 150.0 / ticks
            }
        );
    }

    #[test]
    fn this_very_process_can_be_watched() {
        let server = ServerProcess::new(std::process::id()).unwrap();
        assert!(server.resident().unwrap() > 100_000);
        assert!(CpuTime::of_this_thread().is_ok());
    }

    #[test]
    fn a_process_that_does_not_exist_is_refused() {
        assert!(ServerProcess::new(u32::MAX).is_err());
    }
}
