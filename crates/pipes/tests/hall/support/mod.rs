//! The house: a hall, its store and its shards, and the people in it. Events are
//! written down as short lines (`web_a hello`, `queued hello`, `track_a joined 5`).

mod shard;
mod store;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use pipes::hall::RefusedNames;
use pipes::limits::Limits;
use pipes::message::{StoredMessage, UnixTime};
use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId, Uuid};
use pipes::settings::PipeSettings;
use pipes::shard::Shard;
use pipes::storage::Storage;
use pipes::tenant::Tenants;
use pipes::{Change, Connection, DeliveryReport, Effect, Hall, HallConfig, HallError, Visitor};
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) use shard::RecordingShard;
pub(crate) use store::Store;

pub(crate) const SHARDS: usize = 2;

pub(crate) fn dev(number: u32) -> DevId {
    DevId::new(number).unwrap()
}

pub(crate) fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}

pub(crate) fn pipe(name: &str) -> PipeName {
    PipeName::parse(name).unwrap()
}

fn key_of(number: i64) -> String {
    format!("key{number}")
}

pub(crate) fn publish(name: &str, payload: &str) -> Change {
    Change::Publish {
        pipe: pipe(name),
        event: EventName::parse("say").unwrap(),
        payload: payload.into(),
    }
}

pub(crate) fn mail(number: i64, payload: &str) -> Change {
    Change::SendPrivate {
        user: UserId::new(number).ok(),
        event: EventName::parse("").unwrap(),
        payload: payload.into(),
    }
}

pub(crate) fn keep(name: &str, length: u32) -> Change {
    Change::PutSettings {
        pipe: pipe(name),
        settings: PipeSettings::of_length(length),
    }
}

pub(crate) fn put_key(number: i64) -> Change {
    Change::PutKey {
        user: user(number),
        key: AccessKey::parse(&key_of(number)).unwrap(),
    }
}

pub(crate) fn remove_key(number: i64) -> Change {
    Change::RemoveKey { user: user(number) }
}

pub(crate) fn payloads(history: &[StoredMessage]) -> Vec<&str> {
    history
        .iter()
        .map(|stored| &*stored.message.payload)
        .collect()
}

/// Rings whenever a shard or the store has done something.
pub(crate) struct Bell(watch::Sender<u64>);

impl Bell {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::channel(0).0))
    }

    pub(crate) fn ring(&self) {
        self.0.send_modify(|rings| *rings += 1);
    }

    /// Waits for something that other tasks bring about. The time limit is only
    /// there to end a test that would hang.
    pub(crate) async fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let mut rings = self.0.subscribe();
        let waiting = async {
            while !condition() {
                rings.changed().await.unwrap();
            }
        };
        if timeout(Duration::from_secs(60), waiting).await.is_err() {
            panic!("never happened: {what}");
        }
    }
}

/// Polls once; `None` when the future has to wait.
pub(crate) async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[derive(Clone)]
pub(crate) struct House {
    pub(crate) hall: Arc<Hall>,
    pub(crate) store: Arc<Store>,
    pub(crate) shards: Vec<Arc<RecordingShard>>,
    pub(crate) bell: Arc<Bell>,
}

