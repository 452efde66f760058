//! `profiler`: the original's timers of its own functions (compatibility
//! reference §3.11), empty there unless they were switched on. This server keeps
//! none, so that the table is empty; it is here for programs that look.

use super::{Guide, Table, example};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::table::{KeyFilter, LiveTable, TableColumn, Value};

const COLUMNS: &[TableColumn] = &[
    TableColumn::text("tag", "varchar(64)", 64).about("What is timed"),
    TableColumn::text("time", "varchar(32)", 32).about("Milliseconds spent in it"),
    TableColumn::big_integer("calls").about("How often"),
];

const GUIDE: Guide = Guide {
    text: "A statement that would change it is error 15. The name `dialogs` is reserved: INSERT is error 10, everything else 15.",
    examples: &[example("SELECT * FROM profiler", &["tag | time | calls"])],
};

/// The table.
pub(super) struct Profiler;

impl LiveTable for Profiler {
    fn name(&self) -> &str {
        "profiler"
    }

    fn comment(&self) -> &str {
        "Timers of the server's functions: none are kept"
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

impl Table for Profiler {
    fn guide(&self) -> Guide {
        GUIDE
    }

    fn is_read_only(&self) -> bool {
        true
    }

    /// To a statement that would change it there is no such table.
    fn refusal(&self, what: &str) -> SqlError {
        let sentence = format!("there is no table profiler to {what}");
        SqlError::new(ErrorKind::UnknownTable, sentence)
    }
}
