//! `cargo xtask ci`: every check that a change must pass, in one order on every machine.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;
use crate::{process, progress, task_build, task_deny, task_tools, task_wit};

/// Runs every check that a change must pass: formatting, contracts, components, lints, tests, docs,
/// dependencies.
///
/// Stops at the first that fails and prints the command that repeats it; a table of durations ends the run
/// either way.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Run the remaining steps after one has failed
    #[arg(long)]
    keep_going: bool,
}

struct Step {
    name: &'static str,
    action: Action,
}

enum Action {
    /// A run of cargo with these arguments and this environment.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A task of this program, and how to call it by hand.
    Task(fn(&Workspace) -> anyhow::Result<()>, &'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

const STEPS: [Step; 8] = [
    Step { name: "formatting", action: Action::Cargo(&["fmt", "--all", "--check"], &[]) },
    Step { name: "contracts", action: Action::Task(wit, "cargo xtask wit") },
    Step { name: "components", action: Action::Task(build, "cargo xtask build --locked") },
    Step { name: "example tools", action: Action::Task(tools, "cargo xtask tools --locked") },
    Step {
        name: "lints",
        action: Action::Cargo(
            &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
            &[],
        ),
    },
    Step { name: "tests", action: Action::Cargo(&["test", "--locked", "--workspace"], &[]) },
    Step {
        name: "docs",
        action: Action::Cargo(
            &["doc", "--locked", "--workspace", "--no-deps"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
    },
    Step { name: "dependencies", action: Action::Task(deny, "cargo xtask deny") },
];

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut failure: Option<(&Step, anyhow::Error)> = None;
    let mut verdicts = Vec::new();
    for step in &STEPS {
        if failure.is_some() && !args.keep_going {
            verdicts.push((step.name, Verdict::NotRun));
            continue;
        }
        progress::step(format_args!("{}: {}", step.name, by_hand(&step.action)));
        let started = Instant::now();
        let result = perform(workspace, &step.action);
        let took = started.elapsed();
        verdicts
            .push((step.name, if result.is_ok() { Verdict::Passed(took) } else { Verdict::Failed(took) }));
        if let Err(error) = result {
            if args.keep_going {
                progress::error(&error);
            }
            failure.get_or_insert((step, error));
        }
    }

    progress::step("summary");
    for line in table(&verdicts, started.elapsed()) {
        progress::note(line);
    }
    match failure {
        None => Ok(()),
        Some((step, error)) => {
            Err(error.context(format!("{} failed; repeat with: {}", step.name, by_hand(&step.action))))
        }
    }
}

fn perform(workspace: &Workspace, action: &Action) -> anyhow::Result<()> {
    match action {
        Action::Cargo(args, environment) => {
            process::run(process::cargo(workspace).args(*args).envs(environment.iter().copied()))
        }
        Action::Task(task, _) => task(workspace),
    }
}

/// The command that repeats `action`.
fn by_hand(action: &Action) -> String {
    match action {
        Action::Cargo(args, environment) => {
            let mut command = Command::new("cargo");
            command.args(*args);
            let variables = environment.iter().map(|(name, value)| format!("{name}='{value}' "));
            variables.collect::<String>() + &process::render(&command)
        }
        Action::Task(_, shown) => (*shown).to_owned(),
    }
}

fn table(verdicts: &[(&str, Verdict)], total: Duration) -> Vec<String> {
    let line = |(name, verdict): &(&str, Verdict)| match verdict {
        Verdict::Passed(took) => format!("{name:<14} ok       {:>12}", progress::duration(*took)),
        Verdict::Failed(took) => format!("{name:<14} FAILED   {:>12}", progress::duration(*took)),
        Verdict::NotRun => format!("{name:<14} not run"),
    };
    let sum = format!("{:<14}          {:>12}", "total", progress::duration(total));
    verdicts.iter().map(line).chain([sum]).collect()
}

fn wit(workspace: &Workspace) -> anyhow::Result<()> {
    task_wit::run(workspace, &task_wit::Args::default())
}

fn build(workspace: &Workspace) -> anyhow::Result<()> {
    task_build::run(workspace, &task_build::Args { locked: true, ..Default::default() })
}

fn tools(workspace: &Workspace) -> anyhow::Result<()> {
    task_tools::run(workspace, &task_tools::Args { locked: true, ..Default::default() })
}

fn deny(workspace: &Workspace) -> anyhow::Result<()> {
    task_deny::run(workspace, &task_deny::Args::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_names_a_command_that_repeats_it() {
        let commands: Vec<String> = STEPS.iter().map(|step| by_hand(&step.action)).collect();
        assert!(commands.iter().all(|command| command.contains("cargo ")), "{commands:?}");
        assert!(
            commands
                .contains(&"RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps".to_owned())
        );
        assert!(
            commands.contains(&"cargo clippy --locked --workspace --all-targets -- -D warnings".to_owned())
        );
    }

    #[test]
    fn the_summary_tells_passed_failed_and_not_run_apart() {
        let verdicts = [
            ("formatting", Verdict::Passed(Duration::from_millis(300))),
            ("lints", Verdict::Failed(Duration::from_secs(75))),
            ("tests", Verdict::NotRun),
        ];
        let lines = table(&verdicts, Duration::from_secs(76));
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0], "formatting     ok             300 ms");
        assert_eq!(lines[1], "lints          FAILED     1 min 15 s");
        assert_eq!(lines[2], "tests          not run");
        assert_eq!(lines[3], "total                     1 min 16 s");
    }
}
