//! One context: texts that belong to one utterance, spoken in order.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Config;
use super::request::Options;
use crate::vendors::making::{self, Making, Piece};
use crate::voice::{Utterance, speak_at};

/// Where text is not spoken at once, this much of it is awaited: the first step of the service's schedule.
const FIRST_SCHEDULED: usize = 120;

/// A character, from one sample of its text to another.
#[derive(Clone, Debug)]
struct Letter {
    character: char,
    start: usize,
    end: usize,
}

/// Utterance of one `context_id`.
#[derive(Debug)]
pub(super) struct Context {
    id: String,
    buffer: String,
    queue: VecDeque<String>,
    making: Option<Making<Letter>>,
    /// The characters of what is being made, where they are told all at once.
    told_at_once: Vec<Letter>,
    next_at: Instant,
    closing: bool,
    /// When the client last wrote of it.
    touched: Instant,
}

impl Context {
    pub(super) fn new(id: &str) -> Self {
        let now = Instant::now();
        Self {
            id: id.to_owned(),
            buffer: String::new(),
            queue: VecDeque::new(),
            making: None,
            told_at_once: Vec::new(),
            next_at: now,
            closing: false,
            touched: now,
        }
    }

    /// Takes more text. An empty one only shows that the client is there.
    pub(super) fn add(&mut self, text: &str, flush: bool, options: &Options, config: &Config) {
        let idle = self.is_idle();
        self.touched = Instant::now();
        self.buffer.push_str(text);
        if flush || options.auto_mode || self.buffer.len() >= FIRST_SCHEDULED {
            let text = std::mem::take(&mut self.buffer);
            if !text.trim().is_empty() {
                self.queue.push_back(text);
            }
        }
        if idle {
            self.next_at = self.next_at.max(self.touched + config.first_byte);
        }
        self.closing = false;
    }

    /// Closes it: what was flushed goes on to its end, anything else is dropped.
    pub(super) fn close(&mut self, flushed: bool) {
        self.buffer.clear();
        if !flushed {
            self.queue.clear();
            self.making = None;
        }
        self.closing = true;
    }

    /// When it next has something to do.
    pub(super) fn due(&self, options: &Options) -> Instant {
        if !self.is_idle() {
            self.next_at
        } else if self.closing {
            self.touched
        } else {
            self.touched + options.inactivity
        }
    }

    /// Does what is due; the message to send, if any, and whether the context is over.
    pub(super) fn advance(&mut self, options: &Options, config: &Config) -> (Vec<Value>, bool) {
        let now = Instant::now();
        let mut messages = Vec::new();
        if !self.is_idle() && self.next_at <= now {
            messages.extend(self.make(options, config));
        }
        let forgotten = now >= self.touched + options.inactivity;
        let over = self.is_idle() && (self.closing || forgotten);
        if over {
            messages.push(json!({ "isFinal": true, "contextId": self.id }));
        }
        (messages, over)
    }

    fn is_idle(&self) -> bool {
        self.making.is_none() && self.queue.is_empty()
    }

    /// The next piece, or the first of the next text.
    fn make(&mut self, options: &Options, config: &Config) -> Option<Value> {
        while self.making.is_none() {
            let text = self.queue.pop_front()?;
            let said = speak_at(making::speaker(&options.voice), &text, options.factor());
            let letters = spell(&said);
            if !options.sync_alignment {
                self.told_at_once.clone_from(&letters);
            }
            self.making =
                Making::begin(said.samples, letters.into_iter().map(|letter| (letter.start, letter)));
        }
        let making = self.making.as_mut()?;
        let mut piece = making.next(options.sample_rate);
        if making.is_over() {
            self.making = None;
        }
        if !options.sync_alignment {
            piece.marks = std::mem::take(&mut self.told_at_once);
        }
        let length = Duration::from_secs_f64(piece.samples.len() as f64 / f64::from(options.sample_rate));
        self.next_at += length / config.speed.max(1);
        Some(self.message(&piece, options))
    }

    fn message(&self, piece: &Piece<Letter>, options: &Options) -> Value {
        let ms = |samples: usize| samples * 1_000 / options.sample_rate.max(1) as usize;
        let alignment = match piece.marks.as_slice() {
            [] => Value::Null,
            letters => json!({
                "chars": letters.iter().map(|l| l.character.to_string()).collect::<Vec<_>>(),
                "charStartTimesMs":
                    letters.iter().map(|l| ms(l.start.saturating_sub(piece.from))).collect::<Vec<_>>(),
                "charDurationsMs": letters.iter().map(|l| ms(l.end - l.start)).collect::<Vec<_>>(),
            }),
        };
        json!({
            "audio": STANDARD.encode(making::encode(&piece.samples, options.mulaw)),
            "isFinal": null,
            "alignment": alignment,
            "normalizedAlignment": alignment,
            "contextId": self.id,
        })
    }
}

/// The characters of something said: those of a word share its time, and a space follows each word.
fn spell(said: &Utterance) -> Vec<Letter> {
    let last = said.samples.len().saturating_sub(1);
    let mut letters = Vec::new();
    for word in &said.words {
        let count = word.text.chars().count().max(1);
        let at = |index: usize| word.start + (word.end - word.start) * index / count;
        letters.extend(word.text.chars().enumerate().map(|(index, character)| Letter {
            character,
            start: at(index),
            end: at(index + 1),
        }));
        letters.push(Letter { character: ' ', start: word.end.min(last), end: word.end });
    }
    letters
}
