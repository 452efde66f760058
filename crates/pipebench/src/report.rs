//! What a scenario found, as a table for people or one line of JSON for machines.
//!
//! Tables and JSON go to standard output, one report each; notes on progress go to standard error.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use hdrhistogram::Histogram;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::measure::Measured;
use crate::process::CpuTime;

/// The quantiles of every latency: JSON suffix, label, quantile.
const QUANTILES: [(&str, &str, f64); 3] = [
    ("p50", "p50", 0.5),
    ("p99", "p99", 0.99),
    ("p999", "p99.9", 0.999),
];

/// The figures that are set against a yardstick's.
const COMPARED: [(&str, &str); 8] = [
    ("deliveries_per_second", "deliveries/s"),
    ("messages_per_second", "messages/s"),
    ("connects_per_second", "connects/s"),
    ("cpu_seconds_per_million", "CPU"),
    ("cpu_us_per_connect", "CPU per connect"),
    ("latency_p50_us", "latency p50"),
    ("latency_p99_us", "latency p99"),
    ("acknowledgement_p50_us", "acknowledgement p50"),
];

/// One scenario's result, in the order in which it is to be read.
#[derive(Debug)]
pub(crate) struct Report {
    scenario: &'static str,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    label: String,
    value: Value,
    unit: &'static str,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(scenario: &'static str) -> Self {
        Self {
            scenario,
            entries: Vec::new(),
        }
    }

    /// Adds one figure or parameter. `key` is its name in JSON.
    pub(crate) fn add(
        &mut self,
        key: &str,
        label: &str,
        value: impl Into<Value>,
        unit: &'static str,
    ) {
        let entry = Entry {
            key: key.to_owned(),
            label: label.to_owned(),
            value: value.into(),
            unit,
        };
        self.entries.push(entry);
    }

    /// Adds the quantiles of a histogram of nanoseconds, in microseconds.
    pub(crate) fn add_latency(&mut self, key: &str, label: &str, histogram: &Histogram<u64>) {
        if histogram.is_empty() {
            return;
        }
        for (suffix, name, quantile) in QUANTILES {
            let value = microseconds(histogram.value_at_quantile(quantile));
            self.add(
                &format!("{key}_{suffix}_us"),
                &format!("{label}, {name}"),
                value,
                "µs",
            );
        }
        self.add(
            &format!("{key}_max_us"),
            &format!("{label}, max"),
            microseconds(histogram.max()),
            "µs",
        );
    }

    /// Adds what every run through a receiver has: deliveries, their latency, faults.
    pub(crate) fn add_deliveries(&mut self, run: &Measured) {
        let received = &run.received;
        self.add(
            "deliveries_per_second",
            "deliveries",
            received.deliveries as f64 / run.seconds,
            "/s",
        );
        self.add_latency("latency", "delivery latency", &received.latency);
        let broken = run.faults.lost
            + run.faults.duplicated
            + run.faults.out_of_order
            + received.stray
            + received.dropped;
        self.add("broken", "promises broken", broken, "");
        self.add("lost", "  lost", run.faults.lost, "");
        self.add("duplicated", "  duplicated", run.faults.duplicated, "");
        self.add(
            "out_of_order",
            "  out of order",
            run.faults.out_of_order,
            "",
        );
        self.add("stray", "  to the wrong connection", received.stray, "");
        self.add(
            "dropped_connections",
            "  dropped connections",
            received.dropped,
            "",
        );
        self.add(
            "bytes_per_delivery",
            "bytes per delivery",
            ratio(received.bytes as f64, received.deliveries),
            "B",
        );
        self.add(
            "reads_per_delivery",
            "reads per delivery",
            ratio(received.reads as f64, received.deliveries),
            "",
        );
        self.add(
            "sender_cores",
            "sending thread, cores used",
            run.sent.cpu.total() / run.seconds,
            "",
        );
        self.add(
            "receiver_pause_us",
            "receiver pause",
            run.pause.as_micros() as u64,
            "µs",
        );
        self.add(
            "receiver_cores",
            "receiving thread, cores used",
            received.cpu.total() / run.seconds,
            "",
        );
    }

    /// Adds processor time per delivery, `cpu` being of whoever sent them.
    pub(crate) fn add_cpu(&mut self, who: &str, cpu: CpuTime, deliveries: u64, seconds: f64) {
        let millions = deliveries as f64 / 1e6;
        let per_million = |time: f64| if millions > 0.0 { time / millions } else { 0.0 };
        self.add(
            "cpu_seconds_per_million",
            &format!("{who} CPU per million"),
            per_million(cpu.total()),
            "s",
        );
        self.add(
            "cpu_user_seconds_per_million",
            "  of it in user space",
            per_million(cpu.user),
            "s",
        );
        self.add(
            "cpu_cores",
            &format!("{who}, cores used"),
            cpu.total() / seconds,
            "",
        );
    }

    /// Adds the server's processor time and memory, when its process is known.
    pub(crate) fn add_server(&mut self, run: &Measured, deliveries: u64) {
        if let Some(cpu) = run.server_cpu {
            self.add_cpu("server", cpu, deliveries, run.seconds);
        }
        if let Some(memory) = run.server_memory {
            self.add(
                "server_memory_mib",
                "server memory",
                mebibytes(memory),
                "MiB",
            );
        }
    }

    /// The figure with this key, if it is a number.
    pub(crate) fn figure(&self, key: &str) -> Option<f64> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        entry.value.as_f64()
    }

    /// Every number, by key, with the label and unit it is shown with.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (&str, &str, &'static str, f64)> {
        self.entries.iter().filter_map(|entry| {
            let value = entry.value.as_f64()?;
            Some((entry.key.as_str(), entry.label.as_str(), entry.unit, value))
        })
    }

    /// Adds this report's figures in proportion to those of a yardstick, where both have them.
    pub(crate) fn add_ratios(&mut self, limit: &Self, name: &str) {
        for (key, label) in COMPARED {
            let figures = self.figure(key).zip(limit.figure(key));
            if let Some((own, other)) = figures.filter(|(_, other)| *other > 0.0) {
                self.add(
                    &format!("{key}_to_{}", name.replace('-', "_")),
                    &format!("{label}, server : {name}"),
                    own / other,
                    "×",
                );
            }
        }
    }

    /// Prints the report.
    pub(crate) fn print(&self, json: bool) -> Result<(), Error> {
        print(&if json { self.json() } else { self.table() })
    }

    fn json(&self) -> String {
        let mut object = Map::new();
        object.insert("scenario".into(), self.scenario.into());
        for entry in &self.entries {
            object.insert(entry.key.clone(), entry.value.clone());
        }
        format!("{}\n", Value::Object(object))
    }

    fn table(&self) -> String {
        let rows: Vec<(&str, String, &str)> = self
            .entries
            .iter()
            .map(|entry| (entry.label.as_str(), readable(&entry.value), entry.unit))
            .collect();
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let labels = width(&mut rows.iter().map(|(label, ..)| label.chars().count()));
        let values = width(&mut rows.iter().map(|(_, value, _)| value.chars().count()));
        let mut text = format!("\n{}\n{}\n", self.scenario, "─".repeat(labels + values + 8));
        for (label, value, unit) in rows {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {label:labels$}  {value:>values$} {unit}");
        }
        text
    }
}

