//! Verbs that record, turn away or redirect.

use crate::Element;
use crate::attributes::{Method, RecordingEvent, Trim, seconds};
use std::time::Duration;

/// Records what the caller says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Record(Element);

impl Default for Record {
    fn default() -> Self {
        Self::new()
    }
}

impl Record {
    /// Beeps, records until five seconds of silence, and posts to the URL of the current document.
    pub fn new() -> Self {
        Self(Element::new("Record"))
    }

    /// Where the recording's URL goes; its answer continues the call.
    pub fn action(self, url: impl Into<String>) -> Self {
        self.with("action", url)
    }

    /// How `action` is called.
    pub fn method(self, method: Method) -> Self {
        self.with("method", method.wire())
    }

    /// How much silence ends the recording, in whole seconds, rounded up.
    pub fn timeout(self, silence: Duration) -> Self {
        self.with("timeout", seconds(silence))
    }

    /// The keys that end the recording; an empty text for none.
    pub fn finish_on_key(self, keys: impl Into<String>) -> Self {
        self.with("finishOnKey", keys)
    }

    /// The longest recording, in whole seconds, rounded up.
    pub fn max_length(self, length: Duration) -> Self {
        self.with("maxLength", seconds(length))
    }

    /// Whether the caller hears a beep first.
    pub fn play_beep(self, beep: bool) -> Self {
        self.with("playBeep", beep.to_string())
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

impl From<Record> for Element {
    fn from(record: Record) -> Self {
        record.0
    }
}

/// How a call is turned down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rejection {
    /// The caller hears a busy tone.
    Busy,
    /// The caller hears that the number is not in service; Twilio's default.
    Rejected,
}

impl From<Rejection> for Element {
    fn from(rejection: Rejection) -> Self {
        Element::new("Reject").attribute(
            "reason",
            match rejection {
                Rejection::Busy => "busy",
                Rejection::Rejected => "rejected",
            },
        )
    }
}

/// Goes on with the document at another URL.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Redirect(Element);

impl Redirect {
    /// Goes on at `url`, absolute or relative to the current document's.
    pub fn new(url: impl Into<String>) -> Self {
        Self(Element::new("Redirect").text(url))
    }

    /// How the URL is called.
    pub fn method(self, method: Method) -> Self {
        Self(self.0.attribute("method", method.wire()))
    }
}

impl From<&str> for Redirect {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Redirect {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<Redirect> for Element {
    fn from(redirect: Redirect) -> Self {
        redirect.0
    }
}
