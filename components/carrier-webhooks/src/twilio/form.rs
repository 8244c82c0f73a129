//! The fields of Twilio's webhooks, and of TeXML's, which has the same.
//!
//! <https://www.twilio.com/docs/voice/twiml#twilios-request-to-your-application>

use call_state::{CarrierEvent, Moment, Unreadable, telnyx, twilio};
use store::{CallStatus, Direction, E164, Timestamp};

use crate::proof::{Proven, Sender};

/// Why a proven form cannot be used. It names the field, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It is absent or empty.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// It is not what the carrier documents.
    #[error("the field {0} is malformed")]
    Malformed(&'static str),
}

impl From<Unreadable> for Fault {
    fn from(fault: Unreadable) -> Self {
        match fault {
            Unreadable::Missing(field) => Self::Missing(field),
            Unreadable::Malformed(field) => Self::Malformed(field),
        }
    }
}

/// The carrier's word on the course of a call, if the form holds one.
pub(super) fn event(proven: &Proven<'_>, now: Timestamp) -> Result<Option<CarrierEvent>, Fault> {
    let call = required(proven.form(), "CallSid")?;
    if !is_call_id(call, proven.sender()) {
        return Err(Fault::Malformed("CallSid"));
    }
    let received_at = Moment::from_millis(now.0);
    Ok(match proven.sender() {
        Sender::Telnyx => telnyx::texml_event(proven.form(), received_at)?,
        _ => twilio::event(proven.form(), received_at)?,
    })
}

/// What every webhook says about its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallFields {
    /// Twilio's id of the call.
    pub(super) call_sid: String,
    /// The calling number; empty when withheld.
    pub(super) from: String,
    /// The called number, or a SIP or client address.
    pub(super) to: String,
    /// Which way the call runs.
    pub(super) direction: Direction,
    /// Where it stands; `None` for a word that this code does not know.
    pub(super) status: Option<CallStatus>,
    /// Who answered, in the carrier's word, where it found out before it asked.
    pub(super) answered_by: Option<String>,
    /// Whether another call dialled this leg.
    pub(super) is_child: bool,
}

impl CallFields {
    /// Reads a proven form.
    pub(super) fn of(proven: &Proven<'_>) -> Result<Self, Fault> {
        Self::read(proven.form(), proven.sender())
    }

    fn read(form: &[(String, String)], sender: Sender) -> Result<Self, Fault> {
        let call_sid = required(form, "CallSid")?;
        if !is_call_id(call_sid, sender) {
            return Err(Fault::Malformed("CallSid"));
        }
        let from = field(form, "From").unwrap_or_default();
        Ok(Self {
            call_sid: call_sid.to_owned(),
            from: if is_withheld(from) { String::new() } else { from.to_owned() },
            to: required(form, "To")?.to_owned(),
            direction: match field(form, "Direction") {
                None | Some("inbound") => Direction::Inbound,
                Some("outbound-api" | "outbound-dial") => Direction::Outbound,
                Some(_) => return Err(Fault::Malformed("Direction")),
            },
            status: required(form, "CallStatus")?.parse().ok(),
            answered_by: field(form, "AnsweredBy").filter(|word| is_word(word)).map(str::to_owned),
            is_child: field(form, "ParentCallSid").is_some(),
        })
    }

    /// Our side of the call, if it is a number.
    pub(super) fn own_number(&self) -> Option<E164> {
        let own = match self.direction {
            Direction::Inbound => &self.to,
            Direction::Outbound => &self.from,
        };
        own.parse().ok()
    }
}

/// The error because of which the carrier asks its fallback URL: it could not follow what it was told before.
pub(super) fn failed_before(form: &[(String, String)]) -> Option<&str> {
    field(form, "ErrorCode").filter(|code| code.len() <= 8 && code.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The key that was pressed, if one was.
pub(super) fn key(form: &[(String, String)]) -> Option<char> {
    let mut digits = field(form, "Digits")?.chars();
    let key = digits.next().filter(|key| matches!(key, '0'..='9' | '*' | '#'))?;
    digits.next().is_none().then_some(key)
}

/// What a finished `<Record>` reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    /// Where the audio is.
    pub(super) url: String,
    /// How long it is, in seconds.
    pub(super) duration_s: Option<u32>,
}

/// The recording in the form of a `<Record>` action, if one was made.
pub(super) fn recording(form: &[(String, String)]) -> Option<Recording> {
    let url = field(form, "RecordingUrl")?.to_owned();
    let duration_s = field(form, "RecordingDuration").and_then(|text| text.parse().ok());
    Some(Recording { url, duration_s })
}

pub(super) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = form.iter().find(|(given, _)| given == name)?;
    Some(value.as_str()).filter(|value| !value.is_empty())
}

