//! What `pipes_settings` says about pipes: the row, and the table of all rows
//! the hall keeps in memory.

use std::collections::BTreeMap;

use crate::name::{DevId, PipeName};

/// The longest history a pipe may keep (compatibility reference §3.4).
pub const MAX_HISTORY: u32 = 1000;

/// A pipe's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipeSettings {
    /// How many messages the history keeps, 0 to [`MAX_HISTORY`]; 0 stores no
    /// more, except on `trust_` pipes, which always store.
    pub length: u32,
}

/// All rows, as of the last completed write.
pub(crate) struct Settings {
    by_tenant: BTreeMap<DevId, BTreeMap<PipeName, PipeSettings>>,
    rows: usize,
}

impl Settings {
    pub(crate) fn new(rows: Vec<(DevId, PipeName, PipeSettings)>) -> Self {
        let mut settings = Self {
            by_tenant: BTreeMap::new(),
            rows: 0,
        };
        for (dev_id, pipe, row) in rows {
            settings.put(dev_id, pipe, row);
        }
        settings
    }

    pub(crate) fn find(&self, dev_id: DevId, pipe: &PipeName) -> Option<PipeSettings> {
        self.by_tenant.get(&dev_id)?.get(pipe).copied()
    }

    pub(crate) fn put(&mut self, dev_id: DevId, pipe: PipeName, row: PipeSettings) {
        let tenant = self.by_tenant.entry(dev_id).or_default();
        if tenant.insert(pipe, row).is_none() {
            self.rows += 1;
        }
    }

    pub(crate) fn remove(&mut self, dev_id: DevId, pipe: &PipeName) {
        if let Some(tenant) = self.by_tenant.get_mut(&dev_id)
            && tenant.remove(pipe).is_some()
        {
            self.rows -= 1;
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn of_tenant(&self, dev_id: DevId, limit: usize) -> Vec<(PipeName, PipeSettings)> {
        self.by_tenant
            .get(&dev_id)
            .into_iter()
            .flatten()
            .take(limit)
            .map(|(pipe, row)| (pipe.clone(), *row))
            .collect()
    }
}
