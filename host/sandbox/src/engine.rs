//! The hot engine and its epoch clock.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use compile_cache::Cache;
use wasmtime::component::Component;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// One step of the epoch clock: how exactly deadlines are kept.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(5);

/// The most memory that one instance may ever use, over all its memories.
pub(crate) const MAX_MEMORY_BYTES: usize = 64 << 20;

/// The most tables that one component may have, in one module or in several; the gate's limit is the same. Each instance has
/// room for as many, so that a tool with many takes none of another's.
pub(crate) const MAX_TABLES: u32 = 4;

/// The most core instances that one component may have: the 64 that the gate lets through, of which a Python tool has 38, one
/// for each library of the interpreter, and as many that the engine makes for calls between the components in a component.
pub(crate) const MAX_CORE_INSTANCES: u32 = 128;

/// How many instances may live at once, over all capabilities and tools: far more than a
/// [`Runtime`](crate::Runtime) has threads.
const MAX_INSTANCES: u32 = 1000;

/// How many bytes of compiled components are kept on disk: some 450 interpreters, or nine thousand tools of compiled
/// languages. What goes was not used for longest, and is compiled again when it is needed.
const CACHE_BYTES: u64 = 16 << 30;

/// The engine that capabilities and tenants' tools run on.
///
/// Invariant: component-model async is off, here and for good: it is where the
/// sandbox escapes of 2026 were, and it makes synchronous calls slow.
#[derive(Clone)]
pub struct HotEngine {
    engine: Engine,
    metered: bool,
    cache: Option<Cache>,
    _ticker: Arc<Ticker>,
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("this machine cannot run the component engine: {message}")]
pub struct EngineError {
    message: String,
}

impl HotEngine {
    /// Makes the engine and starts its epoch clock on a thread of its own.
    ///
    /// Falls back from pooled to on-demand instances where the address space is
    /// too small for a pool.
    ///
    /// # Errors
    /// Where wasmtime does not support this machine.
    pub fn new() -> Result<Self, EngineError> {
        Self::start(false, MAX_INSTANCES)
    }

    /// An engine under the same rules that counts instructions besides ([`Spent::fuel`](crate::Spent)).
    /// It is slower, and what was compiled for another engine does not fit it.
    ///
    /// # Errors
    /// Where wasmtime does not support this machine.
    pub fn metered() -> Result<Self, EngineError> {
        Self::start(true, MAX_INSTANCES)
    }

    /// An engine on which no more than `instances` live at once, for a machine with little address space.
    /// A [`Runtime`](crate::Runtime) with as many threads fits it, where no capability is loaded on it.
    ///
    /// # Errors
    /// Where wasmtime does not support this machine.
    pub fn with_instances(instances: u32) -> Result<Self, EngineError> {
        Self::start(false, instances)
    }

    fn start(metered: bool, instances: u32) -> Result<Self, EngineError> {
        let engine = Engine::new(&config(metered, Some(instances))).or_else(|error| {
            tracing::warn!(%error, "no room for pooled instances, allocating on demand");
            Engine::new(&config(metered, None))
        });
        let engine = engine.map_err(|error| EngineError { message: format!("{error:#}") })?;
        let ticker =
            Ticker::start(engine.clone()).map_err(|error| EngineError { message: error.to_string() })?;
        Ok(Self { engine, metered, cache: None, _ticker: Arc::new(ticker) })
    }

    /// Whether it counts instructions.
    pub(crate) fn is_metered(&self) -> bool {
        self.metered
    }

    /// Keeps compiled components in `folder`, which must be out of tenants' reach: 16 GiB of them at most.
    #[must_use]
    pub fn with_cache(mut self, folder: &Path) -> Self {
        self.cache = Some(Cache::open(folder).with_room(CACHE_BYTES));
        self
    }

    /// Compiles a component of the platform's own, or finds it compiled. No tenant's takes its place on disk.
    pub(crate) fn compile(&self, wasm: &[u8]) -> wasmtime::Result<Component> {
        match &self.cache {
            Some(cache) => {
                cache.pin(&self.engine, wasm);
                Ok(cache.load(&self.engine, wasm)?.0)
            }
            None => Component::new(&self.engine, wasm),
        }
    }

    /// Where compiled components are kept.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// What a component must have been compiled for to run here, as a text that is compared as a whole: what was
    /// compiled for another is compiled again.
    pub fn compatibility(&self) -> String {
        compile_cache::compatibility(&self.engine)
    }

    /// The wasmtime engine.
    pub(crate) fn wasmtime(&self) -> &Engine {
        &self.engine
    }
}

/// An engine that compiles for a [`HotEngine`] and runs nothing, on one thread.
pub(crate) fn compiling(metered: bool) -> wasmtime::Result<Engine> {
    let mut config = config(metered, None);
    config.parallel_compilation(false);
    Engine::new(&config)
}

/// How many epochs make up at least `duration`.
pub(crate) fn epochs(duration: Duration) -> u64 {
    let ticks = duration.as_nanos().div_ceil(EPOCH_TICK.as_nanos());
    // The current epoch is partly over, so one more is needed to last that long.
    u64::try_from(ticks).unwrap_or(u64::MAX - 1).saturating_add(1)
}

fn config(metered: bool, pooled: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(metered)
        .max_wasm_stack(256 << 10)
        .memory_init_cow(true)
        .wasm_component_model(true)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_relaxed_simd(false)
        .wasm_gc(false)
        .gc_support(false)
        .wasm_stack_switching(false);
    if let Some(instances) = pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    }
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(MAX_TABLES))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(MAX_TABLES)
        .max_tables_per_module(MAX_TABLES)
        .max_memory_size(MAX_MEMORY_BYTES)
        .table_elements(20_000)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10);
    pool
}

/// Advances the epoch until dropped. An OS thread, so that no guest can starve it.
struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        thread::Builder::new().name("epoch-clock".into()).spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(EPOCH_TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_lasts_at_least_as_long_as_asked() {
        assert_eq!(epochs(Duration::ZERO), 1);
        assert_eq!(epochs(Duration::from_millis(5)), 2);
        assert_eq!(epochs(Duration::from_millis(6)), 3);
    }

    #[test]
    fn the_compiler_compiles_for_this_engine() {
        let for_which = |metered| compile_cache::compatibility(&compiling(metered).unwrap());
        assert_eq!(for_which(false), HotEngine::new().unwrap().compatibility());
        assert_eq!(for_which(true), HotEngine::metered().unwrap().compatibility());
        assert_ne!(for_which(false), for_which(true));
    }

    #[test]
    fn the_platforms_own_stays_on_disk_where_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).with_room(1);
        let engine = HotEngine { cache: Some(cache.clone()), ..HotEngine::new().unwrap() };
        let components = ["own", "first", "second"].map(|name| {
            let text = format!("(component (core module (func (export \"{name}\"))))");
            wat::parse_str(text).unwrap()
        });
        let [own, first, second] = &components;
        engine.compile(own).unwrap();
        for tenants in [first, second] {
            cache.load(engine.wasmtime(), tenants).unwrap();
        }
        let kept = components.map(|component| cache.find(engine.wasmtime(), &component).is_some());
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn async_components_do_not_even_compile() {
        let engine = HotEngine::new().unwrap();
        let component = r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func (export "f") async (canon lift (core func $i "f") async)))"#;
        assert!(wasmtime::component::Component::new(engine.wasmtime(), component).is_err());
    }
}
