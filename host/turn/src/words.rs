//! What the caller's words mean for turn taking: whether they are complete, and
//! whether they are meant to interrupt. English first; an unknown language falls
//! back to punctuation and word counts.

/// Whether more words are to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completeness {
    /// A whole sentence, or a short answer.
    Complete,
    /// No end of a sentence, or a number that may go on.
    Unfinished,
    /// The words hang in the air.
    Trailing,
}

/// What words spoken over the agent amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interjection {
    /// No words.
    Nothing,
    /// "Uh huh": go on.
    Backchannel,
    /// "Stop": one such word is enough.
    Deliberate,
    /// So many words that are no backchannel.
    Words(u32),
}

/// Judges whether `text` is complete.
pub(crate) fn completeness(text: &str) -> Completeness {
    let text = text.trim_end();
    let ended = text.ends_with(['.', '?', '!', '。', '？', '！']) && !text.ends_with("..");
    if text.ends_with([',', ';', ':', '-', '–', '—', '…']) || text.ends_with("..") {
        return Completeness::Trailing;
    }
    let last = words(text).next_back().unwrap_or_default();
    let hangs = HANGING.contains(&last.as_str()) || (!ended && HANGING_UNLESS_ENDED.contains(&last.as_str()));
    if hangs {
        return Completeness::Trailing;
    }
    if number_may_go_on(text, ended) || address_may_go_on(text) {
        return Completeness::Unfinished;
    }
    if ended || is_short_answer(text) { Completeness::Complete } else { Completeness::Unfinished }
}

/// Judges words that are spoken while the agent speaks.
pub(crate) fn interjection(text: &str) -> Interjection {
    let all: Vec<String> = words(text).collect();
    if all.is_empty() {
        return Interjection::Nothing;
    }
    let phrase = format!(" {} ", all.join(" "));
    if DELIBERATE.iter().any(|word| phrase.contains(&format!(" {word} "))) {
        return Interjection::Deliberate;
    }
    let mut rest = phrase;
    for backchannel in BACKCHANNELS {
        let spaced = format!(" {backchannel} ");
        while rest.contains(&spaced) {
            rest = rest.replace(&spaced, " ");
        }
    }
    match u32::try_from(rest.split_whitespace().count()) {
        Ok(0) => Interjection::Backchannel,
        Ok(n) => Interjection::Words(n),
        Err(_) => Interjection::Words(u32::MAX),
    }
}

/// The words in lower case and without punctuation.
pub(crate) fn words(text: &str) -> impl DoubleEndedIterator<Item = String> + '_ {
    text.split_whitespace().map(normal).filter(|word| !word.is_empty())
}

/// A word in lower case and without punctuation.
pub(crate) fn normal(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A telephone number is dictated in groups, and a recogniser puts a full stop after
/// each. Three to nine digits at the end are such a group; a time or a price is not.
fn number_may_go_on(text: &str, ended: bool) -> bool {
    let mut digits = 0;
    for token in text.split_whitespace().rev() {
        let token = token.trim_end_matches(['.', ',', '?', '!']);
        let n = token.chars().filter(char::is_ascii_digit).count();
        let only_digits =
            n > 0 && token.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '(' | ')'));
        if !only_digits {
            break;
        }
        digits += n;
    }
    let question = text.ends_with('?');
    if ended { !question && (3..=9).contains(&digits) } else { (1..=9).contains(&digits) }
}

fn address_may_go_on(text: &str) -> bool {
    let last = text.split_whitespace().next_back().unwrap_or_default().trim_end_matches('.');
    last.split_once('@').is_some_and(|(_, domain)| !domain.contains('.'))
}

fn is_short_answer(text: &str) -> bool {
    let all: Vec<String> = words(text).collect();
    (1..=3).contains(&all.len()) && all.iter().all(|word| ANSWERS.contains(&word.as_str()))
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

/// One of these is enough to interrupt (Bolna's list).
const DELIBERATE: &[&str] = &[
    "stop",
    "quit",
    "bye",
    "wait",
    "no",
    "wrong",
    "incorrect",
    "hold",
    "pause",
    "break",
    "cease",
    "halt",
    "silence",
    "enough",
    "excuse",
    "hang on",
    "cut it",
    "shush",
    "listen",
    "not now",
];

/// These alone never interrupt.
const BACKCHANNELS: &[&str] = &[
    "uh huh",
    "mm hmm",
    "i see",
    "got it",
    "all right",
    "of course",
    "uhhuh",
    "mmhmm",
    "mm",
    "mhm",
    "hm",
    "hmm",
    "um",
    "uh",
    "er",
    "ah",
    "oh",
    "yeah",
    "yep",
    "yes",
    "okay",
    "ok",
    "right",
    "sure",
    "aha",
    "alright",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_complete() {
        for text in ["Tell me a story.", "Is Tuesday free?", "I think so.", "That is what it is.", "Great!"] {
            assert_eq!(completeness(text), Completeness::Complete, "{text}");
        }
    }

    #[test]
    fn a_short_answer_is_complete_without_punctuation() {
        for text in ["yes", "No", "yes please", "thank you"] {
            assert_eq!(completeness(text), Completeness::Complete, "{text}");
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
            assert_eq!(completeness(text), Completeness::Trailing, "{text}");
        }
    }

    #[test]
    fn a_number_or_an_address_may_go_on() {
        for text in
            ["My number is 555", "It is 555.", "0 1 7.", "john@example", "five five", "I'd like a table"]
        {
            assert_eq!(completeness(text), Completeness::Unfinished, "{text}");
        }
    }

    #[test]
    fn a_whole_number_a_time_and_a_count_are_complete() {
        for text in
            ["It's 555 123 4567.", "At 10:30.", "For 4.", "It costs 30.", "john@example.com.", "Is it 555?"]
        {
            assert_eq!(completeness(text), Completeness::Complete, "{text}");
        }
    }

    #[test]
    fn backchannels_do_not_interrupt() {
        for text in ["uh huh", "Mm-hmm.", "Okay, right.", "yeah yeah yeah", "Oh, I see!", "um"] {
            assert_eq!(interjection(text), Interjection::Backchannel, "{text}");
        }
    }

    #[test]
    fn a_deliberate_word_interrupts_even_among_fillers() {
        for text in ["Stop!", "um, stop", "No.", "hang on", "yeah wait"] {
            assert_eq!(interjection(text), Interjection::Deliberate, "{text}");
        }
    }

    #[test]
    fn other_words_are_counted_without_the_backchannels() {
        assert_eq!(interjection("yeah but Tuesday"), Interjection::Words(2));
        assert_eq!(interjection("  ...  "), Interjection::Nothing);
    }
}
