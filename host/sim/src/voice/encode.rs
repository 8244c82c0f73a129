//! Text to sound.

use std::borrow::Cow;
use std::time::Duration;

use super::alphabet::{codes, plain};
use super::{GAP, MARKER, SAMPLE_RATE, SYMBOL, Speaker, sound};

/// The ramp at either end of a word's tone, so that it does not click.
const RAMP: usize = 24;

/// The passage from one symbol to the next.
const BLEND: usize = 12;

/// Where a word lies in an [`Utterance`], in samples of its rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The word.
    pub text: String,
    /// The first sample of its sound.
    pub start: usize,
    /// The sample after its sound.
    pub end: usize,
}

/// Something said.
#[derive(Clone, Debug)]
pub struct Utterance {
    /// Linear 16-bit audio.
    pub samples: Vec<i16>,
    /// Samples per second.
    pub sample_rate: u32,
    /// The words in it.
    pub words: Vec<Span>,
}

impl Utterance {
    /// As the telephone line carries it.
    pub fn mulaw(&self) -> Vec<u8> {
        self.samples.iter().map(|sample| audio::g711::ulaw_encode(*sample)).collect()
    }

    /// How long it takes to say.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.samples.len() as f64 / f64::from(self.sample_rate))
    }
}

/// Says `text` at 8 kHz.
pub fn speak(speaker: Speaker, text: &str) -> Utterance {
    speak_at(speaker, text, 1)
}

/// Says `text` at `factor` times 8 kHz; 0 counts as 1.
pub fn speak_at(speaker: Speaker, text: &str, factor: usize) -> Utterance {
    let factor = factor.max(1);
    let mut samples = Vec::new();
    let mut words = Vec::new();
    for word in plain(text).split_ascii_whitespace() {
        samples.resize(samples.len() + GAP * factor, 0.0_f32);
        let start = samples.len();
        samples.extend(marker(speaker, factor).iter());
        tone(speaker, word, factor, &mut samples);
        words.push(Span { text: word.to_owned(), start, end: samples.len() });
    }
    let samples = samples.into_iter().map(|sample| (sample * f32::from(i16::MAX)) as i16).collect();
    Utterance { samples, sample_rate: SAMPLE_RATE * factor as u32, words }
}

fn marker(speaker: Speaker, factor: usize) -> Cow<'static, [f32]> {
    if factor == 1 { sound::cached_marker(speaker).into() } else { sound::marker(speaker, factor).into() }
}

fn period(speaker: Speaker, code: usize, factor: usize) -> Cow<'static, [f32]> {
    if factor == 1 {
        sound::cached_period(speaker, code).into()
    } else {
        sound::period(speaker, code, factor).into()
    }
}

fn tone(speaker: Speaker, word: &str, factor: usize, out: &mut Vec<f32>) {
    let (symbol, ramp, blend) = (SYMBOL * factor, (RAMP * factor) as f32, (BLEND * factor) as f32);
    let codes = codes(word);
    let length = codes.len() * symbol;
    let mut before: Option<Cow<'_, [f32]>> = None;
    for (place, code) in codes.iter().enumerate() {
        let table = period(speaker, *code, factor);
        for index in 0..symbol {
            let at = place * symbol + index;
            let sample = |table: &[f32]| table.get(at % table.len().max(1)).copied().unwrap_or_default();
            let share = (index as f32 / blend).min(1.0);
            let blended = match &before {
                Some(before) if share < 1.0 => {
                    sample(before) * (1.0 - share).sqrt() + sample(&table) * share.sqrt()
                }
                _ => sample(&table),
            };
            let edge = (at.min(length - 1 - at) as f32 / ramp).min(1.0);
            out.push(blended * edge);
        }
        before = Some(table);
    }
    debug_assert_eq!(MARKER * factor, marker(speaker, factor).len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_at_human_speed() {
        // From a person who parts the words well to an ordinary one.
        for text in [
            "Hello, this is the practice of Doctor Grey. How can I help you?",
            "I would like to book an appointment for next Tuesday at three, please.",
            "Internationalisation considerations notwithstanding, extraordinarily straightforward.",
        ] {
            let rate = text.len() as f64 / speak(Speaker::Middle, text).duration().as_secs_f64();
            assert!((12.5..=18.0).contains(&rate), "{rate} characters a second for {text:?}");
        }
    }

    #[test]
    fn words_lie_where_the_spans_say() {
        let said = speak(Speaker::High, "one two");
        assert_eq!(said.words.len(), 2);
        for word in &said.words {
            let before = &said.samples[word.start - GAP..word.start];
            assert!(before.iter().all(|sample| *sample == 0));
            assert_eq!(word.end - word.start, MARKER + 4 * SYMBOL);
        }
    }

    #[test]
    fn a_higher_rate_takes_the_same_time() {
        let text = "same time";
        assert_eq!(
            speak_at(Speaker::Low, text, 3).samples.len(),
            3 * speak(Speaker::Low, text).samples.len()
        );
    }
}
