//! One tool, ready to be called.

use std::sync::Arc;
use std::time::Duration;

use crate::admission::image_bytes;
use crate::bindings::tool::ToolComponentPre;
use crate::bindings::tool::exports::voicehive::tool::tool as wit;
use crate::definition::{Context, Definition};
use crate::engine::HotEngine;
use crate::finished::{Finished, RunError};
use crate::imports::CallState;
use crate::instance;
use crate::limits::ToolLimits;
use crate::reply;
use crate::runtime::{Account, Clock, SystemClock};
use crate::tool_host::ToolHost;

/// A tool that passed the gate: compiled, linked and described. Cheap to clone.
#[derive(Clone)]
pub struct Tool {
    // Keeps the epoch clock going, without which no deadline would ever pass.
    engine: HotEngine,
    pre: Arc<ToolComponentPre<CallState>>,
    definition: Arc<Definition>,
    limits: ToolLimits,
    digest: Arc<str>,
    // Dropped last: who sees that no copy of it is left, sees that the copies of the code are gone.
    holder: Arc<()>,
}

impl Tool {
    /// A tool that was admitted: linked, and checked to be what `definition` says.
    pub(crate) fn new(
        engine: &HotEngine,
        pre: ToolComponentPre<CallState>,
        definition: Definition,
        limits: ToolLimits,
        digest: &str,
    ) -> Self {
        let (pre, definition) = (Arc::new(pre), Arc::new(definition));
        let (digest, holder) = (digest.into(), Arc::default());
        Self { engine: engine.clone(), pre, definition, limits, digest, holder }
    }

    /// What the tool says of itself.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// SHA-256 of the component, lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of its compiled code, which it takes in memory for as long as a copy of it is there.
    pub fn image_bytes(&self) -> usize {
        image_bytes(self.pre.instance_pre().component())
    }

    /// What a run of it may use.
    pub fn limits(&self) -> &ToolLimits {
        &self.limits
    }

    /// The same tool for another holder: [`Tool::is_held_elsewhere`] tells of the copies of each holder's apart.
    #[must_use]
    pub fn for_holder(&self) -> Self {
        Self { holder: Arc::default(), ..self.clone() }
    }

    /// Whether another copy of it is somewhere, a run of it included.
    pub fn is_held_elsewhere(&self) -> bool {
        Arc::strong_count(&self.holder) > 1
    }

    /// The same tool under other limits than those of its tier.
    #[must_use]
    pub fn with_limits(mut self, limits: ToolLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs the tool in a fresh instance, at once and on this thread: it takes no turn among others.
    /// Blocks for up to `timeout`, so never call it from an I/O thread. In calls, a
    /// [`Runtime`](crate::Runtime) runs tools.
    pub fn call(
        &self,
        context: &Context,
        arguments: &str,
        host: Arc<dyn ToolHost>,
        timeout: Duration,
    ) -> Finished {
        if let Err(error) = self.check_arguments(arguments) {
            return Finished::rejected(error, Duration::ZERO);
        }
        let timeout = timeout.min(self.limits.timeout);
        let clock = Arc::new(SystemClock::new());
        let deadline = clock.now().saturating_add(timeout);
        self.run(context, arguments, host, Account::new(clock, deadline, self.limits.cpu), timeout)
    }

    /// Whether the arguments are small enough.
    pub(crate) fn check_arguments(&self, arguments: &str) -> Result<(), RunError> {
        let (size, limit) = (arguments.len(), self.limits.argument_bytes);
        if size <= limit { Ok(()) } else { Err(RunError::ArgumentsTooLarge { size, limit }) }
    }

    /// Runs the tool in a fresh instance, on `account`. `timeout` is what the account's deadline came from.
    pub(crate) fn run(
        &self,
        context: &Context,
        arguments: &str,
        host: Arc<dyn ToolHost>,
        account: Account,
        timeout: Duration,
    ) -> Finished {
        let state = CallState::new(host, self.limits, context.now_ms, account);
        let context = wit::Context::from(context);
        let (result, spent) = instance::run(&self.engine, state, &self.limits, timeout, |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            instance.voicehive_tool_tool().call_call(store, &context, arguments)
        });
        let outcome = result.and_then(|result| reply::checked(result, self.limits.result_bytes));
        Finished { outcome, spent }
    }
}
