//! What goes where compiled components take more room on disk than they may.

use std::fs::{self, DirEntry, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What is written for so long is written no more: whoever did was ended.
const STALE: Duration = Duration::from_secs(60 * 60);

/// A file that may go.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    used: SystemTime,
    path: PathBuf,
    length: u64,
}

/// What could not be read or removed.
#[derive(Default)]
struct Failures {
    first: Option<io::Error>,
    others: usize,
}

/// When an entry was used last is when it was changed last: not every file system keeps the time of reading.
pub fn note_use(path: &Path, now: SystemTime) -> io::Result<()> {
    File::open(path)?.set_modified(now)
}

/// Removes what was not used for longest until the rest takes `most` bytes, whatever engine it is for, but for what `stays`.
/// Of other files in the folder than entries, only those go that became none because who wrote them was ended.
///
/// # Errors
/// Where some could not be read or removed. All others that had to go went all the same.
pub fn make(directory: &Path, most: u64, now: SystemTime, stays: impl Fn(&Path) -> bool) -> io::Result<()> {
    let mut failures = Failures::default();
    let entries = list(directory, now, &mut failures)?;
    remove_oldest(entries, most, stays, unlink, &mut failures);
    failures.into_result()
}

fn unlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// The entries of the folder, and what is left of such as were never finished.
fn list(directory: &Path, now: SystemTime, failures: &mut Failures) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for found in fs::read_dir(directory)? {
        match found.and_then(|found| entry(&found, now)) {
            Ok(entry) => entries.extend(entry),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failures.add(error),
        }
    }
    Ok(entries)
}

fn entry(found: &DirEntry, now: SystemTime) -> io::Result<Option<Entry>> {
    let path = found.path();
    let metadata = found.metadata()?;
    if !metadata.is_file() || !may_go(&path, &metadata, now)? {
        return Ok(None);
    }
    Ok(Some(Entry { used: metadata.modified()?, path, length: metadata.len() }))
}

fn may_go(path: &Path, metadata: &Metadata, now: SystemTime) -> io::Result<bool> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("cwasm") => Ok(true),
        Some("tmp") => Ok(now.duration_since(metadata.modified()?).is_ok_and(|age| age >= STALE)),
        _ => Ok(false),
    }
}

/// Removes the entries that were used first until the rest takes `most` bytes. One that cannot be removed keeps none behind it.
fn remove_oldest(
    mut entries: Vec<Entry>,
    most: u64,
    stays: impl Fn(&Path) -> bool,
    mut remove: impl FnMut(&Path) -> io::Result<()>,
    failures: &mut Failures,
) {
    entries.sort();
    let mut together: u64 = entries.iter().map(|entry| entry.length).sum();
    for Entry { path, length, .. } in entries.into_iter().filter(|entry| !stays(&entry.path)) {
        if together <= most {
            break;
        }
        match remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                failures.add(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
            }
            _ => together = together.saturating_sub(length),
        }
    }
}

impl Failures {
    fn add(&mut self, error: io::Error) {
        match self.first {
            None => self.first = Some(error),
            Some(_) => self.others += 1,
        }
    }

    fn into_result(self) -> io::Result<()> {
        match (self.first, self.others) {
            (None, _) => Ok(()),
            (Some(error), 0) => Err(error),
            (Some(error), others) => {
                Err(io::Error::new(error.kind(), format!("{error}, and {others} more could not be removed")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time at which there is too little room.
    const NOW: u64 = 1_000_000;

    #[test]
    fn as_many_go_as_it_needs_and_those_first_that_were_not_used_for_longest() {
        let folder =
            folder(&[("a.cwasm", 3, 40), ("b.cwasm", 1, 40), ("c.cwasm", 2, 40), ("new.cwasm", 0, 10)]);
        let make = |most| {
            make(folder.path(), most, at(NOW), |path| path.ends_with("new.cwasm")).unwrap();
            left(folder.path())
        };
        assert_eq!(make(130), ["a.cwasm", "b.cwasm", "c.cwasm", "new.cwasm"]);
        assert_eq!(make(129), ["a.cwasm", "c.cwasm", "new.cwasm"]);
        assert_eq!(make(51), ["a.cwasm", "new.cwasm"]);
        assert_eq!(make(0), ["new.cwasm"], "that one stays, also where it is too large");
    }

    #[test]
    fn what_is_no_entry_is_left_alone_and_takes_no_room() {
        let folder = folder(&[("a.cwasm", 1, 40), ("notes.txt", 0, 90), ("cwasm", 0, 90)]);
        fs::create_dir(folder.path().join("b.cwasm")).unwrap();
        std::os::unix::fs::symlink("notes.txt", folder.path().join("c.cwasm")).unwrap();
        let make = |most| {
            make(folder.path(), most, at(NOW), |_| false).unwrap();
            left(folder.path())
        };
        assert_eq!(make(40), ["a.cwasm", "b.cwasm", "c.cwasm", "cwasm", "notes.txt"]);
        assert_eq!(make(0), ["b.cwasm", "c.cwasm", "cwasm", "notes.txt"]);
    }

    #[test]
    fn what_was_never_finished_goes_once_nobody_writes_it_any_more() {
        let hour = STALE.as_secs();
        let folder = folder(&[("a.1-0.tmp", NOW - hour, 40), ("b.1-1.tmp", NOW - hour + 1, 40)]);
        make(folder.path(), 0, at(NOW), |_| false).unwrap();
        assert_eq!(left(folder.path()), ["b.1-1.tmp"]);
    }

    #[test]
    fn one_that_cannot_be_removed_keeps_none_behind_it() {
        let entry = |name: &str, second| Entry { used: at(second), path: name.into(), length: 10 };
        let entries =
            vec![entry("stuck", 1), entry("stuck too", 2), entry("gone", 3), entry("b", 4), entry("a", 5)];
        let mut removed = Vec::new();
        let mut failures = Failures::default();
        let remove = |path: &Path| match path.to_str().unwrap() {
            "gone" => Err(io::ErrorKind::NotFound.into()),
            name if name.starts_with("stuck") => Err(io::ErrorKind::PermissionDenied.into()),
            name => {
                removed.push(name.to_owned());
                Ok(())
            }
        };
        remove_oldest(entries, 30, |_| false, remove, &mut failures);
        assert_eq!(removed, ["b"], "what another removed meanwhile makes room too");
        let error = failures.into_result().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let told = error.to_string();
        assert!(told.starts_with("stuck: ") && told.contains("and 1 more"), "{told}");
    }

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// A folder of files: name, second of the last use, bytes.
    fn folder(files: &[(&str, u64, usize)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, second, bytes) in files {
            let path = folder.path().join(name);
            fs::write(&path, vec![0; *bytes]).unwrap();
            note_use(&path, at(*second)).unwrap();
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
