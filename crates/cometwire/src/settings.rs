//! What the server can be told: every setting is a flag, an environment variable
//! `COMETWIRE_…` and a key of the configuration file, in that order of
//! precedence. Nothing else reads the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, ValueEnum};
use cometql::ErrorNumbers;
use pipes::name::DevId;
use pipes::secret::Secret;
use serde::Deserialize;

use crate::backend_bounds::BackendBounds;
use crate::browser_bounds::BrowserBounds;
use crate::commands::Command;
use crate::tls::TlsSettings;

/// CometWire: a realtime server you talk to in SQL.
///
/// Backends write INSERT INTO pipes_messages over an ordinary MySQL connection;
/// every subscribed browser has the message milliseconds later over a WebSocket.
#[derive(Debug, Default, Clone, Parser, Deserialize)]
#[command(name = "cometwire", version, max_term_width = 100)]
#[serde(default)]
pub(crate) struct Settings {
    /// What to do instead of serving.
    #[command(subcommand)]
    #[serde(skip)]
    pub(crate) command: Option<Command>,

    /// Read further settings from this TOML file; its keys are the flags' names with _ for -.
    #[arg(long, global = true, value_name = "FILE", env = "COMETWIRE_CONFIG")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,

    /// Where backends connect with MySQL clients [default: 127.0.0.1:3307].
    #[arg(long, value_name = "ADDR", env = "COMETWIRE_COMETQL")]
    pub(crate) cometql: Option<SocketAddr>,

    /// A Unix socket where backends on this machine connect too [default: none].
    #[arg(long, value_name = "PATH", env = "COMETWIRE_COMETQL_SOCKET")]
    pub(crate) cometql_socket: Option<PathBuf>,

    /// Where browsers connect: WebSocket, JS client, examples [default: 127.0.0.1:8087].
    #[arg(long, value_name = "ADDR", env = "COMETWIRE_HTTP")]
    pub(crate) http: Option<SocketAddr>,

    /// Where the metrics page is, /metrics for Prometheus [default: nowhere].
    #[arg(long, value_name = "ADDR", env = "COMETWIRE_METRICS")]
    pub(crate) metrics: Option<SocketAddr>,

    /// The directory for everything that must survive a crash [default: ./cometwire-data].
    #[arg(long, global = true, value_name = "DIR", env = "COMETWIRE_DATA")]
    pub(crate) data: Option<PathBuf>,

