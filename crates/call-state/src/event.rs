//! What a carrier says of a call, in one form.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{EndReason, Moment};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Carrier {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Vapi, where it holds the call.
    Vapi,
    /// We ourselves: what the call core knows of an end, and no carrier does.
    Platform,
}

/// Which way a call runs, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The carrier offered it to us.
    Inbound,
    /// We placed it.
    Outbound,
}

/// The carrier's names of what an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The leg: Twilio's `CallSid`, Telnyx's `call_control_id`, Vapi's `call.id`. Absent from what is said of the whole
    /// call.
    pub leg: Option<String>,
    /// The leg's second name: Telnyx's `call_leg_id`.
    pub alias: Option<String>,
    /// The leg from which this one was dialled: Twilio's `ParentCallSid`.
    pub parent: Option<String>,
    /// What all legs of a call share: Telnyx's `call_session_id`.
    pub session: Option<String>,
    /// The media socket that an event is about: Telnyx's `stream_id`. Absent from what was stored before it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
}

/// One thing that a carrier says of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierEvent {
    /// Who says it.
    pub carrier: Carrier,
    /// By which a repeated delivery is known: the carrier's id of the event, or where it has none, made of what tells
    /// its events apart.
    pub id: String,
    /// What it is about.
    pub ids: Ids,
    /// Which way the leg runs, where the carrier says.
    pub direction: Option<Direction>,
    /// What happened.
    pub kind: EventKind,
    /// The carrier's number of it within the leg, where it numbers them.
    pub sequence: Option<u32>,
    /// When it happened, by the carrier's clock, where it says.
    pub occurred_at: Option<Moment>,
    /// When we received it, by our clock.
    pub received_at: Moment,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// The leg waits to be placed.
    Queued,
    /// The leg exists.
    Initiated,
    /// It rings.
    Ringing,
    /// It was answered.
    Answered {
        /// By whom, where that was found out before.
        by: Option<AnsweredBy>,
    },
    /// It is being handed over.
    Forwarding,
    /// It hears another leg.
    Bridged,
    /// It is over.
    Ended(Ending),
    /// It was found out who answered.
    AnsweredBy {
        /// Who.
        who: AnsweredBy,
    },
    /// A machine's greeting is over, and a message can be left.
    GreetingEnded {
        /// Whether it ended with a tone.
        beep: bool,
    },
    /// What the carrier was told to say is said, or was broken off.
    Spoken {
        /// Whether all of it was said.
        whole: bool,
    },
    /// Media flows.
    StreamStarted,
    /// Media has ceased to flow.
    StreamStopped,
    /// Media could not flow.
    StreamFailed {
        /// The carrier's word for why.
        cause: Option<String>,
    },
    /// The caller pressed a key.
    Key {
        /// `0` to `9`, `A` to `D`, `*` or `#`.
        digit: char,
    },
    /// A recording can be fetched.
    RecordingSaved(Recording),
    /// There is no recording, although one was ordered.
    RecordingFailed {
        /// The carrier's word for why.
        cause: Option<String>,
    },
    /// What the leg costs.
    Billed {
        /// The amount.
        cost: Cost,
        /// The time that is paid for.
        duration: Option<Duration>,
    },
}

/// How a leg ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Why, as far as this event says.
    pub reason: EndReason,
    /// The SIP status, where one was told.
    pub sip_status: Option<u16>,
    /// The carrier's own word.
    pub cause: Option<String>,
    /// How long the leg lasted, where the carrier says.
    pub duration: Option<Duration>,
    /// What it costs, where the carrier says.
    pub cost: Option<Cost>,
    /// A recording that came with the end.
    pub recording: Option<Recording>,
}

impl Ending {
    /// An end of which only the reason is known.
    #[must_use]
    pub fn new(reason: EndReason) -> Self {
        Self { reason, sip_status: None, cause: None, duration: None, cost: None, recording: None }
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AnsweredBy {
    /// The carrier cannot tell.
    Unknown,
    /// Nobody spoke.
    Silence,
    /// A person.
    Human,
    /// A voicemail or an announcement.
    Machine,
    /// A fax.
    Fax,
}

/// A recording, as the carrier offers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recording {
    /// The carrier's id of it; the event's where it has none.
    pub id: String,
    /// Where it can be fetched. Telnyx's addresses hold for ten minutes.
    pub url: Option<String>,
    /// How long it is, where the carrier says.
    pub duration: Option<Duration>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cost {
    /// Millionths of the currency's unit; what we pay is positive.
    pub micros: i64,
    /// The currency, ISO 4217; `None` for that of the account with the carrier.
    pub currency: Option<String>,
}

impl Cost {
    /// Reads a decimal number such as `0.0055`; a seventh digit after the point and what follows are cut. `None` for
    /// anything else.
    #[must_use]
    pub fn from_decimal(text: &str, currency: Option<&str>) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let fraction = fraction.bytes().map(|byte| i64::from(byte - b'0')).chain(std::iter::repeat(0));
        let fraction = fraction.take(6).fold(0, |micros, digit| micros * 10 + digit);
        let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)?;
        Some(Self { micros: if negative { -micros } else { micros }, currency: currency.map(str::to_owned) })
    }
}

/// Why what a carrier sent says nothing that can be used. It names the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is absent or empty.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// It is not what the carrier documents.
    #[error("the field {0} is malformed")]
    Malformed(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_to_the_millionth_without_rounding() {
        for (text, micros) in [
            ("0.0055", Some(5_500)),
            ("12", Some(12_000_000)),
            ("-0.00850", Some(-8_500)),
            ("0.12345678", Some(123_456)),
            (".5", None),
            ("1e3", None),
            ("", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(Cost::from_decimal(text, None).map(|cost| cost.micros), micros, "{text}");
        }
    }

    #[test]
    fn an_event_survives_storage() {
        let mut ending = Ending::new(EndReason::Busy);
        ending.cost = Cost::from_decimal("0.5", Some("USD"));
        ending.duration = Some(Duration::from_millis(1500));
        for kind in
            [EventKind::Answered { by: None }, EventKind::Key { digit: '#' }, EventKind::Ended(ending)]
        {
            let event = CarrierEvent {
                carrier: Carrier::Telnyx,
                id: "e".into(),
                ids: Ids { leg: Some("l".into()), ..Ids::default() },
                direction: Some(Direction::Outbound),
                kind,
                sequence: Some(3),
                occurred_at: None,
                received_at: Moment::from_millis(5),
            };
            let stored = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<CarrierEvent>(&stored).unwrap(), event);
        }
    }

    #[test]
    fn names_that_were_stored_without_a_media_socket_can_still_be_read() {
        let before = r#"{"leg":"l","alias":null,"parent":null,"session":"s"}"#;
        let ids = Ids { leg: Some("l".into()), session: Some("s".into()), ..Ids::default() };
        assert_eq!(serde_json::from_str::<Ids>(before).unwrap(), ids);
        assert_eq!(serde_json::to_string(&ids).unwrap(), before);
        let streaming = Ids { stream: Some("st".into()), ..ids };
        let stored = serde_json::to_string(&streaming).unwrap();
        assert_eq!(serde_json::from_str::<Ids>(&stored).unwrap(), streaming);
    }
}
