//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::SETTINGS;
use crate::tool_commands::arguments::ToolCommand;

/// Answers phone calls with AI agents.
#[derive(Debug, Parser)]
#[command(version, after_long_help = settings_help())]
pub struct Cli {
    /// Log JSON, one object a line.
    #[arg(long, global = true)]
    pub json_logs: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves both planes on one port: webhooks and API by the components of
    /// spin.toml, and the media sockets.
    #[command(after_long_help = settings_help())]
    Up,
    /// Serves the media sockets only, for use beside `spin up`.
    #[command(after_long_help = settings_help())]
    Media,
    /// Places a simulated call to a platform that runs on simulated vendors
    /// (`voicehive-sim vendors`), as Twilio would, and prints what is heard. A real
    /// recogniser hears only noise in the simulated voice.
    Call(CallArguments),
    /// Says which settings are set, which are missing, and what can be reached.
    Doctor,
    /// Plays the recording of a call to the call core again and says where it first does
    /// something else: exit code 0 if nowhere, 1 if somewhere, 2 if it cannot be told. A
    /// recording holds all that was said in its call; keep it as you keep that.
    Replay(ReplayArguments),
    /// Makes, builds, tries and uploads tools: components that agents call in the middle of a phone call.
    #[command(after_help = "From nothing to a tool in a call:\n  \
        voicehive tool new callbacks --language rust && cd callbacks\n  \
        voicehive tool build\n  \
        voicehive tool call callbacks.wasm --arguments '{\"topic\": \"my invoice\", \"when\": \"morning\"}'\n  \
        voicehive tool push callbacks.wasm --agent receptionist")]
    Tool {
        /// What to do.
        #[command(subcommand)]
        command: ToolCommand,
    },
    /// Brings the database to a schema version, or shows where it is.
    Migrate {
        /// Where to go.
        #[command(subcommand)]
        direction: Direction,
    },
}

/// Where to bring the database.
#[derive(Debug, Subcommand)]
pub enum Direction {
    /// To the latest version, and seeds the default tenant.
    Up,
    /// Down to a version. Data of later versions is lost.
    Down {
        /// The version to go down to; 0 is empty.
        version: u32,
    },
    /// Nowhere: lists the migrations.
    Status,
}

/// Whom to call and what to say.
#[derive(Debug, Args)]
pub struct CallArguments {
    /// Base URL of the running platform (default: PUBLIC_URL, or where VOICEHIVE_LISTEN says).
    #[arg(long)]
    pub url: Option<String>,
    /// Number to call (default: VOICEHIVE_NUMBER).
    #[arg(long)]
    pub to: Option<String>,
    /// Number that calls.
    #[arg(long, default_value = "+15550100")]
    pub from: String,
    /// What the caller says, a line for each turn.
    #[arg(required = true)]
    pub lines: Vec<String>,
}

/// Which recording to replay and how to tell of it.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// The recording.
    pub file: PathBuf,
    /// Print the result as JSON, with all that the differing output says.
    #[arg(long)]
    pub json: bool,
    /// Print every step that is more than a silent frame: the words of the call.
    #[arg(long)]
    pub verbose: bool,
}

fn settings_help() -> String {
    let width = SETTINGS.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut help = String::from(
        "Settings come from environment variables, and from voicehive.toml (or the file\n\
         that VOICEHIVE_CONFIG names) with the same names in lower case:\n",
    );
    for (name, meaning) in SETTINGS {
        help.push_str(&format!("  {name:width$}  {meaning}\n"));
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_setting() {
        let help = settings_help();
        assert!(SETTINGS.iter().all(|(name, _)| help.contains(name)));
    }
}
