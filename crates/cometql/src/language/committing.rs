//! When a session's changes take effect: at once, or together at COMMIT. What
//! waits, and its bounds, are in [`crate::transaction`].

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::{CometQl, CometQlSession, KEY_TURNS};
use crate::answer::{Done, Parameter};
use crate::change::{self, Asking, Plan};
use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::tables::{Publication, Table};
use crate::transaction::Transaction;

impl CometQl {
    /// What a change is planned with.
    pub(super) fn asking<'a>(
        &'a self,
        parameters: &'a [Parameter],
        context: &'a SessionContext,
    ) -> Asking<'a> {
        Asking {
            parameters,
            context,
            engine: &self.engine,
            limits: &self.config.statement,
            query_limits: &self.config.query,
        }
    }
}

impl CometQlSession {
    /// A statement's changes: carried out, or kept for COMMIT. With
    /// `autocommit=0` the first change begins a transaction.
    pub(super) async fn take_effect(&mut self, plan: Plan) -> Result<Done, SqlError> {
        if !self.context.transaction.is_open() && self.context.variables.autocommit() {
            let (done, published) = plan.carry_out(&self.language.hall, self.dev_id).await?;
            self.remember(published);
            return Ok(done);
        }
        let transaction = Arc::make_mut(&mut self.context.transaction);
        if !transaction.is_open() {
            transaction.begin(false);
        }
        let hall = &self.language.hall;
        let limits = &self.language.config.transaction;
        plan.wait_in(transaction, hall, self.dev_id, limits)
    }

    /// Plans a change off the async threads; one that `is_query` waits for its
    /// turn at the query engine.
    pub(super) async fn planning<F>(
        &self,
        is_query: bool,
        parameters: &[Parameter],
        plan: F,
    ) -> Result<Plan, SqlError>
    where
        F: FnOnce(&Asking<'_>) -> Result<Plan, SqlError> + Send + 'static,
    {
        let parameters = parameters.to_vec();
        let work = move |language: &CometQl, context: &SessionContext| {
            plan(&language.asking(&parameters, context))
        };
        match is_query {
            true => self.querying(work).await,
            false => self.blocking(work).await,
        }
    }

    /// Waits for the turn of a statement that changes `table`, until it has taken
    /// effect. One that `reads` before it writes is alone with the rows that
    /// have keys, so that nobody writes between the two. Messages need no turn,
    /// and what waits for COMMIT has it then.
    ///
    /// # Errors
    /// `Timeout` when others take longer than a query may.
    pub(super) async fn turn_to_change(
        &self,
        table: &dyn Table,
        reads: bool,
    ) -> Result<Option<OwnedSemaphorePermit>, SqlError> {
        let waits = self.context.transaction.is_open() || !self.context.variables.autocommit();
        match waits || !change::has_keys(table) {
            true => Ok(None),
            false => self.key_turn(if reads { KEY_TURNS } else { 1 }).await,
        }
    }

    async fn key_turn(&self, turns: u32) -> Result<Option<OwnedSemaphorePermit>, SqlError> {
        let patience = self.language.config.query.max_time;
        let turn = Arc::clone(&self.language.key_turns).acquire_many_owned(turns);
        match timeout(patience, turn).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            Ok(Err(closed)) => Err(SqlError::internal(closed.to_string())),
            Err(_) => Err(SqlError::new(
                ErrorKind::Timeout,
                format!(
                    "the statement waited {} seconds for others that change the same tables",
                    patience.as_secs_f64()
                ),
            )),
        }
    }

    /// Refuses a statement that would change something where nothing may change.
    pub(super) fn may_change(&self) -> Result<(), SqlError> {
        let is_read_only = match self.context.transaction.is_open() {
            true => self.context.transaction.is_read_only(),
            false => self.context.variables.read_only(),
        };
        match is_read_only {
            false => Ok(()),
            true => Err(SqlError::new(
                ErrorKind::ReadOnlyTransaction,
                "a statement that changes something, in a read-only transaction",
            )),
        }
    }

    /// Begins a transaction; one that is open is committed first, as MySQL does.
    pub(super) async fn begin(&mut self, read_only: Option<bool>) -> Result<Done, SqlError> {
        let done = self.commit(false).await?;
        let read_only = read_only.unwrap_or_else(|| self.context.variables.read_only());
        self.transaction().begin(read_only);
        Ok(done)
    }

    /// Makes everything that waits visible, together and in order, or nothing of it.
    pub(super) async fn commit(&mut self, chain: bool) -> Result<Done, SqlError> {
        let _turn = match self.context.transaction.changes() {
            [] => None,
            _ => self.key_turn(1).await?,
        };
        let plan = Plan::committed(self.end(chain));
        let (done, published) = plan.carry_out(&self.language.hall, self.dev_id).await?;
        self.remember(published);
        Ok(done)
    }

    /// Forgets everything that waits.
    pub(super) fn roll_back(&mut self, chain: bool) -> Done {
        let forgotten = self.end(chain).len();
        Done {
            info: match forgotten {
                0 => String::new(),
                forgotten => format!("Rolled back: {forgotten}"),
            },
            ..Done::default()
        }
    }

    /// SAVEPOINT. Without a transaction there is nothing it could keep.
    pub(super) fn set_savepoint(&mut self, name: String) -> Result<(), SqlError> {
        let autocommit = self.context.variables.autocommit();
        let transaction = Arc::make_mut(&mut self.context.transaction);
        if !transaction.is_open() {
            if autocommit {
                return Ok(());
            }
            transaction.begin(false);
        }
        transaction.set_savepoint(name, &self.language.config.transaction)
    }

    /// The transaction, to be changed.
    pub(super) fn transaction(&mut self) -> &mut Transaction {
        Arc::make_mut(&mut self.context.transaction)
    }

    fn end(&mut self, chain: bool) -> Vec<pipes::Change> {
        let transaction = self.transaction();
        let goes_on = chain && transaction.is_open();
        let is_read_only = transaction.is_read_only();
        let changes = transaction.end();
        if goes_on {
            transaction.begin(is_read_only);
        }
        changes
    }

    fn remember(&mut self, published: Option<Publication>) {
        if published.is_some() {
            self.published = published;
        }
    }

    /// Lets `@@cometwire_receivers` and `@@cometwire_offset` tell of the last
    /// messages. Done when variables are about to be read, not for each message.
    pub(super) fn tell_published(&mut self) {
        let Some(Publication { receivers, offset }) = self.published.take() else {
            return;
        };
        let variables = Arc::make_mut(&mut self.context.variables);
        variables.tell("cometwire_receivers", Some(receivers.to_string()));
        variables.tell("cometwire_offset", offset.map(|offset| offset.to_string()));
    }
}
