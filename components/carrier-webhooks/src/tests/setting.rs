//! A tenant with a number, and a carrier that signs what it sends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::LocalBoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, Response};
use media_token::{Claims, Secret};
use sha1::Sha1;
use store::{
    Call, CallFilter, CallId, Db, DbError, NativeDb, NewOrder, Ordered, Seed, Statement, Store, TenantId,
    Timestamp,
};

use super::capabilities;
use crate::bindings::voicehive::platform::call_routing::{self, Answer, Table};
use crate::bindings::webhook_verification::{Refusal, Request, Scheme, UrlSource, Verified};
use crate::service::{self, Body, HostAnswer, HostFault, Incoming, Platform, Settings, SettingsFault};

/// Friday, 20 November 2026, 13:04:11 UTC.
pub const NOW: Timestamp = Timestamp(1_795_179_851_000);
pub const BASE: &str = "https://voice.example.com";
pub const NUMBER: &str = "+34910000000";
pub const CALLER: &str = "+15551230000";
pub const SID: &str = "CA0123456789abcdef0123456789abcdef";
pub const AUTH_TOKEN: &str = "12345";
pub const MEDIA_SECRET: &str = "a media token secret";

pub struct Setting {
    pub store: Store<NativeDb>,
    pub tenant: TenantId,
    pub settings: Result<Settings, SettingsFault>,
    pub database_is_down: bool,
    /// Whether it never opens.
    pub database_hangs: bool,
    pub log: RefCell<Vec<String>>,
    /// What the host was asked: path and body.
    pub asked: RefCell<Vec<(String, String)>>,
    /// What it answers.
    pub host: Result<HostAnswer, HostFault>,
    /// What it answers, where that depends on what it is asked.
    pub host_script: Option<HostScript>,
    /// Whether every pause is over at once; otherwise none ever is.
    pub time_is_up: bool,
    /// How long the host, or a pause, was to be waited for.
    pub waited: RefCell<Vec<Duration>>,
}

/// From path and body of a question to the answer.
pub type HostScript = Box<dyn Fn(&str, &str) -> LocalBoxFuture<'static, Result<HostAnswer, HostFault>>>;

impl Setting {
    pub async fn new() -> Self {
        let store = Store::new(NativeDb::in_memory(NOW).unwrap());
        let seed = Seed { number: Some(NUMBER.parse().unwrap()), ..Seed::default() };
        let (tenant, _) = store.seed(&seed, NOW).await.unwrap();
        let variables = BTreeMap::from([
            ("public_url", BASE.to_owned()),
            ("twilio_auth_tokens", AUTH_TOKEN.to_owned()),
            ("media_token_secret", MEDIA_SECRET.to_owned()),
        ]);
        let settings = Settings::from_variables(&variables);
        let host = Ok(HostAnswer { status: 204, body: Vec::new() });
        Self {
            store,
            tenant,
            settings,
            database_is_down: false,
            database_hangs: false,
            log: RefCell::default(),
            asked: RefCell::default(),
            host,
            host_script: None,
            time_is_up: false,
            waited: RefCell::default(),
        }
    }

    /// Stores this routing table, as JSON.
    pub async fn with_routing(table: &str) -> Self {
        let setting = Self::new().await;
        setting.store.set_routing(&setting.tenant, Some(table)).await.unwrap();
        setting
    }

    pub async fn send(&self, request: &Incoming) -> Response<String> {
        service::handle(self, request, NOW).await
    }

    /// The answer to a signed webhook of Twilio's: its status and its body.
    pub async fn twilio(&self, place: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let response = self.send(&signed(&format!("/webhooks/twilio/{place}"), fields)).await;
        (response.status().as_u16(), response.into_body())
    }

    /// The document that answers a signed webhook of Twilio's.
    pub async fn document(&self, place: &str, fields: &[(&str, &str)]) -> String {
        let (status, body) = self.twilio(place, fields).await;
        assert!(status == 200 && body.contains("<Response>"), "{status} {body} {:?}", self.log.borrow());
        body
    }

    /// Tells a report that is taken.
    pub async fn report(&self, place: &str, fields: &[(&str, &str)]) {
        let (status, body) = self.twilio(place, fields).await;
        assert_eq!((status, body.as_str()), (204, ""), "{:?}", self.log.borrow());
    }

    /// The code of the last line of the log.
    pub fn last_code(&self) -> String {
        let line: serde_json::Value = serde_json::from_str(self.log.borrow().last().unwrap()).unwrap();
        line["code"].as_str().unwrap().to_owned()
    }

