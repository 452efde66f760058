//! `users_in_pipes`: who is subscribed to a pipe, one row a connection, the
//! newest first (compatibility reference §3.3).

use std::sync::Arc;

use pipes::Hall;
use pipes::name::UserId;

use super::{Guide, Key, Table, example, pipe_key, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const NAME: usize = 0;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(64)", 64)
        .lookup()
        .about("The pipe"),
    TableColumn::integer("user_id").about("The user; 0 for an anonymous visitor"),
    TableColumn::text("user_uuid", "varchar(32)", 32).about("The browser's own random name"),
    TableColumn::text("user_agent", "varchar(250)", 250)
        .any_case()
        .about("What the browser calls itself"),
    TableColumn::text("ip", "varchar(45)", 45)
        .any_case()
        .about("Where it connects from"),
    TableColumn::text("origin", "varchar(250)", 250)
        .any_case()
        .about("The site whose page connected"),
    TableColumn::text("language", "varchar(64)", 64)
        .any_case()
        .about("The languages its user reads"),
];

const GUIDE: Guide = Guide {
    text: "One row a connection, the newest first; two tabs of one user are two rows, and `user_id` is 0 for \
           visitors without a login. What a browser said of itself is cut: `user_agent` and `origin` after 250 \
           bytes, `language` after 64; an origin that was cut ends with `…`, and no rule for \
           origins knows it.",
    examples: &[
        example(
            "SELECT * FROM users_in_pipes WHERE name = 'web_room'",
            &["name | user_id | user_uuid | user_agent | ip | origin | language"],
        ),
        example(
            "SELECT name, COUNT(*) AS members FROM users_in_pipes GROUP BY name ORDER BY members DESC LIMIT 5",
            &["name | members"],
        ),
    ],
};

/// The table.
pub(super) struct UsersInPipes {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for UsersInPipes {
    fn name(&self) -> &str {
        "users_in_pipes"
    }

    fn comment(&self) -> &str {
        "Subscribers of pipes, one row a connection"
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
        let pipes = match pipe_key(filter, NAME) {
            Key::One(pipe) => vec![pipe],
            Key::Nobody => Vec::new(),
            Key::All => self
                .hall
                .pipes(dev_id)
                .into_iter()
                .map(|(pipe, _)| pipe)
                .collect(),
        };
        let mut rows = Vec::new();
        for pipe in pipes {
            for subscriber in self.hall.subscribers(dev_id, &pipe) {
                if rows.len() >= filter.limit {
                    return Ok(rows);
                }
                rows.push(vec![
                    pipe.as_str().into(),
                    subscriber.user.map_or(0, UserId::number).into(),
                    subscriber.uuid.as_str().into(),
                    Arc::clone(&subscriber.user_agent).into(),
                    subscriber.address.to_string().into(),
                    Arc::clone(&subscriber.origin).into(),
                    Arc::clone(&subscriber.language).into(),
                ]);
            }
        }
        Ok(rows)
    }
}

impl Table for UsersInPipes {
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