impl House {
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut HallConfig)) -> Self {
        let mut config = HallConfig {
            limits: Limits::default(),
            tenants: Tenants::new("root")
                .with(dev(15), "k15")
                .with(dev(16), "k16"),
            online_events: true,
            offline_events: true,
        };
        adjust(&mut config);
        let bell = Bell::new();
        let store = Arc::new(Store::new(Arc::clone(&bell)));
        Self::over(config, store, bell)
    }

    fn over(config: HallConfig, store: Arc<Store>, bell: Arc<Bell>) -> Self {
        let shards: Vec<_> = (0..SHARDS)
            .map(|_| Arc::new(RecordingShard::new(Arc::clone(&bell))))
            .collect();
        let handles = shards
            .iter()
            .map(|shard| Arc::clone(shard) as Arc<dyn Shard>)
            .collect();
        let hall = Hall::new(config, Arc::clone(&store) as Arc<dyn Storage>, handles).unwrap();
        Self {
            hall,
            store,
            shards,
            bell,
        }
    }

    /// A new server over the same store; connections do not survive.
    pub(crate) fn restarted(self) -> Self {
        let config = HallConfig {
            limits: self.hall.limits().clone(),
            tenants: self.hall.tenants().clone(),
            online_events: true,
            offline_events: true,
        };
        Self::over(config, self.store, self.bell)
    }

    pub(crate) async fn apply(&self, changes: Vec<Change>) -> Result<Vec<Effect>, HallError> {
        self.hall.apply(DevId::ROOT, changes).await
    }

    pub(crate) async fn apply_one(&self, change: Change) -> Effect {
        self.apply(vec![change]).await.unwrap()[0]
    }

    /// Sends a private message and gives the number of receivers.
    pub(crate) async fn tell(&self, number: i64, payload: &str) -> u64 {
        match self.apply_one(mail(number, payload)).await {
            Effect::Sent { receivers } => receivers,
            other => panic!("{other:?}"),
        }
    }

    /// As [`Self::tell`], for the store's hooks, which are not async.
    pub(crate) fn tell_now(&self, number: i64, payload: &str) -> u64 {
        tokio::runtime::Handle::current().block_on(self.tell(number, payload))
    }

    pub(crate) async fn anonymous(&self) -> Tab {
        self.open(DevId::ROOT, None).await.unwrap()
    }

    /// Logs in with the right key, which is set first.
    pub(crate) async fn login(&self, number: i64) -> Tab {
        self.login_at(DevId::ROOT, number).await
    }

    pub(crate) async fn login_at(&self, dev_id: DevId, number: i64) -> Tab {
        if self.hall.key(dev_id, user(number)).unwrap().is_none() {
            self.hall
                .apply(dev_id, vec![put_key(number)])
                .await
                .unwrap();
        }
        self.claim(dev_id, number).await.unwrap()
    }

    /// Claims to be a user with the key that would be right.
    pub(crate) async fn claim(&self, dev_id: DevId, number: i64) -> Result<Tab, HallError> {
        self.open(dev_id, Some((user(number), key_of(number))))
            .await
    }

    /// Logs in as the browser called `uuid`.
    pub(crate) async fn login_with_uuid(&self, number: i64, uuid: Uuid) -> Tab {
        let claim = Some((user(number), key_of(number)));
        let opened = self.open_as(DevId::ROOT, claim, Some(uuid), false).await;
        opened.unwrap()
    }

    /// Logs in with a program that comes back by itself.
    pub(crate) async fn login_returning(&self, number: i64) -> Tab {
        let claim = Some((user(number), key_of(number)));
        let opened = self.open_as(DevId::ROOT, claim, None, true).await;
        opened.unwrap()
    }

    pub(crate) async fn open(
        &self,
        dev_id: DevId,
        claim: Option<(UserId, String)>,
    ) -> Result<Tab, HallError> {
        self.open_as(dev_id, claim, None, false).await
    }

    async fn open_as(
        &self,
        dev_id: DevId,
        claim: Option<(UserId, String)>,
        uuid: Option<Uuid>,
        returns: bool,
    ) -> Result<Tab, HallError> {
        let (id, index) = self.hall.next_connection();
        let visitor = Visitor {
            dev_id,
            claim,
            uuid: uuid.unwrap_or_else(|| Uuid::lenient(&format!("tab{}", id.0))),
            user_agent: "test".into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            origin: "".into(),
            language: "".into(),
            client: "js/4.08".into(),
            returns,
            line: Arc::new(pipes::traffic::NoLine),
        };
        let shard = Arc::clone(&self.shards[index]);
        shard.open(id);
        let greeter = Arc::clone(&shard);
        let connection = self
            .hall
            .connect(visitor, id, index, move |authorization| {
                greeter.greet(id, authorization.user);
            })
            .await?;
        Ok(Tab {
            hall: Arc::clone(&self.hall),
            bell: Arc::clone(&self.bell),
            shard,
            connection,
            read: Mutex::new(0),
        })
    }

    pub(crate) fn subscribers(&self, name: &str) -> usize {
        self.hall.subscriber_count(DevId::ROOT, &pipe(name))
    }

    pub(crate) fn history(&self, name: &str) -> Vec<StoredMessage> {
        self.hall.history(DevId::ROOT, &pipe(name)).unwrap()
    }

    /// When a user was last seen, by what has reached the store.
    pub(crate) fn stored_last_seen(&self, number: i64) -> Option<UnixTime> {
        self.store.last_seen(DevId::ROOT, user(number)).unwrap()
    }

    pub(crate) fn mailbox(&self, number: i64) -> Vec<String> {
        let waiting = self.hall.mailbox(DevId::ROOT, user(number)).unwrap();
        waiting
            .iter()
            .map(|mail| mail.message.payload.to_string())
            .collect()
    }
}

/// One browser tab.
pub(crate) struct Tab {
    hall: Arc<Hall>,
    bell: Arc<Bell>,
    shard: Arc<RecordingShard>,
    pub(crate) connection: Arc<Connection>,
    read: Mutex<usize>,
}

impl Tab {
    pub(crate) fn subscribe(&self, names: &[&str]) -> RefusedNames {
        let names: Vec<PipeName> = names.iter().map(|name| pipe(name)).collect();
        self.hall.subscribe(&self.connection, &names)
    }

    pub(crate) async fn publish(
        &self,
        name: &str,
        payload: &str,
    ) -> Result<DeliveryReport, HallError> {
        self.publish_as(name, payload, false).await
    }

    pub(crate) async fn publish_as(
        &self,
        name: &str,
        payload: &str,
        anonymous: bool,
    ) -> Result<DeliveryReport, HallError> {
        let event = EventName::parse("say").unwrap();
        self.hall
            .publish_for(
                &self.connection,
                pipe(name),
                event,
                payload.into(),
                anonymous,
            )
            .await
    }

    /// Everything it was handed, the greeting first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.shard.lines(self.connection.id)
    }

    /// What it was handed since the last time.
    pub(crate) fn news(&self) -> Vec<String> {
        let lines = self.lines();
        let mut read = self.read.lock();
        let news = lines[*read..].to_vec();
        *read = lines.len();
        news
    }

    /// Waits until something ends with `end`.
    pub(crate) async fn hears(&self, end: &str) {
        self.bell
            .until(end, || self.lines().iter().any(|line| line.ends_with(end)))
            .await;
    }

    /// The kernel takes the first `number` of what has a receipt.
    pub(crate) fn kernel_takes(&self, number: usize) {
        for receipt in self.shard.receipts(self.connection.id, number) {
            receipt();
        }
    }

    /// The kernel takes everything, again and again, until something ends with `end`.
    pub(crate) async fn reads_until(&self, end: &str) {
        self.bell
            .until(end, || {
                self.kernel_takes(usize::MAX);
                self.lines().iter().any(|line| line.ends_with(end))
            })
            .await;
        self.kernel_takes(usize::MAX);
    }

    /// The socket breaks: what has no receipt yet never gets one.
    pub(crate) fn breaks(&self) {
        self.shard.close(self.connection.id);
    }

    pub(crate) fn close(&self) {
        self.breaks();
        self.hall.disconnect(&self.connection);
    }
}
