//! A room that several calls join.

use crate::Element;
use crate::attributes::Method;

/// A conference, as the target of a [`crate::Dial`]: whoever dials the same name is in the same room.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Conference(Element);

impl Conference {
    /// The room of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Element::new("Conference").text(name))
    }

    /// Whether it begins when this call enters; until then everybody waits.
    pub fn start_on_enter(self, starts: bool) -> Self {
        self.with("startConferenceOnEnter", starts.to_string())
    }

    /// Whether it ends for everybody when this call leaves.
    pub fn end_on_exit(self, ends: bool) -> Self {
        self.with("endConferenceOnExit", ends.to_string())
    }

    /// Whether a tone says that somebody enters or leaves.
    pub fn beep(self, beeps: bool) -> Self {
        self.with("beep", beeps.to_string())
    }

    /// What those who wait hear; an empty address is silence. Twilio plays music unless told.
    pub fn wait_url(self, url: impl Into<String>, method: Method) -> Self {
        self.with("waitUrl", url).with("waitMethod", method.wire())
    }

    /// How many calls may be in it.
    pub fn max_participants(self, calls: u32) -> Self {
        self.with("maxParticipants", calls.to_string())
    }

    /// Where its events are reported, and which: `start`, `end`, `join`, `leave` and others, separated by spaces.
    pub fn status(self, url: impl Into<String>, method: Method, events: impl Into<String>) -> Self {
        self.with("statusCallback", url)
            .with("statusCallbackMethod", method.wire())
            .with("statusCallbackEvent", events)
    }

    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        Self(self.0.attribute(name, value))
    }
}

impl From<&str> for Conference {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<Conference> for Element {
    fn from(conference: Conference) -> Self {
        conference.0
    }
}