    /// Certificates, and who is offered them.
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) tls: TlsSettings,

    /// A developer id and its key; repeatable.
    #[arg(
        long,
        value_name = "ID:KEY",
        env = "COMETWIRE_DEV",
        value_delimiter = ',',
        hide_env_values = true
    )]
    dev: Vec<Given>,

    /// What `dev` says, read.
    #[arg(skip)]
    #[serde(skip)]
    developers: Vec<Developer>,

    /// The key of root (dev_id 0): from the file or COMETWIRE_ROOT_KEY, never a flag.
    #[arg(skip)]
    pub(crate) root_key: Option<Given>,

    /// A host whose pages may connect, exact or *.host; repeatable [default: any].
    #[arg(
        long,
        value_name = "HOST",
        env = "COMETWIRE_ALLOW_ORIGIN",
        value_delimiter = ','
    )]
    #[serde(alias = "allow_origins")]
    pub(crate) allow_origin: Vec<String>,

    /// Which error numbers CometQL answers with [default: cometql].
    #[arg(long, value_name = "WHICH", env = "COMETWIRE_ERROR_NUMBERS")]
    pub(crate) error_numbers: Option<Numbers>,

    /// The label of this server in /info [default: n1].
    #[arg(long, value_name = "NAME", env = "COMETWIRE_NODE_NAME")]
    pub(crate) node_name: Option<String>,

    /// A directory of static files to serve to browsers [default: none].
    #[arg(long, value_name = "DIR", env = "COMETWIRE_STATIC_DIR")]
    pub(crate) static_dir: Option<PathBuf>,

    /// How many shards serve the browsers [default: one a core].
    #[arg(long, value_name = "N", env = "COMETWIRE_SHARDS")]
    pub(crate) shards: Option<usize>,

    /// What is logged, as in RUST_LOG [default: info].
    #[arg(long, value_name = "FILTER", env = "COMETWIRE_LOG")]
    pub(crate) log: Option<String>,

    /// How log lines look [default: human].
    #[arg(long, value_name = "FORMAT", env = "COMETWIRE_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// Seconds a stop may take before what is left is cut off [default: 10].
    #[arg(long, value_name = "SECONDS", env = "COMETWIRE_DRAIN_SECONDS")]
    pub(crate) drain_seconds: Option<u64>,

    /// A user who may log in without a password and do nothing, for health checks
    /// [default: haproxy_check; empty for none].
    #[arg(long, value_name = "USER", env = "COMETWIRE_CHECK_USER")]
    pub(crate) check_user: Option<String>,

    /// Backend sessions open at once [default: 10000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_BACKENDS",
        help_heading = "Bounds"
    )]
    pub(crate) max_backends: Option<usize>,

    /// Bytes of one statement of a backend [default: 16777216].
    #[arg(
        long,
        value_name = "BYTES",
        env = "COMETWIRE_MAX_PACKET_BYTES",
        help_heading = "Bounds"
    )]
    pub(crate) max_packet_bytes: Option<usize>,

    /// The most changes one transaction may hold until COMMIT [default: 10000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_TRANSACTION_CHANGES",
        help_heading = "Bounds"
    )]
    pub(crate) max_transaction_changes: Option<usize>,

    /// The most bytes one transaction may hold until COMMIT [default: 16777216].
    #[arg(long, value_name = "BYTES", env = "COMETWIRE_MAX_TRANSACTION_BYTES")]
    pub(crate) max_transaction_bytes: Option<usize>,

    /// Pipes one browser connection may subscribe to [default: 1000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_SUBSCRIPTIONS",
        help_heading = "Bounds"
    )]
    pub(crate) max_subscriptions: Option<usize>,

    /// Connections one user may have open [default: 1000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAX_USER_CONNECTIONS",
        help_heading = "Bounds"
    )]
    pub(crate) max_user_connections: Option<usize>,

    /// Messages one reading of a history gives, the newest [default: 99].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_HISTORY_READ",
        help_heading = "Bounds"
    )]
    pub(crate) history_read: Option<usize>,

    /// Seconds in which a browser that was disconnected may come back before others are told
    /// that it left [default: 3, and 0 for original clients].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_PRESENCE_GRACE_SECONDS",
        help_heading = "Bounds"
    )]
    pub(crate) presence_grace_seconds: Option<u32>,

    /// Private messages one mailbox holds, the newest [default: 1000].
    #[arg(
        long,
        value_name = "N",
        env = "COMETWIRE_MAILBOX_LENGTH",
        help_heading = "Bounds"
    )]
    pub(crate) mailbox_length: Option<u32>,

    /// Seconds a private message waits for its user [default: 86400].
    #[arg(
        long,
        value_name = "SECONDS",
        env = "COMETWIRE_MAILBOX_SECONDS",
        help_heading = "Bounds"
    )]
    pub(crate) mailbox_seconds: Option<u64>,

    /// The browser door's bounds.
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) browser: BrowserBounds,

    /// Bounds of one backend's connection.
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) backend: BackendBounds,
}

/// A developer: `ID:KEY`.
#[derive(Debug, Clone)]
pub(crate) struct Developer {
    /// The tenant.
    pub(crate) dev_id: DevId,
    /// Its key.
    pub(crate) key: Secret,
}

/// A key as it is read. Taken as it is: an error about it would show it.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Given(pub(crate) Secret);

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self(Secret::new(text))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people at a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

/// Which error numbers backends see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Numbers {
    /// CometQL's published numbers.
    Cometql,
    /// MySQL's numbers for everything.
    Mysql,
}

impl From<Numbers> for ErrorNumbers {
    fn from(numbers: Numbers) -> Self {
        match numbers {
            Numbers::Cometql => Self::CometQl,
            Numbers::Mysql => Self::MySql,
        }
    }
}

