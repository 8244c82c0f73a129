//! One tool, ready to be called.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, Trap};

use crate::bindings::tool::exports::voicehive::tool::tool as wit;
use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::engine::{HotEngine, epochs};
use crate::gate::{self, GateLimits, Refusal};
use crate::imports::{CallState, ToolHost};
use crate::inert;
use crate::limits::{ToolLimits, bound_host};

/// What a tool says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name the model calls it by.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
    /// Whether a call changes anything.
    pub side_effect: bool,
    /// How long a call may take.
    pub timeout: Duration,
}

/// The call on whose behalf a tool runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The tenant that owns the tool.
    pub tenant: String,
    /// The platform's id of the phone call.
    pub call_id: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// The same for every attempt at one logical call.
    pub idempotency_key: String,
    /// The tenant's IANA time zone.
    pub time_zone: String,
    /// The present, milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// Why a tool refused, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind of refusal: `invalid`, `not-found`, `conflict`, `unavailable` or `other`.
    pub kind: &'static str,
    /// What the model is told.
    pub message: String,
}

/// Why a run of a tool came to nothing. It ends that run only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The arguments are larger than allowed.
    #[error("the arguments have {size} bytes, at most {limit} are allowed")]
    ArgumentsTooLarge {
        /// How many bytes there were.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The run took too long and was ended.
    #[error("the tool took longer than {0:?}")]
    Timeout(Duration),
    /// The result is larger than allowed.
    #[error("the result has {size} bytes, at most {limit} are allowed")]
    ResultTooLarge {
        /// How many bytes there were.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The tool broke a rule of the machine: it trapped, ran out of memory or
    /// stack, or used what is not there.
    #[error("the tool broke: {0}")]
    Trap(String),
}

/// A tool that passed the gate: compiled, linked and described. Cheap to clone.
#[derive(Clone)]
pub struct Tool {
    // Keeps the epoch clock going, without which no deadline would ever pass.
    _engine: HotEngine,
    pre: ToolComponentPre<CallState>,
    definition: Arc<Definition>,
    limits: ToolLimits,
    digest: Arc<str>,
}

impl Tool {
    /// Puts `bytes` through the gate.
    ///
    /// # Errors
    /// The first thing that is wrong with the component, and the mend.
    pub fn load(
        engine: &HotEngine,
        bytes: &[u8],
        gate_limits: &GateLimits,
        limits: ToolLimits,
    ) -> Result<Self, Refusal> {
        let component = gate::admit(engine, bytes, gate_limits)?;
        let pre = link(&component).map_err(|error| Refusal::wrong_world(&error))?;
        let digest = gate::digest(bytes);
        let described = describe(&pre, limits)?;
        let definition = gate::check_definition(described)?;
        Ok(Self {
            _engine: engine.clone(),
            pre,
            definition: Arc::new(definition),
            limits,
            digest: digest.into(),
        })
    }

    /// What the tool says of itself.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// SHA-256 of the component, lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Runs the tool in a fresh instance. Blocks for up to `timeout`, so never
    /// call it from an I/O thread.
    ///
    /// # Errors
    /// [`RunError`] where the run came to nothing; the inner error is the tool's own.
    pub fn call(
        &self,
        context: &Context,
        arguments: &str,
        host: Arc<dyn ToolHost>,
        timeout: Duration,
    ) -> Result<Result<String, Failure>, RunError> {
        if arguments.len() > self.limits.argument_bytes {
            return Err(RunError::ArgumentsTooLarge {
                size: arguments.len(),
                limit: self.limits.argument_bytes,
            });
        }
        let timeout = timeout.min(self.limits.timeout);
        let mut store =
            store(&self.pre, CallState::new(host, self.limits, context.now_ms), timeout, self.limits);
        let context = wit::Context {
            tenant: context.tenant.clone(),
            call_id: context.call_id.clone(),
            caller: context.caller.clone(),
            idempotency_key: context.idempotency_key.clone(),
            time_zone: context.time_zone.clone(),
        };
        let run = |store: &mut Store<CallState>| -> wasmtime::Result<Result<String, wit::Failure>> {
            let instance = self.pre.instantiate(&mut *store)?;
            instance.voicehive_tool_tool().call_call(store, &context, arguments)
        };
        let answer = run(&mut store).map_err(|error| run_error(&error, timeout))?.map_err(failure);
        let size = answer.as_ref().map_or_else(|failure| failure.message.len(), String::len);
        if size > self.limits.result_bytes {
            return Err(RunError::ResultTooLarge { size, limit: self.limits.result_bytes });
        }
        Ok(answer)
    }
}

impl From<wit::Definition> for gate::Described {
    fn from(definition: wit::Definition) -> Self {
        Self {
            name: definition.name,
            description: definition.description,
            parameters: definition.parameters,
            side_effect: definition.side_effect,
            timeout_ms: definition.timeout_ms,
        }
    }
}

fn link(component: &Component) -> wasmtime::Result<ToolComponentPre<CallState>> {
    let mut linker = Linker::new(component.engine());
    ToolComponent::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    inert::link(&mut linker, component)?;
    ToolComponentPre::new(linker.instantiate_pre(component)?)
}

fn store(
    pre: &ToolComponentPre<CallState>,
    state: CallState,
    timeout: Duration,
    limits: ToolLimits,
) -> Store<CallState> {
    let mut store = Store::new(pre.engine(), state);
    store.limiter(|state| &mut state.meter);
    bound_host(&mut store, limits.host_call_bytes);
    store.set_epoch_deadline(epochs(timeout));
    store
}

/// How long `describe` may take: it has nothing to wait for.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(1);

fn describe(pre: &ToolComponentPre<CallState>, limits: ToolLimits) -> Result<gate::Described, Refusal> {
    let state = CallState::new(Arc::new(gate::NoHost), limits, 0);
    let mut store = store(pre, state, DESCRIBE_TIMEOUT, limits);
    let failed = |error| Refusal::describe_failed(run_error(&error, DESCRIBE_TIMEOUT));
    let instance = pre.instance_pre().instantiate(&mut store).map_err(failed)?;
    // The names of the exports are known to fit; whether their types do shows here.
    let tool = ToolComponent::new(&mut store, &instance).map_err(|error| Refusal::wrong_world(&error))?;
    Ok(tool.voicehive_tool_tool().call_describe(&mut store).map_err(failed)?.into())
}

fn run_error(error: &wasmtime::Error, timeout: Duration) -> RunError {
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return RunError::Timeout(timeout);
    }
    RunError::Trap(error.root_cause().to_string())
}

fn failure(failure: wit::Failure) -> Failure {
    let (kind, message) = match failure {
        wit::Failure::Invalid(message) => ("invalid", message),
        wit::Failure::NotFound(message) => ("not-found", message),
        wit::Failure::Conflict(message) => ("conflict", message),
        wit::Failure::Unavailable(message) => ("unavailable", message),
        wit::Failure::Other(message) => ("other", message),
    };
    Failure { kind, message }
}
