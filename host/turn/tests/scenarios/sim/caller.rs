//! The caller: what is said, and how it comes as frames of audio.

use turn::{CallTime, CallerFrame, Input};

use super::{Event, FRAME, Sim, secs};

/// What the caller does, in order of time.
#[derive(Clone, Debug)]
pub struct Utterance {
    pub from: CallTime,
    pub to: CallTime,
    /// What the recogniser makes of it; `None`: nothing at all.
    pub text: Option<String>,
}

impl Sim {
    /// The caller says `text`.
    pub fn says(&mut self, from: f64, to: f64, text: &str) -> &mut Self {
        self.utterances.push(Utterance { from: secs(from), to: secs(to), text: Some(text.into()) });
        self
    }

    /// The caller makes sounds of which the recogniser says nothing.
    pub fn voice(&mut self, from: f64, to: f64) -> &mut Self {
        self.utterances.push(Utterance { from: secs(from), to: secs(to), text: None });
        self
    }

    pub(super) fn frame(&mut self) {
        let start = self.now - FRAME;
        let voiced = self.utterances.iter().any(|said| said.from <= start && start < said.to);
        let speech = if voiced { 0.95 } else { 0.02 };
        let level = if voiced { 0.1 } else { 0.0005 };
        self.call.handle_input(self.now, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
        if self.now < self.frames_until {
            self.push(self.now + FRAME, Event::Frame);
        }
    }
}
