//! After what pause a lost stream to a vendor is opened again.

use std::time::Duration;

/// The pause after the first loss; it doubles.
const BACKOFF: Duration = Duration::from_millis(200);

/// The longest pause. A vendor that was down for a second must not be lost to the call, and
/// one that is down for good is asked twelve times a minute at most, for as long as the
/// call lasts.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// A stream that lasted this long worked: its loss is counted as the first.
const STEADY: Duration = Duration::from_secs(10);

/// Counts the losses of one stream.
#[derive(Debug, Default)]
pub struct Reopening {
    losses: u32,
}

impl Reopening {
    /// Notes that the stream was lost, or could not be opened, after `lasting`.
    /// Returns the pause before the next attempt.
    pub fn lost(&mut self, lasting: Duration) -> Duration {
        if lasting >= STEADY {
            self.losses = 0;
        }
        self.losses = self.losses.saturating_add(1);
        BACKOFF.saturating_mul(2_u32.saturating_pow(self.losses - 1)).min(MAX_BACKOFF)
    }

    /// How many losses there were in a row.
    pub fn losses(&self) -> u32 {
        self.losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_keeps_breaking_is_opened_ever_more_rarely() {
        let mut reopening = Reopening::default();
        assert_eq!(reopening.lost(Duration::ZERO), BACKOFF);
        assert_eq!(reopening.lost(Duration::from_secs(1)), BACKOFF * 2);
        for _ in 0..100 {
            assert!(reopening.lost(Duration::ZERO) <= MAX_BACKOFF);
        }
        assert_eq!(reopening.lost(Duration::ZERO), MAX_BACKOFF);
    }

    #[test]
    fn a_stream_that_worked_for_a_while_is_opened_anew() {
        let mut reopening = Reopening::default();
        for _ in 0..100 {
            assert_eq!(reopening.lost(STEADY), BACKOFF);
        }
    }
}
