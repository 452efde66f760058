//! The language behind the wire: logins, sessions, and what each kind of
//! statement does. Reading text is [`crate::statement`]'s, rows are the tables',
//! general SELECTs the query engine's.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use pipes::Hall;
use pipes::name::DevId;
use sqlparser::ast::Query;

use crate::answer::{Answer, Column, DATABASE, Done, Parameter, Prepared, ResultSet};
use crate::backend::{Account, Backend, Login, Session};
use crate::change;
use crate::error::{ErrorKind, ErrorNumbers, SqlError};
use crate::lookup;
use crate::query::context::SessionContext;
use crate::query::table::Value as Field;
use crate::query::variables::{ServerVariables, Variables};
use crate::query::{Engine, QueryLimits, Sources};
use crate::scan;
use crate::sessions::Sessions;
use crate::statement::{self, Assignment, Select, Statement, TableName};
use crate::status::Status;
use crate::tables::{Catalogue, Table};

/// What the language can be told.
#[derive(Debug, Clone)]
pub struct LanguageConfig {
    /// Which error numbers a new session sees.
    pub error_numbers: ErrorNumbers,
    /// The user who logs in without a password and may do nothing
    /// (compatibility reference §1.3); empty for none.
    pub check_user: String,
    /// Bounds of a statement.
    pub statement: scan::Limits,
    /// Bounds of a SELECT.
    pub query: QueryLimits,
    /// System variables that describe the server: name and value.
    pub variables: Vec<(String, String)>,
}

impl Default for LanguageConfig {
    fn default() -> Self {
        Self {
            error_numbers: ErrorNumbers::CometQl,
            check_user: "haproxy_check".to_owned(),
            statement: scan::Limits::default(),
            query: QueryLimits::default(),
            variables: Vec::new(),
        }
    }
}

/// CometQL over a hall.
pub struct CometQl {
    hall: Arc<Hall>,
    catalogue: Catalogue,
    engine: Engine,
    sessions: Arc<Sessions>,
    variables: Arc<ServerVariables>,
    config: LanguageConfig,
}

impl CometQl {
    /// The language over `hall`.
    ///
    /// # Errors
    /// When the query engine cannot be set up, or a variable is unknown.
    pub fn new(hall: Arc<Hall>, config: LanguageConfig) -> Result<Arc<Self>, SqlError> {
        let catalogue = Catalogue::new(&hall);
        let sessions = Arc::<Sessions>::default();
        let status = Arc::new(Status {
            hall: Arc::clone(&hall),
            sessions: Arc::clone(&sessions),
            started: Instant::now(),
        });
        let processes = Arc::clone(&sessions) as Arc<_>;
        let sources = Sources { status, processes };
        let engine = Engine::new(catalogue.for_engine(), sources, config.query.clone())?;
        let mut variables = ServerVariables::default();
        for (name, value) in &config.variables {
            variables.set(name, value)?;
        }
        if config.error_numbers == ErrorNumbers::MySql {
            variables.set("cometwire_error_numbers", "mysql")?;
        }
        Ok(Arc::new(Self {
            hall,
            catalogue,
            engine,
            sessions,
            variables: Arc::new(variables),
            config,
        }))
    }

    /// The tenant of a MySQL user name (compatibility reference §1.2).
    fn tenant_of(user: &str) -> Option<DevId> {
        if matches!(user, "root" | "") {
            return Some(DevId::ROOT);
        }
        if !user.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        DevId::new(user.parse().ok()?).ok()
    }
}

/// A handle to the language that sessions share.
#[derive(Clone)]
pub struct CometQlBackend(pub Arc<CometQl>);

impl Backend for CometQlBackend {
    type Session = CometQlSession;

    fn account(&self, user: &str) -> Account {
        let CometQl { config, hall, .. } = self.0.as_ref();
        if !config.check_user.is_empty() && user == config.check_user {
            return Account::NoKey;
        }
        CometQl::tenant_of(user)
            .and_then(|dev_id| hall.tenants().key(dev_id))
            .map_or(Account::Unknown, |key| Account::Key(key.to_owned()))
    }

    fn open(&self, login: Login) -> Result<CometQlSession, SqlError> {
        let language = Arc::clone(&self.0);
        let home = CometQl::tenant_of(&login.user);
        let variables = Arc::new(Variables::new(Arc::clone(&language.variables)));
        let dev_id = home.unwrap_or(DevId::ROOT);
        let mut context = SessionContext::new(
            dev_id.number(),
            &login.user,
            login.connection_id,
            variables,
        );
        context.host = login
            .address
            .map_or_else(|| "localhost".into(), |address: IpAddr| {
                address.to_string().into()
            });
        let mut session = CometQlSession {
            language,
            home,
            dev_id,
            context,
            in_transaction: false,
        };
        if let Some(database) = login.database.filter(|name| !name.is_empty()) {
            session.use_database(&database)?;
        }
        session.language.sessions.opened(&session.context);
        Ok(session)
    }
}

