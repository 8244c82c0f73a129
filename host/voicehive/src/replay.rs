//! `voicehive replay`.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use turn::{ReplayError, Replayed, Report};

use crate::cli::ReplayArguments;

/// Exit code where the core does something else than it did then.
const EXIT_DIFFERENT: u8 = 1;

/// Exit code where the recording cannot be replayed.
const EXIT_UNREADABLE: u8 = 2;

/// Plays a recorded call to the core and prints what came of it.
///
/// # Errors
/// Where nothing can be printed.
pub fn replay(arguments: &ReplayArguments) -> anyhow::Result<ExitCode> {
    let report = match play(arguments) {
        Ok(report) => report,
        Err(error) => {
            let hint = error.hint();
            let error = anyhow::Error::new(error).context(arguments.file.display().to_string());
            eprintln!("error: {error:#} (hint: {hint})");
            return Ok(ExitCode::from(EXIT_UNREADABLE));
        }
    };
    let mut output = std::io::stdout().lock();
    if arguments.json {
        serde_json::to_writer(&mut output, &report).context("printing the report")?;
        writeln!(output)?;
    } else {
        writeln!(output, "{report}")?;
    }
    Ok(if report.identical() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DIFFERENT) })
}

fn play(arguments: &ReplayArguments) -> Result<Report, ReplayError> {
    let file = BufReader::new(File::open(&arguments.file)?);
    turn::replay_with(file, |step| {
        if arguments.verbose && !is_silent_frame(step) {
            // To stderr, so that the report alone is on stdout.
            eprintln!("{:>8}  {}", step.line, step.text);
        }
    })
}

fn is_silent_frame(step: &Replayed<'_>) -> bool {
    step.frame && step.outputs.is_empty()
}
