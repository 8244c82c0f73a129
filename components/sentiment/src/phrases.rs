//! Phrases of the telephone that weigh something as a whole.
//!
//! A phrase stands for all of its words: their own weights do not count. The
//! longest phrase wins. Weights are on VADER's scale from -4 to 4, set beside
//! the lexicon's words ("bad" -2.5, "good" 1.9), and obey the same rules of
//! negation, boosting and contrast.

use std::{collections::HashMap, sync::LazyLock};

use crate::utterance::Utterance;

/// What a phrase asks for beyond its mood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// The caller is about to leave, or threatens with a lawyer or a complaint.
    Leaving,
    /// The caller has called about this before, again and again.
    RepeatContact,
    /// The caller cannot follow.
    Lost,
    /// The caller has no time.
    Hurried,
}

/// One phrase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phrase {
    words: &'static str,
    /// Its weight.
    pub valence: f64,
    /// What it asks for.
    pub cue: Option<Cue>,
}

const fn mood(words: &'static str, valence: f64) -> Phrase {
    Phrase { words, valence, cue: None }
}

const fn cue(words: &'static str, valence: f64, cue: Cue) -> Phrase {
    Phrase { words, valence, cue: Some(cue) }
}

const PHRASES: &[Phrase] = &[
    // Pleased.
    mood("all good", 1.6),
    mood("all set", 1.0),
    mood("appreciate it", 2.0),
    mood("exactly what i needed", 2.2),
    mood("exactly what i wanted", 2.2),
    mood("big help", 2.0),
    mood("can't wait", 2.0),
    mood("can't complain", 1.2),
    mood("couldn't be better", 2.8),
    mood("couldn't be happier", 3.0),
    mood("good idea", 1.7),
    mood("it helps", 1.6),
    mood("it works now", 1.8),
    mood("it's working now", 1.8),
    mood("life saver", 2.8),
    mood("lifesaver", 2.8),
    mood("looking forward", 1.8),
    mood("made my day", 3.0),
    mood("many thanks", 2.2),
    mood("much appreciated", 2.4),
    mood("no problem at all", 1.4),
    mood("not a problem", 1.0),
    mood("no problem", 1.0),
    mood("no worries", 1.0),
    mood("not bad", 1.2),
    mood("not too bad", 1.0),
    mood("no complaints", 1.2),
    mood("sounds good", 1.9),
    mood("sounds great", 2.9),
    mood("sounds perfect", 3.0),
    mood("thank you so much", 2.8),
    mood("thank you so very much", 3.0),
    mood("thank you very much", 2.4),
    mood("thanks a lot", 2.2),
    mood("thanks so much", 2.6),
    mood("that helps", 1.6),
    mood("that will work", 1.5),
    mood("that works", 1.5),
    mood("that would be great", 1.9),
    mood("that would work", 1.5),
    mood("that'd be great", 1.9),
    mood("that'll work", 1.5),
    mood("very well", 1.2),
    mood("went well", 1.8),
    mood("works for me", 1.6),
    mood("works well", 1.8),
    mood("you're a star", 2.8),
    mood("have a good day", 1.0),
    mood("have a great day", 1.4),
    mood("have a nice day", 1.0),
    // Displeased.
    mood("already told you", -1.6),
    mood("already told me", -1.2),
    mood("already said that", -1.2),
    mood("another robot", -1.2),
    mood("are you even listening", -2.2),
    mood("are you kidding", -1.8),
    mood("are you serious", -1.2),
    mood("at the end of my rope", -2.5),
    mood("at the end of my tether", -2.5),
    mood("been on hold", -1.6),
    mood("been waiting", -1.4),
    mood("can't believe this", -1.8),
    mood("bit my head off", -2.0),
    mood("charged me twice", -2.0),
    mood("charged twice", -2.0),
    mood("cut me off", -1.6),
    mood("does not help", -1.6),
    mood("does not work", -1.8),
    mood("doesn't help", -1.6),
    mood("doesn't work", -1.8),
    mood("don't work", -1.6),
    mood("didn't work", -1.6),
    mood("did not work", -1.6),
    mood("isn't working", -1.8),
    mood("is not working", -1.8),
    mood("not working", -1.8),
    mood("nothing works", -2.2),
    mood("stopped working", -1.8),
    mood("won't work", -1.6),
    mood("wouldn't work", -1.2),
    mood("double charged", -2.0),
    mood("fed up", -2.3),
    mood("for god's sake", -2.2),
    mood("for heaven's sake", -2.0),
    mood("getting nowhere", -2.0),
    mood("give up", -1.6),
    mood("happening again", -1.4),
    mood("happened again", -1.4),
    mood("keeps happening", -1.6),
    mood("lied to me", -2.6),
    mood("never mind", -0.6),
    mood("passed away", -2.2),
    mood("stop calling", -2.0),
    mood("going in circles", -1.8),
    mood("going around in circles", -1.8),
    mood("had enough", -2.2),
    mood("hung up on me", -2.2),
    mood("last straw", -2.5),
    mood("let me down", -2.0),
    mood("never called back", -1.8),
    mood("never called me back", -2.0),
    mood("never got back to me", -2.0),
    mood("no help", -1.8),
    mood("no one called", -1.6),
    mood("nobody called", -1.6),
    mood("no one answers", -1.6),
    mood("nobody answers", -1.6),
    mood("not acceptable", -2.2),
    mood("not good enough", -2.4),
    mood("not helping", -1.8),
    mood("not listening", -1.8),
    mood("aren't listening", -1.8),
    mood("don't think that's right", -0.8),
    mood("not right", -1.2),
    mood("not what i asked", -1.4),
    mood("not what i wanted", -1.6),
    mood("not what i said", -1.3),
    mood("not what i meant", -1.0),
    mood("out of order", -1.2),
    mood("overcharged", -2.0),
    mood("rip off", -2.6),
    mood("ripped off", -2.6),
    mood("sick and tired", -2.8),
    mood("sick of", -2.3),
    mood("still doesn't", -1.4),
    mood("still don't", -1.2),
    mood("still hasn't", -1.4),
    mood("still haven't", -1.2),
    mood("still not", -1.4),
    mood("still waiting", -1.6),
    mood("taking forever", -1.9),
    mood("takes forever", -1.9),
    mood("thanks for nothing", -2.4),
    mood("this is ridiculous", -2.4),
    mood("tired of", -2.0),
    mood("too expensive", -1.6),
    mood("too long", -1.2),
    mood("too slow", -1.6),
    mood("under the weather", -1.2),
    mood("waste of money", -2.6),
    mood("waste of time", -2.6),
    mood("wasting my time", -2.6),
    mood("what a joke", -2.4),
    mood("what the hell", -2.4),
    mood("yeah right", -2.0),
    mood("you must be joking", -1.8),
    mood("you don't understand", -1.6),
    mood("you're not understanding", -1.6),
    // About to leave, or to take it further.
    cue("cancel my account", -2.0, Cue::Leaving),
    cue("cancel my contract", -2.0, Cue::Leaving),
    cue("cancel my membership", -2.0, Cue::Leaving),
    cue("cancel my plan", -1.8, Cue::Leaving),
    cue("cancel my policy", -1.8, Cue::Leaving),
    cue("cancel my service", -2.0, Cue::Leaving),
    cue("cancel my subscription", -2.0, Cue::Leaving),
    cue("close my account", -2.0, Cue::Leaving),
    cue("delete my account", -1.8, Cue::Leaving),
    cue("demand a refund", -2.2, Cue::Leaving),
    cue("file a complaint", -2.0, Cue::Leaving),
    cue("make a complaint", -2.0, Cue::Leaving),
    cue("legal action", -2.2, Cue::Leaving),
    cue("my lawyer", -1.8, Cue::Leaving),
    cue("my attorney", -1.8, Cue::Leaving),
    cue("never using you again", -2.6, Cue::Leaving),
    cue("never use you again", -2.6, Cue::Leaving),
    cue("never coming back", -2.6, Cue::Leaving),
    cue("report you", -2.0, Cue::Leaving),
    cue("sue you", -2.5, Cue::Leaving),
    cue("want my money back", -2.3, Cue::Leaving),
    cue("take my business elsewhere", -2.4, Cue::Leaving),
    // Called about it before.
    cue("again and again", -1.6, Cue::RepeatContact),
    cue("over and over", -1.6, Cue::RepeatContact),
    cue("how many times", -1.8, Cue::RepeatContact),
    cue("i keep calling", -1.8, Cue::RepeatContact),
    cue("keep having to call", -1.8, Cue::RepeatContact),
    cue("so many times", -1.6, Cue::RepeatContact),
    cue("several times already", -1.6, Cue::RepeatContact),
    // Cannot follow.
    cue("i can't hear you", -0.2, Cue::Lost),
    cue("i didn't catch that", 0.0, Cue::Lost),
    cue("i didn't get that", 0.0, Cue::Lost),
    cue("i don't follow", -0.2, Cue::Lost),
    cue("i don't understand", -0.6, Cue::Lost),
    cue("i'm confused", -0.8, Cue::Lost),
    cue("i'm lost", -0.6, Cue::Lost),
    cue("more slowly", 0.0, Cue::Lost),
    cue("repeat that", 0.0, Cue::Lost),
    cue("say that again", 0.0, Cue::Lost),
    cue("slow down", -0.2, Cue::Lost),
    cue("speak slower", 0.0, Cue::Lost),
    cue("too fast", -0.4, Cue::Lost),
    cue("what did you say", 0.0, Cue::Lost),
    // Has no time.
    cue("don't have much time", -0.3, Cue::Hurried),
    cue("don't have time", -0.4, Cue::Hurried),
    cue("get to the point", -1.0, Cue::Hurried),
    cue("hurry up", -1.0, Cue::Hurried),
    cue("i'm in a hurry", -0.3, Cue::Hurried),
    cue("i'm in a rush", -0.3, Cue::Hurried),
    cue("make it quick", -0.3, Cue::Hurried),
    cue("speak faster", -0.2, Cue::Hurried),
    // Words that have a mood elsewhere and none here.
    mood("can you help", 0.0),
    mood("excuse me", 0.0),
    mood("sorry to bother you", 0.0),
    mood("credit card", 0.0),
    mood("good afternoon", 0.0),
    mood("good evening", 0.0),
    mood("good morning", 0.0),
    mood("how may", 0.0),
    mood("i hope", 0.0),
    mood("no idea", 0.0),
    mood("no rush", 0.3),
    mood("no thank you", 0.0),
    mood("no thanks", 0.0),
    mood("not yet", 0.0),
    mood("pretty sure", 0.0),
    mood("social security", 0.0),
    mood("with respect", 0.0),
];

