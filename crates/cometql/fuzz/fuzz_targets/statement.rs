//! One statement from its text to its rows: parsed, checked, rewritten for
//! SQLite and run, once prepared and once not.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use cometql::answer::Parameter;
use cometql::backend::{Backend, Login, Session};
use cometql::error::{ErrorKind, SqlError};
use cometql::query::QueryLimits;
use cometql::{CometQl, CometQlBackend, CometQlSession, LanguageConfig};
use libfuzzer_sys::fuzz_target;
use pipes::memory_storage::MemoryStorage;
use pipes::tenant::Tenants;
use pipes::{Hall, HallConfig};
use tokio::runtime::Runtime;

fuzz_target!(|text: &str| {
    HOUSE.with_borrow_mut(|House { runtime, session }| {
        let _inside = runtime.enter();
        session.reset();
        let prepared = session.prepare(text);
        let parameters = prepared.as_ref().map_or(0, |prepared| prepared.parameters);
        look_at(prepared.err());
        if parameters > 64 {
            return;
        }
        let values: Vec<Parameter> = PARAMETERS
            .iter()
            .cycle()
            .take(parameters)
            .cloned()
            .collect();
        look_at(runtime.block_on(session.execute(text, &values)).err());
    });
});

/// A statement may be refused for any reason but that we wrote bad SQL.
fn look_at(error: Option<SqlError>) {
    if let Some(error) = error {
        assert_ne!(error.kind, ErrorKind::Internal, "{error}");
    }
}

const PARAMETERS: [Parameter; 4] = [
    Parameter::Integer(-1),
    Parameter::Null,
    Parameter::Unsigned(u64::MAX),
    Parameter::Real(0.5),
];

struct House {
    runtime: Runtime,
    session: CometQlSession,
}

impl House {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without sockets");
        let hall = HallConfig {
            limits: pipes::limits::Limits::default(),
            tenants: Tenants::new("root"),
            online_events: true,
            offline_events: true,
        };
        let hall = Hall::new(hall, Arc::new(MemoryStorage::new()), Vec::new());
        let language = LanguageConfig {
            query: QueryLimits {
                max_rows: 1000,
                max_bytes: 1 << 20,
                max_time: Duration::from_millis(300),
                max_scanned_rows: 20_000,
                max_concurrent: 1,
            },
            ..LanguageConfig::default()
        };
        let language = hall.map(|hall| CometQl::new(hall, language));
        let language = language.expect("a hall").expect("a language");
        let login = Login {
            user: "root".into(),
            database: None,
            address: None,
            connection_id: 1,
            tls: None,
            counts_found_rows: false,
        };
        let session = CometQlBackend(language).open(login).expect("a session");
        Self { runtime, session }
    }
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new());
}
