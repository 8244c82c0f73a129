//! What the agent's words ask of the caller: a yes or no, or something to be dictated.

use crate::spelling::Dictation;
use crate::words::words;

/// What the words that the caller heard last ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether yes or no is an answer.
    pub(crate) closed: bool,
    /// What the caller is to dictate.
    pub(crate) dictation: Option<Dictation>,
}

/// Judges what the agent's words ask for.
pub(crate) fn asked(said: &str) -> Asked {
    let dictation = sentences(said).rev().take(2).find_map(dictation);
    Asked { closed: dictation.is_none() && closed(said), dictation }
}

/// Whether the last sentence is a question to which yes or no is an answer.
pub(crate) fn closed(said: &str) -> bool {
    let Some(last) = sentences(said).next_back().filter(|last| last.ends_with('?')) else { return false };
    let all: Vec<String> = words(last).collect();
    let tag = all.last().is_some_and(|word| TAGS.contains(&word.as_str()));
    if tag || NEGATED_TAGS.iter().any(|tag| all.join(" ").ends_with(tag)) {
        return true;
    }
    let clause = last.rsplit(", ").next().unwrap_or(last);
    begins_with_auxiliary(last) || begins_with_auxiliary(clause)
}

/// Where the last sentence begins.
pub(crate) fn last_sentence(said: &str) -> usize {
    let said = said.trim_end();
    sentences(said).next_back().map_or(0, |last| said.len() - last.len())
}

fn begins_with_auxiliary(clause: &str) -> bool {
    let mut words = words(clause).skip_while(|word| OPENERS.contains(&word.as_str()));
    let auxiliary = words.next().is_some_and(|word| AUXILIARIES.contains(&word.as_str()));
    // "Could you tell me your name?" wants the name.
    auxiliary && !words.take(4).any(|word| REQUESTS.contains(&word.as_str()))
}

/// What a sentence asks the caller to dictate.
fn dictation(sentence: &str) -> Option<Dictation> {
    let all: Vec<String> = words(sentence).collect();
    let phrase = format!(" {} ", all.join(" "));
    let has = |wanted: &str| phrase.contains(&format!(" {wanted} "));
    if !REQUEST_PHRASES.iter().any(|wanted| has(wanted)) {
        return None;
    }
    if has("spell") || has("spelling") || has("letter by letter") {
        return Some(Dictation::Letters);
    }
    if has("email") || has("e mail") || has("mail address") {
        return Some(Dictation::Address);
    }
    let length = LENGTHS.iter().find(|(name, _)| has(name)).map(|(_, digits)| *digits);
    let number = (has("number") && !has("number of")) || has("digits") || has("code");
    match length {
        Some(digits) => Some(Dictation::Number { digits }),
        None => number.then_some(Dictation::Number { digits: PHONE_DIGITS }),
    }
}

/// Sentences without the white space around them. An abbreviation in the middle may cut
/// one in two, which only shortens what is looked at.
fn sentences(said: &str) -> impl DoubleEndedIterator<Item = &str> {
    said.split_inclusive(['.', '?', '!'])
        .map(str::trim)
        .filter(|part| part.chars().any(char::is_alphanumeric))
}

/// The shortest whole telephone number that is commonly dictated: North America's has
/// ten digits, most others have as many or more with their area code.
pub(crate) const PHONE_DIGITS: usize = 10;

/// What has a length of its own: ZIP codes (USPS) five digits, PINs four, payment cards
/// fifteen (American Express) or more.
const LENGTHS: &[(&str, usize)] =
    &[("zip", 5), ("zip code", 5), ("last four", 4), ("pin", 4), ("pin code", 4), ("card number", 15)];

const AUXILIARIES: &[&str] = &[
    "is", "are", "am", "was", "were", "do", "does", "did", "can", "could", "will", "would", "shall",
    "should", "may", "might", "have", "has", "had", "isnt", "arent", "wasnt", "dont", "doesnt", "didnt",
    "cant", "couldnt", "wont", "wouldnt", "shouldnt", "havent", "hasnt",
];

/// What may come before the auxiliary verb.
const OPENERS: &[&str] = &[
    "and", "so", "but", "okay", "ok", "great", "well", "then", "now", "also", "alright", "perfect", "thanks",
];

/// Verbs that make a question of the form "can you" a request.
const REQUESTS: &[&str] =
    &["tell", "give", "spell", "repeat", "describe", "explain", "say", "share", "provide", "read", "get"];

const TAGS: &[&str] = &["right", "okay", "ok", "correct", "yes", "no", "alright", "agreed"];

const NEGATED_TAGS: &[&str] = &[
    "isnt it",
    "arent you",
    "doesnt it",
    "dont you",
    "didnt you",
    "havent you",
    "wont you",
    "is it",
    "all right",
];

const REQUEST_PHRASES: &[&str] = &[
    "what is",
    "whats",
    "what are",
    "which",
    "what",
    "can i have",
    "could i have",
    "may i have",
    "can i get",
    "could i get",
    "can you",
    "could you",
    "would you",
    "will you",
    "please",
    "tell me",
    "give me",
    "spell",
    "i need",
    "i will need",
    "ill need",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_begins_with_an_auxiliary_verb_is_closed() {
        for said in [
            "Is that right?",
            "I have Tuesday. Does that work for you?",
            "Great, and shall I book it?",
            "For Tuesday at ten, is that correct?",
            "Isn't that nice?",
        ] {
            assert!(closed(said), "{said}");
        }
    }

    #[test]
    fn a_tag_makes_a_closed_question() {
        for said in [
            "You want Tuesday, right?",
            "Tuesday then, okay?",
            "It is cold, isn't it?",
            "What, Tuesday? Correct?",
        ] {
            assert!(closed(said), "{said}");
        }
    }

    #[test]
    fn other_questions_and_statements_are_open() {
        for said in [
            "What day?",
            "How can I help you?",
            "Is that right? What day do you want?",
            "Could you tell me your name?",
            "I will do that.",
            "",
        ] {
            assert!(!closed(said), "{said}");
        }
    }

    #[test]
    fn what_is_to_be_dictated_is_known_from_the_question() {
        let number = |digits| Some(Dictation::Number { digits });
        for (said, expected) in [
            ("What is your phone number?", number(10)),
            ("Thank you. Please tell me the last four digits of your card.", number(4)),
            ("And your ZIP code, please?", number(5)),
            ("Could you spell that for me? Take your time.", Some(Dictation::Letters)),
            ("What's your e-mail address?", Some(Dictation::Address)),
            ("Can I have your e-mail?", Some(Dictation::Address)),
            ("What number of guests?", None),
            ("I have your number.", None),
            ("What day suits you?", None),
        ] {
            assert_eq!(asked(said).dictation, expected, "{said}");
        }
        assert!(!asked("Could you give me your number?").closed);
    }

    #[test]
    fn the_last_sentence_is_found() {
        let said = "I have Monday. Shall I book it? ";
        assert_eq!(said.get(last_sentence(said)..), Some("Shall I book it? "));
        assert_eq!(last_sentence("Hello"), 0);
    }
}
