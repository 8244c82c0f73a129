//! Asking a tool what it is, before anybody calls it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gate::{Code, Refusal};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, Trap, UpdateDeadline};

use super::definition::Described;
use super::no_host::NoHost;
use super::tier::Tier;
use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::engine::HotEngine;
use crate::imports::CallState;
use crate::inert;
use crate::limits::bound_host;

/// How long `describe` may take altogether, however little processor time it gets meanwhile.
const MAX_WALL: Duration = Duration::from_secs(30);

/// What came of asking once.
pub(super) struct Asked {
    pub(super) described: Described,
    /// Bytes of linear memory, over all memories; it is never given back.
    pub(super) memory_bytes: usize,
    /// Processor time, starting included.
    pub(super) cpu: Duration,
}

/// Links a component to everything that the platform gives tools, and to nothing else.
pub(super) fn link(component: &Component) -> Result<ToolComponentPre<CallState>, Refusal> {
    let mut linker = Linker::new(component.engine());
    let mut link = || {
        ToolComponent::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
        inert::link(&mut linker, component)?;
        ToolComponentPre::new(linker.instantiate_pre(component)?)
    };
    link().map_err(|error| wrong_world(&error))
}

/// Asks a fresh instance, at the time `now_ms`.
pub(super) fn ask(
    engine: &HotEngine,
    pre: &ToolComponentPre<CallState>,
    tier: Tier,
    now_ms: u64,
) -> Result<Asked, Refusal> {
    let began = cpu_time();
    let mut store = store(engine, pre, tier, now_ms);
    let failed = |error| failed(&error, tier);
    let instance = pre.instance_pre().instantiate(&mut store).map_err(failed)?;
    // The names of the exports are known to fit; whether their types do shows here.
    let tool = ToolComponent::new(&mut store, &instance).map_err(|error| wrong_world(&error))?;
    let described = tool.voicehive_tool_tool().call_describe(&mut store).map_err(failed)?;
    Ok(Asked {
        described: described.into(),
        memory_bytes: store.data().meter.memory_used(),
        cpu: cpu_time().saturating_sub(began),
    })
}

fn store(engine: &HotEngine, pre: &ToolComponentPre<CallState>, tier: Tier, now_ms: u64) -> Store<CallState> {
    let limits = tier.tool();
    let mut store = Store::new(pre.engine(), CallState::new(Arc::new(NoHost), limits, now_ms));
    store.limiter(|state| &mut state.meter);
    bound_host(&mut store, limits.host_call_bytes);
    if engine.is_metered() {
        // Time bounds it; without any fuel it could not begin.
        let _ = store.set_fuel(u64::MAX);
    }
    let (cpu_end, wall_end) = (cpu_time() + tier.describe_cpu(), Instant::now() + MAX_WALL);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        if cpu_time() > cpu_end || Instant::now() > wall_end {
            return Err(Trap::Interrupt.into());
        }
        Ok(UpdateDeadline::Continue(1))
    });
    store
}

fn wrong_world(error: &wasmtime::Error) -> Refusal {
    let mend = "build it for the world `tool-component` of `voicehive:tool`, with the types of its release";
    Refusal::new(Code::WrongWorld, format!("the component does not link: {error:#}"), mend)
}

fn failed(error: &wasmtime::Error, tier: Tier) -> Refusal {
    let why = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => format!("it took longer than {:?}", tier.describe_cpu()),
        _ => error.root_cause().to_string(),
    };
    let mend = "`describe` must return at once, without any import and within the memory of a call";
    Refusal::new(Code::DescribeFailed, format!("`describe` failed: {why}"), mend)
}

/// The processor time that this thread has used; elsewhere than on Linux, the time that has passed.
fn cpu_time() -> Duration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::ThreadCPUTime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
}
