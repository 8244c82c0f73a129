//! Everything at hand for one message.

use ::vapi::ServerMessage;
use call_state::{CarrierEvent, Ids};
use events::CallEvent;
use store::{
    AgentId, Call, CallId, CallStatus, Direction, E164, NewCall, NumberRoute, Receipt, Received, Store,
    StoreError, Timestamp,
};

use super::fault::Fault;
use crate::bindings::voicehive::platform::call_routing::{self, Answer, Decision};
use crate::proof::Proven;
use crate::routing_table;
use crate::service::Platform;

/// A proven message.
pub(super) struct Case<'a, P> {
    pub(super) platform: &'a P,
    pub(super) proven: &'a Proven<'a>,
    pub(super) message: &'a ServerMessage,
    pub(super) now: Timestamp,
}

/// The same with the database open, and whose number it is.
pub(super) struct Desk<'a, P: Platform> {
    pub(super) case: &'a Case<'a, P>,
    pub(super) store: Store<P::Db>,
    /// Our number, where a tenant has it whom the message may concern.
    pub(super) number: Option<NumberRoute>,
}

impl<P: Platform> Case<'_, P> {
    /// Vapi's id of the call.
    pub(super) fn call_id(&self) -> Result<&str, Fault> {
        self.message.call.id.as_deref().ok_or(Fault::NoCall)
    }

    pub(super) fn direction(&self) -> Direction {
        if self.message.call.is_inbound() { Direction::Inbound } else { Direction::Outbound }
    }

    pub(super) fn log(&self, level: &str, code: &str, message: &str) {
        self.proven.log(self.platform, level, code, message);
    }
}

impl<'a, P: Platform> Desk<'a, P> {
    pub(super) async fn open(case: &'a Case<'a, P>) -> Result<Self, Fault> {
        let store = case.platform.open_store().await?;
        let own = case.message.call.own.as_deref().and_then(|own| own.parse::<E164>().ok());
        let number = match own {
            Some(own) => store.resolve_number(&own).await?,
            None => None,
        };
        Ok(Self { case, store, number: number.filter(|number| case.proven.concerns(&number.tenant)) })
    }

    /// The call that the message is about, if it is known.
    pub(super) async fn call(&self) -> Result<Option<Call>, Fault> {
        let (carrier, id) = (self.carrier(), self.case.call_id()?);
        if let Some(number) = &self.number {
            return Ok(self.store.call_by_carrier_id(&number.tenant, carrier, id).await?);
        }
        // Not every message names the number.
        let ids = Ids { leg: Some(id.to_owned()), ..Ids::default() };
        let located = self.store.locate_call(carrier, &ids).await?;
        Ok(located.filter(|call| self.case.proven.concerns(&call.tenant)))
    }

    /// The call that the message is about. One that is not known is stored: Vapi has an assistant of its own for it, or
    /// the question who answers was lost. `None` where nobody of ours has the number.
    pub(super) async fn call_or_new(&self) -> Result<Option<Call>, Fault> {
        match self.call().await? {
            Some(call) => Ok(Some(call)),
            None => Ok(self.unasked(None).await?.map(|(call, _)| call)),
        }
    }

    /// Stores a call about which we were not asked, with what was said of it. Whether it was new.
    pub(super) async fn unasked(&self, event: Option<&CarrierEvent>) -> Result<Option<(Call, bool)>, Fault> {
        let Some(number) = &self.number else { return Ok(None) };
        let agent = match self.route(number)?.decision {
            Decision::Connect(agent) => Some(agent.parse()?),
            _ => None,
        };
        let received = CallEvent::Received {
            carrier: self.carrier().to_owned(),
            decision: "connect".to_owned(),
            reason: "decided at the carrier".to_owned(),
        };
        let receipt = Receipt { events: &[received], carrier_event: event, ..Receipt::default() };
        Ok(match self.receive(number, agent, receipt).await? {
            Received::New(call) => Some((call, true)),
            Received::Existing(call) => Some((call, false)),
            Received::TooOften | Received::TooMany => None,
        })
    }

    /// Stores the call, unless it is known.
    pub(super) async fn receive(
        &self,
        number: &NumberRoute,
        agent: Option<AgentId>,
        receipt: Receipt<'_>,
    ) -> Result<Received, Fault> {
        let (direction, call) = (self.case.direction(), &self.case.message.call);
        let new = NewCall {
            id: CallId::generate(self.case.now),
            carrier: self.carrier().to_owned(),
            carrier_call_id: self.case.call_id()?.to_owned(),
            from: call.from().to_owned(),
            to: call.to().to_owned(),
            direction,
            agent,
            status: match direction {
                Direction::Inbound => CallStatus::Ringing,
                Direction::Outbound => CallStatus::Queued,
            },
        };
        Ok(self.store.receive_call(&number.tenant, new, receipt, self.case.now).await?)
    }

    /// What the table of the number's tenant decides.
    pub(super) fn route(&self, number: &NumberRoute) -> Result<Answer, Fault> {
        let table = routing_table::of(number)?;
        let message = &self.case.message.call;
        let call = call_routing::Call {
            called: message.to().to_owned(),
            caller: message.from().to_owned(),
            direction: match self.case.direction() {
                Direction::Inbound => call_routing::Direction::Inbound,
                Direction::Outbound => call_routing::Direction::Outbound,
            },
            at: u64::try_from(self.case.now.0).unwrap_or_default(),
        };
        self.case.platform.route(&call, &table).map_err(Fault::Routing)
    }

    /// The agent of a call: the one that was chosen, or else the number's own.
    pub(super) fn agent<'c>(&'c self, call: &'c Call) -> Option<&'c AgentId> {
        call.agent.as_ref().or_else(|| self.number.as_ref()?.agent.as_ref())
    }

    /// A text of the agent's configuration.
    pub(super) async fn configured(&self, call: &Call, key: &str) -> Result<Option<String>, StoreError> {
        let Some(agent) = self.agent(call) else { return Ok(None) };
        let agent = self.store.agent(&call.tenant, agent).await?;
        Ok(agent.and_then(|agent| Some(agent.config.get(key)?.as_str()?.to_owned())))
    }

    fn carrier(&self) -> &'static str {
        self.case.proven.sender().carrier()
    }
}
