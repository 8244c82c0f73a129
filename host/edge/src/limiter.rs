//! How much memory one instance may have, over all its linear memories together.

use wasmtime::ResourceLimiter;

/// Elements that one table may have; Rust guests need a few hundred.
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Core instances, memories and tables of one store: a composed component has a handful of each per part.
const MAX_PARTS: usize = 100;

/// Counts what is in use. wasmtime's own limiter compares each memory by itself, so that n memories get n times the limit.
#[derive(Debug)]
pub(crate) struct Limiter {
    max: usize,
    used: usize,
    last_growth: usize,
}

impl Limiter {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, used: 0, last_growth: 0 }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let total = self.used.saturating_add(growth);
        if total > self.max {
            tracing::warn!(wanted = total, limit = self.max, "guest memory limit reached");
            return Ok(false);
        }
        self.used = total;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.used = self.used.saturating_sub(std::mem::take(&mut self.last_growth));
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        MAX_PARTS
    }

    fn tables(&self) -> usize {
        MAX_PARTS
    }

    fn memories(&self) -> usize {
        MAX_PARTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 64 << 10;

    #[test]
    fn several_memories_share_one_limit() {
        let mut limiter = Limiter::new(4 * PAGE);

        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap());
    }

    #[test]
    fn a_growth_that_failed_elsewhere_is_not_counted() {
        let mut limiter = Limiter::new(4 * PAGE);

        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
        limiter.memory_grow_failed(wasmtime::format_err!("no address space")).unwrap();

        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
    }

    #[test]
    fn a_refused_growth_leaves_room_for_a_smaller_one() {
        let mut limiter = Limiter::new(4 * PAGE);

        assert!(!limiter.memory_growing(0, 5 * PAGE, None).unwrap());
        assert!(limiter.memory_growing(0, 4 * PAGE, None).unwrap());
    }
}