    /// An order of a call to [`CALLER`], whose key is `key`.
    pub async fn order(&self, key: &str) -> Call {
        let order = NewOrder {
            call: CallId::generate(NOW),
            key: key.to_owned(),
            fingerprint: String::new(),
            carrier: "twilio".to_owned(),
            agent: "receptionist".parse().unwrap(),
            from: NUMBER.parse().unwrap(),
            to: CALLER.parse().unwrap(),
            variables: serde_json::Map::new(),
            not_before: NOW,
            not_after: NOW.plus(Duration::from_secs(3600)),
            hours: None,
            detect_machine: true,
            record: false,
            ring: Duration::from_secs(30),
            max_live: None,
        };
        match self.store.order_call(&self.tenant, order, NOW).await.unwrap() {
            Ordered::New(call) => call,
            other => panic!("{other:?}"),
        }
    }

    pub async fn call(&self, id: &CallId) -> Call {
        self.store.call(&self.tenant, id).await.unwrap().unwrap()
    }

    /// What a signed voice webhook is answered with.
    pub async fn voice(&self, query: &str, fields: &[(&str, &str)]) -> String {
        let response = self.send(&signed(&format!("/webhooks/twilio/voice{query}"), fields)).await;
        assert_eq!(response.status(), 200, "{:?}", self.log.borrow());
        assert_eq!(response.headers()["content-type"], "text/xml; charset=utf-8");
        response.into_body()
    }

    pub async fn calls(&self) -> Vec<Call> {
        self.store.calls(&self.tenant, &CallFilter::default(), None, 100).await.unwrap().calls
    }

    pub async fn log_of(&self, call: &Call) -> Vec<String> {
        let events = self.store.events(&self.tenant, &call.id, 0).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    /// Every table's number of rows, to tell that nothing was written.
    pub async fn rows(&self) -> Vec<i64> {
        let sql = "SELECT (SELECT COUNT(*) FROM calls) AS a, (SELECT COUNT(*) FROM call_events) AS b, \
                   (SELECT COUNT(*) FROM idempotency_keys) AS c, (SELECT COUNT(*) FROM tool_records) AS d";
        let rows = self.store.db().query(Statement::new(sql, [])).await.unwrap();
        let row = rows.first().unwrap();
        ["a", "b", "c", "d"].map(|column| row.integer(column).unwrap()).to_vec()
    }
}

impl Platform for Setting {
    type Db = NativeDb;

    async fn open_store(&self) -> Result<Store<NativeDb>, DbError> {
        if self.database_hangs {
            return std::future::pending().await;
        }
        if self.database_is_down {
            return Err(DbError::Unavailable("the disk has secrets of its own".into()));
        }
        Ok(self.store.clone())
    }

    async fn ask_host(&self, path: &str, body: String, timeout: Duration) -> Result<HostAnswer, HostFault> {
        self.asked.borrow_mut().push((path.to_owned(), body.clone()));
        self.waited.borrow_mut().push(timeout);
        match &self.host_script {
            Some(script) => script(path, &body).await,
            None => self.host.clone(),
        }
    }

    /// No test waits: time is up at once, or never.
    async fn pause(&self, time: Duration) {
        self.waited.borrow_mut().push(time);
        if !self.time_is_up {
            std::future::pending().await
        }
    }

    fn settings(&self) -> Result<&Settings, &SettingsFault> {
        self.settings.as_ref()
    }

    fn public_url(
        &self,
        target: &str,
        headers: &[(String, String)],
        source: &UrlSource,
    ) -> Result<String, String> {
        capabilities::public_url(target, headers, source)
    }

    fn verify(&self, request: &Request, scheme: &Scheme) -> Result<Verified, Refusal> {
        capabilities::verify(request, scheme)
    }

    fn route(&self, call: &call_routing::Call, table: &Table) -> Result<Answer, call_routing::Error> {
        capabilities::route(call, table)
    }

    fn log(&self, line: &str) {
        self.log.borrow_mut().push(line.to_owned());
    }
}

/// What Twilio sends of an incoming call, with these fields added or replaced.
pub fn signed(target: &str, fields: &[(&str, &str)]) -> Incoming {
    signed_with(AUTH_TOKEN, target, fields)
}

/// As [`signed`], by the account with this auth token.
pub fn signed_with(auth_token: &str, target: &str, fields: &[(&str, &str)]) -> Incoming {
    let mut form = BTreeMap::from([
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", SID),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", CALLER),
        ("To", NUMBER),
    ]);
    form.extend(fields.iter().copied());
    let pairs: String = form.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).unwrap();
    mac.update(format!("{BASE}{target}{pairs}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request(target, &[("x-twilio-signature", &signature)], body.into_bytes())
}

pub fn request(target: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Incoming {
    let mut builder = http::Request::builder()
        .method(Method::POST)
        .uri(target)
        .header("host", "127.0.0.1:3000")
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let (head, ()) = builder.body(()).unwrap().into_parts();
    Incoming::new(&head, Body::Whole(body))
}

/// The claims of the media token in a document.
pub fn claims(xml: &str) -> Claims {
    let (_, rest) = xml.split_once("wss://voice.example.com/media/twilio/").expect(xml);
    let (token, _) = rest.split_once('"').unwrap();
    media_token::verify(&[Secret::new(MEDIA_SECRET).unwrap()], token, NOW.as_secs()).unwrap()
}
