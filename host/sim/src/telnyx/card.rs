//! What is written down of one leg, and told of it in every webhook.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::clock::stamp;

/// Which way a leg was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Someone called the platform's number.
    Incoming,
    /// The platform called.
    Outgoing,
}

/// How a leg ended, as `call.hangup` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hangup {
    /// `normal_clearing`, `user_busy` and so on.
    pub cause: &'static str,
    /// `caller`, `callee` or `unknown`.
    pub source: &'static str,
    /// The SIP status, or `unspecified`.
    pub sip: &'static str,
}

/// One leg.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) call_control_id: String,
    pub(super) call_leg_id: String,
    pub(super) call_session_id: String,
    pub(super) connection_id: String,
    pub(super) direction: Direction,
    pub(super) from: String,
    pub(super) to: String,
    /// Placed by a transfer, not by dialling.
    pub(super) transferred: bool,
    pub(super) start_time: String,
    pub(super) hangup: OnceLock<Hangup>,
    client_state: Mutex<Option<String>>,
    webhook_url: Mutex<Url>,
}

/// What a new leg begins with.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    pub(super) direction: Direction,
    pub(super) from: String,
    pub(super) to: String,
    /// That of the leg it belongs to; a new one where absent.
    pub(super) session: Option<String>,
    pub(super) connection_id: String,
    pub(super) client_state: Option<String>,
    pub(super) webhook_url: Url,
}

impl Card {
    pub(super) fn new(beginning: Beginning) -> Arc<Self> {
        let random = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
        Arc::new(Self {
            call_control_id: format!("v3:{}", URL_SAFE_NO_PAD.encode(random)),
            transferred: beginning.session.is_some(),
            call_leg_id: Uuid::new_v4().to_string(),
            call_session_id: beginning.session.unwrap_or_else(|| Uuid::new_v4().to_string()),
            connection_id: beginning.connection_id,
            direction: beginning.direction,
            from: beginning.from,
            to: beginning.to,
            start_time: stamp(),
            hangup: OnceLock::new(),
            client_state: Mutex::new(beginning.client_state),
            webhook_url: Mutex::new(beginning.webhook_url),
        })
    }

    pub(super) fn client_state(&self) -> Option<String> {
        lock(&self.client_state).clone()
    }

    /// A command brought a new state; later webhooks carry it.
    pub(super) fn replace_client_state(&self, state: String) {
        *lock(&self.client_state) = Some(state);
    }

    pub(super) fn webhook_url(&self) -> Url {
        lock(&self.webhook_url).clone()
    }

    pub(super) fn replace_webhook_url(&self, url: Url) {
        *lock(&self.webhook_url) = url;
    }

    /// What every webhook has, with `more`.
    pub(super) fn payload(&self, more: Value) -> Value {
        let mut payload = json!({
            "call_control_id": self.call_control_id,
            "call_leg_id": self.call_leg_id,
            "call_session_id": self.call_session_id,
            "connection_id": self.connection_id,
            "client_state": self.client_state(),
            "from": self.from,
            "to": self.to,
        });
        if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
            payload.extend(more);
        }
        payload
    }

    /// As [`Card::payload`] for a recording, which belongs to the leg and not to its control id.
    pub(super) fn payload_of_recording(&self, more: Value) -> Value {
        let mut payload = self.payload(more);
        if let Some(payload) = payload.as_object_mut() {
            payload.remove("call_control_id");
        }
        payload
    }

    /// What `call.initiated` and `call.answered` tell beside the usual.
    pub(super) fn setting(&self, state: &str) -> Map<String, Value> {
        let incoming = self.direction == Direction::Incoming;
        let more = json!({
            "direction": if incoming { "incoming" } else { "outgoing" },
            "state": state,
            "start_time": self.start_time,
            "caller_id_name": self.from,
            "custom_headers": [],
            "sip_headers": [],
            "tags": [],
        });
        match more {
            Value::Object(more) => more,
            _ => Map::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
