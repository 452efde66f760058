//! Failed logins whose answers are held back, counted by where they come from.
//! An address that guesses keys on many connections at once is soon refused
//! before it is greeted, which costs neither a salt nor a hash.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

/// The failures that wait for their answers. Each is a connection, so there are
/// never more than [`max_connections`](super::Limits::max_connections).
pub(super) struct Failures {
    waiting: Mutex<HashMap<IpAddr, usize>>,
    most: usize,
}

impl Failures {
    /// None; `most` may wait for one address.
    pub(super) fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            most: most.max(1),
        }
    }

    /// Whether `address` has as many failures waiting as it may have. Never on
    /// a Unix socket, which has no address.
    pub(super) fn are_too_many(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| {
            let waiting = self.waiting.lock();
            waiting
                .get(&network(address))
                .is_some_and(|&waiting| waiting >= self.most)
        })
    }

    /// One more failure, until the result is dropped.
    pub(super) fn hold(&self, address: Option<IpAddr>) -> Held<'_> {
        let network = address.map(network);
        if let Some(network) = network {
            *self.waiting.lock().entry(network).or_default() += 1;
        }
        Held {
            failures: self,
            network,
        }
    }
}

/// A failure that waits for its answer.
pub(super) struct Held<'a> {
    failures: &'a Failures,
    network: Option<IpAddr>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut waiting = self.failures.waiting.lock();
        match waiting.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                waiting.remove(&network);
            }
        }
    }
}

/// What one client can choose its address from: the address itself, or the
/// first half of one of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_is_refused_while_as_many_failures_wait_as_it_may_have() {
        let failures = Failures::new(2);
        let first = failures.hold(address("10.0.0.1"));
        assert!(!failures.are_too_many(address("10.0.0.1")));
        let second = failures.hold(address("10.0.0.1"));
        assert!(failures.are_too_many(address("10.0.0.1")));
        assert!(!failures.are_too_many(address("10.0.0.2")));
        drop(first);
        assert!(!failures.are_too_many(address("10.0.0.1")));
        drop(second);
        assert!(failures.waiting.lock().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let failures = Failures::new(1);
        let _held = failures.hold(address("2001:db8:1:2::3"));
        assert!(failures.are_too_many(address("2001:db8:1:2:ffff::1")));
        assert!(!failures.are_too_many(address("2001:db8:1:3::3")));
    }

    #[test]
    fn a_unix_socket_is_never_refused() {
        let failures = Failures::new(1);
        let _held = [failures.hold(None), failures.hold(None)];
        assert!(!failures.are_too_many(None));
    }
}
