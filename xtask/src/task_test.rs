//! `cargo xtask test`: set-up and every test. This is also what the CI machine calls.

use crate::workspace::Workspace;
use crate::{process, progress, task_build, task_ci, task_tools};

/// Builds the components and the example tools, then runs every test of the workspace, doc tests included.
///
/// With CI=true in the environment and no arguments it does what `cargo xtask ci` does.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    cargo xtask test                    everything\n  \
    cargo xtask test -p turn            one package\n  \
    cargo xtask test -p turn barge_in   the tests of one package whose names hold `barge_in`")]
pub struct Args {
    /// Arguments of `cargo test`, in place of --workspace
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if ci && args.args.is_empty() {
        return task_ci::run(workspace, &task_ci::Args::default());
    }
    task_build::run(workspace, &task_build::Args::default())?;
    if args.args.is_empty() {
        task_tools::run(workspace, &task_tools::Args::default())?;
    }
    let mut command = process::cargo(workspace);
    command.arg("test");
    if args.args.is_empty() {
        command.arg("--workspace");
    }
    command.args(&args.args);
    progress::step(process::render(&command));
    process::run(&mut command)
}
