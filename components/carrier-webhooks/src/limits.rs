//! How many calls one number may begin.

use std::time::Duration;

use store::{Limit, Rate, TenantId};

use crate::proof::Proven;

/// A number that calls a tenant, over whichever carrier. Those who withhold theirs share one count.
pub(crate) struct Caller {
    key: String,
    rate: Rate,
}

impl Caller {
    /// `from` as it calls `tenant`; empty when withheld.
    pub(crate) fn of(proven: &Proven<'_>, tenant: &TenantId, from: &str) -> Self {
        let caller = if from.is_empty() { "withheld" } else { from };
        let rate = Rate { count: proven.settings().webhooks_per_minute, per: Duration::from_secs(60) };
        Self { key: format!("{tenant}/{caller}"), rate }
    }

    /// What it may do, for the store to count.
    pub(crate) fn limit(&self) -> Limit<'_> {
        Limit { scope: "calls-of-a-number", key: &self.key, rate: self.rate }
    }
}
