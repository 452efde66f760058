//! What the program does besides serving: backing up, restoring and checking a data
//! directory. Each ends with one sentence.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use storage::copies::{self, Contents};

/// What to do instead of serving.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Copy what is in --data into a new file, while a server runs or not.
    Backup {
        /// The new file; one that is there already is never overwritten.
        file: PathBuf,
    },
    /// Put a backup into --data, which no server may be using.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Put aside the store that is there already.
        #[arg(long)]
        replace: bool,
    },
    /// Check every page of what is in --data, or of a backup, while a server runs or not.
    Check {
        /// A backup, instead of --data.
        file: Option<PathBuf>,
    },
}

impl Command {
    /// Does it to the data directory `data`; gives a sentence about what was done.
    ///
    /// # Errors
    /// A sentence about what stands in the way.
    pub(crate) fn carry_out(&self, data: &Path) -> Result<String, String> {
        match self {
            Self::Backup { file } => copies::back_up(data, file)
                .map(|contents| format!("backed up into {}", described(&contents))),
            Self::Restore { file, replace } => {
                copies::restore(file, data, *replace).map(|restored| {
                    let aside = restored.replaced.map_or(String::new(), |aside| {
                        format!("; the store that was there is in {}", aside.display())
                    });
                    format!("restored {}{aside}", described(&restored.contents))
                })
            }
            Self::Check { file: None } => copies::check(data)
                .map(|contents| format!("nothing is wrong with {}", described(&contents))),
            Self::Check { file: Some(file) } => copies::inspect_copy(file)
                .map(|contents| format!("nothing is wrong with {}", described(&contents))),
        }
        .map_err(|error| error.to_string())
    }
}

fn described(contents: &Contents) -> String {
    format!(
        "{}: schema version {}, {} messages, {} private messages, {} settings, {} keys",
        contents.file.display(),
        contents.schema_version,
        contents.messages,
        contents.private_messages,
        contents.settings,
        contents.keys,
    )
}
