//! Two tenants with a key each, and a call of the first.

use std::cell::RefCell;

use call_state::{Carrier, CarrierEvent, EventKind, Ids, Moment};
use events::{CallEvent, Latency};
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use store::{
    ApiKeyHash, Call, CallId, CallStatus, Created, DbError, Direction, NativeDb, NewCall, Seed, Store,
    TenantId, Timestamp,
};

use super::capability;
use crate::bindings::voicehive::platform::call_routing::{self, Answer, Call as Routed, Table};
use crate::service::{self, Body, Incoming, Platform, Settings, SettingsFault};

pub const NOW: Timestamp = Timestamp(1_795_179_851_000);
pub const KEY: &str = "key-of-the-first";
pub const STRANGERS_KEY: &str = "key-of-the-stranger";

pub struct Setting {
    pub store: Store<NativeDb>,
    pub tenant: TenantId,
    pub database_is_down: bool,
    pub settings: Result<Settings, SettingsFault>,
    /// The status that the host answers with, if it answers.
    pub host_answers: Option<u16>,
    /// What the host was sent.
    pub woken: RefCell<Vec<Request<String>>>,
    pub log: RefCell<Vec<String>>,
}

impl Setting {
    pub async fn new() -> Self {
        let store = Store::new(NativeDb::in_memory(NOW).unwrap());
        let seed = Seed { api_key: Some(ApiKeyHash::of(KEY)), ..Seed::default() };
        let (tenant, _) = store.seed(&seed, NOW).await.unwrap();
        let stranger: TenantId = "stranger".parse().unwrap();
        store.put_tenant(&stranger, "Stranger", "UTC", NOW).await.unwrap();
        store.set_api_key(&stranger, &ApiKeyHash::of(STRANGERS_KEY)).await.unwrap();
        let variables = [("internal_url", "http://host.test/"), ("internal_secret", "between-us")];
        let variables = variables.map(|(name, value)| (name, value.to_owned())).into();
        Self {
            store,
            tenant,
            database_is_down: false,
            settings: Settings::from_variables(&variables),
            host_answers: Some(204),
            woken: RefCell::default(),
            log: RefCell::default(),
        }
    }

    pub async fn call(&self, carrier_call_id: &str, at: Timestamp) -> Call {
        let new = NewCall {
            id: CallId::generate(at),
            carrier: "twilio".into(),
            carrier_call_id: carrier_call_id.into(),
            from: "+15551230000".into(),
            to: "+34910000000".into(),
            direction: Direction::Inbound,
            agent: None,
            status: CallStatus::Ringing,
        };
        match self.store.create_call(&self.tenant, new, &[], at).await.unwrap() {
            Created::New(call) | Created::Existing(call) => call,
        }
    }

    pub async fn conversation(&self, call: &Call) {
        let latency =
            Latency { endpoint_wait: 300.0, llm_first_token: 200.5, total: 500.5, ..Latency::default() };
        let said = "On Monday at ten.".to_owned();
        let events = [
            CallEvent::MediaConnected { stream: "MZ1".into() },
            CallEvent::TurnCommitted { turn: 1, text: "Any slots?".into() },
            CallEvent::TurnFinished {
                turn: 1,
                said: said.clone(),
                heard: said,
                interrupted: false,
                latency: Some(latency),
            },
        ];
        let events: Vec<_> = events.into_iter().map(|event| (NOW, event)).collect();
        self.store.append_events(&self.tenant, &call.id, &events, None).await.unwrap();
    }

    pub async fn request(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Response<String> {
        self.request_at(method, target, headers, Body::Whole(Vec::new()), NOW).await
    }

    pub async fn request_at(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Body,
        now: Timestamp,
    ) -> Response<String> {
        let mut builder = http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap().into_parts();
        service::handle(self, &Incoming::new(head, body), now).await
    }

    /// A request of the first tenant's with a body of JSON.
    pub async fn send(&self, method: Method, target: &str, body: &Value) -> Response<String> {
        self.send_at(method, target, &[], body, NOW).await
    }

    pub async fn send_at(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &Value,
        now: Timestamp,
    ) -> Response<String> {
        let authorization = format!("Bearer {KEY}");
        let mut all =
            vec![("authorization", authorization.as_str()), ("spin-client-addr", "203.0.113.9:4711")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        // What a test says of a header counts.
        all.retain(|(name, _)| headers.iter().all(|(given, _)| given != name));
        all.extend(headers);
        self.request_at(method, target, &all, Body::Whole(body), now).await
    }

    /// The carrier says something of a call.
    pub async fn hear(&self, call: &Call, kind: EventKind) {
        let event = CarrierEvent {
            carrier: Carrier::Twilio,
            id: format!("{kind:?}"),
            ids: Ids { leg: call.carrier_call_id.clone(), ..Ids::default() },
            direction: None,
            kind,
            sequence: None,
            occurred_at: None,
            received_at: Moment::from_millis(NOW.0),
        };
        let told = self.store.hear_carrier(&self.tenant, &call.id, &event, &[], NOW).await.unwrap();
        assert!(told.unwrap().applied.is_kept());
    }

    /// What the first tenant reads.
    pub async fn read(&self, target: &str) -> Value {
        let response = self.get(target, KEY).await;
        assert_eq!(response.status(), 200, "{target}: {}", response.body());
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        serde_json::from_str(response.body()).unwrap()
    }

    pub async fn get(&self, target: &str, key: &str) -> Response<String> {
        self.request(Method::GET, target, &[("authorization", &format!("Bearer {key}"))]).await
    }
}

impl Platform for Setting {
    type Db = NativeDb;

    async fn open_store(&self) -> Result<Store<NativeDb>, DbError> {
        if self.database_is_down {
            return Err(DbError::Unavailable("the path of the database".into()));
        }
        Ok(self.store.clone())
    }

    fn settings(&self) -> Result<&Settings, &SettingsFault> {
        self.settings.as_ref()
    }

    fn route(&self, call: &Routed, table: &Table) -> Result<Answer, call_routing::Error> {
        capability::route(call, table)
    }

    async fn wake_host(&self, request: Request<String>) -> Result<StatusCode, String> {
        self.woken.borrow_mut().push(request);
        let status = self.host_answers.ok_or("no answer in time")?;
        StatusCode::from_u16(status).map_err(|fault| fault.to_string())
    }

    fn log(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

/// The JSON of an answer that is no problem.
pub fn answered(response: &Response<String>, status: u16) -> Value {
    assert_eq!(response.status(), status, "{}", response.body());
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("x-request-id"));
    serde_json::from_str(response.body()).unwrap()
}

/// The pointers of a problem's faults.
pub fn pointers(response: &Response<String>) -> Vec<String> {
    assert_eq!(problem(response, 422), "invalid-request");
    let document: Value = serde_json::from_str(response.body()).unwrap();
    let errors = document["errors"].as_array().unwrap();
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// The `code` of a problem, after a look at its form.
pub fn problem(response: &Response<String>, status: u16) -> String {
    assert_eq!(response.status(), status, "{}", response.body());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let document: Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(document["status"], status);
    assert_eq!(document["request_id"], response.headers()["x-request-id"].to_str().unwrap());
    let code = document["code"].as_str().unwrap().to_owned();
    assert_eq!(document["type"], format!("urn:voicehive:problem:{code}"));
    assert!(!document["detail"].as_str().unwrap().is_empty());
    code
}
