//! `cargo xtask mutants`: whether the tests of the call core notice when a rule is broken.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use crate::mutant_list::{self, Mutant, SOURCES};
use crate::process::{self, Outcome};
use crate::progress;
use crate::workspace::Workspace;

/// Breaks the rules of the call core one at a time and expects its tests to fail each time.
///
/// The broken variants are in host/turn/tests/mutants, a list for each rule. They are applied to a copy of host/turn and
/// crates/events under target/mutants; the unit tests and the scenarios run, the long property tests do not.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask mutants             all\n  \
    cargo xtask mutants barge-in    those that break one rule, or change one file, or whose names hold this")]
pub struct Args {
    /// A rule, a file, or a part of a name
    filter: Option<String>,
}

/// What the mini-workspace is made of.
const PACKAGES: [&str; 2] = ["host/turn", "crates/events"];

/// The tests that run, in this order.
const TESTS: [&str; 5] = ["--lib", "--test", "scenario_files", "--test", "scenarios"];

/// What cargo calls them.
const TARGETS: [&str; 3] = ["turn", "scenario_files", "scenarios"];

/// Each of them takes a second; a mutant that makes one hang is noticed too.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut mutants = mutant_list::read(&workspace.root)?;
    if let Some(filter) = &args.filter {
        mutants.retain(|mutant| mutant.is_meant(filter));
        ensure!(!mutants.is_empty(), "no mutant is meant by {filter:?}");
    }
    let bench = Workbench::make(workspace)?;
    progress::step("the tests of the call core as it is");
    if let Some(test) = bench.first_failure(workspace)? {
        bail!("{test} fails before anything is broken");
    }
    let mut survivors = Vec::new();
    for mutant in &mutants {
        match bench.with(mutant, || bench.first_failure(workspace))? {
            Some(test) => progress::note(format!("caught    {}: {} (by {test})", mutant.rule, mutant.name)),
            None => {
                progress::note(format!("SURVIVED  {}: {}", mutant.rule, mutant.name));
                survivors.push(mutant.name.as_str());
            }
        }
    }
    let caught = mutants.len() - survivors.len();
    let took = progress::duration(started.elapsed());
    println!("mutants: {caught} of {} caught ({} %), {took}", mutants.len(), 100 * caught / mutants.len());
    ensure!(survivors.is_empty(), "no test notices: {}", survivors.join("; "));
    Ok(())
}

/// A workspace of its own that holds the call core and what it is built on.
struct Workbench {
    root: PathBuf,
}

/// A line of `cargo test --message-format json`.
#[derive(Deserialize)]
struct Message {
    target: Target,
    executable: PathBuf,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Workbench {
    fn make(workspace: &Workspace) -> anyhow::Result<Self> {
        let root = workspace.target.join("mutants");
        for package in PACKAGES {
            let to = root.join(package);
            if to.exists() {
                fs::remove_dir_all(&to).with_context(|| format!("emptying {}", to.display()))?;
            }
            copy_directory(&workspace.root.join(package), &to)?;
        }
        fs::write(
            root.join("Cargo.toml"),
            manifest(&fs::read_to_string(workspace.root.join("Cargo.toml"))?)?,
        )?;
        fs::copy(workspace.root.join("Cargo.lock"), root.join("Cargo.lock"))?;
        Ok(Self { root })
    }

    /// Runs `then` while the mistake is in the copy.
    fn with<T>(&self, mutant: &Mutant, then: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let path = self.root.join(SOURCES).join(&mutant.file);
        let source = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        fs::write(&path, mutant.apply(&source)?)?;
        let outcome = then().with_context(|| format!("{:?}", mutant.name));
        fs::write(&path, source)?;
        outcome
    }

    /// Builds and runs the tests; the name of the first that fails.
    fn first_failure(&self, workspace: &Workspace) -> anyhow::Result<Option<String>> {
        for program in self.build(workspace)? {
            let output = self.root.join("output");
            let mut command = std::process::Command::new(&program);
            command.current_dir(self.root.join("host/turn"));
            command.stdout(File::create(&output)?).stderr(Stdio::null());
            match process::run_bounded(&mut command, LIMIT)? {
                Outcome::Succeeded => {}
                Outcome::TimedOut => return Ok(Some("a test that hangs".to_owned())),
                Outcome::Failed => return Ok(Some(first_failed(&fs::read_to_string(&output)?))),
            }
        }
        Ok(None)
    }

    /// Builds the tests. What does not compile is a mistake in the list, not a mutant that is caught.
    fn build(&self, workspace: &Workspace) -> anyhow::Result<Vec<PathBuf>> {
        let mut command = process::cargo(workspace);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join("target"));
        command.args(["test", "--quiet", "--package", "turn", "--no-run", "--message-format", "json"]);
        command.args(TESTS);
        let output = process::output_of(&mut command)?;
        let built: Vec<Message> = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let program = |name| {
            let found = built.iter().find(|message| message.target.name == name);
            Ok(found.with_context(|| format!("cargo built no test program {name}"))?.executable.clone())
        };
        TARGETS.into_iter().map(program).collect()
    }
}

/// The top manifest with only the copied packages in it, built for a quick turn-round.
fn manifest(original: &str) -> anyhow::Result<String> {
    let mut manifest: toml::Table = toml::from_str(original).context("reading the top Cargo.toml")?;
    let members: Vec<toml::Value> = PACKAGES.map(toml::Value::from).into();
    let workspace = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut);
    let workspace = workspace.context("the top Cargo.toml has no [workspace]")?;
    workspace.insert("members".to_owned(), members.into());
    workspace.remove("default-members");
    manifest.insert("profile".to_owned(), toml::from_str::<toml::Table>("dev.debug = false")?.into());
    Ok(toml::to_string(&manifest)?)
}

/// The first test that the output of a test program says failed.
fn first_failed(output: &str) -> String {
    let failed = output.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix("FAILED"));
    let name = failed.map(|name| name.trim_end().trim_end_matches("...").trim_end());
    name.unwrap_or("a test program that breaks off").to_owned()
}

fn copy_directory(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("listing {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_only_its_packages_and_keeps_their_settings() {
        let original = "[workspace]\nmembers = [\"host/*\"]\n[workspace.dependencies]\nbytes = \"1\"\n\
                        [profile.dev.package.audio]\nopt-level = 2\n";
        let made: toml::Table = toml::from_str(&manifest(original).unwrap()).unwrap();
        assert_eq!(made["workspace"]["members"].as_array().unwrap().len(), PACKAGES.len());
        assert_eq!(made["workspace"]["dependencies"]["bytes"].as_str(), Some("1"));
        assert_eq!(made["profile"]["dev"].as_table().unwrap().len(), 1);
    }

    #[test]
    fn the_first_failed_test_is_found_in_either_form_of_output() {
        let built_in = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n";
        assert_eq!(first_failed(built_in), "a::c");
        let files = "test A plain turn      ... ok\ntest A cough is no turn ... FAILED\n";
        assert_eq!(first_failed(files), "A cough is no turn");
        assert_eq!(first_failed("thread panicked"), "a test program that breaks off");
    }
}
