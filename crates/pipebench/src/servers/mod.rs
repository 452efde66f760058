//! Where a scenario plays: a server that runs already, or one that this program starts on free
//! ports with empty data and stops when it is done. Peers are started from their Debian and npm
//! packages.

mod running;

pub(crate) use running::Running;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

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
            (Some(binary), _) => Self::cometwire(binary, &target.scratch),
            (None, Some(rival)) => Self::rival(rival, &target.scratch),
            (None, None) => Ok(Self {
                door: Box::new(CometDoor::of(target)?),
                running: None,
            }),
        }
    }

    /// Starts a CometWire.
    pub(crate) fn cometwire(binary: &Path, scratch: &Path) -> Result<Self, Error> {
        Self::comet(Launch::new(binary.to_owned()), Echo::Report, scratch)
    }

    /// Starts what stands in its place.
    pub(crate) fn rival(rival: Rival, scratch: &Path) -> Result<Self, Error> {
        match rival {
            Rival::Limit => Self::bare(false, scratch),
            Rival::LimitBatch => Self::bare(true, scratch),
        }
    }

    fn bare(gather: bool, scratch: &Path) -> Result<Self, Error> {
        let own = std::env::current_exe().map_err(|source| Error::Io {
            what: "finding this program",
            source,
        })?;
        let mut launch = Launch::new(own).argument("bare");
        if gather {
            launch = launch.argument("--gather");
        }
        Self::comet(launch, Echo::Silent, scratch)
    }

    /// Starts a program that takes CometWire's flags and says its addresses as CometWire does.
    fn comet(launch: Launch, echo: Echo, scratch: &Path) -> Result<Self, Error> {
        let launch = launch.environment("COMETWIRE_ROOT_KEY", ROOT_KEY);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (running, addresses) = Running::start(launch, scratch, |directory| {
            comet_arguments([any, any], directory)
        })?;
        let process = ServerProcess::new(running.id())?;
        let door = CometDoor::started(addresses, ROOT_KEY, process, echo);
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
        let echo = self.door.hearing().echo;
        let door = CometDoor::started(addresses, ROOT_KEY, process, echo);
        self.door = Box::new(door);
        Ok(())
    }
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
