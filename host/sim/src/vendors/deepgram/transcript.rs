//! From words heard to results: when they are interim, final, and the end of speech. All times are the audio's.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::intake::Intake;
use super::query::Options;
use super::session::{Engine, NORMAL};
use crate::voice::{DAMAGED, Decoder, Heard, SAMPLE_RATE};

/// After this much audio without an end of speech, what is there becomes final.
const LONGEST_SEGMENT: Duration = Duration::from_secs(5);

/// How sure the recogniser is of a word that it heard whole, and of one that was damaged.
pub(super) const SURE: f64 = 0.99;
pub(super) const UNSURE: f64 = 0.35;

/// One stream's recognition.
#[derive(Debug)]
pub(super) struct Recognition {
    options: Options,
    request_id: Uuid,
    decoder: Decoder,
    intake: Intake,
    /// The words since the last final result.
    pending: Vec<Heard>,
    /// Where the segment that the next result covers begins, in samples.
    segment: u64,
    speaking: bool,
    /// Whether words were said since the last end of speech.
    unended: bool,
    last_word_end: Option<u64>,
}

impl Recognition {
    pub(super) fn new(options: Options, request_id: Uuid) -> Self {
        let intake = Intake::new(options.encoding);
        Self {
            options,
            request_id,
            decoder: Decoder::new(),
            intake,
            pending: Vec::new(),
            segment: 0,
            speaking: false,
            unended: false,
            last_word_end: None,
        }
    }

    /// Makes everything heard so far final.
    fn finalize(&mut self, from_finalize: bool) -> Option<Value> {
        let anything = !self.pending.is_empty() || self.decoder.position() > self.segment;
        anything.then(|| self.close_segment(Finality { speech_final: true, from_finalize }))
    }

    fn notice(&mut self, heard: Vec<Heard>, messages: &mut Vec<Value>) {
        let speaking = self.decoder.in_word();
        if speaking && !self.speaking && self.options.vad_events && !self.unended {
            messages.push(json!({
                "type": "SpeechStarted",
                "channel": [0, 1],
                "timestamp": seconds(self.decoder.position()),
            }));
        }
        self.speaking = speaking;
        if !heard.is_empty() {
            self.unended = true;
            self.last_word_end = heard.last().map(|word| word.end);
            self.pending.extend(heard);
            if self.options.interim_results {
                messages.push(self.result(false, Finality::default()));
            }
        }
        self.end_segment(messages);
        self.end_utterance(messages);
    }

    fn end_segment(&mut self, messages: &mut Vec<Value>) {
        let position = self.decoder.position();
        let quiet = position.saturating_sub(self.decoder.last_voice().max(self.segment));
        let endpoint = self.options.endpointing.is_some_and(|after| duration(quiet) >= after);
        let ended = !self.pending.is_empty() && !self.speaking && endpoint;
        let long = !self.speaking && duration(position - self.segment) >= LONGEST_SEGMENT;
        if ended || long {
            messages.push(self.close_segment(Finality { speech_final: ended, from_finalize: false }));
        }
    }

    fn end_utterance(&mut self, messages: &mut Vec<Value>) {
        let Some(end) = self.last_word_end.filter(|_| self.unended && !self.speaking) else { return };
        let quiet = duration(self.decoder.position().saturating_sub(end));
        match self.options.utterance_end {
            None => self.unended = !self.pending.is_empty(),
            Some(after) if quiet >= after => {
                self.unended = false;
                messages.push(
                    json!({ "type": "UtteranceEnd", "channel": [0, 1], "last_word_end": seconds(end) }),
                );
            }
            Some(_) => {}
        }
    }

    fn close_segment(&mut self, finality: Finality) -> Value {
        let result = self.result(true, finality);
        self.pending.clear();
        self.segment = self.decoder.position();
        result
    }

    fn result(&self, is_final: bool, finality: Finality) -> Value {
        let transcript: Vec<String> = self.pending.iter().map(|word| self.written(word)).collect();
        let words: Vec<Value> = self.pending.iter().map(|word| self.word(word)).collect();
        let damaged = self.pending.iter().any(|word| !word.is_intact());
        let confidence = match (words.is_empty(), damaged) {
            (true, _) => 0.0,
            (false, true) => UNSURE,
            (false, false) => SURE,
        };
        json!({
            "type": "Results",
            "channel_index": [0, 1],
            "duration": seconds(self.decoder.position() - self.segment),
            "start": seconds(self.segment),
            "is_final": is_final,
            "speech_final": finality.speech_final,
            "from_finalize": finality.from_finalize,
            "channel": { "alternatives": [{
                "transcript": transcript.join(" "),
                "confidence": confidence,
                "words": words,
            }] },
            "metadata": {
                "request_id": self.request_id.to_string(),
                "model_info": { "name": self.options.model, "version": "simulated", "arch": "harmonic" },
                "model_uuid": Uuid::nil().to_string(),
            },
        })
    }

    fn word(&self, word: &Heard) -> Value {
        let mut value = json!({
            "word": bare(&word.text),
            "start": seconds(word.start),
            "end": seconds(word.end),
            "confidence": if word.is_intact() { SURE } else { UNSURE },
        });
        if self.options.punctuate
            && let Some(fields) = value.as_object_mut()
        {
            fields.insert("punctuated_word".into(), word.text.clone().into());
        }
        value
    }

    fn written(&self, word: &Heard) -> String {
        if self.options.punctuate { word.text.clone() } else { bare(&word.text) }
    }
}

impl Engine for Recognition {
    const IDLE: Duration = Duration::from_secs(10);
    const FAREWELL: Option<u16> = Some(NORMAL);

    fn greet(&mut self) -> Vec<Value> {
        Vec::new()
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

    fn control(&mut self, kind: &str, _message: &Value) -> Option<Vec<Value>> {
        match kind {
            "KeepAlive" => Some(Vec::new()),
            "Finalize" => Some(self.finalize(true).into_iter().collect()),
            _ => None,
        }
    }

    fn complain(&mut self, text: &str) -> Value {
        json!({
            "type": "Error",
            "variant": "SchemaError",
            "description": "Could not deserialize last text message.",
            "message": text,
        })
    }

    fn close(&mut self) -> Vec<Value> {
        let rest = self.decoder.finish();
        self.pending.extend(rest);
        let mut messages: Vec<Value> = self.finalize(false).into_iter().collect();
        messages.push(json!({
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id.to_string(),
            "sha256": "0".repeat(64),
            "created": jiff::Timestamp::now().to_string(),
            "duration": seconds(self.decoder.position()),
            "channels": 1,
        }));
        messages
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Finality {
    speech_final: bool,
    from_finalize: bool,
}

/// A word as the recogniser writes it without punctuation.
fn bare(word: &str) -> String {
    let trimmed =
        word.trim_matches(|character: char| character.is_ascii_punctuation() && character != DAMAGED);
    if trimmed.is_empty() { word.to_lowercase() } else { trimmed.to_lowercase() }
}

pub(super) fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

pub(super) fn duration(samples: u64) -> Duration {
    Duration::from_secs_f64(seconds(samples))
}
