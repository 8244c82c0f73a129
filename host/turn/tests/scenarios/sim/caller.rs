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
    /// The probability that it is speech, 0 to 1.
    pub speech: f32,
    /// Its root mean square, 0 to 1 of full scale.
    pub level: f32,
}

impl Utterance {
    /// Clear speech, as loud as speech is on the telephone.
    pub fn new(from: CallTime, to: CallTime, text: Option<String>) -> Self {
        Self { from, to, text, speech: 0.95, level: 0.1 }
    }
}

impl Sim {
    /// The caller says `text`.
    pub fn says(&mut self, from: f64, to: f64, text: &str) -> &mut Self {
        self.utterances.push(Utterance::new(secs(from), secs(to), Some(text.into())));
        self
    }

    /// The caller makes sounds of which the recogniser says nothing.
    pub fn voice(&mut self, from: f64, to: f64) -> &mut Self {
        self.utterances.push(Utterance::new(secs(from), secs(to), None));
        self
    }

    pub(super) fn frame(&mut self) {
        let start = self.now - FRAME;
        let heard = self.utterances.iter().find(|said| said.from <= start && start < said.to);
        let (mut speech, mut level) = heard.map_or((0.02, 0.0005), |said| (said.speech, said.level));
        let echo = self.echo_at(start);
        if echo > level {
            // It is a voice, and only its level tells whose.
            (speech, level) = (0.95, echo);
        }
        self.call.handle_input(self.now, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
        if self.now < self.frames_until {
            self.push(self.now + FRAME, Event::Frame);
        }
    }
}
