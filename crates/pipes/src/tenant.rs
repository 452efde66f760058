//! Tenants: which dev_ids exist and the key of each. A browser names its dev_id
//! freely; a backend proves it with the key.

use std::collections::HashMap;
use std::fmt;

use crate::name::DevId;
use crate::secret::Secret;

/// The dev_ids of this server, each with its key. `root` (dev_id 0) always exists.
#[derive(Clone)]
pub struct Tenants {
    keys: HashMap<DevId, Secret>,
}

impl Tenants {
    /// A server whose only tenant is `root`, with this key.
    pub fn new(root_key: impl Into<Box<str>>) -> Self {
        Self {
            keys: HashMap::from([(DevId::ROOT, Secret::new(root_key))]),
        }
    }

    /// Adds a tenant, or replaces its key.
    #[must_use]
    pub fn with(mut self, dev_id: DevId, key: impl Into<Box<str>>) -> Self {
        self.keys.insert(dev_id, Secret::new(key));
        self
    }

    /// The key a backend must know to log in as `dev_id`.
    pub fn key(&self, dev_id: DevId) -> Option<&Secret> {
        self.keys.get(&dev_id)
    }

    /// Whether `dev_id` exists.
    pub fn exists(&self, dev_id: DevId) -> bool {
        self.keys.contains_key(&dev_id)
    }

    /// The tenant a browser belongs to that names `dev_id`. While only dev_id 0
    /// exists every number stands for it, because self-hosted pages carry any.
    pub fn for_browser(&self, dev_id: DevId) -> Option<DevId> {
        if self.exists(dev_id) {
            Some(dev_id)
        } else if self.keys.len() == 1 {
            Some(DevId::ROOT)
        } else {
            None
        }
    }

    /// Every dev_id, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = DevId> + '_ {
        self.keys.keys().copied()
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_root_takes_every_browser() {
        let fifteen = DevId::new(15).unwrap();
        let alone = Tenants::new("k");
        assert_eq!(alone.for_browser(fifteen), Some(DevId::ROOT));
        let two = alone.with(fifteen, "k15");
        assert_eq!(two.for_browser(fifteen), Some(fifteen));
        assert_eq!(two.for_browser(DevId::ROOT), Some(DevId::ROOT));
        assert_eq!(two.for_browser(DevId::new(7).unwrap()), None);
    }

    #[test]
    fn keys_are_never_printed() {
        assert!(!format!("{:?}", Tenants::new("s3cret")).contains("s3cret"));
    }
}
