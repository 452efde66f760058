//! Keys that prove who somebody is. Their type has no `==`, no order and no hash,
//! so that code which compares one in any other way than [`Secret::matches`] does
//! not compile; and it is never printed.

use std::fmt;

use subtle::ConstantTimeEq;

/// A key: of a tenant, of `root`, of a user.
///
/// ```compile_fail,E0369
/// use pipes::secret::Secret;
/// let is_root = Secret::new("given") == Secret::new("known");
/// ```
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// A secret of any text, even an empty one.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Whether `presented` is this secret, in time that depends on their lengths
    /// and not on where they differ. An empty secret is nobody's: nothing matches it.
    pub fn matches(&self, presented: &str) -> bool {
        let is_same = self.0.as_bytes().ct_eq(presented.as_bytes());
        bool::from(is_same) && !self.is_empty()
    }

    /// Whether there is nothing to know.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself, to be stored, hashed, or shown to its owner; never to be
    /// compared.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::hash::Hash;
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;

    use super::*;
    use crate::name::AccessKey;

    /// Does not compile when `$kind` has `$property`: then both implementations
    /// of the trait would be meant.
    macro_rules! assert_is_not {
        ($kind:ty, $property:path) => {{
            trait Unless<Which> {
                fn holds() {}
            }
            impl<T: ?Sized> Unless<()> for T {}
            struct Otherwise;
            impl<T: ?Sized + $property> Unless<Otherwise> for T {}
            <$kind as Unless<_>>::holds();
        }};
    }

    #[test]
    fn secrets_cannot_be_compared_but_in_constant_time_nor_printed() {
        assert_is_not!(Secret, PartialEq);
        assert_is_not!(Secret, PartialEq<str>);
        assert_is_not!(Secret, PartialOrd);
        assert_is_not!(Secret, Hash);
        assert_is_not!(Secret, AsRef<str>);
        assert_is_not!(Secret, std::ops::Deref);
        assert_is_not!(Secret, fmt::Display);
        assert_is_not!(AccessKey, PartialEq);
        assert_is_not!(AccessKey, PartialOrd);
        assert_is_not!(AccessKey, Hash);
        assert_is_not!(AccessKey, fmt::Display);
        assert!(!format!("{:?}", Secret::new("s3cret")).contains("s3cret"));
    }

    #[test]
    fn an_empty_secret_is_nobodys() {
        assert!(!Secret::new("").matches(""));
        assert!(Secret::new("").is_empty());
    }

    proptest! {
        #[test]
        fn a_secret_matches_itself_alone(one in ".{1,40}", other in ".{0,40}") {
            let secret = Secret::new(one.as_str());
            prop_assert!(secret.matches(&one));
            prop_assert_eq!(secret.matches(&other), one == other);
        }
    }

    /// What `reveal` gives is text, which can be compared: no source does.
    #[test]
    fn nothing_that_was_revealed_is_compared() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = Vec::new();
        for entry in fs::read_dir(crates).unwrap() {
            gather(&entry.unwrap().path().join("src"), &mut sources);
        }
        assert!(sources.len() > 100, "the sources are elsewhere now");
        let mut revealing = 0;
        for source in sources {
            let text = fs::read_to_string(&source).unwrap();
            let (program, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            for line in program.lines().filter(|line| line.contains("reveal()")) {
                revealing += 1;
                let compares = ["==", "!=", "eq(", "cmp(", "starts_with", "matches!"];
                assert!(
                    !compares.iter().any(|comparison| line.contains(comparison)),
                    "{}: {line}",
                    source.display()
                );
            }
        }
        assert!(revealing > 5, "secrets are revealed by another name now");
    }

    fn gather(directory: &Path, sources: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                gather(&path, sources);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                sources.push(path);
            }
        }
    }
}
