//! System variables as data: their defaults, what a session has SET, and the
//! rows of SHOW VARIABLES. Which there are is in the sibling `variable_list`.
//! What a variable does is decided where it is read, not here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::variable_list::{DEFAULTS, ERROR_NUMBERS, INTERACTIVE_TIMEOUT, Kind, WAIT_TIMEOUT};
use crate::error::{ErrorKind, ErrorNumbers, SqlError};

/// The longest value a session may SET, in bytes.
pub const MAX_VARIABLE_BYTES: usize = 4096;

/// The version the server announces: MySQL's, so that drivers parse it, then ours.
pub const VERSION: &str = concat!("8.0.36-CometWire-", env!("CARGO_PKG_VERSION"));

/// What `@@version_comment` says.
pub const VERSION_COMMENT: &str = concat!("CometWire ", env!("CARGO_PKG_VERSION"));

/// The variables of one session: the server's values and what it has SET.
#[derive(Debug, Clone)]
pub struct Variables {
    server: Arc<ServerVariables>,
    session: BTreeMap<&'static str, Option<Arc<str>>>,
    manner: Manner,
}

/// What some variables come to. Asked with every statement, worked out with every SET.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    autocommit: bool,
    read_only: bool,
    error_numbers: ErrorNumbers,
    wait_timeout: Option<Duration>,
}

/// The variables of the server: every name there is, with its value at start.
#[derive(Debug, Clone)]
pub struct ServerVariables {
    values: BTreeMap<&'static str, Entry>,
}

/// What a variable is, and the server's value of it.
type Entry = (Kind, Option<Arc<str>>);

impl Default for ServerVariables {
    fn default() -> Self {
        let values = DEFAULTS
            .iter()
            .map(|(name, kind, value)| (*name, (*kind, value.map(Arc::from))))
            .collect();
        Self { values }
    }
}

impl ServerVariables {
    /// Gives `name` the server's own value (port, hostname, `max_allowed_packet`, …).
    ///
    /// # Errors
    /// `UnknownVariable` when there is no such variable.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SqlError> {
        let lower = name.to_ascii_lowercase();
        match self.values.get_mut(lower.as_str()) {
            Some((_, slot)) => {
                *slot = Some(value.into());
                Ok(())
            }
            None => Err(unknown(name)),
        }
    }

    /// The value of `name` in any case; `None` inside is NULL.
    ///
    /// # Errors
    /// `UnknownVariable` when there is no such variable.
    pub fn get(&self, name: &str) -> Result<Option<Arc<str>>, SqlError> {
        let (_, value) = self.entry(name)?.1;
        Ok(value.clone())
    }

    fn entry(&self, name: &str) -> Result<(&'static str, &Entry), SqlError> {
        self.values
            .get_key_value(name.to_ascii_lowercase().as_str())
            .map(|(name, entry)| (*name, entry))
            .ok_or_else(|| unknown(name))
    }
}

impl Variables {
    /// The variables of a new session.
    pub fn new(server: Arc<ServerVariables>) -> Self {
        let mut variables = Self {
            server,
            session: BTreeMap::new(),
            manner: Manner::default(),
        };
        variables.settle();
        variables
    }

    /// The session's value of `name`, in any case; `None` inside is NULL.
    ///
    /// # Errors
    /// `UnknownVariable` when there is no such variable.
    pub fn get(&self, name: &str) -> Result<Option<Arc<str>>, SqlError> {
        let (name, (_, value)) = self.server.entry(name)?;
        Ok(self.session.get(name).unwrap_or(value).clone())
    }

    /// The server's value of `name`, whatever the session has SET.
    ///
    /// # Errors
    /// `UnknownVariable` when there is no such variable.
    pub fn global(&self, name: &str) -> Result<Option<Arc<str>>, SqlError> {
        self.server.get(name)
    }

