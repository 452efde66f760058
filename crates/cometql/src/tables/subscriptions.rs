//! `subscriptions`: which connection is subscribed to which pipe, and since when.

use std::sync::Arc;

use pipes::Hall;
use pipes::connection::Connection;
use pipes::message::UnixTime;
use pipes::name::{PipeName, UserId};

use super::live::{self, Sight};
use super::{Guide, Key, Table, example, pipe_key};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const CONNECTION: usize = 0;
const DEV_ID: usize = 1;
const PIPE: usize = 3;

const COLUMNS: &[TableColumn] = &[
    TableColumn::big_integer("connection")
        .lookup()
        .about("The connection, as in connections.id"),
    TableColumn::integer("dev_id")
        .lookup()
        .about("The developer it belongs to"),
    TableColumn::integer("user_id").about("The user; 0 for an anonymous visitor"),
    TableColumn::text("pipe", "varchar(64)", 64)
        .lookup()
        .about("The pipe"),
    TableColumn::big_integer("since").about("When it was subscribed, in Unix seconds"),
];

const GUIDE: Guide = Guide {
    text: "One row for each pipe of each connection on this node, seen as `connections` is.",
    examples: &[example(
        "SELECT c.ip, c.client, s.since FROM subscriptions s JOIN connections c ON c.id = s.connection WHERE s.pipe = 'web_room'",
        &["ip | client | since"],
    )],
};

/// The table.
pub(super) struct Subscriptions {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for Subscriptions {
    fn name(&self) -> &str {
        "subscriptions"
    }

    fn comment(&self) -> &str {
        "Subscriptions on this node, one row for each pipe of each connection"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        context: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let sight = Sight::of(context, filter, DEV_ID)?;
        let by_connection = filter.value(CONNECTION).is_some();
        match pipe_key(filter, PIPE) {
            Key::Nobody => Ok(Vec::new()),
            Key::One(pipe) if !by_connection => Ok(self.of_pipe(sight, &pipe, filter.limit)),
            _ => {
                let mut rows = Vec::new();
                for connection in live::connections(&self.hall, sight, filter, CONNECTION) {
                    for (pipe, since) in connection.subscribed() {
                        if rows.len() >= filter.limit {
                            return Ok(rows);
                        }
                        rows.push(row(&connection, &pipe, since));
                    }
                }
                Ok(rows)
            }
        }
    }
}

impl Subscriptions {
    fn of_pipe(&self, sight: Sight, pipe: &PipeName, limit: usize) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        for dev_id in live::tenants(&self.hall, sight) {
            for connection in self.hall.subscribers(dev_id, pipe) {
                if rows.len() >= limit {
                    return rows;
                }
                if let Some(since) = connection.subscribed_since(pipe) {
                    rows.push(row(&connection, pipe, since));
                }
            }
        }
        rows
    }
}

fn row(connection: &Connection, pipe: &PipeName, since: UnixTime) -> Vec<Value> {
    vec![
        live::number(connection.id.0),
        connection.dev_id.number().into(),
        connection.user.map_or(0, UserId::number).into(),
        pipe.as_str().into(),
        live::number(since.0),
    ]
}

impl Table for Subscriptions {
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
