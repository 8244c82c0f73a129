//! Secrets that the platform makes for itself, once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::config::Secret;

/// The secret kept in `folder/name`; made on first use, readable by the owner only.
///
/// # Errors
/// Where the file cannot be read or written.
pub fn load_or_create(folder: &Path, name: &str) -> anyhow::Result<Secret> {
    let path = folder.join(name);
    if path.exists() {
        let secret = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        ensure!(secret.trim().len() >= 16, "{} is damaged; delete it to have a new one made", path.display());
        return Ok(Secret::new(secret.trim()));
    }
    let secret = random();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("creating {}", path.display()))?;
    writeln!(file, "{secret}").with_context(|| format!("writing {}", path.display()))?;
    Ok(Secret::new(secret))
}

/// 244 random bits as 64 hex digits.
fn random() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_secret_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path(), "key").unwrap();
        assert_eq!(load_or_create(folder.path(), "key").unwrap(), first);
        let mode = fs::metadata(folder.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
