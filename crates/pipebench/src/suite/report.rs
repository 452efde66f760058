//! `pipebench report`: every case against everyone, turn by turn, within a given time, and a page of
//! it all. Whoever fails or is not installed is said and left out; the rest goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::clock::{self, SECOND, nanoseconds};
use crate::error::Error;
use crate::options::Target;
use crate::process::raise_file_limit;
use crate::report::{be_quiet, note, print};
use crate::servers::{Grounds, Rival, server_binary};
use crate::suite::cases::{CASES, Case};
use crate::suite::chart::{Chart, Line};
use crate::suite::contender::{Contender, Participant, parse};
use crate::suite::curves::{CURVES, Curve};
use crate::suite::findings::Findings;
use crate::suite::machine;
use crate::suite::markdown::Page;

/// Options of `pipebench report`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Directory for report.md, report.json and the curves.
    #[arg(long, value_name = "DIR", default_value = "docs/benchmarks")]
    out: PathBuf,
    /// About how long it may take: with less time there are fewer turns, but always one.
    #[arg(long, value_name = "MINUTES", default_value = "12", value_parser = minutes)]
    minutes: Duration,
    /// Only cases whose name begins so; repeatable. See --list.
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Leave the peers out.
    #[arg(long)]
    without_peers: bool,
    /// Turns of peers; their figures are context and not what is tuned.
    #[arg(long, value_name = "N", default_value = "1", value_parser = turns)]
    peer_turns: usize,
    /// Print the names of the cases, and do nothing.
    #[arg(long)]
    list: bool,
}

/// Runs everything and writes the page.
pub(crate) fn run(target: &Target, options: &Options) -> Result<(), Error> {
    if options.list {
        let lines = CASES
            .iter()
            .map(|case| format!("{:20} {}\n", case.id, case.title));
        return print(&lines.collect::<String>());
    }
    let binary = target.server_binary.as_deref().ok_or_else(|| {
        Error::Usage(
            "give the server with --server-binary, for example target/release/cometwire".into(),
        )
    })?;
    let binary = &server_binary(binary)?;
    // The servers inherit it.
    raise_file_limit();
    be_quiet();
    let machine = machine::describe();
    let start = clock::now();
    let mut suite = Suite {
        binary,
        grounds: &target.grounds,
        options,
        findings: Findings::default(),
        absent: Vec::new(),
    };
    let cases: Vec<&Case> = CASES.iter().filter(|case| options.wants(case)).collect();
    let mut left = nanoseconds(options.minutes);
    for (at, case) in cases.iter().enumerate() {
        let rest = cases.get(at..).unwrap_or_default();
        suite.measure(case, share(rest, left))?;
        left = (start + nanoseconds(options.minutes)).saturating_sub(clock::now());
    }
    let minutes = (clock::now() - start) as f64 / SECOND as f64 / 60.0;
    let curves: Vec<&Curve> = CURVES
        .iter()
        .filter(|curve| {
            let is_measured = |id| cases.iter().any(|case| case.id == id);
            curve.points.iter().all(|(_, id)| is_measured(*id))
        })
        .collect();
    let versions = versions(&suite, binary);
    let page = Page {
        machine: &machine,
        cases: &cases,
        curves: &curves,
        findings: &suite.findings,
        absent: &suite.absent,
        versions: &versions,
        minutes,
    };
    write(&options.out, "report.md", &page.text())?;
    write(&options.out, "report.json", &raw(&suite.findings))?;
    for curve in &curves {
        let name = format!("{}.svg", curve.id);
        write(&options.out, &name, &chart(curve, &suite.findings).svg())?;
    }
    note(&format!(
        "written to {}",
        options.out.join("report.md").display()
    ));
    Ok(())
}

impl Options {
    fn wants(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| case.id.starts_with(prefix))
    }
}

/// A report in the making.
#[derive(Debug)]
struct Suite<'a> {
    binary: &'a Path,
    grounds: &'a Grounds,
    options: &'a Options,
    findings: Findings,
    absent: Vec<(String, String)>,
}

impl Suite<'_> {
    /// Everyone's turns in one case, as many as fit into its share, but at least one.
    fn measure(&mut self, case: &Case, share: Share) -> Result<(), Error> {
        let (scenario, wss) = parse(case.command)?;
        let (scenario_of_peers, _) = parse(&case.command_of_peers())?;
        let deadline = clock::now() + share.nanoseconds;
        let others = case.others.iter().copied();
        let mut participants: Vec<Participant<'_>> = std::iter::once(Contender::Own)
            .chain(others.filter(|other| !(other.is_peer() && self.options.without_peers)))
            .map(|contender| Participant::new(contender, self.binary, self.grounds, wss))
            .collect();
        for turn in 0..case.turns {
            let start = clock::now();
            if turn == self.options.peer_turns {
                participants.retain(|participant| !participant.contender.is_peer());
            }
            for participant in &mut participants {
                let name = participant.contender.name();
                if self.absent.iter().any(|(absent, _)| absent == name) {
                    continue;
                }
                note(&format!("{}, turn {}: {name}", case.title, turn + 1));
                let scenario = match participant.contender.is_peer() {
                    true => &scenario_of_peers,
                    false => &scenario,
                };
                match participant.take_turn(scenario) {
                    Err(Error::Absent(what)) => {
                        let reason = format!("{what} is not installed");
                        note(&format!("{name} takes no part: {reason}"));
                        self.absent.push((name.into(), reason));
                    }
                    outcome => {
                        if let Err(error) = &outcome {
                            note(&format!("{name} failed: {error}"));
                        }
                        self.findings.add(case.id, participant.contender, outcome);
                    }
                }
            }
            // Nobody is always the first.
            participants.rotate_left(1);
            let now = clock::now();
            if turn + 1 >= share.turns && now + (now - start) / 2 > deadline {
                break;
            }
        }
        Ok(())
    }
}

