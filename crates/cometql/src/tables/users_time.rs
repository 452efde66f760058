//! `users_time`: when a user was last here: 0 is now, -1 never (compatibility
//! reference §3.6). A user who is asked for by id always has a row.

use std::sync::Arc;

use pipes::Hall;
use pipes::listing::Seen;
use pipes::name::UserId;

use super::{Guide, Table, example, storage_error, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;

const COLUMNS: &[TableColumn] = &[
    TableColumn::integer("id").primary().about("The user"),
    TableColumn::big_integer("time")
        .about("0 online now, else Unix seconds of the last disconnect, -1 unknown"),
];

const GUIDE: Guide = Guide {
    text: "A user asked for by id always has a row, in the order of the list. Without WHERE there are all users ever seen.",
    examples: &[example(
        "SELECT id, time FROM users_time WHERE id IN (42, 7)",
        &["id | time", "42 | -1", "7 | -1"],
    )],
};

/// The table.
pub(super) struct UsersTime {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for UsersTime {
    fn name(&self) -> &str {
        "users_time"
    }

    fn comment(&self) -> &str {
        "When users were last online"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        context: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let dev_id = tenant(context.dev_id)?;
        let time = |seen| match seen {
            Seen::Online => 0,
            Seen::At(time) => i64::try_from(time.0).unwrap_or(i64::MAX),
            Seen::Unknown => -1,
        };
        match filter.value(ID) {
            None => {
                let all = self.hall.all_seen(dev_id).map_err(storage_error)?;
                Ok(all
                    .into_iter()
                    .take(filter.limit)
                    .map(|(user, seen)| vec![user.number().into(), Value::Integer(time(seen))])
                    .collect())
            }
            Some(Value::Integer(id)) if (0..=UserId::MAX).contains(id) => {
                let seen = match UserId::new(*id) {
                    Ok(user) => self.hall.seen(dev_id, user).map_err(storage_error)?,
                    Err(_) => Seen::Unknown,
                };
                Ok(vec![vec![Value::Integer(*id), Value::Integer(time(seen))]])
            }
            Some(_) => Ok(Vec::new()),
        }
    }
}

impl Table for UsersTime {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn is_slow(&self) -> bool {
        true
    }
}
