//! Rows by key: the SELECTs that backends send all the time, answered without the
//! query engine, in the order of the keys (compatibility reference §2.3).

use std::sync::Arc;

use crate::answer::{Cell, Column, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::table::{ColumnKey, ColumnKind, KeyFilter, TableColumn, Value as Field};
use crate::statement::{KeyCondition, KeyLookup, Value};
use crate::tables::{self, Table};

/// The most rows a lookup answers.
const MAX_ROWS: usize = 100_000;

/// Answers a lookup.
///
/// # Errors
/// `UnknownColumn`, `DuplicateColumn`, `InvalidValue` for a number that is none,
/// and whatever the table refuses.
pub(crate) fn select(
    table: &dyn Table,
    lookup: &KeyLookup,
    parameters: &[Parameter],
    context: &SessionContext,
) -> Result<ResultSet, SqlError> {
    let projection = Projection::new(table, lookup.columns.as_deref())?;
    let condition = std::slice::from_ref(&lookup.condition);
    let mut rows = matching(table, condition, parameters, context)?;
    table.finish(&mut rows);
    let (offset, count) = match lookup.limit {
        Some(limit) => (as_usize(limit.offset), as_usize(limit.count)),
        None => (0, usize::MAX),
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
) -> Result<Vec<Vec<Field>>, SqlError> {
    let columns = table.columns();
    let mut wanted: Vec<(usize, Vec<Field>)> = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let place = tables::column_number(table.name(), columns, &condition.column)?;
        let Some(column) = columns.get(place) else {
            continue;
        };
        let mut fields: Vec<Field> = Vec::with_capacity(condition.keys.len());
        let mut seen = std::collections::HashSet::with_capacity(condition.keys.len());
        for key in &condition.keys {
            if let Some(field) = field(column, key, parameters)?
                && seen.insert(field.clone())
            {
                fields.push(field);
            }
        }
        wanted.push((place, fields));
    }
    let is_key = |place: &usize| {
        columns
            .get(*place)
            .is_some_and(|column| column.key != ColumnKey::None)
    };
    let mut rows = Vec::new();
    match wanted.iter().position(|(place, _)| is_key(place)) {
        Some(first) => {
            let Some((place, fields)) = wanted.get(first) else {
                return Ok(rows);
            };
            for field in fields {
                let room = MAX_ROWS.saturating_sub(rows.len());
                let values = [(*place, field.clone())];
                rows.extend(table.rows(context, &KeyFilter::new(&values, room))?);
            }
        }
        None => rows = table.rows(context, &KeyFilter::new(&[], MAX_ROWS))?,
    }
    rows.retain(|row| {
        wanted.iter().all(|(place, fields)| {
            row.get(*place)
                .is_some_and(|field| fields.contains(field))
        })
    });
    if rows.len() >= MAX_ROWS {
        return Err(SqlError::new(
            ErrorKind::Internal,
            format!("the answer has more than {MAX_ROWS} rows; ask for fewer keys"),
        ));
    }
    Ok(rows)
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
        return Ok(value.integer(parameters)?.map(Field::Integer));
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
