//! What stands behind a tool's imports: one tenant's records, the hosts that the tool declared, its secrets and its log.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use egress::{Budget, Egress, Host, Policy};
use sandbox::{
    HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost,
    ToolLimits,
};
use store::{NativeDb, Store, TenantId, Timestamp, ToolDigest, ToolName, ToolRecord};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::allowance::Allowances;
use crate::tool_lines::ToolLines;
use crate::tool_secrets::{SecretKeys, secrets_of};

/// How long a tool waits for its records, or for its secrets to be read.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the hosts of all tools share.
pub struct Services {
    /// The records.
    pub store: Store<NativeDb>,
    /// The one way out.
    pub egress: Egress,
    /// What each tenant's tools have sent today.
    pub allowances: Allowances,
    /// What opens the secrets of tenants' tools.
    pub secrets: Arc<SecretKeys>,
    /// What tenants' tools logged last.
    pub lines: Arc<ToolLines>,
    /// Where waiting is done.
    pub runtime: Handle,
}

/// Whose run a host serves.
#[derive(Clone, Debug)]
pub struct Run {
    /// Whose tool it is.
    pub tenant: TenantId,
    /// The platform's id of the phone call.
    pub call: String,
    /// The tool's name.
    pub name: Arc<str>,
    /// The tenant's version; none where the tool is built in.
    pub version: Option<(ToolName, ToolDigest)>,
    /// The hosts that it declares.
    pub hosts: Vec<String>,
}

/// Serves one run of a tool, on threads that may block. It reaches nothing of any other tenant.
pub struct TenantHost {
    services: Arc<Services>,
    run: Run,
    policy: OnceLock<Policy>,
    budget: Mutex<Budget>,
}

impl TenantHost {
    /// Serves `run`.
    pub fn new(services: Arc<Services>, run: Run) -> Self {
        let budget = services.allowances.budget(&run.tenant, Timestamp::now());
        Self { services, run, policy: OnceLock::new(), budget: Mutex::new(budget) }
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, store::RecordError>>) -> Result<T, RecordError> {
        let answer = async { tokio::time::timeout(STORE_TIMEOUT, answer).await };
        match self.services.runtime.block_on(answer) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(record_error(error)),
            Err(_) => Err(RecordError::Unavailable),
        }
    }

    /// Where the tool may send requests, and with which secrets. Read when it is first needed: most runs send nothing. What
    /// cannot be read is tried again the next time.
    fn policy(&self) -> Option<&Policy> {
        if let Some(policy) = self.policy.get() {
            return Some(policy);
        }
        let read = self.services.runtime.block_on(self.read_policy());
        let policy = read.inspect_err(|error| self.warn(&format!("{error:#}"))).ok()?;
        Some(self.policy.get_or_init(|| policy))
    }

    async fn read_policy(&self) -> anyhow::Result<Policy> {
        let hosts: Vec<Host> =
            self.run.hosts.iter().map(|host| Host::parse(host)).collect::<Result<_, _>>()?;
        if hosts.is_empty() {
            return Ok(Policy::default());
        }
        let mut secrets = match &self.run.version {
            Some((tool, _)) => tokio::time::timeout(STORE_TIMEOUT, self.secrets_of(tool)).await??,
            None => Vec::new(),
        };
        // A secret for a host that this version does not declare is another version's.
        secrets.retain(|secret| hosts.contains(secret.host()));
        Ok(Policy::new(hosts, secrets)?)
    }

    async fn secrets_of(&self, tool: &ToolName) -> anyhow::Result<Vec<egress::Secret>> {
        secrets_of(&self.services.store, &self.services.secrets, &self.run.tenant, tool).await
    }

    fn exchange(&self, request: HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        let Some(policy) = self.policy() else {
            return Err(HttpError::Failed("the tool's hosts and secrets cannot be read".into()));
        };
        let HttpRequest { method, url, headers, body } = request;
        let request = egress::Request { method, url, headers, body };
        let tenant = egress::Tenant::new(self.run.tenant.as_str());
        let now = Instant::now();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let sending = self.services.egress.send(&tenant, policy, request, &mut budget, now, now + timeout);
        let response = self.services.runtime.block_on(sending).map_err(http_error)?;
        Ok(HttpResponse { status: response.status, headers: response.headers, body: response.body })
    }

    fn spent(&self) -> egress::Usage {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).spent()
    }

    fn warn(&self, error: &str) {
        let (tenant, tool) = (self.run.tenant.as_str(), &*self.run.name);
        tracing::warn!(tenant, tool, error, "a tool's hosts or secrets cannot be read");
    }
}

impl Drop for TenantHost {
    /// The run is over, however it ended, and what it sent counts for the day.
    fn drop(&mut self) {
        self.services.allowances.spend(&self.run.tenant, self.spent(), Timestamp::now());
    }
}

impl ToolHost for TenantHost {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.wait(self.services.store.record(&self.run.tenant, key))?.map(record))
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        self.wait(self.services.store.insert_record(&self.run.tenant, key, value))
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        self.wait(self.services.store.replace_record(&self.run.tenant, key, value, version))
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError> {
        self.wait(self.services.store.remove_record(&self.run.tenant, key, version))
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError> {
        // More than a run may list is not read to begin with; all tiers may list the same.
        let most = ToolLimits::default().listing_bytes;
        let store = &self.services.store;
        let listed = self.wait(store.records_by_prefix(&self.run.tenant, prefix, after, limit, most))?;
        Ok(listed.into_iter().map(record).collect())
    }

    fn send(&self, request: HttpRequest, timeout: Duration) -> HttpSent {
        let before = self.spent().bytes;
        let response = self.exchange(request, timeout);
        HttpSent { response, bytes: self.spent().bytes.saturating_sub(before) }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        let policy = self.policy().ok_or(SecretError::Unavailable)?;
        policy.handle(name).ok_or(SecretError::Unknown)
    }

    fn log(&self, level: Level, message: &str) {
        let (tenant, tool) = (self.run.tenant.as_str(), &*self.run.name);
        // A tool's words may hold what a caller said, and such things are logged at debug only.
        tracing::debug!(tenant, tool, ?level, "{message}");
        if let Some((tool, digest)) = &self.run.version {
            let (lines, now) = (&self.services.lines, Timestamp::now());
            lines.write(&self.run.tenant, tool, digest, &self.run.call, level_name(level), message, now);
        }
    }
}

/// A level in the contract's words.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
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

fn http_error(error: egress::Error) -> HttpError {
    match error {
        egress::Error::Denied(why) => HttpError::Denied(why),
        egress::Error::Invalid(why) => HttpError::Invalid(why),
        egress::Error::Timeout => HttpError::Timeout,
        egress::Error::TooLarge => HttpError::TooLarge,
        egress::Error::Failed(why) => HttpError::Failed(why),
    }
}

#[cfg(test)]
mod tests;
