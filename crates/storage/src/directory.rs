//! The data directory: taken by one process, readable by its owner only. The
//! file is made under another name and renamed when it is complete, so a file
//! of ours is never empty: one that is was damaged, and is refused like any
//! other damage. What lives inside the file is `schema`'s and `load`'s.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::config::Config;
use crate::error::OpenError;
use crate::file::{DataFile, beside};
use crate::reserve::Reserve;
use crate::schema;
use crate::statements::number;

pub(crate) const FILE: &str = "cometwire.db";
const NEW_FILE: &str = "cometwire.db.new";
const LOCK_FILE: &str = "cometwire.lock";
/// The bytes of a page of files that are made here.
const PAGE: u64 = 4096;
/// There while a restore puts another file in place.
const RESTORING: &str = "cometwire.restoring";

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) file: DataFile,
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
                file: DataFile::new(path.join(FILE)),
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
        if self.restoring().exists() {
            return Err(OpenError::HalfRestored { path: self.path() });
        }
        let must_check = match self.file.find()? {
            None => {
                self.create()?;
                false
            }
            Some((length, missing)) => missing || length <= config.full_check_bytes,
        };
        let files = ["-wal", "-shm"].map(|suffix| self.file.beside(suffix));
        for file in [self.file.path.clone()].iter().chain(&files) {
            make_private(file).map_err(|error| self.not_writable(error))?;
        }
        let mut connection = self.file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        self.file.keep_log_on_close(&connection, true)?;
        self.file.check_owner(&connection)?;
        if must_check {
            self.file.check_pages(&connection, false)?;
        }
        self.configure(&connection, config)
            .and_then(|()| schema::migrate(&mut connection))
            .map_err(|error| self.file.blame(error))?;
        Ok(connection)
    }

    /// The writer's connection has been found good: closing it may move the log
    /// into the file. Until then a refused file and its log stay as they were.
    pub(crate) fn accept(&self, connection: &Connection) -> Result<(), OpenError> {
        self.file.keep_log_on_close(connection, false)
    }

    /// Another writing connection, for checkpoints.
    pub(crate) fn checkpoint_connection(&self) -> Result<Connection, OpenError> {
        let connection = self.file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")
            .map_err(|error| self.file.blame(error))?;
        Ok(connection)
    }

    /// Room for the log that `checkpoint` may make.
    pub(crate) fn reserve(&self, config: &Config) -> Reserve {
        Reserve::new(self.file.beside("-wal"), log_limit(config, PAGE))
    }

    /// A connection that can only read.
    pub(crate) fn reading_connection(&self, cache_bytes: usize) -> Result<Connection, OpenError> {
        let connection = self.file.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection
            .execute_batch(&format!(
                "PRAGMA query_only = ON; PRAGMA cache_size = -{};",
                cache_bytes / 1024
            ))
            .map_err(|error| self.file.blame(error))?;
        Ok(connection)
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
            log_limit(config, page),
        ))?;
        if config.max_file_bytes > 0 {
            let pages = (config.max_file_bytes / page).max(1);
            connection.execute_batch(&format!("PRAGMA max_page_count = {pages};"))?;
        }
        Ok(())
    }

    /// Makes a complete file under another name, then names it.
    fn create(&self) -> Result<(), OpenError> {
        let (new, file) = self.new_file()?;
        let fill = || {
            let mut connection = Connection::open(&new)?;
            connection.execute_batch(&format!(
                "PRAGMA encoding = 'UTF-8'; PRAGMA page_size = {PAGE};"
            ))?;
            schema::migrate(&mut connection)?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.close().map_err(|(_, error)| error)
        };
        fill().map_err(|error| self.file.blame(error))?;
        self.name(&new, &file)
            .map_err(|error| self.not_writable(error))
    }

    /// An empty file of another name, for its owner only, to become ours when it is complete.
    pub(crate) fn new_file(&self) -> Result<(PathBuf, File), OpenError> {
        let new = self.file.path.with_file_name(NEW_FILE);
        for leftover in ["", "-wal", "-shm", "-journal"] {
            remove(&beside(&new, leftover)).map_err(|error| self.not_writable(error))?;
        }
        let mut options = OpenOptions::new();
        let file = open_private(options.create_new(true).write(true), &new)
            .map_err(|error| self.not_writable(error))?;
        Ok((new, file))
    }

    /// Gives a complete new file its name, durably.
    fn name(&self, new: &Path, file: &File) -> io::Result<()> {
        file.sync_all()?;
        fs::rename(new, &self.file.path)?;
        sync_directory(&self.file.path)
    }

    /// Puts a complete new file in the place of whatever there is, which goes into a
    /// directory of its own: given back if there was something. A crash on the
    /// way leaves a mark, and nothing starts from what is half done.
    pub(crate) fn replace(&self, new: &Path, file: &File) -> Result<Option<PathBuf>, OpenError> {
        let replace = || {
            let mark = self.restoring();
            File::create(&mark)?.sync_all()?;
            sync_directory(&self.file.path)?;
            let old = self.move_aside()?;
            self.name(new, file)?;
            fs::remove_file(&mark)?;
            sync_directory(&self.file.path)?;
            Ok(old)
        };
        replace().map_err(|error| self.not_writable(error))
    }

    fn move_aside(&self) -> io::Result<Option<PathBuf>> {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
        let seconds = now.map_or(0, |since| since.as_secs());
        let aside = self.path().join(format!("replaced-{seconds}"));
        let mut is_something = false;
        for suffix in ["-wal", ""] {
            let file = self.file.beside(suffix);
            if let (true, Some(name)) = (file.exists(), file.file_name()) {
                make_directory(&aside)?;
                fs::rename(&file, aside.join(name))?;
                is_something = true;
            }
        }
        remove(&self.file.beside("-shm"))?;
        Ok(is_something.then_some(aside))
    }

    /// Whether there is a store, or what is left of one.
    pub(crate) fn is_taken(&self) -> bool {
        self.restoring().exists()
            || ["", "-wal"]
                .iter()
                .any(|suffix| self.file.beside(suffix).exists())
    }

    fn restoring(&self) -> PathBuf {
        self.file.path.with_file_name(RESTORING)
    }

    fn path(&self) -> PathBuf {
        let parent = self.file.path.parent();
        parent.unwrap_or(&self.file.path).to_owned()
    }

    fn not_writable(&self, source: io::Error) -> OpenError {
        OpenError::NotWritable {
            path: self.path(),
            source,
        }
    }
}

/// The bytes a log keeps when it begins anew.
fn log_limit(config: &Config, page: u64) -> u64 {
    u64::from(config.checkpoint_pages) * 2 * page
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// For its owner only.
pub(crate) fn open_private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
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
pub(crate) fn sync_directory(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = file.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}
