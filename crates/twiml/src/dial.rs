//! Calling another party.

use crate::attributes::{CallEvent, Method, RecordingEvent, Trim, seconds};
use crate::{Conference, Element};
use std::time::Duration;

/// What of a dialled call is recorded. Mono mixes both parties; dual keeps each in a channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DialRecording {
    /// Nothing.
    Nothing,
    /// From the answer on, mono.
    FromAnswer,
    /// From the answer on, dual.
    FromAnswerDual,
    /// From the first ring on, mono.
    FromRinging,
    /// From the first ring on, dual.
    FromRingingDual,
}

/// Calls another party and joins it with the caller. Several numbers ring at
/// the same time, and the first to answer gets the call.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Dial(Element);

impl Default for Dial {
    fn default() -> Self {
        Self::new()
    }
}

impl Dial {
    /// Dials nobody yet: add a number or a SIP address.
    pub fn new() -> Self {
        Self(Element::new("Dial"))
    }

    /// Rings a telephone number.
    pub fn number(self, number: impl Into<Number>) -> Self {
        Self(self.0.child(number.into()))
    }

    /// Rings a SIP address.
    pub fn sip(self, sip: impl Into<Sip>) -> Self {
        Self(self.0.child(sip.into()))
    }

    /// Joins the caller with everybody in a room.
    pub fn conference(self, conference: impl Into<Conference>) -> Self {
        Self(self.0.child(conference.into()))
    }

    /// Where the outcome goes; its answer continues the call. Without it the next verb runs.
    pub fn action(self, url: impl Into<String>) -> Self {
        self.with("action", url)
    }

    /// How `action` is called.
    pub fn method(self, method: Method) -> Self {
        self.with("method", method.wire())
    }

    /// How long it may ring, in whole seconds, rounded up.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with("timeout", seconds(timeout))
    }

    /// The longest joined call, in whole seconds, rounded up.
    pub fn time_limit(self, limit: Duration) -> Self {
        self.with("timeLimit", seconds(limit))
    }

    /// The number that the other party sees, E.164.
    pub fn caller_id(self, number: impl Into<String>) -> Self {
        self.with("callerId", number)
    }

    /// Whether the caller hears real ringing until the other party answers.
    pub fn answer_on_bridge(self, ringing: bool) -> Self {
        self.with("answerOnBridge", ringing.to_string())
    }

    /// Whether the caller leaves the other party by pressing the star key.
    pub fn hangup_on_star(self, leaves: bool) -> Self {
        self.with("hangupOnStar", leaves.to_string())
    }

    /// Whether several targets ring one after the other.
    pub fn sequential(self, one_by_one: bool) -> Self {
        self.with("sequential", one_by_one.to_string())
    }

    /// The country whose ringing tone the caller hears, ISO 3166 alpha-2 in lower case.
    pub fn ring_tone(self, country: impl Into<String>) -> Self {
        self.with("ringTone", country)
    }

    /// What is recorded.
    pub fn record(self, recording: DialRecording) -> Self {
        self.with(
            "record",
            match recording {
                DialRecording::Nothing => "do-not-record",
                DialRecording::FromAnswer => "record-from-answer",
                DialRecording::FromAnswerDual => "record-from-answer-dual",
                DialRecording::FromRinging => "record-from-ringing",
                DialRecording::FromRingingDual => "record-from-ringing-dual",
            },
        )
    }

    /// Whether the recording loses the silence at its ends.
    pub fn trim(self, trim: Trim) -> Self {
        self.with("trim", trim.wire())
    }

    /// Where the recording's events are reported, and which.
    pub fn recording_status(
        self,
        url: impl Into<String>,
        method: Method,
        events: impl IntoIterator<Item = RecordingEvent>,
    ) -> Self {
        self.with("recordingStatusCallback", url)
            .with("recordingStatusCallbackMethod", method.wire())
            .with("recordingStatusCallbackEvent", RecordingEvent::list(events))
    }

    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        Self(self.0.attribute(name, value))
    }
}

impl From<Dial> for Element {
    fn from(dial: Dial) -> Self {
        dial.0
    }
}

/// A telephone number to ring.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Number(Element);

impl Number {
    /// Rings `number`, E.164.
    pub fn new(number: impl Into<String>) -> Self {
        Self(Element::new("Number").text(number))
    }

    /// Keys pressed once the other side answers, to reach an extension; `w` waits half a second.
    pub fn send_digits(self, digits: impl Into<String>) -> Self {
        Self(self.0.attribute("sendDigits", digits))
    }

    /// A document run for the answering party before it is joined.
    pub fn whisper(self, url: impl Into<String>, method: Method) -> Self {
        Self(whisper(self.0, url, method))
    }

    /// Where this leg's events are reported, and which.
    pub fn status(
        self,
        url: impl Into<String>,
        method: Method,
        events: impl IntoIterator<Item = CallEvent>,
    ) -> Self {
        Self(status(self.0, url, method, events))
    }
}

impl From<&str> for Number {
    fn from(number: &str) -> Self {
        Self::new(number)
    }
}

impl From<String> for Number {
    fn from(number: String) -> Self {
        Self::new(number)
    }
}

impl From<Number> for Element {
    fn from(number: Number) -> Self {
        number.0
    }
}

/// A SIP address to ring.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Sip(Element);

impl Sip {
    /// Rings `uri`, for example `sip:front-desk@example.com`.
    pub fn new(uri: impl Into<String>) -> Self {
        Self(Element::new("Sip").text(uri))
    }

    /// What the SIP server asks for, if it does.
    pub fn credentials(self, username: impl Into<String>, password: impl Into<String>) -> Self {
        Self(self.0.attribute("username", username).attribute("password", password))
    }

    /// A document run for the answering party before it is joined.
    pub fn whisper(self, url: impl Into<String>, method: Method) -> Self {
        Self(whisper(self.0, url, method))
    }

    /// Where this leg's events are reported, and which.
    pub fn status(
        self,
        url: impl Into<String>,
        method: Method,
        events: impl IntoIterator<Item = CallEvent>,
    ) -> Self {
        Self(status(self.0, url, method, events))
    }
}

impl From<&str> for Sip {
    fn from(uri: &str) -> Self {
        Self::new(uri)
    }
}

impl From<String> for Sip {
    fn from(uri: String) -> Self {
        Self::new(uri)
    }
}

impl From<Sip> for Element {
    fn from(sip: Sip) -> Self {
        sip.0
    }
}

fn whisper(target: Element, url: impl Into<String>, method: Method) -> Element {
    target.attribute("url", url).attribute("method", method.wire())
}

fn status(
    target: Element,
    url: impl Into<String>,
    method: Method,
    events: impl IntoIterator<Item = CallEvent>,
) -> Element {
    target
        .attribute("statusCallback", url)
        .attribute("statusCallbackMethod", method.wire())
        .attribute("statusCallbackEvent", CallEvent::list(events))
}
