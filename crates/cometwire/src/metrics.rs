//! The metrics page: every figure of every part of the server in the text format
//! of Prometheus, and the documentation of them, printed from the same lists.
//! How the page gets to whoever asks is in `server`; what bounds what, in `bounds`.

mod bounds;
pub(crate) mod server;

use std::fmt::Write;
use std::sync::Arc;

use cometql::wire::Wire;
use cometql::{CometQl, CometQlBackend};
use pipes::Hall;
use pipes::census::Census;
use pipes::counters::Counters;
use pipes::figure::{Figure, FigureKind, Read};
use pipes::message::UnixTime;
use storage::{SqliteStorage, Stats};
use ws_gateway::Gateway;

pub(crate) use bounds::Bounds;

/// What every name on the page begins with.
const PREFIX: &str = "cometwire_";

/// Everything that has figures.
pub(crate) struct Metrics {
    pub(crate) hall: Arc<Hall>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) language: Arc<CometQl>,
    pub(crate) wire: Arc<Wire<CometQlBackend>>,
    pub(crate) storage: Arc<SqliteStorage>,
    pub(crate) bounds: Bounds,
}

impl Metrics {
    /// The page as it is now.
    pub(crate) fn page(&self) -> String {
        let mut page = String::new();
        write(&mut page, Process::FIGURES, &Process::now(&self.hall));
        write(&mut page, Counters::FIGURES, self.hall.counters());
        write(&mut page, Census::FIGURES, &self.hall.census(None));
        write(&mut page, Gateway::FIGURES, &self.gateway);
        write(&mut page, CometQl::FIGURES, &self.language);
        write(&mut page, Wire::FIGURES, &self.wire);
        write(&mut page, Stats::FIGURES, &self.storage.stats());
        write(&mut page, Bounds::FIGURES, &self.bounds);
        page
    }
}

/// This program as the system sees it.
struct Process {
    uptime: u64,
    memory: u64,
}

impl Process {
    const FIGURES: &[Figure<Self>] = &[
        Figure::each(
            "node",
            FigureKind::Gauge,
            "1, with the version that runs",
            "version",
            |_| vec![(env!("CARGO_PKG_VERSION").to_owned(), 1)],
        ),
        Figure::gauge("uptime", "Seconds since the start", |process| {
            process.uptime
        }),
        Figure::gauge("memory", "Bytes of memory in use", |process| process.memory),
    ];

    fn now(hall: &Hall) -> Self {
        Self {
            uptime: UnixTime::now().0.saturating_sub(hall.started().0),
            memory: cometql::own_memory(),
        }
    }
}

/// The name of a figure on the page; counters end in `_total`, as is the custom.
fn name<T>(figure: &Figure<T>) -> String {
    let end = match figure.kind {
        FigureKind::Counter => "_total",
        FigureKind::Gauge => "",
    };
    format!("{PREFIX}{}{end}", figure.name)
}

fn kind<T>(figure: &Figure<T>) -> &'static str {
    match figure.kind {
        FigureKind::Counter => "counter",
        FigureKind::Gauge => "gauge",
    }
}

// Writing to a String cannot fail.
fn write<T>(page: &mut String, figures: &[Figure<T>], of: &T) {
    for figure in figures {
        let (name, kind) = (name(figure), kind(figure));
        let _ = writeln!(page, "# HELP {name} {}.", figure.about);
        let _ = writeln!(page, "# TYPE {name} {kind}");
        match figure.read {
            Read::One(read) => {
                let _ = writeln!(page, "{name} {}", read(of));
            }
            Read::Each(label, read) => {
                for (which, number) in read(of) {
                    let _ = writeln!(page, "{name}{{{label}=\"{which}\"}} {number}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    /// Set it to have the page written instead of compared.
    const WRITE: &str = "COMETWIRE_WRITE_REFERENCE";

    fn describe<T>(text: &mut String, figures: &[Figure<T>]) {
        for figure in figures {
            let label = match figure.read {
                Read::One(_) => String::new(),
                Read::Each(label, _) => format!(", by `{label}`"),
            };
            let (name, kind, about) = (name(figure), kind(figure), figure.about);
            let _ = writeln!(text, "| `{name}` | {kind} | {about}{label} |");
        }
    }

    fn documentation() -> String {
        let mut text = "| metric | kind | meaning |\n| --- | --- | --- |\n".to_owned();
        describe(&mut text, Process::FIGURES);
        describe(&mut text, Counters::FIGURES);
        describe(&mut text, Census::FIGURES);
        describe(&mut text, Gateway::FIGURES);
        describe(&mut text, CometQl::FIGURES);
        describe(&mut text, Wire::<CometQlBackend>::FIGURES);
        describe(&mut text, Stats::FIGURES);
        describe(&mut text, Bounds::FIGURES);
        text
    }

    fn replaced(document: &str, part: &str, text: &str) -> String {
        let begin = format!("<!-- {part} -->");
        let end = format!("<!-- end of {part} -->");
        let (before, rest) = document.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        format!("{before}{begin}\n\n{text}\n{end}{after}")
    }

    #[test]
    fn the_page_of_operations_lists_every_metric_and_every_limit() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
        let written = std::fs::read_to_string(&page).unwrap();
        let printed = replaced(&written, "metrics", &documentation());
        let printed = replaced(&printed, "limits", &bounds::documentation());
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&page, printed).unwrap();
            return;
        }
        assert!(
            written == printed,
            "docs/operations.md is stale; write it with {WRITE}=1 cargo test -p cometwire metrics"
        );
    }

    #[test]
    fn no_two_figures_have_one_name() {
        let documentation = documentation();
        let lines = documentation.lines().skip(2);
        let names: Vec<_> = lines.filter_map(|line| line.split('`').nth(1)).collect();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(names.len() > 40, "{names:?}");
    }

    #[test]
    fn a_page_says_what_a_figure_is_and_how_it_moves() {
        let figures = [
            Figure::counter("said", "Words said", |words: &Vec<&str>| words.len() as u64),
            Figure::each(
                "long",
                FigureKind::Gauge,
                "Their lengths",
                "word",
                |words| {
                    let length = |word: &&str| ((*word).to_owned(), word.len() as u64);
                    words.iter().map(length).collect()
                },
            ),
        ];
        let mut page = String::new();
        write(&mut page, &figures, &vec!["a", "comet"]);
        let expected = "# HELP cometwire_said_total Words said.\n\
                        # TYPE cometwire_said_total counter\n\
                        cometwire_said_total 2\n\
                        # HELP cometwire_long Their lengths.\n\
                        # TYPE cometwire_long gauge\n\
                        cometwire_long{word=\"a\"} 1\n\
                        cometwire_long{word=\"comet\"} 5\n";
        assert_eq!(page, expected);
    }
}
