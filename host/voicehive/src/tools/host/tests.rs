//! What a tool reaches, and what it does not.

use std::net::{IpAddr, Ipv4Addr};

use egress::{Answer, Limits, Resolver, public_roots};
use store::{Act, GateCheck, NewVersion, ToolQuota};
use tokio::runtime::Runtime;

use super::*;
use crate::config::Secret;
use crate::tool_secrets::Place;

const DECLARED: &str = "api.example.com";
const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn tools_of_one_tenant_share_records_and_another_tenant_sees_none() {
    let stage = Stage::new(SecretKeys::default());
    assert_eq!(stage.host("one", &[]).insert("orders/1", b"sent"), Ok(1));
    let record = Record { key: "orders/1".into(), value: b"sent".to_vec(), version: 1 };
    assert_eq!(stage.host("one", &[]).get("orders/1"), Ok(Some(record)));
    assert_eq!(stage.host("other", &[]).get("orders/1"), Ok(None));
    assert_eq!(stage.host("other", &[]).list("", None, 10), Ok(Vec::new()));
    assert_eq!(stage.host("other", &[]).insert("orders/1", b"mine"), Ok(1));
    assert_eq!(stage.host("one", &[]).insert("orders/1", b"again"), Err(RecordError::Conflict));
}

#[test]
fn only_a_declared_host_with_a_public_address_is_reached() {
    let stage = Stage::new(SecretKeys::default());
    for (hosts, url) in [
        (&[][..], "https://api.example.com/"),
        (&[DECLARED][..], "https://other.example.com/"),
        (&[DECLARED][..], "https://127.0.0.1/"),
        // The name is declared, and leads to this machine.
        (&[DECLARED][..], "https://api.example.com/"),
    ] {
        let sent = stage.host("one", hosts).send(get(url), TIMEOUT);
        assert!(matches!(sent.response, Err(HttpError::Denied(_))), "{url}: {sent:?}");
        assert_eq!(sent.bytes, 0);
    }
    let malformed = stage.host("one", &["no host"]).send(get("https://api.example.com/"), TIMEOUT);
    assert!(matches!(malformed.response, Err(HttpError::Failed(_))), "{malformed:?}");
}

#[test]
fn requests_count_for_the_tenants_day_once_the_run_is_over() {
    let stage = Stage::new(SecretKeys::default());
    let tenant = "one".parse().unwrap();
    let left = || stage.services.allowances.budget(&tenant, Timestamp::now()).left();
    let before = left();
    let host = stage.host("one", &[DECLARED]);
    for _ in 0..8 {
        let _denied = host.send(get("https://api.example.com/"), TIMEOUT);
    }
    let ninth = host.send(get("https://api.example.com/"), TIMEOUT);
    assert!(matches!(ninth.response, Err(HttpError::Invalid(_))), "a run has eight: {ninth:?}");
    assert_eq!(host.spent().requests, before.requests);
    drop(host);
    // What a run may use is the same, for the day has far more; that it was counted shows in the day's own count.
    assert_eq!(left(), before);
    assert_eq!(stage.services.allowances.used(&tenant, Timestamp::now()).requests, before.requests);
}

#[test]
fn a_secret_is_known_by_its_handle_to_the_version_that_declares_its_host() {
    let stage = Stage::new(keys());
    stage.keep_secret("token", DECLARED);
    assert_eq!(stage.host("one", &[DECLARED]).secret("token").as_deref(), Ok("{{secret:token}}"));
    assert_eq!(stage.host("one", &[DECLARED]).secret("other"), Err(SecretError::Unknown));
    assert_eq!(stage.host("one", &["other.example.com"]).secret("token"), Err(SecretError::Unknown));
    assert_eq!(stage.host("one", &[]).secret("token"), Err(SecretError::Unknown));
    assert_eq!(stage.host("other", &[DECLARED]).secret("token"), Err(SecretError::Unknown));
}

#[test]
fn a_tool_whose_secrets_cannot_be_opened_sends_nothing() {
    let mut stage = Stage::new(keys());
    stage.keep_secret("token", DECLARED);
    let services = Arc::get_mut(&mut stage.services).unwrap();
    services.secrets = Arc::new(SecretKeys::default());
    let host = stage.host("one", &[DECLARED]);
    assert_eq!(host.secret("token"), Err(SecretError::Unavailable));
    let sent = host.send(get("https://api.example.com/"), TIMEOUT);
    assert!(matches!(sent.response, Err(HttpError::Failed(_))), "{sent:?}");
}

#[test]
fn what_a_tool_logs_is_kept_for_its_tenant() {
    let stage = Stage::new(SecretKeys::default());
    stage.host("one", &[]).log(Level::Warn, "no such order");
    let lines = |tenant: &str| stage.services.lines.after(&tenant.parse().unwrap(), &tool(), 0, 10);
    let kept = lines("one");
    assert_eq!((kept.len(), kept[0].level.as_str(), kept[0].line.as_str()), (1, "warn", "no such order"));
    assert!(lines("other").is_empty());
}

/// Services, and the runtime in which they wait. The tests themselves are on a thread that may block.
struct Stage {
    services: Arc<Services>,
    runtime: Runtime,
}

/// Every name leads to this machine.
struct Here;

impl Resolver for Here {
    fn resolve(&self, _: String) -> Answer {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) })
    }
}

impl Stage {
    fn new(secrets: SecretKeys) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let services = Services {
            store: Store::new(NativeDb::in_memory(Timestamp(0)).unwrap()),
            egress: Egress::new(Limits::default(), Arc::new(Here), public_roots()).unwrap(),
            allowances: Allowances::default(),
            secrets: Arc::new(secrets),
            lines: Arc::default(),
            runtime: runtime.handle().clone(),
        };
        for tenant in ["one", "other"] {
            let id = tenant.parse().unwrap();
            runtime.block_on(services.store.put_tenant(&id, tenant, "UTC", Timestamp(0))).unwrap();
        }
        Self { services: Arc::new(services), runtime }
    }

    fn host(&self, tenant: &str, hosts: &[&str]) -> TenantHost {
        let run = Run {
            tenant: tenant.parse().unwrap(),
            call: "call".into(),
            name: tool().as_str().into(),
            version: Some((tool(), ToolDigest::of(b"1"))),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        TenantHost::new(self.services.clone(), run)
    }

    /// Keeps a secret of the first tenant's tool.
    fn keep_secret(&self, name: &str, host: &str) {
        let (tenant, tool) = ("one".parse().unwrap(), tool());
        let place = Place { tenant: &tenant, tool: &tool, name };
        let sealed = self.services.secrets.seal(place, host, "open sesame").unwrap();
        let check =
            GateCheck { gate: "1".into(), engine: "1".into(), refusal: None, report: serde_json::json!({}) };
        let version = NewVersion { digest: ToolDigest::of(b"1"), bytes: 1, compiled_bytes: 0, check };
        let (quota, act) = (ToolQuota::default(), Act { by: "the tests", why: "", at: Timestamp(1) });
        self.runtime.block_on(async {
            let store = &self.services.store;
            store.put_tool_version(&tenant, &tool, &version, &quota, &act).await.unwrap();
            store.set_tool_secret(&tenant, &tool, (name, host, &sealed), &quota, &act).await.unwrap();
        });
    }
}

fn keys() -> SecretKeys {
    SecretKeys::new(&[Secret::new("0a".repeat(32))]).unwrap()
}

fn tool() -> ToolName {
    "orders".parse().unwrap()
}

fn get(url: &str) -> HttpRequest {
    HttpRequest { method: "GET".into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
}