    /// SET: gives `name` a value for this session; `None` is NULL.
    ///
    /// Variables that only describe the server take no new value and say
    /// nothing, as clients SET many of them on connecting (compatibility
    /// reference §5.3). `sql_mode` never takes `NO_BACKSLASH_ESCAPES` or
    /// `ANSI_QUOTES`.
    ///
    /// # Errors
    /// `UnknownVariable`; `InvalidValue` when a flag is neither on nor off,
    /// `cometwire_error_numbers` neither `cometql` nor `mysql`, or a time-out no
    /// number; `TooLong` beyond [`MAX_VARIABLE_BYTES`].
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let (name, (kind, _)) = self.server.entry(name)?;
        if value.is_some_and(|value| value.len() > MAX_VARIABLE_BYTES) {
            return Err(SqlError::new(
                ErrorKind::TooLong,
                format!("the value of {name} is longer than {MAX_VARIABLE_BYTES} bytes"),
            ));
        }
        if kind.is_fixed() {
            return Ok(());
        }
        if value.is_some_and(|value| value.eq_ignore_ascii_case("DEFAULT")) {
            self.session.remove(name);
            self.settle();
            return Ok(());
        }
        let value = match (name, value) {
            (ERROR_NUMBERS, value) => Some(error_numbers_name(value)?.into()),
            (WAIT_TIMEOUT | INTERACTIVE_TIMEOUT, Some(value)) => {
                Some(self.tolerable_seconds(name, value)?)
            }
            ("sql_mode", Some(value)) => Some(tolerable_sql_mode(value).into()),
            (_, Some(value)) if kind.is_flag() => Some(flag(name, value)?.into()),
            (_, value) => value.map(Arc::from),
        };
        self.session.insert(name, value);
        self.settle();
        Ok(())
    }

    /// Gives `name` a value that only the server gives, such as
    /// `cometwire_receivers`. Does nothing if there is no such variable.
    pub(crate) fn tell(&mut self, name: &str, value: Option<String>) {
        if let Ok((name, _)) = self.server.entry(name) {
            self.session.insert(name, value.map(Arc::from));
        }
    }

    /// Whether the session's transactions begin as read-only ones.
    pub const fn read_only(&self) -> bool {
        self.manner.read_only
    }

    /// Forgets everything the session has SET (COM_RESET_CONNECTION).
    pub fn reset(&mut self) {
        self.session.clear();
        self.settle();
    }

    /// Whether the session is in autocommit mode.
    pub const fn autocommit(&self) -> bool {
        self.manner.autocommit
    }

    /// Whether `sql_mode` has `mode`, spelled in capitals. Asked with every
    /// statement, so nothing is copied.
    pub(crate) fn has_mode(&self, mode: &str) -> bool {
        match self.session.get("sql_mode") {
            Some(Some(set)) => set.split(',').any(|set| set.eq_ignore_ascii_case(mode)),
            _ => false,
        }
    }

    /// How long the session wants to be kept without a command, if it has said so.
    pub const fn wait_timeout(&self) -> Option<Duration> {
        self.manner.wait_timeout
    }

    /// Which error numbers the session asked for.
    pub const fn error_numbers(&self) -> ErrorNumbers {
        self.manner.error_numbers
    }

    /// Works out anew what the variables come to.
    fn settle(&mut self) {
        self.manner = Manner {
            autocommit: self.value("autocommit") == Some("1"),
            read_only: READ_ONLY.iter().any(|name| self.value(name) == Some("1")),
            error_numbers: match self.value(ERROR_NUMBERS) {
                Some("mysql") => ErrorNumbers::MySql,
                _ => ErrorNumbers::CometQl,
            },
            wait_timeout: self.seconds_set(WAIT_TIMEOUT),
        };
    }

    /// The session's value of the variable `name`, spelled as in the list.
    fn value(&self, name: &str) -> Option<&str> {
        let server = || self.server.values.get(name).map(|(_, value)| value);
        self.session.get(name).or_else(server)?.as_deref()
    }

    /// The time-out that the session itself has SET.
    fn seconds_set(&self, name: &str) -> Option<Duration> {
        let seconds = self.session.get(name)?.as_deref()?;
        seconds.parse().ok().map(Duration::from_secs)
    }

    /// A time-out in seconds as it will be kept: at least one, and no longer than
    /// the server's own, which always holds.
    fn tolerable_seconds(&self, name: &str, value: &str) -> Result<Arc<str>, SqlError> {
        let seconds: i64 = value.trim().parse().map_err(|_| {
            SqlError::invalid(format!("{name} is a number of seconds, got '{value}'"))
        })?;
        let most = self.server.get(name)?.and_then(|most| most.parse().ok());
        let kept = seconds.min(most.unwrap_or(i64::MAX)).max(1);
        Ok(kept.to_string().into())
    }

    /// Name and value of every variable, as SHOW VARIABLES lists them.
    pub fn rows(&self, global: bool) -> impl Iterator<Item = (&'static str, Arc<str>)> + '_ {
        self.server.values.iter().map(move |(name, (kind, value))| {
            let value = match self.session.get(name) {
                Some(set) if !global => set,
                _ => value,
            };
            let shown: Arc<str> = match value.as_deref() {
                Some("1") if kind.is_flag() => "ON".into(),
                Some("0") if kind.is_flag() => "OFF".into(),
                Some(text) => text.into(),
                None => "".into(),
            };
            (*name, shown)
        })
    }
}

