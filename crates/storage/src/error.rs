//! Why a store cannot be opened: one sentence each, saying what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a store cannot be opened. Nothing is ever opened empty in place of
/// something that was there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The path is something else than a directory.
    #[error("the data directory {} is not a directory; name another one", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// Files cannot be made or opened there.
    #[error("the data directory {} cannot be written: {source}; check its owner, its mode and its disk", path.display())]
    NotWritable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the directory.
    #[error("the data directory {} is in use by another process; stop that one or name another directory", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is there and has no bytes.
    #[error("{} is empty (0 bytes), which is what is left after a failed copy or a full disk; restore it from a backup, or move it away to start empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file does not begin as a database does.
    #[error("{} is not a database, or its header is damaged; restore it from a backup, or move it away to start empty", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is shorter than its header says.
    #[error("{} is truncated: it has {length} bytes of {expected}; restore it from a backup, or move it away to start empty", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The length it should have, in bytes.
        expected: u64,
    },
    /// The file is a database that contradicts itself.
    #[error("{} is damaged ({reason}); restore it from a backup, or save what can be saved with `sqlite3 {} .recover` and move it away to start empty", path.display(), path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is a database of another program.
    #[error("{} is a database of another program; name another data directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("{} has schema version {found}, this program knows up to {known}; use the version that wrote it, or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The file is gone but its log is there.
    #[error("{} is missing but its log {} is there; restore both from a backup, or move the log away to start empty", path.display(), log.display())]
    LogWithoutFile {
        /// The missing file.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// A restore into the directory was cut off.
    #[error("a restore into {} was not finished; run it again: cometwire restore FILE --data {} --replace", path.display(), path.display())]
    HalfRestored {
        /// The directory.
        path: PathBuf,
    },
    /// Another program keeps the file's tables locked.
    #[error("{} is locked by another program; close it, such as a sqlite3 prompt with an open transaction, and start again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The disk has no room for what a start has to write.
    #[error("{} cannot be opened because its disk is full; make room and start again", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read or prepared.
    #[error("{} cannot be opened: {reason}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system said.
        reason: String,
    },
    /// The system would not start a thread.
    #[error("the store's threads cannot be started: {0}")]
    Thread(io::Error),
}
