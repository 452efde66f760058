//! The language behind the wire in these tests, and a server around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cometql::answer::{Answer, Column, Done, Parameter, Prepared, ResultSet};
use cometql::backend::{Account, Backend, Login, Session};
use cometql::error::{ErrorKind, ErrorNumbers, SqlError};
use cometql::wire::{Limits, Tls, Wire};
use parking_lot::Mutex;
use pipes::secret::Secret;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub(crate) const KEY: &str = "the key of developer 15";
pub(crate) const ROOT_KEY: &str = "the key of root";

/// Remembers what reached it.
#[derive(Default)]
pub(crate) struct TestBackend {
    pub(crate) logins: Mutex<Vec<Login>>,
    pub(crate) statements: Mutex<Vec<String>>,
    pub(crate) open_sessions: AtomicUsize,
    pub(crate) entered: Notify,
    pub(crate) gate: Notify,
}

pub(crate) struct TestSession {
    backend: Arc<TestBackend>,
    in_transaction: bool,
    numbers: ErrorNumbers,
    database: Option<String>,
    idle_timeout: Option<Duration>,
}

pub(crate) struct Door(pub(crate) Arc<TestBackend>);

impl Backend for Door {
    type Session = TestSession;

    fn account(&self, user: &str) -> Account {
        match user {
            "15" => Account::Key(Secret::new(KEY)),
            "root" => Account::Key(Secret::new(ROOT_KEY)),
            "haproxy_check" => Account::NoKey,
            "keyless" => Account::Key(Secret::new("")),
            _ => Account::Unknown,
        }
    }

    fn open(&self, login: Login) -> Result<TestSession, SqlError> {
        let mut session = TestSession {
            backend: Arc::clone(&self.0),
            in_transaction: false,
            numbers: ErrorNumbers::CometQl,
            database: None,
            idle_timeout: None,
        };
        self.0.open_sessions.fetch_add(1, Ordering::SeqCst);
        if let Some(database) = &login.database {
            session.use_database(database)?;
        }
        self.0.logins.lock().push(login);
        Ok(session)
    }
}

