//! A hall, CometQL over it, the backends that log in and the browsers that
//! listen. Everything is said in short lines: rows as `a|b;c|d`, errors as
//! `number: sentence`, events as `pipe/event payload`.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cometql::answer::{Answer, Column, Done, Parameter, ResultSet};
use cometql::backend::{Backend, Login, Session};
use cometql::error::SqlError;
use cometql::language::CometQlSession;
use cometql::{CometQl, CometQlBackend, LanguageConfig};
use parking_lot::Mutex;
use pipes::limits::Limits;
use pipes::message::{Event, LiveMessage};
use pipes::name::{DevId, PipeName, UserId, Uuid};
use pipes::shard::{ConnectionId, Delivery, PipeId, Receipt, Shard};
use pipes::tenant::Tenants;
use pipes::{Connection, Hall, HallConfig, Visitor};
use tokio::sync::Notify;

use super::store::SlowStore;

pub(crate) struct House {
    hall: Arc<Hall>,
    shard: Arc<Recorder>,
    backend: CometQlBackend,
    next_session: AtomicU32,
}

impl House {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut LanguageConfig)) -> Self {
        let config = HallConfig {
            limits: Limits::default(),
            tenants: Tenants::new("root")
                .with(DevId::new(15).unwrap(), "k15")
                .with(DevId::new(16).unwrap(), "k16"),
            online_events: false,
            offline_events: false,
        };
        let shard = Arc::new(Recorder::default());
        let shards = vec![Arc::clone(&shard) as Arc<dyn Shard>];
        let hall = Hall::new(config, Arc::new(SlowStore::new()), shards).unwrap();
        let mut config = LanguageConfig::default();
        adjust(&mut config);
        let language = CometQl::new(Arc::clone(&hall), config).unwrap();
        Self {
            hall,
            shard,
            backend: CometQlBackend(language),
            next_session: AtomicU32::new(7),
        }
    }

    /// A session whose affected rows count what a statement found.
    pub(crate) fn login_counting_found_rows(&self, user: &str) -> Client {
        self.open(user, None, true).unwrap()
    }

    pub(crate) fn try_login(&self, user: &str, database: Option<&str>) -> Result<Client, SqlError> {
        self.open(user, database, false)
    }

    fn open(
        &self,
        user: &str,
        database: Option<&str>,
        counts_found_rows: bool,
    ) -> Result<Client, SqlError> {
        let session = self.backend.open(Login {
            user: user.to_owned(),
            database: database.map(str::to_owned),
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            connection_id: self.next_session.fetch_add(1, Ordering::Relaxed),
            tls: None,
            counts_found_rows,
        })?;
        Ok(Client { session })
    }

    pub(crate) fn login(&self, user: &str) -> Client {
        self.try_login(user, None).unwrap()
    }

    pub(crate) fn backend(&self) -> &CometQlBackend {
        &self.backend
    }

    /// A browser of tenant `dev_id`, logged in as `user` with the key `key`.
    pub(crate) async fn browser(&self, dev_id: u32, claim: Option<(i64, &str)>) -> Browser {
        let (id, index) = self.hall.next_connection();
        let visitor = Visitor {
            dev_id: DevId::new(dev_id).unwrap(),
            claim: claim.map(|(user, key)| (UserId::new(user).unwrap(), key.to_owned())),
            uuid: Uuid::lenient("tab"),
            user_agent: "Mozilla/5.0".into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            origin: "http://example.org".into(),
            language: "en-US,en".into(),
            client: "js/4.08".into(),
            returns: false,
            line: Arc::new(pipes::traffic::NoLine),
        };
        let connection = self.hall.connect(visitor, id, index, |_| ()).await.unwrap();
        Browser {
            hall: Arc::clone(&self.hall),
            shard: Arc::clone(&self.shard),
            connection,
        }
    }
}

pub(crate) struct Browser {
    hall: Arc<Hall>,
    shard: Arc<Recorder>,
    connection: Arc<Connection>,
}

impl Browser {
    pub(crate) fn subscribe(&self, pipe: &str) {
        self.subscribe_to(&[pipe]);
    }

    /// Listens to these pipes and no others.
    pub(crate) fn subscribe_to(&self, pipes: &[&str]) {
        let pipes: Vec<_> = pipes
            .iter()
            .map(|pipe| PipeName::parse(pipe).unwrap())
            .collect();
        let refused = self.hall.subscribe(&self.connection, &pipes);
        assert!(refused.is_empty(), "{refused:?}");
    }

    /// What it received since the last time.
    pub(crate) fn news(&self) -> Vec<String> {
        let mut state = self.shard.0.lock();
        std::mem::take(state.inboxes.entry(self.connection.id).or_default())
    }

    /// Waits for `line`, which another task brings about. The time limit is only
    /// there to end a test that would hang.
    pub(crate) async fn hears(&self, line: &str) {
        let heard = async {
            loop {
                let woken = self.shard.1.notified();
                if self.news().iter().any(|news| news == line) {
                    return;
                }
                woken.await;
            }
        };
        let heard = tokio::time::timeout(std::time::Duration::from_secs(60), heard).await;
        assert!(heard.is_ok(), "never heard: {line}");
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.connection.user.is_none()
    }

