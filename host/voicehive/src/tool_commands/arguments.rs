//! The command line of `voicehive tool`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tool_project::{Language, ProjectName};

/// What to do with a tool.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
    /// Writes a new project: a tool that works, its tests, and the contract that it is written against.
    #[command(after_help = "Next: `cd NAME`, then `voicehive tool build`.")]
    New(NewArguments),
    /// Builds the project in a folder into NAME.wasm: runs the language's own toolchain, lets the gate look at what
    /// comes out, and stamps it.
    #[command(
        after_help = "Needs cargo with the target wasm32-wasip2 for Rust, npm for JavaScript, python3 for Python.\n\
        Next: `voicehive tool check NAME.wasm`, `voicehive tool call NAME.wasm --arguments '{..}'`."
    )]
    Build(BuildArguments),
    /// Puts a component through all that an upload goes through, and says what was measured: the gate, compilation in
    /// a jailed process, linking, and `describe`, twice.
    Check(CheckArguments),
    /// Runs a tool once on this machine, under the limits of a phone call's run. The answer goes to stdout; time, memory
    /// and fuel go to stderr.
    #[command(after_help = "Examples:\n  \
        voicehive tool call callbacks.wasm --arguments '{\"topic\": \"my invoice\", \"when\": \"morning\"}' --confirmed\n  \
        voicehive tool call callbacks.wasm --arguments '{..}' --records records.json    keeps what the tool stores\n\n\
        Arguments that do not fit the tool's schema are refused with `invalid-arguments`, as on a platform: the tool never\n\
        sees them. The file of `--secrets` holds what `voicehive tool secret set` would set:\n  \
        {\"api-key\": {\"host\": \"api.example.com\", \"value\": \"..\"}}\n\n\
        Exit code: 0 when the tool answered or wants confirmation, 1 when it refused or broke.")]
    Call(CallArguments),
    /// Uploads a component to a running platform. Calls that begin from then on get it; those that are live keep
    /// theirs.
    #[command(after_help = "Examples:\n  \
        voicehive tool push order-status.wasm --agent receptionist\n  \
        voicehive tool push order-status.wasm --alias canary --share 10    for a tenth of the calls\n  \
        voicehive tool push price-quote.wasm --tier large                  JavaScript and Python need it")]
    Push(PushArguments),
    /// Lists the tenant's tools, the versions of one, or the last uploads that were refused.
    List(ListArguments),
    /// Takes an alias back to the version that it named before.
    Rollback(RollbackArguments),
    /// Prints what a tool logged last, the oldest line first.
    Logs(LogsArguments),
    /// Sets the secrets that a tool names in its requests and never sees.
    Secret {
        /// What to do.
        #[command(subcommand)]
        command: SecretCommand,
    },
}

