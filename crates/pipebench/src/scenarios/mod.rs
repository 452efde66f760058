//! The scenarios, one file each: what is done to a server and what of it is reported. Every scenario
//! is a command of its own; `report` and `compare` run the same commands.

pub(crate) mod backend_door;
pub(crate) mod chat;
pub(crate) mod connects;
pub(crate) mod fanout;
pub(crate) mod histories;
pub(crate) mod idle;
pub(crate) mod limit;
pub(crate) mod publish;
pub(crate) mod storm;

use clap::Subcommand;

use crate::clock::{self, SECOND};
use crate::error::Error;
use crate::measure::Outcome;
use crate::scenarios::limit::Yardstick;
use crate::servers::Stage;

/// What can be measured.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Scenario {
    /// One pipe, many subscribers: deliveries a second, latency, CPU per delivery.
    Fanout(fanout::Options),
    /// Many backends and pipes with one reader each: publishes a second, acknowledgement latency.
    Publish(publish::Options),
    /// Rooms of members who send through their WebSockets.
    Chat(chat::Options),
    /// Subscribers that ask for a pipe's history: questions a second, time until it is complete.
    Histories(histories::Options),
    /// Many idle subscribers: memory per connection, the cost of keeping them.
    Idle(idle::Options),
    /// Connections that come and go.
    Connects(connects::Options),
    /// The server is restarted, and all subscribers come back at once. Needs --server-binary.
    Storm(storm::Options),
    /// One statement, again and again, on any server that speaks the MySQL wire.
    BackendDoor(backend_door::Options),
    /// Yardstick: a bare loop, one send per message and socket. Needs no server.
    Limit(limit::Options),
    /// Yardstick: a bare loop, one send per socket and round of messages. Needs no server.
    LimitBatch(limit::BatchOptions),
}

impl Scenario {
    /// Measures it once.
    pub(crate) fn run(&self, stage: &mut Stage) -> Result<Outcome, Error> {
        match self {
            Self::Fanout(options) => fanout::run(stage.door(), options),
            Self::Histories(options) => histories::run(stage.door(), options),
            Self::Publish(options) => publish::run(stage, options),
            Self::Chat(options) => chat::run(stage.door(), options),
            Self::Idle(options) => idle::run(stage.door(), options),
            Self::Connects(options) => connects::run(stage.door(), options),
            Self::Storm(options) => storm::run(stage, options),
            Self::BackendDoor(options) => backend_door::run(options),
            Self::Limit(options) => limit::run(&options.yardstick()),
            Self::LimitBatch(options) => limit::run(&options.yardstick()),
        }
    }

    /// The bare loop it is, if it is one and needs no server.
    pub(crate) fn yardstick(&self) -> Option<Yardstick> {
        match self {
            Self::Limit(options) => Some(options.yardstick()),
            Self::LimitBatch(options) => Some(options.yardstick()),
            _ => None,
        }
    }

    /// The bare loops that stand for its limit, in this process; none where the bare server does.
    pub(crate) fn loops(&self) -> Vec<Yardstick> {
        match self {
            Self::Fanout(options) => fanout::yardsticks(options).into(),
            _ => Vec::new(),
        }
    }
}

/// Work and the seconds it took.
fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(T, f64), Error> {
    let start = clock::now();
    let result = work()?;
    Ok((result, (clock::now() - start) as f64 / SECOND as f64))
}
