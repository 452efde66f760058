//! One file of ours: connecting to it, what its errors mean, and the checks that
//! tell a good one from one that is truncated, damaged, another program's or a
//! newer version's. Who owns the directory it lies in is `directory`'s.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;
use crate::schema;

/// How long the tables may be locked by a person with the `sqlite3` tool.
const BUSY: Duration = Duration::from_secs(5);

/// Where a file of ours is, or should be.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
}

impl DataFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// A file beside it: the log, or the memory SQLite shares between processes.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        beside(&self.path, suffix)
    }

    /// Says what an error of SQLite's at start means.
    pub(crate) fn blame(&self, error: rusqlite::Error) -> OpenError {
        use rusqlite::ErrorCode::{
            DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase,
        };
        let path = || self.path.clone();
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
            path: self.path.clone(),
            reason,
        }
    }

    pub(crate) fn failed(&self, error: impl ToString) -> OpenError {
        OpenError::Failed {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }

    /// A connection in the given mode.
    pub(crate) fn connect(&self, mode: OpenFlags) -> Result<Connection, OpenError> {
        let open = || {
            let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(BUSY)?;
            connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
            Ok(connection)
        };
        open().map_err(|error| self.blame(error))
    }

    /// A connection to a file that nobody changes, which leaves nothing beside it.
    pub(crate) fn connect_unchanging(&self) -> Result<Connection, OpenError> {
        let uri = format!("file:{}?immutable=1", escaped(&self.path));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(uri, flags)?;
            connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
            Ok(connection)
        };
        open().map_err(|error| self.blame(error))
    }

    /// Whether closing `connection` leaves the log where it is.
    pub(crate) fn keep_log_on_close(
        &self,
        connection: &Connection,
        keep: bool,
    ) -> Result<(), OpenError> {
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
            .map(|_| ())
            .map_err(|error| self.blame(error))
    }

    /// The file's length, and whether pages are missing that its log may have;
    /// nothing if there is no file yet.
    pub(crate) fn find(&self) -> Result<Option<(u64, bool)>, OpenError> {
        let log = self.beside("-wal");
        let log_length = length(&log).map_err(|error| self.failed(error))?;
        match length(&self.path).map_err(|error| self.failed(error))? {
            None if log_length.is_some_and(|length| length > 0) => Err(OpenError::LogWithoutFile {
                path: self.path.clone(),
                log,
            }),
            None => Ok(None),
            Some(length) => {
                let missing = self.check_header(length, log_length.unwrap_or(0))?;
                Ok(Some((length, missing)))
            }
        }
    }

    /// Whether pages are missing that the log may have. The header must be one
    /// of a database, and the file as long as it says.
    fn check_header(&self, length: u64, log_length: u64) -> Result<bool, OpenError> {
        if length == 0 {
            return Err(OpenError::Empty {
                path: self.path.clone(),
            });
        }
        let mut header = [0; 100];
        let read = File::open(&self.path).and_then(|mut file| file.read_exact(&mut header));
        match read {
            Ok(()) => (),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => header = [0; 100],
            Err(error) => return Err(self.failed(error)),
        }
        let Some((page, pages)) = page_size_and_count(&header) else {
            return Err(OpenError::NotADatabase {
                path: self.path.clone(),
            });
        };
        let expected = page * pages;
        let missing = expected.saturating_sub(length);
        // A log is a header of 32 bytes, then pages with 24 bytes before each.
        let in_log = log_length.saturating_sub(32) / (page + 24);
        if missing.div_ceil(page) > in_log {
            return Err(OpenError::Truncated {
                path: self.path.clone(),
                length,
                expected,
            });
        }
        Ok(missing > 0)
    }

    /// Whether the file is ours and of a version this program knows.
    pub(crate) fn check_owner(&self, connection: &Connection) -> Result<(), OpenError> {
        let owner = schema::application_id(connection).map_err(|error| self.blame(error))?;
        if owner != schema::APPLICATION_ID {
            return Err(OpenError::Foreign {
                path: self.path.clone(),
            });
        }
        let found = schema::version(connection).map_err(|error| self.blame(error))?;
        let known = schema::known_version();
        if found > known {
            return Err(OpenError::Newer {
                path: self.path.clone(),
                found,
                known,
            });
        }
        Ok(())
    }

    /// Whether every page makes sense; `thoroughly` also that indexes and rows agree.
    pub(crate) fn check_pages(
        &self,
        connection: &Connection,
        thoroughly: bool,
    ) -> Result<(), OpenError> {
        let check = if thoroughly {
            "PRAGMA integrity_check(1)"
        } else {
            "PRAGMA quick_check(1)"
        };
        let verdict: String = connection
            .query_row(check, [], |row| row.get(0))
            .map_err(|error| self.blame(error))?;
        match verdict.as_str() {
            "ok" => Ok(()),
            // A headline may stand before what is wrong.
            _ => Err(self.damaged(verdict.lines().last().unwrap_or_default().to_owned())),
        }
    }
}

/// A path as a part of a URI.
fn escaped(path: &Path) -> String {
    let mut escaped = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            escaped.push(char::from(*byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
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

pub(crate) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(suffix);
    path.into()
}
