//! How long the disk takes to make a small append durable: what an acknowledgement has to wait for.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::clock;
use crate::error::Error;

/// Appends measured in one go.
const APPENDS: usize = 60;

/// Bytes of an append: a page, as a log writes them.
const PAGE: [u8; 4096] = [0x5A; 4096];

/// Nanoseconds of each of a row of appends with `fdatasync`, in a file of `directory`.
pub(crate) fn sync_times(directory: &Path) -> Result<Vec<u64>, Error> {
    let path = directory.join("pipebench-sync");
    let failed = |source| Error::Io {
        what: "measuring the device's sync time",
        source,
    };
    let mut file = File::create(&path).map_err(failed)?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let start = clock::now();
        file.write_all(&PAGE)
            .and_then(|()| file.sync_data())
            .map_err(failed)?;
        times.push(clock::now() - start);
    }
    fs::remove_file(&path).map_err(failed)?;
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_append_is_timed_and_nothing_is_left_behind() {
        let directory = tempfile::tempdir().unwrap();
        let times = sync_times(directory.path()).unwrap();
        assert_eq!(times.len(), APPENDS);
        assert!(fs::read_dir(directory.path()).unwrap().next().is_none());
    }
}