fn required<'a>(form: &'a [(String, String)], name: &'static str) -> Result<&'a str, Fault> {
    field(form, name).ok_or(Fault::Missing(name))
}

/// Twilio's are `CA` and 32 digits; TeXML's are call control ids, of which only the characters are certain.
fn is_call_id(text: &str, sender: Sender) -> bool {
    if sender == Sender::Telnyx {
        return text.len() <= CALL_ID_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    }
    let digits = text.strip_prefix("CA").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Telnyx's call control ids have about 60 characters.
const CALL_ID_BYTES_MAX: usize = 256;

/// A word such as `machine_end_beep`.
fn is_word(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Twilio puts a word, or that word typed on a telephone's keys, where a caller withholds the number:
/// <https://help.twilio.com/articles/223179988>.
fn is_withheld(from: &str) -> bool {
    const ANONYMOUS: &str = "+266696687";
    const BLOCKED: &str = "+2562533";
    const RESTRICTED: &str = "+7378742833";
    const UNAVAILABLE: &str = "+86282452253";
    const UNKNOWN: &str = "+8656696";
    let word = !from.starts_with('+') && !from.contains(':');
    word || [ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE, UNKNOWN].contains(&from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "CA0123456789abcdef0123456789abcdef";

    #[test]
    fn our_number_is_the_called_one_inbound_and_the_calling_one_outbound() {
        let own = |direction| {
            let form = form(&[("Direction", direction), ("From", "+15551230000"), ("To", "+34910000000")]);
            CallFields::read(&form, Sender::Twilio).unwrap().own_number().unwrap().as_str().to_owned()
        };
        assert_eq!(own("inbound"), "+34910000000");
        assert_eq!(own("outbound-api"), "+15551230000");
    }

    #[test]
    fn a_withheld_number_is_empty() {
        for withheld in ["anonymous", "Restricted", "+266696687", "+7378742833", ""] {
            let form = form(&[("From", withheld), ("To", "+34910000000")]);
            assert_eq!(CallFields::read(&form, Sender::Twilio).unwrap().from, "", "{withheld}");
        }
        for shown in ["+15551230000", "client:alice", "sip:a@example.com"] {
            let form = form(&[("From", shown), ("To", "+34910000000")]);
            assert_eq!(CallFields::read(&form, Sender::Twilio).unwrap().from, shown);
        }
    }

    #[test]
    fn what_the_carrier_would_never_send_is_named() {
        let mut without_to = form(&[]);
        without_to.retain(|(name, _)| name != "To");
        assert_eq!(CallFields::read(&without_to, Sender::Twilio), Err(Fault::Missing("To")));
        let odd_sid = form(&[("CallSid", "CA01"), ("To", "+34910000000")]);
        assert_eq!(CallFields::read(&odd_sid, Sender::Twilio), Err(Fault::Malformed("CallSid")));
        let odd_direction = form(&[("Direction", "sideways"), ("To", "+34910000000")]);
        assert_eq!(CallFields::read(&odd_direction, Sender::Twilio), Err(Fault::Malformed("Direction")));
    }

    #[test]
    fn ids_are_those_of_the_sender() {
        let control_id =
            form(&[("CallSid", "v3:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ"), ("To", "x")]);
        assert!(CallFields::read(&control_id, Sender::Telnyx).is_ok());
        assert_eq!(CallFields::read(&control_id, Sender::Twilio), Err(Fault::Malformed("CallSid")));
        let odd = form(&[("CallSid", "v3 \n"), ("To", "x")]);
        assert_eq!(CallFields::read(&odd, Sender::Telnyx), Err(Fault::Malformed("CallSid")));
    }

    #[test]
    fn who_answered_is_a_word_or_nothing() {
        for (word, kept) in [("machine_end_beep", true), ("human", true), ("<x>", false), ("", false)] {
            let form = form(&[("AnsweredBy", word), ("To", "x")]);
            let fields = CallFields::read(&form, Sender::Twilio).unwrap();
            assert_eq!(fields.answered_by.as_deref(), kept.then_some(word), "{word}");
        }
    }

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all =
            vec![("CallSid", SID), ("CallStatus", "ringing"), ("Direction", "inbound"), ("To", "x")];
        all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        all.extend_from_slice(fields);
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}
