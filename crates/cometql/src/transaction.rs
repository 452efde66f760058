//! A session's transaction: the changes that wait for its COMMIT, the savepoints
//! among them, and the bounds of both. What a change is and how a batch of them
//! takes effect together is the hall's business; when a transaction begins and
//! ends is the session's.

use pipes::Change;

use crate::error::{ErrorKind, SqlError};

/// The bounds of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionLimits {
    /// Changes and savepoints together.
    pub max_changes: usize,
    /// Bytes of the changes: payloads, names, and a constant for each
    /// ([`Change::bytes`]).
    pub max_bytes: usize,
}

impl Default for TransactionLimits {
    fn default() -> Self {
        Self {
            max_changes: 10_000,
            max_bytes: 16 << 20,
        }
    }
}

/// What a session has changed and not committed yet.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    is_open: bool,
    is_read_only: bool,
    changes: Vec<Change>,
    bytes: usize,
    savepoints: Vec<Savepoint>,
}

#[derive(Debug, Clone)]
struct Savepoint {
    name: String,
    /// How many changes, and how many bytes of them, came before it.
    changes: usize,
    bytes: usize,
}

impl Transaction {
    /// Whether it has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether it may change nothing.
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// What waits, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Begins; nothing waits.
    pub(crate) fn begin(&mut self, is_read_only: bool) {
        *self = Self {
            is_open: true,
            is_read_only,
            ..Self::default()
        };
    }

    /// Ends, and gives what waited.
    pub(crate) fn end(&mut self) -> Vec<Change> {
        std::mem::take(self).changes
    }

    /// Adds a statement's changes, all or none of them.
    ///
    /// # Errors
    /// `TransactionTooLarge`.
    pub(crate) fn add(
        &mut self,
        changes: Vec<Change>,
        limits: &TransactionLimits,
    ) -> Result<(), SqlError> {
        self.room_for(changes.len(), limits)?;
        let bytes = changes
            .iter()
            .map(Change::bytes)
            .fold(self.bytes, usize::saturating_add);
        if bytes > limits.max_bytes {
            return Err(SqlError::new(
                ErrorKind::TransactionTooLarge,
                format!(
                    "a transaction may hold {} bytes of changes, this statement would make it \
                     {bytes}; COMMIT more often",
                    limits.max_bytes
                ),
            ));
        }
        self.bytes = bytes;
        self.changes.extend(changes);
        Ok(())
    }

    fn room_for(&self, more: usize, limits: &TransactionLimits) -> Result<(), SqlError> {
        let held = self.changes.len().saturating_add(self.savepoints.len());
        let held = held.saturating_add(more);
        if held <= limits.max_changes {
            return Ok(());
        }
        Err(SqlError::new(
            ErrorKind::TransactionTooLarge,
            format!(
                "a transaction may hold {} changes and savepoints, this statement would make it \
                 {held}; COMMIT more often",
                limits.max_changes
            ),
        ))
    }

    /// SAVEPOINT: one of the same name, in any case, is forgotten.
    ///
    /// # Errors
    /// `TooLong` for the name, `TransactionTooLarge`.
    pub(crate) fn set_savepoint(
        &mut self,
        name: String,
        limits: &TransactionLimits,
    ) -> Result<(), SqlError> {
        let length = name.chars().count();
        if length > LONGEST_NAME {
            return Err(SqlError::new(
                ErrorKind::TooLong,
                format!(
                    "the name of a savepoint has {length} characters, at most {LONGEST_NAME} \
                     are allowed"
                ),
            ));
        }
        let known = self.place(&name);
        if known.is_none() {
            self.room_for(1, limits)?;
        }
        if let Some(place) = known {
            self.savepoints.remove(place);
        }
        self.savepoints.push(Savepoint {
            name,
            changes: self.changes.len(),
            bytes: self.bytes,
        });
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT: what came after it is forgotten, it stays.
    ///
    /// # Errors
    /// `UnknownSavepoint`.
    pub(crate) fn roll_back_to(&mut self, name: &str) -> Result<(), SqlError> {
        let place = self.place(name).ok_or_else(|| unknown(name))?;
        self.savepoints.truncate(place.saturating_add(1));
        if let Some(savepoint) = self.savepoints.last() {
            self.changes.truncate(savepoint.changes);
            self.bytes = savepoint.bytes;
        }
        Ok(())
    }

    /// RELEASE SAVEPOINT: it and those set after it are forgotten, no change is.
    ///
    /// # Errors
    /// `UnknownSavepoint`.
    pub(crate) fn release(&mut self, name: &str) -> Result<(), SqlError> {
        let place = self.place(name).ok_or_else(|| unknown(name))?;
        self.savepoints.truncate(place);
        Ok(())
    }

    fn place(&self, name: &str) -> Option<usize> {
        let lower = name.to_lowercase();
        self.savepoints
            .iter()
            .position(|savepoint| savepoint.name.to_lowercase() == lower)
    }
}

fn unknown(name: &str) -> SqlError {
    let shown: String = name.chars().take(LONGEST_NAME).collect();
    SqlError::new(
        ErrorKind::UnknownSavepoint,
        format!("SAVEPOINT {shown} does not exist"),
    )
}

/// MySQL's longest name, in characters.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use pipes::name::UserId;

