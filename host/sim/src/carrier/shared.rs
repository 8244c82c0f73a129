//! What is known of a call, for its caller and for the REST interface.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::recordings::Recording;
use crate::voice::{Ending, Heard, SAMPLE_RATE};

/// A word that the caller heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardWord {
    /// The word; characters that were damaged are `~`.
    pub text: String,
    /// When it began, from the answer.
    pub start: Duration,
    /// When it ended.
    pub end: Duration,
    /// How it ended.
    pub ending: Ending,
}

/// Something that the caller said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The words.
    pub text: String,
    /// When it began, from the answer.
    pub start: Duration,
    /// When its last sound was sent.
    pub end: Duration,
}

/// How a call ended. The caller is the person on the telephone, also where it was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The caller hung up.
    CallerHungUp,
    /// The platform ended it: by REST, by `Hangup`, or because its document was over.
    PlatformHungUp,
    /// The platform turned it down.
    Rejected,
    /// A document could not be had or run.
    Failed,
    /// Whoever was called was busy, or turned the call down.
    Busy,
    /// Whoever was called did not pick up in time.
    NoAnswer,
    /// The platform gave up before anybody answered.
    Cancelled,
    /// The network has no way to the number.
    Unreachable,
}

/// A call once it is over.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// From the answer to the end.
    pub duration: Duration,
    /// What the caller said.
    pub said: Vec<Said>,
    /// What the caller heard.
    pub heard: Vec<HeardWord>,
    /// When the platform cleared what was not yet played.
    pub clears: Vec<Duration>,
    /// What the platform did that the real carrier would complain about.
    pub problems: Vec<String>,
    /// The parameters of the last media stream.
    pub parameters: Vec<(String, String)>,
    /// How many media streams were opened.
    pub streams: u32,
    /// Whom the call was passed on to.
    pub dialled: Option<String>,
    /// What the caller sent, as mu-law; empty where calls keep no audio.
    pub sent_audio: Vec<u8>,
    /// What the caller heard, as mu-law; empty where calls keep no audio.
    pub heard_audio: Vec<u8>,
    /// The carrier's word for how it ended.
    pub status: &'static str,
    /// Who answered, where the carrier was to find out.
    pub answered_by: Option<&'static str>,
}

/// The state of a call as it goes on.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) status: &'static str,
    pub(crate) end: Option<End>,
    pub(crate) said: Vec<Said>,
    pub(crate) heard: Vec<HeardWord>,
    pub(crate) clears: Vec<Duration>,
    pub(crate) problems: Vec<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) streams: u32,
    pub(crate) streaming: bool,
    pub(crate) dialled: Option<String>,
    pub(crate) sent_audio: Vec<u8>,
    pub(crate) heard_audio: Vec<u8>,
    /// When a voice was last heard.
    pub(crate) last_voice: Duration,
    /// The time on the line, from the answer.
    pub(crate) now: Duration,
    pub(crate) answered_by: Option<&'static str>,
    /// What is being recorded.
    pub(super) recordings: Vec<Arc<Recording>>,
    /// When it was dialled, and when it was over.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
}

impl State {
    /// Whether the call has its last status.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status, "completed" | "busy" | "no-answer" | "canceled" | "failed")
    }

    /// The account of the call, once it is over.
    pub(crate) fn report(&self) -> Option<Report> {
        self.end.map(|end| Report {
            end,
            duration: self.now,
            said: self.said.clone(),
            heard: self.heard.clone(),
            clears: self.clears.clone(),
            problems: self.problems.clone(),
            parameters: self.parameters.clone(),
            streams: self.streams,
            dialled: self.dialled.clone(),
            sent_audio: self.sent_audio.clone(),
            heard_audio: self.heard_audio.clone(),
            status: self.status,
            answered_by: self.answered_by,
        })
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State { status: "queued", ..State::default() }),
            changes: watch::Sender::new(0),
        }
    }

    /// The state, for a moment.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes those who wait for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn problem(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!(problem = %text, "the platform broke the carrier's protocol");
        self.change(|state| state.problems.push(text));
    }
}

impl HeardWord {
    pub(crate) fn new(heard: Heard) -> Self {
        Self { text: heard.text, start: time(heard.start), end: time(heard.end), ending: heard.ending }
    }
}

/// The time of a sample on the line.
pub(crate) fn time(samples: u64) -> Duration {
    Duration::from_nanos(samples.saturating_mul(1_000_000_000 / u64::from(SAMPLE_RATE)))
}
