//! One leg of a call: who calls whom, and where its news go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Config;
use super::courier::{Courier, Parcel};
use super::line::Command;
use super::shared::Shared;
use super::webhook::{Callback, rfc2822};
use super::webhook_faults::Webhook;

/// Who began a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    /// By REST.
    OutboundApi,
    /// By `<Dial>`.
    OutboundDial,
}

impl Direction {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// Who is told of a leg's progress, and of what.
#[derive(Clone, Debug, Default)]
pub(super) struct Subscription {
    pub(super) callback: Option<Callback>,
    /// `initiated`, `ringing`, `answered`, `completed`.
    pub(super) events: Vec<String>,
}

impl Subscription {
    /// To everything.
    pub(super) fn all(callback: Option<Callback>) -> Self {
        Self { callback, events: ["initiated", "ringing", "answered", "completed"].map(str::to_owned).into() }
    }

    fn to(&self, status: &str) -> Option<&Callback> {
        let event = match status {
            "initiated" | "ringing" => status,
            "in-progress" => "answered",
            _ => "completed",
        };
        self.callback.as_ref().filter(|_| self.events.iter().any(|wanted| wanted == event))
    }
}

/// What does not change of a leg.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) sid: String,
    pub(super) account_sid: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    /// The leg whose document dialled this one.
    pub(super) parent: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) subscription: Subscription,
    pub(super) shared: Arc<Shared>,
    pub(super) courier: Courier,
    /// How many statuses were told.
    pub(super) told: AtomicU32,
}

/// A leg, and how it is told to do things.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The how-manieth of this carrier.
    pub(super) number: u64,
    pub(super) leg: Arc<Leg>,
    pub(super) commands: mpsc::Sender<Command>,
}

impl Leg {
    /// The fields that every request about the leg has.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let status = self.shared.lock().status;
        self.fields_at(status)
    }

    /// The same, for a moment at which it had this status.
    pub(super) fn fields_at(&self, status: &str) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> = [
            ("CallSid", self.sid.as_str()),
            ("AccountSid", &self.account_sid),
            ("From", &self.from),
            ("To", &self.to),
            ("Caller", &self.from),
            ("Called", &self.to),
            ("CallStatus", status),
            ("ApiVersion", "2010-04-01"),
            ("Direction", self.direction.wire()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        for side in ["From", "To", "Caller", "Called"] {
            for (part, value) in [("City", ""), ("State", ""), ("Zip", ""), ("Country", "US")] {
                fields.push((format!("{side}{part}"), value.to_owned()));
            }
        }
        if let Some(parent) = &self.parent {
            fields.push(("ParentCallSid".into(), parent.clone()));
        }
        if let Some(who) = self.shared.lock().answered_by {
            fields.push(("AnsweredBy".into(), who.into()));
        }
        fields
    }

    /// Tells of a status, with more fields at the end.
    pub(super) async fn tell(&self, status: &'static str, more: Vec<(String, String)>) {
        let Some(callback) = self.subscription.to(status) else { return };
        let mut form = self.fields_at(status);
        let sequence = self.told.fetch_add(1, Ordering::Relaxed);
        form.push(("SequenceNumber".into(), sequence.to_string()));
        form.push(("CallbackSource".into(), "call-progress-events".into()));
        form.push(("Timestamp".into(), rfc2822(Timestamp::now())));
        form.extend(more);
        self.courier.send(Parcel { kind: Webhook::Status, to: callback.clone(), form }).await;
    }
}

/// An id of the carrier's: a prefix and 32 hexadecimal digits.
pub(super) fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::new_v4().simple())
}

/// The account's name for itself in a path.
pub(super) fn account_path(config: &Config) -> String {
    format!("/2010-04-01/Accounts/{}", config.account_sid)
}
