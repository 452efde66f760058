//! `pipebench compare`: two server binaries in one scenario, turn by turn.

use std::path::PathBuf;

use clap::Args;

use crate::error::Error;
use crate::options::Target;
use crate::process::raise_file_limit;
use crate::report::{Report, be_quiet, note};
use crate::scenarios::Scenario;
use crate::suite::contender::{Contender, Participant};
use crate::suite::findings::Findings;

/// Options of `pipebench compare`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The server binary to compare with.
    #[arg(long, value_name = "FILE")]
    a: PathBuf,
    /// The server binary that is compared.
    #[arg(long, value_name = "FILE")]
    b: PathBuf,
    /// Turns of each.
    #[arg(long, value_name = "N", default_value = "5", value_parser = crate::options::depth)]
    turns: usize,
    /// What is measured.
    #[command(subcommand)]
    scenario: Scenario,
}

/// Runs the turns and prints medians and ratios.
pub(crate) fn run(target: &Target, options: &Options) -> Result<(), Error> {
    if options.scenario.yardstick().is_some() {
        return Err(Error::Usage("a yardstick has no server to compare".into()));
    }
    raise_file_limit();
    be_quiet();
    let mut sides: Vec<(&str, Participant<'_>)> = [("a", &options.a), ("b", &options.b)]
        .into_iter()
        .map(|(name, binary)| {
            let side = Participant::new(Contender::Own, binary, &target.grounds, target.wss);
            (name, side)
        })
        .collect();
    let mut findings = Findings::default();
    let mut labels: Vec<(String, String, &'static str)> = Vec::new();
    for turn in 0..options.turns {
        for (name, side) in &mut sides {
            note(&format!("turn {}: {name}", turn + 1));
            let outcome = side.take_turn(&options.scenario)?;
            labels = outcome
                .report
                .figures()
                .map(|(key, label, unit, _)| (key.into(), label.into(), unit))
                .collect();
            findings.add(name, Contender::Own, Ok(outcome));
        }
        // Whoever was second is first in the next turn.
        sides.reverse();
    }
    let mut report = Report::new("compare");
    report.add("turns", "turns of each", options.turns, "");
    for (key, label, unit) in &labels {
        add_figure(&mut report, &findings, key, label, unit);
    }
    report.print(target.json)?;
    let faults: Vec<&str> = findings
        .all()
        .flat_map(|series| series.faults.iter().map(String::as_str))
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Broken(faults.join("; ")))
}

/// Adds what both sides have of a figure, if it differs at all.
fn add_figure(
    report: &mut Report,
    findings: &Findings,
    key: &str,
    label: &str,
    unit: &'static str,
) {
    let side = |name: &str| {
        let series = findings.series(name, Contender::Own)?;
        Some((series.median(key)?, series.range(key)?))
    };
    let (Some((a, range_a)), Some((b, range_b))) = (side("a"), side("b")) else {
        return;
    };
    if range_a == range_b && range_a.0 == range_a.1 {
        return;
    }
    report.add(&format!("{key}_a"), &format!("{label}, A"), a, unit);
    report.add(&format!("{key}_b"), &format!("{label}, B"), b, unit);
    let own = ("b", Contender::Own);
    if let Some(ratio) = findings.ratio(own, ("a", Contender::Own), key) {
        report.add(&format!("{key}_b_to_a"), "  B : A", ratio, "×");
    }
    report.add(
        &format!("{key}_apart"),
        "  turns of A and B do not overlap",
        if range_a.1 < range_b.0 || range_b.1 < range_a.0 {
            "yes"
        } else {
            "no"
        },
        "",
    );
}
