//! What the pieces run on: a hall over the memory store, with two shards that
//! take what they are handed and forget it, and the language over it.

use std::future::{Future, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use cometql::{CometQl, CometQlBackend, LanguageConfig};
use pipes::memory_storage::MemoryStorage;
use pipes::name::{DevId, PipeName, Uuid};
use pipes::shard::{Delivery, Shard};
use pipes::tenant::Tenants;
use pipes::traffic::NoLine;
use pipes::{Connection, Hall, HallConfig, Visitor};

/// A pipe that two browsers on different shards are subscribed to.
pub(crate) const READ: &str = "pipe_read";

/// A pipe that nobody reads.
pub(crate) const UNREAD: &str = "pipe_unread";

/// A pipe that nobody reads and that keeps a history.
pub(crate) const KEPT: &str = "trust_kept";

/// A message of 128 bytes, as chats and notifications are.
pub(crate) const PAYLOAD: &str = "{\"id\":1234567,\"from\":\"somebody\",\"text\":\"a message as \
                                  long as most of them are, with a few words in it\",\"at\":1764079201}";

/// The hall, and the browsers that must stay.
pub(crate) struct House {
    pub(crate) hall: Arc<Hall>,
    _browsers: Vec<Arc<Connection>>,
}

impl House {
    /// Opens it.
    pub(crate) async fn open() -> Self {
        let config = HallConfig {
            limits: pipes::limits::Limits::default(),
            tenants: Tenants::new("key"),
            online_events: true,
            offline_events: true,
        };
        let shards = (0..2).map(|_| Arc::<Sink>::default() as Arc<dyn Shard>);
        let hall = Hall::new(config, Arc::new(MemoryStorage::new()), shards.collect());
        let hall = or_stop(hall);
        let mut browsers = Vec::new();
        for _ in 0..2 {
            let (id, shard) = hall.next_connection();
            let browser = or_stop(hall.connect(visitor(), id, shard, |_| ()).await);
            let pipe = or_stop(PipeName::parse(READ));
            assert!(hall.subscribe(&browser, &[pipe]).is_empty());
            browsers.push(browser);
        }
        Self {
            hall,
            _browsers: browsers,
        }
    }

    /// The language over it.
    pub(crate) fn language(&self) -> CometQlBackend {
        let language = CometQl::new(Arc::clone(&self.hall), LanguageConfig::default());
        CometQlBackend(or_stop(language))
    }
}

fn visitor() -> Visitor {
    Visitor {
        dev_id: DevId::ROOT,
        claim: None,
        uuid: Uuid::lenient("browser"),
        user_agent: "".into(),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        origin: "".into(),
        language: "".into(),
        client: "".into(),
        returns: false,
        line: Arc::new(NoLine),
    }
}

/// A shard that forgets.
#[derive(Default)]
struct Sink(Mutex<Vec<Delivery>>);

impl Shard for Sink {
    fn push(&self, delivery: Delivery) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(delivery);
        if waiting.len() > 100 {
            waiting.clear();
        }
    }

    fn wake(&self) {}

    fn is_congested(&self) -> bool {
        false
    }

    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(ready(()))
    }
}

/// Without its house a piece cannot be counted: the program ends.
pub(crate) fn or_stop<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("hotpath: {error}"))
}
