//! `dialogs`: a name the original reserved and gave no columns (compatibility
//! reference §3). It cannot be read, deleted from or described, and says of
//! INSERT that it is read-only. So it is in no list of tables.

use super::read_only;
use crate::error::SqlError;

/// What INSERT into `table` answers, if that is the reserved name.
pub(super) fn insert_refusal(table: &str) -> Option<SqlError> {
    let reserved = table.eq_ignore_ascii_case("dialogs");
    reserved.then(|| read_only("dialogs", crate::change::INSERT_INTO))
}
