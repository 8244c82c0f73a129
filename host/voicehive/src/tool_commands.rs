//! `voicehive tool`: from an empty folder to a tool in a call.

pub mod arguments;
mod check;
mod client;
mod deliver;
mod local_host;
mod local_secrets;
mod logs;
mod manage;
mod problem;
mod project;
mod records;
mod rehearse;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

use arguments::{Tier, ToolCommand};

/// Does what the command says.
///
/// # Errors
/// What went wrong, with what to do about it.
pub async fn run(command: ToolCommand) -> anyhow::Result<ExitCode> {
    match command {
        ToolCommand::New(arguments) => project::new(&arguments)?,
        ToolCommand::Build(arguments) => project::build(&arguments)?,
        ToolCommand::Check(arguments) => check::check(&arguments)?,
        ToolCommand::Call(arguments) => return rehearse::call(arguments).await,
        ToolCommand::Push(arguments) => deliver::push(arguments).await?,
        ToolCommand::List(arguments) => manage::list(arguments).await?,
        ToolCommand::Rollback(arguments) => manage::roll_back(arguments).await?,
        ToolCommand::Logs(arguments) => logs::logs(arguments).await?,
        ToolCommand::Secret { command } => manage::secret(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says on stderr what is going on: stdout is for what was asked for.
fn note(text: &str) {
    eprintln!("{text}");
}

/// Says why nothing happens for a while: an interpreter takes seconds to compile.
fn note_compiling(tier: Tier) {
    if tier == Tier::Large {
        note("compiling, which takes a while in this tier ..");
    }
}

/// Prints what was asked for: as JSON, or as `text` makes of it.
fn print(value: &Value, json: bool, text: impl FnOnce(&Value) -> String) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut output, value).context("printing the answer")?;
        writeln!(output)?;
    } else {
        write!(output, "{}", text(value))?;
    }
    output.flush().context("printing the answer")
}

/// A member's text, or nothing.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A member's list, or an empty one.
fn items<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A member's moment, which is in milliseconds since the Unix epoch, for people.
fn moment(value: &Value, member: &str) -> String {
    let moment = value.get(member).and_then(Value::as_i64);
    let moment = moment.and_then(|moment| jiff::Timestamp::from_millisecond(moment).ok());
    moment.map_or_else(String::new, |moment| moment.to_string())
}

/// Enough of a version's digest to tell it from others.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
