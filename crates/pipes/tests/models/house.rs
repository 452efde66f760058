//! A hall for models: over the memory store, with shards that write down for each
//! connection what it is handed. All of it runs on the model checker's threads.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;

use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::message::{Event, LiveMessage};
use pipes::name::{AccessKey, DevId, EventName, PipeName, UserId, Uuid};
use pipes::settings::PipeSettings;
use pipes::shard::{ConnectionId, Delivery, PipeId, Receipt, Shard};
use pipes::sync::Mutex;
use pipes::tenant::Tenants;
use pipes::{Change, Connection, Effect, Hall, HallConfig, Visitor};
use shuttle::future::block_on;

const SHARDS: usize = 2;
pub(crate) const KEY: &str = "key";

pub(crate) fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}

pub(crate) fn pipe(name: &str) -> PipeName {
    PipeName::parse(name).unwrap()
}

pub(crate) fn publish(name: &str, payload: &str) -> Change {
    Change::Publish {
        pipe: pipe(name),
        event: EventName::parse("say").unwrap(),
        payload: payload.into(),
    }
}

pub(crate) fn letter(number: i64, payload: &str) -> Change {
    Change::SendPrivate {
        user: Some(user(number)),
        event: EventName::parse("").unwrap(),
        payload: payload.into(),
    }
}

pub(crate) fn put_key(number: i64) -> Change {
    Change::PutKey {
        user: user(number),
        key: AccessKey::parse(KEY).unwrap(),
    }
}

pub(crate) fn keep(name: &str, length: u32) -> Change {
    Change::PutSettings {
        pipe: pipe(name),
        settings: PipeSettings::of_length(length),
    }
}

#[derive(Clone)]
pub(crate) struct House {
    pub(crate) hall: Arc<Hall>,
    shards: Vec<Arc<WritingShard>>,
}

impl House {
    pub(crate) fn start() -> Self {
        let config = HallConfig {
            limits: Limits::default(),
            tenants: Tenants::new("root"),
            online_events: true,
            offline_events: true,
        };
        let shards: Vec<_> = (0..SHARDS)
            .map(|_| Arc::new(WritingShard::default()))
            .collect();
        let handles = shards
            .iter()
            .map(|shard| Arc::clone(shard) as Arc<dyn Shard>)
            .collect();
        let hall = Hall::new(config, Arc::new(MemoryStorage::new()), handles).unwrap();
        Self { hall, shards }
    }

    /// Carries out a statement as a backend's session does, and waits for its answer.
    pub(crate) fn apply(&self, changes: Vec<Change>) -> Vec<Effect> {
        block_on(self.hall.apply(DevId::ROOT, changes)).unwrap()
    }

    /// Publishes, and gives how many receivers it was told.
    pub(crate) fn publish(&self, name: &str, payload: &str) -> u64 {
        match self.apply(vec![publish(name, payload)])[0] {
            Effect::Published { receivers, .. } => receivers,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn anonymous(&self) -> Tab {
        self.open(None)
    }

    /// Claims to be a user, with the key that would be right.
    pub(crate) fn claim(&self, number: i64) -> Tab {
        self.open(Some((user(number), KEY.into())))
    }

    fn open(&self, claim: Option<(UserId, String)>) -> Tab {
        let (id, index) = self.hall.next_connection();
        let visitor = Visitor {
            dev_id: DevId::ROOT,
            claim,
            uuid: Uuid::lenient(&format!("tab{}", id.0)),
            user_agent: "model".into(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            origin: "".into(),
            language: "".into(),
            client: "js/4.08".into(),
            returns: false,
            line: Arc::new(pipes::traffic::NoLine),
        };
        let shard = Arc::clone(&self.shards[index]);
        shard.0.lock().inboxes.insert(id, Inbox::default());
        let connection = block_on(self.hall.connect(visitor, id, index, |_| ())).unwrap();
        Tab {
            hall: Arc::clone(&self.hall),
            shard,
            connection,
        }
    }

    pub(crate) fn subscribers(&self, name: &str) -> usize {
        self.hall.subscriber_count(DevId::ROOT, &pipe(name))
    }

    /// Payloads that wait in a mailbox.
    pub(crate) fn mailbox(&self, number: i64) -> Vec<String> {
        let waiting = self.hall.mailbox(DevId::ROOT, user(number)).unwrap();
        let payloads = waiting.iter().map(|mail| mail.message.payload.to_string());
        payloads.collect()
    }

    /// Everybody has left: nothing of them is left.
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.hall.counters().connections(), 0);
        assert_eq!(self.hall.users_online(DevId::ROOT), 0);
        assert_eq!(self.hall.pipes(DevId::ROOT), []);
        for shard in &self.shards {
            assert!(shard.0.lock().members.is_empty(), "a member without a pipe");
        }
    }
}

/// One browser tab.
#[derive(Clone)]
pub(crate) struct Tab {
    hall: Arc<Hall>,
    shard: Arc<WritingShard>,
    pub(crate) connection: Arc<Connection>,
}

impl Tab {
    pub(crate) fn subscribe(&self, names: &[&str]) {
        let names: Vec<PipeName> = names.iter().map(|name| pipe(name)).collect();
        self.hall.subscribe(&self.connection, &names);
    }

