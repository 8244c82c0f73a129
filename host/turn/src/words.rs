//! Words, and whether they are meant to interrupt. English first; an unknown language
//! falls back to word counts.

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

/// Judges words that are spoken while the agent speaks.
pub(crate) fn interjection(text: &str) -> Interjection {
    judge(text, BACKCHANNELS.iter())
}

/// Judges words that are spoken over the agent's last: who thanks it, agrees or says
/// goodbye lets it go.
pub(crate) fn interjection_at_parting(text: &str) -> Interjection {
    judge(text, PARTING.iter().chain(BACKCHANNELS))
}

fn judge<'a>(text: &str, backchannels: impl Iterator<Item = &'a &'a str>) -> Interjection {
    let all: Vec<String> = words(text).collect();
    if all.is_empty() {
        return Interjection::Nothing;
    }
    let mut rest = format!(" {} ", all.join(" "));
    for backchannel in backchannels {
        let spaced = format!(" {backchannel} ");
        while rest.contains(&spaced) {
            rest = rest.replace(&spaced, " ");
        }
    }
    if is_deliberate(&rest) {
        return Interjection::Deliberate;
    }
    match u32::try_from(rest.split_whitespace().count()) {
        Ok(0) => Interjection::Backchannel,
        Ok(n) => Interjection::Words(n),
        Err(_) => Interjection::Words(u32::MAX),
    }
}

/// A command at the beginning, or a short phrase with one of the words in it. Deep inside
/// a longer sentence they mean nothing by themselves ("it is no trouble to wait").
fn is_deliberate(rest: &str) -> bool {
    let mut opening = rest.trim_start();
    while let Some((_, after)) = opening.split_once(' ').filter(|(word, _)| OPENERS.contains(word)) {
        opening = after;
    }
    let begins = |phrase: &str| opening.strip_prefix(phrase).is_some_and(|after| after.starts_with(' '));
    if COMMANDS.iter().any(|phrase| begins(phrase)) {
        return true;
    }
    let short = opening.split_whitespace().count() <= SHORT_PHRASE;
    let contains = |phrase: &str| rest.contains(&format!(" {phrase} "));
    short && (COMMANDS.iter().any(|phrase| contains(phrase)) || OBJECTIONS.iter().any(|word| contains(word)))
}

/// The words in lower case and without punctuation.
pub(crate) fn words(text: &str) -> impl DoubleEndedIterator<Item = String> + '_ {
    text.split_whitespace().map(normal).filter(|word| !word.is_empty())
}

/// A word in lower case and without punctuation.
pub(crate) fn normal(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words of a phrase that is an interjection rather than a sentence.
const SHORT_PHRASE: usize = 3;

/// What may come before a command.
const OPENERS: &[&str] =
    &["please", "sorry", "hey", "so", "but", "well", "and", "can", "could", "would", "you", "no", "just"];

/// These interrupt where they begin what is said (Bolna's list).
const COMMANDS: &[&str] = &[
    "stop",
    "quit",
    "wait",
    "hold on",
    "hold up",
    "hold it",
    "hang on",
    "pause",
    "cease",
    "halt",
    "enough",
    "thats enough",
    "excuse me",
    "cut it",
    "shush",
    "listen",
    "not now",
];

/// These interrupt in a short phrase only (Bolna's list).
const OBJECTIONS: &[&str] =
    &["no", "wrong", "incorrect", "bye", "goodbye", "hold", "break", "silence", "excuse"];

/// These alone never interrupt.
const BACKCHANNELS: &[&str] = &[
    "thats no problem",
    "no problem",
    "no worries",
    "no rush",
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

/// Thanks, agreement and goodbyes: a longer phrase before the words that are in it.
const PARTING: &[&str] = &[
    "thank you so much",
    "thank you very much",
    "thank you",
    "thanks so much",
    "thanks very much",
    "thanks a lot",
    "many thanks",
    "thanks",
    "cheers",
    "have a nice day",
    "have a good day",
    "have a great day",
    "have a good one",
    "take care",
    "talk to you later",
    "see you later",
    "see you",
    "you too",
    "bye",
    "goodbye",
    "good bye",
    "please do",
    "thats great",
    "thats fine",
    "great",
    "perfect",
    "wonderful",
    "lovely",
    "excellent",
    "fine",
    "good",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thanks_and_goodbyes_let_the_agent_go() {
        for text in ["Great, thank you so much.", "Thanks, bye bye.", "Okay, goodbye, you too!", "Yes."] {
            assert_eq!(interjection_at_parting(text), Interjection::Backchannel, "{text}");
        }
        assert_eq!(interjection_at_parting("No, wait!"), Interjection::Deliberate);
        assert_eq!(interjection_at_parting("Thanks, but one more thing."), Interjection::Words(4));
    }

    #[test]
    fn backchannels_do_not_interrupt() {
        for text in ["uh huh", "Mm-hmm.", "Okay, right.", "yeah yeah yeah", "Oh, I see!", "um"] {
            assert_eq!(interjection(text), Interjection::Backchannel, "{text}");
        }
    }

    #[test]
    fn a_deliberate_word_interrupts_even_among_fillers() {
        for text in [
            "Stop!",
            "um, stop",
            "No.",
            "hang on",
            "yeah wait",
            "Sorry, could you stop there for a moment?",
            "no no no",
        ] {
            assert_eq!(interjection(text), Interjection::Deliberate, "{text}");
        }
    }

    #[test]
    fn a_polite_no_is_no_command() {
        for text in ["That's no problem.", "No worries.", "Yeah, no problem."] {
            assert_eq!(interjection(text), Interjection::Backchannel, "{text}");
        }
        assert_eq!(interjection("No that is fine thank you"), Interjection::Words(6));
        assert_eq!(interjection("I have no idea when to stop"), Interjection::Words(7));
    }

    #[test]
    fn other_words_are_counted_without_the_backchannels() {
        assert_eq!(interjection("yeah but Tuesday"), Interjection::Words(2));
        assert_eq!(interjection("  ...  "), Interjection::Nothing);
    }
}
