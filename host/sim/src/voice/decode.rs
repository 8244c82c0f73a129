//! Sound to text, as it arrives.

use super::alphabet::{DAMAGED, character, checksum};
use super::spectrum::{find_marker, is_voice, level, read_symbol};
use super::{GAP, MARKER, SYMBOL, Speaker, sound};

/// Step of the search for a word's beginning.
const BLOCK: i64 = 40;

/// Step of the search for a word's end, which must be found to a fraction of a frame.
const STEP: i64 = 20;

/// Below this level (-52 dB of full scale) nothing is speech.
const SILENCE: f32 = 0.0025;

/// How much louder than the noise a voice is at least.
const ABOVE_NOISE: f32 = 2.5;

/// Below this share of the word's level its sound is interrupted (-8 dB).
const INTERRUPTED: f32 = 0.4;

/// A silence this long ends a word: more than a frame that was lost, less than the gap between words.
const WORD_END: i64 = 200;

/// How far a word's end may be off the grid of symbols: well below a frame.
const GRID_TOLERANCE: i64 = 60;

/// How far before and after the first loud block the marker may begin.
const SEARCH_BEFORE: i64 = 88;
const SEARCH_AFTER: i64 = 48;

/// A loud stretch without a marker is judged at this length.
const JUDGED_AFTER: i64 = 960;

/// Samples kept behind the cursor.
const KEPT: i64 = 2_000;

/// A word that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The word as far as it was heard; each character whose sound was damaged is [`DAMAGED`].
    pub text: String,
    /// The sample at which it begins, counted from the first one pushed.
    pub start: u64,
    /// The sample after its end.
    pub end: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How a word ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its checksum: every character was heard.
    Whole,
    /// In silence before its end, its characters clear up to there: playback was stopped.
    Cut,
    /// Its sound was damaged on the way.
    Damaged,
}

impl Heard {
    /// Whether every character was heard as it was said.
    pub fn is_intact(&self) -> bool {
        self.ending == Ending::Whole
    }
}

/// Hears words in mu-law audio, fed in pieces of any length.
#[derive(Debug)]
pub struct Decoder {
    line: Vec<f32>,
    /// The position of the first sample in `line`.
    base: i64,
    /// The next sample to look at.
    cursor: i64,
    noise: f32,
    state: State,
    heard: Vec<Heard>,
    last_voice: i64,
}

#[derive(Debug)]
enum State {
    Quiet,
    /// Loud, but no marker began it.
    Unmarked {
        since: i64,
    },
    Word(Word),
}

#[derive(Debug)]
struct Word {
    speaker: Speaker,
    /// Where its first symbol begins.
    start: i64,
    level: f32,
    codes: Vec<Option<usize>>,
    silent_since: Option<i64>,
    holes: Vec<(i64, i64)>,
}

/// What to do after one step.
enum Step {
    /// More samples are needed.
    Wait,
    Stay,
    Go(State),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has heard nothing.
    pub fn new() -> Self {
        Self {
            line: vec![0.0; KEPT as usize],
            base: -KEPT,
            cursor: 0,
            noise: 0.0,
            state: State::Quiet,
            heard: Vec::new(),
            last_voice: 0,
        }
    }

    /// Takes audio and returns the words that ended in it.
    pub fn push(&mut self, mulaw: &[u8]) -> Vec<Heard> {
        self.line.extend(
            mulaw.iter().map(|byte| f32::from(audio::g711::ulaw_decode(*byte)) / f32::from(i16::MAX)),
        );
        loop {
            match self.step() {
                Step::Wait => break,
                Step::Stay => {}
                Step::Go(state) => self.state = state,
            }
        }
        self.forget();
        std::mem::take(&mut self.heard)
    }

    /// The audio is over: returns the last word, as far as it was heard.
    pub fn finish(&mut self) -> Vec<Heard> {
        self.push(&[audio::g711::ULAW_SILENCE; GAP + SYMBOL])
    }

    /// Samples taken so far.
    pub fn position(&self) -> u64 {
        self.end().max(0) as u64
    }

    /// Whether a word is being heard.
    pub fn in_word(&self) -> bool {
        matches!(self.state, State::Word(_))
    }

