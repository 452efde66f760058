//! The tables that describe the server: `information_schema`, and the few of
//! `performance_schema` and `mysql` that clients ask for. All are computed from
//! the catalogue of tables, so they cannot disagree with what SELECT answers.
//! What the server has none of (triggers, routines, …) is an empty table.

use std::sync::{Arc, OnceLock};

use super::calendar::Moment;
use super::context::SessionContext;
use super::help;
use super::table::{ColumnKey, ColumnKind, KeyFilter, LiveTable, TableColumn, Value};
use crate::answer::DATABASE;
use crate::error::SqlError;
use crate::show::StatusScope;

/// The engine every table is said to have.
const ENGINE: &str = "CometWire";
const CHARSET: &str = "utf8mb4";
const COLLATION: &str = "utf8mb4_general_ci";
/// Of columns whose case matters.
const EXACT_COLLATION: &str = "utf8mb4_bin";

/// Gives the counters of SHOW STATUS (compatibility reference §5.1).
pub trait StatusSource: Send + Sync + 'static {
    /// Name and value of each counter of `scope`, in the order shown.
    fn status(&self, scope: StatusScope, context: &SessionContext) -> Vec<(String, String)>;
}

/// Gives the sessions of SHOW PROCESSLIST.
pub trait ProcessSource: Send + Sync + 'static {
    /// The sessions `context` may see.
    fn processes(&self, context: &SessionContext) -> Vec<Process>;
}

/// One session as SHOW PROCESSLIST shows it. Must not carry keys, hashes or tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// The connection's number, as KILL takes it.
    pub id: u64,
    /// The MySQL user name.
    pub user: String,
    /// The client's address.
    pub host: String,
    /// The database chosen, if any.
    pub database: Option<String>,
    /// `Query`, `Sleep`, `Browser`.
    pub command: String,
    /// Seconds in this state.
    pub time: u64,
    /// What it is doing; may be empty.
    pub state: String,
    /// The running statement's text, if it may be shown.
    pub info: Option<String>,
}

/// Where the tables that change by themselves get their rows.
#[derive(Clone)]
pub struct Sources {
    /// The counters.
    pub status: Arc<dyn StatusSource>,
    /// The sessions.
    pub processes: Arc<dyn ProcessSource>,
}

/// The tables that describe `live` and themselves.
pub(super) fn tables(live: &[Arc<dyn LiveTable>], sources: Sources) -> Vec<Arc<dyn LiveTable>> {
    let system = Arc::new(System {
        described: OnceLock::new(),
        made: Moment::now().date_time(0),
        sources,
    });
    let tables: Vec<Arc<dyn LiveTable>> = DEFINITIONS
        .iter()
        .map(|definition| {
            Arc::new(SystemTable {
                definition,
                columns: columns(definition.columns),
                system: Arc::clone(&system),
            }) as Arc<dyn LiveTable>
        })
        .collect();
    let described = live
        .iter()
        .chain(&tables)
        .map(|table| Described::of(&**table));
    // Set here and nowhere else, so it cannot have been set before.
    let _ = system.described.set(described.collect());
    tables
}

/// What is known of one table.
struct Described {
    database: String,
    name: String,
    comment: String,
    columns: Vec<TableColumn>,
}

impl Described {
    fn of(table: &dyn LiveTable) -> Self {
        Self {
            database: table.database().to_owned(),
            name: table.name().to_owned(),
            comment: table.comment().to_owned(),
            columns: table.columns().to_vec(),
        }
    }

    fn is_live(&self) -> bool {
        self.database == DATABASE
    }

    fn keys(&self) -> impl Iterator<Item = &TableColumn> {
        self.columns
            .iter()
            .filter(|column| column.key != ColumnKey::None)
    }

    fn primary(&self) -> impl Iterator<Item = &TableColumn> {
        self.columns
            .iter()
            .filter(|column| column.key == ColumnKey::Primary)
    }

