//! A [`LiveTable`] as a SQLite virtual table: which conditions are pushed down,
//! and the cursor over the rows the table answers. The only file of this crate
//! with `unsafe`: rusqlite's virtual table traits are `unsafe trait`.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{ToSqlOutput, Value as SqliteValue, ValueRef};
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
    sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, Result};

use super::running::{Running, Slot};
use super::table::{ColumnKey, ColumnKind, KeyFilter, LiveTable, Value, visible_rows};
use crate::error::SqlError;

/// Makes `table` readable on `connection` under its [`sqlite_name`].
pub(super) fn register(
    connection: &Connection,
    table: Arc<dyn LiveTable>,
    slot: Slot,
) -> Result<()> {
    const MODULE: Module<'static, LiveVTab> = Module::eponymous_only_module();
    let name = sqlite_name(table.database(), table.name());
    connection.create_module(name.as_str(), &MODULE, Some(Source { table, slot }))
}

/// The one name SQLite knows a table by: its database's name and its own.
pub(super) fn sqlite_name(database: &str, table: &str) -> String {
    format!("{database}.{table}")
}

/// What every instance of a virtual table is made from.
struct Source {
    table: Arc<dyn LiveTable>,
    slot: Slot,
}

#[repr(C)]
struct LiveVTab {
    base: sqlite3_vtab,
    table: Arc<dyn LiveTable>,
    slot: Slot,
}

// SAFETY: `VTab` requires `#[repr(C)]` and a `sqlite3_vtab` as the first field,
// so that SQLite's pointer to the base is a pointer to the whole; both hold.
unsafe impl VTab<'_> for LiveVTab {
    type Aux = Source;
    type Cursor = LiveCursor;

    fn connect(
        _db: &mut VTabConnection,
        aux: Option<&Source>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _args: &[&[u8]],
    ) -> Result<(Cow<'static, CStr>, Self)> {
        let source = aux.ok_or_else(|| Error::ModuleError("no table behind the module".into()))?;
        let schema = CString::new(declaration(&*source.table))?;
        let vtab = Self {
            base: sqlite3_vtab::default(),
            table: Arc::clone(&source.table),
            slot: source.slot.clone(),
        };
        Ok((Cow::Owned(schema), vtab))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<bool> {
        Plan::choose(&*self.table, info)
    }

    fn open(&mut self) -> Result<LiveCursor> {
        Ok(LiveCursor {
            base: sqlite3_vtab_cursor::default(),
            table: Arc::clone(&self.table),
            slot: self.slot.clone(),
            rows: Vec::new(),
            at: 0,
            rowids: OnceCell::new(),
        })
    }
}

/// The declaration SQLite reads column names, affinities and collations from.
fn declaration(table: &dyn LiveTable) -> String {
    let mut text = "CREATE TABLE x(".to_owned();
    for (index, column) in table.columns().iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let name = column.name.replace('"', "\"\"");
        let kind = match column.kind {
            ColumnKind::Integer => "INTEGER",
            ColumnKind::Text => "TEXT",
            ColumnKind::TextAnyCase => "TEXT COLLATE m_any_case",
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}\"{name}\" {kind}");
    }
    text.push(')');
    text
}

/// What each argument of `filter` is. Travels through SQLite as `idxStr`.
enum Argument {
    /// The value of key column n.
    Equal(usize),
    /// All values of an IN list on key column n.
    OneOf(usize),
    /// LIMIT.
    Limit,
    /// OFFSET.
    Offset,
}

struct Plan;

impl Plan {
    fn choose(table: &dyn LiveTable, info: &mut IndexInfo) -> Result<bool> {
        let mut constraints = Vec::new();
        for (index, constraint) in info.constraints().enumerate() {
            constraints.push((
                index,
                usize::try_from(constraint.column()).ok(),
                constraint.operator(),
                constraint.is_usable(),
            ));
        }
        let mut arguments = Vec::new();
        let mut has_list = false;
        for (index, column, operator, usable) in &constraints {
            let pushes = *usable && *operator == IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ;
            let Some(number) = column.filter(|_| pushes) else {
                continue;
            };
            let Some(definition) = table.columns().get(number) else {
                continue;
            };
            if definition.key == ColumnKey::None
                || (definition.kind == ColumnKind::Text && info.collation(*index)? != "BINARY")
            {
                continue;
            }
            if !has_list && info.is_in_constraint(*index)? {
                has_list = true;
                info.set_in_constraint(*index, true)?;
                arguments.push((*index, Argument::OneOf(number)));
            } else {
                arguments.push((*index, Argument::Equal(number)));
            }
        }
        let keys = arguments.len();
        Self::take_limit(&constraints, info, &mut arguments);

        let mut encoded = String::new();
        for (position, (index, argument)) in arguments.iter().enumerate() {
            let _ = match argument {
                Argument::Equal(column) => write!(encoded, "e{column},"),
                Argument::OneOf(column) => write!(encoded, "i{column},"),
                Argument::Limit => write!(encoded, "l,"),
                Argument::Offset => write!(encoded, "o,"),
            };
            let argv = c_int::try_from(position + 1)
                .map_err(|_| Error::ModuleError("too many conditions".into()))?;
            info.constraint_usage(*index).set_argv_index(argv);
        }
        info.set_idx_str(&encoded);
        let (cost, rows) = match keys {
            0 => (1_000_000.0, 100_000),
            1 => (100.0, 20),
            _ => (10.0, 1),
        };
        info.set_estimated_cost(cost);
        info.set_estimated_rows(rows);
        Ok(true)
    }

