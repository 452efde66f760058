//! What opensrv calls: it runs statements on the session and gives back rows.
//! Everything but rows is written straight into the reply, and opensrv's own
//! version of it is dropped on its way out.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column as Placeholder, ColumnFlags, ColumnType, ErrorKind as AnyErrorKind,
    InitWriter, OkResponse, ParamParser, QueryResultWriter, StatementMetaWriter,
};
use parking_lot::Mutex;

use crate::answer::{Answer, Parameter, ResultSet};
use crate::backend::Session;
use crate::error::{ErrorKind, SqlError};

use super::engine::{Errand, Exchange, Outbound};

/// Runs statements for opensrv.
pub(super) struct Shim<S> {
    exchange: Arc<Mutex<Exchange<S>>>,
    /// As many columns as the answer has; opensrv only counts them.
    placeholders: Vec<Placeholder>,
}

impl<S: Session> Shim<S> {
    pub(super) fn new(exchange: Arc<Mutex<Exchange<S>>>) -> Self {
        Self {
            exchange,
            placeholders: Vec::new(),
        }
    }

    async fn run(&self, statement: &str, parameters: &[Parameter]) -> Result<Answer, SqlError> {
        let session = self.exchange.lock().state.session.take();
        let Some(mut session) = session else {
            return Err(SqlError::internal("The session is gone; connect again"));
        };
        let answer = session.execute(statement, parameters).await;
        self.exchange.lock().state.session = Some(session);
        answer.and_then(checked)
    }

    async fn answer<'a>(
        &'a mut self,
        answer: Result<Answer, SqlError>,
        results: QueryResultWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        match answer {
            Ok(Answer::Done(done)) => {
                {
                    let mut exchange = self.exchange.lock();
                    exchange.state.ok(&done);
                    exchange.skip = 1;
                }
                results.completed(OkResponse::default()).await
            }
            Ok(Answer::Rows(rows)) => self.rows(rows, results).await,
            Err(error) => {
                self.refuse(&error);
                results.error(ANY_ERROR, b"".as_slice()).await
            }
        }
    }

    async fn rows<'a>(
        &'a mut self,
        set: ResultSet,
        results: QueryResultWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        self.placeholders = placeholders(set.columns.len());
        {
            let mut exchange = self.exchange.lock();
            let status = exchange.state.status();
            exchange.state.reply.columns(&set.columns, status);
            exchange.skip = COLUMN_COUNT + set.columns.len() + EOF;
        }
        let mut writer = results.start(&self.placeholders).await?;
        for row in set.rows {
            for cell in row {
                writer.write_col(cell.as_deref())?;
            }
            writer.end_row().await?;
            self.exchange.lock().row_written();
        }
        writer.finish().await
    }

    fn refuse(&self, error: &SqlError) {
        let mut exchange = self.exchange.lock();
        exchange.state.refuse(error);
        exchange.skip = 1;
    }
}

#[async_trait]
impl<S: Session> AsyncMysqlShim<Outbound<S>> for Shim<S> {
    type Error = io::Error;

    async fn on_prepare<'a>(
        &'a mut self,
        query: &'a str,
        info: StatementMetaWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        let (id, parameters) = {
            let mut exchange = self.exchange.lock();
            let exchange = &mut *exchange;
            match exchange.errand {
                Errand::Learn { id, parameters } => {
                    exchange.skip = prepared_packets(parameters.into(), 0);
                    (id, Ok((parameters, 0)))
                }
                Errand::Prepare {
                    id,
                    parameters: ref mut learnt,
                } => {
                    let prepared = exchange
                        .state
                        .session
                        .as_mut()
                        .ok_or_else(|| SqlError::internal("The session is gone; connect again"))
                        .and_then(|session| session.prepare(query))
                        .and_then(|prepared| Ok((bounded(&prepared)?, prepared)));
                    match prepared {
                        Ok((parameters, prepared)) => {
                            *learnt = Some(parameters);
                            let columns = prepared.columns;
                            let state = &mut exchange.state;
                            let status = state.status();
                            state.reply.prepared(id, parameters, &columns, status);
                            exchange.skip = prepared_packets(parameters.into(), columns.len());
                            (id, Ok((parameters, columns.len())))
                        }
                        Err(error) => (id, Err(error)),
                    }
                }
                _ => (0, Err(SqlError::internal("A statement nobody sent"))),
            }
        };
        match parameters {
            Ok((parameters, columns)) => {
                self.placeholders = placeholders(columns.max(parameters.into()));
                let all = &self.placeholders;
                let of = |count| all.get(..count).unwrap_or_default();
                info.reply(id, of(parameters.into()), of(columns)).await
            }
            Err(error) => {
                self.refuse(&error);
                info.error(ANY_ERROR, b"".as_slice()).await
            }
        }
    }

    async fn on_execute<'a>(
        &'a mut self,
        _id: u32,
        _: ParamParser<'a>,
        results: QueryResultWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        let errand = std::mem::take(&mut self.exchange.lock().errand);
        let answer = match errand {
            Errand::Execute(text, parameters) => self.run(&text, &parameters).await,
            _ => Err(SqlError::internal("A statement nobody sent")),
        };
        self.answer(answer, results).await
    }

    async fn on_close<'a>(&'a mut self, _id: u32)
    where
        Outbound<S>: 'async_trait,
    {
    }

    async fn on_query<'a>(
        &'a mut self,
        query: &'a str,
        results: QueryResultWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        let answer = self.run(query, &[]).await;
        self.answer(answer, results).await
    }

    /// The guard answers COM_INIT_DB, and USE comes as a statement.
    async fn on_init<'a>(
        &'a mut self,
        _database: &'a str,
        writer: InitWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        self.refuse(&SqlError::internal("A database nobody asked for"));
        writer.error(ANY_ERROR, b"".as_slice()).await
    }
}

/// Refuses a result set that could not be encoded.
fn checked(answer: Answer) -> Result<Answer, SqlError> {
    if let Answer::Rows(set) = &answer {
        let width = set.columns.len();
        if width == 0 || set.rows.iter().any(|row| row.len() != width) {
            return Err(SqlError::internal(
                "The result has rows that differ from its columns",
            ));
        }
    }
    Ok(answer)
}

/// The parameter count as the protocol can say it.
fn bounded(prepared: &crate::answer::Prepared) -> Result<u16, SqlError> {
    if prepared.columns.len() > usize::from(u16::MAX) {
        return Err(SqlError::new(
            ErrorKind::TooManyColumns,
            format!("A statement of {} columns", prepared.columns.len()),
        ));
    }
    u16::try_from(prepared.parameters).map_err(|_| {
        SqlError::new(
            ErrorKind::TooManyValues,
            format!(
                "A prepared statement may have {} parameters, this one has {}",
                u16::MAX,
                prepared.parameters
            ),
        )
    })
}

fn placeholders(count: usize) -> Vec<Placeholder> {
    vec![
        Placeholder {
            table: String::new(),
            column: String::new(),
            coltype: ColumnType::MYSQL_TYPE_VAR_STRING,
            colflags: ColumnFlags::empty(),
        };
        count
    ]
}

/// How many packets opensrv answers a COM_STMT_PREPARE with.
fn prepared_packets(parameters: usize, columns: usize) -> usize {
    let group = |count: usize| if count > 0 { count + EOF } else { 0 };
    1 + group(parameters) + group(columns)
}

const COLUMN_COUNT: usize = 1;
const EOF: usize = 1;

/// Dropped on its way out: the real error is in the reply already.
const ANY_ERROR: AnyErrorKind = AnyErrorKind::ER_UNKNOWN_ERROR;
