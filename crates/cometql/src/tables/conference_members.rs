//! `conference_members`: who is in a video call now (compatibility reference
//! §3.10). Only a media server knows, and there is none.

use super::{Guide, Table, example};
use crate::error::SqlError;
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("name", "varchar(64)", 256)
        .lookup()
        .about("The conference"),
    TableColumn::integer("user_id").about("Who is in it"),
    TableColumn::big_integer("join_time").about("Unix seconds since when"),
    TableColumn::big_integer("last_talking").about("Unix seconds at which it was last heard"),
];

const GUIDE: Guide = Guide {
    text: "For programs that ask for it: without a media server there is never a row.",
    examples: &[example(
        "SELECT * FROM conference_members",
        &["name | user_id | join_time | last_talking"],
    )],
};

/// The table.
pub(super) struct ConferenceMembers;

impl LiveTable for ConferenceMembers {
    fn name(&self) -> &str {
        "conference_members"
    }

    fn comment(&self) -> &str {
        "Who is in a video call now: nobody without a media server"
    }

    fn columns(&self) -> &[TableColumn] {
        COLUMNS
    }

    fn rows(
        &self,
        _context: &SessionContext,
        _filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        Ok(Vec::new())
    }
}

impl Table for ConferenceMembers {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn is_read_only(&self) -> bool {
        true
    }
}
