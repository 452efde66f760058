//! Copies of a store: made while a server runs, checked, put back. A copy is one
//! SQLite file without a log. Putting one back turns the clock back, and whoever
//! counts on the store going forward must notice: every pipe gets a new epoch, and
//! ids that were given after the copy was made are not given again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use crate::apply::MAX_EPOCH;
use crate::directory::{Directory, FILE, open_private, sync_directory};
use crate::error::OpenError;
use crate::file::{DataFile, beside};
use crate::load;
use crate::schema;

/// How many ids are left out after a restore: more than any server gives between
/// two backups.
const SKIPPED_IDS: i64 = 1 << 40;

/// What a store or a copy of one holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The file that was looked at.
    pub file: PathBuf,
    /// Its schema version.
    pub schema_version: i64,
    /// Messages in histories.
    pub messages: u64,
    /// Pipes with settings.
    pub settings: u64,
    /// Private messages that wait.
    pub private_messages: u64,
    /// Users with a key.
    pub keys: u64,
}

/// What a restore did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Restored {
    /// What is in the data directory now.
    pub contents: Contents,
    /// Where the store went that was there before.
    pub replaced: Option<PathBuf>,
}

/// Why a copy cannot be made, read or put back: one sentence each.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The store or the copy is not as it should be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing of that name.
    #[error("{} is not there; name the data directory of a server, or a backup", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A backup never overwrites.
    #[error("{} is there already; a backup does not overwrite, name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The copy could not be written.
    #[error("{} cannot be written: {source}; check the directory, its owner and its disk", path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy could not be filled.
    #[error("{} cannot be written: {reason}; check the disk", path.display())]
    NotFilled {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// There is a store in the directory.
    #[error("{} has a store already; name an empty directory, or say --replace to put the old store aside", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The file has a log beside it, so part of it is elsewhere.
    #[error("{} has a log {} beside it, so it is part of a data directory and no backup; make one with cometwire backup", path.display(), log.display())]
    HasLog {
        /// The file.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
}

/// Copies the store in `directory` into the new file `target`, as it is at one
/// moment, while a server may go on writing to it. The copy is checked, synced
/// and readable by its owner only.
///
/// # Errors
/// [`CopyError`]; then nothing is left at `target`.
pub fn back_up(directory: &Path, target: &Path) -> Result<Contents, CopyError> {
    let (_, connection) = open_store(directory)?;
    if target.exists() {
        return Err(CopyError::Exists {
            path: target.to_owned(),
        });
    }
    let unfinished = DataFile::new(beside(target, ".unfinished"));
    let copied = copy_into(&connection, &unfinished).and_then(|()| {
        let contents = inspect_unchanging(&unfinished)?;
        name(&unfinished.path, target).map_err(|source| not_written(target, source))?;
        Ok(contents)
    });
    // Its second name when all went well, what is left of it otherwise.
    let _ = fs::remove_file(&unfinished.path);
    drop(connection);
    Ok(Contents {
        file: target.to_owned(),
        ..copied?
    })
}

/// Puts the copy `copy` into `directory` as its store. One that is there already is
/// refused, or put aside if `replace` says so.
///
/// # Errors
/// [`CopyError`]; what was in the directory is still there.
pub fn restore(copy: &Path, directory: &Path, replace: bool) -> Result<Restored, CopyError> {
    let contents = inspect_copy(copy)?;
    let target = Directory::take(directory)?;
    if target.is_taken() && !replace {
        return Err(CopyError::NotEmpty {
            path: directory.to_owned(),
        });
    }
    let (new, mut file) = target.new_file()?;
    let copied = File::open(copy).and_then(|mut copy| io::copy(&mut copy, &mut file));
    copied.map_err(|source| not_written(&new, source))?;
    let new = DataFile::new(new);
    break_continuity(&new)?;
    let replaced = target.replace(&new.path, &file)?;
    Ok(Restored {
        contents: Contents {
            file: target.file.path.clone(),
            ..contents
        },
        replaced,
    })
}

/// Checks every page of the store in `directory`, and that its messages have their
/// places; a server may use it meanwhile.
///
/// # Errors
/// [`CopyError`] says what is wrong.
pub fn check(directory: &Path) -> Result<Contents, CopyError> {
    let (file, connection) = open_store(directory)?;
    inspect(&file, &connection)
}

/// Checks a copy as [`check`] does a store.
///
/// # Errors
/// [`CopyError`] says what is wrong.
pub fn inspect_copy(copy: &Path) -> Result<Contents, CopyError> {
    let file = DataFile::new(copy.to_owned());
    let log = file.beside("-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(CopyError::HasLog {
            path: copy.to_owned(),
            log,
        });
    }
    inspect_unchanging(&file)
}

