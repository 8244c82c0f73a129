//! The tools that agents may use, and one run of one of them.

mod answer;
mod breaker;
mod confirmation;
mod kept;
mod lru;
mod usage;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sandbox::platform::tool_calls::{Answer, Audience, Definition, Outcome, Plan, Request};
use sandbox::{Capabilities, Context, Effect, GateLimits, HotEngine, Reply, RunError, Tool, ToolLimits};
use store::{Claim, NativeDb, Store, TenantId, Timestamp};
use tokio::sync::Semaphore;
use turn::{ToolCall, ToolResult, TurnId};

use crate::tool_host::TenantHost;

/// The tools that every tenant has.
const BUILT_IN: [&str; 3] = ["appointments", "leads", "notifications"];

/// How many tools may run at once; more wait, within their own deadline.
const MAX_RUNNING: usize = 64;

/// The scope in which keys of tool calls are claimed.
const CLAIM_SCOPE: &str = "tool-call";

/// How long the bookkeeping around a run may take.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);

/// All loaded tools by name.
pub struct Tools {
    tools: BTreeMap<String, Tool>,
    running: Semaphore,
}

impl Tools {
    /// Puts the built-in tools through the gate, as a tenant's would be.
    ///
    /// # Errors
    /// Where one is absent or refused.
    pub fn load(engine: &HotEngine, folder: &Path) -> anyhow::Result<Self> {
        let mut tools = BTreeMap::new();
        for name in BUILT_IN {
            let path = folder.join(format!("{name}.wasm"));
            let bytes = std::fs::read(&path).with_context(|| {
                format!("reading {} (hint: `cargo xtask build` makes the components)", path.display())
            })?;
            let tool = Tool::load(engine, &bytes, &GateLimits::default(), ToolLimits::default())
                .with_context(|| format!("the built-in tool `{name}` was refused"))?;
            tools.insert(tool.definition().name.clone(), tool);
        }
        Ok(Self { tools, running: Semaphore::new(MAX_RUNNING) })
    }

    /// The tools of an agent, by name; a name without a tool is left out with a warning.
    pub fn of_agent(&self, names: &[String]) -> BTreeMap<String, Tool> {
        let mut chosen = BTreeMap::new();
        for name in names {
            match self.tools.get(name) {
                Some(tool) => drop(chosen.insert(name.clone(), tool.clone())),
                None => tracing::warn!(tool = name, "an agent names a tool that does not exist"),
            }
        }
        chosen
    }
}

/// Runs the tool calls of one phone call.
#[derive(Clone)]
pub struct ToolRunner {
    /// All tools, for their bound on what runs at once.
    pub all: Arc<Tools>,
    /// The tools that this call's agent may use.
    pub allowed: Arc<BTreeMap<String, Tool>>,
    /// Checks and words tool calls.
    pub capabilities: Arc<Capabilities>,
    /// Where results are kept.
    pub store: Store<NativeDb>,
    /// Whose call it is.
    pub tenant: TenantId,
    /// Within what like tool calls of one turn are the same: the call's id, or something narrower.
    pub key_scope: String,
    /// The platform's id of the call.
    pub call_id: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// The tenant's IANA time zone.
    pub time_zone: String,
}

impl ToolRunner {
    /// The definitions as the tool-calls capability wants them.
    fn definitions(&self) -> Vec<Definition> {
        let millis = |timeout: Duration| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let define = |tool: &Tool| {
            let definition = tool.definition();
            Definition {
                name: definition.name.clone(),
                parameters: definition.parameters.to_string(),
                side_effect: definition.effect == Effect::Changes,
                timeout_ms: millis(definition.timeout),
            }
        };
        self.allowed.values().map(define).collect()
    }

