//! SELECT and SHOW: a parsed query over live tables, answered by SQLite.
//!
//! SQLite is the query engine, not a store: every [`LiveTable`] is a virtual
//! table of an in-memory connection, and a MySQL query is rewritten into
//! SQLite's dialect before it runs. Statements that write are elsewhere.
//!
//! - [`table`]: what a table must tell ([`LiveTable`]).
//! - [`context`]: what a query knows of its session ([`SessionContext`]).
//! - [`variables`]: system variables as data; [`user_variables`]: those of a session.
//! - [`information_schema`]: the tables that describe the others; `help`: the forms of SHOW.
//! - [`engine`]: running, and the limits of it ([`Engine`]).
//! - `computing`: expressions over rows that stand in no table.
//! - `rewrite`, `unions`, `recursive`, `from`, `select_list`, `scope`: MySQL's queries
//!   into SQLite's.
//! - `typed`: what computed columns are called.
//! - `expression`, `names`, `operators`, `numbers`, `casts`, `subqueries`: MySQL's
//!   expressions into SQLite's; `calls`, `calls_dates`, `calls_session`, `aggregates`,
//!   `windows`: its calls; `function_list`: which there are.
//! - `functions` and all that begin with it: what MySQL's functions do.
//! - `collation`, `decimal`, `pattern`, `calendar`, `span`, `interval`, `date_format`,
//!   `json_path`: what these rest upon.
//! - `show_select`, `show_empty`: SHOW as a SELECT.
//! - `pool`, `complaints`, `vtab`, `running`, `catalogue`: the joints between these.

mod aggregates;
mod calendar;
mod calls;
mod calls_dates;
mod calls_session;
mod casts;
mod catalogue;
mod collation;
mod complaints;
pub(crate) mod computing;
pub mod context;
mod date_format;
mod decimal;
pub mod engine;
mod expression;
mod from;
mod function_list;
mod functions;
mod functions_aggregates;
mod functions_codes;
mod functions_dates;
mod functions_decimal;
mod functions_json;
mod functions_numbers;
mod functions_patterns;
mod functions_rows;
mod functions_text;
mod help;
pub mod information_schema;
mod interval;
mod json_path;
mod names;
mod numbers;
mod operators;
mod pattern;
mod pool;
mod recursive;
mod rewrite;
mod running;
mod scope;
mod select_list;
mod show_empty;
mod show_select;
mod span;
mod subqueries;
pub mod table;
mod typed;
mod unions;
pub mod user_variables;
mod variable_list;
pub mod variables;
mod vtab;
mod windows;

#[cfg(test)]
mod tests;

pub use context::{CancelToken, SessionContext};
pub(crate) use engine::sql_select_limit;
pub use engine::{Engine, QueryLimits};
pub use information_schema::{Process, ProcessSource, Sources, StatusSource};
pub(crate) use pattern::is_like;
pub use rewrite::{MAX_COLUMNS, MAX_DEPTH};
pub use table::{ColumnKey, ColumnKind, KeyFilter, LiveTable, TableColumn, Value};
pub use typed::name_as_typed;
pub use unions::MAX_UNION;
pub use user_variables::{UserValue, UserVariables};
pub use variables::{ServerVariables, Variables};