/// What to begin with.
#[derive(Debug, Args)]
pub struct NewArguments {
    /// The tool's name: words of lower-case letters and digits, joined by hyphens.
    pub name: ProjectName,
    /// What to write it in: rust, javascript or python.
    #[arg(long)]
    pub language: Language,
    /// Where to write it; must be empty or not there (default: a folder of the tool's name).
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// What to build.
#[derive(Debug, Args)]
pub struct BuildArguments {
    /// The project's folder.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Print what was built as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The component.
    pub file: PathBuf,
    /// How large and intricate it may be.
    #[arg(long, value_enum, default_value_t)]
    pub tier: Tier,
    /// Print what was measured as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to run, and with what.
#[derive(Debug, Args)]
pub struct CallArguments {
    /// The component.
    pub file: PathBuf,
    /// What the model passes: a JSON object that fits the tool's schema.
    #[arg(long, default_value = "{}")]
    pub arguments: String,
    /// As if the caller had agreed to what the tool wants confirmed.
    #[arg(long)]
    pub confirmed: bool,
    /// A JSON file that keeps the tool's records between runs (default: they are forgotten).
    #[arg(long)]
    pub records: Option<PathBuf>,
    /// Lets the tool send requests to the hosts that it declares.
    #[arg(long)]
    pub allow_http: bool,
    /// A JSON file of secrets that the tool may name in its requests; keep it out of the repository.
    #[arg(long, requires = "allow_http")]
    pub secrets: Option<PathBuf>,
    /// The caller's number, or empty for one that is withheld.
    #[arg(long, default_value = "+12025550143")]
    pub caller: String,
    /// The tenant's IANA time zone.
    #[arg(long, default_value = "UTC")]
    pub time_zone: String,
    /// The same for every attempt at one logical call (default: another in each run).
    #[arg(long)]
    pub idempotency_key: Option<String>,
    /// How large and intricate it may be.
    #[arg(long, value_enum, default_value_t)]
    pub tier: Tier,
    /// Print what became of it as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which platform, and as whom.
#[derive(Debug, Args)]
pub struct PlatformArguments {
    /// Base URL of the platform (default: PUBLIC_URL, or where VOICEHIVE_LISTEN says).
    #[arg(long)]
    pub url: Option<String>,
    /// The tenant's API key (default: VOICEHIVE_API_KEY, or the key in the data folder).
    #[arg(long)]
    pub api_key: Option<String>,
    /// Print the platform's answer as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to upload, and for which calls.
#[derive(Debug, Args)]
pub struct PushArguments {
    /// The component.
    pub file: PathBuf,
    /// Which name of the tool leads to this version then.
    #[arg(long, value_enum, default_value_t)]
    pub alias: PushAlias,
    /// For how many of a hundred calls, with `--alias canary`.
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub share: Option<u32>,
    /// How large and intricate it may be.
    #[arg(long, value_enum, default_value_t)]
    pub tier: Tier,
    /// Also lets this agent use the tool, from its next call on.
    #[arg(long)]
    pub agent: Option<String>,
    /// Where to.
    #[command(flatten)]
    pub platform: PlatformArguments,
}

/// The name that leads to a version that was just uploaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PushAlias {
    /// All calls get it, but for those that get a canary.
    #[default]
    Live,
    /// A share of the calls gets it.
    Canary,
    /// No call gets it yet.
    None,
}

/// How large and intricate a component may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Tier {
    /// Enough for compiled languages.
    #[default]
    Standard,
    /// For languages that bring an interpreter.
    Large,
}

/// What to list.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// The versions of this tool, the newest first (default: all tools).
    pub tool: Option<String>,
    /// The last uploads that were refused, of whichever tool, the newest first.
    #[arg(long, conflicts_with = "tool")]
    pub refused: bool,
    /// Of whom.
    #[command(flatten)]
    pub platform: PlatformArguments,
}

/// What to take back.
#[derive(Debug, Args)]
pub struct RollbackArguments {
    /// The tool.
    pub tool: String,
    /// Which of its names.
    #[arg(long, value_enum, default_value_t)]
    pub alias: Alias,
    /// Only if the alias still names this version: its digest, or as many of the first digits as tell it from others.
    #[arg(long)]
    pub from: Option<String>,
    /// What the tool's history is to say about it.
    #[arg(long, default_value = "")]
    pub why: String,
    /// Where.
    #[command(flatten)]
    pub platform: PlatformArguments,
}

/// A name that leads to a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Alias {
    /// What calls get.
    #[default]
    Live,
    /// What a share of the calls gets.
    Canary,
}

/// Whose lines to print.
#[derive(Debug, Args)]
pub struct LogsArguments {
    /// The tool.
    pub tool: String,
    /// Go on with new lines until Ctrl-C.
    #[arg(long)]
    pub follow: bool,
    /// Where from.
    #[command(flatten)]
    pub platform: PlatformArguments,
}

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Sets a secret; its value is read from stdin, so that it is in no list of processes and no shell's history.
    #[command(
        after_help = "Example: voicehive tool secret set order-status api-key --host api.example.com < key.txt"
    )]
    Set(SecretSetArguments),
}

/// Which secret.
#[derive(Debug, Args)]
pub struct SecretSetArguments {
    /// The tool that may name it.
    pub tool: String,
    /// The name that the tool asks for it by.
    pub name: String,
    /// The only host that it is ever sent to, without scheme and path, as the tool declares it: api.example.com or
    /// api.example.com:8443.
    #[arg(long)]
    pub host: String,
    /// Where.
    #[command(flatten)]
    pub platform: PlatformArguments,
}

/// The word of a choice, as it is written.
pub fn word(choice: impl ValueEnum) -> String {
    choice.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
