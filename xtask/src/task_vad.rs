//! `cargo xtask vad`: the measurement behind the figures of voice activity.

use crate::workspace::Workspace;
use crate::{process, progress};

/// Measures voice activity on synthesised speech, noise, tones and echo.
///
/// Needs espeak-ng on PATH, and uses flite where it is there. Takes a minute.
#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let mut command = process::cargo(workspace);
    command.args(["run", "--quiet", "--package", "audio", "--example", "vad_corpus"]);
    if args.json {
        command.args(["--", "--json"]);
    }
    progress::step(process::render(&command));
    process::run(&mut command)
}
