//! What must come out: each target is a figure or a ratio of one run, and a bound.

use crate::servers::Rival;
use crate::suite::contender::Contender;
use crate::suite::findings::Findings;

/// One target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) case: &'static str,
    pub(super) what: &'static str,
    measure: Measure,
    pub(super) bound: Bound,
}

/// What is held against the bound.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// A figure of CometWire, as many times as big in the target's unit.
    Figure(&'static str, f64),
    /// A figure of CometWire to the same figure of another in the same case.
    Ratio(&'static str, Contender),
    /// A figure of CometWire to the same figure of a contender in another case.
    RatioToCase(&'static str, &'static str, Contender),
}

/// Where the line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// How a target fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Judgement {
    Met(f64),
    Missed(f64),
    /// What it needs was not measured.
    Unknown,
}

impl Target {
    /// Holds what was found against the bound.
    pub(super) fn judge(&self, findings: &Findings) -> Judgement {
        let own = (self.case, Contender::Own);
        let value = match self.measure {
            Measure::Figure(key, times) => findings
                .median(self.case, Contender::Own, key)
                .map(|value| value * times),
            Measure::Ratio(key, other) => findings.ratio(own, (self.case, other), key),
            Measure::RatioToCase(key, case, other) => findings.ratio(own, (case, other), key),
        };
        match value {
            None => Judgement::Unknown,
            Some(value) if self.bound.allows(value) => Judgement::Met(value),
            Some(value) => Judgement::Missed(value),
        }
    }
}

/// Whether a target needs figures of this case.
pub(super) fn need(case: &str) -> bool {
    TARGETS.iter().any(|target| {
        let other = match target.measure {
            Measure::RatioToCase(_, other, _) => other,
            Measure::Figure(..) | Measure::Ratio(..) => target.case,
        };
        target.case == case || other == case
    })
}

