//! How often a lost stream to a vendor is opened again, and after what pause.

use std::time::Duration;

/// How many losses in a row are put up with.
const LOSSES: u32 = 3;

/// The pause after the first loss; it doubles.
const BACKOFF: Duration = Duration::from_millis(200);

/// A stream that lasted this long worked: its loss is counted as the first.
const STEADY: Duration = Duration::from_secs(10);

/// Counts the losses of one stream. A vendor that answers and hangs up at once
/// must not be asked for ever.
#[derive(Debug, Default)]
pub struct Reopening {
    losses: u32,
}

impl Reopening {
    /// Notes that the stream was lost, or could not be opened, after `lasting`.
    /// Returns the pause before the next attempt; `None` where there is to be none.
    pub fn lost(&mut self, lasting: Duration) -> Option<Duration> {
        if lasting >= STEADY {
            self.losses = 0;
        }
        self.losses += 1;
        (self.losses < LOSSES).then(|| BACKOFF * 2_u32.pow(self.losses - 1))
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
    fn a_stream_that_keeps_breaking_is_given_up() {
        let mut reopening = Reopening::default();
        assert_eq!(reopening.lost(Duration::ZERO), Some(BACKOFF));
        assert_eq!(reopening.lost(Duration::from_secs(1)), Some(BACKOFF * 2));
        assert_eq!(reopening.lost(Duration::from_secs(9)), None);
    }

    #[test]
    fn a_stream_that_worked_for_a_while_is_opened_anew() {
        let mut reopening = Reopening::default();
        for _ in 0..100 {
            assert_eq!(reopening.lost(STEADY), Some(BACKOFF));
        }
    }
}