    fn create_statement(&self) -> String {
        let mut lines: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let collation = match column.kind {
                    ColumnKind::Text => format!(" COLLATE {EXACT_COLLATION}"),
                    ColumnKind::Integer | ColumnKind::TextAnyCase => String::new(),
                };
                format!(
                    "  `{}` {}{collation} NOT NULL",
                    column.name, column.type_text
                )
            })
            .collect();
        let primary: Vec<_> = self
            .primary()
            .map(|column| format!("`{}`", column.name))
            .collect();
        if !primary.is_empty() {
            lines.push(format!("  PRIMARY KEY ({})", primary.join(",")));
        }
        for column in self.keys().filter(|column| column.key == ColumnKey::Lookup) {
            lines.push(format!("  KEY `{0}` (`{0}`)", column.name));
        }
        let comment = if self.comment.is_empty() {
            String::new()
        } else {
            format!(" COMMENT='{}'", self.comment.replace('\'', "''"))
        };
        format!(
            "CREATE TABLE `{}` (\n{}\n) ENGINE={ENGINE} DEFAULT CHARSET={CHARSET}{comment}",
            self.name,
            lines.join(",\n")
        )
    }
}

struct System {
    described: OnceLock<Vec<Described>>,
    /// When the server started, which is when its tables came to be.
    made: String,
    sources: Sources,
}

impl System {
    fn described(&self) -> &[Described] {
        self.described.get().map_or(&[], Vec::as_slice)
    }

    fn each_column(&self) -> impl Iterator<Item = (&Described, usize, &TableColumn)> {
        self.described().iter().flat_map(|table| {
            table
                .columns
                .iter()
                .enumerate()
                .map(move |(index, column)| (table, index + 1, column))
        })
    }
}

struct SystemTable {
    definition: &'static Definition,
    columns: Vec<TableColumn>,
    system: Arc<System>,
}

impl LiveTable for SystemTable {
    fn name(&self) -> &str {
        self.definition.name
    }

    fn database(&self) -> &str {
        self.definition.database
    }

    fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    fn rows(
        &self,
        context: &SessionContext,
        _filter: &KeyFilter<'_>,
    ) -> Result<Vec<Vec<Value>>, SqlError> {
        Ok((self.definition.rows)(&self.system, context))
    }
}

type Rows = Vec<Vec<Value>>;

struct Definition {
    database: &'static str,
    name: &'static str,
    /// Names in order; `NAME:int` is a column of integers.
    columns: &'static str,
    rows: fn(&System, &SessionContext) -> Rows,
}

const fn info(
    name: &'static str,
    columns: &'static str,
    rows: fn(&System, &SessionContext) -> Rows,
) -> Definition {
    Definition {
        database: "information_schema",
        name,
        columns,
        rows,
    }
}

const fn performance(name: &'static str, rows: fn(&System, &SessionContext) -> Rows) -> Definition {
    Definition {
        database: "performance_schema",
        name,
        columns: "VARIABLE_NAME,VARIABLE_VALUE",
        rows,
    }
}

fn columns(list: &'static str) -> Vec<TableColumn> {
    list.split(',')
        .map(|word| match word.strip_suffix(":int") {
            Some(name) => TableColumn::big_integer(name),
            None => TableColumn {
                kind: ColumnKind::TextAnyCase,
                ..TableColumn::text(word, "varchar(512)", 2048)
            },
        })
        .collect()
}

/// A row of anything that can be a value.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$(Value::from($value)),*] };
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Integer)
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

/// NULL, in a row.
const NO_TEXT: Option<&str> = None;
/// NULL, in a column of integers.
const NO_NUMBER: Option<i64> = None;

fn nothing(_: &System, _: &SessionContext) -> Rows {
    Vec::new()
}

