//! The lexical embedding: signed feature hashing of words, word pairs and
//! letter trigrams (Weinberger and others, 2009), so that no vocabulary is
//! needed and a text embeds alike everywhere and for ever.

use std::collections::BTreeMap;

use crate::words::{self, Word};

/// How many dimensions an embedding has.
pub const DIMENSIONS: usize = 768;

/// How much of a text is read, in bytes; the rest is ignored.
pub const MAX_TEXT: usize = 32 * 1024;

/// The weight of what a word stands for: its stem or its group of synonyms.
const CONCEPT: f64 = 1.0;
/// The extra weight of the very word, so that it ranks above its synonym.
const SPELLING: f64 = 0.5;
/// The weight of two words with a subject that follow each other.
const PAIR: f64 = 0.5;
/// The weight of all trigrams of a word together: enough to survive a typing or
/// a recognition error, too little to liken words that merely look alike.
const TRIGRAMS: f64 = 0.5;
/// What is left of the weight of a word that says little.
const STOP: f64 = 0.15;

/// Embeds `text`: [`DIMENSIONS`] numbers of unit length, or all zero when the
/// text has no word.
pub fn embed(text: &str) -> Vec<f32> {
    let features = features(cut(text));
    let mut sums = vec![0.0_f64; DIMENSIONS];
    for (feature, Weight { weight, count }) in &features {
        // Sublinear: the fourth mention of a word counts as much as the first did again.
        let value = weight * f64::from(*count).sqrt();
        if let Some(sum) = sums.get_mut(bucket(*feature)) {
            *sum += if is_negative(*feature) { -value } else { value };
        }
    }
    let norm = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
    if norm > 1e-9 {
        return sums.iter().map(|sum| (sum / norm) as f32).collect();
    }
    // Either no word, or features that cancelled each other out to nothing.
    let mut embedding = vec![0.0; DIMENSIONS];
    if let Some(slot) = features.keys().next().and_then(|first| embedding.get_mut(bucket(*first))) {
        *slot = 1.0;
    }
    embedding
}

struct Weight {
    weight: f64,
    count: u32,
}

/// Ordered, so that sums round alike every time.
type Features = BTreeMap<u64, Weight>;

fn features(text: &str) -> Features {
    let mut features = Features::new();
    let mut previous: Option<Word> = None;
    for word in words::words(text) {
        let factor = if word.is_stop { STOP } else { 1.0 };
        add(&mut features, "concept", &[&word.concept], CONCEPT * factor);
        add(&mut features, "word", &[&word.spelled], SPELLING * factor);
        if word.is_stop {
            continue;
        }
        add_trigrams(&mut features, &word.spelled);
        if let Some(previous) = &previous {
            add(&mut features, "pair", &[&previous.concept, &word.concept], PAIR);
        }
        previous = Some(word);
    }
    features
}

fn add_trigrams(features: &mut Features, word: &str) {
    let padded: Vec<char> = "^".chars().chain(word.chars()).chain("$".chars()).collect();
    let n_trigrams = padded.len().saturating_sub(2).max(1);
    // The trigrams of a word are orthogonal: so their sum has the length TRIGRAMS.
    let weight = TRIGRAMS / (n_trigrams as f64).sqrt();
    for trigram in padded.windows(3) {
        add(features, "trigram", &[&trigram.iter().collect::<String>()], weight);
    }
}

fn add(features: &mut Features, family: &str, parts: &[&str], weight: f64) {
    let known = features.entry(hash(family, parts)).or_insert(Weight { weight, count: 0 });
    known.count = known.count.saturating_add(1);
}

/// FNV-1a over the parts with a separator after each, then MurmurHash3's
/// finaliser: FNV alone spreads short inputs poorly over the high bits.
fn hash(family: &str, parts: &[&str]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET;
    for part in [family].iter().chain(parts) {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn bucket(feature: u64) -> usize {
    // The low 63 bits, so that the sign is independent of the place.
    usize::try_from((feature >> 1) % DIMENSIONS as u64).unwrap_or(0)
}

fn is_negative(feature: u64) -> bool {
    feature & 1 == 1
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_never_changes_for_it_is_stored() {
        // Computed by an independent program from the rules above.
        let embedding = embed("Router");
        for (place, value) in embedding.iter().enumerate() {
            let expected = ROUTER.iter().find(|(known, _)| *known == place).map_or(0.0, |(_, value)| *value);
            assert!((value - expected).abs() < 2e-6, "{place}: {value}, not {expected}");
        }
    }

    #[test]
    fn a_separator_keeps_parts_apart() {
        assert_ne!(hash("pair", &["ab", "c"]), hash("pair", &["a", "bc"]));
    }

    const ROUTER: &[(usize, f32)] = &[
        (45, 0.166667),
        (74, -0.166667),
        (77, -0.166667),
        (185, 0.408248),
        (361, 0.166667),
        (416, 0.816497),
        (675, 0.166667),
        (760, -0.166667),
    ];
}
