//! Which words of a turn lie where in its audio, and so which were heard.

use std::ops::Range;

use crate::pace::Pace;
use crate::words::normal;
use crate::{ClauseId, SpokenWord};

/// The words that were handed to the synthesiser, and their places in the audio as
/// far as they are known: exactly where the synthesiser says so, else by share.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pace: Pace,
    said: String,
    clauses: Vec<Clause>,
    /// The audio of keys: it has no words.
    tones: Vec<Range<u64>>,
    open_from: u64,
    words: Vec<PlacedWord>,
    words_end: usize,
    words_count: bool,
    /// Audio that the synthesiser does not know of, in order: keys, and lines that were at
    /// hand.
    inserted: Vec<Range<u64>>,
    floor: usize,
}

#[derive(Clone, Debug)]
struct Clause {
    text: Range<usize>,
    audio: Option<Range<u64>>,
}

#[derive(Clone, Debug)]
struct PlacedWord {
    text: Range<usize>,
    audio: Range<u64>,
}

impl Spoken {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            said: String::new(),
            clauses: Vec::new(),
            tones: Vec::new(),
            open_from: 0,
            words: Vec::new(),
            words_end: 0,
            words_count: true,
            inserted: Vec::new(),
            floor: 0,
        }
    }

    /// Adds a clause; returns its number.
    pub(crate) fn push(&mut self, clause: &str) -> ClauseId {
        let start = self.said.len();
        self.said.push_str(clause);
        self.clauses.push(Clause { text: start..self.said.len(), audio: None });
        ClauseId(u32::try_from(self.clauses.len() - 1).unwrap_or(u32::MAX))
    }

    /// All words so far.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// How many clauses there are.
    pub(crate) fn n_clauses(&self) -> usize {
        self.clauses.len()
    }

    /// Notes that a key is heard at `audio`, behind the clauses that are done. Those that
    /// are open begin behind it.
    pub(crate) fn insert_tone(&mut self, audio: Range<u64>) {
        self.open_from = self.open_from.max(audio.end);
        self.inserted.push(audio.clone());
        self.tones.push(audio);
    }

    /// The words of the clauses from number `from` on.
    pub(crate) fn clauses_from(&self, from: usize) -> impl Iterator<Item = (ClauseId, &str)> {
        self.clauses.iter().enumerate().skip(from).map(|(number, clause)| {
            let text = self.said.get(clause.text.clone()).unwrap_or_default();
            (ClauseId(u32::try_from(number).unwrap_or(u32::MAX)), text)
        })
    }

    /// The number of the first clause whose audio has not all come.
    pub(crate) fn first_open(&self) -> Option<usize> {
        self.clauses.iter().position(|clause| clause.audio.is_none())
    }

    /// Where the audio of the open clauses begins.
    pub(crate) fn open_from(&self) -> u64 {
        self.open_from
    }

    /// Whether the audio that has come can be all of the open clauses, spoken fast.
    pub(crate) fn open_may_be_done(&self, received: u64) -> bool {
        let text = (self.said.len() - self.open_text()) as u64;
        let micros = u64::try_from(self.pace.time(received.saturating_sub(self.open_from)).as_micros());
        micros.unwrap_or(0).saturating_mul(FAST_SPEECH) / 1_000_000 >= text
    }

    /// Notes that all audio up to and with `clause` has come; `heard` is what the
    /// caller has heard so far. Clauses that were not told apart share their audio
    /// by length.
    pub(crate) fn done(&mut self, clause: ClauseId, received: u64, heard: u64) {
        let Some(first) = self.first_open() else { return };
        let last = (clause.0 as usize).min(self.clauses.len().saturating_sub(1));
        if last < first {
            return;
        }
        self.keep(heard);
        let (start, length) = (self.open_from, received.saturating_sub(self.open_from));
        let text_start = self.clauses.get(first).map_or(0, |clause| clause.text.start);
        let text_end = self.clauses.get(last).map_or(0, |clause| clause.text.end);
        let all = (text_end - text_start).max(1) as u64;
        let place = |text: usize| start + length * (text - text_start) as u64 / all;
        for clause in self.clauses.iter_mut().take(last + 1).skip(first) {
            clause.audio = Some(place(clause.text.start)..place(clause.text.end));
        }
        self.open_from = received;
    }

    /// Notes that the last clause came from elsewhere than the synthesiser: its audio is
    /// that between two lengths of what was received. All clauses before it are done.
    pub(crate) fn inserted(&mut self, from: u64, received: u64, heard: u64) {
        self.inserted.push(from..received.max(from));
        self.all_done(received, heard);
    }

    /// Where the audio of a clause begins, where that is known.
    pub(crate) fn starts_at(&self, clause: usize) -> Option<u64> {
        let Some(before) = clause.checked_sub(1) else { return Some(0) };
        Some(self.clauses.get(before)?.audio.as_ref()?.end)
    }

    /// Notes that the synthesiser broke off after `received`, and how much of it is with
    /// the caller or on the way there; returns the first clause that is not whole there.
    /// Those before it are done, though the synthesiser did not say so.
    pub(crate) fn broke_off(&mut self, received: u64, heard: u64) -> Option<usize> {
        let first = self.first_open()?;
        let length = self.heard_length(received);
        let is_whole = |clause: &&Clause| {
            self.said.get(..clause.text.end).is_some_and(|text| text.trim_end().len() <= length)
        };
        let whole = self.clauses.iter().skip(first).take_while(is_whole).count();
        if let Some(last) = (first + whole).checked_sub(1).filter(|_| whole > 0) {
            self.done(ClauseId(u32::try_from(last).unwrap_or(u32::MAX)), received, heard);
        }
        self.first_open()
    }

    /// Gives up the words that will not be spoken: of the open clauses, only what will
    /// be heard of the audio that was received stays.
    pub(crate) fn give_up_open(&mut self, received: u64, heard: u64) {
        let Some(first) = self.first_open() else { return };
        let end = self.heard_length(received).max(self.open_text());
        self.keep(heard);
        self.said.truncate(end);
        for clause in self.clauses.iter_mut().skip(first) {
            clause.text = clause.text.start.min(end)..clause.text.end.min(end);
            clause.audio = Some(received..received);
        }
        if let Some(clause) = self.clauses.get_mut(first) {
            clause.audio = Some(self.open_from..received);
        }
        self.open_from = received;
        self.words.retain(|word| word.text.end <= end);
        self.words_count = false;
    }

    /// Notes that all audio has come.
    pub(crate) fn all_done(&mut self, received: u64, heard: u64) {
        self.done(ClauseId(u32::MAX), received, heard);
    }

    /// Notes that the open clauses are spoken anew, behind what has come so far.
    pub(crate) fn restart_open(&mut self, received: u64, heard: u64) {
        self.keep(heard);
        self.open_from = received;
        self.words_count = false;
    }

    /// Notes where words lie. They are found in the text one after the other; one
    /// that is not found, because the synthesiser writes it differently, is skipped.
    pub(crate) fn place(&mut self, words: &[SpokenWord], heard: u64) {
        if !self.words_count {
            return;
        }
        self.keep(heard);
        for word in words {
            let Some(text) = self.find(&normal(&word.word)) else { continue };
            self.words_end = text.end;
            let start = self.behind_inserted(self.pace.bytes(word.start), true);
            let end = self.behind_inserted(self.pace.bytes(word.end), false);
            self.words.push(PlacedWord { text, audio: start..end });
        }
    }

    /// How much of the text is heard when the audio is up to `heard`: whole words
    /// only, and never less than before.
    pub(crate) fn heard_length(&self, heard: u64) -> usize {
        if heard == 0 {
            return self.floor;
        }
        let mut whole = 0;
        for clause in &self.clauses {
            match &clause.audio {
                Some(audio) if heard >= audio.end => whole = clause.text.end,
                _ => return self.floor.max(self.heard_within(clause, heard)).max(whole),
            }
        }
        self.floor.max(whole)
    }

    /// The text that is heard when the audio is up to `heard`.
    pub(crate) fn heard(&self, heard: u64) -> &str {
        self.said.get(..self.heard_length(heard)).unwrap_or_default().trim()
    }

    /// Where in the audio the first unheard word begins, or the first unheard key.
    pub(crate) fn first_unheard(&self, heard: u64) -> u64 {
        if let Some(tone) = self.tones.iter().find(|tone| tone.contains(&heard)) {
            // The rest of a tone that was recognised already would be the same key again.
            let recognised = heard - tone.start >= self.pace.bytes(TONE);
            return if recognised { tone.end } else { tone.start };
        }
        let length = self.heard_length(heard);
        let rest = self.said.get(length..).unwrap_or_default();
        let at = length + (rest.len() - rest.trim_start().len());
        let Some(clause) = self.clauses.iter().find(|clause| clause.text.end > at) else {
            return heard;
        };
        if let Some(word) = self.words.iter().find(|word| word.text.contains(&at)) {
            return word.audio.start.min(heard);
        }
        let (from, text_from, bytes) = match &clause.audio {
            Some(audio) => {
                let text = (clause.text.end - clause.text.start).max(1) as u64;
                let into = (at - clause.text.start) as u64;
                (audio.start, clause.text.start, (audio.end - audio.start) * into / text)
            }
            None => {
                let start = self.open_text();
                (self.open_from, start, self.open_bytes(at.saturating_sub(start)))
            }
        };
        // A word that is heard in part may begin before the share says.
        let from = if at == text_from { from } else { from + bytes };
        from.min(heard)
    }

    /// Where a position in the synthesiser's audio lies in the turn's, which has the inserted
    /// audio as well. What ends where that begins ends before it.
    fn behind_inserted(&self, position: u64, is_start: bool) -> u64 {
        self.inserted.iter().fold(position, |at, inserted| {
            let before = if is_start { at < inserted.start } else { at <= inserted.start };
            if before { at } else { at + (inserted.end - inserted.start) }
        })
    }

    fn heard_within(&self, clause: &Clause, heard: u64) -> usize {
        let open = clause.audio.is_none();
        let text = if open { self.open_text()..self.said.len() } else { clause.text.clone() };
        if self.words.iter().any(|word| text.contains(&word.text.start)) {
            let placed = self.words.iter().filter(|word| word.audio.end <= heard).map(|word| word.text.end);
            return placed.max().unwrap_or(0).min(text.end);
        }
        let share = match &clause.audio {
            Some(audio) if heard > audio.start => {
                let length = (text.end - text.start) as u64;
                length * (heard - audio.start) / (audio.end - audio.start).max(1)
            }
            None if heard > self.open_from => self.open_share(heard - self.open_from),
            _ => return 0,
        };
        let limit = usize::try_from(share).unwrap_or(usize::MAX).min(text.end - text.start);
        self.whole_words(text.start, text.start + limit)
    }

    /// The end of the last word that ends at or before `limit`.
    fn whole_words(&self, start: usize, limit: usize) -> usize {
        // A clause ends a word, whatever the next one begins with.
        let ends =
            self.clauses.iter().map(|clause| clause.text.end).filter(|end| (start..=limit).contains(end));
        let mut end = ends.max().unwrap_or(0);
        let mut before_is_white = true;
        let text = self.said.get(start..).unwrap_or_default();
        for (at, c) in text.char_indices() {
            if start + at > limit {
                break;
            }
            if c.is_whitespace() && !before_is_white {
                end = end.max(start + at);
            }
            before_is_white = c.is_whitespace();
        }
        end
    }

    fn find(&self, word: &str) -> Option<Range<usize>> {
        if word.is_empty() {
            return None;
        }
        let mut at = self.words_end;
        let mut n_words = 0;
        for token in self.said.get(self.words_end..)?.split_inclusive(char::is_whitespace) {
            if n_words == LOOK_AHEAD {
                break;
            }
            if normal(token) == word {
                return Some(at..at + token.trim_end().len());
            }
            at += token.len();
            n_words += usize::from(!token.trim().is_empty());
        }
        None
    }

    fn open_text(&self) -> usize {
        self.clauses
            .iter()
            .find(|clause| clause.audio.is_none())
            .map_or(self.said.len(), |clause| clause.text.start)
    }

    fn open_share(&self, bytes: u64) -> u64 {
        let micros = u64::try_from(self.pace.time(bytes).as_micros()).unwrap_or(0);
        micros * SLOW_SPEECH / 1_000_000
    }

    fn open_bytes(&self, text: usize) -> u64 {
        self.pace.bytes(std::time::Duration::from_micros(text as u64 * 1_000_000 / SLOW_SPEECH))
    }

    /// What was heard stays heard when places become known better.
    fn keep(&mut self, heard: u64) {
        self.floor = self.heard_length(heard);
    }
}

/// Characters a second of slow speech. Used while the length of a clause's audio is
/// unknown: to credit too little is safe, to credit too much is not. Ordinary speech
/// has 14 to 15 (LiveKit Agents: 3.83 syllables).
const SLOW_SPEECH: u64 = 10;
/// Characters a second of fast speech.
const FAST_SPEECH: u64 = 25;
/// The shortest tone that a receiver must recognise (ITU-T Q.24).
const TONE: std::time::Duration = std::time::Duration::from_millis(40);
/// Words that a synthesiser may leave out or write differently in a row.
const LOOK_AHEAD: usize = 4;

#[cfg(test)]
mod tests;
