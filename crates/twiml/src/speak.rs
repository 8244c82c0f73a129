//! Verbs that make sound: they stand in a response and inside [`Gather`](crate::Gather).

use crate::Element;
use crate::attributes::seconds;
use std::time::Duration;

/// Speaks a text.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Say(Element);

impl Say {
    /// Speaks `text` once, in the account's default voice.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Element::new("Say").text(text))
    }

    /// The voice by the carrier's name, for example `Polly.Joanna`.
    pub fn voice(self, voice: impl Into<String>) -> Self {
        Self(self.0.attribute("voice", voice))
    }

    /// The language as a BCP 47 tag, for example `es-ES`.
    pub fn language(self, language: impl Into<String>) -> Self {
        Self(self.0.attribute("language", language))
    }

    /// How many times it is said; zero repeats until the call ends.
    pub fn repeat(self, times: u32) -> Self {
        Self(self.0.attribute("loop", times.to_string()))
    }
}

impl From<&str> for Say {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Say {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Say> for Element {
    fn from(say: Say) -> Self {
        say.0
    }
}

/// Plays a recording or keypad tones.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Play(Element);

impl Play {
    /// Plays the audio file at `url` once.
    pub fn new(url: impl Into<String>) -> Self {
        Self(Element::new("Play").text(url))
    }

    /// Sends keypad tones; `w` waits half a second.
    pub fn digits(digits: impl Into<String>) -> Self {
        Self(Element::new("Play").attribute("digits", digits))
    }

    /// How many times it is played; zero repeats until the call ends.
    pub fn repeat(self, times: u32) -> Self {
        Self(self.0.attribute("loop", times.to_string()))
    }
}

impl From<&str> for Play {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Play {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<Play> for Element {
    fn from(play: Play) -> Self {
        play.0
    }
}

/// Waits in silence.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Pause(Element);

impl Pause {
    /// Waits for one second, Twilio's default.
    pub fn new() -> Self {
        Self(Element::new("Pause"))
    }

    /// How long, in whole seconds, rounded up.
    pub fn length(self, length: Duration) -> Self {
        Self(self.0.attribute("length", seconds(length)))
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Duration> for Pause {
    fn from(length: Duration) -> Self {
        Self::new().length(length)
    }
}

impl From<Pause> for Element {
    fn from(pause: Pause) -> Self {
        pause.0
    }
}
