//! The caller's words of the turn that is being heard, and when they are a turn.

use crate::CallTime;
use crate::config::Endpointing;
use crate::words::{self, Completeness};

/// The words since the last commit. Interims replace, finals append.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    finals: String,
    interim: String,
    utterance_ended: bool,
    changed_at: CallTime,
    committed: Vec<String>,
}

impl Transcript {
    /// Takes an interim; returns whether the words changed.
    pub(crate) fn interim(&mut self, now: CallTime, text: &str) -> bool {
        let text = bounded(self.without_committed(text));
        if text == self.interim {
            return false;
        }
        self.interim = text.to_owned();
        self.utterance_ended = false;
        self.changed_at = now;
        true
    }

    /// Takes a final; returns whether it brought words.
    pub(crate) fn final_words(&mut self, now: CallTime, text: &str) -> bool {
        let text = bounded(self.without_committed(text)).to_owned();
        self.committed.clear();
        let had_interim = !std::mem::take(&mut self.interim).is_empty();
        self.append(&text);
        if had_interim || !text.is_empty() {
            self.changed_at = now;
        }
        self.utterance_ended &= text.is_empty();
        !text.is_empty()
    }

    /// Notes that the recogniser heard an end of the words so far. Newer words
    /// take it back.
    pub(crate) fn utterance_end(&mut self) {
        self.utterance_ended = true;
    }

    /// Takes words that are complete by themselves, such as keys pressed.
    pub(crate) fn entry(&mut self, now: CallTime, text: &str) {
        self.append(text);
        self.utterance_ended = true;
        self.changed_at = now;
    }

    /// Forgets what an ended stream of the recogniser will not finish.
    pub(crate) fn stream_lost(&mut self) {
        let interim = std::mem::take(&mut self.interim);
        self.append(&interim);
        self.committed.clear();
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
    pub(crate) fn commit(&mut self) -> String {
        let text = self.text();
        self.drop_words();
        text
    }

    /// Forgets the words, and their repetition.
    pub(crate) fn drop_words(&mut self) {
        self.committed.extend(words::words(&self.interim));
        self.finals.clear();
        self.interim.clear();
        self.utterance_ended = false;
    }

    /// When the words are to be committed, if nothing else happens; `None` where
    /// there are none. The caller must be silent. `frames` says that audio comes in.
    pub(crate) fn commit_at(
        &self,
        settings: &Endpointing,
        end_of_speech: CallTime,
        frames: bool,
    ) -> Option<CallTime> {
        if self.is_empty() {
            return None;
        }
        if !frames {
            return Some(self.changed_at + settings.stalled);
        }
        let wait = if self.utterance_ended {
            settings.vad_stop
        } else {
            let wait = self.text_wait(settings);
            if self.interim.is_empty() { wait } else { wait.max(settings.stt_wait) }
        };
        Some(end_of_speech + wait.max(settings.vad_stop).min(settings.max_wait))
    }

    /// When they would have been committed had the recogniser been instant.
    pub(crate) fn ready_at(&self, settings: &Endpointing, end_of_speech: CallTime) -> CallTime {
        let wait = if self.utterance_ended { settings.vad_stop } else { self.text_wait(settings) };
        end_of_speech + wait.max(settings.vad_stop).min(settings.max_wait)
    }

    fn text_wait(&self, settings: &Endpointing) -> std::time::Duration {
        match words::completeness(&self.text()) {
            Completeness::Complete => settings.complete,
            // An interim has its punctuation only by luck.
            Completeness::Unfinished if !self.interim.is_empty() => settings.complete,
            Completeness::Unfinished => settings.unfinished,
            Completeness::Trailing => settings.trailing,
        }
    }

    /// Leaves out the words of a committed interim where the recogniser repeats them,
    /// perhaps with corrections. Words that are mostly others are new ones.
    fn without_committed<'a>(&self, text: &'a str) -> &'a str {
        let n = self.committed.len();
        let same =
            words::words(text).zip(&self.committed).filter(|(word, committed)| word == *committed).count();
        let mut rest = text.trim();
        if n == 0 || same * 2 < n {
            return rest;
        }
        let mut left = n;
        while left > 0 && !rest.is_empty() {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            left -= usize::from(!words::normal(word).is_empty());
            rest = after.trim_start();
        }
        rest
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
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn interims_replace_and_finals_append() {
        let mut words = Transcript::default();
        words.interim(ms(1), "tell");
        words.interim(ms(2), "tell me");
        words.final_words(ms(3), "Tell me a story.");
        words.interim(ms(4), "of");
        assert_eq!(words.text(), "Tell me a story. of");
        words.final_words(ms(5), "Of bees.");
        assert_eq!(words.text(), "Tell me a story. Of bees.");
    }

