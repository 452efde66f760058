//! The bounds that can be set, as they are in force, and for each what shows how
//! much of it is used and how often it was reached.

use cometql::LanguageConfig;
use cometql::wire;
use pipes::figure::{Figure, FigureKind};
use pipes::limits::Limits as HallLimits;
use ws_gateway::GatewayLimits;

/// The bounds in force.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) gateway: GatewayLimits,
    pub(crate) hall: HallLimits,
    pub(crate) wire: wire::Limits,
    pub(crate) language: LanguageConfig,
}

impl Bounds {
    pub(crate) const FIGURES: &[Figure<Self>] = &[Figure::each(
        "limit",
        FigureKind::Gauge,
        "The bounds in force, by their name in the configuration",
        "name",
        |bounds| {
            let value = |bound: &Bound| (bound.name.to_owned(), (bound.value)(bounds));
            LIST.iter().map(value).collect()
        },
    )];
}

/// One bound.
struct Bound {
    /// Its key in the configuration.
    name: &'static str,
    value: fn(&Bounds) -> u64,
    /// The metric that shows how much of it is used; empty for none.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "documentation is printed from it")
    )]
    used: &'static str,
    /// What counts that it was reached; empty where nothing can be said to be.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "documentation is printed from it")
    )]
    reached: &'static str,
}

const fn bound(
    name: &'static str,
    value: fn(&Bounds) -> u64,
    used: &'static str,
    reached: &'static str,
) -> Bound {
    Bound {
        name,
        value,
        used,
        reached,
    }
}

const LIST: &[Bound] = &[
    bound(
        "max_browsers",
        |bounds| bounds.gateway.connections as u64,
        "browser_sockets",
        "browser_sockets_refused_total",
    ),
    bound(
        "max_address_connections",
        |bounds| bounds.gateway.connections_per_address as u64,
        "",
        "address_connections_refused_total",
    ),
    bound(
        "max_messages_per_second",
        |bounds| u64::from(bounds.gateway.messages_per_second),
        "",
        "browser_messages_refused_total",
    ),
    bound(
        "max_backends",
        |bounds| bounds.wire.max_connections as u64,
        "backends",
        "errors_total{error=\"1040 TooManyConnections\"}",
    ),
    bound(
        "max_packet_bytes",
        |bounds| bounds.wire.max_packet as u64,
        "",
        "errors_total{error=\"1153 PacketTooLarge\"}",
    ),
    bound(
        "max_transaction_changes",
        |bounds| bounds.language.transaction.max_changes as u64,
        "",
        "errors_total{error=\"1197 TransactionTooLarge\"}",
    ),
    bound(
        "max_transaction_bytes",
        |bounds| bounds.language.transaction.max_bytes as u64,
        "",
        "errors_total{error=\"1197 TransactionTooLarge\"}",
    ),
    bound(
        "handshake_seconds",
        |bounds| bounds.gateway.handshake_time.as_secs(),
        "",
        "browser_requests_late_total",
    ),
    bound(
        "max_request_bytes",
        |bounds| bounds.gateway.request_bytes as u64,
        "",
        "browser_requests_too_long_total",
    ),
    bound(
        "max_message_bytes",
        |bounds| bounds.gateway.message_bytes as u64,
        "",
        "browser_messages_too_long_total",
    ),
    bound(
        "max_queued_bytes",
        |bounds| bounds.gateway.queued_bytes as u64,
        "queued_bytes",
        "slow_readers_total",
    ),
    bound(
        "max_backlog_bytes",
        |bounds| bounds.gateway.shard_backlog_bytes as u64,
        "",
        "publishers_waited_total",
    ),
    bound(
        "max_subscriptions",
        |bounds| bounds.hall.subscriptions_per_connection as u64,
        "subscriptions",
        "subscriptions_refused_total",
    ),
    bound(
        "max_user_connections",
        |bounds| bounds.hall.connections_per_user as u64,
        "connections",
        "user_connections_refused_total",
    ),
    bound(
        "history_read",
        |bounds| bounds.hall.history_read as u64,
        "",
        "",
    ),
    bound(
        "presence_grace_seconds",
        |bounds| bounds.hall.presence_grace.as_secs(),
        "",
        "",
    ),
    bound(
        "mailbox_length",
        |bounds| bounds.hall.mailbox_length.into(),
        "store_mailboxes",
        "mail_dropped_total",
    ),
    bound(
        "mailbox_seconds",
        |bounds| bounds.hall.mailbox_age.as_secs(),
        "",
        "",
    ),
    bound(
        "login_seconds",
        |bounds| bounds.wire.login_timeout.as_secs(),
        "",
        "",
    ),
    bound(
        "idle_seconds",
        |bounds| bounds.wire.idle_timeout.as_secs(),
        "",
        "",
    ),
    bound(
        "write_seconds",
        |bounds| bounds.wire.write_timeout.as_secs(),
        "",
        "",
    ),
    bound(
        "query_seconds",
        |bounds| bounds.language.query.max_time.as_secs(),
        "",
        "errors_total{error=\"1205 Timeout\"}",
    ),
    bound(
        "max_query_rows",
        |bounds| bounds.language.query.max_rows as u64,
        "",
        "",
    ),
    bound(
        "max_scanned_rows",
        |bounds| bounds.language.query.max_scanned_rows as u64,
        "",
        "",
    ),
    bound(
        "max_statements",
        |bounds| bounds.wire.max_query_statements as u64,
        "",
        "errors_total{error=\"1153 PacketTooLarge\"}",
    ),
    bound(
        "max_prepared",
        |bounds| bounds.wire.max_statements as u64,
        "",
        "errors_total{error=\"1461 TooManyStatements\"}",
    ),
    bound(
        "max_pipe_settings",
        |bounds| bounds.hall.pipe_settings as u64,
        "store_settings",
        "",
    ),
    bound(
        "keep_alive_seconds",
        |bounds| bounds.gateway.keep_alive.as_secs(),
        "",
        "silent_readers_total",
    ),
];

/// The limits as a table of the documentation.
#[cfg(test)]
pub(super) fn documentation() -> String {
    let metric = |name: &str| match name {
        "" => "–".to_owned(),
        name => format!("`{}{name}`", super::PREFIX),
    };
    let row = |bound: &Bound| {
        let (used, reached) = (metric(bound.used), metric(bound.reached));
        format!("| `{}` | {used} | {reached} |\n", bound.name)
    };
    let rows: String = LIST.iter().map(row).collect();
    format!("| limit | how much there is | how often it was reached |\n| --- | --- | --- |\n{rows}")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_bound_that_can_be_set_has_a_metric() {
        let command = Settings::command();
        let bounds = command
            .get_arguments()
            .filter(|argument| argument.get_help_heading() == Some("Bounds"));
        for argument in bounds {
            let name = argument.get_long().unwrap_or_default().replace('-', "_");
            assert!(LIST.iter().any(|bound| bound.name == name), "{name}");
        }
    }
}
