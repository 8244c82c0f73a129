//! One state machine over the call events of every carrier, and one vocabulary of why calls end.
//!
//! Carriers report a call in their own words, late, twice, out of order and with gaps, and sometimes contradict
//! themselves. [`twilio`], [`telnyx`] and [`vapi`] turn what they send into [`CarrierEvent`]s; [`CallState::apply`] takes
//! those in and says what each did ([`Applied`]); [`Facts`] are what is known then. Nothing here does I/O or looks at a
//! clock, so it runs in a component as it runs in the host.
//!
//! What holds, whatever arrives:
//!
//! * A call only goes on ([`Phase`]), and never comes back from its end. What comes after the end may still add facts:
//!   its duration, its cost, a recording, when it was answered.
//! * The first reason for the end stands, unless a later one says more ([`Detail`]): a carrier's `completed` gives way
//!   to who hung up, and that to why.
//! * The order of arrival does not matter to [`Facts`], but for the one case that they name.
//! * Everything that was said of the call is in its record once, also what contradicts the rest, and replaying the
//!   record gives the same call.
//!
//! ```
//! use call_state::{Applied, CallState, Carrier, EndReason, Fault, Ids, Moment, Phase, telnyx};
//!
//! let webhook = |id: &str, event: &str, at: &str, extra: &str| {
//!     let text = format!(
//!         r#"{{"data":{{"id":"{id}","event_type":"call.{event}","occurred_at":"2026-11-20T{at}Z",
//!             "payload":{{"call_control_id":"v3:a"{extra}}}}}}}"#
//!     );
//!     let webhook: telnyx::Webhook = serde_json::from_str(&text).unwrap();
//!     telnyx::event(&webhook, Moment::from_millis(0)).unwrap().unwrap()
//! };
//! let answered = webhook("2", "answered", "13:04:18", "");
//! let hangup = webhook("3", "hangup", "13:05:00", r#","hangup_cause":"normal_clearing","hangup_source":"caller""#);
//!
//! let mut call = CallState::new(Carrier::Telnyx, Ids { leg: Some("v3:a".into()), ..Ids::default() });
//! assert_eq!(call.apply(&hangup), Applied::Changed);
//! assert_eq!(call.apply(&hangup), Applied::Duplicate);
//! assert_eq!(call.apply(&answered), Applied::Late);
//!
//! let end = call.facts().end().unwrap();
//! assert_eq!((call.facts().phase(), end.reason, end.fault), (Phase::Ended, EndReason::CallerHangup, Fault::Caller));
//! assert_eq!(call.facts().first_leg().duration().unwrap().as_secs(), 42);
//! ```

mod event;
mod fact;
mod leg;
mod loose;
mod moment;
mod reason;
mod state;
pub mod telnyx;
pub mod twilio;
pub mod vapi;

pub use event::{
    AnsweredBy, Carrier, CarrierEvent, Cost, Direction, Ending, EventKind, Ids, Recording, Unreadable,
};
pub use leg::{Leg, Phase, Streaming};
pub use moment::Moment;
pub use reason::{Detail, EndReason, Fault, ParseEndReasonError};
pub use state::{Applied, CallState, EVENTS_MAX, Ended, Facts, LEGS_MAX, Recorded};
