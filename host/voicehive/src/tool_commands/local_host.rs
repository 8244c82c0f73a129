//! What stands behind a tool's imports when it runs on its author's machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use egress::{Budget, Egress, Host, Policy, Secret, SystemResolver, Usage};
use sandbox::{
    HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost,
};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::records::Records;

/// Whose turn it is at the way out: there is only one.
const TENANT: &str = "local";

/// Records in memory, the log on stderr, and the web only where that was asked for.
pub struct LocalHost {
    records: Mutex<Records>,
    web: Option<Web>,
}

/// The way out, as a platform has it.
struct Web {
    egress: Egress,
    policy: Policy,
    budget: Mutex<Budget>,
    runtime: Handle,
}

impl LocalHost {
    /// With these records. Requests go to `hosts` alone, with `secrets`; without any, nowhere.
    ///
    /// # Errors
    /// Where a host is none, or there is no TLS.
    pub fn new(
        records: Records,
        hosts: Option<&[String]>,
        secrets: Vec<Secret>,
        runtime: Handle,
    ) -> anyhow::Result<Self> {
        let web = hosts.map(|hosts| Web::new(hosts, secrets, runtime)).transpose()?;
        Ok(Self { records: Mutex::new(records), web })
    }

    /// The records as they are now.
    pub fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Web {
    fn new(hosts: &[String], mut secrets: Vec<Secret>, runtime: Handle) -> anyhow::Result<Self> {
        let hosts = hosts.iter().map(|host| Host::parse(host)).collect::<Result<Vec<_>, _>>()?;
        // As on a platform: a secret for a host that this version does not declare is another version's.
        secrets.retain(|secret| hosts.contains(secret.host()));
        let resolver = Arc::new(SystemResolver::default());
        let egress = Egress::new(egress::Limits::default(), resolver, egress::public_roots())
            .context("setting up TLS")?;
        let budget = Mutex::new(Budget::new(Usage::UNLIMITED, Usage::UNLIMITED, Usage::default()));
        Ok(Self { egress, policy: Policy::new(hosts, secrets)?, budget, runtime })
    }

    fn send(&self, request: HttpRequest, timeout: Duration) -> HttpSent {
        let HttpRequest { method, url, headers, body } = request;
        let request = egress::Request { method, url, headers, body };
        let now = Instant::now();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let before = budget.spent().bytes;
        let tenant = egress::Tenant::new(TENANT);
        let sending = self.egress.send(&tenant, &self.policy, request, &mut budget, now, now + timeout);
        let sent = self.runtime.block_on(sending);
        let response = sent
            .map(|response| HttpResponse {
                status: response.status,
                headers: response.headers,
                body: response.body,
            })
            .map_err(http_error);
        HttpSent { response, bytes: budget.spent().bytes.saturating_sub(before) }
    }
}

impl ToolHost for LocalHost {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.records().get(key))
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        self.records().insert(key, value)
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        self.records().replace(key, value, version)
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError> {
        self.records().remove(key, version)
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError> {
        Ok(self.records().list(prefix, after, limit))
    }

    fn send(&self, request: HttpRequest, timeout: Duration) -> HttpSent {
        match &self.web {
            Some(web) => web.send(request, timeout),
            None => HttpSent::nothing(HttpError::Denied("no request is sent without `--allow-http`".into())),
        }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        let handle = self.web.as_ref().and_then(|web| web.policy.handle(name));
        handle.ok_or(SecretError::Unknown)
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        // A terminal takes orders from control characters.
        eprintln!("log {level:<5} {}", message.replace(char::is_control, " "));
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
