//! `users_auth`: the access key by which a browser proves who its user is
//! (compatibility reference §3.7).

use std::sync::Arc;

use pipes::name::{AccessKey, NameError, UserId};
use pipes::{Change, Hall};

use super::overlay::{KeyedChange, overlay_by_key};
use super::row::name_error;
use super::{
    Guide, InsertRow, Inserted, Key, Table, example, storage_error, tenant, user_key, user_of,
};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const HASH: usize = 1;

const COLUMNS: &[TableColumn] = &[
    TableColumn::integer("id").primary().about("The user"),
    TableColumn::text("hash", "varchar(32)", 32).about("The key: up to 32 of A-Z a-z 0-9 = + / _"),
];

const GUIDE: Guide = Guide {
    text: "INSERT sets or replaces; the insert id is the user id. A new key counts from the next connection, open ones stay.
DELETE also drops all connections of the user, who come back anonymous. Make keys of random bytes
(`bin2hex(random_bytes(16))`), never of the time or a name.",
    examples: &[
        example(
            "INSERT INTO users_auth (id, hash) VALUES (42, 'k3yOfUser42')",
            &["OK, affected rows 1, insert id 42"],
        ),
        example(
            "SELECT hash FROM users_auth WHERE id = 42",
            &["hash", "k3yOfUser42"],
        ),
        example(
            "DELETE FROM users_auth WHERE id = 42",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
    ],
};

/// The table.
pub(super) struct UsersAuth {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for UsersAuth {
    fn name(&self) -> &str {
        "users_auth"
    }

    fn comment(&self) -> &str {
        "Access keys of users; DELETE drops the user's browsers"
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
        let keys = match user_key(filter, ID) {
            Key::One(user) => {
                let key = self.hall.key(dev_id, user).map_err(storage_error)?;
                key.map(|key| (user, key)).into_iter().collect()
            }
            Key::Nobody => Vec::new(),
            Key::All => self.hall.keys(dev_id).map_err(storage_error)?,
        };
        Ok(keys
            .into_iter()
            .take(filter.limit)
            .map(|(user, key)| row(user, &key))
            .collect())
    }

    fn overlay(
        &self,
        _: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let changes = changes.iter().filter_map(|change| match change {
            Change::PutKey { user, key } => Some(KeyedChange::Put(row(*user, key))),
            Change::RemoveKey { user } => Some(KeyedChange::Remove(user.number().into())),
            _ => None,
        });
        overlay_by_key(ID, changes, filter, rows);
    }
}

fn row(user: UserId, key: &AccessKey) -> Vec<Value> {
    vec![user.number().into(), key.reveal().into()]
}

impl Table for UsersAuth {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[ID, HASH])?;
        let user = UserId::new(row.required_integer(ID)?)
            .map_err(|error| SqlError::invalid(error.to_string()))?;
        let key = AccessKey::parse(&row.text(HASH)?).map_err(|error| match error {
            // An empty key would let anybody in; it is a wrong value, not a short name.
            NameError::TooShort { .. } => SqlError::invalid("the field hash is empty"),
            error => name_error(error),
        })?;
        Ok(Inserted {
            change: Change::PutKey { user, key },
            affected_rows: 1,
            insert_id: user.number().into(),
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != ID {
            return Ok(None);
        }
        Ok(Some(match user_of(key) {
            Some(user) => vec![Change::RemoveKey { user }],
            None => Vec::new(),
        }))
    }

    fn updatable(&self) -> &'static [usize] {
        &[HASH]
    }

    fn delete_key(&self) -> Option<usize> {
        Some(ID)
    }

    fn is_slow(&self) -> bool {
        true
    }
}
