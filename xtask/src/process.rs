//! Starting other programs: how they are printed, what they inherit, how their failure is passed on.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::workspace::Workspace;

/// A program that was started ended unsuccessfully.
#[derive(Debug)]
pub struct CommandFailed {
    command: String,
    status: ExitStatus,
}

impl CommandFailed {
    /// The code to end with in turn: the program's own where it has one.
    pub fn exit_code(&self) -> ExitCode {
        self.status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.code() {
            Some(code) => write!(f, "`{}` ended with code {code}", self.command),
            None => write!(f, "`{}` was stopped, {}", self.command, self.status),
        }
    }
}

impl std::error::Error for CommandFailed {}

/// How a bounded command ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed,
    TimedOut,
}

/// The cargo that started this program, run in the root of the workspace.
///
/// `cargo run` tells its child about the package that it runs. That must not reach another cargo:
/// build scripts that watch those variables (ring's does) would run again each time.
pub fn cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&workspace.root);
    forget_own_package(&mut command);
    if std::env::var_os("CARGO_TARGET_DIR").is_some() {
        // A relative path would mean another directory from the root.
        command.env("CARGO_TARGET_DIR", &workspace.target);
    }
    command
}

/// Keeps what `cargo run` says of this program from `command`.
pub fn forget_own_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if describes_running_package(&name) {
            command.env_remove(name);
        }
    }
}

/// Runs `command` to its end; fails with [`CommandFailed`] when it does.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = render(command);
    let status = command.status().with_context(|| format!("starting `{shown}`"))?;
    if status.success() { Ok(()) } else { Err(CommandFailed { command: shown, status }.into()) }
}

/// Runs `command` and returns what it wrote to stdout; its stderr goes to ours.
pub fn output_of(command: &mut Command) -> anyhow::Result<String> {
    let shown = render(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("starting `{shown}`"))?;
    if !output.status.success() {
        return Err(CommandFailed { command: shown, status: output.status }.into());
    }
    String::from_utf8(output.stdout).with_context(|| format!("reading the output of `{shown}`"))
}

/// Runs `command` for `limit` at most, then kills it.
pub fn run_bounded(command: &mut Command, limit: Duration) -> anyhow::Result<Outcome> {
    let shown = render(command);
    let mut child = command.spawn().with_context(|| format!("starting `{shown}`"))?;
    let deadline = Instant::now() + limit;
    wait_until(&mut child, deadline).with_context(|| format!("waiting for `{shown}`"))
}

/// Becomes `command`, so that signals and the exit code are the program's own. Returns only on failure,
/// or on a system that cannot do this, when the program has ended.
pub fn become_program(command: &mut Command) -> anyhow::Result<()> {
    forget_own_package(command);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        let error = command.exec();
        Err(error).with_context(|| format!("starting `{}`", render(command)))
    }
    #[cfg(not(unix))]
    run(command)
}

/// Whether a program of this name is found on PATH.
pub fn on_path(program: &str) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(&name).is_file()))
}

/// The command as one would type it, without its environment.
pub fn render(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn wait_until(child: &mut Child, deadline: Instant) -> std::io::Result<Outcome> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(if status.success() { Outcome::Succeeded } else { Outcome::Failed });
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn describes_running_package(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("CARGO_PKG_")
        || matches!(
            name.as_ref(),
            "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_CRATE_NAME"
                | "CARGO_BIN_NAME"
                | "CARGO_PRIMARY_PACKAGE"
                | "OUT_DIR"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_commands_can_be_pasted_into_a_shell() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["clippy", "--", "-D", "warnings", "it's", ""]);
        assert_eq!(render(&command), r"cargo clippy -- -D warnings 'it'\''s' ''");
    }

    #[test]
    fn variables_about_the_running_package_are_told_from_settings() {
        for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR", "CARGO_MANIFEST_DIR", "OUT_DIR"] {
            assert!(describes_running_package(&name.into()), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!describes_running_package(&name.into()), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_failing_program_passes_its_exit_code_on() {
        let error = run(Command::new("sh").args(["-c", "exit 42"])).unwrap_err();
        let failed = error.downcast_ref::<CommandFailed>().unwrap();
        assert_eq!(failed.exit_code(), ExitCode::from(42));
        assert_eq!(error.to_string(), "`sh -c 'exit 42'` ended with code 42");
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_that_stops_a_program_is_named() {
        let error = run(Command::new("sh").args(["-c", "kill -TERM $$"])).unwrap_err();
        assert!(error.to_string().ends_with("was stopped, signal: 15 (SIGTERM)"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_killed_at_its_limit() {
        let mut command = Command::new("sleep");
        command.arg("600");
        assert_eq!(run_bounded(&mut command, Duration::from_millis(30)).unwrap(), Outcome::TimedOut);
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
    }
}
