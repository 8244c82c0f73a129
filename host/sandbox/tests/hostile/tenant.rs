//! What stands behind the hostile tools' imports: a tenant's records in a real database, which holds another tenant's too,
//! and the real way out.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use egress::{Answer, Budget, Egress, Host, Limits, Policy, Request, Resolver, Secret, Usage};
use sandbox::{
    HttpError, HttpRequest, HttpResponse, HttpSent, Level, Record, RecordError, SecretError, ToolHost,
    ToolLimits,
};
use store::native::NativeDb;
use store::{Store, TenantId, Timestamp, ToolRecord};
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// The tenant whose tool is hostile. It has one record, `own/1`, and two secrets, of which `api-key` is this tool's.
pub const TENANT: &str = "tenant-a";

const NOW: Timestamp = Timestamp(1_795_158_000_000);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub struct Tenant {
    store: Store<NativeDb>,
    id: TenantId,
    egress: Egress,
    policy: Policy,
    budget: Mutex<Budget>,
    /// The lines that were kept.
    pub lines: Mutex<Vec<String>>,
    /// How many requests came as far as the way out.
    pub requests: Mutex<u32>,
}

impl Tenant {
    /// A tenant in whose eyes every name leads to `addresses`; to none means that it cannot be resolved.
    pub fn new(addresses: &[IpAddr]) -> Self {
        let store = Store::new(NativeDb::in_memory(NOW).unwrap());
        let [id, other]: [TenantId; 2] = [TENANT, "tenant-b"].map(|id| id.parse().unwrap());
        RUNTIME.block_on(async {
            for (tenant, key) in [(&id, "own/1"), (&other, "secret")] {
                store.put_tenant(tenant, tenant.as_str(), "UTC", NOW).await.unwrap();
                store.insert_record(tenant, key, b"{}").await.unwrap();
            }
        });
        let names = Arc::new(Names(addresses.to_vec()));
        let host = Host::parse("api.example.com").unwrap();
        let secret = Secret::new("api-key", host.clone(), "0123456789").unwrap();
        let unlimited = Usage::UNLIMITED;
        Self {
            store,
            id,
            egress: Egress::new(Limits::default(), names, egress::public_roots()).unwrap(),
            policy: Policy::new(vec![host], vec![secret]).unwrap(),
            budget: Mutex::new(Budget::new(unlimited, unlimited, Usage::default())),
            lines: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    fn wait<T>(&self, answer: impl Future<Output = Result<T, store::RecordError>>) -> Result<T, RecordError> {
        RUNTIME.block_on(answer).map_err(|error| match error {
            store::RecordError::Invalid(why) => RecordError::Invalid(why),
            store::RecordError::Conflict => RecordError::Conflict,
            store::RecordError::QuotaExceeded => RecordError::QuotaExceeded,
            _ => RecordError::Unavailable,
        })
    }
}

impl ToolHost for Tenant {
    fn get(&self, key: &str) -> Result<Option<Record>, RecordError> {
        Ok(self.wait(self.store.record(&self.id, key))?.map(record))
    }

    fn insert(&self, key: &str, value: &[u8]) -> Result<u64, RecordError> {
        self.wait(self.store.insert_record(&self.id, key, value))
    }

    fn replace(&self, key: &str, value: &[u8], version: u64) -> Result<u64, RecordError> {
        self.wait(self.store.replace_record(&self.id, key, value, version))
    }

    fn remove(&self, key: &str, version: u64) -> Result<(), RecordError> {
        self.wait(self.store.remove_record(&self.id, key, version))
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Record>, RecordError> {
        let most = ToolLimits::default().listing_bytes;
        let listed = self.wait(self.store.records_by_prefix(&self.id, prefix, after, limit, most))?;
        Ok(listed.into_iter().map(record).collect())
    }

    fn send(&self, request: HttpRequest, timeout: Duration) -> HttpSent {
        *self.requests.lock().unwrap() += 1;
        let request = Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
        };
        let mut budget = self.budget.lock().unwrap();
        let before = budget.spent().bytes;
        let tenant = egress::Tenant::new(TENANT);
        let response = RUNTIME.block_on(async {
            let now = Instant::now();
            self.egress.send(&tenant, &self.policy, request, &mut budget, now, now + timeout).await
        });
        let response = response.map(|response| HttpResponse {
            status: response.status,
            headers: response.headers,
            body: response.body,
        });
        HttpSent { response: response.map_err(http_error), bytes: budget.spent().bytes - before }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        (name == "api-key").then(|| "{{secret:api-key}}".into()).ok_or(SecretError::Unknown)
    }

    fn log(&self, _: Level, message: &str) {
        self.lines.lock().unwrap().push(message.into());
    }
}

/// Says of every name that it leads to these addresses.
struct Names(Vec<IpAddr>);

impl Resolver for Names {
    fn resolve(&self, _: String) -> Answer {
        let found = match self.0.as_slice() {
            [] => Err(io::Error::other("there is no such name")),
            addresses => Ok(addresses.to_vec()),
        };
        Box::pin(async { found })
    }
}

fn record(record: ToolRecord) -> Record {
    Record { key: record.key, value: record.value, version: record.version }
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
