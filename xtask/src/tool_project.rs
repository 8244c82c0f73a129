//! An example tool that is not written in Rust: its copy below target/, the compiler installed there, and the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::process::{self, Outcome};
use crate::progress;
use crate::task_build::{self, Placed};

/// What a project is written in, which says how it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// By componentize-js, from npm.
    JavaScript,
    /// By componentize-py, from PyPI.
    Python,
}

/// One example.
#[derive(Debug)]
pub struct Project {
    language: Language,
    /// What was written by hand.
    source: PathBuf,
    /// The contract, which a tool's project has a copy of.
    wit: PathBuf,
    /// The copy that is built, so that nothing is installed among the sources.
    copy: PathBuf,
    /// What comes of it.
    component: PathBuf,
}

/// Downloads of about 100 MB and their installation.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);
/// Builds take 10 to 20 s on an idle machine.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// What the build writes, in the copy.
const OUTPUT: &str = "dist/tool.wasm";
/// The digest of what was built last, in the copy.
const STAMP: &str = "built-from";
/// What is made of the sources and does not belong to them.
const MADE: [&str; 4] = ["node_modules", ".venv", "dist", "__pycache__"];

impl Language {
    /// The program that has to be there, and how to get it.
    fn needs(self) -> (&'static str, &'static str) {
        match self {
            Self::JavaScript => ("npm", "install Node.js 20 or later, which brings npm"),
            Self::Python => ("python3", "install Python 3.10 or later with its module venv"),
        }
    }

    /// The file that says which compiler is installed, and where it is installed to.
    fn compiler(self) -> (&'static str, &'static str) {
        match self {
            Self::JavaScript => ("package-lock.json", "node_modules"),
            Self::Python => ("requirements.txt", ".venv"),
        }
    }

    fn install(self) -> Vec<Vec<&'static str>> {
        match self {
            Self::JavaScript => vec![vec!["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
            Self::Python => vec![
                vec!["python3", "-m", "venv", "--clear", ".venv"],
                vec![
                    ".venv/bin/python",
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--requirement",
                    "requirements.txt",
                ],
            ],
        }
    }

    fn build(self) -> Vec<&'static str> {
        match self {
            Self::JavaScript => vec!["node", "build.js"],
            // Without --stub-wasi the interpreter imports sockets, which no tool gets.
            Self::Python => vec![
                ".venv/bin/componentize-py",
                "--quiet",
                "--wit-path",
                "wit",
                "--world",
                "tool-component",
                "componentize",
                "--stub-wasi",
                "app",
                "--output",
                OUTPUT,
            ],
        }
    }
}

impl Project {
    /// The example `name` of the workspace at `root`, which is built below `directory`.
    pub fn new(root: &Path, directory: &Path, name: &str, language: Language) -> Self {
        Self {
            language,
            source: root.join("examples/tools").join(name),
            wit: root.join("wit/tool"),
            copy: directory.join("projects").join(name),
            component: directory.join(name).with_extension("wasm"),
        }
    }

    /// Builds it, unless nothing has changed since it was built; says what came of it.
    ///
    /// # Errors
    /// What is missing and how to get it, or what the compiler said.
    pub fn build(&self) -> anyhow::Result<String> {
        let digest = self.digest()?;
        let stamp = self.copy.join(STAMP);
        if self.component.is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == digest) {
            return Ok("unchanged".to_owned());
        }
        let (program, how_to_get_it) = self.language.needs();
        if !process::on_path(program) {
            bail!("`{program}` is not on PATH: {how_to_get_it}");
        }
        self.copy_sources()?;
        self.install()?;
        fs::create_dir_all(self.copy.join("dist"))?;
        self.run(&self.language.build(), BUILD_LIMIT)?;
        let wasm = fs::read(self.copy.join(OUTPUT)).context("reading what was built")?;
        let placed = task_build::place(&wasm, &self.component)?;
        fs::write(&stamp, digest).context("noting what was built")?;
        let size = progress::size(wasm.len() as u64);
        Ok(if placed == Placed::Updated { size } else { format!("{size}, as before") })
    }

    /// Of everything that the component is made from.
    fn digest(&self) -> anyhow::Result<String> {
        let mut hasher = Sha256::new();
        for folder in [&self.source, &self.wit] {
            for file in files(folder)? {
                let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
                hasher.update(format!("{name}\0{}\0", bytes.len()));
                hasher.update(bytes);
            }
        }
        hasher.update(format!("{:?}{:?}", self.language.install(), self.language.build()));
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn copy_sources(&self) -> anyhow::Result<()> {
        if self.copy.is_dir() {
            for entry in self.copy.read_dir()? {
                let path = entry?.path();
                let (_, installed) = self.language.compiler();
                if path.is_dir() && !path.ends_with(installed) {
                    fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
                }
            }
        }
        for (from, to) in [(&self.source, self.copy.clone()), (&self.wit, self.copy.join("wit"))] {
            for file in files(from)? {
                let target = to.join(file.strip_prefix(from)?);
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
                }
                fs::copy(&file, &target).with_context(|| format!("writing {}", target.display()))?;
            }
        }
        Ok(())
    }

    /// Installs the compiler, unless it is there at the version that is asked for.
    fn install(&self) -> anyhow::Result<()> {
        let (asked_for, installed) = self.language.compiler();
        let asked_for =
            fs::read(self.source.join(asked_for)).context("reading which compiler is asked for")?;
        let note = self.copy.join(installed).join("installed-from");
        if fs::read(&note).is_ok_and(|present| present == asked_for) {
            return Ok(());
        }
        progress::step(format_args!("installing the compiler for {:?}", self.language));
        for command in self.language.install() {
            self.run(&command, INSTALL_LIMIT).context(
                "the compiler is installed from its registry once: this machine has to reach it, or to be set up \
                 for a mirror of it; later runs need no network",
            )?;
        }
        fs::write(&note, asked_for).with_context(|| format!("writing {}", note.display()))
    }

    fn run(&self, words: &[&str], limit: Duration) -> anyhow::Result<()> {
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        // What lies in the copy is named from there; a relative program would be looked for here.
        let local = self.copy.join(program);
        let mut command = if local.is_file() { Command::new(local) } else { Command::new(program) };
        command.args(arguments).current_dir(&self.copy).env("VIRTUAL_ENV", self.copy.join(".venv"));
        command.stdout(std::io::stderr());
        match process::run_bounded(&mut command, limit)? {
            Outcome::Succeeded => Ok(()),
            Outcome::Failed => bail!("`{}` failed in {}", process::render(&command), self.copy.display()),
            Outcome::TimedOut => {
                bail!("`{}` took longer than {}", process::render(&command), progress::duration(limit))
            }
        }
    }
}

