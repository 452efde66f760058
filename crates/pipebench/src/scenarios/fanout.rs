//! One pipe, many subscribers: what a delivery costs and how long it takes.

use clap::Args;

use crate::doors::{Door, Form};
use crate::error::Error;
use crate::measure::{Cast, Measured, Outcome, measure};
use crate::options::{Timing, count, depth, message_size, rate};
use crate::process::require_sockets;
use crate::publisher::{self, Load};
use crate::report::{Report, progress};
use crate::scenarios::limit::{BATCH, Yardstick};
use crate::subscriber;

/// Options of `pipebench fanout`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Subscribers of the pipe.
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    subscribers: usize,
    /// Backends that publish to it through CometQL.
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    publishers: usize,
    /// Bytes of a message's text.
    #[arg(long, value_name = "BYTES", default_value = "128", value_parser = message_size)]
    size: usize,
    /// Messages a second of all publishers together; by default as fast as acknowledged.
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Statements a publisher sends before the first is acknowledged.
    #[arg(long, value_name = "N", default_value = "1", value_parser = depth)]
    pipeline: usize,
    /// Messages (rows) per statement.
    #[arg(long, value_name = "N", default_value = "1", value_parser = depth)]
    batch: usize,
    /// Publish at most this many messages more than the subscribers have received on average; by
    /// default only acknowledgements hold publishers back.
    #[arg(long, value_name = "N", value_parser = count)]
    ahead: Option<usize>,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario.
pub(crate) fn run(door: &dyn Door, options: &Options) -> Result<Outcome, Error> {
    require_sockets(options.subscribers + options.publishers)?;
    let backends = door.backends(options.publishers, Form::Text)?;
    let pipe = subscriber::run_pipe();
    progress(&format!("opening {} subscribers", options.subscribers));
    let cast = Cast {
        subscribers: subscriber::subscribers(door, &vec![pipe.clone(); options.subscribers])?,
        publishers: options.publishers,
        server: door.process().cloned(),
        hearing: door.hearing(),
    };
    let load = Load {
        pipes: vec![pipe],
        size: options.size,
        pipeline: options.pipeline,
        batch: options.batch,
        rate: options.rate,
        ahead: options
            .ahead
            .map(|ahead| (options.subscribers as u64, ahead as u64)),
    };
    progress("publishing");
    let run = measure(
        cast,
        options.timing.saturated(options.rate),
        |timeline, progress| publisher::run(door, &backends, &load, timeline, progress),
        |sent, _connection, publisher| sent.count(publisher, 0),
    )?;
    Ok(run.outcome(describe(options, &run)))
}

/// The bare loops with the same subscribers, size and rate.
pub(crate) fn yardsticks(options: &Options) -> [Yardstick; 2] {
    [1, BATCH].map(|batch| Yardstick {
        subscribers: options.subscribers,
        size: options.size,
        batch,
        rate: options.rate,
        timing: options.timing,
    })
}

fn describe(options: &Options, run: &Measured) -> Report {
    let mut report = Report::new("fanout");
    report.add("subscribers", "subscribers", options.subscribers, "");
    report.add("publishers", "publishers", options.publishers, "");
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
    report.add_latency(
        "acknowledgement",
        "acknowledgement",
        &run.sent.acknowledgement,
    );
    report.add_deliveries(run);
    report.add_server(run, run.received.deliveries);
    report
}
