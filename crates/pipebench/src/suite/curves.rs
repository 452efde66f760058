//! How cost grows: pictures whose points are cases of their own.

use crate::suite::contender::Contender;

/// A picture of how one figure grows: a point for each case.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// The file's name.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What grows, and the figure's axis.
    pub(super) axes: [&'static str; 2],
    pub(super) key: &'static str,
    /// The value of what grows, and the case.
    pub(super) points: &'static [(f64, &'static str)],
    pub(super) contenders: &'static [Contender],
}

const SUBSCRIBERS: &[(f64, &str)] = &[
    (100.0, "subscribers-100"),
    (1_000.0, "fanout-1000"),
    (10_000.0, "fanout-10000"),
];
const PIPES: &[(f64, &str)] = &[
    (1.0, "pipes-1"),
    (100.0, "pipes-100"),
    (10_000.0, "pipes-10000"),
];
const SIZES: &[(f64, &str)] = &[
    (64.0, "size-64"),
    (1_024.0, "size-1024"),
    (65_536.0, "size-65536"),
];
const HISTORIES: &[(f64, &str)] = &[
    (0.0, "history-0"),
    (50.0, "history-50"),
    (99.0, "history-99"),
];
const ASKED: &[(f64, &str)] = &[(0.0, "asking-0"), (50.0, "asking-50"), (99.0, "asking-99")];
const AROUND: &[(f64, &str)] = &[
    (0.0, "quiet-0"),
    (100.0, "quiet-100"),
    (1_000.0, "quiet-1000"),
    (10_000.0, "quiet-10000"),
];

const OWN_AND_LOOPS: &[Contender] = &[Contender::Own, Contender::Loop, Contender::LoopBatch];
const OWN_AND_LIMIT: &[Contender] = &[Contender::Own, Contender::LIMIT];
const OWN: &[Contender] = &[Contender::Own];

/// Every curve.
pub(super) const CURVES: &[Curve] = &[
    Curve {
        id: "subscribers-rate",
        title: "Deliveries a second, by subscribers",
        axes: ["subscribers", "deliveries/s"],
        key: "deliveries_per_second",
        points: SUBSCRIBERS,
        contenders: OWN_AND_LOOPS,
    },
    Curve {
        id: "subscribers-cpu",
        title: "CPU of a million deliveries, by subscribers",
        axes: ["subscribers", "seconds"],
        key: "cpu_seconds_per_million",
        points: SUBSCRIBERS,
        contenders: OWN_AND_LOOPS,
    },
    Curve {
        id: "pipes-rate",
        title: "Messages published a second, by pipes with one reader each",
        axes: ["pipes", "messages/s"],
        key: "messages_per_second",
        points: PIPES,
        contenders: OWN_AND_LIMIT,
    },
    Curve {
        id: "size-rate",
        title: "Deliveries a second to 100 subscribers, by size of the message",
        axes: ["bytes", "deliveries/s"],
        key: "deliveries_per_second",
        points: SIZES,
        contenders: OWN_AND_LOOPS,
    },
    Curve {
        id: "history-rate",
        title: "Messages acknowledged a second, by length of the history",
        axes: ["messages kept", "messages/s"],
        key: "messages_per_second",
        points: HISTORIES,
        contenders: OWN,
    },
    Curve {
        id: "history-p99",
        title: "Time until a message is durable, p99, by length of the history",
        axes: ["messages kept", "µs"],
        key: "acknowledgement_p99_us",
        points: HISTORIES,
        contenders: OWN,
    },
    Curve {
        id: "asking-rate",
        title: "Histories sent to subscribers a second, by their length",
        axes: ["messages kept", "histories/s"],
        key: "asked_per_second",
        points: ASKED,
        contenders: OWN,
    },
    Curve {
        id: "asking-cpu",
        title: "CPU of a history sent to a subscriber, by its length",
        axes: ["messages kept", "µs"],
        key: "cpu_us_per_history",
        points: ASKED,
        contenders: OWN,
    },
    Curve {
        id: "around-cpu",
        title: "CPU of a publish nobody reads, by connections around",
        axes: ["connections around", "µs"],
        key: "cpu_seconds_per_million",
        points: AROUND,
        contenders: OWN,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::cases::CASES;

    #[test]
    fn every_point_of_a_curve_is_a_case_in_which_its_contenders_take_part() {
        for curve in CURVES {
            for (_, id) in curve.points {
                let case = CASES.iter().find(|case| case.id == *id).unwrap();
                for contender in curve.contenders {
                    let takes_part =
                        *contender == Contender::Own || case.others.contains(contender);
                    assert!(takes_part, "{contender:?} in {id}");
                }
            }
        }
    }
}