impl Drop for TestSession {
    fn drop(&mut self) {
        self.backend.open_sessions.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Session for TestSession {
    async fn execute(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        self.backend.statements.lock().push(statement.to_owned());
        let mut words = statement.split_whitespace();
        let first = words.next().unwrap_or_default().to_ascii_uppercase();
        let number = words.next().and_then(|word| word.parse::<usize>().ok());
        match first.as_str() {
            "BEGIN" | "START" => self.in_transaction = true,
            "COMMIT" | "ROLLBACK" => self.in_transaction = false,
            "NUMBERS" => self.numbers = ErrorNumbers::MySql,
            "IDLE" => self.idle_timeout = Some(Duration::from_millis(number.unwrap_or(0) as u64)),
            "USE" => self.use_database(statement.get(4..).unwrap_or_default())?,
            "FAIL" => return Err(SqlError::syntax("Told to fail")),
            "PANIC" => panic!("told to"),
            "WAIT" => {
                self.backend.entered.notify_one();
                self.backend.gate.notified().await;
            }
            "INFO" => {
                return Ok(Answer::Done(Done {
                    info: "receivers: 2".into(),
                    ..Done::default()
                }));
            }
            "INSERT" => {
                return Ok(Answer::Done(Done {
                    affected_rows: 1,
                    insert_id: 70_000,
                    info: String::new(),
                }));
            }
            "ROWS" => {
                tokio::task::yield_now().await;
                let row = |n: usize| vec![Some(n.to_string().into()), Some("x".into())];
                return Ok(Answer::Rows(ResultSet {
                    columns: table(),
                    rows: (0..number.unwrap_or(0).min(100_000)).map(row).collect(),
                }));
            }
            "BIG" => {
                return Ok(Answer::Rows(ResultSet {
                    columns: vec![Column::computed("big")],
                    rows: vec![vec![Some(
                        "b".repeat(number.unwrap_or(0).min(64 << 20)).into(),
                    )]],
                }));
            }
            "CROOKED" => {
                return Ok(Answer::Rows(ResultSet {
                    columns: table(),
                    rows: vec![vec![None]],
                }));
            }
            "NULLS" => {
                return Ok(Answer::Rows(ResultSet {
                    columns: echo_columns(),
                    rows: vec![vec![None, Some("".into())], vec![Some("".into()), None]],
                }));
            }
            "SELECT" if statement.contains("@@") => return Ok(variables(statement)),
            "SELECT" => return Ok(echo(statement, parameters)),
            _ => {}
        }
        Ok(Answer::Done(Done::default()))
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
        let words = ["PLAIN", "INSERT", "WAIT"];
        let begins = words.iter().any(|word| statement.starts_with(word));
        let is_plain = begins && !statement.contains(';');
        is_plain.then(|| statement.to_owned())
    }

    async fn execute_read(
        &mut self,
        plain: &String,
        parameters: &[Parameter],
    ) -> Result<Done, SqlError> {
        match self
            .execute(plain.strip_prefix("PLAIN ").unwrap_or(plain), parameters)
            .await?
        {
            Answer::Done(done) => Ok(done),
            Answer::Rows(_) => Err(SqlError::internal("a plain statement has no rows")),
        }
    }

    fn prepare(&mut self, statement: &str) -> Result<Prepared, SqlError> {
        if statement.starts_with("FAIL") {
            return Err(SqlError::syntax("Told to fail"));
        }
        let select = statement.starts_with("SELECT");
        Ok(Prepared {
            parameters: statement.matches('?').count(),
            columns: if select { echo_columns() } else { Vec::new() },
        })
    }

    fn use_database(&mut self, database: &str) -> Result<(), SqlError> {
        if database != "CometQL_v1" {
            return Err(SqlError::new(
                ErrorKind::UnknownDatabase,
                format!("Unknown database '{database}'"),
            ));
        }
        self.database = Some(database.to_owned());
        Ok(())
    }

    fn reset(&mut self) {
        self.in_transaction = false;
        self.database = None;
    }

    fn field_list(&self, name: &str, pattern: &str) -> Result<Vec<Column>, SqlError> {
        match name {
            "pipes" if pattern.is_empty() => Ok(table()),
            "pipes" => Ok(vec![Column::computed(pattern)]),
            _ => Err(SqlError::new(ErrorKind::UnknownTable, "No such table")),
        }
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn autocommit(&self) -> bool {
        true
    }

    fn error_numbers(&self) -> ErrorNumbers {
        self.numbers
    }
}

/// The statement and its parameters.
fn echo(statement: &str, parameters: &[Parameter]) -> Answer {
    let shown: Vec<String> = parameters.iter().map(shown).collect();
    Answer::Rows(ResultSet {
        columns: echo_columns(),
        rows: vec![vec![Some(statement.into()), Some(shown.join("|").into())]],
    })
}

/// A column for each variable, as clients that ask for several expect.
fn variables(statement: &str) -> Answer {
    let names = statement.split("@@").skip(1);
    Answer::Rows(ResultSet {
        rows: vec![names.clone().map(|_| Some("value".into())).collect()],
        columns: names.map(Column::computed).collect(),
    })
}

fn shown(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Null => "null".into(),
        Parameter::Integer(value) => format!("i{value}"),
        Parameter::Unsigned(value) => format!("u{value}"),
        Parameter::Real(value) => format!("r{value}"),
        Parameter::Text(value) => format!("t{value}"),
    }
}

fn echo_columns() -> Vec<Column> {
    vec![
        Column::computed("statement"),
        Column::computed("parameters"),
    ]
}

fn table() -> Vec<Column> {
    ["name", "users"]
        .map(|name| Column {
            name: name.into(),
            table: "pipes".into(),
            max_length: 256,
        })
        .into()
}

/// A server on a free port of this machine.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) backend: Arc<TestBackend>,
    pub(crate) wire: Arc<Wire<Door>>,
    pub(crate) shutdown: watch::Sender<bool>,
    pub(crate) serving: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_as(limits, None).await
    }

    pub(crate) async fn start_as(limits: Limits, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let backend = Arc::new(TestBackend::default());
        let wire = Wire::new(Arc::new(Door(Arc::clone(&backend))), limits);
        let wire = Arc::new(match tls {
            Some(tls) => wire.with_tls(tls),
            None => wire,
        });
        let (shutdown, stopping) = watch::channel(false);
        let serving = tokio::spawn(Arc::clone(&wire).serve(listener, stopping));
        Self {
            port,
            backend,
            wire,
            shutdown,
            serving,
        }
    }
}