    /// Checks, runs and words one tool call. Never fails: whatever happens is an
    /// outcome that the model can be told.
    pub async fn run(self, turn: TurnId, call: ToolCall) -> ToolResult {
        let request = Request {
            call_id: self.key_scope.clone(),
            turn: turn.0,
            tool_call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        };
        let outcome = match self.capabilities.plan_tool_call(&request, &self.definitions()) {
            Ok(Ok(plan)) => self.run_once(&call.name, plan).await,
            Ok(Err(refusal)) => Outcome::Refused(refusal),
            Err(error) => {
                tracing::error!(%error, "a tool call cannot be planned");
                Outcome::Fault
            }
        };
        let text = self.capabilities.shape_outcome(&outcome, Audience::Model).unwrap_or_else(|error| {
            tracing::error!(%error, "an outcome cannot be worded");
            "The tool failed.".into()
        });
        ToolResult { turn, id: call.id, outcome: outcome_name(&outcome).into(), text }
    }

    /// Runs the plan, unless a run with its key has left a result.
    async fn run_once(&self, name: &str, plan: Plan) -> Outcome {
        let Some(tool) = self.allowed.get(name).cloned() else {
            return Outcome::Fault;
        };
        let claim = self.store.claim(&self.tenant, CLAIM_SCOPE, &plan.idempotency_key, Timestamp::now());
        match tokio::time::timeout(CLAIM_TIMEOUT, claim).await {
            Ok(Ok(Claim::Seen(Some(result)))) => {
                return Outcome::Success(Answer { content: result, follow_up: None });
            }
            // A run that left no result broke off: the tool knows the key and finishes it.
            Ok(Ok(Claim::First | Claim::Seen(None))) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "a tool call cannot be claimed");
                return Outcome::Fault;
            }
            Err(_) => return Outcome::Fault,
        }
        let key = plan.idempotency_key.clone();
        let outcome = self.run_tool(tool, plan).await;
        if let Outcome::Success(answer) = &outcome {
            let kept = self.store.complete_claim(&self.tenant, CLAIM_SCOPE, &key, &answer.content);
            if !matches!(tokio::time::timeout(CLAIM_TIMEOUT, kept).await, Ok(Ok(()))) {
                tracing::warn!("a tool's result could not be kept; the tool's own record of it remains");
            }
        }
        outcome
    }

    async fn run_tool(&self, tool: Tool, plan: Plan) -> Outcome {
        let timeout = Duration::from_millis(plan.timeout_ms.into());
        let Ok(Ok(_running)) = tokio::time::timeout(timeout, self.all.running.acquire()).await else {
            return Outcome::Timeout(plan.timeout_ms);
        };
        let now = Timestamp::now();
        let context = Context {
            tenant: self.tenant.to_string(),
            call_id: self.call_id.clone(),
            caller: self.caller.clone(),
            idempotency_key: plan.idempotency_key,
            time_zone: self.time_zone.clone(),
            confirmed: false,
            now_ms: u64::try_from(now.0).unwrap_or_default(),
        };
        let runtime = tokio::runtime::Handle::current();
        let host = TenantHost::new(
            self.store.clone(),
            self.tenant.clone(),
            tool.definition().name.as_str().into(),
            runtime,
        );
        let run = move || tool.call(&context, &plan.arguments, Arc::new(host), timeout);
        match tokio::task::spawn_blocking(run).await {
            Ok(Ok(Ok(Reply::Done(answer)))) => {
                let follow_up = answer.follow_up.filter(|name| self.allowed.contains_key(name));
                Outcome::Success(Answer { content: answer.content, follow_up })
            }
            Ok(Ok(Ok(Reply::Confirm(question)))) => Outcome::Confirm(question),
            Ok(Ok(Err(failure))) => Outcome::Failure(failure.message),
            Ok(Err(RunError::Timeout(_))) => Outcome::Timeout(plan.timeout_ms),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a tool broke");
                Outcome::Fault
            }
            Err(error) => {
                tracing::error!(%error, "a tool's thread broke");
                Outcome::Fault
            }
        }
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