/// One backend's session.
pub struct CometQlSession {
    language: Arc<CometQl>,
    /// The tenant that logged in; `None` for the check user, who may do nothing.
    home: Option<DevId>,
    /// The tenant it works for: another one only after root's `USE db_N`.
    dev_id: DevId,
    context: SessionContext,
    in_transaction: bool,
}

impl Drop for CometQlSession {
    fn drop(&mut self) {
        self.language.sessions.closed(self.context.connection_id);
    }
}

impl Session for CometQlSession {
    async fn execute(
        &mut self,
        statement: &str,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        self.permit()?;
        self.context.cancel.reset();
        let parsed = Statement::parse(statement, &self.language.config.statement)?;
        let answer = self.carry_out(statement, parsed, parameters).await;
        match &answer {
            Ok(Answer::Rows(result)) => {
                self.context.found_rows = result.rows.len() as u64;
                self.context.row_count = -1;
            }
            Ok(Answer::Done(done)) => {
                self.context.row_count = i64::try_from(done.affected_rows).unwrap_or(i64::MAX);
                if done.insert_id > 0 {
                    self.context.last_insert_id = done.insert_id;
                }
            }
            Err(_) => self.context.row_count = -1,
        }
        answer
    }

    fn prepare(&mut self, statement: &str) -> Result<Prepared, SqlError> {
        self.permit()?;
        let parsed = Statement::parse(statement, &self.language.config.statement)?;
        let columns = match &parsed {
            Statement::Select(Select::Lookup(lookup)) if self.is_own(&lookup.table) => {
                let table = self.table(&lookup.table)?;
                lookup::columns(table.as_ref(), lookup)?
            }
            Statement::Select(Select::Lookup(_)) => self
                .language
                .engine
                .columns(&*self.as_query(statement)?, &self.context)?,
            Statement::Select(Select::Query(query)) => {
                self.language.engine.columns(query, &self.context)?
            }
            Statement::Show(show) => self.language.engine.show_columns(show, &self.context)?,
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
        if database.eq_ignore_ascii_case(DATABASE) || database == "information_schema" {
            self.context.database = Some(if database == "information_schema" {
                database.into()
            } else {
                DATABASE.into()
            });
            return Ok(());
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
            self.dev_id = dev_id;
            self.context.dev_id = dev_id.number();
            self.context.database = Some(DATABASE.into());
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
        self.context.last_insert_id = 0;
        self.context.row_count = 0;
        self.context.found_rows = 0;
        Arc::make_mut(&mut self.context.variables).reset();
        self.in_transaction = false;
    }

    fn field_list(&self, table: &str) -> Result<Vec<Column>, SqlError> {
        self.permit()?;
        let table = self.language.catalogue.find(table)?;
        Ok(table
            .columns()
            .iter()
            .map(|column| column.definition(table.name()))
            .collect())
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn autocommit(&self) -> bool {
        self.context.variables.autocommit()
    }

    fn error_numbers(&self) -> ErrorNumbers {
        self.context.variables.error_numbers()
    }
}

impl CometQlSession {
    fn permit(&self) -> Result<(), SqlError> {
        match self.home {
            Some(_) => Ok(()),
            None => Err(SqlError::new(
                ErrorKind::Forbidden,
                "this user may log in and do nothing else",
            )),
        }
    }

    async fn carry_out(
        &mut self,
        text: &str,
        statement: Statement,
        parameters: &[Parameter],
    ) -> Result<Answer, SqlError> {
        let done = match statement {
            Statement::Insert(insert) => {
                let table = Arc::clone(self.table(&insert.table)?);
                let plan = change::insert(table.as_ref(), &insert, parameters, &self.context)?;
                plan.carry_out(&self.language.hall, self.dev_id).await?
            }
            Statement::Delete(delete) => {
                let table = Arc::clone(self.table(&delete.table)?);
                let parameters = parameters.to_vec();
                let plan = self
                    .blocking(move |language, context| {
                        let find = |query: &Query| {
                            let found = language.engine.select(query, &parameters, context)?;
                            Ok(only_column(&found, table.as_ref()))
                        };
                        change::delete(table.as_ref(), &delete, &parameters, context, &find)
                    })
                    .await?;
                plan.carry_out(&self.language.hall, self.dev_id).await?
            }
            Statement::Select(select) => {
                return self.select(text, select, parameters).await.map(Answer::Rows);
            }
            Statement::Show(show) => {
                return self
                    .blocking(move |language, context| language.engine.show(&show, context))
                    .await
                    .map(Answer::Rows);
            }
            Statement::Set(assignments) => {
                self.set(&assignments)?;
                Done::default()
            }
            Statement::Use(database) => {
                self.use_database(&database)?;
                Done::default()
            }
            Statement::Begin => {
                self.in_transaction = true;
                Done::default()
            }
            Statement::Commit | Statement::Rollback => {
                self.in_transaction = false;
                Done::default()
            }
            Statement::Kill { id, .. } => {
                return Err(SqlError::new(
                    ErrorKind::UnknownThread,
                    format!("no connection {id} of yours can be killed"),
                ));
            }
            Statement::Explain(_) => {
                return Err(SqlError::unsupported(
                    "EXPLAIN is offered for tables, not for statements",
                ));
            }
            Statement::Empty
            | Statement::Ignored
            | Statement::Savepoint(_)
            | Statement::RollbackTo(_)
            | Statement::Release(_) => Done::default(),
        };
        Ok(Answer::Done(done))
    }

    async fn select(
        &self,
        text: &str,
        select: Select,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        match select {
            Select::Lookup(lookup) if self.is_own(&lookup.table) => {
                let table = Arc::clone(self.table(&lookup.table)?);
                if !table.reads_disk() {
                    return lookup::select(table.as_ref(), &lookup, parameters, &self.context);
                }
                let parameters = parameters.to_vec();
                self.blocking(move |_, context| {
                    lookup::select(table.as_ref(), &lookup, &parameters, context)
                })
                .await
            }
            Select::Lookup(_) => self.query(self.as_query(text)?, parameters).await,
            Select::Query(query) => self.query(query, parameters).await,
        }
    }

    /// A look-up in a table that is not the language's own is a query like others.
    fn as_query(&self, text: &str) -> Result<Box<Query>, SqlError> {
        statement::parse_query(text, &self.language.config.statement)
    }

    async fn query(
        &self,
        query: Box<Query>,
        parameters: &[Parameter],
    ) -> Result<ResultSet, SqlError> {
        let parameters = parameters.to_vec();
        self.blocking(move |language, context| {
            language.engine.select(&query, &parameters, context)
        })
        .await
    }

    /// Runs `work`, which may wait for the disk or take long, off the async threads.
    async fn blocking<T, F>(&self, work: F) -> Result<T, SqlError>
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
    fn is_own(&self, table: &TableName) -> bool {
        table
            .database
            .as_deref()
            .or(self.context.database.as_deref())
            .is_none_or(|database| database.eq_ignore_ascii_case(DATABASE))
    }

    fn table(&self, table: &TableName) -> Result<&Arc<dyn Table>, SqlError> {
        match &table.database {
            Some(database) if !database.eq_ignore_ascii_case(DATABASE) => {
                let shown: String = database.chars().take(64).collect();
                Err(SqlError::new(
                    ErrorKind::UnknownTable,
                    format!("there is no table of that name in database '{shown}'"),
                ))
            }
            _ => self.language.catalogue.find(&table.name),
        }
    }

    /// Clients SET a lot on connecting; what this server does not know has no
    /// effect and is no error (compatibility reference §5.3).
    fn set(&mut self, assignments: &[Assignment]) -> Result<(), SqlError> {
        let variables = Arc::make_mut(&mut self.context.variables);
        for Assignment {
            global,
            name,
            value,
        } in assignments
        {
            if *global {
                continue;
            }
            match variables.set(name, Some(value)) {
                Err(error) if error.kind == ErrorKind::UnknownVariable => {}
                // A SET that would break a session is told; the rest is tolerated.
                Err(error) if name.starts_with("cometwire_") => return Err(error),
                Err(_) | Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// The first column of a result, as values of the table's key for DELETE.
fn only_column(found: &ResultSet, table: &dyn Table) -> Vec<Field> {
    use crate::query::table::ColumnKind;
    let is_integer = table
        .delete_key()
        .and_then(|key| table.columns().get(key))
        .is_some_and(|column| column.kind == ColumnKind::Integer);
    found
        .rows
        .iter()
        .filter_map(|row| row.first().cloned().flatten())
        .filter_map(|text| match is_integer {
            true => text.parse().ok().map(Field::Integer),
            false => Some(Field::Text(text)),
        })
        .collect()
}