    fn changes(users: &[i64]) -> Vec<Change> {
        let user = |number: &i64| UserId::new(*number).unwrap();
        users
            .iter()
            .map(|number| Change::RemoveKey { user: user(number) })
            .collect()
    }

    fn users(transaction: &Transaction) -> Vec<u32> {
        let number = |change: &Change| match change {
            Change::RemoveKey { user } => user.number(),
            other => panic!("{other:?}"),
        };
        transaction.changes().iter().map(number).collect()
    }

    fn begun() -> Transaction {
        let mut transaction = Transaction::default();
        transaction.begin(false);
        transaction
    }

    #[test]
    fn rolling_back_to_a_savepoint_keeps_it_and_what_came_before() {
        let limits = TransactionLimits::default();
        let mut transaction = begun();
        transaction.add(changes(&[1]), &limits).unwrap();
        transaction.set_savepoint("a".into(), &limits).unwrap();
        transaction.add(changes(&[2]), &limits).unwrap();
        transaction.set_savepoint("b".into(), &limits).unwrap();
        transaction.add(changes(&[3]), &limits).unwrap();
        transaction.roll_back_to("A").unwrap();
        assert_eq!(users(&transaction), [1]);
        assert_eq!(
            transaction.roll_back_to("b").unwrap_err().kind,
            ErrorKind::UnknownSavepoint
        );
        transaction.add(changes(&[4]), &limits).unwrap();
        transaction.roll_back_to("a").unwrap();
        assert_eq!(users(&transaction), [1]);
        transaction.release("a").unwrap();
        assert!(transaction.roll_back_to("a").is_err());
        assert_eq!(users(&transaction), [1]);
    }

    #[test]
    fn a_savepoint_set_again_moves_to_the_end() {
        let limits = TransactionLimits::default();
        let mut transaction = begun();
        transaction.set_savepoint("a".into(), &limits).unwrap();
        transaction.add(changes(&[1]), &limits).unwrap();
        transaction.set_savepoint("b".into(), &limits).unwrap();
        transaction.set_savepoint("a".into(), &limits).unwrap();
        transaction.add(changes(&[2]), &limits).unwrap();
        transaction.roll_back_to("b").unwrap();
        assert_eq!(users(&transaction), [1]);
        assert!(transaction.roll_back_to("a").is_err());
    }

    #[test]
    fn a_statement_past_a_bound_adds_nothing() {
        let small = TransactionLimits {
            max_changes: 3,
            max_bytes: 3 * Change::bytes(&changes(&[1])[0]),
        };
        let mut transaction = begun();
        transaction.add(changes(&[1, 2]), &small).unwrap();
        let refused = transaction.add(changes(&[3, 4]), &small).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::TransactionTooLarge);
        assert_eq!(users(&transaction), [1, 2]);
        transaction.set_savepoint("a".into(), &small).unwrap();
        assert!(transaction.set_savepoint("b".into(), &small).is_err());
        transaction.set_savepoint("A".into(), &small).unwrap();
        assert!(transaction.add(changes(&[3]), &small).is_err());
        transaction.release("a").unwrap();
        transaction.add(changes(&[3]), &small).unwrap();
        let tight = TransactionLimits {
            max_changes: 9,
            ..small
        };
        assert!(transaction.add(changes(&[4]), &tight).is_err());
        assert_eq!(users(&transaction), [1, 2, 3]);
    }

    #[test]
    fn rolled_back_bytes_are_free_again() {
        let limits = TransactionLimits {
            max_changes: 9,
            max_bytes: Change::bytes(&changes(&[1])[0]),
        };
        let mut transaction = begun();
        transaction.set_savepoint("a".into(), &limits).unwrap();
        transaction.add(changes(&[1]), &limits).unwrap();
        assert!(transaction.add(changes(&[2]), &limits).is_err());
        transaction.roll_back_to("a").unwrap();
        transaction.add(changes(&[2]), &limits).unwrap();
        assert_eq!(users(&transaction), [2]);
    }
}
