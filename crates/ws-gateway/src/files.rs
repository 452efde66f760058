//! Static files from a directory of the operator's: only known extensions, never
//! hidden files, never outside the directory, links included.

use std::path::{Path, PathBuf};

use bytes::Bytes;
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

/// The file at a URL path, if there is one that may be served.
pub(crate) async fn read(directory: &Path, url_path: &str) -> Option<(&'static str, Bytes)> {
    let content_type = content_type(url_path)?;
    let file = locate(url_path)?;
    let directory = directory.to_owned();
    let body = task::spawn_blocking(move || read_inside(&directory, &file))
        .await
        .ok()??;
    Some((content_type, Bytes::from(body)))
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

fn read_inside(directory: &Path, file: &Path) -> Option<Vec<u8>> {
    let root = directory.canonicalize().ok()?;
    let found = root.join(file).canonicalize().ok()?;
    let metadata = found.metadata().ok()?;
    if !found.starts_with(&root) || !metadata.is_file() || metadata.len() > MAX_FILE {
        return None;
    }
    std::fs::read(found).ok()
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
        assert!(read(inside.path(), "/x.txt").await.is_none());
        assert_eq!(read(inside.path(), "/y.txt").await.unwrap().1, "public");
    }
}
