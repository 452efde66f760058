//! What came out: the figures of every turn, their medians, and ratios taken turn by turn.

use std::collections::{BTreeMap, BTreeSet};

use crate::measure::Outcome;
use crate::suite::contender::Contender;

/// Figures of a turn, by key.
pub(super) type Figures = BTreeMap<String, f64>;

/// One contender's turns in one case.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) case: String,
    pub(super) contender: Contender,
    /// `None` for a turn that failed, so that turns of the same number stand beside each other.
    turns: Vec<Option<Figures>>,
    /// What went wrong, turn by turn, as sentences; the same one is kept once.
    pub(super) faults: Vec<String>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    series: Vec<Series>,
}

impl Findings {
    /// Adds a turn; a broken promise is a fault, but its figures are kept.
    pub(super) fn add(
        &mut self,
        case: &str,
        contender: Contender,
        turn: Result<Outcome, crate::error::Error>,
    ) {
        let (figures, fault) = match turn {
            Ok(Outcome { report, verdict }) => {
                let figures = report
                    .figures()
                    .map(|(key, _, _, value)| (key.into(), value));
                (Some(figures.collect()), verdict.err())
            }
            Err(error) => (None, Some(error)),
        };
        let fault = fault.map(|fault| fault.to_string());
        let is_wanted = |series: &&mut Series| series.case == case && series.contender == contender;
        if let Some(series) = self.series.iter_mut().find(is_wanted) {
            series.turns.push(figures);
            series.faults.extend(fault);
            series.faults.dedup();
            return;
        }
        self.series.push(Series {
            case: case.to_owned(),
            contender,
            turns: vec![figures],
            faults: fault.into_iter().collect(),
        });
    }

    /// All turns of a contender in a case.
    pub(super) fn series(&self, case: &str, contender: Contender) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.case == case && series.contender == contender)
    }

    /// Everyone who took part in a case, in the order of their first turn.
    pub(super) fn of_case(&self, case: &str) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |series| series.case == case)
    }

    /// Everything, in the order of first turns.
    pub(super) fn all(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }

    /// The median of a figure.
    pub(super) fn median(&self, case: &str, contender: Contender, key: &str) -> Option<f64> {
        self.series(case, contender)?.median(key)
    }

    /// The median of the quotients of two figures, turn by turn.
    pub(super) fn ratio(
        &self,
        (case, contender): (&str, Contender),
        (other_case, other): (&str, Contender),
        key: &str,
    ) -> Option<f64> {
        let own = self.series(case, contender)?;
        let other = self.series(other_case, other)?;
        let ratios = own.turns.iter().zip(&other.turns);
        median(ratios.filter_map(|(own, other)| {
            let own = own.as_ref()?.get(key)?;
            let other = other.as_ref()?.get(key).filter(|other| **other > 0.0)?;
            Some(own / other)
        }))
    }
}

impl Series {
    /// The median of a figure over the turns that have it.
    pub(super) fn median(&self, key: &str) -> Option<f64> {
        median(self.values(key))
    }

    /// The smallest and the largest of a figure.
    pub(super) fn range(&self, key: &str) -> Option<(f64, f64)> {
        let least = self.values(key).reduce(f64::min)?;
        Some((least, self.values(key).reduce(f64::max)?))
    }

    /// How many turns gave figures.
    pub(super) fn counted(&self) -> usize {
        self.turns.iter().flatten().count()
    }

    /// The keys of every figure there is.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        let turns = self.turns.iter().flatten();
        turns
            .flat_map(|turn| turn.keys().map(String::as_str))
            .collect()
    }

    /// Whether a figure reached `bound` in any turn.
    pub(super) fn reached(&self, key: &str, bound: f64) -> bool {
        self.values(key).any(|value| value >= bound)
    }

    fn values(&self, key: &str) -> impl Iterator<Item = f64> {
        self.turns
            .iter()
            .flatten()
            .filter_map(move |figures| figures.get(key).copied())
    }
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::report::Report;

    fn turn(value: f64) -> Result<Outcome, Error> {
        let mut report = Report::new("fanout");
        report.add("speed", "speed", value, "/s");
        Ok(Outcome {
            report,
            verdict: Ok(()),
        })
    }

    fn findings(own: &[f64], limit: &[f64]) -> Findings {
        let mut findings = Findings::default();
        for &value in own {
            findings.add("a", Contender::Own, turn(value));
        }
        for &value in limit {
            findings.add("a", Contender::Loop, turn(value));
        }
        findings
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let median_of = |values: &[f64]| median(values.iter().copied());
        assert_eq!(median_of(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median_of(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median_of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_turn_by_turn_and_not_of_medians() {
        // The machine slows down by half from turn to turn; the ratio stays.
        let findings = findings(&[100.0, 50.0, 25.0], &[200.0, 100.0, 50.0]);
        let ratio = findings.ratio(("a", Contender::Own), ("a", Contender::Loop), "speed");
        assert_eq!(ratio, Some(0.5));
        assert_eq!(findings.median("a", Contender::Own, "speed"), Some(50.0));
    }

    #[test]
    fn a_turn_that_failed_leaves_its_neighbours_beside_their_own() {
        let mut findings = findings(&[10.0], &[20.0, 999.0, 40.0]);
        let failure = || Err(Error::Usage("no luck".into()));
        findings.add("a", Contender::Own, failure());
        findings.add("a", Contender::Own, turn(20.0));
        let ratio = findings.ratio(("a", Contender::Own), ("a", Contender::Loop), "speed");
        assert_eq!(ratio, Some(0.5));
        let series = findings.series("a", Contender::Own).unwrap();
        assert_eq!((series.counted(), series.faults.len()), (2, 1));
        assert_eq!(series.range("speed"), Some((10.0, 20.0)));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let findings = findings(&[10.0], &[0.0]);
        let ratio = findings.ratio(("a", Contender::Own), ("a", Contender::Loop), "speed");
        assert_eq!(ratio, None);
    }
}
