//! The CometWire server: flags, wiring, start-up, drain. Everything it does is in
//! the crates it wires together.

mod backend_bounds;
mod browser_bounds;
mod certificate;
mod commands;
mod limits;
mod local_socket;
mod memory;
mod metrics;
mod root_key;
mod run;
mod settings;
mod stop;
mod tls;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use settings::{LogFormat, Settings};

/// The configuration is wrong (`EX_USAGE` of sysexits).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(sentence) => return fail(&sentence, ExitCode::from(EXIT_USAGE)),
    };
    if let Some(command) = &settings.command {
        return match command.carry_out(&settings.data_directory()) {
            Ok(sentence) => {
                println!("{sentence}");
                ExitCode::SUCCESS
            }
            Err(sentence) => fail(&sentence, ExitCode::FAILURE),
        };
    }
    if let Err(sentence) = start_logging(&settings) {
        return fail(&sentence, ExitCode::from(EXIT_USAGE));
    }
    // Fails only if there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&format!("cannot start: {error}"), ExitCode::FAILURE);
        }
    };
    match runtime.block_on(run::run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => fail(&sentence, ExitCode::FAILURE),
    }
}

fn fail(sentence: &str, code: ExitCode) -> ExitCode {
    eprintln!("cometwire: {sentence}");
    code
}

fn start_logging(settings: &Settings) -> Result<(), String> {
    let filter = settings.log.as_deref().unwrap_or("info");
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("the log filter {filter:?} is not one: {error}"))?;
    let lines = fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    let lines = match settings.log_format.unwrap_or(LogFormat::Human) {
        LogFormat::Human => lines.with_target(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .with(filter_fn(is_discreet))
        .init();
    Ok(())
}

/// Libraries tell payloads and keys at their finest levels; ours never do.
fn is_discreet(line: &Metadata<'_>) -> bool {
    const OURS: [&str; 5] = ["cometql", "cometwire", "pipes", "storage", "ws_gateway"];
    let target = line.target();
    let source = target.split_once("::").map_or(target, |(name, _)| name);
    *line.level() <= Level::INFO || OURS.contains(&source)
}
