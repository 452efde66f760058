//! What a session sees of its own changes before COMMIT: helpers for tables in
//! which a key names one row, and for those in which rows pile up under a key.
//! What a change means for a table's rows is in the table's file.

use std::collections::BTreeMap;

use crate::query::table::{KeyFilter, Value};

/// What one change does to a table of keyed rows.
pub(super) enum KeyedChange {
    /// The row with this row's key is this row now.
    Put(Vec<Value>),
    /// The row with this key is gone.
    Remove(Value),
}

/// Does `changes` to `rows`, whose key is the column number `key`. The rows are in
/// the order of the key afterwards.
pub(super) fn overlay_by_key(
    key: usize,
    changes: impl Iterator<Item = KeyedChange>,
    filter: &KeyFilter<'_>,
    rows: &mut Vec<Vec<Value>>,
) {
    let is_asked_for = |value: &Value| filter.value(key).is_none_or(|asked| asked == value);
    let mut changes = changes
        .filter_map(|change| match change {
            KeyedChange::Put(row) => Some((row.get(key)?.clone(), Some(row))),
            KeyedChange::Remove(value) => Some((value, None)),
        })
        .filter(|(value, _)| is_asked_for(value))
        .peekable();
    if changes.peek().is_none() {
        return;
    }
    let mut by_key: BTreeMap<Value, Vec<Value>> = std::mem::take(rows)
        .into_iter()
        .filter_map(|row| Some((row.get(key)?.clone(), row)))
        .collect();
    for (value, row) in changes {
        match row {
            Some(row) => by_key.insert(value, row),
            None => by_key.remove(&value),
        };
    }
    rows.extend(by_key.into_values());
}

/// Rows that pile up under a key, such as the messages of a mailbox, oldest first.
pub(super) struct Piles(BTreeMap<Value, Vec<Vec<Value>>>);

impl Piles {
    /// `rows` by the value of their column number `key`.
    pub(super) fn of(rows: Vec<Vec<Value>>, key: usize) -> Self {
        let mut piles: BTreeMap<Value, Vec<Vec<Value>>> = BTreeMap::new();
        for row in rows {
            if let Some(value) = row.get(key) {
                piles.entry(value.clone()).or_default().push(row);
            }
        }
        Self(piles)
    }

    /// Puts `row` on top of a pile that keeps its `newest` rows.
    pub(super) fn add(&mut self, key: Value, row: Vec<Value>, newest: usize) {
        let pile = self.0.entry(key).or_default();
        pile.push(row);
        trim(pile, newest);
    }

    /// Removes all but the newest rows of a pile.
    pub(super) fn trim(&mut self, key: &Value, newest: usize) {
        if let Some(pile) = self.0.get_mut(key) {
            trim(pile, newest);
        }
    }

    /// Removes all but the newest rows of each pile.
    pub(super) fn trim_all(&mut self, newest: usize) {
        for pile in self.0.values_mut() {
            trim(pile, newest);
        }
    }

    /// Removes a pile.
    pub(super) fn clear(&mut self, key: &Value) {
        self.0.remove(key);
    }

    /// Removes the rows whose column number `column` is `value`.
    pub(super) fn remove(&mut self, column: usize, value: &Value) {
        for pile in self.0.values_mut() {
            pile.retain(|row| row.get(column) != Some(value));
        }
    }

    /// All rows, by key; the column number `index` counts those of each pile from 0.
    pub(super) fn into_rows(self, index: usize) -> Vec<Vec<Value>> {
        let numbered = |pile: Vec<Vec<Value>>| {
            pile.into_iter().zip(0..).map(move |(mut row, number)| {
                if let Some(cell) = row.get_mut(index) {
                    *cell = Value::Integer(number);
                }
                row
            })
        };
        self.0.into_values().flat_map(numbered).collect()
    }
}

fn trim(pile: &mut Vec<Vec<Value>>, newest: usize) {
    pile.drain(..pile.len().saturating_sub(newest));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: i64, text: &str) -> Vec<Value> {
        vec![Value::Integer(key), text.into()]
    }

    fn overlaid(changes: Vec<KeyedChange>, asked: &[(usize, Value)]) -> Vec<Vec<Value>> {
        let mut rows = vec![row(1, "a"), row(3, "c")];
        let filter = KeyFilter::new(asked, usize::MAX);
        overlay_by_key(0, changes.into_iter(), &filter, &mut rows);
        rows
    }

    #[test]
    fn later_changes_win_and_rows_stay_in_order() {
        let changes = vec![
            KeyedChange::Put(row(2, "b")),
            KeyedChange::Remove(Value::Integer(3)),
            KeyedChange::Put(row(2, "B")),
            KeyedChange::Remove(Value::Integer(9)),
            KeyedChange::Put(row(0, "z")),
        ];
        assert_eq!(
            overlaid(changes, &[]),
            [row(0, "z"), row(1, "a"), row(2, "B")]
        );
    }

    #[test]
    fn changes_of_other_keys_are_left_out() {
        let asked = [(0, Value::Integer(3))];
        let changes = vec![KeyedChange::Put(row(2, "b")), KeyedChange::Put(row(3, "C"))];
        assert_eq!(overlaid(changes, &asked), [row(1, "a"), row(3, "C")]);
    }
}
