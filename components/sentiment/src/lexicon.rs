//! What single words weigh, on VADER's scale from -4 to 4.
//!
//! The lexicon is VADER's. Its sentence scoring, as ported by the crate, is not
//! used: it adds a booster's weight a second time and without its sign (so that
//! "this is extremely bad" weighs what "this is bad" weighs), finds boosters
//! inside other words ("so" in "person"), and is quadratic in the text.

use std::sync::LazyLock;

use vader_sentimental::SentimentIntensityAnalyzer;

/// VADER's normalisation constant: the square root's share of a compound score.
pub const ALPHA: f64 = 15.0;

/// VADER's change for a booster directly before a word; less for a dampener.
pub const BOOST: f64 = 0.293;

static ANALYZER: LazyLock<SentimentIntensityAnalyzer<'static>> =
    LazyLock::new(SentimentIntensityAnalyzer::new);

/// Words whose mood in the lexicon is that of tweets, not of a telephone call.
/// Plain business and politeness carry none.
const OVERRIDES: &[(&str, f64)] = &[
    ("accept", 0.0),
    ("agree", 0.5),
    ("alone", 0.0),
    ("awesome", 3.1),
    ("cancel", 0.0),
    ("canceled", 0.0),
    ("canceling", 0.0),
    ("cancelled", 0.0),
    ("cancelling", 0.0),
    ("care", 0.0),
    ("certain", 0.0),
    ("chance", 0.0),
    ("charge", 0.0),
    ("charged", 0.0),
    ("charges", 0.0),
    ("clear", 0.0),
    ("clearly", 0.0),
    ("credit", 0.0),
    ("dear", 0.0),
    ("demand", -0.8),
    ("demanding", -0.8),
    ("easier", 0.8),
    ("energy", 0.0),
    ("free", 0.0),
    ("god", 0.0),
    ("grant", 0.0),
    ("hand", 0.0),
    ("heard", 0.0),
    ("help", 0.0),
    ("hope", 0.3),
    ("huge", 0.0),
    ("important", 0.0),
    ("incredible", 2.4),
    ("insurance", 0.0),
    ("interest", 0.0),
    ("kidding", -0.4),
    ("like", 0.0),
    ("liked", 1.5),
    ("lucky", 1.2),
    ("matter", 0.0),
    ("matters", 0.0),
    ("miss", 0.0),
    ("missed", -0.4),
    ("number", 0.0),
    ("ok", 0.0),
    ("okay", 0.0),
    ("party", 0.0),
    ("play", 0.0),
    ("please", 0.0),
    ("pressure", 0.0),
    ("ready", 0.0),
    ("save", 0.0),
    ("secure", 0.0),
    ("security", 0.0),
    ("serious", 0.0),
    ("share", 0.0),
    ("sorry", 0.0),
    ("straight", 0.0),
    ("support", 0.0),
    ("supports", 0.0),
    ("sure", 0.0),
    ("top", 0.0),
    ("true", 0.0),
    ("trust", 0.8),
    ("urgent", -0.8),
    ("urgently", -0.8),
    ("value", 0.0),
    ("want", 0.0),
    ("warm", 0.0),
    ("welcome", 0.5),
    ("well", 0.0),
    ("yeah", 0.0),
    ("yep", 0.0),
    ("yes", 0.0),
];

/// VADER's boosters.
const BOOSTERS: &[&str] = &[
    "absolutely",
    "amazingly",
    "awfully",
    "completely",
    "considerably",
    "decidedly",
    "deeply",
    "effing",
    "enormously",
    "entirely",
    "especially",
    "exceptionally",
    "extremely",
    "fabulously",
    "flipping",
    "freaking",
    "frickin",
    "fricking",
    "friggin",
    "frigging",
    "fucking",
    "fully",
    "greatly",
    "highly",
    "hugely",
    "incredibly",
    "intensely",
    "majorly",
    "more",
    "most",
    "particularly",
    "purely",
    "quite",
    "real",
    "really",
    "remarkably",
    "so",
    "substantially",
    "thoroughly",
    "too",
    "total",
    "totally",
    "tremendously",
    "truly",
    "unbelievably",
    "unusually",
    "utter",
    "utterly",
    "very",
];

/// VADER's dampeners, and "bit" for "a bit".
const DAMPENERS: &[&str] = &[
    "almost",
    "bit",
    "fairly",
    "kinda",
    "less",
    "little",
    "marginally",
    "mildly",
    "occasionally",
    "partly",
    "slight",
    "slightly",
    "somewhat",
    "sorta",
];

/// VADER's negations. "Hardly", "barely" and "scarcely" stand here and not with
/// the dampeners, for "hardly helpful" is no praise.
const NEGATIONS: &[&str] = &[
    "aint", "arent", "barely", "cannot", "cant", "couldnt", "despite", "didnt", "doesnt", "dont", "hadnt",
    "hardly", "hasnt", "havent", "isnt", "mightnt", "mustnt", "neednt", "neither", "never", "nobody", "none",
    "nope", "nor", "not", "nothing", "nowhere", "oughtnt", "rarely", "scarcely", "seldom", "shant",
    "shouldnt", "wasnt", "werent", "without", "wont", "wouldnt",
];

/// The mood of one word, in tenths from -4 to 4; 0 for a word without any.
pub fn valence(word: &str) -> f64 {
    if let Ok(at) = OVERRIDES.binary_search_by_key(&word, |(known, _)| known) {
        return OVERRIDES.get(at).map_or(0.0, |(_, valence)| *valence);
    }
    // Of one lower-case word the analyser returns the lexicon's value, normalised.
    let compound = ANALYZER.polarity_scores(word).compound;
    let raw = compound * (ALPHA / (1.0 - compound * compound).max(f64::EPSILON)).sqrt();
    (raw * 10.0).round() / 10.0
}

/// What `word` adds to the strength of a word after it: positive for a booster,
/// negative for a dampener.
pub fn boost(word: &str) -> f64 {
    if BOOSTERS.binary_search(&word).is_ok() {
        BOOST
    } else if DAMPENERS.binary_search(&word).is_ok() {
        -BOOST
    } else {
        0.0
    }
}

/// Whether `word` turns the mood of what follows it.
pub fn negates(word: &str) -> bool {
    NEGATIONS.binary_search(&word).is_ok() || word.ends_with("n't")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_weigh_exactly_what_the_lexicon_says() {
        for (word, expected) in
            [("good", 1.9), ("great", 3.1), ("worst", -3.1), ("hell", -3.6), ("helpful", 1.8), ("table", 0.0)]
        {
            assert_eq!(valence(word), expected, "{word}");
        }
    }

    #[test]
    fn the_tables_are_sorted_for_the_search() {
        assert!(OVERRIDES.is_sorted_by(|a, b| a.0 < b.0));
        for table in [BOOSTERS, DAMPENERS, NEGATIONS] {
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
        }
    }

    #[test]
    fn plain_telephone_business_carries_no_mood() {
        for word in ["cancel", "please", "free", "credit", "security", "help", "yes", "okay"] {
            assert_eq!(valence(word), 0.0, "{word}");
        }
    }
}
