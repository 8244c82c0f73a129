//! A bound on how many do something at once.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// So many places, each for one at a time.
#[derive(Debug)]
pub(super) struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(super) fn new(places: usize) -> Self {
        Self { free: Mutex::new(places), freed: Condvar::new() }
    }

    /// A place, if one is free within `longest`.
    pub(super) fn take(&self, longest: Duration) -> Option<Slot<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .freed
            .wait_timeout_while(free, longest, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_are_given_than_there_are() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take(Duration::ZERO), slots.take(Duration::ZERO));
        assert!(first.is_some() && second.is_some() && slots.take(Duration::ZERO).is_none());
        drop(first);
        assert!(slots.take(Duration::ZERO).is_some());
    }

    #[test]
    fn whoever_waits_gets_the_place_that_becomes_free() {
        let slots = Slots::new(1);
        let taken = slots.take(Duration::ZERO);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(Duration::from_secs(60)).is_some());
            drop(taken);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_place_is_free_again_after_a_panic() {
        let slots = Slots::new(1);
        let unwound = std::panic::catch_unwind(|| {
            let _slot = slots.take(Duration::ZERO);
            panic!("as a test may");
        });
        assert!(unwound.is_err() && slots.take(Duration::ZERO).is_some());
    }
}
