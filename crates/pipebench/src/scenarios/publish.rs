//! Many backends, many pipes with one reader each: what a publish costs when fan-out does not. With
//! a history every acknowledgement is a promise that the message is on the disk; without readers
//! the cost of a publish alone is left.

use clap::Args;

use crate::device;
use crate::doors::{Door, Form};
use crate::error::Error;
use crate::measure::{Cast, Measured, Outcome, measure};
use crate::options::{Timing, count, count_or_none, depth, message_size, rate};
use crate::process::require_sockets;
use crate::publisher::{self, Load};
use crate::report::{Report, progress};
use crate::servers::Stage;
use crate::subscriber;

/// Options of `pipebench publish`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Backends that publish.
    #[arg(long, value_name = "N", default_value = "8", value_parser = count)]
    backends: usize,
    /// Pipes, each with one subscriber; every backend publishes to all of them in turn.
    #[arg(long, value_name = "N", default_value = "200", value_parser = count)]
    pipes: usize,
    /// Nobody reads the pipes.
    #[arg(long)]
    unread: bool,
    /// Connections around, subscribed to something else.
    #[arg(long, value_name = "N", default_value = "0", value_parser = count_or_none)]
    around: usize,
    /// Messages each pipe keeps: its messages are acknowledged when they are durable.
    #[arg(long, value_name = "N", default_value = "0", value_parser = count_or_none)]
    history: usize,
    /// Bytes of a message's text.
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = message_size)]
    size: usize,
    /// Messages a second of all backends together; by default as fast as acknowledged.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Statements a backend sends before the first is acknowledged.
    #[arg(long, value_name = "N", default_value = "1", value_parser = depth)]
    pipeline: usize,
    /// Messages (rows) per statement.
    #[arg(long, value_name = "N", default_value = "1", value_parser = depth)]
    batch: usize,
    /// How the statement is put.
    #[arg(long, value_name = "FORM", default_value = "text")]
    form: Form,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario.
pub(crate) fn run(stage: &Stage, options: &Options) -> Result<Outcome, Error> {
    let door = stage.door();
    let readers = if options.unread { 0 } else { options.pipes };
    require_sockets(options.backends + readers + options.around)?;
    let prefix = subscriber::run_pipe();
    let pipes: Vec<String> = (0..options.pipes)
        .map(|pipe| format!("{prefix}_{pipe}"))
        .collect();
    if options.history > 0 {
        door.keep_history(&pipes, options.history)?;
    }
    let sync_before = sync_times(stage, options)?;
    progress(&format!("opening {} subscribers", readers + options.around));
    let bystanders = vec![subscriber::run_pipe(); options.around];
    let bystanders = subscriber::open_subscribed(door, &bystanders)?;
    let cast = Cast {
        subscribers: subscriber::subscribers(door, pipes.get(..readers).unwrap_or_default())?,
        publishers: options.backends,
        server: door.process().cloned(),
        hearing: door.hearing(),
    };
    let run = publish(door, cast, options, pipes)?;
    drop(bystanders);
    let mut report = describe(options, &run);
    if let Some(mut syncs) = sync_before {
        // Before and after: a disk's mood changes within seconds.
        if let Some(after) = sync_times(stage, options)? {
            syncs.extend(after);
        }
        add_syncs(&mut report, &run, syncs);
    }
    Ok(run.outcome(report))
}

fn publish(
    door: &dyn Door,
    cast: Cast,
    options: &Options,
    pipes: Vec<String>,
) -> Result<Measured, Error> {
    let backends = door.backends(options.backends, options.form)?;
    let load = Load {
        pipes,
        size: options.size,
        pipeline: options.pipeline,
        batch: options.batch,
        rate: options.rate,
        ahead: None,
    };
    progress("publishing");
    measure(
        cast,
        options.timing,
        |timeline, progress| publisher::run(door, &backends, &load, timeline, progress),
        |sent, connection, publisher| sent.count(publisher, connection),
    )
}

fn sync_times(stage: &Stage, options: &Options) -> Result<Option<Vec<u64>>, Error> {
    match stage.directory().filter(|_| options.history > 0) {
        Some(directory) => device::sync_times(directory).map(Some),
        None => Ok(None),
    }
}

fn add_syncs(report: &mut Report, run: &Measured, mut syncs: Vec<u64>) {
    syncs.sort_unstable();
    let quantile = |quantile: f64| {
        let last = syncs.len().saturating_sub(1);
        let at = (quantile * last as f64).round() as usize;
        syncs.get(at).copied().unwrap_or(0) as f64
    };
    let acknowledged = run.sent.acknowledgement.value_at_quantile(0.99) as f64;
    report.add("sync_p50_us", "device sync, p50", quantile(0.5) / 1e3, "µs");
    report.add(
        "sync_p99_us",
        "device sync, p99",
        quantile(0.99) / 1e3,
        "µs",
    );
    report.add(
        "acknowledgement_p99_in_syncs",
        "acknowledgement p99 in syncs",
        acknowledged / quantile(0.5).max(1.0),
        "",
    );
    report.add(
        "acknowledgement_p99_in_p99_syncs",
        "acknowledgement p99 in p99 syncs",
        acknowledged / quantile(0.99).max(1.0),
        "",
    );
}

fn describe(options: &Options, run: &Measured) -> Report {
    let mut report = Report::new("publish");
    let form = match options.form {
        Form::Text => "text",
        Form::Prepared => "prepared",
    };
    report.add("backends", "backends", options.backends, "");
    report.add("pipes", "pipes", options.pipes, "");
    report.add(
        "readers",
        "readers of each",
        usize::from(!options.unread),
        "",
    );
    report.add("around", "connections around", options.around, "");
    report.add("history", "history of each", options.history, "messages");
    report.add("size_bytes", "message", options.size, "B");
    report.add("form", "statement", form, "");
    report.add("pipeline", "pipeline", options.pipeline, "statements");
    report.add("batch", "batch", options.batch, "rows");
    report.add("rate", "asked rate", options.rate, "/s");
    report.add("seconds", "measured", run.seconds, "s");
    report.add(
        "messages_per_second",
        "messages published",
        run.sent.messages as f64 / run.seconds,
        "/s",
    );
    report.add(
        "statements_per_second",
        "statements",
        run.sent.statements as f64 / run.seconds,
        "/s",
    );
    report.add_latency(
        "acknowledgement",
        "acknowledgement",
        &run.sent.acknowledgement,
    );
    report.add_deliveries(run);
    report.add_server(run, run.sent.messages);
    report
}
