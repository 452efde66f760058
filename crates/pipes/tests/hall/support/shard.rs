//! A shard that writes down what it is handed, keeps the receipts until a test
//! says that the kernel has taken something, and checks what the hall promises
//! to every shard.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use pipes::message::{Event, LiveMessage};
use pipes::name::UserId;
use pipes::shard::{ConnectionId, Delivery, PipeId, Receipt, Shard};
use tokio::sync::watch;

use super::Bell;

pub(crate) struct RecordingShard {
    bell: Arc<Bell>,
    state: Mutex<State>,
    congested: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    members: HashMap<PipeId, BTreeSet<ConnectionId>>,
    inboxes: HashMap<ConnectionId, Inbox>,
    deliveries: u64,
}

#[derive(Default)]
struct Inbox {
    lines: Vec<String>,
    receipts: VecDeque<Receipt>,
    closed: bool,
}

impl RecordingShard {
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        Self {
            bell,
            state: Mutex::default(),
            congested: watch::channel(false).0,
        }
    }

    pub(crate) fn open(&self, id: ConnectionId) {
        self.state.lock().inboxes.insert(id, Inbox::default());
    }

    pub(crate) fn greet(&self, id: ConnectionId, user: Option<UserId>) {
        let line = format!("hello {}", number(user));
        self.state.lock().inbox(id).lines.push(line);
    }

    pub(crate) fn close(&self, id: ConnectionId) {
        let receipts = {
            let mut state = self.state.lock();
            let inbox = state.inbox(id);
            inbox.closed = true;
            std::mem::take(&mut inbox.receipts)
        };
        drop(receipts);
    }

    pub(crate) fn lines(&self, id: ConnectionId) -> Vec<String> {
        self.state.lock().inbox(id).lines.clone()
    }

    pub(crate) fn receipts(&self, id: ConnectionId, most: usize) -> Vec<Receipt> {
        let mut state = self.state.lock();
        let inbox = state.inbox(id);
        let most = most.min(inbox.receipts.len());
        inbox.receipts.drain(..most).collect()
    }

    /// Messages of pipes handed to connections so far.
    pub(crate) fn deliveries(&self) -> u64 {
        self.state.lock().deliveries
    }

    /// Pipes with members here.
    pub(crate) fn pipes(&self) -> usize {
        self.state.lock().members.len()
    }

    pub(crate) fn set_congested(&self, congested: bool) {
        self.congested.send_replace(congested);
    }
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
                let line = line(event.event());
                for member in members.iter().filter(|member| Some(**member) != except) {
                    let inbox = self.inboxes.get_mut(member).expect("a connection");
                    inbox.lines.push(line.clone());
                    self.deliveries += u64::from(matches!(event.event(), Event::Message(_)));
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

impl Shard for RecordingShard {
    fn push(&self, delivery: Delivery) {
        let refused = self.state.lock().take(delivery);
        drop(refused);
        self.bell.ring();
    }

    fn wake(&self) {}

    fn is_congested(&self) -> bool {
        *self.congested.borrow()
    }

    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let mut congested = self.congested.subscribe();
            congested.wait_for(|congested| !congested).await.unwrap();
        })
    }
}

fn number(user: Option<UserId>) -> u32 {
    user.map_or(0, UserId::number)
}

fn line(event: &Event) -> String {
    match event {
        Event::Message(LiveMessage { message, .. }) => {
            format!("{} {}", message.pipe, message.payload)
        }
        Event::Private {
            message,
            from_queue: true,
        } => format!("queued {}", message.payload),
        Event::Private { message, .. } => format!("private {}", message.payload),
        Event::Presence { pipe, online, .. } => {
            format!("{pipe} {}", if *online { "online" } else { "offline" })
        }
        Event::Unsubscribed { pipe, reason, .. } => format!("unsubscribed {pipe}: {reason}"),
        Event::Tracking {
            pipe, joined, user, ..
        } => {
            let did = if *joined { "joined" } else { "left" };
            format!("{pipe} {did} {}", number(*user))
        }
    }
}
