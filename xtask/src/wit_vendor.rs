//! The WIT packages copied from the SDK into `wit/deps`, and the lock file that pins them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::workspace::{Package, subdirectories};

/// Files by their path below `deps`, with forward slashes.
type Files = BTreeMap<String, Vec<u8>>;

/// The copies in `wit/deps`, and `wit/deps.lock`.
pub struct Vendored {
    deps: PathBuf,
    lock: PathBuf,
}

/// The crate that the copies come from.
pub struct Origin {
    /// Its name.
    pub name: String,
    /// The version in `Cargo.lock`.
    pub version: String,
    deps: PathBuf,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    #[serde(default, rename = "file")]
    files: Vec<LockedFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LockedFile {
    path: String,
    sha256: String,
    #[serde(rename = "crate")]
    origin: String,
    version: String,
}

const LOCK_HEADER: &str =
    "# What wit/deps holds and where it comes from. Written by `cargo xtask wit --update`.\n\n";
const UPDATE: &str = "run `cargo xtask wit --update` and read the difference";

impl Origin {
    /// The one crate named `name` among `packages`.
    pub fn among(packages: &[Package], name: &str) -> anyhow::Result<Self> {
        let mut found = packages.iter().filter(|package| package.name == name);
        let (Some(package), None) = (found.next(), found.next()) else {
            bail!(
                "the contracts are pinned by the {name} crate, so Cargo.lock must hold exactly one version of it"
            );
        };
        let directory = package.manifest_path.parent().context("finding the directory of the crate")?;
        Ok(Self { name: name.to_owned(), version: package.version.clone(), deps: directory.join("wit/deps") })
    }
}

impl Vendored {
    /// The copies below the directory `wit`.
    pub fn at(wit: &Path) -> Self {
        Self { deps: wit.join("deps"), lock: wit.join("deps.lock") }
    }

    /// Every difference between the copies, the lock file and the crate.
    pub fn drift(&self, origin: &Origin) -> anyhow::Result<Vec<String>> {
        let lock = match std::fs::read_to_string(&self.lock) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("reading {}", self.lock.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Lock::default(),
            Err(error) => return Err(error).with_context(|| format!("reading {}", self.lock.display())),
        };
        Ok(differences(&lock, &read_files(&self.deps)?, origin, &read_files(&origin.deps)?))
    }

    /// Copies every package that has a directory here from the crate again and writes the lock file. Returns
    /// the number of files.
    pub fn update(&self, origin: &Origin) -> anyhow::Result<usize> {
        let mut files = Files::new();
        let available = read_files(&origin.deps)?;
        for directory in subdirectories(&self.deps)? {
            let package = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let of_package = available.iter().filter(|(path, _)| package_of(path) == package);
            let before = files.len();
            files.extend(of_package.map(|(path, bytes)| (path.clone(), bytes.clone())));
            if files.len() == before {
                let mut names: Vec<&str> = available.keys().map(|path| package_of(path)).collect();
                names.dedup();
                bail!("{} {} has no {package}; it has {}", origin.name, origin.version, names.join(", "));
            }
        }
        for stale in read_files(&self.deps)?.keys().filter(|path| !files.contains_key(*path)) {
            std::fs::remove_file(self.deps.join(stale))
                .with_context(|| format!("removing wit/deps/{stale}"))?;
        }
        for (path, bytes) in &files {
            std::fs::write(self.deps.join(path), bytes)
                .with_context(|| format!("writing wit/deps/{path}"))?;
        }
        let text = LOCK_HEADER.to_owned() + &toml::to_string(&lock_of(&files, origin))?;
        std::fs::write(&self.lock, text).with_context(|| format!("writing {}", self.lock.display()))?;
        Ok(files.len())
    }
}

fn lock_of(files: &Files, origin: &Origin) -> Lock {
    let locked = |(path, bytes): (&String, &Vec<u8>)| LockedFile {
        path: path.clone(),
        sha256: sha256(bytes),
        origin: origin.name.clone(),
        version: origin.version.clone(),
    };
    Lock { files: files.iter().map(locked).collect() }
}

fn differences(lock: &Lock, vendored: &Files, origin: &Origin, available: &Files) -> Vec<String> {
    let mut problems = Vec::new();
    for file in &lock.files {
        let path = &file.path;
        if (&file.origin, &file.version) != (&origin.name, &origin.version) {
            problems.push(format!(
                "wit/deps.lock: {path} is from {} {}, Cargo.lock has {} {}: {UPDATE}",
                file.origin, file.version, origin.name, origin.version
            ));
        }
        match vendored.get(path) {
            None => problems.push(format!("wit/deps/{path}: missing, but in wit/deps.lock: {UPDATE}")),
            Some(bytes) if sha256(bytes) != file.sha256 => {
                problems.push(format!("wit/deps/{path}: not what wit/deps.lock pins: undo the edit"));
            }
            Some(_) => {}
        }
    }
    for (path, bytes) in vendored {
        if !lock.files.iter().any(|file| file.path == *path) {
            problems.push(format!("wit/deps/{path}: not in wit/deps.lock: {UPDATE}"));
        }
        if available.get(path) != Some(bytes) {
            problems.push(format!("wit/deps/{path}: not the copy in {} {}", origin.name, origin.version));
        }
    }
    for path in available.keys() {
        let package_is_vendored = vendored.keys().any(|other| package_of(other) == package_of(path));
        if package_is_vendored && !vendored.contains_key(path) {
            problems.push(format!("wit/deps/{path}: missing from a package that is vendored: {UPDATE}"));
        }
    }
    problems
}

/// `spin-sqlite@3.1.0` of `spin-sqlite@3.1.0/sqlite.wit`.
fn package_of(path: &str) -> &str {
    path.split_once('/').map_or(path, |(package, _)| package)
}

fn read_files(deps: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for directory in subdirectories(deps)? {
        let reading = || format!("reading {}", directory.display());
        for entry in directory.read_dir().with_context(reading)? {
            let path = entry.with_context(reading)?.path();
            if path.extension().is_some_and(|extension| extension == "wit") {
                let below = path.strip_prefix(deps)?.to_string_lossy().replace('\\', "/");
                let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                files.insert(below, bytes);
            }
        }
    }
    Ok(files)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_leaves_no_drift() {
        let (directory, origin) = tree();
        let vendored = Vendored::at(&directory.path().join("wit"));
        assert_eq!(vendored.drift(&origin).unwrap(), Vec::<String>::new());
        let lock = std::fs::read_to_string(directory.path().join("wit/deps.lock")).unwrap();
        // What sha256sum says of the text `sqlite`.
        let expected = "0cd8666848bf286d951c3d230e8b6e092fde03c3a080e3454467e496e7b14e78";
        assert!(lock.contains(expected), "{lock}");
    }

    #[test]
    fn an_edited_copy_is_found() {
        let (directory, origin) = tree();
        std::fs::write(directory.path().join("wit/deps/spin-sqlite@3.1.0/sqlite.wit"), "edited").unwrap();
        let problems = Vendored::at(&directory.path().join("wit")).drift(&origin).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("undo the edit") && problems[1].contains("not the copy"),
            "{problems:?}"
        );
    }

