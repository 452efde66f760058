//! Where a scenario plays: a server that runs already, or one that this program starts on free
//! ports with empty data and stops when it is done. Peers are started from their Debian and npm
//! packages.

mod peers;
mod running;

pub(crate) use running::Running;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::doors::{CometDoor, Door, Echo};
use crate::error::Error;
use crate::options::Target;
use crate::process::ServerProcess;
use crate::servers::running::Launch;

/// Root's key of the servers this program starts.
const ROOT_KEY: &str = "pipebench-root-key";

/// What can stand where the server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rival {
    /// The bare server: one thread, one send for each message and socket.
    Limit,
    /// The bare server: one thread, one send for each socket and round.
    LimitBatch,
    /// nginx with nchan (Debian: nginx, libnginx-mod-nchan).
    Nchan,
    /// NATS (Debian: nats-server).
    Nats,
    /// Mosquitto (Debian: mosquitto).
    Mosquitto,
    /// Socket.IO (npm: in benches/peers/socket.io).
    SocketIo,
}

impl Rival {
    /// Programs of others.
    pub(crate) const PEERS: [Self; 4] = [Self::Nchan, Self::Nats, Self::Mosquitto, Self::SocketIo];

    /// The name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit server",
            Self::LimitBatch => "limit-batch server",
            Self::Nchan => "nchan",
            Self::Nats => "NATS",
            Self::Mosquitto => "mosquitto",
            Self::SocketIo => "Socket.IO",
        }
    }

    /// Whether it is a program of others.
    pub(crate) fn is_peer(self) -> bool {
        Self::PEERS.contains(&self)
    }
}

/// Where started servers live.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Grounds {
    /// Where started servers keep their data: a directory on the disk whose speed is to count.
    #[arg(long, value_name = "DIR", default_value = "target", global = true)]
    pub(crate) scratch: PathBuf,
    /// Where the peers from npm are.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "benches/peers",
        global = true
    )]
    pub(crate) peers: PathBuf,
}

/// A server and what scenarios may do with it.
#[derive(Debug)]
pub(crate) struct Stage {
    door: Box<dyn Door>,
    running: Option<Running>,
}

impl Stage {
    /// What the command line names.
    pub(crate) fn of(target: &Target) -> Result<Self, Error> {
        match (&target.server_binary, target.instead) {
            (Some(binary), _) => Self::cometwire(binary, &target.grounds, target.wss),
            (None, Some(rival)) => Self::rival(rival, &target.grounds),
            (None, None) => Ok(Self {
                door: Box::new(CometDoor::of(target)?),
                running: None,
            }),
        }
    }

    /// A server that runs already.
    #[cfg(test)]
    pub(crate) fn before(door: impl Door + 'static) -> Self {
        Self {
            door: Box::new(door),
            running: None,
        }
    }

    /// Starts a CometWire, whose browsers come through TLS or not.
    pub(crate) fn cometwire(binary: &Path, grounds: &Grounds, tls: bool) -> Result<Self, Error> {
        let mut launch = Launch::new(server_binary(binary)?);
        if tls {
            launch = launch.environment("COMETWIRE_HTTP_TLS", "offered");
        }
        Self::comet(launch, Echo::Report, tls, grounds)
    }

    /// Starts what stands in its place.
    pub(crate) fn rival(rival: Rival, grounds: &Grounds) -> Result<Self, Error> {
        match rival {
            Rival::Limit => Self::bare(false, grounds),
            Rival::LimitBatch => Self::bare(true, grounds),
            Rival::Nchan => peers::nchan(grounds),
            Rival::Nats => peers::nats(grounds),
            Rival::Mosquitto => peers::mosquitto(grounds),
            Rival::SocketIo => peers::socket_io(grounds),
        }
    }

    fn bare(gather: bool, grounds: &Grounds) -> Result<Self, Error> {
        let own = std::env::current_exe().map_err(|source| Error::Io {
            what: "finding this program",
            source,
        })?;
        let mut launch = Launch::new(own).argument("bare");
        if gather {
            launch = launch.argument("--gather");
        }
        Self::comet(launch, Echo::Silent, false, grounds)
    }

    /// Starts a program that takes CometWire's flags and says its addresses as CometWire does.
    fn comet(launch: Launch, echo: Echo, tls: bool, grounds: &Grounds) -> Result<Self, Error> {
        let launch = launch.environment("COMETWIRE_ROOT_KEY", ROOT_KEY);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (running, addresses) = Running::start(launch, &grounds.scratch, |directory| {
            comet_arguments([any, any], directory)
        })?;
        let process = ServerProcess::new(running.id())?;
        let door = CometDoor::started(addresses, ROOT_KEY, process, echo, tls);
        Ok(Self {
            door: Box::new(door),
            running: Some(running),
        })
    }

    /// The server as clients see it.
    pub(crate) fn door(&self) -> &dyn Door {
        self.door.as_ref()
    }

    /// Where a started server keeps its data.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.running.as_ref().map(Running::directory)
    }

    /// Stops the server as an operator does, and starts it again on the same addresses and data.
    pub(crate) fn restart(&mut self) -> Result<(), Error> {
        let Some(running) = &mut self.running else {
            return Err(Error::Usage(
                "only a server that pipebench has started can be restarted: give --server-binary"
                    .into(),
            ));
        };
        let addresses = running.restart(comet_arguments)?;
        let process = ServerProcess::new(running.id())?;
        let (echo, tls) = (self.door.hearing().echo, self.door.dialogue(None).tls);
        let door = CometDoor::started(addresses, ROOT_KEY, process, echo, tls);
        self.door = Box::new(door);
        Ok(())
    }
}

/// The absolute path of the server under test, which is started in a directory of its own.
pub(crate) fn server_binary(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize()
        .map_err(|error| Error::Usage(format!("cannot use the server {}: {error}", path.display())))
}

fn comet_arguments([backends, browsers]: [SocketAddr; 2], directory: &Path) -> Vec<String> {
    let data: PathBuf = directory.join("data");
    vec![
        "--cometql".into(),
        backends.to_string(),
        "--http".into(),
        browsers.to_string(),
        "--data".into(),
        data.display().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_there_is_an_error_and_one_that_is_gets_its_whole_path() {
        let error = server_binary(Path::new("no/such/server")).unwrap_err();
        assert!(error.to_string().contains("no/such/server"));
        assert!(
            server_binary(Path::new("Cargo.toml"))
                .unwrap()
                .is_absolute()
        );
    }
}
