//! Everything at hand for one call.

use call_state::CarrierEvent;
use events::CallEvent;
use media_token::Claims;
use std::time::Duration;
use store::{AgentId, Call, CallId, Direction, NumberRoute, Store, StoreError, Timestamp};
use twiml::Response;
use uuid::Uuid;

use super::documents::{self, Places};
use super::fault::Fault;
use super::form::{self, CallFields};
use crate::bindings::voicehive::platform::call_routing::{self, Answer, Decision, Table};
use crate::decision;
use crate::proof::Proven;
use crate::service::Platform;
use crate::{journal, routing_table};

/// From the answer to the opening of the media socket. Twilio opens it at once; the rest is for slow networks.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// Everything at hand for one call to, or from, a number that a tenant has.
pub(super) struct Desk<'a, P: Platform> {
    pub(super) platform: &'a P,
    pub(super) proven: &'a Proven<'a>,
    pub(super) store: Store<P::Db>,
    pub(super) number: NumberRoute,
    pub(super) fields: CallFields,
    pub(super) now: Timestamp,
}

impl<'a, P: Platform> Desk<'a, P> {
    /// `None` where nobody has the number, or nobody whom the request may concern.
    pub(super) async fn open(
        platform: &'a P,
        proven: &'a Proven<'a>,
        now: Timestamp,
    ) -> Result<Option<Self>, Fault> {
        let fields = CallFields::of(proven)?;
        let Some(own) = fields.own_number() else { return Ok(None) };
        let store = platform.open_store().await?;
        let number = store.resolve_number(&own).await?.filter(|number| proven.concerns(&number.tenant));
        Ok(number.map(|number| Self { platform, proven, store, number, fields, now }))
    }

    /// The call that the carrier means, if it is known.
    pub(super) async fn call(&self) -> Result<Option<Call>, StoreError> {
        let carrier = self.proven.sender().carrier();
        self.store.call_by_carrier_id(&self.number.tenant, carrier, &self.fields.call_sid).await
    }

    /// Whether the request may say anything of this call; the log has it where not.
    pub(super) fn may_say_of(&self, call: &Call) -> bool {
        let may = self.proven.concerns_call(call);
        if !may {
            self.log("warn", "other-account", "the call is of another account than the key that proved this");
        }
        may
    }

    /// Takes in what the form says of the call's course. Somebody waits on the line for a document, and does not go
    /// without because this could not be noted.
    pub(super) async fn hear(&self, call: &CallId) {
        match form::event(self.proven, self.now) {
            Ok(Some(event)) => self.note(call, &event).await,
            Ok(None) => {}
            Err(fault) => self.log("warn", "malformed-form", &fault.to_string()),
        }
    }

    /// Takes in one event, as [`Self::hear`] does.
    pub(super) async fn note(&self, call: &CallId, event: &CarrierEvent) {
        let heard = self.store.hear_carrier(&self.number.tenant, call, event, &[], self.now).await;
        if let Err(fault) = heard {
            self.log("error", "event-not-stored", &journal::chain(&fault));
        }
    }

    pub(super) fn table(&self) -> Result<Table, serde_json::Error> {
        routing_table::of(&self.number)
    }

    /// What this table decides on the call.
    pub(super) fn route(&self, table: &Table) -> Result<Answer, Fault> {
        let call = call_routing::Call {
            called: self.fields.to.clone(),
            caller: self.fields.from.clone(),
            direction: match self.fields.direction {
                Direction::Inbound => call_routing::Direction::Inbound,
                Direction::Outbound => call_routing::Direction::Outbound,
            },
            at: u64::try_from(self.now.0).unwrap_or_default(),
        };
        self.platform.route(&call, table).map_err(Fault::Routing)
    }

    /// What was decided on a known call; what the table decides now, where that is not stored.
    pub(super) fn decided(&self, call: &Call) -> Result<Decision, Fault> {
        match call.decision.as_ref().and_then(decision::of_stored) {
            Some(decision) => Ok(decision),
            None => Ok(self.route(&self.table()?)?.decision),
        }
    }

    pub(super) async fn was_connected(&self, call: &CallId) -> Result<bool, StoreError> {
        let connected = CallEvent::MediaConnected { stream: String::new() }.kind();
        Ok(self.store.last_event(&self.number.tenant, call, connected).await?.is_some())
    }

    pub(super) fn places(&self) -> Places {
        Places::of(self.proven)
    }

    pub(super) fn render(&self, call: &Call, decision: &Decision) -> Result<Response, Fault> {
        match &call.agent {
            Some(agent) => self.connect(call, agent),
            None => Ok(documents::without_agent(decision, &self.places())),
        }
    }

    pub(super) fn connect(&self, call: &Call, agent: &AgentId) -> Result<Response, Fault> {
        let claims = Claims {
            tenant: self.number.tenant.to_string(),
            agent: agent.to_string(),
            call: call.id.to_string(),
            nonce: Uuid::new_v4().simple().to_string(),
            expires_at: self.now.plus(TOKEN_LIFE).as_secs(),
        };
        let token = media_token::mint(&self.proven.settings().media_token_secret, &claims)?;
        let answered_by = self.fields.answered_by.as_deref();
        Ok(documents::connect(&self.places(), &token, call.id.as_str(), answered_by))
    }

    pub(super) fn log(&self, level: &str, code: &str, message: &str) {
        self.proven.log(self.platform, level, code, message);
    }
}
