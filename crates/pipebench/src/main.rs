//! pipebench: the load generator and benchmark of CometWire.
//!
//! It speaks raw MySQL wire and raw WebSocket to a running server, as hand-written as can be, so
//! that it costs far less than what it measures. Where to look:
//!
//! - scenarios, one file each: [`fanout`], [`publish`], [`idle`], [`chat`], [`limit`]
//! - [`measure`]: one run of a sender and a receiver, and its verdict
//! - [`publisher`]: the sending end through CometQL; [`receiver`]: the receiving end
//! - [`subscriber`]: opening WebSocket connections in numbers
//! - [`mysql`], [`websocket`], [`payload`]: bytes; [`sequence`]: nothing lost, doubled, overtaken
//! - [`process`], [`clock`], [`report`], [`options`], [`error`]

mod chat;
mod clock;
mod error;
mod fanout;
mod idle;
mod limit;
mod measure;
mod mysql;
mod options;
mod payload;
mod process;
mod publish;
mod publisher;
mod receiver;
mod report;
mod sequence;
mod subscriber;
mod websocket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::options::Target;
use crate::report::note;

/// Load generator and benchmark of CometWire.
///
/// Every message carries a number and a time: deliveries are checked for loss, duplicates and
/// order, and latency is measured from sending to reading with one monotonic clock. The exit code
/// is 0 only when nothing was lost, doubled or overtaken and no connection was dropped.
#[derive(Parser, Debug)]
#[command(name = "pipebench", version)]
struct Arguments {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand, Debug)]
enum Scenario {
    /// One pipe, many subscribers: deliveries a second, latency, CPU per delivery.
    Fanout(fanout::Options),
    /// Many backends and pipes with one reader each: publishes a second, acknowledgement latency.
    Publish(publish::Options),
    /// Many idle subscribers: memory per connection, connections a second.
    Idle(idle::Options),
    /// Rooms of members who send through their WebSockets.
    Chat(chat::Options),
    /// Yardstick: a bare loop, one send per message and socket. Needs no server.
    Limit(limit::Options),
    /// Yardstick: a bare loop, one send per socket and round of messages. Needs no server.
    LimitBatch(limit::BatchOptions),
}

fn main() -> ExitCode {
    let Arguments { target, scenario } = Arguments::parse();
    match run(&target, &scenario) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(target: &Target, scenario: &Scenario) -> Result<(), Error> {
    match scenario {
        Scenario::Fanout(options) => fanout::run(target, options),
        Scenario::Publish(options) => publish::run(target, options),
        Scenario::Idle(options) => idle::run(target, options),
        Scenario::Chat(options) => chat::run(target, options),
        Scenario::Limit(options) => limit::run(options, target.json),
        Scenario::LimitBatch(options) => limit::run_batch(options, target.json),
    }
}