impl Developer {
    /// Reads `ID:KEY`. The error never repeats the text: a slip may have put the
    /// key anywhere in it.
    fn parse(text: &Given) -> Result<Self, String> {
        const EXPECTED: &str = "--dev expects ID:KEY, such as 15:a-long-random-key";
        let (id, key) = text.0.reveal().split_once(':').ok_or(EXPECTED)?;
        let number = id.parse().map_err(|_| EXPECTED)?;
        let dev_id = DevId::new(number).map_err(|error| format!("--dev: {error}"))?;
        if key.is_empty() {
            return Err(format!(
                "--dev: developer {dev_id} needs a key after the colon"
            ));
        }
        Ok(Self {
            dev_id,
            key: Secret::new(key),
        })
    }
}

impl Settings {
    /// Flags and environment over the configuration file. Wrong flags and
    /// `--help` end the process here, as clap does.
    ///
    /// # Errors
    /// One sentence about the configuration file.
    pub(crate) fn read() -> Result<Self, String> {
        let mut settings = Self::parse();
        settings.root_key = std::env::var("COMETWIRE_ROOT_KEY")
            .ok()
            .filter(|key| !key.is_empty())
            .map(Given::from);
        if let Some(file) = settings.config.clone() {
            settings = settings.over(Self::from_file(&file)?);
        }
        settings.checked()
    }

    fn checked(mut self) -> Result<Self, String> {
        self.developers = self
            .dev
            .iter()
            .map(Developer::parse)
            .collect::<Result<_, _>>()?;
        self.browser.check()?;
        Ok(self)
    }

    fn from_file(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read the configuration {shown}: {error}"))?;
        Self::from_toml(&text).map_err(|error| format!("in the configuration {shown}: {error}"))
    }

    fn from_toml(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(one_line)?;
        let known = known_keys();
        for key in table.keys() {
            if !known.contains(key) {
                let nearest = known.iter().min_by_key(|known| distance(known, key));
                let hint = nearest.map_or(String::new(), |name| format!(", did you mean {name}?"));
                return Err(format!("unknown key {key}{hint}"));
            }
        }
        table.try_into().map_err(one_line)
    }

    /// These settings, and `file`'s where these say nothing.
    fn over(self, file: Self) -> Self {
        let list = |ours: Vec<_>, theirs| if ours.is_empty() { theirs } else { ours };
        Self {
            command: self.command,
            config: self.config,
            cometql: self.cometql.or(file.cometql),
            cometql_socket: self.cometql_socket.or(file.cometql_socket),
            http: self.http.or(file.http),
            metrics: self.metrics.or(file.metrics),
            data: self.data.or(file.data),
            dev: if self.dev.is_empty() {
                file.dev
            } else {
                self.dev
            },
            developers: Vec::new(),
            tls: self.tls.over(file.tls),
            root_key: self.root_key.or(file.root_key),
            allow_origin: list(self.allow_origin, file.allow_origin),
            error_numbers: self.error_numbers.or(file.error_numbers),
            node_name: self.node_name.or(file.node_name),
            static_dir: self.static_dir.or(file.static_dir),
            shards: self.shards.or(file.shards),
            log: self.log.or(file.log),
            log_format: self.log_format.or(file.log_format),
            drain_seconds: self.drain_seconds.or(file.drain_seconds),
            check_user: self.check_user.or(file.check_user),
            max_backends: self.max_backends.or(file.max_backends),
            max_packet_bytes: self.max_packet_bytes.or(file.max_packet_bytes),
            max_transaction_changes: self
                .max_transaction_changes
                .or(file.max_transaction_changes),
            max_transaction_bytes: self.max_transaction_bytes.or(file.max_transaction_bytes),
            max_subscriptions: self.max_subscriptions.or(file.max_subscriptions),
            max_user_connections: self.max_user_connections.or(file.max_user_connections),
            history_read: self.history_read.or(file.history_read),
            presence_grace_seconds: self.presence_grace_seconds.or(file.presence_grace_seconds),
            mailbox_length: self.mailbox_length.or(file.mailbox_length),
            mailbox_seconds: self.mailbox_seconds.or(file.mailbox_seconds),
            browser: self.browser.over(file.browser),
            backend: self.backend.over(file.backend),
        }
    }

