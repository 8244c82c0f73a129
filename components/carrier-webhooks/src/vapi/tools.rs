//! `tool-calls` and the older `function-call`: tools that the model wants to be run.

use std::time::Duration;

use ::vapi::{Outcome, ToolCall};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;
use store::{Call, Direction};

use super::desk::{Case, Desk};
use super::fault::Fault;
use super::within;
use crate::service::{HostFault, Platform};

/// The host's route that runs a tool.
const TOOLS: &str = "/internal/v1/tools";

/// How long one tool may take, and the whole reply. Vapi waits for 20 s unless its server is set up otherwise.
const TOOL_LIMIT: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(18);

/// How many tools a model may want at once: each takes a place at the host.
const CALLS_MAX: usize = 16;

/// What the model is told where a tool surely did nothing.
const UNAVAILABLE: &str = "The system behind this tool cannot be reached at the moment, so nothing was done. \
    Tell the caller, and offer that somebody calls back.";

/// What it is told where that is not known.
const UNCERTAIN: &str = "The tool did not answer, so it is not known whether it did anything. Do not say that it did, \
    and do not repeat it; tell the caller that somebody will check and call back.";

const NAMELESS: &str = "The call names no tool.";

const TOO_MANY: &str = "Too many tools were called at once. Nothing was done; call this one again by itself.";

/// What the host says of a run.
#[derive(Deserialize)]
struct Ran {
    outcome: String,
    #[serde(default)]
    text: String,
}

/// What becomes of these calls, in their order. The host knows a call that it has run by its id and does not run it again,
/// so the same message may come twice.
pub(super) async fn run<P: Platform>(case: &Case<'_, P>, calls: &[ToolCall], turn: u32) -> Vec<Outcome> {
    let failed = |text: &str| calls.iter().map(|_| Outcome::failed(text)).collect();
    match within(case.platform, LIMIT, run_all(case, calls, turn)).await {
        Some(Ok(outcomes)) => outcomes,
        Some(Err(fault)) => {
            fault.log(case);
            failed(UNAVAILABLE)
        }
        None => {
            case.log("error", "tools-too-late", "not all tools answered in time");
            failed(UNCERTAIN)
        }
    }
}

async fn run_all<P: Platform>(
    case: &Case<'_, P>,
    calls: &[ToolCall],
    turn: u32,
) -> Result<Vec<Outcome>, Fault> {
    let desk = Desk::open(case).await?;
    let Some(call) = desk.call_or_new().await? else {
        case.log("warn", "unknown-call", "tools of a call that nobody of ours has");
        return Ok(calls.iter().map(|_| Outcome::failed(UNAVAILABLE)).collect());
    };
    let runs = calls.iter().enumerate().map(|(place, tool)| {
        let (desk, call) = (&desk, &call);
        async move {
            match tool.name.as_str() {
                _ if place >= CALLS_MAX => Outcome::failed(TOO_MANY),
                "" => Outcome::failed(NAMELESS),
                _ => run_one(desk, call, tool, turn).await,
            }
        }
    });
    Ok(join_all(runs).await)
}

async fn run_one<P: Platform>(desk: &Desk<'_, P>, call: &Call, tool: &ToolCall, turn: u32) -> Outcome {
    let case = desk.case;
    let Some(agent) = desk.agent(call) else {
        case.log("warn", "no-agent", "a tool was called in a call that has no agent");
        return Outcome::failed(UNAVAILABLE);
    };
    let person = if call.direction == Direction::Inbound { &call.from } else { &call.to };
    let question = json!({
        "tenant": call.tenant.as_str(),
        "call": call.id.as_str(),
        "turn": turn,
        "tool_call_id": tool.id,
        "name": tool.name,
        "arguments": tool.arguments,
        "caller": person,
        "agent": agent.as_str(),
    });
    let fault = match case.platform.ask_host(TOOLS, question.to_string(), TOOL_LIMIT).await {
        Ok(answer) if answer.status == 200 => match serde_json::from_slice::<Ran>(&answer.body) {
            Ok(ran) if ran.outcome == "success" => return Outcome::succeeded(&ran.text),
            Ok(ran) => return Outcome::failed(&ran.text),
            Err(_) => "its answer cannot be read".to_owned(),
        },
        // It did not take the question, so no tool was run.
        Ok(answer) if (400..500).contains(&answer.status) => {
            case.log("error", "tool-not-run", &format!("the host answered {}", answer.status));
            return Outcome::failed(UNAVAILABLE);
        }
        Ok(answer) => format!("it answered {}", answer.status),
        Err(HostFault::NotConfigured) => {
            case.log("error", "host-unreachable", "a tool was not run: the host's address is not configured");
            return Outcome::failed(UNAVAILABLE);
        }
        Err(fault) => fault.to_string(),
    };
    case.log("error", "host-unreachable", &format!("a tool may not have run: {fault}"));
    Outcome::failed(UNCERTAIN)
}
