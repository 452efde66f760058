//! The settings' bounds in the words of each crate; what is not set keeps that
//! crate's default.

use std::time::Duration;

use cometql::wire;
use cometql::{LanguageConfig, NodeFacts};
use pipes::limits::Limits as HallLimits;
use ws_gateway::GatewayConfig;

use crate::settings::Settings;

/// The hall's bounds.
pub(crate) fn hall(settings: &Settings) -> HallLimits {
    let mut limits = HallLimits::default();
    set(
        &mut limits.subscriptions_per_connection,
        settings.max_subscriptions,
    );
    set(
        &mut limits.connections_per_user,
        settings.max_user_connections,
    );
    settings.backend.bound_hall(&mut limits);
    set(&mut limits.history_read, settings.history_read);
    let grace = settings.presence_grace_seconds;
    let grace = grace.map(|seconds| Duration::from_secs(seconds.into()));
    // Who sets it wants it for everybody.
    limits.presence_grace_for_all = grace.is_some();
    set(&mut limits.presence_grace, grace);
    set(&mut limits.mailbox_length, settings.mailbox_length);
    set(
        &mut limits.mailbox_age,
        settings.mailbox_seconds.map(Duration::from_secs),
    );
    limits
}

/// The browser door's settings.
pub(crate) fn gateway(settings: &Settings) -> GatewayConfig {
    let mut config = GatewayConfig {
        allow_origins: settings.allow_origin.clone(),
        static_dir: settings.static_dir.clone(),
        ..GatewayConfig::default()
    };
    set(&mut config.node_name, settings.node_name.clone());
    settings.browser.bound(&mut config);
    config
}

/// The backend door's bounds.
pub(crate) fn wire(settings: &Settings) -> wire::Limits {
    let mut limits = wire::Limits::default();
    set(&mut limits.max_connections, settings.max_backends);
    set(&mut limits.max_packet, settings.max_packet_bytes);
    set(
        &mut limits.login_error_numbers,
        settings.error_numbers.map(Into::into),
    );
    settings.backend.bound_wire(&mut limits);
    limits.max_packet = limits.max_packet.min(wire::MAX_PACKET_CEILING);
    limits
}

/// What the language is told; `port` is where backends connect.
pub(crate) fn language(
    settings: &Settings,
    wire: &wire::Limits,
    port: u16,
    node: NodeFacts,
) -> LanguageConfig {
    let mut config = LanguageConfig {
        node,
        ..LanguageConfig::default()
    };
    set(
        &mut config.error_numbers,
        settings.error_numbers.map(Into::into),
    );
    set(&mut config.check_user, settings.check_user.clone());
    let transaction = &mut config.transaction;
    set(
        &mut transaction.max_changes,
        settings.max_transaction_changes,
    );
    set(&mut transaction.max_bytes, settings.max_transaction_bytes);
    settings.backend.bound_language(&mut config);
    config.statement.max_statements = wire.max_query_statements;
    let seconds = |time: Duration| time.as_secs().to_string();
    let variables = [
        ("connect_timeout", seconds(wire.login_timeout)),
        ("interactive_timeout", seconds(wire.idle_timeout)),
        ("max_allowed_packet", wire.max_packet.to_string()),
        ("max_connections", wire.max_connections.to_string()),
        ("max_prepared_stmt_count", wire.max_statements.to_string()),
        ("net_read_timeout", seconds(wire.read_timeout)),
        ("net_write_timeout", seconds(wire.write_timeout)),
        ("port", port.to_string()),
        ("wait_timeout", seconds(wire.idle_timeout)),
    ];
    let socket = settings.cometql_socket.as_ref();
    let socket = socket.map(|path| ("socket", path.display().to_string()));
    config.variables = variables
        .into_iter()
        .chain(socket)
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    config
}

/// Puts a setting in the place of a default, if it was made.
pub(crate) fn set<T>(bound: &mut T, setting: Option<T>) {
    if let Some(setting) = setting {
        *bound = setting;
    }
}
