//! One backend's session: what it remembers, and what each kind of statement
//! does. SELECT is in the sibling `select`, INSERT and DELETE in [`crate::change`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipes::name::DevId;

use super::{CometQl, explaining};
use crate::answer::{Answer, Column, DATABASE, Done, Parameter, Prepared};
use crate::backend::{KillSignal, Session};
use crate::change::plain::CheckedInsert;
use crate::change::{delete, insert, update};
use crate::error::{ErrorKind, ErrorNumbers, SqlError};
use crate::lookup;
use crate::query::context::SessionContext;
use crate::query::is_like;
use crate::scan;
use crate::statement::{self, Condition, Pipes, Select, Statement};
use crate::tables::Publication;

/// One backend's session.
pub struct CometQlSession {
    pub(super) language: Arc<CometQl>,
    /// The tenant that logged in; `None` for the check user, who may do nothing.
    pub(super) home: Option<DevId>,
    /// The tenant it works for: another one only after root's `USE db_N`.
    pub(super) dev_id: DevId,
    pub(super) context: SessionContext,
    /// What came of its last messages, if variables do not tell it yet.
    pub(super) published: Option<Publication>,
    pub(super) killed: KillSignal,
}

impl Drop for CometQlSession {
    fn drop(&mut self) {
        // A statement whose asker has gone must not run on.
        self.context.cancel.cancel();
        self.language.sessions.closed(self.context.connection_id);
    }
}

impl Session for CometQlSession {
    async fn execute(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        self.begin_statement()?;
        let answer = match self.parse(statement).await {
            Ok(parsed) => self.carry_out(statement, parsed, parameters).await,
            Err(error) => Err(self.read_only_first(statement, error)),
        };
        match &answer {
            Ok(Answer::Rows(result)) => {
                self.context.found_rows = result.rows.len() as u64;
                self.note(None);
            }
            Ok(Answer::Done(done)) => self.note(Some(done)),
            Err(_) => self.note(None),
        }
        answer
    }

