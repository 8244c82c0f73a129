//! How many calls one number may begin.

use std::time::Duration;

use store::{Admission, Db, Rate, Store, StoreError, TenantId, Timestamp};

use crate::proof::Proven;

/// Counts a call that `from` begins with a tenant, over whichever carrier; whether it may. Callers who withhold their
/// number share one count.
pub(crate) async fn admit<D: Db>(
    store: &Store<D>,
    proven: &Proven<'_>,
    tenant: &TenantId,
    from: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let caller = if from.is_empty() { "withheld" } else { from };
    let rate = Rate { count: proven.settings().webhooks_per_minute, per: Duration::from_secs(60) };
    let admission = store.admit("calls-of-a-number", &format!("{tenant}/{caller}"), rate, now).await?;
    Ok(matches!(admission, Admission::Admitted))
}
