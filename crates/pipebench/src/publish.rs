//! Many backends, many pipes with one reader each: what a publish costs when fan-out does not.

use clap::Args;

use crate::error::Error;
use crate::measure::{Cast, Measured, measure};
use crate::options::{Target, Timing, count, depth, message_size, rate};
use crate::process::require_sockets;
use crate::publisher::{self, Load};
use crate::report::{Report, note};
use crate::subscriber;

/// Options of `pipebench publish`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Backends that publish through CometQL.
    #[arg(long, value_name = "N", default_value = "8", value_parser = count)]
    backends: usize,
    /// Pipes, each with one subscriber; every backend publishes to all of them in turn.
    #[arg(long, value_name = "N", default_value = "200", value_parser = count)]
    pipes: usize,
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
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario and prints its report.
pub(crate) fn run(target: &Target, options: &Options) -> Result<(), Error> {
    require_sockets(options.backends + options.pipes)?;
    let server = target.server()?;
    let backends = publisher::connect(target, options.backends)?;
    let prefix = subscriber::run_pipe();
    let pipes: Vec<String> = (0..options.pipes)
        .map(|pipe| format!("{prefix}_{pipe}"))
        .collect();
    note(&format!("opening {} subscribers", options.pipes));
    let clients = subscriber::open_subscribed(target, &pipes)?;
    let cast = Cast {
        subscribers: subscriber::into_subscribers(clients)?,
        publishers: options.backends,
        server,
    };
    let load = Load {
        pipes,
        size: options.size,
        pipeline: options.pipeline,
        batch: options.batch,
        rate: options.rate,
        ahead: None,
    };
    note("publishing");
    let run = measure(
        cast,
        options.timing,
        |timeline, progress| publisher::run(&backends, &load, timeline, progress),
        |sent, connection, publisher| sent.count(publisher, connection),
    )?;
    describe(options, &run).print(target.json)?;
    run.verdict()
}

fn describe(options: &Options, run: &Measured) -> Report {
    let mut report = Report::new("publish");
    report.add("backends", "backends", options.backends, "");
    report.add("pipes", "pipes with one reader", options.pipes, "");
    report.add("size_bytes", "message", options.size, "B");
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