const DEFINITIONS: &[Definition] = &[
    info(
        "SCHEMATA",
        "CATALOG_NAME,SCHEMA_NAME,DEFAULT_CHARACTER_SET_NAME,DEFAULT_COLLATION_NAME,SQL_PATH,DEFAULT_ENCRYPTION",
        |_, _| vec![row!["def", DATABASE, CHARSET, COLLATION, NO_TEXT, "NO"]],
    ),
    info(
        "TABLES",
        "TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,TABLE_TYPE,ENGINE,VERSION:int,ROW_FORMAT,TABLE_ROWS:int,AVG_ROW_LENGTH:int,DATA_LENGTH:int,MAX_DATA_LENGTH:int,INDEX_LENGTH:int,DATA_FREE:int,AUTO_INCREMENT:int,CREATE_TIME,UPDATE_TIME,CHECK_TIME,TABLE_COLLATION,CHECKSUM:int,CREATE_OPTIONS,TABLE_COMMENT",
        tables_rows,
    ),
    info(
        "COLUMNS",
        "TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,ORDINAL_POSITION:int,COLUMN_DEFAULT,IS_NULLABLE,DATA_TYPE,CHARACTER_MAXIMUM_LENGTH:int,CHARACTER_OCTET_LENGTH:int,NUMERIC_PRECISION:int,NUMERIC_SCALE:int,DATETIME_PRECISION:int,CHARACTER_SET_NAME,COLLATION_NAME,COLUMN_TYPE,COLUMN_KEY,EXTRA,PRIVILEGES,COLUMN_COMMENT,GENERATION_EXPRESSION,SRS_ID:int",
        columns_rows,
    ),
    info(
        "STATISTICS",
        "TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,NON_UNIQUE:int,INDEX_SCHEMA,INDEX_NAME,SEQ_IN_INDEX:int,COLUMN_NAME,COLLATION,CARDINALITY:int,SUB_PART:int,PACKED,NULLABLE,INDEX_TYPE,COMMENT,INDEX_COMMENT,IS_VISIBLE,EXPRESSION",
        statistics_rows,
    ),
    info(
        "KEY_COLUMN_USAGE",
        "CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,ORDINAL_POSITION:int,POSITION_IN_UNIQUE_CONSTRAINT:int,REFERENCED_TABLE_SCHEMA,REFERENCED_TABLE_NAME,REFERENCED_COLUMN_NAME",
        |system, _| {
            let mut rows = Vec::new();
            for table in system.described() {
                for (position, column) in (1_i64..).zip(table.primary()) {
                    rows.push(row![
                        "def",
                        table.database.as_str(),
                        "PRIMARY",
                        "def",
                        table.database.as_str(),
                        table.name.as_str(),
                        column.name,
                        position,
                        NO_NUMBER,
                        NO_TEXT,
                        NO_TEXT,
                        NO_TEXT,
                    ]);
                }
            }
            rows
        },
    ),
    info(
        "TABLE_CONSTRAINTS",
        "CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,TABLE_SCHEMA,TABLE_NAME,CONSTRAINT_TYPE,ENFORCED",
        |system, _| {
            let keyed = system
                .described()
                .iter()
                .filter(|table| table.primary().next().is_some());
            keyed
                .map(|table| {
                    let database = table.database.as_str();
                    let name = table.name.as_str();
                    row![
                        "def",
                        database,
                        "PRIMARY",
                        database,
                        name,
                        "PRIMARY KEY",
                        "YES"
                    ]
                })
                .collect()
        },
    ),
    info(
        "REFERENTIAL_CONSTRAINTS",
        "CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,UNIQUE_CONSTRAINT_CATALOG,UNIQUE_CONSTRAINT_SCHEMA,UNIQUE_CONSTRAINT_NAME,MATCH_OPTION,UPDATE_RULE,DELETE_RULE,TABLE_NAME,REFERENCED_TABLE_NAME",
        nothing,
    ),
    info(
        "CHECK_CONSTRAINTS",
        "CONSTRAINT_CATALOG,CONSTRAINT_SCHEMA,CONSTRAINT_NAME,CHECK_CLAUSE",
        nothing,
    ),
    info(
        "ROUTINES",
        "SPECIFIC_NAME,ROUTINE_CATALOG,ROUTINE_SCHEMA,ROUTINE_NAME,ROUTINE_TYPE,DATA_TYPE,CHARACTER_MAXIMUM_LENGTH:int,CHARACTER_OCTET_LENGTH:int,NUMERIC_PRECISION:int,NUMERIC_SCALE:int,DATETIME_PRECISION:int,CHARACTER_SET_NAME,COLLATION_NAME,DTD_IDENTIFIER,ROUTINE_BODY,ROUTINE_DEFINITION,EXTERNAL_NAME,EXTERNAL_LANGUAGE,PARAMETER_STYLE,IS_DETERMINISTIC,SQL_DATA_ACCESS,SQL_PATH,SECURITY_TYPE,CREATED,LAST_ALTERED,SQL_MODE,ROUTINE_COMMENT,DEFINER,CHARACTER_SET_CLIENT,COLLATION_CONNECTION,DATABASE_COLLATION",
        nothing,
    ),
    info(
        "PARAMETERS",
        "SPECIFIC_CATALOG,SPECIFIC_SCHEMA,SPECIFIC_NAME,ORDINAL_POSITION:int,PARAMETER_MODE,PARAMETER_NAME,DATA_TYPE,CHARACTER_MAXIMUM_LENGTH:int,CHARACTER_OCTET_LENGTH:int,NUMERIC_PRECISION:int,NUMERIC_SCALE:int,DATETIME_PRECISION:int,CHARACTER_SET_NAME,COLLATION_NAME,DTD_IDENTIFIER,ROUTINE_TYPE",
        nothing,
    ),
    info(
        "TRIGGERS",
        "TRIGGER_CATALOG,TRIGGER_SCHEMA,TRIGGER_NAME,EVENT_MANIPULATION,EVENT_OBJECT_CATALOG,EVENT_OBJECT_SCHEMA,EVENT_OBJECT_TABLE,ACTION_ORDER:int,ACTION_CONDITION,ACTION_STATEMENT,ACTION_ORIENTATION,ACTION_TIMING,ACTION_REFERENCE_OLD_TABLE,ACTION_REFERENCE_NEW_TABLE,ACTION_REFERENCE_OLD_ROW,ACTION_REFERENCE_NEW_ROW,CREATED,SQL_MODE,DEFINER,CHARACTER_SET_CLIENT,COLLATION_CONNECTION,DATABASE_COLLATION",
        nothing,
    ),
    info(
        "VIEWS",
        "TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,VIEW_DEFINITION,CHECK_OPTION,IS_UPDATABLE,DEFINER,SECURITY_TYPE,CHARACTER_SET_CLIENT,COLLATION_CONNECTION",
        nothing,
    ),
    info(
        "EVENTS",
        "EVENT_CATALOG,EVENT_SCHEMA,EVENT_NAME,DEFINER,TIME_ZONE,EVENT_BODY,EVENT_DEFINITION,EVENT_TYPE,EXECUTE_AT,INTERVAL_VALUE,INTERVAL_FIELD,SQL_MODE,STARTS,ENDS,STATUS,ON_COMPLETION,CREATED,LAST_ALTERED,LAST_EXECUTED,EVENT_COMMENT,ORIGINATOR:int,CHARACTER_SET_CLIENT,COLLATION_CONNECTION,DATABASE_COLLATION",
        nothing,
    ),
    info(
        "ENGINES",
        "ENGINE,SUPPORT,COMMENT,TRANSACTIONS,XA,SAVEPOINTS",
        |_, _| {
            vec![row![
                ENGINE,
                "DEFAULT",
                "Live objects of the server",
                "NO",
                "NO",
                "NO"
            ]]
        },
    ),
    info(
        "CHARACTER_SETS",
        "CHARACTER_SET_NAME,DEFAULT_COLLATE_NAME,DESCRIPTION,MAXLEN:int",
        |_, _| vec![row![CHARSET, COLLATION, "UTF-8 Unicode", 4_i64]],
    ),
    info(
        "COLLATIONS",
        "COLLATION_NAME,CHARACTER_SET_NAME,ID:int,IS_DEFAULT,IS_COMPILED,SORTLEN:int,PAD_ATTRIBUTE",
        |_, _| {
            vec![
                row![COLLATION, CHARSET, 45_i64, "Yes", "Yes", 1_i64, "PAD SPACE"],
                row![
                    "utf8mb4_bin",
                    CHARSET,
                    46_i64,
                    "",
                    "Yes",
                    1_i64,
                    "PAD SPACE"
                ],
                row![
                    "utf8mb4_unicode_ci",
                    CHARSET,
                    224_i64,
                    "",
                    "Yes",
                    8_i64,
                    "PAD SPACE"
                ],
                row![
                    "utf8mb4_0900_ai_ci",
                    CHARSET,
                    255_i64,
                    "",
                    "Yes",
                    0_i64,
                    "NO PAD"
                ],
            ]
        },
    ),
    info(
        "COLLATION_CHARACTER_SET_APPLICABILITY",
        "COLLATION_NAME,CHARACTER_SET_NAME",
        |_, _| vec![row![COLLATION, CHARSET], row!["utf8mb4_bin", CHARSET]],
    ),
    info(
        "PARTITIONS",
        "TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,PARTITION_NAME,SUBPARTITION_NAME,PARTITION_ORDINAL_POSITION:int,SUBPARTITION_ORDINAL_POSITION:int,PARTITION_METHOD,SUBPARTITION_METHOD,PARTITION_EXPRESSION,SUBPARTITION_EXPRESSION,PARTITION_DESCRIPTION,TABLE_ROWS:int,AVG_ROW_LENGTH:int,DATA_LENGTH:int,MAX_DATA_LENGTH:int,INDEX_LENGTH:int,DATA_FREE:int,CREATE_TIME,UPDATE_TIME,CHECK_TIME,CHECKSUM:int,PARTITION_COMMENT,NODEGROUP,TABLESPACE_NAME",
        nothing,
    ),
    info(
        "FILES",
        "FILE_ID:int,FILE_NAME,FILE_TYPE,TABLESPACE_NAME,TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,LOGFILE_GROUP_NAME,LOGFILE_GROUP_NUMBER:int,ENGINE,FULLTEXT_KEYS,DELETED_ROWS:int,UPDATE_COUNT:int,FREE_EXTENTS:int,TOTAL_EXTENTS:int,EXTENT_SIZE:int,INITIAL_SIZE:int,MAXIMUM_SIZE:int,AUTOEXTEND_SIZE:int,CREATION_TIME,LAST_UPDATE_TIME,LAST_ACCESS_TIME,RECOVER_TIME:int,TRANSACTION_COUNTER:int,VERSION:int,ROW_FORMAT,TABLE_ROWS:int,AVG_ROW_LENGTH:int,DATA_LENGTH:int,MAX_DATA_LENGTH:int,INDEX_LENGTH:int,DATA_FREE:int,CREATE_TIME,UPDATE_TIME,CHECK_TIME,CHECKSUM:int,STATUS,EXTRA",
        nothing,
    ),
    info(
        "PLUGINS",
        "PLUGIN_NAME,PLUGIN_VERSION,PLUGIN_STATUS,PLUGIN_TYPE,PLUGIN_TYPE_VERSION,PLUGIN_LIBRARY,PLUGIN_LIBRARY_VERSION,PLUGIN_AUTHOR,PLUGIN_DESCRIPTION,PLUGIN_LICENSE,LOAD_OPTION",
        |_, _| {
            ["mysql_native_password", "caching_sha2_password"]
                .into_iter()
                .map(|name| {
                    row![
                        name,
                        "1.0",
                        "ACTIVE",
                        "AUTHENTICATION",
                        "1.0",
                        NO_TEXT,
                        NO_TEXT,
                        ENGINE,
                        "Password authentication",
                        "",
                        "FORCE",
                    ]
                })
                .collect()
        },
    ),
    info(
        "PROCESSLIST",
        "ID:int,USER,HOST,DB,COMMAND,TIME:int,STATE,INFO",
        processes_rows,
    ),
    info(
        "USER_PRIVILEGES",
        "GRANTEE,TABLE_CATALOG,PRIVILEGE_TYPE,IS_GRANTABLE",
        nothing,
    ),
    info(
        "SCHEMA_PRIVILEGES",
        "GRANTEE,TABLE_CATALOG,TABLE_SCHEMA,PRIVILEGE_TYPE,IS_GRANTABLE",
        nothing,
    ),
    info(
        "TABLE_PRIVILEGES",
        "GRANTEE,TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,PRIVILEGE_TYPE,IS_GRANTABLE",
        nothing,
    ),
    info(
        "COLUMN_PRIVILEGES",
        "GRANTEE,TABLE_CATALOG,TABLE_SCHEMA,TABLE_NAME,COLUMN_NAME,PRIVILEGE_TYPE,IS_GRANTABLE",
        nothing,
    ),
    info("KEYWORDS", "WORD,RESERVED:int", nothing),
    info(
        "COMETWIRE_STATUS",
        "SCOPE,VARIABLE_NAME,VARIABLE_VALUE",
        |system, context| {
            let scopes = StatusScope::ALL.into_iter();
            scopes
                .flat_map(|scope| {
                    let rows = system.sources.status.status(scope, context);
                    rows.into_iter()
                        .map(move |(name, value)| row![scope.name(), name, value])
                })
                .collect()
        },
    ),
    info(
        "COMETWIRE_CREATE_TABLE",
        "TABLE_SCHEMA,TABLE_NAME,CREATE_STATEMENT",
        |system, _| {
            let tables = system.described().iter();
            tables
                .map(|table| {
                    row![
                        table.database.as_str(),
                        table.name.as_str(),
                        table.create_statement(),
                    ]
                })
                .collect()
        },
    ),
    performance("global_variables", |_, context| {
        variable_rows(context, true)
    }),
    performance("session_variables", |_, context| {
        variable_rows(context, false)
    }),
    performance("global_status", |system, context| {
        status_rows(system, context, StatusScope::Global)
    }),
    performance("session_status", |system, context| {
        status_rows(system, context, StatusScope::Session)
    }),
    Definition {
        database: "mysql",
        name: "user",
        columns: "Host,User,plugin",
        rows: nothing,
    },
    Definition {
        database: "mysql",
        name: "help_topic",
        columns: "help_topic_id:int,name,help_category_id:int,description,example,url",
        rows: |_, _| {
            let numbered = (0_i64..).zip(help::TOPICS);
            numbered
                .map(|(number, name)| row![number, *name, 0_i64, "", "", ""])
                .collect()
        },
    },
];