fn unknown(name: &str) -> SqlError {
    SqlError::new(
        ErrorKind::UnknownVariable,
        format!("Unknown system variable '{name}'"),
    )
}

fn flag(name: &str, value: &str) -> Result<&'static str, SqlError> {
    let is = |words: [&str; 3]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if is(["1", "ON", "TRUE"]) {
        Ok("1")
    } else if is(["0", "OFF", "FALSE"]) {
        Ok("0")
    } else {
        Err(SqlError::invalid(format!(
            "{name} is either 1 or 0, got '{value}'"
        )))
    }
}

fn error_numbers_name(value: Option<&str>) -> Result<&'static str, SqlError> {
    ["cometql", "mysql"]
        .into_iter()
        .find(|name| value.is_some_and(|value| value.eq_ignore_ascii_case(name)))
        .ok_or_else(|| {
            SqlError::invalid(format!(
                "{ERROR_NUMBERS} is either 'cometql' or 'mysql', got '{}'",
                value.unwrap_or("NULL")
            ))
        })
}

/// Modes that would change how literals are read are never honoured: the
/// answer would differ from statement to statement (compatibility reference §5.3).
fn tolerable_sql_mode(value: &str) -> String {
    value
        .split(',')
        .map(str::trim)
        .filter(|mode| !mode.is_empty())
        .filter(|mode| {
            !["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI"]
                .iter()
                .any(|refused| mode.eq_ignore_ascii_case(refused))
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// The two names of one flag.
const READ_ONLY: [&str; 2] = ["transaction_read_only", "tx_read_only"];

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::new(Arc::new(ServerVariables::default()))
    }

    #[test]
    fn a_time_out_is_kept_as_far_as_the_server_keeps_it() {
        let mut variables = variables();
        assert_eq!(variables.wait_timeout(), None);
        for (asked, kept) in [("60", 60), ("0", 1), ("-1", 1), ("31536000", 28_800)] {
            variables.set("wait_timeout", Some(asked)).unwrap();
            assert_eq!(variables.wait_timeout(), Some(Duration::from_secs(kept)));
            let shown = variables.get("wait_timeout").unwrap().unwrap();
            assert_eq!(*shown, *kept.to_string());
        }
        let error = variables.set("wait_timeout", Some("long")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidValue);
        variables.set("wait_timeout", Some("DEFAULT")).unwrap();
        assert_eq!(variables.wait_timeout(), None);
    }

    #[test]
    fn a_variable_is_found_in_any_case() {
        let version = variables().get("VERSION").unwrap().unwrap();
        assert!(version.starts_with("8.0.36-CometWire-"), "{version}");
    }

    #[test]
    fn socket_is_null_and_an_unknown_name_is_an_error() {
        assert_eq!(variables().get("socket").unwrap(), None);
        let error = variables().get("no_such").unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnknownVariable);
    }

    #[test]
    fn what_a_session_sets_does_not_change_the_server_and_is_forgotten_on_reset() {
        let mut variables = variables();
        variables.set("AUTOCOMMIT", Some("off")).unwrap();
        assert!(!variables.autocommit());
        assert_eq!(
            variables.global("autocommit").unwrap().as_deref(),
            Some("1")
        );
        variables.reset();
        assert!(variables.autocommit());
    }

    #[test]
    fn error_numbers_are_chosen_by_a_session_variable() {
        let mut variables = variables();
        variables
            .set("cometwire_error_numbers", Some("MySQL"))
            .unwrap();
        assert_eq!(variables.error_numbers(), ErrorNumbers::MySql);
        assert!(variables.set("cometwire_error_numbers", Some("x")).is_err());
        assert_eq!(variables.error_numbers(), ErrorNumbers::MySql);
    }

    #[test]
    fn sql_mode_never_changes_how_literals_are_read() {
        let mut variables = variables();
        variables
            .set(
                "sql_mode",
                Some("STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES, ansi_quotes"),
            )
            .unwrap();
        assert_eq!(
            variables.get("sql_mode").unwrap().as_deref(),
            Some("STRICT_TRANS_TABLES")
        );
    }

    #[test]
    fn names_are_in_order_and_once() {
        let mut names: Vec<_> = DEFAULTS.iter().map(|(name, ..)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), DEFAULTS.len());
    }

    #[test]
    fn setting_a_fixed_variable_is_accepted_and_changes_nothing() {
        let mut variables = variables();
        variables.set("character_set_results", None).unwrap();
        assert_eq!(
            variables.get("character_set_results").unwrap().as_deref(),
            Some("utf8mb4")
        );
    }
}