/// Writes a report to standard output.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| Error::Io {
            what: "printing the report",
            source,
        })
}

/// Whether scenarios keep their progress to themselves.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Leaves the notes to whoever runs many scenarios.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// A note on a scenario's progress, for people only.
pub(crate) fn progress(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        note(text);
    }
}

/// A note for people only.
pub(crate) fn note(text: &str) {
    // A closed standard error is no reason to stop.
    let _ = writeln!(io::stderr(), "pipebench: {text}");
}

/// Bytes as MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

/// A quotient that is 0 when there is nothing to divide by.
pub(crate) fn ratio(value: f64, by: u64) -> f64 {
    if by == 0 { 0.0 } else { value / by as f64 }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e3
}

/// A number with thousands separators and as many decimals as it deserves; no number is no limit.
pub(crate) fn readable(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "unlimited".into(),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or(0.0);
            let decimals = match number.abs() {
                100.0.. => 0,
                10.0.. => 1,
                1.0.. => 2,
                _ => 3,
            };
            group_thousands(&format!("{number:.decimals$}"))
        }
        other => group_thousands(&other.to_string()),
    }
}

fn group_thousands(number: &str) -> String {
    let (whole, fraction) = number
        .split_once('.')
        .map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded_for_reading() {
        assert_eq!(readable(&Value::from(1_234_567u64)), "1 234 567");
        assert_eq!(readable(&Value::from(123_456.7f64)), "123 457");
        assert_eq!(readable(&Value::from(12.34f64)), "12.3");
        assert_eq!(readable(&Value::from(0.12345f64)), "0.123");
        assert_eq!(readable(&Value::Null), "unlimited");
    }

    #[test]
    fn json_is_one_line_with_unrounded_figures() {
        let mut report = Report::new("fanout");
        report.add("rate", "rate", 1.23456, "/s");
        report.add("lost", "lost", 0, "");
        let text = report.json();
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["scenario"], "fanout");
        assert_eq!(value["rate"], 1.23456);
        assert_eq!(value["lost"], 0);
    }

    #[test]
    fn every_row_of_a_table_has_its_label_value_and_unit() {
        let mut report = Report::new("idle");
        report.add("a", "a long label", 1000, "/s");
        report.add("b", "short", 2.5, "µs");
        let text = report.table();
        assert!(text.contains("a long label  1 000 /s"));
        assert!(text.contains("short          2.50 µs"));
    }
}
