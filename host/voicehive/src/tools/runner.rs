//! One run of a tool in a phone call: checked, run and worded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sandbox::platform::tool_calls::{self as calls, Audience, Outcome, Plan, Request};
use sandbox::{Context, Effect, Failure, Finished, Reply, Run, RunError};
use store::{CallId, Claim, TenantId, Timestamp};
use turn::{ToolCall, ToolResult, TurnId};

use super::answer::Answer;
use super::breaker::Watched;
use super::confirmation::{Confirmations, Wish};
use super::host::{self, TenantHost};
use super::kept::Question;
use super::library::{ChosenTool, Source};
use super::planning::Unplanned;
use super::{Tools, ended};

/// The scope in which keys of tool calls are claimed.
const CLAIM_SCOPE: &str = "tool-call";

/// How long the bookkeeping around a run may take.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);

/// What the model is told where too many tools run already.
const BUSY: &str =
    "too many tools run at the moment, and this one did not. Call it once more if the caller can wait.";

/// What it is told of a version that keeps failing, or that nobody may run any more.
const OUT_OF_ORDER: &str = "it is out of order and was not run. Do not call it again; tell the caller that this is \
                            not possible at the moment and offer something else.";

/// Runs the tool calls of one phone call.
#[derive(Clone)]
pub struct ToolRunner {
    /// What all runs share.
    pub tools: Arc<Tools>,
    /// The tools that this call's agent may use.
    pub allowed: Arc<BTreeMap<String, ChosenTool>>,
    /// What waits for the caller's word.
    pub confirmations: Confirmations,
    /// Whose call it is.
    pub tenant: TenantId,
    /// The platform's id of the call.
    pub call: CallId,
    /// Within what like tool calls of one turn are the same: the call's id, or something narrower.
    pub key_scope: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// The tenant's IANA time zone.
    pub time_zone: String,
}

/// What became of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// For the call core and its model.
    pub result: ToolResult,
    /// What the tool wants said to the caller word for word.
    pub speech: Option<String>,
    /// What it leaves for the tenant, JSON.
    pub data: Option<String>,
}

/// How a tool call ended.
enum Came {
    /// The tool answered, now or before.
    Answered(Answer),
    /// Anything else.
    Otherwise(Outcome),
}

impl ToolRunner {
    /// Checks, runs and words one tool call. Never fails: whatever happens is an
    /// outcome that the model can be told.
    pub async fn run(self, turn: TurnId, call: ToolCall) -> Ran {
        let request = Request {
            call_id: self.key_scope.clone(),
            turn: turn.0,
            tool_call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        };
        let tools = self.allowed.values().map(|chosen| chosen.tool.clone()).collect();
        let came = match self.tools.plan(&self.tenant, request, tools).await {
            Ok(Ok(plan)) => self.run_planned(&call.name, plan, turn).await,
            Ok(Err(refusal)) => Came::Otherwise(Outcome::Refused(refusal)),
            Err(Unplanned::Ended(finished)) => Came::Otherwise(self.without_plan(&call.name, &finished)),
            Err(Unplanned::Broken(error)) => {
                tracing::error!(%error, "a tool call cannot be planned");
                Came::Otherwise(Outcome::Fault)
            }
        };
        let (outcome, answer) = match came {
            Came::Answered(answer) => (self.told(&answer), answer),
            Came::Otherwise(outcome) => (outcome, Answer::default()),
        };
        let text = self.tools.capabilities.shape_outcome(&outcome, Audience::Model).unwrap_or_else(|error| {
            tracing::error!(%error, "an outcome cannot be worded");
            "The tool failed.".into()
        });
        let result = ToolResult { turn, id: call.id, outcome: outcome_name(&outcome).into(), text };
        Ran { result, speech: answer.speech, data: answer.data }
    }

