//! The page of the language agrees with the language.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cometql::{CometQl, LanguageConfig, reference};
use pipes::limits::Limits;
use pipes::memory_storage::MemoryStorage;
use pipes::tenant::Tenants;
use pipes::{Hall, HallConfig};

/// Set it to have the page written instead of compared.
const WRITE: &str = "COMETWIRE_WRITE_REFERENCE";

#[test]
fn the_page_of_the_language_is_printed_from_its_tables_and_errors() {
    let config = HallConfig {
        limits: Limits::default(),
        tenants: Tenants::new("root"),
        online_events: false,
        offline_events: false,
    };
    let hall = Hall::new(config, Arc::new(MemoryStorage::new()), Vec::new()).unwrap();
    let language = CometQl::new(hall, LanguageConfig::default()).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cometql.md");
    let written = fs::read_to_string(&page).unwrap();
    let printed = reference::refreshed(&written, &language).unwrap();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&page, printed).unwrap();
        return;
    }
    assert!(
        written == printed,
        "docs/cometql.md is stale; write it with {WRITE}=1 cargo test -p cometql --test reference"
    );
}
