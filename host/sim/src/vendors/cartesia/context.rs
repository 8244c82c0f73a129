//! One context: texts that belong to one utterance, spoken in order.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Config;
use super::request::{Settings, Speak};
use crate::vendors::making::Making;
use crate::voice::{Span, speak_at};

/// A context lives this long after its last audio.
const EXPIRES_AFTER: Duration = Duration::from_secs(1);

/// What waits to be made in a context.
#[derive(Debug)]
enum Work {
    Text(String),
    Flushed,
}

/// Utterance of one `context_id`.
#[derive(Debug)]
pub(super) struct Context {
    id: String,
    settings: Settings,
    /// Text that waits for more.
    buffer: String,
    buffered_until: Option<Instant>,
    queue: VecDeque<Work>,
    making: Option<Making<Span>>,
    next_at: Instant,
    /// No more text will come.
    closing: bool,
    flush_id: u64,
    /// Samples made before the text that is being made.
    before: usize,
    last_audio: Instant,
}

impl Context {
    pub(super) fn new(speak: &Speak) -> Self {
        let now = Instant::now();
        Self {
            id: speak.context_id.clone(),
            settings: speak.settings(),
            buffer: String::new(),
            buffered_until: None,
            queue: VecDeque::new(),
            making: None,
            next_at: now,
            closing: false,
            flush_id: 0,
            before: 0,
            last_audio: now,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Takes one request's text.
    pub(super) fn add(&mut self, speak: &Speak, config: &Config) {
        let idle = self.is_idle();
        self.buffer.push_str(&speak.transcript);
        if !speak.transcript.is_empty() && self.buffered_until.is_none() {
            self.buffered_until = Some(Instant::now() + speak.buffer_delay());
        }
        if !speak.more || speak.flush || ends_a_sentence(&self.buffer) {
            self.release();
        }
        if speak.flush {
            self.queue.push_back(Work::Flushed);
        }
        self.closing |= !speak.more;
        if idle {
            self.next_at = self.next_at.max(Instant::now() + config.first_byte);
        }
    }

    /// Drops what has not begun; what is being made goes on to its end, as at the real service.
    pub(super) fn cancel(&mut self) {
        self.queue.clear();
        self.buffer.clear();
        self.buffered_until = None;
        self.closing = true;
    }

    /// When this context next has something to do.
    pub(super) fn due(&self) -> Instant {
        let work =
            (self.making.is_some() || !self.queue.is_empty() || self.is_done()).then_some(self.next_at);
        let expiry = (!self.is_done()).then_some(self.last_audio.max(self.next_at) + EXPIRES_AFTER);
        [work, self.buffered_until, if self.is_idle() { expiry } else { None }]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.next_at + EXPIRES_AFTER)
    }

    /// Does what is due; the messages to send, and whether the context is over.
    pub(super) fn advance(&mut self, config: &Config) -> (Vec<Value>, bool) {
        let now = Instant::now();
        if self.buffered_until.is_some_and(|until| until <= now) {
            let idle = self.making.is_none() && self.queue.is_empty();
            self.release();
            if idle {
                self.next_at = now + config.first_byte;
            }
        }
        let mut messages = Vec::new();
        if self.next_at <= now {
            self.make(config, &mut messages);
        }
        let expired = self.is_idle() && now >= self.last_audio.max(self.next_at) + EXPIRES_AFTER;
        let over = self.is_done() || expired;
        if over {
            messages.push(json!({ "type": "done", "done": true, "status_code": 200, "context_id": self.id }));
        }
        (messages, over)
    }

    fn is_idle(&self) -> bool {
        self.making.is_none() && self.queue.is_empty() && self.buffer.is_empty()
    }

    fn is_done(&self) -> bool {
        self.closing && self.is_idle()
    }

    fn release(&mut self) {
        self.buffered_until = None;
        let text = std::mem::take(&mut self.buffer);
        if !text.trim().is_empty() {
            self.queue.push_back(Work::Text(text));
        }
    }

    /// Sends the next chunk, or begins the next text.
    fn make(&mut self, config: &Config, messages: &mut Vec<Value>) {
        while self.making.is_none() {
            match self.queue.pop_front() {
                None => return,
                Some(Work::Flushed) => {
                    messages.push(json!({
                        "type": "flush_done", "flush_done": true, "done": false, "status_code": 206,
                        "flush_id": self.flush_id, "context_id": self.id,
                    }));
                    self.flush_id += 1;
                }
                Some(Work::Text(text)) => {
                    let said = speak_at(self.settings.speaker(), &text, self.settings.factor());
                    let words = said.words.into_iter().map(|word| (word.start, word));
                    self.making = Making::begin(said.samples, words);
                }
            }
        }
        let Some(making) = &mut self.making else { return };
        let piece = making.next(self.settings.sample_rate());
        let (made, over) = (making.made(), making.is_over());
        messages.push(self.chunk(&piece.samples));
        if self.settings.timestamps && !piece.marks.is_empty() {
            messages.push(self.timestamps(&piece.marks));
        }
        if over {
            self.making = None;
            self.before += made;
        }
        let length =
            Duration::from_secs_f64(piece.samples.len() as f64 / f64::from(self.settings.sample_rate()));
        self.last_audio = Instant::now();
        self.next_at += length / config.speed.max(1);
    }

    fn chunk(&self, samples: &[i16]) -> Value {
        json!({
            "type": "chunk",
            "data": STANDARD.encode(self.settings.encode(samples)),
            "done": false,
            "status_code": 206,
            "step_time": 12.5,
            "flush_id": self.flush_id,
            "context_id": self.id,
        })
    }

    fn timestamps(&self, words: &[Span]) -> Value {
        let rate = f64::from(self.settings.sample_rate());
        let seconds = |sample: usize| (self.before + sample) as f64 / rate;
        json!({
            "type": "timestamps",
            "done": false,
            "status_code": 206,
            "flush_id": self.flush_id,
            "context_id": self.id,
            "word_timestamps": {
                "words": words.iter().map(|word| word.text.clone()).collect::<Vec<_>>(),
                "start": words.iter().map(|word| seconds(word.start)).collect::<Vec<_>>(),
                "end": words.iter().map(|word| seconds(word.end)).collect::<Vec<_>>(),
            },
        })
    }
}

/// Whether the text may be spoken without waiting for more.
fn ends_a_sentence(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?'])
}
