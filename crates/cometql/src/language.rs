//! The language behind the wire: who may log in, and what all sessions share.
//! What a session does with each kind of statement is in `session`, SET in `setting`, how plain
//! INSERTs skip most of it in `plain`, how SELECTs are answered in `select`, when changes take effect in `committing`, what EXPLAIN
//! tells in `explaining`. Reading text is [`crate::statement`]'s, rows are the
//! tables', general queries the query engine's.

mod committing;
mod explaining;
mod plain;
mod select;
mod session;
mod setting;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use pipes::Hall;
use pipes::figure::Figure;
use pipes::name::DevId;
use tokio::sync::Semaphore;

use crate::backend::{Account, Backend, KillSignal, Login, Session, WireFigures};
use crate::error::{ErrorNumbers, SqlError};
use crate::node::NodeFacts;
use crate::processes::Processes;
use crate::query::context::SessionContext;
use crate::query::variables::{ServerVariables, Variables};
use crate::query::{Engine, QueryLimits, Sources};
use crate::scan;
use crate::sessions::Sessions;
use crate::status::Status;
use crate::tables::{Catalogue, Table};
use crate::transaction::TransactionLimits;

pub use session::CometQlSession;

/// What the language can be told.
#[derive(Debug, Clone)]
pub struct LanguageConfig {
    /// Which error numbers a new session sees.
    pub error_numbers: ErrorNumbers,
    /// The user who logs in without a password and may do nothing
    /// (compatibility reference §1.3); empty for none.
    pub check_user: String,
    /// Bounds of a statement.
    pub statement: scan::Limits,
    /// Bounds of a transaction.
    pub transaction: TransactionLimits,
    /// Bounds of a SELECT.
    pub query: QueryLimits,
    /// System variables that describe the server: name and value.
    pub variables: Vec<(String, String)>,
    /// What `nodes` shows of the server.
    pub node: NodeFacts,
}

impl Default for LanguageConfig {
    fn default() -> Self {
        Self {
            error_numbers: ErrorNumbers::CometQl,
            check_user: "haproxy_check".to_owned(),
            statement: scan::Limits::default(),
            transaction: TransactionLimits::default(),
            query: QueryLimits::default(),
            variables: Vec::new(),
            node: NodeFacts::default(),
        }
    }
}

/// CometQL over a hall.
pub struct CometQl {
    hall: Arc<Hall>,
    catalogue: Catalogue,
    engine: Engine,
    sessions: Arc<Sessions>,
    processes: Arc<Processes>,
    variables: Arc<ServerVariables>,
    /// Turns to change rows that have keys: one for a statement, all of them for
    /// one that reads a row before it writes it.
    key_turns: Arc<Semaphore>,
    /// One for each query the engine runs at once: the others wait here, not on a thread.
    turns: Arc<Semaphore>,
    /// How many of them one tenant may have: not the last one, unless it is the only tenant.
    tenant_turns: HashMap<u32, Arc<Semaphore>>,
    config: LanguageConfig,
}

impl CometQl {
    /// What is counted here.
    pub const FIGURES: &[Figure<Self>] = &[
        Figure::gauge("sessions", "Backends' sessions open now", |language| {
            language.sessions.count() as u64
        }),
        Figure::counter("logins", "Logins of backends", |language| {
            language.sessions.opened_ever()
        }),
        Figure::counter("statements", "Statements of backends", |language| {
            language.sessions.statements()
        }),
    ];

    /// The language over `hall`.
    ///
    /// # Errors
    /// When the query engine cannot be set up, or a variable is unknown.
    pub fn new(hall: Arc<Hall>, config: LanguageConfig) -> Result<Arc<Self>, SqlError> {
        let sessions = Arc::<Sessions>::default();
        let catalogue = Catalogue::new(&hall, &sessions, &config.node);
        let status = Arc::new(Status {
            hall: Arc::clone(&hall),
            sessions: Arc::clone(&sessions),
            started: Instant::now(),
        });
        let processes = Arc::new(Processes {
            hall: Arc::clone(&hall),
            sessions: Arc::clone(&sessions),
        });
        let sources = Sources {
            status,
            processes: Arc::clone(&processes) as Arc<_>,
        };
        let engine = Engine::new(catalogue.for_engine(), sources, config.query.clone())?;
        let mut variables = ServerVariables::default();
        for (name, value) in &config.variables {
            variables.set(name, value)?;
        }
        if config.error_numbers == ErrorNumbers::MySql {
            variables.set("cometwire_error_numbers", "mysql")?;
        }
        let turns = config.query.max_concurrent.max(1);
        let tenants: Vec<u32> = hall.tenants().ids().map(DevId::number).collect();
        let of_tenant = match tenants.len() {
            0 | 1 => turns,
            _ => turns.saturating_sub(1).max(1),
        };
        let tenant_turns = tenants
            .into_iter()
            .map(|dev_id| (dev_id, Arc::new(Semaphore::new(of_tenant))))
            .collect();
        Ok(Arc::new(Self {
            hall,
            catalogue,
            engine,
            sessions,
            processes,
            variables: Arc::new(variables),
            key_turns: Arc::new(Semaphore::new(KEY_TURNS as usize)),
            turns: Arc::new(Semaphore::new(turns)),
            tenant_turns,
            config,
        }))
    }

    pub(crate) fn tables(&self) -> &[Arc<dyn Table>] {
        self.catalogue.tables()
    }

    /// The tenant of a MySQL user name (compatibility reference §1.2).
    fn tenant_of(user: &str) -> Option<DevId> {
        if matches!(user, "root" | "") {
            return Some(DevId::ROOT);
        }
        if !user.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        DevId::new(user.parse().ok()?).ok()
    }
}

/// More sessions than ever change rows with keys at once.
const KEY_TURNS: u32 = 1 << 16;

/// A handle to the language that sessions share.
#[derive(Clone)]
pub struct CometQlBackend(pub Arc<CometQl>);

impl Backend for CometQlBackend {
    type Session = CometQlSession;

    fn account(&self, user: &str) -> Account {
        let CometQl { config, hall, .. } = self.0.as_ref();
        if !config.check_user.is_empty() && user == config.check_user {
            return Account::NoKey;
        }
        CometQl::tenant_of(user)
            .and_then(|dev_id| hall.tenants().key(dev_id))
            .map_or(Account::Unknown, |key| Account::Key(key.clone()))
    }

    fn wire_figures(&self) -> Option<&WireFigures> {
        Some(&self.0.sessions.wire)
    }

    fn open(&self, login: Login) -> Result<CometQlSession, SqlError> {
        let language = Arc::clone(&self.0);
        let home = CometQl::tenant_of(&login.user);
        let variables = Arc::new(Variables::new(Arc::clone(&language.variables)));
        let dev_id = home.unwrap_or(DevId::ROOT);
        let mut context =
            SessionContext::new(dev_id.number(), &login.user, login.connection_id, variables);
        context.host = login.address.map_or_else(
            || "localhost".into(),
            |address: IpAddr| address.to_string().into(),
        );
        context.tls = login.tls;
        context.counts_found_rows = login.counts_found_rows;
        let mut session = CometQlSession {
            language,
            home,
            dev_id,
            context,
            published: None,
            killed: KillSignal::default(),
        };
        if let Some(database) = login.database.filter(|name| !name.is_empty()) {
            session.use_database(&database)?;
        }
        let CometQlSession {
            context, killed, ..
        } = &session;
        session.language.sessions.opened(context, home, killed);
        Ok(session)
    }
}
