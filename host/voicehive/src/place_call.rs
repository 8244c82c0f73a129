//! `voicehive call`: a simulated call to a running platform.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use sim::carrier::{Config as CarrierConfig, End, Twilio};

use crate::cli::CallArguments;
use crate::config::{Config, ConfigError, Secret};

/// How long the platform may take to answer, or to say its next line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The silence after which the agent has had its say.
const AGENT_DONE: Duration = Duration::from_millis(1200);

/// An account that is none of Twilio's.
const SIMULATED_ACCOUNT: &str = "AC00000000000000000000000000000000";

/// Calls, says one line for each turn of the agent's, and prints what is heard.
///
/// The simulated voice is understood by the simulated recogniser only: a platform
/// with a real one will hear noise.
///
/// # Errors
/// Where the platform does not answer as it should.
pub async fn place_call(arguments: CallArguments) -> anyhow::Result<ExitCode> {
    let config = Config::load()?;
    let url = arguments.url.unwrap_or_else(|| config.public_base(config.listen));
    let to = arguments.to.or_else(|| config.number.as_ref().map(|number| number.as_str().to_owned()));
    let to = to.ok_or(ConfigError::Value {
        name: "VOICEHIVE_NUMBER",
        message: "is not set, nor is `--to`".into(),
    })?;
    let token = config.twilio_tokens.first().map(Secret::expose).ok_or(ConfigError::Value {
        name: "TWILIO_AUTH_TOKEN",
        message: "is not set; the platform's is needed to sign the call".into(),
    })?;
    let account = config.twilio_account.as_deref().unwrap_or(SIMULATED_ACCOUNT);
    let carrier =
        CarrierConfig::new(account, token, &url).with_context(|| format!("`{url}` is not a URL"))?;
    let twilio = Twilio::start(carrier).await.context("starting the simulated carrier")?;
    let mut call = twilio.place_call(&arguments.from, &to);
    call.connected(PATIENCE).await?;
    for line in &arguments.lines {
        println!("agent   {}", call.listen(AGENT_DONE, PATIENCE).await?);
        println!("caller  {line}");
        call.say(line).await?;
    }
    println!("agent   {}", call.listen(AGENT_DONE, PATIENCE).await?);
    call.hang_up().await;
    let report = call.ended(PATIENCE).await?;
    Ok(if report.end == End::Failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
