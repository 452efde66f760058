//! The counters of SHOW STATUS (compatibility reference §5.1), from the hall and
//! the open sessions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pipes::Hall;
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
        let counters = self.hall.counters();
        let messages = counters.messages.load(Ordering::Relaxed);
        let row = |name: &str, value: String| (name.to_owned(), value);
        match scope {
            StatusScope::Session => {
                let users = DevId::new(context.dev_id)
                    .map_or(0, |dev_id| self.hall.users_online(dev_id));
                vec![
                    row("flag", "session".to_owned()),
                    row("id", context.dev_id.to_string()),
                    row("user_online", users.to_string()),
                    row("server_online", self.sessions.count().to_string()),
                    row("messages", messages.to_string()),
                ]
            }
            StatusScope::Global => {
                let uptime = self.started.elapsed().as_secs();
                let opened = counters.connections_opened.load(Ordering::Relaxed);
                let closed = counters.connections_closed.load(Ordering::Relaxed);
                vec![
                    row("flag", "global".to_owned()),
                    row("uptime", uptime.to_string()),
                    row("uptime_in_hours", format!("{:.2}", uptime as f64 / 3600.0)),
                    row("uptime_in_days", format!("{:.2}", uptime as f64 / 86400.0)),
                    row("frontend_name", "ws".to_owned()),
                    row("frontend_online", counters.connections().to_string()),
                    row("frontend_add_client", opened.to_string()),
                    row("frontend_delete_client", closed.to_string()),
                    row("backend_name", "cometql".to_owned()),
                    row("backend_online", self.sessions.count().to_string()),
                    row("backend_messages", messages.to_string()),
                ]
            }
            // The machine's own figures are for its own tools.
            StatusScope::Avg
            | StatusScope::Ram
            | StatusScope::Uptime
            | StatusScope::Filesystem => Vec::new(),
        }
    }
}