type Entry = (Vec<&'static str>, Phrase);

/// By first word, longest first.
static INDEX: LazyLock<HashMap<&'static str, Vec<Entry>>> = LazyLock::new(|| {
    let mut index: HashMap<&str, Vec<Entry>> = HashMap::new();
    for phrase in PHRASES {
        let words: Vec<&str> = phrase.words.split(' ').collect();
        if let Some(first) = words.first() {
            index.entry(first).or_default().push((words, *phrase));
        }
    }
    for entries in index.values_mut() {
        entries.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    index
});

/// The longest phrase that starts at `start`, and how many words it takes. A
/// phrase does not run across the end of a sentence.
pub fn at(utterance: &Utterance, start: usize) -> Option<(Phrase, usize)> {
    let entries = INDEX.get(utterance.word(start))?;
    let (words, phrase) = entries.iter().find(|(words, _)| {
        let mut said = utterance.rest_of_sentence(start);
        words.iter().all(|word| said.next() == Some(*word))
    })?;
    Some((*phrase, words.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_phrase_wins() {
        let (phrase, length) = at(&Utterance::parse("no problem at all, really"), 0).unwrap();
        assert_eq!((phrase.valence, length), (1.4, 4));
    }

    #[test]
    fn a_phrase_stays_inside_its_sentence() {
        assert_eq!(at(&Utterance::parse("I want that. Works for you?"), 2), None);
    }

    #[test]
    fn no_phrase_is_listed_twice_and_all_are_spelled_as_tokens_are() {
        let mut seen = std::collections::HashSet::new();
        for phrase in PHRASES {
            assert!(seen.insert(phrase.words), "{}", phrase.words);
            let utterance = Utterance::parse(phrase.words);
            assert!(at(&utterance, 0).is_some(), "{}", phrase.words);
            assert!((-4.0..=4.0).contains(&phrase.valence), "{}", phrase.words);
        }
    }
}
