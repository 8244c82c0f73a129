//! `cargo xtask up`: the whole system, serving on this machine.

use crate::task_demo::build_and_become;
use crate::workspace::Workspace;

/// Builds the components and the host, then runs `voicehive up`, which serves both planes until it is
/// stopped.
///
/// Arguments are passed on; `cargo xtask up --help` shows this text, `cargo xtask up -- --help` that of
/// `voicehive up`.
#[derive(clap::Args)]
pub struct Args {
    /// Arguments of `voicehive up`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    build_and_become(workspace, "voicehive", "up", &args.args)
}
