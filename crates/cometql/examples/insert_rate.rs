//! What the language costs: N plain INSERTs through `Session::execute`, into a
//! pipe without history and without subscribers, over a store in memory. No
//! wire, no disk.
//!
//! `cargo run --release -p cometql --example insert_rate -- [N]`

use std::error::Error;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use cometql::backend::{Backend, Login, Session};
use cometql::{CometQl, CometQlBackend, LanguageConfig};
use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::shard::{Delivery, Shard};
use pipes::tenant::Tenants;
use pipes::{Hall, HallConfig};

/// Nobody is subscribed, so nothing ever gets here.
struct Nowhere;

impl Shard for Nowhere {
    fn push(&self, _: Delivery) {}

    fn wake(&self) {}

    fn is_congested(&self) -> bool {
        false
    }

    fn relieved(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(ready(()))
    }
}

const STATEMENTS: [(&str, &str); 3] = [
    (
        "plain text",
        "INSERT INTO pipes_messages (name, event, message)VALUES('pipe_name', 'event_in_pipe', 'hello')",
    ),
    (
        "escaped JSON",
        r#"INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userLogin', '{\"name\":\"\\u0412\\u0438\\u043a\",\"text\":\"it\'s\"}')"#,
    ),
    (
        "by the parser",
        "INSERT INTO pipes_messages (name, event, message) VALUES (pipe, 'event', 'hello') /* x */",
    ),
];

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 1_000_000,
    };
    let config = HallConfig {
        limits: Limits::default(),
        tenants: Tenants::new("root"),
        online_events: true,
        offline_events: true,
    };
    let hall = Hall::new(
        config,
        Arc::new(MemoryStorage::new()),
        vec![Arc::new(Nowhere)],
    )?;
    let backend = CometQlBackend(CometQl::new(hall, LanguageConfig::default())?);
    let mut session = backend.open(Login {
        user: "root".to_owned(),
        database: None,
        address: None,
        connection_id: 1,
        tls: None,
        counts_found_rows: false,
    })?;
    for (name, statement) in STATEMENTS {
        let started = Instant::now();
        for _ in 0..count {
            session.execute(statement, &[]).await?;
        }
        let each = started.elapsed().as_nanos() / u128::from(count.max(1));
        println!("{name:>14}: {each:>6} ns a statement ({count} statements)");
    }
    Ok(())
}
