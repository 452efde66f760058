//! Which system variables there are, and what the server says of each at start.
//! Values follow the compatibility reference §5.4. What a session makes of them is
//! in the sibling `variables`.

use super::variables::{VERSION, VERSION_COMMENT};

pub(super) const ERROR_NUMBERS: &str = "cometwire_error_numbers";
pub(super) const WAIT_TIMEOUT: &str = "wait_timeout";
pub(super) const INTERACTIVE_TIMEOUT: &str = "interactive_timeout";

/// How a variable is shown and whether a session may SET it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// `1` or `0` as `@@x`, ON or OFF in SHOW VARIABLES.
    Flag,
    /// SET is accepted and has no effect.
    Fixed,
    /// A flag that is [`Kind::Fixed`].
    FixedFlag,
}

impl Kind {
    pub(super) const fn is_flag(self) -> bool {
        matches!(self, Self::Flag | Self::FixedFlag)
    }

    pub(super) const fn is_fixed(self) -> bool {
        matches!(self, Self::Fixed | Self::FixedFlag)
    }
}

/// Name, kind and value of every variable, in the order of the names.
pub(super) const DEFAULTS: &[(&str, Kind, Option<&str>)] = &[
    ("auto_increment_increment", Kind::Text, Some("1")),
    ("auto_increment_offset", Kind::Text, Some("1")),
    ("autocommit", Kind::Flag, Some("1")),
    ("basedir", Kind::Fixed, Some("")),
    ("big_tables", Kind::Flag, Some("0")),
    ("character_set_client", Kind::Fixed, Some("utf8mb4")),
    ("character_set_connection", Kind::Fixed, Some("utf8mb4")),
    ("character_set_database", Kind::Fixed, Some("utf8mb4")),
    ("character_set_filesystem", Kind::Fixed, Some("binary")),
    ("character_set_results", Kind::Fixed, Some("utf8mb4")),
    ("character_set_server", Kind::Fixed, Some("utf8mb4")),
    ("character_set_system", Kind::Fixed, Some("utf8mb4")),
    (
        "collation_connection",
        Kind::Fixed,
        Some("utf8mb4_general_ci"),
    ),
    (
        "collation_database",
        Kind::Fixed,
        Some("utf8mb4_general_ci"),
    ),
    ("collation_server", Kind::Fixed, Some("utf8mb4_general_ci")),
    (ERROR_NUMBERS, Kind::Text, Some("cometql")),
    ("cometwire_offset", Kind::Fixed, None),
    ("cometwire_receivers", Kind::Fixed, None),
    ("connect_timeout", Kind::Fixed, Some("10")),
    ("datadir", Kind::Fixed, Some("")),
    ("default_storage_engine", Kind::Text, Some("CometWire")),
    ("default_week_format", Kind::Text, Some("0")),
    ("div_precision_increment", Kind::Text, Some("4")),
    ("error_count", Kind::Fixed, Some("0")),
    ("event_scheduler", Kind::FixedFlag, Some("0")),
    ("explicit_defaults_for_timestamp", Kind::Flag, Some("1")),
    ("foreign_key_checks", Kind::Flag, Some("1")),
    ("general_log", Kind::FixedFlag, Some("0")),
    ("group_concat_max_len", Kind::Text, Some("1048576")),
    ("gtid_mode", Kind::FixedFlag, Some("0")),
    ("have_query_cache", Kind::Fixed, Some("NO")),
    ("have_openssl", Kind::Fixed, Some("DISABLED")),
    ("have_ssl", Kind::Fixed, Some("DISABLED")),
    ("hostname", Kind::Fixed, Some("localhost")),
    ("identity", Kind::Fixed, Some("0")),
    ("information_schema_stats_expiry", Kind::Text, Some("0")),
    ("init_connect", Kind::Fixed, Some("")),
    ("innodb_version", Kind::Fixed, None),
    ("interactive_timeout", Kind::Text, Some("28800")),
    ("last_insert_id", Kind::Fixed, Some("0")),
    ("lc_messages", Kind::Text, Some("en_US")),
    ("lc_time_names", Kind::Text, Some("en_US")),
    ("license", Kind::Fixed, Some("MIT OR Apache-2.0")),
    ("local_infile", Kind::FixedFlag, Some("0")),
    ("lock_wait_timeout", Kind::Text, Some("30")),
    ("log_bin", Kind::FixedFlag, Some("0")),
    ("lower_case_file_system", Kind::FixedFlag, Some("0")),
    ("lower_case_table_names", Kind::Fixed, Some("0")),
    ("max_allowed_packet", Kind::Fixed, Some("16777216")),
    ("max_connections", Kind::Fixed, Some("10000")),
    ("max_execution_time", Kind::Text, Some("0")),
    ("max_prepared_stmt_count", Kind::Fixed, Some("16382")),
    ("max_user_connections", Kind::Fixed, Some("0")),
    ("net_buffer_length", Kind::Fixed, Some("16384")),
    ("net_read_timeout", Kind::Fixed, Some("60")),
    ("net_write_timeout", Kind::Fixed, Some("60")),
    ("old_passwords", Kind::Fixed, Some("0")),
    ("optimizer_switch", Kind::Text, Some("")),
    ("performance_schema", Kind::FixedFlag, Some("0")),
    ("port", Kind::Fixed, Some("3307")),
    ("protocol_version", Kind::Fixed, Some("10")),
    ("query_cache_size", Kind::Fixed, Some("0")),
    ("query_cache_type", Kind::Fixed, Some("OFF")),
    ("read_only", Kind::FixedFlag, Some("0")),
    ("require_secure_transport", Kind::FixedFlag, Some("0")),
    ("server_id", Kind::Fixed, Some("0")),
    ("skip_networking", Kind::FixedFlag, Some("0")),
    ("socket", Kind::Fixed, None),
    ("sql_auto_is_null", Kind::Flag, Some("0")),
    ("sql_big_selects", Kind::Flag, Some("1")),
    ("sql_log_bin", Kind::Flag, Some("0")),
    ("sql_mode", Kind::Text, Some("")),
    ("sql_notes", Kind::Flag, Some("1")),
    ("sql_quote_show_create", Kind::Flag, Some("1")),
    ("sql_safe_updates", Kind::Flag, Some("0")),
    ("sql_select_limit", Kind::Text, Some("18446744073709551615")),
    ("sql_warnings", Kind::Flag, Some("0")),
    ("ssl_ca", Kind::Fixed, Some("")),
    ("ssl_capath", Kind::Fixed, Some("")),
    ("ssl_cert", Kind::Fixed, Some("")),
    ("ssl_cipher", Kind::Fixed, Some("")),
    ("ssl_crl", Kind::Fixed, Some("")),
    ("ssl_crlpath", Kind::Fixed, Some("")),
    ("ssl_key", Kind::Fixed, Some("")),
    ("storage_engine", Kind::Text, Some("CometWire")),
    ("system_time_zone", Kind::Fixed, Some("UTC")),
    ("table_open_cache", Kind::Fixed, Some("0")),
    ("time_zone", Kind::Fixed, Some("SYSTEM")),
    ("tls_version", Kind::Fixed, Some("")),
    ("transaction_isolation", Kind::Text, Some("READ-COMMITTED")),
    ("transaction_read_only", Kind::Flag, Some("0")),
    ("tx_isolation", Kind::Text, Some("READ-COMMITTED")),
    ("tx_read_only", Kind::Flag, Some("0")),
    ("unique_checks", Kind::Flag, Some("1")),
    ("updatable_views_with_limit", Kind::Text, Some("YES")),
    ("version", Kind::Fixed, Some(VERSION)),
    ("version_comment", Kind::Fixed, Some(VERSION_COMMENT)),
    (
        "version_compile_machine",
        Kind::Fixed,
        Some(std::env::consts::ARCH),
    ),
    (
        "version_compile_os",
        Kind::Fixed,
        Some(std::env::consts::OS),
    ),
    ("wait_timeout", Kind::Text, Some("28800")),
    ("warning_count", Kind::Fixed, Some("0")),
];
