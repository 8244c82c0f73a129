//! What one instance may use.

use std::time::Duration;

use wasmtime::{ResourceLimiter, Store};

use crate::finished::is_hosts_lack;

/// What one call of a tenant's tool may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolLimits {
    /// The longest a call may take, whatever the tool asks for, with all its waiting.
    pub timeout: Duration,
    /// The processor time that a call may use.
    pub cpu: Duration,
    /// Linear memory in bytes, summed over all memories.
    pub memory_bytes: usize,
    /// Table elements, summed over all tables.
    pub table_elements: usize,
    /// Core instances: the modules that the component puts together when it starts.
    pub core_instances: usize,
    /// Handles of resources that a call may hold at once, over all its instances. No interface of the
    /// world has resources, but a component may define its own.
    pub handles: usize,
    /// Bytes that the tool may hand to the host in one call, be it an argument or its result.
    pub host_call_bytes: usize,
    /// Bytes of arguments.
    pub argument_bytes: usize,
    /// Bytes of the result.
    pub result_bytes: usize,
    /// Bytes of log lines kept.
    pub log_bytes: usize,
    /// Questions to the records, and for secrets.
    pub record_calls: u32,
    /// Bytes of keys and values of records, read and written, after which none is asked for.
    pub record_bytes: usize,
    /// Bytes of keys and values in one listing of records.
    pub listing_bytes: usize,
    /// HTTP requests.
    pub http_requests: u32,
    /// Bytes of HTTP on the wire, both directions, after which no request is sent.
    pub egress_bytes: u64,
}

impl Default for ToolLimits {
    /// The limits that `wit/tool` promises.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            cpu: Duration::from_secs(5),
            memory_bytes: 32 << 20,
            table_elements: 20_000,
            core_instances: 32,
            handles: 256,
            host_call_bytes: 1 << 20,
            argument_bytes: 64 << 10,
            result_bytes: 64 << 10,
            log_bytes: 16 << 10,
            record_calls: 1000,
            record_bytes: 8 << 20,
            listing_bytes: 1 << 20,
            http_requests: 8,
            egress_bytes: 4 << 20,
        }
    }
}

/// Counts what an instance uses over *all* of its memories and tables; limits
/// that count each by itself are none to a component with many.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_limit: usize,
    memory_used: usize,
    table_limit: usize,
    table_used: usize,
    core_instances: usize,
    refused: bool,
}

impl Meter {
    pub(crate) fn new(memory_bytes: usize, table_elements: usize, core_instances: usize) -> Self {
        Self {
            memory_limit: memory_bytes,
            memory_used: 0,
            table_limit: table_elements,
            table_used: 0,
            core_instances,
            refused: false,
        }
    }

    /// Bytes of all memories. Memories never shrink, so it is the most that they have had.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_used
    }

    /// Whether something was refused.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = grow(&mut self.memory_used, self.memory_limit, current, desired);
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = grow(&mut self.table_used, self.table_limit, current, desired);
        self.refused |= !fits;
        Ok(fits)
    }

    /// Memory that the tool may have and the system does not give: the run ends, before the tool breaks for want of it and is
    /// blamed.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        if is_hosts_lack(&error) { Err(error) } else { Ok(()) }
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        4
    }

    fn memories(&self) -> usize {
        1
    }
}

fn grow(used: &mut usize, limit: usize, current: usize, desired: usize) -> bool {
    let total = used.saturating_add(desired.saturating_sub(current));
    let fits = total <= limit;
    if fits {
        *used = total;
    }
    fits
}

/// Bounds what the host itself spends on an instance.
pub(crate) fn bound_host<T>(store: &mut Store<T>, host_call_bytes: usize) {
    store.set_hostcall_fuel(host_call_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_may_put_together_as_many_modules_as_its_tier_says() {
        let engine = crate::HotEngine::new().unwrap();
        let modules = "(core instance (instantiate $m))".repeat(33);
        let source = format!("(component (core module $m) {modules})");
        let component = wasmtime::component::Component::new(engine.wasmtime(), source).unwrap();
        let linker = wasmtime::component::Linker::new(engine.wasmtime());
        let starts = |tier: crate::Tier| {
            let limits = tier.tool();
            let meter = Meter::new(limits.memory_bytes, limits.table_elements, limits.core_instances);
            let mut store = Store::new(engine.wasmtime(), meter);
            store.limiter(|meter| meter);
            linker.instantiate(&mut store, &component).is_ok()
        };
        assert!(!starts(crate::Tier::Standard) && starts(crate::Tier::Large));
    }

    #[test]
    fn a_memory_that_the_system_does_not_give_ends_the_run() {
        let mut meter = Meter::new(100, 0, 1);
        assert!(meter.memory_grow_failed(wasmtime::Error::new(rustix::io::Errno::NOMEM)).is_err());
        assert!(meter.memory_grow_failed(wasmtime::Error::msg("beyond its own maximum")).is_ok());
    }

    #[test]
    fn memories_are_summed() {
        let mut meter = Meter::new(100, 0, 1);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert!(!meter.memory_growing(100, 101, None).unwrap());
    }
}
