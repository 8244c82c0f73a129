//! `POST /webhooks/twilio/voice`: what to do with a call.

use std::time::Duration;

use events::CallEvent;
use media_token::Claims;
use serde_json::json;
use store::{
    AgentId, Call, CallId, CallStatus, Created, DbError, Direction, NewCall, NumberRoute, ParseIdError,
    RecordError, Store, StoreError, Timestamp,
};
use uuid::Uuid;

use crate::bindings::voicehive::platform::call_routing::{self, Answer, Decision};
use crate::decision::{self, RECORDED, RESUMED};
use crate::form::{self, CallFields};
use crate::message::Incoming;
use crate::routing_table;
use crate::service::{Platform, Proven};

/// The name of the carrier in the store.
pub(crate) const CARRIER: &str = "twilio";

/// How often a call whose media socket was lost is connected again. A media plane that loses a
/// call this often will not keep it.
const RECOVERIES_MAX: u32 = 3;

/// From the answer to the opening of the media socket. Twilio opens it at once; the rest is for slow networks.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// Why a call was not decided on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the form cannot be used")]
    Form(#[from] form::Fault),
    #[error("the database cannot be opened")]
    Database(#[from] DbError),
    #[error("the call cannot be stored")]
    Store(#[from] StoreError),
    #[error("the tenant's routing table is not of the stored form")]
    Table(#[from] serde_json::Error),
    #[error("the tenant's routing table cannot be used: {0:?}")]
    Routing(call_routing::Error),
    #[error("the routing table names an agent that cannot exist")]
    Agent(#[from] ParseIdError),
    #[error("the media token cannot be made")]
    Token(#[from] media_token::Error),
    #[error("the voicemail cannot be stored")]
    Voicemail(#[from] RecordError),
}

impl Fault {
    /// A stable word for the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "malformed-form",
            Self::Database(_) | Self::Store(_) => "call-not-stored",
            Self::Table(_) | Self::Routing(_) | Self::Agent(_) => "routing-table",
            Self::Token(_) => "media-token",
            Self::Voicemail(_) => "voicemail-not-stored",
        }
    }
}

/// The document that answers a proven voice webhook.
pub(crate) async fn answer<P: Platform>(
    platform: &P,
    request: &Incoming,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<twiml::Response, Fault> {
    let fields = CallFields::read(&proven.form)?;
    let Some(own) = fields.own_number() else {
        return Ok(decision::unknown_number());
    };
    let store = platform.open_store().await?;
    let Some(number) = store.resolve_number(&own).await? else {
        return Ok(decision::unknown_number());
    };
    let desk = Desk { platform, proven, store, number, fields, now };
    if request.has_query(RECORDED) {
        return desk.recorded().await;
    }
    match desk.store.call_by_carrier_id(&desk.number.tenant, CARRIER, &desk.fields.call_sid).await? {
        Some(call) => desk.again(call, request.has_query(RESUMED)).await,
        None => desk.first().await,
    }
}

/// Everything at hand for one call.
struct Desk<'a, P: Platform> {
    platform: &'a P,
    proven: &'a Proven<'a>,
    store: Store<P::Db>,
    number: NumberRoute,
    fields: CallFields,
    now: Timestamp,
}

impl<P: Platform> Desk<'_, P> {
    /// The carrier offers a call that is not known.
    async fn first(self) -> Result<twiml::Response, Fault> {
        let answer = self.route()?;
        let agent = match &answer.decision {
            Decision::Connect(agent) => Some(agent.parse::<AgentId>()?),
            _ => None,
        };
        let received = CallEvent::Received {
            carrier: CARRIER.to_owned(),
            decision: decision::name(&answer.decision).to_owned(),
            reason: decision::reason(&answer.reason),
        };
        let new = NewCall {
            id: CallId::generate(self.now),
            carrier: CARRIER.to_owned(),
            carrier_call_id: self.fields.call_sid.clone(),
            from: self.fields.from.clone(),
            to: self.fields.to.clone(),
            direction: self.fields.direction,
            agent,
            status: self.fields.status.unwrap_or(CallStatus::Ringing),
        };
        match self.store.create_call(&self.number.tenant, new, &[received], self.now).await? {
            Created::New(call) => self.render(&call, &answer.decision),
            // The carrier asked twice at once, and the other request was first.
            Created::Existing(call) => self.again(call, false).await,
        }
    }

    /// The carrier asks about a call that is known: it never got the first answer, or the
    /// media socket is gone.
    async fn again(&self, call: Call, resumed: bool) -> Result<twiml::Response, Fault> {
        if call.status.is_terminal() {
            return Ok(twiml::Response::new().hangup());
        }
        let Some(agent) = &call.agent else {
            return self.render(&call, &self.route()?.decision);
        };
        let lost = resumed || self.was_connected(&call.id).await?;
        let tenant = &self.number.tenant;
        if lost && !self.store.recover_call(tenant, &call.id, RECOVERIES_MAX, self.now).await? {
            return Ok(decision::apology());
        }
        self.connect(&call, agent)
    }

    /// The caller has left a message.
    async fn recorded(&self) -> Result<twiml::Response, Fault> {
        let Some(recording) = form::recording(&self.proven.form) else {
            return Ok(twiml::Response::new().hangup());
        };
        let key = format!("notifications/voicemail-{}", self.fields.call_sid);
        let value = json!({
            "channel": "voicemail",
            "recipient": self.fields.to,
            "from": self.fields.from,
            "recording_url": recording.url,
            "duration_s": recording.duration_s,
            "at": self.now,
            "status": "new",
        });
        match self.store.insert_record(&self.number.tenant, &key, value.to_string().as_bytes()).await {
            // A repeated request is thanked like the first.
            Ok(_) | Err(RecordError::Conflict) => Ok(decision::thanks()),
            Err(error) => Err(error.into()),
        }
    }

    fn route(&self) -> Result<Answer, Fault> {
        let table = routing_table::of(&self.number)?;
        let call = call_routing::Call {
            called: self.fields.to.clone(),
            caller: self.fields.from.clone(),
            direction: match self.fields.direction {
                Direction::Inbound => call_routing::Direction::Inbound,
                Direction::Outbound => call_routing::Direction::Outbound,
            },
            at: u64::try_from(self.now.0).unwrap_or_default(),
        };
        self.platform.route(&call, &table).map_err(Fault::Routing)
    }

    async fn was_connected(&self, call: &CallId) -> Result<bool, StoreError> {
        let connected = CallEvent::MediaConnected { stream: String::new() }.kind();
        Ok(self.store.last_event(&self.number.tenant, call, connected).await?.is_some())
    }

    fn render(&self, call: &Call, decision: &Decision) -> Result<twiml::Response, Fault> {
        match &call.agent {
            Some(agent) => self.connect(call, agent),
            None => Ok(decision::without_agent(decision, &self.proven.places())),
        }
    }

    fn connect(&self, call: &Call, agent: &AgentId) -> Result<twiml::Response, Fault> {
        let claims = Claims {
            tenant: self.number.tenant.to_string(),
            agent: agent.to_string(),
            call: call.id.to_string(),
            nonce: Uuid::new_v4().simple().to_string(),
            expires_at: self.now.plus(TOKEN_LIFE).as_secs(),
        };
        let token = media_token::mint(&self.proven.settings.media_token_secret, &claims)?;
        Ok(decision::connect(&self.proven.places(), &token, call.id.as_str()))
    }
}
