//! The engine over small tables: SQL in, rows out. The tables and the bench are
//! here, the tests by subject in the files beside.

mod answers;
mod bounds;
mod functions;
mod introspection;
mod keys;
mod random;
mod refusals;
mod repeated;
mod windows;

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;

use super::engine::parse;
use super::*;
use crate::answer::{Parameter, ResultSet};
use crate::error::{ErrorKind, SqlError};
use crate::show::{Show, StatusScope};

/// A table of fixed rows that answers its key only, and notes what it is asked.
struct Toy {
    name: &'static str,
    columns: Vec<TableColumn>,
    rows: Vec<Vec<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl LiveTable for Toy {
    fn name(&self) -> &str {
        self.name
    }

    fn comment(&self) -> &str {
        "it's a toy"
    }

    fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    fn rows(
        &self,
        _: &SessionContext,
        filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        let key = filter.value(0);
        let note = match key {
            None if filter.limit < 1000 => format!("{} limit {}", self.name, filter.limit),
            None => format!("{} all", self.name),
            Some(Value::Integer(id)) => format!("{} {id}", self.name),
            Some(Value::Text(name)) => format!("{} {name}", self.name),
            Some(Value::Null) => format!("{} null", self.name),
        };
        self.asked.lock().push(note);
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| key.is_none_or(|key| row.first() == Some(key)))
            .take(filter.limit)
            .cloned()
            .collect();
        if let ("pipes", Some(Value::Text(name)), true) = (self.name, key, rows.is_empty()) {
            rows.push(vec![name.clone().into(), 0_i64.into()]);
        }
        Ok(rows)
    }
}

/// A table that refuses, or worse.
struct Broken(bool);

impl LiveTable for Broken {
    fn name(&self) -> &str {
        if self.0 { "panics" } else { "refuses" }
    }

    fn columns(&self) -> &[TableColumn] {
        const COLUMNS: &[TableColumn] = &[TableColumn::integer("id")];
        COLUMNS
    }

    fn rows(&self, _: &SessionContext, _: &KeyFilter<'_>) -> Result<Vec<Vec<Value>>, SqlError> {
        assert!(!self.0, "a table with a bug");
        Err(SqlError::new(ErrorKind::MissingKey, "name the key"))
    }
}

struct Facts;

impl StatusSource for Facts {
    fn status(&self, scope: StatusScope, context: &SessionContext) -> Vec<(String, String)> {
        match scope {
            StatusScope::Session => vec![
                ("flag".into(), "session".into()),
                ("id".into(), context.dev_id.to_string()),
            ],
            StatusScope::Global => vec![
                ("flag".into(), "global".into()),
                ("uptime".into(), "5".into()),
            ],
            other => vec![(other.name().to_ascii_lowercase(), "1".into())],
        }
    }
}

impl ProcessSource for Facts {
    fn processes(&self, context: &SessionContext) -> Vec<Process> {
        vec![Process {
            id: context.connection_id.into(),
            user: context.user.to_string(),
            host: "127.0.0.1".into(),
            command: "Query".into(),
            info: Some("x".repeat(200)),
            ..Process::default()
        }]
    }
}

struct Bench {
    engine: Engine,
    context: SessionContext,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        Self::with_limits(QueryLimits::default())
    }

    fn with_limits(limits: QueryLimits) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let sources = Sources {
            status: Arc::new(Facts),
            processes: Arc::new(Facts),
        };
        let engine = Engine::new(toys(&asked), sources, limits).unwrap();
        let variables = Arc::new(Variables::new(Arc::new(ServerVariables::default())));
        let mut context = SessionContext::new(15, "15", 7, variables);
        context.database = Some("CometQL_v1".into());
        Self {
            engine,
            context,
            asked,
        }
    }

    fn query(&self, sql: &str, parameters: &[Parameter]) -> Result<ResultSet, SqlError> {
        self.engine.select(&*parse(sql)?, parameters, &self.context)
    }

    fn show(&self, sql: &str) -> Result<ResultSet, SqlError> {
        self.engine.show(&Show::parse(sql)?, &self.context)
    }

    /// Rows as `a|b;c|d`, NULL as `~`.
    fn rows(&self, sql: &str) -> String {
        match self.query(sql, &[]) {
            Ok(result) => written(&result),
            Err(error) => format!("{:?}: {error}", error.kind),
        }
    }

    fn kind(&self, sql: &str) -> ErrorKind {
        match self.query(sql, &[]) {
            Ok(result) => panic!("{sql} answered {}", written(&result)),
            Err(error) => error.kind,
        }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock())
    }
}

fn toys(asked: &Arc<Mutex<Vec<String>>>) -> Vec<Arc<dyn LiveTable>> {
    let toy = |name, columns, rows| -> Arc<dyn LiveTable> {
        Arc::new(Toy {
            name,
            columns,
            rows,
            asked: Arc::clone(asked),
        })
    };
    let row = |name: &str, id: i64, text: &str| vec![name.into(), id.into(), text.into()];
    vec![
        toy(
            "pipes",
            vec![
                TableColumn::text("name", "varchar(64)", 64).primary(),
                TableColumn::integer("users"),
            ],
            vec![
                vec!["web_admins".into(), 2_i64.into()],
                vec!["web_chat".into(), 10_i64.into()],
                vec!["p20".into(), 1_i64.into()],
            ],
        ),
        toy(
            "users_in_pipes",
            vec![
                TableColumn::text("name", "varchar(64)", 64).lookup(),
                TableColumn::integer("user_id"),
                TableColumn::text("user_uuid", "varchar(32)", 32),
            ],
            vec![
                row("web_chat", 42, "u1"),
                row("web_chat", 7, "u2"),
                row("web_chat", 42, "u3"),
                row("p20", 7, "u4"),
            ],
        ),
        toy(
            "users_auth",
            vec![
                TableColumn::integer("id").primary(),
                TableColumn::text("hash", "varchar(32)", 32).about("the user's key"),
            ],
            vec![
                vec![2_i64.into(), "two".into()],
                vec![7_i64.into(), "Seven".into()],
                vec![42_i64.into(), "{\"a\":[1,\"x\"]}".into()],
                vec![100_i64.into(), "it's 100%".into()],
            ],
        ),
        Arc::new(Broken(false)),
        Arc::new(Broken(true)),
    ]
}

fn written(result: &ResultSet) -> String {
    let rows = result.rows.iter().map(|row| {
        assert_eq!(row.len(), result.columns.len());
        let cells: Vec<_> = row
            .iter()
            .map(|cell| cell.as_deref().unwrap_or("~"))
            .collect();
        cells.join("|")
    });
    rows.collect::<Vec<_>>().join(";")
}

fn names(result: &ResultSet) -> Vec<&str> {
    result
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}
