//! From words heard to turns: when one begins, seems to end, and ends. All times are the audio's.
//!
//! The real model weighs what is said and how. This one knows silence and punctuation: after a finished sentence it is
//! sure soon, in the middle of one it waits.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::options::{Options, Thresholds};
use crate::vendors::deepgram::intake::Intake;
use crate::vendors::deepgram::session::Engine;
use crate::vendors::deepgram::transcript::{SURE, UNSURE, duration, seconds};
use crate::voice::{Decoder, Heard};

/// Between updates where nothing happens.
const UPDATE: Duration = Duration::from_millis(250);

/// Silence after which it is fully sure that a turn is over: after a sentence, and in the middle of one.
const AFTER_SENTENCE: Duration = Duration::from_millis(400);
const AFTER_WORD: Duration = Duration::from_millis(1_500);

/// It is never quite sure: a threshold of 1 leaves the end of turns to the client.
const SUREST: f64 = 0.95;

/// One stream's turns.
#[derive(Debug)]
pub(in crate::vendors::deepgram) struct Turns {
    thresholds: Thresholds,
    hints: Option<Vec<String>>,
    request_id: Uuid,
    decoder: Decoder,
    intake: Intake,
    sequence: u64,
    turn: u64,
    /// The words of the turn.
    words: Vec<Heard>,
    state: State,
    /// Where the turn's audio begins, in samples: where the last one ended.
    began: u64,
    /// Where the last message was sent.
    told: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Quiet,
    Speaking,
    /// An eager end was told.
    Ending,
}

impl Turns {
    pub(in crate::vendors::deepgram) fn new(options: Options, request_id: Uuid) -> Self {
        Self {
            intake: Intake::new(options.encoding),
            thresholds: options.thresholds,
            hints: options.hints,
            request_id,
            decoder: Decoder::new(),
            sequence: 0,
            turn: 0,
            words: Vec::new(),
            state: State::Quiet,
            began: 0,
            told: 0,
        }
    }

    fn notice(&mut self, heard: Vec<Heard>, messages: &mut Vec<Value>) {
        let voice = self.decoder.in_word() || !heard.is_empty();
        self.words.extend(heard);
        match self.state {
            State::Quiet if voice => {
                self.state = State::Speaking;
                messages.push(self.tell("StartOfTurn", None));
            }
            State::Ending if voice => {
                self.state = State::Speaking;
                messages.push(self.tell("TurnResumed", None));
            }
            State::Speaking | State::Ending => self.consider(messages),
            State::Quiet => {}
        }
        if duration(self.decoder.position().saturating_sub(self.told)) >= UPDATE {
            messages.push(self.tell("Update", None));
        }
    }

    /// Whether the turn is over, or seems to be.
    fn consider(&mut self, messages: &mut Vec<Value>) {
        let confidence = self.confidence();
        if self.state == State::Speaking
            && !self.words.is_empty()
            && self.thresholds.eager.is_some_and(|eager| confidence >= eager)
        {
            self.state = State::Ending;
            messages.push(self.tell("EagerEndOfTurn", None));
        }
        if confidence >= self.thresholds.end {
            messages.push(self.end("model"));
        } else if self.silence() >= self.thresholds.timeout {
            messages.push(self.end("timeout"));
        }
    }

    fn end(&mut self, trigger: &str) -> Value {
        let message = self.tell("EndOfTurn", Some(trigger));
        self.turn += 1;
        self.words.clear();
        self.state = State::Quiet;
        self.began = self.decoder.position();
        message
    }

    /// How long nobody has spoken.
    fn silence(&self) -> Duration {
        if self.decoder.in_word() {
            return Duration::ZERO;
        }
        duration(self.decoder.position().saturating_sub(self.decoder.last_voice().max(self.began)))
    }

    /// How sure it is that the turn is over.
    fn confidence(&self) -> f64 {
        let Some(last) = self.words.last() else { return 0.0 };
        let sure_after = if last.text.ends_with(['.', '?', '!']) { AFTER_SENTENCE } else { AFTER_WORD };
        (self.silence().as_secs_f64() / sure_after.as_secs_f64()).min(SUREST)
    }

