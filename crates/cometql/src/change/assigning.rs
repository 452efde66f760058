//! How the columns of a row that is there are set, by an UPDATE or by ON
//! DUPLICATE KEY UPDATE: from left to right, each seeing what those before it
//! have set, as in MySQL. What the row then means is its table's business.

use super::asking::{self, Asking};
use super::written;
use crate::answer::Cell;
use crate::error::SqlError;
use crate::lookup;
use crate::query::computing::{Asked, Computer, GivenRow};
use crate::query::table::{ColumnKey, ColumnKind, TableColumn, Value as Field};
use crate::statement::{Computed, OnDuplicate, Updated, Value};
use crate::tables::{self, InsertRow, Inserted, Table};

/// Assignments whose columns are there.
pub(super) struct Assignments<'a> {
    table: &'a dyn Table,
    steps: Vec<(usize, Step<'a>)>,
    /// The expressions among them.
    computed: Vec<&'a Computed>,
    /// The rows that expressions may name, their columns by number.
    rows: Vec<(GivenRow<'a>, Vec<usize>)>,
}

/// What one column is set to.
enum Step<'a> {
    Value(&'a Value<'static>),
    /// What the row has in this column.
    Kept(usize),
    /// What the row that would be inserted has in this column.
    Inserted(usize),
    /// The expression with this number.
    Computed(usize),
}

/// Computes the expression with this number for rows of these values.
pub(super) type Compute<'a> =
    &'a mut dyn FnMut(usize, &mut dyn Iterator<Item = &Field>) -> Result<Cell, SqlError>;

/// The row that would be inserted.
pub(super) struct NewRow<'a> {
    /// As the statement says it.
    pub(super) values: &'a [Option<&'a Value<'static>>],
    /// As it would stand in the table.
    pub(super) fields: Vec<Field>,
}

impl<'a> Assignments<'a> {
    /// Those of an UPDATE, whose table is called `name` in it.
    ///
    /// # Errors
    /// `UnknownColumn`; `Unsupported` for a column that cannot be updated.
    pub(super) fn of_update(
        table: &'a dyn Table,
        name: &'a str,
        updates: &'a [(String, Updated)],
    ) -> Result<Self, SqlError> {
        for (column, updated) in updates {
            let place = tables::column_number(table.name(), table.columns(), column)?;
            let is_kept =
                matches!(updated, Updated::Kept(kept) if kept.eq_ignore_ascii_case(column));
            match table.updatable() {
                [] => {
                    return Err(SqlError::unsupported(format!(
                        "rows of {} cannot be updated; DELETE and INSERT are offered",
                        table.name()
                    )));
                }
                updatable if updatable.contains(&place) || is_kept => {}
                _ => return Err(key_stays(table, column)),
            }
        }
        Self::new(table, updates, vec![own_row(table, name)])
    }

    /// Those of ON DUPLICATE KEY UPDATE after an INSERT into the columns `places`.
    ///
    /// # Errors
    /// `UnknownColumn`.
    pub(super) fn on_duplicate(
        table: &'a dyn Table,
        update: &'a OnDuplicate,
        places: &[usize],
    ) -> Result<Self, SqlError> {
        let all = |name, is_qualified| {
            let (mut row, places) = own_row(table, name);
            row.is_qualified = is_qualified;
            (row, places)
        };
        let mut rows = vec![all(table.name(), false), all(Computed::INSERTED, true)];
        match &update.row {
            Some(row) if row.columns.is_empty() => rows.push(all(&row.name, true)),
            Some(row) => {
                let columns = row.columns.iter().zip(places);
                let columns = columns.filter_map(|(name, place)| {
                    let column = table.columns().get(*place)?;
                    Some((name.as_str(), column))
                });
                let renamed = GivenRow {
                    name: &row.name,
                    columns: columns.collect(),
                    is_qualified: false,
                };
                rows.push((renamed, places.to_vec()));
            }
            None => {}
        }
        Self::new(table, &update.updates, rows)
    }