    fn execute_plain<'a>(
        &'a mut self,
        statement: &'a str,
    ) -> Option<impl Future<Output = Result<Done, SqlError>> + Send + 'a> {
        let insert = self.checked_insert(statement)?;
        Some(async move { self.insert_plain(&insert, &[]).await })
    }

    type Plain = CheckedInsert<'static>;

    fn read_plain(&self, statement: &str) -> Option<CheckedInsert<'static>> {
        self.checked_insert(statement)
            .map(CheckedInsert::into_owned)
    }

    async fn execute_read(
        &mut self,
        plain: &CheckedInsert<'static>,
        parameters: &[Parameter],
    ) -> Result<Done, SqlError> {
        self.insert_plain(plain, parameters).await
    }

    fn prepare(&mut self, statement: &str) -> Result<Prepared, SqlError> {
        self.permit()?;
        let parsed =
            Statement::parse_for(statement, &self.language.config.statement, self.pipes())?;
        let columns = match &parsed {
            Statement::Select(Select::Lookup(lookup)) => match self.by_key(lookup)? {
                Some(table) => lookup::columns(table.as_ref(), lookup)?,
                None => self.query_columns(statement, &*self.as_query(statement)?)?,
            },
            Statement::Select(Select::Query(query)) => self.query_columns(statement, query)?,
            Statement::Show(show) => self.language.engine.show_columns(show, &self.context)?,
            Statement::Insert(insert) => {
                self.table_for_insert(&insert.table).map(|_| Vec::new())?
            }
            Statement::InsertSelect(rows) => {
                self.table_for_insert(&rows.insert.table)?;
                self.query_columns(statement, &rows.query)
                    .map(|_| Vec::new())?
            }
            Statement::Update(update) => self.table(&update.table).map(|_| Vec::new())?,
            Statement::Delete(delete) => self.table(&delete.table).map(|_| Vec::new())?,
            Statement::Explain(explained) => explaining::columns(explained),
            _ => Vec::new(),
        };
        Ok(Prepared {
            parameters: scan::parameter_count(statement)?,
            columns,
        })
    }

    fn use_database(&mut self, database: &str) -> Result<(), SqlError> {
        let unknown = || {
            let shown: String = database.chars().take(64).collect();
            SqlError::new(
                ErrorKind::UnknownDatabase,
                format!("Unknown database '{shown}'; there is {DATABASE}, and db_N for root"),
            )
        };
        for known in [DATABASE, "information_schema"] {
            if database.eq_ignore_ascii_case(known) {
                self.context.database = Some(known.into());
                self.language.sessions.chose(&self.context);
                return Ok(());
            }
        }
        let number = database.strip_prefix("db_").ok_or_else(unknown)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unknown());
        }
        let dev_id = number
            .parse()
            .ok()
            .and_then(|number| DevId::new(number).ok())
            .ok_or_else(unknown)?;
        if self.home == Some(dev_id) || self.home == Some(DevId::ROOT) {
            if !self.language.hall.tenants().exists(dev_id) {
                return Err(unknown());
            }
            if dev_id != self.dev_id && !self.context.transaction.changes().is_empty() {
                return Err(SqlError::new(
                    ErrorKind::ActiveTransaction,
                    format!("changes of db_{} wait for COMMIT", self.dev_id),
                ));
            }
            self.dev_id = dev_id;
            self.context.dev_id = dev_id.number();
            self.context.database = Some(DATABASE.into());
            self.language.sessions.chose(&self.context);
            return Ok(());
        }
        Err(SqlError::new(
            ErrorKind::Forbidden,
            "only root may work for another dev_id",
        ))
    }

    fn reset(&mut self) {
        self.dev_id = self.home.unwrap_or(DevId::ROOT);
        self.context.dev_id = self.dev_id.number();
        self.language.sessions.chose(&self.context);
        self.context.last_insert_id = 0;
        self.context.row_count = 0;
        self.context.found_rows = 0;
        Arc::make_mut(&mut self.context.variables).reset();
        self.context.user_variables = Arc::default();
        self.context.transaction = Arc::default();
        self.published = None;
    }

    fn field_list(&self, table: &str, pattern: &str) -> Result<Vec<Column>, SqlError> {
        self.permit()?;
        let table = self.language.catalogue.find(table)?;
        let mut columns = Vec::new();
        for column in table.columns() {
            let column = column.definition(table.name());
            if pattern.is_empty() || is_like(&column.name, pattern)? {
                columns.push(column);
            }
        }
        Ok(columns)
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.context.variables.wait_timeout()
    }

    fn in_transaction(&self) -> bool {
        self.context.transaction.is_open()
    }

    fn autocommit(&self) -> bool {
        self.context.variables.autocommit()
    }

    fn error_numbers(&self) -> ErrorNumbers {
        self.context.variables.error_numbers()
    }

    fn kill_signal(&self) -> KillSignal {
        self.killed.clone()
    }

    fn kill(&mut self, id: u32) -> Result<(), SqlError> {
        self.permit()?;
        self.terminate(u64::from(id), false)
    }
}

impl CometQlSession {
    /// Before anything else of a statement.
    pub(super) fn begin_statement(&mut self) -> Result<(), SqlError> {
        self.permit()?;
        self.context.cancel.reset();
        self.language.sessions.asked();
        Ok(())
    }

    /// Lets `ROW_COUNT()` and `LAST_INSERT_ID()` tell of a statement; `None` for one
    /// that had rows or failed.
    pub(super) fn note(&mut self, done: Option<&Done>) {
        let affected = done.map(|done| i64::try_from(done.affected_rows).unwrap_or(i64::MAX));
        self.context.row_count = affected.unwrap_or(-1);
        if let Some(insert_id) = done.map(|done| done.insert_id).filter(|id| *id > 0) {
            self.context.last_insert_id = insert_id;
        }
    }

    fn permit(&self) -> Result<(), SqlError> {
        match self.home {
            Some(_) => Ok(()),
            None => Err(SqlError::new(
                ErrorKind::Forbidden,
                "this user may log in and do nothing else",
            )),
        }
    }

    /// What `||` means here.
    pub(super) fn pipes(&self) -> Pipes {
        match self.context.variables.has_mode("PIPES_AS_CONCAT") {
            true => Pipes::Concat,
            false => Pipes::Or,
        }
    }

    /// Reads a statement, off the async threads if that takes long.
    async fn parse(&self, text: &str) -> Result<Statement, SqlError> {
        let limits = &self.language.config.statement;
        if let Some(insert) = Statement::parse_plain(text, limits) {
            return insert;
        }
        if text.len() <= LONG_STATEMENT {
            return statement::parse_any(text, limits, self.pipes());
        }
        let (text, pipes) = (text.to_owned(), self.pipes());
        self.blocking(move |language, _| {
            statement::parse_any(&text, &language.config.statement, pipes)
        })
        .await
    }