/// What a case gets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Share {
    nanoseconds: u64,
    /// Turns it has even if they take longer than was thought.
    turns: usize,
}

/// The share of the first of `cases` in what is `left`: first turns get what they need, then the
/// further ones of cases with a target, then the others.
fn share(cases: &[&Case], left: u64) -> Share {
    let sum = |need: fn(&Case) -> f64| cases.iter().map(|case| need(case)).sum::<f64>();
    let further = |rest: f64, need: f64| match need > 0.0 {
        true => (rest / need).clamp(0.0, 1.0),
        false => 1.0,
    };
    let rest = left as f64 / SECOND as f64 - sum(|case| case.seconds);
    let for_targets = sum(Case::seconds_for_targets);
    let part_for_targets = further(rest, for_targets);
    let part_for_others = further(rest - for_targets, sum(Case::seconds_for_others));
    let Some(case) = cases.first() else {
        return Share {
            nanoseconds: 0,
            turns: 1,
        };
    };
    let seconds = case.seconds
        + case.seconds_for_targets() * part_for_targets
        + case.seconds_for_others() * part_for_others;
    Share {
        nanoseconds: (seconds * SECOND as f64) as u64,
        turns: match part_for_targets < 1.0 {
            true => 1,
            false => case.turns_first(),
        },
    }
}

fn chart(curve: &Curve, findings: &Findings) -> Chart {
    let lines = curve.contenders.iter().map(|&contender| {
        let points = curve.points.iter();
        let points = points.filter_map(|&(value, case)| {
            Some((value, findings.median(case, contender, curve.key)?))
        });
        Line {
            name: contender.name().into(),
            points: points.collect(),
        }
    });
    Chart {
        title: curve.title.into(),
        axes: curve.axes.map(String::from),
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
    }
}

fn versions(suite: &Suite<'_>, binary: &Path) -> Vec<(String, String)> {
    let mut versions = vec![("CometWire".into(), machine::version(binary, "--version"))];
    let is_there = |name: &str| !suite.absent.iter().any(|(absent, _)| absent == name);
    for rival in Rival::PEERS {
        if !suite.options.without_peers && is_there(rival.name()) {
            versions.push((rival.name().into(), machine::version_of(rival)));
        }
    }
    versions
}

/// Every median, for programs.
fn raw(findings: &Findings) -> String {
    let all: Vec<Value> = findings
        .all()
        .map(|series| {
            let keys = series.keys();
            let medians: Map<String, Value> = keys
                .into_iter()
                .map(|key| (key.to_owned(), json!(series.median(key))))
                .collect();
            json!({
                "case": series.case,
                "contender": series.contender.name(),
                "turns": series.counted(),
                "faults": series.faults,
                "medians": medians,
            })
        })
        .collect();
    format!("{:#}\n", Value::from(all))
}

fn write(directory: &Path, name: &str, text: &str) -> Result<(), Error> {
    let written =
        fs::create_dir_all(directory).and_then(|()| fs::write(directory.join(name), text));
    written.map_err(|source| Error::Io {
        what: "writing the report",
        source,
    })
}

fn minutes(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|minutes| (0.0..=600.0).contains(minutes))
        .map(|minutes| Duration::from_secs_f64(minutes * 60.0))
        .ok_or_else(|| "expected minutes from 0 to 600".into())
}

fn turns(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|turns| (1..=100).contains(turns))
        .ok_or_else(|| "expected a number from 1 to 100".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(turns: impl Fn(&Case) -> usize) -> u64 {
        let seconds =
            |case: &Case| case.seconds + case.seconds_without_peers() * (turns(case) - 1) as f64;
        (CASES.iter().map(seconds).sum::<f64>() * SECOND as f64) as u64
    }

    #[test]
    fn first_turns_come_before_those_of_targets_and_those_before_all_others() {
        let cases: Vec<&Case> = CASES.iter().collect();
        let first = cases[0];
        let least = (first.seconds * SECOND as f64) as u64;
        let short = share(&cases, total(|_| 1) + SECOND);
        assert!((least..least + SECOND).contains(&short.nanoseconds) && short.turns == 1);
        let enough = share(&cases, total(Case::turns_first) + SECOND);
        assert_eq!(enough.turns, 3);
        let plenty = share(&cases, total(|case| case.turns) * 2);
        assert_eq!(plenty, enough);
    }

    #[test]
    fn the_default_time_is_enough_for_three_turns_of_every_target() {
        let minutes = total(Case::turns_first) as f64 / SECOND as f64 / 60.0;
        assert!(minutes < 12.0, "{minutes}");
    }

    #[test]
    fn a_curve_without_figures_has_no_lines() {
        for curve in CURVES {
            assert!(chart(curve, &Findings::default()).lines.is_empty());
        }
    }
}
