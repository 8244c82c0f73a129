//! Asking a tool what it is, before anybody calls it.

use std::sync::Arc;
use std::time::Duration;

use gate::{Code, Refusal};
use wasmtime::component::Component;

use super::definition::Described;
use super::no_host::NoHost;
use super::tier::Tier;
use super::{host_unavailable, is_of_too_many_instances, too_many_instances};
use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::engine::HotEngine;
use crate::finished::{RunError, is_hosts_lack};
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
    instance::link(component).map_err(|error| unlinked(&error))
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
    let described = described.map_err(|error| failed(&error))?.map_err(|error| unlinked(&error))?;
    Ok(Asked { described: described.into(), memory_bytes: spent.memory_bytes, cpu: spent.guest })
}

fn unlinked(error: &wasmtime::Error) -> Refusal {
    if is_hosts_lack(error) {
        return host_unavailable(format_args!("the component cannot be linked: {error:#}"));
    }
    let mend = "build it for the world `tool-component` of `voicehive:tool`, with the types of its release";
    Refusal::new(Code::WrongWorld, format!("the component does not link: {error:#}"), mend)
}

fn failed(error: &RunError) -> Refusal {
    if is_hosts_fault(error) {
        return host_unavailable(format_args!("`describe` did not come to its end: {error}"));
    }
    if let RunError::Trap(cause) = error
        && is_of_too_many_instances(cause)
    {
        return too_many_instances();
    }
    let mend = "`describe` must return at once, without any import and within the memory of a call";
    Refusal::new(Code::DescribeFailed, format!("`describe` failed: {error}"), mend)
}

/// Whether it says nothing of the tool. [`MAX_WALL`] is many times the processor time that `describe` may have, and nothing
/// that it asks for keeps it waiting: where that is over first, the machine was too busy.
fn is_hosts_fault(error: &RunError) -> bool {
    matches!(error, RunError::Timeout(_)) || !error.is_tools_fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_is_to_blame_for_is_no_verdict_on_the_tool() {
        let second = Duration::from_secs(1);
        for error in [
            RunError::Busy,
            RunError::OverBudget,
            RunError::HostBroke,
            RunError::Abandoned,
            RunError::Delayed(second),
            RunError::Timeout(second),
        ] {
            let refusal = failed(&error);
            assert_eq!(refusal.code, Code::HostUnavailable, "{error}");
            assert!(refusal.code.is_platform_fault());
        }
        for error in [
            RunError::CpuExhausted(second),
            RunError::MemoryExhausted { limit: 1 },
            RunError::StackExhausted,
            RunError::HostCallTooLarge { limit: 1 },
            RunError::Trap("unreachable".into()),
        ] {
            assert_eq!(failed(&error).code, Code::DescribeFailed, "{error}");
        }
    }

    #[test]
    fn describe_has_far_more_time_than_processor_time() {
        for tier in [Tier::Standard, Tier::Large] {
            assert!(MAX_WALL >= 10 * tier.describe_cpu());
        }
    }

    #[test]
    fn a_component_that_does_not_link_is_refused_unless_the_host_has_no_memory() {
        let no_memory = wasmtime::Error::new(rustix::io::Errno::NOMEM);
        assert_eq!(unlinked(&no_memory).code, Code::HostUnavailable);
        assert_eq!(unlinked(&wasmtime::Error::msg("another type")).code, Code::WrongWorld);
    }
}