    /// That a table cannot be changed is said before anything else is said of
    /// a statement that would (compatibility reference §3).
    fn read_only_first(&self, text: &str, error: SqlError) -> SqlError {
        if error.kind == ErrorKind::Syntax {
            return error;
        }
        let table = statement::written_table(text)
            .and_then(|name| self.language.catalogue.find(&name).ok())
            .filter(|table| table.is_read_only());
        table.map_or(error, |table| table.refusal("change"))
    }

    async fn carry_out(
        &mut self,
        text: &str,
        statement: Statement,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        let done = match statement {
            Statement::Insert(mut insert) => {
                self.may_change()?;
                self.put_variables(&mut insert);
                let table = Arc::clone(self.table_for_insert(&insert.table)?);
                let reads = insert::looks_first(&insert);
                let _turn = self.turn_to_change(table.as_ref(), reads).await?;
                let plan = if insert::computes(&insert) || reads && table.is_slow() {
                    let is_query = insert::computes(&insert);
                    self.planning(is_query, parameters, move |asking| {
                        insert::plan(table.as_ref(), &insert, asking)
                    })
                    .await?
                } else {
                    let asking = self.language.asking(parameters, &self.context);
                    insert::plan(table.as_ref(), &insert, &asking)?
                };
                self.take_effect(plan).await?
            }
            Statement::InsertSelect(rows) => {
                self.may_change()?;
                let table = Arc::clone(self.table_for_insert(&rows.insert.table)?);
                let _turn = self.turn_to_change(table.as_ref(), true).await?;
                let plan = self.planning(true, parameters, move |asking| {
                    insert::plan_select(table.as_ref(), &rows, asking)
                });
                self.take_effect(plan.await?).await?
            }
            Statement::Update(update) => {
                self.may_change()?;
                let table = Arc::clone(self.table(&update.table)?);
                let _turn = self.turn_to_change(table.as_ref(), true).await?;
                let plan = self.planning(true, parameters, move |asking| {
                    update::plan(table.as_ref(), &update, asking)
                });
                self.take_effect(plan.await?).await?
            }
            Statement::Delete(delete) => {
                self.may_change()?;
                let table = Arc::clone(self.table(&delete.table)?);
                let reads = delete::searches(table.as_ref(), &delete);
                let _turn = self.turn_to_change(table.as_ref(), reads).await?;
                let is_query = matches!(delete.condition, Some(Condition::Search(_)));
                let plan = self.planning(is_query, parameters, move |asking| {
                    delete::plan(table.as_ref(), &delete, asking)
                });
                self.take_effect(plan.await?).await?
            }
            Statement::Select(select) => {
                self.tell_published();
                return self
                    .select(text, select, parameters)
                    .await
                    .map(Answer::Rows);
            }
            Statement::Show(show) => {
                self.tell_published();
                return self
                    .querying(move |language, context| language.engine.show(&show, context))
                    .await
                    .map(Answer::Rows);
            }
            Statement::Set(assignments) => {
                self.set(&assignments).await?;
                Done::default()
            }
            Statement::Use(database) => {
                self.use_database(&database)?;
                Done::default()
            }
            Statement::Begin { read_only } => self.begin(read_only).await?,
            Statement::Commit { chain } => self.commit(chain).await?,
            Statement::Rollback { chain } => self.roll_back(chain),
            Statement::Savepoint(name) => {
                self.set_savepoint(name)?;
                Done::default()
            }
            Statement::RollbackTo(name) => {
                self.transaction().roll_back_to(&name)?;
                Done::default()
            }
            Statement::Release(name) => {
                self.transaction().release(&name)?;
                Done::default()
            }
            Statement::Kill { query_only, id } => {
                self.terminate(id, query_only)?;
                Done::default()
            }
            Statement::Explain(explained) => {
                return self.explain(&explained, parameters).map(Answer::Rows);
            }
            Statement::Empty | Statement::Ignored => Done::default(),
        };
        Ok(Answer::Done(done))
    }

    /// KILL. Whoever ends itself is told what everybody is whose statement was killed.
    fn terminate(&self, id: u64, query_only: bool) -> Result<(), SqlError> {
        let processes = &self.language.processes;
        processes.kill(&self.context, id, query_only)?;
        if id == u64::from(self.context.connection_id) {
            return Err(SqlError::interrupted());
        }
        Ok(())
    }
}

/// Bytes of a statement that takes long to parse.
const LONG_STATEMENT: usize = 64 << 10;
