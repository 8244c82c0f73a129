//! One tool, ready to be called.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, Trap};

use crate::bindings::tool::exports::voicehive::tool::tool as wit;
use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::definition::{Context, Definition};
use crate::engine::{HotEngine, epochs};
use crate::gate::{self, GateLimits, Refusal};
use crate::imports::{CallState, ToolHost};
use crate::inert;
use crate::limits::{ToolLimits, bound_host};
use crate::reply::{self, Failure, Reply};

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
    /// A part of the result is larger than allowed.
    #[error("`{part}` has {size} bytes, at most {limit} are allowed")]
    ResultTooLarge {
        /// Which part: `content`, `speech`, `data`, `confirm` or `failure`.
        part: &'static str,
        /// How many bytes there were.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A part of the result is not what the interface says.
    #[error("{0}")]
    BadReply(String),
    /// The tool broke a rule of the machine: it trapped, ran out of memory or
    /// stack, or used what is not there.
    #[error("the tool broke: {0}")]
    Trap(String),
}

impl RunError {
    /// A stable code: `arguments-too-large`, `timeout`, `result-too-large`,
    /// `bad-reply` or `trap`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ArgumentsTooLarge { .. } => "arguments-too-large",
            Self::Timeout(_) => "timeout",
            Self::ResultTooLarge { .. } => "result-too-large",
            Self::BadReply(_) => "bad-reply",
            Self::Trap(_) => "trap",
        }
    }
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
    ) -> Result<Result<Reply, Failure>, RunError> {
        if arguments.len() > self.limits.argument_bytes {
            return Err(RunError::ArgumentsTooLarge {
                size: arguments.len(),
                limit: self.limits.argument_bytes,
            });
        }
        let timeout = timeout.min(self.limits.timeout);
        let mut store =
            store(&self.pre, CallState::new(host, self.limits, context.now_ms), timeout, self.limits);
        let context = wit::Context::from(context);
        let run = |store: &mut Store<CallState>| -> wasmtime::Result<Result<wit::Reply, wit::Failure>> {
            let instance = self.pre.instantiate(&mut *store)?;
            instance.voicehive_tool_tool().call_call(store, &context, arguments)
        };
        let result = run(&mut store).map_err(|error| run_error(&error, timeout))?;
        reply::checked(result, self.limits.result_bytes)
    }
}

impl From<wit::Definition> for gate::Described {
    fn from(definition: wit::Definition) -> Self {
        Self {
            name: definition.name,
            description: definition.description,
            parameters: definition.parameters,
            effect: definition.effect.into(),
            hosts: definition.hosts,
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
