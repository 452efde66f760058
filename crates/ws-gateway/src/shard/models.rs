//! The hand-over between those who publish and a shard's thread as models: in many
//! orders, nobody sleeps over work, nobody waits for room that is there, and a connection
//! gets what was published while it was subscribed and nothing that was another's. The
//! thread here has the worker's queue, its members and its rounds, but no epoll: where the
//! worker waits for sockets it looks, without waiting, whether it was woken, so one that
//! is never woken goes round until the model ends as failed. Nobody stands in for it.
//! Run by `tests/models`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must stop"
)]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use mio::Events;
use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::name::{DevId, EventName, PipeName, Uuid};
use pipes::shard::PipeId;
use pipes::tenant::Tenants;
use pipes::{Change, Hall, HallConfig, Visitor};
use shuttle::future::block_on;
use shuttle::rand::Rng;
use shuttle::scheduler::{RandomScheduler, ReplayScheduler};
use shuttle::{Config, MaxSteps, Runner, thread};
use tokio::sync::watch;

use super::*;
use crate::event::Generation;
use crate::members::Members;
use crate::peer::{Bounds, Peer};
use crate::request::Client;
use crate::round::Round;
use crate::socket::Socket;

/// As `explore` of the hall's models, but at random alone: the thread that looks whether it
/// was woken, again and again, would starve the others in any fixed order of precedence.
fn explore(model: fn()) {
    let mut config = Config::new();
    config.stack_size = 512 * 1024;
    config.max_steps = MaxSteps::FailAfter(20_000);
    if let Ok(schedule) = std::env::var("COMETWIRE_MODEL_REPLAY") {
        let replay = ReplayScheduler::new_from_encoded(&schedule);
        Runner::new(replay, config).run(model);
        return;
    }
    let schedules = std::env::var("COMETWIRE_MODEL_SCHEDULES");
    let schedules = schedules.map_or(300, |number| number.parse().unwrap());
    Runner::new(RandomScheduler::new(schedules), config).run(model);
}

/// A shard's queue with its thread and its usher.
struct House {
    queue: Arc<ShardQueue>,
    stop_usher: watch::Sender<bool>,
    usher: thread::JoinHandle<()>,
    worker: thread::JoinHandle<Worked>,
}

/// What the thread did until it was told to stop.
#[derive(Default)]
struct Worked {
    joins: usize,
}

impl House {
    fn start(backlog_limit: usize, peers: Vec<Peer>, next: Option<Next>) -> Self {
        let usher: Arc<Usher> = Arc::default();
        let queue = ShardQueue::new(backlog_limit, &usher, 0).unwrap();
        let (stop_usher, stopped) = watch::channel(false);
        let shards = vec![Arc::clone(&queue)];
        let mut members = Members::default();
        for peer in peers {
            let seat = members.reserve();
            members.occupy(seat, peer);
        }
        let worker = Worker {
            queue: Arc::clone(&queue),
            poll: queue.take_poll().unwrap(),
            members,
            round: Round::default(),
            next,
            worked: Worked::default(),
        };
        Self {
            queue,
            stop_usher,
            usher: thread::spawn(move || block_on(usher.run(shards, stopped))),
            worker: thread::spawn(move || worker.run()),
        }
    }

    /// As the gateway stops: everybody goes, then the threads.
    fn stop(self) -> Worked {
        self.queue.give(Item::CloseAll(CloseReason::Shutdown));
        self.queue.give(Item::Stop);
        let worked = self.worker.join().unwrap();
        self.stop_usher.send(true).unwrap();
        self.usher.join().unwrap();
        worked
    }
}

/// Somebody who takes a place that has become free, and a word that it has.
type Next = (Peer, Arc<AtomicBool>);

struct Worker {
    queue: Arc<ShardQueue>,
    poll: Poll,
    members: Members,
    round: Round,
    next: Option<Next>,
    worked: Worked,
}

