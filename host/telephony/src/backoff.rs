//! How long to wait before asking again.

use std::time::Duration;

/// Pauses that double, with full jitter: each is any length from nothing to the doubled one, so that what failed together
/// does not come back together. <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first pause.
    pub first: Duration,
    /// The longest pause of all.
    pub most: Duration,
}

impl Backoff {
    /// The pause after the `failed`-th try, from 1. `share`, from 0 up to 1, is a random number.
    #[must_use]
    pub fn pause(self, failed: u32, share: f64) -> Duration {
        let doubled = self.first.saturating_mul(2u32.saturating_pow(failed.saturating_sub(1)));
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        doubled.min(self.most).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: Backoff = Backoff { first: Duration::from_secs(2), most: Duration::from_secs(60) };

    #[test]
    fn pauses_double_up_to_a_limit() {
        let longest: Vec<u64> = (1..=8).map(|failed| ORDERS.pause(failed, 1.0).as_secs()).collect();
        assert_eq!(longest, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(ORDERS.pause(u32::MAX, 1.0), Duration::from_secs(60));
        assert_eq!(ORDERS.pause(0, 1.0), Duration::from_secs(2));
    }

    #[test]
    fn the_jitter_is_full() {
        assert_eq!(ORDERS.pause(2, 0.0), Duration::ZERO);
        assert_eq!(ORDERS.pause(2, 0.25), Duration::from_secs(1));
        assert_eq!(ORDERS.pause(2, f64::NAN), Duration::from_secs(4));
        assert_eq!(ORDERS.pause(2, -1.0), Duration::ZERO);
    }
}
