//! Functions that ask about the session or the clock: answered once per statement,
//! while it is rewritten.

use super::expression::Rendered;
use super::function_list::OF_THE_SESSION;
use super::rewrite::Rewriter;
use crate::answer::DATABASE;

impl Rewriter<'_> {
    /// Functions that ask about the session or the clock. NOW stands still
    /// while a statement runs.
    pub(super) fn session_function(&self, name: &str, arguments: usize) -> Option<Rendered> {
        let context = self.context;
        if arguments > 1 || !OF_THE_SESSION.contains(&name) {
            return None;
        }
        let has_clock = matches!(
            name,
            "NOW"
                | "CURRENT_TIMESTAMP"
                | "LOCALTIME"
                | "LOCALTIMESTAMP"
                | "SYSDATE"
                | "UTC_TIMESTAMP"
                | "CURTIME"
                | "CURRENT_TIME"
                | "UTC_TIME"
        );
        if arguments == 1 && !has_clock {
            return None;
        }
        Some(match name {
            "VERSION" => match self.context.variables.get("version") {
                Ok(Some(version)) => Rendered::text(&version),
                _ => Rendered::null(),
            },
            "USER" | "CURRENT_USER" | "SESSION_USER" | "SYSTEM_USER" => {
                Rendered::text(&format!("{}@{}", context.user, context.host))
            }
            "DATABASE" | "SCHEMA" => match &context.database {
                Some(_) => Rendered::text(DATABASE),
                None => Rendered::null(),
            },
            "CONNECTION_ID" => Rendered::number(context.connection_id.to_string()),
            "LAST_INSERT_ID" => Rendered::number(context.last_insert_id.to_string()),
            "ROW_COUNT" => Rendered::number(format!("({})", context.row_count)),
            "FOUND_ROWS" => Rendered::number(context.found_rows.to_string()),
            "CURDATE" | "CURRENT_DATE" | "UTC_DATE" => Rendered::text(&self.now.date()),
            "CURTIME" | "CURRENT_TIME" | "UTC_TIME" => {
                Rendered::text(&self.now.time(arguments * 6))
            }
            "UNIX_TIMESTAMP" => Rendered::number(self.now.unix().to_string()),
            "PI" => Rendered::real(std::f64::consts::PI.to_string()),
            _ if has_clock => Rendered::text(&self.now.date_time(arguments * 6)),
            _ => return None,
        })
    }
}
