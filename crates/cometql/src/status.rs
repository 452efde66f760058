//! The counters of SHOW STATUS (compatibility reference §5.1), from the hall and
//! the open sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pipes::Hall;
use pipes::hall::TenantCounters;
use pipes::name::DevId;

use crate::query::StatusSource;
use crate::query::context::SessionContext;
use crate::sessions::Sessions;
use crate::show::StatusScope;

/// Answers SHOW STATUS.
pub(crate) struct Status {
    pub(crate) hall: Arc<Hall>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) started: Instant,
}

impl StatusSource for Status {
    fn status(&self, scope: StatusScope, context: &SessionContext) -> Vec<(String, String)> {
        let rows = match scope {
            StatusScope::Session => {
                let mut rows = self.of_tenant(context.dev_id);
                rows.extend(of_tls(context));
                rows
            }
            StatusScope::Global => self.of_server(),
            // The machine's own figures are for its own tools.
            StatusScope::Avg | StatusScope::Ram | StatusScope::Uptime | StatusScope::Filesystem => {
                Vec::new()
            }
        };
        let named = |(name, value): (&str, String)| (name.to_owned(), value);
        rows.into_iter().map(named).collect()
    }
}

/// What MySQL tells of a session's TLS; empty texts without it.
fn of_tls(context: &SessionContext) -> [(&'static str, String); 2] {
    let (cipher, version) = context
        .tls
        .map_or(("", ""), |tls| (tls.cipher, tls.version));
    [
        ("Ssl_cipher", cipher.to_owned()),
        ("Ssl_version", version.to_owned()),
    ]
}

impl Status {
    fn of_tenant(&self, number: u32) -> Vec<(&'static str, String)> {
        let dev_id = DevId::new(number).ok();
        let counters = dev_id.and_then(|dev_id| self.hall.tenant_counters(dev_id));
        let count = |counter: fn(&TenantCounters) -> &AtomicU64| {
            counters.map_or(0, |counters| counter(counters).load(Ordering::Relaxed))
        };
        let browsers = count(|counters| &counters.connections);
        let messages = count(|counters| &counters.messages);
        let sessions = dev_id.map_or(0, |dev_id| self.sessions.count_of(dev_id));
        vec![
            ("flag", "session".to_owned()),
            ("id", number.to_string()),
            ("user_online", browsers.to_string()),
            ("server_online", sessions.to_string()),
            ("messages", messages.to_string()),
        ]
    }

    /// Monitoring scripts read these by name. The interval of the rates is the
    /// whole uptime.
    fn of_server(&self) -> Vec<(&'static str, String)> {
        let counters = self.hall.counters();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let messages = count(&counters.messages);
        let private_messages = count(&counters.private_messages);
        let opened = count(&counters.connections_opened);
        let closed = count(&counters.connections_closed);
        let logins = self.sessions.opened_ever();
        let online = self.sessions.count() as u64;
        let logouts = logins.saturating_sub(online);
        let statements = self.sessions.statements();
        let uptime = self.started.elapsed().as_secs();
        let rate = |count: u64| format!("{:.2}", count as f64 / uptime.max(1) as f64);
        vec![
            ("flag", "global".to_owned()),
            ("uptime", uptime.to_string()),
            ("uptime_in_hours", format!("{:.2}", uptime as f64 / 3600.0)),
            ("uptime_in_days", format!("{:.2}", uptime as f64 / 86400.0)),
            ("frontend_name", "ws".to_owned()),
            ("backend_name", "cometql".to_owned()),
            ("frontend_stat_interval", uptime.to_string()),
            ("backend_stat_interval", uptime.to_string()),
            ("frontend_online", counters.connections().to_string()),
            ("backend_online", online.to_string()),
            ("frontend_messages", messages.to_string()),
            ("backend_messages", statements.to_string()),
            ("frontend_add_client", opened.to_string()),
            ("backend_add_client", logins.to_string()),
            ("frontend_delete_client", closed.to_string()),
            ("backend_delete_client", logouts.to_string()),
            ("frontend_messages_ps", rate(messages)),
            ("backend_messages_ps", rate(statements)),
            ("frontend_add_client_ps", rate(opened)),
            ("backend_add_client_ps", rate(logins)),
            ("frontend_delete_client_ps", rate(closed)),
            ("backend_delete_client_ps", rate(logouts)),
            ("network_events", (messages + statements).to_string()),
            ("private_messages", private_messages.to_string()),
            ("mail_dropped", count(&counters.mail_dropped).to_string()),
            ("slow_readers", count(&counters.slow_readers).to_string()),
            (
                "silent_readers",
                count(&counters.silent_readers).to_string(),
            ),
            ("killed", count(&counters.killed).to_string()),
            ("keys_deleted", count(&counters.keys_deleted).to_string()),
            (
                "tokens_revoked",
                count(&counters.tokens_revoked).to_string(),
            ),
            ("shut_down", count(&counters.shut_down).to_string()),
        ]
    }
}
