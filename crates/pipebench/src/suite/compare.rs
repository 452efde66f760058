//! `pipebench compare`: two server binaries in one scenario, turn by turn.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::options::Target;
use crate::process::raise_file_limit;
use crate::report::{be_quiet, note, print, readable};
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
    let rows: Vec<Row> = labels
        .iter()
        .filter_map(|(key, label, unit)| row(&findings, key, &format!("{label}, {unit}")))
        .collect();
    let text = if target.json {
        json(&rows)
    } else {
        table(&rows)
    };
    print(&text)?;
    let faults: Vec<&str> = findings
        .all()
        .flat_map(|series| series.faults.iter().map(String::as_str))
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Broken(faults.join("; ")))
}

/// One figure of both sides.
#[derive(Debug)]
struct Row {
    key: String,
    label: String,
    medians: [f64; 2],
    /// B to A, turn by turn.
    ratio: Option<f64>,
    /// Whether all turns of one side are above all turns of the other.
    apart: bool,
}

/// What both sides have of a figure, unless it is a parameter, the same in all turns.
fn row(findings: &Findings, key: &str, label: &str) -> Option<Row> {
    let side = |name: &str| {
        let series = findings.series(name, Contender::Own)?;
        Some((series.median(key)?, series.range(key)?))
    };
    let ((a, range_a), (b, range_b)) = (side("a")?, side("b")?);
    if range_a == range_b && range_a.0 == range_a.1 {
        return None;
    }
    Some(Row {
        key: key.into(),
        label: label.trim_end_matches(", ").into(),
        medians: [a, b],
        ratio: findings.ratio(("b", Contender::Own), ("a", Contender::Own), key),
        apart: range_a.1 < range_b.0 || range_b.1 < range_a.0,
    })
}

fn table(rows: &[Row]) -> String {
    let mut lines = vec![["", "A", "B", "B : A"].map(String::from)];
    for row in rows {
        let [a, b] = row.medians.map(|median| readable(&median.into()));
        let ratio = row.ratio.map_or("–".into(), |ratio| {
            let mark = if row.apart { " *" } else { "  " };
            format!("{ratio:.3}{mark}")
        });
        lines.push([row.label.clone(), a, b, ratio]);
    }
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::from("\n");
    for [label, a, b, ratio] in &lines {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "  {label:0$}  {a:>1$}  {b:>2$}  {ratio:<3$}",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    text.push_str(
        "\n  medians, and the ratio turn by turn; * all turns of one are above all of the other\n",
    );
    text
}

fn json(rows: &[Row]) -> String {
    let figures: Map<String, Value> = rows
        .iter()
        .map(|row| {
            let [a, b] = row.medians;
            let value = json!({ "a": a, "b": b, "b_to_a": row.ratio, "apart": row.apart });
            (row.key.clone(), value)
        })
        .collect();
    format!("{}\n", json!({ "scenario": "compare", "figures": figures }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Outcome;
    use crate::report::Report;

    fn findings(a: &[f64], b: &[f64]) -> Findings {
        let mut findings = Findings::default();
        for (name, values) in [("a", a), ("b", b)] {
            for &value in values {
                let mut report = Report::new("publish");
                report.add("rate", "messages", value, "/s");
                report.add("pipes", "pipes", 200, "");
                let verdict = Ok(());
                findings.add(name, Contender::Own, Ok(Outcome { report, verdict }));
            }
        }
        findings
    }

    #[test]
    fn two_sides_are_apart_only_when_no_turn_of_one_reaches_the_other() {
        let apart = row(&findings(&[1.0, 2.0], &[3.0, 4.0]), "rate", "messages, /s").unwrap();
        assert!(apart.apart && apart.ratio == Some(2.5));
        let near = row(&findings(&[1.0, 3.0], &[3.0, 4.0]), "rate", "messages, /s").unwrap();
        assert!(!near.apart);
    }

    #[test]
    fn what_is_the_same_in_all_turns_is_a_parameter_and_not_shown() {
        assert!(row(&findings(&[1.0], &[2.0]), "pipes", "pipes").is_none());
    }

    #[test]
    fn the_table_and_the_line_of_json_tell_the_same() {
        let rows = [row(&findings(&[1.0], &[3.0]), "rate", "messages, /s").unwrap()];
        let text = table(&rows);
        assert!(text.contains("messages, /s  1.00  3.00  3.000 *"), "{text}");
        let value: Value = serde_json::from_str(&json(&rows)).unwrap();
        assert_eq!(value["figures"]["rate"]["b_to_a"], 3.0);
    }
}