    /// What the model is told where there is no plan. It counts for the version like a run.
    fn without_plan(&self, name: &str, finished: &Finished) -> Outcome {
        if let Some(chosen) = self.allowed.get(name) {
            let watched = Watched { tenant: self.tenant.clone(), digest: chosen.tool.digest().into() };
            if let Some(entered) = self.tools.breakers.enter(&watched, self.tools.now()) {
                entered.end(ended(&finished.outcome), self.tools.now());
            }
            self.note(&chosen.source, finished);
        }
        match &finished.outcome {
            Err(RunError::Busy | RunError::OverBudget | RunError::Delayed(_)) => {
                Outcome::Failure(BUSY.into())
            }
            _ => Outcome::Fault,
        }
    }

    /// What the model is told of an answer. Words that the caller is to hear as they are come first, where nothing cuts them
    /// off: the model says them where the platform does not.
    fn told(&self, answer: &Answer) -> Outcome {
        let content = match &answer.speech {
            Some(speech) => {
                format!("[To be said to the caller word for word: {speech}]\n{}", answer.content)
            }
            None => answer.content.clone(),
        };
        let follow_up = answer.follow_up.clone().filter(|name| self.allowed.contains_key(name));
        Outcome::Success(calls::Answer { content, follow_up })
    }

    async fn run_planned(&self, name: &str, plan: Plan, turn: TurnId) -> Came {
        let Some(chosen) = self.allowed.get(name) else {
            return Came::Otherwise(Outcome::Fault);
        };
        if self.is_quarantined(&chosen.source).await {
            return Came::Otherwise(Outcome::Failure(OUT_OF_ORDER.into()));
        }
        if chosen.tool.definition().effect != Effect::Pure {
            return self.run_once(chosen, plan, turn).await;
        }
        let question = Question {
            tenant: self.tenant.clone(),
            digest: chosen.tool.digest().into(),
            arguments: plan.arguments.clone(),
        };
        if let Some(answer) = self.tools.kept.get(&question, self.tools.now()) {
            return Came::Answered(answer);
        }
        let came = self.run_tool(chosen, plan, turn).await;
        if let Came::Answered(answer) = &came {
            self.tools.kept.keep(question, answer.clone(), self.tools.now());
        }
        came
    }

    /// Whether nobody may run the version any more, or that cannot be told. A call keeps its version whatever becomes of the
    /// aliases, but not one that was found to be harmful.
    async fn is_quarantined(&self, source: &Source) -> bool {
        let Source::Version { digest, .. } = source else { return false };
        let asked = self.tools.services.store.is_quarantined(digest);
        match tokio::time::timeout(CLAIM_TIMEOUT, asked).await {
            Ok(Ok(quarantined)) => quarantined,
            Ok(Err(error)) => {
                tracing::error!(%error, "it cannot be told whether a tool may run");
                true
            }
            Err(_) => true,
        }
    }

