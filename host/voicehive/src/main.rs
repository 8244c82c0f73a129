//! VoiceHive: answers phone calls with AI agents.

mod banner;
mod call;
mod carrier_accounts;
mod carriers;
mod cli;
mod commands;
mod config;
mod doctor;
mod internal;
mod lines;
mod live;
mod media;
mod migrate;
mod one_at_a_time;
mod place_call;
mod platform;
mod problem;
mod ranked;
mod replay;
mod secrets;
mod serve;
mod tool_api;
mod tool_commands;
mod tool_lines;
mod tool_secrets;
mod tool_worker;
mod tools;
mod up;
mod vendors;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use config::ConfigError;
use tracing_subscriber::EnvFilter;

/// Exit code for a bad configuration, as `sysexits.h` has it (EX_USAGE).
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    // Not for users, and before anything else: it closes whatever is open.
    if std::env::args_os().nth(1).is_some_and(|command| command == sandbox::Compiler::COMMAND) {
        return sandbox::compile_child();
    }
    let cli = cli::Cli::parse();
    match log_to_stderr(cli.json_logs).and_then(|()| run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.chain().any(|cause| cause.is::<ConfigError>()) {
                return ExitCode::from(EXIT_CONFIG);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match cli.command {
        cli::Command::Up => runtime.block_on(up::up(config::Config::load()?, up::Planes::Both)),
        cli::Command::Media => runtime.block_on(up::up(config::Config::load()?, up::Planes::Media)),
        cli::Command::Call(arguments) => runtime.block_on(place_call::place_call(arguments)),
        cli::Command::Replay(arguments) => replay::replay(&arguments),
        cli::Command::Tool { command } => runtime.block_on(tool_commands::run(command)),
        cli::Command::Doctor => runtime.block_on(doctor::doctor()),
        cli::Command::Migrate { direction } => {
            runtime.block_on(migrate::migrate(&config::Config::load()?, &direction))
        }
    }
}

fn log_to_stderr(json: bool) -> anyhow::Result<()> {
    let filter = std::env::var("VOICEHIVE_LOG").unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| ConfigError::Value { name: "VOICEHIVE_LOG", message: error.to_string() })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        builder.with_ansi(colour).init();
    }
    Ok(())
}