    /// LIMIT bounds the listing when nothing is filtered or sorted after it.
    fn take_limit(
        constraints: &[(usize, Option<usize>, IndexConstraintOp, bool)],
        info: &IndexInfo,
        arguments: &mut Vec<(usize, Argument)>,
    ) {
        let bounds: Vec<_> = constraints
            .iter()
            .filter_map(|(index, _, operator, usable)| match operator {
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LIMIT if *usable => {
                    Some((*index, Argument::Limit))
                }
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_OFFSET if *usable => {
                    Some((*index, Argument::Offset))
                }
                _ => None,
            })
            .collect();
        let only_bounds = bounds.len() == constraints.len();
        let has_limit = bounds
            .iter()
            .any(|(_, argument)| matches!(argument, Argument::Limit));
        if only_bounds && has_limit && info.num_of_order_by() == 0 {
            arguments.extend(bounds);
        }
    }

    fn decode(encoded: Option<&str>) -> Vec<Argument> {
        let parse = |number: &str| number.parse().unwrap_or(usize::MAX);
        encoded
            .unwrap_or_default()
            .split(',')
            .filter_map(|word| match word.split_at_checked(1)? {
                ("e", number) => Some(Argument::Equal(parse(number))),
                ("i", number) => Some(Argument::OneOf(parse(number))),
                ("l", _) => Some(Argument::Limit),
                ("o", _) => Some(Argument::Offset),
                _ => None,
            })
            .collect()
    }
}

#[repr(C)]
struct LiveCursor {
    base: sqlite3_vtab_cursor,
    table: Arc<dyn LiveTable>,
    slot: Slot,
    rows: Vec<Vec<Value>>,
    at: usize,
    /// Made when SQLite first asks.
    rowids: OnceCell<Vec<i64>>,
}

// SAFETY: `VTabCursor` requires `#[repr(C)]` and a `sqlite3_vtab_cursor` as the
// first field; both hold.
unsafe impl VTabCursor for LiveCursor {
    fn filter(&mut self, _: c_int, encoded: Option<&str>, args: &Filters<'_>) -> Result<()> {
        self.rows.clear();
        self.rowids = OnceCell::new();
        self.at = 0;
        let running = self.slot.require()?;
        let mut keys = Vec::new();
        let mut list = None;
        let mut limit: Option<usize> = None;
        let mut offset = 0;
        for (index, argument) in Plan::decode(encoded).into_iter().enumerate() {
            match argument {
                Argument::Equal(column) => {
                    let value: SqliteValue = args.get(index)?;
                    match self.key(column, (&value).into()) {
                        Key::Value(value) => keys.push((column, value)),
                        Key::Never => return Ok(()),
                        Key::Any => {}
                    }
                }
                Argument::OneOf(column) => {
                    let mut values = Vec::new();
                    let mut reader = args.in_values(index)?;
                    while let Some(value) = reader.next()? {
                        values.push(self.key(column, value));
                    }
                    list = Some((column, values));
                }
                Argument::Limit => limit = usize::try_from(args.get::<i64>(index)?).ok(),
                Argument::Offset => {
                    offset = usize::try_from(args.get::<i64>(index)?).unwrap_or(0);
                }
            }
        }
        let limit = limit.map(|limit| limit.saturating_add(offset));
        let Some((column, values)) = list else {
            return self.read(&running, &keys, limit);
        };
        if values.iter().any(|value| matches!(value, Key::Any)) {
            return self.read(&running, &keys, limit);
        }
        let mut values: Vec<Value> = values
            .into_iter()
            .filter_map(|value| match value {
                Key::Value(value) => Some(value),
                Key::Never | Key::Any => None,
            })
            .collect();
        put_in_order(&running, &*self.table, column, &mut values);
        for value in values {
            keys.push((column, value));
            self.read(&running, &keys, limit)?;
            keys.pop();
        }
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        self.at += 1;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.at >= self.rows.len()
    }

