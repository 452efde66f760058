//! The statements of the command phase: queries, one or several, and prepared
//! statements. They are checked here and go through opensrv; the guard has read
//! the command and writes the answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};

use crate::backend::{Backend, KillSignal};
use crate::error::SqlError;
use crate::scan;
use crate::statement::refuse_replication_prefix;

use super::engine::{COM_STMT_PREPARE, Engine, Preparing, Step};
use super::guard::{Ending, Guard, statement_id, text};

impl<B, S> Guard<'_, B, S>
where
    B: Backend,
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) async fn query(&mut self, body: &Bytes) -> Result<(), Ending> {
        let sql = match text(body, "The statement") {
            Ok(sql) => sql,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        let ranges = match scan::split(sql, self.wire.limits().max_query_statements) {
            Ok(ranges) => ranges,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        if ranges.len() > 1 && !self.multi_statements {
            let several = SqlError::syntax(format!(
                "{} statements in one query: connect with MULTI_STATEMENTS, \
                 or send them one by one",
                ranges.len()
            ));
            self.refuse(&refuse_replication_prefix(sql).err().unwrap_or(several));
            return Ok(());
        }
        if ranges.is_empty() {
            self.done(Ok(()));
        }
        let last = ranges.len().saturating_sub(1);
        for (index, range) in ranges.into_iter().enumerate() {
            self.exchange.lock().more_results = index < last;
            self.wire.questions.fetch_add(1, Ordering::Relaxed);
            let statement = body.get(range.clone()).map(|_| body.slice(range));
            let statement = statement.unwrap_or_default();
            // opensrv answers one variable by itself when it sees it in front.
            let asks_variable =
                statement.starts_with(b"SELECT @@") || statement.starts_with(b"select @@");
            let head: &[u8] = match asks_variable {
                true => &[COM_QUERY, b' '],
                false => &[COM_QUERY],
            };
            self.drive(head, statement).await?;
            if self.exchange.lock().failed {
                break;
            }
            self.flush_if_full().await?;
        }
        Ok(())
    }

    pub(super) async fn prepare(&mut self, body: &Bytes) -> Result<(), Ending> {
        let checked = text(body, "The statement").and_then(|sql| {
            let ranges = scan::split(sql, self.wire.limits().max_query_statements)?;
            let [range] = ranges.as_slice() else {
                return Err(SqlError::syntax(format!(
                    "A prepared statement is one statement, these are {}",
                    ranges.len()
                )));
            };
            let sql = sql.get(range.clone()).unwrap_or_default();
            Ok((self.statements.reserve(sql)?, sql, range.clone()))
        });
        let (id, sql, range) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        self.exchange.lock().preparing = Some(Preparing::New {
            id,
            parameters: None,
        });
        self.drive(&[COM_STMT_PREPARE], body.slice(range)).await?;
        let prepared = self.exchange.lock().preparing.take();
        if let Some(Preparing::New {
            parameters: Some(parameters),
            ..
        }) = prepared
        {
            self.statements.insert(id, sql.into(), parameters);
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, body: Bytes) -> Result<(), Ending> {
        let execution = match self.statements.execute(body) {
            Ok(execution) => execution,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        self.wire.questions.fetch_add(1, Ordering::Relaxed);
        self.exchange.lock().executing = Some(execution.text);
        self.drive(&[COM_STMT_EXECUTE], execution.body).await
    }

    /// Has no answer, whatever the id.
    pub(super) async fn close_statement(&mut self, body: Bytes) -> Result<(), Ending> {
        if let Ok(id) = statement_id(&body) {
            self.statements.close(id);
        }
        // An engine that was dropped learns only the statements that are left.
        match (&self.engine, body.len()) {
            (Some(_), 4) => self.drive(&[COM_STMT_CLOSE], body).await,
            _ => Ok(()),
        }
    }

    /// Hands opensrv a packet and sees to its answer.
    async fn drive(&mut self, head: &[u8], body: Bytes) -> Result<(), Ending> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => {
                // Starting must not disturb the answer that is being prepared.
                let preparing = self.exchange.lock().preparing.take();
                let engine = Engine::start(&self.exchange, self.statements.signatures())
                    .await
                    .map_err(|error| Ending::Codec(Err(error)))?;
                self.exchange.lock().preparing = preparing;
                engine
            }
        };
        engine.feed(head, body);
        loop {
            // Answers to earlier commands do not wait for a slow statement.
            let holds_answers = !self.exchange.lock().reply.is_empty();
            let step = async {
                if !holds_answers {
                    engine.step().await
                } else if let Ok(step) = timeout(HOLD_BACK, engine.step()).await {
                    step
                } else {
                    Step::Full
                }
            };
            let step = tokio::select! {
                biased;
                step = step => step,
                // The statement goes with its session, and undone with it what it can undo.
                () = outlives_kill(&self.killed) => return Err(Ending::Killed),
            };
            match step {
                Step::Full => self.flush().await?,
                Step::Ended(ended) => {
                    self.refuse(&SqlError::internal(
                        "The connection cannot go on; connect again",
                    ));
                    return Err(Ending::Codec(ended));
                }
                Step::Done => break,
            }
        }
        self.engine = Some(engine);
        Ok(())
    }
}

/// Resolves when a statement has not ended by itself after its connection was killed.
async fn outlives_kill(killed: &KillSignal) {
    killed.killed().await;
    sleep(KILL_PATIENCE).await;
}

/// How long a statement of a killed connection has to end with its own answer.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

pub(super) const COM_QUERY: u8 = 0x03;
pub(super) const COM_STMT_EXECUTE: u8 = 0x17;
pub(super) const COM_STMT_CLOSE: u8 = 0x19;

/// How long finished answers wait for the statement after them.
const HOLD_BACK: Duration = Duration::from_millis(2);
