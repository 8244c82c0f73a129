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

    /// A place, if one is free within `longest` beside the `left_free` that are for others.
    pub(super) fn take(&self, longest: Duration, left_free: usize) -> Option<Slot<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut free, _) = self
            .freed
            .wait_timeout_while(free, longest, |free| *free <= left_free)
            .unwrap_or_else(PoisonError::into_inner);
        if *free <= left_free {
            return None;
        }
        *free -= 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        // Not everyone who waits is content with the same number of places.
        self.0.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_are_given_than_there_are() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take(Duration::ZERO, 0), slots.take(Duration::ZERO, 0));
        assert!(first.is_some() && second.is_some() && slots.take(Duration::ZERO, 0).is_none());
        drop(first);
        assert!(slots.take(Duration::ZERO, 0).is_some());
    }

    #[test]
    fn a_place_for_others_is_left_free() {
        let slots = Slots::new(2);
        let first = slots.take(Duration::ZERO, 1);
        assert!(first.is_some() && slots.take(Duration::ZERO, 1).is_none());
        let other = slots.take(Duration::ZERO, 0);
        assert!(other.is_some() && slots.take(Duration::ZERO, 0).is_none());
        drop(first);
        assert!(slots.take(Duration::ZERO, 1).is_none());
        drop(other);
        assert!(slots.take(Duration::ZERO, 1).is_some());
    }

    #[test]
    fn whoever_waits_gets_the_place_that_becomes_free() {
        let slots = Slots::new(1);
        let taken = slots.take(Duration::ZERO, 0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| slots.take(Duration::from_secs(60), 0).is_some());
            drop(taken);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn a_place_is_free_again_after_a_panic() {
        let slots = Slots::new(1);
        let unwound = std::panic::catch_unwind(|| {
            let _slot = slots.take(Duration::ZERO, 0);
            panic!("as a test may");
        });
        assert!(unwound.is_err() && slots.take(Duration::ZERO, 0).is_some());
    }
}
