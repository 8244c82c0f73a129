//! `POST /webhooks/telnyx/call`: the events of Call Control.

use call_state::telnyx::{self as wire, Webhook};
use call_state::{Applied, CarrierEvent, EventKind, Moment};
use events::CallEvent;
use http::{Response, StatusCode};
use store::{
    Call, CallId, DbError, Named, ParseIdError, RecordError, Store, StoreError, TenantId, Timestamp,
};
use uuid::Uuid;

use super::chain::{self, Course, Step};
use super::orders::{Desk, Subject};
use super::party::{self, Party};
use super::reception::{self, Offer};
use super::{CARRIER, voicemail};
use crate::proof::Proven;
use crate::refusal::Refused;
use crate::service::Platform;
use crate::{host, journal, message};

/// Answers a proven event. Telnyx waits two seconds at most, so whatever takes longer is the host's.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    let Ok(webhook) = serde_json::from_slice::<Webhook>(proven.body()) else {
        let refused = Refused::new(StatusCode::BAD_REQUEST, "malformed-event", "the body is no event");
        return proven.refuse(platform, &refused).written(proven.request_id());
    };
    match take(platform, proven, &webhook, now).await {
        Ok(taken) => {
            proven.log(platform, taken.level(), taken.code(), "event");
            message::empty()
        }
        // What the store refuses of itself it would refuse again.
        Err(Fault::Store(StoreError::Refused(_))) => {
            proven.log(platform, "warn", Taken::Unreadable.code(), "event");
            message::empty()
        }
        Err(fault) => {
            proven.log(platform, "error", "event-not-stored", &journal::chain(&fault));
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Refused::new(status, "not-stored", "the event was not stored; send it again")
                .written(proven.request_id())
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its call has it, or had it.
    Heard(Applied),
    /// It offered a call, which is stored.
    Received,
    /// It says nothing of a call's course, or nothing that this version knows.
    Ignored,
    /// It lacks what an event of its kind needs. Sent again it would lack the same.
    Unreadable,
    /// No call is known by the names in it, and it offers none.
    UnknownCall,
    /// It is about a number that nobody has.
    UnknownNumber,
    /// A tenant's own key proved it, and it is about another tenant, or about a call that goes by the platform's account.
    NotTheirs,
}

impl Taken {
    /// A stable word for the log.
    fn code(self) -> &'static str {
        match self {
            Self::Heard(Applied::Changed) => "event-applied",
            Self::Heard(Applied::Noted) => "event-noted",
            Self::Heard(Applied::Stale) => "event-stale",
            Self::Heard(Applied::Late) => "event-late",
            Self::Heard(Applied::Contradiction) => "event-contradicts",
            Self::Heard(Applied::Duplicate) => "event-duplicate",
            Self::Heard(Applied::Foreign) => "event-foreign",
            Self::Heard(Applied::Full) => "event-over-limit",
            Self::Received => "call-received",
            Self::Ignored => "event-ignored",
            Self::Unreadable => "event-unreadable",
            Self::UnknownCall => "unknown-call",
            Self::UnknownNumber => "unknown-number",
            Self::NotTheirs => "other-tenant",
        }
    }

    fn level(self) -> &'static str {
        match self {
            Self::Unreadable | Self::NotTheirs | Self::Heard(Applied::Full) => "warn",
            _ => "info",
        }
    }
}

