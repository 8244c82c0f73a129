//! The call's log, written in order and durable before its effects.

use std::time::Duration;

use anyhow::{Context as _, bail};
use events::CallEvent;
use store::{Appended, CallId, NativeDb, Store, TenantId, Timestamp};

/// How long the database may take. A call that cannot be logged must not go on.
const APPEND_TIMEOUT: Duration = Duration::from_secs(3);

/// Collects events and writes them before an effect.
pub struct CallLog {
    store: Store<NativeDb>,
    tenant: TenantId,
    call: CallId,
    waiting: Vec<(Timestamp, CallEvent)>,
}

impl CallLog {
    /// The log of a call.
    pub fn new(store: Store<NativeDb>, tenant: TenantId, call: CallId) -> Self {
        Self { store, tenant, call, waiting: Vec::new() }
    }

    /// Adds an event. It is not durable before [`CallLog::settle`].
    pub fn push(&mut self, event: CallEvent) {
        self.waiting.push((Timestamp::now(), event));
    }

    /// Returns once every event so far is durable.
    ///
    /// # Errors
    /// Where the database fails or does not answer in time.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.waiting);
        let append = self.store.append_events(&self.tenant, &self.call, &events, None);
        match tokio::time::timeout(APPEND_TIMEOUT, append).await {
            Ok(Ok(Appended::UpTo(_))) => Ok(()),
            Ok(Ok(Appended::Moved)) => bail!("the call's log was moved"),
            Ok(Err(error)) => Err(error).context("writing the call's log"),
            Err(_) => bail!("the call's log was not written within {APPEND_TIMEOUT:?}"),
        }
    }
}
