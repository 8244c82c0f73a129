//! The mood of what people say on the telephone.

#![cfg(test)]

use proptest::prelude::*;
use sentiment::{
    Component, MAX_TEXT,
    bindings::exports::voicehive::platform::sentiment::{Assessment, Error, Guest, Label, Pace, Tone},
};

#[test]
fn moods_of_the_telephone_are_told_apart() {
    for (expected, texts) in [
        (
            Label::Positive,
            &[
                "thank you so much",
                "That works.",
                "that works for me, thanks",
                "Perfect, see you then!",
                "You have been very helpful.",
                "sounds good to me",
                "No problem at all.",
                "It's not bad, actually.",
                "I couldn't be happier with the service",
                "No, that's great.",
                "That's exactly what I needed.",
                "I don't know, but thank you anyway",
            ][..],
        ),
        (
            Label::Negative,
            &[
                "this is not good",
                "the service isn't great",
                "You are never helpful.",
                "This is ridiculous!",
                "this is the third time I'm calling",
                "I want to cancel my account",
                "it still doesn't work",
                "I am so frustrated with you people",
                "that was hardly helpful",
                "no good at all",
                "Thanks for nothing.",
                "I've been on hold for an hour",
                "That is the least helpful answer",
                "No, that's not what I wanted.",
                "I already told you that",
                "Are you even listening to me?",
                "I can't believe this is happening again",
            ],
        ),
        (
            Label::Neutral,
            &[
                "I'd like to book an appointment please",
                "Yes.",
                "No.",
                "No, on Tuesday.",
                "Sorry, what did you say?",
                "can you help me with a booking",
                "are you free on Friday at three",
                "I need to cancel my appointment",
                "a table for a party of four",
                "My name is Grace.",
                "my credit card number is four two four two",
                "good morning",
                "I'm sorry to bother you",
                "",
                "  ... ",
            ],
        ),
    ] {
        for text in texts {
            let assessment = read(text);
            assert_eq!(assessment.label, expected, "{text:?}: {assessment:?}");
        }
    }
}

#[test]
fn intensifiers_strengthen_and_dampeners_weaken() {
    for (weak, strong) in [
        ("this is slightly bad", "this is bad"),
        ("this is bad", "this is very bad"),
        ("it was a bit annoying", "it was annoying"),
        ("it was annoying", "it was extremely annoying"),
        ("I am happy", "I am so happy"),
        ("this is awful", "this is awful!!"),
    ] {
        let (weak_score, strong_score) = (read(weak).score, read(strong).score);
        assert!(weak_score.abs() < strong_score.abs(), "{weak:?} {weak_score}, {strong:?} {strong_score}");
        assert_eq!(weak_score.signum(), strong_score.signum(), "{weak:?}");
    }
}

#[test]
fn what_follows_a_but_weighs_more_than_what_precedes_it() {
    assert_eq!(read("the food was great but the service was terrible").label, Label::Negative);
    assert_eq!(read("the service was terrible but the food was great").label, Label::Positive);
}

#[test]
fn a_negation_ends_with_its_sentence() {
    assert_eq!(read("I can't. Great service though.").label, Label::Positive);
    assert_eq!(read("I don't know, thanks").label, Label::Positive);
    assert_eq!(read("it is not very, very good").label, Label::Negative);
}

#[test]
fn the_score_of_a_single_word_is_that_of_vader() {
    // The reference implementation gives 0.4404 for "good" and -0.5423 for "bad".
    assert_eq!(read("good").score, 0.4404);
    assert_eq!(read("bad").score, -0.5423);
}

#[test]
fn asking_for_a_human_escalates_calmly_whatever_the_mood() {
    for text in [
        "I want to speak to a human",
        "can I talk to a manager please",
        "thank you so much, now get me a manager",
    ] {
        assert!(read(text).adaptation.escalate, "{text}");
    }
    assert_eq!(read("can I talk to a manager please").adaptation.tone, Tone::Calm);
    assert!(!read("I don't want to talk to a manager").adaptation.escalate);
}

