//! One pipe, many subscribers: what a delivery costs and how long it takes.

use clap::Args;

use crate::error::Error;
use crate::limit::{self, Yardstick};
use crate::measure::{Cast, Measured, measure};
use crate::options::{Target, Timing, count, depth, message_size, rate};
use crate::process::{CpuTime, require_sockets};
use crate::publisher::{self, Load};
use crate::report::{Report, note};
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
    /// Run the yardsticks with the same subscribers and size afterwards, and print the ratios.
    #[arg(long)]
    with_limit: bool,
    /// Messages per send of the batched yardstick.
    #[arg(long, value_name = "N", default_value = "8", value_parser = depth, requires = "with_limit")]
    limit_batch: usize,
    #[command(flatten)]
    timing: Timing,
}

/// Runs the scenario and prints its reports.
pub(crate) fn run(target: &Target, options: &Options) -> Result<(), Error> {
    let yardstick_sockets = if options.with_limit {
        options.subscribers * 2
    } else {
        0
    };
    require_sockets((options.subscribers + options.publishers).max(yardstick_sockets))?;
    let run = against_server(target, options)?;
    let mut report = describe(options, &run);
    if !options.with_limit {
        report.print(target.json)?;
        return run.verdict();
    }
    for batch in [1, options.limit_batch] {
        let yardstick = Yardstick {
            subscribers: options.subscribers,
            size: options.size,
            batch,
            rate: options.rate,
            timing: options.timing.saturated(options.rate),
        };
        let limit = limit::measure_yardstick(&yardstick)?;
        limit::describe(&yardstick, &limit).print(target.json)?;
        add_ratios(&mut report, &run, &limit, yardstick.name());
    }
    report.print(target.json)?;
    run.verdict()
}

fn against_server(target: &Target, options: &Options) -> Result<Measured, Error> {
    let server = target.server()?;
    let backends = publisher::connect(target, options.publishers)?;
    let pipe = subscriber::run_pipe();
    note(&format!("opening {} subscribers", options.subscribers));
    let clients = subscriber::open_subscribed(target, &vec![pipe.clone(); options.subscribers])?;
    let cast = Cast {
        subscribers: subscriber::into_subscribers(clients)?,
        publishers: options.publishers,
        server,
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
    note("publishing");
    measure(
        cast,
        options.timing.saturated(options.rate),
        |timeline, progress| publisher::run(&backends, &load, timeline, progress),
        |sent, _connection, publisher| sent.count(publisher, 0),
    )
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

fn add_ratios(report: &mut Report, run: &Measured, limit: &Measured, name: &str) {
    let deliveries = run.received.deliveries as f64 / limit.received.deliveries.max(1) as f64;
    let key = name.replace('-', "_");
    report.add(
        &format!("deliveries_to_{key}"),
        &format!("deliveries/s, server : {name}"),
        deliveries,
        "×",
    );
    let per_delivery =
        |run: &Measured, cpu: CpuTime| cpu.total() / run.received.deliveries.max(1) as f64;
    if let Some(server) = run.server_cpu {
        let limit_cost = per_delivery(limit, limit.sent.cpu);
        if limit_cost > 0.0 {
            let cpu = per_delivery(run, server) / limit_cost;
            report.add(
                &format!("cpu_to_{key}"),
                &format!("CPU per delivery, server : {name}"),
                cpu,
                "×",
            );
        }
    }
}
