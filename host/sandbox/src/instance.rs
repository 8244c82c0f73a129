//! A fresh instance of a tool, under its limits.

use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::tool::{ToolComponent, ToolComponentPre};
use crate::engine::HotEngine;
use crate::finished::{Allowed, RunError, Spent, run_error};
use crate::imports::CallState;
use crate::inert;
use crate::limits::{ToolLimits, bound_host};

/// Links a component with the imports of its world, and what is inert with traps.
pub(crate) fn link(component: &Component) -> wasmtime::Result<ToolComponentPre<CallState>> {
    let mut linker = Linker::new(component.engine());
    ToolComponent::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    inert::link(&mut linker, component)?;
    ToolComponentPre::new(linker.instantiate_pre(component)?)
}

/// Runs `act` in a store of its own, and says what that used.
///
/// # Errors
/// Why the engine ended it.
pub(crate) fn run<R>(
    engine: &HotEngine,
    state: CallState,
    limits: &ToolLimits,
    timeout: Duration,
    act: impl FnOnce(&mut Store<CallState>) -> wasmtime::Result<R>,
) -> (Result<R, RunError>, Spent) {
    let mut store = Store::new(engine.wasmtime(), state);
    let result = bound(engine, &mut store, limits).and_then(|()| act(&mut store));
    store.data_mut().account.count();
    let fuel = store.get_fuel().ok().map(|left| FUEL - left);
    // The instance is gone before the run's place is free: there are no more instances than places.
    let state = store.into_data();
    let result = result.map_err(|error| {
        let allowed = Allowed {
            timeout,
            cpu: limits.cpu,
            memory_bytes: limits.memory_bytes,
            host_call_bytes: limits.host_call_bytes,
            was_refused_memory: state.meter.was_refused(),
        };
        run_error(&error, &allowed)
    });
    // A run that is interrupted in a loop has not yet written down what it used in it.
    let interrupted =
        matches!(result, Err(RunError::Timeout(_) | RunError::CpuExhausted(_) | RunError::Abandoned));
    (result, state.spent(fuel.filter(|_| !interrupted)))
}

/// More than could be used in the time that a run has.
const FUEL: u64 = u64::MAX;

fn bound(engine: &HotEngine, store: &mut Store<CallState>, limits: &ToolLimits) -> wasmtime::Result<()> {
    store.limiter(|state| &mut state.meter);
    bound_host(store, limits.host_call_bytes);
    store.set_max_component_handles(limits.handles);
    if engine.is_metered() {
        store.set_fuel(FUEL)?;
    }
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().account.tick().map_err(wasmtime::Error::new)?;
        Ok(UpdateDeadline::Continue(1))
    });
    Ok(())
}
