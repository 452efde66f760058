//! Proofs of a key: the two password plugins MySQL clients know, their salts,
//! and the comparison. Nothing here reads or writes packets.
//!
//! The server knows the clear key, so the fast proof of `caching_sha2_password`
//! is enough; the plugin's full exchange (RSA, TLS) is never needed
//! (compatibility reference §1.3).

use rand::Rng;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::backend::Account;

/// A way to prove a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    /// `mysql_native_password`: SHA-1, a response of 20 bytes.
    Native,
    /// `caching_sha2_password`: SHA-256, a response of 32 bytes.
    CachingSha2,
}

impl Plugin {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
        }
    }

    /// What a client that knows `key` answers to `salt`.
    fn response(self, key: &[u8], salt: &Salt) -> Vec<u8> {
        match self {
            Self::Native => native(key, salt),
            Self::CachingSha2 => caching_sha2(key, salt),
        }
    }
}

/// Twenty random bytes a proof is mixed with; each login has its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Salt([u8; SALT_LENGTH]);

impl Salt {
    /// A fresh one from the operating system's generator by way of ChaCha.
    /// No NUL (it ends strings), no byte over 127, no `$` (it separates fields
    /// in stored passwords).
    pub(super) fn random() -> Self {
        let mut generator = rand::rng();
        Self(std::array::from_fn(|_| {
            match generator.random_range(1..=126u8) {
                b'$' => 127,
                byte => byte,
            }
        }))
    }

    pub(super) fn as_bytes(&self) -> &[u8; SALT_LENGTH] {
        &self.0
    }
}

/// Whether `response` proves what `account` demands. Takes the same time for a
/// wrong key, an unknown user and an empty response.
pub(super) fn proves(account: &Account, plugin: Plugin, salt: &Salt, response: &[u8]) -> bool {
    // An empty key is nobody's: every empty response would match it.
    let (key, known) = match account {
        Account::Key(key) if !key.is_empty() => (key.reveal(), 1),
        Account::Key(_) | Account::NoKey | Account::Unknown => (NOBODYS_KEY, 0),
    };
    let expected = plugin.response(key.as_bytes(), salt);
    let matches = expected.ct_eq(response) & Choice::from(known);
    bool::from(matches) || (matches!(account, Account::NoKey) && is_empty(response))
}

/// Whether a response means "no password". sha2 clients send it as one NUL.
pub(super) fn is_empty(response: &[u8]) -> bool {
    matches!(response, [] | [0])
}

/// Bytes of a salt.
pub(super) const SALT_LENGTH: usize = 20;

/// Hashed in place of the key of a user who does not exist.
const NOBODYS_KEY: &str = "a key of the usual length that nobody has, 64 characters or so..";

/// `SHA1(key) XOR SHA1(salt + SHA1(SHA1(key)))`.
fn native(key: &[u8], salt: &Salt) -> Vec<u8> {
    let once = Sha1::digest(key);
    let twice = Sha1::digest(once);
    let mixed = Sha1::new()
        .chain_update(salt.0)
        .chain_update(twice)
        .finalize();
    xor(&once, &mixed)
}

/// `SHA256(key) XOR SHA256(SHA256(SHA256(key)) + salt)`: here the salt is last.
fn caching_sha2(key: &[u8], salt: &Salt) -> Vec<u8> {
    let once = Sha256::digest(key);
    let twice = Sha256::digest(once);
    let mixed = Sha256::new()
        .chain_update(twice)
        .chain_update(salt.0)
        .finalize();
    xor(&once, &mixed)
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use pipes::secret::Secret;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect()
    }

    const SALT: Salt = Salt(*b"0123456789abcdefghij");

    fn key() -> Account {
        Account::Key(Secret::new("CometQLPassword"))
    }

    // Computed with Python's hashlib.
    const NATIVE: &str = "0a75fbfef4477da5f40112a1bc68ede90f5ee88c";
    const SHA2: &str = "ad8ed2d462f93b9088d34e8ed8a415bc23a9ff08f0c518071ca4186ee8ed8d8c";

    #[test]
    fn the_native_proof_of_the_key_is_accepted() {
        assert!(proves(&key(), Plugin::Native, &SALT, &hex(NATIVE)));
    }

    #[test]
    fn the_sha2_proof_of_the_key_is_accepted() {
        assert!(proves(&key(), Plugin::CachingSha2, &SALT, &hex(SHA2)));
    }

    #[test]
    fn a_proof_is_good_for_its_own_plugin_and_salt_only() {
        assert!(!proves(&key(), Plugin::CachingSha2, &SALT, &hex(NATIVE)));
        assert!(!proves(&key(), Plugin::Native, &SALT, &hex(SHA2)));
        let other = Salt(*b"0123456789abcdefghik");
        assert!(!proves(&key(), Plugin::Native, &other, &hex(NATIVE)));
    }

    #[test]
    fn every_changed_bit_of_a_proof_is_noticed() {
        for (plugin, proof) in [(Plugin::Native, NATIVE), (Plugin::CachingSha2, SHA2)] {
            for bit in 0..hex(proof).len() * 8 {
                let mut wrong = hex(proof);
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert!(!proves(&key(), plugin, &SALT, &wrong));
            }
        }
    }

    #[test]
    fn an_empty_response_is_only_for_accounts_without_a_key() {
        for empty in [&[][..], &[0]] {
            for plugin in [Plugin::Native, Plugin::CachingSha2] {
                assert!(proves(&Account::NoKey, plugin, &SALT, empty));
                assert!(!proves(&key(), plugin, &SALT, empty));
                assert!(!proves(&Account::Unknown, plugin, &SALT, empty));
                assert!(!proves(
                    &Account::Key(Secret::new("")),
                    plugin,
                    &SALT,
                    empty
                ));
            }
        }
    }

    #[test]
    fn nothing_proves_an_unknown_user_or_an_empty_key() {
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            for key in ["", NOBODYS_KEY] {
                let response = plugin.response(key.as_bytes(), &SALT);
                assert!(!proves(&Account::Unknown, plugin, &SALT, &response));
                assert!(!proves(&Account::NoKey, plugin, &SALT, &response));
                let empty = Account::Key(Secret::new(""));
                assert!(!proves(&empty, plugin, &SALT, &response));
            }
        }
    }

    #[test]
    fn salts_are_printable_enough_for_every_client_and_differ() {
        let salts: Vec<Salt> = (0..2000).map(|_| Salt::random()).collect();
        for salt in &salts {
            assert!(
                salt.0
                    .iter()
                    .all(|&byte| (1..=127).contains(&byte) && byte != b'$')
            );
        }
        assert!(salts.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
