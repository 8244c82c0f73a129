//! What each TwiML verb does to the line.

use std::time::Duration;

use audio::g711::{ULAW_SILENCE, ulaw_encode};
use uuid::Uuid;

use super::call::{Next, Run};
use super::line::{Event, Line};
use super::media::{self, Opening, Over};
use super::shared::End;
use super::twiml::{Stream, Verb};
use crate::voice::{Decoder, Speaker, speak};

/// The tone before a recording.
const BEEP: Duration = Duration::from_millis(500);
const BEEP_FREQUENCY: f32 = 1_000.0;
const BEEP_AMPLITUDE: f32 = 8_000.0;

/// The pause after a text, in samples: 200 ms.
const AFTER_SPEECH: usize = 1_600;

/// Why a verb stopped before its end.
enum Stop {
    Next(Next),
    Key(char),
}

impl Run {
    /// Does what a verb says.
    pub(super) async fn perform(&mut self, verb: Verb) -> Next {
        match verb {
            Verb::Say(text) => {
                self.line.playback.add_audio(&speak(Speaker::Middle, &text).mulaw());
                self.line.playback.add_audio(&[ULAW_SILENCE; AFTER_SPEECH]);
                self.play_out().await
            }
            Verb::Pause(length) => self.wait(length).await,
            Verb::Connect(stream) => self.connect(&stream).await,
            Verb::Redirect(url) => Next::Fetch(url, Vec::new()),
            Verb::Hangup => Next::End(End::PlatformHungUp),
            Verb::Reject(_) => {
                self.shared.problem("<Reject> after another verb: the call was answered already");
                Next::End(End::PlatformHungUp)
            }
            Verb::Dial { to, action } => {
                self.shared.change(|state| state.dialled = Some(to));
                self.bridge(action).await
            }
            Verb::Record { action, max_length, timeout, play_beep } => {
                if play_beep {
                    self.line.playback.add_audio(&beep());
                    if let Some(next) = interrupted(self.play_out().await) {
                        return next;
                    }
                }
                self.record(action, max_length, timeout).await
            }
            Verb::Other(name) => {
                self.shared.problem(format!("<{name}> is not simulated; the document goes on"));
                Next::Verb
            }
        }
    }

    async fn connect(&mut self, stream: &Stream) -> Next {
        let first = self.shared.lock().streams == 0;
        let opening =
            Opening { config: &self.desk.config, call_sid: &self.sid, stream, faults: &self.faults, first };
        match media::run(opening, &mut self.line).await {
            Over::Closed => Next::Verb,
            Over::HungUp => Next::End(End::CallerHungUp),
            Over::Completed => Next::End(End::PlatformHungUp),
            Over::Run(instructions) => instructions.into(),
        }
    }

    /// Lets the line run until what was put into it has been heard.
    async fn play_out(&mut self) -> Next {
        while self.line.playback.waiting() > 0 {
            if let Some(Stop::Next(next)) = one_event(&mut self.line).await {
                return next;
            }
        }
        Next::Verb
    }

    async fn wait(&mut self, length: Duration) -> Next {
        let until = self.line.now() + length;
        while self.line.now() < until {
            if let Some(Stop::Next(next)) = one_event(&mut self.line).await {
                return next;
            }
        }
        Next::Verb
    }

    /// The other side answers and says nothing, until someone ends the call.
    async fn bridge(&mut self, action: Option<String>) -> Next {
        loop {
            match one_event(&mut self.line).await {
                Some(Stop::Next(Next::End(End::CallerHungUp))) if action.is_some() => {
                    self.tell_action(action, &[("DialCallStatus", "completed".into())]).await;
                    return Next::End(End::CallerHungUp);
                }
                Some(Stop::Next(next)) => return next,
                Some(Stop::Key(_)) | None => {}
            }
        }
    }

    async fn record(&mut self, action: Option<String>, max_length: Duration, timeout: Duration) -> Next {
        let began = self.line.now();
        let mut listener = Decoder::new();
        let mut last_voice = began;
        let (ended, digits) = loop {
            let length = self.line.now() - began;
            if length >= max_length || self.line.now() - last_voice >= timeout {
                break (None, String::new());
            }
            match one_event(&mut self.line).await {
                Some(Stop::Next(next)) => break (Some(next), "hangup".to_owned()),
                Some(Stop::Key(key)) => break (None, key.to_string()),
                None => {}
            }
            if !listener.push(&self.line.last_sent).is_empty() || listener.in_word() {
                last_voice = self.line.now();
            }
        };
        let sid = format!("RE{}", Uuid::new_v4().simple());
        let url = format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Recordings/{sid}",
            self.desk.config.account_sid
        );
        let seconds = (self.line.now() - began).as_secs().to_string();
        let more = [
            ("RecordingSid", sid),
            ("RecordingUrl", url),
            ("RecordingDuration", seconds),
            ("Digits", digits),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        // Without an action the document that recorded is asked again.
        let action = action.unwrap_or_else(|| self.at.to_string());
        match ended {
            Some(Next::End(end)) => {
                self.tell_action(
                    Some(action),
                    &more.each_ref().map(|(name, value)| (name.as_str(), value.clone())),
                )
                .await;
                Next::End(end)
            }
            Some(next) => next,
            None => Next::Fetch(action, more.to_vec()),
        }
    }

    /// Tells the platform how a verb ended when nothing it answers can matter any more.
    async fn tell_action(&self, action: Option<String>, more: &[(&str, String)]) {
        let Some(Ok(url)) = action.map(|action| self.at.join(&action)) else { return };
        let mut form = self.fields();
        form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if let Err(error) = self.desk.post(&url, &form).await {
            self.shared.problem(error.to_string());
        }
    }
}

/// One event of the line outside a media stream.
async fn one_event(line: &mut Line) -> Option<Stop> {
    match line.event().await {
        Event::Step => {
            line.step();
            None
        }
        Event::Key(key) => Some(Stop::Key(key)),
        Event::HangUp => Some(Stop::Next(Next::End(End::CallerHungUp))),
        Event::Complete => Some(Stop::Next(Next::End(End::PlatformHungUp))),
        Event::Run(instructions) => Some(Stop::Next(instructions.into())),
    }
}

/// What came between, if anything did.
fn interrupted(next: Next) -> Option<Next> {
    match next {
        Next::Verb => None,
        other => Some(other),
    }
}

fn beep() -> Vec<u8> {
    let rate = audio::SAMPLE_RATE as f32;
    let samples = (BEEP.as_secs_f32() * rate) as usize;
    (0..samples)
        .map(|index| {
            let phase = std::f32::consts::TAU * BEEP_FREQUENCY * index as f32 / rate;
            ulaw_encode((phase.sin() * BEEP_AMPLITUDE) as i16)
        })
        .collect()
}