fn tables_rows(system: &System, _: &SessionContext) -> Rows {
    let tables = system.described().iter();
    tables
        .map(|table| {
            let kind = if table.is_live() {
                "BASE TABLE"
            } else {
                "SYSTEM VIEW"
            };
            row![
                "def",
                table.database.as_str(),
                table.name.as_str(),
                kind,
                ENGINE,
                10_i64,
                "Dynamic",
                NO_NUMBER,
                0_i64,
                0_i64,
                0_i64,
                0_i64,
                0_i64,
                NO_NUMBER,
                system.made.as_str(),
                NO_TEXT,
                NO_TEXT,
                COLLATION,
                NO_NUMBER,
                "",
                table.comment.as_str(),
            ]
        })
        .collect()
}

fn columns_rows(system: &System, _: &SessionContext) -> Rows {
    system
        .each_column()
        .map(|(table, position, column)| {
            let is_number = column.kind == ColumnKind::Integer;
            let length = i64::from(column.max_length);
            let text_length = (!is_number).then_some(length);
            let data_type = column.type_text.split('(').next().unwrap_or_default();
            row![
                "def",
                table.database.as_str(),
                table.name.as_str(),
                column.name,
                i64::try_from(position).unwrap_or(i64::MAX),
                NO_TEXT,
                "NO",
                data_type,
                text_length,
                text_length,
                is_number.then_some(if length > 11 { 19 } else { 10 }),
                is_number.then_some(0),
                NO_NUMBER,
                (!is_number).then_some(CHARSET),
                match column.kind {
                    ColumnKind::Integer => None,
                    ColumnKind::Text => Some(EXACT_COLLATION),
                    ColumnKind::TextAnyCase => Some(COLLATION),
                },
                column.type_text,
                column.key.text(),
                "",
                "select,insert,update,references",
                column.comment,
                "",
                NO_NUMBER,
            ]
        })
        .collect()
}

