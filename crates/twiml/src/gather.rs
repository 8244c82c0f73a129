//! Listening for keys or speech.

use crate::attributes::{Method, seconds};
use crate::{Element, Pause, Play, Say};
use std::time::Duration;

/// What a gather listens for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// Keys; Twilio's default.
    Keys,
    /// Keys or speech, whichever comes first.
    KeysOrSpeech,
    /// Speech.
    Speech,
}

/// When speech counts as finished.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpeechTimeout {
    /// After this much silence, in whole seconds, rounded up.
    After(Duration),
    /// When the carrier hears the sentence end.
    Auto,
}

/// Listens for keys or speech, while it speaks what is inside it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Gather(Element);

impl Default for Gather {
    fn default() -> Self {
        Self::new()
    }
}

impl Gather {
    /// Listens for keys and posts them to the URL of the current document.
    pub fn new() -> Self {
        Self(Element::new("Gather"))
    }

    /// What to listen for.
    pub fn input(self, input: Input) -> Self {
        self.with(
            "input",
            match input {
                Input::Keys => "dtmf",
                Input::KeysOrSpeech => "dtmf speech",
                Input::Speech => "speech",
            },
        )
    }

    /// Where the result goes; its answer continues the call.
    pub fn action(self, url: impl Into<String>) -> Self {
        self.with("action", url)
    }

    /// How `action` is called.
    pub fn method(self, method: Method) -> Self {
        self.with("method", method.wire())
    }

    /// How long to wait for the first or next input, in whole seconds, rounded up.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with("timeout", seconds(timeout))
    }

    /// When speech counts as finished.
    pub fn speech_timeout(self, timeout: SpeechTimeout) -> Self {
        self.with(
            "speechTimeout",
            match timeout {
                SpeechTimeout::After(silence) => seconds(silence),
                SpeechTimeout::Auto => "auto".to_owned(),
            },
        )
    }

    /// The longest speech taken, in whole seconds, rounded up.
    pub fn max_speech_time(self, time: Duration) -> Self {
        self.with("maxSpeechTime", seconds(time))
    }

    /// The key that ends the input; an empty text for none.
    pub fn finish_on_key(self, key: impl Into<String>) -> Self {
        self.with("finishOnKey", key)
    }

    /// How many keys end the input.
    pub fn digits(self, count: u16) -> Self {
        self.with("numDigits", count.to_string())
    }

    /// The language of the speech as a BCP 47 tag.
    pub fn language(self, language: impl Into<String>) -> Self {
        self.with("language", language)
    }

    /// Words that the caller is likely to say, comma separated.
    pub fn hints(self, hints: impl Into<String>) -> Self {
        self.with("hints", hints)
    }

    /// The recogniser's model by the carrier's name, for example `phone_call`.
    pub fn speech_model(self, model: impl Into<String>) -> Self {
        self.with("speechModel", model)
    }

    /// Whether swear words are starred out.
    pub fn profanity_filter(self, filtered: bool) -> Self {
        self.with("profanityFilter", filtered.to_string())
    }

    /// Whether speech stops what is being played.
    pub fn barge_in(self, interrupts: bool) -> Self {
        self.with("bargeIn", interrupts.to_string())
    }

    /// Whether `action` is called even when nothing came.
    pub fn action_on_empty_result(self, called: bool) -> Self {
        self.with("actionOnEmptyResult", called.to_string())
    }

    /// Where speech is reported while it is still going on.
    pub fn partial_results(self, url: impl Into<String>, method: Method) -> Self {
        self.with("partialResultCallback", url).with("partialResultCallbackMethod", method.wire())
    }

    /// Speaks while listening.
    pub fn say(self, say: impl Into<Say>) -> Self {
        Self(self.0.child(say.into()))
    }

    /// Plays while listening.
    pub fn play(self, play: impl Into<Play>) -> Self {
        Self(self.0.child(play.into()))
    }

    /// Is silent while listening.
    pub fn pause(self, pause: impl Into<Pause>) -> Self {
        Self(self.0.child(pause.into()))
    }

    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        Self(self.0.attribute(name, value))
    }
}

impl From<Gather> for Element {
    fn from(gather: Gather) -> Self {
        gather.0
    }
}