impl Worker {
    fn run(mut self) -> Worked {
        let mut events = Events::with_capacity(1);
        loop {
            let sleeps = self.queue.may_sleep();
            loop {
                self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
                if !sleeps || !events.is_empty() {
                    break;
                }
                thread::yield_now();
            }
            self.queue.wake_up();
            let mut items = Vec::new();
            self.queue.take(&mut items);
            let weight = items.iter().map(Item::weight).sum();
            let mut stops = false;
            for item in items {
                stops |= self.collect(item);
            }
            self.members.send(&mut self.round, &mut Vec::new());
            self.round.clear();
            self.queue.relieve(weight);
            if stops {
                return self.worked;
            }
        }
    }

    /// As the worker does; gives whether it is told to stop.
    fn collect(&mut self, item: Item) -> bool {
        match item {
            Item::Hall(Delivery::Publish {
                pipe,
                event,
                except,
            }) => {
                self.members.publish(pipe, &event, except, &mut self.round);
            }
            Item::Hall(Delivery::Join { connection, pipe }) => {
                self.worked.joins += 1;
                self.members.join(connection, pipe);
            }
            Item::Hall(Delivery::Leave { connection, pipe }) => {
                self.members.part(connection, pipe);
            }
            Item::Ended(id, _) => {
                let seat = self.members.seat(id).unwrap();
                drop(self.members.leave(seat));
                if shuttle::rand::thread_rng().r#gen() {
                    self.let_in();
                }
            }
            Item::Gone(id) => {
                self.members.forget(id);
                self.let_in();
            }
            Item::Stop => return true,
            _ => {}
        }
        false
    }

    /// The next one comes, while the hall may still know the one before, or later.
    fn let_in(&mut self) {
        if let Some((peer, is_in)) = self.next.take() {
            let seat = self.members.reserve();
            self.members.occupy(seat, peer);
            is_in.store(true, Ordering::SeqCst);
        }
    }
}

fn join(number: u64) -> Delivery {
    Delivery::Join {
        connection: ConnectionId(number),
        pipe: PipeId(1),
    }
}

/// What is queued by anybody, and told to the usher, is worked off: the thread does not
/// sleep over it.
#[test]
fn a_shard_never_sleeps_over_work() {
    explore(|| {
        let house = House::start(usize::MAX, Vec::new(), None);
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let queue = Arc::clone(&house.queue);
                thread::spawn(move || {
                    for number in 0..2 {
                        queue.push(join(number));
                        queue.wake();
                    }
                })
            })
            .collect();
        let queue = Arc::clone(&house.queue);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        while queue.backlog() > 0 {
            thread::yield_now();
        }
        assert_eq!(house.stop().joins, 4);
    });
}

/// A publisher that waits while a shard is behind goes on when it is not.
#[test]
fn publishers_wait_for_room_and_go_on() {
    explore(|| {
        let room = Item::Hall(join(1)).weight();
        let house = House::start(room, Vec::new(), None);
        let publishers: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&house.queue);
                thread::spawn(move || {
                    for number in 0..2 {
                        block_on(queue.relieved());
                        queue.push(join(number));
                        queue.wake();
                    }
                })
            })
            .collect();
        // Its readers fall behind, and catch up.
        house.queue.set_ahead(true);
        house.queue.set_ahead(false);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        assert_eq!(house.stop().joins, 6);
    });
}

/// A connection that is queued to, and the other end of its socket.
fn peer(id: ConnectionId) -> (Peer, UnixStream) {
    let (server, client) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    client.set_nonblocking(true).unwrap();
    let bounds = Bounds {
        message_bytes: 1000,
        queued_bytes: 1 << 20,
    };
    let socket = Socket::Local(server);
    let peer = Peer::new(id, Client::Modern, Generation::V4, socket, bounds, None);
    (peer, client)
}

fn hall(queue: &Arc<ShardQueue>) -> Arc<Hall> {
    let config = HallConfig {
        limits: Limits::default(),
        tenants: Tenants::new("root"),
        online_events: true,
        offline_events: true,
    };
    let shards = vec![Arc::clone(queue) as Arc<dyn Shard>];
    Hall::new(config, Arc::new(MemoryStorage::new()), shards).unwrap()
}

