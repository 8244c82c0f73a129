//! A tenant, a stranger, and what serves them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method};
use futures::future::BoxFuture;
use gate::{Code, Refusal};
use sandbox::{Finished, Reply, Spent, Tier};
use serde_json::{Value, json};
use store::native::Artifacts;
use store::{ApiKeyHash, NativeDb, Store, TenantId, Timestamp, ToolDigest};
use tower::ServiceExt as _;

use crate::config::Secret;
use crate::tool_api::upload::Uploads;
use crate::tool_api::{Found, Identity, Refused, ToolApi, Workshop, routes};
use crate::tool_lines::ToolLines;
use crate::tool_secrets::SecretKeys;
use crate::tools::Rehearsal;

/// The tenant's key.
pub const KEY: &str = "the key of the tests";
/// Another tenant's.
pub const STRANGERS_KEY: &str = "the key of a stranger";

/// A workshop whose components are texts: `name: anything`, `refuse: anything`, `fault: anything` for a gate that cannot
/// compile, or `break: anything` for one that panics. One that ends with ` takes 60` is at the gate for a minute, and of
/// one that ends with ` weighs 60` as many bytes are compiled.
#[derive(Default)]
pub struct Paper {
    /// How far the clock has gone on by which time at the gate is measured; else it stands still.
    pub passed: Arc<Mutex<Duration>>,
    /// How many were put through the gate.
    pub admitted: AtomicUsize,
    /// Of which what was compiled was forgotten.
    pub forgotten: Mutex<Vec<String>>,
    /// What ran.
    pub rehearsed: Mutex<Vec<Rehearsal>>,
    /// How the next run ends, if not well.
    pub ends: Mutex<Option<Result<Finished, Refused>>>,
}

impl Workshop for Paper {
    fn identity(&self) -> Identity {
        Identity { gate: "1".into(), engine: "e1".into() }
    }

    fn is_built_in(&self, name: &str) -> bool {
        name == "appointments"
    }

    fn admit(&self, bytes: &[u8], _: Tier) -> Result<Found, Refusal> {
        self.admitted.fetch_add(1, Ordering::Relaxed);
        let text = std::str::from_utf8(bytes).unwrap();
        let (name, _) = text.split_once(':').unwrap_or((text, ""));
        if let Some((_, seconds)) = text.split_once(" takes ") {
            *self.passed.lock().unwrap() += Duration::from_secs(seconds.parse().unwrap());
        }
        if name == "refuse" {
            let (item, mend) = ("module 0".into(), "use a toolchain's output".into());
            return Err(Refusal { code: Code::Precompiled, item, mend });
        }
        if name == "fault" {
            return Err(Refusal::new(Code::CompilerUnavailable, "the compiler", "try again"));
        }
        assert!(name != "break", "the gate is to break");
        Ok(Found {
            name: name.to_owned(),
            definition: json!({ "name": name, "description": "A tool." }),
            report: json!({ "bytes": bytes.len() }),
            measured: json!({ "compile_ms": 1 }),
            compiled_bytes: text.split_once(" weighs ").map_or(1, |(_, bytes)| bytes.parse().unwrap()),
        })
    }

    fn forget(&self, digest: &str) {
        self.forgotten.lock().unwrap().push(digest.to_owned());
    }

    fn note_use(&self, _: &[ToolDigest], _: SystemTime) {}

    fn rehearse(&self, rehearsal: Rehearsal) -> BoxFuture<'_, Result<Finished, Refused>> {
        self.rehearsed.lock().unwrap().push(rehearsal);
        let well = Finished { outcome: Ok(Ok(Reply::text("It is."))), spent: Spent::default() };
        let end = self.ends.lock().unwrap().take().unwrap_or(Ok(well));
        Box::pin(async { end })
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The code of a problem.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status);
        assert!(self.body["request_id"].is_string(), "{self:?}");
        (self.status, self.body["code"].as_str().unwrap())
    }
}

pub struct Setting {
    pub store: Store<NativeDb>,
    pub workshop: Arc<Paper>,
    pub tenant: TenantId,
    pub lines: Arc<ToolLines>,
    pub artifacts: Artifacts,
    router: Router,
    _folder: tempfile::TempDir,
}

impl Setting {
    pub async fn new() -> Self {
        let key = Secret::new("07".repeat(32));
        Self::with_keys(SecretKeys::new(&[key]).unwrap()).await
    }

    pub async fn with_keys(keys: SecretKeys) -> Self {
        let store = Store::new(NativeDb::in_memory(Timestamp(0)).unwrap());
        for (id, key) in [("acme", KEY), ("stranger", STRANGERS_KEY)] {
            let id = id.parse().unwrap();
            store.put_tenant(&id, "A tenant", "Europe/Madrid", Timestamp(0)).await.unwrap();
            store.set_api_key(&id, &ApiKeyHash::of(key)).await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path()).unwrap();
        let (workshop, lines) = (Arc::new(Paper::default()), Arc::new(ToolLines::default()));
        let mut api = ToolApi::new(
            store.clone(),
            artifacts.clone(),
            workshop.clone(),
            Arc::new(keys),
            lines.clone(),
            Arc::default(),
        );
        let (began, passed) = (Instant::now(), workshop.passed.clone());
        api.uploads = Uploads::measured_by(Arc::new(move || began + *passed.lock().unwrap()));
        let router = routes(Arc::new(api)).layer(axum::middleware::from_fn(crate::problem::identified));
        let tenant = "acme".parse().unwrap();
        Self { store, workshop, tenant, lines, artifacts, router, _folder: folder }
    }

    /// Sends a request with these headers, from an address of its own so that no limit is met by accident.
    pub async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = u32::try_from(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap();
        self.send_from((std::net::Ipv4Addr::from(number), 80).into(), method, target, headers, body).await
    }

    /// The same from this address.
    pub async fn send_from(
        &self,
        address: SocketAddr,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status, headers, body }
    }

    pub async fn upload(&self, query: &str, component: &str) -> Answer {
        self.upload_body(query, Body::from(component.to_owned())).await
    }

    pub async fn upload_body(&self, query: &str, body: Body) -> Answer {
        self.upload_as(KEY, query, body).await
    }

    pub async fn upload_as(&self, key: &str, query: &str, body: Body) -> Answer {
        let key = format!("Bearer {key}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/wasm")];
        self.send("POST", &format!("/v1/tools{query}"), &headers, body).await
    }

    /// Uploads a component that must be taken, and returns its digest.
    pub async fn push(&self, query: &str, component: &str) -> String {
        let answer = self.upload(query, component).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let digest = answer.body["version"].as_str().unwrap().to_owned();
        assert_eq!(digest, ToolDigest::of(component.as_bytes()).as_str());
        digest
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.as_tenant(KEY, "GET", target, &Value::Null).await
    }

    pub async fn ask(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.as_tenant(KEY, method, target, body).await
    }

    pub async fn as_tenant(&self, key: &str, method: &str, target: &str, body: &Value) -> Answer {
        let key = format!("Bearer {key}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(method, target, &headers, body).await
    }

    /// The tool's aliases as (alias, version, share).
    pub async fn aliases(&self, tool: &str) -> Vec<(String, String, u64)> {
        let answer = self.get(&format!("/v1/tools/{tool}")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let aliases = answer.body["aliases"].as_array().unwrap().iter();
        let read = |named: &Value| {
            (text(&named["alias"]), text(&named["version"]), named["share"].as_u64().unwrap())
        };
        aliases.map(read).collect()
    }
}
