//! The statements of the command phase: queries, one or several, and prepared
//! statements. They are checked here and go through opensrv, but for the plain
//! ones; the guard has read the command and writes the answer.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::backend::{Backend, Session};
use crate::error::SqlError;
use crate::scan;
use crate::statement::refuse_replication_prefix;

use super::engine::{COM_STMT_PREPARE, Engine, Errand, Step};
use super::guard::{Ending, Guard, statement_id, text};
use super::plain::{HOLD_BACK, outlives_kill};
use super::prepared::Execution;

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
        if self.run_if_plain(sql).await? {
            return Ok(());
        }
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
            self.state.more_results = index < last;
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
            self.drive(head, statement, Errand::None).await?;
            if self.state.failed {
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
        let errand = Errand::Prepare {
            id,
            parameters: None,
        };
        self.drive(&[COM_STMT_PREPARE], body.slice(range), errand)
            .await?;
        let errand = self.engine.as_ref().map(Engine::errand);
        if let Some(Errand::Prepare {
            parameters: Some(parameters),
            ..
        }) = errand
        {
            let session = self.state.session.as_ref();
            let plain = session.and_then(|session| session.read_plain(sql));
            self.statements.insert(id, sql.into(), plain, parameters);
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, body: &Bytes) -> Result<(), Ending> {
        let execution = match self.statements.execute(body) {
            Ok(execution) => execution,
            Err(error) => {
                self.refuse(&error);
                return Ok(());
            }
        };
        let Execution {
            text,
            plain,
            parameters,
        } = execution;
        if let Some(plain) = plain {
            return self.run_read(&plain, &parameters).await;
        }
        self.wire.questions.fetch_add(1, Ordering::Relaxed);
        // opensrv needs the id alone.
        let body = body.slice(..body.len().min(EXECUTION_HEAD));
        let errand = Errand::Execute(text, parameters);
        self.drive(&[COM_STMT_EXECUTE], body, errand).await
    }

    /// Has no answer, whatever the id.
    pub(super) async fn close_statement(&mut self, body: Bytes) -> Result<(), Ending> {
        if let Ok(id) = statement_id(&body) {
            self.statements.close(id);
        }
        // An engine that was dropped learns only the statements that are left.
        match (&self.engine, body.len()) {
            (Some(_), 4) => self.drive(&[COM_STMT_CLOSE], body, Errand::None).await,
            _ => Ok(()),
        }
    }

    /// Hands opensrv a packet and sees to its answer.
    async fn drive(&mut self, head: &[u8], body: Bytes, errand: Errand) -> Result<(), Ending> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => {
                let reply_bound = self.wire.limits().max_reply;
                Engine::start(reply_bound, self.statements.signatures())
                    .await
                    .map_err(|error| Ending::Codec(Err(error)))?
            }
        };
        engine.feed(head, body, errand);
        loop {
            // Answers to earlier commands do not wait for a slow statement.
            let patience = (!self.state.reply.is_empty()).then_some(HOLD_BACK);
            let step = tokio::select! {
                biased;
                step = engine.step(&mut self.state, patience) => step,
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

pub(super) const COM_QUERY: u8 = 0x03;
pub(super) const COM_STMT_EXECUTE: u8 = 0x17;
pub(super) const COM_STMT_CLOSE: u8 = 0x19;

/// Bytes of a COM_STMT_EXECUTE before its parameters.
const EXECUTION_HEAD: usize = 9;
