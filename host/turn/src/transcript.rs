//! The caller's words of the turn that is being heard, and when they are a turn.

mod taken;

use std::time::Duration;

use crate::CallTime;
use crate::config::Endpointing;
use crate::question::Asked;
use crate::sentence::{Completeness, completeness};

use taken::Taken;

/// The words since the last commit. Interims replace, finals append.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    finals: String,
    interim: String,
    /// Whether the recogniser has not heard an end behind the last final.
    unended: bool,
    /// When the recogniser heard an end of the words so far.
    ended_at: Option<CallTime>,
    /// When it took an end back.
    resumed_at: Option<CallTime>,
    /// When words came that are complete by themselves.
    entered_at: Option<CallTime>,
    changed_at: CallTime,
    taken: Taken,
}

/// How long the caller's pauses may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience<'a> {
    pub(crate) settings: &'a Endpointing,
    /// What the agent has asked for.
    pub(crate) asked: Asked,
    /// From the end of speech to the commit where the words are a whole sentence.
    pub(crate) complete: Duration,
}

impl Transcript {
    pub(crate) fn new(settings: &Endpointing) -> Self {
        Self {
            finals: String::new(),
            interim: String::new(),
            unended: false,
            ended_at: None,
            resumed_at: None,
            entered_at: None,
            changed_at: CallTime::ZERO,
            taken: Taken::new(settings),
        }
    }

    /// Takes an interim; returns whether the words changed.
    pub(crate) fn interim(&mut self, now: CallTime, text: &str) -> bool {
        let text = bounded(self.taken.without(now, text));
        if text == self.interim {
            return false;
        }
        self.interim = text.to_owned();
        self.ended_at = None;
        self.resumed_at = None;
        self.changed_at = now;
        true
    }

    /// Takes a final, behind which the recogniser has heard an end or not; returns whether
    /// it brought words.
    pub(crate) fn final_words(&mut self, now: CallTime, text: &str, ended: bool) -> bool {
        let text = bounded(self.taken.without(now, text)).to_owned();
        self.taken.clear();
        let had_interim = !std::mem::take(&mut self.interim).is_empty();
        self.append(&text);
        self.unended = !ended;
        if had_interim || !text.is_empty() {
            self.changed_at = now;
        }
        if !text.is_empty() {
            self.ended_at = None;
            self.resumed_at = None;
        }
        !text.is_empty()
    }

    /// Notes that the recogniser heard an end of the words so far. Newer words
    /// take it back, and so does a voice that goes on.
    pub(crate) fn utterance_end(&mut self, now: CallTime) {
        self.ended_at = Some(now);
        self.resumed_at = None;
    }

    /// Notes that the recogniser takes back what it heard of an end: more words come.
    pub(crate) fn resumed(&mut self, now: CallTime) {
        self.ended_at = None;
        self.resumed_at = Some(now);
    }

    /// Takes words that are complete by themselves, such as keys pressed.
    pub(crate) fn entry(&mut self, now: CallTime, text: &str) {
        self.append(text);
        self.unended = false;
        self.utterance_end(now);
        self.entered_at = Some(now);
        self.changed_at = now;
    }

    /// Notes that the recogniser's stream is lost. The next one hears the audio since the
    /// last final again, so an interim stays one: it is replaced, or committed after its
    /// wait if nothing comes. For the same reason a committed interim is repeated.
    pub(crate) fn stream_lost(&mut self, now: CallTime) {
        self.taken.heard_again(now);
        self.ended_at = None;
        self.unended = true;
    }

    /// Notes that a voice began at `onset`.
    pub(crate) fn voice(&mut self, onset: CallTime) {
        self.taken.voice(onset);
    }

    /// All words so far.
    pub(crate) fn text(&self) -> String {
        let mut text = self.finals.clone();
        join(&mut text, &self.interim);
        text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.finals.is_empty() && self.interim.is_empty()
    }

    /// Whether some of the words are final.
    pub(crate) fn has_finals(&self) -> bool {
        !self.finals.is_empty()
    }

    /// When the words last changed.
    pub(crate) fn changed_at(&self) -> CallTime {
        self.changed_at
    }

