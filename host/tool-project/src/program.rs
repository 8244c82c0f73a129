//! Programs of other people's that a build runs.

use std::io::{self, Read as _, Take};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a program may run: longer than a first build on a slow machine, downloads included.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The most of a program's output that is read.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

/// Why a program was of no use.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not installed.
    #[error("`{program}` is not on the PATH: {hint}")]
    Missing {
        /// The program.
        program: String,
        /// How to get it.
        hint: &'static str,
    },
    /// It could not be started or read from.
    #[error("running `{command}`")]
    Io {
        /// The command.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It said itself, on stderr, what was wrong.
    #[error("`{command}` failed: {status}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// It did not end.
    #[error("`{command}` was stopped after {} minutes", LIMIT.as_secs() / 60)]
    TooLong {
        /// The command.
        command: String,
    },
}

/// Runs `command` to its end and gives what it wrote to stdout; its stderr is ours. `hint` says how to get the program.
pub(crate) fn output_of(command: &mut Command, hint: &'static str) -> Result<String, ProgramError> {
    drive(command, hint, |output| {
        let mut text = String::new();
        output.read_to_string(&mut text)?;
        Ok(text)
    })
}

/// As [`output_of`] for a program that talks to people: all that it says goes to stderr, as it says it.
pub(crate) fn run(command: &mut Command, hint: &'static str) -> Result<(), ProgramError> {
    drive(command, hint, |output| io::copy(output, &mut io::stderr()).map(|_| ()))
}

/// Runs `command`, with `read` reading its stdout on a thread of its own, so that the wait has an end.
fn drive<T: Default + Send + 'static>(
    command: &mut Command,
    hint: &'static str,
    read: impl FnOnce(&mut Take<ChildStdout>) -> io::Result<T> + Send + 'static,
) -> Result<T, ProgramError> {
    let shown = render(command);
    let failed = |source| ProgramError::Io { command: shown.clone(), source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|source| not_started(command, source, hint))?;
    let (done, told) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            // Nobody waits any longer where the time is up.
            let _ = done.send(read(&mut output.take(MAX_OUTPUT_BYTES)));
        });
    }
    let output = match told.recv_timeout(LIMIT) {
        Ok(output) => output.map_err(failed)?,
        Err(RecvTimeoutError::Timeout) => {
            child.kill().map_err(failed)?;
            child.wait().map_err(failed)?;
            return Err(ProgramError::TooLong { command: shown });
        }
        Err(RecvTimeoutError::Disconnected) => T::default(),
    };
    // The output is at its end, and so is the program.
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(output) } else { Err(ProgramError::Failed { command: shown, status }) }
}

fn not_started(command: &Command, source: io::Error, hint: &'static str) -> ProgramError {
    if source.kind() == io::ErrorKind::NotFound {
        let program = command.get_program().to_string_lossy().into_owned();
        return ProgramError::Missing { program, hint };
    }
    ProgramError::Io { command: render(command), source }
}

/// The command as one would type it, without its environment.
fn render(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_writes_is_read() {
        assert_eq!(output_of(&mut shell("printf one; printf two"), "").unwrap(), "onetwo");
    }

    #[test]
    fn how_a_program_failed_is_told() {
        let error = run(&mut shell("exit 3"), "").unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed: exit status: 3");
    }

    #[test]
    fn how_to_get_a_program_is_told() {
        let error = run(&mut Command::new("no-such-program"), "install it").unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program` is not on the PATH: install it");
    }
}
