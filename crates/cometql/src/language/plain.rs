//! The hot path of a session: plain INSERTs, read and checked once and run
//! without looking at their text again.

use super::CometQlSession;
use crate::answer::{DATABASE, Done, Parameter};
use crate::change::plain::CheckedInsert;
use crate::error::SqlError;
use crate::plain_insert;

impl CometQlSession {
    /// `text` as a plain INSERT; `None` for everything that is none, or is to be
    /// refused: the road of all statements finds out why.
    pub(super) fn checked_insert<'a>(&self, text: &'a str) -> Option<CheckedInsert<'a>> {
        let plain = plain_insert::parse(text, &self.language.config.statement)?;
        let database = self.context.database.as_deref().unwrap_or(DATABASE);
        if !database.eq_ignore_ascii_case(DATABASE) {
            return None;
        }
        CheckedInsert::new(plain, &self.language.catalogue)
    }

    /// Carries out a plain INSERT as `execute` would.
    pub(super) async fn insert_plain(
        &mut self,
        insert: &CheckedInsert<'_>,
        parameters: &[Parameter],
    ) -> Result<Done, SqlError> {
        self.begin_statement()?;
        let done = self.insert_checked(insert, parameters).await;
        self.note(done.as_ref().ok());
        done
    }

    async fn insert_checked(
        &mut self,
        insert: &CheckedInsert<'_>,
        parameters: &[Parameter],
    ) -> Result<Done, SqlError> {
        self.may_change()?;
        let table = insert.table(&self.language.catalogue)?;
        let _turn = self.turn_to_change(table, false).await?;
        let plan = insert.plan(table, parameters)?;
        self.take_effect(plan).await
    }
}
