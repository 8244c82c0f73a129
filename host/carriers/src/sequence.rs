//! Which numbers of a sequence have arrived, where they need not arrive in order.

/// How far back a repeated number is told from a late one. A media socket carries about 50 messages a second, so this
/// is more than a second: many times what a carrier's own queues delay one message against the next.
const MEMORY: u64 = u64::BITS as u64;

/// What one number says about those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The highest so far.
    Newest,
    /// It was missing until now.
    Overtaken,
    /// It had arrived, or it is too old to tell.
    Repeated,
}

/// Counts what is missing. A number that comes late after all is missing no longer.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    highest: Option<u64>,
    /// Bit `n` stands for the number `highest - n`.
    arrived: u64,
    missing: u64,
    reordered: u64,
}

impl Sequence {
    /// Takes note of `number`.
    pub(crate) fn arrive(&mut self, number: u64) -> Arrival {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            // What came before the first number is not known to be missing.
            self.arrived = u64::MAX;
            return Arrival::Newest;
        };
        if number > highest {
            self.advance(number - highest);
            self.highest = Some(number);
            return Arrival::Newest;
        }
        self.reordered = self.reordered.saturating_add(1);
        let age = highest - number;
        let bit = if age < MEMORY { 1 << age } else { 0 };
        if bit == 0 || self.arrived & bit != 0 {
            return Arrival::Repeated;
        }
        self.arrived |= bit;
        self.missing = self.missing.saturating_sub(1);
        Arrival::Overtaken
    }

    /// Numbers between the first and the highest that never arrived.
    pub(crate) fn missing(&self) -> u64 {
        self.missing
    }

    /// Numbers that arrived after a higher one, or twice.
    pub(crate) fn reordered(&self) -> u64 {
        self.reordered
    }

    fn advance(&mut self, step: u64) {
        self.arrived = if step < MEMORY { (self.arrived << step) | 1 } else { 1 };
        self.missing = self.missing.saturating_add(step - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_that_comes_late_is_missing_no_longer() {
        let mut sequence = Sequence::default();
        let arrivals = [1, 4, 2, 4, 2].map(|number| sequence.arrive(number));
        assert_eq!(
            arrivals,
            [Arrival::Newest, Arrival::Newest, Arrival::Overtaken, Arrival::Repeated, Arrival::Repeated]
        );
        assert_eq!((sequence.missing(), sequence.reordered()), (1, 3));
    }

    #[test]
    fn what_came_before_the_first_number_is_not_missing() {
        let mut sequence = Sequence::default();
        sequence.arrive(7);
        assert_eq!(sequence.arrive(6), Arrival::Repeated);
        assert_eq!(sequence.missing(), 0);
    }

    #[test]
    fn the_ends_of_the_range_are_numbers_like_others() {
        let mut sequence = Sequence::default();
        sequence.arrive(0);
        sequence.arrive(u64::MAX);
        sequence.arrive(u64::MAX - 63);
        sequence.arrive(u64::MAX - 64);
        assert_eq!(sequence.missing(), u64::MAX - 2);
    }

    proptest! {
        #[test]
        fn what_is_missing_is_what_never_came(numbers in proptest::collection::vec(1_u64..60, 1..80)) {
            let mut sequence = Sequence::default();
            sequence.arrive(0);
            for number in &numbers {
                sequence.arrive(*number);
            }
            let came: BTreeSet<u64> = numbers.iter().copied().chain([0]).collect();
            let highest = came.last().copied().unwrap_or_default();
            prop_assert_eq!(sequence.missing(), highest + 1 - came.len() as u64);
        }
    }
}