    /// What came after `prefix`, in order.
    pub(crate) fn heard(&self, prefix: &str) -> Vec<String> {
        let mut state = self.shard.0.lock();
        let lines = state.inbox(self.connection.id).lines.iter();
        let wanted = lines.filter_map(|line| line.strip_prefix(prefix)?.strip_prefix(' '));
        wanted.map(str::to_owned).collect()
    }

    pub(crate) fn heard_numbers(&self, prefix: &str) -> Vec<u64> {
        let heard = self.heard(prefix);
        heard.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The kernel takes all that has a receipt.
    pub(crate) fn kernel_takes_all(&self) {
        let receipts = std::mem::take(&mut self.shard.0.lock().inbox(self.connection.id).receipts);
        receipts.into_iter().for_each(|receipt| receipt());
    }

    /// The socket breaks, what has no receipt yet never gets one, and the hall lets go.
    pub(crate) fn close(&self) {
        let mut state = self.shard.0.lock();
        let inbox = state.inbox(self.connection.id);
        inbox.closed = true;
        let receipts = std::mem::take(&mut inbox.receipts);
        drop(state);
        drop(receipts);
        self.hall.disconnect(&self.connection);
    }
}

/// Works off what it is handed at once, in the order of its queue.
#[derive(Default)]
struct WritingShard(Mutex<State>);

#[derive(Default)]
struct State {
    members: HashMap<PipeId, BTreeSet<ConnectionId>>,
    inboxes: HashMap<ConnectionId, Inbox>,
}

#[derive(Default)]
struct Inbox {
    lines: Vec<String>,
    receipts: VecDeque<Receipt>,
    closed: bool,
}

impl State {
    fn inbox(&mut self, id: ConnectionId) -> &mut Inbox {
        self.inboxes
            .get_mut(&id)
            .expect("a connection of this shard")
    }

    fn take(&mut self, delivery: Delivery) -> Option<Receipt> {
        match delivery {
            Delivery::Join { connection, pipe } => {
                let fresh = self.members.entry(pipe).or_default().insert(connection);
                assert!(fresh, "{connection:?} joined {pipe:?} twice");
            }
            Delivery::Leave { connection, pipe } => {
                let members = self.members.get_mut(&pipe).expect("a pipe with members");
                assert!(members.remove(&connection), "left without having joined");
                if members.is_empty() {
                    self.members.remove(&pipe);
                }
            }
            Delivery::Publish {
                pipe,
                event,
                except,
            } => {
                let members = self.members.get(&pipe).expect("no item without a member");
                for member in members.iter().filter(|member| Some(**member) != except) {
                    let inbox = self.inboxes.get_mut(member).expect("a connection");
                    inbox.lines.push(line(event.event()));
                }
            }
            Delivery::Direct {
                connection,
                event,
                receipt,
            } => {
                let inbox = self.inbox(connection);
                if inbox.closed {
                    return receipt;
                }
                inbox.lines.push(line(event.event()));
                inbox.receipts.extend(receipt);
            }
            Delivery::Close { connection, reason } => {
                let line = format!("closed {}", reason.as_str());
                self.inbox(connection).lines.push(line);
            }
        }
        None
    }
}

impl Shard for WritingShard {
    fn push(&self, delivery: Delivery) {
        let refused = self.0.lock().take(delivery);
        drop(refused);
    }

    fn wake(&self) {}

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
            format!("{} {}", message.pipe, message.payload)
        }
        Event::Private { message, .. } => format!("letter {}", message.payload),
        Event::Presence { pipe, online, .. } => format!("{pipe} {online}"),
        Event::Unsubscribed { pipe, .. } => format!("unsubscribed {pipe}"),
        Event::Tracking {
            pipe,
            version,
            joined,
            member,
            ..
        } => {
            format!("{pipe} {} {joined} {member}", version.version)
        }
    }
}
