//! How many connections each address has open, where that is bounded. Behind a
//! proxy that is not named all of them have one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// The connections of every address.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// How many one may have; 0 is any number.
    limit: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
    /// How many were one too many.
    refused: AtomicU64,
}

/// The place of one connection; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// At most `limit` connections from one address; 0 for any number.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            ..Self::default()
        })
    }

    /// A place for one more connection, nothing where none is needed.
    ///
    /// # Errors
    /// The bound, when it is reached.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Option<Box<Place>>, usize> {
        if self.limit == 0 {
            return Ok(None);
        }
        let address = household(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(self.limit);
        }
        *count += 1;
        Ok(Some(Box::new(Place {
            addresses: Arc::clone(self),
            address,
        })))
    }

    /// How many connections were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// What one customer of a provider has: of IPv6 a whole network (RFC 6177).
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_places_and_gets_them_back() {
        let addresses = Addresses::new(2);
        let one = address("192.0.2.1");
        let first = addresses.enter(one).unwrap();
        let second = addresses.enter(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(addresses.enter(one).unwrap_err(), 2);
        assert!(addresses.enter(address("192.0.2.2")).is_ok());
        drop(first);
        assert!(addresses.enter(one).is_ok());
        drop(second);
        assert_eq!(addresses.refused(), 1);
        assert!(addresses.open.lock().is_empty(), "nothing stays behind");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let addresses = Addresses::new(1);
        let _place = addresses.enter(address("2001:db8:1:2::1")).unwrap();
        assert!(addresses.enter(address("2001:db8:1:2:ffff::9")).is_err());
        assert!(addresses.enter(address("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn without_a_bound_nobody_is_counted() {
        let addresses = Addresses::new(0);
        assert!(addresses.enter(address("192.0.2.1")).unwrap().is_none());
        assert!(addresses.open.lock().is_empty());
    }
}