    fn new(
        table: &'a dyn Table,
        updates: &'a [(String, Updated)],
        rows: Vec<(GivenRow<'a>, Vec<usize>)>,
    ) -> Result<Self, SqlError> {
        let place = |column: &str| tables::column_number(table.name(), table.columns(), column);
        let mut steps = Vec::with_capacity(updates.len());
        let mut computed = Vec::new();
        for (column, updated) in updates {
            let step = match updated {
                Updated::Value(value) => Step::Value(value),
                Updated::Kept(column) => Step::Kept(place(column)?),
                Updated::Inserted(column) => Step::Inserted(place(column)?),
                Updated::Expression(expression) => {
                    computed.push(expression);
                    Step::Computed(computed.len() - 1)
                }
            };
            steps.push((place(column)?, step));
        }
        Ok(Self {
            table,
            steps,
            computed,
            rows,
        })
    }

    /// Whether any value has to be computed.
    pub(super) fn computes(&self) -> bool {
        !self.computed.is_empty()
    }

    /// Runs `work` with the expressions made ready.
    ///
    /// # Errors
    /// As [`Engine::computing`](crate::query::Engine::computing).
    pub(super) fn ready<T>(
        &self,
        asking: &Asking<'_>,
        work: impl FnOnce(&mut Computer<'_>) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let given = |number: &usize| {
            asking.parameters.get(*number).ok_or_else(|| {
                SqlError::invalid(format!(
                    "the statement needs a value for parameter {}",
                    number.saturating_add(1)
                ))
            })
        };
        let asked = self.computed.iter().map(|computed| {
            let parameters = computed.parameters.iter().map(given);
            Ok(Asked {
                expression: &computed.expression,
                parameters: parameters.collect::<Result<_, SqlError>>()?,
            })
        });
        let asked = asked.collect::<Result<Vec<_>, SqlError>>()?;
        let rows: Vec<_> = self.rows.iter().map(|(row, _)| row).collect();
        asking.engine.computing(&asked, &rows, asking.context, work)
    }

    /// What writing the row `known` with its columns set means; `None` if it
    /// stays as it is.
    ///
    /// # Errors
    /// Those of an INSERT of the row, and of the expressions; `Unsupported` if
    /// it would have another key.
    pub(super) fn apply(
        &self,
        known: &[Field],
        new: Option<&NewRow<'_>>,
        asking: &Asking<'_>,
        compute: Compute<'_>,
    ) -> Result<(Inserted, bool), SqlError> {
        let values = self.set(known, new, asking, compute)?;
        let values: Vec<_> = values.iter().map(Option::as_ref).collect();
        let row = InsertRow::new(&values, self.table.columns(), asking.parameters);
        let after = self.table.insert(&row)?;
        let rows = written(self.table, asking.context, &after.change);
        if let [row] = rows.as_slice() {
            self.keeps_key(known, row)?;
        }
        Ok((after, rows != [known]))
    }

    fn set(
        &self,
        known: &[Field],
        new: Option<&NewRow<'_>>,
        asking: &Asking<'_>,
        compute: Compute<'_>,
    ) -> Result<Vec<Option<Value<'static>>>, SqlError> {
        let columns = self.table.columns();
        let mut fields = known.to_vec();
        let mut values: Vec<_> = fields.iter().map(kept).map(Some).collect();
        for (place, step) in &self.steps {
            let Some(column) = columns.get(*place) else {
                continue;
            };
            let value = match step {
                Step::Value(value) => Some((*value).clone()),
                Step::Kept(kept) => values.get(*kept).cloned().flatten(),
                Step::Inserted(place) => new
                    .and_then(|new| new.values.get(*place).copied().flatten())
                    .cloned(),
                Step::Computed(number) => {
                    let mut given = self.given(&fields, new);
                    Some(asking::value(compute(*number, &mut given)?, Some(column)))
                }
            };
            let value = value.filter(|value| !matches!(value, Value::Default));
            let field = match &value {
                Some(value) => lookup::field(column, value, asking.parameters)?,
                None => Some(implied(column)),
            };
            if let (Some(room), Some(stands)) = (values.get_mut(*place), fields.get_mut(*place)) {
                *room = value;
                *stands = field.unwrap_or(Field::Null);
            }
        }
        Ok(values)
    }

    /// The values of the rows that expressions name, one behind the other.
    fn given<'f>(
        &'f self,
        fields: &'f [Field],
        new: Option<&'f NewRow<'_>>,
    ) -> impl Iterator<Item = &'f Field> {
        let new = new.map_or(&[][..], |new| new.fields.as_slice());
        let rows = self.rows.iter().enumerate();
        rows.flat_map(move |(number, (_, places))| {
            let fields = if number == 0 { fields } else { new };
            places
                .iter()
                .map(move |place| fields.get(*place).unwrap_or(&Field::Null))
        })
    }

    fn keeps_key(&self, known: &[Field], after: &[Field]) -> Result<(), SqlError> {
        let table = self.table;
        let columns = table.columns().iter().zip(known.iter().zip(after));
        for (column, (known, after)) in columns {
            if column.key == ColumnKey::Primary && known != after {
                return Err(key_stays(table, column.name));
            }
        }
        Ok(())
    }
}

fn key_stays(table: &dyn Table, column: &str) -> SqlError {
    SqlError::unsupported(format!(
        "the column {column} of {} cannot be updated; DELETE the row and INSERT another",
        table.name()
    ))
}

/// A row with the table's own columns.
fn own_row<'a>(table: &'a dyn Table, name: &'a str) -> (GivenRow<'a>, Vec<usize>) {
    let columns = table.columns();
    let row = GivenRow {
        name,
        columns: columns.iter().map(|column| (column.name, column)).collect(),
        is_qualified: false,
    };
    (row, (0..columns.len()).collect())
}

fn kept(field: &Field) -> Value<'static> {
    match field {
        Field::Null => Value::Null,
        Field::Integer(number) => Value::Number(number.to_string().into()),
        Field::Text(text) => Value::Text(crate::statement::Literal::plain(text.to_string())),
    }
}

/// What a column has when nothing is said of it.
pub(super) fn implied(column: &TableColumn) -> Field {
    match column.kind {
        ColumnKind::Integer => Field::Integer(0),
        ColumnKind::Text | ColumnKind::TextAnyCase => "".into(),
    }
}
