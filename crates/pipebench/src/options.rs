//! Options that several scenarios share, and the fixed bounds of all of them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::error::Error;
use crate::payload;
use crate::servers::{Grounds, Rival};

/// How long any single answer of the server may take.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The largest message, in bytes.
pub(crate) const SIZE_LIMIT: usize = 256 * 1024;

/// The shortest time that can be measured: ten ticks of the processor-time clock.
const SHORTEST: Duration = Duration::from_millis(100);

/// The receiver's rest between rounds where throughput is measured, not latency.
const SATURATED_PAUSE: Duration = Duration::from_micros(200);

/// Where a CometWire listens unless it is told otherwise, and who may do everything there.
const COMETQL: &str = "127.0.0.1:3307";
const HTTP: &str = "127.0.0.1:8087";
const ROOT: &str = "root";

/// Where the server is and how to log in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Target {
    /// Address of the MySQL door.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = COMETQL,
        global = true
    )]
    pub(crate) cometql: String,
    /// Address of the WebSocket door.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = HTTP,
        global = true
    )]
    pub(crate) http: String,
    /// Developer id: `root` (0) or a number, also the MySQL user name.
    #[arg(long, value_name = "ID", default_value = ROOT, global = true)]
    pub(crate) dev: Developer,
    /// The developer's key; by default taken from COMETWIRE_ROOT_KEY.
    #[arg(
        long,
        value_name = "KEY",
        env = "COMETWIRE_ROOT_KEY",
        hide_env = true,
        default_value = "",
        global = true
    )]
    pub(crate) key: String,
    /// Process id of the server: adds its processor time and memory to the report.
    #[arg(long, value_name = "PID", global = true)]
    pub(crate) server_pid: Option<u32>,
    /// Start this server binary for the run, on free ports and empty data, in place of a running
    /// server.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) server_binary: Option<PathBuf>,
    /// Start this program in its place.
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        conflicts_with = "server_binary"
    )]
    pub(crate) instead: Option<Rival>,
    #[command(flatten)]
    pub(crate) grounds: Grounds,
    /// Subscribers connect through TLS (`wss:`); a started server is told to offer it.
    #[arg(long, global = true)]
    pub(crate) wss: bool,
    /// Run the yardsticks after the server, and print the ratios.
    #[arg(long, global = true)]
    pub(crate) with_limit: bool,
    /// Print JSON, one object per line and report, instead of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[cfg(test)]
impl Default for Target {
    fn default() -> Self {
        Self {
            cometql: COMETQL.into(),
            http: HTTP.into(),
            dev: Developer {
                user: ROOT.into(),
                id: 0,
            },
            key: String::new(),
            server_pid: None,
            server_binary: None,
            instead: None,
            grounds: Grounds {
                scratch: std::env::temp_dir(),
                peers: PathBuf::new(),
            },
            wss: false,
            with_limit: false,
            json: false,
        }
    }
}

/// How long to run.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Timing")]
pub(crate) struct Timing {
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = measured_seconds)]
    pub(crate) duration: Duration,
    /// Seconds of the same load before them, checked but not measured.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub(crate) warmup: Duration,
    /// Microseconds the receiver rests between rounds. A receiver asleep in epoll makes every send
    /// pay for waking it, which a receiver on another machine does not; but latencies grow by up
    /// to this. By default 200 for fan-out and yardsticks without --rate, else 0.
    #[arg(long, value_name = "MICROSECONDS", value_parser = microseconds)]
    pub(crate) receiver_pause: Option<Duration>,
}

impl Timing {
    /// These times with the pause that suits a saturated receiver, unless one was asked for or
    /// `rate` keeps the run below saturation.
    pub(crate) fn saturated(mut self, rate: Option<f64>) -> Self {
        if rate.is_none() {
            self.receiver_pause.get_or_insert(SATURATED_PAUSE);
        }
        self
    }

    /// The rest of the receiver between rounds.
    pub(crate) fn pause(&self) -> Duration {
        self.receiver_pause.unwrap_or_default()
    }
}

/// A developer as written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Developer {
    /// The MySQL user name.
    pub(crate) user: String,
    /// The number browsers send.
    pub(crate) id: u32,
}

impl FromStr for Developer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = match text {
            "root" => 0,
            number => number
                .parse()
                .map_err(|_| format!("expected `root` or a number, got {number:?}"))?,
        };
        Ok(Self {
            user: text.to_owned(),
            id,
        })
    }
}

/// The first address a name stands for.
pub(crate) fn resolve(door: &'static str, address: &str) -> Result<SocketAddr, Error> {
    let connect = |source| Error::Connect {
        door,
        address: address.to_owned(),
        source,
    };
    address
        .to_socket_addrs()
        .map_err(connect)?
        .next()
        .ok_or_else(|| connect(std::io::ErrorKind::NotFound.into()))
}

/// Parses a number of seconds, fractions allowed, up to one hour.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| (0.0..=3600.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected seconds from 0 to 3600".into())
}

/// Parses a time that is long enough to divide by.
fn measured_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration < SHORTEST {
        return Err("expected at least 0.1 seconds".into());
    }
    Ok(duration)
}

/// Parses a number of microseconds, up to 100 ms.
fn microseconds(text: &str) -> Result<Duration, String> {
    bounded(text, 0, 100_000).map(|number| Duration::from_micros(number as u64))
}

/// Parses a message size in bytes.
pub(crate) fn message_size(text: &str) -> Result<usize, String> {
    bounded(text, payload::HEAD, SIZE_LIMIT)
}

/// Parses a count of connections, publishers, pipes or the like.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    bounded(text, 1, payload::PUBLISHER_LIMIT)
}

/// Parses a count that may be none.
pub(crate) fn count_or_none(text: &str) -> Result<usize, String> {
    bounded(text, 0, payload::PUBLISHER_LIMIT)
}

/// Parses a pipeline depth or a number of rows.
pub(crate) fn depth(text: &str) -> Result<usize, String> {
    bounded(text, 1, 1000)
}

/// Parses messages a second, fractions allowed.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|rate| (0.001..=10_000_000.0).contains(rate))
        .ok_or_else(|| "expected messages a second from 0.001 to 10000000".into())
}

fn bounded(text: &str, least: usize, most: usize) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("expected a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_developer_zero_and_numbers_are_themselves() {
        assert_eq!("root".parse::<Developer>().unwrap().id, 0);
        assert_eq!(
            "15".parse::<Developer>().unwrap(),
            Developer {
                user: "15".into(),
                id: 15
            }
        );
        assert!("bob".parse::<Developer>().unwrap_err().contains("bob"));
    }

    #[test]
    fn options_out_of_bounds_are_refused() {
        assert!(seconds("-1").is_err() && seconds("NaN").is_err() && seconds("3601").is_err());
        assert!(measured_seconds("0").is_err());
        assert!(rate("0").is_err() && rate("inf").is_err());
        assert!(message_size("10").is_err() && count("0").is_err() && depth("1001").is_err());
        assert_eq!(seconds("0.5").unwrap(), Duration::from_millis(500));
    }
}