fn statistics_rows(system: &System, _: &SessionContext) -> Rows {
    let mut rows = Vec::new();
    for table in system.described() {
        let mut primary_position = 0_i64;
        for column in table.keys() {
            let is_primary = column.key == ColumnKey::Primary;
            let (name, position) = if is_primary {
                primary_position += 1;
                ("PRIMARY", primary_position)
            } else {
                (column.name, 1)
            };
            rows.push(row![
                "def",
                table.database.as_str(),
                table.name.as_str(),
                i64::from(!is_primary),
                table.database.as_str(),
                name,
                position,
                column.name,
                "A",
                NO_NUMBER,
                NO_NUMBER,
                NO_TEXT,
                "",
                "HASH",
                "",
                "",
                "YES",
                NO_TEXT,
            ]);
        }
    }
    rows
}

fn processes_rows(system: &System, context: &SessionContext) -> Rows {
    let processes = system.sources.processes.processes(context);
    processes
        .into_iter()
        .map(|process| {
            row![
                i64::try_from(process.id).unwrap_or(i64::MAX),
                process.user,
                process.host,
                process.database.as_deref(),
                process.command,
                i64::try_from(process.time).unwrap_or(i64::MAX),
                process.state,
                process.info.as_deref(),
            ]
        })
        .collect()
}

fn variable_rows(context: &SessionContext, global: bool) -> Rows {
    context
        .variables
        .rows(global)
        .map(|(name, value)| row![name, value])
        .collect()
}

fn status_rows(system: &System, context: &SessionContext, scope: StatusScope) -> Rows {
    let rows = system.sources.status.status(scope, context);
    rows.into_iter()
        .map(|(name, value)| row![name, value])
        .collect()
}
