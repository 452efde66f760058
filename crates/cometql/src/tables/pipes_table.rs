//! `pipes`: how many connections are subscribed to a pipe (compatibility
//! reference §3.2). A pipe that is asked for by name always has a row.

use std::sync::Arc;

use pipes::Hall;

use super::{Guide, Key, Table, example, pipe_key, tenant};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const NAME: usize = 0;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(64)", 64)
        .primary()
        .about("The pipe"),
    TableColumn::integer("users").about("Connections subscribed on this node, logged in or not"),
];

const GUIDE: Guide = Guide {
    text: "A pipe asked for by name always has a row, subscribed or not; without WHERE there are the pipes with subscribers.",
    examples: &[
        example(
            "SELECT * FROM pipes WHERE name IN ('web_room', 'news')",
            &["name | users", "web_room | 0", "news | 0"],
        ),
        example(
            "SELECT name, users FROM pipes ORDER BY users DESC LIMIT 10",
            &["name | users"],
        ),
    ],
};

/// The table.
pub(super) struct Pipes {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for Pipes {
    fn name(&self) -> &str {
        "pipes"
    }

    fn comment(&self) -> &str {
        "Pipes with subscribers"
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
            Key::One(pipe) => {
                let users = self.hall.subscriber_count(dev_id, &pipe);
                vec![(pipe, users)]
            }
            Key::Nobody => Vec::new(),
            Key::All => self.hall.pipes(dev_id),
        };
        Ok(pipes
            .into_iter()
            .take(filter.limit)
            .map(|(pipe, users)| vec![pipe.as_str().into(), Value::Integer(users as i64)])
            .collect())
    }
}

impl Table for Pipes {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn is_read_only(&self) -> bool {
        true
    }
}
