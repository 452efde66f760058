//! The first packet of a connection, the capabilities this server offers, and
//! the auth switch request (compatibility reference §1.1, §1.3).

use super::auth::{Plugin, SALT_LENGTH, Salt};
use super::reply::CHARSET_UTF8MB4;

/// Capability bits, with MySQL's names.
pub(super) mod capability {
    pub(in crate::wire) const LONG_PASSWORD: u32 = 1;
    pub(in crate::wire) const FOUND_ROWS: u32 = 1 << 1;
    pub(in crate::wire) const LONG_FLAG: u32 = 1 << 2;
    pub(in crate::wire) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(in crate::wire) const COMPRESS: u32 = 1 << 5;
    pub(in crate::wire) const IGNORE_SPACE: u32 = 1 << 8;
    pub(in crate::wire) const PROTOCOL_41: u32 = 1 << 9;
    pub(in crate::wire) const INTERACTIVE: u32 = 1 << 10;
    pub(in crate::wire) const SSL: u32 = 1 << 11;
    pub(in crate::wire) const TRANSACTIONS: u32 = 1 << 13;
    pub(in crate::wire) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(in crate::wire) const MULTI_STATEMENTS: u32 = 1 << 16;
    pub(in crate::wire) const MULTI_RESULTS: u32 = 1 << 17;
    pub(in crate::wire) const PS_MULTI_RESULTS: u32 = 1 << 18;
    pub(in crate::wire) const PLUGIN_AUTH: u32 = 1 << 19;
    pub(in crate::wire) const CONNECT_ATTRS: u32 = 1 << 20;
    pub(in crate::wire) const PLUGIN_AUTH_LENENC: u32 = 1 << 21;

    /// What this server always offers; SSL comes with a certificate. Without
    /// COMPRESS, because clients use it when they see it; without DEPRECATE_EOF,
    /// so that there is one format of results.
    pub(in crate::wire) const OFFERED: u32 = LONG_PASSWORD
        | FOUND_ROWS
        | LONG_FLAG
        | CONNECT_WITH_DB
        | IGNORE_SPACE
        | PROTOCOL_41
        | INTERACTIVE
        | TRANSACTIONS
        | SECURE_CONNECTION
        | MULTI_STATEMENTS
        | MULTI_RESULTS
        | PS_MULTI_RESULTS
        | PLUGIN_AUTH
        | CONNECT_ATTRS
        | PLUGIN_AUTH_LENENC;
}

/// The version in the greeting. It begins with MySQL's digits because drivers
/// parse them (compatibility reference §0 rule 1), and must not contain
/// `MariaDB`, which would make drivers use extensions.
pub const SERVER_VERSION: &str = concat!("8.0.36-CometWire-", env!("CARGO_PKG_VERSION"));

/// The payload of the greeting (protocol 10).
pub(super) fn greeting(connection_id: u32, salt: &Salt, offers_tls: bool) -> Vec<u8> {
    let tls = if offers_tls { capability::SSL } else { 0 };
    let [low_0, low_1, high_0, high_1] = (capability::OFFERED | tls).to_le_bytes();
    let (first, second) = salt.as_bytes().split_at(FIRST_PART);
    let mut payload = vec![PROTOCOL_VERSION];
    payload.extend_from_slice(SERVER_VERSION.as_bytes());
    payload.push(0);
    payload.extend_from_slice(&connection_id.to_le_bytes());
    payload.extend_from_slice(first);
    payload.push(0);
    payload.extend_from_slice(&[low_0, low_1]);
    payload.push(CHARSET_UTF8MB4 as u8);
    payload.extend_from_slice(&STATUS_AUTOCOMMIT.to_le_bytes());
    payload.extend_from_slice(&[high_0, high_1]);
    payload.push(SALT_LENGTH as u8 + 1);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(second);
    payload.push(0);
    payload.extend_from_slice(Plugin::Native.name().as_bytes());
    payload.push(0);
    payload
}

/// The payload that asks for another proof.
pub(super) fn auth_switch(plugin: Plugin, salt: &Salt) -> Vec<u8> {
    let mut payload = vec![0xFE];
    payload.extend_from_slice(plugin.name().as_bytes());
    payload.push(0);
    payload.extend_from_slice(salt.as_bytes());
    payload.push(0);
    payload
}

/// The payload that tells a `caching_sha2_password` client its fast proof was
/// good; the OK follows.
pub(super) const FAST_PROOF_ACCEPTED: [u8; 2] = [0x01, 0x03];

const PROTOCOL_VERSION: u8 = 10;
const STATUS_AUTOCOMMIT: u16 = 0x0002;

/// Bytes of the salt before the capabilities.
const FIRST_PART: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_begins_with_three_numbers_and_names_no_other_product() {
        let digits: Vec<_> = SERVER_VERSION
            .split('-')
            .next()
            .unwrap()
            .split('.')
            .collect();
        assert_eq!(digits.len(), 3);
        assert!(digits.iter().all(|part| part.parse::<u8>().is_ok()));
        assert!(!SERVER_VERSION.contains("MariaDB"));
    }

    #[test]
    fn every_field_of_the_greeting_is_in_its_place() {
        let salt = Salt::random();
        let payload = greeting(0x0102_0304, &salt, false);
        let version = SERVER_VERSION.len();
        let rest = &payload[1 + version..];
        assert_eq!(payload[0], 10);
        assert_eq!(&rest[..5], [0, 4, 3, 2, 1]);
        assert_eq!(&rest[5..13], &salt.as_bytes()[..8]);
        assert_eq!(rest[13], 0);
        let capabilities = u32::from_le_bytes([rest[14], rest[15], rest[19], rest[20]]);
        assert_eq!(capabilities, capability::OFFERED);
        assert_eq!(&rest[16..19], [45, 2, 0]);
        assert_eq!(rest[21], 21);
        assert_eq!(&rest[22..32], [0; 10]);
        assert_eq!(&rest[32..44], &salt.as_bytes()[8..]);
        assert_eq!(&rest[44..], b"\0mysql_native_password\0");
    }

    #[test]
    fn tls_is_offered_with_a_certificate_only_and_compression_never() {
        let capabilities = |offers_tls| {
            let payload = greeting(1, &Salt::random(), offers_tls);
            let at = 1 + SERVER_VERSION.len() + 14;
            u32::from(u16::from_le_bytes([payload[at], payload[at + 1]]))
        };
        assert_eq!(
            capabilities(false) & (capability::SSL | capability::COMPRESS),
            0
        );
        assert_eq!(
            capabilities(true) & (capability::SSL | capability::COMPRESS),
            capability::SSL
        );
    }
}
