//! The CometWire server: flags, wiring, start-up, drain. Everything it does is in
//! the crates it wires together.

mod limits;
mod root_key;
mod run;
mod settings;
mod stop;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use settings::{LogFormat, Settings};

/// The configuration is wrong (`EX_USAGE` of sysexits).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(sentence) => return fail(&sentence, ExitCode::from(EXIT_USAGE)),
    };
    if let Err(sentence) = start_logging(&settings) {
        return fail(&sentence, ExitCode::from(EXIT_USAGE));
    }
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
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    match settings.log_format.unwrap_or(LogFormat::Human) {
        LogFormat::Human => lines.with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
