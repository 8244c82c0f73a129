//! Calling a trusted capability in place.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Store, Trap};

use crate::engine::{HotEngine, MAX_MEMORY_BYTES, epochs};
use crate::inert;
use crate::limits::{Meter, bound_host};

/// The longest a capability may take. They take microseconds; this is for the
/// day when one does not.
const DEADLINE: Duration = Duration::from_millis(250);

/// Bytes that may cross in one call; a webhook body of 64 KiB and all its form
/// fields, or a hundred embeddings, fit.
const HOST_CALL_BYTES: usize = 4 << 20;

/// How many idle instances are kept of one capability.
const MAX_IDLE: usize = 16;

/// A capability could not be loaded or called.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The component is absent, malformed or does not implement its world.
    #[error("the component `{capability}` cannot be loaded: {message}")]
    Load {
        /// Which capability.
        capability: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The call took too long and was ended.
    #[error("the component `{capability}` took longer than {limit:?}")]
    Deadline {
        /// Which capability.
        capability: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// The component broke; the instance is discarded.
    #[error("the component `{capability}` failed: {message}")]
    Trap {
        /// Which capability.
        capability: &'static str,
        /// How it broke.
        message: String,
    },
}

/// One capability with its idle instances. Capabilities keep no state between
/// calls, so an instance serves one call after another until it traps.
pub(crate) struct Capability<I> {
    name: &'static str,
    pre: InstancePre<Meter>,
    bind: fn(&mut Store<Meter>, &wasmtime::component::Instance) -> wasmtime::Result<I>,
    idle: Mutex<Vec<Loaded<I>>>,
}

struct Loaded<I> {
    store: Store<Meter>,
    instance: I,
}

impl<I> Capability<I> {
    /// Links `component` with nothing but inert imports.
    pub(crate) fn load(
        name: &'static str,
        component: &Component,
        bind: fn(&mut Store<Meter>, &wasmtime::component::Instance) -> wasmtime::Result<I>,
    ) -> Result<Self, CallError> {
        let fail =
            |error: wasmtime::Error| CallError::Load { capability: name, message: format!("{error:#}") };
        let engine = component.engine();
        for (import, _) in component.component_type().imports(engine) {
            if !inert::is_inert(import) {
                return Err(fail(wasmtime::format_err!(
                    "it imports `{import}`, but a capability imports nothing"
                )));
            }
        }
        let mut linker = Linker::new(engine);
        inert::link(&mut linker, component).map_err(fail)?;
        let pre = linker.instantiate_pre(component).map_err(fail)?;
        let capability = Self { name, pre, bind, idle: Mutex::new(Vec::new()) };
        let first = capability.instantiate().map_err(fail)?;
        capability.put_back(first);
        Ok(capability)
    }

    /// Calls into an idle instance, or a new one.
    pub(crate) fn call<R>(
        &self,
        call: impl FnOnce(&I, &mut Store<Meter>) -> wasmtime::Result<R>,
    ) -> Result<R, CallError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut loaded = match idle {
            Some(loaded) => loaded,
            None => self.instantiate().map_err(|error| self.trapped(&error))?,
        };
        loaded.store.set_epoch_deadline(epochs(DEADLINE));
        // A trap poisons the store, so only a sound instance goes back.
        let result = call(&loaded.instance, &mut loaded.store).map_err(|error| self.trapped(&error))?;
        self.put_back(loaded);
        Ok(result)
    }

    fn instantiate(&self) -> wasmtime::Result<Loaded<I>> {
        let mut store = Store::new(self.pre.engine(), Meter::new(MAX_MEMORY_BYTES, 20_000, 16));
        store.limiter(|meter| meter);
        bound_host(&mut store, HOST_CALL_BYTES);
        store.set_epoch_deadline(epochs(DEADLINE));
        let instance = self.pre.instantiate(&mut store)?;
        let instance = (self.bind)(&mut store, &instance)?;
        Ok(Loaded { store, instance })
    }

    fn put_back(&self, loaded: Loaded<I>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(loaded);
        }
    }

    fn trapped(&self, error: &wasmtime::Error) -> CallError {
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return CallError::Deadline { capability: self.name, limit: DEADLINE };
        }
        CallError::Trap { capability: self.name, message: format!("{error:#}") }
    }
}

/// Compiles the component at `path`.
pub(crate) fn compile(
    engine: &HotEngine,
    name: &'static str,
    path: &std::path::Path,
) -> Result<Component, CallError> {
    let fail = |message: String| CallError::Load { capability: name, message };
    let bytes = std::fs::read(path).map_err(|error| {
        fail(format!("{}: {error} (hint: `cargo xtask build` makes the components)", path.display()))
    })?;
    engine.compile(&bytes).map_err(|error| fail(format!("{error:#}")))
}
