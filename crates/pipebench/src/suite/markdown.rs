//! The report as Markdown: targets first, then every case, the curves, and what went wrong.

use std::fmt::Write;

use serde_json::Value;

use crate::measure::BUSY;
use crate::report::readable;
use crate::suite::cases::Case;
use crate::suite::curves::Curve;
use crate::suite::findings::{Findings, Series};
use crate::suite::targets::{Bound, Judgement, TARGETS};

/// What the page is made from.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) machine: &'a [(&'static str, String)],
    pub(super) cases: &'a [&'a Case],
    pub(super) curves: &'a [&'a Curve],
    pub(super) findings: &'a Findings,
    /// Peers that took no part, and why.
    pub(super) absent: &'a [(String, String)],
    /// What versions took part.
    pub(super) versions: &'a [(String, String)],
    pub(super) minutes: f64,
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn text(&self) -> String {
        let mut out = String::from(
            "# Benchmark report\n\n\
             Written by `pipebench report`. Server, generator and peers share the machine, so absolute rates are what\n\
             is left to the server; ratios within this run are the facts. Every figure is the median of its turns, every\n\
             ratio the median of the ratios turn by turn. What the names mean and how to run it is in\n\
             [benchmarks.md](../benchmarks.md).\n\n",
        );
        self.machine(&mut out);
        self.targets(&mut out);
        self.curves(&mut out);
        out.push_str("## Every case\n\n");
        for case in self.cases {
            self.case(case, &mut out);
        }
        self.notes(&mut out);
        out
    }

    // Writing into a String cannot fail, here and below.
    fn machine(&self, out: &mut String) {
        out.push_str("| the run | |\n| --- | --- |\n");
        for (what, value) in self.machine {
            let _ = writeln!(out, "| {what} | {value} |");
        }
        let _ = writeln!(out, "| it took | {:.1} minutes |", self.minutes);
        for (name, version) in self.versions {
            let _ = writeln!(out, "| {name} | {version} |");
        }
        out.push('\n');
    }

    fn targets(&self, out: &mut String) {
        let judged: Vec<_> = TARGETS
            .iter()
            .filter(|target| self.cases.iter().any(|case| case.id == target.case))
            .map(|target| (target, target.judge(self.findings)))
            .collect();
        let met = judged
            .iter()
            .filter(|(_, judgement)| matches!(judgement, Judgement::Met(_)))
            .count();
        let _ = writeln!(
            out,
            "## Targets\n\n{met} of {} are met.\n\n\
             | scenario | what | target | measured | |\n| --- | --- | --- | --- | --- |",
            judged.len()
        );
        let mut last = "";
        for (target, judgement) in judged {
            let title = self.cases.iter().find(|case| case.id == target.case);
            let title = title.map_or("", |case| case.title);
            let shown = if title == last { "" } else { title };
            last = title;
            let bound = match target.bound {
                Bound::AtLeast(bound) => format!("≥ {}", number(bound)),
                Bound::AtMost(bound) => format!("≤ {}", number(bound)),
            };
            let (measured, word) = match judgement {
                Judgement::Met(value) => (number(value), "met"),
                Judgement::Missed(value) => (number(value), "**missed**"),
                Judgement::Unknown => ("–".into(), "not measured"),
            };
            let _ = writeln!(
                out,
                "| {shown} | {} | {bound} | {measured} | {word} |",
                target.what
            );
        }
        out.push('\n');
    }

    fn curves(&self, out: &mut String) {
        if self.curves.is_empty() {
            return;
        }
        out.push_str("## How cost grows\n\n");
        for curve in self.curves {
            let _ = writeln!(out, "![{}]({}.svg)\n", curve.title, curve.id);
        }
    }

    fn case(&self, case: &Case, out: &mut String) {
        let _ = writeln!(out, "### {}\n\n`pipebench {}`\n", case.title, case.command);
        let mut head = String::from("| |");
        let mut rule = String::from("| --- |");
        for figure in case.figures {
            let unit = match figure.unit {
                "" => String::new(),
                unit => format!(", {unit}"),
            };
            let _ = write!(head, " {}{unit} |", figure.name);
            rule.push_str(" ---: |");
        }
        let _ = writeln!(out, "{head} turns |\n{rule} ---: |");
        for series in self.findings.of_case(case.id) {
            let _ = write!(out, "| {}", series.contender.name());
            if series.generator_was_busy() {
                out.push_str(" †");
            }
            if !series.faults.is_empty() {
                out.push_str(" ‡");
            }
            out.push_str(" |");
            for figure in case.figures {
                let value = series.median(figure.key).map_or("–".into(), number);
                let _ = write!(out, " {value} |");
            }
            let _ = writeln!(out, " {} |", series.counted());
        }
        out.push('\n');
    }

    fn notes(&self, out: &mut String) {
        out.push_str("## Notes\n\n");
        for (name, reason) in self.absent {
            let _ = writeln!(out, "- {name} took no part: {reason}.");
        }
        if self.findings.all().any(Series::generator_was_busy) {
            out.push_str(
                "- † A thread of the generator was busy all the time in at least one turn: the figures may be its limit\n  \
                 and not the server's.\n",
            );
        }
        let broken = || {
            self.findings
                .all()
                .filter(|series| !series.faults.is_empty())
        };
        if broken().next().is_none() {
            out.push_str("- Nothing was lost, doubled, overtaken or dropped, by anyone.\n");
            return;
        }
        out.push_str("- ‡ Something was wrong in at least one turn:\n");
        for series in broken() {
            let fault = series.faults.first().map_or("", String::as_str);
            let fault = fault.replace('\n', " ");
            let others = match series.faults.len() {
                0 | 1 => String::new(),
                all => format!(" (and {} more)", all - 1),
            };
            let name = series.contender.name();
            let _ = writeln!(out, "  - {name} in `{}`: {fault}{others}", series.case);
        }
    }
}

