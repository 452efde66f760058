//! Each [`Show`] as a SELECT over `information_schema`, with the column names
//! and the order of columns that MySQL's clients expect.

use super::catalogue::{Catalogue, canonical_database};
use super::context::SessionContext;
use super::show_empty;
use crate::answer::Parameter;
use crate::error::SqlError;
use crate::show::{Filter, Listing, Show, StatusScope, TableName};

/// A query and the values of its `?`.
pub(super) struct ShowSelect {
    pub(super) text: String,
    pub(super) parameters: Vec<Parameter>,
}

/// The query that answers `show`.
///
/// # Errors
/// `UnknownDatabase`, `UnknownTable` when it names one that does not exist.
pub(super) fn select(
    show: &Show,
    catalogue: &Catalogue,
    context: &SessionContext,
) -> Result<ShowSelect, SqlError> {
    let all = &Filter::All;
    let (rows, parameters, filter) = match show {
        Show::Databases(filter) => {
            let title = titled("Database", filter);
            let text = format!("SELECT SCHEMA_NAME AS `{title}` FROM information_schema.SCHEMATA");
            (text, Vec::new(), filter)
        }
        Show::Tables {
            full,
            database,
            filter,
        } => {
            let database = canonical_database(database)?;
            let kind = if *full {
                ", TABLE_TYPE AS Table_type"
            } else {
                ""
            };
            let title = titled(&format!("Tables_in_{database}"), filter);
            let text = format!(
                "SELECT TABLE_NAME AS `{title}`{kind} \
                 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?"
            );
            (text, vec![database.to_owned()], filter)
        }
        Show::TableStatus { database, filter } => {
            let database = canonical_database(database)?;
            (TABLE_STATUS.to_owned(), vec![database.to_owned()], filter)
        }
        Show::Columns {
            full,
            table,
            filter,
        } => {
            let text = if *full { FULL_COLUMNS } else { COLUMNS };
            (text.to_owned(), names(table, catalogue)?, filter)
        }
        Show::Indexes { table, filter } => (INDEXES.to_owned(), names(table, catalogue)?, filter),
        Show::CreateTable(table) => (CREATE_TABLE.to_owned(), names(table, catalogue)?, all),
        Show::CreateDatabase(database) => {
            let database = canonical_database(database)?;
            let create =
                format!("CREATE DATABASE `{database}` /*!40100 DEFAULT CHARACTER SET utf8mb4 */");
            let text = "SELECT ? AS `Database`, ? AS `Create Database`".to_owned();
            (text, vec![database.to_owned(), create], all)
        }
        Show::Variables { global, filter } => {
            let table = if *global { "global" } else { "session" };
            let text = format!(
                "SELECT VARIABLE_NAME AS Variable_name, VARIABLE_VALUE AS Value \
                 FROM performance_schema.{table}_variables"
            );
            (text, Vec::new(), filter)
        }
        Show::Status { scope, filter } => status(*scope, filter),
        Show::ProcessList { full } => {
            let info = if *full { "INFO" } else { "LEFT(INFO, 100)" };
            let text = format!(
                "SELECT ID AS Id, USER AS User, HOST AS Host, DB AS db, COMMAND AS Command, \
                 TIME AS Time, STATE AS State, {info} AS Info FROM information_schema.PROCESSLIST \
                 ORDER BY ID LIMIT {MOST_PROCESSES}"
            );
            (text, Vec::new(), all)
        }
        Show::Listing { listing, filter } => {
            let (text, parameters) = list(*listing, context);
            (text, parameters, filter)
        }
    };
    let parameters = parameters.into_iter().map(Parameter::Text).collect();
    Ok(filtered(rows, parameters, filter))
}

/// The most rows of SHOW PROCESSLIST; sessions come before browsers.
/// `information_schema.PROCESSLIST` has all.
const MOST_PROCESSES: usize = 20_000;

/// Applies LIKE to the first column of `rows`, or WHERE to any of them.
fn filtered(rows: String, mut parameters: Vec<Parameter>, filter: &Filter) -> ShowSelect {
    let text = match filter {
        Filter::All => rows,
        Filter::Like(pattern) => {
            parameters.push(Parameter::Text(pattern.clone()));
            let column = first_column(&rows);
            format!("SELECT * FROM ({rows}) AS answer WHERE `{column}` LIKE ?")
        }
        Filter::Where(condition) => format!("SELECT * FROM ({rows}) AS answer WHERE {condition}"),
    };
    ShowSelect { text, parameters }
}

/// The name of a column of names: with a pattern, MySQL says so in the name.
fn titled(name: &str, filter: &Filter) -> String {
    match filter {
        Filter::Like(pattern) => format!("{name} ({})", quotable(pattern)),
        Filter::All | Filter::Where(_) => name.to_owned(),
    }
}

/// `text` without what cannot stand in a quoted name of these queries.
fn quotable(text: &str) -> String {
    text.chars()
        .filter(|letter| !matches!(letter, '`' | '\\' | '?'))
        .collect()
}

/// The name the first column of one of this file's queries has.
fn first_column(rows: &str) -> &str {
    let after = rows.split_once(" AS ").map_or("", |(_, rest)| rest);
    match after.strip_prefix('`') {
        Some(rest) => rest.split('`').next().unwrap_or_default(),
        None => after.split([',', ' ']).next().unwrap_or_default(),
    }
}

fn names(table: &TableName, catalogue: &Catalogue) -> Result<Vec<String>, SqlError> {
    let found = catalogue.find(Some(&table.database), &table.table)?;
    Ok(vec![found.database().to_owned(), found.name().to_owned()])
}

