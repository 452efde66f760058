//! `nodes`: this server itself, in one row: what it is, since when, and how much
//! there is on it.

use std::sync::Arc;

use pipes::Hall;
use pipes::census::{Census, Totals};
use pipes::message::UnixTime;
use pipes::name::DevId;

use super::live::{self, Sight};
use super::{Guide, Table, example};
use crate::error::SqlError;
use crate::machine;
use crate::node::NodeFacts;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};
use crate::sessions::Sessions;

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("id", "varchar(64)", 64)
        .primary()
        .about("Tells this node from every other; stays with its data directory"),
    TableColumn::integer("dev_id").about("Whose figures these are; 0 for all of the node"),
    TableColumn::text("name", "varchar(64)", 64).about("Its label, --node-name"),
    TableColumn::text("version", "varchar(32)", 32).about("Its version"),
    TableColumn::big_integer("epoch").about("Names this run: another start is another epoch"),
    TableColumn::big_integer("started").about("When it started, in Unix seconds"),
    TableColumn::big_integer("uptime").about("Seconds since then"),
    TableColumn::text("cometql", "varchar(64)", 64).about("Where backends connect; for root alone"),
    TableColumn::text("http", "varchar(64)", 64).about("Where browsers connect; for root alone"),
    TableColumn::text("metrics", "varchar(64)", 64)
        .about("Where the metrics page is, if there is one; for root alone"),
    TableColumn::big_integer("memory").about("Bytes of memory it uses; for root alone, else 0"),
    TableColumn::big_integer("sessions").about("Backends' sessions open now"),
    TableColumn::big_integer("connections").about("Browsers connected now"),
    TableColumn::big_integer("users").about("Users with a connection now"),
    TableColumn::big_integer("pipes").about("Pipes with a subscriber now"),
    TableColumn::big_integer("subscriptions")
        .about("Subscriptions now, one for each pipe of each connection"),
    TableColumn::big_integer("messages").about("Messages accepted for pipes since the start"),
    TableColumn::big_integer("private_messages").about("Private messages accepted since the start"),
    TableColumn::big_integer("messages_in").about("Commands browsers have sent since the start"),
    TableColumn::big_integer("messages_out")
        .about("Messages their sockets have taken whole since the start"),
    TableColumn::big_integer("bytes_in").about("Bytes they have sent since the start"),
    TableColumn::big_integer("bytes_out").about("Bytes their sockets have taken since the start"),
    TableColumn::big_integer("queued_bytes").about("Bytes that wait for their sockets now"),
];

const GUIDE: Guide = Guide {
    text: "One row, of the node you are connected to: all its figures are those of this node alone. `root` sees those of all \
developers together, a developer (and root after `USE db_15`) those of its own.",
    examples: &[example(
        "SELECT version, connections, users, pipes FROM nodes",
        &["version | connections | users | pipes", "… | … | … | …"],
    )],
};

/// The table.
pub(super) struct Nodes {
    pub(super) hall: Arc<Hall>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) facts: NodeFacts,
}

impl LiveTable for Nodes {
    fn name(&self) -> &str {
        "nodes"
    }

    fn comment(&self) -> &str {
        "This node: what it is, and how much there is on it"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        context: &SessionContext,
        _: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        Ok(match Sight::of_session(context)? {
            Sight::All => vec![self.row(None)],
            Sight::Own(dev_id) => vec![self.row(Some(dev_id))],
            Sight::Nobody => Vec::new(),
        })
    }
}

impl Nodes {
    /// The row of a tenant, or with `None` root's.
    fn row(&self, dev_id: Option<DevId>) -> Vec<Value> {
        let Census {
            connections,
            users,
            pipes,
            subscriptions,
            messages,
            private_messages,
            totals,
            queued_bytes,
        } = self.hall.census(dev_id);
        let Totals {
            bytes_in,
            bytes_out,
            messages_in,
            messages_out,
        } = totals;
        let started = self.hall.started().0;
        let uptime = UnixTime::now().0.saturating_sub(started);
        let facts = &self.facts;
        let for_root = |text: &str| match dev_id {
            None => Value::from(text),
            Some(_) => "".into(),
        };
        let memory = match dev_id {
            None => machine::own_memory(),
            Some(_) => 0,
        };
        let sessions = match dev_id {
            None => self.sessions.count(),
            Some(dev_id) => self.sessions.count_of(dev_id),
        };
        vec![
            facts.id.as_str().into(),
            dev_id.map_or(0, DevId::number).into(),
            facts.name.as_str().into(),
            facts.version.as_str().into(),
            live::number(self.hall.epoch()),
            live::number(started),
            live::number(uptime),
            for_root(&facts.cometql),
            for_root(&facts.http),
            for_root(&facts.metrics),
            live::number(memory),
            live::number(sessions as u64),
            live::number(connections),
            live::number(users),
            live::number(pipes),
            live::number(subscriptions),
            live::number(messages),
            live::number(private_messages),
            live::number(messages_in),
            live::number(messages_out),
            live::number(bytes_in),
            live::number(bytes_out),
            live::number(queued_bytes),
        ]
    }
}

impl Table for Nodes {
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
