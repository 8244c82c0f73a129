//! What the caller asks for in so many ways that a list of phrases cannot hold
//! them: a human, and an end to calling again.

use crate::{lexicon, utterance::Utterance};

/// Verbs that lead to a talk with whoever follows.
const TALK: &[&str] = &["speak", "talk", "talking", "speaking", "chat"];
/// Verbs that hand over, when "me" or "us" follows.
const HAND_OVER: &[&str] = &["connect", "forward", "pass", "patch", "put", "switch", "transfer"];
/// Verbs that ask for somebody, when the target follows almost at once.
const ASK: &[&str] = &["get", "give", "have", "need", "there", "want"];
/// Words between the verb and whom it is about.
const FILLERS: &[&str] = &[
    "a",
    "actual",
    "an",
    "another",
    "any",
    "back",
    "different",
    "directly",
    "just",
    "live",
    "me",
    "now",
    "on",
    "over",
    "please",
    "real",
    "some",
    "straight",
    "the",
    "through",
    "to",
    "us",
    "with",
    "your",
];
/// People, unmistakably.
const STAFF: &[&str] =
    &["human", "humans", "manager", "managers", "operator", "representative", "superior", "supervisor"];
/// People after a verb of talking or handing over, and something else after "need".
const PEOPLE: &[&str] = &[
    "adviser",
    "advisor",
    "agent",
    "anybody",
    "anyone",
    "boss",
    "colleague",
    "employee",
    "people",
    "person",
    "receptionist",
    "rep",
    "somebody",
    "someone",
    "staff",
];
/// What makes "person" and "agent" unmistakable.
const LIVING: &[&str] = &["actual", "human", "live", "real"];
/// What one does not want to talk to.
const MACHINES: &[&str] =
    &["ai", "bot", "chatbot", "computer", "machine", "machines", "recording", "robot", "robots"];
/// Politeness around a bare "representative".
const POLITE: &[&str] =
    &["a", "an", "hello", "hi", "i", "just", "no", "now", "ok", "okay", "please", "the", "want", "yes"];

/// The furthest that a refusal may stand before the verb it refuses, in words:
/// "I don't want you to just transfer me".
const REFUSAL_REACH: usize = 6;
/// The furthest that a target may stand after its verb, in words.
const TARGET_REACH: usize = 7;

/// Whether the caller asks for a human.
pub fn asks_for_human(utterance: &Utterance) -> bool {
    bare_request(utterance)
        || (0..utterance.tokens.len()).any(|verb| match reached(utterance, verb) {
            Some(Reached::Person) => !refused(utterance, verb),
            Some(Reached::Machine) => refused(utterance, verb) || hated(utterance, verb),
            None => false,
        })
}

/// Whether the caller says that it is the third call or a later one.
pub fn calls_again(utterance: &Utterance) -> bool {
    (0..utterance.tokens.len()).any(|at| {
        let many = matches!(
            utterance.word(at),
            "third" | "3rd" | "fourth" | "4th" | "fifth" | "5th" | "sixth" | "6th" | "tenth" | "10th" | "hundredth"
        );
        many && utterance.word(at + 1) == "time" && {
            let rest: Vec<&str> = utterance.rest_of_sentence(at + 2).take(5).collect();
            rest.iter().any(|word| CONTACT.contains(word))
        }
    }) || (0..utterance.tokens.len()).any(|at| {
        let called = matches!(utterance.word(at), "called" | "asked" | "phoned" | "told" | "explained");
        called && {
            let rest: Vec<&str> = utterance.rest_of_sentence(at + 1).take(6).collect();
            rest.windows(2).any(|pair| {
                matches!(pair, [count, "times"] if matches!(*count,
                    "three" | "3" | "four" | "4" | "five" | "5" | "six" | "ten" | "many" | "several" | "multiple"))
            })
        }
    })
}

const CONTACT: &[&str] = &[
    "ask",
    "asked",
    "asking",
    "call",
    "called",
    "calling",
    "contacted",
    "contacting",
    "explain",
    "explained",
    "explaining",
    "phoned",
    "phoning",
    "ringing",
    "rung",
    "tell",
    "telling",
    "told",
];

enum Reached {
    Person,
    Machine,
}

