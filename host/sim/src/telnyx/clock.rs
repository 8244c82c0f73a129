//! The carrier's own clock, which can be put forward.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Time since the carrier started. What the carrier forgets, it forgets by this clock; what it writes into webhooks is
/// the time of day, which those who verify signatures compare with their own.
#[derive(Debug)]
pub(super) struct Clock {
    began: Instant,
    ahead: Mutex<Duration>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), ahead: Mutex::default() }
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed() + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

/// The time of day as Telnyx writes it.
pub(super) fn stamp() -> String {
    stamp_of(jiff::Timestamp::now())
}

/// A time of day as Telnyx writes it.
pub(super) fn stamp_of(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_microsecond() {
        let time = jiff::Timestamp::from_microsecond(1_517_610_327_521_992).unwrap();
        assert_eq!(stamp_of(time), "2018-02-02T22:25:27.521992Z");
        let time = jiff::Timestamp::from_microsecond(1_517_610_327_000_005).unwrap();
        assert_eq!(stamp_of(time), "2018-02-02T22:25:27.000005Z");
    }
}
