//! Vendors of one kind in order of preference, with what is known of their health.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use turn::{Attempt, Breaker, BreakerConfig, Order};

/// Vendors that can stand in for each other. Their breakers are shared by all calls: what
/// one call learns spares the others.
pub struct Ranked<T: ?Sized> {
    first: Arc<T>,
    vendors: Vec<Arc<T>>,
    breakers: Mutex<Vec<Breaker>>,
    began: Instant,
}

/// A vendor that was taken for one request. Whoever takes it says how it went; one that
/// is dropped without a word proves nothing.
pub struct Taken<T: ?Sized> {
    ranked: Arc<Ranked<T>>,
    vendor: Arc<T>,
    index: usize,
    settled: AtomicBool,
}

impl<T: ?Sized> Ranked<T> {
    /// A vendor, and others that stand in for it, the preferred first.
    pub fn new(first: Arc<T>, others: Vec<Arc<T>>) -> Arc<Self> {
        let mut vendors = vec![first.clone()];
        vendors.extend(others);
        let breakers = (0..vendors.len()).map(|n| Breaker::new(BreakerConfig::default(), n as u64)).collect();
        Arc::new(Self { first, vendors, breakers: Mutex::new(breakers), began: Instant::now() })
    }

    /// All vendors, the preferred first.
    pub fn all(&self) -> &[Arc<T>] {
        &self.vendors
    }

    /// How many there are, as the call core counts.
    pub fn count(&self) -> u32 {
        u32::try_from(self.vendors.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Takes the vendor for the given try of the request that `order` belongs to.
    pub fn take(self: &Arc<Self>, order: &mut Order, attempt: Attempt) -> Arc<Taken<T>> {
        let now = self.began.elapsed();
        let index = order.vendor(&mut self.lock(), attempt, now).unwrap_or_default();
        let vendor = self.vendors.get(index).unwrap_or(&self.first).clone();
        Arc::new(Taken { ranked: self.clone(), vendor, index, settled: AtomicBool::new(false) })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Taken<T> {
    /// The vendor.
    pub fn vendor(&self) -> &T {
        &self.vendor
    }

    /// Its place in the order of preference.
    pub fn index(&self) -> usize {
        self.index
    }

    /// It did what was asked.
    pub fn succeeded(&self) {
        self.settle(Breaker::succeeded);
    }

    /// It did not.
    pub fn failed(&self) {
        self.settle(Breaker::failed);
    }

    fn settle(&self, how: impl FnOnce(&mut Breaker, std::time::Duration)) {
        if self.settled.swap(true, Ordering::Relaxed) {
            return;
        }
        let now = self.ranked.began.elapsed();
        if let Some(breaker) = self.ranked.lock().get_mut(self.index) {
            how(breaker, now);
        }
    }
}

impl<T: ?Sized> Drop for Taken<T> {
    fn drop(&mut self) {
        self.settle(Breaker::abandoned);
    }
}
