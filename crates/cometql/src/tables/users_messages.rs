//! `users_messages`: INSERT sends a private message, SELECT shows what waits for
//! a user, DELETE empties the mailbox (compatibility reference §3.5).

use std::sync::Arc;

use pipes::name::UserId;
use pipes::{Change, Hall};

use super::overlay::Piles;
use super::{
    Guide, InsertRow, Inserted, Key, Table, example, storage_error, tenant, user_key, user_of,
};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const INDEX: usize = 1;
const EVENT: usize = 2;
const MESSAGE: usize = 3;

const COLUMNS: &[TableColumn] = &[
    TableColumn::integer("id").lookup().about("The user"),
    TableColumn::big_integer("index").about("0 for the message that has waited longest"),
    TableColumn::text("event", "varchar(64)", 64).about("The event"),
    TableColumn::text("message", "longtext", 16 << 20)
        .any_case()
        .about("The payload"),
];

const GUIDE: Guide = Guide {
    text: "The message goes to every connection of the user, as pipe `msg`; without one it waits, see
[guarantees.md](guarantees.md#3-private-messages). INSERT needs `id`, `event` and `message`; id 0 is nobody. The insert
id is the user id, affected rows are 0, and the information line says `Receivers: 0` when it waits. DELETE takes a
condition on `id` alone.",
    examples: &[
        example(
            "INSERT INTO users_messages (id, event, message) VALUES (42, 'order', '{\"n\":7}')",
            &["OK, affected rows 0, insert id 42, info: Receivers: 0"],
        ),
        example(
            "SELECT * FROM users_messages WHERE id = 42",
            &["id | index | event | message", "42 | 0 | order | {\"n\":7}"],
        ),
        example(
            "DELETE FROM users_messages WHERE id = 42",
            &["OK, affected rows 0, info: Deleted: 1"],
        ),
    ],
};

/// The table.
pub(super) struct UsersMessages {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for UsersMessages {
    fn name(&self) -> &str {
        "users_messages"
    }

    fn comment(&self) -> &str {
        "INSERT sends a private message; SELECT shows what waits for its user"
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
        let users = match user_key(filter, ID) {
            Key::One(user) => vec![user],
            Key::Nobody => Vec::new(),
            Key::All => self.hall.users_with_mail(dev_id),
        };
        let mut rows = Vec::new();
        for user in users {
            let mailbox = self.hall.mailbox(dev_id, user).map_err(storage_error)?;
            for (index, mail) in mailbox.into_iter().enumerate() {
                if rows.len() >= filter.limit {
                    return Ok(rows);
                }
                rows.push(vec![
                    user.number().into(),
                    Value::Integer(index as i64),
                    mail.message.event.as_str().into(),
                    mail.message.payload.into(),
                ]);
            }
        }
        Ok(rows)
    }

    /// Whether a browser of the user would take the message at once is not asked:
    /// before COMMIT everything waits.
    fn overlay(
        &self,
        _: &SessionContext,
        changes: &[Change],
        filter: &KeyFilter<'_>,
        rows: &mut Vec<Vec<Value>>,
    ) {
        let mut mailboxes = Piles::of(std::mem::take(rows), ID);
        let newest = self.hall.limits().mailbox_length as usize;
        for change in changes {
            match change {
                Change::SendPrivate {
                    user: Some(user),
                    event,
                    payload,
                } => {
                    let user = Value::from(user.number());
                    if filter.value(ID).is_none_or(|asked| *asked == user) {
                        let row = vec![
                            user.clone(),
                            Value::Integer(0),
                            event.clone().or_undefined().as_str().into(),
                            Arc::clone(payload).into(),
                        ];
                        mailboxes.add(user, row, newest);
                    }
                }
                Change::ClearMailbox { user } => mailboxes.clear(&user.number().into()),
                _ => {}
            }
        }
        *rows = mailboxes.into_rows(INDEX);
    }
}

impl Table for UsersMessages {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn insert(&self, row: &InsertRow<'_>) -> Result<Inserted, SqlError> {
        row.require(&[ID, EVENT, MESSAGE])?;
        let number = row.required_integer(ID)?;
        // 0 is nobody: accepted, and nobody will ever read it.
        let user = match number {
            0 => None,
            number => {
                Some(UserId::new(number).map_err(|error| SqlError::invalid(error.to_string()))?)
            }
        };
        let event = row.event(EVENT)?;
        let payload = row.free_text(MESSAGE)?.as_ref().into();
        Ok(Inserted {
            change: Change::SendPrivate {
                user,
                event,
                payload,
            },
            affected_rows: 0,
            insert_id: user.map_or(0, |user| user.number().into()),
        })
    }

    fn delete(&self, column: usize, key: &Value) -> Result<Option<Vec<Change>>, SqlError> {
        if column != ID {
            return Ok(None);
        }
        Ok(Some(match user_of(key) {
            Some(user) => vec![Change::ClearMailbox { user }],
            None => Vec::new(),
        }))
    }

    fn is_slow(&self) -> bool {
        true
    }
}
