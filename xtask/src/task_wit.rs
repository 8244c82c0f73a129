//! `cargo xtask wit`: whether the contracts hold together.

use std::path::Path;

use anyhow::bail;

use crate::wit_vendor::{Origin, Vendored};
use crate::workspace::{self, Workspace};
use crate::{progress, wit_docs, wit_syntax, wit_worlds};

/// Checks the contracts in wit/.
///
/// Vendored packages in wit/deps must be byte for byte what wit/deps.lock and the spin-sdk crate in
/// Cargo.lock say. Every package must parse. Every item of our own packages must have prose. Every world
/// of wit/platform and wit/webhooks that exports something must have its component: world NAME-capability, package
/// components/NAME.
#[derive(clap::Args, Default)]
#[command(after_help = "Examples:\n  \
    cargo xtask wit             check\n  \
    cargo xtask wit --update    copy wit/deps from the spin-sdk crate again and write wit/deps.lock\n\n\
    To vendor one more package, make its directory first, named as in the crate's wit/deps:\n  \
    mkdir wit/deps/spin-postgres@4.2.0 && cargo xtask wit --update")]
pub struct Args {
    /// Copy the vendored packages again and write the lock file
    #[arg(long)]
    update: bool,
}

/// The packages that are ours, and so must explain themselves.
const OWN_PACKAGES: [&str; 3] = ["platform", "webhooks", "tool"];

/// The packages whose exporting worlds are what our components implement.
const CAPABILITIES: [&str; 2] = ["platform", "webhooks"];

/// The crate that the packages in wit/deps are copied from.
const ORIGIN: &str = "spin-sdk";

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let wit = workspace.root.join("wit");
    let vendored = Vendored::at(&wit);
    let origin = Origin::among(&workspace::all_packages()?, ORIGIN)?;
    if args.update {
        let n_files = vendored.update(&origin)?;
        progress::note(format_args!("copied {n_files} files from {ORIGIN} {}", origin.version));
    }

    let mut problems = vendored.drift(&origin)?;
    problems.extend(check_packages(workspace, &wit)?);
    report(workspace, &problems)
}

fn check_packages(workspace: &Workspace, wit: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut vendored = Vec::new();
    for directory in workspace::subdirectories(&wit.join("deps"))? {
        match wit_syntax::parse(&directory) {
            Ok(package) => vendored.push(package),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some((first, rest)) = vendored.split_first() {
        problems.extend(wit_syntax::resolve(first, rest).err());
    }
    let guests = workspace.guests()?.into_iter().map(|guest| guest.name).collect();
    for name in OWN_PACKAGES {
        let resolved =
            wit_syntax::parse(&wit.join(name)).and_then(|package| wit_syntax::resolve(&package, &vendored));
        match resolved {
            Err(problem) => problems.push(problem),
            Ok((resolve, package)) => {
                problems.extend(wit_docs::undocumented(&resolve, package));
                if CAPABILITIES.contains(&name) {
                    problems.extend(wit_worlds::without_component(&resolve, package, &guests));
                }
            }
        }
    }
    Ok(problems)
}

fn report(workspace: &Workspace, problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        progress::note("wit/ is as it should be");
        return Ok(());
    }
    let root = format!("{}/", workspace.root.display());
    for problem in problems {
        progress::note(problem.replace(&root, ""));
    }
    match problems.len() {
        1 => bail!("there is a problem in wit/, listed above"),
        n_problems => bail!("there are {n_problems} problems in wit/, listed above"),
    }
}
