//! What is read before a browser is let in: its handshake, the address it asks for,
//! what its proxy says of it, and a token. No token that was not signed is one.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pipes::message::UnixTime;
use pipes::name::DevId;
use pipes::tenant::Tenants;
use pipes::token::TokenText;
use ws_gateway::fuzzing;

static TENANTS: LazyLock<Tenants> = LazyLock::new(|| Tenants::new("a key nobody can guess"));

fuzz_target!(|bytes: &[u8]| {
    fuzzing::a_forwarded_address_is_one(bytes);
    fuzzing::a_handshake_has_one_answer(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    fuzzing::an_address_is_read_or_refused(text);
    assert_eq!(TENANTS.token_user(DevId::ROOT, text, UnixTime(0)), None);
    if let Ok(token) = TokenText::new(text) {
        let _ = token.expires();
    }
});