    /// The kernel takes everything that was sent to anybody.
    pub(crate) fn reads_all(&self) {
        let receipts = std::mem::take(&mut self.shard.0.lock().receipts);
        for receipt in receipts {
            receipt();
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.connection.id.0
    }

    pub(crate) fn close(&self) {
        self.hall.disconnect(&self.connection);
    }
}

pub(crate) struct Client {
    pub(crate) session: CometQlSession,
}

impl Client {
    pub(crate) async fn run(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        self.session.execute(statement, parameters).await
    }

    /// The counts of a statement without rows.
    pub(crate) async fn done(&mut self, statement: &str) -> Done {
        match self.run(statement, &[]).await {
            Ok(Answer::Done(done)) => done,
            other => panic!("{statement}: {other:?}"),
        }
    }

    /// The rows, or the error.
    pub(crate) async fn rows(&mut self, statement: &str) -> String {
        self.rows_with(statement, &[]).await
    }

    pub(crate) async fn rows_with(&mut self, statement: &str, given: &[Parameter]) -> String {
        match self.run(statement, given).await {
            Ok(Answer::Rows(result)) => written(&result),
            Ok(Answer::Done(done)) => format!("OK {} {}", done.affected_rows, done.insert_id),
            Err(error) => self.told(&error),
        }
    }

    pub(crate) async fn result(&mut self, statement: &str) -> ResultSet {
        match self.run(statement, &[]).await {
            Ok(Answer::Rows(result)) => result,
            other => panic!("{statement}: {other:?}"),
        }
    }

    /// The columns, `a|b`.
    pub(crate) async fn columns(&mut self, statement: &str) -> String {
        names(&self.result(statement).await.columns)
    }

    /// The number and the sentence of an error.
    pub(crate) async fn refused(&mut self, statement: &str) -> (u16, String) {
        match self.run(statement, &[]).await {
            Err(error) => (error.number(self.session.error_numbers()), error.message),
            other => panic!("{statement}: {other:?}"),
        }
    }

    fn told(&self, error: &SqlError) -> String {
        format!(
            "{}: {}",
            error.number(self.session.error_numbers()),
            error.message
        )
    }
}

pub(crate) fn names(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join("|")
}

pub(crate) fn written(result: &ResultSet) -> String {
    let cell = |cell: &Option<Arc<str>>| cell.as_deref().unwrap_or("~").to_owned();
    let row = |row: &Vec<Option<Arc<str>>>| {
        assert_eq!(row.len(), result.columns.len());
        row.iter().map(cell).collect::<Vec<_>>().join("|")
    };
    result.rows.iter().map(row).collect::<Vec<_>>().join(";")
}

/// Writes down what each browser receives, and keeps the receipts.
#[derive(Default)]
struct Recorder(Mutex<State>, Notify);

#[derive(Default)]
struct State {
    members: BTreeMap<u64, BTreeSet<ConnectionId>>,
    inboxes: BTreeMap<ConnectionId, Vec<String>>,
    receipts: Vec<Receipt>,
}

impl Shard for Recorder {
    fn push(&self, delivery: Delivery) {
        let mut state = self.0.lock();
        let state = &mut *state;
        match delivery {
            Delivery::Join {
                connection,
                pipe: PipeId(pipe),
            } => {
                state.members.entry(pipe).or_default().insert(connection);
            }
            Delivery::Leave {
                connection,
                pipe: PipeId(pipe),
            } => {
                state.members.entry(pipe).or_default().remove(&connection);
            }
            Delivery::Publish {
                pipe: PipeId(pipe),
                event,
                except,
            } => {
                let members = state.members.get(&pipe).into_iter().flatten();
                for member in members.filter(|member| Some(**member) != except) {
                    let inbox = state.inboxes.entry(*member).or_default();
                    inbox.push(line(event.event()));
                }
            }
            Delivery::Direct {
                connection,
                event,
                receipt,
            } => {
                let inbox = state.inboxes.entry(connection).or_default();
                inbox.push(line(event.event()));
                state.receipts.extend(receipt);
            }
            Delivery::Close { connection, reason } => {
                let inbox = state.inboxes.entry(connection).or_default();
                inbox.push(format!("closed {}", reason.as_str()));
            }
        }
    }

    fn wake(&self) {
        self.1.notify_waiters();
    }

    fn is_congested(&self) -> bool {
        false
    }

    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Message(LiveMessage { message, .. }) => {
            format!("{}/{} {}", message.pipe, message.event, message.payload)
        }
        Event::Private { message, .. } => format!("msg/{} {}", message.event, message.payload),
        Event::Presence { .. } | Event::Tracking { .. } => "presence".to_owned(),
        Event::Unsubscribed { pipe, reason, .. } => format!("unsubscribed {pipe}: {reason}"),
    }
}