    fn column(&self, context: &mut Context, index: c_int) -> Result<()> {
        let value = usize::try_from(index)
            .ok()
            .and_then(|index| self.rows.get(self.at)?.get(index));
        context.set_result(match value {
            None | Some(Value::Null) => ToSqlOutput::Owned(SqliteValue::Null),
            Some(Value::Integer(integer)) => ToSqlOutput::Owned(SqliteValue::Integer(*integer)),
            Some(Value::Text(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }

    fn rowid(&self) -> Result<i64> {
        let rowids = self.rowids.get_or_init(|| rowids(&self.rows));
        let rowid = rowids.get(self.at).copied();
        rowid.ok_or_else(|| Error::ModuleError("no row here".into()))
    }
}

/// A number for each row that is the same whichever key the row was found by,
/// and another for every other row: SQLite takes rows that several parts of an
/// OR find for one row by it. Equal rows are told apart by counting them.
fn rowids(rows: &[Vec<Value>]) -> Vec<i64> {
    let mut seen: HashMap<&[Value], u64> = HashMap::new();
    rows.iter()
        .map(|row| {
            let equal_before = seen.entry(row).or_default();
            let mut hasher = DefaultHasher::new();
            (row, *equal_before).hash(&mut hasher);
            *equal_before += 1;
            hasher.finish().cast_signed()
        })
        .collect()
}

/// A value asked of a key column.
enum Key {
    /// Ask the table for it.
    Value(Value),
    /// No row can have it.
    Never,
    /// SQLite must compare: it cannot be said as a value of the column.
    Any,
}

impl LiveCursor {
    fn key(&self, column: usize, value: ValueRef<'_>) -> Key {
        let Some(kind) = self.table.columns().get(column).map(|column| column.kind) else {
            return Key::Any;
        };
        match (kind, value) {
            (_, ValueRef::Null) => Key::Never,
            (ColumnKind::Integer, ValueRef::Integer(integer)) => {
                Key::Value(Value::Integer(integer))
            }
            (ColumnKind::Integer, ValueRef::Text(text)) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .map_or(Key::Any, |integer| Key::Value(Value::Integer(integer))),
            (ColumnKind::Text, ValueRef::Text(text)) => {
                std::str::from_utf8(text).map_or(Key::Never, |text| Key::Value(text.into()))
            }
            // Tables fold the case of ASCII alone; what else may be equal, SQLite finds.
            (ColumnKind::TextAnyCase, ValueRef::Text(text)) => match std::str::from_utf8(text) {
                Ok(text) if text.is_ascii() => Key::Value(text.trim_end_matches(' ').into()),
                _ => Key::Any,
            },
            (ColumnKind::Text | ColumnKind::TextAnyCase, ValueRef::Integer(integer)) => {
                Key::Value(integer.to_string().into())
            }
            _ => Key::Any,
        }
    }

    fn read(
        &mut self,
        running: &Running,
        keys: &[(usize, Value)],
        limit: Option<usize>,
    ) -> Result<()> {
        running.check().map_err(|error| running.fail(error))?;
        let allowance = running.scan_allowance().saturating_add(1);
        let limit = limit.map_or(allowance, |limit| limit.min(allowance));
        let filter = KeyFilter::new(keys, limit);
        // A panic must not unwind into SQLite's frames: that would end the process.
        let rows = catch_unwind(AssertUnwindSafe(|| {
            visible_rows(&*self.table, &running.context, &filter)
        }))
        .unwrap_or_else(|_| {
            Err(SqlError::internal(format!(
                "the table {} could not be read",
                self.table.name()
            )))
        })
        .map_err(|error| running.fail(error))?;
        running
            .count_scanned(rows.len())
            .map_err(|error| running.fail(error))?;
        if self.rows.is_empty() {
            self.rows = rows;
        } else {
            self.rows.extend(rows);
        }
        Ok(())
    }
}

/// SQLite hands an IN list over sorted; rows come in the order it was written.
fn put_in_order(running: &Running, table: &dyn LiveTable, column: usize, values: &mut [Value]) {
    let Some(order) = &running.in_order else {
        return;
    };
    if order.column != column || order.table != sqlite_name(table.database(), table.name()) {
        return;
    }
    values.sort_by_cached_key(|value| {
        let text = match value {
            Value::Null => String::new(),
            Value::Integer(integer) => integer.to_string(),
            Value::Text(text) => text.to_string(),
        };
        order.positions.get(&text).copied().unwrap_or(usize::MAX)
    });
}
