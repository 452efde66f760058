//! The bounds of one backend's connection as settings: how long it may take for
//! what, and how much it may hold and ask for. How many connections there may be
//! is with the other settings.

use std::time::Duration;

use clap::Args;
use cometql::LanguageConfig;
use cometql::wire;
use pipes::limits::Limits as HallLimits;
use serde::Deserialize;

use crate::limits::set;

/// Bounds of one backend's connection; what is not set keeps its default.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(default)]
pub(crate) struct BackendBounds {
    /// Seconds a backend may take from the greeting to its login [default: 10].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_LOGIN_SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Bounds"
    )]
    login_seconds: Option<u32>,

    /// Seconds a backend may stay without a statement; @@wait_timeout [default: 28800].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_IDLE_SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Bounds"
    )]
    idle_seconds: Option<u32>,

    /// Seconds a backend may read nothing of its answer [default: 60].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_WRITE_SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Bounds"
    )]
    write_seconds: Option<u32>,

    /// Seconds a SELECT may run [default: 30].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_QUERY_SECONDS",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Bounds"
    )]
    query_seconds: Option<u32>,

    /// Rows a SELECT may give [default: 100000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_QUERY_ROWS",
        help_heading = "Bounds"
    )]
    max_query_rows: Option<usize>,

    /// Rows a SELECT may look at [default: 2000000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_SCANNED_ROWS",
        help_heading = "Bounds"
    )]
    max_scanned_rows: Option<usize>,

    /// Statements in one packet [default: 1000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_STATEMENTS",
        help_heading = "Bounds"
    )]
    max_statements: Option<usize>,

    /// Prepared statements one connection may hold open [default: 16382].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_PREPARED",
        help_heading = "Bounds"
    )]
    max_prepared: Option<usize>,

    /// Pipes that may have settings, over all dev_ids [default: 100000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_PIPE_SETTINGS",
        help_heading = "Bounds"
    )]
    max_pipe_settings: Option<usize>,
}

impl BackendBounds {
    /// These bounds, and `file`'s where these say nothing.
    pub(crate) fn over(self, file: Self) -> Self {
        Self {
            login_seconds: self.login_seconds.or(file.login_seconds),
            idle_seconds: self.idle_seconds.or(file.idle_seconds),
            write_seconds: self.write_seconds.or(file.write_seconds),
            query_seconds: self.query_seconds.or(file.query_seconds),
            max_query_rows: self.max_query_rows.or(file.max_query_rows),
            max_scanned_rows: self.max_scanned_rows.or(file.max_scanned_rows),
            max_statements: self.max_statements.or(file.max_statements),
            max_prepared: self.max_prepared.or(file.max_prepared),
            max_pipe_settings: self.max_pipe_settings.or(file.max_pipe_settings),
        }
    }

    /// Puts the bounds of the wire into `limits`.
    pub(crate) fn bound_wire(&self, limits: &mut wire::Limits) {
        set(&mut limits.login_timeout, seconds(self.login_seconds));
        set(&mut limits.idle_timeout, seconds(self.idle_seconds));
        set(&mut limits.write_timeout, seconds(self.write_seconds));
        set(&mut limits.max_query_statements, self.max_statements);
        set(&mut limits.max_statements, self.max_prepared);
    }

    /// Puts the bounds of statements into `config`.
    pub(crate) fn bound_language(&self, config: &mut LanguageConfig) {
        set(&mut config.query.max_time, seconds(self.query_seconds));
        set(&mut config.query.max_rows, self.max_query_rows);
        set(&mut config.query.max_scanned_rows, self.max_scanned_rows);
    }

    /// Puts the bounds of what backends make in the hall into `limits`.
    pub(crate) fn bound_hall(&self, limits: &mut HallLimits) {
        set(&mut limits.pipe_settings, self.max_pipe_settings);
    }
}

/// A file may say 0, which no connection would survive: one second is the least.
fn seconds(setting: Option<u32>) -> Option<Duration> {
    setting.map(|seconds| Duration::from_secs(seconds.max(1).into()))
}
