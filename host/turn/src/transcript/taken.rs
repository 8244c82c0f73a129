//! Words that were taken before the recogniser was done with them, and that it is going to
//! say again.

use std::time::Duration;

use crate::CallTime;
use crate::config::Endpointing;
use crate::words;

/// The words of interims that are in a turn already, for as long as the recogniser can
/// still repeat them. The caller may say the very same after that.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    words: Vec<String>,
    /// All words that were taken last, final ones too.
    last: Vec<String>,
    /// Whether a stream was lost since, and no voice was heard since.
    lost: bool,
    voiced: bool,
    at: CallTime,
    until: CallTime,
    max_wait: Duration,
    stt_wait: Duration,
    vad_stop: Duration,
}

impl Taken {
    pub(super) fn new(settings: &Endpointing) -> Self {
        Self {
            words: Vec::new(),
            last: Vec::new(),
            lost: false,
            voiced: false,
            at: CallTime::ZERO,
            until: CallTime::ZERO,
            max_wait: settings.max_wait,
            stt_wait: settings.stt_wait,
            vad_stop: settings.vad_stop,
        }
    }

    /// Notes that `all` was taken, of which `interim` was not final.
    pub(super) fn take(&mut self, now: CallTime, all: &str, interim: &str) {
        if !all.is_empty() {
            self.last = words::words(all).collect();
            (self.lost, self.voiced) = (false, false);
        }
        if now >= self.until {
            self.words.clear();
        }
        let before = self.words.len();
        self.words.extend(words::words(interim));
        if self.words.len() > before {
            self.at = now;
            self.until = now + self.max_wait;
        }
    }

    /// Notes that a voice began at `onset`. What comes at once is still late: no
    /// recogniser has words of the new voice by then. A voice that goes right on is
    /// that of the words themselves.
    pub(super) fn voice(&mut self, onset: CallTime) {
        self.voiced = true;
        if onset > self.at + self.vad_stop {
            self.until = self.until.min(onset + self.stt_wait);
        }
    }

    /// Notes that another stream is about to hear them again.
    pub(super) fn heard_again(&mut self, now: CallTime) {
        self.until = now + self.max_wait;
        self.lost = true;
    }

    /// Forgets them: the recogniser has said what it had to say.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.lost = false;
    }

    /// Leaves them out of `text` where it repeats them, perhaps with corrections. Words
    /// that are mostly others are new ones.
    pub(super) fn without<'a>(&self, now: CallTime, text: &'a str) -> &'a str {
        let n = self.words.len();
        let same = words::words(text).zip(&self.words).filter(|(word, taken)| word == *taken).count();
        let mut rest = text.trim();
        // Nobody was heard to say them: the new stream was given old audio.
        if self.lost && !self.voiced && words::words(text).eq(self.last.iter().cloned()) {
            return "";
        }
        if n == 0 || now >= self.until || same * 2 < n {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_new_ones_when_the_final_can_no_longer_come() {
        let taken = taken();
        assert_eq!(taken.without(ms(3_999), "Yes."), "");
        assert_eq!(taken.without(ms(4_000), "Yes."), "Yes.");
    }

    #[test]
    fn a_new_voice_makes_them_new_ones_as_soon_as_it_can_have_words() {
        let mut taken = taken();
        taken.voice(ms(1_300));
        assert_eq!(taken.without(ms(1_699), "Yes."), "", "this is the late final");
        assert_eq!(taken.without(ms(1_700), "Yes."), "Yes.");
    }

    #[test]
    fn a_voice_that_goes_on_is_that_of_the_words() {
        let mut taken = taken();
        taken.voice(ms(1_020));
        assert_eq!(taken.without(ms(3_000), "Yes."), "");
    }

    #[test]
    fn another_stream_repeats_them_however_old_they_are() {
        let mut taken = taken();
        taken.heard_again(ms(9_000));
        assert_eq!(taken.without(ms(11_000), "Yes. And then?"), "And then?");
    }

    #[test]
    fn final_words_that_another_stream_repeats_are_none_unless_a_voice_was_heard() {
        for (voice, left) in [(None, ""), (Some(8_000), "Yes."), (Some(9_500), "Yes.")] {
            let mut taken = Taken::new(&Endpointing::default());
            taken.take(ms(1_000), "Yes.", "");
            assert_eq!(taken.without(ms(5_000), "Yes."), "Yes.");
            for at in [8_000, 9_000, 9_500] {
                match voice {
                    Some(onset) if onset == at => taken.voice(ms(onset)),
                    _ if at == 9_000 => taken.heard_again(ms(at)),
                    _ => {}
                }
            }
            assert_eq!(taken.without(ms(20_000), "Yes."), left, "{voice:?}");
            assert_eq!(taken.without(ms(20_000), "Yes, it is."), "Yes, it is.");
        }
    }

    #[test]
    fn old_words_are_forgotten_when_new_ones_are_taken() {
        let mut taken = taken();
        taken.take(ms(9_000), "no", "no");
        assert_eq!(taken.without(ms(9_100), "No. Yes."), "Yes.");
        taken.take(ms(9_200), "never", "never");
        assert_eq!(taken.without(ms(9_300), "No, never. Yes."), "Yes.");
    }

    fn taken() -> Taken {
        let mut taken = Taken::new(&Endpointing::default());
        taken.take(ms(1_000), "yes", "yes");
        taken
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
