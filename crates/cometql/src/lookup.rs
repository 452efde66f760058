//! Rows by key: the SELECTs that backends send all the time, answered without the
//! query engine, in the order of the keys (compatibility reference §2.3). What it
//! answers, the engine would answer too; a property test holds them equal.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use crate::answer::{Cell, Column, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::table::{
    ColumnKey, ColumnKind, KeyFilter, TableColumn, Value as Field, visible_rows,
};
use crate::query::{QueryLimits, sql_select_limit};
use crate::statement::{KeyCondition, KeyLookup, Value};
use crate::tables::{self, Table};

/// Whether the rows can be found by key, without reading a full listing.
pub(crate) fn is_by_key(table: &dyn Table, lookup: &KeyLookup) -> bool {
    let condition = &lookup.condition.column;
    table
        .columns()
        .iter()
        .any(|column| column.key != ColumnKey::None && column.name.eq_ignore_ascii_case(condition))
}

/// Answers a lookup.
///
/// # Errors
/// `UnknownColumn`, `DuplicateColumn`, `InvalidValue` for a number that is none,
/// `TooManyValues`, `Timeout` and `Interrupted` as `limits` have it, and
/// whatever the table refuses.
pub(crate) fn select(
    table: &dyn Table,
    lookup: &KeyLookup,
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &QueryLimits,
) -> Result<ResultSet, SqlError> {
    let projection = Projection::new(table, lookup.columns.as_deref())?;
    let condition = std::slice::from_ref(&lookup.condition);
    let mut rows = matching(table, condition, parameters, context, limits)?;
    table.finish(&mut rows);
    let (offset, count) = match lookup.limit {
        Some(limit) => (as_usize(limit.offset), as_usize(limit.count)),
        None => (0, sql_select_limit(context)),
    };
    let rows = rows
        .iter()
        .skip(offset)
        .take(count)
        .map(|row| projection.cells(row))
        .collect();
    Ok(ResultSet {
        columns: projection.columns,
        rows,
    })
}

/// The columns a lookup will answer, without looking.
///
/// # Errors
/// As [`select`].
pub(crate) fn columns(table: &dyn Table, lookup: &KeyLookup) -> Result<Vec<Column>, SqlError> {
    Ok(Projection::new(table, lookup.columns.as_deref())?.columns)
}

/// The rows for which all conditions hold: by key if the first is on a key
/// column, out of a full listing otherwise. A key that is repeated is answered
/// once.
///
/// # Errors
/// As [`select`].
pub(crate) fn matching(
    table: &dyn Table,
    conditions: &[KeyCondition],
    parameters: &[Parameter],
    context: &SessionContext,
    limits: &QueryLimits,
) -> Result<Vec<Vec<Field>>, SqlError> {
    let columns = table.columns();
    let mut budget = Budget::new(context, limits);
    let mut wanted: Vec<Wanted> = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let place = tables::column_number(table.name(), columns, &condition.column)?;
        let Some(column) = columns.get(place) else {
            continue;
        };
        let mut fields: Vec<Field> = Vec::with_capacity(condition.keys.len());
        let mut seen = HashSet::with_capacity(condition.keys.len());
        for key in &condition.keys {
            if let Some(field) = field(column, key, parameters)?
                && seen.insert(field.clone())
            {
                fields.push(field);
            }
        }
        wanted.push(Wanted {
            place,
            fields,
            seen,
        });
    }
    let by_key = wanted.iter().find(|wanted| {
        columns
            .get(wanted.place)
            .is_some_and(|column| column.key != ColumnKey::None)
    });
    let mut rows = Vec::new();
    match by_key {
        Some(by_key) => {
            for field in &by_key.fields {
                let values = [(by_key.place, field.clone())];
                let found = visible_rows(table, context, &KeyFilter::new(&values, budget.room()))?;
                budget.spend(&found)?;
                rows.extend(found);
            }
        }
        None => {
            rows = visible_rows(table, context, &KeyFilter::new(&[], budget.room()))?;
            budget.spend(&rows)?;
        }
    }
    rows.retain(|row| {
        wanted.iter().all(|wanted| {
            row.get(wanted.place)
                .is_some_and(|field| wanted.seen.contains(field))
        })
    });
    Ok(rows)
}

