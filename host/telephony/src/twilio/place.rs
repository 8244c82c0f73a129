//! Placing a call.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::answer::parsed;
use super::{Rest, is_sid, seconds};
use crate::{Cause, Fault};

/// What a call is told to do once somebody answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// What the document at this address says; Twilio asks for it with a signed POST.
    Url(String),
    /// This document, of at most 4000 characters.
    Twiml(String),
}

impl From<&twiml::Response> for Instructions {
    fn from(document: &twiml::Response) -> Self {
        Self::Twiml(document.to_xml())
    }
}

impl Instructions {
    pub(super) fn write(&self, form: &mut Vec<(&str, Cow<'_, str>)>) -> Result<(), Fault> {
        match self {
            Self::Url(url) => form.extend([("Url", url.clone().into()), ("Method", "POST".into())]),
            Self::Twiml(document) if document.chars().count() > MAX_TWIML => {
                return Err(Fault::unfit("twiml_too_long"));
            }
            Self::Twiml(document) => form.push(("Twiml", document.clone().into())),
        }
        Ok(())
    }
}

/// How Twilio finds out who answered. It says so in a request of its own, while the call goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Where it says so.
    pub callback: String,
    /// Whether a machine is reported only once its greeting is over, so that a message can be left.
    pub until_greeting_ends: bool,
}

/// That a call is recorded, each side in a channel of its own, from its answer on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Where Twilio says that the recording can be fetched, or that there is none.
    pub callback: String,
}

/// A call to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// The called number, E.164.
    pub to: String,
    /// The calling number: one of the account's.
    pub from: String,
    /// What happens once somebody answers.
    pub instructions: Instructions,
    /// Where Twilio reports how the call fares: each of its four events.
    pub status_callback: Option<String>,
    /// How long it may ring, from 5 to 600 s; Twilio rings for 60 s unless told.
    pub ring: Option<Duration>,
    /// How long the call may be at most; Twilio ends it after 4 h unless told.
    pub time_limit: Option<Duration>,
    /// Who answered, where that is to be found out.
    pub detection: Option<Detection>,
    /// The recording, where one is wanted.
    pub recording: Option<Recording>,
    /// Keys that are pressed once somebody answers, to reach an extension.
    pub send_digits: Option<String>,
}

impl NewCall {
    /// A call with nothing but instructions.
    #[must_use]
    pub fn new(from: impl Into<String>, to: impl Into<String>, instructions: Instructions) -> Self {
        Self {
            to: to.into(),
            from: from.into(),
            instructions,
            status_callback: None,
            ring: None,
            time_limit: None,
            detection: None,
            recording: None,
            send_digits: None,
        }
    }

