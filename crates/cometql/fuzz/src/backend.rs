//! The language behind the wire: it answers with what it was asked, in each of
//! the forms an answer can have.

use cometql::answer::{Answer, Column, Done, Parameter, Prepared, ResultSet};
use cometql::backend::{Account, Backend, Login, Session};
use cometql::error::{ErrorKind, ErrorNumbers, SqlError};
use cometql::scan;
use pipes::secret::Secret;

/// Lets in `check` without a key and `key` with one.
pub struct Echo;

/// A session of [`Echo`].
#[derive(Default)]
pub struct EchoSession {
    in_transaction: bool,
}

impl Backend for Echo {
    type Session = EchoSession;

    fn account(&self, user: &str) -> Account {
        match user {
            "check" => Account::NoKey,
            "key" => Account::Key(Secret::new("key")),
            _ => Account::Unknown,
        }
    }

    fn open(&self, login: Login) -> Result<EchoSession, SqlError> {
        let mut session = EchoSession::default();
        if let Some(database) = login.database {
            session.use_database(&database)?;
        }
        Ok(session)
    }
}

impl Session for EchoSession {
    async fn execute(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        assert!(!statement.is_empty());
        match statement.as_bytes()[0] {
            b'B' => self.in_transaction = true,
            b'C' => self.in_transaction = false,
            b'E' => return Err(SqlError::syntax(statement)),
            b'S' => return Ok(echo(statement, parameters)),
            _ => {}
        }
        Ok(Answer::Done(Done {
            affected_rows: statement.len() as u64,
            insert_id: parameters.len() as u64,
            info: statement.chars().take(20).collect(),
        }))
    }

    fn execute_plain<'a>(
        &'a mut self,
        statement: &'a str,
    ) -> Option<impl Future<Output = Result<Done, SqlError>> + Send + 'a> {
        let plain = self.read_plain(statement)?;
        Some(async move { self.execute_read(&plain, &[]).await })
    }

    type Plain = String;

    fn read_plain(&self, statement: &str) -> Option<String> {
        statement.starts_with('I').then(|| statement.to_owned())
    }

    async fn execute_read(
        &mut self,
        plain: &String,
        parameters: &[Parameter],
    ) -> Result<Done, SqlError> {
        match self.execute(plain, parameters).await? {
            Answer::Done(done) => Ok(done),
            Answer::Rows(_) => panic!("a plain statement has no rows"),
        }
    }

    fn prepare(&mut self, statement: &str) -> Result<Prepared, SqlError> {
        let columns = match statement.as_bytes().first() {
            Some(b'E') => return Err(SqlError::syntax(statement)),
            Some(b'S') => vec![Column::computed("statement")],
            _ => Vec::new(),
        };
        Ok(Prepared {
            parameters: scan::parameter_count(statement)?,
            columns,
        })
    }

    fn use_database(&mut self, database: &str) -> Result<(), SqlError> {
        match database {
            "d" => Ok(()),
            _ => Err(SqlError::new(ErrorKind::UnknownDatabase, database)),
        }
    }

    fn reset(&mut self) {
        self.in_transaction = false;
    }

    fn field_list(&self, table: &str, _pattern: &str) -> Result<Vec<Column>, SqlError> {
        Ok(table.chars().map(Column::computed).collect())
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn autocommit(&self) -> bool {
        true
    }

    fn error_numbers(&self) -> ErrorNumbers {
        ErrorNumbers::CometQl
    }
}

/// A row of what was asked, and a row for each parameter.
fn echo(statement: &str, parameters: &[Parameter]) -> Answer {
    let texts = parameters.iter().map(|parameter| match parameter {
        Parameter::Null => None,
        other => Some(format!("{other:?}").into()),
    });
    Answer::Rows(ResultSet {
        columns: vec![Column::computed("statement")],
        rows: std::iter::once(Some(statement.into()))
            .chain(texts)
            .map(|cell| vec![cell])
            .collect(),
    })
}
