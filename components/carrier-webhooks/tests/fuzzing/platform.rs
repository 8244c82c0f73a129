//! A tenant with a number, an order and the keys of every sender, in a database of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carrier_webhooks::bindings::voicehive::platform::call_routing::{self, Answer, Table};
use carrier_webhooks::bindings::webhook_verification::{Refusal, Request, Scheme, UrlSource, Verified};
use carrier_webhooks::service::{HostAnswer, HostFault, Platform, Settings, SettingsFault};
use serde_json::json;
use store::{Db, DbError, NativeDb, NewOrder, Seed, Statement, Store, TenantId, Timestamp};

use super::capabilities;
use super::delivery::telnyx_key;

/// Friday, 20 November 2026, 13:04:11 UTC.
pub const NOW: Timestamp = Timestamp(1_795_179_851_000);
pub const BASE: &str = "https://voice.example.com";
pub const TWILIO_TOKEN: &str = "the auth token of Twilio's";
pub const VAPI_SECRET: &str = "vapi's shared secret";
pub const VAPI_HMAC_SECRET: &str = "vapi's signing secret";
const MEDIA_SECRET: &str = "the secret of media tokens";
const INTERNAL_SECRET: &str = "the secret of internal routes";

/// What nobody may ever read.
pub const SECRETS: [&str; 5] = [TWILIO_TOKEN, VAPI_SECRET, VAPI_HMAC_SECRET, MEDIA_SECRET, INTERNAL_SECRET];

const NUMBER: &str = "+34910000000";
const ORDERED: &str = "0190b5a0-0000-7000-8000-000000000000";

/// Something for everybody: numbers that are forwarded, recorded and refused; whoever calls another is connected.
fn routing() -> String {
    let to = |last: &str| json!([format!("+3491000000{last}")]);
    json!({
        "rules": [
            { "id": "desk", "priority": 1, "callers": to("1"),
              "decision": { "forward": { "to": "+34600000000", "ring_seconds": 25 } } },
            { "id": "answerphone", "priority": 2, "callers": to("2"),
              "decision": { "voicemail": { "greeting": "We are away.", "max_seconds": 60 } } },
            { "id": "busy", "priority": 3, "callers": to("3"), "decision": { "reject": "busy" } },
            { "id": "closed", "priority": 4, "callers": to("4"), "decision": { "message": "We are closed." } },
        ],
        "fallback": { "connect": "receptionist" },
    })
    .to_string()
}

/// What surrounds the service.
pub struct World {
    store: Store<NativeDb>,
    settings: Result<Settings, SettingsFault>,
    pub database_is_down: Cell<bool>,
    pub host_fails: Cell<bool>,
    /// Lines of the log since the last request.
    pub log: RefCell<Vec<String>>,
    /// Bytes of the questions to the host since the last request.
    pub asked: RefCell<Vec<usize>>,
}

impl World {
    pub async fn new() -> Self {
        let store = Store::new(NativeDb::in_memory(NOW).expect("a database"));
        let seed = Seed { number: Some(NUMBER.parse().expect("a number")), ..Seed::default() };
        let (tenant, _) = store.seed(&seed, NOW).await.expect("a tenant");
        store.set_routing(&tenant, Some(&routing())).await.expect("a table");
        let telnyx = STANDARD.encode(telnyx_key().verifying_key().to_bytes());
        for (scheme, key) in [
            ("twilio", TWILIO_TOKEN),
            ("telnyx", telnyx.as_str()),
            ("vapi-bearer", VAPI_SECRET),
            ("vapi-hmac", VAPI_HMAC_SECRET),
        ] {
            store.add_webhook_key(&tenant, scheme, key, NOW).await.expect("a key");
        }
        order(&store, &tenant).await;
        let variables = BTreeMap::from([
            ("public_url", BASE),
            ("twilio_auth_tokens", TWILIO_TOKEN),
            ("telnyx_public_keys", telnyx.as_str()),
            ("vapi_secrets", VAPI_SECRET),
            ("vapi_hmac_secrets", VAPI_HMAC_SECRET),
            ("media_token_secret", MEDIA_SECRET),
            ("internal_url", "http://127.0.0.1:3001"),
            ("internal_secret", INTERNAL_SECRET),
        ]);
        let variables = variables.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self {
            store,
            settings: Settings::from_variables(&variables),
            database_is_down: Cell::new(false),
            host_fails: Cell::new(false),
            log: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// How many rows were ever written, and how many bytes the database has.
    pub async fn weight(&self) -> (i64, usize) {
        let sql = "SELECT total_changes() AS rows, \
                   (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) AS bytes";
        let rows = self.store.db().query(Statement::new(sql, [])).await.expect("a row");
        let row = rows.first().expect("a row");
        let number = |name| row.integer(name).expect("a number");
        (number("rows"), usize::try_from(number("bytes")).expect("a size"))
    }
}

async fn order(store: &Store<NativeDb>, tenant: &TenantId) {
    let order = NewOrder {
        call: ORDERED.parse().expect("an id"),
        key: "one".to_owned(),
        fingerprint: String::new(),
        carrier: "twilio".to_owned(),
        agent: "receptionist".parse().expect("a name"),
        from: NUMBER.parse().expect("a number"),
        to: "+15551230000".parse().expect("a number"),
        variables: serde_json::Map::new(),
        not_before: NOW,
        not_after: NOW.plus(Duration::from_secs(3600)),
        hours: None,
        detect_machine: true,
        record: false,
        ring: Duration::from_secs(30),
        max_live: None,
    };
    store.order_call(tenant, order, NOW).await.expect("an order");
}

impl Platform for World {
    type Db = NativeDb;

    async fn open_store(&self) -> Result<Store<NativeDb>, DbError> {
        match self.database_is_down.get() {
            true => Err(DbError::Unavailable("the disk has secrets of its own".into())),
            false => Ok(self.store.clone()),
        }
    }

    async fn ask_host(&self, path: &str, body: String, _: Duration) -> Result<HostAnswer, HostFault> {
        self.asked.borrow_mut().push(body.len());
        if self.host_fails.get() {
            return Err(HostFault::TimedOut);
        }
        let answer = match path {
            "/internal/v1/assistant" => json!({
                "name": "Receptionist",
                "greeting": "Hello!",
                "instructions": "Be kind.",
                "tools": [{ "name": "appointments", "description": "Books.", "parameters": { "type": "object" } }],
            }),
            "/internal/v1/tools" => json!({ "outcome": "success", "text": "Booked.\nFriday, at four." }),
            _ => return Ok(HostAnswer { status: 204, body: Vec::new() }),
        };
        Ok(HostAnswer { status: 200, body: answer.to_string().into_bytes() })
    }

    /// Nobody waits here: the host answers at once.
    async fn pause(&self, _: Duration) {
        std::future::pending().await
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
