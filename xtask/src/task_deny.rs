//! `cargo xtask deny`: the policy of `deny.toml` over every dependency.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::bail;

use crate::process::{self, Outcome};
use crate::progress;
use crate::workspace::Workspace;

/// Checks licences, sources, duplicates and known vulnerabilities of all dependencies, as deny.toml says.
///
/// cargo-deny is installed into target/tools where it is missing. Where the database of advisories cannot
/// be fetched, everything else is still checked.
#[derive(clap::Args, Default)]
pub struct Args {}

/// Another version may read `deny.toml` differently.
const VERSION: &str = "0.20.2";

/// Unoptimised, it builds in 40 s on two cores and checks in 3 s; optimised, the build takes minutes.
const INSTALL: [&str; 6] = ["install", "cargo-deny", "--locked", "--debug", "--version", VERSION];

/// The database is a shallow clone of about 3 MB.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

pub fn run(workspace: &Workspace, _args: &Args) -> anyhow::Result<()> {
    let program = installed(workspace)?;
    let deny = || {
        let mut command = Command::new(&program);
        process::forget_own_package(&mut command);
        command.current_dir(&workspace.root);
        command
    };
    progress::step("cargo deny check bans licenses sources");
    process::run(deny().args(["check", "bans", "licenses", "sources"]))?;

    let fetch = process::run_bounded(deny().args(["--log-level", "off", "fetch", "db"]), FETCH_LIMIT)?;
    if fetch != Outcome::Succeeded {
        progress::note("advisories were NOT checked: their database could not be fetched");
        return Ok(());
    }
    progress::step("cargo deny check advisories");
    process::run(deny().args(["check", "--disable-fetch", "advisories"]))
}

/// The program, from PATH or from our own directory, installed there if need be.
fn installed(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let on_path = PathBuf::from("cargo-deny");
    let own = workspace.tools_dir().join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    for program in [&own, &on_path] {
        if has_version(program) {
            return Ok(program.clone());
        }
    }
    progress::step(format_args!("installing cargo-deny {VERSION} into target/tools: about a minute"));
    let build_dir = workspace.target.join("tools-build");
    let mut command = process::cargo(workspace);
    command.args(INSTALL).arg("--root").arg(workspace.tools_dir());
    command.env("CARGO_TARGET_DIR", &build_dir).env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run(&mut command)?;
    if !has_version(&own) {
        bail!("{} was installed but does not say that it is version {VERSION}", own.display());
    }
    // Hundreds of megabytes that nothing uses again; a failure to remove them harms nothing.
    let _ = std::fs::remove_dir_all(build_dir);
    Ok(own)
}

fn has_version(program: &PathBuf) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null());
    command.output().is_ok_and(|output| is_version(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether `cargo-deny --version` printed this means the version that is wanted.
fn is_version(printed: &str) -> bool {
    printed.split_whitespace().last() == Some(VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pinned_version_is_taken() {
        assert!(is_version("cargo-deny 0.20.2\n"));
        assert!(!is_version("cargo-deny 0.19.0\n"));
        assert!(!is_version("cargo-deny 0.20.20\n"));
        assert!(!is_version(""));
    }

    #[test]
    fn a_program_that_is_not_there_has_no_version() {
        assert!(!has_version(&PathBuf::from("/nowhere/cargo-deny")));
    }
}
