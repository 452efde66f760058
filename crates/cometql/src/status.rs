//! The counters of SHOW STATUS (compatibility reference §5.1), from the hall and
//! the open sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use pipes::Hall;
use pipes::counters::{Counters, TenantCounters};
use pipes::name::DevId;

use crate::machine;
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
            StatusScope::Avg => return machine::load(),
            StatusScope::Ram => return machine::memory(),
            StatusScope::Uptime => return machine::uptime(),
            StatusScope::Filesystem => return machine::filesystem(),
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
        let opened = count(&counters.connections_opened);
        let closed = count(&counters.connections_closed);
        let logins = self.sessions.opened_ever();
        let online = self.sessions.count() as u64;
        let logouts = logins.saturating_sub(online);
        let statements = self.sessions.statements();
        let uptime = self.started.elapsed().as_secs();
        let rate = |count: u64| format!("{:.2}", count as f64 / uptime.max(1) as f64);
        let mut rows = vec![
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
        ];
        rows.extend(self.in_mysql_words());
        let figures = Counters::FIGURES.iter();
        rows.extend(figures.map(|figure| (figure.name, figure.value(counters).to_string())));
        rows
    }

    /// The counters that programs made for MySQL look for, by MySQL's names.
    fn in_mysql_words(&self) -> Vec<(&'static str, String)> {
        let wire = &self.sessions.wire;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed).to_string();
        let opened = self.sessions.opened_ever().to_string();
        let statements = self.sessions.statements().to_string();
        // Programs divide by it.
        let uptime = self.started.elapsed().as_secs().max(1);
        vec![
            ("Aborted_clients", count(&wire.aborted)),
            ("Aborted_connects", count(&wire.failed_logins)),
            ("Bytes_received", count(&wire.received)),
            ("Bytes_sent", count(&wire.sent)),
            ("Connections", opened),
            (
                "Max_used_connections",
                self.sessions.most_ever().to_string(),
            ),
            ("Queries", statements.clone()),
            ("Questions", statements),
            ("Threads_connected", self.sessions.count().to_string()),
            ("Threads_running", self.sessions.running().to_string()),
            ("Uptime", uptime.to_string()),
        ]
    }
}