/// One condition: the values that a column may have, each once, in the order
/// written.
struct Wanted {
    place: usize,
    fields: Vec<Field>,
    seen: HashSet<Field>,
}

/// What reading rows may still cost.
struct Budget<'a> {
    context: &'a SessionContext,
    limits: &'a QueryLimits,
    started: Instant,
    rows: usize,
    bytes: usize,
}

impl<'a> Budget<'a> {
    fn new(context: &'a SessionContext, limits: &'a QueryLimits) -> Self {
        Self {
            context,
            limits,
            started: Instant::now(),
            rows: 0,
            bytes: 0,
        }
    }

    /// The most rows the next key may have: one too many tells that there are more.
    fn room(&self) -> usize {
        self.limits
            .max_rows
            .saturating_add(1)
            .saturating_sub(self.rows)
    }

    fn spend(&mut self, found: &[Vec<Field>]) -> Result<(), SqlError> {
        let text = |field: &Field| match field {
            Field::Text(text) => text.len(),
            Field::Integer(_) | Field::Null => 0,
        };
        self.rows = self.rows.saturating_add(found.len());
        let bytes: usize = found.iter().flatten().map(text).sum();
        self.bytes = self.bytes.saturating_add(bytes);
        let QueryLimits {
            max_rows,
            max_bytes,
            max_time,
            ..
        } = self.limits;
        let too_much = |what: String| Err(SqlError::new(ErrorKind::TooManyValues, what));
        if self.rows > *max_rows {
            return too_much(format!("more than {max_rows} rows; ask for fewer keys"));
        }
        if self.bytes > *max_bytes {
            return too_much(format!(
                "rows of more than {max_bytes} bytes; ask for fewer keys"
            ));
        }
        if self.context.cancel.is_cancelled() {
            return Err(SqlError::interrupted());
        }
        if self.started.elapsed() > *max_time {
            let seconds = max_time.as_secs_f64();
            let sentence = format!("the query took longer than {seconds} seconds and was stopped");
            return Err(SqlError::new(ErrorKind::Timeout, sentence));
        }
        Ok(())
    }
}

/// A statement's value as a value of `column`; `None` for NULL, which equals nothing.
///
/// # Errors
/// `InvalidValue` for a number that is none.
pub(crate) fn field(
    column: &TableColumn,
    value: &Value,
    parameters: &[Parameter],
) -> Result<Option<Field>, SqlError> {
    if column.kind == ColumnKind::Integer {
        return value
            .integer(parameters)
            .map(|number| number.map(Field::Integer))
            .map_err(|error| error.about(column.name));
    }
    Ok(value
        .text(parameters)?
        .map(|text| Field::Text(text.as_ref().into())))
}

struct Projection {
    places: Vec<usize>,
    columns: Vec<Column>,
}

impl Projection {
    fn new(table: &dyn Table, names: Option<&[String]>) -> Result<Self, SqlError> {
        let all = table.columns();
        let Some(names) = names else {
            return Ok(Self {
                places: (0..all.len()).collect(),
                columns: all
                    .iter()
                    .map(|column| column.definition(table.name()))
                    .collect(),
            });
        };
        let mut places = Vec::with_capacity(names.len());
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let place = tables::column_number(table.name(), all, name)?;
            if places.contains(&place) {
                return Err(SqlError::new(
                    ErrorKind::DuplicateColumn,
                    format!("column {name} is named twice"),
                ));
            }
            places.push(place);
            if let Some(column) = all.get(place) {
                columns.push(Column {
                    name: name.clone(),
                    ..column.definition(table.name())
                });
            }
        }
        Ok(Self { places, columns })
    }

    fn cells(&self, row: &[Field]) -> Vec<Cell> {
        self.places
            .iter()
            .map(|place| match row.get(*place) {
                None | Some(Field::Null) => None,
                Some(Field::Integer(number)) => Some(number.to_string().into()),
                Some(Field::Text(text)) => Some(Arc::clone(text)),
            })
            .collect()
    }
}

fn as_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
