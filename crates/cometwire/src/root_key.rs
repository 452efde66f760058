//! The key of `root`: given by the operator, or made at the first start and kept
//! in the data directory, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pipes::secret::Secret;
use rand::Rng;
use rand::distr::Alphanumeric;

const KEY_LENGTH: usize = 40;

/// Root's key and where it came from.
pub(crate) struct RootKey {
    /// The key.
    pub(crate) key: Secret,
    /// The file it is kept in, unless the operator gave it.
    pub(crate) file: Option<PathBuf>,
    /// Whether it was made just now, so that it is shown this once.
    pub(crate) is_new: bool,
}

impl RootKey {
    /// The operator's key, the kept one, or a new one.
    ///
    /// # Errors
    /// One sentence about the file.
    pub(crate) fn find(given: Option<Secret>, data: &Path) -> Result<Self, String> {
        if let Some(key) = given {
            return Ok(Self {
                key,
                file: None,
                is_new: false,
            });
        }
        let file = data.join("root.key");
        let (key, is_new) = match fs::read_to_string(&file) {
            Ok(text) if !text.trim().is_empty() => (text.trim().to_owned(), false),
            Ok(_) => {
                return Err(format!(
                    "{} is empty; remove it to have a new key made",
                    file.display()
                ));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = generate();
                keep(&file, &key)
                    .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
                (key, true)
            }
            Err(error) => return Err(format!("cannot read {}: {error}", file.display())),
        };
        Ok(Self {
            key: Secret::new(key),
            file: Some(file),
            is_new,
        })
    }
}

fn generate() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(KEY_LENGTH)
        .map(char::from)
        .collect()
}

fn keep(file: &Path, key: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_key_is_kept_for_its_owner_only_and_found_again() {
        let data = tempfile::tempdir().unwrap();
        let first = RootKey::find(None, data.path()).unwrap();
        assert!(first.is_new);
        assert_eq!(first.key.reveal().len(), KEY_LENGTH);
        let mode = fs::metadata(first.file.unwrap())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = RootKey::find(None, data.path()).unwrap();
        assert!(!second.is_new);
        assert!(second.key.matches(first.key.reveal()));
    }

    #[test]
    fn the_operators_key_is_not_written_anywhere() {
        let data = tempfile::tempdir().unwrap();
        let given = RootKey::find(Some(Secret::new("given")), data.path()).unwrap();
        assert!(given.file.is_none());
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
