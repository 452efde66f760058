//! The index, rebuilt at start by one scan of each table in arrival order.
//! What it finds must make sense: names that parse, rows in pipes that are
//! known, offsets that grow. Anything else is damage and is said to be.

use std::sync::Arc;

use pipes::name::{DevId, PipeName, UserId};
use pipes::pattern::PipePrefix;
use pipes::rules::{RuleTexts, Rules};
use pipes::settings::PipeSettings;
use rusqlite::Connection;

use crate::error::OpenError;
use crate::file::DataFile;
use crate::index::{Ids, Index, Mail, Pipe, Row};
use crate::schema;
use crate::statements::number;

/// Why the index could not be rebuilt.
#[derive(Debug)]
pub(crate) enum LoadError {
    Sql(rusqlite::Error),
    /// The file holds what this program never writes.
    Senseless(String),
}

impl LoadError {
    /// Says it of the file that was read.
    pub(crate) fn about(self, file: &DataFile) -> OpenError {
        match self {
            Self::Sql(error) => file.blame(error),
            Self::Senseless(reason) => file.damaged(reason),
        }
    }
}

impl From<rusqlite::Error> for LoadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Reads everything that is kept in memory.
pub(crate) fn index(connection: &Connection) -> Result<Index, LoadError> {
    let mut index = Index::default();
    settings(connection, &mut index)?;
    positions(connection, &mut index)?;
    let newest_message = messages(connection, &mut index)?;
    let newest_mail = mail(connection, &mut index)?;
    let limit: i64 = connection.query_row(
        "SELECT value FROM meta WHERE name = 'id_limit'",
        [],
        |row| row.get(0),
    )?;
    let last = limit.max(newest_message).max(newest_mail);
    index.set_ids(Ids { last, limit: last });
    index.keep();
    Ok(index)
}

fn settings(connection: &Connection, index: &mut Index) -> Result<(), LoadError> {
    if schema::version(connection)? < schema::VERSION_OF_RULES {
        return settings_without_rules(connection, index);
    }
    let mut select = connection.prepare(
        "SELECT dev_id, name, length, age, subscribe, publish, history, user_ids, events, rate
         FROM pipes_settings",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (dev_id, name) = owner("pipes_settings", row.get(0)?, row.get_ref(1)?.as_str())?;
        index.set_settings(dev_id, &name, Some(settings_of("pipes_settings", row)?));
        index.keep();
    }
    let mut select = connection.prepare(
        "SELECT dev_id, prefix, length, age, subscribe, publish, history, user_ids, events, rate
         FROM prefixes_settings",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let table = "prefixes_settings";
        let prefix = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let (Ok(dev_id), Ok(prefix)) = (DevId::new(row.get(0)?), PipePrefix::parse(prefix)) else {
            return Err(senseless(format!("{table}: a row is for nothing")));
        };
        index.set_prefix(dev_id, &prefix, Some(settings_of(table, row)?));
        index.keep();
    }
    Ok(())
}

/// A copy of an older version is read before it is brought up to date.
fn settings_without_rules(connection: &Connection, index: &mut Index) -> Result<(), LoadError> {
    let mut select = connection.prepare("SELECT dev_id, name, length FROM pipes_settings")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (dev_id, name) = owner("pipes_settings", row.get(0)?, row.get_ref(1)?.as_str())?;
        let settings = PipeSettings::of_length(row.get(2)?);
        index.set_settings(dev_id, &name, Some(settings));
        index.keep();
    }
    Ok(())
}

/// The settings in columns 2 to 9.
fn settings_of(table: &str, row: &rusqlite::Row<'_>) -> Result<PipeSettings, LoadError> {
    let text = |column| -> Result<&str, LoadError> {
        let text = row.get_ref(column)?.as_str();
        Ok(text.map_err(rusqlite::Error::from)?)
    };
    let texts = RuleTexts {
        subscribe: text(4)?,
        publish: text(5)?,
        history: text(6)?,
        user_ids: text(7)?,
        events: text(8)?,
        rate: row.get(9)?,
    };
    let rules = Rules::parse(&texts).map_err(|error| senseless(format!("{table}: {error}")))?;
    Ok(PipeSettings {
        length: row.get(2)?,
        age: row.get(3)?,
        rules: (!rules.is_empty()).then(|| Arc::new(rules)),
    })
}

fn positions(connection: &Connection, index: &mut Index) -> Result<(), LoadError> {
    let mut select = connection
        .prepare("SELECT dev_id, name, epoch, next_offset, last_id FROM pipes_positions")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (dev_id, name) = owner("pipes_positions", row.get(0)?, row.get_ref(1)?.as_str())?;
        let pipe = Pipe {
            epoch: number(row, 2)?,
            next_offset: number(row, 3)?,
            last_id: row.get(4)?,
            rows: Default::default(),
        };
        index.set_pipe(dev_id, &name, Some(pipe));
        index.keep();
    }
    Ok(())
}

fn messages(connection: &Connection, index: &mut Index) -> Result<i64, LoadError> {
    let mut select = connection
        .prepare("SELECT id, dev_id, name, offset, time FROM pipes_messages ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut newest = 0;
    while let Some(row) = rows.next()? {
        let (dev_id, name) = owner("pipes_messages", row.get(1)?, row.get_ref(2)?.as_str())?;
        let row = Row {
            id: row.get(0)?,
            offset: number(row, 3)?,
            time: number(row, 4)?,
        };
        let in_order = index
            .pipe(dev_id, &name)
            .is_some_and(|pipe| pipe.rows.back().is_none_or(|back| back.offset < row.offset));
        if !in_order {
            let id = row.id;
            return Err(senseless(format!("message {id} has no place in its pipe")));
        }
        // The floor that was written down may be past the newest row.
        let floor = index.pipe(dev_id, &name).map_or(1, |pipe| pipe.next_offset);
        index.push_row(dev_id, &name, row);
        index.raise_next_offset(dev_id, &name, floor);
        index.keep();
        newest = row.id;
    }
    Ok(newest)
}

fn mail(connection: &Connection, index: &mut Index) -> Result<i64, LoadError> {
    let mut select =
        connection.prepare("SELECT id, dev_id, user_id, time FROM users_messages ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut newest = 0;
    while let Some(row) = rows.next()? {
        let (Ok(dev_id), Ok(user)) = (DevId::new(row.get(1)?), UserId::new(row.get(2)?)) else {
            return Err(senseless("a private message is for nobody".to_owned()));
        };
        let mail = Mail {
            id: row.get(0)?,
            time: number(row, 3)?,
        };
        index.push_mail(dev_id, user, mail);
        index.keep();
        newest = mail.id;
    }
    Ok(newest)
}

fn owner(
    table: &str,
    dev_id: u32,
    name: Result<&str, rusqlite::types::FromSqlError>,
) -> Result<(DevId, PipeName), LoadError> {
    let name = name.map_err(rusqlite::Error::from)?;
    match (DevId::new(dev_id), PipeName::parse(name)) {
        (Ok(dev_id), Ok(name)) => Ok((dev_id, name)),
        (Err(error), _) | (_, Err(error)) => Err(senseless(format!("{table}: {error}"))),
    }
}

fn senseless(what: String) -> LoadError {
    LoadError::Senseless(what)
}
