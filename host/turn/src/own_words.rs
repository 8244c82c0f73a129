//! The agent's words that the recogniser hears on the caller's line: they open no turn and
//! interrupt nothing.

use std::time::Duration;

use crate::CallTime;
use crate::answer::Answer;
use crate::call::Call;
use crate::question::asked;
use crate::repetition::repeats;
use crate::words::{Interjection, interjection};

impl Call {
    /// Keeps the words of the agent's that the caller heard last, of an answer or of a line
    /// of the agent's own. After "Are you still there?" a number that was asked for still is.
    pub(crate) fn note_heard(&mut self, answer: &Answer, heard: &str) {
        if heard.is_empty() {
            return;
        }
        let before = self.asked;
        self.asked = asked(heard);
        if !answer.reply {
            self.asked.dictation = self.asked.dictation.or(before.dictation);
        }
        self.voiced_before_last = answer.voiced_before;
        heard.clone_into(&mut self.last_heard);
    }

    /// Whether the words that came over the agent's are the agent's, or nobody's. A caller
    /// may well repeat an offer ("Tuesday at eleven"), so a few words with a voice that the
    /// echo guard let pass are the caller's.
    pub(crate) fn words_are_ours(&self, now: CallTime) -> bool {
        if !self.playout.started() || self.transcript.is_empty() {
            return false;
        }
        let voiced = self.voiced_over_answer();
        if let Some(n) = self.repeated(now) {
            return voiced < self.config.barge_in.confirm_after || n >= LONG_REPETITION;
        }
        // Nobody was heard to say them: a television in the next room, or an echo that was
        // not understood. The words of somebody who has just spoken are late.
        self.frames_come && voiced < EVIDENT && !self.spoke_before(self.transcript.changed_at())
    }

    /// Whether words that came without a voice, just after the agent's, are the agent's.
    pub(crate) fn is_late_echo(&self, now: CallTime) -> bool {
        self.frames_come
            && !self.vad.speaking()
            && now.saturating_sub(self.agent_spoke_until) <= LATE_WORDS
            && self.vad.voiced().saturating_sub(self.voiced_before_last) < EVIDENT
            && repeats(&self.transcript.text(), &self.last_heard).is_some()
    }

    /// At the end of the agent's turn, forgets what is not to be answered.
    pub(crate) fn drop_words_of_ours(&mut self, now: CallTime) {
        if self.words_are_ours(now) {
            self.transcript.forget();
        } else if !self.vad.speaking()
            && interjection(&self.transcript.text()) == Interjection::Backchannel
            && !self.asks(now)
        {
            self.transcript.drop_words(now);
        }
    }

    /// How many of the words repeat what the agent is saying; `None`: they do not.
    fn repeated(&self, now: CallTime) -> Option<usize> {
        let answer = self.answer.as_ref()?;
        // What is heard is known with a delay, and cut to whole words.
        let heard = self.playout.heard(now) + self.pace.bytes(AHEAD);
        repeats(&self.transcript.text(), answer.spoken.heard(heard))
    }

    fn spoke_before(&self, at: CallTime) -> bool {
        let late = self.config.endpointing.max_wait;
        self.vad.speaking() || self.spoke_until.is_some_and(|until| at.saturating_sub(until) <= late)
    }
}

/// Voice that makes words over the agent credible: without any they are late words,
/// or the agent's own.
pub(crate) const EVIDENT: Duration = Duration::from_millis(80);
/// A caller who repeats so many words of the agent's while the agent speaks is none.
const LONG_REPETITION: usize = 5;
/// How far ahead of what is surely heard an echo can be.
const AHEAD: Duration = Duration::from_secs(1);
/// How late the recogniser's words of an echo can be: its endpoint of a second at most,
/// and its tail.
const LATE_WORDS: Duration = Duration::from_secs(2);
