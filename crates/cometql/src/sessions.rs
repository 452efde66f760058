//! The sessions that are open now, for SHOW PROCESSLIST. Knows no statement
//! text: statements carry keys and payloads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pipes::name::DevId;

use crate::query::context::SessionContext;
use crate::query::{Process, ProcessSource};

/// Every open session, by connection number.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<u32, OpenSession>>,
    opened: AtomicU64,
    statements: AtomicU64,
}

struct OpenSession {
    dev_id: u32,
    user: String,
    host: String,
    database: Option<String>,
    runs: bool,
    since: Instant,
}

impl Sessions {
    pub(crate) fn opened(&self, context: &SessionContext) {
        let session = OpenSession {
            dev_id: context.dev_id,
            user: context.user.to_string(),
            host: context.host.to_string(),
            database: context.database.as_deref().map(str::to_owned),
            runs: false,
            since: Instant::now(),
        };
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.open.lock().insert(context.connection_id, session);
    }

    pub(crate) fn closed(&self, connection_id: u32) {
        self.open.lock().remove(&connection_id);
    }

    /// The session chose a database, and a tenant with it.
    pub(crate) fn chose(&self, context: &SessionContext) {
        if let Some(session) = self.open.lock().get_mut(&context.connection_id) {
            session.dev_id = context.dev_id;
            session.database = context.database.as_deref().map(str::to_owned);
        }
    }

    /// A statement that takes its time begins or ends.
    pub(crate) fn runs(&self, context: &SessionContext, runs: bool) {
        if let Some(session) = self.open.lock().get_mut(&context.connection_id) {
            session.runs = runs;
            session.since = Instant::now();
        }
    }

    /// A statement was given to a session.
    pub(crate) fn asked(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// How many statements were given to all sessions, ever.
    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How many sessions were opened, ever.
    pub(crate) fn opened_ever(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// How many sessions work for a tenant.
    pub(crate) fn count_of(&self, dev_id: DevId) -> usize {
        let is_of = |session: &&OpenSession| session.dev_id == dev_id.number();
        self.open.lock().values().filter(is_of).count()
    }

    /// How many sessions are open.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().len()
    }
}

impl ProcessSource for Sessions {
    /// A tenant sees its own sessions, root sees all.
    fn processes(&self, context: &SessionContext) -> Vec<Process> {
        let all = context.dev_id == DevId::ROOT.number();
        self.open
            .lock()
            .iter()
            .filter(|(_, session)| all || session.dev_id == context.dev_id)
            .map(|(id, session)| Process {
                id: *id,
                user: session.user.clone(),
                host: session.host.clone(),
                database: session.database.clone(),
                command: if session.runs { "Query" } else { "Sleep" }.to_owned(),
                time: session.since.elapsed().as_secs(),
                state: String::new(),
                info: None,
            })
            .collect()
    }
}
