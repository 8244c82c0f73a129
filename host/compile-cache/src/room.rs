//! What goes where compiled components take more room on disk than they may.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// When an entry was used last is when it was changed last: not every file system keeps the time of reading.
pub fn note_use(path: &Path, now: SystemTime) -> io::Result<()> {
    File::open(path)?.set_modified(now)
}

/// Removes what was not used for longest until the rest takes `most` bytes, whatever engine it is for. What is at `newest`
/// stays.
pub fn make(directory: &Path, most: u64, newest: &Path) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if metadata.is_file() {
            entries.push((metadata.modified()?, entry.path(), metadata.len()));
        }
    }
    entries.sort();
    let mut together: u64 = entries.iter().map(|(_, _, length)| length).sum();
    for (_, path, length) in entries.into_iter().filter(|(_, path, _)| path != newest) {
        if together <= most {
            break;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => together = together.saturating_sub(length),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn as_many_go_as_it_needs_and_those_first_that_were_not_used_for_longest() {
        let folder = folder(&[("a", 3, 40), ("b", 1, 40), ("c", 2, 40), ("new", 0, 10)]);
        let make = |most| {
            make(folder.path(), most, &folder.path().join("new")).unwrap();
            left(folder.path())
        };
        assert_eq!(make(130), ["a", "b", "c", "new"]);
        assert_eq!(make(129), ["a", "c", "new"]);
        assert_eq!(make(51), ["a", "new"]);
        assert_eq!(make(0), ["new"], "that one stays, also where it is too large");
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = folder(&[("a", 1, 40), ("new", 2, 10)]);
        fs::create_dir(folder.path().join("b")).unwrap();
        make(folder.path(), 0, &folder.path().join("new")).unwrap();
        assert_eq!(left(folder.path()), ["b", "new"]);
    }

    /// A folder of files: name, second of the last use, bytes.
    fn folder(files: &[(&str, u64, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, second, bytes) in files {
            let path = folder.path().join(name);
            fs::write(&path, vec![0; *bytes]).unwrap();
            note_use(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(*second)).unwrap();
        }
        folder
    }

    fn left(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
