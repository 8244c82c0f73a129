//! How long this caller pauses without being done.

use std::time::Duration;

use crate::CallTime;
use crate::config::Endpointing;

/// An exponential average of the pauses that turned out to be no ends. Two kinds teach:
/// a pause within a turn, and one that was taken for an end and was not, because the
/// caller went on at once. An interruption of an answer that is well under way teaches
/// nothing: then the caller has something to say to it.
#[derive(Clone, Debug)]
pub(crate) struct LearnedPause {
    learns: bool,
    weight: f32,
    average: Duration,
    least: Duration,
    most: Duration,
    /// A pause that ended with a voice, and the number of words before it. Whether it was
    /// a pause of speech shows when more words come.
    candidate: Option<(Duration, usize)>,
    committed: Option<Committed>,
}

#[derive(Clone, Copy, Debug)]
struct Committed {
    at: CallTime,
    end_of_speech: CallTime,
}

impl LearnedPause {
    pub(crate) fn new(settings: &Endpointing) -> Self {
        Self {
            learns: settings.learn,
            weight: settings.learn_weight,
            average: settings.complete,
            least: settings.complete,
            most: settings.learn_max.max(settings.complete),
            candidate: None,
            committed: None,
        }
    }

    /// How long to wait after a whole sentence.
    pub(crate) fn wait(&self) -> Duration {
        self.average.clamp(self.least, self.most)
    }

    /// Notes that the voice came again after `pause`, with `n_words` words so far.
    pub(crate) fn voice_again(&mut self, pause: Duration, n_words: usize) {
        self.candidate = (self.learns && n_words > 0).then_some((pause, n_words));
    }

    /// Notes that a turn was committed, and that the voice had ended at `end_of_speech`.
    pub(crate) fn committed(&mut self, now: CallTime, end_of_speech: CallTime) {
        self.candidate = None;
        self.committed = Some(Committed { at: now, end_of_speech });
    }

    /// Notes that a voice that began at `onset` interrupted the answer to the committed
    /// turn.
    pub(crate) fn interrupted(&mut self, onset: CallTime) {
        let Some(committed) = self.committed.take() else { return };
        let immediate = onset >= committed.end_of_speech && onset <= committed.at + IMMEDIATE;
        if self.learns && immediate {
            self.candidate = Some((onset - committed.end_of_speech, 0));
        }
    }

    /// Whether words would tell what a pause was.
    pub(crate) fn awaits_words(&self) -> bool {
        self.candidate.is_some()
    }

    /// Notes how many words there are now.
    pub(crate) fn words(&mut self, n_words: usize) {
        if let Some((pause, _)) = self.candidate.take_if(|(_, before)| n_words > *before) {
            self.learn(pause);
        }
    }

    fn learn(&mut self, pause: Duration) {
        // One pause for thought must not outweigh a dozen breaths.
        let (average, pause) = (self.average.as_secs_f64(), pause.min(self.most).as_secs_f64());
        let weight = f64::from(self.weight);
        let micros = (weight * average + (1.0 - weight) * pause) * 1e6;
        if micros.is_finite() {
            self.average = Duration::from_micros(micros.round() as u64);
        }
    }
}

/// From the commit to the voice of a caller who was not done. A reply begins to be heard
/// after about as long; who speaks later has heard some of it.
const IMMEDIATE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_at_the_window_of_a_whole_sentence() {
        assert_eq!(LearnedPause::new(&Endpointing::default()).wait(), ms(250));
    }

    #[test]
    fn a_pause_with_words_on_both_sides_is_averaged_in() {
        let mut learned = LearnedPause::new(&Endpointing::default());
        learned.voice_again(ms(750), 3);
        learned.words(3);
        assert_eq!(learned.wait(), ms(250), "no words yet: it may be a cough");
        learned.words(4);
        assert_near(learned.wait(), 300);
        learned.words(5);
        assert_near(learned.wait(), 300);
    }

    #[test]
    fn many_pauses_approach_their_length_within_the_limit() {
        let mut learned = LearnedPause::new(&Endpointing::default());
        for _ in 0..100 {
            learned.voice_again(ms(2_900), 1);
            learned.words(2);
        }
        assert!(learned.wait() <= ms(1_000));
        assert_near(learned.wait(), 1_000);
        for _ in 0..100 {
            learned.voice_again(ms(210), 1);
            learned.words(2);
        }
        assert_eq!(learned.wait(), ms(250));
    }

    #[test]
    fn an_immediate_interruption_teaches_and_a_delayed_one_does_not() {
        for (onset, expected) in [(1_650, 290), (2_250, 325), (2_300, 250), (900, 250)] {
            let mut learned = LearnedPause::new(&Endpointing::default());
            learned.committed(ms(1_250), ms(1_000));
            learned.interrupted(ms(onset));
            learned.words(1);
            assert_near(learned.wait(), expected);
        }
    }

    #[test]
    fn without_learning_nothing_changes() {
        let mut learned = LearnedPause::new(&Endpointing { learn: false, ..Endpointing::default() });
        learned.voice_again(ms(900), 3);
        learned.words(4);
        learned.committed(ms(1_250), ms(1_000));
        learned.interrupted(ms(1_500));
        learned.words(1);
        assert_eq!(learned.wait(), ms(250));
    }

    #[test]
    fn a_weight_that_is_no_number_teaches_nothing() {
        let mut learned =
            LearnedPause::new(&Endpointing { learn_weight: f32::NAN, ..Endpointing::default() });
        learned.voice_again(ms(900), 3);
        learned.words(4);
        assert_eq!(learned.wait(), ms(250));
    }

    #[track_caller]
    fn assert_near(actual: Duration, expected: u64) {
        assert!(actual.abs_diff(ms(expected)) < ms(1), "{actual:?} is not {expected} ms");
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
