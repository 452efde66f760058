//! The data directory: taken by one process, readable by its owner only. The
//! file is made under another name and renamed when it is complete, so a file
//! of ours is never empty: one that is was damaged, and is refused like any
//! other damage. What lives inside the file is `schema`'s and `load`'s.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::config::Config;
use crate::error::OpenError;
use crate::schema;
use crate::statements::number;

const FILE: &str = "cometwire.db";
const NEW_FILE: &str = "cometwire.db.new";
const LOCK_FILE: &str = "cometwire.lock";
/// How long the tables may be locked by a person with the `sqlite3` tool.
const BUSY: Duration = Duration::from_secs(5);

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    file: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be, and takes it.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let not_writable = |source| OpenError::NotWritable {
            path: path.to_owned(),
            source,
        };
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => (),
            Ok(_) => {
                return Err(OpenError::NotADirectory {
                    path: path.to_owned(),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_directory(path).map_err(not_writable)?;
            }
            Err(error) => return Err(not_writable(error)),
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = open_private(&mut options, &path.join(LOCK_FILE)).map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                file: path.join(FILE),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(not_writable(error)),
        }
    }

    /// The writer's connection to a checked file of the version this program knows.
    pub(crate) fn open(&self, config: &Config) -> Result<Connection, OpenError> {
        let log = beside(&self.file, "-wal");
        let log_length = length(&log).map_err(|error| self.failed(error))?;
        let must_check = match length(&self.file).map_err(|error| self.failed(error))? {
            None if log_length.is_some_and(|length| length > 0) => {
                return Err(OpenError::LogWithoutFile {
                    path: self.file.clone(),
                    log,
                });
            }
            None => {
                self.create()?;
                false
            }
            Some(length) => {
                let missing = self.check_header(length, log_length.unwrap_or(0))?;
                missing || length <= config.full_check_bytes
            }
        };
        for file in [self.file.clone(), log, beside(&self.file, "-shm")] {
            make_private(&file).map_err(|source| OpenError::NotWritable {
                path: self.file.parent().unwrap_or(&self.file).to_owned(),
                source,
            })?;
        }
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.keep_log_on_close(&connection, true)?;
        self.check_owner(&connection)?;
        if must_check {
            self.check_pages(&connection)?;
        }
        self.configure(&connection, config)
            .and_then(|()| schema::migrate(&mut connection))
            .map_err(|error| self.blame(error))?;
        Ok(connection)
    }

    /// The writer's connection has been found good: closing it may move the log
    /// into the file. Until then a refused file and its log stay as they were.
    pub(crate) fn accept(&self, connection: &Connection) -> Result<(), OpenError> {
        self.keep_log_on_close(connection, false)
    }

    /// Another writing connection, for checkpoints.
    pub(crate) fn checkpoint_connection(&self) -> Result<Connection, OpenError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")
            .map_err(|error| self.blame(error))?;
        Ok(connection)
    }

    /// A connection that can only read.
    pub(crate) fn reading_connection(&self, cache_bytes: usize) -> Result<Connection, OpenError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection
            .execute_batch(&format!(
                "PRAGMA query_only = ON; PRAGMA cache_size = -{};",
                cache_bytes / 1024
            ))
            .map_err(|error| self.blame(error))?;
        Ok(connection)
    }

    /// Says what an error of SQLite's at start means.
    pub(crate) fn blame(&self, error: rusqlite::Error) -> OpenError {
        use rusqlite::ErrorCode::{
            DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase,
        };
        let path = || self.file.clone();
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt) => self.damaged(error.to_string()),
            Some(NotADatabase) => OpenError::NotADatabase { path: path() },
            Some(DatabaseBusy | DatabaseLocked) => OpenError::Locked { path: path() },
            Some(DiskFull) => OpenError::DiskFull { path: path() },
            _ => self.failed(error),
        }
    }

    pub(crate) fn damaged(&self, reason: String) -> OpenError {
        OpenError::Damaged {
            path: self.file.clone(),
            reason,
        }
    }

    fn failed(&self, error: impl ToString) -> OpenError {
        OpenError::Failed {
            path: self.file.clone(),
            reason: error.to_string(),
        }
    }

    fn connect(&self, mode: OpenFlags) -> Result<Connection, OpenError> {
        let open = || {
            let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.file, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
            Ok(connection)
        };
        open().map_err(|error| self.blame(error))
    }

    fn keep_log_on_close(&self, connection: &Connection, keep: bool) -> Result<(), OpenError> {
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
            .map(|_| ())
            .map_err(|error| self.blame(error))
    }

    fn configure(&self, connection: &Connection, config: &Config) -> rusqlite::Result<()> {
        let journal: String =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if journal != "wal" {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                Some(format!("the journal mode stays {journal}, wal is needed")),
            ));
        }
        let page: u64 = connection.query_row("PRAGMA page_size", [], |row| number(row, 0))?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA wal_autocheckpoint = 0;
             PRAGMA cache_size = -{}; PRAGMA journal_size_limit = {};",
            config.cache_bytes / 1024,
            u64::from(config.checkpoint_pages) * 2 * page,
        ))?;
        if config.max_file_bytes > 0 {
            let pages = (config.max_file_bytes / page).max(1);
            connection.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
        }
        Ok(())
    }

    /// Makes a complete file under another name, then names it.
    fn create(&self) -> Result<(), OpenError> {
        let not_writable = |source| OpenError::NotWritable {
            path: self.file.parent().unwrap_or(&self.file).to_owned(),
            source,
        };
        let new = self.file.with_file_name(NEW_FILE);
        for leftover in ["", "-wal", "-shm", "-journal"] {
            match fs::remove_file(beside(&new, leftover)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(not_writable(error));
                }
                _ => (),
            }
        }
        let mut options = OpenOptions::new();
        let file =
            open_private(options.create_new(true).write(true), &new).map_err(not_writable)?;
        let fill = || {
            let mut connection = Connection::open(&new)?;
            connection.execute_batch("PRAGMA encoding = 'UTF-8'; PRAGMA page_size = 4096;")?;
            schema::migrate(&mut connection)?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().map_err(|error| self.blame(error))?;
        let name_it = || {
            file.sync_all()?;
            fs::rename(&new, &self.file)?;
            sync_directory(&self.file)
        };
        name_it().map_err(not_writable)
    }

    /// Whether pages are missing that the log may have. The header must be one
    /// of a database, and the file as long as it says.
    fn check_header(&self, length: u64, log_length: u64) -> Result<bool, OpenError> {
        if length == 0 {
            return Err(OpenError::Empty {
                path: self.file.clone(),
            });
        }
        let mut header = [0; 100];
        let read = File::open(&self.file).and_then(|mut file| file.read_exact(&mut header));
        match read {
            Ok(()) => (),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => header = [0; 100],
            Err(error) => return Err(self.failed(error)),
        }
        let Some((page, pages)) = page_size_and_count(&header) else {
            return Err(OpenError::NotADatabase {
                path: self.file.clone(),
            });
        };
        let expected = page * pages;
        let missing = expected.saturating_sub(length);
        // A log is a header of 32 bytes, then pages with 24 bytes before each.
        let in_log = log_length.saturating_sub(32) / (page + 24);
        if missing.div_ceil(page) > in_log {
            return Err(OpenError::Truncated {
                path: self.file.clone(),
                length,
                expected,
            });
        }
        Ok(missing > 0)
    }

    fn check_owner(&self, connection: &Connection) -> Result<(), OpenError> {
        let owner = schema::application_id(connection).map_err(|error| self.blame(error))?;
        if owner != schema::APPLICATION_ID {
            return Err(OpenError::Foreign {
                path: self.file.clone(),
            });
        }
        let found = schema::version(connection).map_err(|error| self.blame(error))?;
        let known = schema::known_version();
        if found > known {
            return Err(OpenError::Newer {
                path: self.file.clone(),
                found,
                known,
            });
        }
        Ok(())
    }

    fn check_pages(&self, connection: &Connection) -> Result<(), OpenError> {
        let verdict: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| self.blame(error))?;
        match verdict.as_str() {
            "ok" => Ok(()),
            // A headline may stand before what is wrong.
            _ => Err(self.damaged(verdict.lines().last().unwrap_or_default().to_owned())),
        }
    }
}

/// From the header of SQLite's file format, §1.3; `None` if it is none.
fn page_size_and_count(header: &[u8; 100]) -> Option<(u64, u64)> {
    let number = |at: usize| {
        let bytes = header.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let page = match number(16)? >> 16 {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        _ => return None,
    };
    let count_is_valid = number(24)? == number(92)?;
    Some((
        page,
        if count_is_valid {
            u64::from(number(28)?)
        } else {
            1
        },
    ))
}

fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(suffix);
    path.into()
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Access keys are in the file: nobody but its owner may read it, even if it
/// was copied here with other rights.
fn make_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        match fs::metadata(path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            }
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// A new name is durable only when its directory is.
fn sync_directory(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = file.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
