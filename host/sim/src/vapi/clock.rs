//! The time within a call.

use std::time::Duration;

use jiff::Timestamp;

/// Begins with the real time, and goes on as people speak.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    began: Timestamp,
    passed: Duration,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { began: Timestamp::now(), passed: Duration::ZERO }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.passed += time;
    }

    pub(super) fn passed(&self) -> Duration {
        self.passed
    }

    /// Now, in milliseconds since 1970. Every message has a time of its own, as between real machines.
    pub(super) fn tick(&mut self) -> i64 {
        self.pass(Duration::from_millis(1));
        self.millis()
    }

    pub(super) fn millis(&self) -> i64 {
        let passed = i64::try_from(self.passed.as_millis()).unwrap_or_default();
        self.began.as_millisecond().saturating_add(passed)
    }

    /// Now, as ISO 8601.
    pub(super) fn iso(&self) -> String {
        Timestamp::from_millisecond(self.millis()).map(|now| format!("{now:.3}")).unwrap_or_default()
    }
}