/// Whom the verb at `verb` reaches for.
fn reached(utterance: &Utterance, verb: usize) -> Option<Reached> {
    let word = utterance.word(verb);
    let talk = TALK.contains(&word);
    let hand_over = HAND_OVER.contains(&word) && matches!(utterance.word(verb + 1), "me" | "us");
    let ask = ASK.contains(&word) && (word != "there" || verb > 0 && utterance.word(verb - 1) == "is");
    if !(talk || hand_over || ask) {
        return None;
    }
    let mut living = false;
    let words: Vec<&str> = utterance.rest_of_sentence(verb + 1).take(TARGET_REACH).collect();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        if MACHINES.contains(word) {
            return talk.then_some(Reached::Machine);
        }
        if STAFF.contains(word)
            || (PEOPLE.contains(word) && (talk || hand_over || living))
            || (*word == "customer" && matches!(next, "service" | "support" | "care") && (talk || hand_over))
        {
            return Some(Reached::Person);
        }
        living |= LIVING.contains(word);
        if !FILLERS.contains(word) {
            return None;
        }
    }
    None
}

/// "I don't want to talk to a manager", but not "why can't I talk to one".
fn refused(utterance: &Utterance, verb: usize) -> bool {
    let start = utterance.sentence_start(verb).max(verb.saturating_sub(REFUSAL_REACH));
    let before: Vec<&str> = (start..verb).map(|at| utterance.word(at)).collect();
    let asks_why = before.iter().any(|word| matches!(*word, "why" | "can" | "can't" | "couldn't" | "won't"));
    !asks_why && before.iter().any(|word| lexicon::negates(word) || *word == "no")
}

/// "I hate talking to machines", "stop making me talk to a robot".
fn hated(utterance: &Utterance, verb: usize) -> bool {
    let start = utterance.sentence_start(verb).max(verb.saturating_sub(REFUSAL_REACH));
    (start..verb).any(|at| matches!(utterance.word(at), "hate" | "stop" | "sick" | "tired" | "instead"))
}

/// The whole utterance is "operator", "a real person, please" and the like.
fn bare_request(utterance: &Utterance) -> bool {
    let words: Vec<&str> = utterance
        .tokens
        .iter()
        .map(|token| token.word.as_str())
        .filter(|word| !POLITE.contains(word))
        .collect();
    match words.as_slice() {
        [one] => STAFF.contains(one) || matches!(*one, "agent" | "receptionist"),
        [first, second] => {
            (LIVING.contains(first)
                && (PEOPLE.contains(second) || *second == "being" || STAFF.contains(second)))
                || (*first == "customer" && matches!(*second, "service" | "support"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn human(text: &str) -> bool {
        asks_for_human(&Utterance::parse(text))
    }

    #[test]
    fn a_request_for_a_human_is_understood_in_many_forms() {
        for text in [
            "I want to speak to a human",
            "I want to speak to a manager.",
            "Can I talk to someone?",
            "Could you please transfer me to a real person",
            "put me through to your supervisor",
            "Let me talk to an actual person right now!",
            "I need a human.",
            "get me a manager",
            "Is there a real person I can talk to?",
            "why can't I speak to a person",
            "Representative.",
            "operator, please",
            "a real person please",
            "connect me with customer service",
            "I don't want to talk to a robot",
            "I hate talking to machines",
        ] {
            assert!(human(text), "{text}");
        }
    }

    #[test]
    fn what_only_resembles_a_request_for_a_human_is_none() {
        for text in [
            "I don't want to speak to a manager, it's fine",
            "please do not transfer me to a representative",
            "I spoke to a manager yesterday",
            "a table for one person please",
            "I want an appointment for one person",
            "Are you a real person?",
            "I need to talk to my husband first",
            "am I talking to a robot?",
            "my manager said it's okay",
            "I need an agent for my house sale",
            "",
        ] {
            assert!(!human(text), "{text}");
        }
    }

    #[test]
    fn the_third_call_counts_as_calling_again_and_the_third_of_may_does_not() {
        for text in [
            "This is the third time I'm calling",
            "it's the fifth time I have called about this",
            "I've called three times already",
            "I have told you so many times",
        ] {
            assert!(calls_again(&Utterance::parse(text)), "{text}");
        }
        for text in [
            "the third of May",
            "third time lucky",
            "I called you yesterday",
            "it is open three times a week",
        ] {
            assert!(!calls_again(&Utterance::parse(text)), "{text}");
        }
    }
}
