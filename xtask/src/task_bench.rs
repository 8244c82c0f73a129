//! `cargo xtask bench`: the benchmarks behind the numbers in the documentation.

use crate::workspace::Workspace;
use crate::{process, progress, task_build};

/// Builds the components, then runs the benchmarks of host/sandbox, host/audio and host/voicehive.
///
/// Arguments are passed on to the benchmarks, for example a part of a benchmark's name.
#[derive(clap::Args)]
pub struct Args {
    /// Arguments of the benchmarks
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    task_build::run(workspace, &task_build::Args::default())?;
    let mut command = process::cargo(workspace);
    command.args([
        "bench",
        "--package",
        "sandbox",
        "--package",
        "audio",
        "--package",
        "voicehive",
        "--bench",
        "*",
    ]);
    if !args.args.is_empty() {
        command.arg("--").args(&args.args);
    }
    progress::step(process::render(&command));
    process::run(&mut command)
}