    #[test]
    fn added_and_missing_files_are_found() {
        let (directory, origin) = tree();
        let package = directory.path().join("wit/deps/spin-sqlite@3.1.0");
        std::fs::rename(package.join("sqlite.wit"), package.join("other.wit")).unwrap();
        let problems = Vendored::at(&directory.path().join("wit")).drift(&origin).unwrap().join("\n");
        assert!(problems.contains("sqlite.wit: missing, but in wit/deps.lock"), "{problems}");
        assert!(problems.contains("other.wit: not in wit/deps.lock"), "{problems}");
        assert!(problems.contains("sqlite.wit: missing from a package"), "{problems}");
    }

    #[test]
    fn another_version_of_the_crate_asks_for_an_update() {
        let (directory, origin) = tree();
        let newer = Origin { version: "7.1.0".to_owned(), ..origin };
        let problems = Vendored::at(&directory.path().join("wit")).drift(&newer).unwrap();
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].contains("is from spin-sdk 7.0.0, Cargo.lock has spin-sdk 7.1.0"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_package_that_the_crate_does_not_have_is_answered_with_those_it_has() {
        let (directory, origin) = tree();
        std::fs::create_dir(directory.path().join("wit/deps/spin-sqlite@9.0.0")).unwrap();
        let error = Vendored::at(&directory.path().join("wit")).update(&origin).unwrap_err();
        assert_eq!(
            error.to_string(),
            "spin-sdk 7.0.0 has no spin-sqlite@9.0.0; it has spin-redis@3.0.0, spin-sqlite@3.1.0"
        );
    }

    /// A crate with two packages, one of them vendored and locked.
    fn tree() -> (tempfile::TempDir, Origin) {
        let directory = tempfile::tempdir().unwrap();
        let deps = directory.path().join("crate/wit/deps");
        for (package, file) in [("spin-sqlite@3.1.0", "sqlite"), ("spin-redis@3.0.0", "redis")] {
            std::fs::create_dir_all(deps.join(package)).unwrap();
            std::fs::write(deps.join(package).join(file).with_extension("wit"), file).unwrap();
        }
        std::fs::create_dir_all(directory.path().join("wit/deps/spin-sqlite@3.1.0")).unwrap();
        let origin = Origin { name: "spin-sdk".to_owned(), version: "7.0.0".to_owned(), deps };
        assert_eq!(Vendored::at(&directory.path().join("wit")).update(&origin).unwrap(), 1);
        (directory, origin)
    }
}
