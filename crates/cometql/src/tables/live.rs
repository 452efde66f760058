//! What the tables of live connections share: whose rows a session may see, and
//! finding connections by the keys of a condition.

use std::sync::Arc;

use pipes::Hall;
use pipes::connection::Connection;
use pipes::name::DevId;
use pipes::shard::ConnectionId;

use super::tenant;
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, Value};

/// Whose rows a statement sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Every tenant's: root's, while it works for no other dev_id.
    All,
    /// One tenant's.
    Own(DevId),
    /// Nobody's: the condition asks for a tenant the session may not see.
    Nobody,
}

impl Sight {
    /// The sight of a session.
    ///
    /// # Errors
    /// `Internal`, for a session of no tenant.
    pub(crate) fn of_session(context: &SessionContext) -> Result<Self, SqlError> {
        Ok(match tenant(context.dev_id)? {
            DevId::ROOT => Self::All,
            own => Self::Own(own),
        })
    }

    /// The same, narrowed by a condition on `column`, which holds the dev_id.
    ///
    /// # Errors
    /// As [`Sight::of_session`].
    pub(super) fn of(
        context: &SessionContext,
        filter: &KeyFilter<'_>,
        column: usize,
    ) -> Result<Self, SqlError> {
        let sight = Self::of_session(context)?;
        let Some(wanted) = filter.integer(column) else {
            return Ok(sight);
        };
        let wanted = u32::try_from(wanted)
            .ok()
            .and_then(|number| DevId::new(number).ok());
        Ok(match wanted {
            Some(wanted) if sight.sees(wanted) => Self::Own(wanted),
            _ => Self::Nobody,
        })
    }

    /// Whether rows of `dev_id` are seen.
    pub(crate) fn sees(self, dev_id: DevId) -> bool {
        match self {
            Self::All => true,
            Self::Own(own) => own == dev_id,
            Self::Nobody => false,
        }
    }
}

/// The connections in sight: the one whose number `column` must equal, or all.
pub(super) fn connections(
    hall: &Hall,
    sight: Sight,
    filter: &KeyFilter<'_>,
    column: usize,
) -> Vec<Arc<Connection>> {
    if filter.value(column).is_some() {
        let number = filter.integer(column).and_then(|id| u64::try_from(id).ok());
        let found = number.and_then(|number| hall.connection(ConnectionId(number)));
        return found
            .filter(|connection| sight.sees(connection.dev_id))
            .into_iter()
            .collect();
    }
    match sight {
        Sight::All => hall.connections(None, filter.limit),
        Sight::Own(dev_id) => hall.connections(Some(dev_id), filter.limit),
        Sight::Nobody => Vec::new(),
    }
}

/// The tenants in sight, by number.
pub(super) fn tenants(hall: &Hall, sight: Sight) -> Vec<DevId> {
    let tenants = hall.tenants().ids();
    let mut seen: Vec<DevId> = tenants.filter(|dev_id| sight.sees(*dev_id)).collect();
    seen.sort();
    seen
}

/// A count as a value.
pub(super) fn number(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}