    fn form(&self) -> Result<Vec<(&str, Cow<'_, str>)>, Fault> {
        let mut form: Vec<(&str, Cow<'_, str>)> =
            vec![("To", self.to.as_str().into()), ("From", self.from.as_str().into())];
        self.instructions.write(&mut form)?;
        if let Some(callback) = &self.status_callback {
            form.push(("StatusCallback", callback.as_str().into()));
            form.push(("StatusCallbackMethod", "POST".into()));
            form.extend(STATUS_EVENTS.map(|event| ("StatusCallbackEvent", event.into())));
        }
        if let Some(ring) = self.ring {
            form.push(("Timeout", seconds(ring.clamp(MIN_RING, MAX_RING)).into()));
        }
        if let Some(limit) = self.time_limit {
            form.push(("TimeLimit", seconds(limit).into()));
        }
        if let Some(detection) = &self.detection {
            let mode = if detection.until_greeting_ends { "DetectMessageEnd" } else { "Enable" };
            form.extend([
                ("MachineDetection", mode.into()),
                ("AsyncAmd", "true".into()),
                ("AsyncAmdStatusCallback", detection.callback.as_str().into()),
                ("AsyncAmdStatusCallbackMethod", "POST".into()),
            ]);
        }
        if let Some(recording) = &self.recording {
            form.extend([
                ("Record", "true".into()),
                ("RecordingChannels", "dual".into()),
                ("RecordingStatusCallback", recording.callback.as_str().into()),
                ("RecordingStatusCallbackMethod", "POST".into()),
                ("RecordingStatusCallbackEvent", RECORDING_EVENTS.into()),
            ]);
        }
        if let Some(digits) = &self.send_digits {
            form.push(("SendDigits", digits.as_str().into()));
        }
        Ok(form)
    }
}

impl Rest {
    /// Places a call, and says its `CallSid`.
    ///
    /// # Errors
    /// As [`Fault`] says. After [`Fault::Unknown`] there may be a call, and asking again may place a second one.
    pub async fn place(&self, call: &NewCall) -> Result<String, Fault> {
        #[derive(Deserialize)]
        struct Created {
            sid: String,
        }

        let body = self.post(&["Calls.json"], &call.form()?).await?;
        let Created { sid } = parsed(&body)?;
        if is_sid(&sid, "CA") { Ok(sid) } else { Err(Fault::Unknown { cause: Cause::Unreadable }) }
    }
}

/// What is recorded is reported with one field of several words, what happens to the call with one field a word.
const RECORDING_EVENTS: &str = "completed absent";
const STATUS_EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];

/// Longest `Twiml`, by Twilio's documentation of the call resource.
const MAX_TWIML: usize = 4000;
const MIN_RING: Duration = Duration::from_secs(5);
/// Longest `Timeout`, from the same page.
const MAX_RING: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    fn call(instructions: Instructions) -> NewCall {
        NewCall::new("+15550100", "+34910000000", instructions)
    }

    #[test]
    fn a_call_says_all_that_was_asked() {
        let mut call = call(Instructions::Url("https://example.com/voice?call=1".into()));
        call.status_callback = Some("https://example.com/status".into());
        call.ring = Some(Duration::from_millis(25_001));
        call.detection =
            Some(Detection { callback: "https://example.com/amd".into(), until_greeting_ends: true });
        call.recording = Some(Recording { callback: "https://example.com/rec".into() });
        let form = call.form().unwrap();
        let form: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            form,
            [
                "To=+34910000000",
                "From=+15550100",
                "Url=https://example.com/voice?call=1",
                "Method=POST",
                "StatusCallback=https://example.com/status",
                "StatusCallbackMethod=POST",
                "StatusCallbackEvent=initiated",
                "StatusCallbackEvent=ringing",
                "StatusCallbackEvent=answered",
                "StatusCallbackEvent=completed",
                "Timeout=26",
                "MachineDetection=DetectMessageEnd",
                "AsyncAmd=true",
                "AsyncAmdStatusCallback=https://example.com/amd",
                "AsyncAmdStatusCallbackMethod=POST",
                "Record=true",
                "RecordingChannels=dual",
                "RecordingStatusCallback=https://example.com/rec",
                "RecordingStatusCallbackMethod=POST",
                "RecordingStatusCallbackEvent=completed absent",
            ]
        );
    }

    #[test]
    fn a_document_longer_than_twilio_takes_is_never_sent() {
        let say = |n| Instructions::from(&twiml::Response::new().say("a".repeat(n).as_str()));
        assert!(call(say(3000)).form().is_ok());
        assert_eq!(call(say(4000)).form().unwrap_err(), Fault::unfit("twiml_too_long"));
    }

    #[test]
    fn ringing_stays_within_twilios_limits() {
        let timeout = |ring| {
            let mut call = call(Instructions::Url("https://example.com".into()));
            call.ring = Some(ring);
            let form = call.form().unwrap();
            form.iter().find(|(name, _)| *name == "Timeout").unwrap().1.to_string()
        };
        assert_eq!(timeout(Duration::ZERO), "5");
        assert_eq!(timeout(Duration::from_secs(6000)), "600");
    }
}
