//! Listening for keys or speech.

use std::time::Duration;

use super::call::{Moment, Next, Run, moment};
use super::twiml::Gather;
use super::verbs::fields;
use crate::voice::Decoder;

/// How sure the simulated recogniser is of every word.
const CONFIDENCE: &str = "0.9";

/// What came.
#[derive(Debug, Default)]
struct Heard {
    keys: String,
    words: Vec<String>,
    finished_on: Option<char>,
}

impl Run {
    pub(super) async fn gather(&mut self, gather: Gather) -> Next {
        for prompt in &gather.prompts {
            let sound = self.prompt(prompt).await;
            if let Some(next) = self.pending.take() {
                return next;
            }
            self.line.playback.add_audio(&sound);
        }
        let heard = match self.listen(&gather).await {
            Ok(heard) => heard,
            Err(next) => return next,
        };
        let is_empty = heard.keys.is_empty() && heard.words.is_empty();
        if is_empty && !gather.action_on_empty_result {
            return Next::Verb;
        }
        let mut more = if heard.words.is_empty() {
            fields([("Digits", heard.keys)])
        } else {
            fields([("SpeechResult", heard.words.join(" ")), ("Confidence", CONFIDENCE.into())])
        };
        if let Some(key) = heard.finished_on {
            more.push(("FinishedOnKey".into(), key.to_string()));
        }
        Next::Fetch(self.action(gather.action, more))
    }

    async fn listen(&mut self, gather: &Gather) -> Result<Heard, Next> {
        let mut heard = Heard::default();
        let mut ear = Decoder::new();
        let mut quiet_since = self.line.now();
        loop {
            match moment(&mut self.line).await {
                Moment::Over(next) => return Err(next),
                Moment::Key(key) if gather.keys => {
                    self.line.playback.clear();
                    quiet_since = self.line.now();
                    if gather.finish_on_key == Some(key) {
                        heard.finished_on = Some(key);
                        return Ok(heard);
                    }
                    heard.keys.push(key);
                    if gather.most_keys.is_some_and(|most| heard.keys.len() >= most) {
                        return Ok(heard);
                    }
                }
                Moment::Key(_) => {}
                Moment::Step(frame) => {
                    // A key's tones are no speech.
                    if gather.speech && heard.keys.is_empty() {
                        let words = ear.push(&frame.sent);
                        if !words.is_empty() || ear.in_word() {
                            self.line.playback.clear();
                            quiet_since = self.line.now();
                        }
                        heard.words.extend(words.into_iter().map(|word| word.text));
                    }
                    if self.line.playback.waiting() > 0 {
                        quiet_since = self.line.now();
                    }
                }
            }
            if self.line.now() - quiet_since >= patience(gather, &heard) {
                return Ok(heard);
            }
        }
    }
}

fn patience(gather: &Gather, heard: &Heard) -> Duration {
    if heard.words.is_empty() { gather.timeout } else { gather.speech_timeout }
}