    /// The sample after the last sound of a voice.
    pub fn last_voice(&self) -> u64 {
        self.last_voice.max(0) as u64
    }

    fn end(&self) -> i64 {
        self.base + self.line.len() as i64
    }

    /// The samples from `from` to `to`, once all of them are there.
    fn samples(&self, from: i64, to: i64) -> Option<&[f32]> {
        let from = usize::try_from(from.max(self.base) - self.base).ok()?;
        let to = usize::try_from(to - self.base).ok()?;
        self.line.get(from..to)
    }

    fn threshold(&self) -> f32 {
        SILENCE.max(self.noise * ABOVE_NOISE)
    }

    fn step(&mut self) -> Step {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Quiet => self.step_quiet(),
            State::Unmarked { since } => {
                let step = self.step_unmarked(since);
                self.keep(State::Unmarked { since }, step)
            }
            State::Word(mut word) => {
                let step = self.step_word(&mut word);
                self.keep(State::Word(word), step)
            }
        }
    }

    fn keep(&mut self, state: State, step: Step) -> Step {
        if !matches!(step, Step::Go(_)) {
            self.state = state;
        }
        step
    }

    fn step_quiet(&mut self) -> Step {
        let Some(block) = self.samples(self.cursor, self.cursor + BLOCK) else { return Step::Wait };
        let loudness = level(block);
        if loudness < self.threshold() {
            // Falls at once, rises slowly: the noise is what is there between words.
            let share = if loudness < self.noise { 0.3 } else { 0.05 };
            self.noise += (loudness - self.noise) * share;
            self.cursor += BLOCK;
            return Step::Stay;
        }
        match self.marker_near(self.cursor) {
            None => Step::Wait,
            Some(Some(word)) => Step::Go(State::Word(word)),
            Some(None) => Step::Go(State::Unmarked { since: self.cursor }),
        }
    }

    /// A word whose marker begins near `at`; `None` while the samples are not there yet.
    fn marker_near(&mut self, at: i64) -> Option<Option<Word>> {
        let from = at - SEARCH_BEFORE;
        let window = self.samples(from, at + SEARCH_AFTER + MARKER as i64)?;
        let found = find_marker(window).map(|(offset, speaker)| {
            let marker = window.get(offset..offset + MARKER).unwrap_or_default();
            let level = level(marker) / sound::MARKER_SHARE;
            Word::new(speaker, from + (offset + MARKER) as i64, level)
        });
        if let Some(word) = &found {
            self.cursor = word.start;
        }
        Some(found)
    }

    fn step_unmarked(&mut self, since: i64) -> Step {
        let Some(block) = self.samples(self.cursor, self.cursor + BLOCK) else { return Step::Wait };
        let quiet = level(block) < self.threshold() * 0.7;
        let length = self.cursor - since;
        if quiet || (length >= JUDGED_AFTER && length % JUDGED_AFTER < BLOCK) {
            return self.judge(since, quiet);
        }
        // One search covers three blocks: a word may begin in noise that was there before.
        if length % (3 * BLOCK) == 0 {
            match self.marker_near(self.cursor + SEARCH_BEFORE) {
                None => return Step::Wait,
                Some(None) => {}
                Some(Some(word)) => {
                    self.report_unmarked(since, word.start - MARKER as i64);
                    return Step::Go(State::Word(word));
                }
            }
        }
        self.cursor += BLOCK;
        Step::Stay
    }

    /// A voice without a beginning is a word whose beginning was lost; anything else is noise to get used to.
    fn judge(&mut self, since: i64, quiet: bool) -> Step {
        let recent = self.samples((self.cursor - JUDGED_AFTER).max(since), self.cursor).unwrap_or_default();
        let voice = is_voice(recent);
        match (voice, quiet) {
            (true, true) => self.report_unmarked(since, self.cursor),
            (true, false) => {
                self.cursor += BLOCK;
                return Step::Stay;
            }
            (false, true) => {}
            (false, false) => self.noise = self.noise.max(level(recent)),
        }
        Step::Go(State::Quiet)
    }

    fn report_unmarked(&mut self, since: i64, end: i64) {
        if !self.samples(since, end).is_some_and(is_voice) {
            return;
        }
        let characters = ((end - since) as usize).div_ceil(SYMBOL);
        self.report(std::iter::repeat_n(DAMAGED, characters).collect(), since, end, Ending::Damaged);
    }

    fn step_word(&mut self, word: &mut Word) -> Step {
        let Some(window) = self.samples(self.cursor, self.cursor + word.speaker.period() as i64) else {
            return Step::Wait;
        };
        if level(window) < word.level * INTERRUPTED {
            let since = *word.silent_since.get_or_insert(self.cursor);
            if self.cursor - since >= WORD_END {
                self.finish_word(word, since);
                return Step::Go(State::Quiet);
            }
            self.cursor += STEP;
            return Step::Stay;
        }
        if let Some(since) = word.silent_since {
            let resumed = self.cursor + word.speaker.period() as i64;
            match self.marker_near(resumed) {
                None => return Step::Wait,
                Some(Some(next)) => {
                    self.finish_word(word, since);
                    return Step::Go(State::Word(next));
                }
                Some(None) => {}
            }
            word.silent_since = None;
            word.holes.push((since, resumed));
        }
        self.read_symbols(word, self.cursor);
        self.cursor += STEP;
        self.last_voice = self.cursor;
        Step::Stay
    }

    /// Reads the symbols that end at or before `to`.
    fn read_symbols(&self, word: &mut Word, to: i64) {
        loop {
            let from = word.start + (word.codes.len() * SYMBOL) as i64;
            let until = from + SYMBOL as i64;
            if until > to {
                return;
            }
            let Some(samples) = self.samples(from, until) else { return };
            let whole = !word.holes.iter().any(|(start, end)| *start < until && *end > from);
            let code = read_symbol(samples, word.speaker).filter(|_| whole);
            if code.is_some() {
                word.level += (level(samples) - word.level) * 0.3;
            }
            word.codes.push(code);
        }
    }

    fn finish_word(&mut self, word: &mut Word, end: i64) {
        self.read_symbols(word, end + GRID_TOLERANCE);
        let grid = word.start + (word.codes.len() * SYMBOL) as i64;
        let aligned = (end - grid).abs() <= GRID_TOLERANCE;
        let clear = word.codes.iter().all(Option::is_some) && word.holes.is_empty();
        let codes: Vec<usize> = word.codes.iter().map_while(|code| *code).collect();
        let proved =
            clear && aligned && codes.split_last().is_some_and(|(sum, codes)| *sum == checksum(codes));
        // A proved word's last symbol is its checksum; so is a damaged one's, where the word's length allows.
        let characters = word.codes.len() - usize::from(aligned && (proved || !clear)).min(word.codes.len());
        let mut text: String =
            word.codes.iter().take(characters).map(|code| code.map_or(DAMAGED, character)).collect();
        let ending = match (proved, clear) {
            (true, _) => Ending::Whole,
            (false, true) => Ending::Cut,
            (false, false) => Ending::Damaged,
        };
        if !proved && (!text.contains(DAMAGED) || ending == Ending::Cut) {
            text.push(DAMAGED);
        }
        if !text.is_empty() {
            self.report(text, word.start - MARKER as i64, end, ending);
        }
    }

    fn report(&mut self, text: String, start: i64, end: i64, ending: Ending) {
        self.last_voice = end;
        let heard = Heard { text, start: start.max(0) as u64, end: end.max(0) as u64, ending };
        self.heard.push(heard);
    }

    fn forget(&mut self) {
        let needed = match &self.state {
            State::Quiet | State::Unmarked { .. } => self.cursor,
            State::Word(word) => word.start + (word.codes.len() * SYMBOL) as i64,
        };
        let surplus = (needed - KEPT - self.base).max(0);
        // In large pieces: moving the rest of the line costs more than it saves for each frame.
        if surplus > 4 * KEPT {
            self.line.drain(..surplus as usize);
            self.base += surplus;
        }
    }
}

impl Word {
    fn new(speaker: Speaker, start: i64, level: f32) -> Self {
        Self { speaker, start, level, codes: Vec::new(), silent_since: None, holes: Vec::new() }
    }
}
