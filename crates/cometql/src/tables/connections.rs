//! `connections`: every browser that is connected to this node, what went over
//! its connection and what waits for it. `KILL` takes the same numbers.

use std::sync::Arc;

use pipes::connection::Connection;
use pipes::name::UserId;
use pipes::{Hall, traffic};

use super::live::{self, Sight};
use super::{Guide, Table, example};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const DEV_ID: usize = 1;

const COLUMNS: &[TableColumn] = &[
    TableColumn::big_integer("id")
        .primary()
        .about("The connection's number, as KILL takes it"),
    TableColumn::integer("dev_id")
        .lookup()
        .about("The developer it belongs to"),
    TableColumn::integer("user_id").about("The user; 0 for an anonymous visitor"),
    TableColumn::text("uuid", "varchar(32)", 32).about("The browser's own random name"),
    TableColumn::integer("pipes").about("How many pipes it is subscribed to"),
    TableColumn::text("ip", "varchar(45)", 45).about("Where it connects from"),
    TableColumn::text("user_agent", "varchar(250)", 250).about("What the browser calls itself"),
    TableColumn::text("origin", "varchar(250)", 250).about("The site whose page connected"),
    TableColumn::big_integer("connected").about("When it connected, in Unix seconds"),
    TableColumn::text("client", "varchar(64)", 64).about("The client's api and version"),
    TableColumn::big_integer("bytes_in").about("Bytes received since the handshake"),
    TableColumn::big_integer("bytes_out").about("Bytes its socket has taken since the handshake"),
    TableColumn::big_integer("messages_in").about("Commands received"),
    TableColumn::big_integer("messages_out").about("Messages its socket has taken whole"),
    TableColumn::big_integer("queued_bytes").about("Bytes that wait for its socket"),
    TableColumn::big_integer("lag").about("Milliseconds the oldest of them has waited"),
    TableColumn::text("state", "varchar(16)", 16)
        .about("active, blocked (its socket is full) or closing"),
];

const GUIDE: Guide = Guide {
    text: "Browsers connected to this node, by number. A developer sees its own, `root` all; after `USE db_15` \
root sees those of 15. What to ask is in [operations.md](operations.md).",
    examples: &[example(
        "SELECT id, user_id, queued_bytes, lag FROM connections WHERE state = 'blocked' ORDER BY lag DESC",
        &["id | user_id | queued_bytes | lag"],
    )],
};

/// The table.
pub(super) struct Connections {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for Connections {
    fn name(&self) -> &str {
        "connections"
    }

    fn comment(&self) -> &str {
        "Browsers connected to this node"
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
        let found = live::connections(&self.hall, sight, filter, ID);
        Ok(found.iter().map(|found| row(found)).collect())
    }
}

fn row(connection: &Connection) -> Vec<Value> {
    let traffic::Traffic {
        bytes_in,
        bytes_out,
        messages_in,
        messages_out,
        queued_bytes,
        lag,
        state,
    } = connection.traffic();
    vec![
        live::number(connection.id.0),
        connection.dev_id.number().into(),
        connection.user.map_or(0, UserId::number).into(),
        connection.uuid.as_str().into(),
        live::number(connection.subscription_count() as u64),
        connection.address.to_string().into(),
        Arc::clone(&connection.user_agent).into(),
        Arc::clone(&connection.origin).into(),
        live::number(connection.connected.0),
        Arc::clone(&connection.client).into(),
        live::number(bytes_in),
        live::number(bytes_out),
        live::number(messages_in),
        live::number(messages_out),
        live::number(queued_bytes),
        live::number(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        state.as_str().into(),
    ]
}

impl Table for Connections {
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
