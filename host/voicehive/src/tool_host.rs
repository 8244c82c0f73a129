//! What stands behind a tool's imports: one tenant's records and declared hosts.

use std::sync::Arc;
use std::time::Duration;

use sandbox::{HttpError, HttpRequest, HttpSent, Level, Record, RecordError, ToolHost};
use store::{NativeDb, Store, TenantId, ToolRecord};
use tokio::runtime::Handle;

/// How long a tool waits for its records.
const RECORDS_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves the tools of one tenant, on threads that may block.
pub struct TenantHost {
    store: Store<NativeDb>,
    tenant: TenantId,
    tool: Arc<str>,
    runtime: Handle,
}

impl TenantHost {
    /// Serves `tool` of `tenant`.
    pub fn new(store: Store<NativeDb>, tenant: TenantId, tool: Arc<str>, runtime: Handle) -> Self {
        Self { store, tenant, tool, runtime }
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, store::RecordError>>) -> Result<T, RecordError> {
        let answer = async { tokio::time::timeout(RECORDS_TIMEOUT, answer).await };
        match self.runtime.block_on(answer) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(record_error(error)),
            Err(_) => Err(RecordError::Unavailable),
        }
    }
}

impl ToolHost for TenantHost {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.wait(self.store.record(&self.tenant, key))?.map(record))
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        self.wait(self.store.insert_record(&self.tenant, key, value))
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        self.wait(self.store.replace_record(&self.tenant, key, value, version))
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError> {
        self.wait(self.store.remove_record(&self.tenant, key, version))
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError> {
        let listed = self.wait(self.store.records_by_prefix(&self.tenant, prefix, after, limit))?;
        Ok(listed.into_iter().map(record).collect())
    }

    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        // The built-in tools declare no hosts.
        HttpSent::nothing(HttpError::Denied("this tool declared no hosts".into()))
    }

    fn secret(&self, _: &str) -> Option<String> {
        // A secret belongs to a host, and the built-in tools declare none.
        None
    }

    fn log(&self, level: Level, message: &str) {
        let (tenant, tool) = (self.tenant.as_str(), &*self.tool);
        // A tool's words may hold what a caller said, and such things are logged at debug only.
        tracing::debug!(tenant, tool, ?level, "{message}");
    }
}

fn record(record: ToolRecord) -> Record {
    Record { key: record.key, value: record.value, version: record.version }
}

fn record_error(error: store::RecordError) -> RecordError {
    match error {
        store::RecordError::Invalid(why) => RecordError::Invalid(why),
        store::RecordError::Conflict => RecordError::Conflict,
        store::RecordError::QuotaExceeded => RecordError::QuotaExceeded,
        error => {
            tracing::error!(%error, "a tool's records cannot be reached");
            RecordError::Unavailable
        }
    }
}
