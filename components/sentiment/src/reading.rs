//! The mood of an utterance: VADER's rules over words and phrases.

use crate::{
    bindings::exports::voicehive::platform::sentiment::Label,
    cues,
    lexicon::{self, ALPHA},
    phrases::{self, Cue},
    utterance::Utterance,
};

/// A score at least this far from zero has a mood: VADER's published threshold.
pub const LABEL_THRESHOLD: f32 = 0.05;

/// VADER's factor for a negated word.
const NEGATION: f64 = -0.74;
/// VADER's factors for what stands before and after a "but".
const BEFORE_BUT: f64 = 0.5;
const AFTER_BUT: f64 = 1.5;
/// VADER's weight of an exclamation mark, and how many count.
const EXCLAMATION: f64 = 0.292;
const MAX_EXCLAMATIONS: usize = 4;
/// How far a booster reaches and what is left of it one, two and three words on: VADER.
const REACH: [f64; 3] = [1.0, 0.95, 0.9];
/// How much the caller's words weigh who calls for the third time.
const CALLS_AGAIN: f64 = -1.8;
/// What one asks a machine for when it does not help: uneasy, not yet upset.
const ASKS_FOR_HUMAN: f64 = -0.6;

/// What was read from an utterance.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// From -1 to 1, in ten-thousandths.
    pub score: f32,
    /// From 0 to 1.
    pub confidence: f32,
    /// The caller asks for a human.
    pub asks_for_human: bool,
    /// What else the caller asks for.
    pub cues: Vec<Cue>,
}

impl Reading {
    /// Reads `utterance`.
    pub fn of(utterance: &Utterance) -> Self {
        let (mut weights, mut cues) = weigh(utterance);
        if cues::calls_again(utterance) {
            weights.push(CALLS_AGAIN);
            cues.push(Cue::RepeatContact);
        }
        let asks_for_human = cues::asks_for_human(utterance);
        if asks_for_human {
            weights.push(ASKS_FOR_HUMAN);
        }
        let score = compound(&weights, utterance.exclamations);
        Self { score, confidence: confidence(&weights, utterance.tokens.len()), asks_for_human, cues }
    }

    /// The mood in one word.
    pub fn label(&self) -> Label {
        if self.score >= LABEL_THRESHOLD {
            Label::Positive
        } else if self.score <= -LABEL_THRESHOLD {
            Label::Negative
        } else {
            Label::Neutral
        }
    }

    /// Whether the caller gave `cue`.
    pub fn has(&self, cue: Cue) -> bool {
        self.cues.contains(&cue)
    }
}

/// The weights of all words and phrases that have one, and the cues.
fn weigh(utterance: &Utterance) -> (Vec<f64>, Vec<Cue>) {
    let contrast =
        utterance.tokens.iter().rposition(|token| matches!(token.word.as_str(), "but" | "however"));
    let (mut weights, mut cues) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < utterance.tokens.len() {
        let (valence, length) = match phrases::at(utterance, at) {
            Some((phrase, length)) => {
                if let Some(cue) = phrase.cue
                    && !negated(utterance, at)
                {
                    cues.push(cue);
                }
                (phrase.valence, length)
            }
            None if is_name(utterance, at) => (0.0, 1),
            None => (own_weight(utterance.word(at)), 1),
        };
        if valence != 0.0 {
            let factor = match contrast {
                Some(but) if at < but => BEFORE_BUT,
                Some(but) if at > but => AFTER_BUT,
                _ => 1.0,
            };
            weights.push(in_context(utterance, at, valence) * factor);
        }
        at += length;
    }
    (weights, cues)
}

/// A booster or a negation weighs nothing by itself.
fn own_weight(word: &str) -> f64 {
    if word == "no" || lexicon::boost(word) != 0.0 || lexicon::negates(word) {
        0.0
    } else {
        lexicon::valence(word)
    }
}

/// "My name is Grace" says nothing about grace.
fn is_name(utterance: &Utterance, at: usize) -> bool {
    let word = |back: usize| at.checked_sub(back).map_or("", |index| utterance.word(index));
    (word(2) == "name" && word(1) == "is")
        || word(1) == "name's"
        || matches!(word(1), "mr" | "mrs" | "ms" | "miss" | "doctor" | "dr")
}

