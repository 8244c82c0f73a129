//! Whether the caller's words are complete.

use crate::question::Asked;
use crate::spelling::{self, Progress};
use crate::words::words;

/// Whether more words are to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// Yes or no, and that was the question.
    Answer,
    /// A whole sentence, a short answer, a finished number or address.
    Complete,
    /// No end of a sentence.
    Unfinished,
    /// A number, an address or a word is being dictated.
    Dictating,
    /// The words hang in the air.
    Trailing,
}

/// Judges whether `text` is complete, given what the agent has asked.
pub(crate) fn completeness(text: &str, asked: Asked) -> Completeness {
    let text = text.trim_end();
    let ended = text.ends_with(['.', '?', '!', '。', '？', '！']) && !text.ends_with("..");
    if text.ends_with([',', ';', ':', '-', '–', '—', '…']) || text.ends_with("..") {
        return Completeness::Trailing;
    }
    let dictated = spelling::progress(text, asked.dictation);
    if dictated == Some(Progress::Done) {
        return Completeness::Complete;
    }
    let last = words(text).next_back().unwrap_or_default();
    let hangs = HANGING.contains(&last.as_str()) || (!ended && HANGING_UNLESS_ENDED.contains(&last.as_str()));
    if hangs && !(dictated.is_some() && last == "a") {
        return Completeness::Trailing;
    }
    if dictated == Some(Progress::Going) {
        return Completeness::Dictating;
    }
    if asked.dictation.is_some() && is_promise(text) {
        return Completeness::Dictating;
    }
    if asked.closed && !text.ends_with('?') && is_yes_or_no(text) {
        return Completeness::Answer;
    }
    if ended || is_short_answer(text) { Completeness::Complete } else { Completeness::Unfinished }
}

fn is_short_answer(text: &str) -> bool {
    let all: Vec<String> = words(text).collect();
    (1..=3).contains(&all.len()) && all.iter().all(|word| ANSWERS.contains(&word.as_str()))
}

/// "Sure", where something is to be dictated: it follows.
fn is_promise(text: &str) -> bool {
    let mut words = words(text).peekable();
    words.peek().is_some() && words.all(|word| PROMISES.contains(&word.as_str()))
}

fn is_yes_or_no(text: &str) -> bool {
    let all: Vec<String> = words(text).collect();
    let first = all.first().is_some_and(|first| YES_OR_NO.contains(&first.as_str()));
    let known = |word: &String| YES_OR_NO.contains(&word.as_str()) || WITH_YES_OR_NO.contains(&word.as_str());
    (first && all.len() <= 4 && all.iter().all(known)) || YES_OR_NO_PHRASES.contains(&all.join(" ").as_str())
}

/// Nobody ends a sentence with these, whatever the recogniser's punctuation says.
const HANGING: &[&str] = &["and", "or", "but", "because", "the", "a", "an", "my", "um", "uh", "er", "erm"];

/// These end a sentence only where the recogniser heard its end ("I think so.").
const HANGING_UNLESS_ENDED: &[&str] = &[
    "so", "is", "are", "was", "to", "of", "for", "with", "at", "in", "on", "if", "then", "well", "like",
    "about", "your", "that", "hmm", "im", "its",
];

const ANSWERS: &[&str] = &[
    "yes", "no", "yeah", "yep", "nope", "sure", "okay", "ok", "please", "thanks", "thank", "you", "hello",
    "hi", "bye", "goodbye", "correct", "right", "exactly", "stop", "wait", "fine", "great", "perfect",
];

const YES_OR_NO: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "no",
    "nope",
    "nah",
    "sure",
    "okay",
    "ok",
    "correct",
    "right",
    "exactly",
    "absolutely",
    "definitely",
    "certainly",
];

const PROMISES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "sure",
    "okay",
    "ok",
    "certainly",
    "absolutely",
    "of",
    "course",
    "oh",
    "well",
    "right",
];

const WITH_YES_OR_NO: &[&str] = &[
    "please", "thanks", "thank", "you", "thats", "it", "is", "does", "works", "i", "do", "did", "am", "dont",
    "fine", "good", "great", "perfect", "maam", "sir",
];

const YES_OR_NO_PHRASES: &[&str] = &[
    "of course",
    "thats right",
    "thats correct",
    "thats fine",
    "sounds good",
    "that works",
    "that works for me",
    "go ahead",
    "please do",
    "i do",
    "i am",
    "i did",
    "i have",
    "i dont",
    "not really",
    "not yet",
    "not at all",
    "uh huh",
    "mm hmm",
    "mhm",
    "mmhmm",
    "uhhuh",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spelling::Dictation;

    #[test]
    fn a_sentence_is_complete() {
        for text in ["Tell me a story.", "Is Tuesday free?", "I think so.", "That is what it is.", "Great!"] {
            assert_eq!(judged(text), Completeness::Complete, "{text}");
        }
    }

    #[test]
    fn a_short_answer_is_complete_without_punctuation() {
        for text in ["yes", "No", "yes please", "thank you"] {
            assert_eq!(judged(text), Completeness::Complete, "{text}");
        }
    }

    #[test]
    fn words_that_hang_in_the_air_are_trailing() {
        for text in [
            "I would like to",
            "I want Tuesday and",
            "My name is",
            "And.",
            "Well, um.",
            "On Monday,",
            "So...",
        ] {
            assert_eq!(judged(text), Completeness::Trailing, "{text}");
        }
    }

    #[test]
    fn words_without_an_end_are_unfinished() {
        for text in ["I'd like a table", "I want that one", "a table for two"] {
            assert_eq!(judged(text), Completeness::Unfinished, "{text}");
        }
    }

    #[test]
    fn a_number_an_address_or_a_word_may_go_on() {
        for text in ["My number is 555", "It is 555.", "0 1 7.", "john@example", "five five", "j o h n a"] {
            assert_eq!(judged(text), Completeness::Dictating, "{text}");
        }
    }

    #[test]
    fn a_whole_number_a_time_a_count_and_an_address_are_complete() {
        for text in [
            "It's 555 123 4567.",
            "555 123 4567",
            "At 10:30.",
            "at ten thirty",
            "For 4.",
            "It costs 30.",
            "john@example.com.",
            "john dot smith at example dot com",
            "Is it 555?",
        ] {
            assert_eq!(judged(text), Completeness::Complete, "{text}");
        }
    }

    #[test]
    fn yes_or_no_answers_a_closed_question() {
        let asked = Asked { closed: true, dictation: None };
        for text in ["Yes.", "no", "Yeah, sure.", "Yes please", "That's right.", "No, thank you."] {
            assert_eq!(completeness(text, asked), Completeness::Answer, "{text}");
            assert_ne!(judged(text), Completeness::Answer, "{text}");
        }
        for text in ["yes, but", "Yes,", "Yes and", "Right?", "Tuesday.", "No, on Tuesday at ten."] {
            assert_ne!(completeness(text, asked), Completeness::Answer, "{text}");
        }
        assert_eq!(completeness("yes, but", asked), Completeness::Trailing);
    }

    #[test]
    fn what_was_asked_for_goes_on_longer() {
        let asked = Asked { closed: false, dictation: Some(Dictation::Number { digits: 10 }) };
        assert_eq!(completeness("Five.", asked), Completeness::Dictating);
        assert_eq!(judged("Five."), Completeness::Complete);
        assert_eq!(completeness("Yes, of course.", asked), Completeness::Dictating);
        assert_eq!(completeness("No.", asked), Completeness::Complete);
    }

    fn judged(text: &str) -> Completeness {
        completeness(text, Asked::default())
    }
}
