//! The level of what is always there: the quietest moment of the last two seconds.

/// Windows per block: 256 ms.
const BLOCK: u8 = 16;

/// Blocks looked back on: 2 s. A caller pauses between words more often than that; noise and chords do not.
const BLOCKS: usize = 8;

/// Share of the newest window in the smoothed energy, so that one quiet window among noisy ones is no floor.
const SMOOTHING: f32 = 0.5;

/// Follows the energy of what lies under the speech, by its minimum (after Martin, "Noise power spectral density
/// estimation based on optimal smoothing and minimum statistics", 2001, for one band and without bias correction).
#[derive(Debug, Clone)]
pub(super) struct NoiseFloor {
    smoothed: f32,
    minimum: f32,
    blocks: [f32; BLOCKS],
    filled: u8,
    next: usize,
}

impl NoiseFloor {
    /// A line on which nothing was heard yet counts as silent: noise is known for noise after 2 s.
    pub(super) fn new() -> Self {
        Self { smoothed: 0.0, minimum: f32::INFINITY, blocks: [0.0; BLOCKS], filled: 0, next: 0 }
    }

    /// Takes the mean square of the next window of 16 ms.
    pub(super) fn push(&mut self, energy: f32) {
        self.smoothed += SMOOTHING * (energy - self.smoothed);
        self.minimum = self.minimum.min(self.smoothed);
        self.filled += 1;
        if self.filled < BLOCK {
            return;
        }
        if let Some(slot) = self.blocks.get_mut(self.next) {
            *slot = self.minimum;
        }
        self.next = (self.next + 1) % BLOCKS;
        self.minimum = f32::INFINITY;
        self.filled = 0;
    }

    /// The mean square of what is always there.
    pub(super) fn energy(&self) -> f32 {
        self.blocks.iter().copied().fold(self.minimum, f32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of two seconds and a block more.
    const LONG_ENOUGH: usize = BLOCK as usize * (BLOCKS + 1);

    #[test]
    fn steady_noise_is_the_floor_after_two_seconds_and_not_before() {
        let mut floor = NoiseFloor::new();
        (0..LONG_ENOUGH / 2).for_each(|_| floor.push(0.01));
        assert!(floor.energy() < 0.001);
        (0..LONG_ENOUGH).for_each(|_| floor.push(0.01));
        assert!((floor.energy() - 0.01).abs() < 1e-4, "{}", floor.energy());
    }

    #[test]
    fn words_with_short_pauses_do_not_raise_the_floor() {
        let mut floor = NoiseFloor::new();
        for _ in 0..20 {
            (0..60).for_each(|_| floor.push(0.01));
            (0..6).for_each(|_| floor.push(1e-6));
        }
        assert!(floor.energy() < 0.0005, "{}", floor.energy());
    }

    #[test]
    fn the_floor_falls_at_once_when_the_noise_ends() {
        let mut floor = NoiseFloor::new();
        (0..LONG_ENOUGH).for_each(|_| floor.push(0.01));
        (0..12).for_each(|_| floor.push(0.0));
        assert!(floor.energy() < 1e-5, "{}", floor.energy());
    }
}
