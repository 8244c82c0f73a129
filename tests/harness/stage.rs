//! A platform with its vendors and both carriers, all real processes and sockets.

use std::time::Duration;

use serde_json::{Value, json};
use sim::carrier::{self, Call, Twilio};
use sim::telnyx::{self, Telnyx};
use sim::vapi::{self, Auth, Vapi};
use sim::vendors::Vendors;
use store::{Db as _, Statement};

use super::program::{ACCOUNT_SID, API_KEY, AUTH_TOKEN, NUMBER, free_address};
use super::{Answer, PATIENCE, Server, eventually};

/// What Telnyx is asked with.
const TELNYX_KEY: &str = "KEYofTheTests";
/// The application that calls are placed from.
const CONNECTION: &str = "1293384261075731499";
/// What Vapi proves itself with.
const VAPI_SECRET: &str = "the vapi secret of the tests";

/// The silence after which the agent has had its say.
const SILENCE: Duration = Duration::from_millis(1200);

/// A platform, its vendors and its carriers.
pub struct CarrierStage {
    pub server: Server,
    pub vendors: Vendors,
    pub twilio: Twilio,
    pub telnyx: Telnyx,
    pub vapi: Vapi,
}

impl CarrierStage {
    /// Everything, running.
    pub async fn set(settings: &[(&'static str, String)]) -> Self {
        let vendors = Vendors::start().await.unwrap();
        let (twilio_rest, telnyx_rest) = (free_address(), free_address());
        let mut all = vendors.environment();
        all.extend([
            ("TWILIO_API_URL", format!("http://{twilio_rest}")),
            ("TELNYX_API_URL", format!("http://{telnyx_rest}")),
            ("TELNYX_API_KEY", TELNYX_KEY.to_owned()),
            ("TELNYX_CONNECTION_ID", CONNECTION.to_owned()),
            ("TELNYX_PUBLIC_KEY", telnyx::public_key_by_hand()),
            ("VAPI_SECRET", VAPI_SECRET.to_owned()),
        ]);
        all.extend_from_slice(settings);
        let server = Server::voicehive(&all).await;
        let base = server.public_url();
        let twilio = carrier::Config::new(ACCOUNT_SID, AUTH_TOKEN, base).unwrap();
        let twilio = Twilio::start(carrier::Config { addr: Some(twilio_rest), ..twilio }).await.unwrap();
        let config = telnyx::Config::new(TELNYX_KEY, CONNECTION, base).unwrap();
        let seed = Some(telnyx::SIGNING_SEED);
        let config = telnyx::Config { addr: Some(telnyx_rest), signing_seed: seed, ..config };
        let telnyx = Telnyx::start(config).await.unwrap();
        let auth = Auth::Bearer(VAPI_SECRET.to_owned());
        let vapi = Vapi::new(vapi::Config::new(NUMBER, base, auth).unwrap()).unwrap();
        Self { server, vendors, twilio, telnyx, vapi }
    }

    /// Waits until the agent has greeted, then hangs up.
    pub async fn talk(&self, call: Call) {
        if let Err(error) = call.listen(SILENCE, PATIENCE).await {
            panic!("{error}; the carrier says {:?}", call.problems());
        }
        call.hang_up().await;
        call.ended(PATIENCE).await.unwrap();
    }

    /// Orders a call from our number, at any time of the day.
    pub async fn order(&self, carrier: &str, to: &str, key: &str) -> Answer {
        self.order_with(carrier, to, key, json!({})).await
    }

    /// The same, with more about it, or something else than usual.
    pub async fn order_with(&self, carrier: &str, to: &str, key: &str, more: Value) -> Answer {
        let mut body = json!({
            "agent": "receptionist",
            "carrier": carrier,
            "from": NUMBER,
            "to": to,
            "schedule": { "hours": { "time_zone": "UTC", "from": "00:00", "to": "24:00" } },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let authorization = format!("Bearer {API_KEY}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.server.post("/v1/calls", &headers, body.to_string()).await
    }

    /// Merges this into the receptionist's settings.
    pub async fn configure(&self, agent: Value) {
        let sql = "UPDATE agents SET config_json = json_patch(config_json, ?1)";
        let merge = Statement::new(sql, [agent.to_string().as_str().into()]);
        self.server.store().db().execute(merge).await.unwrap();
    }

    /// A second part of Telnyx, whose calls go to a TeXML application of ours.
    pub async fn texml(&self) -> Telnyx {
        let base = self.server.public_url();
        let config = telnyx::Config::new(TELNYX_KEY, CONNECTION, base).unwrap();
        let at = |name: &str| format!("{base}/webhooks/telnyx/texml/{name}").parse().unwrap();
        let texml = telnyx::Texml { voice_url: at("voice"), status_url: Some(at("status")) };
        let seed = Some(telnyx::SIGNING_SEED);
        let config = telnyx::Config { texml: Some(texml), signing_seed: seed, ..config };
        Telnyx::start(config).await.unwrap()
    }

    /// The one call that the API knows with this number at its other end, once `is` holds of it.
    pub async fn the_call_with(&self, number: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{what} of the call with {number}"), async || {
            let page = self.server.get("/v1/calls?limit=100").await.json();
            let calls = page["items"].as_array().unwrap().iter();
            let with: Vec<&Value> =
                calls.filter(|call| call["from"] == number || call["to"] == number).collect();
            assert!(with.len() <= 1, "more than one call: {with:#?}");
            let id = with.first()?["id"].as_str()?;
            let detail = self.server.get(&format!("/v1/calls/{id}")).await.json();
            is(&detail).then_some(detail)
        })
        .await
    }
}

/// How many events of a type a call has.
pub fn count(detail: &Value, kind: &str) -> usize {
    detail["events"].as_array().unwrap().iter().filter(|event| event["type"] == kind).count()
}

/// Waits until these words were heard.
pub async fn hears(call: &Call, words: &str) -> String {
    let heard = call.wait_for(words, |heard| heard.contains(words), PATIENCE).await;
    heard.unwrap_or_else(|error| panic!("{error}; the carrier says {:?}", call.problems()))
}

/// Two people speak to each other.
pub async fn converse(one: &mut Call, other: &mut Call) {
    one.say("Is anybody there?").await.unwrap();
    hears(other, "Is anybody there?").await;
    other.say("Only me.").await.unwrap();
    hears(one, "Only me.").await;
}
