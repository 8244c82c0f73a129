//! A telephone line at Telnyx: it signs its events, and shows what it was ordered.

use media_token::{Claims, Secret};
use serde_json::{Value, json};
use store::{Call, Db, Statement, Timestamp};

use crate::tests::senders::{telnyx, telnyx_key};
use crate::tests::setting::{CALLER, MEDIA_SECRET, NOW, NUMBER, Setting};

pub const LEG: &str = "v3:first-leg";
pub const LEG_ID: &str = "428c31b6-7af4-4bcb-b7f5-5013ef9657c1";
pub const SESSION: &str = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1";

/// A setting that knows Telnyx's key.
pub async fn setting() -> Setting {
    known(Setting::new().await)
}

/// The same with a routing table.
pub async fn setting_with_routing(table: &str) -> Setting {
    known(Setting::with_routing(table).await)
}

fn known(mut setting: Setting) -> Setting {
    setting.settings.as_mut().unwrap().telnyx_public_keys = vec![telnyx_key()];
    setting
}

/// The routing table that decides this of every call.
pub fn table(decision: &Value) -> String {
    json!({ "fallback": decision }).to_string()
}

/// An event of the first leg of a call from [`CALLER`] to [`NUMBER`], with these fields added or replaced.
pub fn event(id: &str, event_type: &str, fields: Value) -> Value {
    let mut payload = json!({
        "call_control_id": LEG,
        "call_leg_id": LEG_ID,
        "call_session_id": SESSION,
        "connection_id": "1684641123236054244",
        "client_state": null,
        "from": CALLER,
        "to": NUMBER,
    });
    if let (Value::Object(payload), Value::Object(fields)) = (&mut payload, fields) {
        payload.extend(fields);
    }
    json!({
        "data": {
            "record_type": "event",
            "event_type": event_type,
            "id": id,
            "occurred_at": "2026-11-20T13:04:11.521992Z",
            "payload": payload,
        },
        "meta": { "attempt": 1, "delivered_to": "https://voice.example.com/webhooks/telnyx/call" },
    })
}

pub fn initiated() -> Value {
    event("initiated", "call.initiated", json!({ "direction": "incoming", "state": "parked" }))
}

pub fn answered() -> Value {
    event("answered", "call.answered", json!({ "state": "answered" }))
}

pub fn spoken(id: &str) -> Value {
    event(id, "call.speak.ended", json!({ "status": "completed" }))
}

pub fn hangup() -> Value {
    let fields = json!({ "hangup_cause": "normal_clearing", "hangup_source": "caller", "state": "hangup" });
    event("hangup", "call.hangup", fields)
}

/// It names the leg and the session, but not the call control id.
pub fn saved() -> Value {
    let mut event = event(
        "saved",
        "call.recording.saved",
        json!({
            "channels": "single",
            "recording_id": "rec-1",
            "recording_urls": { "wav": "https://recordings.example.com/1.wav" },
            "recording_started_at": "2026-11-20T13:04:20.000000Z",
            "recording_ended_at": "2026-11-20T13:04:27.000000Z",
        }),
    );
    event["data"]["payload"].as_object_mut().unwrap().remove("call_control_id");
    event
}

impl Setting {
    /// Delivers an event, signed at `at`, and returns the answer's status.
    pub async fn telnyx_at(&self, target: &str, event: &Value, at: Timestamp) -> u16 {
        self.send(&telnyx(target, &event.to_string(), at)).await.status().as_u16()
    }

    /// Delivers events in this order, each answered well.
    pub async fn telnyx(&self, events: &[Value]) {
        for event in events {
            let status = self.telnyx_at("/webhooks/telnyx/call", event, NOW).await;
            assert!((200..300).contains(&status), "{event} {:?}", self.log.borrow());
        }
    }

    /// What Telnyx is to be told of a leg, in order.
    pub async fn commands_of(&self, leg: &str) -> Vec<(String, Value)> {
        let sql = "SELECT action, body_json FROM carrier_commands \
                   WHERE carrier = 'telnyx' AND carrier_call_id = ?1 ORDER BY seq";
        let rows = self.store.db().query(Statement::new(sql, [leg.into()])).await.unwrap();
        let order = |row: store::Row<'_>| {
            let body = serde_json::from_str(row.text("body_json").unwrap()).unwrap();
            (row.text("action").unwrap().to_owned(), body)
        };
        rows.iter().map(order).collect()
    }

    /// What Telnyx is to be told of the first leg.
    pub async fn ordered(&self) -> Vec<(String, Value)> {
        self.commands_of(LEG).await
    }

    /// The actions alone.
    pub async fn actions(&self) -> Vec<String> {
        self.ordered().await.into_iter().map(|(action, _)| action).collect()
    }

    /// The only call that there is.
    pub async fn only_call(&self) -> Call {
        let mut calls = self.calls().await;
        assert_eq!(calls.len(), 1);
        calls.remove(0)
    }
}

/// The claims of the token in a command's stream.
pub fn claims(body: &Value) -> Claims {
    let url = body["stream_url"].as_str().unwrap();
    let token = url.strip_prefix("wss://voice.example.com/media/telnyx/").expect(url);
    media_token::verify(&[Secret::new(MEDIA_SECRET).unwrap()], token, NOW.as_secs()).unwrap()
}