    /// The operator's key of root: `root_key`, or the key of developer 0.
    pub(crate) fn given_root_key(&self) -> Option<Secret> {
        let named = self.developers.iter().find(|dev| dev.dev_id == DevId::ROOT);
        let given = self.root_key.as_ref().map(|given| &given.0);
        given.or_else(|| Some(&named?.key)).cloned()
    }

    /// The developers besides root.
    pub(crate) fn developers(&self) -> impl Iterator<Item = &Developer> {
        self.developers
            .iter()
            .filter(|dev| dev.dev_id != DevId::ROOT)
    }

    /// Where backends connect.
    pub(crate) fn cometql_address(&self) -> SocketAddr {
        self.cometql
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3307)))
    }

    /// Where browsers connect.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.http
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8087)))
    }

    /// The data directory.
    pub(crate) fn data_directory(&self) -> PathBuf {
        self.data
            .clone()
            .unwrap_or_else(|| PathBuf::from("./cometwire-data"))
    }
}

/// The flags' names as keys, and what only a file can say.
fn known_keys() -> Vec<String> {
    let mut keys: Vec<String> = Settings::command()
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|name| !matches!(*name, "config" | "help" | "version"))
        .map(|name| name.replace('-', "_"))
        .collect();
    keys.push("root_key".to_owned());
    keys.push("allow_origins".to_owned());
    keys
}

fn one_line(error: toml::de::Error) -> String {
    let line = error.message().lines().next().unwrap_or("not TOML");
    line.to_owned()
}

/// How many characters must change to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_are_well_formed() {
        Settings::command().debug_assert();
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = Settings::from_toml("htp = \"127.0.0.1:1\"").unwrap_err();
        assert!(
            error.contains("htp") && error.contains("did you mean http?"),
            "{error}"
        );
    }

    #[test]
    fn every_flag_is_a_key_of_the_file() {
        let file = "cometql = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:2\"\ndata = \"d\"\n\
                    dev = [\"15:abc\"]\nroot_key = \"r\"\nallow_origins = [\"a.example\"]\n\
                    error_numbers = \"mysql\"\nlog_format = \"json\"\nmax_browsers = 5\n";
        let settings = Settings::from_toml(file).unwrap().checked().unwrap();
        assert_eq!(settings.http_address().port(), 2);
        assert_eq!(settings.developers().count(), 1);
        assert_eq!(settings.allow_origin, ["a.example"]);
        assert!(!format!("{settings:?}").contains("abc"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let flags = Settings::parse_from(["cometwire", "--http", "127.0.0.1:9", "--dev", "7:k"]);
        let file = Settings::from_toml("http = \"127.0.0.1:2\"\nmax_backends = 3").unwrap();
        let settings = flags.over(file);
        assert_eq!(settings.http_address().port(), 9);
        assert_eq!(settings.max_backends, Some(3));
    }

    #[test]
    fn a_developer_is_a_number_and_a_key() {
        let developer = Developer::parse(&"15:key:with:colons".into()).ok().unwrap();
        assert_eq!(developer.key.reveal(), "key:with:colons");
        for wrong in ["s3cret", "s3cret:15", "15:", "100000:s3cret", "-1:s3cret"] {
            let error = Developer::parse(&wrong.into()).err().unwrap();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn developer_0_is_root() {
        let flags = Settings::parse_from(["cometwire", "--dev", "0:r", "--dev", "7:k"]);
        let settings = flags.checked().unwrap();
        assert_eq!(settings.given_root_key().unwrap().reveal(), "r");
        assert_eq!(settings.developers().count(), 1);
    }

    #[test]
    fn distance_counts_changed_characters() {
        assert_eq!(distance("http", "http"), 0);
        assert_eq!(distance("http", "htp"), 1);
        assert_eq!(distance("data", "dev"), 3);
    }
}
