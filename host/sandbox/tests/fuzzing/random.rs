//! Numbers that are the same in every run, and bytes changed by them.

/// Xorshift (Marsaglia 2003).
pub struct Random(u64);

/// Bytes that mean something to a reader of WebAssembly: limits of its numbers, and what begins sections and types.
const TELLING: [u8; 16] =
    [0x00, 0x01, 0x02, 0x04, 0x0a, 0x0b, 0x3f, 0x40, 0x41, 0x42, 0x60, 0x7e, 0x7f, 0x80, 0xfe, 0xff];

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`, and 0 where that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (n.max(1) as u64)).unwrap_or_default()
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.below(256)).unwrap_or_default()).collect()
    }

    /// Changes `data` in one to three places. Few enough that much of it stays sound.
    pub fn change(&mut self, data: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(data.len());
            let end = data.len().min(at + 1 + self.below(48));
            match self.below(12) {
                0..=3 => data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << self.below(8)),
                4..=6 => {
                    let byte = TELLING.get(self.below(TELLING.len())).copied().unwrap_or_default();
                    data.iter_mut().skip(at).take(1).for_each(|old| *old = byte);
                }
                7 => drop(data.drain(at..end)),
                8 => {
                    let piece = data.get(at..end).unwrap_or_default().to_vec();
                    let to = self.below(data.len());
                    drop(data.splice(to..to, piece));
                }
                9 => {
                    let piece = self.bytes(1 + end.saturating_sub(at) / 8);
                    drop(data.splice(at..at, piece));
                }
                10 => data.truncate(at),
                // A number that is longer than it need be, or too long.
                _ => drop(data.splice(at..at, [0x80].repeat(1 + self.below(10)))),
            }
        }
    }
}
