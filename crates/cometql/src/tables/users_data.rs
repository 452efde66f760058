//! `users_data`: one text for each user, which every browser may read
//! (compatibility reference §3.8).

use std::sync::Arc;

use pipes::name::UserId;
use pipes::{Change, Hall, HallError};

use super::overlay::{KeyedChange, overlay_by_key};
use super::row::name_error;
use super::{
    Guide, InsertRow, Inserted, Key, Table, example, storage_error, tenant, user_key, user_of,
};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const DATA: usize = 1;

const COLUMNS: &[TableColumn] = &[
    TableColumn::integer("id").primary().about("The user"),
    TableColumn::text("data", "longtext", 16 << 20).about("Any text; browsers read it by user id"),
];

const GUIDE: Guide = Guide {
    text: "INSERT sets or replaces; the insert id is the user id. One user's data has at most 64 KiB. Nothing is sent to browsers:
they ask (`getUserData`). Keep nothing secret here.",
    examples: &[
        example(
            "INSERT INTO users_data (id, data) VALUES (42, '{\"name\":\"Ann\"}')",
            &["OK, affected rows 1, insert id 42"],
        ),
        example(
            "SELECT * FROM users_data WHERE id = 42",
            &["id | data", "42 | {\"name\":\"Ann\"}"],
        ),
        example(
            "DELETE FROM users_data WHERE id = 42",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
    ],
};

/// The table.
pub(super) struct UsersData {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for UsersData {
    fn name(&self) -> &str {
        "users_data"
    }

    fn comment(&self) -> &str {
        "A text for each user; every browser may read it"
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
        let found = match user_key(filter, ID) {
            Key::One(user) => {
                let data = self.hall.user_data(dev_id, user).map_err(storage_error)?;
                data.map(|data| (user, data)).into_iter().collect()
            }
            Key::Nobody => Vec::new(),
            Key::All => self.hall.all_user_data(dev_id).map_err(listing_error)?,
        };
        Ok(found
            .into_iter()
            .take(filter.limit)
            .map(|(user, data)| vec![user.number().into(), data.into()])
            .collect())
    }

    fn overlay(
        &self,
        _context: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let changes = changes.iter().filter_map(|change| match change {
            Change::PutUserData { user, data } => {
                let row = vec![user.number().into(), Arc::clone(data).into()];
                Some(KeyedChange::Put(row))
            }
            Change::RemoveUserData { user } => Some(KeyedChange::Remove(user.number().into())),
            _ => None,
        });
        overlay_by_key(ID, changes, filter, rows);
    }
}

impl Table for UsersData {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[ID, DATA])?;
        let user = UserId::new(row.required_integer(ID)?)
            .map_err(|error| SqlError::invalid(error.to_string()))?;
        let data = row.free_text(DATA)?;
        self.hall.check_user_data(&data).map_err(name_error)?;
        let data = data.as_ref().into();
        Ok(Inserted {
            change: Change::PutUserData { user, data },
            affected_rows: 1,
            insert_id: user.number().into(),
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != ID {
            return Ok(None);
        }
        Ok(Some(match user_of(key) {
            Some(user) => vec![Change::RemoveUserData { user }],
            None => Vec::new(),
        }))
    }

    fn delete_key(&self) -> Option<usize> {
        Some(ID)
    }

    fn updatable(&self) -> &'static [usize] {
        &[DATA]
    }

    fn is_slow(&self) -> bool {
        true
    }
}

fn listing_error(error: HallError) -> SqlError {
    match error {
        HallError::Limit { .. } => SqlError::new(ErrorKind::TooManyValues, error.to_string()),
        error => SqlError::internal(error.to_string()),
    }
}
