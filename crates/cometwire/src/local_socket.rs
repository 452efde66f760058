//! The Unix socket for backends on the same machine: made at the start, removed
//! at the stop, and never taken from a server that still answers on it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Who may connect: everybody on this machine, as with MySQL's own socket. The
/// key decides who gets in; a private directory keeps the others from knocking.
const MODE: u32 = 0o666;

/// The file of a listening Unix socket; it is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode: the file may have been replaced by another server's.
    identity: (u64, u64),
}

/// Listens at `path`. A socket there that nobody answers on is left over from a
/// crash and replaced.
///
/// # Errors
/// One sentence: something else is there, another program answers, or the
/// system refuses.
pub(crate) fn listen(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    let refused = |reason: &str| {
        let shown = path.display();
        format!(
            "cannot listen on {shown} for CometQL: {reason}; choose another with --cometql-socket PATH"
        )
    };
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(refused("something that is no socket is there"));
        }
        match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(|error| refused(&error.to_string()))?;
            }
            Err(error) => return Err(refused(&error.to_string())),
            Ok(_) => return Err(refused("another program answers there")),
        }
    }
    let listener = UnixListener::bind(path).map_err(|error| refused(&error.to_string()))?;
    let made = fs::set_permissions(path, Permissions::from_mode(MODE))
        .and_then(|()| fs::symlink_metadata(path))
        .map_err(|error| refused(&error.to_string()))?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: (made.dev(), made.ino()),
    };
    Ok((listener, file))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "socket_not_removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_open_to_the_machine_and_removed_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cometql.sock");
        let (listener, file) = listen(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o666);
        let error = listen(&path).unwrap_err();
        assert!(error.contains("another program answers"), "{error}");
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_crash_left_is_replaced_and_anything_else_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cometql.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (_listener, file) = listen(&path).unwrap();
        drop(file);
        fs::write(&path, "a file").unwrap();
        let error = listen(&path).unwrap_err();
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"a file");
    }

    #[tokio::test]
    async fn a_socket_that_another_server_made_since_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cometql.sock");
        let (_first, file) = listen(&path).unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        let _second = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists());
    }
}