/// The files below `folder`, by name, without what is made of them.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", folder.display());
    let mut found = Vec::new();
    for entry in folder.read_dir().with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if MADE.iter().any(|made| path.ends_with(made)) {
            continue;
        }
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Project) {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("examples/tools/quote/src/tool.js", "one"),
            ("examples/tools/quote/package-lock.json", "{}"),
            ("examples/tools/quote/node_modules/left.js", "made"),
            ("wit/tool/tool.wit", "package"),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let directory = root.path().join("target/tools-examples");
        let project = Project::new(root.path(), &directory, "quote", Language::JavaScript);
        (root, project)
    }

    #[test]
    fn what_was_removed_from_the_sources_leaves_the_copy_and_the_compiler_stays() {
        let (root, project) = workspace();
        let old = root.path().join("examples/tools/quote/src/old.js");
        fs::write(&old, "old").unwrap();
        project.copy_sources().unwrap();
        assert!(project.copy.join("src/old.js").is_file() && project.copy.join("wit/tool.wit").is_file());
        assert!(!project.copy.join("node_modules").exists(), "what is made of the sources is not copied");
        fs::create_dir_all(project.copy.join("node_modules")).unwrap();
        fs::remove_file(old).unwrap();
        project.copy_sources().unwrap();
        assert!(!project.copy.join("src/old.js").exists() && project.copy.join("node_modules").is_dir());
    }

    #[test]
    fn only_what_the_component_is_made_from_counts_as_a_change() {
        let (root, project) = workspace();
        let before = project.digest().unwrap();
        fs::write(root.path().join("examples/tools/quote/node_modules/left.js"), "other").unwrap();
        assert_eq!(project.digest().unwrap(), before);
        for file in ["examples/tools/quote/src/tool.js", "wit/tool/tool.wit"] {
            let before = project.digest().unwrap();
            fs::write(root.path().join(file), "two").unwrap();
            assert_ne!(project.digest().unwrap(), before, "{file}");
        }
    }

    #[test]
    fn what_is_built_is_not_built_again() {
        let (_root, project) = workspace();
        fs::create_dir_all(&project.copy).unwrap();
        fs::write(&project.component, "wasm").unwrap();
        fs::write(project.copy.join(STAMP), project.digest().unwrap()).unwrap();
        assert_eq!(project.build().unwrap(), "unchanged");
    }

    #[test]
    fn the_lockfile_says_what_is_installed_and_not_from_where() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
        let example = read("examples/tools/price-quote/package-lock.json");
        assert!(example.contains("\"integrity\": \"sha512-") && !example.contains("\"resolved\""));
        let template = read("host/tool-project/templates/javascript/package-lock.json");
        assert_eq!(template.replace("{{name}}", "price-quote"), example, "the template is pinned alike");
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let (_root, project) = workspace();
        fs::create_dir_all(&project.copy).unwrap();
        let error = project.run(&["sh", "-c", "exit 3"], BUILD_LIMIT).unwrap_err();
        assert!(error.to_string().starts_with("`sh -c 'exit 3'` failed in "), "{error}");
    }
}
