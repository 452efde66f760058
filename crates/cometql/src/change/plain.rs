//! Plain INSERTs on their own road: checked against their table once, and turned
//! into changes as often as they are run, parameters filled in. What is wrong
//! with a statement is not said here: the road of all statements says it.

use crate::answer::Parameter;
use crate::error::SqlError;
use crate::plain_insert::PlainInsert;
use crate::statement::Value;
use crate::tables::{Catalogue, InsertRow, Table};

use super::Plan;

/// A plain INSERT whose table and columns are there.
#[derive(Debug)]
pub struct CheckedInsert<'a> {
    /// The table's number in the catalogue.
    table: usize,
    /// The number in the table of each named column; those behind `width` mean nothing.
    places: [usize; MOST_COLUMNS],
    width: usize,
    /// One row behind the other.
    values: Vec<Value<'a>>,
}

impl<'a> CheckedInsert<'a> {
    /// `None` for everything that is to be refused, and for what is too wide for this road.
    pub(crate) fn new(plain: PlainInsert<'a>, catalogue: &Catalogue) -> Option<Self> {
        let number = catalogue.number(plain.table)?;
        let table = catalogue.tables().get(number)?;
        let columns = table.columns();
        if table.is_read_only() || columns.len() > MOST_COLUMNS {
            return None;
        }
        let mut places = [0; MOST_COLUMNS];
        let mut taken = [false; MOST_COLUMNS];
        for (number, name) in plain.columns.iter().enumerate() {
            let place = columns
                .iter()
                .position(|column| column.name.eq_ignore_ascii_case(name))?;
            if std::mem::replace(taken.get_mut(place)?, true) {
                return None;
            }
            *places.get_mut(number)? = place;
        }
        Some(Self {
            table: number,
            places,
            width: plain.columns.len(),
            values: plain.values,
        })
    }

    /// The same, with texts of its own.
    pub(crate) fn into_owned(self) -> CheckedInsert<'static> {
        CheckedInsert {
            table: self.table,
            places: self.places,
            width: self.width,
            values: self.values.into_iter().map(Value::into_owned).collect(),
        }
    }

    /// The table it goes into.
    ///
    /// # Errors
    /// `Internal` for another catalogue than it was checked with.
    pub(crate) fn table<'c>(&self, catalogue: &'c Catalogue) -> Result<&'c dyn Table, SqlError> {
        let table = catalogue.tables().get(self.table);
        table
            .map(AsRef::as_ref)
            .ok_or_else(|| SqlError::internal("a table went away"))
    }

    /// What it means for its `table` with these parameters.
    ///
    /// # Errors
    /// Whatever the table says of a row.
    pub(crate) fn plan(
        &self,
        table: &dyn Table,
        parameters: &[Parameter],
    ) -> Result<Plan, SqlError> {
        let mut plan = Plan::nothing();
        let columns = table.columns();
        let rows = self.values.chunks(self.width.max(1));
        plan.changes.reserve_exact(rows.len());
        for row in rows {
            let mut values = [None; MOST_COLUMNS];
            for (place, value) in self.places.iter().zip(row) {
                if let Some(room) = values.get_mut(*place) {
                    *room = Some(value);
                }
            }
            let inserted = table.insert(&InsertRow::new(&values, columns, parameters))?;
            plan.changes.push(inserted.change);
            plan.affected_rows += inserted.affected_rows;
            plan.insert_id = inserted.insert_id;
        }
        Ok(plan)
    }
}

/// Tables of more columns take the road of all statements.
const MOST_COLUMNS: usize = 16;
