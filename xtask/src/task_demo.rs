//! `cargo xtask demo`: a phone call on this machine, from nothing.

use crate::workspace::Workspace;
use crate::{process, progress, task_build};

/// Builds the components and the host, then runs `voicehive-sim demo`: a simulated carrier calls a
/// simulated agent through the real system.
///
/// Arguments are passed on; `cargo xtask demo --help` shows this text, `cargo xtask demo -- --help` that of
/// the demo itself.
#[derive(clap::Args)]
pub struct Args {
    /// Arguments of `voicehive-sim demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    build_and_become(workspace, "voicehive-sim", "demo", &args.args)
}

/// Builds everything that runs, then becomes `program verb args..`.
pub fn build_and_become(
    workspace: &Workspace,
    program: &str,
    verb: &str,
    args: &[String],
) -> anyhow::Result<()> {
    task_build::run(workspace, &task_build::Args::default())?;
    progress::step("building the host");
    // The whole workspace, as the tests build it: a part of it would enable other features of
    // shared dependencies, and the runtime would be compiled once more.
    process::run(process::cargo(workspace).args(["build", "--workspace", "--bins"]))?;

    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let mut command = std::process::Command::new(workspace.target.join("debug").join(file));
    command.arg(verb).args(args).current_dir(&workspace.root);
    progress::step(process::render(&command));
    process::become_program(&mut command)
}
