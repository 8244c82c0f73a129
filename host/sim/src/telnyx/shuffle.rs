//! A network that lets packets overtake each other, by a bounded number of places and the same way in every run.

use super::faults::Shuffle;

/// Holds each item back for a random number of steps, at most [`Shuffle::by`]: so many later ones may overtake it.
#[derive(Debug)]
pub(super) struct Shuffler<T> {
    by: u64,
    random: Random,
    step: u64,
    held: Vec<(u64, T)>,
}

impl<T> Shuffler<T> {
    /// One that keeps the order where nothing is asked.
    pub(super) fn new(shuffle: Option<Shuffle>) -> Self {
        let Shuffle { by, seed } = shuffle.unwrap_or(Shuffle { by: 0, seed: 0 });
        Self { by: by.into(), random: Random(seed), step: 0, held: Vec::new() }
    }

    /// Takes an item; gives those that leave at this step.
    pub(super) fn push(&mut self, item: T) -> Vec<T> {
        let leaves = self.step + self.random.next() % (self.by + 1);
        self.held.push((leaves, item));
        let now = self.step;
        self.step += 1;
        let (due, held): (Vec<_>, _) =
            std::mem::take(&mut self.held).into_iter().partition(|(at, _)| *at <= now);
        self.held = held;
        // Those that waited come last: otherwise nothing would overtake what waits for one step.
        due.into_iter().rev().map(|(_, item)| item).collect()
    }

    /// What is still held, in the order in which it came.
    pub(super) fn flush(&mut self) -> Vec<T> {
        self.held.drain(..).map(|(_, item)| item).collect()
    }
}

/// SplitMix64: numbers that look random and are the same in every run.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A share of 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_asked_keeps_the_order() {
        let mut shuffler = Shuffler::new(None);
        let order: Vec<u32> = (0..50).flat_map(|item| shuffler.push(item)).collect();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn every_item_leaves_once_and_is_overtaken_by_as_many_as_allowed(by in 1_u32..8, seed: u64) {
            let order = order(by, seed);
            prop_assert_eq!(&order, &self::order(by, seed));
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..200).collect::<Vec<_>>());
            for (place, item) in order.iter().enumerate() {
                let overtaken_by = order[..place].iter().filter(|earlier| *earlier > item).count();
                prop_assert!(overtaken_by <= by as usize, "{} by {}", item, overtaken_by);
            }
            prop_assert!(order.windows(2).any(|pair| pair[0] > pair[1]), "nothing was out of order");
        }
    }

    fn order(by: u32, seed: u64) -> Vec<u32> {
        let mut shuffler = Shuffler::new(Some(Shuffle { by, seed }));
        let mut order: Vec<u32> = (0..200).flat_map(|item| shuffler.push(item)).collect();
        order.extend(shuffler.flush());
        order
    }
}