impl Series {
    /// Whether a thread of this program had no time to spare; the bare loops' sender is the loop.
    fn generator_was_busy(&self) -> bool {
        let is_loop = matches!(
            self.contender,
            super::contender::Contender::Loop | super::contender::Contender::LoopBatch
        );
        self.reached("receiver_cores", BUSY) || (!is_loop && self.reached("sender_cores", BUSY))
    }
}

/// A number for reading.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return readable(&Value::from(value as i64));
    }
    readable(&Value::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::measure::Outcome;
    use crate::report::Report;
    use crate::suite::cases::CASES;
    use crate::suite::contender::Contender;

    fn found(findings: &mut Findings, contender: Contender, rate: f64, verdict: Result<(), Error>) {
        let mut report = Report::new("fanout");
        report.add("deliveries_per_second", "deliveries", rate, "/s");
        report.add("receiver_cores", "receiver", 0.99, "");
        findings.add("fanout-1000", contender, Ok(Outcome { report, verdict }));
    }

    #[test]
    fn a_page_shows_targets_beside_figures_and_hides_no_fault() {
        let mut findings = Findings::default();
        found(&mut findings, Contender::Own, 900_000.0, Ok(()));
        found(&mut findings, Contender::LoopBatch, 1_000_000.0, Ok(()));
        let broken = Error::Broken("the run shows 3 lost messages".into());
        found(&mut findings, Contender::Loop, 5.5, Err(broken));
        let cases: Vec<&Case> = CASES.iter().take(1).collect();
        let page = Page {
            machine: &[("cores", "2".into())],
            cases: &cases,
            curves: &[],
            findings: &findings,
            absent: &[("nchan".into(), "nginx is not installed".into())],
            versions: &[],
            minutes: 1.0,
        };
        let text = page.text();
        let expected = [
            "1 of 3 are met",
            "| deliveries/s to limit-batch | ≥ 0.850 | 0.900 | met |",
            "| CPU s per million | ≤ 0.250 | – | not measured |",
            "| CometWire † | 900 000 | – | – | – | – | 1 |",
            "| limit † ‡ | 5.50 |",
            "limit in `fanout-1000`: the run shows 3 lost messages",
            "nchan took no part: nginx is not installed.",
        ];
        for expected in expected {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
