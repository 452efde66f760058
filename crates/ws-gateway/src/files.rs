//! Static files from a directory of the operator's: only known extensions, never
//! hidden files, never outside the directory, links included. However many are sent
//! one at the same time, and however slowly they read, it is in memory once.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task;

/// The largest file served.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Content types by extension; other files are not served.
const CONTENT_TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=UTF-8"),
    ("gif", "image/gif"),
    ("html", "text/html; charset=UTF-8"),
    ("ico", "image/x-icon"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=UTF-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("mjs", "text/javascript; charset=UTF-8"),
    ("mts", "text/plain; charset=UTF-8"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ts", "text/plain; charset=UTF-8"),
    ("txt", "text/plain; charset=UTF-8"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
];

/// The content type of a file by its name's extension, if it may be served.
pub(crate) fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    CONTENT_TYPES
        .iter()
        .find(|(known, _)| *known == extension)
        .map(|(_, content_type)| *content_type)
}

/// The files that are being sent.
#[derive(Default)]
pub(crate) struct Files {
    open: Mutex<HashMap<PathBuf, Open>>,
}

/// A file that is being sent, as long as it is.
struct Open {
    content: Weak<[u8]>,
    state: State,
}

/// What tells one content of a file from the next.
#[derive(PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

/// Shared by all answers with the same file.
struct Shared(Arc<[u8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Files {
    /// The file at a URL path, if there is one that may be served.
    pub(crate) async fn read(
        self: &Arc<Self>,
        directory: &Path,
        url_path: &str,
    ) -> Option<(&'static str, Bytes)> {
        let content_type = content_type(url_path)?;
        let file = locate(url_path)?;
        let directory = directory.to_owned();
        let files = Arc::clone(self);
        let read = task::spawn_blocking(move || files.read_inside(&directory, &file));
        let content = read.await.ok()??;
        Some((content_type, Bytes::from_owner(Shared(content))))
    }

    fn read_inside(&self, directory: &Path, file: &Path) -> Option<Arc<[u8]>> {
        let root = directory.canonicalize().ok()?;
        let found = root.join(file).canonicalize().ok()?;
        let metadata = found.metadata().ok()?;
        if !found.starts_with(&root) || !metadata.is_file() || metadata.len() > MAX_FILE {
            return None;
        }
        // Held while it is read: who wants the same file waits and shares it.
        let mut open = self.open.lock();
        let state = State::of(&metadata);
        let known = open.get(&found).filter(|known| known.state == state);
        if let Some(content) = known.and_then(|known| known.content.upgrade()) {
            return Some(content);
        }
        let content: Arc<[u8]> = std::fs::read(&found).ok()?.into();
        open.retain(|_, known| known.content.strong_count() > 0);
        let entry = Open {
            content: Arc::downgrade(&content),
            state,
        };
        open.insert(found, entry);
        Some(content)
    }
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

fn locate(url_path: &str) -> Option<PathBuf> {
    let relative = url_path.strip_prefix('/')?;
    let parts = relative.split('/');
    let mut file = PathBuf::new();
    for part in parts {
        if part.is_empty() || part.starts_with('.') || part.contains(['\\', '\0', '%']) {
            return None;
        }
        file.push(part);
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_inside_the_directory_are_located() {
        assert!(locate("/js/app.js").is_some());
        for path in [
            "/../x.js",
            "/.git/config",
            "//x.js",
            "/a/%2e%2e/x.js",
            "/a\\b.js",
        ] {
            assert!(locate(path).is_none(), "{path}");
        }
        assert!(content_type("/secret.pem").is_none());
    }

    #[tokio::test]
    async fn links_out_of_the_directory_are_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("x.txt"), "secret").unwrap();
        std::fs::write(inside.path().join("y.txt"), "public").unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.txt"), inside.path().join("x.txt"))
            .unwrap();
        let files = Arc::<Files>::default();
        assert!(files.read(inside.path(), "/x.txt").await.is_none());
        let (_, public) = files.read(inside.path(), "/y.txt").await.unwrap();
        assert_eq!(public, "public");
    }

    #[tokio::test]
    async fn a_file_is_in_memory_once_while_it_is_sent_and_read_anew_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.txt");
        std::fs::write(&file, "before").unwrap();
        let files = Arc::<Files>::default();
        let read = async || files.read(directory.path(), "/x.txt").await.unwrap().1;
        let (first, second) = (read().await, read().await);
        assert_eq!(first.as_ptr(), second.as_ptr());
        std::fs::write(&file, "after it").unwrap();
        assert_eq!(read().await, "after it");
        assert_eq!(first, "before");
        drop((first, second));
        std::fs::write(directory.path().join("y.txt"), "y").unwrap();
        files.read(directory.path(), "/y.txt").await.unwrap();
        assert_eq!(files.open.lock().len(), 1, "what is not sent is forgotten");
    }
}