/// Why an event was not taken. It may come again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the database cannot be opened")]
    Database(#[from] DbError),
    #[error("the event cannot be stored")]
    Store(#[from] StoreError),
    #[error("the routing table names an agent that cannot exist")]
    Agent(#[from] ParseIdError),
    #[error("the voicemail cannot be stored")]
    Voicemail(#[from] RecordError),
}

/// Everything at hand for one event.
pub(super) struct Hearing<'a, P: Platform> {
    pub(super) platform: &'a P,
    pub(super) proven: &'a Proven<'a>,
    pub(super) store: Store<P::Db>,
    pub(super) desk: Desk<'a>,
    pub(super) webhook: &'a Webhook,
    pub(super) event: CarrierEvent,
    pub(super) now: Timestamp,
}

async fn take<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    webhook: &Webhook,
    now: Timestamp,
) -> Result<Taken, Fault> {
    let event = match wire::event(webhook, Moment::from_millis(now.0)) {
        Ok(Some(event)) => event,
        Ok(None) => return Ok(Taken::Ignored),
        Err(_) => return Ok(Taken::Unreadable),
    };
    if !party::are_names(&event) {
        return Ok(Taken::Unreadable);
    }
    let store = platform.open_store().await?;
    let desk = Desk::of(proven, now);
    let hearing = Hearing { platform, proven, store, desk, webhook, event, now };
    match hearing.store.locate_call(CARRIER, &hearing.event.ids).await? {
        // Calls may share a session, as when one of our numbers calls another.
        Some(call) if hearing.offers_another(&call) => hearing.unknown_call().await,
        Some(call) => hearing.told(&call).await,
        None => hearing.unknown_call().await,
    }
}

impl<P: Platform> Hearing<'_, P> {
    /// No call has the names in the event.
    async fn unknown_call(&self) -> Result<Taken, Fault> {
        match Party::of(self.webhook, &self.event) {
            Party::Placed(call) => self.placed(&call).await,
            Party::Offered { from, to } => match party::number(&self.store, Some(&to)).await? {
                Some(number) if self.proven.concerns(&number.tenant) => {
                    reception::receive(self, Offer { number: &number, from: &from, to: &to }).await
                }
                Some(_) => Ok(Taken::NotTheirs),
                None => {
                    reception::turn_away(self).await;
                    Ok(Taken::UnknownNumber)
                }
            },
            Party::Foreign => Ok(Taken::UnknownCall),
        }
    }

    /// A call that we place has got its name. The answer to our order may still be on its way, or lost.
    async fn placed(&self, call: &CallId) -> Result<Taken, Fault> {
        let Some(number) = party::number(&self.store, self.webhook.from()).await? else {
            return Ok(Taken::UnknownNumber);
        };
        if !self.proven.concerns(&number.tenant) {
            return Ok(Taken::NotTheirs);
        }
        if !self.proven.may_name(&self.store, &number.tenant, call).await? {
            return Ok(Taken::NotTheirs);
        }
        match self.store.name_call(&number.tenant, call, &self.event.ids, self.now).await? {
            Named::Now | Named::Already => match self.store.call(&number.tenant, call).await? {
                Some(call) => self.told(&call).await,
                None => Ok(Taken::UnknownCall),
            },
            Named::Other(_) => self.placed_twice(&number.tenant, call).await,
            Named::NoSuchCall => Ok(Taken::UnknownCall),
        }
    }

    /// One order, two calls at the carrier: the first one is the call, the other is hung up.
    async fn placed_twice(&self, tenant: &TenantId, call: &CallId) -> Result<Taken, Fault> {
        let (EventKind::Initiated | EventKind::Answered { .. }, Some(leg)) =
            (&self.event.kind, &self.event.ids.leg)
        else {
            return Ok(Taken::UnknownCall);
        };
        self.log("error", "placed-twice", "a second call came of one order; it is hung up");
        let subject = Subject { tenant, call, agent: None, leg };
        let (mut command, _) = self.desk.order(subject, &Step::HangUp);
        // Named after the event, so that another delivery of it orders nothing more.
        if let Ok(id) = Uuid::parse_str(&self.event.id) {
            command.id = id.to_string();
        }
        self.store.enqueue_commands(tenant, call, &[command], self.now).await?;
        host::wake(self.platform, self.proven).await;
        Ok(Taken::UnknownCall)
    }

    /// Logs that a call gets another media socket after one that it had, so that the conversation goes on.
    async fn recovers(&self, call: &Call) -> Result<(), StoreError> {
        let connected = CallEvent::MediaConnected { stream: String::new() }.kind();
        if self.store.last_event(&call.tenant, &call.id, connected).await?.is_some() {
            // The number of sockets is limited where they are ordered.
            self.store.recover_call(&call.tenant, &call.id, u32::MAX, self.now).await?;
        }
        Ok(())
    }

    /// Whether a media socket was closed that our log is done with: by us, or because the caller is being handed over.
    fn stops_after_our_end(&self, call: &Call) -> bool {
        let lost = call_state::EndReason::CarrierLost.code();
        let ended = call.end_reason.as_deref().is_some_and(|reason| reason != lost);
        ended && matches!(self.event.kind, EventKind::StreamStopped)
    }

    /// Whether the event offers a call that is not the one it shares a name with.
    fn offers_another(&self, call: &Call) -> bool {
        let offered = matches!(self.event.kind, EventKind::Initiated)
            && self.event.direction == Some(call_state::Direction::Inbound);
        offered && self.event.ids.leg.is_some() && self.event.ids.leg != call.carrier_call_id
    }

    /// Writes a line to the log.
    pub(super) fn log(&self, level: &str, code: &str, message: &str) {
        self.proven.log(self.platform, level, code, message);
    }

    /// Tells a known call of the event, and the carrier what follows, in one transaction.
    pub(super) async fn told(&self, call: &Call) -> Result<Taken, Fault> {
        if !self.proven.concerns_call(call) {
            return Ok(Taken::NotTheirs);
        }
        let course = Course::of(call);
        let mut faults = Vec::new();
        let (mut ordered, mut again) = (false, false);
        let decide = |call: &Call, before: &call_state::CallState| {
            let leg = call.carrier_call_id.as_deref().or(self.event.ids.leg.as_deref());
            let over = call.status.is_terminal() || self.stops_after_our_end(call);
            let step = chain::next(&course, before, &self.event).filter(|_| !over);
            again = matches!(step, Some(Step::Stream { failed: 1.. }));
            let order = leg.zip(step).map(|(leg, step)| self.desk.order(Subject::of(call, leg), &step));
            ordered = order.is_some();
            order
                .map(|(command, fault)| {
                    faults.extend(fault);
                    command
                })
                .into_iter()
                .collect()
        };
        let told =
            self.store.hear_carrier_deciding(&call.tenant, &call.id, &self.event, decide, self.now).await?;
        for fault in faults {
            self.log("error", "command-not-possible", &journal::chain(&fault));
        }
        let Some(told) = told else { return Ok(Taken::UnknownCall) };
        let mut fetch = false;
        if let EventKind::RecordingSaved(recording) = &self.event.kind {
            // Also of a copy: this may have failed the first time.
            voicemail::note(self, call, &course.resolved(&told.state), recording).await?;
            fetch = true;
        }
        if let (EventKind::Key { digit }, true) = (&self.event.kind, told.applied.is_kept()) {
            host::key(self.platform, self.proven, &told.call, *digit).await;
        }
        if again && told.applied.is_kept() {
            self.recovers(&told.call).await?;
        }
        if (ordered || fetch) && told.applied.is_kept() {
            host::wake(self.platform, self.proven).await;
        }
        Ok(Taken::Heard(told.applied))
    }
}
