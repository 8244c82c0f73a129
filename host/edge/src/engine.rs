//! The HTTP engine: asynchronous, WASI 0.2 and 0.3, memory from a pool, interrupted by epochs. Tenant code never comes here.

use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
};

use crate::error::LoadError;
use crate::guest::Guest;
use crate::host;
use crate::settings::Limits;

/// Memories of one instance: a composed component has one for each of its parts. Pool slots are shared by all instances.
const MEMORIES_PER_INSTANCE: u32 = 4;
/// Core instances of one component; a spin-sdk component has three or four, and so has each dependency.
const CORE_INSTANCES_PER_COMPONENT: u32 = 64;
/// Stacks of one instance: one for each call in progress in it.
const STACKS_PER_INSTANCE: u32 = 4;
/// Bytes of a memory that stay mapped between two instances: a guest that touches no more costs no page faults. Measured with
/// a spin-sdk guest, a fresh instance per request and two busy cores: 8,100 requests/s with this much and the kernel's list of
/// touched pages, 6,200 with 512 KiB and without that list.
const KEEP_RESIDENT: usize = 2 << 20;
/// The same for tables.
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

/// Builds the engine, with a pool of instances if the address space allows one.
pub(crate) fn build(limits: &Limits) -> Result<Engine, LoadError> {
    match Engine::new(&config(limits, true)) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no address space for pooled instances; they are allocated one by one"
            );
            Engine::new(&config(limits, false)).map_err(|error| LoadError::Engine(format!("{error:#}")))
        }
    }
}

/// Multiple memories stay on: the adapters that wasmtime writes between composed components copy from one to another.
fn config(limits: &Limits, pooled: bool) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(true);
    if pooled {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    }
    config
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.max_instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT / 2))
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE))
        .total_tables(instances.saturating_mul(MEMORIES_PER_INSTANCE * 2))
        .total_stacks(instances.saturating_mul(STACKS_PER_INSTANCE))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_INSTANCE * 4)
        .max_tables_per_component(MEMORIES_PER_INSTANCE * 8)
        .max_memory_size(limits.memory_per_instance)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// A linker with everything that a component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    host::add_to_linker(&mut linker)?;
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;
    use crate::compose::{Part, compose};
    use crate::manifest::{DependencyName, Inherit};

    #[test]
    fn an_engine_is_built_when_the_pool_does_not_fit_the_address_space() {
        let limits = Limits { max_instances: 1_000_000, ..Limits::default() };

        assert!(Engine::new(&config(&limits, true)).is_err());
        assert!(build(&limits).is_ok());
    }

    #[test]
    fn composed_components_can_pass_text_to_each_other() {
        let listener = r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0)
                (func (export "hear") (param i32 i32)))
            (core instance $i (instantiate $m))
            (func $hear (param "text" string) (canon lift (core func $i "hear")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
            (instance $out (export "hear" (func $hear)))
            (export "demo:ear/hearing" (instance $out)))"#;
        let caller = r#"(component
            (import "demo:ear/hearing" (instance $ear (export "hear" (func (param "text" string)))))
            (core module $memory (memory (export "memory") 1))
            (core instance $memory (instantiate $memory))
            (core func $hear (canon lower (func $ear "hear") (memory (core memory $memory "memory"))))
            (core module $m (import "ear" "hear" (func $hear (param i32 i32)))
                (func (export "run") (call $hear (i32.const 0) (i32.const 3))))
            (core instance $m (instantiate $m (with "ear" (instance (export "hear" (func $hear))))))
            (func (export "run") (canon lift (core func $m "run"))))"#;
        let part = Part {
            name: DependencyName::parse("demo:ear").unwrap(),
            wasm: wat::parse_str(listener).unwrap(),
            export: None,
            inherit: Inherit::All,
        };

        let composed = compose("caller", wat::parse_str(caller).unwrap(), vec![part], false).unwrap();

        assert!(Component::new(&build(&Limits::default()).unwrap(), composed).is_ok());
    }

    #[test]
    fn everything_can_be_linked_side_by_side() {
        assert!(linker(&build(&Limits::default()).unwrap()).is_ok());
    }
}