    #[test]
    fn an_empty_final_opens_no_turn() {
        let mut words = Transcript::default();
        assert!(!words.final_words(ms(1), "  "));
        assert!(words.is_empty());
        assert_eq!(words.commit_at(&Endpointing::default(), ms(0), true), None);
    }

    #[test]
    fn a_complete_final_is_committed_soon_after_the_end_of_speech() {
        assert_eq!(due("Tell me a story.", ""), Some(ms(1250)));
    }

    #[test]
    fn an_unfinished_final_waits_and_a_trailing_one_waits_longer() {
        assert_eq!(due("tell me a story", ""), Some(ms(2500)));
        assert_eq!(due("tell me a story and", ""), Some(ms(3500)));
    }

    #[test]
    fn an_interim_waits_for_its_final() {
        assert_eq!(due("", "tell me a story"), Some(ms(1400)));
        assert_eq!(due("", "tell me a story and"), Some(ms(3500)));
    }

    #[test]
    fn an_utterance_end_commits_at_once_unless_a_newer_interim_came() {
        let mut words = Transcript::default();
        words.final_words(ms(1100), "tell me a story and");
        words.utterance_end();
        assert_eq!(words.commit_at(&Endpointing::default(), ms(1000), true), Some(ms(1200)));
        words.interim(ms(1300), "another one please");
        assert_eq!(words.commit_at(&Endpointing::default(), ms(1000), true), Some(ms(1400)));
    }

    #[test]
    fn without_frames_quiet_after_the_transcript_decides() {
        let mut words = Transcript::default();
        words.interim(ms(1700), "tell me");
        assert_eq!(words.commit_at(&Endpointing::default(), ms(1000), false), Some(ms(2300)));
    }

    #[test]
    fn the_final_of_a_committed_interim_brings_only_its_new_words() {
        let mut words = Transcript::default();
        words.interim(ms(1), "book a table");
        assert_eq!(words.commit(), "book a table");
        assert!(!words.interim(ms(2), "book a table"));
        assert!(words.interim(ms(3), "book a table for"));
        assert_eq!(words.text(), "for");
        assert!(words.final_words(ms(4), "Book a table for two."));
        assert_eq!(words.text(), "for two.");
        assert!(words.final_words(ms(5), "Book a table."));
        assert_eq!(words.text(), "for two. Book a table.");
    }

    #[test]
    fn a_corrected_repetition_is_left_out_and_new_words_are_not() {
        let mut words = Transcript::default();
        words.interim(ms(1), "book a cable");
        words.commit();
        assert!(words.interim(ms(2), "book a table - for two"));
        assert_eq!(words.text(), "- for two");
        assert!(words.interim(ms(3), "what else is there"));
        assert_eq!(words.text(), "what else is there");
    }

    #[test]
    fn a_final_that_repeats_a_committed_interim_opens_no_turn() {
        let mut words = Transcript::default();
        words.interim(ms(1), "book a table");
        words.commit();
        assert!(!words.final_words(ms(2), "Book a table."));
        assert!(words.is_empty());
    }

    fn due(finals: &str, interim: &str) -> Option<CallTime> {
        let mut words = Transcript::default();
        words.final_words(ms(900), finals);
        words.interim(ms(950), interim);
        words.commit_at(&Endpointing::default(), ms(1000), true)
    }

    fn ms(ms: u64) -> CallTime {
        Duration::from_millis(ms)
    }
}
