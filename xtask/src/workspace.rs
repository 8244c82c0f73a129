//! What cargo knows of the workspace: where it is, and which of its packages are components.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::process;

/// The workspace that the current directory is in.
#[derive(Debug)]
pub struct Workspace {
    /// Where the top `Cargo.toml` is.
    pub root: PathBuf,
    /// Where cargo puts what it builds for this machine.
    pub target: PathBuf,
    packages: Vec<Package>,
}

/// A package that is built to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The package's name, which is also the component's: `tool-calls`.
    pub name: String,
    /// The library target's name, which is what cargo calls the file: `tool_calls`.
    pub library: String,
}

/// One package, as `cargo metadata` has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// The name in its manifest.
    pub name: String,
    /// The version in its manifest.
    pub version: String,
    /// Where its `Cargo.toml` is.
    pub manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Clone, Debug, Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Asks cargo, without resolving dependencies.
    pub fn load() -> anyhow::Result<Self> {
        let metadata = metadata(&["--no-deps"])?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages: metadata.packages,
        })
    }

    /// Where finished components are, one `NAME.wasm` each. Fixed, because `spin.toml` names it.
    pub fn components_dir(&self) -> PathBuf {
        self.root.join("target/components")
    }

    /// Where the example tools under examples/tools are, one `NAME.wasm` each, and what compiles them. Fixed, because
    /// tests name it.
    pub fn example_tools_dir(&self) -> PathBuf {
        self.root.join("target/tools-examples")
    }

    /// Where guests are compiled, apart from the host so that neither waits for or rebuilds the other.
    pub fn guests_dir(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// Where tools that are not on PATH get installed.
    pub fn tools_dir(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The packages under `components/` that build to a component, by name.
    ///
    /// # Errors
    ///
    /// A directory there that holds a package which the workspace does not list.
    pub fn guests(&self) -> anyhow::Result<Vec<Guest>> {
        let directory = self.root.join("components");
        let known = self.packages.iter().map(|package| package.manifest_path.clone()).collect();
        if let Some(manifest) = unlisted(&manifests_under(&directory)?, &known) {
            bail!(
                "{} is not in the workspace: name its directory in `members` of the top Cargo.toml",
                manifest.strip_prefix(&self.root).unwrap_or(&manifest).display()
            );
        }
        Ok(guests_among(&self.packages, &directory))
    }

    /// The example tools that are written in Rust, by name.
    pub fn example_tools(&self) -> Vec<Guest> {
        guests_among(&self.packages, &self.root.join("examples/tools"))
    }
}

/// Every package that the workspace is built from, dependencies included.
pub fn all_packages() -> anyhow::Result<Vec<Package>> {
    Ok(metadata(&[])?.packages)
}

fn metadata(args: &[&str]) -> anyhow::Result<Metadata> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    process::forget_own_package(&mut command);
    command.args(["metadata", "--format-version", "1"]).args(args);
    serde_json::from_str(&process::output_of(&mut command)?).context("reading what `cargo metadata` says")
}

fn guests_among(packages: &[Package], directory: &Path) -> Vec<Guest> {
    let guest = |package: &Package| {
        let library =
            package.targets.iter().find(|target| target.crate_types.iter().any(|t| t == "cdylib"))?;
        let inside = package.manifest_path.starts_with(directory);
        inside.then(|| Guest { name: package.name.clone(), library: library.name.clone() })
    };
    let mut guests: Vec<Guest> = packages.iter().filter_map(guest).collect();
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    guests
}

fn unlisted(found: &[PathBuf], known: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    found.iter().find(|manifest| !known.contains(*manifest)).cloned()
}

/// The manifests one and two levels down: `sentiment/Cargo.toml`, `tools/leads/Cargo.toml`.
fn manifests_under(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut manifests = Vec::new();
    for child in subdirectories(directory)? {
        let manifest = child.join("Cargo.toml");
        if manifest.is_file() {
            manifests.push(manifest);
        } else {
            let below = subdirectories(&child)?.into_iter().map(|grandchild| grandchild.join("Cargo.toml"));
            manifests.extend(below.filter(|manifest| manifest.is_file()));
        }
    }
    Ok(manifests)
}

/// The directories directly in `directory`, by name.
pub fn subdirectories(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", directory.display());
    let mut found = Vec::new();
    for entry in directory.read_dir().with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cdylibs_under_components_are_guests() {
        let packages = [
            package("tool-calls", "/w/components/tool-calls", "cdylib"),
            package("leads", "/w/components/tools/leads", "cdylib"),
            package("prompts", "/w/components/prompts", "lib"),
            package("plugin", "/w/host/plugin", "cdylib"),
        ];
        let guests = guests_among(&packages, Path::new("/w/components"));
        let names: Vec<_> =
            guests.iter().map(|guest| (guest.name.as_str(), guest.library.as_str())).collect();
        assert_eq!(names, [("leads", "leads"), ("tool-calls", "tool_calls")]);
    }

    #[test]
    fn a_component_that_the_workspace_forgot_is_found() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["sentiment", "tools/leads"] {
            let package = directory.path().join(name);
            std::fs::create_dir_all(&package).unwrap();
            std::fs::write(package.join("Cargo.toml"), "").unwrap();
        }
        let found = manifests_under(directory.path()).unwrap();
        let listed = BTreeSet::from([directory.path().join("sentiment/Cargo.toml")]);
        assert_eq!(unlisted(&found, &listed), Some(directory.path().join("tools/leads/Cargo.toml")));
        assert_eq!(unlisted(&found, &found.iter().cloned().collect()), None);
    }

    fn package(name: &str, directory: &str, crate_type: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest_path: Path::new(directory).join("Cargo.toml"),
            targets: vec![Target { name: name.replace('-', "_"), crate_types: vec![crate_type.to_owned()] }],
        }
    }
}