fn status(scope: StatusScope, filter: &Filter) -> (String, Vec<String>, &Filter) {
    match scope {
        StatusScope::Session | StatusScope::Global => {
            let table = scope.name().to_ascii_lowercase();
            let text = format!(
                "SELECT VARIABLE_NAME AS Variable_name, VARIABLE_VALUE AS Value \
                 FROM performance_schema.{table}_status"
            );
            (text, Vec::new(), filter)
        }
        StatusScope::Avg | StatusScope::Ram | StatusScope::Uptime | StatusScope::Filesystem => {
            let text = "SELECT VARIABLE_NAME AS Variable_name, VARIABLE_VALUE AS Value \
                        FROM information_schema.COMETWIRE_STATUS WHERE SCOPE = ?";
            (text.to_owned(), vec![scope.name().to_owned()], filter)
        }
    }
}

fn list(listing: Listing, context: &SessionContext) -> (String, Vec<String>) {
    let text = match listing {
        Listing::WarningCount => "SELECT 0 AS `@@session.warning_count`".to_owned(),
        Listing::ErrorCount => "SELECT 0 AS `@@session.error_count`".to_owned(),
        Listing::Engines => "SELECT ENGINE AS Engine, SUPPORT AS Support, COMMENT AS Comment, \
             TRANSACTIONS AS Transactions, XA AS XA, SAVEPOINTS AS Savepoints \
             FROM information_schema.ENGINES"
            .to_owned(),
        Listing::CharacterSets => "SELECT CHARACTER_SET_NAME AS Charset, \
             DESCRIPTION AS Description, DEFAULT_COLLATE_NAME AS `Default collation`, \
             MAXLEN AS Maxlen FROM information_schema.CHARACTER_SETS"
            .to_owned(),
        Listing::Collations => {
            "SELECT COLLATION_NAME AS Collation, CHARACTER_SET_NAME AS Charset, \
             ID AS Id, IS_DEFAULT AS `Default`, IS_COMPILED AS Compiled, SORTLEN AS Sortlen, \
             PAD_ATTRIBUTE AS Pad_attribute FROM information_schema.COLLATIONS"
                .to_owned()
        }
        Listing::Plugins => "SELECT PLUGIN_NAME AS Name, PLUGIN_STATUS AS Status, \
             PLUGIN_TYPE AS Type, PLUGIN_LIBRARY AS Library, PLUGIN_LICENSE AS License \
             FROM information_schema.PLUGINS"
            .to_owned(),
        Listing::Grants => return grants(context),
        nothing => empty(&show_empty::columns(nothing)),
    };
    (text, Vec::new())
}

fn empty(columns: &[String]) -> String {
    let columns: Vec<_> = columns
        .iter()
        .map(|name| format!("'' AS `{name}`"))
        .collect();
    format!("SELECT {} FROM DUAL WHERE FALSE", columns.join(", "))
}

fn grants(context: &SessionContext) -> (String, Vec<String>) {
    let user = quotable(&context.user);
    let text = format!("SELECT ? AS `Grants for {user}@%`");
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON `CometQL_v1`.* TO `{user}`@`%`");
    (text, vec![grant])
}

const TABLE_STATUS: &str = "SELECT TABLE_NAME AS Name, ENGINE AS Engine, VERSION AS Version, \
    ROW_FORMAT AS Row_format, TABLE_ROWS AS `Rows`, AVG_ROW_LENGTH AS Avg_row_length, \
    DATA_LENGTH AS Data_length, MAX_DATA_LENGTH AS Max_data_length, \
    INDEX_LENGTH AS Index_length, DATA_FREE AS Data_free, AUTO_INCREMENT AS Auto_increment, \
    CREATE_TIME AS Create_time, UPDATE_TIME AS Update_time, CHECK_TIME AS Check_time, \
    TABLE_COLLATION AS Collation, CHECKSUM AS Checksum, CREATE_OPTIONS AS Create_options, \
    TABLE_COMMENT AS Comment FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?";

const COLUMNS: &str = "SELECT COLUMN_NAME AS Field, COLUMN_TYPE AS Type, IS_NULLABLE AS `Null`, \
    COLUMN_KEY AS `Key`, IFNULL(COLUMN_DEFAULT, '') AS `Default`, EXTRA AS Extra \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";

const FULL_COLUMNS: &str = "SELECT COLUMN_NAME AS Field, COLUMN_TYPE AS Type, \
    COLLATION_NAME AS Collation, IS_NULLABLE AS `Null`, COLUMN_KEY AS `Key`, \
    IFNULL(COLUMN_DEFAULT, '') AS `Default`, EXTRA AS Extra, PRIVILEGES AS Privileges, \
    COLUMN_COMMENT AS Comment \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";

const INDEXES: &str = "SELECT TABLE_NAME AS `Table`, NON_UNIQUE AS Non_unique, \
    INDEX_NAME AS Key_name, SEQ_IN_INDEX AS Seq_in_index, COLUMN_NAME AS Column_name, \
    COLLATION AS Collation, CARDINALITY AS Cardinality, SUB_PART AS Sub_part, \
    PACKED AS Packed, NULLABLE AS `Null`, INDEX_TYPE AS Index_type, COMMENT AS Comment, \
    INDEX_COMMENT AS Index_comment, IS_VISIBLE AS Visible, EXPRESSION AS Expression \
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";

const CREATE_TABLE: &str = "SELECT TABLE_NAME AS `Table`, CREATE_STATEMENT AS `Create Table` \
    FROM information_schema.COMETWIRE_CREATE_TABLE WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
