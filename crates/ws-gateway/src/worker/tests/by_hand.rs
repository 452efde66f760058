//! A shard without its thread: the test takes the worker's turns itself, and looks at
//! it in between.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};

use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::tenant::Tenants;
use pipes::{Hall, HallConfig};

use super::*;
use crate::config::GatewayConfig;
use crate::request::BrowserHeaders;
use crate::server::Shards;
use crate::socket::Socket;

const DEADLINE: Duration = Duration::from_secs(20);

/// A gateway of one shard, and the shard's worker.
pub(crate) struct ByHand {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) worker: Worker,
    poll: Poll,
    events: Events,
    _running: watch::Sender<bool>,
}

impl ByHand {
    /// Needs a runtime with a thread of its own for what the worker sends away.
    pub(crate) fn new(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let mut config = GatewayConfig::default();
        // Sweeps bound how long an idle turn waits.
        config.limits.keep_alive = Duration::from_secs(3);
        change(&mut config);
        let shards = Shards::new(1, &config).unwrap();
        let hall_config = HallConfig {
            limits: Limits::default(),
            tenants: Tenants::new("k"),
            online_events: true,
            offline_events: true,
        };
        let storage = Arc::new(MemoryStorage::new());
        let hall = Hall::new(hall_config, storage, shards.for_hall()).unwrap();
        let gateway = Gateway::new(hall, shards, config);
        let (running, stopped) = watch::channel(false);
        let (worker, poll) = Worker::new(&gateway, 0, Handle::current(), stopped).unwrap();
        usher::begin_errands();
        Self {
            gateway,
            worker,
            poll,
            events: Events::with_capacity(EVENTS),
            _running: running,
        }
    }

    /// One turn of the worker, as its thread takes them.
    pub(crate) fn turn(&mut self) {
        let patience = self.worker.patience();
        self.poll.poll(&mut self.events, Some(patience)).unwrap();
        self.worker.queue.wake_up();
        self.worker.take_turn(&self.events);
    }

    /// Turns until something is true that must become so.
    pub(crate) fn turn_until(&mut self, what: impl Fn(&mut Worker) -> bool) {
        let start = Instant::now();
        while !what(&mut self.worker) {
            assert!(start.elapsed() < DEADLINE, "not within the deadline");
            self.turn();
        }
    }

    /// An anonymous connection that has been let in, and its browser's end.
    pub(crate) fn connect(&mut self) -> (Seat, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let (id, _) = self.gateway.hall.next_connection();
        let seat = self.worker.members.reserve();
        let parameters = "sesion=undefined&myid=undefined&devid=0&v=4.08&uuid=u&api=own";
        let arrival = Arrival {
            id,
            socket: Socket::Plain(server),
            answer: None,
            early: Vec::new(),
            parameters: parameters.to_owned(),
            headers: BrowserHeaders::read(&hyper::HeaderMap::new()),
            address: Ipv4Addr::LOCALHOST.into(),
            permit: None,
            watched: false,
            readable: true,
        };
        self.worker.open(seat, arrival);
        self.turn_until(|worker| worker.is_open(seat));
        (seat, client)
    }

    /// A connection as its commands see it.
    pub(crate) fn session(&mut self, seat: Seat) -> Session {
        let peer = self.worker.members.peer(seat).unwrap();
        Session {
            gateway: Arc::clone(&self.gateway),
            queue: Arc::clone(&self.worker.queue),
            connection: Arc::clone(peer.connection.as_ref().unwrap()),
            generation: peer.generation,
        }
    }

    /// A connection's number in the hall.
    pub(crate) fn id(&mut self, seat: Seat) -> ConnectionId {
        self.worker.members.peer(seat).unwrap().id
    }
}

impl Worker {
    pub(crate) fn is_open(&mut self, seat: Seat) -> bool {
        let peer = self.members.peer(seat);
        peer.is_some_and(|peer| peer.phase == Phase::Open)
    }
}

/// A short frame of a browser, masked with zeros.
pub(crate) fn from_browser(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// Everything the server says until it ends; a reset is an end, too.
pub(crate) fn to_end(mut client: TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let _ = client.read_to_end(&mut heard);
    heard
}