/// `valence` after the boosters and negations among the three words before it.
fn in_context(utterance: &Utterance, at: usize, valence: f64) -> f64 {
    let mut valence = valence;
    for (back, left) in (1..).zip(REACH) {
        let Some(index) = linked(utterance, at, back) else { break };
        let word = utterance.word(index);
        valence += valence.signum() * lexicon::boost(word) * left;
        if turns(utterance, index) {
            let emphatic = word == "never" && back > 1 && matches!(utterance.word(index + 1), "so" | "this");
            let certain = word == "without" && utterance.word(index + 1) == "doubt";
            valence *= if emphatic {
                1.25
            } else if certain {
                1.0
            } else {
                NEGATION
            };
        }
    }
    valence
}

fn negated(utterance: &Utterance, at: usize) -> bool {
    (1..=REACH.len())
        .map_while(|back| linked(utterance, at, back))
        .filter(|index| turns(utterance, *index))
        .count()
        % 2
        == 1
}

/// The index of the word `back` words before `at`, unless a sentence ended in
/// between or a comma did: "I don't know, thanks" negates no thanks, while in
/// "not very, very good" the booster carries on.
fn linked(utterance: &Utterance, at: usize, back: usize) -> Option<usize> {
    let index = at.checked_sub(back)?;
    let token = utterance.tokens.get(index)?;
    let parted = utterance.tokens.get(index..at)?.iter().enumerate().any(|(offset, token)| {
        token.ends_sentence || (token.comma && lexicon::boost(utterance.word(index + offset + 1)) == 0.0)
    });
    (!parted && !token.word.is_empty()).then_some(index)
}

/// Whether the word at `index` negates what follows. "No" does, unless it is an
/// answer; "least" does, unless it is "at least".
fn turns(utterance: &Utterance, index: usize) -> bool {
    let previous = index.checked_sub(1).map_or("", |previous| utterance.word(previous));
    match utterance.word(index) {
        "no" => !matches!(
            utterance.word(index + 1),
            "" | "actually"
                | "and"
                | "but"
                | "he"
                | "i"
                | "i'm"
                | "it"
                | "it's"
                | "ma'am"
                | "no"
                | "she"
                | "sir"
                | "thank"
                | "thanks"
                | "that"
                | "that's"
                | "they"
                | "this"
                | "we"
                | "you"
                | "you're"
        ),
        "least" => !matches!(previous, "at" | "very"),
        // "Not only" and "nothing but" affirm.
        "not" => utterance.word(index + 1) != "only",
        "nothing" => utterance.word(index + 1) != "but",
        word => lexicon::negates(word),
    }
}

/// VADER's compound score, in ten-thousandths as VADER rounds it.
fn compound(weights: &[f64], exclamations: usize) -> f32 {
    // An empty sum is -0.0, which would read as a mood in a log.
    let sum: f64 = weights.iter().sum::<f64>() + 0.0;
    let emphasis = EXCLAMATION * exclamations.min(MAX_EXCLAMATIONS) as f64;
    let sum = if sum > 0.0 {
        sum + emphasis
    } else if sum < 0.0 {
        sum - emphasis
    } else {
        sum
    };
    let normalised = sum / (sum * sum + ALPHA).sqrt();
    ((normalised * 10_000.0).round() / 10_000.0) as f32
}

/// How much stands behind the score: the total weight found (half way at 1.5),
/// less where it pulls both ways. Without any, silence of the lexicon over more
/// words is better evidence of a plain mood, up to a half.
fn confidence(weights: &[f64], n_words: usize) -> f32 {
    let mass: f64 = weights.iter().map(|weight| weight.abs()).sum();
    if mass == 0.0 {
        return (n_words as f32 * 0.05).min(0.5);
    }
    let agreement = weights.iter().sum::<f64>().abs() / mass;
    (mass / (mass + 1.5) * (0.4 + 0.6 * agreement)) as f32
}