    /// Runs the plan, unless a run with its key has left a result.
    async fn run_once(&self, chosen: &ChosenTool, plan: Plan, turn: TurnId) -> Came {
        let store = &self.tools.services.store;
        let claim = store.claim(&self.tenant, CLAIM_SCOPE, &plan.idempotency_key, Timestamp::now());
        match tokio::time::timeout(CLAIM_TIMEOUT, claim).await {
            Ok(Ok(Claim::Seen(Some(stored)))) => return Came::Answered(Answer::from_stored(&stored)),
            // A run that left no result broke off: the tool knows the key and finishes it.
            Ok(Ok(Claim::First | Claim::Seen(None))) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "a tool call cannot be claimed");
                return Came::Otherwise(Outcome::Fault);
            }
            Err(_) => return Came::Otherwise(Outcome::Fault),
        }
        let key = plan.idempotency_key.clone();
        let came = self.run_tool(chosen, plan, turn).await;
        if let Came::Answered(answer) = &came {
            let stored = answer.to_stored();
            let kept = store.complete_claim(&self.tenant, CLAIM_SCOPE, &key, &stored);
            if !matches!(tokio::time::timeout(CLAIM_TIMEOUT, kept).await, Ok(Ok(()))) {
                tracing::warn!("a tool's result could not be kept; the tool's own record of it remains");
            }
        }
        came
    }

    /// Runs the tool, unless its version is to be spared.
    async fn run_tool(&self, chosen: &ChosenTool, plan: Plan, turn: TurnId) -> Came {
        let digest: Arc<str> = chosen.tool.digest().into();
        let watched = Watched { tenant: self.tenant.clone(), digest: digest.clone() };
        let Some(entered) = self.tools.breakers.enter(&watched, self.tools.now()) else {
            return Came::Otherwise(Outcome::Failure(OUT_OF_ORDER.into()));
        };
        let wish = Wish { digest, arguments: plan.arguments.clone() };
        let confirmed = self.confirmations.take(&wish, turn);
        let timeout_ms = plan.timeout_ms;
        let finished = self.tools.runtime.run(self.prepared(chosen, plan, confirmed.is_some())).await;
        entered.end(ended(&finished.outcome), self.tools.now());
        self.note(&chosen.source, &finished);
        match finished.outcome {
            Ok(Ok(Reply::Done(answer))) => Came::Answered(answer.into()),
            Ok(Ok(Reply::Confirm(question))) => {
                self.confirmations.ask(wish, turn);
                Came::Otherwise(Outcome::Confirm(question))
            }
            Ok(Err(Failure { message, .. })) => Came::Otherwise(Outcome::Failure(message)),
            Err(RunError::Busy | RunError::OverBudget) => {
                // What was not begun has not used the caller's word up.
                if let Some(asked) = confirmed {
                    self.confirmations.give_back(asked);
                }
                Came::Otherwise(Outcome::Failure(BUSY.into()))
            }
            Err(RunError::Timeout(_) | RunError::Delayed(_)) => Came::Otherwise(Outcome::Timeout(timeout_ms)),
            Err(error) => {
                tracing::warn!(tool = chosen.tool.definition().name, %error, "a tool broke");
                Came::Otherwise(Outcome::Fault)
            }
        }
    }

    fn prepared(&self, chosen: &ChosenTool, plan: Plan, confirmed: bool) -> Run {
        let definition = chosen.tool.definition();
        let context = Context {
            tenant: self.tenant.to_string(),
            call_id: self.call.to_string(),
            caller: self.caller.clone(),
            idempotency_key: plan.idempotency_key,
            time_zone: self.time_zone.clone(),
            confirmed,
            now_ms: u64::try_from(Timestamp::now().0).unwrap_or_default(),
        };
        let whose = host::Run {
            tenant: self.tenant.clone(),
            call: self.call.to_string(),
            name: definition.name.as_str().into(),
            version: match &chosen.source {
                Source::BuiltIn => None,
                Source::Version { tool, digest, .. } => Some((tool.clone(), digest.clone())),
            },
            hosts: definition.hosts.clone(),
        };
        Run {
            tool: chosen.tool.clone(),
            context,
            arguments: plan.arguments,
            host: Arc::new(TenantHost::new(self.tools.services.clone(), whose)),
            timeout: Duration::from_millis(plan.timeout_ms.into()),
        }
    }

    /// Counts a run of a tenant's version.
    fn note(&self, source: &Source, finished: &Finished) {
        if let Source::Version { tool, digest, .. } = source {
            let version = super::UsedVersion {
                tenant: self.tenant.clone(),
                tool: tool.clone(),
                digest: digest.clone(),
            };
            self.tools.note(&version, &self.call, finished);
        }
    }
}

impl From<sandbox::Answer> for Answer {
    fn from(answer: sandbox::Answer) -> Self {
        let sandbox::Answer { content, speech, data, follow_up } = answer;
        let speech = speech.filter(|speech| !speech.trim().is_empty());
        Self { content, speech, data, follow_up }
    }
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success(_) => "success",
        Outcome::Confirm(_) => "confirm",
        Outcome::Failure(_) => "failure",
        Outcome::Timeout(_) => "timeout",
        Outcome::Fault => "fault",
        Outcome::Refused(_) => "refused",
    }
}
