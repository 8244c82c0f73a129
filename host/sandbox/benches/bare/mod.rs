//! The bare runtime: the same bytes and the same call, without any limit, account or turn of ours.

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit/tool", world: "tool-component" });
}

use bindings::exports::voicehive::tool::tool as wit;
use bindings::voicehive::tool::{clock, http, log, records, secrets};
use bindings::{ToolComponent, ToolComponentPre};

/// A component, linked with imports that hold nothing.
pub struct Tool {
    pre: ToolComponentPre<Empty>,
}

impl Tool {
    pub fn new(bytes: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(100).max_memory_size(64 << 20);
        let mut config = Config::new();
        config.concurrency_support(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        ToolComponent::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).unwrap();
        for (name, _) in component.component_type().imports(&engine) {
            if name.starts_with("wasi:random/insecure-seed@") {
                let mut seed = linker.instance(name).unwrap();
                seed.func_wrap("insecure-seed", |_, (): ()| Ok(((1_u64, 2_u64),))).unwrap();
            }
        }
        linker.define_unknown_imports_as_traps(&component).unwrap();
        Self { pre: ToolComponentPre::new(linker.instantiate_pre(&component).unwrap()).unwrap() }
    }

    /// One call in a fresh instance.
    pub fn call(&self, arguments: &str) {
        let mut store = Store::new(self.pre.engine(), Empty);
        let instance = self.pre.instantiate(&mut store).unwrap();
        let context = wit::Context {
            tenant: "t".into(),
            call_id: "c".into(),
            caller: "+34600000000".into(),
            idempotency_key: "0123456789abcdef".into(),
            time_zone: "UTC".into(),
            confirmed: false,
        };
        let answer = instance.voicehive_tool_tool().call_call(&mut store, &context, arguments).unwrap();
        std::hint::black_box(answer).ok();
    }
}

struct Empty;

impl records::Host for Empty {
    fn get(&mut self, _: String) -> Result<Option<records::Entry>, records::Error> {
        Ok(None)
    }
    fn insert(&mut self, _: String, _: Vec<u8>) -> Result<u64, records::Error> {
        Ok(1)
    }
    fn replace(&mut self, _: String, _: Vec<u8>, version: u64) -> Result<u64, records::Error> {
        Ok(version + 1)
    }
    fn remove(&mut self, _: String, _: u64) -> Result<(), records::Error> {
        Ok(())
    }
    fn list_by_prefix(
        &mut self,
        _: String,
        _: Option<String>,
        _: u32,
    ) -> Result<Vec<records::Entry>, records::Error> {
        Ok(Vec::new())
    }
}

impl clock::Host for Empty {
    fn now(&mut self) -> u64 {
        1_795_158_000_000
    }
}

impl log::Host for Empty {
    fn write(&mut self, _: log::Level, _: String) {}
}

impl http::Host for Empty {
    fn send(&mut self, _: http::Request) -> Result<http::Response, http::Error> {
        Err(http::Error::Denied("no network".into()))
    }
}

impl secrets::Host for Empty {
    fn handle(&mut self, _: String) -> Result<String, secrets::Error> {
        Err(secrets::Error::Unknown)
    }
}
