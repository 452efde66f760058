//! How a session answers SELECT: by key without the query engine, by the engine
//! otherwise, and always off the async threads where it may take long.

use std::sync::Arc;
use std::time::Duration;

use sqlparser::ast::Query;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use super::{CometQl, CometQlSession};
use crate::answer::{Column, DATABASE, Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::lookup;
use crate::query::context::{CancelToken, SessionContext};
use crate::query::name_as_typed;
use crate::statement::{self, KeyLookup, Select, TableName};
use crate::tables::Table;

impl CometQlSession {
    pub(super) async fn select(
        &self,
        text: &str,
        select: Select,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        match select {
            Select::Lookup(lookup) => match self.by_key(&lookup)? {
                Some(table) => {
                    let table = Arc::clone(table);
                    self.look_up(table, lookup, parameters).await
                }
                None => self.query(text, self.as_query(text)?, parameters).await,
            },
            Select::Query(query) => self.query(text, query, parameters).await,
        }
    }

    async fn look_up(
        &self,
        table: Arc<dyn Table>,
        lookup: KeyLookup,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        if !table.is_slow() && lookup.condition.keys.len() <= MANY_KEYS {
            let limits = &self.language.config.query;
            return lookup::select(table.as_ref(), &lookup, parameters, &self.context, limits);
        }
        let parameters = parameters.to_vec();
        self.blocking(move |language, context| {
            let limits = &language.config.query;
            lookup::select(table.as_ref(), &lookup, &parameters, context, limits)
        })
        .await
    }

    /// The table of a lookup that can be answered by key. All others are queries:
    /// those of `information_schema`, and those without a key of the table.
    pub(super) fn by_key(&self, lookup: &KeyLookup) -> Result<Option<&Arc<dyn Table>>, SqlError> {
        if !self.is_own(&lookup.table) {
            return Ok(None);
        }
        let table = self.table(&lookup.table)?;
        Ok(lookup::is_by_key(table.as_ref(), lookup).then_some(table))
    }

    pub(super) fn query_columns(&self, text: &str, query: &Query) -> Result<Vec<Column>, SqlError> {
        let mut columns = self.language.engine.columns(query, &self.context)?;
        name_as_typed(text, query, &mut columns);
        Ok(columns)
    }

    pub(super) fn as_query(&self, text: &str) -> Result<Box<Query>, SqlError> {
        statement::parse_query(text, &self.language.config.statement, self.pipes())
    }

    async fn query(
        &self,
        text: &str,
        query: Box<Query>,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        let text = text.to_owned();
        let parameters = parameters.to_vec();
        self.querying(move |language, context| {
            let mut found = language.engine.select(&query, &parameters, context)?;
            name_as_typed(&text, &query, &mut found.columns);
            Ok(found)
        })
        .await
    }

    /// [`blocking`](Self::blocking) for work that needs the query engine.
    pub(super) async fn querying<T, F>(&self, work: F) -> Result<T, SqlError>
    where
        T: Send + 'static,
        F: FnOnce(&CometQl, &SessionContext) -> Result<T, SqlError> + Send + 'static,
    {
        let patience = self.language.config.query.max_time;
        let turn = tokio::select! {
            turn = timeout(patience, self.turn()) => turn,
            () = cancelled(&self.context.cancel) => {
                return Err(SqlError::interrupted());
            }
        };
        let turn = turn.map_err(|_| {
            let seconds = patience.as_secs_f64();
            let sentence =
                format!("the query waited {seconds} seconds for others and was given up");
            SqlError::new(ErrorKind::Timeout, sentence)
        })?;
        self.blocking(move |language, context| {
            let _turn = turn;
            work(language, context)
        })
        .await
    }

    /// A turn of its tenant's and one of everybody's, in this order, so that who waits for
    /// its own tenant keeps nothing from others.
    async fn turn(&self) -> [Option<OwnedSemaphorePermit>; 2] {
        let own = match self.language.tenant_turns.get(&self.context.dev_id) {
            Some(turns) => Arc::clone(turns).acquire_owned().await.ok(),
            None => None,
        };
        let turns = Arc::clone(&self.language.turns);
        [own, turns.acquire_owned().await.ok()]
    }

    /// Runs `work`, which may wait for the disk or take long, off the async threads.
    pub(super) async fn blocking<T, F>(&self, work: F) -> Result<T, SqlError>
    where
        T: Send + 'static,
        F: FnOnce(&CometQl, &SessionContext) -> Result<T, SqlError> + Send + 'static,
    {
        let language = Arc::clone(&self.language);
        let context = self.context.clone();
        self.language.sessions.runs(&self.context, true);
        let worked = tokio::task::spawn_blocking(move || work(&language, &context)).await;
        self.language.sessions.runs(&self.context, false);
        match worked {
            Ok(result) => result,
            Err(failure) => Err(SqlError::internal(failure.to_string())),
        }
    }

    /// Whether the name is a table of the language, not of `information_schema`.
    pub(super) fn is_own(&self, table: &TableName) -> bool {
        table
            .database
            .as_deref()
            .or(self.context.database.as_deref())
            .is_none_or(|database| database.eq_ignore_ascii_case(DATABASE))
    }

    /// [`table`](Self::table) for an INSERT.
    pub(super) fn table_for_insert(&self, table: &TableName) -> Result<&Arc<dyn Table>, SqlError> {
        if self.is_own(table) {
            return self.language.catalogue.find_for_insert(&table.name);
        }
        self.table(table)
    }

    pub(super) fn table(&self, table: &TableName) -> Result<&Arc<dyn Table>, SqlError> {
        if self.is_own(table) {
            return self.language.catalogue.find(&table.name);
        }
        let database = table.database.as_deref();
        let database = database.or(self.context.database.as_deref());
        let shown: String = database.unwrap_or_default().chars().take(64).collect();
        Err(SqlError::new(
            ErrorKind::UnknownTable,
            format!("there is no such table to change in database '{shown}'"),
        ))
    }
}

/// Resolves when a statement that waits for its turn was killed.
async fn cancelled(cancel: &CancelToken) {
    while !cancel.is_cancelled() {
        sleep(WAIT_STEP).await;
    }
}

/// How often a query that waits for its turn looks whether it was killed.
const WAIT_STEP: Duration = Duration::from_millis(50);

/// Keys of a lookup that takes long even in memory.
const MANY_KEYS: usize = 1000;
