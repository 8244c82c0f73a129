//! Which vendor a try of a request goes to.

use std::time::Duration;

use super::Breaker;
use crate::Attempt;

/// How many tries are told apart; later ones begin again with the first.
const MAX_ATTEMPTS: usize = 16;

/// The vendors that the tries of one request go to.
///
/// A try keeps its vendor: all clauses of an answer that is spoken in one try come from one
/// voice, and asking twice takes no second probe. Each new try goes to the first vendor, in
/// order of preference, that permits it and had none of the request's tries yet.
#[derive(Clone, Debug, Default)]
pub struct Order {
    taken: Vec<usize>,
}

impl Order {
    /// Before the first try.
    pub fn new() -> Self {
        Self::default()
    }

    /// The vendor for a try of this request, as its place in `breakers`, which are in order
    /// of preference. `None` only where there are no vendors.
    ///
    /// When no breaker permits it, it is the vendor that may be probed soonest: a request
    /// that nobody is asked fails for certain, and with it the call.
    pub fn vendor(&mut self, breakers: &mut [Breaker], attempt: Attempt, now: Duration) -> Option<usize> {
        let attempt = usize::try_from(attempt.0).unwrap_or(0) % MAX_ATTEMPTS;
        if let Some(vendor) = self.taken.get(attempt) {
            return Some(*vendor);
        }
        let vendor = self.choose(breakers, now)?;
        if let Some(breaker) = breakers.get_mut(vendor) {
            let _permitted = breaker.permits(now);
        }
        // Tries that were left out share the vendor of the one that came.
        self.taken.resize(attempt + 1, vendor);
        Some(vendor)
    }

    /// Forgets the tries: another request begins.
    pub fn begin(&mut self) {
        self.taken.clear();
    }

    fn choose(&self, breakers: &[Breaker], now: Duration) -> Option<usize> {
        let n_tries = |vendor: &usize| self.taken.iter().filter(|taken| *taken == vendor).count();
        let permitted = (0..breakers.len())
            .filter(|vendor| breakers.get(*vendor).is_some_and(|breaker| breaker.permits_from(now) <= now));
        // The least tried, then the most preferred; then whoever is probed soonest.
        permitted.min_by_key(n_tries).or_else(|| {
            let soonest = |(vendor, breaker): &(usize, &Breaker)| (breaker.permits_from(now), *vendor);
            breakers.iter().enumerate().min_by_key(soonest).map(|(vendor, _)| vendor)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BreakerConfig, BreakerState};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn breakers(n: u64) -> Vec<Breaker> {
        (0..n).map(|seed| Breaker::new(BreakerConfig::default(), seed)).collect()
    }

    fn open(breaker: &mut Breaker, now: Duration) {
        for _ in 0..5 {
            breaker.failed(now);
        }
        assert!(matches!(breaker.state(now), BreakerState::Open { .. }));
    }

    #[test]
    fn each_try_goes_to_the_next_vendor_and_then_round_again() {
        let (mut order, mut breakers) = (Order::new(), breakers(3));
        let vendors: Vec<_> =
            (0..7).map(|n| order.vendor(&mut breakers, Attempt(n), at(1)).unwrap()).collect();
        assert_eq!(vendors, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_try_keeps_its_vendor_though_it_fails_meanwhile() {
        let (mut order, mut breakers) = (Order::new(), breakers(2));
        assert_eq!(order.vendor(&mut breakers, Attempt(0), at(1)), Some(0));
        open(&mut breakers[0], at(1));
        assert_eq!(order.vendor(&mut breakers, Attempt(0), at(2)), Some(0));
        assert_eq!(order.vendor(&mut breakers, Attempt(1), at(2)), Some(1));
    }

    #[test]
    fn a_vendor_that_opened_at_the_first_try_makes_the_second_skip_nobody() {
        let (mut order, mut breakers) = (Order::new(), breakers(3));
        assert_eq!(order.vendor(&mut breakers, Attempt(0), at(1)), Some(0));
        open(&mut breakers[0], at(1));
        assert_eq!(order.vendor(&mut breakers, Attempt(1), at(1)), Some(1));
    }

    #[test]
    fn open_vendors_are_passed_over() {
        let (mut order, mut breakers) = (Order::new(), breakers(3));
        open(&mut breakers[0], at(1));
        open(&mut breakers[1], at(1));
        assert_eq!(order.vendor(&mut breakers, Attempt(0), at(2)), Some(2));
        assert_eq!(order.vendor(&mut breakers, Attempt(1), at(2)), Some(2), "there is no other");
    }

    #[test]
    fn with_all_open_the_one_to_be_probed_soonest_is_asked() {
        let (mut order, mut breakers) = (Order::new(), breakers(3));
        open(&mut breakers[0], at(30));
        open(&mut breakers[1], at(1));
        open(&mut breakers[2], at(30));
        assert_eq!(order.vendor(&mut breakers, Attempt(0), at(2)), Some(1));
    }

    #[test]
    fn a_probe_is_taken_once_by_one_request() {
        let (mut first, mut second, mut breakers) = (Order::new(), Order::new(), breakers(2));
        open(&mut breakers[0], at(1));
        for _ in 0..3 {
            assert_eq!(first.vendor(&mut breakers, Attempt(0), at(20)), Some(0));
        }
        assert_eq!(second.vendor(&mut breakers, Attempt(0), at(20)), Some(1));
        breakers[0].abandoned(at(21));
        second.begin();
        assert_eq!(second.vendor(&mut breakers, Attempt(0), at(21)), Some(0));
    }

    #[test]
    fn without_vendors_there_is_none() {
        assert_eq!(Order::new().vendor(&mut [], Attempt(0), at(0)), None);
    }

    #[test]
    fn endless_tries_keep_a_bounded_list() {
        let (mut order, mut breakers) = (Order::new(), breakers(2));
        for n in 0..1000 {
            order.vendor(&mut breakers, Attempt(n), at(1)).unwrap();
        }
        order.vendor(&mut breakers, Attempt(u32::MAX), at(1)).unwrap();
        assert!(order.taken.len() <= MAX_ATTEMPTS);
    }
}
