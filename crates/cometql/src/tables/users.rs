//! `users`: everybody this node has heard of: who is here with how many
//! connections, who was, who has a key or waiting mail.

use std::sync::Arc;

use pipes::Hall;
use pipes::listing::{KnownUser, Seen};
use pipes::name::{DevId, UserId};
use pipes::traffic::Traffic;

use super::live::{self, Sight};
use super::{Guide, Key, Table, example, storage_error, user_key};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const ID: usize = 0;
const DEV_ID: usize = 1;

const COLUMNS: &[TableColumn] = &[
    TableColumn::integer("id").lookup().about("The user"),
    TableColumn::integer("dev_id")
        .lookup()
        .about("The developer it belongs to"),
    TableColumn::integer("online").about("1 while it has a connection, else 0"),
    TableColumn::integer("connections").about("How many connections it has"),
    TableColumn::integer("subscriptions").about("How many pipes these are subscribed to, added up"),
    TableColumn::big_integer("since")
        .about("When the oldest of them connected, in Unix seconds; 0 without one"),
    TableColumn::big_integer("time").about("When it was last here, as in users_time"),
    TableColumn::integer("has_key").about("1 if users_auth has a key for it, else 0"),
    TableColumn::integer("has_mail")
        .about("1 if private messages may be waiting in users_messages, else 0"),
    TableColumn::big_integer("messages_in").about("Commands its connections have sent"),
    TableColumn::big_integer("messages_out").about("Messages their sockets have taken whole"),
    TableColumn::big_integer("bytes_in").about("Bytes they have sent"),
    TableColumn::big_integer("bytes_out").about("Bytes their sockets have taken"),
    TableColumn::big_integer("queued_bytes").about("Bytes that wait for their sockets"),
];

const GUIDE: Guide = Guide {
    text: "A user has a row while it is or was here, has a key or waiting private messages. Connections, and what went over \
them, are those that are open on this node. Rows are seen as those of `connections` are. `has_mail` turns 0 up to half a \
minute after the last message was handed over.",
    examples: &[example(
        "SELECT id, connections, FROM_UNIXTIME(since) AS since FROM users WHERE online = 1 ORDER BY connections DESC LIMIT 20",
        &["id | connections | since"],
    )],
};

/// The table.
pub(super) struct Users {
    pub(super) hall: Arc<Hall>,
}

impl LiveTable for Users {
    fn name(&self) -> &str {
        "users"
    }

    fn comment(&self) -> &str {
        "Users this node knows, and their connections to it"
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
        let mut rows = Vec::new();
        for dev_id in live::tenants(&self.hall, sight) {
            let known = match user_key(filter, ID) {
                Key::Nobody => Vec::new(),
                Key::One(user) => {
                    let known = self.hall.known_user(dev_id, user).map_err(storage_error)?;
                    known.map(|known| (user, known)).into_iter().collect()
                }
                Key::All => self.hall.known_users(dev_id).map_err(storage_error)?,
            };
            let room = filter.limit - rows.len();
            let known = known.into_iter().take(room);
            rows.extend(known.map(|(user, known)| self.row(dev_id, user, known)));
        }
        Ok(rows)
    }
}

impl Users {
    fn row(&self, dev_id: DevId, user: UserId, known: KnownUser) -> Vec<Value> {
        let connections = self.hall.connections_of(dev_id, user);
        let traffic = connections.iter().map(|connection| connection.traffic());
        let traffic: Vec<Traffic> = traffic.collect();
        let sum = |figure: fn(&Traffic) -> u64| live::number(traffic.iter().map(figure).sum());
        let subscriptions = connections
            .iter()
            .map(|connection| connection.subscription_count() as u64);
        let since = connections.iter().map(|connection| connection.connected.0);
        let yes = |is: bool| Value::Integer(is.into());
        vec![
            user.number().into(),
            dev_id.number().into(),
            yes(!connections.is_empty()),
            live::number(connections.len() as u64),
            live::number(subscriptions.sum()),
            live::number(since.min().unwrap_or(0)),
            match known.seen {
                Seen::Online => Value::Integer(0),
                Seen::At(time) => live::number(time.0),
                Seen::Unknown => Value::Integer(-1),
            },
            yes(known.has_key),
            yes(known.has_mail),
            sum(|traffic| traffic.messages_in),
            sum(|traffic| traffic.messages_out),
            sum(|traffic| traffic.bytes_in),
            sum(|traffic| traffic.bytes_out),
            sum(|traffic| traffic.queued_bytes),
        ]
    }
}

impl Table for Users {
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
