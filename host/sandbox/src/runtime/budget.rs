//! The processor time that a tenant has used in the present window.

use std::time::Duration;

/// Counts processor time in windows. A window begins with the first charge after the last window's end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    began: Duration,
    used: Duration,
}

impl Budget {
    /// Counts `used`.
    pub(crate) fn charge(&mut self, used: Duration, window: Duration, now: Duration) {
        if self.is_over(window, now) {
            *self = Self { began: now, used: Duration::ZERO };
        }
        self.used = self.used.saturating_add(used);
    }

    /// Whether as much as `limit` was used in the window that `now` is in.
    pub(crate) fn is_spent(&self, limit: Duration, window: Duration, now: Duration) -> bool {
        self.used >= limit && !self.is_over(window, now)
    }

    /// Whether the window has ended, or never began.
    pub(crate) fn is_over(&self, window: Duration, now: Duration) -> bool {
        self.used.is_zero() || now.saturating_sub(self.began) >= window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const LIMIT: Duration = Duration::from_secs(2);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_budget_is_spent_until_its_window_ends() {
        let mut budget = Budget::default();
        budget.charge(seconds(1), WINDOW, seconds(100));
        assert!(!budget.is_spent(LIMIT, WINDOW, seconds(100)));
        budget.charge(seconds(1), WINDOW, seconds(130));
        assert!(budget.is_spent(LIMIT, WINDOW, seconds(130)));
        assert!(budget.is_spent(LIMIT, WINDOW, seconds(159)));
        assert!(!budget.is_spent(LIMIT, WINDOW, seconds(160)));
    }

    #[test]
    fn a_window_begins_with_the_first_charge_after_the_last() {
        let mut budget = Budget::default();
        budget.charge(seconds(2), WINDOW, seconds(0));
        budget.charge(seconds(1), WINDOW, seconds(90));
        assert!(!budget.is_spent(LIMIT, WINDOW, seconds(90)));
        budget.charge(seconds(1), WINDOW, seconds(149));
        assert!(budget.is_spent(LIMIT, WINDOW, seconds(149)), "the second window lasts until 150");
        assert!(!budget.is_spent(LIMIT, WINDOW, seconds(150)));
    }
}