fn connect(hall: &Arc<Hall>, id: ConnectionId) -> Arc<Connection> {
    let visitor = Visitor {
        dev_id: DevId::ROOT,
        claim: None,
        uuid: Uuid::lenient("model"),
        user_agent: "model".into(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        origin: "".into(),
        language: "".into(),
        client: "js/4.08".into(),
        returns: false,
        line: Arc::new(pipes::traffic::NoLine),
    };
    block_on(hall.connect(visitor, id, 0, |_| ())).unwrap()
}

fn subscribe(hall: &Arc<Hall>, connection: &Arc<Connection>) {
    hall.subscribe(connection, &[PipeName::parse("web_race").unwrap()]);
}

/// Publishes `<letter>1` to `<letter>3`; gives how many receivers each was told.
fn publish(hall: &Arc<Hall>, letter: char) -> Vec<u64> {
    let numbers = 1..=3;
    let told = numbers.map(|number| {
        let change = Change::Publish {
            pipe: PipeName::parse("web_race").unwrap(),
            event: EventName::parse("e").unwrap(),
            payload: format!("{letter}{number}").into(),
        };
        match block_on(hall.apply(DevId::ROOT, vec![change])).unwrap()[0] {
            pipes::Effect::Published { receivers, .. } => receivers,
            other => panic!("{other:?}"),
        }
    });
    told.collect()
}

/// The payloads that reached the other end of a socket.
fn read(client: &mut UnixStream) -> Vec<String> {
    let mut bytes = Vec::new();
    // Ends at what is not there yet, or at the end.
    let _ = client.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let payloads = text.split(r#""data":""#).skip(1);
    payloads
        .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
        .collect()
}

/// From the statement to the socket: what is published while somebody is subscribed is
/// what it is sent, in order.
#[test]
fn what_is_published_while_subscribed_is_what_is_sent() {
    explore(|| {
        let (witness, mut witnessed) = peer(ConnectionId(1));
        let (newcomer, mut heard) = peer(ConnectionId(2));
        let house = House::start(usize::MAX, vec![witness, newcomer], None);
        let hall = hall(&house.queue);
        let [witness, newcomer] = [1, 2].map(|id| connect(&hall, ConnectionId(id)));
        subscribe(&hall, &witness);
        let publishing = thread::spawn({
            let hall = Arc::clone(&hall);
            move || publish(&hall, 'a')
        });
        subscribe(&hall, &newcomer);
        let told = publishing.join().unwrap();
        house.stop();
        let all = ["a1", "a2", "a3"];
        assert_eq!(read(&mut witnessed), all);
        let counted = told.iter().filter(|told| **told == 2).count();
        assert_eq!(read(&mut heard), all[all.len() - counted..]);
    });
}

/// Whoever takes the place of one who has gone gets nothing that was meant for that one.
#[test]
fn a_successor_gets_nothing_of_its_predecessor() {
    explore(|| {
        let (leaving, _gone) = peer(ConnectionId(1));
        let (successor, mut heard) = peer(ConnectionId(2));
        let (stays, _stayed) = peer(ConnectionId(3));
        let is_in = Arc::new(AtomicBool::new(false));
        let next = (successor, Arc::clone(&is_in));
        let house = House::start(usize::MAX, vec![leaving, stays], Some(next));
        let hall = hall(&house.queue);
        let leaving = connect(&hall, ConnectionId(1));
        subscribe(&hall, &leaving);
        // The pipe lives on without the one who leaves.
        subscribe(&hall, &connect(&hall, ConnectionId(3)));
        let publishing = thread::spawn({
            let hall = Arc::clone(&hall);
            move || publish(&hall, 'a')
        });
        // As the worker lets one go: its seat, the hall, then the place itself.
        house.queue.give(Item::Ended(leaving.id, End::Gone));
        hall.disconnect(&leaving);
        house.queue.give(Item::Gone(leaving.id));
        while !is_in.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let successor = connect(&hall, ConnectionId(2));
        hall.subscribe(&successor, &[PipeName::parse("web_other").unwrap()]);
        publishing.join().unwrap();
        subscribe(&hall, &successor);
        assert_eq!(publish(&hall, 'b'), [2, 2, 2]);
        house.stop();
        assert_eq!(read(&mut heard), ["b1", "b2", "b3"]);
    });
}