impl Bound {
    fn allows(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

const fn at_least(case: &'static str, what: &'static str, measure: Measure, bound: f64) -> Target {
    Target {
        case,
        what,
        measure,
        bound: Bound::AtLeast(bound),
    }
}

const fn at_most(case: &'static str, what: &'static str, measure: Measure, bound: f64) -> Target {
    Target {
        case,
        what,
        measure,
        bound: Bound::AtMost(bound),
    }
}

const DELIVERIES: &str = "deliveries_per_second";
const MESSAGES: &str = "messages_per_second";
const CONNECTS: &str = "connects_per_second";
const CPU: &str = "cpu_seconds_per_million";
const USER_CPU: &str = "cpu_user_seconds_per_million";
const P50: &str = "latency_p50_us";
const P99: &str = "latency_p99_us";
const ACKNOWLEDGED: &str = "acknowledgement_p50_us";
const SYNCS: &str = "acknowledgement_p99_in_syncs";

const LOOP: Contender = Contender::Loop;
const BATCH: Contender = Contender::LoopBatch;
const LIMIT: Contender = Contender::LIMIT;
const NCHAN: Contender = Contender::Instead(Rival::Nchan);
const MOSQUITTO: Contender = Contender::Instead(Rival::Mosquitto);

use Measure::{Figure, Ratio, RatioToCase};

/// Every target, in the order of the cases.
pub(super) const TARGETS: &[Target] = &[
    at_least(
        "fanout-1000",
        "deliveries/s to limit-batch",
        Ratio(DELIVERIES, BATCH),
        0.85,
    ),
    at_most(
        "fanout-1000",
        "messages lost, doubled or overtaken",
        Figure("broken", 1.0),
        0.0,
    ),
    at_most("fanout-1000", "CPU s per million", Figure(CPU, 1.0), 0.25),
    at_least(
        "wss-1000",
        "deliveries/s to that without TLS",
        RatioToCase(DELIVERIES, "fanout-1000", Contender::Own),
        0.6,
    ),
    at_least(
        "fanout-10000",
        "deliveries/s to limit-batch",
        Ratio(DELIVERIES, BATCH),
        0.85,
    ),
    at_most(
        "fanout-10000",
        "messages lost, doubled or overtaken",
        Figure("broken", 1.0),
        0.0,
    ),
    at_most("fanout-10000", "CPU s per million", Figure(CPU, 1.0), 0.25),
    at_most("single-20x1000", "p50 to limit", Ratio(P50, LOOP), 1.0),
    at_most("single-20x1000", "p99 to limit", Ratio(P99, LOOP), 1.0),
    at_most("single-20x1000", "p50 to nchan", Ratio(P50, NCHAN), 1.0),
    at_most("single-20x1000", "p99 to nchan", Ratio(P99, NCHAN), 1.0),
    at_most(
        "single-20x1000",
        "user CPU s per million",
        Figure(USER_CPU, 1.0),
        0.3,
    ),
    at_most(
        "single-20x1000",
        "reads per delivery",
        Figure("reads_per_delivery", 1.0),
        1.02,
    ),
    at_most("single-200x100", "p50 to limit", Ratio(P50, LOOP), 1.0),
    at_most("single-200x100", "p99 to limit", Ratio(P99, LOOP), 1.0),
    at_most("single-200x100", "p50 to nchan", Ratio(P50, NCHAN), 1.0),
    at_most("single-200x100", "p99 to nchan", Ratio(P99, NCHAN), 1.0),
    at_most(
        "single-200x100",
        "user CPU s per million",
        Figure(USER_CPU, 1.0),
        0.3,
    ),
    at_most(
        "single-200x100",
        "reads per delivery",
        Figure("reads_per_delivery", 1.0),
        1.02,
    ),
    at_most(
        "chat-1",
        "CPU per delivery to limit",
        Ratio(CPU, LIMIT),
        1.15,
    ),
    at_most("chat-1", "p99 to limit", Ratio(P99, LIMIT), 1.3),
    at_most(
        "chat-4",
        "CPU per delivery to limit",
        Ratio(CPU, LIMIT),
        1.15,
    ),
    at_most("chat-4", "p99 to limit", Ratio(P99, LIMIT), 1.3),
    at_least(
        "publish-8",
        "messages/s to limit",
        Ratio(MESSAGES, LIMIT),
        0.85,
    ),
    at_most("publish-8", "CPU µs each", Figure(CPU, 1.0), 15.0),
    at_most(
        "publish-8",
        "acknowledgement p50 to limit",
        Ratio(ACKNOWLEDGED, LIMIT),
        1.0,
    ),
    at_least(
        "publish-8-prepared",
        "messages/s to limit",
        Ratio(MESSAGES, LIMIT),
        0.85,
    ),
    at_most("publish-8-prepared", "CPU µs each", Figure(CPU, 1.0), 15.0),
    at_most(
        "publish-8-prepared",
        "acknowledgement p50 to limit",
        Ratio(ACKNOWLEDGED, LIMIT),
        1.0,
    ),
    at_least("publish-1", "messages/s", Figure(MESSAGES, 1.0), 20_000.0),
    at_most(
        "publish-1",
        "acknowledgement p50 to mosquitto",
        Ratio(ACKNOWLEDGED, MOSQUITTO),
        1.0,
    ),
    at_least(
        "publish-pipelined",
        "messages/s to limit",
        Ratio(MESSAGES, LIMIT),
        1.0,
    ),
    at_most("publish-pipelined", "CPU µs each", Figure(CPU, 1.0), 5.0),
    at_least(
        "publish-rows",
        "messages/s to limit pipelined",
        RatioToCase(MESSAGES, "publish-pipelined", LIMIT),
        1.0,
    ),
    at_most("publish-rows", "CPU µs each", Figure(CPU, 1.0), 5.0),
    at_most(
        "durable-8",
        "acknowledgement p99 in device syncs",
        Figure(SYNCS, 1.0),
        3.0,
    ),
    at_least("durable-64", "messages/s", Figure(MESSAGES, 1.0), 20_000.0),
    at_least(
        "durable-64-paced",
        "messages/s",
        Figure(MESSAGES, 1.0),
        19_800.0,
    ),
    at_most(
        "durable-64-paced",
        "acknowledgement p99 in device syncs",
        Figure(SYNCS, 1.0),
        3.0,
    ),
    at_most(
        "idle",
        "memory of a connection, B",
        Figure("bytes_per_connection", 1.0),
        1024.0,
    ),
    at_least(
        "idle",
        "memory given back, %",
        Figure("memory_given_back", 100.0),
        90.0,
    ),
    at_most(
        "idle",
        "% of a core while idle",
        Figure("idle_cores", 100.0),
        0.5,
    ),
    at_least("connects", "connects/s", Figure(CONNECTS, 1.0), 30_000.0),
    at_most(
        "connects",
        "CPU µs each",
        Figure("cpu_us_per_connect", 1.0),
        28.0,
    ),
    at_least("churn", "connects/s to limit", Ratio(CONNECTS, LIMIT), 0.85),
    at_most(
        "storm",
        "time until all are back to limit",
        Ratio("back_seconds", LIMIT),
        2.0,
    ),
    at_most(
        "quiet-10000",
        "CPU each to that with nobody around",
        RatioToCase(CPU, "quiet-0", Contender::Own),
        1.1,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Outcome;
    use crate::report::Report;
    use crate::suite::cases::CASES;

    fn find(findings: &mut Findings, case: &str, contender: Contender, value: f64) {
        let mut report = Report::new("any");
        for key in [CPU, P99, DELIVERIES] {
            report.add(key, key, value, "");
        }
        let verdict = Ok(());
        findings.add(case, contender, Ok(Outcome { report, verdict }));
    }

    #[test]
    fn every_target_is_about_cases_and_contenders_that_are_measured() {
        for target in TARGETS {
            let case = |id| CASES.iter().find(|case| case.id == id).unwrap();
            let (case, other) = match target.measure {
                Measure::Figure(..) => continue,
                Measure::Ratio(_, other) => (case(target.case), other),
                Measure::RatioToCase(_, id, other) => (case(id), other),
            };
            let takes_part = other == Contender::Own || case.others.contains(&other);
            assert!(takes_part, "{}: {}", target.case, target.what);
        }
    }

    #[test]
    fn a_target_is_met_up_to_its_bound_missed_past_it_and_unknown_without_figures() {
        let ratio = at_least("a", "ratio", Ratio(DELIVERIES, BATCH), 0.85);
        let figure = at_most("a", "figure", Figure(CPU, 100.0), 85.0);
        let mut findings = Findings::default();
        assert_eq!(ratio.judge(&findings), Judgement::Unknown);
        find(&mut findings, "a", Contender::Own, 0.85);
        assert_eq!(ratio.judge(&findings), Judgement::Unknown);
        find(&mut findings, "a", BATCH, 1.0);
        assert_eq!(ratio.judge(&findings), Judgement::Met(0.85));
        assert_eq!(figure.judge(&findings), Judgement::Met(85.0));
        find(&mut findings, "b", Contender::Own, 3.0);
        let across = at_most("b", "across", RatioToCase(P99, "a", BATCH), 2.0);
        assert_eq!(across.judge(&findings), Judgement::Missed(3.0));
    }
}
