//! `cargo xtask`: the one entry point for building, running and checking the project.
//!
//! Each task is a `task_*` module with a `run` function. Everything a task starts is an ordinary
//! command that is printed, so it can be repeated by hand.

mod guest_toolchain;
mod mutant_list;
mod process;
mod progress;
mod task_bench;
mod task_build;
mod task_ci;
mod task_demo;
mod task_deny;
mod task_mutants;
mod task_test;
mod task_tools;
mod task_up;
mod task_vad;
mod task_wit;
mod tool_project;
mod toolchain_choice;
mod wit_docs;
mod wit_syntax;
mod wit_vendor;
mod wit_worlds;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::process::CommandFailed;
use crate::workspace::Workspace;

/// Builds, runs and checks VoiceHive.
#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    after_help = "Start here:\n  \
        cargo xtask demo     a phone call with an agent, on this machine, without any account\n  \
        cargo xtask test     what to run before sending a change\n\n\
        The first run compiles the host and the components: about ten minutes on two cores. Later runs \
        compile only what changed."
)]
struct Cli {
    #[command(subcommand)]
    task: Option<Task>,
}

#[derive(Subcommand)]
enum Task {
    /// Build the components for wasm32-wasip2 into target/components
    Build(task_build::Args),
    /// Build the example tools in Rust, JavaScript and Python into target/tools-examples
    Tools(task_tools::Args),
    /// Build everything, then play a whole phone call against a simulated carrier
    Demo(task_demo::Args),
    /// Build everything, then serve both planes on this machine
    Up(task_up::Args),
    /// Build the components and run every test
    Test(task_test::Args),
    /// Run every check that a change must pass
    Ci(task_ci::Args),
    /// Check the contracts in wit/: vendored copies, syntax, prose, components
    Wit(task_wit::Args),
    /// Check licences, sources, duplicates and advisories of all dependencies
    Deny(task_deny::Args),
    /// Break the rules of the call core one at a time and see that its tests notice
    Mutants(task_mutants::Args),
    /// Run the benchmarks of the sandbox and of the audio code
    Bench(task_bench::Args),
    /// Measure voice activity on synthesised speech, noise, tones and echo
    Vad(task_vad::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Some(task) = cli.task else {
        return match Cli::command().print_help() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    };
    match run(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::error(&error);
            error.downcast_ref::<CommandFailed>().map_or(ExitCode::FAILURE, CommandFailed::exit_code)
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Build(args) => task_build::run(&workspace, args),
        Task::Tools(args) => task_tools::run(&workspace, args),
        Task::Demo(args) => task_demo::run(&workspace, args),
        Task::Up(args) => task_up::run(&workspace, args),
        Task::Test(args) => task_test::run(&workspace, args),
        Task::Ci(args) => task_ci::run(&workspace, args),
        Task::Wit(args) => task_wit::run(&workspace, args),
        Task::Deny(args) => task_deny::run(&workspace, args),
        Task::Mutants(args) => task_mutants::run(&workspace, args),
        Task::Bench(args) => task_bench::run(&workspace, args),
        Task::Vad(args) => task_vad::run(&workspace, args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_a_started_program_are_not_taken_for_ours() {
        let cli = Cli::try_parse_from(["xtask", "demo", "--calls", "3", "--help-me"]).unwrap();
        let Some(Task::Demo(args)) = cli.task else { panic!("not a demo") };
        assert_eq!(args.args, ["--calls", "3", "--help-me"]);
    }
}
