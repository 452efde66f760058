//! What opensrv calls: it runs statements on the session and gives back rows.
//! Everything but rows is written straight into the reply, and opensrv's own
//! version of it is dropped on its way out.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use opensrv_mysql::{
    AsyncMysqlShim, Column as Placeholder, ColumnFlags, ColumnType, ErrorKind as AnyErrorKind,
    InitWriter, OkResponse, ParamParser, QueryResultWriter, StatementMetaWriter, Value, ValueInner,
};
use parking_lot::Mutex;

use crate::answer::{Answer, Parameter, ResultSet};
use crate::backend::Session;
use crate::error::{ErrorKind, SqlError};

use super::engine::{Exchange, Outbound, Preparing};
use super::fields::{Fields, Malformed};

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
        let session = self.exchange.lock().session.take();
        let Some(mut session) = session else {
            return Err(SqlError::internal("The session is gone; connect again"));
        };
        let answer = session.execute(statement, parameters).await;
        self.exchange.lock().session = Some(session);
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
                    let status = exchange.status();
                    exchange.reply.ok(&done, status);
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
            let status = exchange.status();
            exchange.reply.columns(&set.columns, status);
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
        exchange.refuse(error);
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
            match exchange.preparing {
                Some(Preparing::Again { id, parameters }) => {
                    exchange.preparing = None;
                    exchange.skip = prepared_packets(parameters.into(), 0);
                    (id, Ok((parameters, 0)))
                }
                Some(Preparing::New {
                    id,
                    parameters: ref mut learnt,
                }) => {
                    let prepared = exchange
                        .session
                        .as_mut()
                        .ok_or_else(|| SqlError::internal("The session is gone; connect again"))
                        .and_then(|session| session.prepare(query))
                        .and_then(|prepared| Ok((bounded(&prepared)?, prepared)));
                    match prepared {
                        Ok((parameters, prepared)) => {
                            *learnt = Some(parameters);
                            let columns = prepared.columns;
                            let status = exchange.status();
                            exchange.reply.prepared(id, parameters, &columns, status);
                            exchange.skip = prepared_packets(parameters.into(), columns.len());
                            (id, Ok((parameters, columns.len())))
                        }
                        Err(error) => (id, Err(error)),
                    }
                }
                None => (0, Err(SqlError::internal("A statement nobody sent"))),
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
        parameters: ParamParser<'a>,
        results: QueryResultWriter<'a, Outbound<S>>,
    ) -> io::Result<()> {
        let decoded: Result<Vec<Parameter>, Malformed> = parameters
            .into_iter()
            .map(|parameter| decode(parameter.value))
            .collect();
        let executing = self.exchange.lock().executing.take();
        let answer = match (executing, decoded) {
            (Some(text), Ok(parameters)) => self.run(&text, &parameters).await,
            (None, _) => Err(SqlError::internal("A statement nobody sent")),
            (_, Err(malformed)) => Err(SqlError::new(
                ErrorKind::MalformedPacket,
                malformed.to_string(),
            )),
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

fn decode(value: Value<'_>) -> Result<Parameter, Malformed> {
    Ok(match value.into_inner() {
        ValueInner::NULL => Parameter::Null,
        ValueInner::Int(value) => Parameter::Integer(value),
        ValueInner::UInt(value) => Parameter::Unsigned(value),
        ValueInner::Double(value) => Parameter::Real(value),
        ValueInner::Bytes(text) => {
            Parameter::Text(std::str::from_utf8(text).map_err(|_| Malformed)?.to_owned())
        }
        ValueInner::Date(bytes) => Parameter::Text(date_and_time(bytes, false)?),
        ValueInner::Datetime(bytes) => Parameter::Text(date_and_time(bytes, true)?),
        ValueInner::Time(bytes) => Parameter::Text(time(bytes)?),
    })
}

/// MySQL's text form of a date, and of the time that may follow it.
fn date_and_time(bytes: &[u8], with_time: bool) -> Result<String, Malformed> {
    let mut fields = Fields::new(bytes);
    let (year, month, day) = match fields.is_empty() {
        true => (0, 0, 0),
        false => (fields.u16()?, fields.u8()?, fields.u8()?),
    };
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    if with_time || !fields.is_empty() {
        text.push(' ');
        match fields.is_empty() {
            true => text.push_str("00:00:00"),
            false => {
                let hour = u64::from(fields.u8()?);
                put_time(&mut text, hour, &mut fields)?;
            }
        }
    }
    Ok(text)
}

/// MySQL's text form of a span of time.
fn time(bytes: &[u8]) -> Result<String, Malformed> {
    let mut fields = Fields::new(bytes);
    if fields.is_empty() {
        return Ok("00:00:00".to_owned());
    }
    let mut text = match fields.u8()? {
        0 => String::new(),
        _ => "-".to_owned(),
    };
    let days = u64::from(fields.u32()?);
    let hours = days * 24 + u64::from(fields.u8()?);
    put_time(&mut text, hours, &mut fields)?;
    Ok(text)
}

fn put_time(text: &mut String, hours: u64, fields: &mut Fields<'_>) -> Result<(), Malformed> {
    let (minutes, seconds) = (fields.u8()?, fields.u8()?);
    // Writing to a String cannot fail.
    let _ = write!(text, "{hours:02}:{minutes:02}:{seconds:02}");
    if !fields.is_empty() {
        let _ = write!(text, ".{:06}", fields.u32()?);
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_times_take_mysqls_text_form() {
        let moment = [0xE8, 0x07, 11, 22, 20, 5, 28, 0x40, 0xE2, 1, 0];
        assert_eq!(date_and_time(&moment[..4], false).unwrap(), "2024-11-22");
        assert_eq!(
            date_and_time(&moment[..7], true).unwrap(),
            "2024-11-22 20:05:28"
        );
        assert_eq!(
            date_and_time(&moment, true).unwrap(),
            "2024-11-22 20:05:28.123456"
        );
        assert_eq!(date_and_time(&[], true).unwrap(), "0000-00-00 00:00:00");
        assert_eq!(
            date_and_time(&moment[..4], true).unwrap(),
            "2024-11-22 00:00:00"
        );
    }

    #[test]
    fn spans_of_days_are_counted_in_hours() {
        assert_eq!(time(&[]).unwrap(), "00:00:00");
        assert_eq!(time(&[1, 2, 0, 0, 0, 3, 4, 5]).unwrap(), "-51:04:05");
        assert_eq!(
            time(&[0, 0, 0, 0, 0, 3, 4, 5, 1, 0, 0, 0]).unwrap(),
            "03:04:05.000001"
        );
    }

    proptest! {
        #[test]
        fn random_dates_and_times_never_panic(bytes: Vec<u8>) {
            let _ = date_and_time(&bytes, false);
            let _ = date_and_time(&bytes, true);
            let _ = time(&bytes);
        }
    }
}
