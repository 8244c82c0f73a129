//! Loaded versions of tenants' tools: kept for as long as there is room, and at hand for as long as anything uses them.

use std::collections::BTreeMap;

use sandbox::{Tier, Tool, WeakTool};
use store::{TenantId, ToolDigest};

use super::lru::{Lru, Room};

/// How much of loaded versions is kept in memory: some hundred of compiled languages, or a few interpreters.
const LOADED: Room = Room { entries: 1024, weight: 512 << 20 };

/// How much of it is kept for one tenant, however many tools it has: what others use stays.
const OF_A_TENANT: Room = Room { entries: LOADED.entries / 4, weight: LOADED.weight / 4 };

/// The bytes, and the limits that they run under: the same bytes may have come under another tier.
pub type Which = (ToolDigest, Tier);

/// What can be on a shelf.
pub trait Loaded: Clone {
    /// The same, without keeping it.
    type Weak;

    /// The same, without keeping it.
    fn weak(&self) -> Self::Weak;

    /// What is still there of it.
    fn strong(weak: &Self::Weak) -> Option<Self>;

    /// Bytes of memory.
    fn weight(&self) -> usize;
}

impl Loaded for Tool {
    type Weak = WeakTool;

    fn weak(&self) -> WeakTool {
        self.downgrade()
    }

    fn strong(weak: &WeakTool) -> Option<Self> {
        weak.upgrade()
    }

    fn weight(&self) -> usize {
        self.image_bytes()
    }
}

/// What was loaded. It is the same for all tenants that have the bytes; who has it loaded has it in its share.
pub struct Shelf<T: Loaded> {
    kept: Lru<Which, (TenantId, T)>,
    /// What live calls still have takes up its memory anyway, so nobody need load it a second time.
    living: BTreeMap<Which, T::Weak>,
}

impl<T: Loaded> Shelf<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { kept: Lru::new(LOADED), living: BTreeMap::new() }
    }

    /// What is kept, or still in use somewhere; then `tenant` has it kept again.
    pub fn get(&mut self, tenant: &TenantId, which: &Which) -> Option<T> {
        if let Some((_, loaded)) = self.kept.get(which) {
            return Some(loaded.clone());
        }
        let loaded = T::strong(self.living.get(which)?)?;
        self.keep(tenant, which, &loaded);
        Some(loaded)
    }

    /// Keeps what `tenant` has had loaded.
    pub fn put(&mut self, tenant: &TenantId, which: &Which, loaded: &T) {
        self.living.retain(|_, weak| T::strong(weak).is_some());
        self.living.insert(which.clone(), loaded.weak());
        self.keep(tenant, which, loaded);
    }

    fn keep(&mut self, tenant: &TenantId, which: &Which, loaded: &T) {
        let (value, weight) = ((tenant.clone(), loaded.clone()), loaded.weight());
        self.kept.put_within(which.clone(), value, weight, OF_A_TENANT, |(owner, _)| owner == tenant);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use super::*;

    impl Loaded for Arc<usize> {
        type Weak = Weak<usize>;

        fn weak(&self) -> Weak<usize> {
            Arc::downgrade(self)
        }

        fn strong(weak: &Weak<usize>) -> Option<Self> {
            weak.upgrade()
        }

        fn weight(&self) -> usize {
            **self
        }
    }

    #[test]
    fn a_tenant_with_many_large_tools_evicts_only_its_own() {
        let (mut shelf, half) = (Shelf::new(), OF_A_TENANT.weight / 2);
        let (modest, greedy) = (tenant("modest"), tenant("greedy"));
        shelf.put(&modest, &which(0), &Arc::new(half));
        for number in 1..33 {
            shelf.put(&greedy, &which(number), &Arc::new(half));
        }
        let left = (0..33).filter(|number| shelf.get(&modest, &which(*number)).is_some());
        assert_eq!(left.collect::<Vec<u8>>(), [0, 31, 32]);
    }

    #[test]
    fn what_a_call_still_has_is_found_again_by_its_bytes_and_tier() {
        let (mut shelf, mine) = (Shelf::new(), tenant("mine"));
        let used = Arc::new(OF_A_TENANT.weight);
        shelf.put(&mine, &which(0), &used);
        shelf.put(&mine, &which(1), &Arc::new(1));
        assert_eq!(Arc::strong_count(&used), 1, "it is kept no more");
        let other_tier = (which(0).0, Tier::Large);
        assert!(shelf.get(&mine, &other_tier).is_none());
        assert!(shelf.get(&mine, &which(0)).is_some_and(|found| Arc::ptr_eq(&found, &used)));
        assert_eq!(Arc::strong_count(&used), 2, "and is kept again");
    }

    #[test]
    fn what_nobody_has_is_forgotten() {
        let (mut shelf, mine) = (Shelf::new(), tenant("mine"));
        for number in 0..100 {
            shelf.put(&mine, &which(number), &Arc::new(OF_A_TENANT.weight));
        }
        // The one before was still kept when the last came.
        assert_eq!(shelf.living.len(), 2);
        assert!(shelf.get(&mine, &which(98)).is_none() && shelf.get(&mine, &which(99)).is_some());
    }

    #[test]
    fn what_is_heavier_than_a_share_lives_only_in_calls() {
        let (mut shelf, mine) = (Shelf::new(), tenant("mine"));
        let heavy = Arc::new(OF_A_TENANT.weight + 1);
        shelf.put(&mine, &which(0), &heavy);
        assert!(shelf.get(&mine, &which(0)).is_some());
        drop(heavy);
        assert!(shelf.get(&mine, &which(0)).is_none());
    }

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    fn which(number: u8) -> Which {
        (ToolDigest::of(&[number]), Tier::Standard)
    }
}