#[test]
fn a_caller_about_to_leave_is_offered_a_human_with_an_apology() {
    for text in [
        "I want to cancel my account",
        "this is the third time I am calling about it",
        "I will call my lawyer",
    ] {
        let adaptation = read(text).adaptation;
        assert!(adaptation.escalate && adaptation.tone == Tone::Apologetic, "{text}: {adaptation:?}");
    }
    assert!(!read("I do not want to cancel my account").adaptation.escalate);
    assert!(!read("I need to cancel my appointment").adaptation.escalate);
}

#[test]
fn pace_follows_what_the_caller_asks_for() {
    assert_eq!(read("could you repeat that more slowly").adaptation.pace, Pace::Slower);
    assert_eq!(read("please, I'm in a hurry").adaptation.pace, Pace::Faster);
    assert_eq!(read("on Tuesday at three").adaptation.pace, Pace::Normal);
}

#[test]
fn plain_words_score_a_positive_zero() {
    for text in ["", "on Tuesday at three"] {
        assert!(read(text).score.is_sign_positive(), "{text:?}");
    }
}

#[test]
fn more_evidence_gives_more_confidence_and_mixed_evidence_less() {
    assert!(read("good").confidence < read("good, great, wonderful").confidence);
    assert!(read("terrible, but wonderful").confidence < read("terrible and awful").confidence);
    assert_eq!(read("").confidence, 0.0);
}

#[test]
fn text_past_the_limit_and_scores_out_of_range_are_refused_by_place() {
    assert!(analyze(&"a".repeat(MAX_TEXT), &[]).is_ok());
    assert_eq!(analyze(&"a".repeat(MAX_TEXT + 1), &[]), Err(Error::TextTooLong(4096)));
    for bad in [f32::NAN, 1.001, -1.5, f32::INFINITY] {
        assert_eq!(analyze("hello", &[0.0, bad]), Err(Error::InvalidScore(1)), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_and_trajectory_give_a_consistent_answer(
        text in prop_oneof![
            any::<String>(),
            proptest::collection::vec(
                prop::sample::select(vec![
                    "not", "very", "good", "bad", "but", "no", "never", "so", "this", "least", "at", "thank", "you",
                    "speak", "to", "a", "manager", "third", "time", "calling", "great!", "awful.", "hardly,", ":)",
                ]),
                0..60,
            ).prop_map(|words| words.join(" ")),
        ],
        trajectory in proptest::collection::vec(-1.0f32..=1.0, 0..8),
    ) {
        prop_assume!(text.len() <= MAX_TEXT);
        let assessment = analyze(&text, &trajectory).unwrap();
        prop_assert!((-1.0..=1.0).contains(&assessment.score));
        prop_assert!((0.0..=1.0).contains(&assessment.confidence));
        let expected = match assessment.score {
            score if score >= 0.05 => Label::Positive,
            score if score <= -0.05 => Label::Negative,
            _ => Label::Neutral,
        };
        prop_assert_eq!(assessment.label, expected);
        prop_assert_eq!(&analyze(&text, &trajectory).unwrap(), &assessment);
    }

    #[test]
    fn the_trajectory_changes_the_adaptation_and_never_the_mood(
        trajectory in proptest::collection::vec(-1.0f32..=1.0, 0..8),
    ) {
        let (alone, after) = (read("that is not what I asked"), analyze("that is not what I asked", &trajectory).unwrap());
        prop_assert_eq!((alone.label, alone.score, alone.confidence), (after.label, after.score, after.confidence));
    }
}

fn analyze(text: &str, trajectory: &[f32]) -> Result<Assessment, Error> {
    Component::analyze(text.to_owned(), trajectory.to_vec())
}

fn read(text: &str) -> Assessment {
    analyze(text, &[]).unwrap()
}
