//! Who takes part in a case, and the servers they keep running from turn to turn.

use std::path::Path;

use clap::Parser;

use crate::error::Error;
use crate::measure::Outcome;
use crate::scenarios::{Scenario, limit};
use crate::servers::{Grounds, Rival, Stage};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// The server binary under test.
    Own,
    /// The bare loop inside this program, one send for each message and socket.
    Loop,
    /// The bare loop inside this program, one send for each socket and round.
    LoopBatch,
    /// Something started in the server's place.
    Instead(Rival),
}

impl Contender {
    /// The bare server, one send for each message and socket.
    pub(super) const LIMIT: Self = Self::Instead(Rival::Limit);
    /// The bare server, one send for each socket and round.
    pub(super) const LIMIT_BATCH: Self = Self::Instead(Rival::LimitBatch);

    /// The name in tables and pictures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Own => "CometWire",
            Self::Loop => "limit",
            Self::LoopBatch => "limit-batch",
            Self::Instead(rival) => rival.name(),
        }
    }

    /// Whether it is a program of somebody else.
    pub(super) fn is_peer(self) -> bool {
        matches!(self, Self::Instead(rival) if rival.is_peer())
    }
}

/// A contender in one case.
#[derive(Debug)]
pub(super) struct Participant<'a> {
    pub(super) contender: Contender,
    binary: &'a Path,
    grounds: &'a Grounds,
    wss: bool,
    stage: Option<Stage>,
}

impl<'a> Participant<'a> {
    /// Nothing is started yet.
    pub(super) fn new(
        contender: Contender,
        binary: &'a Path,
        grounds: &'a Grounds,
        wss: bool,
    ) -> Self {
        Self {
            contender,
            binary,
            grounds,
            wss,
            stage: None,
        }
    }

    /// One turn. After an error the server is started afresh for the next.
    pub(super) fn take_turn(&mut self, scenario: &Scenario) -> Result<Outcome, Error> {
        let yardstick = match self.contender {
            Contender::Loop => scenario.loops().first().copied(),
            Contender::LoopBatch => scenario.loops().last().copied(),
            Contender::Own | Contender::Instead(_) => None,
        };
        if let Some(yardstick) = yardstick {
            return limit::run(&yardstick);
        }
        let mut stage = match self.stage.take() {
            Some(stage) => stage,
            None => match self.contender {
                Contender::Instead(rival) => Stage::rival(rival, self.grounds)?,
                _ => Stage::cometwire(self.binary, self.grounds, self.wss)?,
            },
        };
        let outcome = scenario.run(&mut stage)?;
        self.stage = Some(stage);
        Ok(outcome)
    }
}

/// A scenario as it is written on the command line, and whether its subscribers use TLS.
pub(super) fn parse(command: &str) -> Result<(Scenario, bool), Error> {
    #[derive(Parser)]
    struct Line {
        #[arg(long, global = true)]
        wss: bool,
        #[command(subcommand)]
        scenario: Scenario,
    }
    let words = std::iter::once("pipebench").chain(command.split_ascii_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| Error::Usage(error.to_string()))?;
    Ok((line.scenario, line.wss))
}
