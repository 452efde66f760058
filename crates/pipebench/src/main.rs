//! pipebench: the load generator and benchmark of CometWire.
//!
//! It speaks raw MySQL wire and raw WebSocket to a running server, as hand-written as can be, so
//! that it costs far less than what it measures. Where to look:
//!
//! - [`scenarios`]: what is measured, one file each
//! - [`suite`]: many runs in one, the report and the comparison
//! - [`doors`]: the servers under test as clients see them; [`servers`]: starting them;
//!   [`bare`]: the bare server that stands for the limit
//! - [`measure`]: one run of a sender and a receiver, and its verdict
//! - [`publisher`]: the sending end of backends, [`schedule`]: when it sends at a rate;
//!   [`receiver`]: the receiving end
//! - [`subscriber`]: opening connections in numbers; [`link`]: one of them, perhaps under TLS
//! - [`mysql`], [`websocket`], [`mqtt`], [`payload`]: bytes; [`sequence`]: nothing lost, doubled,
//!   overtaken
//! - [`process`], [`device`], [`clock`]: what the machine says
//! - [`report`], [`options`], [`error`]

mod bare;
mod clock;
mod device;
mod doors;
mod error;
mod link;
mod measure;
mod mqtt;
mod mysql;
mod options;
mod payload;
mod process;
mod publisher;
mod receiver;
mod report;
mod scenarios;
mod schedule;
mod sequence;
mod servers;
mod subscriber;
mod suite;
mod websocket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::measure::Outcome;
use crate::options::Target;
use crate::report::note;
use crate::scenarios::Scenario;
use crate::scenarios::limit::{self, Yardstick};
use crate::servers::{Rival, Stage};

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
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Everything against everyone, turn by turn: writes a report with tables and curves.
    Report(suite::report::Options),
    /// Two server binaries in one scenario, turn by turn: prints medians and ratios.
    Compare(suite::compare::Options),
    /// The bare server that stands for the limit, on --cometql and --http.
    #[command(hide = true)]
    Bare(bare::Options),
}

fn main() -> ExitCode {
    let Arguments { target, command } = Arguments::parse();
    let result = match &command {
        Command::Scenario(scenario) => run(&target, scenario),
        Command::Report(options) => suite::report::run(&target, options),
        Command::Compare(options) => suite::compare::run(&target, options),
        Command::Bare(options) => bare::run(options, &target.cometql, &target.http),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Runs one scenario, and its yardsticks if they are asked for, and prints what they found.
fn run(target: &Target, scenario: &Scenario) -> Result<(), Error> {
    let Outcome {
        mut report,
        verdict,
    } = match scenario.yardstick() {
        Some(yardstick) => limit::run(&yardstick)?,
        None => scenario.run(&mut Stage::of(target)?)?,
    };
    if target.with_limit && scenario.yardstick().is_none() {
        for (name, limit) in limits(target, scenario)? {
            limit.report.print(target.json)?;
            limit.verdict?;
            report.add_ratios(&limit.report, name);
        }
    }
    report.print(target.json)?;
    verdict
}

/// What a scenario's yardsticks find: bare loops where there are some, else the bare server.
fn limits(target: &Target, scenario: &Scenario) -> Result<Vec<(&'static str, Outcome)>, Error> {
    let loops = scenario.loops();
    if !loops.is_empty() {
        let run = |yardstick: &Yardstick| Ok((yardstick.name(), limit::run(yardstick)?));
        return loops.iter().map(run).collect();
    }
    [("limit", Rival::Limit), ("limit-batch", Rival::LimitBatch)]
        .into_iter()
        .map(|(name, rival)| {
            let mut stage = Stage::rival(rival, &target.grounds)?;
            Ok((name, scenario.run(&mut stage)?))
        })
        .collect()
}
