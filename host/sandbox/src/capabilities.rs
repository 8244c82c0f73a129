//! The capability components, typed.

use std::path::{Path, PathBuf};

use crate::bindings::{call_routing, memory, platform, sentiment, tool_calls, webhook_verification};
use crate::capability::{CallError, Capability, compile};
use crate::engine::HotEngine;

/// Where the capability components are.
#[derive(Clone, Debug)]
pub struct CapabilityPaths {
    /// The folder that holds `sentiment.wasm`, `memory.wasm` and so on.
    pub folder: PathBuf,
}

/// All capability components, loaded on the hot engine and callable from any
/// thread. A call takes microseconds, but for what it says itself, and never waits.
pub struct Capabilities {
    // Keeps the epoch clock going, without which no deadline would ever pass.
    _engine: HotEngine,
    webhook_verification: Capability<webhook_verification::WebhookVerificationCapability>,
    call_routing: Capability<call_routing::CallRoutingCapability>,
    sentiment: Capability<sentiment::SentimentCapability>,
    memory: Capability<memory::MemoryCapability>,
    tool_calls: Capability<tool_calls::ToolCallsCapability>,
}

macro_rules! load {
    ($engine:expr, $paths:expr, $name:literal, $world:path) => {{
        let component = compile($engine, $name, &$paths.wasm($name))?;
        Capability::load($name, &component, |store, instance| <$world>::new(store, instance))
    }};
}

impl CapabilityPaths {
    /// The components in `folder`.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_owned() }
    }

    fn wasm(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.wasm"))
    }
}

impl Capabilities {
    /// Compiles, links and instantiates every capability.
    ///
    /// # Errors
    /// Where one is absent, malformed, or imports what no capability may.
    pub fn load(engine: &HotEngine, paths: &CapabilityPaths) -> Result<Self, CallError> {
        Ok(Self {
            _engine: engine.clone(),
            webhook_verification: load!(
                engine,
                paths,
                "webhook-verification",
                webhook_verification::WebhookVerificationCapability
            )?,
            call_routing: load!(engine, paths, "call-routing", call_routing::CallRoutingCapability)?,
            sentiment: load!(engine, paths, "sentiment", sentiment::SentimentCapability)?,
            memory: load!(engine, paths, "memory", memory::MemoryCapability)?,
            tool_calls: load!(engine, paths, "tool-calls", tool_calls::ToolCallsCapability)?,
        })
    }

    /// Proves where a webhook came from.
    ///
    /// # Errors
    /// Where the component broke; the inner result is the verdict.
    pub fn verify_webhook(
        &self,
        request: &platform::webhook_verification::Request,
        scheme: &platform::webhook_verification::Scheme,
    ) -> Result<
        Result<platform::webhook_verification::Verified, platform::webhook_verification::Refusal>,
        CallError,
    > {
        self.webhook_verification.call(|instance, store| {
            instance.voicehive_webhooks_webhook_verification().call_verify(store, request, scheme)
        })
    }

    /// The public URL that a webhook's sender called.
    ///
    /// # Errors
    /// Where the component broke; the inner error says what the request lacks.
    pub fn public_url(
        &self,
        target: &str,
        headers: &[(String, String)],
        source: &platform::webhook_verification::UrlSource,
    ) -> Result<Result<String, String>, CallError> {
        self.webhook_verification.call(|instance, store| {
            instance.voicehive_webhooks_webhook_verification().call_public_url(store, target, headers, source)
        })
    }

    /// Decides what happens to a call.
    ///
    /// # Errors
    /// Where the component broke; the inner error says what is wrong with the table.
    pub fn route_call(
        &self,
        call: &platform::call_routing::Call,
        table: &platform::call_routing::Table,
    ) -> Result<Result<platform::call_routing::Answer, platform::call_routing::Error>, CallError> {
        self.call_routing
            .call(|instance, store| instance.voicehive_platform_call_routing().call_route(store, call, table))
    }

    /// Reads the mood of a caller's words.
    ///
    /// # Errors
    /// Where the component broke; the inner error says what it was given.
    pub fn assess_sentiment(
        &self,
        text: &str,
        trajectory: &[f32],
    ) -> Result<Result<platform::sentiment::Assessment, platform::sentiment::Error>, CallError> {
        self.sentiment.call(|instance, store| {
            instance.voicehive_platform_sentiment().call_analyze(store, text, trajectory)
        })
    }

    /// The lexical embedding of a text.
    ///
    /// # Errors
    /// Where the component broke.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, CallError> {
        self.memory.call(|instance, store| instance.voicehive_platform_memory().call_embed(store, text))
    }

    /// Ranks what may be worth recalling.
    ///
    /// # Errors
    /// Where the component broke; the inner error names the candidate at fault.
    pub fn rank_memories(
        &self,
        query: &platform::memory::Query,
        candidates: &[platform::memory::Snapshot],
    ) -> Result<Result<Vec<platform::memory::Ranked>, platform::memory::Error>, CallError> {
        self.memory
            .call(|instance, store| instance.voicehive_platform_memory().call_rank(store, query, candidates))
    }

    /// What is worth remembering of a finished call.
    ///
    /// # Errors
    /// Where the component broke; the inner error says what it was given.
    pub fn extract_memories(
        &self,
        call: &platform::memory::FinishedCall,
    ) -> Result<Result<Vec<platform::memory::Extracted>, platform::memory::Error>, CallError> {
        self.memory.call(|instance, store| instance.voicehive_platform_memory().call_extract(store, call))
    }

    /// Checks a model's tool call and plans its run. How long that takes, the tool's schema has a hand in: it is done by
    /// [`Runtime::work`](crate::Runtime::work), never on an I/O thread.
    ///
    /// # Errors
    /// Where the component broke; the inner error is for the model to mend.
    pub fn plan_tool_call(
        &self,
        request: &platform::tool_calls::Request,
        definitions: &[platform::tool_calls::Definition],
    ) -> Result<Result<platform::tool_calls::Plan, platform::tool_calls::Refusal>, CallError> {
        self.tool_calls.call(|instance, store| {
            instance.voicehive_platform_tool_calls().call_plan_call(store, request, definitions)
        })
    }

    /// Words the outcome of a tool call.
    ///
    /// # Errors
    /// Where the component broke.
    pub fn shape_outcome(
        &self,
        outcome: &platform::tool_calls::Outcome,
        audience: platform::tool_calls::Audience,
    ) -> Result<String, CallError> {
        self.tool_calls.call(|instance, store| {
            instance.voicehive_platform_tool_calls().call_shape(store, outcome, audience)
        })
    }
}
