//! An agent of ours as an assistant of Vapi's.

use std::time::Duration;

use ::vapi::{Assistant, FunctionTool, Model, Reply, Server, Voice};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{AgentId, Call};

use super::desk::Desk;
use super::fault::Fault;
use crate::service::Platform;

/// The host's route that says what an agent is.
const ASSISTANT: &str = "/internal/v1/assistant";

/// How long the host may take; the rest of the limit is for the database.
const TIMEOUT: Duration = Duration::from_millis(3_500);

/// How long Vapi waits for tools where it is told a server: its default.
const SERVER_TIMEOUT: Duration = Duration::from_secs(20);

/// Who thinks for an agent whose configuration does not say.
const MODEL: (&str, &str) = ("openai", "gpt-4o");

/// What the host says of an agent.
#[derive(Deserialize)]
struct Said {
    name: String,
    #[serde(default)]
    greeting: String,
    #[serde(default)]
    instructions: String,
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Value,
}

/// What an agent's configuration says for Vapi alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Configured {
    /// An assistant that is kept at Vapi, and answers in place of one made here.
    vapi_assistant_id: Option<String>,
    /// The credential, kept at Vapi, by which requests to our server are proven.
    vapi_credential_id: Option<String>,
    vapi_model: Option<ConfiguredModel>,
    vapi_voice: Option<ConfiguredVoice>,
}

#[derive(Deserialize)]
struct ConfiguredModel {
    provider: String,
    model: String,
}

#[derive(Deserialize)]
struct ConfiguredVoice {
    provider: String,
    voice_id: String,
}

/// The reply that has this agent answer the call.
pub(super) async fn reply<P: Platform>(
    desk: &Desk<'_, P>,
    call: &Call,
    agent: &AgentId,
) -> Result<Reply, Fault> {
    let stored = desk.store.agent(&call.tenant, agent).await?.ok_or(Fault::NoSuchAgent)?;
    let configured: Configured = serde_json::from_value(stored.config).unwrap_or_else(|fault| {
        desk.case.log("warn", "agent-configuration", &format!("what is meant for Vapi is not used: {fault}"));
        Configured::default()
    });
    if let Some(reply) = configured.vapi_assistant_id.as_deref().and_then(Reply::assistant_id) {
        return Ok(reply);
    }
    let said = ask(desk, call, agent).await?;
    Ok(Reply::assistant(&assistant(desk, configured, said)))
}

/// The call decides which versions of its tools the agent has.
async fn ask<P: Platform>(desk: &Desk<'_, P>, call: &Call, agent: &AgentId) -> Result<Said, Fault> {
    let question =
        json!({ "tenant": call.tenant.as_str(), "call": call.id.as_str(), "agent": agent.as_str() })
            .to_string();
    let answer = desk.case.platform.ask_host(ASSISTANT, question, TIMEOUT).await?;
    if answer.status != 200 {
        return Err(Fault::HostStatus(answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(Fault::HostAnswer)
}

fn assistant<P: Platform>(desk: &Desk<'_, P>, configured: Configured, said: Said) -> Assistant {
    let tools = said.tools.into_iter().filter_map(|tool| {
        let offered = FunctionTool::new(&tool.name, &tool.description, tool.parameters);
        // One tool less is better than a call that nobody answers.
        offered
            .inspect_err(|fault| {
                desk.case.log("error", "tool-not-offered", &format!("{}: {fault}", tool.name))
            })
            .ok()
    });
    let (provider, name) = MODEL;
    let model = Model { provider: provider.to_owned(), name: name.to_owned() };
    Assistant {
        name: said.name,
        first_message: said.greeting,
        instructions: said.instructions,
        model: configured
            .vapi_model
            .map_or(model, |given| Model { provider: given.provider, name: given.model }),
        voice: configured.vapi_voice.map(|given| Voice { provider: given.provider, id: given.voice_id }),
        tools: tools.collect(),
        // Without a credential Vapi would not prove its requests to a server named here. Left out, they go where this
        // request came from, with the credential of that server.
        server: configured.vapi_credential_id.filter(|id| !id.is_empty()).map(|credential_id| Server {
            url: desk.case.proven.beside("vapi"),
            credential_id,
            timeout: SERVER_TIMEOUT,
        }),
    }
}