    fn tell(&mut self, event: &str, trigger: Option<&str>) -> Value {
        self.told = self.decoder.position();
        let sequence = self.next_sequence();
        let transcript: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        let words: Vec<Value> = self.words.iter().map(word).collect();
        let mut message = json!({
            "type": "TurnInfo",
            "request_id": self.request_id.to_string(),
            "sequence_id": sequence,
            "event": event,
            "turn_index": self.turn,
            "audio_window_start": seconds(self.began),
            "audio_window_end": seconds(self.decoder.position()),
            "transcript": transcript.join(" "),
            "words": words,
            "end_of_turn_confidence": self.confidence(),
        });
        if let Some(fields) = message.as_object_mut() {
            if let Some(trigger) = trigger {
                fields.insert("trigger".into(), trigger.into());
            }
            if let Some(hints) = &self.hints {
                // The simulated voice has no language of its own.
                let spoken = hints.first().map_or("en", String::as_str);
                fields.insert("languages".into(), json!([spoken]));
                fields.insert("languages_hinted".into(), json!(hints));
            }
        }
        message
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    fn configure(&mut self, message: &Value) -> Value {
        let none = Value::Null;
        let changed = self.thresholds.changed(message.get("thresholds").unwrap_or(&none));
        let (request_id, sequence_id) = (self.request_id.to_string(), self.next_sequence());
        match changed {
            Ok(thresholds) => {
                self.thresholds = thresholds;
                json!({
                    "type": "ConfigureSuccess", "request_id": request_id, "sequence_id": sequence_id,
                    "thresholds": self.thresholds.json(),
                    "keyterms": message.get("keyterms").cloned().unwrap_or_else(|| json!([])),
                })
            }
            Err(description) => json!({
                "type": "ConfigureFailure", "request_id": request_id, "sequence_id": sequence_id,
                "error_code": "INVALID_THRESHOLDS", "description": description,
            }),
        }
    }
}

impl Engine for Turns {
    // The vendor names no figure; clients report streams lost after 20 to 30 s.
    const IDLE: Duration = Duration::from_secs(20);
    const FAREWELL: Option<u16> = None;

    fn greet(&mut self) -> Vec<Value> {
        vec![json!({ "type": "Connected", "request_id": self.request_id.to_string(), "sequence_id": 0 })]
    }

    fn hear(&mut self, audio: &[u8]) -> (Vec<Value>, usize) {
        let mulaw = self.intake.take(audio);
        let mut messages = Vec::new();
        let mut words = 0;
        // In steps of 10 ms, so that the result does not depend on how the client cuts its audio.
        for piece in mulaw.chunks(80) {
            let heard = self.decoder.push(piece);
            words += heard.len();
            self.notice(heard, &mut messages);
        }
        (messages, words)
    }

    fn control(&mut self, kind: &str, message: &Value) -> Option<Vec<Value>> {
        match kind {
            "ForceEndTurn" if self.state == State::Quiet => Some(Vec::new()),
            "ForceEndTurn" => Some(vec![self.end("manual")]),
            "Configure" => Some(vec![self.configure(message)]),
            _ => None,
        }
    }

    fn complain(&mut self, _text: &str) -> Value {
        json!({
            "type": "Error",
            "sequence_id": self.next_sequence(),
            "code": "UNPARSABLE_CLIENT_MESSAGE",
            "description": "The message is not one of this protocol.",
        })
    }

    /// The turn is not ended: the last message is an update.
    fn close(&mut self) -> Vec<Value> {
        // The decoder is given silence to finish, which is not the client's.
        let end = seconds(self.decoder.position());
        let rest = self.decoder.finish();
        self.words.extend(rest);
        let mut last = self.tell("Update", None);
        if let Some(fields) = last.as_object_mut() {
            fields.insert("audio_window_end".into(), end.into());
        }
        vec![last]
    }
}

fn word(word: &Heard) -> Value {
    json!({
        "word": word.text,
        "confidence": if word.is_intact() { SURE } else { UNSURE },
        "start": seconds(word.start),
        "end": seconds(word.end),
    })
}