    /// Takes the words out for a turn. Where the last of them were an interim, the
    /// recogniser will repeat them, and they are left out then.
    pub(crate) fn commit(&mut self, now: CallTime) -> String {
        let text = self.text();
        self.drop_words(now);
        text
    }

    /// Forgets the words, and their repetition.
    pub(crate) fn drop_words(&mut self, now: CallTime) {
        self.taken.take(now, &self.text(), &self.interim);
        self.forget();
    }

    /// Forgets the words, but not that they may come again.
    pub(crate) fn forget(&mut self) {
        self.finals.clear();
        self.interim.clear();
        self.unended = false;
        self.ended_at = None;
        self.resumed_at = None;
        self.entered_at = None;
    }

    /// How many words there are.
    pub(crate) fn n_words(&self) -> usize {
        self.finals.split_whitespace().count() + self.interim.split_whitespace().count()
    }

    /// When the words are to be committed, if nothing else happens; `None` where
    /// there are none. The caller must be silent. `frames` says that audio comes in.
    pub(crate) fn commit_at(
        &self,
        patience: &Patience,
        end_of_speech: CallTime,
        frames: bool,
    ) -> Option<CallTime> {
        let settings = patience.settings;
        if self.is_empty() {
            return None;
        }
        if !frames {
            return Some(self.changed_at + settings.stalled);
        }
        let mut wait = self.ready_after(patience, end_of_speech);
        if !self.end_is_heard(settings, end_of_speech) && self.words_are_owed(settings, end_of_speech) {
            wait = wait.max(settings.stt_wait);
        }
        let latest = end_of_speech + settings.max_wait;
        let at = (end_of_speech + wait).min(latest);
        let resumed = self.resumed_at.map_or(at, |resumed| (resumed + settings.stt_wait).min(latest));
        Some(at.max(resumed))
    }

    /// When they would have been committed had the recogniser been instant, which it has no part in where they were
    /// entered.
    pub(crate) fn ready_at(&self, patience: &Patience, end_of_speech: CallTime) -> CallTime {
        let spoken = end_of_speech + self.ready_after(patience, end_of_speech);
        self.entered_at.map_or(spoken, |at| at.max(spoken))
    }

    fn ready_after(&self, patience: &Patience, end_of_speech: CallTime) -> Duration {
        let settings = patience.settings;
        let wait = if self.end_is_heard(settings, end_of_speech) {
            settings.vad_stop
        } else {
            self.text_wait(patience)
        };
        wait.max(settings.vad_stop).min(settings.max_wait)
    }

    /// An end that the recogniser heard counts for the voice up to there, and a little
    /// beyond, for the two are not measured alike.
    fn end_is_heard(&self, settings: &Endpointing, end_of_speech: CallTime) -> bool {
        self.ended_at.is_some_and(|at| end_of_speech <= at + settings.vad_stop)
    }

    /// Whether words must be on their way: some are not final, or the voice went on
    /// behind the last.
    fn words_are_owed(&self, settings: &Endpointing, end_of_speech: CallTime) -> bool {
        self.unended || !self.interim.is_empty() || end_of_speech > self.changed_at + settings.vad_stop
    }

    fn text_wait(&self, patience: &Patience) -> Duration {
        let settings = patience.settings;
        match completeness(&self.text(), patience.asked) {
            Completeness::Answer => settings.answer,
            Completeness::Complete => patience.complete,
            // An interim has its punctuation only by luck.
            Completeness::Unfinished if !self.interim.is_empty() => patience.complete,
            Completeness::Dictating if patience.asked.dictation.is_some() => settings.trailing,
            Completeness::Unfinished | Completeness::Dictating => settings.unfinished.max(patience.complete),
            Completeness::Trailing => settings.trailing,
        }
    }

    fn append(&mut self, text: &str) {
        if self.finals.len() + text.len() <= MAX_TEXT {
            join(&mut self.finals, text);
        }
    }
}

/// Twenty minutes of speech; a caller's turn is a minute at most.
const MAX_TEXT: usize = 16 * 1024;

fn join(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn bounded(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
