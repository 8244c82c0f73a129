//! What can go wrong on a line.

use std::time::Duration;

/// Faults of one call. The default has none. Times count from the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarrierFaults {
    /// Delay each frame to the platform by up to this much, in order.
    pub jitter: Duration,
    /// Hold this many frames to the platform back and send them at once.
    pub burst: Option<u32>,
    /// Lose one frame to the platform in this many.
    pub drop_one_in: Option<u32>,
    /// Echo no marks.
    pub lose_marks: bool,
    /// Echo each mark twice.
    pub duplicate_marks: bool,
    /// The caller hangs up at this time.
    pub hang_up_at: Option<Duration>,
    /// Close the first media socket at this time, without `stop`.
    pub close_socket_at: Option<Duration>,
    /// Drop the first media connection at this time, without any closing.
    pub drop_connection_at: Option<Duration>,
}

/// A generator of numbers that look random and are the same in every run.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A share of 1.
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
