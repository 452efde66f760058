//! The sessions that are open now, for SHOW PROCESSLIST and KILL. Knows no statement
//! text: statements carry keys and payloads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pipes::name::DevId;

use crate::backend::{KillSignal, WireFigures};
use crate::query::Process;
use crate::query::context::{CancelToken, SessionContext};
use crate::tables::live::Sight;

/// Every open session, by connection number.
#[derive(Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<u32, OpenSession>>,
    opened: AtomicU64,
    statements: AtomicU64,
    most: AtomicUsize,
    /// What the wire counts.
    pub(crate) wire: WireFigures,
}

struct OpenSession {
    /// The tenant that logged in; `None` for the check user.
    home: Option<DevId>,
    cancel: CancelToken,
    killed: KillSignal,
    dev_id: u32,
    user: String,
    host: String,
    database: Option<String>,
    runs: bool,
    since: Instant,
}

impl Sessions {
    pub(crate) fn opened(
        &self,
        context: &SessionContext,
        home: Option<DevId>,
        killed: &KillSignal,
    ) {
        let session = OpenSession {
            home,
            cancel: context.cancel.clone(),
            killed: killed.clone(),
            dev_id: context.dev_id,
            user: context.user.to_string(),
            host: context.host.to_string(),
            database: context.database.as_deref().map(str::to_owned),
            runs: false,
            since: Instant::now(),
        };
        self.opened.fetch_add(1, Ordering::Relaxed);
        let mut open = self.open.lock();
        open.insert(context.connection_id, session);
        self.most.fetch_max(open.len(), Ordering::Relaxed);
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

    /// Who logged in to a session; the outer `None` if there is no such session.
    pub(crate) fn home(&self, id: u32) -> Option<Option<DevId>> {
        self.open.lock().get(&id).map(|session| session.home)
    }

    /// Stops a session's statement, and unless `query_only` the session with it.
    /// Gives whether it is open.
    pub(crate) fn kill(&self, id: u32, query_only: bool) -> bool {
        let open = self.open.lock();
        let Some(session) = open.get(&id) else {
            return false;
        };
        session.cancel.cancel();
        if !query_only {
            session.killed.kill();
        }
        true
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

    /// The most sessions that were ever open at once.
    pub(crate) fn most_ever(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// How many sessions run a statement that takes its time.
    pub(crate) fn running(&self) -> usize {
        let open = self.open.lock();
        open.values().filter(|session| session.runs).count()
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

    /// The sessions in sight, by number.
    pub(crate) fn processes(&self, sight: Sight) -> Vec<Process> {
        let sees = |session: &OpenSession| {
            sight == Sight::All || DevId::new(session.dev_id).is_ok_and(|of| sight.sees(of))
        };
        self.open
            .lock()
            .iter()
            .filter(|(_, session)| sees(session))
            .map(|(id, session)| Process {
                id: u64::from(*id),
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
