//! Asking a tool what it is, before anybody calls it.

use std::sync::Arc;
use std::time::Duration;

use gate::{Code, Refusal};
use wasmtime::component::Component;

use super::definition::Described;
use super::no_host::NoHost;
use super::tier::Tier;
use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::engine::HotEngine;
use crate::finished::RunError;
use crate::imports::CallState;
use crate::instance;
use crate::runtime::{Account, Clock as _, SystemClock};

/// How long `describe` may take altogether, however little processor time it gets meanwhile.
const MAX_WALL: Duration = Duration::from_secs(30);

/// What came of asking once.
pub(super) struct Asked {
    pub(super) described: Described,
    /// The most bytes of linear memory, over all memories.
    pub(super) memory_bytes: usize,
    /// Processor time of the guest, starting it included.
    pub(super) cpu: Duration,
}

/// Links a component to everything that the platform gives tools, and to nothing else.
pub(super) fn link(component: &Component) -> Result<ToolComponentPre<CallState>, Refusal> {
    instance::link(component).map_err(|error| wrong_world(&error))
}

/// Asks a fresh instance, at the time `now_ms`.
pub(super) fn ask(
    engine: &HotEngine,
    pre: &ToolComponentPre<CallState>,
    tier: Tier,
    now_ms: u64,
) -> Result<Asked, Refusal> {
    let mut limits = tier.tool();
    limits.cpu = tier.describe_cpu();
    limits.timeout = MAX_WALL;
    let clock = Arc::new(SystemClock::new());
    let deadline = clock.now().saturating_add(MAX_WALL);
    let account = Account::new(clock, deadline, limits.cpu);
    let state = CallState::new(Arc::new(NoHost), limits, now_ms, account);
    let (described, spent) = instance::run(engine, state, &limits, MAX_WALL, |store| {
        let instance = pre.instance_pre().instantiate(&mut *store)?;
        // The names of the exports are known to fit; whether their types do shows here.
        match ToolComponent::new(&mut *store, &instance) {
            Ok(tool) => Ok(Ok(tool.voicehive_tool_tool().call_describe(store)?)),
            Err(error) => Ok(Err(error)),
        }
    });
    let described = described.map_err(|error| failed(&error))?.map_err(|error| wrong_world(&error))?;
    Ok(Asked { described: described.into(), memory_bytes: spent.memory_bytes, cpu: spent.guest })
}

fn wrong_world(error: &wasmtime::Error) -> Refusal {
    let mend = "build it for the world `tool-component` of `voicehive:tool`, with the types of its release";
    Refusal::new(Code::WrongWorld, format!("the component does not link: {error:#}"), mend)
}

fn failed(error: &RunError) -> Refusal {
    let mend = "`describe` must return at once, without any import and within the memory of a call";
    Refusal::new(Code::DescribeFailed, format!("`describe` failed: {error}"), mend)
}
