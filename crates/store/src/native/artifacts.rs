//! The bytes of tenants' tools: a file for each digest, shared by all tenants.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

use crate::ToolDigest;

/// A directory of components, which nobody but this process's user may write to. All work blocks.
#[derive(Clone, Debug)]
pub struct Artifacts {
    root: PathBuf,
}

/// Why bytes were not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// There is no file for the digest.
    #[error("the bytes of the version are missing")]
    Missing,
    /// The file holds other bytes, or more than are read at all.
    #[error("the bytes of the version are damaged")]
    Damaged,
    /// The operating system refuses.
    #[error("the bytes of the version cannot be read")]
    Io(#[from] io::Error),
}

impl Artifacts {
    /// The files below `root`, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The directory, where what is about to be put may be gathered.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Keeps `bytes` and returns their digest. When it returns they survive a power cut, so a version that is stored
    /// afterwards has them. Bytes that are kept already are written anew, which also mends what was damaged and makes
    /// them the youngest for [`Artifacts::older_than`].
    ///
    /// # Errors
    /// When they cannot be written; then whatever was kept is kept still.
    pub fn put(&self, bytes: &[u8]) -> io::Result<ToolDigest> {
        let digest = ToolDigest::of(bytes);
        let new = self.root.join(format!("{}{NEW}", Uuid::now_v7()));
        let written = write(&new, bytes).and_then(|()| fs::rename(&new, self.path(&digest)));
        if let Err(error) = written {
            // What is half written is of no use; the first error says more than one of tidying up.
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        File::open(&self.root)?.sync_all()?;
        Ok(digest)
    }

    /// The bytes of `digest`, of which there are at most `most`. They are verified, so whoever changed the file cannot
    /// make anything else run.
    ///
    /// # Errors
    /// See [`ArtifactError`].
    pub fn read(&self, digest: &ToolDigest, most: u64) -> Result<Vec<u8>, ArtifactError> {
        let file = match File::open(self.path(digest)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ArtifactError::Missing),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        let whole = u64::try_from(bytes.len()).is_ok_and(|length| length <= most);
        if whole && ToolDigest::of(&bytes) == *digest { Ok(bytes) } else { Err(ArtifactError::Damaged) }
    }

    /// Removes the bytes of `digest`, once `Store::needs_tool_bytes` says that nobody needs them.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove(&self, digest: &ToolDigest) -> io::Result<()> {
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The digests whose bytes were put before `limit`, at most `most`; younger ones may belong to an upload that is not
    /// stored yet. What was left half written before `limit` is removed.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn older_than(&self, limit: SystemTime, most: usize) -> io::Result<Vec<ToolDigest>> {
        let mut old = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            if old.len() == most {
                break;
            }
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            match entry.metadata().and_then(|found| found.modified()) {
                Ok(modified) if modified < limit => {}
                // Another process may have removed it meanwhile.
                _ => continue,
            }
            if let Ok(digest) = name.parse() {
                old.push(digest);
            } else if name.ends_with(NEW) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(old)
    }

    fn path(&self, digest: &ToolDigest) -> PathBuf {
        // A digest is digits and small letters only, so this is a file of the directory.
        self.root.join(digest.as_str())
    }
}

/// The end of the names of files that are not complete.
const NEW: &str = ".new";

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn artifacts() -> (tempfile::TempDir, Artifacts) {
        let directory = tempfile::TempDir::new().unwrap();
        let artifacts = Artifacts::open(&directory.path().join("tools")).unwrap();
        (directory, artifacts)
    }

    #[test]
    fn what_is_put_is_read_until_it_is_removed() {
        let (_directory, artifacts) = artifacts();
        let digest = artifacts.put(b"bytes").unwrap();
        assert_eq!(artifacts.put(b"bytes").unwrap(), digest);
        assert_eq!(artifacts.read(&digest, 5).unwrap(), b"bytes");
        assert!(matches!(artifacts.read(&digest, 4), Err(ArtifactError::Damaged)));
        for _ in 0..2 {
            artifacts.remove(&digest).unwrap();
        }
        assert!(matches!(artifacts.read(&digest, 5), Err(ArtifactError::Missing)));
    }

    #[test]
    fn changed_bytes_are_not_read_and_can_be_mended() {
        let (_directory, artifacts) = artifacts();
        let digest = artifacts.put(b"bytes").unwrap();
        for changed in [&b"bytez"[..], b"byte", b"bytes and more", b""] {
            fs::write(artifacts.path(&digest), changed).unwrap();
            assert!(matches!(artifacts.read(&digest, 100), Err(ArtifactError::Damaged)), "{changed:?}");
        }
        artifacts.put(b"bytes").unwrap();
        assert_eq!(artifacts.read(&digest, 100).unwrap(), b"bytes");
    }

    #[test]
    fn a_sweep_finds_what_is_old_and_tidies_up() {
        let (_directory, artifacts) = artifacts();
        let digest = artifacts.put(b"bytes").unwrap();
        let half = artifacts.root.join(format!("half{NEW}"));
        fs::write(&half, b"by").unwrap();
        fs::write(artifacts.root.join("README"), b"ours").unwrap();
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        assert_eq!(artifacts.older_than(now - hour, 9).unwrap(), []);
        assert!(half.exists());
        assert_eq!(artifacts.older_than(now + hour, 9).unwrap(), [digest]);
        assert!(!half.exists() && artifacts.root.join("README").exists());
        assert_eq!(artifacts.older_than(now + hour, 0).unwrap(), []);
    }
}