/// The store of a directory, for reading; closing it leaves the log alone.
fn open_store(directory: &Path) -> Result<(DataFile, Connection), CopyError> {
    let file = DataFile::new(directory.join(FILE));
    if file.find()?.is_none() {
        return Err(CopyError::Missing { path: file.path });
    }
    // Reading a log that a crash left needs the right to write, though not to the tables.
    let connection = file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    file.keep_log_on_close(&connection, true)?;
    connection
        .execute_batch("PRAGMA query_only = ON")
        .map_err(|error| file.blame(error))?;
    file.check_owner(&connection)?;
    Ok((file, connection))
}

fn inspect_unchanging(file: &DataFile) -> Result<Contents, CopyError> {
    if file.find()?.is_none() {
        return Err(CopyError::Missing {
            path: file.path.clone(),
        });
    }
    let connection = file.connect_unchanging()?;
    inspect(file, &connection)
}

fn inspect(file: &DataFile, connection: &Connection) -> Result<Contents, CopyError> {
    file.check_owner(connection)?;
    let look = || {
        // All of it at one moment, whoever writes meanwhile.
        connection.execute_batch("BEGIN")?;
        schema::version(connection)
    };
    let schema_version = look().map_err(|error| file.blame(error))?;
    file.check_pages(connection, true)?;
    load::index(connection).map_err(|error| error.about(file))?;
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: rusqlite::Result<i64> = connection.query_row(&sql, [], |row| row.get(0));
        count.map_err(|error| file.blame(error))
    };
    let count = |table| count(table).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Contents {
        file: file.path.clone(),
        schema_version,
        messages: count("pipes_messages")?,
        settings: count("pipes_settings")?,
        private_messages: count("users_messages")?,
        keys: count("users_auth")?,
    })
}

/// Fills a new file for its owner only with all that is in the store now.
fn copy_into(store: &Connection, unfinished: &DataFile) -> Result<(), CopyError> {
    let path = &unfinished.path;
    let written = |source| not_written(path, source);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(written(error)),
        _ => (),
    }
    let mut options = OpenOptions::new();
    let file = open_private(options.create_new(true).write(true), path).map_err(written)?;
    let name = path.to_str().ok_or_else(|| {
        let reason = "its name is not UTF-8";
        not_written(path, io::Error::new(io::ErrorKind::InvalidInput, reason))
    })?;
    // Into a file that is there and empty; as nothing but this makes it, no link is followed.
    store
        .execute_batch("PRAGMA query_only = OFF")
        .and_then(|()| store.execute("VACUUM INTO ?", [name]).map(|_| ()))
        .map_err(|error| CopyError::NotFilled {
            path: path.clone(),
            reason: error.to_string(),
        })?;
    file.sync_all().map_err(written)
}

/// Gives the finished copy its name, if nothing else has taken it meanwhile.
fn name(unfinished: &Path, target: &Path) -> io::Result<()> {
    fs::hard_link(unfinished, target)
        .or_else(|_| match target.exists() {
            // Some file systems know no links.
            false => fs::rename(unfinished, target),
            true => Err(io::ErrorKind::AlreadyExists.into()),
        })
        .and_then(|()| sync_directory(target))
}

fn break_continuity(file: &DataFile) -> Result<(), OpenError> {
    let connection = file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let break_it = || {
        let step = connection.unchecked_transaction()?;
        step.execute(
            "UPDATE pipes_positions SET epoch = 1 + abs(random() % ?)",
            [i64::try_from(MAX_EPOCH).unwrap_or(i64::MAX)],
        )?;
        step.execute(
            "UPDATE meta SET value = ? + max(value, (SELECT ifnull(max(id), 0) FROM pipes_messages),
                 (SELECT ifnull(max(id), 0) FROM users_messages))
             WHERE name = 'id_limit'",
            [SKIPPED_IDS],
        )?;
        step.commit()
    };
    break_it().map_err(|error| file.blame(error))?;
    connection.close().map_err(|(_, error)| file.blame(error))
}

fn not_written(path: &Path, source: io::Error) -> CopyError {
    CopyError::NotWritten {
        path: path.to_owned(),
        source,
    }
}
